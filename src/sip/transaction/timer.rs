//! Timers by their letters and the values behind them (RFC 3261 table 4, RFC 6026 section 7).
//!
//! Nothing here reads a clock; every deadline is computed from an `Instant` that the caller gave.

use std::time::{Duration, Instant};

/// Why something waits. Letters are those of RFC 3261 table 4 and RFC 6026; the words are the INVITE session's own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timer {
    /// INVITE request retransmission, unreliable transport.
    A,
    /// INVITE client gives up.
    B,
    /// Client absorbs repeated final responses to INVITE.
    D,
    /// Non-INVITE request retransmission, unreliable transport.
    E,
    /// Non-INVITE client gives up.
    F,
    /// INVITE server repeats its final response.
    G,
    /// INVITE server gives up waiting for the ACK.
    H,
    /// INVITE server absorbs repeated ACKs.
    I,
    /// Non-INVITE server absorbs repeated requests.
    J,
    /// Non-INVITE client absorbs repeated responses.
    K,
    /// INVITE server absorbs INVITEs after its 2xx (RFC 6026).
    L,
    /// INVITE client passes on repeated 2xx (RFC 6026).
    M,
    /// 200 ms after which the server itself says 100 (RFC 3261 17.2.1).
    Trying,
    /// The caller's patience: no final response in time, so CANCEL.
    Ring,
    /// 64*T1 after the CANCEL the INVITE counts as cancelled (RFC 3261 9.1).
    CancelWait,
    /// The user agent server repeats its 2xx until the ACK (RFC 3261 13.3.1.4).
    Repeat2xx,
    /// 64*T1 without ACK for a 2xx: BYE (RFC 3261 13.3.1.4).
    AckWait,
    /// A REFER was accepted: no final NOTIFY in time (RFC 3515).
    ReferWait,
    /// A re-INVITE that nobody answers is refused (RFC 3261 14.2).
    OfferWait,
    /// Half of the session interval: we refresh it (RFC 4028 10).
    Refresh,
    /// A refresh that collided or could not be taken is tried again (RFC 3261 14.1).
    Glare,
    /// Nobody refreshed the session: BYE (RFC 4028 10).
    SessionExpiry,
    /// A registered contact expires (RFC 3261 10.3).
    Binding,
}

impl Timer {
    /// The name as the RFC writes it, for logs.
    pub fn name(self) -> &'static str {
        match self {
            Timer::A => "A",
            Timer::B => "B",
            Timer::D => "D",
            Timer::E => "E",
            Timer::F => "F",
            Timer::G => "G",
            Timer::H => "H",
            Timer::I => "I",
            Timer::J => "J",
            Timer::K => "K",
            Timer::L => "L",
            Timer::M => "M",
            Timer::Trying => "trying",
            Timer::Ring => "ring",
            Timer::CancelWait => "cancel wait",
            Timer::Repeat2xx => "repeat 2xx",
            Timer::AckWait => "ack wait",
            Timer::ReferWait => "refer wait",
            Timer::OfferWait => "offer wait",
            Timer::Refresh => "session refresh",
            Timer::Glare => "glare",
            Timer::SessionExpiry => "session expiry",
            Timer::Binding => "binding",
        }
    }
}

/// The three base values from which all timers follow (RFC 3261 17.1.1.1, table 4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimerConfig {
    /// Estimate of the round trip, 500 ms.
    pub t1: Duration,
    /// Longest retransmission interval of non-INVITE requests and INVITE responses, 4 s.
    pub t2: Duration,
    /// Longest time a message stays in the network, 5 s.
    pub t4: Duration,
}

impl Default for TimerConfig {
    fn default() -> Self {
        TimerConfig { t1: Duration::from_millis(500), t2: Duration::from_secs(4), t4: Duration::from_secs(5) }
    }
}

impl TimerConfig {
    /// 64*T1: timers B, F, H, J, L, M, and D on unreliable transports (32 s by default).
    pub fn t1x64(&self) -> Duration {
        self.t1 * 64
    }

    /// How long to absorb leftovers: `unreliable` on UDP, nothing where the transport keeps order and delivers.
    pub(super) fn linger(reliable: bool, unreliable: Duration) -> Duration {
        if reliable { Duration::ZERO } else { unreliable }
    }
}

/// A retransmission timer: when next, and the interval that led there. Absent on reliable transports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backoff {
    /// The next retransmission.
    pub at: Instant,
    interval: Duration,
}

impl Backoff {
    /// First retransmission `interval` from now.
    pub fn start(now: Instant, interval: Duration) -> Backoff {
        Backoff { at: now + interval, interval }
    }

    /// Doubles the interval up to `cap`. Counted from the deadline, so that a late poll does not stretch the series, but never into the past.
    pub fn next(self, now: Instant, cap: Option<Duration>) -> Backoff {
        let doubled = self.interval * 2;
        let interval = cap.map_or(doubled, |cap| doubled.min(cap));
        let at = self.at + interval;
        Backoff { at: if at > now { at } else { now + interval }, interval }
    }
}

/// The earlier of an optional and a certain deadline.
pub(super) fn earlier(first: Option<(Instant, Timer)>, second: (Instant, Timer)) -> (Instant, Timer) {
    match first {
        Some(first) if first.0 < second.0 => first,
        _ => second,
    }
}
