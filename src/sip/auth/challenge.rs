//! A Digest challenge (RFC 3261, 22.4; RFC 7616, 3.3; RFC 8760): read from WWW-/Proxy-Authenticate, answered by a client, or written by a server.

use super::fields::Fields;
use super::{AuthError, Credentials, DigestInput, digest, ha1};
use crate::sip::header::quote;
use crate::sip::message::Method;
use crate::sip::uri::Uri;
use digest_auth::Qop;
use secrecy::ExposeSecret;
use std::fmt;

/// The hash of a challenge. `sess` binds it to the first nonce and cnonce (RFC 7616, 3.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashAlgorithm {
    /// `MD5`, the default where no algorithm is named.
    Md5 {
        /// `MD5-sess`
        sess: bool,
    },
    /// `SHA-256`
    Sha256 {
        /// `SHA-256-sess`
        sess: bool,
    },
    /// `SHA-512-256`
    Sha512t256 {
        /// `SHA-512-256-sess`
        sess: bool,
    },
}

impl HashAlgorithm {
    const ALL: [(HashAlgorithm, &str); 6] = [
        (HashAlgorithm::Md5 { sess: false }, "MD5"),
        (HashAlgorithm::Md5 { sess: true }, "MD5-sess"),
        (HashAlgorithm::Sha256 { sess: false }, "SHA-256"),
        (HashAlgorithm::Sha256 { sess: true }, "SHA-256-sess"),
        (HashAlgorithm::Sha512t256 { sess: false }, "SHA-512-256"),
        (HashAlgorithm::Sha512t256 { sess: true }, "SHA-512-256-sess"),
    ];

    pub(super) fn parse(name: &str) -> Option<HashAlgorithm> {
        HashAlgorithm::ALL.iter().find(|(_, n)| n.eq_ignore_ascii_case(name)).map(|(algorithm, _)| *algorithm)
    }

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        HashAlgorithm::ALL.iter().find(|(algorithm, _)| *algorithm == self).map_or("MD5", |(_, name)| name)
    }

    pub(super) fn is_session(self) -> bool {
        match self {
            HashAlgorithm::Md5 { sess } | HashAlgorithm::Sha256 { sess } | HashAlgorithm::Sha512t256 { sess } => sess,
        }
    }
}

/// A challenge that we can answer, or one of our own.
#[derive(Clone, PartialEq, Eq)]
pub struct Challenge {
    pub(super) realm: String,
    pub(super) nonce: String,
    pub(super) opaque: Option<String>,
    pub(super) algorithm: HashAlgorithm,
    /// Whether the algorithm was named; only then is it named in the answer.
    algorithm_named: bool,
    stale: bool,
    pub(super) auth: bool,
    pub(super) auth_int: bool,
}

impl Challenge {
    /// A challenge of ours, with qop `auth`.
    pub fn new(realm: &str, nonce: &str, algorithm: HashAlgorithm) -> Challenge {
        Challenge {
            realm: realm.to_owned(),
            nonce: nonce.to_owned(),
            opaque: None,
            algorithm,
            algorithm_named: true,
            stale: false,
            auth: true,
            auth_int: false,
        }
    }

    /// Sets which qualities of protection are offered; neither one is the RFC 2069 form.
    pub fn with_qop(mut self, auth: bool, auth_int: bool) -> Challenge {
        (self.auth, self.auth_int) = (auth, auth_int);
        self
    }

    /// Adds an opaque text, which the client must give back.
    pub fn with_opaque(mut self, opaque: &str) -> Challenge {
        self.opaque = Some(opaque.to_owned());
        self
    }

    /// Says that the last answer was right but its nonce too old.
    pub fn with_stale(mut self) -> Challenge {
        self.stale = true;
        self
    }

    /// The realm.
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// The nonce. A secret like the answer: not for logs.
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// Whether the server calls the nonce stale: the credentials were right, so an answer with the new nonce is worth a try.
    pub fn is_stale(&self) -> bool {
        self.stale
    }

    /// The hash.
    pub fn algorithm(&self) -> HashAlgorithm {
        self.algorithm
    }

    pub(super) fn strength(&self) -> u8 {
        match self.algorithm {
            HashAlgorithm::Md5 { .. } => 0,
            HashAlgorithm::Sha256 { .. } | HashAlgorithm::Sha512t256 { .. } => 1,
        }
    }

