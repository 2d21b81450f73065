//! The trunks of one engine process: which one takes the next call, and when. Pure; counts what it is told.
//!
//! Of the trunks that carry a number the one of the smallest priority is taken; where it is full or left alone, the next one (failover); where it is only paced,
//! its moment is waited for. What all engines together may do is held by `db::gate`; this is each engine's own view.

use super::policy::Pacer;
use crate::config;
use crate::phone::E164;
use crate::sip::auth::Credentials;
use crate::sip::header::NameAddr;
use crate::sip::uri::Uri;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// A trunk as calls use it.
#[derive(Clone, Debug)]
pub struct Trunk {
    /// Its name in the settings.
    pub name: String,
    /// Where INVITEs go.
    pub address: SocketAddr,
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
        format!("sip:{user}@{};user=phone", self.address).parse().map_err(|_| NotAnAddress("the number"))
    }

    /// From (RFC 3261 20.20).
    pub fn from(&self) -> Result<NameAddr, NotAnAddress> {
        let domain = self.settings.from_domain.clone().unwrap_or_else(|| match self.address {
            SocketAddr::V4(v4) => v4.ip().to_string(),
            SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
        });
        let uri: Uri = format!("sip:{}@{domain}", self.settings.from_user)
            .parse()
            .map_err(|_| NotAnAddress("trunks.from_user or trunks.from_domain"))?;
        let mut from = NameAddr::new(uri);
        from.display = self.settings.display_name.clone();
        Ok(from)
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
        self.live < self.trunk.settings.max_calls && !full && self.pacer.held(now).is_none()
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
