//! The ear of a simulated callee: recognises by their frames the prompts that it hears, at their start. It works because the engine sends prompts as
//! they were encoded, a frame a packet; it is no speech recognition, and through transcoding it hears nothing. Pure.

use crate::media::prompt::{Prompt, PromptStore};
use crate::media::rtp::ticks_between;
use crate::media::session::Listener;
use crate::media::{Codec, FRAME_SAMPLES, Frame};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// So many of a prompt's first audible frames are known as a start: a prompt whose first packets are lost is still heard.
const START_FRAMES: usize = 5;
/// A frame whose loudest sample is below this is no start: pauses look alike in all prompts.
const AUDIBLE: u16 = 64;
/// Packets that may be missing in a row within one prompt: half a second.
const MAX_LOSS: i32 = 25;

/// A place in a prompt: index of the prompt, index of the frame.
type Place = (usize, usize);

/// What an [`Ear`] knows; built once and shared by all callees.
pub struct EarIndex {
    prompts: Vec<Arc<Prompt>>,
    pcma: HashMap<Frame, Vec<Place>>,
    pcmu: HashMap<Frame, Vec<Place>>,
}

impl EarIndex {
    /// The index of all prompts of a store.
    pub fn new(store: &PromptStore) -> EarIndex {
        let mut prompts: Vec<Arc<Prompt>> = store.iter().cloned().collect();
        prompts.sort_by(|a, b| (a.language(), a.id()).cmp(&(b.language(), b.id())));
        let starts = |codec: Codec| {
            let mut starts: HashMap<Frame, Vec<Place>> = HashMap::new();
            for (prompt, frames) in prompts.iter().map(|prompt| prompt.frames(codec)).enumerate() {
                let audible = frames.iter().enumerate().filter(|(_, frame)| is_audible(codec, frame));
                for (at, frame) in audible.take(START_FRAMES) {
                    starts.entry(*frame).or_default().push((prompt, at));
                }
            }
            starts
        };
        EarIndex { pcma: starts(Codec::Pcma), pcmu: starts(Codec::Pcmu), prompts }
    }

    fn starts(&self, codec: Codec, frame: &Frame) -> &[Place] {
        let starts = match codec {
            Codec::Pcma => &self.pcma,
            Codec::Pcmu => &self.pcmu,
        };
        starts.get(frame).map_or(&[], Vec::as_slice)
    }

    fn frames(&self, prompt: usize, codec: Codec) -> &[Frame] {
        self.prompts[prompt].frames(codec)
    }
}

fn is_audible(codec: Codec, frame: &Frame) -> bool {
    frame.iter().any(|byte| codec.decode(*byte).unsigned_abs() >= AUDIBLE)
}

/// One callee's ear.
pub struct Ear {
    index: Arc<EarIndex>,
    /// Where in which prompts the last frame may have been.
    places: Vec<Place>,
    /// The prompt of `places` was told.
    told: bool,
    /// Timestamp of the last frame.
    last: u32,
    /// Recognised, to be told with this or a later packet.
    recognised: VecDeque<usize>,
}

impl Ear {
    /// An ear that has heard nothing yet.
    pub fn new(index: Arc<EarIndex>) -> Ear {
        Ear { index, places: Vec::new(), told: false, last: 0, recognised: VecDeque::new() }
    }

    /// Goes on in the prompts that may be playing; false when the frame belongs to none of them.
    fn follow(&mut self, codec: Codec, steps: usize, frame: &Frame) -> bool {
        let index = &self.index;
        let mut over = None;
        self.places.retain_mut(|(prompt, at)| {
            let frames = index.frames(*prompt, codec);
            *at += steps;
            if *at >= frames.len() {
                over = over.or(Some(*prompt));
            }
            frames.get(*at) == Some(frame)
        });
        // nothing distinguished these prompts to their end: the first by name it is
        if let (true, false, Some(prompt)) = (self.places.is_empty(), self.told, over) {
            self.recognised.push_back(prompt);
        }
        !self.places.is_empty()
    }

