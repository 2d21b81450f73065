//! Query parameters, read strictly: an unknown, repeated or unreadable one is a 400 that names it. Nothing is guessed.

use super::problem::Problem;
use crate::report::period::Period;
use axum::extract::Query;
use axum::http::{StatusCode, Uri};
use chrono::{Datelike, Days, NaiveDate};
use uuid::Uuid;

/// Days that one question may span.
const MOST_DAYS: u64 = 366;

/// The query of one request.
#[derive(Debug, Default)]
pub struct Params {
    given: Vec<(&'static str, String)>,
    /// Forms of pages send every field; a program that sends an empty date has made a mistake.
    strict: bool,
}

impl Params {
    /// Reads the query; only `known` names may come, each once at most.
    pub fn read(uri: &Uri, known: &[&'static str]) -> Result<Params, Problem> {
        let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::try_from_uri(uri) else {
            return Err(Problem::new(StatusCode::BAD_REQUEST, "The query string cannot be read."));
        };
        let mut read: Vec<(&'static str, String)> = Vec::with_capacity(pairs.len());
        for (name, value) in pairs {
            let Some(known) = known.iter().find(|known| **known == name) else {
                let name: String = name.chars().take(40).collect();
                return Err(Problem::new(
                    StatusCode::BAD_REQUEST,
                    format!("`{name}` is not a parameter here; known are: {}.", known.join(", ")),
                ));
            };
            if read.iter().any(|(name, _)| name == known) {
                return Err(Problem::parameter(known, "is given twice"));
            }
            read.push((known, value));
        }
        Ok(Params { given: read, strict: uri.path().starts_with("/api/") })
    }

    /// The text of a parameter; an empty one counts as not given.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.given
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// The query as it was asked, with another value of one parameter.
    pub fn but(&self, name: &str, value: &str) -> String {
        with(&self.query(self.given.iter().map(|(known, _)| *known).filter(|known| *known != name)), name, value)
    }

    /// What was given of these parameters, as a query.
    pub fn query<'a>(&self, names: impl Iterator<Item = &'a str>) -> String {
        let given = names.filter_map(|name| Some((name, self.text(name)?)));
        given.fold(String::new(), |query, (name, value)| with(&query, name, value))
    }

    /// How many rows are passed over.
    pub fn skip(&self) -> Result<i64, Problem> {
        let skip = self.parsed("skip", "a number from 0 on", |text| {
            text.parse().ok().filter(|skip| (0..=i64::from(i32::MAX)).contains(skip))
        });
        Ok(skip?.unwrap_or(0))
    }

    /// A date, of a year that people call in.
    pub fn date(&self, name: &'static str) -> Result<Option<NaiveDate>, Problem> {
        self.parsed(name, "a date (YYYY-MM-DD is wanted)", |text| {
            NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|day| (1970..=9999).contains(&day.year()))
        })
    }

    /// The days from `from` to `to`, both included; without them the `usual` last days up to today.
    pub fn period(&self, today: NaiveDate, usual: u64) -> Result<Period, Problem> {
        let (first, last) = (self.date("from")?, self.date("to")?);
        let last = last.unwrap_or_else(|| first.map_or(today, |first| today.max(first)));
        let before = last.checked_sub_days(Days::new(usual.saturating_sub(1))).unwrap_or(last);
        let period = Period { first: first.unwrap_or(before), last };
        match period.days() {
            0 => Err(Problem::parameter("from", format!("{} is after to ({})", period.first, period.last))),
            days if days > MOST_DAYS => {
                Err(Problem::parameter("from", format!("{days} days are asked for, {MOST_DAYS} at most are given")))
            }
            _ => Ok(period),
        }
    }

    /// `true` or `false`; false when not given.
    pub fn flag(&self, name: &'static str) -> Result<bool, Problem> {
        Ok(self.parsed(name, "true or false", |text| text.parse().ok())?.unwrap_or(false))
    }

    /// A value that `parse` reads; `wanted` completes "… is not …".
    pub fn parsed<T>(
        &self,
        name: &'static str,
        wanted: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else {
            let empty = self.strict && self.given.iter().any(|(known, _)| *known == name);
            return if empty { Err(Problem::parameter(name, "is empty; leave it out")) } else { Ok(None) };
        };
        match parse(text) {
            Some(value) => Ok(Some(value)),
            None => {
                let shown: String = text.chars().take(40).collect();
                Err(Problem::parameter(name, format!("`{shown}` is not {wanted}")))
            }
        }
    }
}

/// The id in a path; 400 for what is none.
pub fn id(text: &str) -> Result<Uuid, Problem> {
    text.parse().map_err(|_| Problem::parameter("id", "is not a UUID (as 0192f0c1-2d3e-7a4b-8c5d-6e7f80912a3b)"))
}

/// A query with one more parameter.
pub fn with(query: &str, name: &str, value: &str) -> String {
    let value: String = value
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect();
    let and = if query.is_empty() { "" } else { "&" };
    format!("{query}{and}{name}={value}")
}
