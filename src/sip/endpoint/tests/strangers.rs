//! Strangers at the endpoint: what is dropped, what is refused, what a phone that registers gets, and that a flood harms no call and comes back to nobody.

use super::registered::{Phone, registrar_user};
use super::scripted::{Desk, LOCAL, TRUNK, address, far_request, incoming, ok};
use crate::sip::endpoint::{DoorConfig, EndpointConfig, IncomingPolicy, Strangers};
use crate::sip::message::{Message, Method};
use crate::sip::registrar::RegistrarConfig;
use crate::sip::session::SessionEvent;

const STRANGER: &str = "198.51.100.9:5060";

fn desk(strangers: Strangers) -> Desk {
    let known = vec!["192.0.2.9/32".parse().expect("a network")];
    let door = Some(DoorConfig { strangers, known, ..DoorConfig::default() });
    let registrar = Some(RegistrarConfig::new("huifang"));
    let incoming = IncomingPolicy::Refuse(403);
    Desk::with_config(EndpointConfig {
        incoming,
        door,
        registrar,
        ..EndpointConfig::new(address(LOCAL), "huifang-test")
    })
}

fn request(method: Method, branch: &str) -> Message {
    let invite = incoming(branch);
    let mut request = Message::request(method.clone(), invite.uri().expect("a URI").clone());
    for name in ["Via", "Max-Forwards", "From", "To", "Call-ID"] {
        request.push(name, invite.header(name).expect("there"));
    }
    request.push("CSeq", format!("5 {method}"));
    request
}

#[test]
fn by_default_nobody_learns_that_somebody_is_here() {
    let mut desk = desk(Strangers::Drop);
    for (n, method) in
        [Method::Invite, Method::Options, Method::Bye, Method::Cancel, Method::Subscribe].into_iter().enumerate()
    {
        desk.deliver_from(STRANGER, &request(method, &format!("s{n}")).to_bytes());
    }
    desk.deliver_from(STRANGER, b"INVITE nonsense\r\n\r\n");
    desk.pass(40_000);
    desk.quiet();
    assert_eq!(desk.endpoint.door(desk.now).0.dropped, 6);
    assert_eq!(desk.endpoint.load(), Default::default(), "and nothing is remembered");
    desk.deliver(&request(Method::Options, "trunk"));
    desk.response(200);
}

#[test]
fn a_refusal_goes_once_and_is_no_larger_than_what_it_answers() {
    let mut desk = desk(Strangers::Refuse);
    let small = request(Method::Invite, "small");
    desk.deliver_from(STRANGER, &small.to_bytes());
    assert!(desk.sent.is_empty(), "larger than what came");
    let mut large = request(Method::Invite, "large");
    large.push("X-Pad", "x".repeat(400));
    desk.deliver_from(STRANGER, &large.to_bytes());
    assert_eq!(desk.response(403).header("Call-ID"), large.header("Call-ID"));
    desk.pass(40_000);
    desk.quiet();
    assert_eq!(desk.endpoint.load(), Default::default(), "no transaction, so nothing is repeated");
}

/// What refused them before the registrar saw them (482, 420) was not set against what had come (fuzz target `sip_endpoint`).
#[test]
fn refused_registrations_are_no_larger_than_what_came() {
    let mut desk = desk(Strangers::Drop);
    let (mut came, mut went) = (0, 0);
    for number in 0..9 {
        let (again, require) =
            (if number % 3 == 0 { number } else { 0 }, if number % 2 == 0 { "Require: x\r\n" } else { "" });
        let text = format!(
            "REGISTER sip:r SIP/2.0\r\nv:SIP/2.0/UDP h;branch=z9hG4bK{number}\r\nf:<sip:1@r>;tag=1\r\nt:<sip:1@r>\r\ni:{again}\r\nCSeq:1 REGISTER\r\n{require}\r\n"
        );
        desk.deliver_from(STRANGER, text.as_bytes());
        came += text.len();
        went += desk.sent.drain(..).map(|(_, answer)| answer.to_bytes().len()).sum::<usize>();
        assert!(went <= came, "{came} bytes came, {went} went");
    }
    assert!(went > 0, "it is answered as far as that goes");
}

