//! A line that loses, doubles, delays and reorders packets, in virtual time and from a seed: what became of each is known, so that statistics can be held against it.

use crate::media::FRAME_SAMPLES;
use crate::media::rtp::Header;
use std::time::{Duration, Instant};

/// How bad it is. Shares are in thousandths.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Channel {
    pub(crate) seed: u32,
    pub(crate) loss: u32,
    pub(crate) doubled: u32,
    /// Each packet takes `delay` and up to `jitter` more: beyond 20 ms they overtake each other.
    pub(crate) delay: Duration,
    pub(crate) jitter: Duration,
}

/// A packet that came out at the other end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) at: Instant,
    /// Which packet of the stream, counted without wraps.
    pub(crate) index: usize,
    pub(crate) header: Header,
}

impl Channel {
    pub(crate) fn perfect() -> Channel {
        Channel { seed: 1, loss: 0, doubled: 0, delay: Duration::from_millis(30), jitter: Duration::ZERO }
    }

    /// Sends `count` packets, one each 20 ms; gives what arrives, in the order in which it arrives.
    pub(crate) fn carry(mut self, count: usize, first: Header, start: Instant) -> Vec<Arrival> {
        let mut out = Vec::new();
        for index in 0..count {
            let header = Header {
                sequence: first.sequence.wrapping_add(index as u16),
                timestamp: first.timestamp.wrapping_add((index * FRAME_SAMPLES) as u32),
                ..first
            };
            let sent = start + Duration::from_millis(20) * index as u32;
            // the ends of the stream always come: what is expected is then what was sent
            let lost = index > 0 && index + 1 < count && self.draw(1000) < self.loss;
            let copies = if lost { 0 } else { 1 + usize::from(self.draw(1000) < self.doubled) };
            for _ in 0..copies {
                let more = Duration::from_micros(u64::from(self.draw(1 + self.jitter.as_micros() as u32)));
                out.push(Arrival { at: sent + self.delay + more, index, header });
            }
        }
        out.sort_by_key(|arrival| arrival.at);
        out
    }

    fn draw(&mut self, below: u32) -> u32 {
        self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((u64::from(self.seed >> 8) * u64::from(below)) >> 24) as u32
    }
}
