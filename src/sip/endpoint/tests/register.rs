//! The registrar (RFC 3261 10.3): who may, for how long, in which order, from behind NAT, and what strangers learn.

use super::registered::{Phone, desk, registrar_user};
use super::scripted::{Desk, LOCAL, TRUNK, address, far_request, ok, reply};
use crate::sip::endpoint::IncomingPolicy;
use crate::sip::message::{Message, Method};
use crate::sip::registrar::{Binding, RegistrarEvent};
use crate::sip::session::{HangupReason, SessionEvent};
use std::time::Duration;

const HOME: &str = "<sip:agent1@192.168.1.5:5060>";
const OFFICE: &str = "<sip:agent1@192.168.1.6:5060;ob>";

fn contacts(response: &Message) -> Vec<&str> {
    response.headers("Contact").collect()
}

/// Contacts bound and unbound (`-`) since the last look.
fn told(desk: &mut Desk) -> Vec<String> {
    let events = std::mem::take(&mut desk.phones).into_iter();
    let line = |event| match event {
        RegistrarEvent::Bound(binding) => format!("<{}> {}", binding.contact, binding.expires_in.as_secs()),
        RegistrarEvent::Unbound { contact, .. } => format!("-<{contact}>"),
    };
    events.map(line).collect()
}

#[test]
fn a_phone_registers_with_the_best_that_it_can() {
    for (old, algorithm) in [(false, "SHA-256"), (true, "MD5")] {
        let mut desk = desk(&["agent1"]);
        let mut phone = Phone { old, ..Phone::of("agent1") };
        let first = phone.request(&[("Contact", HOME), ("User-Agent", "Phone/1")]);
        let challenge = phone.send(&mut desk, &first);
        let offered: Vec<&str> = challenge.headers("WWW-Authenticate").collect();
        assert!(challenge.status() == Some(401) && offered.len() == 2);
        assert!(offered[0].contains("algorithm=SHA-256") && offered[1].contains("algorithm=MD5"), "RFC 8760 2.3");
        assert!(offered.iter().all(|o| o.starts_with("Digest realm=\"huifang\"") && o.contains("qop=\"auth\"")));
        phone.take(&challenge);
        let second = phone.request(&[("Contact", HOME), ("User-Agent", "Phone/1")]);
        assert!(second.header("Authorization").is_some_and(|value| value.contains(&format!("algorithm={algorithm},"))));
        let response = phone.send(&mut desk, &second);
        assert_eq!(
            (response.status(), contacts(&response)),
            (Some(200), vec!["<sip:agent1@192.168.1.5:5060>;expires=300"])
        );
        assert!(response.to().is_ok_and(|to| to.tag().is_some()));
        assert_eq!(
            std::mem::take(&mut desk.phones),
            [RegistrarEvent::Bound(Binding {
                user: "agent1".into(),
                contact: "sip:agent1@192.168.1.5:5060".parse().expect("a URI"),
                source: address("198.51.100.7:40000").into(),
                expires_in: Duration::from_secs(300),
                call_id: "agent1-phone".into(),
                cseq: 2,
                user_agent: Some("Phone/1".into()),
            })]
        );
        // the same request again is answered again and does nothing
        assert_eq!(phone.send(&mut desk, &second).to_bytes(), response.to_bytes());
        assert_eq!(told(&mut desk), [""; 0]);
        // the next one comes with the nonce that it has
        let again = phone.request(&[("Contact", HOME)]);
        assert_eq!(phone.send(&mut desk, &again).status(), Some(200));
        desk.nothing_left();
    }
}

