//! One press is one key, whatever ways it came by. The way that is first tells the key; what the others tell of it later is known for the same press.
//!
//! Each key that is told leaves a note for each other way: "this press may come again here". A press that finds a note of its key takes it and is no new one. Notes
//! are void after the time by which a way may lag, so that a way that missed a press does not swallow a later one.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A way by which keys come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Path {
    /// Telephone-events on RTP.
    Rfc4733,
    /// Tones in the audio.
    InBand,
    /// SIP INFO.
    Info,
}

impl Path {
    const ALL: [Path; 3] = [Path::Rfc4733, Path::InBand, Path::Info];

    /// In words, as in "key 5 by SIP INFO".
    pub fn words(self) -> &'static str {
        match self {
            Path::Rfc4733 => "RFC 4733",
            Path::InBand => "tones",
            Path::Info => "SIP INFO",
        }
    }

    /// How much later than on the first way the beginning of a press may be seen here. RTP's two ways come together, but for 50 ms of detection and
    /// for lost packets of events; INFO crosses proxies, and is sent again after half a second when it was lost (RFC 3261 17.1.2).
    fn lag(self) -> Duration {
        match self {
            Path::Rfc4733 => Duration::from_millis(400),
            Path::InBand => Duration::from_millis(250),
            Path::Info => Duration::from_millis(2_000),
        }
    }
}

/// Notes that are kept at most; the oldest goes first.
const NOTES: usize = 64;

#[derive(Clone, Copy, Debug)]
struct Note {
    key: char,
    /// On this way the press may come again.
    path: Path,
    /// It was first seen on that one.
    first: Path,
    began: Instant,
}

/// Knows the presses of one call.
#[derive(Debug, Default)]
pub struct Fuse {
    notes: VecDeque<Note>,
}

impl Fuse {
    /// A press of `key` came by `path`; it began at `began` (for INFO, which is sent when the key is let go, that is earlier than its arrival).
    /// True when it is a new one.
    pub fn press(&mut self, key: char, path: Path, began: Instant) -> bool {
        let is_it = |note: &Note| {
            let apart = began.max(note.began) - began.min(note.began);
            note.key == key && note.path == path && apart <= path.lag().max(note.first.lag())
        };
        if let Some(at) = self.notes.iter().position(is_it) {
            self.notes.remove(at);
            return false;
        }
        for other in Path::ALL.into_iter().filter(|other| *other != path) {
            if self.notes.len() == NOTES {
                self.notes.pop_front();
            }
            self.notes.push_back(Note { key, path: other, first: path, began });
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAMES: [(&str, Path); 3] = [("rtp", Path::Rfc4733), ("tone", Path::InBand), ("info", Path::Info)];

    /// Presses as `ms way key`, in the order of their arrival; the number of those that are new.
    fn new_ones(epoch: Instant, presses: &str) -> String {
        let mut fuse = Fuse::default();
        let words = presses.split_whitespace().collect::<Vec<_>>();
        let heard = words.chunks(3).filter_map(|press| {
            let began = epoch + Duration::from_millis(press[0].parse().expect("ms"));
            let path = NAMES.iter().find(|(name, _)| *name == press[1]).expect("a way").1;
            let key = press[2].chars().next().expect("a key");
            fuse.press(key, path, began).then_some(key)
        });
        heard.collect()
    }

    #[test]
    fn a_press_is_one_key_by_whatever_ways() {
        let epoch = Instant::now();
        let table = [
            ("one way alone", "0 rtp 5", "5"),
            ("the residue of a tone before the event", "0 tone 5 40 rtp 5", "5"),
            ("the event before the tone", "0 rtp 5 45 tone 5", "5"),
            ("all three", "0 rtp 5 45 tone 5 20 info 5", "5"),
            ("INFO late by a retransmission", "0 rtp 5 1500 info 5", "5"),
            ("two quick presses, one way", "0 rtp 5 150 rtp 5", "55"),
            ("two quick presses, two ways in turn", "0 rtp 5 45 tone 5 150 rtp 5 195 tone 5", "55"),
            ("two quick presses, INFO behind both", "0 rtp 5 150 rtp 5 10 info 5 160 info 5", "55"),
            ("different keys", "0 rtp 1 45 tone 1 200 rtp 2 245 tone 2", "12"),
            ("an event that was lost on one way", "0 tone 5 3000 rtp 5 3045 tone 5", "55"),
            ("INFO alone, twice", "0 info 7 300 info 7", "77"),
            ("INFO before the rest", "0 info 7 300 rtp 7 345 tone 7", "7"),
            ("too late to be the same", "0 rtp 5 2600 info 5", "55"),
        ];
        for (what, presses, expected) in table {
            assert_eq!(new_ones(epoch, presses), expected, "{what}");
        }
    }

    proptest! {
        /// Presses like people's (100 ms and more from one beginning to the next) on any set of ways that see all of them, each with its lag.
        #[test]
        fn every_press_is_told_once(
            presses in prop::collection::vec((prop::sample::select(vec!['1', '2', '5', '#']), 100u64..900), 1..40),
            ways in prop::sample::subsequence(Path::ALL.to_vec(), 1..=3),
            lags in prop::collection::vec((0u64..100, 40u64..90, 0u64..1_500), 40),
        ) {
            let epoch = Instant::now();
            let (mut at, mut arrivals) = (0, Vec::new());
            for (n, (key, gap)) in presses.iter().enumerate() {
                at += gap;
                for way in &ways {
                    let (rtp, tone, info) = lags[n];
                    // how late it arrives, and how late its beginning seems
                    let (late, seems) = match way {
                        Path::Rfc4733 => (rtp, rtp),
                        Path::InBand => (tone, tone),
                        Path::Info => (info + 100, info),
                    };
                    arrivals.push((at + late, at + seems, *way, *key));
                }
            }
            // each way keeps its own order
            let mut last = std::collections::HashMap::new();
            for arrival in &mut arrivals {
                let before: &mut u64 = last.entry(format!("{:?}", arrival.2)).or_default();
                arrival.0 = arrival.0.max(*before);
                *before = arrival.0;
            }
            arrivals.sort_by_key(|arrival| arrival.0);
            let mut fuse = Fuse::default();
            let told = arrivals.iter().filter(|(_, began, way, key)| fuse.press(*key, *way, epoch + Duration::from_millis(*began)));
            prop_assert_eq!(told.count(), presses.len());
        }
    }
}
