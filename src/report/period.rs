//! Days of the dealer's zone as instants: where a day begins and ends, also where summer time moves midnight.

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// Days from `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// First day.
    pub first: NaiveDate,
    /// Last day.
    pub last: NaiveDate,
}

impl Period {
    /// The day that it is in `zone` at `now`.
    pub fn today(now: DateTime<Utc>, zone: Tz) -> Period {
        let today = now.with_timezone(&zone).date_naive();
        Period { first: today, last: today }
    }

    /// The day before `today`.
    pub fn day_before(today: NaiveDate) -> Period {
        let day = today.pred_opt().unwrap_or(today);
        Period { first: day, last: day }
    }

    /// The last week, Monday to Sunday, that was over before `today`.
    pub fn week_before(today: NaiveDate) -> Period {
        let back = u64::from(today.weekday().num_days_from_monday());
        let last = today.checked_sub_days(Days::new(back + 1)).unwrap_or(today);
        Period { first: last.checked_sub_days(Days::new(6)).unwrap_or(last), last }
    }

    /// The last month that was over before `today`.
    pub fn month_before(today: NaiveDate) -> Period {
        let last = today.with_day(1).and_then(|first| first.pred_opt()).unwrap_or(today);
        Period { first: last.with_day(1).unwrap_or(last), last }
    }

    /// First instant of the first day, and first instant after the last day.
    pub fn bounds(&self, zone: Tz) -> (DateTime<Utc>, DateTime<Utc>) {
        let after = self.last.checked_add_days(Days::new(1)).unwrap_or(self.last);
        (begin(self.first, zone), begin(after, zone))
    }

    /// How many days; 0 when the last is before the first.
    pub fn days(&self) -> u64 {
        u64::try_from((self.last - self.first).num_days() + 1).unwrap_or(0)
    }

    /// Each day in turn.
    pub fn each(&self) -> impl Iterator<Item = NaiveDate> + use<> {
        let last = self.last;
        self.first.iter_days().take_while(move |day| *day <= last)
    }
}

/// The first instant of a day; where the clock jumps over midnight, the moment it jumps to.
fn begin(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let midnight = day.and_time(chrono::NaiveTime::MIN);
    (0..=3)
        .find_map(|hours| zone.from_local_datetime(&(midnight + TimeDelta::hours(hours))).earliest())
        .map_or_else(|| midnight.and_utc(), |local| local.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn the_periods_before_a_day() {
        for (today, week, month) in [
            ("2026-11-27", ("2026-11-16", "2026-11-22"), ("2026-10-01", "2026-10-31")),
            ("2026-11-23", ("2026-11-16", "2026-11-22"), ("2026-10-01", "2026-10-31")),
            ("2026-11-22", ("2026-11-09", "2026-11-15"), ("2026-10-01", "2026-10-31")),
            ("2026-03-01", ("2026-02-16", "2026-02-22"), ("2026-02-01", "2026-02-28")),
        ] {
            let period = |(first, last)| Period { first: day(first), last: day(last) };
            assert_eq!(Period::week_before(day(today)), period(week), "{today}");
            assert_eq!(Period::month_before(day(today)), period(month), "{today}");
        }
        assert_eq!(Period::day_before(day("2026-03-01")).last, day("2026-02-28"));
    }

    #[test]
    fn a_day_in_shanghai_begins_at_sixteen_utc() {
        let (from, to) = Period { first: day("2026-11-22"), last: day("2026-11-23") }.bounds(chrono_tz::Asia::Shanghai);
        assert_eq!(
            (from.to_rfc3339(), to.to_rfc3339()),
            ("2026-11-21T16:00:00+00:00".into(), "2026-11-23T16:00:00+00:00".into())
        );
    }

    #[test]
    fn a_day_without_midnight_begins_where_the_clock_jumps_to() {
        let (from, to) =
            Period { first: day("2018-11-04"), last: day("2018-11-04") }.bounds(chrono_tz::America::Sao_Paulo);
        assert_eq!((from.to_rfc3339(), (to - from).num_hours()), ("2018-11-04T03:00:00+00:00".into(), 23));
    }

    #[test]
    fn days_are_counted_with_both_ends() {
        let period = Period { first: day("2026-11-01"), last: day("2026-11-07") };
        assert_eq!((period.days(), period.each().count()), (7, 7));
        assert_eq!(Period { first: day("2026-11-02"), last: day("2026-11-01") }.days(), 0);
    }
}
