//! The called side: ringing, answering, refusing, CANCEL, BYE before ACK, re-INVITE.

use super::scripted::{ANSWER, Desk, SDP, TRUNK, address, incoming, near_request};
use crate::sip::message::{Message, Method};
use crate::sip::session::{EndCause, HangupReason, SessionEvent, SessionId, Side};

/// A call that came in; its id.
fn ringing(desk: &mut Desk, invite: &Message) -> SessionId {
    desk.deliver(invite);
    assert_eq!(desk.events.len(), 1);
    let (id, event) = desk.events.remove(0);
    match event {
        SessionEvent::Incoming(incoming) => {
            assert_eq!(incoming.offer, SDP);
            assert_eq!(incoming.request_uri.user(), Some("1001"));
            id
        }
        other => panic!("{other:?}"),
    }
}

/// Accepts; gives the 200.
fn accept(desk: &mut Desk, id: SessionId) -> Message {
    desk.endpoint.accept(desk.now, id, ANSWER.to_vec());
    desk.flush();
    desk.response(200)
}

fn established(desk: &mut Desk) -> (SessionId, Message) {
    let invite = incoming("est");
    let id = ringing(desk, &invite);
    let ok = accept(desk, id);
    desk.deliver(&near_request(&ok, Method::Ack, 5, "ack"));
    assert_eq!(desk.event(), SessionEvent::Acked { sdp: None });
    (id, ok)
}

#[test]
fn a_call_from_invite_to_bye() {
    let mut desk = Desk::new();
    let mut invite = incoming("a");
    invite.push("Record-Route", "<sip:192.0.2.50;lr>");
    invite.push("Record-Route", "<sip:192.0.2.51;lr>");
    let id = ringing(&mut desk, &invite);
    desk.quiet();
    desk.pass(200);
    desk.response(100);
    desk.endpoint.ring(desk.now, id, 180, None);
    desk.flush();
    let ringing = desk.response(180);
    desk.endpoint.ring(desk.now, id, 183, Some(ANSWER.to_vec()));
    desk.flush();
    let early = desk.response(183);
    assert_eq!(early.body(), ANSWER);
    let ok = accept(&mut desk, id);
    assert_eq!(ok.body(), ANSWER);
    for response in [&ringing, &early, &ok] {
        assert_eq!(response.header("To"), ok.header("To"), "the To tag is stable");
        assert!(response.to().expect("a To").tag().is_some());
        assert_eq!(response.header("Contact"), Some("<sip:192.0.2.1:5070>"));
        assert_eq!(response.record_routes().expect("routes").len(), 2);
    }
    desk.deliver(&near_request(&ok, Method::Ack, 5, "ack"));
    assert_eq!(desk.event(), SessionEvent::Acked { sdp: None });
    desk.endpoint.hangup(desk.now, id, HangupReason::Normal);
    desk.flush();
    let (to, bye) = desk.request_to(Method::Bye);
    assert_eq!(to, address("192.0.2.50:5060"));
    let routes: Vec<&str> = bye.headers("Route").collect();
    assert_eq!(routes, ["<sip:192.0.2.50;lr>", "<sip:192.0.2.51;lr>"], "called side: not reversed");
    assert_eq!(bye.uri().map(|uri| uri.as_str()), Some("sip:caller@192.0.2.9:5080"));
    assert_eq!(bye.header("From"), ok.header("To"));
    desk.deliver(&super::scripted::reply(&bye, 200, ""));
    assert_eq!(desk.event(), SessionEvent::Ended { by: Side::Local, cause: EndCause::Bye });
    desk.nothing_left();
    desk.quiet();
}

#[test]
fn the_200_is_repeated_until_the_ack_comes() {
    let mut desk = Desk::new();
    let invite = incoming("a");
    let id = ringing(&mut desk, &invite);
    let ok = accept(&mut desk, id);
    desk.pass(4_000);
    assert_eq!(desk.sent.len(), 3, "at 0.5, 1.5 and 3.5 s");
    desk.sent.clear();
    desk.deliver(&invite);
    desk.quiet();
    desk.deliver(&near_request(&ok, Method::Ack, 5, "ack"));
    desk.event();
    desk.pass(60_000);
    desk.quiet();
}

