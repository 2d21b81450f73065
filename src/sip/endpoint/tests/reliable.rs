//! Reliable provisional responses (RFC 3262) and UPDATE (RFC 3311): acceptance cases 6, 11 and 14.

use super::scripted::{ANSWER, Desk, SDP, TRUNK, address, far_request, ok, reply};
use crate::sip::endpoint::Prack;
use crate::sip::message::{Message, Method};
use crate::sip::session::{EndCause, HangupReason, SessionEvent, SessionId, Side};

/// A reliable 183 with the answer.
fn reliable(invite: &Message, rseq: u32) -> Message {
    let mut early = reply(invite, 183, "callee");
    early.push("Contact", format!("<sip:callee@{TRUNK}>"));
    early.push("Require", "100rel");
    early.push("RSeq", rseq.to_string());
    early.set_body("application/sdp", ANSWER.to_vec());
    early
}

/// A call whose first reliable response is acknowledged.
fn early(desk: &mut Desk) -> (SessionId, Message, Message) {
    let (id, invite) = desk.call();
    desk.deliver(&reliable(&invite, 7));
    assert_eq!(desk.event(), SessionEvent::Progress { status: 183, sdp: Some(ANSWER.to_vec()) });
    let prack = desk.request(Method::Prack);
    (id, invite, prack)
}

#[test]
fn case_6_prack_goes_along_the_route_set_and_never_delays_the_ack() {
    let mut desk = Desk::new();
    let (id, invite) = desk.call();
    assert_eq!(invite.header("Supported"), Some("100rel, timer"));
    let mut ringing = reliable(&invite, 7);
    ringing.push("Record-Route", "<sip:192.0.2.31:5066;lr>");
    desk.deliver(&ringing);
    desk.event();
    let (to, prack) = desk.request_to(Method::Prack);
    assert_eq!(to, address("192.0.2.31:5066"));
    assert_eq!(prack.header("Route"), Some("<sip:192.0.2.31:5066;lr>"));
    assert_eq!(prack.uri().map(|uri| uri.as_str()), Some("sip:callee@192.0.2.9:5080"));
    assert_eq!((prack.header("RAck"), prack.header("CSeq")), (Some("7 1 INVITE"), Some("2 PRACK")));
    // nobody answers the PRACK; the 2xx is acknowledged at once, and its description, the same, adds nothing
    let mut answer = ok(&invite, "callee");
    answer.push("Record-Route", "<sip:192.0.2.31:5066;lr>");
    desk.deliver(&answer);
    assert_eq!(desk.request(Method::Ack).header("CSeq"), Some("1 ACK"));
    assert_eq!(desk.event(), SessionEvent::Answered { sdp: ANSWER.to_vec() });
    desk.pass(600);
    assert_eq!(desk.count(Method::Prack), 1, "timer E");
    desk.deliver(&reply(&prack, 200, ""));
    desk.endpoint.hangup(desk.now, id, HangupReason::Normal);
    desk.flush();
    let bye = desk.request(Method::Bye);
    assert_eq!(bye.header("CSeq"), Some("3 BYE"), "higher than the PRACK's");
    desk.deliver(&reply(&bye, 200, ""));
    desk.event();
    desk.nothing_left();
    desk.quiet();
}

#[test]
fn repeats_are_acknowledged_once_and_order_is_kept() {
    let mut desk = Desk::new();
    let (_, invite, prack) = early(&mut desk);
    desk.deliver(&reply(&prack, 200, ""));
    desk.deliver(&reliable(&invite, 7)); // again: RFC 3262 4
    desk.deliver(&reliable(&invite, 9)); // 8 is missing
    desk.quiet();
    desk.deliver(&reliable(&invite, 8));
    assert_eq!(desk.request(Method::Prack).header("RAck"), Some("8 1 INVITE"));
    desk.event();
    desk.deliver(&reliable(&invite, 9));
    assert_eq!(desk.request(Method::Prack).header("CSeq"), Some("4 PRACK"));
    desk.event();
    // the Contact's dialog of another fork counts for itself
    let mut other = reliable(&invite, 100);
    other.set("To", format!("{};tag=other", invite.header("To").expect("a To")));
    desk.deliver(&other);
    assert_eq!(desk.request(Method::Prack).header("RAck"), Some("100 1 INVITE"));
    desk.event();
    desk.quiet();
}

#[test]
fn prack_is_offered_or_required_or_not_as_the_trunk_says() {
    for (prack, supported, required) in [
        (Prack::Off, Some("timer"), None),
        (Prack::Supported, Some("100rel, timer"), None),
        (Prack::Required, Some("100rel, timer"), Some("100rel")),
    ] {
        let mut order = Desk::order();
        order.extensions.prack = prack;
        let (_, invite) = Desk::new().call_with(order);
        assert_eq!((invite.header("Supported"), invite.header("Require")), (supported, required));
    }
}

