//! Handing the far side over by REFER (RFC 3515, 3891, 4488): what came of it in every order, and that the session goes on.

use super::challenge::{challenge, credentials};
use super::scripted::{Desk, LOCAL, far_request, incoming, near_request, ok, reply, tag_of};
use crate::sip::auth::{Credentials, tests::verify_password};
use crate::sip::endpoint::Refer;
use crate::sip::message::{Message, Method};
use crate::sip::session::ReferEvent::{Accepted, Done, Lost, Progress, Refused};
use crate::sip::session::{EndCause, HangupReason, ReferEvent, SessionEvent, SessionId, Side};

fn agent() -> Refer {
    Refer { to: "sip:8001@pbx.example".parse().expect("a URI"), replaces: None }
}

/// What the far side does, and the time that passes.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Answers the present REFER.
    Answers(u16),
    /// Sends a NOTIFY with this Event, Subscription-State and body, which is answered with this status.
    Tells(&'static str, &'static str, &'static str, u16),
    /// So many milliseconds go by.
    Waits(u64),
}

use Step::{Answers, Tells, Waits};

/// The commonest NOTIFYs.
const TRYING: Step = Tells("refer", "active;expires=60", "SIP/2.0 100 Trying\r\n", 200);
const RINGING: Step = Tells("refer;id=2", "active", "SIP/2.0 180 Ringing", 200);
const TAKEN: Step = Tells("refer", "terminated;reason=noresource", "SIP/2.0 200 OK\r\n", 200);
const AWAY: Step = Tells("refer", "terminated;reason=noresource", "SIP/2.0 503 Service Unavailable\r\n", 200);

fn notify(answer: &Message, cseq: u32, event: &str, state: &str, body: &str) -> Message {
    let mut notify = far_request(answer, Method::Notify, cseq);
    for (name, value) in [("Event", event), ("Subscription-State", state)] {
        if !value.is_empty() {
            notify.push(name, value);
        }
    }
    if !body.is_empty() {
        notify.set_body("message/sipfrag;version=2.0", body.as_bytes().to_vec());
    }
    notify
}

/// A call that was answered and handed over; gives its id, its 200 and its REFER.
fn referred(desk: &mut Desk) -> (SessionId, Message, Message) {
    let (id, _, answer) = desk.answered();
    desk.endpoint.refer(desk.now, id, agent());
    desk.flush();
    let refer = desk.request(Method::Refer);
    (id, answer, refer)
}

#[track_caller]
fn refer_events(desk: &mut Desk) -> Vec<ReferEvent> {
    let told = std::mem::take(&mut desk.events).into_iter();
    told.map(|(_, event)| if let SessionEvent::Refer(event) = event { event } else { panic!("{event:?}") }).collect()
}

#[test]
fn a_refer_says_where_to_and_who_asks() {
    let mut desk = Desk::new();
    let (_, answer, refer) = referred(&mut desk);
    assert_eq!(refer.uri().map(|uri| uri.as_str()), Some("sip:callee@192.0.2.9:5080"));
    assert_eq!(refer.header("Refer-To"), Some("<sip:8001@pbx.example>"));
    assert_eq!(refer.header("Referred-By"), Some("<sip:4001@dealer.example>"));
    assert_eq!(refer.header("Contact"), Some(format!("<sip:{LOCAL}>").as_str()));
    assert_eq!(refer.header("CSeq"), Some("2 REFER"));
    assert_eq!((refer.header("To"), tag_of(&refer)), (answer.header("To"), tag_of(&answer)));
    assert!(refer.body().is_empty());
}

