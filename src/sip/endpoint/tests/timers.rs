//! Session timers (RFC 4028) and glare (RFC 3261 14.1): who refreshes, what a 422 and a 491 do, and when a session is given up.

use super::scripted::{ANSWER, Desk, SDP, far_request, incoming, near_request, ok, reply};
use crate::sip::message::{Message, Method};
use crate::sip::session::{EndCause, HangupReason, SessionEvent, SessionId, Side};

/// A call whose 200 says so.
fn answered(desk: &mut Desk, expires: Option<&str>, allow: &str) -> (SessionId, Message) {
    let (id, invite) = desk.call();
    assert_eq!(invite.header("Session-Expires"), Some("1800"));
    let mut answer = ok(&invite, "callee");
    if let Some(expires) = expires {
        answer.push("Require", "timer");
        answer.push("Session-Expires", expires);
    }
    answer.push("Allow", allow);
    desk.deliver(&answer);
    desk.request(Method::Ack);
    desk.event();
    (id, answer)
}

#[test]
fn we_refresh_by_update_at_half_of_the_interval() {
    let mut desk = Desk::new();
    let (_, _) = answered(&mut desk, Some("100;refresher=uac"), "INVITE, UPDATE");
    for cseq in ["2 UPDATE", "3 UPDATE"] {
        desk.pass(49_999);
        desk.quiet();
        desk.pass(1);
        let update = desk.request(Method::Update);
        assert_eq!((update.header("CSeq"), update.header("Session-Expires")), (Some(cseq), Some("1800;refresher=uac")));
        assert!(update.body().is_empty());
        let mut done = reply(&update, 200, "");
        done.push("Session-Expires", "100;refresher=uac");
        desk.deliver(&done);
    }
    desk.pass(50_000);
    let update = desk.request(Method::Update);
    // a 2xx without the field ends the timer (7.2)
    desk.deliver(&reply(&update, 200, ""));
    desk.pass(500_000);
    desk.quiet();
    assert_eq!(desk.endpoint.load().sessions, 1);
}

#[test]
fn we_refresh_by_reinvite_where_update_is_not_known_and_acknowledge_it() {
    let mut desk = Desk::new();
    answered(&mut desk, Some("100;refresher=uac"), "INVITE");
    desk.pass(50_000);
    let refresh = desk.request(Method::Invite);
    assert_eq!((refresh.body(), refresh.header("CSeq")), (SDP, Some("2 INVITE")));
    let mut done = ok(&refresh, "callee");
    done.push("Session-Expires", "100;refresher=uac");
    desk.deliver(&done);
    let ack = desk.request(Method::Ack);
    assert_eq!(ack.header("CSeq"), Some("2 ACK"));
    desk.deliver(&done);
    assert_eq!(desk.request(Method::Ack).to_bytes(), ack.to_bytes(), "case 15: a repeated 200 is acknowledged again");
    assert!(desk.events.is_empty(), "the same description changes nothing");
    desk.pass(50_000);
    let refresh = desk.request(Method::Invite);
    let mut changed = ok(&refresh, "callee");
    changed.set_body("application/sdp", [ANSWER, b"a=sendonly\r\n"].concat());
    desk.deliver(&changed);
    desk.request(Method::Ack);
    assert!(matches!(desk.event(), SessionEvent::Reanswered { .. }));
}

#[test]
fn an_update_that_is_refused_as_unknown_becomes_a_reinvite() {
    let mut desk = Desk::new();
    answered(&mut desk, Some("100;refresher=uac"), "INVITE, UPDATE");
    desk.pass(50_000);
    let update = desk.request(Method::Update);
    desk.deliver(&reply(&update, 405, ""));
    desk.pass(1);
    desk.request(Method::Invite);
}

#[test]
fn a_session_that_the_far_side_does_not_refresh_is_hung_up() {
    let mut desk = Desk::new();
    let (_, answer) = answered(&mut desk, Some("90;refresher=uas"), "INVITE");
    desk.pass(30_000);
    let mut refresh = far_request(&answer, Method::Update, 1);
    refresh.push("Supported", "timer");
    refresh.push("Session-Expires", "90");
    desk.deliver(&refresh);
    let response = desk.response(200);
    assert_eq!(response.header("Session-Expires"), Some("90;refresher=uac"), "who asked goes on refreshing");
    assert_eq!(response.header("Require"), Some("timer"));
    desk.pass(59_999);
    desk.quiet();
    desk.pass(1); // 90 s - 90 s / 3
    let bye = desk.request(Method::Bye);
    assert_eq!(bye.header("Reason"), Some("SIP;cause=408;text=\"Session Timer Expired\""));
    desk.deliver(&reply(&bye, 200, ""));
    assert_eq!(desk.event(), SessionEvent::Ended { by: Side::Local, cause: EndCause::Expired });
    desk.nothing_left();
}

#[test]
fn a_refresh_that_fails_ends_the_session() {
    for status in [Some(481), Some(408), None] {
        let mut desk = Desk::new();
        answered(&mut desk, Some("100;refresher=uac"), "UPDATE");
        desk.pass(50_000);
        let update = desk.request(Method::Update);
        match status {
            Some(status) => desk.deliver(&reply(&update, status, "")),
            None => desk.pass(32_000),
        }
        desk.sent.retain(|(_, message)| message.method() != Some(&Method::Update));
        let bye = desk.request(Method::Bye);
        desk.deliver(&reply(&bye, 200, ""));
        assert_eq!(desk.event(), SessionEvent::Ended { by: Side::Local, cause: EndCause::Expired }, "{status:?}");
        desk.nothing_left();
    }
}