    /// Reads all challenges of one header value.
    pub(super) fn parse_all(value: &str) -> Vec<Result<Challenge, AuthError>> {
        match Fields::parse_all(value) {
            None => vec![Err(AuthError::Malformed)],
            Some(all) => all.iter().map(Challenge::from_fields).collect(),
        }
    }

    fn from_fields(fields: &Fields<'_>) -> Result<Challenge, AuthError> {
        if !fields.scheme.eq_ignore_ascii_case("Digest") {
            return Err(AuthError::Unsupported);
        }
        let get = |name| fields.get(name).map_err(|()| AuthError::Malformed);
        let named = get("algorithm")?;
        let algorithm = match named {
            None => HashAlgorithm::Md5 { sess: false },
            Some(name) => HashAlgorithm::parse(name).ok_or(AuthError::Unsupported)?,
        };
        let (mut auth, mut auth_int) = (false, false);
        if let Some(offered) = get("qop")? {
            for qop in offered.split([',', ' ', '\t']).filter(|qop| !qop.is_empty()) {
                auth |= qop.eq_ignore_ascii_case("auth");
                auth_int |= qop.eq_ignore_ascii_case("auth-int");
            }
            if !auth && !auth_int {
                return Err(AuthError::Unsupported);
            }
        }
        Ok(Challenge {
            realm: get("realm")?.ok_or(AuthError::Malformed)?.to_owned(),
            nonce: get("nonce")?.ok_or(AuthError::Malformed)?.to_owned(),
            opaque: get("opaque")?.map(str::to_owned),
            algorithm,
            algorithm_named: named.is_some(),
            stale: get("stale")?.is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
            auth,
            auth_int,
        })
    }

    /// The value of WWW- or Proxy-Authenticate.
    pub fn to_header(&self) -> String {
        let mut out = format!("Digest realm={}, nonce={}", quote(&self.realm), quote(&self.nonce));
        if let Some(opaque) = &self.opaque {
            out += &format!(", opaque={}", quote(opaque));
        }
        if self.algorithm_named {
            out += &format!(", algorithm={}", self.algorithm.name());
        }
        out += match (self.auth, self.auth_int) {
            (true, true) => ", qop=\"auth,auth-int\"",
            (true, false) => ", qop=\"auth\"",
            (false, true) => ", qop=\"auth-int\"",
            (false, false) => "",
        };
        if self.stale {
            out += ", stale=TRUE";
        }
        out
    }

    /// The value of Authorization or Proxy-Authorization: qop `auth` unless only `auth-int` is offered, the RFC 2069 form where none is.
    pub fn answer(
        &self,
        credentials: &Credentials,
        method: &Method,
        uri: &Uri,
        body: &[u8],
        cnonce: &str,
        nc: u32,
    ) -> String {
        let qop = match (self.auth, self.auth_int) {
            (true, _) => Some(Qop::AUTH),
            (false, true) => Some(Qop::AUTH_INT),
            (false, false) => None,
        };
        let (realm, nonce, uri) = (self.realm.as_str(), self.nonce.as_str(), uri.as_str());
        let input = DigestInput { algorithm: self.algorithm, qop, nonce, cnonce, nc, method, uri, body };
        let ha1 = ha1(self.algorithm, &credentials.username, realm, credentials.password.expose_secret());
        let mut out = format!(
            "Digest username={}, realm={}, nonce={}, uri={}, response=\"{}\"",
            quote(&credentials.username),
            quote(realm),
            quote(nonce),
            quote(uri),
            digest(&input, &ha1)
        );
        if self.algorithm_named {
            out += &format!(", algorithm={}", self.algorithm.name());
        }
        if qop.is_some() || self.algorithm.is_session() {
            out += &format!(", cnonce={}", quote(cnonce));
        }
        if let Some(opaque) = &self.opaque {
            out += &format!(", opaque={}", quote(opaque));
        }
        if let Some(qop) = qop {
            out += &format!(", qop={qop}, nc={nc:08x}");
        }
        out
    }
}

/// Realm, algorithm and qop only: nonce and opaque are not for logs.
impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Challenge")
            .field("realm", &self.realm)
            .field("algorithm", &self.algorithm.name())
            .field("stale", &self.stale)
            .field("auth", &self.auth)
            .field("auth_int", &self.auth_int)
            .finish_non_exhaustive()
    }
}
