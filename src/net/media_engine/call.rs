//! One call on a media thread: its socket and its session. Reads what came just before it sends, as a rule one packet for each.

use super::lane::CallSocket;
use super::latch::Latch;
use super::stats::Counters;
use crate::media::rtp;
use crate::media::session::{PACKET_LEN, Session};
use rustix::net::{RecvFlags, SendFlags};
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

/// Every so many ticks a call reads [`MORE_READS`] packets beyond its usual number.
const MORE_EVERY: u32 = 8;
const MORE_READS: u32 = 3;
/// A bridged call reads so many between two ticks at most, each time.
const EARLY_READS: u32 = 4;
/// After a packet the next one is not looked for so many times: as a rule it comes 20 ms later, and a read that finds nothing costs as much as one that does.
const EARLY_REST: u8 = 3;
/// No call reads more in one tick: the others wait.
const MAX_READS: u32 = 32;
/// Packets from before the start that are thrown away at most.
const MAX_STALE: usize = 4_096;
/// A datagram beyond this is cut; no RTP of ours is longer.
const DATAGRAM: usize = 2_048;

/// The media of a call that has started.
pub(super) struct Running {
    pub(super) session: Session,
    remote: SocketAddr,
    /// Until the peer's source is known, and the socket connected to it.
    latch: Option<Latch>,
    ticks: u32,
    /// How many packets are read in a usual tick.
    reads: u32,
    /// Early reads that are left out.
    rest: u8,
}

impl Running {
    /// Starts; what arrived before (early media, a late packet of the port's last call) is thrown away.
    pub(super) fn new(session: Session, remote: SocketAddr, socket: &CallSocket, now: Instant) -> Running {
        let mut stale = [0; 1];
        for _ in 0..MAX_STALE {
            if socket.socket.recv(&mut stale).is_err() {
                break;
            }
        }
        Running { session, remote, latch: Some(Latch::new(remote, now)), ticks: 0, reads: 1, rest: 0 }
    }

    /// One tick: reads, then sends.
    pub(super) fn tick(&mut self, socket: &CallSocket, now: Instant, counters: &Counters) {
        self.read(socket, now, counters);
        let mut packet = [0; PACKET_LEN];
        let length = self.session.tick(now, &mut packet);
        let sent = match self.latch {
            Some(_) => socket.socket.send_to(&packet[..length], self.remote),
            None => send(&socket.socket, &packet[..length]),
        };
        match sent {
            Ok(_) => Counters::count(&counters.sent),
            Err(error) => count_error(&error, counters),
        }
    }

    /// Between two ticks, for a bridged call: what arrives is to leave in the next tick of the other side.
    pub(super) fn read_early(&mut self, socket: &CallSocket, now: Instant, counters: &Counters) {
        if self.rest > 0 {
            self.rest -= 1;
            return;
        }
        for _ in 0..EARLY_READS {
            if !self.read_one(socket, now, counters) {
                return;
            }
            self.rest = EARLY_REST;
        }
    }

    fn read(&mut self, socket: &CallSocket, now: Instant, counters: &Counters) {
        self.ticks = self.ticks.wrapping_add(1);
        let thorough = self.ticks.is_multiple_of(MORE_EVERY);
        let limit = if thorough { (self.reads + MORE_READS).min(MAX_READS) } else { self.reads };
        let mut count = 0;
        while count < limit && self.read_one(socket, now, counters) {
            count += 1;
        }
        if thorough {
            // still more waiting: this peer sends more than one for each of ours (or there was a stall); read more until the queue is short
            self.reads = if count == limit { (self.reads * 2).min(MAX_READS) } else { (self.reads / 2).max(1) };
        }
    }

    /// Reads one datagram; false when there is none.
    fn read_one(&mut self, socket: &CallSocket, now: Instant, counters: &Counters) -> bool {
        let mut datagram = [0; DATAGRAM];
        let read = match self.latch {
            Some(_) => socket.socket.recv_from(&mut datagram).map(|(length, from)| (length, Some(from))),
            None => recv(&socket.socket, &mut datagram).map(|length| (length, None)),
        };
        match read {
            Ok((length, from)) => {
                self.take(socket, &datagram[..length], from, now, counters);
                true
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            Err(error) => {
                count_error(&error, counters);
                true
            }
        }
    }

    fn take(
        &mut self,
        socket: &CallSocket,
        datagram: &[u8],
        from: Option<SocketAddr>,
        now: Instant,
        counters: &Counters,
    ) {
        if let Some(from) = from
            && !self.latches(socket, datagram, from, now, counters)
        {
            return;
        }
        match self.session.receive(datagram, now) {
            Ok(()) => Counters::count(&counters.received),
            Err(_) => Counters::count(&counters.malformed),
        }
    }

    /// Whether a datagram from `from` is the peer's; then the socket is connected to it.
    fn latches(
        &mut self,
        socket: &CallSocket,
        datagram: &[u8],
        from: SocketAddr,
        now: Instant,
        counters: &Counters,
    ) -> bool {
        let Some(latch) = &mut self.latch else { return from == self.remote };
        let peer = match rtp::read(datagram) {
            Ok(packet) => self.session.recognises(&packet) && latch.offer(from, packet.header.ssrc, now),
            Err(_) => {
                Counters::count(&counters.malformed);
                return false;
            }
        };
        if !peer {
            Counters::count(&counters.foreign);
            return false;
        }
        self.remote = from;
        match socket.socket.connect(from) {
            Ok(()) => self.latch = None,
            Err(error) => count_error(&error, counters), // the next packet tries again
        }
        true
    }
}

/// The system call itself: the C library's is a cancellation point, which costs 7 % of a media thread (docs/PERFORMANCE.md).
fn send(socket: &UdpSocket, packet: &[u8]) -> io::Result<usize> {
    Ok(rustix::net::send(socket, packet, SendFlags::NOSIGNAL)?)
}

fn recv(socket: &UdpSocket, datagram: &mut [u8]) -> io::Result<usize> {
    Ok(rustix::net::recv(socket, datagram, RecvFlags::empty())?.0)
}

/// A connected socket reports that the peer's port is closed: no reason to stop, the peer may just not be there yet.
fn count_error(error: &io::Error, counters: &Counters) {
    let counter =
        if error.kind() == ErrorKind::ConnectionRefused { &counters.refused } else { &counters.socket_errors };
    counter.fetch_add(1, Relaxed);
}
