//! Key presses as telephone-events (RFC 4733 2.3–2.5): a receiver that reports each press once, at the first packet of it that arrives, and a sender.
//! Neither looks at a clock: a press is known by its RTP timestamp, which all its packets share.
//!
//! Limits of the receiver, which nothing on the wire can mend: a press of which no packet arrives is not seen; when all packets that arrive of a
//! press come after the first packet of a later press, the two keys are reported in the order of arrival; a press that is held beyond 8.19 s counts
//! as two when two seconds around the change of segment are lost; and a packet repeated after [`REMEMBERED`] later presses is taken for a new one.

use crate::media::rtp::{Header, ticks_between};
use std::collections::VecDeque;

/// How many presses (or segments of long ones) the receiver knows again.
pub const REMEMBERED: usize = 32;
/// Ticks of the clock in 1 ms.
const SAMPLES_A_MS: u32 = 8;
/// Longest duration that one segment can express (RFC 4733 2.5.1.3).
const SEGMENT_MAX: u32 = 0xffff;
/// A sender may begin the next segment a few updates, 120 ms, before the field is full.
const SEGMENT_SLACK: u32 = 120 * SAMPLES_A_MS;
/// A segment is only taken as the continuation of one whose last update is at most this old.
const SEGMENT_LOSS: i32 = 16_000;
/// How often the end of a press is sent (RFC 4733 2.5.1.4).
const ENDS: u32 = 3;
const KEYS: &[u8; 16] = b"0123456789*#ABCD";

/// The payload of one telephone-event packet (RFC 4733 2.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EventPayload {
    /// Event code; 0–15 are keys (RFC 4733 3.2).
    pub event: u8,
    /// The key was let go.
    pub end: bool,
    /// Power in −dBm0, 0–63.
    pub volume: u8,
    /// Ticks since the packet's timestamp.
    pub duration: u16,
}

impl EventPayload {
    /// Reads the four bytes; what may follow them is left alone.
    pub fn read(payload: &[u8]) -> Option<EventPayload> {
        let [event, flags, high, low, ..] = *payload else { return None };
        let duration = u16::from_be_bytes([high, low]);
        Some(EventPayload { event, end: flags & 0x80 != 0, volume: flags & 0x3f, duration })
    }

    /// The four bytes.
    pub fn to_bytes(self) -> [u8; 4] {
        let [high, low] = self.duration.to_be_bytes();
        [self.event, u8::from(self.end) << 7 | (self.volume & 0x3f), high, low]
    }

    /// The key of the event, if it is one: `0`–`9`, `*`, `#`, `A`–`D`.
    pub fn key(self) -> Option<char> {
        KEYS.get(usize::from(self.event)).map(|key| char::from(*key))
    }
}

/// The event code of a key.
pub fn event_code(key: char) -> Option<u8> {
    KEYS.iter().position(|known| char::from(*known) == key.to_ascii_uppercase()).map(|code| code as u8)
}

/// One press, or one segment of a long one, that was seen.
#[derive(Clone, Copy, Debug)]
struct Seen {
    ssrc: u32,
    timestamp: u32,
    event: u8,
    duration: u16,
    ended: bool,
}

/// Turns telephone-event packets into key presses, each reported once.
#[derive(Debug, Default)]
pub struct Receiver {
    seen: VecDeque<Seen>,
}

impl Receiver {
    /// Takes one telephone-event packet; the key, if this packet is the first that arrives of its press.
    pub fn receive(&mut self, header: &Header, payload: &[u8]) -> Option<char> {
        let payload = EventPayload::read(payload)?;
        let key = payload.key()?;
        let known = |seen: &&mut Seen| {
            seen.ssrc == header.ssrc && seen.timestamp == header.timestamp && seen.event == payload.event
        };
        if let Some(seen) = self.seen.iter_mut().find(known) {
            seen.duration = seen.duration.max(payload.duration);
            seen.ended |= payload.end;
            return None;
        }
        let continues = !header.marker && self.seen.iter().any(|seen| seen.continued_by(header, payload.event));
        if self.seen.len() == REMEMBERED {
            self.seen.pop_front();
        }
        self.seen.push_back(Seen {
            ssrc: header.ssrc,
            timestamp: header.timestamp,
            event: payload.event,
            duration: payload.duration,
            ended: payload.end,
        });
        (!continues).then_some(key)
    }
}

