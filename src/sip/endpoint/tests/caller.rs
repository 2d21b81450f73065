//! The caller's side: the plain way, refusals, time-outs, stages.

use super::scripted::{ANSWER, Desk, SDP, TRUNK, address, far_request, ok, reply};
use crate::sip::message::{Message, Method};
use crate::sip::session::{
    AuthProblem, EndCause, Failure, FailureKind, HangupReason, SessionEvent, Side, Stage, UnusableAnswer,
};

fn failed(stage: Stage, kind: FailureKind) -> Failure {
    Failure { stage, kind, reason_header: None, retry_after: None }
}

#[test]
fn a_call_from_invite_to_bye() {
    let mut desk = Desk::new();
    let (id, invite) = desk.call();
    assert_eq!(invite.header("X-Attempt"), Some("17"), "case 16: headers of the call layer are kept");
    assert_eq!(invite.body(), SDP);
    assert_eq!(invite.header("Allow"), Some("INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, INFO, PRACK, UPDATE"));
    desk.deliver(&reply(&invite, 100, ""));
    desk.deliver(&reply(&invite, 180, "callee"));
    assert_eq!(desk.event(), SessionEvent::Progress { status: 180, sdp: None });
    let mut early = reply(&invite, 183, "callee");
    early.set_body("application/sdp", ANSWER.to_vec());
    desk.deliver(&early);
    assert_eq!(desk.event(), SessionEvent::Progress { status: 183, sdp: Some(ANSWER.to_vec()) });
    desk.deliver(&ok(&invite, "callee"));
    let (to, ack) = desk.request_to(Method::Ack);
    assert_eq!(to, address(TRUNK));
    assert_eq!(ack.uri().map(|uri| uri.as_str()), Some("sip:callee@192.0.2.9:5080"));
    assert_eq!(ack.header("CSeq"), Some("1 ACK"));
    assert_ne!(ack.via().expect("a Via").branch(), invite.via().expect("a Via").branch());
    assert_eq!(desk.event(), SessionEvent::Answered { sdp: ANSWER.to_vec() });
    desk.endpoint.hangup(desk.now, id, HangupReason::Normal);
    desk.flush();
    let bye = desk.request(Method::Bye);
    assert_eq!(bye.header("CSeq"), Some("2 BYE"));
    assert_eq!(bye.header("To"), ok(&invite, "callee").header("To"));
    desk.deliver(&reply(&bye, 200, ""));
    assert_eq!(desk.event(), SessionEvent::Ended { by: Side::Local, cause: EndCause::Bye });
    assert_eq!(desk.endpoint.load().sessions, 0, "the session goes at once");
    desk.nothing_left();
    desk.quiet();
}

#[test]
fn the_far_side_hangs_up() {
    let mut desk = Desk::new();
    let (_, _, answer) = desk.answered();
    let bye = far_request(&answer, Method::Bye, 1);
    desk.deliver(&bye);
    desk.response(200);
    assert_eq!(desk.event(), SessionEvent::Ended { by: Side::Remote, cause: EndCause::Bye });
    desk.deliver(&bye);
    desk.response(200);
    desk.nothing_left();
    desk.quiet();
}

#[test]
fn refusals_name_status_stage_reason_and_retry_after() {
    for (status, early) in [(302, false), (404, false), (486, true), (503, false), (603, true)] {
        let mut desk = Desk::new();
        let (_, invite) = desk.call();
        desk.deliver(&reply(&invite, 100, ""));
        if early {
            desk.deliver(&reply(&invite, 180, "x"));
            desk.event();
        }
        let mut refusal = reply(&invite, status, "x");
        refusal.push("Reason", "Q.850;cause=17");
        refusal.push("Retry-After", "120 (full);duration=60");
        desk.deliver(&refusal);
        let ack = desk.request(Method::Ack);
        assert_eq!(ack.via().expect("a Via"), invite.via().expect("a Via"), "17.1.1.3");
        assert_eq!(ack.header("To"), refusal.header("To"));
        let stage = if early { Stage::Early } else { Stage::Sent };
        let expected = Failure {
            stage,
            kind: FailureKind::Status(status),
            reason_header: Some("Q.850;cause=17".into()),
            retry_after: Some(120),
        };
        assert_eq!(desk.failure(), expected);
        desk.deliver(&refusal);
        assert_eq!(desk.request(Method::Ack).to_bytes(), ack.to_bytes(), "again, byte for byte");
        desk.nothing_left();
        desk.quiet();
    }
}

#[test]
fn silence_is_timer_b_at_stage_sent() {
    let mut desk = Desk::new();
    let mut order = Desk::order();
    order.ring_timeout = std::time::Duration::from_secs(60);
    desk.call_with(order);
    desk.pass(31_999);
    assert_eq!(desk.count(Method::Invite), 6);
    assert!(desk.events.is_empty());
    desk.pass(1);
    assert_eq!(desk.failure(), failed(Stage::Sent, FailureKind::Timeout));
    desk.nothing_left();
    desk.quiet();
}