#[test]
fn whatever_comes_of_it_is_told_once_and_the_session_goes_on() {
    let table: &[(&str, &[Step], &[ReferEvent])] = &[
        ("taken", &[Answers(202), TRYING, RINGING, TAKEN], &[Accepted, Progress(100), Progress(180), Done(200)]),
        ("taken, without the news between", &[Answers(200), TAKEN], &[Accepted, Done(200)]),
        ("nobody there", &[Answers(202), TRYING, AWAY], &[Accepted, Progress(100), Done(503)]),
        ("refused", &[Answers(603)], &[Refused(603)]),
        ("not known there", &[Answers(405)], &[Refused(405)]),
        ("a challenge without credentials", &[Answers(407)], &[Refused(407)]),
        ("provisional responses say nothing", &[Answers(100), Waits(10_000), Answers(603)], &[Refused(603)]),
        ("no response: timer F", &[Waits(31_999)], &[]),
        ("no response: timer F", &[Waits(32_000)], &[Lost]),
        ("a 202 that comes after timer F", &[Waits(32_000), Answers(202), TAKEN], &[Lost]),
        ("no NOTIFY", &[Answers(202), Waits(59_999)], &[Accepted]),
        ("no NOTIFY", &[Answers(202), Waits(60_000)], &[Accepted, Lost]),
        (
            "news do not stretch the patience",
            &[Answers(202), TRYING, Waits(30_000), RINGING, Waits(30_000), TAKEN],
            &[Accepted, Progress(100), Progress(180), Lost],
        ),
        ("a NOTIFY before the 202", &[TRYING, Answers(202), TAKEN], &[Accepted, Progress(100), Done(200)]),
        ("the last NOTIFY before the 202", &[TAKEN, Answers(202), Waits(90_000)], &[Accepted, Done(200)]),
        ("the 202 is lost", &[TRYING, Waits(40_000), TAKEN], &[Accepted, Progress(100), Done(200)]),
        ("taken back", &[TRYING, Answers(500)], &[Accepted, Progress(100), Refused(500)]),
        ("two last NOTIFYs", &[Answers(202), TAKEN, AWAY], &[Accepted, Done(200)]),
        (
            "the end in two steps",
            &[
                Answers(202),
                Tells("refer", "active", "SIP/2.0 200 OK", 200),
                Tells("refer", "terminated;reason=timeout", "", 200),
            ],
            &[Accepted, Done(200)],
        ),
        (
            "ended without a word",
            &[Answers(202), Tells("refer", "terminated;reason=noresource", "", 200), TAKEN],
            &[Accepted, Lost],
        ),
        (
            "ended at the first news: it tells no more",
            &[Answers(202), Tells("refer", "Terminated", "SIP/2.0 100 Trying", 200)],
            &[Accepted, Progress(100), Lost],
        ),
        (
            "bodies that say nothing",
            &[
                Answers(202),
                Tells("refer", "active", "", 200),
                Tells("refer", "active", "SIP/2.0 20 OK", 200),
                Tells("refer", "active", "SIP/2.0 999 No", 200),
                Tells("refer", "active", "SIP/2.0 +20 OK", 200),
                Tells("refer", "active", "SIP", 200),
                Tells("refer", "active", "<xml/>", 200),
                Tells("refer", "", "\r\n\r\nsip/2.0 486\r\n", 200),
            ],
            &[Accepted, Done(486)],
        ),
        (
            "a reason in Chinese",
            &[Answers(202), Tells(" Refer ; id=2", "terminated", "SIP/2.0 486 用户忙\r\nContact: <sip:x>\r\n", 200)],
            &[Accepted, Done(486)],
        ),
        (
            "NOTIFYs of something else",
            &[
                Answers(202),
                Tells("refer;id=1", "terminated", "SIP/2.0 200 OK", 481),
                Tells("refer;id=x", "terminated", "SIP/2.0 200 OK", 481),
                Tells("refer;id", "terminated", "SIP/2.0 200 OK", 481),
                Tells("message-summary", "terminated", "", 489),
                Tells("", "terminated", "SIP/2.0 200 OK", 489),
                TAKEN,
            ],
            &[Accepted, Done(200)],
        ),
    ];
    for (what, steps, want) in table {
        let mut desk = Desk::new();
        let (_, answer, refer) = referred(&mut desk);
        for (cseq, step) in (10..).zip(*steps) {
            match step {
                Answers(status) => desk.deliver(&reply(&refer, *status, "")),
                Waits(ms) => desk.pass(*ms),
                Tells(event, state, body, status) => {
                    let notify = notify(&answer, cseq, event, state, body);
                    desk.deliver(&notify);
                    desk.count(Method::Refer);
                    desk.response(*status);
                    desk.deliver(&notify);
                    desk.response(*status);
                }
            }
        }
        desk.count(Method::Refer);
        assert_eq!(refer_events(&mut desk), *want, "{what}");
        desk.deliver(&far_request(&answer, Method::Bye, 100));
        desk.response(200);
        assert_eq!(desk.event(), SessionEvent::Ended { by: Side::Remote, cause: EndCause::Bye }, "{what}");
        desk.nothing_left();
        desk.count(Method::Refer);
        desk.quiet();
    }
}

