//! Holds those off who guess passwords: each wrong answer costs its network some seconds, and who owes too many is not listened to.
//!
//! Only answers to our own nonces count, and a nonce is good for one address: nobody can run up debts for somebody else by a forged source.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// What a wrong answer costs: so many seconds until it is forgotten.
const COST: Duration = Duration::from_secs(5);
/// Wrong answers in a row that a network may give. One phone with an old password among many at one address must not shut the others out.
const BURST: u32 = 20;
/// Most networks remembered.
const MAX_NETWORKS: usize = 4096;

/// Who owes how long.
#[derive(Default)]
pub(super) struct Throttle(HashMap<IpAddr, Instant>);

impl Throttle {
    /// How long this address is not listened to; `None`: it may try.
    pub fn wait(&self, now: Instant, peer: IpAddr) -> Option<Duration> {
        let paid = *self.0.get(&network(peer))?;
        let debt = paid.saturating_duration_since(now);
        let over = debt.checked_sub(COST * (BURST - 1))?;
        (!over.is_zero()).then_some(over)
    }

    /// A wrong answer from this address.
    pub fn wrong(&mut self, now: Instant, peer: IpAddr) {
        let network = network(peer);
        if self.0.len() >= MAX_NETWORKS && !self.0.contains_key(&network) {
            self.0.retain(|_, paid| *paid > now);
            // Still full: the smallest debt is forgiven.
            let least = self.0.iter().min_by_key(|(_, paid)| **paid).map(|(network, _)| *network);
            if let Some(least) = least.filter(|_| self.0.len() >= MAX_NETWORKS) {
                self.0.remove(&least);
            }
        }
        let paid = self.0.entry(network).or_insert(now);
        *paid = (*paid).max(now) + COST;
    }
}

/// An IPv4 address, or the 64-bit prefix of an IPv6 address, of which one host may have all.
fn network(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V4(_) => peer,
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}