#[test]
fn lifetimes() {
    for (expires, contact, status, granted) in [
        (None, HOME, 200, 300),
        (Some("60"), HOME, 200, 60),
        (Some("60"), "<sip:agent1@192.168.1.5:5060>;expires=90", 200, 90),
        (Some("7200"), HOME, 200, 300),
        (Some("99999999999"), HOME, 200, 300),
        (Some("soon"), HOME, 200, 300),
        (Some("-1"), HOME, 200, 300),
        (Some("60"), "<sip:agent1@192.168.1.5:5060>;expires=x", 200, 60),
        (Some("30"), HOME, 200, 30),
        (Some("29"), HOME, 423, 0),
        (None, "<sip:agent1@192.168.1.5:5060>;expires=1", 423, 0),
        (Some("0"), HOME, 200, 0),
    ] {
        let mut desk = desk(&["agent1"]);
        let mut fields = vec![("Contact", contact)];
        fields.extend(expires.map(|expires| ("Expires", expires)));
        let response = Phone::of("agent1").register(&mut desk, &fields);
        assert_eq!(response.status(), Some(status), "{fields:?}");
        assert_eq!(response.header("Min-Expires"), (status == 423).then_some("30"));
        let want: Vec<String> = (granted > 0).then(|| format!("{HOME};expires={granted}")).into_iter().collect();
        assert_eq!(contacts(&response), want, "{fields:?}");
        assert_eq!(told(&mut desk).len(), want.len());
        if granted > 0 {
            desk.pass(granted * 1000 - 1);
            assert_eq!(told(&mut desk), [""; 0]);
            desk.pass(1);
            assert_eq!(told(&mut desk), [format!("-{HOME}")]);
        }
        desk.nothing_left();
    }
}

#[test]
fn several_contacts_come_and_go() {
    let mut desk = desk(&["agent1"]);
    let mut phone = Phone::of("agent1");
    phone.bind(&mut desk, &format!("{HOME}, {OFFICE};expires=100"));
    assert_eq!(told(&mut desk), [format!("{HOME} 300"), format!("{OFFICE} 100")]);
    desk.pass(40_000);
    // a query: 10.2.3
    let all = phone.register(&mut desk, &[]);
    assert_eq!(contacts(&all), [format!("{HOME};expires=260"), format!("{OFFICE};expires=60")]);
    // the same by 19.1.4, not byte for byte: a refresh
    phone.bind(&mut desk, "<sip:%61gent1@192.168.1.5:5060>");
    assert_eq!(told(&mut desk), ["<sip:%61gent1@192.168.1.5:5060> 300"]);
    let gone = phone
        .register(&mut desk, &[("Contact", "<sip:agent1@192.168.1.9>;expires=0"), ("Contact", HOME), ("Expires", "0")]);
    assert_eq!((gone.status(), contacts(&gone)), (Some(200), vec!["<sip:agent1@192.168.1.6:5060;ob>;expires=60"]));
    assert_eq!(told(&mut desk), ["-<sip:%61gent1@192.168.1.5:5060>"]);
    for fields in [
        &[("Contact", "*")][..],
        &[("Contact", "*"), ("Expires", "60")],
        &[("Contact", "*"), ("Contact", HOME), ("Expires", "0")],
        &[("Contact", "<http://x>")],
        &[("Contact", "<sip:")],
    ] {
        assert_eq!(phone.register(&mut desk, fields).status(), Some(400), "{fields:?}");
    }
    assert_eq!(told(&mut desk), [""; 0]);
    let none = phone.register(&mut desk, &[("Contact", "*"), ("Expires", "0")]);
    assert_eq!((none.status(), contacts(&none)), (Some(200), vec![]));
    assert_eq!(told(&mut desk), [format!("-{OFFICE}")]);
    desk.nothing_left();
}

