//! Recording under loss, reordering and odd clocks, in virtual time.

use super::*;
use proptest::prelude::*;

/// The moment at which virtual time starts.
fn epoch() -> Instant {
    Instant::now()
}

fn params(max_ms: u64) -> RecordParams {
    RecordParams { tag: 7, name: None, max: Duration::from_millis(max_ms), stop_keys: vec!['#'], silence_end: None }
}

/// The samples of packet `index`: each sample knows its place.
fn packet(index: u32) -> Vec<i16> {
    (0..160).map(|offset| ((index * 160 + offset) % 30_000 + 1) as i16).collect()
}

fn whole(count: u32) -> Vec<i16> {
    (0..count).flat_map(packet).collect()
}

fn record(first: u32, arrivals: &[u32]) -> Vec<i16> {
    let start = epoch();
    let mut recorder = Recorder::new(params(60_000), start);
    let mut out = Vec::new();
    for (tick, index) in arrivals.iter().enumerate() {
        let now = start + Duration::from_millis(20 * tick as u64);
        recorder.audio(first.wrapping_add(index * 160), &packet(*index), now);
        out.extend(recorder.take_chunk().into_iter().flatten());
    }
    out.extend(recorder.finish());
    out
}

#[test]
fn packets_in_order_are_the_recording_also_over_a_wrap() {
    let arrivals: Vec<u32> = (0..200).collect();
    for first in [0, u32::MAX - 1_000] {
        assert_eq!(record(first, &arrivals), whole(200));
    }
}

#[test]
fn a_lost_packet_is_silence_and_the_rest_stays_in_place() {
    let recorded = record(5, &[0, 1, 4, 5]);
    let mut expected = whole(6);
    expected[320..640].fill(0);
    assert_eq!(recorded, expected);
}

#[test]
fn late_packets_fill_their_hole_and_duplicates_change_nothing() {
    assert_eq!(record(5, &[0, 1, 3, 3, 2, 5, 4, 1, 6]), whole(7));
}

#[test]
fn a_packet_from_before_the_recording_is_left_out() {
    assert_eq!(record(5_000, &[20, 19, 21]), [packet(20), packet(21)].concat());
}

#[test]
fn a_pause_without_packets_and_a_new_clock_are_placed_by_arrival() {
    let start = epoch();
    let at = |ms| start + Duration::from_millis(ms);
    let mut recorder = Recorder::new(params(60_000), start);
    recorder.audio(1_000, &packet(0), at(1_020)); // the first words come after a second
    assert_eq!(recorder.samples(), 8_160);
    recorder.audio(3_000_000_000, &packet(1), at(1_040)); // another clock, at once
    assert_eq!(recorder.samples(), 8_320);
    recorder.audio(10, &packet(2), at(2_060)); // and another, a second later
    assert_eq!(recorder.samples(), 16_480);
}

#[test]
fn it_ends_by_key_by_time_and_by_silence() {
    let start = epoch();
    let at = |ms| start + Duration::from_millis(ms);
    let mut recorder =
        Recorder::new(RecordParams { silence_end: Some(Duration::from_millis(400)), ..params(1_000) }, start);
    assert_eq!(recorder.ends_by_key('#'), Some(RecordingEnd::Key('#')));
    assert_eq!(recorder.ends_by_key('1'), None);
    assert_eq!(recorder.ends_by_time(at(399)), None);
    recorder.audio(0, &[3_000; 160], at(300));
    assert_eq!(recorder.ends_by_time(at(400)), None);
    recorder.audio(160, &[10; 160], at(320));
    assert_eq!(recorder.ends_by_time(at(700)), Some(RecordingEnd::Silence));
    assert_eq!(recorder.ends_by_time(at(1_000)), Some(RecordingEnd::MaxDuration));
    recorder.audio(40_000, &[3_000; 160], at(800));
    assert_eq!(recorder.samples(), 8_000, "never longer than it may be");
    assert_eq!(recorder.ends_by_time(at(800)), Some(RecordingEnd::MaxDuration));
}

proptest! {
    /// Whatever arrives in whatever order within the reorder window: each sample stands in its place or is silence.
    #[test]
    fn timing_holds(fates in proptest::collection::vec((0u8..100, 0u32..8), 20..300), loss in 0u8..60) {
        let mut arrivals: Vec<(u32, u32)> = fates.iter().enumerate()
            .filter(|(_, (dice, _))| *dice >= loss)
            .map(|(index, (_, delay))| (index as u32 + delay, index as u32))
            .collect();
        arrivals.sort();
        let Some(first) = arrivals.first().map(|(_, index)| *index) else { return Ok(()) };
        let order: Vec<u32> = arrivals.iter().map(|(_, index)| *index).collect();
        let last = order.iter().max().copied().unwrap_or(0);
        let recorded = record(77, &order);
        let expected: Vec<i16> = (first..=last)
            .flat_map(|index| if order.contains(&index) { packet(index) } else { vec![0; 160] })
            .collect();
        prop_assert_eq!(recorded, expected);
    }
}
