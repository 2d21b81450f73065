//! Acceptance case 8: 401 and 407 in all their forms, and the BYE that is challenged.

use super::scripted::{Desk, SDP, ok, reply, tag_of};
use crate::sip::auth::{Challenge, Credentials, HashAlgorithm, tests::verify_password};
use crate::sip::message::{Message, Method};
use crate::sip::session::{AuthProblem, EndCause, FailureKind, HangupReason, SessionEvent, Side};

pub fn credentials() -> Credentials {
    Credentials { username: "4001".into(), password: "hunter2".to_owned().into() }
}

pub fn challenge(realm: &str, nonce: &str) -> Challenge {
    Challenge::new(realm, nonce, HashAlgorithm::Md5 { sess: false })
}

fn desk() -> (Desk, Message) {
    let mut desk = Desk::new();
    let mut order = Desk::order();
    order.credentials = Some(credentials());
    let (_, invite) = desk.call_with(order);
    (desk, invite)
}

fn challenged(request: &Message, status: u16, challenges: &[Challenge]) -> Message {
    let mut response = reply(request, status, "challenger");
    let name = if status == 407 { "Proxy-Authenticate" } else { "WWW-Authenticate" };
    challenges.iter().for_each(|challenge| response.push(name, challenge.to_header()));
    response
}

/// The request answers this challenge rightly.
#[track_caller]
fn assert_answers(request: &Message, name: &str, challenge: &Challenge) {
    let values: Vec<&str> = request.headers(name).collect();
    let method = request.method().expect("a request");
    let uri = request.uri().expect("a request");
    let right = values
        .iter()
        .any(|value| verify_password(value, challenge, &credentials(), method, uri, request.body()).is_ok());
    assert!(right, "{name} does not answer");
}

#[test]
fn case_8_a_challenge_is_answered_in_the_same_call_with_a_new_cseq_and_branch() {
    for (status, name) in [(401, "Authorization"), (407, "Proxy-Authorization")] {
        let (mut desk, invite) = desk();
        let challenge = challenge("trunk", "n1");
        desk.deliver(&challenged(&invite, status, std::slice::from_ref(&challenge)));
        desk.request(Method::Ack);
        let retry = desk.request(Method::Invite);
        assert_answers(&retry, name, &challenge);
        assert_eq!(retry.header("CSeq"), Some("2 INVITE"));
        assert_eq!(retry.header("Call-ID"), invite.header("Call-ID"));
        assert_eq!(tag_of(&retry), tag_of(&invite));
        assert_eq!(retry.header("To"), invite.header("To"), "no tag");
        assert_eq!(retry.header("X-Attempt"), Some("17"));
        assert_eq!(retry.body(), SDP);
        assert_ne!(retry.via().expect("a Via").branch(), invite.via().expect("a Via").branch());
        desk.deliver(&ok(&retry, "x"));
        let ack = desk.request(Method::Ack);
        assert_eq!(ack.header(name), retry.header(name), "22.1: the ACK bears what the INVITE bore");
        assert!(matches!(desk.event(), SessionEvent::Answered { .. }));
    }
}

#[test]
fn case_8_sha256_is_taken_before_md5() {
    let (mut desk, invite) = desk();
    let md5 = challenge("trunk", "n1");
    let sha = Challenge::new("trunk", "n1", HashAlgorithm::Sha256 { sess: false }).with_qop(true, true);
    desk.deliver(&challenged(&invite, 401, &[md5, sha.clone()]));
    let retry = desk.request(Method::Invite);
    assert_eq!(retry.headers("Authorization").count(), 1);
    assert_answers(&retry, "Authorization", &sha);
}

#[test]
fn case_8_a_407_and_then_a_401_are_both_answered() {
    let (mut desk, invite) = desk();
    let (proxy, peer) = (challenge("proxy", "p1"), challenge("peer", "q1"));
    desk.deliver(&challenged(&invite, 407, std::slice::from_ref(&proxy)));
    let second = desk.request(Method::Invite);
    desk.deliver(&challenged(&second, 401, std::slice::from_ref(&peer)));
    let third = desk.request(Method::Invite);
    assert_eq!(third.header("CSeq"), Some("3 INVITE"));
    assert_answers(&third, "Proxy-Authorization", &proxy);
    assert_answers(&third, "Authorization", &peer);
    assert!(third.header("Proxy-Authorization").expect("given").contains("nc=00000002"), "the nonce is used again");
}