/// ACK and a BYE that is repeated for half a minute were ten times what a forger sent (fuzz target `sip_endpoint`).
#[test]
fn a_strangers_answer_to_no_call_of_ours_is_not_put_away() {
    let (_, invite) = desk(Strangers::Drop).call();
    let answer = ok(&invite, "x");
    let mut desk = desk(Strangers::Drop);
    desk.deliver_from(STRANGER, &answer.to_bytes());
    desk.pass(40_000);
    desk.quiet();
    assert_eq!(desk.endpoint.counters().unknown_responses, 1);
    desk.deliver(&answer);
    desk.request(Method::Ack);
    desk.request(Method::Bye);
}

#[test]
fn a_phone_at_an_unknown_address_registers_and_is_known_then() {
    let mut desk = desk(Strangers::Drop);
    desk.endpoint.set_registrar_users(&[registrar_user("agent1", "secret")]);
    let mut phone = Phone::of("agent1");
    let contact = [("Contact", "<sip:agent1@192.168.1.5:5060>"), ("User-Agent", "Phone/1")];
    let first = phone.request(&contact);
    // the challenge is larger than such a REGISTER: it waits for the repetition
    let source = "198.51.100.7:40000";
    desk.deliver_from(source, &first.to_bytes());
    assert!(desk.sent.is_empty());
    desk.deliver_from(source, &first.to_bytes());
    let challenge = desk.response(401);
    phone.take(&challenge);
    let second = phone.request(&contact);
    (0..2).for_each(|_| {
        if desk.sent.is_empty() {
            desk.deliver_from(source, &second.to_bytes())
        }
    });
    desk.response(200);
    desk.deliver_from(source, &request(Method::Options, "phone").to_bytes());
    desk.response(200);
}

#[test]
fn wrong_passwords_end_in_silence() {
    let mut desk = desk(Strangers::Drop);
    desk.endpoint.set_registrar_users(&[registrar_user("agent1", "secret")]);
    for n in 0..30 {
        desk.pass(1_000);
        let mut register = request(Method::Register, &format!("r{n}"));
        register.push(
            "Authorization",
            "Digest username=\"agent1\", realm=\"huifang\", nonce=\"x\", uri=\"sip:h\", response=\"0\"",
        );
        register.push("X-Pad", "x".repeat(800));
        desk.deliver_from(STRANGER, &register.to_bytes());
    }
    let (counters, banned) = desk.endpoint.door(desk.now);
    assert_eq!((counters.bans, banned), (1, 1));
    assert_eq!(desk.sent.len(), 20, "and then none");
}

#[test]
fn whoever_knows_a_call_belongs_to_it_wherever_they_are() {
    let mut desk = desk(Strangers::Drop);
    let (_, invite) = desk.call();
    let answer = ok(&invite, "callee");
    desk.deliver_from("198.51.100.20:5060", &answer.to_bytes());
    desk.request(Method::Ack);
    assert!(matches!(desk.event(), SessionEvent::Answered { .. }));
    desk.deliver_from("198.51.100.21:5060", &far_request(&answer, Method::Bye, 7).to_bytes());
    desk.response(200);
}

/// 10,000 messages of 2,000 addresses while a call is set up: it is, memory has its bounds, and less goes out than came in.
#[test]
fn a_flood_harms_no_call_and_floods_nobody() {
    let mut desk = desk(Strangers::Refuse);
    let (_, invite) = desk.call();
    let (mut came, mut went) = (0, 0);
    for n in 0..10_000u32 {
        if n % 10 == 0 {
            desk.pass(1);
        }
        let from = format!("203.0.{}.{}:5060", 113 + n % 8, 1 + (n / 8) % 250);
        let methods = [Method::Invite, Method::Options, Method::Register, Method::Ack, Method::Bye];
        let bytes = match n % 7 {
            6 => b"REGISTER sip:\xff SIP/2.0\r\nVia: x\r\n\r\n".to_vec(),
            kind => request(methods[(kind as usize) % methods.len()].clone(), &format!("f{n}")).to_bytes(),
        };
        came += bytes.len();
        desk.deliver_from(&from, &bytes);
        went +=
            desk.sent.drain(..).filter(|(to, _)| *to != address(TRUNK)).map(|(_, m)| m.to_bytes().len()).sum::<usize>();
    }
    assert!(went <= came, "{went} bytes out, {came} in");
    let load = desk.endpoint.load();
    assert!(load.servers < 400, "{load:?}");
    desk.deliver(&ok(&invite, "callee"));
    desk.request(Method::Ack);
    assert!(matches!(desk.event(), SessionEvent::Answered { .. }));
}
