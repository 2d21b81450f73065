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
        let new = key.filter(|key| self.hear_press(*key, Path::Rfc4733, now, now));
        // each packet keeps the other side of a bridge from hearing the tone behind it
        if let Some(bridge) = &mut self.bridge {
            bridge.key_packet(new, now);
        }
    }

    /// A tone in the audio. The other side of a bridge hears it as it is.
    pub(super) fn key_by_tone(&mut self, key: char, now: Instant) {
        self.hear_press(key, Path::InBand, now, now);
    }

    pub(super) fn key_by_info(&mut self, press: Press, now: Instant) {
        let began = now.checked_sub(Duration::from_millis(press.held_ms.into())).unwrap_or(now);
        if self.hear_press(press.key, Path::Info, began, now)
            && let Some(bridge) = &mut self.bridge
        {
            bridge.key_packet(Some(press.key), now);
        }
    }

    /// A press that began at `began`, and whether it is a new one: then it silences what plays, and all that listen for keys hear it. One that is known from
    /// another way is only told.
    fn hear_press(&mut self, key: char, path: Path, began: Instant, now: Instant) -> bool {
        if !self.keys.fuse.press(key, path, began) {
            self.events.push_back(Event::KeyAlso { key, path });
            return false;
        }
        let person = self.classifier.take().and_then(|mut classifier| classifier.key());
        self.events.extend(person.map(|verdict| Event::Answerer(Heard::Verdict(verdict))));
        self.events.push_back(Event::Key { key, at: now, path });
        self.playout.key();
        self.drain_playout();
        if let Some(why) = self.recorder.as_ref().and_then(|recorder| recorder.ends_by_key(key)) {
            self.end_recording(why);
        }
        true
    }
}

#[cfg(test)]
mod tests;
