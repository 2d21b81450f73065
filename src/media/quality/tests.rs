//! Two ends in virtual time over a line that is known: reports, round trip, score, and who is deaf.

use super::*;
use crate::media::quality::channel::Channel;
use crate::media::rtcp::Block;

const US: u32 = 0xaaaa;
const THEM: u32 = 0xbbbb;

fn header(ssrc: u32, index: u32) -> Header {
    Header { marker: false, payload_type: 8, sequence: index as u16, timestamp: index * 160, ssrc }
}

/// Both ends, whose wall clocks have nothing in common.
fn ends(now: Instant) -> (Monitor, Monitor) {
    (Monitor::new(US, 0x1_0000_0000, 3, now), Monitor::new(THEM, 0xdead_beef_0000_1234, 4, now))
}

/// What `from` reports reaches `to` after `way`.
fn tell(from: &mut Monitor, to: &mut Monitor, way: Duration, now: Instant) -> bool {
    let (bytes, length) = from.report(0, false, now);
    to.control(&bytes[..length], now + way).expect("a report") == Whose::Living
}

#[test]
fn the_round_trip_is_that_of_the_line_not_of_the_clocks() {
    let start = Instant::now();
    let (mut us, mut them) = ends(start);
    let way = Duration::from_millis(70);
    us.sent(160);
    them.sent(160);
    us.heard(&header(THEM, 0), Some(start));
    them.heard(&header(US, 0), Some(start));
    tell(&mut us, &mut them, way, start + Duration::from_secs(2));
    tell(&mut them, &mut us, way, start + Duration::from_secs(6));
    assert_eq!(us.quality().rtt_ms, Some(139)); // 1/65,536 s are cut off on the way
    assert_eq!(them.quality().rtt_ms, None, "nobody has answered its report yet");
}

#[test]
fn each_end_knows_its_own_loss_and_that_of_the_other() {
    let start = Instant::now();
    let (mut us, mut them) = ends(start);
    let line = Channel { seed: 5, loss: 50, ..Channel::perfect() };
    let arrivals = line.carry(1_000, header(US, 0), start);
    (0..1_000).for_each(|_| us.sent(160));
    arrivals.iter().for_each(|arrival| them.heard(&arrival.header, Some(arrival.at)));
    for arrival in Channel::perfect().carry(1_000, header(THEM, 0), start) {
        us.heard(&arrival.header, Some(arrival.at));
        us.sound();
    }
    let lost = 1_000 - arrivals.len();
    assert!((30..70).contains(&lost), "{lost}");
    let before = us.quality();
    assert_eq!((before.rx_packets, before.rx_lost, before.tx_lost_permille), (1_000, 0, None));
    assert_eq!(before.mos_hundredths, Some(441), "nothing lost, hardly a delay");
    tell(&mut them, &mut us, Duration::ZERO, start + Duration::from_secs(20));
    let after = us.quality();
    assert_eq!(after.tx_lost_permille, Some(lost as u16));
    assert_eq!(them.quality().rx_lost, lost as u32);
    let mos = after.mos_hundredths.expect("a score");
    assert!((370..410).contains(&mos), "5 % lost on their side: {mos}");
    assert!(!after.silent && after.tx_packets == 1_000);
    assert!(after.line().contains("MOS") && after.line().contains("0.0 % lost"), "{}", after.line());
    assert_eq!(Monitor::new(1, 0, 0, start).quality(), Quality::default());
}

#[test]
fn reports_come_every_five_seconds_or_so_and_the_first_one_earlier() {
    let start = Instant::now();
    let mut waits = Vec::new();
    for draw in 0..200 {
        let mut monitor = Monitor::new(US, 0, draw * 7_919 + 1, start);
        let mut now = start;
        for _ in 0..6 {
            let before = now;
            while !monitor.is_due(now) {
                now += Duration::from_millis(20);
            }
            monitor.report(0, false, now);
            waits.push((now - before).as_secs_f64());
        }
    }
    let (first, later): (Vec<_>, Vec<_>) = waits.iter().enumerate().partition(|(index, _)| index % 6 == 0);
    assert!(first.iter().all(|(_, wait)| (1.2..3.8).contains(*wait)));
    assert!(later.iter().all(|(_, wait)| (2.4..7.6).contains(*wait)));
    let mean = later.iter().map(|(_, wait)| **wait).sum::<f64>() / later.len() as f64;
    assert!((4.7..5.3).contains(&mean), "{mean}");
}

#[test]
fn who_sends_nothing_reports_as_a_receiver() {
    let start = Instant::now();
    let (mut us, _) = ends(start);
    let kind = |(bytes, _): ([u8; MAX_LEN], usize)| bytes[1];
    assert_eq!(kind(us.report(0, false, start)), 201);
    us.sent(160);
    assert_eq!(kind(us.report(0, false, start)), 200);
    assert_eq!(kind(us.report(0, false, start)), 201, "on hold since");
    let (bytes, length) = us.report(0, true, start);
    assert!(rtcp::read(&bytes[..length], THEM).expect("RTCP").bye);
}

/// A minute of reports, one each 5 s; gives what is thought of the far side's ear after each. `highest` is what it reports, None for no block.
fn minute(highest: impl Fn(u32) -> Option<u32>) -> Vec<Hearing> {
    let start = Instant::now();
    let (mut us, _) = ends(start);
    us.heard(&header(THEM, 1), Some(start));
    let mut heard = Vec::new();
    for round in 1..=12 {
        (0..250).for_each(|_| us.sent(160));
        let now = start + Duration::from_secs(5) * round;
        let block = highest(round).map(|highest| Block {
            ssrc: US,
            fraction_lost: 0,
            lost: 0,
            highest,
            jitter: 0,
            last_sr: 0,
            delay: 0,
        });
        let (bytes, length) =
            Outgoing { ssrc: THEM, sender: None, block, cname: b"0123456789abcdef", bye: false }.write();
        us.control(&bytes[..length], now).expect("a report");
        heard.push(us.hearing(Duration::from_secs(15), now));
    }
    heard
}