#[test]
fn a_user_has_so_many_contacts_and_the_newest_stay() {
    let mut desk = desk(&["agent1"]);
    let mut phone = Phone::of("agent1");
    for number in 1..=6 {
        phone.bind(&mut desk, &format!("<sip:agent1@192.168.1.{number}>"));
    }
    assert_eq!(told(&mut desk).last().map(String::as_str), Some("-<sip:agent1@192.168.1.1>"));
    assert_eq!(contacts(&phone.register(&mut desk, &[])).len(), 5);
    let many: String = (1..=6).map(|number| format!("<sip:agent1@192.168.2.{number}>,")).collect();
    assert_eq!(phone.register(&mut desk, &[("Contact", &many)]).status(), Some(403));
    let long = format!("<sip:{}@192.168.1.1>", "a".repeat(2000));
    assert_eq!(phone.register(&mut desk, &[("Contact", &long)]).status(), Some(400));
    desk.nothing_left();
}

#[test]
fn what_was_overtaken_changes_nothing() {
    let mut desk = desk(&["agent1"]);
    let mut phone = Phone::of("agent1");
    phone.bind(&mut desk, HOME);
    told(&mut desk);
    phone.cseq = 0;
    let late = format!("{OFFICE}, {HOME};expires=0");
    for fields in [&[("Contact", late.as_str())][..], &[("Contact", "*"), ("Expires", "0")]] {
        phone.cseq = 0;
        assert_eq!(phone.register(&mut desk, fields).status(), Some(500), "{fields:?}");
    }
    assert_eq!(told(&mut desk), [""; 0], "all or nothing");
    // another Call-ID: the phone started anew
    phone.call_id = "anew".into();
    phone.cseq = 0;
    phone.bind(&mut desk, HOME);
    assert_eq!(told(&mut desk), [format!("{HOME} 300")]);
}

#[test]
fn a_stranger_learns_nothing_and_waits_after_many_tries() {
    let mut desk = desk(&["agent1"]);
    let shape = |response: &Message| {
        let names: Vec<String> = response.all_headers().map(|(name, _)| name.to_owned()).collect();
        (response.status(), names, response.header("WWW-Authenticate").map(|value| value.contains("stale")))
    };
    let mut wrong = Phone { password: "guess", ..Phone::of("agent1") };
    let mut unknown = Phone { source: "198.51.100.7:40001".into(), ..Phone::of("nobody") };
    let (a, b) = (wrong.register(&mut desk, &[("Contact", HOME)]), unknown.register(&mut desk, &[("Contact", HOME)]));
    assert_eq!(shape(&a), shape(&b));
    assert_eq!((a.status(), a.headers("WWW-Authenticate").count()), (Some(401), 2));
    for _ in 0..9 {
        // twice wrong: with the nonce that it has, and with the new one
        assert_eq!(wrong.register(&mut desk, &[("Contact", HOME)]).status(), Some(401));
    }
    let waits = wrong.register(&mut desk, &[("Contact", HOME)]);
    assert_eq!((waits.status(), waits.header("Retry-After")), (Some(503), Some("6")));
    let mut colleague = Phone { source: "198.51.100.8:40000".into(), ..Phone::of("agent1") };
    colleague.bind(&mut desk, HOME);
    desk.pass(6_000);
    let mut right = Phone::of("agent1");
    right.call_id = "right".into();
    right.bind(&mut desk, HOME);
    assert_eq!(told(&mut desk).len(), 2);
    // nobody registers for somebody else
    let mut desk = self::desk(&["agent1", "agent2"]);
    let mut thief = Phone::of("agent1");
    thief.bind(&mut desk, HOME);
    let mut other = thief.request(&[("Contact", HOME)]);
    other.set("To", format!("<sip:agent2@{LOCAL}>"));
    assert_eq!(thief.send(&mut desk, &other).status(), Some(403));
}

