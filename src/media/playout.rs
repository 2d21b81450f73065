//! What the customer hears: rows of prompts, byte for byte, without a gap from one to the next, whatever the length of a packet. Knows no packets and no clock.

use super::Codec;
use super::prompt::Prompt;
use std::collections::VecDeque;
use std::sync::Arc;

/// Prompts that belong together, such as a question and its scale.
#[derive(Clone, Debug)]
pub struct Playlist {
    /// Given back when it ends.
    pub tag: u64,
    /// Played one after the other.
    pub prompts: Vec<Arc<Prompt>>,
    /// A key silences it.
    pub barge_in: bool,
    /// Begins again after its last frame, without a gap, until it is cut short (hold music). What is queued behind it waits for that.
    pub repeat: bool,
}

/// A playlist is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ended {
    /// Of the playlist.
    pub tag: u64,
    /// It was cut short, or never began.
    pub interrupted: bool,
}

#[derive(Debug)]
struct Playing {
    list: Playlist,
    prompt: usize,
    /// Bytes of it that are out.
    out: usize,
}

impl Playing {
    /// Fills `room` as far as this list goes; how many bytes.
    fn fill(&mut self, codec: Codec, room: &mut [u8]) -> usize {
        let mut filled = self.fill_of_round(codec, room);
        while self.list.repeat && filled < room.len() {
            // anew, but not for ever: a list without a byte ends
            (self.prompt, self.out) = (0, 0);
            match self.fill_of_round(codec, &mut room[filled..]) {
                0 => break,
                more => filled += more,
            }
        }
        filled
    }

    fn fill_of_round(&mut self, codec: Codec, room: &mut [u8]) -> usize {
        let mut filled = 0;
        while let Some(prompt) = self.list.prompts.get(self.prompt) {
            let rest = prompt.bytes(codec).get(self.out..).unwrap_or_default();
            let taken = rest.len().min(room.len() - filled);
            room[filled..filled + taken].copy_from_slice(&rest[..taken]);
            filled += taken;
            self.out += taken;
            if filled == room.len() {
                break;
            }
            self.prompt += 1;
            self.out = 0;
        }
        filled
    }
}

/// The queue of playlists.
#[derive(Debug)]
pub struct Playout {
    codec: Codec,
    queue: VecDeque<Playing>,
    ended: VecDeque<Ended>,
}

impl Playout {
    /// An empty queue; what is played will be of `codec`.
    pub fn new(codec: Codec) -> Playout {
        Playout { codec, queue: VecDeque::new(), ended: VecDeque::new() }
    }

    /// From now on what is played is of `codec`; a prompt that plays goes on where it is.
    pub fn change_codec(&mut self, codec: Codec) {
        self.codec = codec;
    }

    /// Plays `list` now, in place of whatever plays or waits.
    pub fn play(&mut self, list: Playlist) {
        self.stop();
        self.enqueue(list);
    }

    /// Plays `list` without a gap after all that was queued.
    pub fn enqueue(&mut self, list: Playlist) {
        self.queue.push_back(Playing { list, prompt: 0, out: 0 });
    }

    /// Falls silent and forgets what waits.
    pub fn stop(&mut self) {
        while let Some(playing) = self.queue.pop_front() {
            self.ended.push_back(Ended { tag: playing.list.tag, interrupted: true });
        }
    }

    /// A key was pressed: silences what may be silenced, up to the first playlist that must be heard.
    pub fn key(&mut self) {
        while let Some(playing) = self.queue.pop_front_if(|playing| playing.list.barge_in) {
            self.ended.push_back(Ended { tag: playing.list.tag, interrupted: true });
        }
    }

    /// Fills `room`, the audio of this tick, as far as there is something to play; how many bytes. A playlist ends with the tick that finds nothing left
    /// of it: when its last byte went out with the tick before, or in the middle of this one.
    pub fn fill(&mut self, room: &mut [u8]) -> usize {
        let mut filled = 0;
        while filled < room.len()
            && let Some(playing) = self.queue.front_mut()
        {
            filled += playing.fill(self.codec, &mut room[filled..]);
            if filled < room.len() {
                self.ended.push_back(Ended { tag: playing.list.tag, interrupted: false });
                self.queue.pop_front();
            }
        }
        filled
    }

