//! Counting against a line of which everything is known.

use super::*;
use crate::media::quality::channel::{Arrival, Channel};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

fn first(sequence: u16) -> Header {
    Header { marker: false, payload_type: 8, sequence, timestamp: u32::MAX - 1000, ssrc: 7 }
}

fn hear(arrivals: &[Arrival], start: Instant) -> Reception {
    let mut reception = Reception::default();
    for arrival in arrivals {
        let ticks = (arrival.at - start).as_micros() as u32 / 125;
        reception.packet(&arrival.header, Some(ticks));
    }
    reception
}

/// The same counts, by looking at the whole list.
fn truth(arrivals: &[Arrival]) -> Counts {
    let mut seen = BTreeSet::new();
    let mut counts = Counts::default();
    let mut open = BTreeSet::new();
    for arrival in arrivals {
        let highest = seen.last().copied();
        if !seen.insert(arrival.index) {
            counts.duplicates += 1;
            continue;
        }
        counts.received += 1;
        match highest {
            Some(highest) if arrival.index < highest => counts.reordered += 1,
            Some(highest) if arrival.index > highest + 1 => drop(open.insert(arrival.index)),
            Some(_) | None => {}
        }
    }
    counts.gaps = open.len() as u32;
    counts.expected = (seen.last().unwrap_or(&0) - seen.first().unwrap_or(&0) + 1) as u32;
    counts
}

proptest! {
    #[test]
    fn counts_are_exact_whatever_the_line_does(
        seed: u32, sequence: u16, loss in 0u32..400, doubled in 0u32..300, jitter in 0u64..400,
    ) {
        let start = Instant::now();
        let jitter = Duration::from_millis(jitter);
        let arrivals = Channel { seed, loss, doubled, jitter, ..Channel::perfect() }.carry(1_000, first(sequence), start);
        let counts = hear(&arrivals, start).counts();
        prop_assert_eq!(Counts { late: 0, timed: 0, ..counts }, truth(&arrivals));
        prop_assert!(jitter > Duration::from_millis(60) || counts.late == 0);
    }

    #[test]
    fn no_sequence_of_headers_panics(packets in prop::collection::vec((any::<u16>(), any::<u32>(), 0u32..3, any::<u32>()), 0..200)) {
        let mut reception = Reception::default();
        for (sequence, timestamp, ssrc, arrival) in packets {
            let header = Header { marker: false, payload_type: 8, sequence, timestamp, ssrc };
            reception.packet(&header, (arrival % 3 > 0).then_some(arrival));
            let _ = (reception.report(), reception.jitter_ms());
        }
        let counts = reception.counts();
        prop_assert!(counts.received <= 200 && counts.received >= counts.late);
    }
}

#[test]
fn what_comes_more_than_60_ms_late_is_late() {
    let start = Instant::now();
    let mut arrivals = Channel::perfect().carry(200, first(65_500), start);
    for (index, late) in [(50, 59), (100, 61), (150, 200)] {
        arrivals[index].at += Duration::from_millis(late);
    }
    arrivals.sort_by_key(|arrival| arrival.at);
    let counts = hear(&arrivals, start).counts();
    assert_eq!((counts.received, counts.lost(), counts.late), (200, 0, 2));
}

#[test]
fn jitter_is_that_of_the_rfc() {
    let start = Instant::now();
    let arrivals = Channel { jitter: Duration::from_millis(18), ..Channel::perfect() }.carry(2_000, first(9), start);
    let (mut estimate, mut most, mut all): (f64, f64, Vec<f64>) = (0.0, 0.0, Vec::new());
    for pair in arrivals.windows(2) {
        let apart = (pair[1].at - pair[0].at).as_secs_f64() * 1000.0 - 20.0;
        estimate += (apart.abs() - estimate) / 16.0;
        most = most.max(estimate);
        all.push(estimate);
    }
    all.sort_by(f64::total_cmp);
    let (median, highest) = hear(&arrivals, start).jitter_ms().expect("jitter");
    assert!((f64::from(median) - all[all.len() / 2]).abs() <= 1.0, "{median} {}", all[all.len() / 2]);
    assert!((f64::from(highest) - most).abs() <= 1.0, "{highest} {most}");
    assert_eq!(hear(&Channel::perfect().carry(100, first(0), start), start).jitter_ms(), Some((0, 0)));
    assert_eq!(Reception::default().jitter_ms(), None);
}

