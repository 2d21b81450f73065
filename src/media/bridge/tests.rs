//! Two ends of a bridge in virtual time: what is put in at one and when it comes out at the other.

use super::*;
use proptest::prelude::*;

const A: Codec = Codec::Pcma;

/// One end, with the packets that arrive there.
struct Side {
    port: Port,
    sequence: u16,
    now: Instant,
}

fn sides() -> (Side, Port) {
    let (port, other) = pair();
    (Side { port, sequence: 65_534, now: Instant::now() }, other)
}

impl Side {
    fn hears(&mut self, codec: Codec, payload: &[u8]) {
        self.sequence = self.sequence.wrapping_add(1);
        self.packet(codec, self.sequence, payload);
    }

    fn packet(&mut self, codec: Codec, sequence: u16, payload: &[u8]) {
        let header = Header { marker: false, payload_type: codec.payload_type(), sequence, timestamp: 0, ssrc: 9 };
        self.port.audio(codec, &header, payload, self.now);
    }
}

/// The levels of the next frames; none for a tick without one.
fn frames(port: &mut Port, count: usize) -> Vec<Option<u8>> {
    (0..count).map(|_| port.next_frame(A).map(|frame| frame[0])).collect()
}

#[test]
fn what_arrives_leaves_in_the_next_tick_byte_for_byte() {
    let (mut side, mut port) = sides();
    for round in 0..100u8 {
        let payload: Vec<u8> = (0..160u8).map(|index| index.wrapping_mul(round)).collect();
        side.hears(A, &payload);
        assert_eq!(port.next_frame(A).map(|frame| frame.to_vec()), Some(payload));
    }
    assert_eq!(port.next_frame(A), None);
}

#[test]
fn the_other_law_goes_through_the_table_also_when_the_peer_changes_its_mind() {
    let (mut side, mut port) = sides();
    side.hears(Codec::Pcmu, &[Codec::Pcmu.encode(5_000); 160]);
    side.hears(A, &[A.encode(5_000); 160]);
    let (first, second) = (port.next_frame(A), port.next_frame(A));
    let level = |frame: Option<Frame>| frame.map(|frame| i32::from(A.decode(frame[7])));
    assert!(level(first).is_some_and(|level| (level - 5_000).abs() < 200), "{:?}", level(first));
    assert_eq!(second, Some([A.encode(5_000); 160]));
}

#[test]
fn packets_of_any_length_are_cut_into_frames() {
    for (length, packets) in [(80, 8), (160, 4), (240, 4), (480, 3), (1_600, 1)] {
        let (mut side, mut port) = sides();
        let said: Vec<u8> = (0..length * packets).map(|index| (index / 7) as u8).collect();
        let mut heard = Vec::new();
        for part in said.chunks(length) {
            side.hears(A, part);
            heard.extend((0..length.div_ceil(160)).filter_map(|_| port.next_frame(A)).flatten());
        }
        heard.extend(port.next_frame(A).into_iter().flatten());
        assert_eq!(heard, said[..said.len() / 160 * 160], "{length}");
    }
}

#[test]
fn the_delay_is_bounded_and_a_spare_frame_is_dropped_in_time() {
    let (mut side, mut port) = sides();
    (1..=6).for_each(|level| side.hears(A, &[level; 160]));
    assert_eq!(frames(&mut port, 4), [Some(4), Some(5), Some(6), None], "three frames stay, the oldest are gone");
    // a burst leaves two frames too many; each SPARE_TICKS one of them goes
    (1..=2).for_each(|_| side.hears(A, &[1; 160]));
    let mut left = Vec::new();
    for _ in 0..2 * SPARE_TICKS {
        side.hears(A, &[2; 160]);
        assert!(port.next_frame(A).is_some());
        left.push(port.jitter.length / 160);
    }
    assert_eq!((left[0], left[SPARE_TICKS as usize], left.last()), (2, 1, Some(&0)));
    // and none of those that are needed: packets come in twos
    for _ in 0..2 * SPARE_TICKS {
        (0..2).for_each(|_| side.hears(A, &[3; 160]));
        assert!(frames(&mut port, 2).iter().all(Option::is_some));
    }
}

#[test]
fn repeated_and_overtaken_packets_are_left_out_and_a_new_source_begins_anew() {
    let (mut side, mut port) = sides();
    for (sequence, level) in [(10, 1), (10, 1), (12, 3), (11, 2), (13, 4)] {
        side.packet(A, sequence, &[level; 160]);
    }
    assert_eq!(frames(&mut port, 4), [Some(1), Some(3), Some(4), None]);
    let header = Header { marker: true, payload_type: 8, sequence: 2, timestamp: 0, ssrc: 10 };
    side.port.audio(A, &header, &[5; 160], side.now);
    assert_eq!(frames(&mut port, 1), [Some(5)]);
}

#[test]
fn a_key_goes_over_once_and_its_sound_does_not() {
    let (mut side, mut port) = sides();
    side.hears(A, &[1; 160]);
    for key in [Some('5'), None, None] {
        side.port.key_packet(key, side.now);
        side.hears(A, &[2; 160]);
        side.now += Duration::from_millis(20);
    }
    side.now += KEY_SOUND;
    side.hears(A, &[3; 160]);
    assert_eq!((port.next_key(), port.next_key()), (Some('5'), None));
    assert_eq!(frames(&mut port, 3), [Some(1), Some(3), None]);
    (0..20).for_each(|_| side.port.key_packet(Some('7'), side.now));
    assert_eq!(std::iter::from_fn(|| port.next_key()).count(), KEYS, "bounded");
}

#[test]
fn nobody_listens_and_nobody_is_there() {
    let (mut side, port) = sides();
    for _ in 0..10_000 {
        side.hears(A, &[1; 160]);
    }
    assert_eq!(side.port.out.audio.len(), QUEUE);
    assert!(!side.port.is_alone());
    drop(port);
    assert!(side.port.is_alone());
    side.hears(A, &[1; 160]);
    assert_eq!(side.port.next_frame(A), None);
}

#[test]
fn two_threads_hold_the_ends() {
    let (mut side, mut port) = sides();
    let talker = std::thread::spawn(move || {
        for round in 0..50_000u32 {
            side.hears(A, &[(round % 251) as u8; 160]);
        }
    });
    while !talker.is_finished() {
        if let Some(frame) = port.next_frame(A) {
            assert!(frame.iter().all(|byte| *byte == frame[0]), "a frame is never torn");
        }
    }
    talker.join().expect("no panic");
}

proptest! {
    #[test]
    fn any_packets_in_any_rhythm(packets in proptest::collection::vec((0usize..2_000, any::<u16>(), 0usize..4), 0..200)) {
        let (mut side, mut port) = sides();
        for (length, sequence, ticks) in packets {
            side.packet(A, sequence, &vec![7; length]);
            for _ in 0..ticks {
                prop_assert!(port.next_frame(A).is_none_or(|frame| frame == [7; 160]));
                prop_assert!(port.jitter.length <= DEPTH + MAX_PACKET);
            }
        }
    }
}
