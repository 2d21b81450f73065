//! The form's fields: read from what a browser sends, made into acts and into a draft. Pure.

use super::super::form::{self, Given, unreadable};
use crate::complaint::act::{MOST_NAME, MOST_NOTE};
use crate::complaint::{Act, Actor, Class, Refused, StepKind};
use crate::db::complaint_drafts::Fields;
use crate::followup::calendar::moment;
use crate::web::problem::Problem;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use chrono_tz::Tz;

/// Fields that hold what somebody types; a draft keeps these and no others.
pub const TYPED: [&str; 11] = [
    "nature",
    "cause",
    "level",
    "root_cause",
    "note",
    "department",
    "owner",
    "due_at",
    "cool_until",
    "call_at",
    "escalate_to",
];
/// The four of the classification.
const CLASS: [&str; 4] = ["nature", "cause", "level", "root_cause"];

/// A form that was sent.
#[derive(Debug)]
pub struct Sent {
    /// Which showing of the form it is.
    pub form: String,
    /// The revision that it was made from.
    pub revision: i32,
    act: String,
    typed: Fields,
    /// Fields that came, empty ones too.
    came: Vec<&'static str>,
}

impl Sent {
    /// Reads it; unknown fields are left alone, too long ones refused.
    pub fn read(form: Given) -> Result<Sent, Problem> {
        let fields = form::Fields::of(form)?;
        let text = |name: &str| fields.raw(name);
        let form = text("form").filter(|form| !form.is_empty() && form.len() <= 64).ok_or_else(unreadable)?;
        let revision = text("revision").and_then(|text| text.parse().ok()).ok_or_else(unreadable)?;
        let (mut typed, mut came) = (Fields::new(), Vec::new());
        for name in TYPED {
            let Some(value) = text(name) else { continue };
            came.push(name);
            // the core says what is too long; this only bounds what a draft may take
            let fits = value.chars().count() <= 2 * MOST_NOTE.max(MOST_NAME) && !value.contains('\0');
            if !fits {
                return Err(Problem::parameter(name, "is too long, or cannot be kept"));
            }
            if !value.trim().is_empty() {
                typed.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(Sent { form: form.to_owned(), revision, act: text("act").unwrap_or_default().to_owned(), typed, came })
    }

    /// The acts that it asks for: the classification where it is another than `now`, and what the button says.
    pub fn acts(&self, now: &Class, by: &Actor, zone: Tz) -> Result<Vec<Act>, Refused> {
        let class = self.class(now)?;
        let mut acts = Vec::new();
        if !now.changes(&class).is_empty() {
            acts.push(Act::Classify(class));
        }
        let note = || self.text("note").to_owned();
        acts.push(match self.act.as_str() {
            "classify" if acts.is_empty() => return Err(Refused::NothingNew),
            "classify" => return Ok(acts),
            "settled" => Act::Review { settled: true, note: note() },
            "unsettled" => Act::Review { settled: false, note: note() },
            "pass_on" => Act::PassOn { department: self.text("department").to_owned(), note: note() },
            "accept" => Act::Accept(note()),
            "hand_back" => Act::HandBack(note()),
            "take" => Act::Assign { owner: by.name.clone(), note: note() },
            "assign" => Act::Assign { owner: self.text("owner").to_owned(), note: note() },
            "deadline" => Act::Deadline { due_at: self.moment("due_at", zone)?, note: note() },
            "cool_off" => Act::CoolOff { until: self.day("cool_until", zone)?, note: note() },
            "call_back" => Act::CallBack { at: self.moment("call_at", zone)?, note: note() },
            "escalate" => Act::Escalate { to: self.text("escalate_to").to_owned(), note: note() },
            "report_back" => Act::ReportBack(note()),
            "close" => Act::Close(note()),
            "reopen" => Act::Reopen(note()),
            step => Act::Step(step.parse::<StepKind>().map_err(|_| Refused::NotAStep)?, note()),
        });
        Ok(acts)
    }

    /// What a draft keeps of it: what is typed, and of the classification what is another than `now`.
    pub fn typed(&self, now: &Class) -> Fields {
        let mut typed = self.typed.clone();
        let same = |name: &str, value: &str| match name {
            "nature" => now.nature.map(|word| word.as_str()) == Some(value),
            "cause" => now.cause.map(|word| word.as_str()) == Some(value),
            "level" => now.level.as_str() == value,
            "root_cause" => now.root_cause.map(|word| word.as_str()) == Some(value),
            _ => false,
        };
        typed.retain(|name, value| !same(name, value));
        typed
    }

    /// What is left of it after its act was done: everything that the act did not use.
    pub fn left(&self) -> Fields {
        let used: &[&str] = match self.act.as_str() {
            "classify" => &[],
            "pass_on" => &["note", "department"],
            "assign" => &["note", "owner"],
            "deadline" => &["note", "due_at"],
            "cool_off" => &["note", "cool_until"],
            "call_back" => &["note", "call_at"],
            "escalate" => &["note", "escalate_to"],
            _ => &["note"],
        };
        let mut left = self.typed.clone();
        left.retain(|name, _| !used.contains(&name.as_str()) && !CLASS.contains(&name.as_str()));
        left
    }

    fn class(&self, now: &Class) -> Result<Class, Refused> {
        Ok(Class {
            nature: self.word("nature", now.nature)?,
            cause: self.word("cause", now.cause)?,
            level: self.word("level", Some(now.level))?.unwrap_or(now.level),
            root_cause: self.word("root_cause", now.root_cause)?,
        })
    }

    /// The word of a field; what it is now, where the field did not come.
    fn word<T: std::str::FromStr>(&self, name: &str, now: Option<T>) -> Result<Option<T>, Refused> {
        match self.text(name) {
            _ if !self.came.contains(&name) => Ok(now),
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| Refused::Text),
        }
    }

    fn text(&self, name: &str) -> &str {
        self.typed.get(name).map_or("", String::as_str)
    }

    /// Of `datetime-local` (HTML 4.10.5.1.11): a moment by the clocks of the dealer's zone.
    fn moment(&self, name: &str, zone: Tz) -> Result<DateTime<Utc>, Refused> {
        let text = self.text(name);
        let read = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
            .iter()
            .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
        read.map(|local| moment(local.date(), local.time(), zone)).ok_or(Refused::Date)
    }

    /// Of `date`: the beginning of that day.
    fn day(&self, name: &str, zone: Tz) -> Result<DateTime<Utc>, Refused> {
        let day = NaiveDate::parse_from_str(self.text(name), "%Y-%m-%d").map_err(|_| Refused::Date)?;
        Ok(moment(day, NaiveTime::MIN, zone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::complaint::{Cause, Nature, Rank};
    use axum::Form;
    use chrono_tz::Asia::Shanghai;

    fn sent(fields: &[(&str, &str)]) -> Sent {
        let base = [("form", "f1"), ("revision", "3"), ("csrf", "x")];
        let all = base.iter().chain(fields).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Sent::read(Ok(Form(all.collect()))).unwrap()
    }

    fn acts(fields: &[(&str, &str)], now: &Class) -> Result<Vec<Act>, Refused> {
        sent(fields).acts(now, &Actor { name: "li".into(), rank: Rank::Agent }, Shanghai)
    }

    #[test]
    fn a_button_and_the_fields_make_acts() {
        let none = Class::default();
        let note = || "said".to_owned();
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        for (fields, want) in [
            (&[("act", "solution"), ("note", "said")][..], vec![Act::Step(StepKind::Solution, note())]),
            (&[("act", "take")], vec![Act::Assign { owner: "li".into(), note: String::new() }]),
            (
                &[("act", "call_back"), ("call_at", "2026-11-19T14:30")],
                vec![Act::CallBack { at: at("2026-11-19T06:30:00Z"), note: String::new() }],
            ),
            (
                &[("act", "cool_off"), ("cool_until", "2026-11-20"), ("note", "said")],
                vec![Act::CoolOff { until: at("2026-11-19T16:00:00Z"), note: note() }],
            ),
            (
                &[("act", "analyse"), ("nature", "valid"), ("cause", "price"), ("note", "said")],
                vec![
                    Act::Classify(Class { nature: Some(Nature::Valid), cause: Some(Cause::Price), ..none }),
                    Act::Step(StepKind::Analyse, note()),
                ],
            ),
            (&[("act", "unsettled"), ("note", "said")], vec![Act::Review { settled: false, note: note() }]),
        ] {
            assert_eq!(acts(fields, &none), Ok(want), "{fields:?}");
        }
        for (fields, want) in [
            (&[("act", "classify")][..], Refused::NothingNew),
            (&[("act", "deadline"), ("due_at", "tomorrow")], Refused::Date),
            (&[("act", "nonsense")], Refused::NotAStep),
            (&[("act", "")], Refused::NotAStep),
            (&[("act", "classify"), ("cause", "weather")], Refused::Text),
        ] {
            assert_eq!(acts(fields, &none), Err(want), "{fields:?}");
        }
    }

    #[test]
    fn what_an_act_does_not_use_stays_typed() {
        let form =
            sent(&[("act", "pass_on"), ("note", "n"), ("department", "d"), ("call_at", "c"), ("nature", "valid")]);
        assert_eq!(form.left().into_keys().collect::<Vec<_>>(), ["call_at"]);
        let valid = Class { nature: Some(Nature::Valid), ..Class::default() };
        assert_eq!(form.typed(&valid).into_keys().collect::<Vec<_>>(), ["call_at", "department", "note"]);
        assert_eq!(form.typed(&Class::default()).len(), 4);
        assert!(Sent::read(Ok(Form(vec![("form".into(), "f".into())]))).is_err(), "a revision is wanted");
        let long =
            vec![("form".into(), "f".into()), ("revision".into(), "0".into()), ("note".into(), "x".repeat(9000))];
        assert!(Sent::read(Ok(Form(long))).is_err());
    }
}