    fn same_id(&self) -> Option<usize> {
        let (first, _) = *self.places.first()?;
        let id = self.index.prompts[first].id();
        self.places.iter().all(|(prompt, _)| self.index.prompts[*prompt].id() == id).then_some(first)
    }
}

impl Listener for Ear {
    fn hear(&mut self, codec: Codec, timestamp: u32, payload: &[u8]) -> Option<&str> {
        let frame: &Frame = payload.try_into().ok()?;
        let steps = ticks_between(self.last, timestamp) / FRAME_SAMPLES as i32;
        if !self.places.is_empty() && (-MAX_LOSS..=0).contains(&steps) {
            return None; // late or twice
        }
        self.last = timestamp;
        let steps = usize::try_from(steps).ok().filter(|steps| *steps <= MAX_LOSS as usize + 1);
        if !steps.is_some_and(|steps| self.follow(codec, steps, frame)) {
            self.places = self.index.starts(codec, frame).to_vec();
            self.told = false;
        }
        if !self.told
            && let Some(prompt) = self.same_id()
        {
            self.told = true;
            self.recognised.push_back(prompt);
        }
        self.recognised.pop_front().map(|prompt| self.index.prompts[prompt].id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A "recording": silence, then noise that depends on the seed.
    fn speech(seed: u32, lead_frames: usize, frames: usize) -> Vec<i16> {
        let mut state = seed.wrapping_mul(2_654_435_761) | 1;
        let mut noise = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 19) as i16
        };
        let lead = std::iter::repeat_n(0, lead_frames * FRAME_SAMPLES);
        lead.chain(std::iter::repeat_with(&mut noise).take(frames * FRAME_SAMPLES)).collect()
    }

    fn prompt(language: &str, id: &str, samples: &[i16]) -> Arc<Prompt> {
        Arc::new(Prompt::from_samples(language, id, "", samples))
    }

    struct Line {
        ear: Ear,
        codec: Codec,
        timestamp: u32,
        heard: Vec<(String, usize)>,
        frames: usize,
    }

    impl Line {
        fn new(prompts: &[Arc<Prompt>], codec: Codec) -> Line {
            let index = EarIndex::new(&PromptStore::new(prompts.iter().cloned()));
            Line { ear: Ear::new(Arc::new(index)), codec, timestamp: u32::MAX - 1_000, heard: Vec::new(), frames: 0 }
        }

        fn lose(&mut self, frames: u32) {
            self.timestamp = self.timestamp.wrapping_add(160 * frames);
        }

        fn play(&mut self, frames: &[Frame]) {
            for frame in frames {
                if let Some(id) = self.ear.hear(self.codec, self.timestamp, frame) {
                    self.heard.push((id.to_owned(), self.frames));
                }
                self.timestamp = self.timestamp.wrapping_add(160);
                self.frames += 1;
            }
        }

        fn ids(&self) -> Vec<&str> {
            self.heard.iter().map(|(id, _)| id.as_str()).collect()
        }
    }

    #[test]
    fn each_start_of_a_prompt_is_heard_within_three_frames() {
        for codec in [Codec::Pcma, Codec::Pcmu] {
            let prompts = [
                prompt("en", "a", &speech(1, 0, 40)),
                prompt("en", "b", &speech(2, 0, 7)),
                prompt("en", "c", &speech(3, 2, 3)),
            ];
            let mut line = Line::new(&prompts, codec);
            let silence = [[codec.silence(); FRAME_SAMPLES]; 9];
            line.play(&silence);
            for (index, cut) in [(0, 40), (1, 7), (2, 5), (0, 10), (0, 40), (1, 7)] {
                line.play(&prompts[index].frames(codec)[..cut]);
            }
            line.play(&silence);
            assert_eq!(line.ids(), ["a", "b", "c", "a", "a", "b"]);
            let starts = [9, 49, 58, 61, 71, 111]; // the third after its two silent frames
            for ((id, at), start) in line.heard.iter().zip(starts) {
                assert!((start..start + 3).contains(at), "{id} heard at {at}, audible from {start}");
            }
        }
    }

