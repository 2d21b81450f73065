//! Acceptance cases 7, 10 and 17: the way of requests in the dialog, and what traces show.

use super::scripted::{Desk, TRUNK, address, ok, reply};
use crate::sip::message::Method;
use crate::sip::session::HangupReason;

#[test]
fn case_7_a_contact_comes_back_byte_for_byte() {
    for contact in [
        "sip:%2B8613800000001@192.0.2.40:5090;transport=udp;x=%20",
        "sip:a;b=c;user=x@192.0.2.40:5090",
        "sip:John.Doe@192.0.2.40:5090;Line=AbC",
        "sip:+86138;phone-context=%2b86@[2001:db8::1]:5090",
    ] {
        let mut desk = Desk::new();
        let (id, invite) = desk.call();
        let mut answer = ok(&invite, "x");
        answer.set("Contact", format!("\"x, y\" <{contact}>;expires=60"));
        desk.deliver(&answer);
        let (to, ack) = desk.request_to(Method::Ack);
        assert_eq!(ack.uri().map(|uri| uri.as_str()), Some(contact));
        assert_eq!(to.port(), 5090, "no route: to the Contact's address");
        desk.endpoint.hangup(desk.now, id, HangupReason::Normal);
        desk.flush();
        assert_eq!(desk.request(Method::Bye).uri().map(|uri| uri.as_str()), Some(contact));
    }
}

#[test]
fn a_contact_by_name_is_reached_over_the_trunk() {
    let mut desk = Desk::new();
    let (_, invite) = desk.call();
    let mut answer = ok(&invite, "x");
    answer.set("Contact", "<sip:x@sbc.example>");
    desk.deliver(&answer);
    let (to, ack) = desk.request_to(Method::Ack);
    assert_eq!((to, ack.uri().map(|uri| uri.as_str())), (address(TRUNK), Some("sip:x@sbc.example")));
}

#[test]
fn case_10_record_route_is_reversed() {
    let mut desk = Desk::new();
    let (id, invite) = desk.call();
    let mut answer = ok(&invite, "x");
    answer.push("Record-Route", "<sip:p3.example;lr>, <sip:p2.example;lr;x=1>");
    answer.push("Record-Route", "<sip:192.0.2.31:5066;lr>");
    desk.deliver(&answer);
    desk.endpoint.hangup(desk.now, id, HangupReason::Normal);
    desk.flush();
    for method in [Method::Ack, Method::Bye] {
        let (to, request) = desk.request_to(method);
        assert_eq!(to, address("192.0.2.31:5066"), "the first route");
        let routes: Vec<&str> = request.headers("Route").collect();
        assert_eq!(routes, ["<sip:192.0.2.31:5066;lr>", "<sip:p2.example;lr;x=1>", "<sip:p3.example;lr>"]);
        assert_eq!(request.uri().map(|uri| uri.as_str()), Some("sip:x@192.0.2.9:5080"));
    }
}

#[test]
fn case_10_a_strict_router_gets_its_own_address_and_the_target_last() {
    let mut desk = Desk::new();
    let (_, invite) = desk.call();
    let mut answer = ok(&invite, "x");
    answer.push("Record-Route", "<sip:p2.example;lr>");
    answer.push("Record-Route", "<sip:192.0.2.31:5066;method=INVITE>");
    desk.deliver(&answer);
    let (to, ack) = desk.request_to(Method::Ack);
    assert_eq!(to, address("192.0.2.31:5066"));
    assert_eq!(ack.uri().map(|uri| uri.as_str()), Some("sip:192.0.2.31:5066"));
    let routes: Vec<&str> = ack.headers("Route").collect();
    assert_eq!(routes, ["<sip:p2.example;lr>", "<sip:x@192.0.2.9:5080>"]);
}

#[test]
fn case_17_traces_show_every_message_but_no_number_and_no_secret() {
    let mut desk = Desk::new();
    let mut order = Desk::order();
    order.credentials = Some(super::challenge::credentials());
    let (id, invite) = desk.call_with(order);
    desk.pass(500);
    let mut challenge = reply(&invite, 401, "x");
    challenge.push("WWW-Authenticate", super::challenge::challenge("trunk", "nonce-secret").to_header());
    desk.deliver(&challenge);
    desk.request(Method::Invite);
    let retry = desk.request(Method::Invite);
    desk.deliver(&ok(&retry, "x"));
    desk.endpoint.hangup(desk.now, id, HangupReason::Normal);
    desk.flush();
    let bye = desk.request(Method::Bye);
    desk.deliver(&reply(&bye, 200, ""));
    let shown: Vec<(bool, &str)> = desk.traces.iter().map(|line| (line.sent, line.cseq.as_str())).collect();
    let expected = [
        (true, "1 INVITE"),
        (true, "1 INVITE"),
        (false, "1 INVITE"),
        (true, "1 ACK"),
        (true, "2 INVITE"),
        (false, "2 INVITE"),
        (true, "2 ACK"),
        (true, "3 BYE"),
        (false, "3 BYE"),
    ];
    assert_eq!(shown, expected);
    let all = format!("{:?} {:?} {:?}", desk.traces, desk.events, desk.sent);
    for secret in ["13800000001", "nonce-secret", "Digest", "response=", "hunter2"] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
    assert!(desk.traces[0].start_line.starts_with("INVITE sip:"));
    assert_eq!(desk.traces[0].peer, address(TRUNK).into());
}
