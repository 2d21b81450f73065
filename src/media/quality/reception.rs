//! Statistics of the stream that we hear: expected, received, lost, late, twice, out of order, and jitter (RFC 3550 A.1, A.3, A.8). No clock: the arrival is told.

use crate::media::rtcp::Block;
use crate::media::rtp::{Header, ticks_between};

/// A step forward of more packets is no loss but a new count (RFC 3550 A.1), one of the next two packets says which.
const MAX_DROPOUT: u32 = 3_000;
/// A step back of more packets likewise.
const MAX_MISORDER: u32 = 100;
/// So many packets are remembered one by one.
const WINDOW: u32 = u64::BITS;
/// A packet this much later than the quickest ones, in 8 kHz ticks (60 ms): a phone's jitter buffer would have thrown it away.
const LATE: i32 = 480;
/// A timestamp that jumps by more, in ticks (1 s), is a new clock and no jitter.
const NEW_CLOCK: u32 = 8_000;
/// The quickest transit is let rise by one tick in so many packets (under 200 ppm), so that it follows a peer whose clock runs slow.
const DRIFT: u32 = 32;
/// Jitter is counted in steps of 1 ms up to this, in ms.
const STEPS: usize = 32;

/// What was counted. One of these for a call, whatever sources there were.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    /// Packets that came, each once.
    pub received: u32,
    /// Packets that should have come: from the first to the highest number.
    pub expected: u32,
    /// Of `received`: those whose arrival was told (a sample will do).
    pub timed: u32,
    /// Of `timed`: so late that a jitter buffer of 60 ms would not have played them.
    pub late: u32,
    /// Of `received`: behind one with a higher number.
    pub reordered: u32,
    /// Came a second time.
    pub duplicates: u32,
    /// Runs of missing numbers, as they showed.
    pub gaps: u32,
    /// Sources (SSRC) beyond the first, and counts that began anew.
    pub restarts: u32,
}

impl Counts {
    /// Packets that never came.
    pub fn lost(&self) -> u32 {
        self.expected.saturating_sub(self.received)
    }

    /// Late packets among all that were received, as the sample has them.
    pub fn all_late(&self) -> u32 {
        (u64::from(self.late) * u64::from(self.received) / u64::from(self.timed.max(1))) as u32
    }
}

/// The source that is heard now.
#[derive(Debug)]
struct Source {
    ssrc: u32,
    /// Numbers are extended by the wraps; the first is in 0x1_0000..0x2_0000, so that earlier ones have a place.
    first: u32,
    highest: u32,
    /// Bit n: `highest` − n has come.
    seen: u64,
    received: u32,
    duplicates: u32,
    /// The number that a new count would go on with.
    odd: Option<u16>,
    /// At the last report.
    prior_expected: u32,
    prior_received: u32,
}

/// Counts what comes.
#[derive(Debug, Default)]
pub struct Reception {
    source: Option<Source>,
    /// Everything but `expected`, which also has what earlier sources were expected to send.
    counts: Counts,
    jitter: Jitter,
}

impl Reception {
    /// Takes the header of a packet that came at `arrival` (8 kHz ticks of any clock), where that is known and the timestamp is that of the moment in
    /// which it was sent (which is not so in a key press, RFC 4733 2.2.2). Jitter is told by a sample of all packets as well as by all.
    pub fn packet(&mut self, header: &Header, arrival: Option<u32>) {
        let source = match &mut self.source {
            Some(source) if source.ssrc == header.ssrc => source,
            _ => {
                self.restart(header);
                return self.jitter.first(header.timestamp, arrival);
            }
        };
        let taken = source.take(header.sequence, &mut self.counts);
        match (taken, arrival) {
            (Taken::Fresh, Some(arrival)) => {
                let late = self.jitter.next(header.timestamp, arrival);
                self.counts.late += u32::from(late);
                self.counts.timed += 1;
            }
            (Taken::Fresh | Taken::Again | Taken::Odd, _) => {}
            (Taken::Anew, arrival) => {
                self.restart(header);
                self.jitter.first(header.timestamp, arrival);
            }
        }
    }

    fn restart(&mut self, header: &Header) {
        if let Some(source) = &self.source {
            self.counts.expected += source.expected();
            self.counts.restarts += 1;
        }
        self.source = Some(Source::new(header));
        self.counts.received += 1;
    }

    /// The source that is heard.
    pub fn ssrc(&self) -> Option<u32> {
        self.source.as_ref().map(|source| source.ssrc)
    }

    /// Everything so far.
    pub fn counts(&self) -> Counts {
        let current = self.source.as_ref().map_or(0, Source::expected);
        Counts { expected: self.counts.expected + current, ..self.counts }
    }

