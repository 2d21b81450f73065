//! The trunks of one engine process: which one takes the next call, and when. Pure; counts what it is told.
//!
//! Of the trunks that carry a number the one of the smallest priority is taken; where it is full or left alone, the next one (failover); where it is only paced,
//! its moment is waited for. What all engines together may do is held by `db::gate`; this is each engine's own view.

use super::policy::Pacer;
use crate::call::driver::Route;
use crate::config;
use crate::net::resolve::Wanted;
use crate::phone::E164;
use crate::sip::auth::Credentials;
use crate::sip::endpoint::{Extensions, Prack, Redirects};
use crate::sip::header::NameAddr;
use crate::sip::hop::{Hop, Transport};
use crate::sip::trunk::{Known, State};
use crate::sip::uri::Uri;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// A trunk as calls use it.
#[derive(Clone, Debug)]
pub struct Trunk {
    /// Its name in the settings.
    pub name: String,
    /// The host of its URIs, with the port where there is one.
    host: String,
    /// What is known of it at present; all copies of a trunk share it.
    pub known: Known,
    /// Credentials, where it asks for them.
    pub credentials: Option<Credentials>,
    /// Its settings.
    pub settings: config::Trunk,
}

/// Why a number or an identity does not make a SIP address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} does not make a SIP address")]
pub struct NotAnAddress(&'static str);

impl Trunk {
    /// A trunk of the settings. One that is named by an address is known at once; one with a host has no place until its keeper has found one.
    pub fn new(name: &str, credentials: Option<Credentials>, settings: config::Trunk) -> Trunk {
        let (host, places) = match (&settings.address, &settings.host) {
            (Some(address), _) => (address.to_string(), vec![Hop::new(transport_of(&settings), *address)]),
            (None, Some(host)) => {
                let port = settings.port.map(|port| format!(":{port}")).unwrap_or_default();
                (format!("{}{port}", host.trim_end_matches('.')), Vec::new())
            }
            (None, None) => (String::new(), Vec::new()),
        };
        let known = Known::new(State::new(places, settings.register, settings.options_s > 0));
        Trunk { name: name.to_owned(), host, known, credentials, settings }
    }

    /// Whether it carries this number.
    pub fn carries(&self, number: &E164) -> bool {
        let prefixes = &self.settings.prefixes;
        prefixes.is_empty() || prefixes.iter().any(|prefix| number.as_str().starts_with(prefix.as_str()))
    }

    /// Whether it carries whatever `other` carries.
    fn covers(&self, other: &Trunk) -> bool {
        let (own, others) = (&self.settings.prefixes, &other.settings.prefixes);
        let covered = |prefix: &String| own.iter().any(|wide| prefix.starts_with(wide.as_str()));
        own.is_empty() || (!others.is_empty() && others.iter().all(covered))
    }

    /// Request-URI for `number`, written as this trunk wants it (RFC 3261 19.1.6).
    pub fn target(&self, number: &E164) -> Result<Uri, NotAnAddress> {
        let user = match self.settings.number_format {
            config::NumberFormat::E164 => number.as_str().to_owned(),
            config::NumberFormat::Plain => number.as_str().trim_start_matches('+').to_owned(),
            config::NumberFormat::National => number.national(),
        };
        let transport = match self.settings.transport {
            config::Transport::Udp | config::Transport::Auto => "",
            config::Transport::Tcp => ";transport=tcp",
            config::Transport::Tls => ";transport=tls",
        };
        format!("sip:{user}@{}{transport};user=phone", self.host).parse().map_err(|_| NotAnAddress("the number"))
    }

    /// Where its INVITEs go at present, first to last; none while its name leads nowhere.
    pub fn hops(&self, now: Instant) -> Vec<Hop> {
        self.known.read(|state| state.places.in_order(now))
    }

    /// Whether it is at this IP address.
    pub fn is_at(&self, ip: IpAddr) -> bool {
        self.known.read(|state| state.places.in_order(Instant::now()).iter().any(|hop| hop.ip() == ip))
    }

    /// The way to `number`.
    pub fn route(&self, number: &E164, now: Instant) -> Result<Route, NotAnAddress> {
        let mut hops = self.hops(now).into_iter();
        Ok(Route {
            target: self.target(number)?,
            next_hop: hops.next().ok_or(NotAnAddress("the trunk's name, which leads nowhere at present,"))?,
            others: hops.collect(),
            large_by_tcp: self.settings.large_by_tcp,
            from: self.from()?,
            credentials: self.credentials.clone(),
            headers: self.headers(),
            extensions: self.extensions(),
            srtp: self.settings.srtp == config::Srtp::Sdes,
            ring_timeout: Duration::from_secs(self.settings.ring_timeout_s),
            known: Some(self.known.clone()),
        })
    }

    /// From (RFC 3261 20.20).
    pub fn from(&self) -> Result<NameAddr, NotAnAddress> {
        let domain = self.domain();
        let uri: Uri = format!("sip:{}@{domain}", self.settings.from_user)
            .parse()
            .map_err(|_| NotAnAddress("trunks.from_user or trunks.from_domain"))?;
        let mut from = NameAddr::new(uri);
        from.display = self.settings.display_name.clone();
        Ok(from)
    }
}

impl Trunk {
    /// The domain that we belong to there.
    fn domain(&self) -> String {
        let settings = &self.settings;
        let bare = || match (settings.address, &settings.host) {
            (Some(SocketAddr::V4(v4)), _) => v4.ip().to_string(),
            (Some(SocketAddr::V6(v6)), _) => format!("[{}]", v6.ip()),
            (None, host) => host.as_deref().unwrap_or_default().trim_end_matches('.').to_owned(),
        };
        settings.from_domain.clone().unwrap_or_else(bare)
    }

    /// What is looked up by DNS; nothing where the settings give an address.
    pub fn wanted(&self) -> Option<Wanted> {
        let transport = (self.settings.transport != config::Transport::Auto).then(|| transport_of(&self.settings));
        let host = self.settings.host.clone()?;
        Some(Wanted { host, port: self.settings.port, transport })
    }

    /// Registrar and address of record (RFC 3261 10.2): Request-URI, To and From, and the user part of our Contact.
    pub fn registration(&self) -> Result<(Uri, Uri, String), NotAnAddress> {
        let no = |_| NotAnAddress("trunks.registrar, username or from_user");
        let domain = self.settings.registrar.clone().unwrap_or_else(|| self.domain());
        let user = self.settings.username.as_ref().unwrap_or(&self.settings.from_user);
        let user = Uri::escape_user(user);
        let registrar: Uri = format!("sip:{domain}").parse().map_err(no)?;
        Ok((registrar, format!("sip:{user}@{domain}").parse().map_err(no)?, user))
    }

    /// The extensions that its calls offer.
    pub fn extensions(&self) -> Extensions {
        let settings = &self.settings;
        Extensions {
            prack: match settings.prack {
                config::Prack::Off => Prack::Off,
                config::Prack::Supported => Prack::Supported,
                config::Prack::Required => Prack::Required,
            },
            session_expires: (settings.session_expires_s > 0).then_some(settings.session_expires_s),
            redirects: Redirects { most: settings.redirects, hosts: settings.redirect_hosts.clone() },
        }
    }

    /// The header fields that its INVITEs bear beside the user agent's own: identities (RFC 3325), privacy (RFC 3323), and those of the settings.
    pub fn headers(&self) -> Vec<(String, String)> {
        let settings = &self.settings;
        let uri = |uri: &String| format!("<{uri}>");
        let named = [
            ("P-Asserted-Identity", settings.asserted_identity.as_ref().map(uri)),
            ("P-Preferred-Identity", settings.preferred_identity.as_ref().map(uri)),
            ("Privacy", settings.privacy.clone()),
        ];
        let named = named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let own = settings.headers.iter().filter_map(|line| config::split_header(line));
        named.chain(own.map(|(name, value)| (name.to_owned(), value.to_owned()))).collect()
    }
}

fn transport_of(settings: &config::Trunk) -> Transport {
    match settings.transport {
        config::Transport::Udp | config::Transport::Auto => Transport::Udp,
        config::Transport::Tcp => Transport::Tcp,
        config::Transport::Tls => Transport::Tls,
    }
}

/// All trunks with their live calls.
#[derive(Debug)]
pub struct Trunks {
    lines: Vec<Line>,
    /// Calls over all trunks.
    limit: u32,
}

#[derive(Debug)]
struct Line {
    trunk: Trunk,
    pacer: Pacer,
    live: u32,
    started: u64,
    /// Other engines fill it until then, as far as we know.
    full_until: Option<Instant>,
}

impl Line {
    fn new(trunk: Trunk) -> Line {
        let ramp = Duration::from_secs(trunk.settings.ramp_up_s);
        Line { pacer: Pacer::new(trunk.settings.calls_per_second, ramp), live: 0, started: 0, full_until: None, trunk }
    }

    /// It takes calls, if not in this moment.
    fn is_open(&self, now: Instant) -> bool {
        let full = self.full_until.is_some_and(|until| until > now);
        let serves = self.trunk.known.read(|state| state.fault(now).is_none());
        serves && self.live < self.trunk.settings.max_calls && !full && self.pacer.held(now).is_none()
    }

    fn is_ready(&self, now: Instant) -> bool {
        self.is_open(now) && self.pacer.ready_at(now) <= now
    }

    /// Smaller takes the next call.
    fn burden(&self) -> (f64, f64) {
        let weight = f64::from(self.trunk.settings.weight.max(1));
        (f64::from(self.live) / weight, self.started as f64 / weight)
    }

    /// When it is worth asking again; none: when a call ends.
    fn again_at(&self, now: Instant) -> Option<Instant> {
        if self.trunk.known.read(|state| state.fault(now).is_some()) {
            return Some(now + FAULT_AGAIN);
        }
        let full = self.live >= self.trunk.settings.max_calls;
        (!full).then(|| self.pacer.ready_at(now).max(self.full_until.unwrap_or(now)))
    }
}

/// Whether a call may start now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Room {
    /// To a number that begins with one of these; none: to any.
    Now(Option<Vec<String>>),
    /// Not before this moment: the pace, or a pause.
    At(Instant),
    /// Not before a call ends.
    Full,
}

