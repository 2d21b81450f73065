//! Acceptance cases 1-5 and 15: no answer without ACK, none unwanted without BYE, so that no ghost call stays on the bill.

use super::scripted::{ANSWER, Desk, TRUNK, address, ok, reply, tag_of};
use crate::sip::message::{Limits, Message, Method};
use crate::sip::session::{FailureKind, HangupReason, SessionEvent, Stage, UnusableAnswer};

/// The answer is put away: ACK, BYE with the next CSeq, and then nothing is left.
#[track_caller]
fn put_away(desk: &mut Desk, tag: &str) {
    let ack = desk.request(Method::Ack);
    assert_eq!(ack.to().expect("a To").tag(), Some(tag));
    let bye = desk.request(Method::Bye);
    assert_eq!(bye.to().expect("a To").tag(), Some(tag));
    assert!(bye.cseq().expect("a CSeq").number > ack.cseq().expect("a CSeq").number);
    desk.deliver(&reply(&bye, 200, ""));
}

#[test]
fn case_1_ring_timeout_then_a_late_200_is_acked_and_hung_up() {
    let mut desk = Desk::new();
    let (_, invite) = desk.call();
    desk.deliver(&reply(&invite, 180, "late"));
    desk.event();
    desk.pass(30_000);
    assert_eq!(desk.ms(), 30_000);
    let cancel = desk.request(Method::Cancel);
    // nobody answers the CANCEL; 64*T1 later the INVITE counts as cancelled
    desk.pass(32_000);
    let failure = desk.failure();
    assert_eq!((failure.stage, failure.kind), (Stage::Early, FailureKind::CancelTimeout));
    assert_eq!(cancel.header("CSeq"), Some("1 CANCEL"));
    desk.sent.clear();
    assert_eq!(desk.endpoint.load().sessions, 0);
    desk.pass(20_000);
    desk.deliver(&ok(&invite, "late"));
    put_away(&mut desk, "late");
    assert_eq!(desk.endpoint.counters().stray_answers, 1);
    desk.nothing_left();
    desk.quiet();
}

#[test]
fn case_1_a_408_of_the_proxy_then_a_200() {
    let mut desk = Desk::new();
    let (_, invite) = desk.call();
    desk.deliver(&reply(&invite, 408, "proxy"));
    desk.request(Method::Ack);
    assert_eq!(desk.failure().kind, FailureKind::Status(408));
    desk.deliver(&ok(&invite, "late"));
    put_away(&mut desk, "late");
    desk.deliver(&ok(&invite, "late"));
    desk.request(Method::Ack);
    desk.nothing_left();
    desk.quiet();
}

#[test]
fn case_1_a_200_after_timer_b() {
    let mut desk = Desk::new();
    let (_, invite) = desk.call();
    desk.pass(32_000);
    desk.sent.clear();
    assert_eq!(desk.failure().kind, FailureKind::Timeout);
    desk.deliver(&ok(&invite, "late"));
    put_away(&mut desk, "late");
    desk.nothing_left();
    desk.quiet();
}

#[test]
fn case_1_an_answer_after_a_restart_is_hung_up_once_however_often_it_comes() {
    let mut before = Desk::new();
    let (_, invite) = before.call();
    let answer = ok(&invite, "late");
    let mut desk = Desk::new();
    desk.deliver(&answer);
    desk.deliver(&answer);
    desk.deliver(&answer);
    assert_eq!(desk.count(Method::Bye), 1);
    assert_eq!(desk.count(Method::Ack), 3);
    desk.nothing_left();
    // somebody else's answer is none of our business
    let mut foreign = answer.clone();
    foreign.set("Via", "SIP/2.0/UDP 198.51.100.1:5070;branch=z9hG4bKx");
    desk.sent.clear();
    desk.deliver(&foreign);
    desk.quiet();
}

