//! Country packs, pure: what is right and usual in the country of the customer's number, read from TOML. Three are compiled in (`countries/`); texts that the
//! caller brings take their place. A pack only narrows what the settings allow; see [`super::permit::Manners`].

use super::caps::Caps;
use super::holidays::{Holiday, Holidays, Rule};
use super::window::{Span, Window};
use chrono::{NaiveDate, NaiveTime, Timelike, Weekday};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The pack of every country that has none of its own.
pub const ANY: &str = "ZZ";

/// The packs that are compiled in, by file name.
const BUILT_IN: [(&str, &str); 3] = [
    ("CN.toml", include_str!("../../../countries/CN.toml")),
    ("US.toml", include_str!("../../../countries/US.toml")),
    ("ZZ.toml", include_str!("../../../countries/ZZ.toml")),
];

/// What holds in one country.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pack {
    /// ISO 3166, two letters; `ZZ` stands for every other country.
    pub country: String,
    /// Its name.
    pub name: String,
    /// When the pack was last looked over.
    pub as_of: NaiveDate,
    /// Up to this day its holidays are complete.
    pub holidays_known_until: NaiveDate,
    /// Hours, quiet hours and holidays.
    pub window: Window,
    /// Holidays alone.
    pub holidays: Holidays,
    /// Attempts.
    pub caps: Caps,
    /// Prefixes that are never dialled.
    pub refuse: Vec<String>,
    /// How a customer says "never again".
    pub opt_out: OptOut,
    /// What has to be said at the beginning of a call.
    pub disclosure: Disclosure,
    /// How long what is kept.
    pub retention: Retention,
}

/// How a customer says "never again".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptOut {
    /// By a key during the call.
    pub by_key: bool,
    /// Within so many hours it holds.
    pub honoured_within_h: u32,
}

/// What has to be said at the beginning of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disclosure {
    /// Who calls.
    pub dealer_name: bool,
    /// What for.
    pub purpose: bool,
    /// That it is recorded.
    pub recording: bool,
}

/// Days for which things are kept, where the dealer says nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// Recordings.
    pub recordings_days: u32,
    /// Answers.
    pub answers_days: u32,
    /// Attempts and their timelines.
    pub attempts_days: u32,
}

