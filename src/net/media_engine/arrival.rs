//! When a packet arrived, by the kernel's own stamp (SO_TIMESTAMPNS): a media thread reads in its own time, up to 20 ms later, and jitter measured by that
//! would be the thread's. Reading the stamp costs 0.5 µs, a fifth of a packet: a sample is read so, the rest as before.

use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};
use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// A stamp older than this was made by a clock that was set meanwhile.
const MAX_AGE: Duration = Duration::from_secs(1);

/// A datagram that was read.
pub(super) struct Read {
    pub(super) length: usize,
    pub(super) from: Option<SocketAddr>,
    pub(super) arrived: Option<Instant>,
}

/// Asks for stamps. A wish: without them jitter is not known.
pub(super) fn ask(socket: &UdpSocket) {
    let _ = setsockopt(socket, sockopt::ReceiveTimestampns, &true);
}

/// Reads one datagram with its stamp.
pub(super) fn read(socket: &UdpSocket, datagram: &mut [u8]) -> io::Result<Read> {
    let mut control = nix::cmsg_space!(TimeSpec);
    let mut parts = [IoSliceMut::new(datagram)];
    let message = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(&mut control), MsgFlags::empty())?;
    let stamp = message.cmsgs()?.find_map(|part| match part {
        ControlMessageOwned::ScmTimestampns(stamp) => Some(stamp),
        _ => None,
    });
    let from = message.address.as_ref().and_then(crate::net::socket_addr);
    Ok(Read { length: message.bytes, from, arrived: stamp.and_then(|stamp| at(stamp).ok().flatten()) })
}

/// A stamp of the wall clock on the clock of the sessions.
fn at(stamp: TimeSpec) -> Result<Option<Instant>, Errno> {
    let (now, wall) = (Instant::now(), clock_gettime(ClockId::CLOCK_REALTIME)?);
    let age = Duration::from(wall).checked_sub(Duration::from(stamp));
    Ok(age.filter(|age| *age < MAX_AGE).and_then(|age| now.checked_sub(age)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_has_the_moment_of_its_arrival_however_late_it_is_read() {
        let (near, far) =
            (UdpSocket::bind("127.0.0.1:0").expect("bound"), UdpSocket::bind("127.0.0.1:0").expect("bound"));
        ask(&near);
        let before = Instant::now();
        far.send_to(b"first", near.local_addr().expect("an address")).expect("sent");
        let sent = Instant::now();
        // no sleep: work that takes a measurable time stands between arrival and reading
        while sent.elapsed() < Duration::from_millis(30) {
            std::hint::spin_loop();
        }
        let mut datagram = [0; 64];
        let read = read(&near, &mut datagram).expect("read");
        assert_eq!(
            (&datagram[..read.length], read.from),
            (b"first".as_slice(), Some(far.local_addr().expect("an address")))
        );
        let arrived = read.arrived.expect("a stamp");
        // the two clocks are read one after the other
        let slack = Duration::from_millis(5);
        assert!(arrived + slack >= before && arrived <= sent + slack, "{:?}", arrived.elapsed());
    }
}
