//! Digest authentication (RFC 3261, 22; RFC 2617 and 2069 forms; RFC 8760 for SHA-256): answering 401 and 407, and the server's side for the registrar
//! and the tests. The hashes are those of `digest_auth`; its header parser is not used: it slices text by character counts, which panics on
//! letters beyond ASCII, takes `sha-256` in lower case for an error, and prefers auth-int; nor is its arithmetic, which wants the password where a
//! server has HA1. rsip 0.4.0 fails on `SHA-256` and `qop="auth,auth-int"`.
//!
//! Nothing here is random (cnonce and nonce are arguments), and nothing shows a secret: `Debug` is masked, errors carry no values, and
//! [`is_secret_header`] tells traces which fields they may not print.

use crate::sip::message::Method;
use crate::sip::uri::Uri;
use digest_auth::{Algorithm, AlgorithmType, Qop};
use secrecy::SecretString;
use std::fmt;
use thiserror::Error;

mod challenge;
mod fields;
mod server;

pub use challenge::{Challenge, HashAlgorithm};
pub use server::{Answer, Verified, VerifyError, verify};

pub(crate) use server::equal;

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
    nonce: &'a str,
    cnonce: &'a str,
    nc: u32,
    method: &'a Method,
    uri: &'a str,
    body: &'a [u8],
}

/// HA1 (RFC 7616, 3.4.2): the hash of user, realm and password, in lower-case hex, which a server keeps in the password's place. The hash is that of
/// the algorithm without its `-sess`, whose further step belongs to the single answer.
pub fn ha1(algorithm: HashAlgorithm, username: &str, realm: &str, password: &str) -> String {
    hash(algorithm, format!("{username}:{realm}:{password}").as_bytes())
}

/// The `response` value (RFC 7616, 3.4.1; RFC 2069 where qop is absent).
fn digest(input: &DigestInput<'_>, ha1: &str) -> String {
    let DigestInput { algorithm, qop, nonce, cnonce, nc, method, uri, body } = *input;
    let hash = |text: String| hash(algorithm, text.as_bytes());
    let ha1 = if algorithm.is_session() { hash(format!("{ha1}:{nonce}:{cnonce}")) } else { ha1.to_owned() };
    let ha2 = match qop {
        Some(Qop::AUTH_INT) => hash(format!("{method}:{uri}:{}", self::hash(algorithm, body))),
        Some(Qop::AUTH) | None => hash(format!("{method}:{uri}")),
    };
    match qop {
        Some(qop) => hash(format!("{ha1}:{nonce}:{nc:08x}:{cnonce}:{qop}:{ha2}")),
        None => hash(format!("{ha1}:{nonce}:{ha2}")),
    }
}

fn hash(algorithm: HashAlgorithm, bytes: &[u8]) -> String {
    let kind = match algorithm {
        HashAlgorithm::Md5 { .. } => AlgorithmType::MD5,
        HashAlgorithm::Sha256 { .. } => AlgorithmType::SHA2_256,
        HashAlgorithm::Sha512t256 { .. } => AlgorithmType::SHA2_512_256,
    };
    Algorithm::new(kind, false).hash(bytes)
}

#[cfg(test)]
pub(crate) mod tests;