#[test]
fn case_8_challenges_of_two_realms_at_once_are_both_answered() {
    let (mut desk, invite) = desk();
    let (a, b) = (challenge("a", "1"), challenge("b", "2"));
    desk.deliver(&challenged(&invite, 407, &[a.clone(), b.clone()]));
    let retry = desk.request(Method::Invite);
    assert_answers(&retry, "Proxy-Authorization", &a);
    assert_answers(&retry, "Proxy-Authorization", &b);
}

#[test]
fn case_8_a_stale_nonce_is_answered_anew() {
    let (mut desk, invite) = desk();
    desk.deliver(&challenged(&invite, 401, &[challenge("trunk", "old")]));
    let second = desk.request(Method::Invite);
    let fresh = challenge("trunk", "new").with_stale();
    desk.deliver(&challenged(&second, 401, std::slice::from_ref(&fresh)));
    let third = desk.request(Method::Invite);
    assert_answers(&third, "Authorization", &fresh);
    assert!(third.header("Authorization").expect("given").contains("nc=00000001"));
}

#[test]
fn case_8_wrong_credentials_end_the_loop() {
    // the same nonce again
    let (mut desk, invite) = desk();
    desk.deliver(&challenged(&invite, 401, &[challenge("trunk", "n")]));
    let second = desk.request(Method::Invite);
    desk.deliver(&challenged(&second, 401, &[challenge("trunk", "n")]));
    assert_eq!(desk.failure().kind, FailureKind::Auth(AuthProblem::Refused));
    desk.nothing_left();
    // a fresh nonce each time, with stale or without
    for (stale, most) in [(false, 3), (true, 7)] {
        let (mut desk, mut invite) = self::desk();
        let mut sent = 1;
        for round in 0..20 {
            let fresh = challenge("trunk", &format!("n{round}"));
            let fresh = if stale { fresh.with_stale() } else { fresh };
            desk.deliver(&challenged(&invite, 401, &[fresh]));
            if !desk.events.is_empty() {
                break;
            }
            invite = desk.request(Method::Invite);
            sent += 1;
        }
        assert_eq!(sent, most);
        assert_eq!(desk.failure().kind, FailureKind::Auth(AuthProblem::Refused));
        desk.nothing_left();
    }
}

#[test]
fn case_8_a_challenge_that_nobody_can_read_is_a_failure() {
    let (mut desk, invite) = desk();
    let mut response = reply(&invite, 401, "x");
    response.push("WWW-Authenticate", "Negotiate abc");
    desk.deliver(&response);
    assert_eq!(desk.failure().kind, FailureKind::Auth(AuthProblem::Unsupported));
    let (mut desk, invite) = self::desk();
    desk.deliver(&reply(&invite, 407, "x"));
    assert_eq!(desk.failure().kind, FailureKind::Auth(AuthProblem::Unsupported));
}

#[test]
fn a_cancel_goes_to_the_retry_and_a_challenge_after_giving_up_is_not_answered() {
    let (mut desk, invite) = desk();
    desk.deliver(&challenged(&invite, 407, &[challenge("trunk", "n")]));
    let second = desk.request(Method::Invite);
    desk.deliver(&reply(&second, 180, "x"));
    desk.event();
    desk.pass(30_000);
    let cancel = desk.request(Method::Cancel);
    assert_eq!(cancel.via().expect("a Via"), second.via().expect("a Via"));
    assert_eq!(cancel.header("CSeq"), Some("2 CANCEL"));
    desk.deliver(&challenged(&second, 407, &[challenge("trunk", "m").with_stale()]));
    assert_eq!(desk.failure().kind, FailureKind::RingTimeout);
    assert_eq!(desk.count(Method::Invite), 0);
}

#[test]
fn a_challenged_bye_is_answered() {
    let (mut desk, invite) = desk();
    desk.deliver(&ok(&invite, "x"));
    desk.request(Method::Ack);
    desk.event();
    let id = crate::sip::session::SessionId(1);
    desk.endpoint.hangup(desk.now, id, HangupReason::Normal);
    desk.flush();
    let bye = desk.request(Method::Bye);
    let challenge = challenge("proxy", "n");
    desk.deliver(&challenged(&bye, 407, std::slice::from_ref(&challenge)));
    let retry = desk.request(Method::Bye);
    assert_answers(&retry, "Proxy-Authorization", &challenge);
    assert_eq!(retry.header("CSeq"), Some("3 BYE"));
    desk.deliver(&reply(&retry, 200, ""));
    assert_eq!(desk.event(), SessionEvent::Ended { by: Side::Local, cause: EndCause::Bye });
    desk.nothing_left();
    desk.quiet();
}