#[test]
fn a_nonce_is_good_for_a_while_for_one_address_and_each_count_once() {
    let mut desk = desk(&["agent1"]);
    let mut phone = Phone::of("agent1");
    phone.bind(&mut desk, HOME);
    let stale = |response: &Message| {
        assert_eq!(response.status(), Some(401));
        response.headers("WWW-Authenticate").all(|value| value.ends_with("stale=TRUE"))
    };
    // recorded on the wire and sent again
    phone.nc -= 1;
    let replay = phone.request(&[("Contact", OFFICE)]);
    assert!(stale(&phone.send(&mut desk, &replay)));
    let from_elsewhere = phone.request(&[("Contact", OFFICE)]);
    let thief = Phone { source: "203.0.113.9:40000".into(), ..Phone::of("agent1") };
    assert!(stale(&thief.send(&mut desk, &from_elsewhere)));
    // but a phone whose port changed is the same phone
    phone.source = "198.51.100.7:50000".into();
    let moved = phone.request(&[("Contact", HOME)]);
    assert_eq!(phone.send(&mut desk, &moved).status(), Some(200));
    let Some(RegistrarEvent::Bound(binding)) = desk.phones.last() else { panic!("not bound") };
    assert_eq!(binding.source, address("198.51.100.7:50000").into());
    desk.pass(600_000);
    let old = phone.request(&[("Contact", HOME)]);
    let challenge = phone.send(&mut desk, &old);
    assert!(stale(&challenge));
    phone.take(&challenge);
    phone.bind(&mut desk, HOME);
    // another engine's nonce is stale here, and no wrong password
    let mut other = self::desk(&["agent1"]);
    let request = phone.request(&[("Contact", HOME)]);
    assert!(stale(&phone.send(&mut other, &request)));
}

#[test]
fn an_old_phone_that_gives_up_at_sha256_gets_md5_alone() {
    let mut desk = desk(&["agent1"]);
    let mut phone = Phone::of("agent1");
    let first = phone.request(&[("Contact", HOME)]);
    assert_eq!(phone.send(&mut desk, &first).headers("WWW-Authenticate").count(), 2);
    let second = phone.request(&[("Contact", HOME)]);
    let challenge = phone.send(&mut desk, &second);
    let offered: Vec<&str> = challenge.headers("WWW-Authenticate").collect();
    assert!(offered.len() == 1 && offered[0].contains("algorithm=MD5"), "{offered:?}");
    phone.take(&challenge);
    phone.bind(&mut desk, HOME);
}

#[test]
fn who_is_no_user_any_more_is_unbound() {
    let mut desk = desk(&["agent1", "agent2", "agent3"]);
    for user in ["agent1", "agent2", "agent3"] {
        Phone::of(user).bind(&mut desk, &format!("<sip:{user}@192.168.1.5>"));
    }
    told(&mut desk);
    desk.endpoint.set_registrar_users(&[registrar_user("agent1", "secret"), registrar_user("agent3", "changed")]);
    desk.flush();
    let mut gone = told(&mut desk);
    gone.sort_unstable();
    assert_eq!(gone, ["-<sip:agent2@192.168.1.5>", "-<sip:agent3@192.168.1.5>"]);
    assert_eq!(Phone::of("agent2").register(&mut desk, &[]).status(), Some(401));
}

#[test]
fn a_phone_behind_nat_is_called_where_it_sends_from() {
    let mut desk = desk(&["agent1"]);
    let mut phone = Phone::of("agent1");
    phone.bind(&mut desk, HOME);
    let Some(RegistrarEvent::Bound(binding)) = desk.phones.pop() else { panic!("not bound") };
    for routed in [false, true] {
        let mut order = Desk::order();
        (order.target, order.next_hop) = (binding.contact.clone(), binding.source);
        let id = desk.endpoint.invite(desk.now, order);
        desk.flush();
        let (to, invite) = desk.request_to(Method::Invite);
        assert_eq!((to, invite.uri()), (binding.source.address, Some(&binding.contact)));
        let mut answer = ok(&invite, "phone");
        answer.set("Contact", HOME);
        if routed {
            answer.push("Record-Route", format!("<sip:{TRUNK};lr>"));
        }
        desk.deliver(&answer);
        let next = if routed { address(TRUNK) } else { binding.source.address };
        assert_eq!(desk.request_to(Method::Ack).0, next);
        desk.deliver(&far_request(&answer, Method::Options, 1));
        desk.endpoint.hangup(desk.now, id, HangupReason::Normal);
        desk.flush();
        let (to, bye) = desk.request_to(Method::Bye);
        assert_eq!((to, bye.uri()), (next, Some(&binding.contact)));
        desk.deliver(&reply(&bye, 200, ""));
        assert!(matches!(desk.events.last(), Some((_, SessionEvent::Ended { .. }))));
        desk.sent.clear();
    }
}