#[test]
fn a_422_is_answered_with_the_larger_interval_in_the_same_call() {
    let mut desk = Desk::new();
    let (_, invite) = desk.call();
    let mut small = reply(&invite, 422, "x");
    small.push("Min-SE", "3600");
    desk.deliver(&small);
    desk.request(Method::Ack);
    let again = desk.request(Method::Invite);
    assert_eq!((again.header("Session-Expires"), again.header("Min-SE")), (Some("3600"), Some("3600")));
    assert_eq!((again.call_id(), again.header("CSeq")), (invite.call_id(), Some("2 INVITE")));
    assert!(desk.events.is_empty(), "one attempt, one call");
    // the same once more says nothing new: that is the outcome
    let mut small = reply(&again, 422, "x");
    small.push("Min-SE", "3600");
    desk.deliver(&small);
    assert_eq!(desk.failure().kind, crate::sip::session::FailureKind::Status(422));
    // in the session too
    let mut desk = Desk::new();
    answered(&mut desk, Some("100;refresher=uac"), "UPDATE");
    desk.pass(50_000);
    let update = desk.request(Method::Update);
    let mut small = reply(&update, 422, "");
    small.push("Min-SE", "2000");
    desk.deliver(&small);
    assert_eq!(desk.request(Method::Update).header("Session-Expires"), Some("2000;refresher=uac"));
}

#[test]
fn an_interval_that_is_too_small_is_refused() {
    let mut desk = Desk::new();
    let (_, answer) = answered(&mut desk, None, "UPDATE");
    let mut refresh = far_request(&answer, Method::Update, 1);
    refresh.push("Supported", "timer");
    refresh.push("Session-Expires", "30");
    desk.deliver(&refresh);
    assert_eq!(desk.response(422).header("Min-SE"), Some("90"));
    let mut invite = incoming("small");
    invite.push("Supported", "timer");
    invite.push("Session-Expires", "30");
    desk.deliver(&invite);
    assert_eq!(desk.response(422).header("Min-SE"), Some("90"));
    assert!(desk.events.is_empty());
}

#[test]
fn the_called_side_refreshes_where_the_caller_wants_it() {
    let mut desk = Desk::new();
    let mut invite = incoming("uas");
    invite.push("Supported", "timer");
    invite.push("Allow", "UPDATE");
    invite.push("Session-Expires", "120;refresher=uas");
    desk.deliver(&invite);
    let (id, _) = desk.events.remove(0);
    desk.endpoint.accept(desk.now, id, ANSWER.to_vec());
    desk.flush();
    let answer = desk.response(200);
    assert_eq!(answer.header("Session-Expires"), Some("120;refresher=uas"));
    desk.deliver(&near_request(&answer, Method::Ack, 5, "ack"));
    desk.event();
    desk.pass(60_000);
    desk.request(Method::Update);
}

#[test]
fn case_12_glare_both_ways() {
    let mut desk = Desk::new();
    let (id, answer) = answered(&mut desk, Some("100;refresher=uac"), "INVITE");
    desk.pass(50_000);
    let ours = desk.request(Method::Invite);
    // theirs while ours is under way
    for (cseq, method) in [(1, Method::Invite), (2, Method::Update)] {
        let mut theirs = far_request(&answer, method.clone(), cseq);
        theirs.set_body("application/sdp", [ANSWER, b"a=sendonly\r\n"].concat());
        desk.deliver(&theirs);
        desk.response(491);
        if method == Method::Invite {
            let mut ack = far_request(&answer, Method::Ack, cseq);
            ack.set("Via", theirs.header("Via").expect("a Via"));
            desk.deliver(&ack);
        }
    }
    // and ours is refused for the same: tried again after 2.1 to 4 s (14.1: the Call-ID is ours)
    desk.deliver(&reply(&ours, 491, ""));
    desk.request(Method::Ack);
    desk.pass(2_099);
    desk.quiet();
    desk.pass(1_901);
    let again = desk.request(Method::Invite);
    assert_eq!(again.header("CSeq"), Some("3 INVITE"));
    desk.deliver(&ok(&again, "callee"));
    desk.request(Method::Ack);
    desk.endpoint.hangup(desk.now, id, HangupReason::Normal);
    desk.flush();
    let bye = desk.request(Method::Bye);
    desk.deliver(&reply(&bye, 200, ""));
    desk.event();
    desk.nothing_left();
}

#[test]
fn a_reinvite_whose_ack_never_comes_ends_the_call() {
    let mut desk = Desk::new();
    let (_, answer) = answered(&mut desk, None, "INVITE");
    desk.deliver(&far_request(&answer, Method::Invite, 1));
    desk.response(200);
    desk.pass(31_999);
    assert_eq!(desk.count(Method::Bye), 0);
    desk.pass(1);
    let bye = desk.request(Method::Bye);
    desk.deliver(&reply(&bye, 200, ""));
    assert_eq!(desk.event(), SessionEvent::Ended { by: Side::Local, cause: EndCause::NoAck });
    desk.sent.clear();
    desk.nothing_left();
}
