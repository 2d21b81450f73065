//! Which challenges a phone is offered: SHA-256 and MD5, as RFC 8760 wants it, but MD5 alone for a phone that cannot cope with both.
//!
//! There are phones (baresip up to 1.0 is one) that give up when any challenge names an algorithm unknown to them, even beside one that they know. Who
//! was offered both and comes again without an answer gets MD5 alone from then on. That weakens nothing: MD5 is offered to everybody.

use crate::sip::auth::HashAlgorithm;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const SHA256: HashAlgorithm = HashAlgorithm::Sha256 { sess: false };
const MD5: HashAlgorithm = HashAlgorithm::Md5 { sess: false };

/// Everything that may be answered, in the order in which it is offered: a client takes the first that it can (RFC 8760 2.3).
pub(super) const ALL: &[HashAlgorithm] = &[SHA256, MD5];
/// So long without a word a phone is forgotten.
const MEMORY: Duration = Duration::from_secs(3600);
/// Most phones remembered. Beyond that all are forgotten, which costs some of them one more REGISTER.
const MAX_PHONES: usize = 16_384;

/// What became of the last challenge to a phone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    /// Both were offered, no answer yet.
    Open,
    /// It was answered.
    Answered,
    /// It came again without an answer: MD5 alone.
    TooMuch,
}

/// Phones by where they send from.
#[derive(Default)]
pub(super) struct Offers(HashMap<SocketAddr, (Last, Instant)>);

impl Offers {
    /// What to offer to a phone that brought no answer, or a wrong one.
    pub fn next(&mut self, now: Instant, phone: SocketAddr) -> &'static [HashAlgorithm] {
        let known = self.0.get(&phone).filter(|(_, at)| now.saturating_duration_since(*at) < MEMORY);
        let (last, offered) = match known {
            Some((Last::Open | Last::TooMuch, _)) => (Last::TooMuch, &ALL[1..]),
            Some((Last::Answered, _)) | None => (Last::Open, ALL),
        };
        if self.0.len() >= MAX_PHONES && !self.0.contains_key(&phone) {
            self.0.clear();
        }
        self.0.insert(phone, (last, now));
        offered
    }

    /// The phone answered a challenge of ours with this algorithm, rightly or not.
    pub fn answered(&mut self, now: Instant, phone: SocketAddr, algorithm: HashAlgorithm) {
        if let Some((last, at)) = self.0.get_mut(&phone) {
            *at = now;
            if *last == Last::Open || algorithm == SHA256 {
                *last = Last::Answered;
            }
        }
    }
}
