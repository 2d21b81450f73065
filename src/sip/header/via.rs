//! Via (RFC 3261, 20.42; `rport` of RFC 3581): `SIP/2.0/UDP host:port;branch=…`, with white space where the grammar allows it, IPv6, unknown transports.
//! Our own: rsip 0.4.0 fails on IPv6 and unknown transports and loses a parameter behind ` ;`. Never resolves the host.

use crate::sip::uri::{Host, Params};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::{HeaderError, is_token, split_outside_quotes};

/// The transport of a Via.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// `UDP`
    Udp,
    /// `TCP`
    Tcp,
    /// `TLS` (over TCP)
    Tls,
    /// `WS` (RFC 7118)
    Ws,
    /// `WSS` (RFC 7118)
    Wss,
    /// Any other token, spelled as it came.
    Other(String),
}

/// One Via value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// The transport.
    pub transport: Transport,
    /// The host of `sent-by`.
    pub host: Host,
    /// The port of `sent-by`, if written.
    pub port: Option<u16>,
    /// All parameters, unknown ones too.
    pub params: Params,
}

impl Via {
    /// A Via with a branch, as a client writes it; `rport` asks for the source port (RFC 3581).
    pub fn new(transport: Transport, host: Host, port: Option<u16>, branch: &str) -> Via {
        let mut params = Params::new();
        params.set("branch", Some(branch));
        params.set("rport", None);
        Via { transport, host, port, params }
    }

    /// The branch.
    pub fn branch(&self) -> Option<&str> {
        self.params.get("branch").filter(|branch| !branch.is_empty())
    }

    /// The address that the server saw (RFC 3261, 18.2.1); IPv6 with brackets or without.
    pub fn received(&self) -> Option<IpAddr> {
        let text = self.params.get("received")?;
        let text = text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(text);
        text.parse().ok()
    }

    /// The port that the server saw (RFC 3581), where it has been filled in.
    pub fn rport(&self) -> Option<u16> {
        self.params.get("rport")?.parse().ok()
    }

    /// Whether the client asked for `rport`, filled in or not.
    pub fn wants_rport(&self) -> bool {
        self.params.has("rport")
    }

    /// Writes where the request came from (RFC 3261, 18.2.1; RFC 3581, 4): `received` if it differs from `sent-by` or `rport` was asked for.
    pub fn set_source(&mut self, source: std::net::SocketAddr) {
        if self.host.ip() != Some(source.ip()) || self.wants_rport() {
            self.params.set("received", Some(&source.ip().to_string()));
        }
        if self.wants_rport() {
            self.params.set("rport", Some(&source.port().to_string()));
        }
    }

    /// Reads a comma-separated list.
    pub fn parse_list(text: &str) -> Option<Vec<Via>> {
        let parts = split_outside_quotes(text, b',')?;
        parts.into_iter().filter(|part| !part.trim().is_empty()).map(Via::parse).collect()
    }

    fn parse(text: &str) -> Option<Via> {
        let blank = [' ', '\t'];
        let (head, params) = text.split_at(text.find(';').unwrap_or(text.len()));
        let mut head = head.splitn(3, '/');
        let (protocol, version, rest) = (head.next()?, head.next()?, head.next()?);
        if !protocol.trim_matches(blank).eq_ignore_ascii_case("SIP") || version.trim_matches(blank) != "2.0" {
            return None;
        }
        let rest = rest.trim_matches(blank);
        let (transport, sent_by) = rest.split_at(rest.find(blank)?);
        if !is_token(transport) {
            return None;
        }
        let (host, port) = Host::parse_with_port(sent_by.trim_matches(blank))?;
        Some(Via { transport: Transport::from(transport), host, port, params: Params::parse(params)? })
    }
}

impl From<&str> for Transport {
    fn from(token: &str) -> Transport {
        match token.to_ascii_uppercase().as_str() {
            "UDP" => Transport::Udp,
            "TCP" => Transport::Tcp,
            "TLS" => Transport::Tls,
            "WS" => Transport::Ws,
            "WSS" => Transport::Wss,
            _ => Transport::Other(token.to_owned()),
        }
    }
}

impl FromStr for Via {
    type Err = HeaderError;

    fn from_str(text: &str) -> Result<Via, HeaderError> {
        Via::parse(text).ok_or(HeaderError::Malformed("Via"))
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
            Transport::Ws => "WS",
            Transport::Wss => "WSS",
            Transport::Other(token) => token,
        })
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIP/2.0/{} {}", self.transport, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.params)
    }
}
