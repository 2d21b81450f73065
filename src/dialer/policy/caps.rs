//! Caps and gaps, pure: how often a follow-up and a number may be tried, and how long a number is left alone between two follow-ups.

use crate::config;
use chrono::{DateTime, TimeDelta, Utc};

/// How many attempts at most; an attempt counts when its INVITE leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// For one follow-up in all.
    pub follow_up: u32,
    /// For one follow-up on one day of the customer.
    pub follow_up_a_day: u32,
    /// To one number on one day of the customer, over all follow-ups.
    pub number_a_day: u32,
    /// To one number in 30 days, over all follow-ups.
    pub number_30_days: u32,
}

impl From<&config::Dialer> for Caps {
    fn from(dialer: &config::Dialer) -> Caps {
        Caps {
            follow_up: dialer.max_attempts,
            follow_up_a_day: dialer.max_attempts_a_day,
            number_a_day: dialer.max_attempts_a_day_to_number,
            number_30_days: dialer.max_attempts_30_days_to_number,
        }
    }
}

impl Caps {
    /// The smaller of each.
    pub fn and(self, other: Caps) -> Caps {
        Caps {
            follow_up: self.follow_up.min(other.follow_up),
            follow_up_a_day: self.follow_up_a_day.min(other.follow_up_a_day),
            number_a_day: self.number_a_day.min(other.number_a_day),
            number_30_days: self.number_30_days.min(other.number_30_days),
        }
    }
}

/// How long a number is left alone for another follow-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gaps {
    /// After any attempt.
    pub attempt: TimeDelta,
    /// After a conversation.
    pub conversation: TimeDelta,
}

impl From<&config::Dialer> for Gaps {
    fn from(dialer: &config::Dialer) -> Gaps {
        Gaps {
            attempt: TimeDelta::hours(dialer.gap_attempt_h.into()),
            conversation: TimeDelta::days(dialer.gap_conversation_d.into()),
        }
    }
}

/// What a number and a follow-up have been through. Attempts whose INVITE left, and those that are open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    /// The number is on the do-not-call list, or marked wrong.
    pub blocked: bool,
    /// Attempts for this follow-up.
    pub follow_up: u32,
    /// Those of them on the customer's present day.
    pub follow_up_today: u32,
    /// Attempts to the number on the customer's present day.
    pub number_today: u32,
    /// Attempts to the number in the last 30 days.
    pub number_30_days: u32,
    /// When the number was last tried for another follow-up.
    pub other_attempt: Option<DateTime<Utc>>,
    /// When the last conversation for another follow-up ended.
    pub other_conversation: Option<DateTime<Utc>>,
}

impl Gaps {
    /// Until when the number is left alone, if it still is at `now`.
    pub fn until(&self, contact: &Contact, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let attempt = contact.other_attempt.map(|at| at + self.attempt);
        let conversation = contact.other_conversation.map(|at| at + self.conversation);
        attempt.max(conversation).filter(|until| *until > now)
    }
}
