//! A peer that fell silent, or whose port refuses: the socket, connected to where it was, is let loose and the peer looked for again (a NAT binding that was
//! made anew), and what we send is tried at the address that it had announced (a peer that sends from another port than it listens on).

use super::call::Running;
use super::lane::{CallSocket, Remote};
use super::latch::Latch;
use super::stats::Counters;
use std::io::{self, ErrorKind};
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// A latched peer that is not heard for so long is looked for again.
const SILENT: Duration = Duration::from_secs(2);
/// So many refusals, none of them more than this after the last one: nobody listens there. A host sends about one a second (RFC 1812 4.3.2.8).
const REFUSALS: u8 = 4;
const APART: Duration = Duration::from_secs(3);

/// Whether the address from which the peer sends takes our packets.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    last: Option<Instant>,
    count: u8,
    /// What we send goes to the announced address.
    pub(super) aside: bool,
}

impl Refusals {
    /// One more; true when it is enough.
    fn refused(&mut self, now: Instant) -> bool {
        let goes_on = self.last.is_some_and(|last| now.saturating_duration_since(last) < APART);
        self.count = if goes_on { self.count.saturating_add(1) } else { 1 };
        self.last = Some(now);
        self.count >= REFUSALS
    }
}

impl Running {
    /// A packet came from the peer.
    pub(super) fn heard(&mut self, now: Instant) {
        self.last_heard = now;
    }

    /// Looks for the peer again when it has been silent for long enough.
    pub(super) fn look_again(&mut self, socket: &CallSocket, now: Instant, counters: &Counters) {
        if self.latch.is_some() || now.saturating_duration_since(self.last_heard) < SILENT {
            return;
        }
        match disconnect(&socket.socket) {
            Ok(()) => {
                self.latch = Some(Latch::again(self.remote, self.session.source(), now));
                Counters::count(&counters.looked_again);
            }
            Err(_) => {
                Counters::count(&counters.socket_errors);
                self.last_heard = now; // once more, later
            }
        }
    }

    /// A re-INVITE: the peer wants its media there from now on. If that is somewhere else it is looked for anew.
    pub(super) fn moves(&mut self, to: Remote, socket: &CallSocket, now: Instant, counters: &Counters) {
        let Remote { rtp, rtcp } = to;
        self.rtcp = rtcp;
        if rtp == self.announced {
            return;
        }
        if self.latch.is_none() && disconnect(&socket.socket).is_err() {
            return Counters::count(&counters.socket_errors);
        }
        (self.announced, self.remote) = (rtp, rtp);
        self.latch = Some(Latch::new(rtp, now));
        self.refusals = Refusals::default();
        self.last_heard = now;
    }

    /// Something could not be sent or read. That the port is closed is no reason to stop: the peer may just not be there yet.
    pub(super) fn failed(&mut self, error: &io::Error, now: Instant, counters: &Counters) {
        if error.kind() != ErrorKind::ConnectionRefused {
            return Counters::count(&counters.socket_errors);
        }
        Counters::count(&counters.refused);
        self.session.refused(now);
        if self.refusals.refused(now) && self.remote != self.announced {
            self.refusals.aside = true;
        }
    }
}

/// Lets a connected socket hear everybody again. It keeps its port (udp(7): an address of family AF_UNSPEC), if that was bound by number.
#[allow(unsafe_code)]
fn disconnect(socket: &UdpSocket) -> io::Result<()> {
    let nobody = libc::sockaddr { sa_family: libc::AF_UNSPEC as libc::sa_family_t, sa_data: [0; 14] };
    let length = size_of::<libc::sockaddr>() as libc::socklen_t;
    // SAFETY: `nobody` is a valid sockaddr of `length` bytes that outlives the call; the kernel only reads it. std and nix offer no such address.
    let result = unsafe { libc::connect(socket.as_raw_fd(), &raw const nobody, length) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
