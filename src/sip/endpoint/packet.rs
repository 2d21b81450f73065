//! A message made ready for the wire once, with what its trace shows, to be sent as often as timers ask.

use crate::sip::message::Message;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// Bytes, masked start line, CSeq. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Packet(Arc<Inner>);

struct Inner {
    bytes: Vec<u8>,
    start_line: String,
    cseq: String,
}

impl Packet {
    /// Writes the message.
    pub fn new(message: &Message) -> Packet {
        let cseq = message.header("CSeq").unwrap_or_default().to_owned();
        Packet(Arc::new(Inner { bytes: message.to_bytes(), start_line: message.start_line(), cseq }))
    }

    /// The answer to a keep-alive (RFC 5626 4.4.1).
    pub fn keep_alive() -> Packet {
        Packet::plain(b"\r\n".to_vec())
    }

    /// Bytes that nobody traces.
    pub fn plain(bytes: Vec<u8>) -> Packet {
        Packet(Arc::new(Inner { bytes, start_line: String::new(), cseq: String::new() }))
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    pub fn start_line(&self) -> &str {
        &self.0.start_line
    }

    pub fn cseq(&self) -> &str {
        &self.0.cseq
    }
}

/// Shows nothing of the content but the masked start line.
impl std::fmt::Debug for Packet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Packet({})", self.0.start_line)
    }
}

/// Where a response goes (RFC 3261 18.2.2, RFC 3581 4): the top Via of a request has got `received` and `rport` when it came.
pub(crate) fn response_target(message: &Message) -> SocketAddr {
    let via = message.via().ok();
    let ip = via.as_ref().and_then(|via| via.received().or_else(|| via.host.ip()));
    let port = via.and_then(|via| via.rport().or(via.port));
    SocketAddr::new(ip.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), port.unwrap_or(5060))
}

/// The usual reason phrases (RFC 3261 21).
pub(crate) fn reason_phrase(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        180 => "Ringing",
        181 => "Call Is Being Forwarded",
        182 => "Queued",
        183 => "Session Progress",
        200 => "OK",
        202 => "Accepted",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Moved Temporarily",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        410 => "Gone",
        415 => "Unsupported Media Type",
        416 => "Unsupported URI Scheme",
        422 => "Session Interval Too Small",
        420 => "Bad Extension",
        423 => "Interval Too Brief",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        483 => "Too Many Hops",
        484 => "Address Incomplete",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        489 => "Bad Event",
        491 => "Request Pending",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        600 => "Busy Everywhere",
        603 => "Decline",
        604 => "Does Not Exist Anywhere",
        606 => "Not Acceptable",
        _ => match status / 100 {
            1 => "Progress",
            2 => "OK",
            3 => "Redirection",
            4 => "Request Failure",
            5 => "Server Failure",
            _ => "Global Failure",
        },
    }
}
