//! Keys as a session hears them: by telephone-events, as tones in the audio, by SIP INFO; each press once ([`Fuse`]), silencing what plays at once.

use super::{Event, Session};
use crate::media::amd::Heard;
use crate::media::dtmf::fuse::{Fuse, Path};
use crate::media::dtmf::inband::Detector;
use crate::media::dtmf::info::Press;
use crate::media::dtmf::rfc4733::Receiver;
use crate::media::rtp::Header;
use std::time::{Duration, Instant};

/// What hears keys.
pub(super) struct Keypad {
    events: Receiver,
    tones: Option<Box<Detector>>,
    fuse: Fuse,
}

impl Keypad {
    /// Keys come by telephone-events, and with `in_band` as tones too.
    pub(super) fn new(in_band: bool) -> Keypad {
        let tones = in_band.then(|| Box::new(Detector::default()));
        Keypad { events: Receiver::default(), tones, fuse: Fuse::default() }
    }

    /// The keys that these samples hold, as a rule none.
    pub(super) fn tones(&mut self, timestamp: u32, samples: &[i16]) -> Option<char> {
        let mut heard = None;
        // a packet is shorter than two presses with their pause, but for the longest ones: then the first key counts
        self.tones.as_mut()?.audio(timestamp, samples, |key| heard = heard.or(Some(key)));
        heard
    }

    /// Whether audio has to be decoded for it.
    pub(super) fn wants_audio(&self) -> bool {
        self.tones.is_some()
    }
}

impl Session {
    pub(super) fn key_packet(&mut self, header: &Header, payload: &[u8], now: Instant) {
        let key = self.keys.events.receive(header, payload);
        let new = key.filter(|key| self.is_new(*key, Path::Rfc4733, now));
        if let Some(bridge) = &mut self.bridge {
            bridge.key_packet(new, now);
        }
        self.tell_key(new, now, Path::Rfc4733);
    }

    /// A tone in the audio. The other side of a bridge hears it as it is.
    pub(super) fn key_by_tone(&mut self, key: char, now: Instant) {
        let new = Some(key).filter(|key| self.is_new(*key, Path::InBand, now));
        self.tell_key(new, now, Path::InBand);
    }

    pub(super) fn key_by_info(&mut self, press: Press, now: Instant) {
        let began = now.checked_sub(Duration::from_millis(press.held_ms.into())).unwrap_or(now);
        let new = Some(press.key).filter(|key| self.is_new(*key, Path::Info, began));
        if let (Some(key), Some(bridge)) = (new, &mut self.bridge) {
            bridge.key_packet(Some(key), now);
        }
        self.tell_key(new, now, Path::Info);
    }

    /// Whether a press is new; if it is known from another way, that is told.
    fn is_new(&mut self, key: char, path: Path, began: Instant) -> bool {
        let new = self.keys.fuse.press(key, path, began);
        if !new {
            self.events.push_back(Event::KeyAlso { key, path });
        }
        new
    }

    fn tell_key(&mut self, key: Option<char>, at: Instant, path: Path) {
        let Some(key) = key else { return };
        let person = self.classifier.take().and_then(|mut classifier| classifier.key());
        self.events.extend(person.map(|verdict| Event::Answerer(Heard::Verdict(verdict))));
        self.events.push_back(Event::Key { key, at, path });
        self.playout.key();
        self.drain_playout();
        if let Some(why) = self.recorder.as_ref().and_then(|recorder| recorder.ends_by_key(key)) {
            self.end_recording(why);
        }
    }
}

#[cfg(test)]
mod tests;
