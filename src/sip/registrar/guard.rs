//! Who may register: Digest with SHA-256 and MD5 (RFC 3261 22.4, RFC 7616, RFC 8760). An unknown user is answered like a wrong password.

use crate::sip::auth::{Answer, Challenge, HashAlgorithm, VerifyError};
use crate::sip::endpoint::Tokens;
use crate::sip::message::{Message, Method};
use secrecy::{ExposeSecret, SecretString};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Instant;

use super::nonce::Nonces;
use super::offers::{self, Offers};
use super::throttle::Throttle;
use super::{RegistrarUser, Reply};

/// The two secrets of a user.
#[derive(Clone)]
pub(super) struct Secrets {
    md5: SecretString,
    sha256: SecretString,
}

impl Secrets {
    pub fn of(user: &RegistrarUser) -> Secrets {
        Secrets { md5: user.ha1_md5.clone(), sha256: user.ha1_sha256.clone() }
    }

    /// Whether nothing changed.
    pub fn is(&self, other: &Secrets) -> bool {
        self.md5.expose_secret() == other.md5.expose_secret()
            && self.sha256.expose_secret() == other.sha256.expose_secret()
    }

    fn ha1(&self, algorithm: HashAlgorithm) -> &str {
        match algorithm {
            HashAlgorithm::Md5 { .. } => self.md5.expose_secret(),
            HashAlgorithm::Sha256 { .. } | HashAlgorithm::Sha512t256 { .. } => self.sha256.expose_secret(),
        }
    }
}

/// Checks credentials.
pub(super) struct Guard {
    realm: String,
    pub users: HashMap<String, Secrets>,
    pub nonces: Nonces,
    throttle: Throttle,
    offers: Offers,
}

/// What an Authorization field came to.
enum Verdict {
    /// Right.
    User(String),
    /// Wrong name or password.
    Wrong,
    /// Made for another nonce, or for one that is too old or was used.
    Stale,
    /// Nothing that answers a challenge of ours.
    Nothing,
}

impl Guard {
    pub fn new(realm: &str) -> Guard {
        Guard {
            realm: realm.to_owned(),
            users: HashMap::new(),
            nonces: Nonces::default(),
            throttle: Throttle::default(),
            offers: Offers::default(),
        }
    }

    /// The user who sent this request, or the answer that it gets.
    pub fn admit(
        &mut self,
        now: Instant,
        source: SocketAddr,
        request: &Message,
        tokens: &mut Tokens,
    ) -> Result<String, Reply> {
        let values: Vec<&str> = request.headers("Authorization").collect();
        if let Some(wait) = self.throttle.wait(now, source.ip()).filter(|_| !values.is_empty()) {
            tracing::warn!(peer = %source, "too many wrong passwords: REGISTER not looked at");
            return Err(Reply::new(503).with("Retry-After", (wait.as_secs() + 1).to_string()));
        }
        let mut stale = false;
        for value in values {
            match self.judge(now, source, request, value) {
                Verdict::User(user) => return Ok(user),
                Verdict::Wrong => {
                    self.throttle.wrong(now, source.ip());
                    tracing::info!(peer = %source, "REGISTER with a wrong name or password");
                    break;
                }
                Verdict::Stale => stale = true,
                Verdict::Nothing => {}
            }
        }
        Err(self.challenge(now, source, stale, tokens))
    }

    fn judge(&mut self, now: Instant, source: SocketAddr, request: &Message, value: &str) -> Verdict {
        let Ok(answer) = Answer::parse(value) else { return Verdict::Nothing };
        let (Ok(user), Ok(nonce), Ok(algorithm)) = (answer.username(), answer.nonce(), answer.algorithm()) else {
            return Verdict::Nothing;
        };
        let (true, Some(uri)) = (answer.realm() == Ok(&self.realm) && offers::ALL.contains(&algorithm), request.uri())
        else {
            return Verdict::Nothing;
        };
        self.offers.answered(now, source, algorithm);
        let Some(fresh) = self.nonces.is_fresh(now, source.ip(), nonce, answer.nc().unwrap_or_default()) else {
            return Verdict::Stale;
        };
        let challenge = Challenge::new(&self.realm, nonce, algorithm);
        let secrets = self.users.get(user);
        // an unknown user costs the same reckoning as a known one
        let ha1 = secrets.map_or("", |secrets| secrets.ha1(algorithm));
        let result = answer.check(&challenge, user, ha1, &Method::Register, uri, request.body());
        match (result, secrets) {
            (Ok(verified), Some(_)) => {
                self.nonces.used(now, fresh, verified.nc);
                Verdict::User(user.to_owned())
            }
            (Ok(_) | Err(VerifyError::Denied), _) => Verdict::Wrong,
            (Err(VerifyError::Malformed | VerifyError::OtherChallenge | VerifyError::Nonce | VerifyError::Uri), _) => {
                Verdict::Nothing
            }
        }
    }

    /// 401 with a challenge for each algorithm offered.
    fn challenge(&mut self, now: Instant, source: SocketAddr, stale: bool, tokens: &mut Tokens) -> Reply {
        let mut reply = Reply::new(401);
        for algorithm in self.offers.next(now, source) {
            let nonce = self.nonces.issue(now, source.ip(), tokens);
            let challenge = Challenge::new(&self.realm, &nonce, *algorithm);
            let challenge = if stale { challenge.with_stale() } else { challenge };
            reply = reply.with("WWW-Authenticate", challenge.to_header());
        }
        reply
    }
}
