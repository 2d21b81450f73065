//! Calls over a connection, in virtual time: nothing is repeated, what has not left is news to its own call only, and what broke is sent once more where that cannot
//! dial twice.

use super::scripted::{Desk, TRUNK, address, ok, reply};
use crate::sip::endpoint::Invite;
use crate::sip::hop::{Hop, Transport};
use crate::sip::message::{Message, Method};
use crate::sip::session::{EndCause, FailureKind, HangupReason, SessionEvent, SessionId, Side};

fn trunk() -> Hop {
    Hop::new(Transport::Tcp, address(TRUNK))
}

fn call(desk: &mut Desk) -> (SessionId, Message) {
    desk.call_with(Invite { next_hop: trunk(), ..Desk::order() })
}

/// A message of the far side, by the connection.
fn comes(desk: &mut Desk, message: &Message) {
    desk.endpoint.handle_datagram(desk.now, trunk(), &message.to_bytes());
    desk.flush();
}

fn answered(desk: &mut Desk) -> (SessionId, Message) {
    let (id, invite) = call(desk);
    let mut answer = ok(&invite, "callee");
    answer.set("Contact", format!("<sip:callee@{TRUNK};transport=tcp>"));
    comes(desk, &answer);
    desk.request(Method::Ack);
    assert!(matches!(desk.event(), SessionEvent::Answered { .. }));
    (id, answer)
}

#[test]
fn nothing_is_repeated_on_a_stream() {
    let mut desk = Desk::new();
    let (_, invite) = call(&mut desk);
    assert!(invite.header("Via").is_some_and(|via| via.starts_with("SIP/2.0/TCP ")), "{invite:?}");
    desk.pass(31_000);
    assert_eq!(desk.count(Method::Invite), 0, "no timer A");
    desk.pass(2_000);
    assert_eq!(desk.failure().kind, FailureKind::Timeout, "timer B all the same");

    let (id, _) = answered(&mut desk);
    desk.endpoint.hangup(desk.now, id, HangupReason::Normal);
    desk.flush();
    desk.request(Method::Bye);
    desk.pass(31_000);
    assert_eq!(desk.count(Method::Bye), 0, "no timer E");
    desk.nothing_left();
}

#[test]
fn what_has_not_left_is_news_to_its_own_call_only() {
    let mut desk = Desk::new();
    let (first, lost) = call(&mut desk);
    let (second, other) = call(&mut desk);
    desk.endpoint.handle_undelivered(desk.now, &lost.to_bytes());
    desk.flush();
    let (whose, event) = desk.events.remove(0);
    assert_eq!(whose, first);
    assert!(matches!(event, SessionEvent::Failed(failure) if failure.kind == FailureKind::Unreachable));
    desk.quiet();
    comes(&mut desk, &ok(&other, "callee"));
    assert!(desk.events.iter().any(|(id, event)| *id == second && matches!(event, SessionEvent::Answered { .. })));
}

/// An INVITE that was written may have arrived: sent again by a new connection it is a second call, if the far side has forgotten the first.
#[test]
fn a_broken_connection_never_dials_again() {
    let mut desk = Desk::new();
    let (_, invite) = call(&mut desk);
    comes(&mut desk, &reply(&invite, 180, "phone"));
    assert!(matches!(desk.event(), SessionEvent::Progress { .. }));
    desk.endpoint.handle_broken(trunk());
    desk.flush();
    assert_eq!(desk.count(Method::Invite), 0);
    // the far side brings its answer by a connection of its own (RFC 3261 18.2.2)
    let back = Hop::new(Transport::Tcp, address("192.0.2.9:40001"));
    desk.endpoint.handle_datagram(desk.now, back, &ok(&invite, "phone").to_bytes());
    desk.flush();
    assert!(matches!(desk.event(), SessionEvent::Answered { .. }));
}

#[test]
fn a_bye_on_a_connection_that_breaks_is_sent_once_more_and_not_for_ever() {
    let mut desk = Desk::new();
    let (id, _) = answered(&mut desk);
    desk.endpoint.hangup(desk.now, id, HangupReason::Normal);
    desk.flush();
    let bye = desk.request(Method::Bye);
    desk.endpoint.handle_broken(trunk());
    desk.flush();
    let again = desk.request(Method::Bye);
    assert_eq!(again.to_bytes(), bye.to_bytes(), "the same transaction: the far side knows it by its branch");
    desk.endpoint.handle_broken(trunk());
    desk.flush();
    assert_eq!(desk.count(Method::Bye), 0, "a peer that closes whatever it takes is not run after");
    comes(&mut desk, &reply(&again, 200, "callee"));
    assert!(matches!(desk.event(), SessionEvent::Ended { by: Side::Local, cause: EndCause::Bye }));
    desk.nothing_left();
}

#[test]
fn a_call_that_talks_lives_through_a_broken_connection() {
    let mut desk = Desk::new();
    let (id, _) = answered(&mut desk);
    desk.endpoint.handle_broken(trunk());
    desk.flush();
    desk.quiet();
    desk.endpoint.hangup(desk.now, id, HangupReason::Normal);
    desk.flush();
    desk.request(Method::Bye);
}
