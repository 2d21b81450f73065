//! Sockets: the SIP transport, the media engine, WebRTC and the other end of benchmarks. Nobody else opens a socket for SIP or RTP.

pub mod media_engine;
pub mod prompt_files;
pub mod rtp_farm;
pub mod sip_transport;
pub mod webrtc;

#[cfg(test)]
mod cpu_tests;
