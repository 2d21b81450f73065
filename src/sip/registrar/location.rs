//! Where each user can be reached (RFC 3261 10.3 steps 6 to 8): contacts with their source, until they expire. Never looks at credentials.

use crate::sip::header::NameAddr;
use crate::sip::hop::Hop;
use crate::sip::message::Message;
use crate::sip::uri::Uri;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::{Binding, RegistrarConfig, RegistrarEvent, Reply};

/// Longest Contact URI and Call-ID kept, in bytes.
const MAX_TEXT: usize = 1024;
/// Characters of User-Agent kept.
const MAX_AGENT: usize = 128;

/// One contact.
struct Held {
    contact: Uri,
    call_id: String,
    cseq: u32,
    expires_at: Instant,
    /// Counts up with each registration: the lowest is the oldest.
    turn: u64,
}

/// All contacts of all users.
#[derive(Default)]
pub(super) struct Location {
    users: BTreeMap<String, Vec<Held>>,
    turns: u64,
    pub events: VecDeque<RegistrarEvent>,
}

/// What a REGISTER asks for.
enum Wish {
    /// No Contact: what is bound?
    Ask,
    /// `Contact: *` with `Expires: 0`.
    RemoveAll,
    /// Contacts with their lifetimes; none: to be removed.
    Set(Vec<(Uri, Option<Duration>)>),
}

impl Location {
    /// Does what an admitted REGISTER of this user asks for, all of it or nothing.
    pub fn register(
        &mut self,
        now: Instant,
        config: &RegistrarConfig,
        user: &str,
        source: Hop,
        request: &Message,
    ) -> Reply {
        let (Ok(call_id), Ok(cseq)) = (request.call_id(), request.cseq()) else { return Reply::new(400) };
        let wish = match wish(config, request) {
            Ok(wish) => wish,
            Err(reply) => return reply,
        };
        let held = self.users.entry(user.to_owned()).or_default();
        let touched = held.iter().filter(|held| match &wish {
            Wish::Ask => false,
            Wish::RemoveAll => true,
            Wish::Set(contacts) => contacts.iter().any(|(contact, _)| contact.equivalent(&held.contact)),
        });
        // 10.3 step 7: a request that was overtaken by a later one of the same phone
        if touched.into_iter().any(|held| held.call_id == call_id && cseq.number <= held.cseq) {
            return Reply::new(500);
        }
        match wish {
            Wish::Ask => {}
            Wish::RemoveAll => self.forget(user),
            Wish::Set(contacts) => {
                let agent = request.header("User-Agent").map(|agent| agent.chars().take(MAX_AGENT).collect());
                let template = |contact, expires_in| Binding {
                    user: user.to_owned(),
                    contact,
                    source,
                    expires_in,
                    call_id: call_id.to_owned(),
                    cseq: cseq.number,
                    user_agent: Option::clone(&agent),
                };
                for (contact, expires_in) in contacts {
                    match expires_in {
                        None => self.remove(user, &contact),
                        Some(expires_in) => self.bind(now, template(contact, expires_in)),
                    }
                }
                self.displace(user, config.max_contacts);
            }
        }
        self.bound(now, user)
    }

    /// Forgets a user.
    pub fn forget(&mut self, user: &str) {
        let gone = self.users.remove(user).unwrap_or_default();
        self.events.extend(gone.into_iter().map(|held| unbound(user, held.contact)));
    }

    /// Takes what has expired away.
    pub fn time(&mut self, now: Instant) {
        for (user, held) in &mut self.users {
            let gone = held.extract_if(.., |held| held.expires_at <= now);
            self.events.extend(gone.map(|held| unbound(user, held.contact)));
        }
        self.users.retain(|_, held| !held.is_empty());
    }

    /// When the next contact expires.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.users.values().flatten().map(|held| held.expires_at).min()
    }

    fn bind(&mut self, now: Instant, binding: Binding) {
        self.turns += 1;
        let held = self.users.entry(binding.user.clone()).or_default();
        held.retain(|held| !held.contact.equivalent(&binding.contact));
        held.push(Held {
            contact: binding.contact.clone(),
            call_id: binding.call_id.clone(),
            cseq: binding.cseq,
            expires_at: now + binding.expires_in,
            turn: self.turns,
        });
        self.events.push_back(RegistrarEvent::Bound(binding));
    }

    fn remove(&mut self, user: &str, contact: &Uri) {
        let Some(held) = self.users.get_mut(user) else { return };
        let gone = held.extract_if(.., |held| held.contact.equivalent(contact));
        self.events.extend(gone.map(|held| unbound(user, held.contact)));
    }

    /// A phone that comes back under another address leaves its old contact behind: the newest stay.
    fn displace(&mut self, user: &str, most: usize) {
        let Some(held) = self.users.get_mut(user) else { return };
        held.sort_unstable_by_key(|held| held.turn);
        let surplus = held.len().saturating_sub(most);
        self.events.extend(held.drain(..surplus).map(|held| unbound(user, held.contact)));
    }

    /// 10.3 step 8: 200 with every contact that is bound now.
    fn bound(&mut self, now: Instant, user: &str) -> Reply {
        let held = self.users.get(user).map(Vec::as_slice).unwrap_or_default();
        let contacts = held.iter().map(|held| {
            let mut contact = NameAddr::new(held.contact.clone());
            let left = held.expires_at.saturating_duration_since(now).as_secs();
            contact.params.set("expires", Some(&left.to_string()));
            contact.to_string()
        });
        let reply = contacts.fold(Reply::new(200), |reply, contact| reply.with("Contact", contact));
        self.users.retain(|_, held| !held.is_empty());
        reply
    }
}

fn unbound(user: &str, contact: Uri) -> RegistrarEvent {
    RegistrarEvent::Unbound { user: user.to_owned(), contact }
}

/// Reads Contact and Expires, and refuses what cannot be done.
fn wish(config: &RegistrarConfig, request: &Message) -> Result<Wish, Reply> {
    let common = request.header("Expires").and_then(seconds);
    let raw: Vec<&str> = request.headers("Contact").map(str::trim).collect();
    if raw.contains(&"*") {
        // 10.3 step 6
        let alone = raw.len() == 1 && request.header("Expires").is_some_and(|value| value.trim() == "0");
        return if alone { Ok(Wish::RemoveAll) } else { Err(Reply::new(400)) };
    }
    let contacts = request.contacts().map_err(|_| Reply::new(400))?;
    if contacts.is_empty() {
        return Ok(Wish::Ask);
    }
    if contacts.len() > config.max_contacts {
        return Err(Reply::new(403));
    }
    let long = request.call_id().is_ok_and(|id| id.len() > MAX_TEXT);
    if long || contacts.iter().any(|contact| !contact.uri.is_sip() || contact.uri.as_str().len() > MAX_TEXT) {
        return Err(Reply::new(400));
    }
    let mut wanted = Vec::with_capacity(contacts.len());
    for contact in contacts {
        let own = contact.params.get("expires").and_then(seconds);
        // what cannot be read counts as not said (20.19)
        let asked = own.or(common).unwrap_or(config.default_expires);
        if !asked.is_zero() && asked < config.min_expires {
            return Err(Reply::new(423).with("Min-Expires", config.min_expires.as_secs().to_string()));
        }
        wanted.push((contact.uri, (!asked.is_zero()).then(|| asked.min(config.max_expires))));
    }
    Ok(Wish::Set(wanted))
}

/// Delta-seconds; more than 32 bits hold is for ever. `None`: not readable.
fn seconds(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| Duration::from_secs(text.parse::<u32>().unwrap_or(u32::MAX).into()))
}
