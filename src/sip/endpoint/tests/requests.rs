//! Requests that are no call: OPTIONS, unknown methods and dialogs, extensions, loops, odd transports.

use super::scripted::{Desk, LOCAL, TRUNK, address, far_request, incoming, near_request};
use crate::sip::endpoint::{EndpointConfig, IncomingPolicy};
use crate::sip::message::{Message, Method};
use crate::sip::session::SessionEvent;

fn outside(method: Method, branch: &str) -> Message {
    let mut request = incoming(branch);
    let uri = request.uri().expect("a URI").clone();
    let mut other = Message::request(method.clone(), uri);
    for name in ["Via", "Max-Forwards", "From", "To", "Call-ID"] {
        other.push(name, request.header(name).expect("there"));
    }
    other.push("CSeq", format!("5 {method}"));
    request = other;
    request
}

#[test]
fn options_says_what_we_can() {
    let mut desk = Desk::with(IncomingPolicy::Refuse(403));
    let options = outside(Method::Options, "o");
    desk.deliver(&options);
    let answer = desk.response(200);
    assert_eq!(answer.header("Allow"), Some("INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, INFO, PRACK, UPDATE"));
    assert_eq!(answer.header("Accept"), Some("application/sdp, application/dtmf-relay, application/dtmf"));
    assert_eq!(answer.header("Supported"), Some("100rel, timer"));
    assert!(answer.to().expect("a To").tag().is_some());
    desk.deliver(&options);
    assert_eq!(desk.response(200).to_bytes(), answer.to_bytes());
    desk.nothing_left();
}

#[test]
fn an_unsolicited_invite_is_refused() {
    let mut desk = Desk::with(IncomingPolicy::Refuse(403));
    desk.deliver(&incoming("i"));
    let refusal = desk.response(403);
    desk.deliver(&near_request(&refusal, Method::Ack, 5, "i"));
    desk.nothing_left();
    desk.quiet();
}

/// A To tag that is nobody's, or a CANCEL of nothing, once counted as in a dialog and held a transaction without bound (fuzz target `sip_endpoint`).
#[test]
fn strangers_hold_so_many_transactions_and_no_more() {
    let config = EndpointConfig { max_server_transactions: 4, ..EndpointConfig::new(address(LOCAL), "huifang-test") };
    for (method, to) in
        [(Method::Bye, "<sip:x@h>;tag=nobody"), (Method::Cancel, "<sip:x@h>"), (Method::Options, "<sip:x@h>")]
    {
        let mut desk = Desk::with_config(config.clone());
        for number in 0..6 {
            let mut request = outside(method.clone(), &number.to_string());
            request.set("To", to);
            desk.deliver(&request);
        }
        assert_eq!((desk.sent.len(), desk.endpoint.load().servers), (4, 4), "{method}");
        assert_eq!(desk.endpoint.counters().overload, 2, "{method}");
        desk.nothing_left();
    }
    let mut desk = Desk::with_config(config);
    let (_, _, ok) = desk.answered();
    for number in 0..4 {
        desk.deliver(&outside(Method::Options, &number.to_string()));
    }
    desk.deliver(&far_request(&ok, Method::Bye, 9));
    assert_eq!(desk.sent.last().and_then(|(_, answer)| answer.status()), Some(200), "a call is served all the same");
}

#[test]
fn each_oddity_gets_its_status() {
    let with = |name: &str, value: &str| {
        let mut invite = incoming("x");
        invite.set(name, value);
        invite
    };
    let mut other_body = incoming("x");
    other_body.set_body("text/plain", b"hi".to_vec());
    let mut other_scheme = Message::request(Method::Options, "http://example.org/".parse().expect("a URI"));
    for (name, value) in outside(Method::Options, "x").all_headers() {
        other_scheme.push(name, value);
    }
    let table = [
        (outside(Method::Update, "x"), 481, "CSeq"),
        (outside(Method::Prack, "x"), 481, "CSeq"),
        (outside(Method::Register, "x"), 405, "Allow"),
        (outside(Method::Other("FROB".into()), "x"), 501, "Allow"),
        (with("Require", "100rel, timer"), 420, "Unsupported"),
        (with("Max-Forwards", "0"), 483, "CSeq"),
        (with("Content-Encoding", "gzip"), 415, "Accept"),
        (other_body, 415, "Accept"),
        (other_scheme, 416, "CSeq"),
        (with("To", "<sip:1001@x>;tag=unknown"), 481, "CSeq"),
        (outside(Method::Bye, "x"), 481, "CSeq"),
    ];
    for (request, status, header) in table {
        let mut desk = Desk::new();
        desk.deliver(&request);
        let response = desk.response(status);
        assert!(response.header(header).is_some(), "{status} {header}");
        assert!(desk.events.is_empty());
        desk.sent.clear();
        desk.nothing_left();
    }
    let mut desk = Desk::new();
    desk.deliver(&with("Require", "100rel, timer"));
    assert_eq!(desk.response(420).header("Unsupported"), Some("100rel"));
}

#[test]
fn an_invite_over_two_ways_is_merged_rfc3261_8_2_2_2() {
    let mut desk = Desk::new();
    desk.deliver(&incoming("m"));
    assert!(matches!(desk.event(), SessionEvent::Incoming(_)));
    let mut again = incoming("m");
    again.set("Via", format!("SIP/2.0/UDP {TRUNK};branch=z9hG4bKotherway"));
    desk.deliver(&again);
    desk.response(482);
    desk.quiet();
}