#[test]
fn a_sample_of_the_arrivals_will_do() {
    let start = Instant::now();
    let jitter = Duration::from_millis(100);
    let arrivals = Channel { jitter, ..Channel::perfect() }.carry(16_000, first(9), start);
    let all = hear(&arrivals, start);
    let mut sample = Reception::default();
    for (index, arrival) in arrivals.iter().enumerate() {
        let ticks = (arrival.at - start).as_micros() as u32 / 125;
        sample.packet(&arrival.header, (index % 8 == 5).then_some(ticks));
    }
    let ((median, most), (known, highest)) = (sample.jitter_ms().expect("jitter"), all.jitter_ms().expect("jitter"));
    assert!(median.abs_diff(known) <= 4 && most.abs_diff(highest) <= 15, "{median} {known}, {most} {highest}");
    let (late, truth) = (sample.counts().all_late(), all.counts().late);
    assert!(truth > 3_000 && late.abs_diff(truth) < truth / 5, "{late} {truth}");
    assert_eq!(sample.counts().received, 16_000);
}

#[test]
fn a_peer_whose_clock_is_wrong_by_100_ppm_is_not_late() {
    for ppm in [-100.0, 100.0] {
        let start = Instant::now();
        let mut arrivals = Channel::perfect().carry(30_000, first(0), start); // ten minutes
        for arrival in &mut arrivals {
            arrival.at = start + (arrival.at - start).mul_f64(1.0 + ppm / 1e6);
        }
        assert_eq!(hear(&arrivals, start).counts().late, 0, "{ppm}");
    }
}

#[test]
fn reports_say_what_was_lost_since_the_last_one() {
    let start = Instant::now();
    let arrivals = Channel::perfect().carry(300, first(65_535), start);
    let mut reception = Reception::default();
    let take = |reception: &mut Reception, range: std::ops::Range<usize>, every: usize| {
        for arrival in arrivals[range].iter().filter(|arrival| every == 0 || arrival.index % every != 0) {
            reception.packet(&arrival.header, Some((arrival.at - start).as_micros() as u32 / 125));
        }
        let block = reception.report().expect("a report");
        (block.fraction_lost, block.lost, block.highest)
    };
    assert_eq!(take(&mut reception, 0..100, 0), (0, 0, 65_535 + 99), "wrapped once");
    assert_eq!(take(&mut reception, 100..200, 4), (64, 25, 65_535 + 199));
    assert_eq!(take(&mut reception, 200..200, 0), (0, 25, 65_535 + 199), "nothing came");
    assert_eq!(take(&mut reception, 201..300, 0), (2, 26, 65_535 + 299));
    assert_eq!(Reception::default().report(), None);
}

#[test]
fn a_new_source_or_a_new_count_begins_anew_and_one_odd_packet_does_not() {
    let start = Instant::now();
    let mut arrivals = Channel::perfect().carry(50, first(100), start);
    arrivals.extend(Channel::perfect().carry(50, Header { ssrc: 8, ..first(40_000) }, start + Duration::from_secs(1)));
    arrivals.extend(Channel::perfect().carry(50, Header { ssrc: 8, ..first(20_000) }, start + Duration::from_secs(2)));
    let counts = hear(&arrivals, start).counts();
    assert_eq!((counts.lost(), counts.restarts, counts.duplicates), (0, 2, 0));
    assert_eq!(counts.received, 149, "the first of the new count was not believed");
    let mut odd = Channel::perfect().carry(50, first(100), start);
    odd[25].header.sequence = 30_000;
    let counts = hear(&odd, start).counts();
    assert_eq!((counts.received, counts.expected, counts.restarts), (49, 50, 0));
}

#[test]
fn a_key_does_not_look_like_jitter() {
    let start = Instant::now();
    let mut reception = Reception::default();
    for (index, arrival) in Channel::perfect().carry(100, first(0), start).iter().enumerate() {
        let key = (40..60).contains(&index);
        let timestamp = if key { 7 } else { arrival.header.timestamp };
        let ticks = (arrival.at - start).as_micros() as u32 / 125;
        reception.packet(&Header { timestamp, ..arrival.header }, (!key).then_some(ticks));
    }
    assert_eq!((reception.counts().received, reception.jitter_ms()), (100, Some((0, 0))));
}
