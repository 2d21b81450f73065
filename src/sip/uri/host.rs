//! A host as URIs and Via name it (RFC 3261, 25.1 `host`): a name, an IPv4 or an IPv6 address. Never resolves anything.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host name or address. Names compare without regard to case (RFC 3261, 19.1.4).
#[derive(Clone, Debug)]
pub enum Host {
    /// A host name, spelled as it was given.
    Name(String),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address; shows itself in brackets.
    V6(Ipv6Addr),
}

impl Host {
    /// Reads `name`, `192.0.2.1` or `[2001:db8::1]`. `None` where the text is no host.
    pub fn parse(text: &str) -> Option<Host> {
        if let Some(rest) = text.strip_prefix('[') {
            return rest.strip_suffix(']')?.parse().ok().map(Host::V6);
        }
        if let Ok(address) = text.parse() {
            return Some(Host::V4(address));
        }
        // Underscores are not in the grammar, but host names on real networks carry them.
        let name =
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
        name.then(|| Host::Name(text.to_owned()))
    }

    /// Reads `host[:port]` with white space around the colon allowed (RFC 3261, 25.1 `COLON`, as Via has it).
    pub(crate) fn parse_with_port(text: &str) -> Option<(Host, Option<u16>)> {
        let split = if text.starts_with('[') { text.find(']')? + 1 } else { text.find(':').unwrap_or(text.len()) };
        let (host, rest) = text.split_at(split);
        let host = Host::parse(host.trim_end_matches([' ', '\t']))?;
        let rest = rest.trim_matches([' ', '\t']);
        if rest.is_empty() {
            return Some((host, None));
        }
        let digits = rest.strip_prefix(':')?.trim_matches([' ', '\t']);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        Some((host, Some(digits.parse().ok()?)))
    }

    /// The address, where the host is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Host::Name(_) => None,
            Host::V4(address) => Some(IpAddr::V4(*address)),
            Host::V6(address) => Some(IpAddr::V6(*address)),
        }
    }
}

impl PartialEq for Host {
    fn eq(&self, other: &Host) -> bool {
        match (self, other) {
            (Host::Name(a), Host::Name(b)) => a.eq_ignore_ascii_case(b),
            (Host::V4(a), Host::V4(b)) => a == b,
            (Host::V6(a), Host::V6(b)) => a == b,
            (Host::Name(_) | Host::V4(_) | Host::V6(_), _) => false,
        }
    }
}

impl Eq for Host {}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Host {
        match address {
            IpAddr::V4(address) => Host::V4(address),
            IpAddr::V6(address) => Host::V6(address),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => f.write_str(name),
            Host::V4(address) => write!(f, "{address}"),
            Host::V6(address) => write!(f, "[{address}]"),
        }
    }
}
