//! Who took the call: a person, a machine, a fax. The prompts play from the first moment on; this listens beside them and never makes anybody wait. Pure.
//!
//! A person says a word and listens; a machine talks on, whatever we say, and beeps. So what counts is how long somebody talks without a pause, and tones. Nothing
//! that only sounds like a machine is called one: the doubtful is `unknown`, and a key always means a person. docs/machines.md has what was measured.

mod tone;

use super::level::{decibels, level_db};
use super::rtp::ticks_between;
use super::{Codec, FRAME_MS, FRAME_SAMPLES};
use serde::{Deserialize, Serialize};
use tone::{Tone, ToneWatch};

/// Softer than this is no voice, in dB below full scale.
const FAINT_DB: f32 = -45.0;
/// A voice is so much above the noise, in dB.
const ABOVE_NOISE_DB: f32 = 9.0;
/// Noise is no louder than this; it rises by so much in a frame; and this is no noise but digital silence, in dB.
const NOISIEST_DB: f32 = -30.0;
const NOISE_RISE_DB: f32 = 0.06;
const NOTHING_DB: f32 = -75.0;
/// A machine that does not beep is spoken to after so much silence, in ms.
const TURN_MS: u32 = 2_000;
/// What comes back of our own prompt is at least so much weaker than it was sent, in dB (echo return loss).
const ECHO_DB: f32 = 12.0;
/// An echo comes back within so many frames (300 ms).
const ECHO_FRAMES: usize = 15;
/// Shorter sounds are clicks, in ms.
const CLICK_MS: u32 = 60;
/// Who never talks so long without a pause is a person who listens, in ms.
const SENTENCE_MS: u32 = 2_000;
/// Who has talked so long before a beep greets like a machine, in ms.
const GREETING_MS: u32 = 600;
/// A longer hole in the timestamps is a new clock and no silence, in samples (10 s).
const MAX_HOLE: i32 = 80_000;

/// What can be set.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Params {
    /// The verdict is given after so many ms at the latest.
    pub listen_ms: u32,
    /// Beeps and fax tones are heard so many ms from the answer on; a verdict of before is corrected by them.
    pub beep_ms: u32,
    /// Who talks so many ms without a pause is a machine.
    pub speech_ms: u32,
    /// A pause is at least so long, in ms.
    pub pause_ms: u32,
}

impl Default for Params {
    fn default() -> Params {
        Params { listen_ms: 6_000, beep_ms: 25_000, speech_ms: 3_800, pause_ms: 300 }
    }
}

/// Who it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// A person.
    Human,
    /// An answering machine, a mailbox, an announcement of the network.
    Machine,
    /// Perhaps an assistant that asks who calls and waits for the answer.
    Screened,
    /// A fax.
    Fax,
    /// It cannot be told.
    Unknown,
}

impl Who {
    /// The name, as in the timeline.
    pub fn as_str(self) -> &'static str {
        match self {
            Who::Human => "human",
            Who::Machine => "machine",
            Who::Screened => "screened",
            Who::Fax => "fax",
            Who::Unknown => "unknown",
        }
    }
}

/// What was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// Who it is.
    pub who: Who,
    /// How sure that is, 0–100.
    pub confidence: u8,
    /// Why, in words.
    pub why: &'static str,
    /// A machine that takes messages, as far as can be told: no announcement of the network.
    pub mailbox: bool,
    /// Audio heard until then, in ms.
    pub after_ms: u32,
}

/// What is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Heard {
    /// Who took the call. A later one corrects an earlier one.
    Verdict(Verdict),
    /// A machine has finished its greeting, by a beep or by silence: it is our turn.
    Turn {
        /// By a beep.
        beep: bool,
    },
}

/// Listens to one call.
#[derive(Debug)]
pub struct Classifier {
    params: Params,
    next: Option<u32>,
    frame: [i16; FRAME_SAMPLES],
    filled: usize,
    heard_ms: u32,
    /// None before the first sound.
    noise_db: Option<f32>,
    sent_db: [f32; ECHO_FRAMES],
    sent: usize,
    voice: Voice,
    tones: ToneWatch,
    told: Option<Who>,
    /// It was a beep that told the machine.
    beeped: bool,
    done: bool,
}

/// How somebody talks, in ms.
#[derive(Clone, Copy, Default, Debug)]
struct Voice {
    /// Since the last pause, holes in it included.
    talk: u32,
    /// Silence since the last sound.
    silence: u32,
    /// The longest talk without a pause.
    longest: u32,
    /// All sound.
    total: u32,
    /// When the first sound came.
    first: Option<u32>,
}

impl Classifier {
    /// One that begins to listen.
    pub fn new(params: Params) -> Classifier {
        Classifier {
            params,
            next: None,
            frame: [0; FRAME_SAMPLES],
            filled: 0,
            heard_ms: 0,
            noise_db: None,
            sent_db: [-100.0; ECHO_FRAMES],
            sent: 0,
            voice: Voice::default(),
            tones: ToneWatch::default(),
            told: None,
            beeped: false,
            done: false,
        }
    }

    /// Whether it still wants audio.
    pub fn listens(&self) -> bool {
        !self.done && self.heard_ms < self.params.beep_ms
    }

    /// What we send, a packet of it: its echo is no voice.
    pub fn sent(&mut self, codec: Codec, packet: &[u8]) {
        // every fourth sample says how loud it is
        let power = packet.iter().step_by(4).map(|byte| f64::from(codec.decode(*byte)).powi(2)).sum();
        self.sent_db[self.sent] = decibels(power, packet.len().div_ceil(4)) as f32;
        self.sent = (self.sent + 1) % ECHO_FRAMES;
    }

