//! A calendar's text becomes rules, or every mistake in it is named with its line. Unknown keys are refused. Pure: the caller brings the text.

use super::offset::Offset;
use super::rule::{Anchor, Calendar, Holiday, Kind, Only, Purpose, Repeat, Role, Rule, Segment};
use chrono::NaiveDate;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use thiserror::Error;
use toml::Spanned;

/// The calendar that stands in `calendar/default.toml`, compiled in: what counts where settings name no file.
pub const BUILT_IN: &str = include_str!("../../../calendar/default.toml");

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Line in the file; 1 is the first.
    pub line: usize,
    /// Key of the rule, where it is one rule's.
    pub rule: String,
    /// What is wrong and what is wanted.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rule.as_str() {
            "" => write!(f, "line {}: {}", self.line, self.message),
            rule => write!(f, "line {}: rule {rule}: {}", self.line, self.message),
        }
    }
}

/// Why a text is no calendar: all its mistakes.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{name}: {}", .mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct CalendarError {
    /// What the text is called.
    pub name: String,
    /// At least one.
    pub mistakes: Vec<Mistake>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    rule: Vec<Spanned<RawRule>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    key: String,
    title: BTreeMap<String, String>,
    event: String,
    due: Option<String>,
    until: String,
    every: Option<String>,
    times: Option<u32>,
    #[serde(default)]
    dates: Vec<String>,
    survey: Option<String>,
    task: Option<String>,
    owner: Option<String>,
    #[serde(default)]
    only: RawOnly,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawOnly {
    segment: Vec<String>,
    source: Vec<String>,
    region: Vec<String>,
}

impl Calendar {
    /// Reads a calendar; `name` is what errors call it.
    pub fn from_toml(name: &str, text: &str) -> Result<Calendar, CalendarError> {
        let line_at = |at: usize| text.get(..at).unwrap_or(text).matches('\n').count() + 1;
        let raw: Raw = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_at(span.start));
            let message = error.message().replace('\n', " ");
            CalendarError { name: name.to_owned(), mistakes: vec![Mistake { line, rule: String::new(), message }] }
        })?;
        let mut mistakes = Vec::new();
        let mut rules: Vec<Rule> = Vec::new();
        for spanned in raw.rule {
            let line = line_at(spanned.span().start);
            let raw = spanned.into_inner();
            let key = raw.key.clone();
            let mut wrong = |message: String| mistakes.push(Mistake { line, rule: key.clone(), message });
            if let Some(rule) = rule(raw, &mut wrong) {
                against(&rules, &rule, &mut wrong);
                rules.push(rule);
            }
        }
        if mistakes.is_empty() {
            Ok(Calendar { rules })
        } else {
            Err(CalendarError { name: name.to_owned(), mistakes })
        }
    }

    /// The calendar that is compiled in.
    pub fn built_in() -> Result<Calendar, CalendarError> {
        Calendar::from_toml("the built-in calendar", BUILT_IN)
    }
}

/// What a rule may not share with those before it.
fn against(rules: &[Rule], rule: &Rule, wrong: &mut dyn FnMut(String)) {
    if rules.iter().any(|other| other.key == rule.key) {
        wrong("another rule has this key already".into());
    }
    let same =
        |other: &&Rule| other.anchor == rule.anchor && other.survey() == rule.survey() && other.only == rule.only;
    if rule.survey().is_some()
        && let Some(other) = rules.iter().find(same)
    {
        wrong(format!("the rule {} owes the same customers the same survey already", other.key));
    }
}

