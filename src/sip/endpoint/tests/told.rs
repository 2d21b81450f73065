//! What a trunk is told and tells: redirections within limits (RFC 3261 8.1.3.4), causes (RFC 3326), forwarding, headers of one's own (case 16), the public address.

use super::scripted::{Desk, LOCAL, TRUNK, address, far_request, ok, reply};
use crate::sip::endpoint::EndpointConfig;
use crate::sip::message::{Message, Method};
use crate::sip::session::{Cause, FailureKind, MADE_HERE, Protocol, SessionEvent};

const OTHER_HOST: &str = "192.0.2.10";

fn redirecting(most: u8) -> crate::sip::endpoint::Invite {
    let mut order = Desk::order();
    order.extensions.redirects.most = most;
    order.extensions.redirects.hosts = vec![address("192.0.2.10:1").ip()];
    order
}

fn moved(invite: &Message, contacts: &[&str]) -> Message {
    let mut moved = reply(invite, 302, "x");
    contacts.iter().for_each(|contact| moved.push("Contact", *contact));
    moved
}

#[test]
fn a_redirection_is_followed_only_to_the_same_number_at_the_trunks_hosts() {
    let same = format!("<sip:+8613800000001@{OTHER_HOST}:5090>");
    for (most, contacts, followed) in [
        (0, vec![same.as_str()], false),
        (1, vec![same.as_str()], true),
        (1, vec!["<sip:+8613800000001@203.0.113.7>"], false),
        (1, vec!["<sip:+88213800000001@192.0.2.10>"], false),
        (1, vec!["<sip:+8613800000001@premium.example>"], false),
        (1, vec!["<tel:+8613800000001>"], false),
        (1, vec!["<sip:+8613800000001@192.0.2.10;transport=ws>"], false),
        (1, vec!["<sip:+8613800000001@trunk.example>"], false),
        (1, vec![], false),
        (1, vec!["<sip:+88213800000001@192.0.2.10>;q=0.9", same.as_str()], true),
    ] {
        let mut desk = Desk::new();
        let (_, invite) = desk.call_with(redirecting(most));
        desk.deliver(&moved(&invite, &contacts));
        desk.request(Method::Ack);
        if !followed {
            assert_eq!(desk.failure().kind, FailureKind::Status(302), "{contacts:?}");
            desk.nothing_left();
            desk.quiet();
            continue;
        }
        let event = desk.event();
        assert!(
            matches!(&event, SessionEvent::Redirected { status: 302, to } if !to.contains("13800000001")),
            "{event:?}"
        );
        let (to, again) = desk.request_to(Method::Invite);
        assert_eq!(to, address("192.0.2.10:5090"));
        assert_eq!(again.uri().map(|uri| uri.as_str()), Some("sip:+8613800000001@192.0.2.10:5090"));
        for name in ["Call-ID", "From", "To", "X-Attempt"] {
            assert_eq!(again.header(name), invite.header(name));
        }
        assert_eq!((again.header("CSeq"), again.body()), (Some("2 INVITE"), invite.body()));
        // once is once
        desk.deliver(&moved(&again, &["<sip:+8613800000001@192.0.2.10:5099>"]));
        assert_eq!(desk.failure().kind, FailureKind::Status(302));
    }
}

#[test]
fn a_redirection_in_a_circle_ends() {
    let mut desk = Desk::new();
    let (_, invite) = desk.call_with(redirecting(5));
    desk.deliver(&moved(&invite, &["<sip:+8613800000001@192.0.2.10:5090>"]));
    let again = desk.request(Method::Invite);
    desk.event();
    desk.deliver(&moved(&again, &["<sip:+8613800000001@192.0.2.9:5080>"]));
    let third = desk.request(Method::Invite);
    desk.event();
    desk.deliver(&moved(&third, &["<sip:+8613800000001@192.0.2.10:5090>"]));
    assert_eq!(desk.failure().kind, FailureKind::Status(302));
    desk.sent.clear();
    desk.nothing_left();
}

