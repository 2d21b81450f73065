//! Wrong sign-ins slow down further ones for the same name: free at first, then twice as long each time. Counted by each engine for itself, in memory.
//! Nobody is locked out for good: whoever knows a name can make its owner wait a minute, not more.

use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

/// Wrong sign-ins that cost nothing.
const FREE: u32 = 5;
/// The longest wait, in seconds.
const LONGEST_S: i64 = 60;
/// After so many seconds without another one, wrong sign-ins are forgotten.
const FORGOTTEN_S: i64 = 15 * 60;
/// Names that are remembered; the oldest goes first.
const MOST: usize = 4096;

/// What went wrong of late, by name.
#[derive(Default)]
pub struct Throttle(Mutex<HashMap<[u8; 32], Wrong>>);

#[derive(Clone, Copy)]
struct Wrong {
    times: u32,
    at: i64,
}

impl Throttle {
    /// Seconds until this name may try again; 0: now. Times are Unix seconds.
    pub fn wait(&self, name: &str, now: i64) -> i64 {
        let Some(wrong) = self.lock().get(&key(name)).copied() else { return 0 };
        if now - wrong.at >= FORGOTTEN_S || wrong.times < FREE {
            return 0;
        }
        let wait = 1i64.checked_shl(wrong.times - FREE).map_or(LONGEST_S, |wait| wait.min(LONGEST_S));
        (wrong.at + wait - now).clamp(0, LONGEST_S)
    }

    /// Counts a sign-in that is about to be tried, before its outcome is known: many at once are no way around. [`Self::right`] takes it back.
    pub fn tried(&self, name: &str, now: i64) {
        let mut known = self.lock();
        if known.len() >= MOST {
            known.retain(|_, wrong| now - wrong.at < FORGOTTEN_S);
        }
        if known.len() >= MOST
            && let Some(oldest) = known.iter().min_by_key(|(_, wrong)| wrong.at).map(|(key, _)| *key)
        {
            known.remove(&oldest);
        }
        let wrong = known.entry(key(name)).or_insert(Wrong { times: 0, at: now });
        if now - wrong.at >= FORGOTTEN_S {
            wrong.times = 0;
        }
        *wrong = Wrong { times: wrong.times.saturating_add(1), at: now };
    }

    /// It was right: what went before is forgotten.
    pub fn right(&self, name: &str) {
        self.lock().remove(&key(name));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Wrong>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Names as typed may hold anything, also a password: only their hash is kept.
fn key(name: &str) -> [u8; 32] {
    Sha256::digest(name.to_lowercase().as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wrong_sign_in_doubles_the_wait() {
        let throttle = Throttle::default();
        let mut waits = Vec::new();
        let mut now = 0;
        for _ in 0..13 {
            throttle.tried("Li", now);
            waits.push(throttle.wait("li", now));
            now += waits.last().unwrap();
        }
        assert_eq!(waits, [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(throttle.wait("wang", now), 0, "others do not wait");
        throttle.tried("li", now);
        assert_eq!((throttle.wait("li", now + 59), throttle.wait("li", now + 60)), (1, 0));
        assert_eq!(throttle.wait("li", now + FORGOTTEN_S), 0);
        throttle.right("LI");
        assert_eq!(throttle.wait("li", now), 0);
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let throttle = Throttle::default();
        for n in 0..10_000 {
            throttle.tried(&format!("name {n}"), n);
        }
        let known = throttle.lock();
        assert!(known.len() <= MOST && known.values().any(|wrong| wrong.at == 9_999), "{}", known.len());
    }
}
