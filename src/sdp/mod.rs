//! SDP offer and answer (RFC 8866, RFC 3264) over the parser of `sdp-types`. Never opens a socket, never guesses an address.
//!
//! We offer one audio line, G.711 and telephone-event, and read what phones, trunks and gateways make of it. What the call does not need (o=, s=, t=,
//! b=, k= …) is not even looked at in what comes in, so that a fault there costs nobody a call; what it needs is checked. Errors carry no text of the peer.
#![forbid(unsafe_code)]

use std::net::{IpAddr, SocketAddr};
use thiserror::Error;

mod answer;
mod crypto;
mod read;
mod write;

pub use answer::{answer, read_answer, reanswer};
pub use crypto::{Keying, MAX_SECRET, Srtp, Suite};
pub use read::is_secured;
pub use write::offer;

/// The media type under which SIP carries SDP.
pub const CONTENT_TYPE: &str = "application/sdp";

/// What this side has to offer for one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalMedia {
    /// Where we receive RTP.
    pub addr: IpAddr,
    /// The RTP port.
    pub port: u16,
    /// The codecs, in order of preference.
    pub codecs: Vec<Codec>,
    /// The payload type that we give telephone-event (RFC 4733), if keys are to be had.
    pub telephone_event: Option<u8>,
    /// Milliseconds of audio in a packet.
    pub ptime_ms: u32,
    /// The keys for what we send by SRTP, a suite each, in order of preference; with one of them nothing goes in the clear, without one everything does.
    pub srtp: Vec<Keying>,
    /// `sess-id` of o=; the same for the whole call.
    pub session_id: u64,
    /// `sess-version` of o=; one more with each changed description (RFC 3264, 8).
    pub version: u64,
}

/// The codecs that we speak, both at 8000 Hz, one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// G.711 A-law, static payload type 8 (RFC 3551).
    Pcma,
    /// G.711 µ-law, static payload type 0 (RFC 3551).
    Pcmu,
}

impl Codec {
    /// The static payload type (RFC 3551, table 4).
    pub fn payload_type(self) -> u8 {
        match self {
            Codec::Pcma => 8,
            Codec::Pcmu => 0,
        }
    }

    /// The encoding name in rtpmap.
    pub fn name(self) -> &'static str {
        match self {
            Codec::Pcma => "PCMA",
            Codec::Pcmu => "PCMU",
        }
    }
}

/// Which way audio flows, seen from this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Both ways.
    SendRecv,
    /// We may send, nothing will come.
    SendOnly,
    /// We may not send (the peer holds the call), audio may come.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    /// Whether we may send.
    pub fn may_send(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::SendOnly)
    }

    /// Whether anything may come.
    pub fn may_receive(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::RecvOnly)
    }

    fn name(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }

    /// What the peer writes is seen from its side (RFC 3264, 6.1).
    fn mirrored(self) -> Direction {
        match self {
            Direction::SendOnly => Direction::RecvOnly,
            Direction::RecvOnly => Direction::SendOnly,
            Direction::SendRecv | Direction::Inactive => self,
        }
    }
}

/// What both sides agreed on.
///
/// A payload type in an SDP is what its writer wants to receive (RFC 3264, 5.1). The peer's numbers are therefore the ones to send; ours are the ones
/// that should come. They differ only where a peer answers with numbers of its own, and since such peers often send with them too, a receiver does
/// well to take both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// Where to send RTP. With an unspecified address (0.0.0.0: old style hold) the direction says that we may not.
    pub remote: SocketAddr,
    /// Where to send RTCP: the same address where both share a port (RFC 5761), else the peer's (RFC 3605), or the next port.
    pub rtcp: SocketAddr,
    /// The codec.
    pub codec: Codec,
    /// Payload type to send the codec with.
    pub payload_type: u8,
    /// Payload type under which we asked for the codec.
    pub receive_payload_type: u8,
    /// Payload type to send telephone-event with; `None` if the peer takes no keys by RFC 4733.
    pub telephone_event: Option<u8>,
    /// Payload type under which we asked for telephone-event, if it was agreed on.
    pub receive_telephone_event: Option<u8>,
    /// Payload type under which the peer may send comfort noise (RFC 3389), beside the static 13.
    pub comfort_noise: Option<u8>,
    /// Milliseconds of audio in a packet that the peer would like, else ours.
    pub ptime_ms: u32,
    /// Which way audio flows, seen from us.
    pub direction: Direction,
    /// The keys of SRTP, where the media are encrypted.
    pub srtp: Option<Srtp>,
}

/// Why there is no media to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SdpError {
    /// Longer than [`MAX_BYTES`].
    #[error("session description too large")]
    TooLarge,
    /// Not a session description; the number of the line that could not be read, 0 for the whole.
    #[error("malformed session description, line {0}")]
    Syntax(usize),
    /// No audio line where one must be.
    #[error("no audio in the session description")]
    NoAudio,
    /// The audio line has port 0 (RFC 3264, 6): refused.
    #[error("the peer refused audio")]
    Refused,
    /// The audio line is in the clear where it should be encrypted, or the other way round, or uses another transport altogether.
    #[error("the peer wants a media transport that was not offered")]
    Transport,
    /// No codec in common.
    #[error("no codec in common")]
    NoCommonCodec,
    /// No line with a key for SRTP that both sides can use.
    #[error("no crypto suite in common")]
    NoCommonCrypto,
    /// No c= line for the audio, or no single IP address in it.
    #[error("no usable media address")]
    NoAddress,
}

/// The longest description that is read, in bytes.
pub const MAX_BYTES: usize = 65_535;

#[cfg(test)]
mod tests;
