//! What follows an attempt, pure: a delay for each outcome, another time of day than before, inside the window, under the caps, before the deadline.
//!
//! Who was not reached in the morning is tried next in the afternoon or the evening, then on the next day. A customer's own wish stands above the caps.

use super::caps::Caps;
use super::window::{Window, day_start, next_day};
use crate::call::disposition::{Blame, Disposition, Retry, Verdict};
use crate::config;
use chrono::{DateTime, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;

/// The hours that parts of a day begin with, after the morning: afternoon and evening.
const PARTS: [u32; 2] = [12, 17];

/// What the retry rule needs to know of a follow-up whose attempt just ended.
#[derive(Clone, Debug)]
pub struct History {
    /// When each attempt began, the one that just ended included.
    pub begun: Vec<DateTime<Utc>>,
    /// The customer's zone.
    pub zone: Tz,
    /// After this moment the follow-up is not called any more.
    pub deadline: DateTime<Utc>,
    /// The call-back that the customer booked in this attempt.
    pub booked: Option<DateTime<Utc>>,
}

/// What happens to a follow-up after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is finished.
    Done,
    /// It is due again at this moment.
    At(DateTime<Utc>),
    /// No attempt is left or none would fall before the deadline: it ends as not reached in time; the text says which.
    NotReached(&'static str),
    /// A person has to look at it before anything is dialled again.
    Review,
}

/// The rule for one country.
#[derive(Clone, Debug)]
pub struct RetryRule {
    /// Delays by outcome.
    pub delays: config::Retry,
    /// Attempts.
    pub caps: Caps,
    /// The calling window.
    pub window: Window,
}

/// A far side that asks for more is not heeded: a day is longer than any retry of ours.
const LONGEST_WAIT: TimeDelta = TimeDelta::days(1);

/// How an outcome is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    /// After so many minutes.
    After(u32),
    /// After so many minutes, at another time of day.
    Spread(u32),
}

impl RetryRule {
    /// What follows an attempt that ended as `disposition` at `now`.
    pub fn after(&self, disposition: Disposition, history: &History, now: DateTime<Utc>) -> Next {
        self.after_wait(disposition, history, now, TimeDelta::zero())
    }

    /// The same where the far side asked for a wait (Retry-After, RFC 3261 20.33): not before it is over, at most [`LONGEST_WAIT`].
    pub fn after_wait(&self, disposition: Disposition, history: &History, now: DateTime<Utc>, wait: TimeDelta) -> Next {
        let least = now + wait.clamp(TimeDelta::zero(), LONGEST_WAIT);
        let again = match disposition.retry() {
            Retry::Never => return Next::Done,
            Retry::Review => return Next::Review,
            Retry::AtBookedTime => {
                let wished = history.booked.unwrap_or(now + TimeDelta::minutes(self.delays.break_off_min.into()));
                return self.in_window(wished.max(now), history);
            }
            Retry::Busy if disposition == Disposition::Declined => Again::Spread(self.delays.declined_min),
            Retry::Busy => Again::After(self.delays.busy_min),
            Retry::NoAnswer => Again::Spread(self.delays.no_answer_min),
            Retry::Unreachable => Again::Spread(self.delays.unreachable_min),
            Retry::Machine => Again::Spread(self.delays.machine_min),
            Retry::Congestion => Again::After(self.delays.congestion_min),
            Retry::BreakOff => Again::After(self.delays.break_off_min),
        };
        if history.begun.len() >= self.caps.follow_up as usize {
            return Next::NotReached("no attempt is left");
        }
        match again {
            Again::After(minutes) => {
                let wanted = (now + TimeDelta::minutes(minutes.into())).max(least);
                self.in_window(self.under_day_cap(wanted, history), history)
            }
            Again::Spread(minutes) => self.spread((now + TimeDelta::minutes(minutes.into())).max(least), history),
        }
    }

