//! Sockets: the SIP transport, the media engine and WebRTC. Nobody else opens a socket for SIP or RTP.

pub mod media_engine;
pub mod prompt_files;
pub mod sip_transport;
pub mod webrtc;

#[cfg(test)]
mod cpu_tests;
