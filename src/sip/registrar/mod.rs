//! The registrar (RFC 3261 10.3) for the agents' softphones: who may register, and where they are. REGISTER and time in, a response and events out.
//!
//! What it never does: call anybody, read a clock, draw a random number, keep a password (it knows HA1 only, RFC 7616 3.4.2), or remember
//! anything over a restart. A binding's next hop is the address that the REGISTER came from, whatever the Contact says: phones live behind NAT.

mod guard;
mod location;
mod nonce;
mod offers;
mod throttle;

#[cfg(test)]
mod tests;

use crate::sip::endpoint::Tokens;
use crate::sip::hop::Hop;
use crate::sip::message::Message;
use crate::sip::uri::Uri;
use guard::{Guard, Secrets};
use location::Location;
use secrecy::SecretString;
use std::fmt;
use std::time::{Duration, Instant};

/// Settings of a registrar.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RegistrarConfig {
    /// Protection space; part of every HA1.
    pub realm: String,
    /// A phone that wants to register for less gets 423.
    pub min_expires: Duration,
    /// For a phone that says nothing.
    pub default_expires: Duration,
    /// Longest lifetime granted: so long a phone that vanished counts as there.
    pub max_expires: Duration,
    /// Most users.
    pub max_users: usize,
    /// Most contacts of one user; a further one takes the place of the oldest.
    pub max_contacts: usize,
}

impl RegistrarConfig {
    /// Lifetimes between 30 seconds and 5 minutes, which also keeps NAT mappings fresh; 5 contacts for each of 10,000 users.
    pub fn new(realm: &str) -> RegistrarConfig {
        RegistrarConfig {
            realm: realm.to_owned(),
            min_expires: Duration::from_secs(30),
            default_expires: Duration::from_secs(300),
            max_expires: Duration::from_secs(300),
            max_users: 10_000,
            max_contacts: 5,
        }
    }
}

/// Somebody who may register. The hashes are as good as the password within the realm: [`ha1`](crate::sip::auth::ha1) makes them.
#[derive(Clone)]
pub struct RegistrarUser {
    /// User part of the address of record, and name in the digest.
    pub user: String,
    /// `MD5(user:realm:password)` in lower-case hex.
    pub ha1_md5: SecretString,
    /// `SHA-256(user:realm:password)` in lower-case hex.
    pub ha1_sha256: SecretString,
}

/// Shows no hash.
impl fmt::Debug for RegistrarUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistrarUser").field("user", &crate::phone::mask(&self.user)).finish_non_exhaustive()
    }
}

/// Where a phone is. An INVITE for it has `contact` as Request-URI and goes to `source`.
#[derive(Clone, PartialEq, Eq)]
pub struct Binding {
    /// Whose phone.
    pub user: String,
    /// Its Contact, byte for byte.
    pub contact: Uri,
    /// Where its REGISTER came from.
    pub source: Hop,
    /// How long from now it is good for.
    pub expires_in: Duration,
    /// Call-ID of the REGISTER.
    pub call_id: String,
    /// CSeq number of the REGISTER.
    pub cseq: u32,
    /// User-Agent, cut.
    pub user_agent: Option<String>,
}

/// Masks the user.
impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Binding")
            .field("user", &crate::phone::mask(&self.user))
            .field("contact", &self.contact)
            .field("source", &self.source)
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

/// What happened to a phone.
#[derive(Clone, PartialEq, Eq)]
pub enum RegistrarEvent {
    /// It registered, or did again: then the lifetime, and perhaps the source, are new.
    Bound(Binding),
    /// It is gone: it said so, was silent for too long, made room for newer ones, or its user has gone or got another password.
    Unbound {
        /// Whose phone.
        user: String,
        /// Its Contact as it was bound.
        contact: Uri,
    },
}

/// Masks the user.
impl fmt::Debug for RegistrarEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RegistrarEvent::Bound(binding) => write!(f, "Bound({binding:?})"),
            RegistrarEvent::Unbound { user, contact } => {
                write!(f, "Unbound({}, {contact:?})", crate::phone::mask(user))
            }
        }
    }
}

/// How a REGISTER is answered.
pub(crate) struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
}

impl Reply {
    fn new(status: u16) -> Reply {
        Reply { status, headers: Vec::new() }
    }

    fn with(mut self, name: &'static str, value: String) -> Reply {
        self.headers.push((name, value));
        self
    }
}

/// The registrar.
pub(crate) struct Registrar {
    config: RegistrarConfig,
    guard: Guard,
    location: Location,
    /// What is in the endpoint's deadline list.
    pub armed: Option<Instant>,
}

impl Registrar {
    pub fn new(config: RegistrarConfig) -> Registrar {
        let guard = Guard::new(&config.realm);
        Registrar { config, guard, location: Location::default(), armed: None }
    }

    /// These and nobody else may register. Phones of users who are not among them, or have other secrets now, are gone.
    pub fn set_users(&mut self, users: &[RegistrarUser]) {
        if users.len() > self.config.max_users {
            tracing::error!(users = users.len(), most = self.config.max_users, "not all users can register");
        }
        let new = users.iter().take(self.config.max_users).map(|user| (user.user.clone(), Secrets::of(user)));
        let old = std::mem::replace(&mut self.guard.users, new.collect());
        for (user, secrets) in old {
            if !self.guard.users.get(&user).is_some_and(|now| now.is(&secrets)) {
                self.location.forget(&user);
            }
        }
    }

    /// A REGISTER that passed the checks of every request (8.2).
    pub fn handle(&mut self, now: Instant, source: Hop, request: &Message, tokens: &mut Tokens) -> Reply {
        let user = match self.guard.admit(now, source.address, request, tokens) {
            Ok(user) => user,
            Err(reply) => return reply,
        };
        // step 4: nobody registers for somebody else
        if !request.to().is_ok_and(|to| to.uri.is_sip() && to.uri.user() == Some(&user)) {
            return Reply::new(403);
        }
        self.location.register(now, &self.config, &user, source, request)
    }

    /// The clock reached [`Registrar::poll_timeout`].
    pub fn time(&mut self, now: Instant) {
        self.location.time(now);
    }

    /// When the next binding expires.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.location.poll_timeout()
    }

    pub fn poll_event(&mut self) -> Option<RegistrarEvent> {
        self.location.events.pop_front()
    }
}
