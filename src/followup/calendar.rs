//! When a follow-up is due and until when (domain.md: all three within three days after the event), and by when somebody must have contacted a customer
//! who complained (the same day or the next). Pure: days are reckoned in the customer's zone, so that a change of the clocks moves nothing.

use chrono::{DateTime, Days, Duration, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

/// A satisfaction follow-up is dialled within so many days after its event.
pub const DAYS_TO_REACH: u64 = 3;

/// When something happened: on a day, and at a moment where the list gives one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Happened {
    /// The day, in the customer's zone.
    pub on: NaiveDate,
    /// The moment.
    pub at: Option<DateTime<Utc>>,
}

/// From when on and until when a follow-up is dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// From this moment on.
    pub due_at: DateTime<Utc>,
    /// Before this moment.
    pub deadline: DateTime<Utc>,
}

/// The span of a follow-up: due `delay` after its event, ended three days after it. Where only the day is known, the delay counts in whole days (rounded up)
/// from that day's beginning, and the three days from its end: the call may come on the third day after the event, up to its midnight.
/// None where the delay leaves no time before the deadline.
pub fn span(happened: Happened, delay: Duration, zone: Tz) -> Option<Span> {
    let span = match happened.at {
        Some(at) => {
            let local = at.with_timezone(&zone).naive_local().checked_add_days(Days::new(DAYS_TO_REACH))?;
            Span { due_at: at + delay, deadline: moment(local.date(), local.time(), zone) }
        }
        None => {
            let days = u64::try_from(delay.num_seconds().max(0)).ok()?.div_ceil(24 * 3600);
            let due_on = happened.on.checked_add_days(Days::new(days))?;
            let ends_on = happened.on.checked_add_days(Days::new(DAYS_TO_REACH + 1))?;
            Span { due_at: moment(due_on, NaiveTime::MIN, zone), deadline: moment(ends_on, NaiveTime::MIN, zone) }
        }
    };
    (span.due_at < span.deadline).then_some(span)
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

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::{America::New_York, America::Santiago, Asia::Shanghai};

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn follow_ups_are_due_and_end_by_the_calendar() {
        let day = |text: &str| Happened { on: text.parse().unwrap(), at: None };
        let moment = |text: &str| Happened { on: utc(text).date_naive(), at: Some(utc(text)) };
        for (happened, hours, zone, due, deadline) in [
            (day("2026-11-14"), 0, Shanghai, "2026-11-13T16:00:00Z", "2026-11-17T16:00:00Z"),
            (day("2026-11-14"), 2, Shanghai, "2026-11-14T16:00:00Z", "2026-11-17T16:00:00Z"),
            (day("2026-11-14"), 24, Shanghai, "2026-11-14T16:00:00Z", "2026-11-17T16:00:00Z"),
            (moment("2026-11-14T08:30:00Z"), 24, Shanghai, "2026-11-15T08:30:00Z", "2026-11-17T08:30:00Z"),
            // Clocks go back on 1 November: the deadline keeps its time of day.
            (moment("2026-10-30T14:00:00Z"), 1, New_York, "2026-10-30T15:00:00Z", "2026-11-02T15:00:00Z"),
            // Midnight of 6 September does not exist in Chile.
            (day("2026-09-02"), 96 - 24, Santiago, "2026-09-05T04:00:00Z", "2026-09-06T04:00:00Z"),
        ] {
            let span = span(happened, Duration::hours(hours), zone).unwrap();
            assert_eq!((span.due_at, span.deadline), (utc(due), utc(deadline)), "{happened:?}");
        }
        assert_eq!(span(day("2026-11-14"), Duration::days(4), Shanghai), None);
    }

    #[test]
    fn a_complaint_is_answered_the_same_day_or_the_next() {
        for (opened, due) in [
            ("2026-11-18T06:59:00Z", "2026-11-18T10:00:00Z"),
            ("2026-11-18T07:00:00Z", "2026-11-19T10:00:00Z"),
            ("2026-11-18T15:59:00Z", "2026-11-19T10:00:00Z"),
            ("2026-11-18T16:00:00Z", "2026-11-19T10:00:00Z"),
        ] {
            assert_eq!(first_contact_due(utc(opened), Shanghai), utc(due), "{opened}");
        }
    }
}
