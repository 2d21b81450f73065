//! How an agent is reached, and where a call to an agent may go at all (toll-fraud guard): to the address of a trunk, to a host of `agents.allow_hosts`,
//! to this machine, or to the place that the agent's own phone registered from. Asked when an agent is set and again when one is rung. Asks nobody;
//! resolves no names.

use super::desk::{Leg, Way};
use crate::db::agent_bindings::Binding;
use crate::db::agents::Profile;
use crate::db::state::Reach;
use crate::dialer::trunks::Trunk;
use crate::phone::E164;
use crate::sip::header::NameAddr;
use crate::sip::hop::{Hop, Transport};
use crate::sip::uri::{Host, Uri};
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;
use thiserror::Error;

/// Why an agent cannot be called. Names settings and trunks, no address.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unreachable {
    /// Nothing is registered, or only with another engine behind a NAT.
    #[error("no phone is registered that this engine reaches")]
    NoPhone,
    /// There is no URI, or what is there is none.
    #[error("sip_uri is no SIP URI (as sip:201@192.0.2.10)")]
    NoUri,
    /// A part that leads somewhere else, or that the engine does not speak.
    #[error("sip_uri may have no headers and no other parameters than user, transport=udp and ob")]
    Part,
    /// The trunk has no section.
    #[error("there is no [trunks.{0}]")]
    NoTrunk(String),
    /// Its name leads nowhere at present.
    #[error("the host of trunks.{0} has no address at present")]
    NoPlace(String),
    /// The host is none that agents' calls may go to.
    #[error("the host of sip_uri is neither the trunk's nor one of agents.allow_hosts (IP addresses)")]
    Host,
    /// It is a number that costs more than a call.
    #[error("sip_uri is a {0} number")]
    Costly(crate::phone::NumberKind),
    /// The trunk's own settings make no From.
    #[error("trunks.{0}: from_user and from_domain make no SIP address")]
    From(String),
}

/// Where calls to agents may go.
#[derive(Clone, Debug)]
pub struct Reacher {
    trunks: Vec<Trunk>,
    allow_hosts: Vec<IpAddr>,
    /// Our own address, as peers see it.
    local: SocketAddr,
    node: String,
}

impl Reacher {
    /// `local`: the address of our SIP socket as peers see it; `node`: this engine in bindings.
    pub fn new(trunks: Vec<Trunk>, allow_hosts: Vec<IpAddr>, local: SocketAddr, node: &str) -> Reacher {
        Reacher { trunks, allow_hosts, local, node: node.to_owned() }
    }

    /// How an agent is reached; `phones`: what is registered of them.
    pub fn way(&self, agent: &Profile, phones: &[Binding]) -> Result<Way, Unreachable> {
        match agent.reach {
            Reach::Browser => Ok(Way::Page),
            Reach::Registered => self.to_phone(phones).map(Way::Sip),
            Reach::Uri => self.to_uri(agent).map(Way::Sip),
            Reach::Pbx if agent.attended => self.to_uri(agent).map(Way::ReferAttended),
            Reach::Pbx => self.to_uri(agent).map(|leg| Way::Refer(leg.target)),
        }
    }

    /// Whether the settings of an agent can work; a phone may register later.
    pub fn check(&self, agent: &Profile) -> Result<(), Unreachable> {
        match agent.reach {
            Reach::Browser | Reach::Registered => Ok(()),
            Reach::Uri | Reach::Pbx => self.to_uri(agent).map(drop),
        }
    }

    /// A phone of this engine's own is taken first. One that registered with another engine is called if its Contact is where it really is; behind a NAT
    /// only the engine that it keeps a hole open to gets through.
    fn to_phone(&self, phones: &[Binding]) -> Result<Leg, Unreachable> {
        let own = phones.iter().filter(|phone| phone.node == self.node);
        let others = phones.iter().filter(|phone| phone.node != self.node && is_direct(phone));
        let leg = |phone: &Binding| {
            let (target, next_hop) = (phone.contact.parse().ok()?, phone.source.parse().ok()?);
            Some(Leg { target, next_hop, from: self.from(), credentials: None })
        };
        own.chain(others).find_map(leg).ok_or(Unreachable::NoPhone)
    }

    fn to_uri(&self, agent: &Profile) -> Result<Leg, Unreachable> {
        let target: Uri = agent.sip_uri.as_deref().and_then(|uri| uri.parse().ok()).ok_or(Unreachable::NoUri)?;
        if *target.scheme() != crate::sip::uri::Scheme::Sip {
            return Err(Unreachable::NoUri);
        }
        let host = target.host().ok_or(Unreachable::NoUri)?;
        harmless(&target)?;
        if let Some(name) = &agent.trunk {
            let trunk = self.trunks.iter().find(|trunk| trunk.name == *name);
            let trunk = trunk.ok_or_else(|| Unreachable::NoTrunk(name.clone()))?;
            let own_domain = trunk.settings.from_domain.as_deref().and_then(Host::parse);
            if !self.is_allowed(host) && own_domain.as_ref() != Some(host) {
                return Err(Unreachable::Host);
            }
            let from = trunk.from().map_err(|_| Unreachable::From(name.clone()))?;
            let next_hop =
                trunk.hops(Instant::now()).first().copied().ok_or_else(|| Unreachable::NoPlace(name.clone()))?;
            return Ok(Leg { target, next_hop, from, credentials: trunk.credentials.clone() });
        }
        if !self.is_allowed(host) {
            return Err(Unreachable::Host);
        }
        let ip = host.ip().ok_or(Unreachable::Host)?;
        let transport = Transport::asked_by(&target).unwrap_or(Transport::Udp);
        let next_hop = Hop::new(transport, SocketAddr::new(ip, target.port().unwrap_or(transport.default_port())));
        Ok(Leg { target, next_hop, from: self.from(), credentials: None })
    }

    fn is_allowed(&self, host: &Host) -> bool {
        let Some(ip) = host.ip() else { return false };
        ip.is_loopback() || self.allow_hosts.contains(&ip) || self.trunks.iter().any(|trunk| trunk.is_at(ip))
    }

    /// Who calls: this engine.
    fn from(&self) -> NameAddr {
        NameAddr::new(Uri::sip(Some("huifang"), Host::from(self.local.ip()), Some(self.local.port())))
    }
}

/// The Contact is where the REGISTER came from.
fn is_direct(phone: &Binding) -> bool {
    let Ok(contact) = phone.contact.parse::<Uri>() else { return false };
    let Ok(source) = phone.source.parse::<Hop>() else { return false };
    let ip = contact.host().and_then(Host::ip);
    let address = ip.map(|ip| SocketAddr::new(ip, contact.port().unwrap_or(source.transport.default_port())));
    address == Some(source.address)
}

/// `maddr` and headers lead somewhere else than the host says (RFC 3261, 19.1.1); only UDP is spoken.
fn harmless(uri: &Uri) -> Result<(), Unreachable> {
    let other_transport = uri.transport().is_some_and(|transport| !transport.eq_ignore_ascii_case("udp"));
    let known = |name: &str| ["user", "transport", "ob"].iter().any(|known| name.eq_ignore_ascii_case(known));
    let unknown = uri.params().iter().any(|(name, _)| !known(name));
    if uri.headers().is_some() || other_transport || unknown {
        return Err(Unreachable::Part);
    }
    let number = uri.user().and_then(|user| user.split(';').next()).map(E164::from_stored);
    if let Some(Ok(number)) = number
        && number.kind().is_costly()
    {
        return Err(Unreachable::Costly(number.kind()));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
