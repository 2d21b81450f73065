//! Who gets in: what comes from addresses that nobody has named is let in, refused or dropped by policy, in bounded numbers, and whoever goes on knocking is not
//! heard for a while. Pure: addresses, sizes and time in, a verdict out.
//!
//! Nothing goes out to a stranger that is larger, in sum, than what came from that address: UDP lets anybody write any sender, and nobody is to be flooded by us.

use ipnet::IpNet;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Strangers that are remembered at most; beyond, those who were quiet longest are forgotten.
const MOST: usize = 4_096;
/// All strangers together may send so many times what one may.
const TOGETHER: f64 = 20.0;
/// After so long without a fault a stranger begins anew.
const FORGIVEN: Duration = Duration::from_secs(600);
/// Whoever has registered stays known for so long after the last time.
const PROVEN: Duration = Duration::from_secs(3_600);

/// What becomes of requests of strangers that are not REGISTER.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Strangers {
    /// Nothing comes back: nobody learns that somebody is here.
    #[default]
    Drop,
    /// 403, if what came is at least as large.
    Refuse,
}

/// Settings of the door.
#[derive(Clone, PartialEq, Debug)]
pub struct DoorConfig {
    /// What becomes of strangers' requests.
    pub strangers: Strangers,
    /// Who is known: trunks, agents' hosts, and what the settings name.
    pub known: Vec<IpNet>,
    /// Messages a second from one address.
    pub rate: f64,
    /// Faults after which an address is not heard; 0: never.
    pub ban_after: u32,
    /// For how long.
    pub ban: Duration,
}

impl Default for DoorConfig {
    fn default() -> DoorConfig {
        let ban = Duration::from_secs(600);
        DoorConfig { strangers: Strangers::Drop, known: Vec::new(), rate: 5.0, ban_after: 20, ban }
    }
}

/// Who knocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Guest {
    /// Everything is looked at.
    Known,
    /// Registrations, and what belongs to calls and transactions that there are.
    Stranger,
    /// Not heard.
    Unwelcome,
}

/// What happened at the door. Counts since the start.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct DoorCounters {
    /// Messages of strangers that were dropped: banned, too many, or by policy.
    pub dropped: u64,
    /// Requests of strangers that were refused.
    pub refused: u64,
    /// Bans.
    pub bans: u64,
}

/// Messages that may still come, and when that was reckoned.
#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Option<Instant>,
}

#[derive(Debug)]
struct Stranger {
    bucket: Bucket,
    /// Messages beyond the rate, broken ones, such as were refused, and wrong passwords.
    faults: u32,
    last_fault: Instant,
    banned_until: Option<Instant>,
    /// Registered, and when.
    proven: Option<Instant>,
    /// Bytes that came and were not answered yet.
    credit: usize,
}

/// The door.
#[derive(Debug)]
pub struct Door {
    config: DoorConfig,
    strangers: HashMap<IpAddr, Stranger>,
    /// Of all strangers together.
    bucket: Bucket,
    counters: DoorCounters,
}

impl Door {
    /// A door.
    pub fn new(config: DoorConfig) -> Door {
        let bucket = Bucket { tokens: config.rate * TOGETHER, at: None };
        Door { config, strangers: HashMap::new(), bucket, counters: DoorCounters::default() }
    }

    /// What becomes of strangers' requests.
    pub fn policy(&self) -> Strangers {
        self.config.strangers
    }

    /// What happened so far.
    pub fn counters(&self) -> DoorCounters {
        self.counters
    }

    /// Addresses that are not heard at `now`.
    pub fn banned(&self, now: Instant) -> usize {
        self.strangers.values().filter(|stranger| stranger.banned_until.is_some_and(|until| until > now)).count()
    }

    /// This one is known from now on (a trunk whose name was looked up).
    pub fn welcome(&mut self, ip: IpAddr) {
        let net = IpNet::from(ip.to_canonical());
        if !self.config.known.contains(&net) {
            self.config.known.push(net);
        }
        self.strangers.remove(&ip.to_canonical());
    }