#[test]
fn keep_alives_are_answered_once() {
    let from = "198.51.100.7:40000";
    let ask = |desk: &mut Desk, bytes: &[u8]| {
        desk.endpoint.handle_datagram(desk.now, address(from), bytes);
        desk.endpoint.poll_transmit().map(|transmit| (transmit.to.address, transmit.bytes))
    };
    let mut desk = desk(&["agent1"]);
    assert_eq!(ask(&mut desk, b"\r\n\r\n"), Some((address(from), b"\r\n".to_vec())));
    for silent in [&b"\r\n"[..], b"\0\0\0\0", b"", b"\r\n\r\n\r\n"] {
        assert_eq!(ask(&mut desk, silent), None);
    }
    let mut options = Phone::of("agent1").request(&[]);
    let other = Message::request(Method::Options, options.uri().expect("a URI").clone());
    let fields: Vec<(String, String)> = options.all_headers().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    options = other;
    fields.iter().for_each(|(name, value)| options.push(name, value.as_str()));
    options.set("CSeq", "1 OPTIONS");
    assert_eq!(Phone::of("agent1").send(&mut desk, &options).status(), Some(200));
    assert_eq!(ask(&mut Desk::with(IncomingPolicy::Refuse(403)), b"\r\n\r\n"), None);
}

#[test]
fn broken_registers_are_refused_and_do_nothing() {
    let mut desk = desk(&["agent1"]);
    let mut phone = Phone::of("agent1");
    phone.bind(&mut desk, HOME);
    told(&mut desk);
    let whole = phone.request(&[("Contact", HOME)]);
    let right = whole.header("Authorization").expect("given").to_owned();
    let values = [
        "",
        "Digest",
        "Basic YQ==",
        "Digest username=\"agent1\"",
        &right.replace("nc=", "nd="),
        &right.replace("realm=\"huifang\"", "realm=\"h\""),
        &right.replace("algorithm=SHA-256", "algorithm=MD5-sess"),
        &right.replace("qop=auth", "qop=auth-int"),
        &right.replace("uri=\"sip:", "uri=\"sip:x@"),
        &right.replace("username=\"agent1\"", "username=\"张三\""),
        &format!("{right}, {right}"),
        &right.replace("nonce=\"", "nonce=\"张"),
    ]
    .map(str::to_owned);
    for (number, value) in values.iter().enumerate() {
        let mut request = whole.clone();
        request.set("Authorization", value.as_str());
        request.set("Via", format!("SIP/2.0/UDP 192.168.1.5;branch=z9hG4bKbroken{number};rport"));
        assert_eq!(phone.send(&mut desk, &request).status(), Some(401), "{value}");
    }
    assert_eq!(told(&mut desk), [""; 0]);
    let mut in_dialog = whole.clone();
    in_dialog.set("To", format!("<sip:agent1@{LOCAL}>;tag=x"));
    in_dialog.set("Via", "SIP/2.0/UDP 192.168.1.5;branch=z9hG4bKindialog;rport");
    assert_eq!(phone.send(&mut desk, &in_dialog).status(), Some(481));
    in_dialog.set("To", format!("<sip:agent1@{LOCAL}>"));
    in_dialog.push("Require", "gruu");
    in_dialog.set("Via", "SIP/2.0/UDP 192.168.1.5;branch=z9hG4bKrequire;rport");
    assert_eq!(phone.send(&mut desk, &in_dialog).status(), Some(420));
}
