//! How fast calls may start on a trunk, pure: a steady rate, a ramp after the start and after a pause, and a back-off while the trunk has no room.

use std::time::{Duration, Instant};

/// The part of the full rate with which a ramp begins.
const RAMP_FROM: f64 = 0.25;
/// The first pause after a congestion, doubled with each further one in a row.
const BACK_OFF: Duration = Duration::from_secs(1);
/// The longest pause.
const BACK_OFF_MAX: Duration = Duration::from_secs(60);

/// Lets calls start at a steady rate: one token, refilled each `1 / rate` seconds.
#[derive(Clone, Debug)]
pub struct Pacer {
    per_second: f64,
    ramp: Duration,
    ramp_since: Option<Instant>,
    next: Option<Instant>,
    held_until: Option<Instant>,
    congested: u32,
}

impl Pacer {
    /// A pacer of `per_second` calls, which are reached `ramp` after the first one.
    pub fn new(per_second: f64, ramp: Duration) -> Pacer {
        Pacer {
            per_second: per_second.clamp(0.01, 10_000.0),
            ramp,
            ramp_since: None,
            next: None,
            held_until: None,
            congested: 0,
        }
    }

    /// When the next call may start; `now` or earlier means at once.
    pub fn ready_at(&self, now: Instant) -> Instant {
        self.next.unwrap_or(now).max(self.held_until.unwrap_or(now))
    }

    /// Until when the trunk is left alone, if it still is.
    pub fn held(&self, now: Instant) -> Option<Instant> {
        self.held_until.filter(|until| *until > now)
    }

    /// Notes that a call starts at `now`.
    pub fn start(&mut self, now: Instant) {
        self.ramp_since.get_or_insert(now);
        let interval = self.interval(now);
        let base = self.next.filter(|next| now.saturating_duration_since(*next) < interval).unwrap_or(now);
        self.next = Some(base + interval);
    }

    /// Time between two calls at `now`.
    pub fn interval(&self, now: Instant) -> Duration {
        Duration::from_secs_f64(1.0 / (self.per_second * self.share(now)))
    }

    fn share(&self, now: Instant) -> f64 {
        if self.ramp.is_zero() {
            return 1.0;
        }
        let gone = self.ramp_since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        (RAMP_FROM + (1.0 - RAMP_FROM) * gone.as_secs_f64() / self.ramp.as_secs_f64()).min(1.0)
    }

    /// The trunk had no room: it is left alone for 1 s, 2 s, 4 s … up to 60 s, and then ramped up again. Gives the pause.
    pub fn congestion(&mut self, now: Instant) -> Duration {
        // Calls that were under way when the pause began say nothing new.
        if self.held(now).is_none() {
            self.congested += 1;
        }
        let pause = BACK_OFF.saturating_mul(1 << (self.congested.max(1) - 1).min(10)).min(BACK_OFF_MAX);
        self.hold(now + pause);
        pause
    }

    /// Leaves the trunk alone until a moment, and ramps it up from there.
    pub fn hold(&mut self, until: Instant) {
        if self.held_until.is_none_or(|held| held < until) {
            self.held_until = Some(until);
            self.ramp_since = Some(until);
        }
    }

    /// The trunk carried a call: the next congestion is a first one again.
    pub fn carried(&mut self) {
        self.congested = 0;
    }

    /// No call before `at`: another engine has used this moment.
    pub fn not_before(&mut self, at: Instant) {
        self.next = Some(self.next.map_or(at, |next| next.max(at)));
    }
}
