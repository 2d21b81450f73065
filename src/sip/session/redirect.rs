//! Whether and where a 3xx is followed (RFC 3261 8.1.3.4): only to the same number at the trunk's own hosts, so many times, never twice to one place.
//!
//! Whoever could send us elsewhere could have us dial, and pay for, any number in the world: docs/decisions/0030.

use crate::sip::endpoint::Redirects;
use crate::sip::header::NameAddr;
use crate::sip::hop::{Hop, Transport};
use crate::sip::message::Message;
use crate::sip::uri::{Scheme, Uri};
use std::net::{IpAddr, SocketAddr};

/// What was followed so far.
#[derive(Default)]
pub(super) struct Followed {
    visited: Vec<Uri>,
    /// Where the call began: the trunk itself.
    home: Option<IpAddr>,
}

impl Followed {
    /// The next target, or none. The Contacts are taken in the order of their `q`.
    pub fn next(&mut self, rules: &Redirects, response: &Message, target: &Uri, from: Hop) -> Option<(Uri, Hop)> {
        if self.visited.len() >= usize::from(rules.most) {
            return None;
        }
        let home = *self.home.get_or_insert(from.ip());
        let mut contacts = response.contacts().ok()?;
        contacts.sort_by_key(|contact| std::cmp::Reverse(q(contact)));
        let found = contacts.into_iter().find_map(|contact| {
            let uri = contact.uri.for_request();
            let hop = allowed(rules, home, &uri, target, from)?;
            let known = uri.equivalent(target) || self.visited.iter().any(|visited| visited.equivalent(&uri));
            (!known).then_some((uri, hop))
        })?;
        self.visited.push(target.clone());
        Some(found)
    }
}

/// Where it leads, if it may be followed.
fn allowed(rules: &Redirects, home: IpAddr, uri: &Uri, target: &Uri, from: Hop) -> Option<Hop> {
    let same_scheme = uri.scheme() == target.scheme() && matches!(uri.scheme(), Scheme::Sip | Scheme::Sips);
    let same_number = uri.user().is_some() && uri.user() == target.user();
    let ip = uri.host()?.ip()?;
    let ours = ip == home || rules.hosts.contains(&ip);
    let transport = match Transport::asked_by(uri) {
        Some(transport) => transport,
        // a transport that we do not speak
        None if uri.transport().is_some() => return None,
        None => from.transport,
    };
    // never from TLS to the clear
    let no_weaker = from.transport != Transport::Tls || transport == Transport::Tls;
    let hop = Hop::new(transport, SocketAddr::new(ip, uri.port().unwrap_or(transport.default_port())));
    (same_scheme && same_number && ours && no_weaker).then_some(hop)
}

/// `q` in thousandths (20.10); absent it is 1.
fn q(contact: &NameAddr) -> u16 {
    let q: Option<f32> = contact.params.get("q").and_then(|q| q.parse().ok());
    q.map_or(1000, |q| (q.clamp(0.0, 1.0) * 1000.0) as u16)
}