impl Seen {
    /// Whether a packet opens the next segment of this press (RFC 4733 2.5.1.3): the key is still held, and the field was full.
    fn continued_by(&self, header: &Header, event: u8) -> bool {
        let start = ticks_between(self.timestamp, header.timestamp);
        let unseen = start.saturating_sub(i32::from(self.duration));
        self.ssrc == header.ssrc
            && self.event == event
            && !self.ended
            && (start >= (SEGMENT_MAX - SEGMENT_SLACK) as i32 && start <= SEGMENT_MAX as i32)
            && unseen <= SEGMENT_LOSS
    }
}

/// What the sender wants to send in the time of one packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// A telephone-event packet.
    Packet {
        /// First packet of a press.
        marker: bool,
        /// The RTP timestamp: where the press (or its segment) began.
        timestamp: u32,
        /// Its payload.
        payload: EventPayload,
    },
    /// Between two presses: audio goes out.
    Pause,
    /// All keys were sent.
    Done,
}

/// Sends a row of keys: an update in the time of each packet, the end three times (RFC 4733 2.5.1).
#[derive(Debug)]
pub struct Sender {
    events: VecDeque<u8>,
    /// Ticks of the clock in one packet.
    update: u32,
    press_ticks: u32,
    gap_ticks: u32,
    state: SenderState,
}

#[derive(Clone, Copy, Debug)]
enum SenderState {
    /// The key is held; `held` ticks since `start` were reported, since the press began `total`.
    Held { start: u32, held: u32, total: u32 },
    /// The end was sent `sent` times.
    Ending { start: u32, held: u32, sent: u32 },
    /// Nothing is sent until so many ticks are over.
    Pausing { left: u32 },
    /// The next key may start.
    Ready,
}

impl Sender {
    /// Presses each of `keys` for `press_ms` with `gap_ms` between; both are rounded up to packets of `packet_ms`. What is no key is left out.
    /// A gap is at least three packets, so that the repeated end is over before the next press.
    pub fn new(keys: &str, press_ms: u32, gap_ms: u32, packet_ms: u32) -> Sender {
        let packet_ms = packet_ms.max(1);
        let update = packet_ms.saturating_mul(SAMPLES_A_MS);
        let ticks = |ms: u32, least: u32| ms.div_ceil(packet_ms).max(least).saturating_mul(update);
        Sender {
            events: keys.chars().filter_map(event_code).collect(),
            update,
            press_ticks: ticks(press_ms, 2),
            gap_ticks: ticks(gap_ms, ENDS),
            state: SenderState::Ready,
        }
    }

    /// How many keys are still to be sent.
    pub fn left(&self) -> usize {
        self.events.len()
    }

    /// The step of the tick at which the RTP clock shows `now`.
    pub fn step(&mut self, now: u32) -> Step {
        let Some(event) = self.events.front().copied() else { return Step::Done };
        match self.state {
            SenderState::Ready => self.report(event, now, 0, 0, true),
            SenderState::Held { start, held, total } => self.report(event, start, held, total, false),
            SenderState::Ending { start, held, sent } => {
                self.ended(start, held, sent + 1);
                Step::Packet { marker: false, timestamp: start, payload: payload(event, true, held) }
            }
            SenderState::Pausing { left } if left > self.update => {
                self.state = SenderState::Pausing { left: left - self.update };
                Step::Pause
            }
            SenderState::Pausing { .. } => {
                self.state = SenderState::Ready;
                Step::Pause
            }
        }
    }

    /// One more update of the press; beyond what the field can hold a new segment begins.
    fn report(&mut self, event: u8, start: u32, held: u32, total: u32, marker: bool) -> Step {
        let (mut start, mut held, total) = (start, held + self.update, total + self.update);
        if held > SEGMENT_MAX {
            start = start.wrapping_add(SEGMENT_MAX);
            held -= SEGMENT_MAX;
        }
        let end = total >= self.press_ticks;
        if end {
            self.ended(start, held, 1);
        } else {
            self.state = SenderState::Held { start, held, total };
        }
        Step::Packet { marker, timestamp: start, payload: payload(event, end, held) }
    }

    /// After the end was sent for the `sent`th time.
    fn ended(&mut self, start: u32, held: u32, sent: u32) {
        self.state = if sent < ENDS {
            SenderState::Ending { start, held, sent }
        } else {
            self.events.pop_front();
            SenderState::Pausing { left: self.gap_ticks.saturating_sub((ENDS - 1) * self.update) }
        };
    }
}

fn payload(event: u8, end: bool, duration: u32) -> EventPayload {
    EventPayload { event, end, volume: 10, duration: duration.min(SEGMENT_MAX) as u16 }
}

#[cfg(test)]
mod tests;
