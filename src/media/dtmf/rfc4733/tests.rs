//! Key presses over RTP: tables of packets, and random presses through a channel that loses, repeats and reorders.

use super::*;
use proptest::prelude::*;

/// (sequence, timestamp, marker, payload in hex)
type Row = (u16, u32, bool, [u8; 4]);

fn keys(rows: &[Row]) -> String {
    let mut receiver = Receiver::default();
    let header = |row: &Row| Header { marker: row.2, payload_type: 101, sequence: row.0, timestamp: row.1, ssrc: 1 };
    rows.iter().filter_map(|row| receiver.receive(&header(row), &row.3)).collect()
}

const ONE: [Row; 6] = [
    (10, 8000, true, [0x01, 0x0a, 0x00, 0xa0]),
    (11, 8000, false, [0x01, 0x0a, 0x01, 0x40]),
    (12, 8000, false, [0x01, 0x0a, 0x01, 0xe0]),
    (13, 8000, false, [0x01, 0x8a, 0x02, 0x80]),
    (14, 8000, false, [0x01, 0x8a, 0x02, 0x80]),
    (15, 8000, false, [0x01, 0x8a, 0x02, 0x80]),
];

fn one(indices: &[usize]) -> Vec<Row> {
    indices.iter().map(|index| ONE[*index]).collect()
}

#[test]
fn one_press_is_one_key_whatever_is_lost_repeated_or_reordered() {
    let cases: [(&str, &[usize]); 9] = [
        ("whole", &[0, 1, 2, 3, 4, 5]),
        ("start lost", &[2, 3, 4, 5]),
        ("middle lost", &[0, 3, 4, 5]),
        ("ends lost", &[0, 1, 2]),
        ("only the last end", &[5]),
        ("only the start", &[0]),
        ("reversed", &[5, 4, 3, 2, 1, 0]),
        ("start after the end", &[1, 3, 4, 5, 0, 2]),
        ("late duplicates", &[0, 1, 2, 3, 4, 5, 0, 5, 3, 1]),
    ];
    for (name, indices) in cases {
        assert_eq!(keys(&one(indices)), "1", "{name}");
    }
}

#[test]
fn the_first_packet_reports_the_key() {
    assert_eq!(keys(&one(&[0])), "1");
    assert_eq!(keys(&one(&[4])), "1");
}

#[test]
fn two_quick_presses_of_one_key_are_two() {
    let again = |shift: u32| {
        ONE.map(|(sequence, timestamp, marker, payload)| (sequence + 10, timestamp + shift, marker, payload))
    };
    for shift in [640, 800, 1600, 160_000] {
        let second = again(shift);
        let whole: Vec<Row> = ONE.into_iter().chain(second).collect();
        assert_eq!(keys(&whole), "11", "second press after {shift} ticks");
        // ends of the first and the start of the second lost
        let holes: Vec<Row> = ONE[..2].iter().chain(&second[2..]).copied().collect();
        assert_eq!(keys(&holes), "11", "with holes, after {shift} ticks");
        // a packet of the first comes during the second
        let late: Vec<Row> =
            ONE[..4].iter().chain(&second[..2]).chain(&ONE[4..]).chain(&second[2..]).copied().collect();
        assert_eq!(keys(&late), "11", "late, after {shift} ticks");
    }
}

#[test]
fn timestamps_and_sequence_numbers_wrap() {
    let near = u32::MAX - 100;
    let rows: [Row; 5] = [
        (0xffff, near, true, [0x05, 0x0a, 0x00, 0xa0]),
        (0x0000, near, false, [0x05, 0x8a, 0x01, 0x40]),
        (0x0003, near.wrapping_add(960), true, [0x05, 0x0a, 0x00, 0xa0]),
        (0x0001, near, false, [0x05, 0x8a, 0x01, 0x40]),
        (0x0004, near.wrapping_add(960), false, [0x05, 0x8a, 0x01, 0x40]),
    ];
    assert_eq!(keys(&rows), "55");
}

#[test]
fn a_long_press_is_one_key_over_its_segments() {
    let start = u32::MAX - 70_000;
    let second = start.wrapping_add(0xffff);
    let third = second.wrapping_add(0xffff);
    let rows: [Row; 7] = [
        (1, start, true, [0x0b, 0x0a, 0x00, 0xa0]),
        (2, start, false, [0x0b, 0x0a, 0xff, 0x00]),
        (3, start, false, [0x0b, 0x0a, 0xff, 0xff]),
        (4, second, false, [0x0b, 0x0a, 0x00, 0x41]),
        (5, second, false, [0x0b, 0x0a, 0xff, 0xff]),
        (6, third, false, [0x0b, 0x0a, 0x00, 0xa0]),
        (7, third, false, [0x0b, 0x8a, 0x01, 0x40]),
    ];
    assert_eq!(keys(&rows), "#");
    let with_loss = [rows[0], (2, start, false, [0x0b, 0x0a, 0xe0, 0x00]), rows[4], rows[6], rows[2]];
    assert_eq!(keys(&with_loss), "#");
    // released at last, and pressed again exactly where a next segment would have begun
    let again = [rows[0], (2, start, false, [0x0b, 0x8a, 0xff, 0xff]), (5, second, false, [0x0b, 0x0a, 0x00, 0xa0])];
    assert_eq!(keys(&again), "##");
}

