//! Symmetric RTP: to whom a call's socket is bound. The peer named in the SDP may sit behind NAT and send from elsewhere, and its address may change in
//! mid-call; a stranger who sprays packets must not get the call. Decides only; opens nothing.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Packets in a row from another port of the expected address: the peer behind NAT, or one that sends from another socket.
const NEAR_PACKETS: u8 = 3;
/// Packets in a row from another address.
const FOREIGN_PACKETS: u8 = 5;
/// Another address is taken in this time only, and on trial until it is over.
const FOREIGN_WINDOW: Duration = Duration::from_secs(10);

/// What a packet's source is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// Not the peer, or not yet.
    Stranger,
    /// The peer as far as is known; the announced address may still prove otherwise.
    OnTrial,
    /// The peer.
    Peer,
}

/// Looks for the source of a call's packets.
#[derive(Debug)]
pub struct Latch {
    expected: SocketAddr,
    /// The stream that is looked for; any at the start of a call.
    stream: Option<u32>,
    until: Instant,
    /// Another address that is taken until the expected one speaks.
    trial: Option<SocketAddr>,
    /// A source that is not the expected one, its SSRC, and how many packets in a row.
    other: Option<(SocketAddr, u32, u8)>,
}

impl Latch {
    /// Waits for packets of the peer that announced `announced` in its SDP.
    pub fn new(announced: SocketAddr, now: Instant) -> Latch {
        Latch { expected: announced, stream: None, until: now + FOREIGN_WINDOW, trial: None, other: None }
    }

    /// Looks again for a peer that has fallen silent at `last`: it may have moved (a NAT binding that was made anew), and then its stream, which nobody
    /// off the path knows the number of, goes on from elsewhere.
    pub fn again(last: SocketAddr, stream: Option<u32>, now: Instant) -> Latch {
        Latch { expected: last, stream, until: now, trial: None, other: None }
    }

    /// Takes the source of a valid packet. The expected address and port is the peer at once; another port takes three packets of one SSRC in a row (a
    /// single one may be a late packet of the port's last call), another address five: at the start of a call within the first ten seconds, and it
    /// gives way when the announced one speaks in that time, later only for the same stream.
    pub fn offer(&mut self, from: SocketAddr, ssrc: u32, now: Instant) -> Source {
        if from == self.expected {
            return Source::Peer;
        }
        if self.trial == Some(from) {
            return if now < self.until { Source::OnTrial } else { Source::Peer };
        }
        let near = from.ip() == self.expected.ip();
        let possible = match self.stream {
            Some(stream) => stream == ssrc,
            None => near || now < self.until && self.trial.is_none(),
        };
        if !possible {
            return Source::Stranger;
        }
        let count = match self.other {
            Some((source, of, count)) if (source, of) == (from, ssrc) => count + 1,
            _ => 1,
        };
        self.other = Some((from, ssrc, count));
        if count < if near { NEAR_PACKETS } else { FOREIGN_PACKETS } {
            Source::Stranger
        } else if near || self.stream.is_some() {
            Source::Peer
        } else {
            self.trial = Some(from);
            Source::OnTrial
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Source::{OnTrial, Peer, Stranger};
    use super::*;

    fn addr(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    fn places() -> [SocketAddr; 4] {
        ["192.0.2.1:4000", "192.0.2.1:9999", "198.51.100.7:5000", "203.0.113.9:6000"].map(addr)
    }

    fn offers(mut latch: Latch, from: SocketAddr, now: Instant) -> Vec<Source> {
        (0..5).map(|_| latch.offer(from, 1, now)).collect()
    }

    #[test]
    fn the_announced_port_is_taken_at_once_and_others_only_if_alone() {
        let now = Instant::now();
        let [announced, near, nat, stranger] = places();
        let latch = || Latch::new(announced, now);
        assert_eq!(latch().offer(announced, 1, now), Peer);
        assert_eq!(offers(latch(), near, now), [Stranger, Stranger, Peer, Peer, Peer]);
        assert_eq!(offers(latch(), nat, now), [Stranger, Stranger, Stranger, Stranger, OnTrial]);
        assert_eq!(offers(latch(), nat, now + FOREIGN_WINDOW), [Stranger; 5]);

        let mut mixed = latch();
        for _ in 0..20 {
            assert_eq!(mixed.offer(nat, 1, now), Stranger, "two sources: neither");
            assert_eq!(mixed.offer(stranger, 1, now), Stranger);
        }
        assert_eq!(mixed.offer(announced, 3, now), Peer);
    }

    #[test]
    fn a_stranger_who_speaks_first_gives_way_to_the_announced_address() {
        let now = Instant::now();
        let [announced, near, nat, stranger] = places();
        let mut latch = Latch::new(announced, now);
        (0..4).for_each(|_| assert_eq!(latch.offer(stranger, 1, now), Stranger));
        assert_eq!(latch.offer(stranger, 1, now), OnTrial);
        (0..9).for_each(|_| assert_eq!(latch.offer(nat, 2, now), Stranger, "one on trial is enough"));
        assert_eq!(latch.offer(stranger, 1, now), OnTrial);
        (0..2).for_each(|_| assert_eq!(latch.offer(near, 3, now), Stranger));
        assert_eq!(latch.offer(near, 3, now), Peer, "the announced address, by another port");
        assert_eq!(latch.offer(announced, 4, now), Peer);
        assert_eq!(latch.offer(stranger, 1, now + FOREIGN_WINDOW), Peer, "nobody else spoke");
    }

    #[test]
    fn a_peer_that_moved_is_known_by_its_stream() {
        let now = Instant::now();
        let [last, near, nat, _] = places();
        let again = || Latch::again(last, Some(1), now);
        assert_eq!(offers(again(), near, now), [Stranger, Stranger, Peer, Peer, Peer]);
        assert_eq!(offers(again(), nat, now), [Stranger, Stranger, Stranger, Stranger, Peer]);
        assert_eq!(again().offer(last, 99, now), Peer, "where it was, it may be what it wants");
        let mut latch = again();
        (0..20).for_each(|_| assert_eq!(latch.offer(near, 2, now), Stranger, "another stream from elsewhere"));
    }
}