/// Why a pack cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {what}")]
pub struct BadPack {
    /// Its file.
    pub file: String,
    /// What is wrong.
    pub what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    country: String,
    name: String,
    as_of: NaiveDate,
    holidays_known_until: NaiveDate,
    window: RawWindow,
    caps: RawCaps,
    numbers: RawNumbers,
    opt_out: OptOut,
    disclosure: Disclosure,
    retention: Retention,
    #[serde(default)]
    holiday: Vec<RawHoliday>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWindow {
    mon: Vec<String>,
    tue: Vec<String>,
    wed: Vec<String>,
    thu: Vec<String>,
    fri: Vec<String>,
    sat: Vec<String>,
    sun: Vec<String>,
    quiet: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCaps {
    follow_up: u32,
    follow_up_a_day: u32,
    number_a_day: u32,
    number_30_days: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawNumbers {
    refuse: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHoliday {
    name: String,
    date: Option<NaiveDate>,
    days: Option<u16>,
    yearly: Option<String>,
    #[serde(default)]
    observed: bool,
    nth: Option<String>,
}

impl Pack {
    /// Reads a pack; `file` names it in errors.
    pub fn parse(file: &str, text: &str) -> Result<Pack, BadPack> {
        let bad = |what: String| BadPack { file: file.to_owned(), what };
        let raw: Raw = toml::from_str(text).map_err(|error| bad(error.message().replace('\n', " ")))?;
        if raw.country.len() != 2 || !raw.country.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err(bad(format!("country: `{}` is not ISO 3166 (two capital letters)", raw.country)));
        }
        let prefix =
            |p: &&String| !p.strip_prefix('+').is_some_and(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()));
        if let Some(prefix) = raw.numbers.refuse.iter().find(prefix) {
            return Err(bad(format!("numbers.refuse: `{prefix}` is not a prefix (a + and digits)")));
        }
        let holidays = raw.holiday.iter().map(holiday).collect::<Result<Vec<_>, _>>().map_err(bad)?;
        let holidays = Holidays::new(holidays);
        let w = &raw.window;
        let week = [&w.mon, &w.tue, &w.wed, &w.thu, &w.fri, &w.sat, &w.sun];
        let week = week.map(|day| spans(day)).into_iter().collect::<Result<Vec<_>, _>>().map_err(bad)?;
        let week: [Vec<Span>; 7] = week.try_into().map_err(|_| bad("window: seven days are wanted".into()))?;
        let quiet = spans(&w.quiet).map_err(bad)?;
        let RawCaps { follow_up, follow_up_a_day, number_a_day, number_30_days } = raw.caps;
        Ok(Pack {
            country: raw.country,
            name: raw.name,
            as_of: raw.as_of,
            holidays_known_until: raw.holidays_known_until,
            window: Window::new(week, holidays.clone()).without(&quiet),
            holidays,
            caps: Caps { follow_up, follow_up_a_day, number_a_day, number_30_days },
            refuse: raw.numbers.refuse,
            opt_out: raw.opt_out,
            disclosure: raw.disclosure,
            retention: raw.retention,
        })
    }
}

/// The compiled-in packs with `more` (file name, text) in place of those of the same country.
pub fn packs(more: &[(String, String)]) -> Result<BTreeMap<String, Pack>, BadPack> {
    let own = more.iter().map(|(file, text)| (file.as_str(), text.as_str()));
    let mut packs = BTreeMap::new();
    for (file, text) in BUILT_IN.into_iter().chain(own) {
        let pack = Pack::parse(file, text)?;
        packs.insert(pack.country.clone(), pack);
    }
    Ok(packs)
}

fn spans(texts: &[String]) -> Result<Vec<Span>, String> {
    let one = |text: &String| {
        let (from, to) = text.split_once('-')?;
        Some((minute(from)?, minute(to)?)).filter(|(from, to)| from < to)
    };
    let wrong = |text: &String| format!("window: `{text}` is no span of hours (as \"09:00-20:00\")");
    texts.iter().map(|text| one(text).ok_or_else(|| wrong(text))).collect()
}

fn minute(text: &str) -> Option<u16> {
    if text == "24:00" {
        return Some(1440);
    }
    let time = NaiveTime::parse_from_str(text, "%H:%M").ok()?;
    u16::try_from(time.hour() * 60 + time.minute()).ok()
}

fn holiday(raw: &RawHoliday) -> Result<Holiday, String> {
    let name = &raw.name;
    let rule = match (raw.date, &raw.yearly, &raw.nth) {
        (Some(date), None, None) => Some(Rule::On { date, days: raw.days.unwrap_or(1).max(1) }),
        (None, Some(yearly), None) => yearly_rule(yearly, raw.observed),
        (None, None, Some(nth)) => nth_rule(nth),
        _ => return Err(format!("holiday {name}: one of date, yearly and nth is wanted")),
    };
    let rule = rule.ok_or_else(|| {
        format!("holiday {name}: yearly is a month and a day (\"12-25\"), nth a count, a weekday and a month (\"4 thu 11\", \"-1 mon 05\")")
    })?;
    Ok(Holiday { name: name.clone(), rule })
}

fn yearly_rule(text: &str, observed: bool) -> Option<Rule> {
    let (month, day) = text.split_once('-')?;
    let (month, day) = (month.parse().ok()?, day.parse().ok()?);
    // 2000 was a leap year: 29 February reads.
    NaiveDate::from_ymd_opt(2000, month, day).map(|_| Rule::Yearly { month, day, observed })
}

fn nth_rule(text: &str) -> Option<Rule> {
    let mut words = text.split_whitespace();
    let nth: i8 = words.next()?.parse().ok()?;
    let weekday: Weekday = words.next()?.parse().ok()?;
    let month: u32 = words.next()?.parse().ok()?;
    let fits = (nth == -1 || (1..=5).contains(&nth)) && (1..=12).contains(&month) && words.next().is_none();
    fits.then_some(Rule::Nth { nth, weekday, month })
}