#[test]
fn case_2_cancel_waits_for_a_provisional_and_copies_the_invite() {
    let mut desk = Desk::new();
    let mut order = Desk::order();
    order.headers.push(("Route".into(), "<sip:edge.example;lr>".into()));
    let (id, invite) = desk.call_with(order);
    desk.endpoint.hangup(desk.now, id, HangupReason::Normal);
    desk.flush();
    desk.quiet();
    desk.deliver(&reply(&invite, 100, ""));
    let (to, cancel) = desk.request_to(Method::Cancel);
    assert_eq!(to, address(TRUNK), "the next hop of the INVITE");
    assert_eq!(cancel.uri(), invite.uri());
    assert_eq!(cancel.via().expect("a Via"), invite.via().expect("a Via"));
    assert_eq!(cancel.vias().expect("Vias").len(), 1);
    for name in ["Route", "From", "To", "Call-ID"] {
        assert_eq!(cancel.header(name), invite.header(name), "{name}");
    }
    assert_eq!(cancel.header("CSeq"), Some("1 CANCEL"));
    desk.deliver(&reply(&cancel, 200, "x"));
    desk.deliver(&reply(&invite, 487, "x"));
    desk.request(Method::Ack);
    let failure = desk.failure();
    assert_eq!((failure.stage, failure.kind), (Stage::Sent, FailureKind::Canceled));
    desk.nothing_left();
    desk.quiet();
}

#[test]
fn case_3_a_200_that_crosses_the_cancel_is_acked_and_hung_up() {
    let mut desk = Desk::new();
    let (id, invite) = desk.call();
    desk.deliver(&reply(&invite, 180, "x"));
    desk.event();
    desk.endpoint.hangup(desk.now, id, HangupReason::Normal);
    desk.flush();
    let cancel = desk.request(Method::Cancel);
    desk.deliver(&ok(&invite, "x"));
    assert_eq!(desk.failure().kind, FailureKind::Canceled);
    put_away(&mut desk, "x");
    desk.deliver(&reply(&cancel, 481, "x"));
    desk.nothing_left();
    desk.quiet();
}

#[test]
fn case_3_a_200_while_the_wish_to_hang_up_waits() {
    let mut desk = Desk::new();
    let (id, invite) = desk.call();
    desk.endpoint.hangup(desk.now, id, HangupReason::Normal);
    desk.flush();
    desk.deliver(&ok(&invite, "x"));
    assert_eq!(desk.failure().kind, FailureKind::Canceled);
    put_away(&mut desk, "x");
    assert_eq!(desk.count(Method::Cancel), 0);
    desk.nothing_left();
}

#[test]
fn case_4_an_unusable_200_is_acked_and_hung_up() {
    let bare = |invite: &Message| reply(invite, 200, "x");
    let no_contact = |invite: &Message| {
        let mut m = ok(invite, "x");
        m.remove("Contact");
        m
    };
    let broken_contact = |invite: &Message| {
        let mut m = ok(invite, "x");
        m.set("Contact", "<sip:@@>");
        m
    };
    let no_sdp = |invite: &Message| {
        let mut m = bare(invite);
        m.push("Contact", "<sip:x@192.0.2.9>");
        m
    };
    let not_sdp = |invite: &Message| {
        let mut m = no_sdp(invite);
        m.set_body("text/plain", b"hello".to_vec());
        m
    };
    let bad_route = |invite: &Message| {
        let mut m = ok(invite, "x");
        m.push("Record-Route", "<<>");
        m
    };
    type Make<'a> = &'a dyn Fn(&Message) -> Message;
    let table: [(Make, UnusableAnswer); 6] = [
        (&bare, UnusableAnswer::NoContact),
        (&no_contact, UnusableAnswer::NoContact),
        (&broken_contact, UnusableAnswer::NoContact),
        (&no_sdp, UnusableAnswer::NoSdp),
        (&not_sdp, UnusableAnswer::NoSdp),
        (&bad_route, UnusableAnswer::BadRoute),
    ];
    for (make, problem) in table {
        let mut desk = Desk::new();
        let (_, invite) = desk.call();
        desk.deliver(&make(&invite));
        let failure = desk.failure();
        assert_eq!((failure.stage, failure.kind), (Stage::Sent, FailureKind::BadAnswer(problem)));
        put_away(&mut desk, "x");
        desk.nothing_left();
        desk.quiet();
    }
}