#[test]
fn without_an_ack_the_session_ends_with_a_bye() {
    let mut desk = Desk::new();
    let id = ringing(&mut desk, &incoming("a"));
    accept(&mut desk, id);
    desk.pass(31_999);
    assert_eq!(desk.count(Method::Bye), 0);
    desk.pass(1);
    let bye = desk.request(Method::Bye);
    desk.deliver(&super::scripted::reply(&bye, 481, ""));
    assert_eq!(desk.event(), SessionEvent::Ended { by: Side::Local, cause: EndCause::NoAck });
    desk.sent.clear();
    desk.nothing_left();
}

#[test]
fn hanging_up_before_the_ack_waits_for_it() {
    let mut desk = Desk::new();
    let id = ringing(&mut desk, &incoming("a"));
    let ok = accept(&mut desk, id);
    desk.endpoint.hangup(desk.now, id, HangupReason::Normal);
    desk.flush();
    desk.quiet();
    desk.deliver(&near_request(&ok, Method::Ack, 5, "ack"));
    desk.request(Method::Bye);
}

#[test]
fn a_bye_before_the_ack_ends_it_and_stops_the_200() {
    let mut desk = Desk::new();
    let id = ringing(&mut desk, &incoming("a"));
    let ok = accept(&mut desk, id);
    desk.deliver(&near_request(&ok, Method::Bye, 6, "bye"));
    desk.response(200);
    assert_eq!(desk.event(), SessionEvent::Ended { by: Side::Remote, cause: EndCause::Bye });
    desk.deliver(&near_request(&ok, Method::Ack, 5, "ack"));
    desk.nothing_left();
    desk.quiet();
}

#[test]
fn a_refusal_is_repeated_until_its_ack() {
    let mut desk = Desk::new();
    let invite = incoming("a");
    let id = ringing(&mut desk, &invite);
    desk.endpoint.reject(desk.now, id, 486, vec![("Retry-After".into(), "60".into())]);
    desk.flush();
    let refusal = desk.response(486);
    assert_eq!(refusal.header("Retry-After"), Some("60"));
    assert_eq!(desk.event(), SessionEvent::Ended { by: Side::Local, cause: EndCause::Rejected(486) });
    assert_eq!(desk.endpoint.load().sessions, 0);
    desk.pass(600);
    desk.response(486);
    desk.deliver(&near_request(&refusal, Method::Ack, 5, "a"));
    desk.nothing_left();
    desk.quiet();
}

#[test]
fn a_cancel_gets_200_and_the_invite_487() {
    let mut desk = Desk::new();
    let invite = incoming("a");
    let id = ringing(&mut desk, &invite);
    desk.endpoint.ring(desk.now, id, 180, None);
    desk.flush();
    let ringing = desk.response(180);
    let cancel = cancel_of(&invite);
    desk.deliver(&cancel);
    let cancel_ok = desk.response(200);
    assert_eq!(cancel_ok.header("CSeq"), Some("5 CANCEL"));
    assert_eq!(cancel_ok.header("To"), ringing.header("To"));
    let terminated = desk.response(487);
    assert_eq!(terminated.header("To"), ringing.header("To"));
    assert_eq!(desk.event(), SessionEvent::Canceled);
    desk.deliver(&cancel);
    desk.response(200);
    desk.deliver(&near_request(&terminated, Method::Ack, 5, "a"));
    desk.nothing_left();
    desk.quiet();
}

