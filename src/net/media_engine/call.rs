//! One call on a media thread: its socket and its session. Reads what came just before it sends, as a rule one packet for each.

use super::arrival::{self, Read};
use super::lane::{CallSocket, Remote};
use super::latch::{Latch, Source};
use super::relook::Refusals;
use super::srtp::{Protection, through};
use super::stats::Counters;
use crate::media::rtcp;
use crate::media::rtp::{self, Packet};
use crate::media::session::{PACKET_LEN, Session};
use crate::sdp::Srtp;
use rustix::net::{RecvFlags, SendFlags};
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
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
/// Of so many packets one is read with the moment of its arrival: a sample will do for jitter, and costs little.
const TIMED_EVERY: u8 = 8;
/// A datagram beyond this is cut; no RTP of ours is longer.
const DATAGRAM: usize = 2_048;

/// The media of a call that has started.
pub(super) struct Running {
    pub(super) session: Session,
    /// Where the SDP wants RTP, where the peer is, and where it wants RTCP.
    pub(super) announced: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) rtcp: SocketAddr,
    /// Seals and opens everything, where the media are encrypted.
    pub(super) protection: Option<Box<Protection>>,
    /// Until the peer's source is known, and the socket connected to it.
    pub(super) latch: Option<Latch>,
    pub(super) last_heard: Instant,
    pub(super) refusals: Refusals,
    pub(super) ticks: u32,
    /// How many packets are read in a usual tick.
    reads: u32,
    /// Packets since the last thorough reading.
    came: u32,
    /// Early reads that are left out.
    rest: u8,
    /// Packets until one is timed.
    untimed: u8,
    /// The socket was connected, and what others had sent before still waits in it.
    mixed: bool,
}

impl Running {
    /// Starts; what arrived before (early media, a late packet of the port's last call) is thrown away.
    pub(super) fn new(
        session: Session,
        remote: Remote,
        protection: Option<Box<Protection>>,
        socket: &CallSocket,
        now: Instant,
    ) -> Running {
        let mut stale = [0; 1];
        for _ in 0..MAX_STALE {
            if socket.socket.recv(&mut stale).is_err() {
                break;
            }
        }
        let Remote { rtp: announced, rtcp } = remote;
        Running {
            session,
            announced,
            remote: announced,
            rtcp,
            protection,
            latch: Some(Latch::new(announced, now)),
            last_heard: now,
            refusals: Refusals::default(),
            ticks: 0,
            reads: 1,
            came: 0,
            rest: 0,
            untimed: 0,
            mixed: false,
        }
    }

    /// One tick: reads, then sends.
    pub(super) fn tick(&mut self, socket: &CallSocket, now: Instant, counters: &Counters) {
        self.read(socket, now, counters);
        let mut packet = [0; PACKET_LEN];
        let length = self.session.tick(now, &mut packet);
        let sent = if length == 0 { Ok(0) } else { self.send_media(socket, &packet[..length]) };
        match sent {
            Ok(0) => {} // on hold, or it could not be sealed
            Ok(_) => {
                self.session.sent(length);
                Counters::count(&counters.sent);
            }
            Err(error) => self.failed(&error, now, counters),
        }
        self.control_tick(socket, now, counters);
    }

    fn send_media(&mut self, socket: &CallSocket, packet: &[u8]) -> io::Result<usize> {
        match through(&mut self.protection, packet, Protection::seal) {
            Some(packet) => self.send(socket, &packet),
            None => Ok(0),
        }
    }

    /// Other keys, by a re-INVITE.
    pub(super) fn rekey(&mut self, keys: Srtp) {
        if let Some(protection) = &mut self.protection {
            protection.rekey(keys);
        }
    }

    pub(super) fn send(&self, socket: &CallSocket, packet: &[u8]) -> io::Result<usize> {
        match self.latch {
            _ if self.refusals.aside => socket.socket.send_to(packet, self.announced),
            Some(_) => socket.socket.send_to(packet, self.remote),
            None => send(&socket.socket, packet),
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
        self.came += count;
        if thorough {
            // the queue is not empty: this peer sends more than is read (or there was a stall). It is: as many for each tick as came for each
            let usual = (std::mem::take(&mut self.came) + MORE_EVERY / 2) / MORE_EVERY;
            self.reads = if count == limit { (self.reads * 2).min(MAX_READS) } else { usual.clamp(1, MAX_READS) };
            self.look_again(socket, now, counters);
        }
    }

    /// Reads one datagram; false when there is none.
    fn read_one(&mut self, socket: &CallSocket, now: Instant, counters: &Counters) -> bool {
        let mut datagram = [0; DATAGRAM];
        let read = if self.untimed == 0 {
            arrival::read(&socket.socket, &mut datagram)
        } else if self.mixed || self.latch.is_some() {
            let read = socket.socket.recv_from(&mut datagram);
            read.map(|(length, from)| Read { length, from: Some(from), arrived: None })
        } else {
            recv(&socket.socket, &mut datagram).map(|length| Read { length, from: None, arrived: None })
        };
        match read {
            Ok(read) => {
                self.untimed = self.untimed.checked_sub(1).unwrap_or(TIMED_EVERY - 1);
                self.take(socket, &datagram[..read.length], &read, now, counters);
                true
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.mixed = false;
                false
            }
            Err(error) => {
                self.failed(&error, now, counters);
                true
            }
        }
    }

    fn take(&mut self, socket: &CallSocket, datagram: &[u8], read: &Read, now: Instant, counters: &Counters) {
        if rtcp::is_rtcp(datagram) {
            self.take_control(datagram, read.from.unwrap_or(self.remote), now, counters);
            return;
        }
        let Some(datagram) = through(&mut self.protection, datagram, Protection::open) else {
            return Counters::count(&counters.not_genuine);
        };
        let packet = match rtp::read(&datagram) {
            Ok(packet) => packet,
            Err(_) => return Counters::count(&counters.malformed),
        };
        if let Some(from) = read.from
            && !self.latches(socket, &packet, from, now, counters)
        {
            return Counters::count(&counters.foreign);
        }
        self.heard(now);
        self.session.take(&packet, read.arrived, now);
        Counters::count(&counters.received);
    }

    /// Whether a packet from `from` is the peer's; once that is settled the socket is connected to it.
    fn latches(
        &mut self,
        socket: &CallSocket,
        packet: &Packet<'_>,
        from: SocketAddr,
        now: Instant,
        counters: &Counters,
    ) -> bool {
        let Some(latch) = &mut self.latch else { return from == self.remote };
        let source =
            if self.session.recognises(packet) { latch.offer(from, packet.header.ssrc, now) } else { Source::Stranger };
        match source {
            Source::Stranger => return false,
            Source::OnTrial => self.remote = from,
            Source::Peer => {
                self.remote = from;
                self.refusals = Refusals::default();
                match socket.socket.connect(from) {
                    Ok(()) => (self.latch, self.mixed) = (None, true),
                    Err(error) => self.failed(&error, now, counters), // the next packet tries again
                }
            }
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
