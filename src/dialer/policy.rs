//! Dialling policy, pure: who may be called at all, when, how soon again, and how fast calls may start.
//!
//! Never asks a clock: `now` is an argument. Windows are in the customer's own IANA zone (domain.md: never call at an inconvenient time).

use crate::call::disposition::{Disposition, Retry};
use crate::config;
use crate::phone::E164;
use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc, Weekday};
use chrono_tz::Tz;
use std::time::{Duration, Instant};

/// The hours in which a call may start, in the customer's local time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    open: NaiveTime,
    close: NaiveTime,
    weekdays: [bool; 7],
}

/// What the window says about a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// A call may start.
    Open,
    /// Not before this moment.
    From(DateTime<Utc>),
    /// The window never opens.
    Never,
}

impl From<&config::Window> for Window {
    fn from(window: &config::Window) -> Window {
        let mut weekdays = [false; 7];
        for day in window.weekdays.iter().filter_map(|day| day.parse::<Weekday>().ok()) {
            weekdays[day.num_days_from_monday() as usize] = true;
        }
        Window { open: window.open, close: window.close, weekdays }
    }
}

impl Window {
    /// Whether a call may start at `now` for a customer in `zone`, or when.
    pub fn opening(&self, now: DateTime<Utc>, zone: Tz) -> Opening {
        let local = now.with_timezone(&zone);
        if self.has(local.date_naive()) && (self.open..self.close_bound()).contains(&local.time()) {
            return Opening::Open;
        }
        let today = local.date_naive();
        let opens = (0..=8).filter_map(|ahead| today.checked_add_days(Days::new(ahead)));
        let opens = opens.filter(|day| self.has(*day)).filter_map(|day| self.opens_on(day, zone));
        opens.into_iter().find(|opens| *opens > now).map_or(Opening::Never, Opening::From)
    }

    fn has(&self, day: NaiveDate) -> bool {
        self.weekdays[day.weekday().num_days_from_monday() as usize]
    }

    /// `24:00` is kept as the last second of the day; that second belongs to the window.
    fn close_bound(&self) -> NaiveTime {
        if self.close == config::END_OF_DAY {
            NaiveTime::from_hms_milli_opt(23, 59, 59, 1_999).unwrap_or(self.close)
        } else {
            self.close
        }
    }

    /// The first existing moment at or after the opening time of `day`; a clock change may skip the opening time itself.
    fn opens_on(&self, day: NaiveDate, zone: Tz) -> Option<DateTime<Utc>> {
        (0..=180).find_map(|minute| {
            let local = day.and_time(self.open).checked_add_signed(TimeDelta::minutes(minute))?;
            let inside = local.date() == day && local.time() < self.close_bound();
            zone.from_local_datetime(&local).earliest().filter(|_| inside).map(|at| at.to_utc())
        })
    }
}

/// Whether `number` begins with one of the allowed prefixes. An empty list allows nobody.
pub fn allowed(number: &E164, prefixes: &[String]) -> bool {
    prefixes.iter().any(|prefix| number.as_str().starts_with(prefix.as_str()))
}

/// Whether a number may be dialled at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// Yes.
    Dial,
    /// Not before this moment: the customer's calling window is closed.
    NotBefore(DateTime<Utc>),
    /// No: the window never opens.
    NeverOpen,
    /// No: no prefix of the allow-list fits.
    NotAllowed,
}

/// Judges a number for a customer in `zone` at `now`: the allow-list first, then the window.
pub fn permit(number: &E164, prefixes: &[String], window: &Window, zone: Tz, now: DateTime<Utc>) -> Permit {
    if !allowed(number, prefixes) {
        return Permit::NotAllowed;
    }
    match window.opening(now, zone) {
        Opening::Open => Permit::Dial,
        Opening::From(at) => Permit::NotBefore(at),
        Opening::Never => Permit::NeverOpen,
    }
}