fn rule(raw: RawRule, wrong: &mut dyn FnMut(String)) -> Option<Rule> {
    let legal = |key: &str| {
        key.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    if !legal(&raw.key) {
        wrong("a key is small letters, digits and _".into());
    }
    if raw.title.is_empty() {
        wrong("title: at least one language is wanted, as { zh-CN = \"…\" }".into());
    }
    let anchor: Option<Anchor> = read("event", &raw.event, wrong);
    let kind = kind(&raw, anchor, &legal, wrong);
    let due: Option<Offset> = raw.due.as_ref().and_then(|text| read("due", text, wrong));
    let until: Option<Offset> = read("until", &raw.until, wrong);
    if raw.due.is_none() && raw.task.is_some() {
        wrong("due: is missing (only surveys may leave it out)".into());
    }
    if let (Some(due), Some(until)) = (due, until)
        && until.rough_hours() < due.rough_hours()
    {
        wrong(format!("until: {until} lies before due ({due})"));
    }
    if until.is_some_and(|until| raw.due.is_none() && until.rough_hours() <= 0) {
        wrong("until: must be after the event".into());
    }
    let repeat = repeat(&raw, anchor, wrong);
    let dates = raw.dates.iter().filter_map(|text| holiday(text, wrong)).collect();
    match anchor {
        Some(Anchor::Holiday) if raw.dates.is_empty() => wrong("dates: a holiday wants its dates".into()),
        Some(Anchor::Holiday) | None => {}
        Some(_) if !raw.dates.is_empty() => wrong("dates: only holidays have dates of their own".into()),
        Some(_) => {}
    }
    let only = Only {
        segment: raw.only.segment.iter().filter_map(|text| read::<Segment>("only.segment", text, wrong)).collect(),
        source: raw.only.source.clone(),
        region: raw.only.region.clone(),
    };
    let (anchor, kind, until) = (anchor?, kind?, until?);
    Some(Rule { key: raw.key, titles: raw.title, anchor, due, until, repeat, dates, only, kind })
}

fn kind(
    raw: &RawRule,
    anchor: Option<Anchor>,
    legal: &dyn Fn(&str) -> bool,
    wrong: &mut dyn FnMut(String),
) -> Option<Kind> {
    match (&raw.survey, &raw.task, &raw.owner) {
        (Some(survey), None, None) => {
            if !legal(survey) {
                wrong("survey: is no key of a survey".into());
            }
            if anchor.is_some_and(|anchor| !anchor.is_event()) {
                wrong("survey: is asked about a visit, a delivery or a repair only".into());
            }
            if raw.every.is_some() {
                wrong("every: a survey is asked once for an event".into());
            }
            Some(Kind::Survey(survey.clone()))
        }
        (None, Some(task), Some(owner)) => {
            let purpose: Option<Purpose> = read("task", task, wrong);
            let owner: Option<Role> = read("owner", owner, wrong);
            Some(Kind::Task { purpose: purpose?, owner: owner? })
        }
        (None, Some(_), None) => {
            wrong(format!("owner: is missing ({})", Role::list()));
            None
        }
        (Some(_), _, _) => {
            wrong("a survey has neither task nor owner: the engine calls".into());
            None
        }
        (None, None, _) => {
            wrong("survey or task: one of the two is wanted".into());
            None
        }
    }
}

fn repeat(raw: &RawRule, anchor: Option<Anchor>, wrong: &mut dyn FnMut(String)) -> Option<Repeat> {
    match (&raw.every, raw.times) {
        (None, None) => None,
        (Some(every), Some(times)) => {
            let every: Offset = read("every", every, wrong)?;
            if every.rough_hours() < 24 {
                wrong("every: at least a day is wanted".into());
            }
            if !(1..=120).contains(&times) {
                wrong("times: 1 to 120 are wanted".into());
            }
            if anchor.is_some_and(|anchor| !anchor.is_event()) {
                wrong("every: only what counts from a visit, a delivery or a repair is repeated".into());
            }
            Some(Repeat { every, times })
        }
        (Some(_), None) => {
            wrong("times: is missing beside every".into());
            None
        }
        (None, Some(_)) => {
            wrong("every: is missing beside times".into());
            None
        }
    }
}

/// `02-17` or `2027-02-17`.
fn holiday(text: &str, wrong: &mut dyn FnMut(String)) -> Option<Holiday> {
    let yearly = || {
        let (month, day) = text.split_once('-')?;
        let (month, day) = (month.parse().ok()?, day.parse().ok()?);
        // A leap year: 29 February may be a holiday.
        NaiveDate::from_ymd_opt(2028, month, day).map(|_| Holiday::Yearly(month, day))
    };
    let found = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(Holiday::On).or_else(yearly);
    if found.is_none() {
        wrong(format!("dates: `{text}` is no date (as 10-01, or 2027-02-06 for one year only)"));
    }
    found
}

fn read<T: std::str::FromStr<Err: fmt::Display>>(key: &str, text: &str, wrong: &mut dyn FnMut(String)) -> Option<T> {
    text.parse().map_err(|error| wrong(format!("{key}: {error}"))).ok()
}