/// Which trunk takes the call to a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The trunk of this index.
    Take(usize),
    /// None before this moment.
    At(Instant),
    /// None before a call ends.
    Full,
    /// No trunk carries such numbers.
    Nobody,
}

/// Why the gate let no call onto a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRoom {
    /// All engines together fill it.
    Full,
    /// Another engine has used this moment: not before.
    Paced(Instant),
    /// It had no room lately: not before.
    Held(Instant),
}

/// Whether a trunk that does not serve does again is looked at after so long.
const FAULT_AGAIN: Duration = Duration::from_secs(1);
/// A trunk that other engines fill is asked again after so long.
const FULL_AGAIN: Duration = Duration::from_millis(500);

impl Trunks {
    /// The trunks of the settings; `limit` calls over all of them.
    pub fn new(trunks: Vec<Trunk>, limit: u32) -> Trunks {
        Trunks { lines: trunks.into_iter().map(Line::new).collect(), limit }
    }

    /// What may be called at `now`.
    pub fn room(&self, now: Instant) -> Room {
        if self.live() >= self.limit {
            return Room::Full;
        }
        // A trunk that stands in only for others is no use while these are merely paced: their moment comes.
        let waits = |line: &Line| {
            let better = |other: &&Line| other.trunk.settings.priority < line.trunk.settings.priority;
            let paced = |other: &&Line| other.is_open(now) && !other.is_ready(now) && other.trunk.covers(&line.trunk);
            self.lines.iter().filter(better).any(|other| paced(&other))
        };
        let useful: Vec<&Line> = self.lines.iter().filter(|line| line.is_ready(now) && !waits(line)).collect();
        if useful.is_empty() {
            let again = self.lines.iter().filter_map(|line| line.again_at(now)).filter(|at| *at > now).min();
            return again.map_or(Room::Full, Room::At);
        }
        let any = useful.len() == self.lines.len() || useful.iter().any(|line| line.trunk.settings.prefixes.is_empty());
        let prefixes = || useful.iter().flat_map(|line| line.trunk.settings.prefixes.clone()).collect();
        Room::Now((!any).then(prefixes))
    }

