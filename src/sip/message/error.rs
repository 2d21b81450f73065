//! What may be wrong with a datagram, and how large one may be. Never carries a piece of the message: it may hold a phone number.

use crate::sip::header::HeaderError;
use crate::sip::uri::UriError;
use thiserror::Error;

/// Bounds for one message. Everything beyond is refused before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole datagram.
    pub message: usize,
    /// Bytes of one logical line (start line or header field, unfolded).
    pub line: usize,
    /// Number of header fields.
    pub headers: usize,
    /// Bytes of the body.
    pub body: usize,
}

impl Default for Limits {
    /// What UDP can carry, 8 KiB a line, 256 fields.
    fn default() -> Limits {
        Limits { message: 65_535, line: 8_192, headers: 256, body: 65_535 }
    }
}

/// Why a datagram is not a message that we go on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ParseError {
    /// Nothing but line breaks: a keep-alive (RFC 5626, 4.4.1), not a fault.
    #[error("empty datagram (keep-alive)")]
    Empty,
    /// More bytes than [`Limits::message`].
    #[error("message too large")]
    TooLarge,
    /// More fields than [`Limits::headers`].
    #[error("too many header fields")]
    TooManyHeaders,
    /// A line longer than [`Limits::line`]; which line, the start line being 1.
    #[error("line {0} too long")]
    LineTooLong(usize),
    /// A body longer than [`Limits::body`].
    #[error("body too large")]
    BodyTooLarge,
    /// No empty line ends the header fields.
    #[error("header fields do not end")]
    NoEndOfHeaders,
    /// A CR or LF alone, or a NUL, in this line.
    #[error("stray control character in line {0}")]
    Control(usize),
    /// The start line is neither a request line nor a status line.
    #[error("malformed start line")]
    StartLine,
    /// Not `SIP/2.0` (RFC 3261, 7.1).
    #[error("unsupported SIP version")]
    Version,
    /// The method is no token.
    #[error("malformed method")]
    Method,
    /// The Request-URI is not a URI.
    #[error("malformed Request-URI: {0}")]
    RequestUri(UriError),
    /// The status code is not three digits from 100 to 699.
    #[error("status code outside 100 to 699")]
    Status,
    /// This line has no colon or no proper field name.
    #[error("malformed header field in line {0}")]
    Field(usize),
    /// A field that must be there is missing or malformed.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// A field that may stand once only is there with different values.
    #[error("{0} stands twice and differs")]
    Conflict(&'static str),
    /// Content-Length is no number.
    #[error("malformed Content-Length")]
    ContentLength,
    /// Content-Length asks for more than the datagram holds (RFC 3261, 18.3).
    #[error("body shorter than Content-Length")]
    Truncated,
    /// CSeq names another method than the request line (RFC 3261, 8.1.1.5).
    #[error("CSeq method differs from the request's")]
    CSeqMethod,
    /// rsip did not take the cleaned header fields.
    #[error("header fields refused by the parser")]
    Parser,
}
