//! Recording of what the customer says: samples put in their place by RTP timestamp, loss filled by silence, so that the recording lasts as long as
//! the speech did. Pure: samples come out in chunks, another thread writes the file.

use super::rtp::ticks_between;
use super::{SAMPLE_RATE, samples_in};
use std::time::{Duration, Instant};

/// Samples kept back so that a late packet still finds its place: 200 ms.
const REORDER: usize = 1_600;
/// A chunk is handed out when so many samples beyond [`REORDER`] are there: one second.
const CHUNK: usize = SAMPLE_RATE as usize;
/// A larger step of the timestamps, or one back by more than a second, is a new clock and not a loss: then the arrival time places the packet.
const MAX_STEP: i32 = 80_000;
const MAX_BACK: i32 = -(SAMPLE_RATE as i32);
/// Less than this before the first packet, or at a new clock, is no gap: 100 ms.
const MIN_GAP: u64 = 800;
/// Mean magnitude of a packet above which somebody speaks (about −40 dBFS).
const LOUD: u64 = 320;

/// What to record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordParams {
    /// Given back when it ends.
    pub tag: u64,
    /// Name of the file without its ending; a fresh UUIDv7 when none is given.
    pub name: Option<String>,
    /// It ends after this at the latest.
    pub max: Duration,
    /// Keys that end it.
    pub stop_keys: Vec<char>,
    /// It ends when nobody has spoken for this long.
    pub silence_end: Option<Duration>,
}

/// Why a recording ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecordingEnd {
    /// One of the stop keys.
    Key(char),
    /// It reached its longest duration.
    MaxDuration,
    /// Nobody spoke any more.
    Silence,
    /// It was told to stop, or another one began.
    Stopped,
    /// The call's media were closed.
    Closed,
}

/// One recording under way.
#[derive(Debug)]
pub struct Recorder {
    params: RecordParams,
    started: Instant,
    last_loud: Instant,
    /// Timestamp that follows the last sample; none before the first packet.
    next: Option<u32>,
    /// Samples handed out.
    taken: u64,
    buffer: Vec<i16>,
}

impl Recorder {
    /// A recording that begins now.
    pub fn new(params: RecordParams, now: Instant) -> Recorder {
        Recorder {
            params,
            started: now,
            last_loud: now,
            next: None,
            taken: 0,
            buffer: Vec::with_capacity(CHUNK + 2 * REORDER),
        }
    }

    /// The tag of the recording.
    pub fn tag(&self) -> u64 {
        self.params.tag
    }

    /// Samples recorded so far.
    pub fn samples(&self) -> u64 {
        self.taken + self.buffer.len() as u64
    }

    /// Takes the samples of one packet stamped `timestamp`.
    pub fn audio(&mut self, timestamp: u32, samples: &[i16], now: Instant) {
        let sum: u64 = samples.iter().map(|sample| u64::from(sample.unsigned_abs())).sum();
        if sum > LOUD * samples.len() as u64 {
            self.last_loud = now;
        }
        let step = self.next.map(|next| ticks_between(next, timestamp));
        match step {
            Some(step @ 0..=MAX_STEP) => self.append(step as u64, samples),
            Some(step @ MAX_BACK..0) => return self.insert(step.unsigned_abs() as usize, samples),
            Some(_) | None => self.append(self.gap_by_clock(samples.len(), now), samples),
        }
        self.next = Some(timestamp.wrapping_add(samples.len() as u32));
    }

    /// The silence before a packet whose timestamp says nothing.
    fn gap_by_clock(&self, arriving: usize, now: Instant) -> u64 {
        let elapsed = samples_in(now.saturating_duration_since(self.started));
        let gap = elapsed.saturating_sub(self.samples() + arriving as u64);
        if gap < MIN_GAP { 0 } else { gap }
    }

    /// Appends behind `gap` samples of silence, never beyond the longest duration.
    fn append(&mut self, gap: u64, samples: &[i16]) {
        let room = samples_in(self.params.max).saturating_sub(self.samples());
        let gap = gap.min(room);
        self.buffer.resize(self.buffer.len() + gap as usize, 0);
        let fits = samples.len().min((room - gap) as usize);
        self.buffer.extend_from_slice(&samples[..fits]);
    }

    /// A packet that comes `back` samples late: into the hole that it left, if that is still here. A duplicate overwrites itself.
    fn insert(&mut self, back: usize, samples: &[i16]) {
        let Some(at) = self.buffer.len().checked_sub(back) else { return };
        for (place, sample) in self.buffer[at..].iter_mut().zip(samples) {
            *place = *sample;
        }
    }

    /// The reason to end now because of `key`.
    pub fn ends_by_key(&self, key: char) -> Option<RecordingEnd> {
        self.params.stop_keys.contains(&key).then_some(RecordingEnd::Key(key))
    }

    /// The reason to end now because of time.
    pub fn ends_by_time(&self, now: Instant) -> Option<RecordingEnd> {
        let full = self.samples() >= samples_in(self.params.max);
        if full || now.saturating_duration_since(self.started) >= self.params.max {
            return Some(RecordingEnd::MaxDuration);
        }
        let silent = now.saturating_duration_since(self.last_loud);
        self.params.silence_end.is_some_and(|limit| silent >= limit).then_some(RecordingEnd::Silence)
    }

    /// A second of samples, when one is ready.
    pub fn take_chunk(&mut self) -> Option<Vec<i16>> {
        if self.buffer.len() < CHUNK + REORDER {
            return None;
        }
        let rest = self.buffer.split_off(self.buffer.len() - REORDER);
        let chunk = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK + 2 * REORDER));
        self.buffer.extend_from_slice(&rest);
        self.taken += chunk.len() as u64;
        Some(chunk)
    }

    /// The samples that were kept back.
    pub fn finish(self) -> Vec<i16> {
        self.buffer
    }
}

#[cfg(test)]
mod tests;