    /// The trunk for a number; those in `tried` had no room for it lately and come last.
    pub fn choose(&self, number: &E164, tried: &[String], now: Instant) -> Choice {
        let carriers: Vec<usize> = (0..self.lines.len()).filter(|i| self.lines[*i].trunk.carries(number)).collect();
        if carriers.is_empty() {
            return Choice::Nobody;
        }
        let is_tried = |index: &usize| tried.contains(&self.lines[*index].trunk.name);
        let fresh: Vec<usize> = carriers.iter().copied().filter(|index| !is_tried(index)).collect();
        let mut among = if fresh.is_empty() { carriers } else { fresh };
        among.retain(|index| self.lines[*index].is_open(now));
        let first = among.iter().map(|index| self.lines[*index].trunk.settings.priority).min();
        among.retain(|index| Some(self.lines[*index].trunk.settings.priority) == first);
        let ready = among.iter().copied().filter(|index| self.lines[*index].is_ready(now));
        let lightest = ready.min_by(|a, b| {
            self.lines[*a].burden().partial_cmp(&self.lines[*b].burden()).unwrap_or(std::cmp::Ordering::Equal)
        });
        if let Some(index) = lightest {
            return Choice::Take(index);
        }
        let lines = self.lines.iter().filter(|line| line.trunk.carries(number));
        let again = match among.is_empty() {
            true => lines.filter_map(|line| line.again_at(now)).filter(|at| *at > now).min(),
            false => among.iter().filter_map(|index| self.lines[*index].again_at(now)).min(),
        };
        again.map_or(Choice::Full, Choice::At)
    }

