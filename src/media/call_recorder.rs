//! Recording of a whole call, both ways: two channels, left what arrives, right what we send (prompts, or the agent). Pure: samples come out in chunks,
//! another thread writes the file.
//!
//! What we send is the clock: it never stops and has no gaps. What arrives is put beside it where its RTP timestamps say, so that loss and pauses are silence
//! and a late packet still finds its place; where the timestamps lead too far away (another clock, a peer that drifts), the moment of arrival counts.

use super::SAMPLE_RATE;
use super::rtp::ticks_between;

/// Samples of each channel that are kept back for late packets, and how far timestamps may lead away from the moment of arrival: half a second.
const KEPT_BACK: usize = 4_000;
/// A chunk is handed out when so many samples beyond [`KEPT_BACK`] are there: one second.
const CHUNK: usize = SAMPLE_RATE as usize;

/// The recording of one call, under way.
#[derive(Debug)]
pub struct CallRecorder {
    tag: u64,
    /// Samples of a channel at most.
    longest: u64,
    /// Samples of a channel that were handed out.
    taken: u64,
    heard: Vec<i16>,
    sent: Vec<i16>,
    /// Timestamp of the last packet, and the place of its first sample.
    last: Option<(u32, i64)>,
}

impl CallRecorder {
    /// A recording that begins now and is no longer than `longest` samples (8 kHz).
    pub fn new(tag: u64, longest: u64) -> CallRecorder {
        let room = CHUNK + 2 * KEPT_BACK;
        let (heard, sent) = (Vec::with_capacity(room), Vec::with_capacity(room));
        CallRecorder { tag, longest, taken: 0, heard, sent, last: None }
    }

    /// Its tag.
    pub fn tag(&self) -> u64 {
        self.tag
    }

    /// Its time goes on: these samples were sent. What is beyond the longest length is left out.
    pub fn sent(&mut self, samples: impl Iterator<Item = i16>) {
        let room = self.longest.saturating_sub(self.now());
        self.sent.extend(samples.take(usize::try_from(room).unwrap_or(usize::MAX)));
    }

    /// Its longest length is reached.
    pub fn is_full(&self) -> bool {
        self.now() >= self.longest
    }

    /// A packet stamped `timestamp` arrived, with so many samples.
    pub fn heard(&mut self, timestamp: u32, samples: impl ExactSizeIterator<Item = i16>) {
        let by_arrival = self.now() as i64 - samples.len() as i64;
        let by_timestamp = self.last.map(|(last, place)| place + i64::from(ticks_between(last, timestamp)));
        let near = |place: &i64| (place - by_arrival).unsigned_abs() <= KEPT_BACK as u64;
        let place = by_timestamp.filter(near).unwrap_or(by_arrival);
        self.last = Some((timestamp, place));
        for (place, sample) in (place..).zip(samples) {
            // what would belong before the recording, or into what is written already, is lost
            let Ok(at) = usize::try_from(place - self.taken as i64) else { continue };
            if at >= self.heard.len() {
                self.heard.resize(at + 1, 0);
            }
            self.heard[at] = sample;
        }
    }

    /// A second of both channels, sample by sample in turn, when one is ready.
    pub fn take_chunk(&mut self) -> Option<Vec<i16>> {
        (self.sent.len() >= CHUNK + KEPT_BACK).then(|| self.take(self.sent.len() - KEPT_BACK))
    }

    /// What was kept back.
    pub fn finish(mut self) -> Vec<i16> {
        self.take(self.sent.len())
    }

    /// Where the recording stands, in samples of a channel.
    fn now(&self) -> u64 {
        self.taken + self.sent.len() as u64
    }

    fn take(&mut self, count: usize) -> Vec<i16> {
        if self.heard.len() < count {
            self.heard.resize(count, 0);
        }
        self.taken += count as u64;
        self.heard.drain(..count).zip(self.sent.drain(..count)).flat_map(|(heard, sent)| [heard, sent]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends a packet's worth of `sample`, as often as wanted.
    fn send(recorder: &mut CallRecorder, packets: usize, sample: i16) {
        (0..packets).for_each(|_| recorder.sent([sample; 160].into_iter()));
    }

    fn channels(recorder: CallRecorder) -> (Vec<i16>, Vec<i16>) {
        let both = recorder.finish();
        (both.iter().step_by(2).copied().collect(), both.iter().skip(1).step_by(2).copied().collect())
    }

    #[test]
    fn both_ways_lie_side_by_side_and_what_is_missing_is_silence() {
        let mut recorder = CallRecorder::new(1, 80_000);
        send(&mut recorder, 2, 7);
        recorder.heard(1_000, [1; 160].into_iter());
        send(&mut recorder, 2, 8);
        recorder.heard(1_320, [3; 160].into_iter()); // the one before is late …
        recorder.heard(1_160, [2; 160].into_iter()); // … and finds its place
        send(&mut recorder, 2, 9);
        let (heard, sent) = channels(recorder);
        let frames = |samples: &[i16]| samples.chunks(160).map(|frame| frame[80]).collect::<Vec<_>>();
        assert_eq!(frames(&sent), [7, 7, 8, 8, 9, 9]);
        assert_eq!(frames(&heard), [0, 1, 2, 3, 0, 0]);
    }

    #[test]
    fn chunks_join_without_a_seam() {
        let mut recorder = CallRecorder::new(1, 800_000);
        let mut both = Vec::new();
        for n in 0..500u32 {
            recorder.sent((0..160).map(|i| ((n * 160 + i) % 30_000) as i16));
            recorder.heard(n * 160, (0..160).map(|i| -(((n * 160 + i) % 30_000) as i16)));
            both.extend(recorder.take_chunk().into_iter().flatten());
        }
        assert!(both.len() > 400 * 320, "most of it is handed out on the way");
        both.extend(recorder.finish());
        assert_eq!(both.len(), 500 * 320);
        assert!(both.chunks(2).zip(0u32..).all(|(pair, n)| pair[1] == (n % 30_000) as i16 && pair[0] == -pair[1]));
    }

    #[test]
    fn another_clock_is_placed_by_its_arrival() {
        let mut recorder = CallRecorder::new(1, 80_000);
        send(&mut recorder, 1, 1);
        recorder.heard(5, [1; 160].into_iter());
        send(&mut recorder, 9, 1);
        recorder.heard(4_000_000_000, [2; 160].into_iter());
        recorder.heard(4_000_000_160, [3; 160].into_iter());
        let (heard, sent) = channels(recorder);
        assert_eq!((heard.len(), sent.len()), (1_600, 1_600), "what we sent says how long it is");
        assert_eq!((heard[0], heard[160], heard[1_440], heard[1_599]), (1, 0, 2, 2));
    }

    #[test]
    fn it_is_never_longer_than_allowed() {
        let mut recorder = CallRecorder::new(1, 400);
        send(&mut recorder, 2, 1);
        assert!(!recorder.is_full());
        send(&mut recorder, 2, 1);
        assert!(recorder.is_full());
        assert_eq!(recorder.finish().len(), 800);
    }
}