    /// A message of so many bytes came from there.
    pub fn knock(&mut self, now: Instant, ip: IpAddr, bytes: usize) -> Guest {
        let ip = ip.to_canonical();
        if self.config.known.iter().any(|net| net.contains(&ip)) {
            return Guest::Known;
        }
        self.make_room(now, ip);
        let rate = self.config.rate;
        let together = self.bucket.refill(now, rate * TOGETHER, rate * TOGETHER);
        let burst = rate * 2.0;
        let stranger = self.strangers.entry(ip).or_insert(Stranger {
            bucket: Bucket { tokens: burst, at: Some(now) },
            faults: 0,
            last_fault: now,
            banned_until: None,
            proven: None,
            credit: 0,
        });
        if stranger.banned_until.is_some_and(|until| until > now) {
            self.counters.dropped += 1;
            return Guest::Unwelcome;
        }
        if stranger.proven.is_some_and(|at| now < at + PROVEN) {
            return Guest::Known;
        }
        let own = stranger.bucket.refill(now, rate, burst);
        if !own {
            self.counters.dropped += 1;
            self.fault(now, ip);
            return Guest::Unwelcome;
        }
        if !together {
            self.counters.dropped += 1;
            return Guest::Unwelcome;
        }
        stranger.bucket.tokens -= 1.0;
        self.bucket.tokens -= 1.0;
        stranger.credit = stranger.credit.saturating_add(bytes);
        Guest::Stranger
    }

    /// Whether so many bytes may go there in answer; they are taken off what came.
    pub fn pays(&mut self, ip: IpAddr, bytes: usize) -> bool {
        let Some(stranger) = self.strangers.get_mut(&ip.to_canonical()) else { return true };
        if stranger.proven.is_some() {
            return true;
        }
        let left = stranger.credit.checked_sub(bytes);
        stranger.credit = left.unwrap_or(stranger.credit);
        left.is_some()
    }

    /// Something of a stranger's was dropped by policy.
    pub fn dropped(&mut self, now: Instant, ip: IpAddr) {
        self.counters.dropped += 1;
        self.fault(now, ip);
    }

    /// Something of a stranger's was refused.
    pub fn refused(&mut self, now: Instant, ip: IpAddr) {
        self.counters.refused += 1;
        self.fault(now, ip);
    }

    /// A stranger did wrong; true when that is the one too many.
    pub fn fault(&mut self, now: Instant, ip: IpAddr) -> bool {
        let Some(stranger) = self.strangers.get_mut(&ip.to_canonical()) else { return false };
        if now.saturating_duration_since(stranger.last_fault) > FORGIVEN {
            stranger.faults = 0;
        }
        (stranger.faults, stranger.last_fault) = (stranger.faults.saturating_add(1), now);
        if self.config.ban_after == 0 || stranger.faults < self.config.ban_after || stranger.proven.is_some() {
            return false;
        }
        stranger.faults = 0;
        stranger.banned_until = Some(now + self.config.ban);
        self.counters.bans += 1;
        true
    }

    /// Somebody there has registered with a right password.
    pub fn proven(&mut self, now: Instant, ip: IpAddr) {
        if let Some(stranger) = self.strangers.get_mut(&ip.to_canonical()) {
            (stranger.proven, stranger.faults) = (Some(now), 0);
        }
    }

    /// The list has an end: the quietest go first, never one that is banned or has registered while others are there.
    fn make_room(&mut self, now: Instant, ip: IpAddr) {
        if self.strangers.len() < MOST || self.strangers.contains_key(&ip) {
            return;
        }
        let worth = |stranger: &Stranger| {
            let banned = stranger.banned_until.is_some_and(|until| until > now);
            let proven = stranger.proven.is_some_and(|at| now < at + PROVEN);
            (proven, banned, stranger.bucket.at)
        };
        // an eighth at a time, so that a flood of new addresses does not sort the list for each
        let mut order: Vec<_> = self.strangers.iter().map(|(ip, stranger)| (worth(stranger), *ip)).collect();
        order.sort_unstable();
        order.truncate(MOST / 8);
        for (_, ip) in order {
            self.strangers.remove(&ip);
        }
    }
}