#[test]
fn requests_in_a_dialog() {
    let mut desk = Desk::new();
    let (_, _, answer) = desk.answered();
    desk.deliver(&far_request(&answer, Method::Options, 10));
    desk.response(200);
    desk.deliver(&far_request(&answer, Method::Info, 11));
    desk.response(200);
    let mut other = far_request(&answer, Method::Info, 12);
    other.set_body("application/media_control+xml", b"<media_control/>".to_vec());
    desk.deliver(&other);
    let accept = Some("application/sdp, application/dtmf-relay, application/dtmf");
    assert_eq!(desk.response(415).header("Accept"), accept);
    // 12.2.2: out of order
    desk.deliver(&far_request(&answer, Method::Options, 9));
    desk.response(500);
    desk.deliver(&far_request(&answer, Method::Prack, 13));
    desk.response(481);
    let mut foreign = far_request(&answer, Method::Bye, 14);
    foreign.set("From", "<sip:x@y>;tag=foreign");
    desk.deliver(&foreign);
    desk.response(481);
    let mut foreign = far_request(&answer, Method::Bye, 15);
    foreign.set("Call-ID", "foreign");
    desk.deliver(&foreign);
    desk.response(481);
    assert_eq!(desk.endpoint.load().sessions, 1);
    let mut bye = far_request(&answer, Method::Bye, 16);
    bye.push("Require", "frob");
    desk.deliver(&bye);
    desk.response(200);
}

#[test]
fn responses_go_where_via_says_rfc3581() {
    let mut desk = Desk::new();
    let options = outside(Method::Options, "o");
    desk.deliver_from("198.51.100.7:7777", &options.to_bytes());
    let (to, response) = desk.sent.remove(0);
    assert_eq!(to, address("198.51.100.7:7777"), "rport");
    assert_eq!(response.via().expect("a Via").rport(), Some(7777));
    let mut plain = outside(Method::Options, "p");
    plain.set("Via", "SIP/2.0/UDP host.example;branch=z9hG4bKp");
    desk.deliver_from("198.51.100.7:7777", &plain.to_bytes());
    assert_eq!(desk.sent.remove(0).0, address("198.51.100.7:5060"), "received, and the port of sent-by");
}

#[test]
fn a_peer_of_rfc2543_is_matched_without_the_cookie() {
    let mut desk = Desk::new();
    let mut invite = incoming("old");
    invite.set("Via", format!("SIP/2.0/UDP {TRUNK};branch=7"));
    desk.deliver(&invite);
    assert!(matches!(desk.event(), SessionEvent::Incoming(_)));
    let id = *desk.endpoint.sessions.keys().next().expect("one session");
    desk.endpoint.reject(desk.now, id, 486, Vec::new());
    desk.flush();
    let refusal = desk.response(486);
    desk.deliver(&invite);
    desk.response(486);
    let mut ack = near_request(&refusal, Method::Ack, 5, "x");
    let uri = invite.uri().expect("a URI").clone();
    let mut as_invite = Message::request(Method::Ack, uri);
    ack.set("Via", format!("SIP/2.0/UDP {TRUNK};branch=7"));
    ack.all_headers().for_each(|(name, value)| as_invite.push(name, value));
    desk.deliver(&as_invite);
    desk.events.clear();
    desk.pass(31_000);
    desk.quiet();
}

#[test]
fn noise_is_counted_and_harmless() {
    let mut desk = Desk::new();
    let (_, invite) = desk.call();
    desk.deliver_from(TRUNK, b"\r\n\r\n");
    desk.deliver_from(TRUNK, b"garbage");
    desk.deliver_from(TRUNK, &[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]);
    let mut strange = super::scripted::reply(&invite, 486, "x");
    strange.set("Via", format!("SIP/2.0/UDP {LOCAL};branch=z9hG4bKnobody"));
    desk.deliver(&strange);
    // right branch, wrong method
    let mut other = super::scripted::reply(&invite, 486, "x");
    other.set("CSeq", "1 BYE");
    desk.deliver(&other);
    // right branch, another call's From
    let mut forged = super::scripted::ok(&invite, "x");
    forged.set("From", "<sip:4001@dealer.example>;tag=forged");
    forged.set("Via", forged.header("Via").expect("a Via").to_owned().replace(LOCAL, "198.51.100.1:5070"));
    desk.deliver(&forged);
    desk.quiet();
    let counters = desk.endpoint.counters();
    assert_eq!((counters.malformed, counters.unknown_responses), (2, 3));
}

/// Keys by INFO (RFC 6086 without a package, as gateways send them): passed on once, never shown.
#[test]
fn keys_in_an_info_are_passed_on_and_shown_to_nobody() {
    let mut desk = Desk::new();
    let (_, _, answer) = desk.answered();
    let mut relay = far_request(&answer, Method::Info, 10);
    relay.set_body("Application/DTMF-Relay;charset=utf-8", b"Signal=7\r\nDuration=160\r\n".to_vec());
    desk.deliver(&relay);
    desk.response(200);
    let event = desk.event();
    assert!(!format!("{event:?}").contains("Signal"), "{event:?}");
    let SessionEvent::Info(info) = event else { panic!("{event:?}") };
    assert_eq!(info.content_type, "application/dtmf-relay");
    assert_eq!(info.body, b"Signal=7\r\nDuration=160\r\n");
    desk.deliver(&relay); // the 200 was lost
    desk.response(200);
    assert!(desk.events.is_empty(), "a repeated INFO is one key");
    let mut long = far_request(&answer, Method::Info, 11);
    long.set_body("application/dtmf", vec![b'1'; 257]);
    desk.deliver(&long);
    desk.response(415);
    assert!(desk.events.is_empty());
    desk.deliver(&far_request(&answer, Method::Bye, 12));
    desk.response(200);
    assert!(matches!(desk.event(), SessionEvent::Ended { .. }));
    desk.nothing_left();
}
