//! Reckoning with rules: which touches one of them makes of one event, and which days of events can have made a touch that is due now. Pure: time is an argument,
//! days are reckoned in the customer's zone, so that a change of the clocks moves nothing.

use super::rule::{Anchor, Rule};
use super::{Happened, Offset, Span};
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use chrono_tz::Tz;
use std::fmt;

/// Between which moments touches are planned: those that are not over at `now` and become due before `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Horizon {
    /// Now.
    pub now: DateTime<Utc>,
    /// Until when it is planned.
    pub until: DateTime<Utc>,
}

/// Which of a rule's touches: how its rows are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occurrence {
    /// The nth of a repeated one; 0 is the first and, mostly, the only one.
    Nth(u32),
    /// The one of a year.
    InYear(i32),
    /// The one of this day (a holiday, whoever the customer is).
    OnDay(NaiveDate),
    /// The one of the subject's own date (an insurance that runs out): another date is another touch.
    OwnDate,
}

impl Occurrence {
    /// The text by which the store tells it from the rule's others; `on` is the subject's own date.
    pub fn label(self, on: NaiveDate) -> String {
        match self {
            Occurrence::Nth(n) => n.to_string(),
            Occurrence::InYear(year) => year.to_string(),
            Occurrence::OnDay(day) => day.to_string(),
            Occurrence::OwnDate => on.to_string(),
        }
    }
}

/// Part of the planning of one rule: subjects whose own date lies in these days may have this touch due. A few days more than exact at either end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Which touch.
    pub occurrence: Occurrence,
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
}

impl fmt::Display for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {} to {}", self.occurrence, self.from, self.to)
    }
}

impl Rule {
    /// What has to be looked at so that every touch within the horizon is found. `delay` stands for a `due` that is left out.
    pub fn passes(&self, horizon: Horizon, delay: Offset) -> Vec<Pass> {
        let first = horizon.now.date_naive();
        let last = horizon.until.date_naive();
        let days = |n: u32| -> Option<(NaiveDate, NaiveDate)> {
            let (due, until) = self.offsets(n, delay);
            let after = due.day_before(last)?;
            // `day_before` is early by a few days; the last day has to be late by as many.
            Some((until.day_before(first)?, after.checked_add_days(chrono::Days::new(12))?))
        };
        match self.anchor {
            Anchor::Visit | Anchor::Delivery | Anchor::Repair => {
                let times = self.repeat.map_or(1, |repeat| repeat.times);
                let pass = |n| days(n).map(|(from, to)| Pass { occurrence: Occurrence::Nth(n), from, to });
                (0..times).filter_map(pass).collect()
            }
            Anchor::InsuranceEnd | Anchor::LicenceEnd | Anchor::InspectionDue => {
                let pass = days(0).map(|(from, to)| Pass { occurrence: Occurrence::OwnDate, from, to });
                pass.into_iter().collect()
            }
            Anchor::Birthday | Anchor::PurchaseAnniversary => {
                let Some((from, to)) = days(0) else { return Vec::new() };
                let pass = |year| {
                    let within = |day: NaiveDate, edge| if day.year() == year { Some(day) } else { edge };
                    Some(Pass {
                        occurrence: Occurrence::InYear(year),
                        from: within(from, NaiveDate::from_ymd_opt(year, 1, 1))?,
                        to: within(to, NaiveDate::from_ymd_opt(year, 12, 31))?,
                    })
                };
                (from.year()..=to.year()).filter_map(pass).collect()
            }
            Anchor::Holiday => {
                let Some((from, to)) = days(0) else { return Vec::new() };
                let years = from.year()..=to.year();
                let all = years.flat_map(|year| self.dates.iter().filter_map(move |date| date.in_year(year)));
                let near = all.filter(|day| (from..=to).contains(day));
                near.map(|day| Pass { occurrence: Occurrence::OnDay(day), from: day, to: day }).collect()
            }
        }
    }

    /// From when until when one touch is made of what happened. `happened` is the subject's own date (a birth, a purchase); none where the touch does not exist
    /// (an anniversary of the very day), or has no time left.
    pub fn touch(&self, occurrence: Occurrence, happened: Happened, delay: Offset, zone: Tz) -> Option<Span> {
        let (nth, happened) = match occurrence {
            Occurrence::Nth(n) => (n, happened),
            Occurrence::OwnDate => (0, happened),
            Occurrence::OnDay(day) => (0, Happened { on: day, at: None }),
            Occurrence::InYear(year) => {
                if year <= happened.on.year() {
                    return None;
                }
                // 29 February is kept on the 28th where the year has none.
                let on = happened.on.with_year(year).or_else(|| NaiveDate::from_ymd_opt(year, 2, 28))?;
                (0, Happened { on, at: None })
            }
        };
        let (due, until) = self.offsets(nth, delay);
        let end = match happened.at {
            Some(_) => until.after(happened, zone)?,
            // The end of the day: the beginning of the next.
            None => Offset::days(1).after(Happened { on: until.after_day(happened.on)?, at: None }, zone)?,
        };
        let span = Span { due_at: due.after(happened, zone)?, deadline: end };
        (span.due_at < span.deadline).then_some(span)
    }

    /// The same, only where the touch lies within the horizon.
    pub fn due_touch(
        &self,
        occurrence: Occurrence,
        happened: Happened,
        delay: Offset,
        zone: Tz,
        horizon: Horizon,
    ) -> Option<Span> {
        let span = self.touch(occurrence, happened, delay, zone)?;
        (span.due_at < horizon.until && span.deadline > horizon.now).then_some(span)
    }

    /// True where an event owes at least one touch that is not over at `now`, sooner or later.
    pub fn still_owes(&self, happened: Happened, delay: Offset, zone: Tz, now: DateTime<Utc>) -> bool {
        let last = self.repeat.map_or(0, |repeat| repeat.times.saturating_sub(1));
        self.touch(Occurrence::Nth(last), happened, delay, zone).is_some_and(|span| span.deadline > now)
    }

    fn offsets(&self, nth: u32, delay: Offset) -> (Offset, Offset) {
        let later = self.repeat.map_or(Offset::default(), |repeat| repeat.every * nth);
        (self.due.unwrap_or(delay) + later, self.until + later)
    }
}
