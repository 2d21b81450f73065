//! The calling window, pure: local hours by weekday, without quiet hours and public holidays, in the customer's own IANA zone (domain.md: never call at an inconvenient time).
//!
//! Never asks a clock: `now` is an argument. Whole minutes; a day has 1440 of them, whatever the clocks do.

use super::holidays::Holidays;
use crate::config;
use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeZone, Timelike, Utc, Weekday};
use chrono_tz::Tz;

/// Minutes of a day: from the first one (included) to the second one (excluded), 0 to 1440.
pub type Span = (u16, u16);

/// How far ahead an opening is looked for: longer than any run of holidays.
const DAYS_AHEAD: u64 = 60;

/// When calls may start, in the customer's local time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    week: [Vec<Span>; 7],
    holidays: Holidays,
}

/// What the window says about a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// A call may start.
    Open,
    /// Not before this moment.
    From(DateTime<Utc>),
    /// The window does not open within two months.
    Never,
}

impl From<&config::Window> for Window {
    fn from(window: &config::Window) -> Window {
        let span = (minute(window.open), end_minute(window.close));
        let mut week = [const { Vec::new() }; 7];
        for day in window.weekdays.iter().filter_map(|day| day.parse::<Weekday>().ok()) {
            week[day.num_days_from_monday() as usize] = vec![span];
        }
        Window { week, holidays: Holidays::default() }
    }
}

impl Window {
    /// A window of spans for each weekday, Monday first.
    pub fn new(week: [Vec<Span>; 7], holidays: Holidays) -> Window {
        Window { week, holidays }
    }

    /// What both windows allow: a narrower one never widens the other. The holidays of both count.
    pub fn and(&self, other: &Window) -> Window {
        let both = |day: usize| {
            let pairs = self.week[day].iter().flat_map(|a| other.week[day].iter().map(move |b| (a, b)));
            pairs.map(|(a, b)| (a.0.max(b.0), a.1.min(b.1))).filter(|(from, to)| from < to).collect()
        };
        Window { week: std::array::from_fn(both), holidays: self.holidays.and(&other.holidays) }
    }

    /// This window without `quiet` on any day.
    pub fn without(&self, quiet: &[Span]) -> Window {
        let cut = |spans: &Vec<Span>| {
            quiet.iter().fold(spans.clone(), |spans, (from, to)| {
                let parts = spans.into_iter().flat_map(|(a, b)| [(a, b.min(*from)), (a.max(*to), b)]);
                parts.filter(|(a, b)| a < b).collect()
            })
        };
        Window { week: std::array::from_fn(|day| cut(&self.week[day])), holidays: self.holidays.clone() }
    }

    /// This window with these holidays instead of its own.
    pub fn with_holidays(self, holidays: Holidays) -> Window {
        Window { holidays, ..self }
    }

    /// Whether a call may start at `now` for a customer in `zone`, or when.
    pub fn opening(&self, now: DateTime<Utc>, zone: Tz) -> Opening {
        let local = now.with_timezone(&zone);
        let today = local.date_naive();
        let time = minute(local.time());
        if self.spans(today).iter().any(|(from, to)| (*from..*to).contains(&time)) {
            return Opening::Open;
        }
        let days = (0..=DAYS_AHEAD).filter_map(|ahead| today.checked_add_days(Days::new(ahead)));
        let mut opens = days.flat_map(|day| self.spans(day).iter().map(move |span| (day, *span)));
        opens
            .find_map(|(day, span)| opens_on(day, span, zone).filter(|opens| *opens > now))
            .map_or(Opening::Never, Opening::From)
    }

    /// The first moment at or after `from` at which a call may start.
    pub fn next(&self, from: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        match self.opening(from, zone) {
            Opening::Open => Some(from),
            Opening::From(at) => Some(at),
            Opening::Never => None,
        }
    }

    /// When the window closes for the day of `now`, if it still opens or is open; none where nothing is called any more today.
    pub fn closes_today(&self, now: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        let local = now.with_timezone(&zone);
        let last = self.spans(local.date_naive()).iter().map(|(_, to)| *to).max()?;
        let left = i64::from(last) - i64::from(minute(local.time()));
        (left > 0).then(|| now + chrono::TimeDelta::minutes(left))
    }

    fn spans(&self, day: NaiveDate) -> &[Span] {
        if self.holidays.on(day).is_some() {
            return &[];
        }
        &self.week[day.weekday().num_days_from_monday() as usize]
    }
}

/// The first existing moment of a span; a clock change may skip its beginning.
fn opens_on(day: NaiveDate, span: Span, zone: Tz) -> Option<DateTime<Utc>> {
    (span.0..span.1).find_map(|minute| {
        let time = NaiveTime::from_num_seconds_from_midnight_opt(u32::from(minute) * 60, 0)?;
        zone.from_local_datetime(&day.and_time(time)).earliest().map(|at| at.to_utc())
    })
}

fn minute(time: NaiveTime) -> u16 {
    u16::try_from(time.hour() * 60 + time.minute()).unwrap_or_default()
}

/// `24:00` is kept as the last second of the day.
fn end_minute(time: NaiveTime) -> u16 {
    if time == config::END_OF_DAY { 1440 } else { minute(time) }
}

/// The first moment of the day after that of `now`, in `zone`.
pub fn next_day(now: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
    let tomorrow = now.with_timezone(&zone).date_naive().checked_add_days(Days::new(1));
    let begins = tomorrow.and_then(|day| opens_on(day, (0, 1440), zone));
    begins.unwrap_or(now + chrono::TimeDelta::days(1))
}

/// The first moment of the day of `now`, in `zone`.
pub fn day_start(now: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
    opens_on(now.with_timezone(&zone).date_naive(), (0, 1440), zone).unwrap_or(now)
}