#[test]
fn an_ear_that_gets_nothing_is_noticed_after_its_time_and_not_before() {
    use Hearing::{Deaf, Doubtful, Heard};
    assert_eq!(minute(|round| Some(round * 250)), [Heard; 12]);
    let stuck = minute(|round| Some(round.min(4) * 250));
    assert_eq!(stuck, [Heard, Heard, Heard, Heard, Heard, Heard, Heard, Deaf, Deaf, Deaf, Deaf, Deaf]);
    let never = minute(|_| None);
    assert_eq!(never[..4], [Heard, Heard, Heard, Doubtful], "15 s after the first of them");
    assert_eq!(minute(|round| (round > 9).then_some(round))[11], Heard, "it hears again");
    // one report that repeats itself, and then it goes on
    assert_eq!(minute(|round| Some(if round == 5 { 4 } else { round })), [Heard; 12]);
}

#[test]
fn an_end_that_reports_more_often_than_it_must_is_judged_all_the_same() {
    let start = Instant::now();
    let (mut us, mut them) = ends(start);
    us.heard(&header(THEM, 1), Some(start));
    us.sent(160);
    them.heard(&header(US, 1), Some(start));
    let mut heard = Vec::new();
    for round in 1..=50 {
        (0..20).for_each(|_| us.sent(160));
        let now = start + Duration::from_millis(400) * round;
        tell(&mut them, &mut us, Duration::ZERO, now);
        heard.push(us.hearing(Duration::from_secs(15), now));
    }
    let deaf = heard.iter().position(|hearing| *hearing == Hearing::Deaf);
    assert!(deaf.is_some_and(|round| (37..45).contains(&round)), "{deaf:?}");
}

#[test]
fn nothing_is_concluded_while_we_send_nothing_or_when_it_is_switched_off() {
    let start = Instant::now();
    let (mut us, mut them) = ends(start);
    us.heard(&header(THEM, 1), Some(start));
    for round in 1..20 {
        let now = start + Duration::from_secs(5) * round;
        tell(&mut them, &mut us, Duration::ZERO, now);
        let settled = us.hearing(Duration::from_secs(15), now);
        assert_eq!(settled == Hearing::Heard, round < 15, "we send from round 11 on: {round}");
        assert_eq!(us.hearing(Duration::ZERO, now), Hearing::Heard);
        if round >= 11 {
            (0..250).for_each(|_| us.sent(160));
        }
    }
}

#[test]
fn a_port_that_refuses_for_long_is_deaf() {
    let start = Instant::now();
    let (mut us, mut them) = ends(start);
    let after = Duration::from_secs(15);
    let at = |seconds| start + Duration::from_secs(seconds);
    for second in 0..=14 {
        us.refused(at(second));
        assert_eq!(us.hearing(after, at(second)), Hearing::Heard);
    }
    us.refused(at(15));
    assert_eq!(us.hearing(after, at(15)), Hearing::Deaf);
    assert_eq!(us.hearing(after, at(25)), Hearing::Heard, "it refuses no more");
    us.refused(at(30));
    us.refused(at(44));
    us.refused(at(46));
    assert_eq!(us.hearing(after, at(46)), Hearing::Heard, "now and then is not always");
    // a report of something heard outweighs ICMP
    (47..=60).for_each(|second| us.refused(at(second)));
    them.heard(&header(US, 1), Some(at(59)));
    tell(&mut them, &mut us, Duration::ZERO, at(60));
    us.refused(at(61));
    assert_eq!(us.hearing(after, at(61)), Hearing::Heard);
}

#[test]
fn a_report_is_life_unless_the_peer_sends_and_nothing_comes() {
    let start = Instant::now();
    let (mut us, mut them) = ends(start);
    let at = |seconds| start + Duration::from_secs(seconds);
    us.sent(160);
    them.heard(&header(US, 1), Some(start));
    assert!(tell(&mut them, &mut us, Duration::ZERO, at(5)), "it sends nothing: silence suppression");
    assert!(tell(&mut them, &mut us, Duration::ZERO, at(10)));
    (0..250).for_each(|_| them.sent(160));
    us.heard(&header(THEM, 1), Some(at(12)));
    assert!(tell(&mut them, &mut us, Duration::ZERO, at(15)));
    (0..250).for_each(|_| them.sent(160));
    assert!(!tell(&mut them, &mut us, Duration::ZERO, at(20)), "250 sent, none came");
    assert!(tell(&mut them, &mut us, Duration::ZERO, at(25)), "it has fallen silent");
}

#[test]
fn a_stranger_who_knows_nothing_of_our_stream_is_not_listened_to() {
    let start = Instant::now();
    let (mut us, mut them) = ends(start);
    let mut stranger = Monitor::new(0xcccc, 1, 1, start);
    us.heard(&header(THEM, 1), Some(start));
    for round in 1..10 {
        (0..250).for_each(|_| us.sent(160));
        let now = start + Duration::from_secs(5) * round;
        assert!(!tell(&mut stranger, &mut us, Duration::ZERO, now));
        assert_eq!(us.hearing(Duration::from_secs(15), now), Hearing::Heard);
    }
    assert!(tell(&mut them, &mut us, Duration::ZERO, start + Duration::from_secs(50)));
}

#[test]
fn the_state_of_a_call_is_small() {
    let bytes = std::mem::size_of::<Monitor>();
    assert!(bytes <= 512, "{bytes}");
}