#[test]
fn silence_beyond_the_ring_timeout_is_still_timer_b_and_no_cancel_leaves() {
    let mut desk = Desk::new();
    desk.call();
    desk.pass(40_000);
    assert_eq!(desk.count(Method::Cancel), 0);
    assert_eq!(desk.failure(), failed(Stage::Sent, FailureKind::Timeout));
}

#[test]
fn unreachable_is_told_at_once() {
    let mut desk = Desk::new();
    desk.call();
    desk.endpoint.handle_unreachable(desk.now, address("192.0.2.77:5060"));
    desk.flush();
    desk.quiet();
    desk.endpoint.handle_unreachable(desk.now, address(TRUNK));
    desk.flush();
    assert_eq!(desk.failure(), failed(Stage::Sent, FailureKind::Unreachable));
    desk.nothing_left();
}

#[test]
fn hung_up_before_the_invite_left_nothing_leaves() {
    let mut desk = Desk::new();
    let id = desk.endpoint.invite(desk.now, Desk::order());
    desk.endpoint.hangup(desk.now, id, HangupReason::Shutdown);
    desk.flush();
    assert_eq!(desk.failure(), failed(Stage::BeforeSend, FailureKind::Canceled));
    desk.quiet();
    desk.nothing_left();
}

#[test]
fn hung_up_while_ringing_is_canceled() {
    let mut desk = Desk::new();
    let (id, invite) = desk.call();
    desk.deliver(&reply(&invite, 180, "x"));
    desk.event();
    desk.endpoint.hangup(desk.now, id, HangupReason::Normal);
    desk.flush();
    let cancel = desk.request(Method::Cancel);
    desk.deliver(&reply(&cancel, 200, "x"));
    desk.deliver(&reply(&invite, 487, "x"));
    desk.request(Method::Ack);
    assert_eq!(desk.failure(), failed(Stage::Early, FailureKind::Canceled));
    desk.nothing_left();
    desk.quiet();
}

#[test]
fn challenged_without_credentials_is_an_auth_failure() {
    let mut desk = Desk::new();
    let (_, invite) = desk.call();
    desk.deliver(&reply(&invite, 407, "x"));
    desk.request(Method::Ack);
    assert_eq!(desk.failure(), failed(Stage::Sent, FailureKind::Auth(AuthProblem::NoCredentials)));
}

#[test]
fn bye_refused_or_unanswered_ends_the_session_all_the_same() {
    for (status, cause) in [(481, EndCause::ByeRefused(481)), (408, EndCause::ByeRefused(408))] {
        let mut desk = Desk::new();
        let (id, ..) = desk.answered();
        desk.endpoint.hangup(desk.now, id, HangupReason::Normal);
        desk.flush();
        let bye = desk.request(Method::Bye);
        desk.deliver(&reply(&bye, status, ""));
        assert_eq!(desk.event(), SessionEvent::Ended { by: Side::Local, cause });
        desk.nothing_left();
    }
    let mut desk = Desk::new();
    let (id, ..) = desk.answered();
    desk.endpoint.hangup(desk.now, id, HangupReason::Normal);
    desk.pass(32_000);
    assert_eq!(desk.count(Method::Bye), 11);
    assert_eq!(desk.event(), SessionEvent::Ended { by: Side::Local, cause: EndCause::ByeTimeout });
    desk.nothing_left();
    desk.quiet();
}

#[test]
fn crossing_byes_end_both() {
    let mut desk = Desk::new();
    let (id, _, answer) = desk.answered();
    desk.endpoint.hangup(desk.now, id, HangupReason::Normal);
    desk.flush();
    let ours = desk.request(Method::Bye);
    desk.deliver(&far_request(&answer, Method::Bye, 1));
    desk.response(200);
    assert_eq!(desk.event(), SessionEvent::Ended { by: Side::Local, cause: EndCause::Bye });
    desk.deliver(&reply(&ours, 481, ""));
    desk.nothing_left();
    desk.quiet();
}

#[test]
fn an_answer_in_an_earlier_183_counts_where_the_200_has_none() {
    // 13.2.1: the first description of the dialog is the answer
    let mut desk = Desk::new();
    let (_, invite) = desk.call();
    let mut early = reply(&invite, 183, "x");
    early.set_body("application/sdp", ANSWER.to_vec());
    desk.deliver(&early);
    desk.event();
    let mut bare = reply(&invite, 200, "x");
    bare.push("Contact", "<sip:x@192.0.2.9>");
    desk.deliver(&bare);
    assert_eq!(desk.event(), SessionEvent::Answered { sdp: ANSWER.to_vec() });
    // another fork's early media is not this one's answer
    let mut desk = Desk::new();
    let (_, invite) = desk.call();
    desk.deliver(&early_of(&invite, "other"));
    desk.event();
    let mut bare = reply(&invite, 200, "x");
    bare.push("Contact", "<sip:x@192.0.2.9>");
    desk.deliver(&bare);
    assert_eq!(desk.failure().kind, FailureKind::BadAnswer(UnusableAnswer::NoSdp));
}

fn early_of(invite: &Message, tag: &str) -> Message {
    let mut early = reply(invite, 183, tag);
    early.set_body("application/sdp", ANSWER.to_vec());
    early
}