#[test]
fn a_challenged_prack_is_answered() {
    let mut desk = Desk::new();
    let mut order = Desk::order();
    order.credentials = Some(super::challenge::credentials());
    let (_, invite) = desk.call_with(order);
    desk.deliver(&reliable(&invite, 1));
    desk.event();
    let prack = desk.request(Method::Prack);
    let mut challenge = reply(&prack, 407, "callee");
    challenge.push("Proxy-Authenticate", super::challenge::challenge("trunk", "n1").to_header());
    desk.deliver(&challenge);
    let again = desk.request(Method::Prack);
    assert!(again.header("Proxy-Authorization").is_some());
    assert_eq!((again.header("RAck"), again.header("CSeq")), (Some("1 1 INVITE"), Some("3 PRACK")));
}

#[test]
fn case_14_an_early_update_is_answered() {
    let mut desk = Desk::new();
    let (id, invite, prack) = early(&mut desk);
    desk.deliver(&reply(&prack, 200, ""));
    let in_early = reliable(&invite, 7);
    let mut refresh = far_request(&in_early, Method::Update, 1);
    refresh.push("Contact", format!("<sip:moved@{TRUNK}>"));
    desk.deliver(&refresh);
    let answer = desk.response(200);
    assert!(answer.body().is_empty() && answer.header("Contact").is_some());
    desk.deliver(&refresh);
    assert_eq!(desk.response(200).to_bytes(), answer.to_bytes());
    // an offer that changes something is the call layer's, and its answer stands in the 2xx's place
    let changed = [ANSWER, b"a=sendonly\r\n"].concat();
    let mut offer = far_request(&in_early, Method::Update, 2);
    offer.set_body("application/sdp", changed.clone());
    desk.deliver(&offer);
    assert_eq!(desk.event(), SessionEvent::Reoffer { sdp: changed.clone() });
    desk.endpoint.answer_offer(desk.now, id, Some(b"ours anew".to_vec()));
    desk.flush();
    assert_eq!(desk.response(200).body(), b"ours anew");
    desk.deliver(&far_request(&in_early, Method::Update, 2)); // out of order, by another branch
    desk.deliver(&ok(&invite, "callee"));
    desk.request(Method::Ack);
    assert_eq!(desk.event(), SessionEvent::Answered { sdp: changed });
    // the session goes on from there: a re-INVITE without an offer gets our new description
    desk.sent.clear();
    desk.deliver(&far_request(&in_early, Method::Invite, 3));
    assert_eq!(desk.response(200).body(), b"ours anew");
}

#[test]
fn an_early_offer_before_a_reliable_answer_is_glare_and_one_that_waits_gets_its_final_response() {
    let mut desk = Desk::new();
    let (_, invite) = desk.call();
    desk.deliver(&reply(&invite, 180, "callee"));
    desk.event();
    let ringing = reply(&invite, 180, "callee");
    let mut offer = far_request(&ringing, Method::Update, 1);
    offer.set_body("application/sdp", SDP.to_vec());
    desk.deliver(&offer);
    desk.response(491);
    // it waits for the call layer when the INVITE fails
    let mut desk = Desk::new();
    let (_, invite, prack) = early(&mut desk);
    desk.deliver(&reply(&prack, 200, ""));
    let mut offer = far_request(&reliable(&invite, 7), Method::Update, 1);
    offer.set_body("application/sdp", SDP.to_vec());
    desk.deliver(&offer);
    assert!(matches!(desk.event(), SessionEvent::Reoffer { .. }));
    desk.deliver(&reply(&invite, 486, "callee"));
    desk.response(488);
    desk.failure();
    desk.sent.clear();
    desk.nothing_left();
}

#[test]
fn case_11_update_and_reinvite_refresh_the_target() {
    let mut desk = Desk::new();
    let (id, _, answer) = desk.answered();
    for (cseq, method, user) in [(1, Method::Update, "moved1"), (2, Method::Invite, "moved2")] {
        let mut refresh = far_request(&answer, method.clone(), cseq);
        refresh.push("Contact", format!("<sip:{user}@192.0.2.44:5090>"));
        desk.deliver(&refresh);
        let response = desk.response(200);
        if method == Method::Invite {
            desk.deliver(&far_request(&answer, Method::Ack, cseq));
            assert_eq!(response.body(), SDP);
        }
    }
    let mut offer = far_request(&answer, Method::Update, 3);
    offer.set_body("application/sdp", [ANSWER, b"a=sendonly\r\n"].concat());
    desk.deliver(&offer);
    assert!(matches!(desk.event(), SessionEvent::Reoffer { .. }));
    // one at a time (RFC 3311 5.2)
    let mut second = far_request(&answer, Method::Update, 4);
    second.set_body("application/sdp", SDP.to_vec());
    desk.deliver(&second);
    assert_eq!(desk.response(500).header("Retry-After"), Some("2"));
    desk.endpoint.answer_offer(desk.now, id, None);
    desk.flush();
    desk.response(488);
    desk.endpoint.hangup(desk.now, id, HangupReason::Normal);
    desk.flush();
    let (to, bye) = desk.request_to(Method::Bye);
    assert_eq!((to, bye.uri().and_then(|uri| uri.user())), (address("192.0.2.44:5090"), Some("moved2")));
    desk.deliver(&reply(&bye, 200, ""));
    assert_eq!(desk.event(), SessionEvent::Ended { by: Side::Local, cause: EndCause::Bye });
    desk.nothing_left();
}