#[test]
fn case_4_bytes_that_are_not_utf8_and_a_missing_content_length_are_no_reason_to_hang_up() {
    let mut desk = Desk::new();
    let (_, invite) = desk.call();
    let text = ok(&invite, "x").to_bytes();
    let mut raw = Vec::new();
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b"Content-Length") {
            raw.extend_from_slice(b"X-Name: J\xF6rg\r\n");
        } else if line.starts_with(b"s=") {
            raw.extend_from_slice(b"s=J\xF6rg\r\n");
        } else {
            raw.extend_from_slice(line);
        }
    }
    desk.deliver_from(TRUNK, &raw);
    desk.request(Method::Ack);
    match desk.event() {
        SessionEvent::Answered { sdp } => assert!(sdp.windows(9).any(|w| w == b"s=J\xF6rg\r\nc")),
        other => panic!("{other:?}"),
    }
    assert!(Message::parse(&raw, &Limits::default()).is_ok());
}

#[test]
fn case_5_of_several_2xx_the_first_is_kept_and_each_other_put_away() {
    let mut desk = Desk::new();
    let (id, invite) = desk.call();
    for tag in ["a", "b", "c"] {
        desk.deliver(&reply(&invite, 180, tag));
        desk.event();
    }
    desk.deliver(&ok(&invite, "b"));
    assert_eq!(desk.request(Method::Ack).to().expect("a To").tag(), Some("b"));
    assert_eq!(desk.event(), SessionEvent::Answered { sdp: ANSWER.to_vec() });
    desk.deliver(&ok(&invite, "a"));
    put_away(&mut desk, "a");
    desk.deliver(&ok(&invite, "c"));
    put_away(&mut desk, "c");
    desk.deliver(&ok(&invite, "c"));
    assert_eq!(desk.request(Method::Ack).to().expect("a To").tag(), Some("c"), "again: ACK, no second BYE");
    desk.quiet();
    // after timer M too
    desk.pass(40_000);
    desk.deliver(&ok(&invite, "d"));
    put_away(&mut desk, "d");
    assert_eq!(desk.endpoint.load().sessions, 1, "the call goes on");
    desk.endpoint.hangup(desk.now, id, HangupReason::Normal);
    desk.flush();
    let bye = desk.request(Method::Bye);
    assert_eq!(bye.to().expect("a To").tag(), Some("b"));
    desk.deliver(&reply(&bye, 200, ""));
    desk.event();
    desk.nothing_left();
    desk.quiet();
}

#[test]
fn case_15_a_repeated_200_is_acked_again_at_every_stage() {
    let mut desk = Desk::new();
    let (id, invite, answer) = desk.answered();
    assert_eq!(tag_of(&answer), tag_of(&invite));
    desk.deliver(&answer);
    let ack = desk.request(Method::Ack);
    // long after timer M, while talking
    desk.pass(60_000);
    desk.deliver(&answer);
    assert_eq!(desk.request(Method::Ack).to_bytes(), ack.to_bytes());
    // while our BYE is out
    desk.endpoint.hangup(desk.now, id, HangupReason::Normal);
    desk.flush();
    let bye = desk.request(Method::Bye);
    desk.deliver(&answer);
    assert_eq!(desk.request(Method::Ack).to_bytes(), ack.to_bytes());
    desk.deliver(&reply(&bye, 200, ""));
    desk.event();
    desk.nothing_left();
    desk.quiet();
    // right after a short call: the transaction still knows
    let (id, _, answer) = desk.answered();
    desk.endpoint.hangup(desk.now, id, HangupReason::Normal);
    desk.flush();
    let bye = desk.request(Method::Bye);
    desk.deliver(&reply(&bye, 200, ""));
    desk.event();
    desk.deliver(&answer);
    desk.request(Method::Ack);
    desk.quiet();
    assert_eq!(desk.endpoint.counters().stray_answers, 0);
    desk.nothing_left();
}
