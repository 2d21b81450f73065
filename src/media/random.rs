//! A small generator for signals in tests (xorshift), so that every run hears the same.

use std::f64::consts::TAU;

pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// 0 to 1, evenly.
    pub(crate) fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn between(&mut self, from: u32, to: u32) -> u32 {
        from + (self.next() * f64::from(to - from)) as u32
    }

    /// Mean 0, variance 1.
    pub(crate) fn normal(&mut self) -> f64 {
        (-2.0 * self.next().max(1e-12).ln()).sqrt() * (TAU * self.next()).cos()
    }
}