#[test]
fn the_far_side_says_why_it_hangs_up() {
    let mut desk = Desk::new();
    let (_, _, answer) = desk.answered();
    let mut bye = far_request(&answer, Method::Bye, 1);
    bye.push("Reason", "SIP;cause=200;text=\"+8613800000001 said so\"");
    bye.push("Reason", "Q.850;cause=41");
    desk.deliver(&bye);
    let causes = vec![Cause { protocol: Protocol::Sip, number: 200 }, Cause { protocol: Protocol::Q850, number: 41 }];
    assert_eq!(desk.event(), SessionEvent::Reason(causes));
    assert!(matches!(desk.event(), SessionEvent::Ended { .. }));
}

#[test]
fn every_reason_of_a_refusal_is_kept() {
    let mut desk = Desk::new();
    let (_, invite) = desk.call();
    let mut refusal = reply(&invite, 480, "x");
    refusal.push("Reason", "SIP;cause=480");
    refusal.push("Reason", "Q.850;cause=18");
    desk.deliver(&refusal);
    assert_eq!(desk.failure().reason_header.as_deref(), Some("SIP;cause=480, Q.850;cause=18"));
}

#[test]
fn a_forwarded_call_is_told_once_and_masked() {
    let mut desk = Desk::new();
    let (_, invite) = desk.call();
    for status in [181, 180] {
        let mut ringing = reply(&invite, status, "x");
        ringing.push("Diversion", "<sip:+8613800000001@t.example>;reason=no-answer");
        desk.deliver(&ringing);
    }
    let event = desk.event();
    assert!(
        matches!(&event, SessionEvent::Forwarded(told) if told.reason.as_deref() == Some("no-answer")),
        "{event:?}"
    );
    assert!(!format!("{event:?}").contains("13800000001"));
    assert!(matches!(desk.event(), SessionEvent::Progress { status: 181, .. }));
    assert!(matches!(desk.event(), SessionEvent::Progress { status: 180, .. }));
    assert!(desk.events.is_empty());
}

#[test]
fn case_16_several_headers_of_one_name_are_kept_and_none_replaces_ours() {
    let mut desk = Desk::new();
    let mut order = Desk::order();
    order.headers = ["1", "2"].map(|value| ("X-Tag".into(), value.into())).to_vec();
    order.headers.extend(MADE_HERE.map(|name| (name.to_owned(), "forged".to_owned())));
    order.headers.push(("P-Asserted-Identity".into(), "<sip:4001@dealer.example>".into()));
    order.credentials = Some(super::challenge::credentials());
    let (_, invite) = desk.call_with(order);
    let mut challenge = reply(&invite, 401, "x");
    challenge.push("WWW-Authenticate", super::challenge::challenge("trunk", "n1").to_header());
    desk.deliver(&challenge);
    for invite in [invite, desk.request(Method::Invite)] {
        assert_eq!(invite.headers("X-Tag").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(invite.header("P-Asserted-Identity"), Some("<sip:4001@dealer.example>"));
        assert!(invite.all_headers().all(|(_, value)| value != "forged"));
    }
}

#[test]
fn behind_nat_peers_are_told_the_public_address_and_asked_for_rport() {
    let public = "203.0.113.5:5070";
    let mut desk = Desk::with_config(EndpointConfig::new(address(public), "huifang-test"));
    let (_, invite) = desk.call();
    let via = invite.via().expect("a Via");
    assert!(via.wants_rport() && via.host.to_string() == "203.0.113.5" && via.port == Some(5070));
    assert_eq!(invite.header("Contact"), Some("<sip:203.0.113.5:5070>"));
    // the trunk sees another port: its answer is ours all the same
    let mut seen = via.clone();
    seen.set_source(address("203.0.113.5:61234"));
    let mut answer = ok(&invite, "x");
    answer.set("Via", seen.to_string());
    desk.deliver_from(TRUNK, &answer.to_bytes());
    desk.request(Method::Ack);
    assert_ne!(LOCAL, public);
}
