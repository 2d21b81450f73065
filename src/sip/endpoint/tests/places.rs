//! The next place within one call (RFC 3263 4.3): where a call goes on, and where it must not, because somebody's phone may ring already.

use super::scripted::{Desk, TRUNK, address, ok, reply};
use crate::sip::hop::Hop;
use crate::sip::message::{Message, Method};
use crate::sip::session::{FailureKind, HangupReason, SessionEvent, SessionId};

const SECOND: &str = "192.0.2.10:5080";
const THIRD: &str = "192.0.2.11:5080";

fn desk() -> (Desk, SessionId, Message) {
    let mut desk = Desk::new();
    let others = [SECOND, THIRD].map(|place| Hop::from(address(place))).to_vec();
    let (id, invite) = desk.call_with(crate::sip::endpoint::Invite { others, ..Desk::order() });
    (desk, id, invite)
}

/// What is told, and the INVITE at the next place.
#[track_caller]
fn moved(desk: &mut Desk, from: &str, to: &str, status: Option<u16>) -> Message {
    let (from, to) = (address(from).into(), address(to).into());
    assert_eq!(desk.event(), SessionEvent::MovedOn { from, to, status });
    let (at, invite) = desk.request_to(Method::Invite);
    assert_eq!(Hop::from(at), to);
    invite
}

#[test]
fn a_503_leads_to_the_next_place_in_the_same_call() {
    let (mut desk, _, first) = desk();
    desk.deliver(&reply(&first, 503, "full"));
    desk.request(Method::Ack);
    let second = moved(&mut desk, TRUNK, SECOND, Some(503));
    assert_eq!((second.header("Call-ID"), second.header("CSeq")), (first.header("Call-ID"), Some("2 INVITE")));
    assert_ne!(second.via().unwrap().branch(), first.via().unwrap().branch(), "a transaction of its own");
    desk.deliver(&ok(&second, "callee"));
    assert_eq!(desk.request_to(Method::Ack).1.header("CSeq"), Some("2 ACK"));
    assert!(matches!(desk.event(), SessionEvent::Answered { .. }));
}

#[test]
fn a_place_that_is_not_there_leads_to_the_next_one_and_the_last_one_ends_it() {
    let (mut desk, _, _) = desk();
    for (from, to) in [(TRUNK, SECOND), (SECOND, THIRD)] {
        desk.endpoint.handle_unreachable(desk.now, address(from));
        desk.flush();
        moved(&mut desk, from, to, None);
    }
    desk.endpoint.handle_unreachable(desk.now, address(THIRD));
    desk.flush();
    assert_eq!(desk.failure().kind, FailureKind::Unreachable);
    desk.nothing_left();
}

#[test]
fn what_has_rung_once_is_not_rung_elsewhere() {
    let (mut desk, _, first) = desk();
    desk.deliver(&reply(&first, 180, "phone"));
    assert!(matches!(desk.event(), SessionEvent::Progress { status: 180, .. }));
    desk.deliver(&reply(&first, 503, "phone"));
    assert_eq!(desk.failure().kind, FailureKind::Status(503));
    assert_eq!(desk.count(Method::Invite), 0);
}

#[test]
fn silence_moves_nobody_on() {
    let (mut desk, _, _) = desk();
    desk.pass(33_000);
    assert!(desk.sent.iter().all(|(to, _)| *to == address(TRUNK)), "it may ring there, unheard");
    assert_eq!(desk.failure().kind, FailureKind::Timeout);
}

#[test]
fn a_call_that_is_given_up_goes_nowhere_else() {
    let (mut desk, id, first) = desk();
    desk.endpoint.hangup(desk.now, id, HangupReason::Normal);
    desk.deliver(&reply(&first, 503, "full"));
    assert_eq!(desk.count(Method::Invite), 0);
    assert_eq!(desk.failure().kind, FailureKind::Canceled);
    desk.nothing_left();
}
