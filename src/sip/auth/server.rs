//! The server's side: checks an Authorization value against the challenge that it answers (RFC 3261, 22.4; RFC 7616, 3.4). Keeps no nonces: that a
//! nonce is fresh and that `nc` only grows is the caller's to hold.

use super::challenge::{Challenge, HashAlgorithm};
use super::fields::Fields;
use super::{DigestInput, digest};
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

/// An Authorization or Proxy-Authorization value, read and not yet believed.
pub struct Answer<'a>(Fields<'a>);

impl<'a> Answer<'a> {
    /// Reads a value that holds one Digest answer.
    pub fn parse(value: &'a str) -> Result<Answer<'a>, VerifyError> {
        let all = Fields::parse_all(value).ok_or(VerifyError::Malformed)?;
        let [fields] = <[Fields<'a>; 1]>::try_from(all).map_err(|_| VerifyError::Malformed)?;
        if fields.scheme.eq_ignore_ascii_case("Digest") { Ok(Answer(fields)) } else { Err(VerifyError::Malformed) }
    }

    /// The user name. Often a phone number: not for logs.
    pub fn username(&self) -> Result<&str, VerifyError> {
        self.must("username")
    }

    /// The realm.
    pub fn realm(&self) -> Result<&str, VerifyError> {
        self.must("realm")
    }

    /// The nonce.
    pub fn nonce(&self) -> Result<&str, VerifyError> {
        self.must("nonce")
    }

    /// The nonce count, from 1; none in the RFC 2069 form.
    pub fn nc(&self) -> Result<u32, VerifyError> {
        count(self.must("nc")?)
    }

    /// The hash.
    pub fn algorithm(&self) -> Result<HashAlgorithm, VerifyError> {
        match self.get("algorithm")? {
            None => Ok(HashAlgorithm::Md5 { sess: false }),
            Some(name) => HashAlgorithm::parse(name).ok_or(VerifyError::OtherChallenge),
        }
    }

    /// Checks the answer against the challenge, for a user with this HA1 (of the challenge's realm and algorithm).
    pub fn check(
        &self,
        challenge: &Challenge,
        username: &str,
        ha1: &str,
        method: &Method,
        uri: &Uri,
        body: &[u8],
    ) -> Result<Verified, VerifyError> {
        let same = self.realm()? == challenge.realm
            && self.algorithm()? == challenge.algorithm
            && self.get("opaque")? == challenge.opaque.as_deref();
        if !same {
            return Err(VerifyError::OtherChallenge);
        }
        let nonce = self.nonce()?;
        if nonce != challenge.nonce {
            return Err(VerifyError::Nonce);
        }
        let qop = self.qop(challenge)?;
        let (cnonce, nc) = match qop {
            Some(_) => (self.must("cnonce")?, self.nc()?),
            None => (self.get("cnonce")?.unwrap_or_default(), 0),
        };
        let signed = self.must("uri")?;
        if !signed.parse::<Uri>().map_err(|_| VerifyError::Malformed)?.equivalent(uri) {
            return Err(VerifyError::Uri);
        }
        let input = DigestInput { algorithm: challenge.algorithm, qop, nonce, cnonce, nc, method, uri: signed, body };
        let right = digest(&input, ha1);
        let given = self.must("response")?.to_ascii_lowercase();
        let user = self.username()? == username;
        if equal(right.as_bytes(), given.as_bytes()) && user { Ok(Verified { nc }) } else { Err(VerifyError::Denied) }
    }

    /// The quality of protection, which must be one that the challenge offers.
    fn qop(&self, challenge: &Challenge) -> Result<Option<Qop>, VerifyError> {
        match self.get("qop")? {
            None if !challenge.auth && !challenge.auth_int => Ok(None),
            Some(qop) if qop.eq_ignore_ascii_case("auth") && challenge.auth => Ok(Some(Qop::AUTH)),
            Some(qop) if qop.eq_ignore_ascii_case("auth-int") && challenge.auth_int => Ok(Some(Qop::AUTH_INT)),
            None | Some(_) => Err(VerifyError::OtherChallenge),
        }
    }

    fn get(&self, name: &str) -> Result<Option<&str>, VerifyError> {
        self.0.get(name).map_err(|()| VerifyError::Malformed)
    }

    fn must(&self, name: &str) -> Result<&str, VerifyError> {
        self.get(name)?.ok_or(VerifyError::Malformed)
    }
}

/// Reads and checks the value of Authorization or Proxy-Authorization, for a user with this HA1.
pub fn verify(
    value: &str,
    challenge: &Challenge,
    username: &str,
    ha1: &str,
    method: &Method,
    uri: &Uri,
    body: &[u8],
) -> Result<Verified, VerifyError> {
    Answer::parse(value)?.check(challenge, username, ha1, method, uri, body)
}

/// Eight hex digits (RFC 7616, 3.4); never 0.
fn count(text: &str) -> Result<u32, VerifyError> {
    let hex = text.len() == 8 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let count = u32::from_str_radix(text, 16).ok().filter(|count| hex && *count > 0);
    count.ok_or(VerifyError::Malformed)
}

/// Compares without telling by its time where the first difference is.
pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (x, y)| difference | (x ^ y)) == 0
}
