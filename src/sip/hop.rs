//! Where a message goes, or came from: a transport and an address (RFC 3261 18). Never resolves a name; what a connection is, `net::sip_transport` knows.

use super::header;
use super::uri::{Scheme, Uri};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// The transports that this user agent speaks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Transport {
    /// Datagrams; the transactions repeat what may be lost.
    Udp,
    /// A stream.
    Tcp,
    /// A stream within TLS (RFC 5246, 8446).
    Tls,
}

impl Transport {
    /// Nothing is repeated on it (RFC 3261 17).
    pub fn is_reliable(self) -> bool {
        match self {
            Transport::Udp => false,
            Transport::Tcp | Transport::Tls => true,
        }
    }

    /// The port where a URI names none (RFC 3261 19.1.2).
    pub fn default_port(self) -> u16 {
        match self {
            Transport::Udp | Transport::Tcp => 5060,
            Transport::Tls => 5061,
        }
    }

    /// As settings, logs and the `transport` parameter of a URI spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
        }
    }

    /// What a URI asks for (RFC 3263 4.1): its `transport` parameter, or TLS by its scheme; none where it says nothing that we speak.
    pub fn asked_by(uri: &Uri) -> Option<Transport> {
        let sips = *uri.scheme() == Scheme::Sips;
        match uri.transport() {
            Some(name) if name.eq_ignore_ascii_case("udp") && !sips => Some(Transport::Udp),
            Some(name) if name.eq_ignore_ascii_case("tcp") && !sips => Some(Transport::Tcp),
            // `transport=tcp` of a sips URI means TLS over TCP (RFC 3261 26.2.2)
            Some(name) if name.eq_ignore_ascii_case("tls") || sips => Some(Transport::Tls),
            None if sips => Some(Transport::Tls),
            Some(_) | None => None,
        }
    }
}

impl From<Transport> for header::Transport {
    fn from(transport: Transport) -> header::Transport {
        match transport {
            Transport::Udp => header::Transport::Udp,
            Transport::Tcp => header::Transport::Tcp,
            Transport::Tls => header::Transport::Tls,
        }
    }
}

/// A transport and an address. Displays as `tcp 192.0.2.1:5060`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Hop {
    /// By which transport.
    pub transport: Transport,
    /// To where; of a connection, its far end.
    pub address: SocketAddr,
}

impl Hop {
    /// By this transport to this address.
    pub fn new(transport: Transport, address: SocketAddr) -> Hop {
        Hop { transport, address }
    }

    /// The address without its port.
    pub fn ip(self) -> IpAddr {
        self.address.ip()
    }
}

/// An address alone is a place for datagrams.
impl From<SocketAddr> for Hop {
    fn from(address: SocketAddr) -> Hop {
        Hop::new(Transport::Udp, address)
    }
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.transport.as_str(), self.address)
    }
}

/// What is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither `IP:port` nor `udp|tcp|tls IP:port`")]
pub struct NotAHop;

impl FromStr for Hop {
    type Err = NotAHop;

    /// Reads what it displays as; an address alone is UDP.
    fn from_str(text: &str) -> Result<Hop, NotAHop> {
        let (transport, address) = match text.split_once(' ') {
            None => (Transport::Udp, text),
            Some(("udp", address)) => (Transport::Udp, address),
            Some(("tcp", address)) => (Transport::Tcp, address),
            Some(("tls", address)) => (Transport::Tls, address),
            Some(_) => return Err(NotAHop),
        };
        address.parse().map(|address| Hop::new(transport, address)).map_err(|_| NotAHop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_what_it_writes() {
        for text in ["udp 192.0.2.1:5060", "tcp 192.0.2.1:5060", "tls [2001:db8::1]:5061"] {
            assert_eq!(text.parse::<Hop>().unwrap().to_string(), text);
        }
        assert_eq!("192.0.2.1:5060".parse(), Ok(Hop::new(Transport::Udp, "192.0.2.1:5060".parse().unwrap())));
        assert_eq!("ws 192.0.2.1:5060".parse::<Hop>(), Err(NotAHop));
        assert_eq!("tcp example.com:5060".parse::<Hop>(), Err(NotAHop));
    }

    #[test]
    fn a_uri_says_its_transport() {
        for (uri, asked) in [
            ("sip:a@192.0.2.1", None),
            ("sip:a@192.0.2.1;transport=UDP", Some(Transport::Udp)),
            ("sip:a@192.0.2.1;transport=tcp", Some(Transport::Tcp)),
            ("sip:a@192.0.2.1;transport=tls", Some(Transport::Tls)),
            ("sip:a@192.0.2.1;transport=ws", None),
            ("sips:a@192.0.2.1", Some(Transport::Tls)),
            ("sips:a@192.0.2.1;transport=tcp", Some(Transport::Tls)),
        ] {
            assert_eq!(Transport::asked_by(&uri.parse().unwrap()), asked, "{uri}");
        }
    }
}