    /// The next playlist that ended.
    pub fn poll_ended(&mut self) -> Option<Ended> {
        self.ended.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::FRAME_SAMPLES;
    use proptest::prelude::*;

    fn prompt(level: i16, frames: usize) -> Arc<Prompt> {
        Arc::new(Prompt::from_samples("en", &format!("p{level}"), "", &vec![level; frames * 160]))
    }

    fn list(tag: u64, barge_in: bool, prompts: &[(i16, usize)]) -> Playlist {
        let prompts = prompts.iter().map(|(level, frames)| prompt(*level, *frames)).collect();
        Playlist { tag, barge_in, prompts, repeat: false }
    }

    /// What each tick sends: the level of the frame, or None; and what ended at that tick.
    fn ticks(playout: &mut Playout, count: usize) -> Vec<(Option<u8>, Vec<Ended>)> {
        let mut tick = || {
            let mut room = [0; FRAME_SAMPLES];
            let frame = (playout.fill(&mut room) > 0).then_some(room[0]);
            (frame, std::iter::from_fn(|| playout.poll_ended()).collect())
        };
        (0..count).map(|_| tick()).collect()
    }

    fn done(tag: u64) -> Ended {
        Ended { tag, interrupted: false }
    }

    fn cut(tag: u64) -> Ended {
        Ended { tag, interrupted: true }
    }

    #[test]
    fn prompts_and_playlists_follow_each_other_without_a_gap() {
        let codec = Codec::Pcma;
        let (a, b, c) = (Some(codec.encode(1000)), Some(codec.encode(2000)), Some(codec.encode(3000)));
        let mut playout = Playout::new(codec);
        playout.play(list(1, true, &[(1000, 2), (2000, 1)]));
        playout.enqueue(list(2, true, &[(3000, 1)]));
        let expected =
            [(a, vec![]), (a, vec![]), (b, vec![]), (c, vec![done(1)]), (None, vec![done(2)]), (None, vec![])];
        assert_eq!(ticks(&mut playout, 6), expected);
    }

    #[test]
    fn an_empty_playlist_ends_at_once() {
        let mut playout = Playout::new(Codec::Pcmu);
        playout.play(list(1, false, &[]));
        playout.enqueue(list(2, false, &[(500, 0)]));
        assert_eq!(ticks(&mut playout, 1), [(None, vec![done(1), done(2)])]);
    }

    #[test]
    fn a_key_silences_only_what_it_may() {
        let mut playout = Playout::new(Codec::Pcma);
        playout.play(list(1, true, &[(1000, 5)]));
        playout.enqueue(list(2, true, &[(2000, 5)]));
        playout.enqueue(list(3, false, &[(3000, 1)]));
        playout.enqueue(list(4, true, &[(1000, 1)]));
        ticks(&mut playout, 2);
        playout.key();
        let expected =
            [(Some(Codec::Pcma.encode(3000)), vec![cut(1), cut(2)]), (Some(Codec::Pcma.encode(1000)), vec![done(3)])];
        assert_eq!(ticks(&mut playout, 2), expected);
    }

    #[test]
    fn play_and_stop_replace() {
        let mut playout = Playout::new(Codec::Pcma);
        playout.play(list(1, false, &[(1000, 5)]));
        playout.enqueue(list(2, false, &[(1000, 5)]));
        playout.play(list(3, false, &[(2000, 5)]));
        assert_eq!(ticks(&mut playout, 1), [(Some(Codec::Pcma.encode(2000)), vec![cut(1), cut(2)])]);
        playout.stop();
        assert_eq!(ticks(&mut playout, 1), [(None, vec![cut(3)])]);
    }

    #[test]
    fn a_repeated_playlist_goes_round_without_a_gap_until_it_is_cut_short() {
        let codec = Codec::Pcma;
        let (a, b) = (Some(codec.encode(1000)), Some(codec.encode(2000)));
        let mut playout = Playout::new(codec);
        playout.play(Playlist { repeat: true, ..list(1, false, &[(1000, 2), (2000, 1)]) });
        playout.enqueue(list(2, true, &[(3000, 5)]));
        playout.key();
        let heard: Vec<_> = ticks(&mut playout, 8).into_iter().map(|(frame, ended)| (frame, ended.len())).collect();
        assert_eq!(heard, [a, a, b, a, a, b, a, a].map(|frame| (frame, 0)));
        playout.stop();
        assert_eq!(ticks(&mut playout, 1), [(None, vec![cut(1), cut(2)])]);
        playout.play(Playlist { repeat: true, ..list(3, false, &[(500, 0)]) });
        assert_eq!(ticks(&mut playout, 1), [(None, vec![done(3)])], "nothing in it: it ends");
    }

    proptest! {
        /// However the audio is cut into packets: what goes out is the prompts, one after the other, byte for byte.
        #[test]
        fn no_packet_length_makes_a_gap(
            lengths in prop::collection::vec(prop::collection::vec(0usize..1000, 0..4), 1..4),
            packet in prop::sample::select(vec![80usize, 160, 240, 320]),
        ) {
            let codec = Codec::Pcmu;
            let mut playout = Playout::new(codec);
            let mut expected = Vec::new();
            for (tag, prompts) in lengths.iter().enumerate() {
                let prompts: Vec<_> = prompts.iter().enumerate().map(|(n, length)| {
                    let samples: Vec<i16> = (0..*length).map(|i| ((i * 37 + n * 911 + tag * 5) % 20_000) as i16).collect();
                    Arc::new(Prompt::from_samples("en", "p", "", &samples))
                }).collect();
                expected.extend(prompts.iter().flat_map(|prompt| prompt.bytes(codec).to_vec()));
                playout.enqueue(Playlist { tag: tag as u64, prompts, barge_in: true, repeat: false });
            }
            let (mut sent, mut room) = (Vec::new(), vec![0; packet]);
            loop {
                let filled = playout.fill(&mut room);
                sent.extend_from_slice(&room[..filled]);
                if filled < packet {
                    break;
                }
            }
            prop_assert_eq!(sent, expected);
            prop_assert_eq!(std::iter::from_fn(|| playout.poll_ended()).count(), lengths.len());
            prop_assert_eq!(playout.fill(&mut room), 0);
        }
    }
}
