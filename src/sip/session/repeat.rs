//! The user agent server's own repetition of a 2xx until its ACK comes (RFC 3261 13.3.1.4): T1 doubling to T2, 64*T1 in all, on every transport.

use crate::sip::transaction::{Backoff, Timer, TimerConfig};
use std::time::Instant;

use super::context::{Cx, Effect, Sent};

/// A 2xx that waits for its ACK.
pub(super) struct Repeat {
    sent: Sent,
    /// CSeq number of the INVITE, which the ACK bears too.
    cseq: u32,
    next: Backoff,
    give_up: Instant,
}

impl Repeat {
    /// The 2xx has just been sent.
    pub fn start(sent: Sent, cseq: u32, timers: &TimerConfig, now: Instant) -> Repeat {
        Repeat { sent, cseq, next: Backoff::start(now, timers.t1), give_up: now + timers.t1x64() }
    }

    /// Whether an ACK with this CSeq number ends the waiting.
    pub fn is_acked_by(&self, cseq: u32) -> bool {
        self.cseq == cseq
    }

    /// Sends again if it is time; false when the time is up.
    pub fn time(&mut self, cx: &mut Cx) -> bool {
        if cx.now >= self.give_up {
            return false;
        }
        if cx.now >= self.next.at {
            self.next = self.next.next(cx.now, Some(cx.config.timers.t2));
            cx.effects.push(Effect::Again(self.sent.clone()));
        }
        true
    }

    pub fn poll_timeout(&self) -> (Instant, Timer) {
        if self.next.at < self.give_up { (self.next.at, Timer::Repeat2xx) } else { (self.give_up, Timer::AckWait) }
    }
}
