//! Sockets of the media plane: bound within the port range, for a call or lent to somebody who drives media of another kind (WebRTC).

use super::{MediaEngine, MediaError, Shared, bind};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Instant;

/// A port of the range that is in use; it rests when this is dropped.
pub(in crate::net) struct PortLease {
    shared: Arc<Shared>,
    port: u16,
}

impl Drop for PortLease {
    fn drop(&mut self) {
        self.shared.ports().give_back(Instant::now(), self.port);
    }
}

impl Shared {
    /// Binds a port of the range; the socket does not block.
    pub(super) fn bind_port(&self) -> Result<(u16, UdpSocket), MediaError> {
        let bound = self.ports().bind(Instant::now(), |port| bind(self.config.bind, port));
        let bound = bound.map_err(|error| MediaError::Socket { bind: self.config.bind, error })?;
        bound.ok_or(MediaError::NoPort)
    }

    /// Binds the port next to a call's, for its RTCP. It is ours as long as that one is (only even ports are given out), unless somebody else of this
    /// machine holds it: then the call goes without.
    pub(super) fn bind_next(&self, local: SocketAddr) -> Option<UdpSocket> {
        let port = local.port().checked_add(1)?;
        match bind(self.config.bind, port) {
            Ok(socket) => Some(socket),
            Err(error) => {
                tracing::debug!(port, %error, "no RTCP port; the call goes without");
                None
            }
        }
    }
}

impl MediaEngine {
    /// Lends a socket. The lease is to live as long as the socket.
    pub(in crate::net) fn lend(&self) -> Result<(UdpSocket, PortLease), MediaError> {
        let (port, socket) = self.shared.bind_port()?;
        Ok((socket, PortLease { shared: Arc::clone(&self.shared), port }))
    }
}