#[test]
fn the_response_may_say_that_no_notify_follows_rfc4488() {
    let mut desk = Desk::new();
    let (_, answer, refer) = referred(&mut desk);
    let mut accepted = reply(&refer, 202, "");
    accepted.push("Refer-Sub", "false");
    desk.deliver(&accepted);
    assert_eq!(refer_events(&mut desk), [Accepted]);
    desk.deliver(&far_request(&answer, Method::Bye, 3));
    desk.response(200);
    assert_eq!(desk.event(), SessionEvent::Ended { by: Side::Remote, cause: EndCause::Bye });
    desk.nothing_left();
    desk.quiet();
}

#[test]
fn an_undeliverable_refer_is_lost() {
    let mut desk = Desk::new();
    referred(&mut desk);
    desk.endpoint.handle_unreachable(desk.now, super::scripted::address(super::scripted::TRUNK));
    desk.flush();
    assert_eq!(refer_events(&mut desk), [Lost]);
    assert_eq!(desk.endpoint.load().sessions, 1);
}

#[test]
fn a_challenge_is_answered_and_either_id_is_ours() {
    for id in [2, 3] {
        let mut desk = Desk::new();
        let mut order = Desk::order();
        order.credentials = Some(credentials());
        let (session, invite) = desk.call_with(order);
        let answer = ok(&invite, "x");
        desk.deliver(&answer);
        desk.request(Method::Ack);
        desk.event();
        desk.endpoint.refer(desk.now, session, agent());
        desk.flush();
        let first = desk.request(Method::Refer);
        let asked = challenge("pbx", "n");
        let mut response = reply(&first, 407, "");
        response.push("Proxy-Authenticate", asked.to_header());
        desk.deliver(&response);
        let second = desk.request(Method::Refer);
        assert_eq!(second.header("CSeq"), Some("3 REFER"));
        assert_eq!(second.header("Refer-To"), first.header("Refer-To"));
        let value = second.header("Proxy-Authorization").expect("given");
        let Credentials { username, .. } = credentials();
        assert!(value.contains(&format!("username=\"{username}\"")));
        let uri = second.uri().expect("a URI");
        assert!(verify_password(value, &asked, &credentials(), &Method::Refer, uri, &[]).is_ok());
        desk.deliver(&reply(&second, 202, ""));
        desk.deliver(&notify(&answer, 9, &format!("refer;id={id}"), "terminated", "SIP/2.0 200 OK"));
        desk.response(200);
        assert_eq!(refer_events(&mut desk), [Accepted, Done(200)]);
        // the same nonce again: the credentials were not taken
        desk.endpoint.refer(desk.now, session, agent());
        desk.flush();
        for _ in 0..2 {
            let refer = desk.request(Method::Refer);
            let mut response = reply(&refer, 407, "");
            response.push("Proxy-Authenticate", asked.to_header());
            desk.deliver(&response);
        }
        assert_eq!(refer_events(&mut desk), [Refused(407)]);
    }
}

#[test]
fn one_refer_at_a_time_and_another_after_it() {
    let mut desk = Desk::new();
    let (id, answer, first) = referred(&mut desk);
    desk.endpoint.refer(desk.now, id, agent());
    desk.flush();
    assert_eq!(refer_events(&mut desk), [Refused(491)]);
    desk.deliver(&reply(&first, 202, ""));
    desk.deliver(&notify(&answer, 10, "refer", "terminated", "SIP/2.0 486 Busy Here"));
    desk.response(200);
    assert_eq!(refer_events(&mut desk), [Accepted, Done(486)]);
    desk.endpoint.refer(desk.now, id, agent());
    desk.flush();
    let second = desk.request(Method::Refer);
    assert_eq!(second.header("CSeq"), Some("3 REFER"));
    // news of the first, and its response once more, are none of the second
    desk.deliver(&reply(&first, 603, ""));
    desk.deliver(&notify(&answer, 11, "refer;id=2", "terminated", "SIP/2.0 200 OK"));
    desk.response(481);
    assert_eq!(refer_events(&mut desk), []);
    desk.deliver(&notify(&answer, 12, "refer;id=3", "terminated", "SIP/2.0 200 OK"));
    desk.response(200);
    assert_eq!(refer_events(&mut desk), [Accepted, Done(200)]);
}

