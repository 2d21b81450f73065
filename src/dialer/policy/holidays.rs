//! Public holidays, pure: dates as published, days that come each year, and the n-th weekday of a month. On them nobody is called.

use chrono::{Datelike, Days, NaiveDate, Weekday};

/// When a holiday is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// On this date and the days after it, `days` in all.
    On {
        /// The first day.
        date: NaiveDate,
        /// How many days.
        days: u16,
    },
    /// Each year on this day; `observed` also on the Friday before where it falls on a Saturday, the Monday after where it falls on a Sunday.
    Yearly {
        /// 1 to 12.
        month: u32,
        /// 1 to 31.
        day: u32,
        /// Whether it moves to a working day.
        observed: bool,
    },
    /// The n-th weekday of a month (1 the first, −1 the last).
    Nth {
        /// Which.
        nth: i8,
        /// Of these.
        weekday: Weekday,
        /// 1 to 12.
        month: u32,
    },
}

/// A holiday with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holiday {
    /// As people know it.
    pub name: String,
    /// When.
    pub rule: Rule,
}

/// The holidays of a country.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holidays(Vec<Holiday>);

impl Holidays {
    /// These holidays.
    pub fn new(holidays: Vec<Holiday>) -> Holidays {
        Holidays(holidays)
    }

    /// The holiday on `day`, if it is one.
    pub fn on(&self, day: NaiveDate) -> Option<&str> {
        self.0.iter().find(|holiday| holiday.rule.on(day)).map(|holiday| holiday.name.as_str())
    }

    /// The holidays of both.
    pub fn and(&self, other: &Holidays) -> Holidays {
        Holidays(self.0.iter().chain(&other.0).cloned().collect())
    }
}

impl Rule {
    fn on(&self, day: NaiveDate) -> bool {
        match *self {
            Rule::On { date, days } => (0..i64::from(days)).contains(&(day - date).num_days()),
            Rule::Yearly { month, day: of_month, observed } => {
                let is = |date: Option<NaiveDate>| date.is_some_and(|d| (d.month(), d.day()) == (month, of_month));
                let moved = || match day.weekday() {
                    Weekday::Fri => is(day.checked_add_days(Days::new(1))),
                    Weekday::Mon => is(day.checked_sub_days(Days::new(1))),
                    _ => false,
                };
                is(Some(day)) || (observed && moved())
            }
            Rule::Nth { nth, weekday, month } => {
                let week = i8::try_from(day.day0() / 7).unwrap_or_default() + 1;
                let last = day.checked_add_days(Days::new(7)).is_none_or(|next| next.month() != month);
                day.month() == month && day.weekday() == weekday && (nth == week || (nth == -1 && last))
            }
        }
    }
}
