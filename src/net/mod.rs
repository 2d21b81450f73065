//! Sockets: the SIP transport, the media engine, WebRTC, requests to others (webhooks, SMS gateway) and the other end of benchmarks. Nobody else opens a socket for SIP or RTP.

pub mod http_client;
pub mod media_engine;
pub mod prompt_files;
pub mod recording_files;
pub mod resolve;
pub mod rtp_farm;
pub mod sip_transport;
pub mod tls_files;
pub mod webrtc;

use nix::sys::socket::SockaddrStorage;
use std::net::SocketAddr;

/// The address that the kernel gave with a datagram, if it is one of the internet.
fn socket_addr(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| SocketAddr::V4((*v4).into()));
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| SocketAddr::V6((*v6).into())))
}

#[cfg(test)]
mod cpu_tests;
