//! Nonces that prove themselves (RFC 7616 3.3): made at this time, for this address, by us. Nothing is kept of those that were only handed out; of each
//! that served for a right answer its count is kept, which must grow, so that nothing recorded on the wire can be sent again.

use crate::sip::endpoint::Tokens;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// How long a nonce is good for.
const LIFE: Duration = Duration::from_secs(600);
/// Most nonces whose count is kept; beyond that the oldest go stale before their time.
const MAX_USED: usize = 16_384;
/// Bytes of the keyed hash that a nonce carries.
const PROOF: usize = 16;

/// A nonce taken apart: milliseconds since the first one, and a random number. Ordered by age.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Nonce {
    at: u64,
    salt: u64,
}

/// Makes nonces and knows its own again.
#[derive(Default)]
pub(super) struct Nonces {
    /// Drawn at the first nonce, with the moment that all of them count from.
    origin: Option<(Instant, [u8; 32])>,
    used: BTreeMap<Nonce, u32>,
    /// This one and those before it are stale, since their counts were given up.
    floor: Option<Nonce>,
}

impl Nonces {
    /// A fresh nonce for who asks from this address.
    pub fn issue(&mut self, now: Instant, peer: IpAddr, tokens: &mut Tokens) -> String {
        let (epoch, key) = *self.origin.get_or_insert_with(|| (now, tokens.key()));
        let nonce = Nonce { at: millis(now - epoch), salt: tokens.number() };
        format!("{:016x}{:016x}{}", nonce.at, nonce.salt, proof(&key, nonce, peer))
    }

    /// Whether the text is a nonce of ours, for this address, not too old, and whether `nc` is higher than any count before. Without it: stale.
    pub fn is_fresh(&self, now: Instant, peer: IpAddr, text: &str, nc: u32) -> Option<Nonce> {
        let (epoch, key) = self.origin?;
        if !text.is_ascii() {
            return None;
        }
        let (at, rest) = text.split_at_checked(16)?;
        let (salt, given) = rest.split_at_checked(16)?;
        let nonce = Nonce { at: u64::from_str_radix(at, 16).ok()?, salt: u64::from_str_radix(salt, 16).ok()? };
        if !crate::sip::auth::equal(given.as_bytes(), proof(&key, nonce, peer).as_bytes()) {
            return None;
        }
        let age = millis(now.saturating_duration_since(epoch)).checked_sub(nonce.at)?;
        let known = self.used.get(&nonce).copied();
        let counted_out = known.is_none() && self.floor.is_some_and(|floor| nonce <= floor);
        let fresh = age < millis(LIFE) && !counted_out && known.is_none_or(|last| nc > last);
        fresh.then_some(nonce)
    }

    /// The nonce served with this count.
    pub fn used(&mut self, now: Instant, nonce: Nonce, nc: u32) {
        self.used.insert(nonce, nc);
        let Some((epoch, _)) = self.origin else { return };
        let elapsed = millis(now.saturating_duration_since(epoch));
        while let Some((oldest, _)) = self.used.first_key_value() {
            if oldest.at.saturating_add(millis(LIFE)) > elapsed && self.used.len() <= MAX_USED {
                return;
            }
            self.floor = self.floor.max(Some(*oldest));
            self.used.pop_first();
        }
    }

    #[cfg(test)]
    pub fn kept(&self) -> usize {
        self.used.len()
    }
}

/// SHA-256 over key, nonce and address, cut to half: of fixed length but for the address at its end, and cut, so that nothing can be appended.
fn proof(key: &[u8; 32], nonce: Nonce, peer: IpAddr) -> String {
    let mut hash = Sha256::new();
    hash.update(key);
    hash.update(nonce.at.to_be_bytes());
    hash.update(nonce.salt.to_be_bytes());
    match peer {
        IpAddr::V4(ip) => hash.update(ip.octets()),
        IpAddr::V6(ip) => hash.update(ip.octets()),
    }
    hash.finalize().iter().take(PROOF).map(|byte| format!("{byte:02x}")).collect()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
