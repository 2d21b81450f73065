//! Which challenges a request has met and answered (RFC 3261 22): each realm and nonce once, a stale nonce again, and never for ever.
//!
//! Values of challenges and answers stay in here and on the wire.

use crate::sip::auth::{AuthError, Challenge, Credentials, choose_challenge};
use crate::sip::endpoint::Tokens;
use crate::sip::message::{Message, Method};
use crate::sip::uri::Uri;

use super::failure::AuthProblem;

/// Most challenges that one request answers before it gives up.
const MAX_ROUNDS: u8 = 6;

/// One realm's challenge, kept because every further try of the request must answer it again (407 of the proxy, then 401 of the peer).
struct Realm {
    proxy: bool,
    challenge: Challenge,
    /// Requests that used this nonce (`nc`).
    uses: u32,
    /// A fresh nonce without `stale=true` is answered once, in case two servers share the realm, not their nonces.
    second_chance: bool,
}

/// The challenges of one request.
#[derive(Default)]
pub(crate) struct AuthBook {
    realms: Vec<Realm>,
    rounds: u8,
}

impl AuthBook {
    /// Takes the challenges of a 401 or 407.
    pub fn challenged(&mut self, response: &Message) -> Result<(), AuthProblem> {
        self.rounds += 1;
        if self.rounds > MAX_ROUNDS {
            return Err(AuthProblem::Refused);
        }
        let mut taken = 0;
        for (proxy, name) in [(false, "WWW-Authenticate"), (true, "Proxy-Authenticate")] {
            let values: Vec<&str> = response.headers(name).collect();
            for challenge in strongest_of_each_realm(&values)? {
                self.take(proxy, challenge)?;
                taken += 1;
            }
        }
        if taken == 0 { Err(AuthProblem::Unsupported) } else { Ok(()) }
    }

    /// Header fields for the next try of the request, one for each realm met.
    pub fn answers(
        &mut self,
        credentials: &Credentials,
        method: &Method,
        uri: &Uri,
        body: &[u8],
        tokens: &mut Tokens,
    ) -> Vec<(&'static str, String)> {
        let mut fields = Vec::with_capacity(self.realms.len());
        for realm in &mut self.realms {
            realm.uses += 1;
            let name = if realm.proxy { "Proxy-Authorization" } else { "Authorization" };
            let value = realm.challenge.answer(credentials, method, uri, body, &tokens.tag(), realm.uses);
            fields.push((name, value));
        }
        fields
    }

    fn take(&mut self, proxy: bool, challenge: Challenge) -> Result<(), AuthProblem> {
        let known =
            self.realms.iter_mut().find(|realm| realm.proxy == proxy && realm.challenge.realm() == challenge.realm());
        match known {
            None => self.realms.push(Realm { proxy, challenge, uses: 0, second_chance: true }),
            Some(realm) if realm.challenge.nonce() == challenge.nonce() => return Err(AuthProblem::Refused),
            Some(realm) if challenge.is_stale() => (realm.challenge, realm.uses) = (challenge, 0),
            Some(realm) if realm.second_chance => {
                (realm.challenge, realm.uses, realm.second_chance) = (challenge, 0, false);
            }
            Some(_) => return Err(AuthProblem::Refused),
        }
        Ok(())
    }
}

/// A forking proxy may hand on challenges of several realms at once (22.3); within a realm the strongest counts (RFC 8760).
fn strongest_of_each_realm(values: &[&str]) -> Result<Vec<Challenge>, AuthProblem> {
    let mut realms: Vec<(String, Vec<&str>)> = Vec::new();
    let mut unreadable = None;
    for value in values {
        match choose_challenge(&[value]) {
            Ok(challenge) => match realms.iter_mut().find(|(realm, _)| realm == challenge.realm()) {
                Some((_, same)) => same.push(value),
                None => realms.push((challenge.realm().to_owned(), vec![value])),
            },
            Err(error) => unreadable = Some(error),
        }
    }
    match (realms.is_empty(), unreadable) {
        (true, Some(AuthError::NoChallenge | AuthError::Malformed | AuthError::Unsupported)) => {
            Err(AuthProblem::Unsupported)
        }
        _ => Ok(realms.iter().filter_map(|(_, same)| choose_challenge(same).ok()).collect()),
    }
}
