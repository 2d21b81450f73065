//! Two calls joined: what arrives on one leaves on the other, by two bounded lock-free queues that any two threads may hold the ends of.
//! G.711 passes byte for byte where both sides speak the same law, and through a table of 256 bytes where they do not; packets of any length are cut
//! into frames of 20 ms anew. No socket, no clock of its own, no allocation for a packet.
//!
//! The jitter buffer is as short as the peer lets it be: it plays as soon as a frame is there, grows by the frame that came too late, and drops one
//! again when for [`SPARE_TICKS`] it always held one too many (which also follows a peer whose clock runs fast).

use super::rtp::Header;
use super::{Codec, FRAME_SAMPLES, Frame};
use crossbeam_queue::ArrayQueue;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What waits in the jitter buffer at most, beyond the packet that came last: two frames. What is older is dropped.
pub const DEPTH: usize = 2 * FRAME_SAMPLES;
/// Pieces of up to 20 ms that wait for the other side at most; the oldest goes when one more comes.
const QUEUE: usize = 32;
/// Keys that wait for the other side at most.
const KEYS: usize = 16;
/// Longest packet that is passed on: 200 ms.
const MAX_PACKET: usize = 10 * FRAME_SAMPLES;
/// Room for the longest packet and what may wait before it.
const ROOM: usize = 2_048;
/// A frame that was never needed in so many ticks (5 s) is one too many.
const SPARE_TICKS: u32 = 250;
/// Audio this soon after a packet of a key is the sound of that key, which the other side gets as a key.
const KEY_SOUND: Duration = Duration::from_millis(60);

/// A part of a packet.
#[derive(Clone, Copy)]
struct Piece {
    codec: Codec,
    /// Bytes of the whole packet.
    packet: u16,
    length: u8,
    bytes: Frame,
}

/// One direction.
struct Way {
    audio: ArrayQueue<Piece>,
    keys: ArrayQueue<char>,
}

impl Way {
    fn new() -> Arc<Way> {
        Arc::new(Way { audio: ArrayQueue::new(QUEUE), keys: ArrayQueue::new(KEYS) })
    }
}

/// One end of a bridge. Dropping it ends the bridge; the other end then hears silence.
pub struct Port {
    out: Arc<Way>,
    coming: Arc<Way>,
    jitter: Jitter,
    last: Option<(u32, u16)>,
    last_key: Option<Instant>,
}

/// A bridge: its two ends.
pub fn pair() -> (Port, Port) {
    let (there, back) = (Way::new(), Way::new());
    (Port::new(&there, &back), Port::new(&back, &there))
}

impl Port {
    fn new(out: &Arc<Way>, coming: &Arc<Way>) -> Port {
        let (out, coming) = (Arc::clone(out), Arc::clone(coming));
        Port { out, coming, jitter: Jitter::new(), last: None, last_key: None }
    }

    /// Passes on the audio of a packet, unless it is a repetition, comes behind a later one, or is the sound of a key.
    pub fn audio(&mut self, codec: Codec, header: &Header, payload: &[u8], now: Instant) {
        if !self.is_next(header) || self.last_key.is_some_and(|key| now.saturating_duration_since(key) < KEY_SOUND) {
            return;
        }
        let payload = &payload[..payload.len().min(MAX_PACKET)];
        for part in payload.chunks(FRAME_SAMPLES) {
            let mut bytes = [0; FRAME_SAMPLES];
            bytes[..part.len()].copy_from_slice(part);
            let piece = Piece { codec, packet: payload.len() as u16, length: part.len() as u8, bytes };
            let _oldest = self.out.audio.force_push(piece);
        }
    }

    /// Whether a packet comes behind none that was passed on (RFC 3550 A.1); a new source begins anew.
    fn is_next(&mut self, header: &Header) -> bool {
        let next = match self.last {
            Some((ssrc, sequence)) if ssrc == header.ssrc => (header.sequence.wrapping_sub(sequence) as i16) > 0,
            _ => true,
        };
        if next {
            self.last = Some((header.ssrc, header.sequence));
        }
        next
    }

    /// A packet of a key arrived; `key` when it is the first of its press, which is then passed on.
    pub fn key_packet(&mut self, key: Option<char>, now: Instant) {
        self.last_key = Some(now);
        if let Some(key) = key {
            let _oldest = self.out.keys.force_push(key);
        }
    }

    /// The next key that was pressed on the other side.
    pub fn next_key(&self) -> Option<char> {
        self.coming.keys.pop()
    }

    /// What the other side says, for this tick of 20 ms; none when nothing is there (in time).
    pub fn next_frame(&mut self, codec: Codec) -> Option<Frame> {
        while let Some(piece) = self.coming.audio.pop() {
            self.jitter.put(codec, &piece);
        }
        self.jitter.take()
    }

    /// Whether the other end is gone.
    pub fn is_alone(&self) -> bool {
        Arc::strong_count(&self.out) == 1
    }
}

impl std::fmt::Debug for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Port({} bytes wait)", self.jitter.length)
    }
}

/// The bytes that wait to be sent, in the codec of the side that sends them.
struct Jitter {
    bytes: Box<[u8; ROOM]>,
    /// Where the oldest byte is.
    first: usize,
    length: usize,
    /// The least that was left after a tick, and in how many ticks.
    least: usize,
    ticks: u32,
}

impl Jitter {
    fn new() -> Jitter {
        Jitter { bytes: Box::new([0; ROOM]), first: 0, length: 0, least: usize::MAX, ticks: 0 }
    }

    fn put(&mut self, codec: Codec, piece: &Piece) {
        let part = &piece.bytes[..usize::from(piece.length).min(FRAME_SAMPLES)];
        for byte in part {
            let place = (self.first + self.length) % ROOM;
            self.bytes[place] = piece.codec.convert(*byte, codec);
            self.length += 1;
        }
        let most = DEPTH + usize::from(piece.packet).clamp(FRAME_SAMPLES, MAX_PACKET);
        self.drop_oldest(self.length.saturating_sub(most));
    }

    fn drop_oldest(&mut self, count: usize) {
        self.first = (self.first + count) % ROOM;
        self.length -= count;
    }

    fn take(&mut self) -> Option<Frame> {
        if self.length < FRAME_SAMPLES {
            self.spare_from_now();
            return None;
        }
        let mut frame = [0; FRAME_SAMPLES];
        for (index, byte) in frame.iter_mut().enumerate() {
            *byte = self.bytes[(self.first + index) % ROOM];
        }
        self.drop_oldest(FRAME_SAMPLES);
        self.least = self.least.min(self.length);
        self.ticks += 1;
        if self.ticks >= SPARE_TICKS {
            if self.least >= FRAME_SAMPLES {
                self.drop_oldest(FRAME_SAMPLES);
            }
            self.spare_from_now();
        }
        Some(frame)
    }

    fn spare_from_now(&mut self) {
        self.least = usize::MAX;
        self.ticks = 0;
    }
}

#[cfg(test)]
mod tests;