#[test]
fn attended_the_target_takes_our_place_in_another_session_rfc3891() {
    let mut desk = Desk::new();
    let (customer, ..) = desk.answered();
    let (agents, _, theirs) = desk.answered();
    let attended = Refer { replaces: Some(agents), ..agent() };
    desk.endpoint.refer(desk.now, customer, attended.clone());
    desk.flush();
    let refer = desk.request(Method::Refer);
    let call_id = theirs.call_id().expect("a Call-ID");
    let want = format!("<sip:8001@pbx.example?Replaces={call_id}%3Bto-tag%3Dcallee%3Bfrom-tag%3D{}>", tag_of(&theirs));
    assert_eq!(refer.header("Refer-To"), Some(want.as_str()));
    desk.deliver(&reply(&refer, 603, ""));
    assert_eq!(refer_events(&mut desk), [Refused(603)]);
    // the agent hung up meanwhile
    desk.deliver(&far_request(&theirs, Method::Bye, 1));
    desk.event();
    desk.endpoint.refer(desk.now, customer, attended);
    desk.flush();
    assert_eq!(refer_events(&mut desk), [Refused(481)]);
    assert_eq!(desk.count(Method::Refer), 0);
}

#[test]
fn only_a_confirmed_dialog_can_refer() {
    let mut desk = Desk::new();
    let (id, _) = desk.call();
    desk.endpoint.refer(desk.now, id, agent());
    desk.flush();
    assert_eq!(refer_events(&mut desk), [Refused(481)]);
    let mut desk = Desk::new();
    let (id, answer, _) = referred(&mut desk);
    desk.endpoint.hangup(desk.now, id, HangupReason::Normal);
    desk.endpoint.refer(desk.now, id, agent());
    desk.flush();
    let bye = desk.request(Method::Bye);
    desk.deliver(&notify(&answer, 10, "refer", "terminated", "SIP/2.0 200 OK"));
    desk.response(481);
    desk.deliver(&reply(&bye, 200, ""));
    assert_eq!(desk.event(), SessionEvent::Ended { by: Side::Local, cause: EndCause::Bye });
    desk.endpoint.refer(desk.now, id, agent());
    desk.nothing_left();
    desk.count(Method::Refer);
    desk.quiet();
}

#[test]
fn the_called_side_refers_too() {
    let mut desk = Desk::new();
    desk.deliver(&incoming("r"));
    let Some((id, SessionEvent::Incoming(_))) = desk.events.pop() else { panic!("no call") };
    desk.endpoint.accept(desk.now, id, super::scripted::ANSWER.to_vec());
    desk.flush();
    let answer = desk.response(200);
    desk.deliver(&near_request(&answer, Method::Ack, 5, "ack"));
    assert_eq!(desk.event(), SessionEvent::Acked { sdp: None });
    desk.endpoint.refer(desk.now, id, agent());
    desk.flush();
    let refer = desk.request(Method::Refer);
    assert_eq!(refer.header("CSeq"), Some("1 REFER"));
    assert_eq!(refer.uri().map(|uri| uri.as_str()), Some("sip:caller@192.0.2.9:5080"));
    desk.deliver(&reply(&refer, 202, ""));
    assert_eq!(refer_events(&mut desk), [Accepted]);
}

#[test]
fn a_notify_that_nobody_asked_for_is_refused() {
    let mut desk = Desk::new();
    let (_, _, answer) = desk.answered();
    desk.deliver(&notify(&answer, 10, "refer", "active", "SIP/2.0 100 Trying"));
    desk.response(481);
    let mut outside = notify(&answer, 11, "message-summary", "active", "");
    outside.set("To", format!("<sip:1001@{LOCAL}>"));
    desk.deliver(&outside);
    desk.response(481);
    desk.quiet();
}
