//! The registrar's memory is bounded, and what it shows is masked. How it behaves is tested through the endpoint.

use super::nonce::Nonces;
use super::offers::Offers;
use super::throttle::Throttle;
use super::{Binding, RegistrarEvent, RegistrarUser};
use crate::sip::auth::HashAlgorithm::{Md5, Sha256};
use crate::sip::endpoint::Tokens;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

fn ip(number: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x0a00_0000 + number).into()
}

#[test]
fn counts_of_used_nonces_are_bounded_and_none_of_them_serves_twice() {
    let mut tokens = Tokens::new(Box::new(ChaCha12Rng::seed_from_u64(1)));
    let (mut nonces, mut now) = (Nonces::default(), Instant::now());
    let first = nonces.issue(now, ip(1), &mut tokens);
    let never_used = nonces.issue(now, ip(1), &mut tokens);
    for _ in 0..20_000 {
        now += Duration::from_millis(10);
        let text = nonces.issue(now, ip(1), &mut tokens);
        let nonce = nonces.is_fresh(now, ip(1), &text, 1).expect("fresh");
        nonces.used(now, nonce, 1);
        assert!(nonces.is_fresh(now, ip(1), &text, 1).is_none(), "the count must grow");
        assert!(nonces.is_fresh(now, ip(1), &text, 2).is_some());
    }
    assert_eq!(nonces.kept(), 16_384);
    for text in [&first, &never_used] {
        assert!(nonces.is_fresh(now, ip(1), text, 9).is_none(), "older than what was given up");
    }
    now += Duration::from_secs(600);
    let text = nonces.issue(now, ip(1), &mut tokens);
    let nonce = nonces.is_fresh(now, ip(1), &text, 1).expect("fresh");
    nonces.used(now, nonce, 1);
    assert_eq!(nonces.kept(), 1, "what is too old is given up");
}

#[test]
fn a_nonce_is_taken_from_its_address_whole_or_not_at_all() {
    let mut tokens = Tokens::new(Box::new(ChaCha12Rng::seed_from_u64(1)));
    let (mut nonces, now) = (Nonces::default(), Instant::now());
    assert!(nonces.is_fresh(now, ip(1), "0", 1).is_none(), "nothing was ever issued");
    let text = nonces.issue(now, ip(1), &mut tokens);
    assert!(nonces.is_fresh(now, ip(1), &text, 1).is_some());
    assert!(nonces.is_fresh(now, ip(2), &text, 1).is_none());
    for at in 0..text.len() {
        let mut broken = text.clone().into_bytes();
        broken[at] = if broken[at] == b'0' { b'1' } else { b'0' };
        let broken = String::from_utf8(broken).expect("hex");
        assert!(nonces.is_fresh(now, ip(1), &broken, 1).is_none(), "{at}");
        assert!(nonces.is_fresh(now, ip(1), &text[..at], 1).is_none(), "{at}");
    }
    assert!(nonces.is_fresh(now, ip(1), &format!("{text}0"), 1).is_none());
    assert!(nonces.is_fresh(now, ip(1), "€€€€€€€€€€€€€€€€€€€€€€€€€", 1).is_none());
}

#[test]
fn who_guesses_waits_and_a_flood_of_guessers_fits() {
    let (mut throttle, now) = (Throttle::default(), Instant::now());
    for _ in 0..20 {
        assert_eq!(throttle.wait(now, ip(1)), None);
        throttle.wrong(now, ip(1));
    }
    assert_eq!(throttle.wait(now, ip(1)), Some(Duration::from_secs(5)));
    assert_eq!(throttle.wait(now, ip(2)), None);
    assert_eq!(throttle.wait(now + Duration::from_secs(5), ip(1)), None);
    for number in 2..5_000 {
        throttle.wrong(now, ip(number));
    }
    assert_eq!(throttle.wait(now, ip(1)), Some(Duration::from_secs(5)), "the largest debt is remembered");
    let (host, neighbour): (IpAddr, IpAddr) =
        ("2001:db8::1".parse().expect("an address"), "2001:db8::2:3:4:5".parse().expect("an address"));
    for _ in 0..20 {
        throttle.wrong(now, host);
    }
    assert!(throttle.wait(now, neighbour).is_some(), "one network");
}

#[test]
fn a_phone_that_cannot_cope_with_two_challenges_gets_one() {
    let (md5, sha) = (Md5 { sess: false }, Sha256 { sess: false });
    let (mut offers, mut now) = (Offers::default(), Instant::now());
    let (old, new) = (SocketAddr::new(ip(1), 5060), SocketAddr::new(ip(2), 5060));
    for _ in 0..3 {
        assert_eq!(offers.next(now, new), [sha, md5]);
        offers.answered(now, new, sha);
    }
    assert_eq!(offers.next(now, old), [sha, md5]);
    for _ in 0..3 {
        assert_eq!(offers.next(now, old), [md5]);
        offers.answered(now, old, md5);
    }
    now += Duration::from_secs(3600);
    assert_eq!(offers.next(now, old), [sha, md5], "forgotten");
    for number in 10..20_000 {
        assert_eq!(offers.next(now, SocketAddr::new(ip(number), 5060)), [sha, md5]);
    }
}

#[test]
fn nothing_shows_a_secret_or_a_number() {
    let user = RegistrarUser {
        user: "13800138000".into(),
        ha1_md5: "the-md5".to_owned().into(),
        ha1_sha256: "the-sha".to_owned().into(),
    };
    let contact: crate::sip::uri::Uri = "sip:13800138000@192.0.2.7".parse().expect("a URI");
    let binding = Binding {
        user: user.user.clone(),
        contact: contact.clone(),
        source: SocketAddr::new(ip(1), 5060).into(),
        expires_in: Duration::from_secs(60),
        call_id: "c".into(),
        cseq: 1,
        user_agent: None,
    };
    let unbound = RegistrarEvent::Unbound { user: user.user.clone(), contact };
    let shown = format!("{user:?} {binding:?} {unbound:?} {:?}", RegistrarEvent::Bound(binding.clone()));
    for secret in ["the-md5", "the-sha", "13800138"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