    /// A key: a person.
    pub fn key(&mut self) -> Option<Verdict> {
        self.done = true; // nothing that sounds later says otherwise
        self.tell(Who::Human, 100, "a key was pressed")
    }

    /// The samples of a packet stamped `timestamp`. What comes late is passed over, what is missing was silence.
    pub fn audio(&mut self, timestamp: u32, samples: &[i16]) -> Option<Heard> {
        let step = self.next.map_or(0, |next| ticks_between(next, timestamp));
        if step < 0 && step > -MAX_HOLE {
            return None;
        }
        self.next = Some(timestamp.wrapping_add(samples.len() as u32));
        let mut heard = None;
        if (1..MAX_HOLE).contains(&step) {
            for _ in 0..step as usize / FRAME_SAMPLES {
                heard = self.frame(&[0; FRAME_SAMPLES]).or(heard);
            }
        }
        let mut rest = samples;
        while !rest.is_empty() {
            let taken = rest.len().min(FRAME_SAMPLES - self.filled);
            self.frame[self.filled..self.filled + taken].copy_from_slice(&rest[..taken]);
            self.filled += taken;
            rest = &rest[taken..];
            if self.filled == FRAME_SAMPLES {
                self.filled = 0;
                let frame = self.frame;
                heard = self.frame(&frame).or(heard);
            }
        }
        heard
    }

    fn frame(&mut self, frame: &[i16; FRAME_SAMPLES]) -> Option<Heard> {
        if !self.listens() {
            return None;
        }
        self.heard_ms += FRAME_MS;
        let level = level_db(frame) as f32;
        let echo = self.sent_db.iter().copied().fold(-100.0, f32::max) - ECHO_DB;
        let tone = self.tones.frame(frame, if level > echo { level } else { -100.0 });
        if tone.is_none() {
            self.voice(level, echo);
        }
        if self.told == Some(Who::Machine) {
            return self.turn(tone);
        }
        let verdict = match self.of_tone(tone) {
            None if self.told.is_none() => self.of_voice(),
            of_tone => of_tone,
        };
        verdict.map(Heard::Verdict)
    }

    /// A machine: has it finished?
    fn turn(&mut self, tone: Option<Tone>) -> Option<Heard> {
        let beep = self.beeped || tone == Some(Tone::Beep);
        self.done = beep || self.voice.silence >= TURN_MS;
        self.done.then_some(Heard::Turn { beep })
    }

    fn of_voice(&mut self) -> Option<Verdict> {
        if self.voice.longest >= self.params.speech_ms {
            return self.tell(Who::Machine, 85, "somebody talks on without a pause while we speak");
        }
        if self.heard_ms < self.params.listen_ms { None } else { self.by_time() }
    }

    fn voice(&mut self, level: f32, echo: f32) {
        // down at once, up slowly: the noise is what is left in the pauses; digital silence says nothing of it
        let noise = self.noise_db.unwrap_or(level.min(NOISIEST_DB));
        let loud = level > FAINT_DB && level > noise + ABOVE_NOISE_DB && level > echo;
        if level > NOTHING_DB {
            self.noise_db = Some(level.min(noise + NOISE_RISE_DB));
        }
        let voice = &mut self.voice;
        if loud {
            voice.first.get_or_insert(self.heard_ms);
            voice.talk += FRAME_MS + voice.silence.min(self.params.pause_ms) * u32::from(voice.talk > 0);
            voice.silence = 0;
            voice.total += FRAME_MS;
            voice.longest = voice.longest.max(voice.talk);
        } else {
            voice.silence += FRAME_MS;
            if voice.silence >= self.params.pause_ms {
                voice.talk = 0;
            }
        }
    }

    fn of_tone(&mut self, tone: Option<Tone>) -> Option<Verdict> {
        match tone? {
            Tone::Fax if self.voice.total < GREETING_MS => {
                self.done = true;
                self.tell(Who::Fax, 95, "a fax tone")
            }
            Tone::Information => {
                let verdict = self.tell(Who::Machine, 95, "the network's information tones");
                verdict.map(|verdict| Verdict { mailbox: false, ..verdict })
            }
            Tone::Beep if self.voice.total >= GREETING_MS => {
                self.beeped = true;
                self.tell(Who::Machine, 95, "a beep after somebody talked")
            }
            // one sound in silence may be anything
            Tone::Fax | Tone::Beep | Tone::Steady => None,
        }
    }

    /// The time is over, and nothing said machine.
    fn by_time(&mut self) -> Option<Verdict> {
        let Voice { total, longest, silence, first, .. } = self.voice;
        if total < CLICK_MS {
            return self.tell(Who::Unknown, 50, "nobody says anything");
        }
        if longest < SENTENCE_MS {
            return self.tell(Who::Human, 80, "a few words, then somebody listens");
        }
        let soon = first.is_some_and(|first| first <= 1_200);
        if soon && silence >= 1_200 {
            return self.tell(Who::Screened, 40, "a longer sentence at once, then silence that waits for us");
        }
        self.tell(Who::Unknown, 30, "neither few words nor one long talk")
    }

    fn tell(&mut self, who: Who, confidence: u8, why: &'static str) -> Option<Verdict> {
        let new = self.told.replace(who) != Some(who);
        let mailbox = who == Who::Machine;
        new.then_some(Verdict { who, confidence, why, mailbox, after_ms: self.heard_ms })
    }
}

#[cfg(test)]
mod tests;