    /// Whether another trunk carries the number that was not tried.
    pub fn has_other(&self, number: &E164, index: usize, tried: &[String]) -> bool {
        let other =
            |(i, line): (usize, &Line)| i != index && !tried.contains(&line.trunk.name) && line.trunk.carries(number);
        self.lines.iter().enumerate().any(other)
    }

    /// A call starts on the trunk of this index. Gives the trunk, and the time until the next one.
    pub fn start(&mut self, index: usize, now: Instant) -> (Trunk, Duration) {
        let line = &mut self.lines[index];
        line.live += 1;
        line.started += 1;
        line.pacer.start(now);
        (line.trunk.clone(), line.pacer.interval(now))
    }

    /// A call on the trunk of this name ended.
    pub fn end(&mut self, name: &str) {
        if let Some(line) = self.line(name) {
            line.live = line.live.saturating_sub(1);
        }
    }

    /// The trunk carried a call.
    pub fn carried(&mut self, name: &str) {
        if let Some(line) = self.line(name) {
            line.pacer.carried();
        }
    }

    /// The trunk had no room: it is left alone for a while. Gives how long.
    pub fn congested(&mut self, name: &str, now: Instant) -> Option<Duration> {
        self.line(name).map(|line| line.pacer.congestion(now))
    }

    /// The gate let no call onto the trunk.
    pub fn refused(&mut self, name: &str, why: NoRoom, now: Instant) {
        if let Some(line) = self.line(name) {
            match why {
                NoRoom::Full => line.full_until = Some(now + FULL_AGAIN),
                NoRoom::Paced(at) => line.pacer.not_before(at),
                NoRoom::Held(until) => line.pacer.hold(until),
            }
        }
    }

    /// Calls that are live.
    pub fn live(&self) -> u32 {
        self.lines.iter().map(|line| line.live).sum()
    }

    fn line(&mut self, name: &str) -> Option<&mut Line> {
        self.lines.iter_mut().find(|line| line.trunk.name == name)
    }
}

#[cfg(test)]
#[path = "trunks_tests.rs"]
mod tests;
