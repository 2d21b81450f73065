//! Media core: RTP, RTCP, G.711, keys, playout, recording and quality of one call, without a socket or a clock of its own (RFC 3550, RFC 3551, RFC 4733).
//!
//! All audio is G.711 at 8 kHz in frames of 20 ms; [`session::Session`] joins the parts, `net::media_engine` drives it.
#![forbid(unsafe_code)]

pub mod amd;
pub mod bridge;
pub mod call_recorder;
pub mod dtmf;
pub mod g711;
pub mod level;
pub mod playout;
pub mod polish;
pub mod prompt;
pub mod quality;
#[cfg(test)]
mod random;
pub mod recorder;
pub mod rtcp;
pub mod rtp;
pub mod session;
pub mod tone;

pub use g711::Codec;

/// Samples a second; also the rate of the RTP clock (RFC 3551 4.5.14).
pub const SAMPLE_RATE: u32 = 8_000;
/// Samples, and G.711 bytes, in one frame of 20 ms.
pub const FRAME_SAMPLES: usize = 160;
/// Length of one frame in ms.
pub const FRAME_MS: u32 = 20;
/// One frame of G.711.
pub type Frame = [u8; FRAME_SAMPLES];

/// Samples in `duration`, rounded down.
pub(crate) fn samples_in(duration: std::time::Duration) -> u64 {
    (duration.as_micros() / 125) as u64
}
