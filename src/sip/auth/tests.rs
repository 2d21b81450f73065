//! Tests of digest authentication: the RFCs' own figures, the choice among challenges, and client against server.

use super::*;
use HashAlgorithm::{Md5, Sha256, Sha512t256};
use secrecy::ExposeSecret;

/// Checks an answer by the password.
pub fn verify_password(
    value: &str,
    challenge: &Challenge,
    credentials: &Credentials,
    method: &Method,
    uri: &Uri,
    body: &[u8],
) -> Result<Verified, VerifyError> {
    let Credentials { username, password } = credentials;
    let ha1 = ha1(challenge.algorithm(), username, challenge.realm(), password.expose_secret());
    verify(value, challenge, username, &ha1, method, uri, body)
}

fn credentials() -> Credentials {
    Credentials { username: "bob".into(), password: SecretString::from("zanzibar") }
}

fn uri() -> Uri {
    "sip:bob@biloxi.com".parse().unwrap()
}

fn answer(challenges: &[&str]) -> Result<String, AuthError> {
    answer_challenges(challenges, &credentials(), &Method::Invite, &uri(), b"body", "c\"n", 1)
}

/// The examples of RFC 2617, 3.5, RFC 2069 with its erratum, and RFC 7616, 3.9.1.
#[test]
fn the_arithmetic_is_that_of_the_rfcs() {
    let (old, new) = (
        ("testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093"),
        ("http-auth@example.org", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"),
    );
    let long = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
    let (md5, sha) = (Md5 { sess: false }, Sha256 { sess: false });
    for (algorithm, qop, (realm, nonce), cnonce, password, want) in [
        (md5, Some(Qop::AUTH), old, "0a4f113b", "Circle Of Life", "6629fae49393a05397450978507c4ef1"),
        (md5, None, old, "", "CircleOfLife", "1949323746fe6a43ef61f9606e7febea"),
        (md5, Some(Qop::AUTH), new, long, "Circle of Life", "8ca523f5e9506fed4657c9700eebdbec"),
        (
            sha,
            Some(Qop::AUTH),
            new,
            long,
            "Circle of Life",
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
        ),
    ] {
        let ha1 = ha1(algorithm, "Mufasa", realm, password);
        let method = Method::Other("GET".into());
        let uri = "/dir/index.html";
        let input = DigestInput { algorithm, qop, nonce, cnonce, nc: 1, method: &method, uri, body: b"" };
        assert_eq!(digest(&input, &ha1), want);
    }
}

#[test]
fn every_form_of_challenge_is_answered_and_verified() {
    let hashes = [
        Md5 { sess: false },
        Md5 { sess: true },
        Sha256 { sess: false },
        Sha256 { sess: true },
        Sha512t256 { sess: false },
        Sha512t256 { sess: true },
    ];
    for algorithm in hashes {
        for (auth, auth_int) in [(true, false), (true, true), (false, true), (false, false)] {
            let challenge = Challenge::new("a \"realm\", \\ of <ours>", "n,o=n\"ce", algorithm)
                .with_qop(auth, auth_int)
                .with_opaque("o\\");
            let answer = answer(&[&challenge.to_header()]).unwrap();
            let check = |value: &str, body: &[u8]| {
                verify_password(value, &challenge, &credentials(), &Method::Invite, &uri(), body)
            };
            let nc = u32::from(auth || auth_int);
            assert_eq!(check(&answer, b"body"), Ok(Verified { nc }), "{challenge:?}");
            let only_int = auth_int && !auth;
            let other_body = if only_int { Err(VerifyError::Denied) } else { Ok(Verified { nc }) };
            assert_eq!(check(&answer, b"another"), other_body, "{challenge:?}");
        }
    }
}

#[test]
fn the_strongest_challenge_is_taken() {
    let md5 = "Digest realm=\"r\", nonce=\"1\", algorithm=MD5, qop=\"auth\"";
    let bare = "Digest realm=\"r\", nonce=\"0\"";
    let sha = "Digest realm=\"r\", nonce=\"2\", algorithm=SHA-256, qop=\"auth,auth-int\"";
    let quoted = "digest REALM=\"r\",NONCE=\"3\",algorithm=\"sha-256\",qop=auth-int";
    let future = "Digest realm=\"r\", nonce=\"4\", algorithm=SHA-999, qop=\"auth\"";
    let qop = "Digest realm=\"r\", nonce=\"5\", qop=\"auth-later\"";
    let basic = "Basic realm=\"r\"";
    let joined = format!("{basic}, {md5}, {sha}");
    for (challenges, nonce) in [
        (vec![md5, sha], "2"),
        (vec![sha, md5], "2"),
        (vec![md5, bare], "1"),
        (vec![bare, md5], "0"),
        (vec![quoted, sha], "3"),
        (vec![future, qop, basic, "Digest realm=\"", md5], "1"),
        (vec![joined.as_str()], "2"),
    ] {
        assert_eq!(choose_challenge(&challenges).map(|c| c.nonce().to_owned()).as_deref(), Ok(nonce), "{challenges:?}");
    }
    for (challenges, want) in [
        (vec![], AuthError::NoChallenge),
        (vec![""], AuthError::NoChallenge),
        (vec![basic], AuthError::Unsupported),
        (vec![future, "x=1"], AuthError::Unsupported),
        (vec![qop], AuthError::Unsupported),
        (vec!["Digest"], AuthError::Malformed),
        (vec!["Digest realm=\"r\""], AuthError::Malformed),
        (vec!["Digest realm=\"r, nonce=\"n\""], AuthError::Malformed),
        (vec!["Digest realm=\"r\", nonce=\"n\", nonce=\"m\""], AuthError::Malformed),
        (vec!["Digest realm=\"r\"x, nonce=\"n\""], AuthError::Malformed),
    ] {
        assert_eq!(choose_challenge(&challenges), Err(want), "{challenges:?}");
    }
}

#[test]
fn the_answer_names_what_was_asked_and_nothing_else() {
    let bare = answer(&["Digest realm=\"r\", nonce=\"n\""]).unwrap();
    assert!(
        !bare.contains("algorithm") && !bare.contains("cnonce") && !bare.contains("nc=") && !bare.contains("qop"),
        "{bare}"
    );
    let full = answer(&["Digest realm=\"r\", nonce=\"n\", opaque=\"\", algorithm=MD5-sess, qop=\"auth\""]).unwrap();
    assert!(
        full.starts_with("Digest username=\"bob\", realm=\"r\", nonce=\"n\", uri=\"sip:bob@biloxi.com\", response=\""),
        "{full}"
    );
    assert!(full.ends_with(", algorithm=MD5-sess, cnonce=\"c\\\"n\", opaque=\"\", qop=auth, nc=00000001"), "{full}");
}

#[test]
fn a_stale_nonce_is_told() {
    let header = Challenge::new("r", "n", Md5 { sess: false }).with_stale().to_header();
    assert!(choose_challenge(&[&header]).unwrap().is_stale());
    assert!(!choose_challenge(&["Digest realm=\"r\", nonce=\"n\", stale=false"]).unwrap().is_stale());
}

#[test]
fn a_wrong_answer_is_refused_by_name() {
    let challenge = Challenge::new("r", "n", Sha256 { sess: false }).with_opaque("o");
    let right = answer(&[&challenge.to_header()]).unwrap();
    let check = |value: &str| verify_password(value, &challenge, &credentials(), &Method::Invite, &uri(), b"body");
    assert_eq!(check(&right), Ok(Verified { nc: 1 }));
    for (from, to, want) in [
        ("Digest ", "Basic ", VerifyError::Malformed),
        ("realm=\"r\"", "realm=\"q\"", VerifyError::OtherChallenge),
        ("SHA-256", "MD5", VerifyError::OtherChallenge),
        ("opaque=\"o\"", "opaque=\"p\"", VerifyError::OtherChallenge),
        ("qop=auth", "qop=auth-int", VerifyError::OtherChallenge),
        (", qop=auth", "", VerifyError::OtherChallenge),
        ("nonce=\"n\"", "nonce=\"m\"", VerifyError::Nonce),
        ("sip:bob@biloxi.com", "sip:eve@biloxi.com", VerifyError::Uri),
        ("username=\"bob\"", "username=\"eve\"", VerifyError::Denied),
        ("nc=00000001", "nc=00000002", VerifyError::Denied),
        ("nc=00000001", "nc=00000000", VerifyError::Malformed),
        ("nc=00000001", "nc=1", VerifyError::Malformed),
        ("response=\"", "response=\"0", VerifyError::Denied),
        ("response", "answer", VerifyError::Malformed),
    ] {
        assert_eq!(check(&right.replacen(from, to, 1)), Err(want), "{from} {to}");
    }
    let other = Credentials { password: SecretString::from("wrong"), ..credentials() };
    assert_eq!(verify_password(&right, &challenge, &other, &Method::Invite, &uri(), b"body"), Err(VerifyError::Denied));
}

#[test]
fn secrets_do_not_show() {
    let credentials = Credentials { username: "+8613800138000".into(), password: SecretString::from("zanzibar") };
    let challenge = Challenge::new("r", "the-nonce", Md5 { sess: false }).with_opaque("the-opaque");
    let shown = format!("{credentials:?} {challenge:?}");
    for secret in ["zanzibar", "13800138", "the-nonce", "the-opaque"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    for name in
        ["Authorization", "proxy-authorization", "WWW-Authenticate", "Proxy-Authenticate", "authentication-info"]
    {
        assert!(is_secret_header(name), "{name}");
    }
    assert!(!is_secret_header("Allow") && !is_secret_header("Authorization-Not"));
}
