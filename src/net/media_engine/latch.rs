//! Symmetric RTP: to whom a call's socket is bound. The peer named in the SDP may sit behind NAT and send from elsewhere; a stranger who sprays packets
//! must not get the call. Decides only; opens nothing.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Packets in a row from another port of the announced address: the peer behind NAT, or one that sends from another socket.
const NEAR_PACKETS: u8 = 3;
/// Packets in a row from another address.
const FOREIGN_PACKETS: u8 = 5;
/// After this another address is never taken.
const FOREIGN_WINDOW: Duration = Duration::from_secs(10);

/// Looks for the source of a call's packets.
#[derive(Debug)]
pub struct Latch {
    announced: SocketAddr,
    until: Instant,
    /// A source that is not the announced one, its SSRC, and how many packets in a row.
    other: Option<(SocketAddr, u32, u8)>,
}

impl Latch {
    /// Waits for packets of the peer that announced `announced` in its SDP.
    pub fn new(announced: SocketAddr, now: Instant) -> Latch {
        Latch { announced, until: now + FOREIGN_WINDOW, other: None }
    }

    /// Takes the source of a valid packet; true when it is the peer. The announced address and port is taken at once; another port takes three
    /// packets of one SSRC in a row (a single one may be a late packet of the port's last call), another address five within the first ten seconds.
    pub fn offer(&mut self, from: SocketAddr, ssrc: u32, now: Instant) -> bool {
        if from == self.announced {
            return true;
        }
        let near = from.ip() == self.announced.ip();
        if !near && now >= self.until {
            return false;
        }
        let count = match self.other {
            Some((source, of, count)) if (source, of) == (from, ssrc) => count + 1,
            _ => 1,
        };
        self.other = Some((from, ssrc, count));
        count >= if near { NEAR_PACKETS } else { FOREIGN_PACKETS }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_announced_port_is_taken_at_once_and_others_only_if_alone() {
        let now = Instant::now();
        let addr = |text: &str| text.parse::<SocketAddr>().expect("an address");
        let latch = || Latch::new(addr("192.0.2.1:4000"), now);
        let offers = |mut latch: Latch, from, now| (0..5).map(|_| latch.offer(from, 1, now)).collect::<Vec<bool>>();
        let (near, nat, stranger) = (addr("192.0.2.1:9999"), addr("198.51.100.7:5000"), addr("203.0.113.9:6000"));
        assert!(latch().offer(addr("192.0.2.1:4000"), 1, now));
        assert_eq!(offers(latch(), near, now), [false, false, true, true, true]);
        assert_eq!(offers(latch(), nat, now), [false, false, false, false, true]);
        assert_eq!(offers(latch(), nat, now + FOREIGN_WINDOW), [false; 5]);

        let mut mixed = latch();
        for _ in 0..20 {
            assert!(!mixed.offer(nat, 1, now) && !mixed.offer(stranger, 1, now), "two sources: neither");
        }
        assert!(mixed.offer(addr("192.0.2.1:4000"), 3, now));
    }
}
