//! The follow-up calendar (domain.md): which touch is owed when (`rule`, read by `compile`, reckoned by `touches`), and by when somebody must have contacted
//! a customer who complained (the same day or the next). Pure: days are reckoned in the customer's zone, so that a change of the clocks moves nothing.

mod compile;
mod offset;
pub mod rule;
mod touches;

#[cfg(test)]
mod tests;

pub use compile::{BUILT_IN, CalendarError, Mistake};
pub use offset::Offset;
pub use touches::{Horizon, Occurrence, Pass};

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

/// When something happened: on a day, and at a moment where the list gives one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Happened {
    /// The day, in the customer's zone.
    pub on: NaiveDate,
    /// The moment.
    pub at: Option<DateTime<Utc>>,
}

/// From when on and until when a touch is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// From this moment on.
    pub due_at: DateTime<Utc>,
    /// Before this moment.
    pub deadline: DateTime<Utc>,
}

/// Complaints opened before this hour are to be contacted the same day.
const SAME_DAY_BEFORE: u32 = 15;
/// The hour by which the contact is due.
const CONTACT_BY: u32 = 18;

/// By when a person must have contacted a customer whose complaint was opened at `opened_at`: 18:00 of the same day if it was opened before 15:00, else of the next.
pub fn first_contact_due(opened_at: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
    let local = opened_at.with_timezone(&zone).naive_local();
    let same_day = local.time() < hour(SAME_DAY_BEFORE);
    let day = if same_day { local.date() } else { local.date().succ_opt().unwrap_or(local.date()) };
    moment(day, hour(CONTACT_BY), zone)
}

fn hour(hour: u32) -> NaiveTime {
    NaiveTime::from_hms_opt(hour, 0, 0).unwrap_or(NaiveTime::MIN)
}

/// The moment at which a zone's clocks show a time; the earlier one where they show it twice, and the first moment after the gap where they never do.
pub fn moment(day: NaiveDate, time: NaiveTime, zone: Tz) -> DateTime<Utc> {
    let mut local = day.and_time(time);
    // No zone ever skipped more than a day.
    for _ in 0..=24 * 4 {
        if let Some(at) = zone.from_local_datetime(&local).earliest() {
            return at.with_timezone(&Utc);
        }
        local += Duration::minutes(15);
    }
    day.and_time(time).and_utc()
}
