//! RTCP of a call (RFC 3550 6): with RTP on one port where both sides agreed to that (RFC 5761), else on the next port, by a socket of its own that is read
//! about once a second. A report leaves about each 5 s, the last one says goodbye. What is said in them is the session's.

use super::call::Running;
use super::lane::CallSocket;
use super::srtp::{Protection, through};
use super::stats::Counters;
use crate::media::quality::Whose;
use std::net::SocketAddr;
use std::time::Instant;

/// The socket of its own is read every so many ticks (1 s), and so many datagrams at most.
const READ_EVERY: u32 = 50;
const READS: usize = 4;
/// A longer compound packet is cut; one with 31 report blocks and a name has 800 bytes.
const DATAGRAM: usize = 1_500;

impl Running {
    /// In each tick: reads and writes reports if it is time.
    pub(super) fn control_tick(&mut self, socket: &CallSocket, now: Instant, counters: &Counters) {
        if self.ticks.is_multiple_of(READ_EVERY) {
            self.read_control(socket, now, counters);
        }
        if self.session.is_report_due(now) {
            self.report(false, socket, now, counters);
        }
    }

    /// The last report.
    pub(super) fn goodbye(&mut self, socket: &CallSocket, now: Instant, counters: &Counters) {
        // what came since the last look belongs to the call's quality
        self.read_control(socket, now, counters);
        self.report(true, socket, now, counters);
    }

    fn report(&mut self, goodbye: bool, socket: &CallSocket, now: Instant, counters: &Counters) {
        let (bytes, length) = self.session.report(goodbye, now);
        let Some(report) = through(&mut self.protection, &bytes[..length], Protection::seal_control) else { return };
        let sent = match &socket.control {
            _ if self.rtcp == self.announced => self.send(socket, &report),
            Some(control) => control.send_to(&report, self.rtcp),
            None => return, // the next port was somebody else's
        };
        match sent {
            Ok(_) => Counters::count(&counters.reports_sent),
            Err(error) => self.failed(&error, now, counters),
        }
    }

    fn read_control(&mut self, socket: &CallSocket, now: Instant, counters: &Counters) {
        let Some(control) = &socket.control else { return };
        let mut datagram = [0; DATAGRAM];
        for _ in 0..READS {
            // an error other than "nothing there" is an ICMP message: the peer speaks no RTCP
            let Ok((length, from)) = control.recv_from(&mut datagram) else { return };
            if self.take_control(&datagram[..length], from, now, counters) {
                self.rtcp = from; // NAT: its source is where it wants ours
            }
        }
    }

    /// Takes a datagram that is RTCP; false when it is not the peer's.
    pub(super) fn take_control(
        &mut self,
        datagram: &[u8],
        from: SocketAddr,
        now: Instant,
        counters: &Counters,
    ) -> bool {
        if from.ip() != self.remote.ip() && from.ip() != self.rtcp.ip() {
            Counters::count(&counters.foreign);
            return false;
        }
        let Some(datagram) = through(&mut self.protection, datagram, Protection::open_control) else {
            Counters::count(&counters.not_genuine);
            return false;
        };
        let whose = self.session.control(&datagram, now);
        Counters::count(match whose {
            Ok(Whose::Peers | Whose::Living) => &counters.reports_received,
            Ok(Whose::Nobodys) => &counters.foreign,
            Err(_) => &counters.malformed,
        });
        matches!(whose, Ok(Whose::Peers | Whose::Living))
    }
}