    #[test]
    fn what_starts_alike_is_told_apart_by_what_follows() {
        let long = speech(5, 1, 20);
        let mut other = long.clone();
        other[4 * 160..].iter_mut().for_each(|sample| *sample = sample.wrapping_neg());
        let short = &long[..3 * 160];
        let prompts = [prompt("en", "long", &long), prompt("en", "other", &other), prompt("en", "short", short)];
        let mut line = Line::new(&prompts, Codec::Pcma);
        for index in [0, 1, 2, 0] {
            line.play(prompts[index].frames(Codec::Pcma));
        }
        line.play(&[[0xd5; FRAME_SAMPLES]; 2]);
        assert_eq!(line.ids(), ["long", "other", "short", "long"]);
    }

    #[test]
    fn the_same_tone_in_two_languages_is_one_prompt() {
        let tone: Vec<i16> = (0..3_200).map(|index: i32| if index % 8 < 4 { 5_000 } else { -5_000 }).collect();
        let prompts = [
            prompt("en", "tone.beep", &tone),
            prompt("zh-CN", "tone.beep", &tone),
            prompt("en", "a", &speech(1, 0, 9)),
        ];
        let mut line = Line::new(&prompts, Codec::Pcma);
        line.play(prompts[0].frames(Codec::Pcma));
        line.play(prompts[2].frames(Codec::Pcma));
        line.play(prompts[1].frames(Codec::Pcma));
        assert_eq!(line.ids(), ["tone.beep", "a", "tone.beep"]);
        assert_eq!(line.heard[0].1, 0);
    }

    #[test]
    fn loss_and_duplicates_neither_hide_nor_repeat_a_prompt() {
        let prompts = [prompt("en", "a", &speech(1, 0, 60)), prompt("en", "b", &speech(2, 0, 60))];
        let frames = prompts[0].frames(Codec::Pcma);
        let mut line = Line::new(&prompts, Codec::Pcma);
        line.lose(2);
        line.play(&frames[2..10]);
        line.timestamp = line.timestamp.wrapping_sub(320);
        line.play(&frames[8..10]);
        line.lose(20);
        line.play(&frames[30..50]);
        line.lose(12);
        line.play(&prompts[1].frames(Codec::Pcma)[2..40]);
        assert_eq!(line.ids(), ["a", "b"]);
    }

    #[test]
    fn it_hears_through_the_media_plane() {
        use crate::media::playout::Playlist;
        use crate::media::session::{Command, Event};
        use crate::net::media_engine::{MediaConfig, MediaEngine, Peer};
        let folder = tempfile::tempdir().expect("a folder");
        let engine = MediaEngine::start(MediaConfig::new(std::net::Ipv4Addr::LOCALHOST.into(), folder.path().into()));
        let engine = engine.expect("an engine");
        let prompts = [prompt("en", "a", &speech(1, 1, 10)), prompt("en", "b", &speech(2, 0, 10))];
        let index = Arc::new(EarIndex::new(&PromptStore::new(prompts.iter().cloned())));
        let (sender, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let (ignored, _ignored) = tokio::sync::mpsc::unbounded_channel();
        let (caller, callee) = (engine.open(ignored).expect("a call"), engine.open(sender).expect("a call"));
        let peer = |remote| Peer {
            remote,
            rtcp: remote,
            codec: Codec::Pcma,
            packet_ms: 20,
            telephone_event: None,
            receive_telephone_event: None,
            comfort_noise: None,
            srtp: None,
        };
        callee.command(Command::Listen(Box::new(Ear::new(index))));
        callee.start(peer(caller.local_addr()));
        caller.start(peer(callee.local_addr()));
        caller.command(Command::Play(Playlist { tag: 1, prompts: prompts.to_vec(), barge_in: false, repeat: false }));
        let mut ids = Vec::new();
        while ids.len() < 2 {
            if let Some(Event::Heard { prompt, .. }) = heard.blocking_recv() {
                ids.push(prompt);
            }
        }
        assert_eq!(ids, ["a", "b"]);
    }
}
