//! How long tonight's work will take, pure: an estimate for people, from what is due, what fits at once, and how long calls took lately.

use chrono::{DateTime, TimeDelta, Utc};

/// What the estimate is made from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// Follow-ups that are due before the window closes.
    pub due: u64,
    /// Calls at the same time, over all trunks and under the engine's own limit.
    pub slots: u32,
    /// New calls a second over all trunks.
    pub per_second: f64,
    /// How long an attempt takes from its beginning to its end, on average, in seconds.
    pub mean_s: f64,
}

impl Load {
    /// How long it takes to make one attempt at each: the slower of "so many at once" and "so many a second", and one call for the last to end.
    pub fn takes(&self) -> Option<TimeDelta> {
        if self.due == 0 {
            return Some(TimeDelta::zero());
        }
        if self.slots == 0 || self.per_second <= 0.0 {
            return None;
        }
        let due = self.due as f64;
        let seconds = (due / self.per_second).max(due * self.mean_s / f64::from(self.slots)) + self.mean_s;
        TimeDelta::try_seconds(seconds.ceil() as i64)
    }

    /// When one attempt was made at each, from `now` on.
    pub fn done_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.takes().and_then(|takes| now.checked_add_signed(takes))
    }
}
