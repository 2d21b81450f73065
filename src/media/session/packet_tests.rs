//! Packets of each length that a peer may ask for: 10, 20, 30, 40 ms.

use super::tests::{epoch, params};
use super::*;
use crate::media::bridge;
use crate::media::playout::Playlist;
use crate::media::prompt::Prompt;
use proptest::prelude::*;
use std::sync::Arc;

const LENGTHS: [u32; 4] = [10, 20, 30, 40];

struct Rig {
    session: Session,
    now: Instant,
    packet_ms: u32,
}

impl Rig {
    fn new(packet_ms: u32) -> Rig {
        let now = epoch();
        let session = Session::new(SessionParams { packet_ms, ..params(Codec::Pcma) }, now);
        Rig { session, now, packet_ms }
    }

    fn tick(&mut self) -> (Header, Vec<u8>) {
        self.now += Duration::from_millis(self.packet_ms.into());
        let mut out = [0; PACKET_LEN];
        let length = self.session.tick(self.now, &mut out);
        let packet = rtp::read(&out[..length]).expect("our own packet");
        (packet.header, packet.payload.to_vec())
    }

    fn play(&mut self, samples: &[i16]) -> Vec<u8> {
        let prompt = Arc::new(Prompt::from_samples("en", "p", "", samples));
        let bytes = prompt.bytes(Codec::Pcma).to_vec();
        let list = Playlist { tag: 1, prompts: vec![prompt], barge_in: true, repeat: false };
        self.session.handle(Command::Play(list), self.now);
        bytes
    }
}

proptest! {
    /// The prompt arrives byte for byte, the clock counts samples, every packet has the length that was asked for.
    #[test]
    fn a_prompt_is_whole_in_packets_of_any_length(
        packet_ms in prop::sample::select(LENGTHS.to_vec()),
        samples in prop::collection::vec(any::<i16>(), 1..4000),
    ) {
        let mut rig = Rig::new(packet_ms);
        let prompt = rig.play(&samples);
        let mut heard = Vec::new();
        let mut last: Option<Header> = None;
        while heard.len() < prompt.len() {
            let (header, payload) = rig.tick();
            prop_assert_eq!(payload.len() as u32, packet_ms * 8);
            if let Some(last) = last {
                prop_assert_eq!(header.timestamp, last.timestamp.wrapping_add(packet_ms * 8));
                prop_assert_eq!(header.sequence, last.sequence.wrapping_add(1));
            }
            last = Some(header);
            heard.extend(payload);
        }
        prop_assert_eq!(&heard[..prompt.len()], &prompt[..]);
        prop_assert!(heard[prompt.len()..].iter().all(|byte| *byte == Codec::Pcma.silence()));
        rig.tick();
        let ended = Event::PlaybackEnded { tag: 1, interrupted: false };
        prop_assert_eq!(std::iter::from_fn(|| rig.session.poll_event()).filter(|event| *event == ended).count(), 1);
    }
}

#[test]
fn keys_are_held_as_long_in_packets_of_any_length() {
    for packet_ms in LENGTHS {
        let mut rig = Rig::new(packet_ms);
        let keys = Command::SendKeys { keys: "5".to_owned(), press_ms: 120, gap_ms: 60 };
        rig.session.handle(keys, rig.now);
        let sent: Vec<_> = (0..30).map(|_| rig.tick()).filter(|(header, _)| header.payload_type == 101).collect();
        let durations: Vec<u16> = sent.iter().map(|(_, p)| u16::from_be_bytes([p[2], p[3]])).collect();
        let updates = (120 / packet_ms) as u16;
        let expected: Vec<u16> = (1..=updates).chain([updates; 2]).map(|n| n * packet_ms as u16 * 8).collect();
        assert_eq!(durations, expected, "{packet_ms} ms");
        assert!(sent.iter().all(|(header, _)| header.timestamp == sent[0].0.timestamp), "{packet_ms} ms");
    }
}

#[test]
fn a_bridge_fills_packets_of_any_length() {
    for packet_ms in LENGTHS {
        let (ours, mut theirs) = bridge::pair();
        let mut rig = Rig::new(packet_ms);
        rig.session.handle(Command::Bridge(ours), rig.now);
        let (mut heard, mut sequence) = (Vec::new(), 0);
        for n in 0..60 {
            let (before, after) = (n * packet_ms / 20, (n + 1) * packet_ms / 20);
            for _ in before..after {
                sequence += 1;
                let timestamp = u32::from(sequence) * 160;
                let header = Header { marker: false, payload_type: 8, sequence, timestamp, ssrc: 9 };
                theirs.audio(Codec::Pcma, &header, &[0x11; FRAME_SAMPLES], rig.now);
            }
            heard.extend(rig.tick().1);
        }
        // what comes in 20 ms fits 30 ms only now and then: the jitter buffer grows once
        let settled = &heard[heard.len() / 2..];
        assert!(settled.iter().all(|byte| *byte == 0x11), "{packet_ms} ms: the other side is heard without a gap");
    }
}
