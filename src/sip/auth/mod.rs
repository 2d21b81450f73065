//! Digest authentication (RFC 3261, 22; RFC 2617 and 2069 forms; RFC 8760 for SHA-256): answering 401 and 407, and the server's side for the registrar
//! and the tests. The arithmetic is that of `digest_auth`; its header parser is not used: it slices text by character counts, which panics on
//! letters beyond ASCII, takes `sha-256` in lower case for an error, and prefers auth-int. rsip 0.4.0 fails on `SHA-256` and `qop="auth,auth-int"`.
//!
//! Nothing here is random (cnonce and nonce are arguments), and nothing shows a secret: `Debug` is masked, errors carry no values, and
//! [`is_secret_header`] tells traces which fields they may not print.

use crate::sip::message::Method;
use crate::sip::uri::Uri;
use digest_auth::{Algorithm, AlgorithmType, AuthContext, AuthorizationHeader, HttpMethod, Qop};
use secrecy::{ExposeSecret, SecretString};
use std::borrow::Cow;
use std::fmt;
use thiserror::Error;

mod challenge;
mod fields;
mod server;

pub use challenge::{Challenge, HashAlgorithm};
pub use server::{Verified, VerifyError, verify};

/// User name and password of a trunk.
#[derive(Clone)]
pub struct Credentials {
    /// The user name; often a phone number, so masked in `Debug`.
    pub username: String,
    /// The password.
    pub password: SecretString,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials {{ username: {}, password: ••• }}", crate::phone::mask(&self.username))
    }
}

/// Why challenges cannot be answered. Carries no values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AuthError {
    /// The response held no challenge.
    #[error("no challenge to answer")]
    NoChallenge,
    /// Challenges were there, none of them readable.
    #[error("malformed challenge")]
    Malformed,
    /// None uses Digest with an algorithm and a quality of protection that we know.
    #[error("no challenge uses a supported scheme, algorithm and qop")]
    Unsupported,
}

/// Whether the values of this field may never reach a log or a trace.
pub fn is_secret_header(name: &str) -> bool {
    [
        "Authorization",
        "Proxy-Authorization",
        "WWW-Authenticate",
        "Proxy-Authenticate",
        "Authentication-Info",
        "Proxy-Authentication-Info",
    ]
    .iter()
    .any(|secret| name.trim().eq_ignore_ascii_case(secret))
}

/// The challenge to answer: SHA-256 (or SHA-512/256) before MD5, the topmost among equals (RFC 8760, 2.4, with that local policy). A challenge that
/// is malformed or unsupported is passed over as long as another one serves.
pub fn choose_challenge(challenges: &[&str]) -> Result<Challenge, AuthError> {
    let mut best: Option<Challenge> = None;
    let mut seen = AuthError::NoChallenge;
    for value in challenges {
        for challenge in Challenge::parse_all(value) {
            match challenge {
                Ok(challenge) => {
                    if best.as_ref().is_none_or(|best| challenge.strength() > best.strength()) {
                        best = Some(challenge);
                    }
                }
                Err(AuthError::Unsupported) => seen = AuthError::Unsupported,
                // That a challenge was broken says less than that one was of an unknown kind.
                Err(error @ (AuthError::Malformed | AuthError::NoChallenge)) => {
                    seen = if seen == AuthError::Unsupported { seen } else { error };
                }
            }
        }
    }
    best.ok_or(seen)
}

/// Answers the values of WWW- or Proxy-Authenticate: the value for Authorization or Proxy-Authorization. `nc` counts the requests that used this
/// nonce, from 1; `cnonce` is fresh random text.
pub fn answer_challenges(
    challenges: &[&str],
    credentials: &Credentials,
    method: &Method,
    uri: &Uri,
    body: &[u8],
    cnonce: &str,
    nc: u32,
) -> Result<String, AuthError> {
    Ok(choose_challenge(challenges)?.answer(credentials, method, uri, body, cnonce, nc))
}

/// What the digest is made of, besides the secret.
struct DigestInput<'a> {
    algorithm: HashAlgorithm,
    qop: Option<Qop>,
    realm: &'a str,
    nonce: &'a str,
    cnonce: &'a str,
    nc: u32,
    method: &'a Method,
    uri: &'a str,
    body: &'a [u8],
}

/// The `response` value (RFC 7616, 3.4.1; RFC 2069 where qop is absent), computed by `digest_auth`.
fn digest(input: &DigestInput<'_>, credentials: &Credentials) -> String {
    let (algo, sess) = match input.algorithm {
        HashAlgorithm::Md5 { sess } => (AlgorithmType::MD5, sess),
        HashAlgorithm::Sha256 { sess } => (AlgorithmType::SHA2_256, sess),
        HashAlgorithm::Sha512t256 { sess } => (AlgorithmType::SHA2_512_256, sess),
    };
    let context = AuthContext {
        username: Cow::Borrowed(&credentials.username),
        password: Cow::Borrowed(credentials.password.expose_secret()),
        uri: Cow::Borrowed(input.uri),
        body: Some(Cow::Borrowed(input.body)),
        method: HttpMethod(Cow::Borrowed(input.method.as_str())),
        cnonce: None,
    };
    let mut header = AuthorizationHeader {
        realm: input.realm.to_owned(),
        nonce: input.nonce.to_owned(),
        opaque: None,
        userhash: false,
        algorithm: Algorithm::new(algo, sess),
        response: String::new(),
        username: String::new(),
        uri: input.uri.to_owned(),
        qop: input.qop,
        // Always given: without one the crate would draw a random number.
        cnonce: Some(input.cnonce.to_owned()),
        nc: input.nc,
    };
    header.digest(&context);
    header.response
}

#[cfg(test)]
mod tests;
