//! Sockets: the SIP transport and the media engine. Nobody else opens a socket for SIP or RTP.

pub mod media_engine;
pub mod prompt_files;
pub mod sip_transport;