/// What the retry rule needs to know of a follow-up whose attempt just ended.
#[derive(Clone, Debug)]
pub struct History {
    /// Attempts so far, this one included.
    pub attempts: u32,
    /// Attempts on the customer's present day, this one included.
    pub attempts_today: u32,
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

/// The rule of `dialer` settings: caps, delays, window.
#[derive(Clone, Debug)]
pub struct RetryRule {
    /// Delays by outcome.
    pub delays: config::Retry,
    /// Attempts in all.
    pub max_attempts: u32,
    /// Attempts a day.
    pub max_attempts_a_day: u32,
    /// The calling window.
    pub window: Window,
}

impl From<&config::Dialer> for RetryRule {
    fn from(dialer: &config::Dialer) -> RetryRule {
        RetryRule {
            delays: dialer.retry.clone(),
            max_attempts: dialer.max_attempts,
            max_attempts_a_day: dialer.max_attempts_a_day,
            window: Window::from(&dialer.window),
        }
    }
}

impl RetryRule {
    /// What follows an attempt that ended as `disposition` at `now`.
    pub fn after(&self, disposition: Disposition, history: &History, now: DateTime<Utc>) -> Next {
        let minutes = match disposition.retry() {
            Retry::Never => return Next::Done,
            Retry::Review => return Next::Review,
            Retry::AtBookedTime => None,
            Retry::Busy => Some(self.delays.busy_min),
            Retry::NoAnswer => Some(self.delays.no_answer_min),
            Retry::Unreachable => Some(self.delays.unreachable_min),
            Retry::Congestion => Some(self.delays.congestion_min),
            Retry::BreakOff => Some(self.delays.break_off_min),
        };
        // The customer's own wish stands above the cap of attempts: it is an appointment.
        let wanted = match (minutes, history.booked) {
            (None, Some(booked)) => booked.max(now),
            (None, None) => now + TimeDelta::minutes(self.delays.break_off_min.into()),
            (Some(_), _) if history.attempts >= self.max_attempts => return Next::NotReached("no attempt is left"),
            (Some(minutes), _) => self.within_day_cap(now + TimeDelta::minutes(minutes.into()), history, now),
        };
        match self.window.opening(wanted, history.zone) {
            Opening::Open => self.before_deadline(wanted, history),
            Opening::From(at) => self.before_deadline(at, history),
            Opening::Never => Next::NotReached("the calling window never opens"),
        }
    }

    fn before_deadline(&self, at: DateTime<Utc>, history: &History) -> Next {
        if at < history.deadline {
            Next::At(at)
        } else {
            Next::NotReached("the deadline comes before the next attempt")
        }
    }

    /// Moves `wanted` to the customer's next day when today's attempts are used up.
    fn within_day_cap(&self, wanted: DateTime<Utc>, history: &History, now: DateTime<Utc>) -> DateTime<Utc> {
        let today = now.with_timezone(&history.zone).date_naive();
        let same_day = wanted.with_timezone(&history.zone).date_naive() == today;
        if !same_day || history.attempts_today < self.max_attempts_a_day {
            return wanted;
        }
        let midnight = today.checked_add_days(Days::new(1)).and_then(|day| {
            (0..24).find_map(|hour| history.zone.from_local_datetime(&day.and_hms_opt(hour, 0, 0)?).earliest())
        });
        midnight.map_or(wanted + TimeDelta::days(1), |at| at.to_utc())
    }
}

/// Lets calls start at a steady rate: one token, refilled each `1 / rate` seconds.
#[derive(Clone, Debug)]
pub struct Pacer {
    interval: Duration,
    next: Option<Instant>,
}

impl Pacer {
    /// A pacer of `per_second` calls.
    pub fn new(per_second: f64) -> Pacer {
        Pacer { interval: Duration::from_secs_f64(1.0 / per_second.clamp(0.01, 10_000.0)), next: None }
    }

    /// When the next call may start; `now` or earlier means at once.
    pub fn ready_at(&self, now: Instant) -> Instant {
        self.next.unwrap_or(now)
    }

    /// Notes that a call starts at `now`.
    pub fn start(&mut self, now: Instant) {
        let base = self.next.filter(|next| now.saturating_duration_since(*next) < self.interval).unwrap_or(now);
        self.next = Some(base + self.interval);
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
