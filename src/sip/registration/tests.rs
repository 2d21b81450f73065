//! A registration in virtual time.

use super::*;
use crate::sip::message::Limits;

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Steps to the next deadline; the order that goes out there and how long it took.
fn wait(registration: &mut Registration, now: &mut Instant) -> (u64, u64) {
    let at = registration.poll_timeout().expect("it waits");
    let waited = at.saturating_duration_since(*now);
    *now = (*now).max(at);
    registration.handle_timeout(*now);
    (waited.as_secs(), registration.poll_order().expect("an order").as_secs())
}

#[test]
fn it_is_refreshed_ahead_of_its_end() {
    for (granted, refreshed) in [(3_600, 3_540), (300, 240), (60, 30), (10, 5)] {
        let mut now = Instant::now();
        let mut registration = Registration::new(s(600), now);
        assert_eq!(wait(&mut registration, &mut now), (0, 600));
        assert_eq!(registration.poll_timeout(), None, "the answer is awaited");
        registration.handle(Answer::Granted(s(granted)), now);
        assert_eq!(registration.standing(now), Standing::Registered(now + s(granted)));
        assert_eq!(wait(&mut registration, &mut now), (refreshed, 600), "of {granted} s");
    }
}

#[test]
fn a_registrar_that_wants_more_time_gets_it_once() {
    let mut now = Instant::now();
    let mut registration = Registration::new(s(60), now);
    wait(&mut registration, &mut now);
    registration.handle(Answer::TooBrief(s(1_800)), now);
    assert_eq!(registration.poll_order(), Some(s(1_800)), "at once");
    registration.handle(Answer::TooBrief(s(1_800)), now);
    assert_eq!(registration.poll_order(), None);
    assert_eq!(registration.standing(now), Standing::Failing(Answer::TooBrief(s(1_800))));
    registration.handle_timeout(now + s(60));
    assert_eq!(registration.poll_order(), Some(s(1_800)), "it is remembered");
}

#[test]
fn failures_are_tried_again_ever_more_seldom_and_refusals_seldom_from_the_start() {
    for (answer, waits) in [
        (Answer::Silent, [5, 10, 20, 40, 80, 160, 300, 300]),
        (Answer::Undelivered, [5, 10, 20, 40, 80, 160, 300, 300]),
        (Answer::Refused(503, None), [5, 10, 20, 40, 80, 160, 300, 300]),
        (Answer::Refused(503, Some(s(100))), [100, 100, 100, 100, 100, 160, 300, 300]),
        (Answer::Refused(403, None), [60, 120, 240, 480, 960, 1_800, 1_800, 1_800]),
        (Answer::Granted(s(0)), [60, 120, 240, 480, 960, 1_800, 1_800, 1_800]),
    ] {
        let mut now = Instant::now();
        let mut registration = Registration::new(s(600), now);
        wait(&mut registration, &mut now);
        for expected in waits {
            registration.handle(answer, now);
            assert_eq!(registration.standing(now), Standing::Failing(answer));
            assert_eq!(wait(&mut registration, &mut now).0, expected, "{answer:?}");
        }
        registration.handle(Answer::Granted(s(300)), now);
        wait(&mut registration, &mut now);
        registration.handle(Answer::Silent, now);
        assert_eq!(wait(&mut registration, &mut now).0, 5, "a success forgets the failures");
    }
}

#[test]
fn what_holds_holds_until_its_end_though_the_refresh_fails() {
    let mut now = Instant::now();
    let mut registration = Registration::new(s(600), now);
    wait(&mut registration, &mut now);
    registration.handle(Answer::Granted(s(300)), now);
    let end = now + s(300);
    wait(&mut registration, &mut now);
    registration.handle(Answer::Silent, now);
    assert_eq!(registration.standing(now), Standing::Registered(end));
    assert_eq!(registration.standing(end), Standing::Failing(Answer::Silent));
    wait(&mut registration, &mut now);
    registration.handle(Answer::Granted(s(300)), now);
    assert_eq!(registration.standing(end), Standing::Registered(now + s(300)));
}

#[test]
fn it_is_taken_back_where_it_holds_and_only_there() {
    let mut now = Instant::now();
    let mut held = Registration::new(s(600), now);
    wait(&mut held, &mut now);
    held.handle(Answer::Granted(s(600)), now);
    held.stop();
    assert_eq!(held.poll_order(), Some(s(0)));
    assert!(!held.is_over());
    held.handle(Answer::Silent, now);
    assert!(held.is_over() && held.standing(now) == Standing::Ended);

    let mut asking = Registration::new(s(600), now);
    wait(&mut asking, &mut now);
    asking.stop();
    assert_eq!(asking.poll_order(), None, "first the answer that is on its way");
    asking.handle(Answer::Granted(s(600)), now);
    assert_eq!(asking.poll_order(), Some(s(0)));

    let mut failing = Registration::new(s(600), now);
    wait(&mut failing, &mut now);
    failing.handle(Answer::Refused(403, None), now);
    failing.stop();
    assert!(failing.is_over() && failing.poll_order().is_none());
}

#[test]
fn an_answer_is_read_from_its_response() {
    let ours = "sip:4000@192.0.2.1:5060";
    for (status, fields, expected) in [
        (200, "Contact: <sip:4000@192.0.2.1:5060>;expires=120", Answer::Granted(s(120))),
        (
            200,
            "Contact: <sip:x@192.0.2.7>;expires=9, <sip:4000@192.0.2.1:5060>;expires=60\r\nExpires: 900",
            Answer::Granted(s(60)),
        ),
        (200, "Contact: <sip:4000@192.0.2.1:5060>\r\nExpires: 900", Answer::Granted(s(900))),
        (200, "Date: Sat, 13 Nov 2010 23:29:00 GMT", Answer::Granted(s(600))),
        (423, "Min-Expires: 1800", Answer::TooBrief(s(1_800))),
        (423, "Min-Expires: soon", Answer::Refused(423, None)),
        (503, "Retry-After: 90 (maintenance)", Answer::Refused(503, Some(s(90)))),
        (503, "Retry-After: 18;duration=3600", Answer::Refused(503, Some(s(18)))),
        (403, "Warning: 399 x \"no\"", Answer::Refused(403, None)),
    ] {
        let text = format!(
            "SIP/2.0 {status} x\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:a@h>;tag=2\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n{fields}\r\nContent-Length: 0\r\n\r\n"
        );
        let response = Message::parse(text.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(Answer::of(&response, ours, s(600)), expected, "{fields}");
    }
}