    /// The median and the highest of the jitter after each packet, in ms; none before the second packet.
    pub fn jitter_ms(&self) -> Option<(u16, u16)> {
        let all: u32 = self.jitter.steps.iter().sum();
        let mut below = 0;
        let median = self.jitter.steps.iter().position(|count| {
            below += count;
            2 * below >= all
        })?;
        (all > 0).then_some((median as u16, (self.jitter.most / 16 / 8) as u16))
    }

    /// What is reported of the source, and counted from anew for the next report (RFC 3550 A.3). The times of the sender's report are the caller's.
    pub fn report(&mut self) -> Option<Block> {
        let jitter = self.jitter.estimate / 16;
        let source = self.source.as_mut()?;
        let (expected, received) = (source.expected(), source.received + source.duplicates);
        let (lately, came) = (expected - source.prior_expected, received - source.prior_received);
        (source.prior_expected, source.prior_received) = (expected, received);
        let missing = lately.saturating_sub(came);
        let fraction_lost = if lately == 0 { 0 } else { (256 * u64::from(missing) / u64::from(lately)).min(255) as u8 };
        let (lost, highest) = (expected.wrapping_sub(received) as i32, source.highest - 0x1_0000);
        Some(Block { ssrc: source.ssrc, fraction_lost, lost, highest, jitter, last_sr: 0, delay: 0 })
    }
}

/// What a number is.
enum Taken {
    Fresh,
    Again,
    /// Far from all others.
    Odd,
    /// Far from all others, and the second such in a row: a new count.
    Anew,
}

impl Source {
    fn new(header: &Header) -> Source {
        let first = 0x1_0000 + u32::from(header.sequence);
        Source {
            ssrc: header.ssrc,
            first,
            highest: first,
            seen: 1,
            received: 1,
            duplicates: 0,
            odd: None,
            prior_expected: 0,
            prior_received: 0,
        }
    }

    fn expected(&self) -> u32 {
        self.highest - self.first + 1
    }

    fn take(&mut self, sequence: u16, counts: &mut Counts) -> Taken {
        let ahead = u32::from(sequence.wrapping_sub(self.highest as u16));
        let behind = 0x1_0000 - ahead;
        if (1..MAX_DROPOUT).contains(&ahead) {
            counts.gaps += u32::from(ahead > 1);
            self.highest += ahead;
            self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
        } else if ahead == 0 || behind < WINDOW {
            let place = 1u64 << (behind % 0x1_0000);
            if self.seen & place != 0 {
                counts.duplicates += 1;
                self.duplicates += 1;
                return Taken::Again;
            }
            self.seen |= place;
            self.came_behind(behind, counts);
        } else if behind <= MAX_MISORDER {
            self.came_behind(behind, counts); // whether twice, nobody knows any more
        } else if self.odd == Some(sequence) {
            return Taken::Anew;
        } else {
            self.odd = Some(sequence.wrapping_add(1));
            return Taken::Odd;
        }
        self.odd = None;
        counts.received += 1;
        self.received += 1;
        Taken::Fresh
    }

    fn came_behind(&mut self, behind: u32, counts: &mut Counts) {
        counts.reordered += 1;
        self.first = self.first.min(self.highest - behind);
    }
}

/// Interarrival jitter (RFC 3550 A.8), in sixteenths of a tick, and what came too late.
#[derive(Debug, Default)]
struct Jitter {
    /// Arrival less timestamp of the last packet of this clock; none before the first.
    transit: Option<u32>,
    quickest: u32,
    packets: u32,
    estimate: u32,
    most: u32,
    steps: [u32; STEPS],
}

impl Jitter {
    /// The first packet of a clock.
    fn first(&mut self, timestamp: u32, arrival: Option<u32>) {
        self.transit = arrival.map(|arrival| arrival.wrapping_sub(timestamp));
        self.quickest = self.transit.unwrap_or_default();
    }

    /// A further one; whether it is late.
    fn next(&mut self, timestamp: u32, arrival: u32) -> bool {
        let transit = arrival.wrapping_sub(timestamp);
        let change = self.transit.map(|before| ticks_between(before, transit).unsigned_abs());
        let Some(change) = change.filter(|change| *change <= NEW_CLOCK) else {
            self.first(timestamp, Some(arrival));
            return false;
        };
        self.transit = Some(transit);
        self.estimate = (self.estimate + change).saturating_sub((self.estimate + 8) >> 4);
        self.most = self.most.max(self.estimate);
        let ms = (self.estimate / 16 / 8) as usize;
        self.steps[ms.min(STEPS - 1)] += 1;
        self.packets = self.packets.wrapping_add(1);
        if self.packets.is_multiple_of(DRIFT) {
            self.quickest = self.quickest.wrapping_add(1);
        }
        let delay = ticks_between(self.quickest, transit);
        if delay < 0 {
            self.quickest = transit;
        }
        delay > LATE
    }
}

#[cfg(test)]
mod tests;
