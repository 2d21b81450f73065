//! The server's side: checks an Authorization value against the challenge that it answers (RFC 3261, 22.4; RFC 7616, 3.4). Keeps no nonces: that a
//! nonce is fresh and that `nc` only grows is the caller's to hold.

use super::challenge::{Challenge, HashAlgorithm};
use super::fields::Fields;
use super::{Credentials, DigestInput, digest};
use crate::sip::message::Method;
use crate::sip::uri::Uri;
use digest_auth::Qop;
use thiserror::Error;

/// What a right answer said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The nonce count; 0 in the RFC 2069 form. A registrar refuses one that it has seen.
    pub nc: u32,
}

/// Why an answer is not accepted. Carries no values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// Not a Digest answer, or a field is missing, doubled or malformed.
    #[error("malformed authorization")]
    Malformed,
    /// Realm, algorithm, qop or opaque are not those of the challenge.
    #[error("the answer belongs to another challenge")]
    OtherChallenge,
    /// The nonce is not that of the challenge: challenge again, `stale` if the nonce was ours.
    #[error("the nonce is not the one asked for")]
    Nonce,
    /// The `uri` field is not the Request-URI (RFC 7616, 3.4.6).
    #[error("the answer was made for another URI")]
    Uri,
    /// Unknown user name or wrong digest; which of both is not told.
    #[error("user name or digest is wrong")]
    Denied,
}

/// Checks the value of Authorization or Proxy-Authorization.
pub fn verify(
    value: &str,
    challenge: &Challenge,
    credentials: &Credentials,
    method: &Method,
    uri: &Uri,
    body: &[u8],
) -> Result<Verified, VerifyError> {
    let all = Fields::parse_all(value).ok_or(VerifyError::Malformed)?;
    let [fields] = all.as_slice() else { return Err(VerifyError::Malformed) };
    if !fields.scheme.eq_ignore_ascii_case("Digest") {
        return Err(VerifyError::Malformed);
    }
    let get = |name| fields.get(name).map_err(|()| VerifyError::Malformed);
    let must = |name| get(name)?.ok_or(VerifyError::Malformed);
    let algorithm = match get("algorithm")? {
        None => Some(HashAlgorithm::Md5 { sess: false }),
        Some(name) => HashAlgorithm::parse(name),
    };
    if must("realm")? != challenge.realm
        || algorithm != Some(challenge.algorithm)
        || get("opaque")? != challenge.opaque.as_deref()
    {
        return Err(VerifyError::OtherChallenge);
    }
    if must("nonce")? != challenge.nonce {
        return Err(VerifyError::Nonce);
    }
    let qop = match get("qop")? {
        None if !challenge.auth && !challenge.auth_int => None,
        Some(qop) if qop.eq_ignore_ascii_case("auth") && challenge.auth => Some(Qop::AUTH),
        Some(qop) if qop.eq_ignore_ascii_case("auth-int") && challenge.auth_int => Some(Qop::AUTH_INT),
        None | Some(_) => return Err(VerifyError::OtherChallenge),
    };
    let (cnonce, nc) = match qop {
        Some(_) => (must("cnonce")?, count(must("nc")?)?),
        None => (get("cnonce")?.unwrap_or_default(), 0),
    };
    let signed = must("uri")?;
    if !signed.parse::<Uri>().map_err(|_| VerifyError::Malformed)?.equivalent(uri) {
        return Err(VerifyError::Uri);
    }
    let (realm, nonce) = (challenge.realm.as_str(), challenge.nonce.as_str());
    let input =
        DigestInput { algorithm: challenge.algorithm, qop, realm, nonce, cnonce, nc, method, uri: signed, body };
    let right = digest(&input, credentials);
    let given = must("response")?.to_ascii_lowercase();
    let user = must("username")? == credentials.username;
    if equal(right.as_bytes(), given.as_bytes()) && user { Ok(Verified { nc }) } else { Err(VerifyError::Denied) }
}

/// Eight hex digits (RFC 7616, 3.4); never 0.
fn count(text: &str) -> Result<u32, VerifyError> {
    let hex = text.len() == 8 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let count = u32::from_str_radix(text, 16).ok().filter(|count| hex && *count > 0);
    count.ok_or(VerifyError::Malformed)
}

/// Compares without telling by its time where the first difference is.
fn equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (x, y)| difference | (x ^ y)) == 0
}
