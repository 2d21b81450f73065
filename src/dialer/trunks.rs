//! The trunks of one engine process: which one takes the next call, and when. Pure; counts what it is told.

use super::policy::Pacer;
use crate::config;
use crate::phone::E164;
use crate::sip::auth::Credentials;
use crate::sip::header::NameAddr;
use crate::sip::uri::Uri;
use std::net::SocketAddr;
use std::time::Instant;

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
}

/// Whether a call may start now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// On the trunk of this index.
    Now(usize),
    /// Not before this moment: the pace.
    At(Instant),
    /// Not before a call ends.
    Full,
}

impl Trunks {
    /// The trunks of the settings; `limit` calls over all of them.
    pub fn new(trunks: Vec<Trunk>, limit: u32) -> Trunks {
        let line = |trunk: Trunk| Line { pacer: Pacer::new(trunk.settings.calls_per_second), live: 0, trunk };
        Trunks { lines: trunks.into_iter().map(line).collect(), limit }
    }

    /// The trunk with the most room that may start a call at `now`.
    pub fn room(&self, now: Instant) -> Room {
        if self.live() >= self.limit {
            return Room::Full;
        }
        let open = self.lines.iter().enumerate().filter(|(_, line)| line.live < line.trunk.settings.max_calls);
        let ready = open.clone().filter(|(_, line)| line.pacer.ready_at(now) <= now);
        if let Some((index, _)) = ready.max_by_key(|(_, line)| line.trunk.settings.max_calls - line.live) {
            return Room::Now(index);
        }
        open.map(|(_, line)| line.pacer.ready_at(now)).min().map_or(Room::Full, Room::At)
    }

    /// A call starts on the trunk of this index.
    pub fn start(&mut self, index: usize, now: Instant) -> Trunk {
        let line = &mut self.lines[index];
        line.live += 1;
        line.pacer.start(now);
        line.trunk.clone()
    }

    /// A call on the trunk of this name ended.
    pub fn end(&mut self, name: &str) {
        if let Some(line) = self.lines.iter_mut().find(|line| line.trunk.name == name) {
            line.live = line.live.saturating_sub(1);
        }
    }

    /// Calls that are live.
    pub fn live(&self) -> u32 {
        self.lines.iter().map(|line| line.live).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn trunk(name: &str, max_calls: u32, calls_per_second: f64) -> Trunk {
        let settings = config::Trunk { max_calls, calls_per_second, ..config::Trunk::default() };
        Trunk { name: name.into(), address: "127.0.0.1:5070".parse().unwrap(), credentials: None, settings }
    }

    #[test]
    fn no_trunk_gets_more_than_it_takes() {
        let now = Instant::now();
        let mut trunks = Trunks::new(vec![trunk("a", 1, 10.0), trunk("b", 2, 10.0)], 10);
        assert_eq!(trunks.room(now), Room::Now(1));
        assert_eq!(trunks.start(1, now).name, "b");
        assert_eq!(trunks.room(now), Room::Now(0));
        trunks.start(0, now);
        assert_eq!(trunks.room(now), Room::At(now + Duration::from_millis(100)), "the pace of b");
        let later = now + Duration::from_millis(100);
        assert_eq!(trunks.room(later), Room::Now(1));
        trunks.start(1, later);
        assert_eq!(trunks.room(later + Duration::from_secs(9)), Room::Full);
        trunks.end("a");
        assert_eq!(trunks.room(later + Duration::from_secs(9)), Room::Now(0));
    }

    #[test]
    fn all_trunks_together_keep_the_limit() {
        let now = Instant::now();
        let mut trunks = Trunks::new(vec![trunk("a", 5, 1000.0), trunk("b", 5, 1000.0)], 1);
        trunks.start(0, now);
        assert_eq!(trunks.room(now + Duration::from_secs(1)), Room::Full);
    }

    #[test]
    fn numbers_are_written_as_the_trunk_wants_them() {
        let number = E164::from_stored("+8613800138000").unwrap();
        for (format, want) in [
            (config::NumberFormat::E164, "sip:+8613800138000@127.0.0.1:5070;user=phone"),
            (config::NumberFormat::Plain, "sip:8613800138000@127.0.0.1:5070;user=phone"),
            (config::NumberFormat::National, "sip:13800138000@127.0.0.1:5070;user=phone"),
        ] {
            let mut trunk = trunk("a", 1, 1.0);
            trunk.settings.number_format = format;
            assert_eq!(trunk.target(&number).unwrap().to_string(), want);
        }
    }
}
