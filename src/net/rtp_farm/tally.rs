//! What the receiver of many calls saw: the gaps between one call's packets, what is missing, how soon a prompt came and how soon it fell silent. Pure: times
//! come from outside, in nanoseconds of one clock.

use crate::media::Codec;
use crate::media::rtcp;
use crate::media::rtp::{self, Header};
use serde::{Deserialize, Serialize};

/// Width of a class of gaps.
const CLASS_NS: i64 = 10_000;
/// Gaps of 1 s and more are one class.
const CLASSES: usize = 100_001;

/// Durations by classes of 10 µs.
pub struct Histogram {
    classes: Vec<u32>,
    count: u64,
    max_ns: i64,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { classes: vec![0; CLASSES], count: 0, max_ns: 0 }
    }
}

impl Histogram {
    /// Adds one; negative ones count as zero.
    pub fn add(&mut self, ns: i64) {
        let ns = ns.max(0);
        self.classes[((ns / CLASS_NS) as usize).min(CLASSES - 1)] += 1;
        self.count += 1;
        self.max_ns = self.max_ns.max(ns);
    }

    /// What the share `share` of all stays below, in ms (the upper end of its class); 0 without any.
    pub fn quantile_ms(&self, share: f64) -> f64 {
        let wanted = (self.count as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (class, count) in self.classes.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= wanted {
                return ((class as i64 + 1) * CLASS_NS).min(self.max_ns) as f64 / 1e6;
            }
        }
        self.max_ns as f64 / 1e6
    }

    /// Median, 99th, 99.9th percentile and the largest.
    pub fn summary(&self) -> Spread {
        Spread {
            count: self.count,
            p50_ms: self.quantile_ms(0.5),
            p99_ms: self.quantile_ms(0.99),
            p999_ms: self.quantile_ms(0.999),
            max_ms: self.max_ns as f64 / 1e6,
        }
    }
}

/// A histogram in five figures.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Spread {
    /// How many.
    pub count: u64,
    /// Median.
    pub p50_ms: f64,
    /// 99 of 100 are below.
    pub p99_ms: f64,
    /// 999 of 1,000 are below.
    pub p999_ms: f64,
    /// The largest.
    pub max_ms: f64,
}

/// One call as its receiver sees it.
#[derive(Clone, Copy, Default, Debug)]
pub struct Ear {
    last: Option<(i64, u16)>,
    answered_ns: Option<i64>,
    pressed_ns: Option<i64>,
}

/// All calls together.
#[derive(Default)]
pub struct Tally {
    gaps: Histogram,
    prompts: Histogram,
    silences: Histogram,
    received: u64,
    lost: u64,
    late: u64,
}

/// What a [`Tally`] came to since it was last asked.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Seen {
    /// Packets.
    pub received: u64,
    /// Sequence numbers that never came.
    pub lost: u64,
    /// Packets that came out of order or twice.
    pub late: u64,
    /// Between two packets of one call.
    pub gap: Spread,
    /// From our 200 to the first packet with sound.
    pub prompt: Spread,
    /// From the first packet of a key to the first packet of silence.
    pub silence: Spread,
}

impl Ear {
    /// Our 200 left at `ns`.
    pub fn answered(&mut self, ns: i64) {
        self.answered_ns = Some(ns);
    }

    /// The first packet of a key left at `ns`.
    pub fn pressed(&mut self, ns: i64) {
        self.pressed_ns = Some(ns);
    }
}

impl Tally {
    /// A datagram of `ear`'s call that the kernel took at `ns`. What is no RTP (RTCP) is passed over.
    pub fn packet(&mut self, ear: &mut Ear, datagram: &[u8], ns: i64) {
        if rtcp::is_rtcp(datagram) {
            return; // a report comes between two packets of the stream
        }
        let Ok(packet) = rtp::read(datagram) else { return };
        let Some(codec) = Codec::of_payload_type(packet.header.payload_type) else { return };
        self.received += 1;
        self.order(ear, packet.header, ns);
        let silent = packet.payload.iter().all(|byte| *byte == codec.silence());
        if !silent && let Some(answered) = ear.answered_ns.take() {
            self.prompts.add(ns - answered);
        }
        if silent && let Some(pressed) = ear.pressed_ns.take() {
            self.silences.add(ns - pressed);
        }
    }

    fn order(&mut self, ear: &mut Ear, header: Header, ns: i64) {
        let Some((last_ns, last)) = ear.last else {
            ear.last = Some((ns, header.sequence));
            return;
        };
        match header.sequence.wrapping_sub(last) {
            0 | 0x8000.. => self.late += 1,
            step => {
                self.lost += u64::from(step - 1);
                self.gaps.add(ns - last_ns);
                ear.last = Some((ns, header.sequence));
            }
        }
    }

    /// What was seen; counting begins anew.
    pub fn take(&mut self) -> Seen {
        let tally = std::mem::take(self);
        Seen {
            received: tally.received,
            lost: tally.lost,
            late: tally.late,
            gap: tally.gaps.summary(),
            prompt: tally.prompts.summary(),
            silence: tally.silences.summary(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence: u16, byte: u8) -> Vec<u8> {
        let header = Header { marker: false, payload_type: 8, sequence, timestamp: 0, ssrc: 1 };
        let mut bytes = header.to_bytes().to_vec();
        bytes.extend_from_slice(&[byte; 160]);
        bytes
    }

    #[test]
    fn gaps_losses_and_reactions_are_counted() {
        let (mut tally, mut ear) = (Tally::default(), Ear::default());
        let ms = 1_000_000;
        let silence = Codec::Pcma.silence();
        ear.answered(0);
        // sequence number, when in ms, what
        let packets = [(65_534, 7, silence), (65_535, 27, 1), (0, 47, 1), (3, 108, 1), (2, 109, 1), (4, 128, silence)];
        for (sequence, at, byte) in packets {
            if sequence == 3 {
                ear.pressed(100 * ms);
            }
            tally.packet(&mut ear, &packet(sequence, byte), at * ms);
        }
        tally.packet(&mut ear, &[0x81, 200, 0, 0], 129 * ms);
        let seen = tally.take();
        assert_eq!((seen.received, seen.lost, seen.late), (6, 2, 1));
        assert_eq!((seen.gap.count, seen.gap.p50_ms, seen.gap.max_ms), (4, 20.01, 61.0));
        assert_eq!((seen.prompt.count, seen.prompt.max_ms), (1, 27.0));
        assert_eq!((seen.silence.count, seen.silence.max_ms), (1, 28.0));
        assert_eq!(tally.take(), Seen::default());
    }

    #[test]
    fn quantiles_are_the_upper_ends_of_their_classes() {
        let mut histogram = Histogram::default();
        (1..=1000).for_each(|n| histogram.add(n * 20_000));
        let spread = histogram.summary();
        assert_eq!((spread.p50_ms, spread.p99_ms, spread.p999_ms, spread.max_ms), (10.01, 19.81, 19.99, 20.0));
        histogram.add(-5);
        histogram.add(9_000_000_000);
        assert_eq!(histogram.summary().max_ms, 9000.0);
        assert_eq!(Histogram::default().summary(), Spread::default());
    }
}