    /// What follows a call with its verdict: on another trunk at once where this one had no room for it (`rang`: a phone had rung), else by the outcome and by
    /// the far side's own wish. The engine and the simulated night (`sim::night`) both ask here.
    pub fn after_call(
        &self,
        verdict: &Verdict,
        rang: bool,
        others: bool,
        history: &History,
        now: DateTime<Utc>,
    ) -> Next {
        if no_room(verdict) && !rang && others {
            return self.on_another_trunk(history, now);
        }
        let wait = verdict.retry_after.map(|seconds| TimeDelta::seconds(seconds.into()));
        self.after_wait(verdict.retried_as(), history, now, wait.unwrap_or_default())
    }

    /// The same for an attempt that had no room on its trunk before anything rang: another trunk may take it at once.
    pub fn on_another_trunk(&self, history: &History, now: DateTime<Utc>) -> Next {
        if history.begun.len() >= self.caps.follow_up as usize {
            return Next::NotReached("no attempt is left");
        }
        self.in_window(self.under_day_cap(now, history), history)
    }

    fn in_window(&self, wanted: DateTime<Utc>, history: &History) -> Next {
        match self.window.next(wanted, history.zone) {
            Some(at) if at < history.deadline => Next::At(at),
            Some(_) => Next::NotReached("the deadline comes before the next attempt"),
            None => Next::NotReached("the calling window never opens"),
        }
    }

    /// Moves `wanted` to the next day of the customer on which an attempt is left.
    fn under_day_cap(&self, wanted: DateTime<Utc>, history: &History) -> DateTime<Utc> {
        let day = wanted.with_timezone(&history.zone).date_naive();
        let that_day = history.begun.iter().filter(|at| at.with_timezone(&history.zone).date_naive() == day).count();
        if that_day < self.caps.follow_up_a_day as usize { wanted } else { next_day(wanted, history.zone) }
    }

    /// The first time from `earliest` on in a part of the day in which nobody was reached yet; where all were tried, in another than the last.
    fn spread(&self, earliest: DateTime<Utc>, history: &History) -> Next {
        let earliest = self.under_day_cap(earliest, history);
        let tried: Vec<usize> = history.begun.iter().map(|at| part(*at, history.zone)).collect();
        let untried = |part: usize| !tried.contains(&part);
        let another = |part: usize| tried.last() != Some(&part);
        let found =
            self.first_in_part(earliest, history, untried).or_else(|| self.first_in_part(earliest, history, another));
        match found {
            Some(at) => Next::At(at),
            None => self.in_window(earliest, history),
        }
    }

    fn first_in_part(
        &self,
        earliest: DateTime<Utc>,
        history: &History,
        wanted: impl Fn(usize) -> bool,
    ) -> Option<DateTime<Utc>> {
        let mut from = earliest;
        // Three parts a day and three days until a deadline; a window of many pieces may take more steps.
        for _ in 0..64 {
            let at = self.window.next(from, history.zone).filter(|at| *at < history.deadline)?;
            if self.under_day_cap(at, history) == at && wanted(part(at, history.zone)) {
                return Some(at);
            }
            from = next_part(at, history.zone);
        }
        None
    }
}

/// Whether a trunk had no room for a call.
pub fn no_room(verdict: &Verdict) -> bool {
    verdict.disposition == Disposition::Congestion && verdict.blame == Blame::Trunk
}

/// The part of the day that a moment lies in: 0 morning, 1 afternoon, 2 evening.
pub fn part(at: DateTime<Utc>, zone: Tz) -> usize {
    let hour = at.with_timezone(&zone).hour();
    PARTS.iter().filter(|begins| hour >= **begins).count()
}

/// When the next part of the day begins; always later than `at`.
fn next_part(at: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
    let day = day_start(at, zone);
    let begins = PARTS.iter().map(|hour| day + TimeDelta::hours(i64::from(*hour)));
    begins.into_iter().find(|begin| *begin > at && part(*begin, zone) != part(at, zone)).unwrap_or(next_day(at, zone))
}
