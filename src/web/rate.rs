//! How often one may ask: for each token, and for each address. A bucket that refills steadily (GCRA, as in ITU-T I.371), a minute's worth at once at most.
//! Counted by each engine for itself, in memory. Time is an argument.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};

/// A minute in µs.
const MINUTE: i64 = 60_000_000;
/// Keys that are remembered. With more, those that owe nothing are forgotten, then the one that owes least.
const MOST: usize = 8192;

/// How often one may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests of a token in a minute; 0: no limit.
    pub token_per_min: u32,
    /// Requests from an address in a minute; 0: no limit.
    pub address_per_min: u32,
}

/// Who asked how often of late.
pub struct Rates<K> {
    /// µs that one request costs; 0: no limit.
    each: i64,
    /// When each has paid off what it asked, in µs since 1970.
    paid_off: Mutex<HashMap<K, i64>>,
}

impl<K: Copy + Eq + Hash> Rates<K> {
    /// So many in a minute.
    pub fn new(per_min: u32) -> Rates<K> {
        Rates { each: MINUTE.checked_div(per_min.into()).unwrap_or(0), paid_off: Mutex::default() }
    }

    /// Takes `cost` requests' worth at `now` (µs since 1970), or says how many seconds are to be waited for it; then nothing is taken.
    pub fn take(&self, key: K, cost: u32, now: i64) -> Result<(), u32> {
        if self.each == 0 {
            return Ok(());
        }
        let mut all = self.lock();
        if all.len() >= MOST && !all.contains_key(&key) {
            make_room(&mut all, now);
        }
        let owed = all.get(&key).copied().unwrap_or(now).max(now);
        // Nobody waits for more than what a whole minute holds.
        let then = owed + (self.each * i64::from(cost)).min(MINUTE);
        let over = then - now - MINUTE;
        if over > 0 {
            return Err(u32::try_from((over + 999_999) / 1_000_000).unwrap_or(60));
        }
        all.insert(key, then);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, i64>> {
        self.paid_off.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn make_room<K: Copy + Eq + Hash>(all: &mut HashMap<K, i64>, now: i64) {
    all.retain(|_, paid_off| *paid_off > now);
    if all.len() >= MOST
        && let Some(least) = all.iter().min_by_key(|(_, paid_off)| **paid_off).map(|(key, _)| *key)
    {
        all.remove(&least);
    }
}

/// Whom an address counts as: IPv6 hands out a /64 to everybody, so that is one.
pub fn counted_as(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        v4 @ IpAddr::V4(_) => v4,
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    #[test]
    fn a_minutes_worth_at_once_then_one_by_one() {
        let rates = Rates::new(60);
        for n in 0..60 {
            assert_eq!(rates.take("a", 1, 0), Ok(()), "{n}");
        }
        assert_eq!(rates.take("a", 1, 0), Err(1));
        assert_eq!(rates.take("a", 1, SECOND - 1), Err(1));
        assert_eq!(rates.take("a", 1, SECOND), Ok(()));
        assert_eq!(rates.take("a", 1, SECOND), Err(1), "what was refused cost nothing");
        assert_eq!(rates.take("b", 1, SECOND), Ok(()), "others are not meant");
        assert_eq!(rates.take("a", 20, SECOND), Err(20), "what costs more waits longer");
        assert_eq!(rates.take("a", 20, 21 * SECOND), Ok(()));
        assert_eq!(rates.take("a", 60, 3600 * SECOND), Ok(()), "no more than a minute's worth is saved up");
        assert_eq!(rates.take("a", 1, 3600 * SECOND), Err(1));
        assert_eq!(rates.take("c", 1000, 0), Ok(()), "one is always possible");
    }

    #[test]
    fn nought_is_no_limit_and_memory_has_one() {
        let free = Rates::new(0);
        assert!((0..10_000).all(|_| free.take(1, 1, 0).is_ok()));
        let rates = Rates::new(60);
        for n in 0..20_000 {
            rates.take(n, 1, 0).unwrap();
        }
        assert_eq!(rates.lock().len(), MOST);
        rates.take(-1, 1, 61 * SECOND).unwrap();
        assert_eq!(rates.lock().len(), 1, "those that owe nothing are forgotten");
    }

    #[test]
    fn a_64_of_ipv6_is_one_and_a_mapped_ipv4_is_itself() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        for (given, want) in
            [("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"), ("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1")]
        {
            assert_eq!(counted_as(address(given)), address(want));
        }
    }
}
