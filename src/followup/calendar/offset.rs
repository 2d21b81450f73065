//! A length of time as calendars say it: `3d`, `24h`, `2mo 7d`, `-30d`. Months and days are the calendar's (a month after 31 January is the end of February),
//! hours are elapsed time. Pure.

use super::{Happened, moment};
use chrono::{DateTime, Days, Duration, Months, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use std::fmt;
use std::ops::{Add, Mul};
use std::str::FromStr;

/// No offset is longer than this many years.
const MAX_YEARS: i32 = 20;

/// Months, days and hours, all of one sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offset {
    /// Calendar months.
    pub months: i32,
    /// Calendar days.
    pub days: i32,
    /// Hours.
    pub hours: i32,
}

impl Offset {
    /// So many hours.
    pub fn hours(hours: i32) -> Offset {
        Offset { hours, ..Offset::default() }
    }

    /// So many days.
    pub fn days(days: i32) -> Offset {
        Offset { days, ..Offset::default() }
    }

    /// A rough length in hours, for comparing two offsets of one rule.
    pub fn rough_hours(self) -> i64 {
        i64::from(self.months) * 730 + i64::from(self.days) * 24 + i64::from(self.hours)
    }

    /// `day`, so much later; hours count as whole days, rounded up.
    pub fn after_day(self, day: NaiveDate) -> Option<NaiveDate> {
        let day = shift(day, self.months, self.days)?;
        let whole_days = self.hours.div_euclid(24) + i32::from(self.hours.rem_euclid(24) > 0);
        shift(day, 0, whole_days)
    }

    /// The day that is so much before `day`, or a little earlier: `after_day` of no earlier day reaches `day`.
    pub fn day_before(self, day: NaiveDate) -> Option<NaiveDate> {
        // A month's end moves by up to three days, an hour to the next whole day, a moment's zone by another.
        shift(day, -self.months, -self.days - self.hours.div_euclid(24) - 6)
    }

    /// The moment so much after an event; where only its day is known, the beginning of the day that comes out.
    pub fn after(self, happened: Happened, zone: Tz) -> Option<DateTime<Utc>> {
        match happened.at {
            None => Some(moment(self.after_day(happened.on)?, NaiveTime::MIN, zone)),
            Some(at) => {
                let local = at.with_timezone(&zone).naive_local();
                let day = shift(local.date(), self.months, self.days)?;
                let day_given = (self.months, self.days) != (0, 0);
                let base = if day_given { moment(day, local.time(), zone) } else { at };
                base.checked_add_signed(Duration::hours(self.hours.into()))
            }
        }
    }
}

fn shift(day: NaiveDate, months: i32, days: i32) -> Option<NaiveDate> {
    let by = Months::new(months.unsigned_abs());
    let day = if months < 0 { day.checked_sub_months(by)? } else { day.checked_add_months(by)? };
    let by = Days::new(days.unsigned_abs().into());
    if days < 0 { day.checked_sub_days(by) } else { day.checked_add_days(by) }
}

impl Add for Offset {
    type Output = Offset;
    fn add(self, other: Offset) -> Offset {
        Offset { months: self.months + other.months, days: self.days + other.days, hours: self.hours + other.hours }
    }
}

impl Mul<u32> for Offset {
    type Output = Offset;
    fn mul(self, times: u32) -> Offset {
        let times = i32::try_from(times).unwrap_or(i32::MAX);
        Offset {
            months: self.months.saturating_mul(times),
            days: self.days.saturating_mul(times),
            hours: self.hours.saturating_mul(times),
        }
    }
}

impl FromStr for Offset {
    type Err = String;

    fn from_str(text: &str) -> Result<Offset, String> {
        let wrong = || format!("`{text}` is no length of time (as 3d, 24h, 2mo 7d, -30d)");
        let (sign, rest) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text),
        };
        let mut offset = Offset::default();
        if rest.trim().is_empty() {
            return Err(wrong());
        }
        for part in rest.split_whitespace() {
            let unit_at = part.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
            let (number, unit) = part.split_at(unit_at);
            let number: i32 = number.parse().map_err(|_| wrong())?;
            let (field, most) = match unit {
                "mo" => (&mut offset.months, MAX_YEARS * 12),
                "d" => (&mut offset.days, MAX_YEARS * 366),
                "h" => (&mut offset.hours, 24 * 366),
                _ => return Err(wrong()),
            };
            if *field != 0 || number > most {
                return Err(wrong());
            }
            *field = sign * number;
        }
        Ok(offset)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        for (number, unit) in [(self.months, "mo"), (self.days, "d"), (self.hours, "h")] {
            if number != 0 {
                parts.push(format!("{}{unit}", number.unsigned_abs()));
            }
        }
        let sign = if self.rough_hours() < 0 { "-" } else { "" };
        if parts.is_empty() { f.write_str("0d") } else { write!(f, "{sign}{}", parts.join(" ")) }
    }
}
