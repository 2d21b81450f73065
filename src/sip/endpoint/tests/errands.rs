//! REGISTER and OPTIONS to a trunk: what goes out, challenges, silence, and that nothing of it stays behind.

use super::scripted::{Desk, LOCAL, TRUNK, address, reply};
use crate::sip::auth::Credentials;
use crate::sip::endpoint::{Errand, ErrandId, ErrandOutcome, Load, Reply};
use crate::sip::message::{Message, Method};

fn register(series: Option<(String, u32)>, password: Option<&str>) -> Errand {
    Errand {
        method: Method::Register,
        target: "sip:dealer.example".parse().expect("a URI"),
        next_hop: address(TRUNK).into(),
        from: "sip:4000@dealer.example".parse().expect("a URI"),
        to: "sip:4000@dealer.example".parse().expect("a URI"),
        contact: Some("4000".into()),
        series,
        headers: vec![("Expires".into(), "600".into())],
        credentials: password.map(|password| Credentials { username: "4000".into(), password: password.into() }),
    }
}

fn start(desk: &mut Desk, errand: Errand) -> (ErrandId, Message) {
    let id = desk.endpoint.errand(desk.now, errand.clone());
    desk.flush();
    (id, desk.request(errand.method))
}

fn challenge(request: &Message, nonce: &str, more: &str) -> Message {
    let mut response = reply(request, 401, "far");
    response.push(
        "WWW-Authenticate",
        format!("Digest realm=\"dealer.example\", nonce=\"{nonce}\", algorithm=SHA-256, qop=\"auth\"{more}"),
    );
    response
}

fn got(desk: &mut Desk, id: ErrandId) -> Reply {
    let (whose, reply) = desk.endpoint.poll_reply().expect("a reply");
    assert_eq!(whose, id);
    assert!(desk.endpoint.poll_reply().is_none());
    reply
}

#[test]
fn a_registration_keeps_its_call_id_and_counts_on() {
    let mut desk = Desk::new();
    let (id, first) = start(&mut desk, register(None, Some("secret")));
    assert_eq!(first.uri().map(ToString::to_string), Some("sip:dealer.example".into()));
    assert_eq!(first.header("Contact"), Some(format!("<sip:4000@{LOCAL}>").as_str()));
    assert_eq!((first.header("Expires"), first.header("To")), (Some("600"), Some("<sip:4000@dealer.example>")));
    desk.deliver(&challenge(&first, "n1", ""));
    let second = desk.request(Method::Register);
    assert_eq!(second.header("Call-ID"), first.header("Call-ID"));
    assert_eq!(second.header("CSeq"), Some("2 REGISTER"));
    assert!(second.header("Authorization").is_some_and(|value| value.contains("nc=00000001")));
    assert_ne!(second.via().unwrap().branch(), first.via().unwrap().branch());
    desk.deliver(&reply(&second, 200, "far"));
    let Reply { outcome, series, contact } = got(&mut desk, id);
    assert!(matches!(outcome, ErrandOutcome::Response(response) if response.status() == Some(200)));
    assert_eq!(contact, Some(format!("sip:4000@{LOCAL}")));

    let (_, again) = start(&mut desk, register(Some(series), Some("secret")));
    assert_eq!((again.header("Call-ID"), again.header("CSeq")), (first.header("Call-ID"), Some("3 REGISTER")));
}

#[test]
fn a_stale_nonce_is_answered_again_and_a_wrong_password_once() {
    let mut desk = Desk::new();
    let (id, first) = start(&mut desk, register(None, Some("secret")));
    desk.deliver(&challenge(&first, "n1", ""));
    let second = desk.request(Method::Register);
    desk.deliver(&challenge(&second, "n2", ", stale=true"));
    let third = desk.request(Method::Register);
    assert!(third.header("Authorization").is_some_and(|value| value.contains("nonce=\"n2\"")));
    desk.deliver(&challenge(&third, "n2", ""));
    assert!(desk.sent.is_empty(), "the same nonce again: the password is wrong");
    let Reply { outcome, .. } = got(&mut desk, id);
    assert!(matches!(outcome, ErrandOutcome::Response(response) if response.status() == Some(401)));

    let (id, bare) = start(&mut desk, register(None, None));
    desk.deliver(&challenge(&bare, "n3", ""));
    assert!(matches!(got(&mut desk, id).outcome, ErrandOutcome::Response(_)), "there is nothing to answer with");
}

#[test]
fn silence_and_unreachable_places_are_told_and_nothing_stays_behind() {
    let mut desk = Desk::new();
    let options = |method| Errand { method, contact: None, headers: Vec::new(), ..register(None, None) };
    let (id, _) = start(&mut desk, options(Method::Options));
    desk.pass(31_000);
    assert!(desk.endpoint.poll_reply().is_none());
    desk.pass(2_000);
    assert!(matches!(got(&mut desk, id).outcome, ErrandOutcome::TimedOut));
    let repeated = desk.sent.iter().filter(|(_, message)| message.method() == Some(&Method::Options)).count();
    assert_eq!(repeated, 10, "timer E, after the first one: 0.5, 1, 2 s, then each 4 s");
    desk.sent.clear();

    let (id, _) = start(&mut desk, options(Method::Options));
    desk.endpoint.handle_unreachable(desk.now, address(TRUNK));
    assert!(matches!(got(&mut desk, id).outcome, ErrandOutcome::Unreachable));

    let (id, request) = start(&mut desk, options(Method::Options));
    desk.deliver(&reply(&request, 404, "far"));
    assert!(matches!(got(&mut desk, id).outcome, ErrandOutcome::Response(response) if response.status() == Some(404)));
    desk.pass(10_000);
    assert_eq!(desk.endpoint.load(), Load::default());
}