#[test]
fn a_cancel_after_the_200_changes_nothing_and_one_for_nothing_gets_481() {
    let mut desk = Desk::new();
    let invite = incoming("a");
    let id = ringing(&mut desk, &invite);
    let ok = accept(&mut desk, id);
    desk.deliver(&cancel_of(&invite));
    assert_eq!(desk.response(200).header("CSeq"), Some("5 CANCEL"));
    desk.deliver(&near_request(&ok, Method::Ack, 5, "ack"));
    assert_eq!(desk.event(), SessionEvent::Acked { sdp: None });
    desk.deliver(&cancel_of(&incoming("unknown")));
    desk.response(481);
}

#[test]
fn a_bye_in_the_early_dialog_ends_the_invite_too() {
    let mut desk = Desk::new();
    let id = ringing(&mut desk, &incoming("a"));
    desk.endpoint.ring(desk.now, id, 180, None);
    desk.flush();
    let early = desk.response(180);
    desk.deliver(&near_request(&early, Method::Bye, 6, "bye"));
    desk.response(200);
    desk.response(487);
    assert_eq!(desk.event(), SessionEvent::Canceled);
}

#[test]
fn an_invite_without_offer_gets_ours_and_its_ack_brings_the_answer() {
    let mut desk = Desk::new();
    let mut invite = incoming("a");
    invite.remove("Content-Type");
    invite.set_body("application/sdp", Vec::new());
    desk.deliver(&invite);
    let (id, _) = desk.events.remove(0);
    let ok = accept(&mut desk, id);
    let mut ack = near_request(&ok, Method::Ack, 5, "ack");
    ack.set_body("application/sdp", SDP.to_vec());
    desk.deliver(&ack);
    assert_eq!(desk.event(), SessionEvent::Acked { sdp: Some(SDP.to_vec()) });
}

#[test]
fn an_invite_without_contact_is_a_bad_request() {
    let mut desk = Desk::new();
    let mut invite = incoming("a");
    invite.remove("Contact");
    desk.deliver(&invite);
    desk.response(400);
    assert!(desk.events.is_empty());
    desk.sent.clear();
    desk.nothing_left();
}

#[test]
fn a_reinvite_that_changes_nothing_gets_our_description_again() {
    let mut desk = Desk::new();
    let (_, ok) = established(&mut desk);
    let mut refresh = near_request(&ok, Method::Invite, 6, "re1");
    refresh.push("Contact", format!("<sip:moved@{TRUNK}>"));
    refresh.set_body("application/sdp", String::from_utf8_lossy(SDP).replace("o=- 1 1", "o=- 1 2").into_bytes());
    desk.deliver(&refresh);
    let answer = desk.response(200);
    assert_eq!(answer.body(), ANSWER);
    desk.pass(600);
    assert_eq!(desk.response(200).to_bytes(), answer.to_bytes(), "repeated until its ACK");
    desk.deliver(&near_request(&answer, Method::Ack, 6, "re1ack"));
    desk.pass(60_000);
    desk.quiet();
    // the new Contact is the target now (12.2.2)
    let id = *desk.endpoint.sessions.keys().next().expect("one session");
    desk.endpoint.hangup(desk.now, id, HangupReason::Normal);
    desk.flush();
    assert_eq!(desk.request(Method::Bye).uri().and_then(|uri| uri.user()), Some("moved"));
}

/// A re-INVITE by the far side that puts the call on hold.
fn hold(ok: &Message, cseq: u32, branch: &str) -> Message {
    let mut hold = near_request(ok, Method::Invite, cseq, branch);
    hold.set_body("application/sdp", [SDP, b"a=sendonly\r\n"].concat());
    hold
}

