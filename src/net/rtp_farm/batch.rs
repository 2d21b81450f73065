//! Datagrams by the batch (recvmmsg(2), sendmmsg(2)), with the kernel's time of arrival (SO_TIMESTAMPNS).

use super::PACKET;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg, setsockopt, sockopt,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

/// Datagrams in one system call.
const BATCH: usize = 64;
/// Longest datagram that is looked at.
const DATAGRAM: usize = 256;
/// What thousands of calls send while the thread sleeps.
const RECEIVE_BUFFER: usize = 16 << 20;

/// A socket that stamps what arrives.
pub(super) fn bind(address: IpAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(SocketAddr::new(address, 0))?;
    socket.set_nonblocking(true)?;
    // beyond net.core.rmem_max only with CAP_NET_ADMIN; else as much as there is
    if setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER).is_err() {
        setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER)?;
    }
    setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
    Ok(socket)
}

/// One packet to be sent.
#[derive(Clone)]
pub(super) struct Outgoing {
    pub(super) bytes: [u8; PACKET],
    pub(super) length: usize,
    pub(super) to: SockaddrStorage,
}

/// The buffers of both directions.
pub(super) struct Batch {
    incoming: MultiHeaders<SockaddrStorage>,
    outgoing: MultiHeaders<SockaddrStorage>,
    buffers: Vec<[u8; DATAGRAM]>,
}

impl Default for Batch {
    fn default() -> Batch {
        let control = nix::cmsg_space!(nix::sys::time::TimeSpec);
        Batch {
            incoming: MultiHeaders::preallocate(BATCH, Some(control)),
            outgoing: MultiHeaders::preallocate(BATCH, None),
            buffers: vec![[0; DATAGRAM]; BATCH],
        }
    }
}

impl Batch {
    /// Gives all that waits: from whom, what, and when the kernel took it, in ns.
    pub(super) fn receive(&mut self, socket: &UdpSocket, mut take: impl FnMut(SocketAddr, &[u8], i64)) {
        loop {
            let mut slices: Vec<[IoSliceMut<'_>; 1]> =
                self.buffers.iter_mut().map(|buffer| [IoSliceMut::new(buffer)]).collect();
            let read =
                recvmmsg(socket.as_raw_fd(), &mut self.incoming, slices.iter_mut(), MsgFlags::MSG_DONTWAIT, None);
            let Ok(messages) = read else { return };
            let mut seen = Vec::with_capacity(BATCH);
            for message in messages {
                let stamp = message.cmsgs().ok().and_then(|mut all| {
                    all.find_map(|one| match one {
                        ControlMessageOwned::ScmTimestampns(at) => Some(at.tv_sec() * 1_000_000_000 + at.tv_nsec()),
                        _ => None,
                    })
                });
                seen.push((message.address.as_ref().and_then(crate::net::socket_addr), message.bytes, stamp));
            }
            let full = seen.len() == BATCH;
            for ((from, length, stamp), buffer) in seen.into_iter().zip(&self.buffers) {
                if let (Some(from), Some(stamp)) = (from, stamp) {
                    take(from, &buffer[..length.min(DATAGRAM)], stamp);
                }
            }
            if !full {
                return;
            }
        }
    }

    /// Sends all; what the kernel refuses is lost, as on a network.
    pub(super) fn send(&mut self, socket: &UdpSocket, packets: &[Outgoing]) {
        for packets in packets.chunks(BATCH) {
            let slices: Vec<[IoSlice<'_>; 1]> =
                packets.iter().map(|packet| [IoSlice::new(&packet.bytes[..packet.length])]).collect();
            let addresses: Vec<Option<SockaddrStorage>> = packets.iter().map(|packet| Some(packet.to)).collect();
            let _ = sendmmsg(socket.as_raw_fd(), &mut self.outgoing, &slices, addresses, [], MsgFlags::MSG_DONTWAIT);
        }
    }
}