#[test]
fn what_is_no_key_is_nothing() {
    assert_eq!(keys(&[(1, 0, true, [16, 0x0a, 0, 0xa0]), (2, 0, true, [255, 0x8a, 0, 0xa0])]), "", "flash and others");
    let mut receiver = Receiver::default();
    let header = Header { marker: true, payload_type: 101, sequence: 1, timestamp: 1, ssrc: 1 };
    assert_eq!(receiver.receive(&header, &[1, 0, 0]), None, "three bytes");
    assert_eq!(receiver.receive(&header, &[]), None, "none");
    assert_eq!(receiver.receive(&header, &[1, 0, 0, 160, 1, 0, 0, 160]), Some('1'), "more than four");
}

/// All packets of a row of presses; (press, header, payload).
fn sent(keys: &str, press_ms: u32, gap_ms: u32, first: u32) -> Vec<(usize, Header, [u8; 4])> {
    let mut sender = Sender::new(keys, press_ms, gap_ms, 20);
    let (mut clock, mut sequence, mut press, mut out) = (first, 65_530u16, 0, Vec::new());
    loop {
        match sender.step(clock) {
            Step::Done => return out,
            Step::Pause => {}
            Step::Packet { marker, timestamp, payload } => {
                press += usize::from(marker);
                let header = Header { marker, payload_type: 101, sequence, timestamp, ssrc: 9 };
                out.push((press - 1, header, payload.to_bytes()));
                sequence = sequence.wrapping_add(1);
            }
        }
        clock = clock.wrapping_add(160);
    }
}

#[test]
fn the_sender_follows_the_recommendation() {
    let packets = sent("1#", 60, 80, 1000);
    let rows: Vec<(bool, u32, [u8; 4])> =
        packets.iter().map(|(_, header, payload)| (header.marker, header.timestamp, *payload)).collect();
    let press = |timestamp, event| {
        [
            (true, timestamp, [event, 10, 0, 160]),
            (false, timestamp, [event, 10, 1, 64]),
            (false, timestamp, [event, 0x8a, 1, 224]),
            (false, timestamp, [event, 0x8a, 1, 224]),
            (false, timestamp, [event, 0x8a, 1, 224]),
        ]
    };
    // the second press begins 60 ms + 80 ms after the first
    assert_eq!(rows, [press(1000, 1), press(1000 + 7 * 160, 11)].concat());
    assert!(packets.windows(2).all(|pair| pair[1].1.sequence == pair[0].1.sequence.wrapping_add(1)));
}

#[test]
fn what_we_send_we_receive_also_when_held_for_half_a_minute() {
    let mut receiver = Receiver::default();
    let packets = sent("90", 30_000, 100, u32::MAX - 5_000);
    let got: String = packets.iter().filter_map(|(_, header, payload)| receiver.receive(header, payload)).collect();
    assert_eq!(got, "90");
    assert!(packets.iter().all(|(_, header, _)| !header.marker || header.timestamp != 0));
}

#[test]
fn only_keys_are_sent() {
    let mut sender = Sender::new("x", 100, 100, 20);
    assert_eq!((sender.left(), sender.step(0)), (0, Step::Done));
    for (code, key) in "0123456789*#ABCD".chars().enumerate() {
        assert_eq!(event_code(key), Some(code as u8));
    }
    assert_eq!(event_code('a'), Some(12));
}

proptest! {
    /// Each packet is lost, repeated or delayed at random. Packets are delayed by less than the memory of the receiver, so: no press twice,
    /// and each press of which a packet arrives exactly once, in the order in which their first packets arrive.
    #[test]
    fn each_press_that_arrives_is_one_key(
        keys in "[0-9*#A-D]{1,12}",
        press_ms in 40u32..400,
        gap_ms in 40u32..300,
        first in any::<u32>(),
        fates in proptest::collection::vec((0u8..100, 0u32..12, any::<bool>()), 500),
        loss in 0u8..95,
    ) {
        let packets = sent(&keys, press_ms, gap_ms, first);
        let mut arrivals = Vec::new();
        for (position, packet) in packets.iter().enumerate() {
            let (dice, delay, twice) = fates[position % fates.len()];
            if dice >= loss {
                arrivals.push((position as u32 + delay, *packet));
                if twice {
                    arrivals.push((position as u32 + 2 * delay + 1, *packet));
                }
            }
        }
        arrivals.sort_by_key(|(at, _)| *at);
        let mut receiver = Receiver::default();
        let mut expected = Vec::new();
        let mut reported = Vec::new();
        for (_, (press, header, payload)) in &arrivals {
            let first_of_press = !expected.contains(press);
            if first_of_press {
                expected.push(*press);
            }
            let key = receiver.receive(header, payload);
            prop_assert_eq!(key.is_some(), first_of_press, "press {} at its first packet and never again", press);
            reported.extend(key);
        }
        let spelled: Vec<char> = keys.chars().collect();
        let expected: Vec<char> = expected.iter().map(|press| spelled[*press]).collect();
        prop_assert_eq!(reported, expected);
    }
}