impl Bucket {
    /// Adds what time has brought, `rate` a second and no more than `most`; whether there is one.
    fn refill(&mut self, now: Instant, rate: f64, most: f64) -> bool {
        let since = self.at.replace(now).unwrap_or(now);
        self.tokens = (self.tokens + now.saturating_duration_since(since).as_secs_f64() * rate).min(most);
        self.tokens >= 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(n: u32) -> IpAddr {
        IpAddr::from((0x0a00_0000 + n).to_be_bytes())
    }

    fn door() -> (Door, Instant) {
        let known = vec!["192.0.2.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
        (Door::new(DoorConfig { known, ..DoorConfig::default() }), Instant::now())
    }

    #[test]
    fn who_is_named_is_known_however_the_address_is_written() {
        let (mut door, now) = door();
        for (text, guest) in [
            ("192.0.2.7", Guest::Known),
            ("::ffff:192.0.2.7", Guest::Known),
            ("2001:db8:1::1", Guest::Known),
            ("192.0.3.7", Guest::Stranger),
            ("2001:db9::1", Guest::Stranger),
        ] {
            assert_eq!(door.knock(now, text.parse().unwrap(), 400), guest, "{text}");
        }
        door.welcome("192.0.3.7".parse().unwrap());
        assert_eq!(door.knock(now, "192.0.3.7".parse().unwrap(), 400), Guest::Known);
    }

    #[test]
    fn a_stranger_has_a_rate_and_whoever_goes_on_is_not_heard_for_a_while() {
        let (mut door, mut now) = door();
        let heard = (0..12).filter(|_| door.knock(now, ip(1), 400) == Guest::Stranger).count();
        assert_eq!(heard, 10, "a burst of two seconds' worth");
        now += Duration::from_secs(1);
        assert_eq!(door.knock(now, ip(1), 400), Guest::Stranger);
        assert_eq!(door.banned(now), 0);
        for _ in 0..40 {
            door.knock(now, ip(1), 400);
        }
        assert_eq!((door.banned(now), door.counters().bans), (1, 1));
        now += Duration::from_secs(599);
        assert_eq!(door.knock(now, ip(1), 400), Guest::Unwelcome);
        assert_eq!(door.knock(now, ip(2), 400), Guest::Stranger, "another one is heard");
        now += Duration::from_secs(2);
        assert_eq!(door.knock(now, ip(1), 400), Guest::Stranger);
    }

    #[test]
    fn faults_add_up_and_are_forgiven() {
        let (mut door, mut now) = door();
        door.knock(now, ip(1), 400);
        assert_eq!((0..19).filter(|_| door.fault(now, ip(1))).count(), 0);
        now += FORGIVEN + Duration::from_secs(1);
        assert!(!door.fault(now, ip(1)));
        assert_eq!((0..19).filter(|_| door.fault(now, ip(1))).count(), 1);
        assert_eq!(door.knock(now, ip(1), 400), Guest::Unwelcome);
    }

    #[test]
    fn who_has_registered_is_known_and_is_not_banned() {
        let (mut door, mut now) = door();
        door.knock(now, ip(1), 400);
        door.proven(now, ip(1));
        assert!((0..100).all(|_| door.knock(now, ip(1), 400) == Guest::Known));
        assert_eq!((0..100).filter(|_| door.fault(now, ip(1))).count(), 0);
        now += PROVEN;
        assert_eq!(door.knock(now, ip(1), 400), Guest::Stranger, "not for ever");
    }

    #[test]
    fn nothing_larger_goes_out_than_came() {
        let (mut door, now) = door();
        door.knock(now, ip(1), 300);
        assert!(!door.pays(ip(1), 500));
        door.knock(now, ip(1), 300);
        assert!(door.pays(ip(1), 500) && !door.pays(ip(1), 101));
        assert!(door.pays("192.0.2.7".parse().unwrap(), 9_000), "who is known is answered");
    }

    #[test]
    fn a_flood_of_addresses_is_bounded_and_forgets_no_ban() {
        let (mut door, mut now) = door();
        door.knock(now, ip(0), 400);
        for _ in 0..20 {
            door.fault(now, ip(0));
        }
        let mut heard = 0;
        for n in 1..40_000 {
            now += Duration::from_micros(100);
            heard += usize::from(door.knock(now, ip(n), 400) == Guest::Stranger);
            assert!(door.strangers.len() <= MOST);
        }
        assert!(heard <= 100 + 400, "all together are bounded: {heard} in four seconds");
        assert_eq!(door.knock(now, ip(0), 400), Guest::Unwelcome);
    }
}
