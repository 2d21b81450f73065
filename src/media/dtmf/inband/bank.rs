//! The filters of the in-band detector: complex sums over hops of 5 ms for each tone, four of them under a window of 20 ms. One multiplication and addition for
//! each sample and lane; all lanes together are what the compiler makes vectors of.

use std::f32::consts::TAU;
use std::sync::LazyLock;

/// Samples in one hop: 5 ms.
pub const HOP: usize = 40;
/// Hops under the window.
const WINDOW: usize = 4;
/// Weights of the window, the oldest hop first: its first zero is 80 Hz off, and what is 200 Hz and more off is damped by 30 dB.
const WEIGHTS: [f32; WINDOW] = [0.3, 1.0, 1.0, 0.3];
/// The eight tones of Q.23, low group first, and two of a dial tone that may sound beneath them.
pub const TONES: [f32; 8] = [697.0, 770.0, 852.0, 941.0, 1209.0, 1336.0, 1477.0, 1633.0];
const DIAL: [f32; 2] = [350.0, 440.0];
/// Lanes: the tones, the dial tone, and two that fill the vectors.
const LANES: usize = 12;
const RATE: f32 = 8_000.0;

type Lanes = [f32; LANES];

/// What one window holds.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Real part of each tone; the amplitude of a steady tone is the absolute value.
    pub re: [f32; 8],
    /// Imaginary part. The reference runs on: a tone at its nominal frequency keeps its phase from window to window.
    pub im: [f32; 8],
    /// Mean power of everything under the window.
    pub power: f32,
    /// Of that, what a dial tone accounts for.
    pub dial: f32,
}

impl Window {
    /// Amplitude of a tone.
    pub fn amplitude(&self, tone: usize) -> f32 {
        self.re[tone].hypot(self.im[tone])
    }
}

#[derive(Clone, Copy, Default, Debug)]
struct Sum {
    re: Lanes,
    im: Lanes,
    energy: f32,
}

/// The filters of one call.
#[derive(Clone, Debug, Default)]
pub struct Bank {
    now: Sum,
    fill: usize,
    hops: [Sum; WINDOW],
    /// The present hop's number, up to [`TURNS`].
    turn: usize,
}

/// After so many hops (1 s) every reference, of whole Hz, is back at its start.
const TURNS: usize = 200;

struct Table {
    cos: [Lanes; HOP],
    sin: [Lanes; HOP],
    /// The references at the start of each hop.
    turns: Vec<(Lanes, Lanes)>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let frequency = |lane: usize| TONES.iter().chain(&DIAL).nth(lane).copied().unwrap_or(0.0);
    let of = |f: fn(f32) -> f32| {
        std::array::from_fn(|n| std::array::from_fn(|lane| f(TAU * (n as f32 * frequency(lane) / RATE).fract())))
    };
    let turn = |n: usize, f: fn(f32) -> f32| {
        std::array::from_fn(|lane| f(TAU * ((n * HOP) as f32 * frequency(lane) / RATE).fract()))
    };
    let turns = (0..TURNS).map(|n| (turn(n, f32::cos), turn(n, f32::sin))).collect();
    Table { cos: of(f32::cos), sin: of(f32::sin), turns }
});

impl Bank {
    /// Takes samples up to the end of the present hop; how many, and the window that ends there if the hop is full.
    pub fn take(&mut self, samples: &[i16]) -> (usize, Option<Window>) {
        let table = &*TABLE;
        let taken = samples.len().min(HOP - self.fill);
        for (sample, n) in samples[..taken].iter().zip(self.fill..) {
            let x = f32::from(*sample);
            let (cos, sin) = (&table.cos[n], &table.sin[n]);
            for lane in 0..LANES {
                self.now.re[lane] += x * cos[lane];
                self.now.im[lane] -= x * sin[lane];
            }
            self.now.energy += x * x;
        }
        self.fill += taken;
        if self.fill < HOP {
            return (taken, None);
        }
        self.fill = 0;
        self.hops.rotate_left(1);
        self.hops[WINDOW - 1] = turned(&std::mem::take(&mut self.now), &table.turns[self.turn]);
        self.turn = (self.turn + 1) % TURNS;
        (taken, Some(self.window()))
    }

    fn window(&self) -> Window {
        let total: f32 = WEIGHTS.iter().sum::<f32>() * HOP as f32;
        let squares: f32 = WEIGHTS.iter().map(|weight| weight * weight).sum::<f32>() * HOP as f32;
        let (mut re, mut im, mut power) = (Lanes::default(), Lanes::default(), 0.0);
        for (sum, weight) in self.hops.iter().zip(WEIGHTS) {
            for lane in 0..LANES {
                re[lane] += weight * sum.re[lane] * 2.0 / total;
                im[lane] += weight * sum.im[lane] * 2.0 / total;
            }
            power += weight * weight * sum.energy / squares;
        }
        let dial = (8..10).map(|lane| (re[lane] * re[lane] + im[lane] * im[lane]) / 2.0).sum();
        let eight = |lanes: Lanes| std::array::from_fn(|lane| lanes[lane]);
        Window { re: eight(re), im: eight(im), power, dial }
    }
}

/// A hop's sum, turned to the running reference.
fn turned(sum: &Sum, (cos, sin): &(Lanes, Lanes)) -> Sum {
    let mut out = Sum { energy: sum.energy, ..Sum::default() };
    for lane in 0..LANES {
        out.re[lane] = sum.re[lane] * cos[lane] + sum.im[lane] * sin[lane];
        out.im[lane] = sum.im[lane] * cos[lane] - sum.re[lane] * sin[lane];
    }
    out
}