#[test]
fn a_reinvite_that_changes_the_media_is_the_call_layers_to_answer() {
    let mut desk = Desk::new();
    let (id, ok) = established(&mut desk);
    desk.deliver(&hold(&ok, 6, "re1"));
    let SessionEvent::Reoffer { sdp } = desk.event() else { panic!("no offer") };
    assert_eq!(sdp, [SDP, b"a=sendonly\r\n"].concat());
    // 14.2: one at a time
    desk.deliver(&hold(&ok, 7, "re2"));
    let busy = desk.response(500);
    assert_eq!(busy.header("Retry-After"), Some("2"));
    desk.deliver(&near_request(&busy, Method::Ack, 7, "re2"));
    desk.endpoint.answer_offer(desk.now, id, Some(b"our new one".to_vec()));
    desk.flush();
    let answer = desk.response(200);
    assert_eq!(answer.body(), b"our new one");
    desk.deliver(&near_request(&answer, Method::Ack, 6, "re1ack"));
    // the same once more changes nothing: it is answered from here
    desk.deliver(&hold(&ok, 8, "re3"));
    let again = desk.response(200);
    assert_eq!(again.body(), b"our new one");
    desk.deliver(&near_request(&again, Method::Ack, 8, "re3ack"));
    desk.pass(60_000);
    desk.quiet();
    desk.deliver(&near_request(&ok, Method::Bye, 9, "bye"));
    desk.response(200);
    assert_eq!(desk.event(), SessionEvent::Ended { by: Side::Remote, cause: EndCause::Bye });
    desk.nothing_left();
}

#[test]
fn a_reinvite_that_is_refused_or_not_answered_gets_488_and_the_call_goes_on() {
    let mut desk = Desk::new();
    let (id, ok) = established(&mut desk);
    desk.deliver(&hold(&ok, 6, "re1"));
    assert!(matches!(desk.event(), SessionEvent::Reoffer { .. }));
    desk.endpoint.answer_offer(desk.now, id, None);
    desk.flush();
    let refusal = desk.response(488);
    desk.deliver(&near_request(&refusal, Method::Ack, 6, "re1"));
    desk.deliver(&hold(&ok, 7, "re2"));
    assert!(matches!(desk.event(), SessionEvent::Reoffer { .. }));
    desk.pass(3_900);
    desk.sent.clear(); // 100
    desk.pass(200);
    let refusal = desk.response(488);
    desk.deliver(&near_request(&refusal, Method::Ack, 7, "re2"));
    desk.endpoint.answer_offer(desk.now, id, Some(Vec::new())); // too late
    desk.flush();
    // without an offer: ours; and its ACK never comes: the call ends (14.2)
    desk.deliver(&near_request(&ok, Method::Invite, 8, "re3"));
    assert_eq!(desk.response(200).body(), ANSWER);
    desk.deliver(&near_request(&ok, Method::Invite, 9, "re4"));
    assert_eq!(desk.response(500).header("Retry-After"), Some("2"));
    desk.pass(32_000);
    let bye = desk.request(Method::Bye);
    desk.deliver(&super::scripted::reply(&bye, 200, ""));
    assert_eq!(desk.event(), SessionEvent::Ended { by: Side::Local, cause: EndCause::NoAck });
    desk.sent.clear();
    desk.nothing_left();
}

#[test]
fn a_reinvite_that_waits_when_the_call_ends_has_its_final_response() {
    for ours in [false, true] {
        let mut desk = Desk::new();
        let (id, ok) = established(&mut desk);
        desk.deliver(&hold(&ok, 6, "re1"));
        assert!(matches!(desk.event(), SessionEvent::Reoffer { .. }));
        if ours {
            desk.endpoint.hangup(desk.now, id, HangupReason::Normal);
            desk.flush();
        } else {
            desk.deliver(&near_request(&ok, Method::Bye, 7, "bye"));
        }
        let refusal = desk.response(488);
        desk.deliver(&near_request(&refusal, Method::Ack, 6, "re1"));
        desk.sent.clear();
        desk.nothing_left();
    }
}

/// 9.1: as a caller makes it.
fn cancel_of(invite: &Message) -> Message {
    let mut cancel = Message::request(Method::Cancel, invite.uri().expect("a URI").clone());
    for name in ["Via", "From", "To", "Call-ID"] {
        cancel.push(name, invite.header(name).expect("there"));
    }
    cancel.push("CSeq", "5 CANCEL");
    cancel
}
