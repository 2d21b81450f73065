//! The floor: what the kernel takes for the same packets in a tight loop, one sent and one received on connected sockets, nothing between.

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

/// A packet of 20 ms of G.711.
const PACKET: [u8; 172] = [0x55; 172];

/// CPU for one packet sent and one received, in µs, over `pairs` pairs of sockets in turn for `length`.
pub fn floor(pairs: usize, length: Duration) -> io::Result<f64> {
    let sockets = (0..pairs.max(1)).map(|_| pair()).collect::<io::Result<Vec<_>>>()?;
    let mut buffer = [0; 2048];
    let (begin, mut packets) = (Instant::now(), 0u64);
    let before = thread_cpu_us();
    while begin.elapsed() < length {
        for (from, to) in &sockets {
            from.send(&PACKET)?;
            to.recv(&mut buffer)?;
            packets += 1;
        }
    }
    Ok((thread_cpu_us() - before) as f64 / packets as f64)
}

fn pair() -> io::Result<(UdpSocket, UdpSocket)> {
    let (a, b) = (UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?, UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?);
    a.connect(b.local_addr()?)?;
    b.connect(a.local_addr()?)?;
    b.set_nonblocking(true)?;
    Ok((a, b))
}

fn thread_cpu_us() -> i64 {
    getrusage(UsageWho::RUSAGE_THREAD)
        .map(|usage| usage.user_time().num_microseconds() + usage.system_time().num_microseconds())
        .unwrap_or_default()
}
