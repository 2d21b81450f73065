//! Speech: composes what no single prompt can say (dates, digit strings, plate tails) from building blocks, for each language.
//!
//! A value that cannot be spoken is absent, never half said: the survey file then takes its other wording.

use crate::survey::definition::PromptId;
use crate::survey::flow::Facts;
use chrono::{Datelike, NaiveDate};

/// A place in a prompt list that is filled from the facts of the follow-up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Slot {
    /// The last three letters or digits of the plate.
    PlateTail,
    /// The day of the event: month, then day.
    EventDate,
    /// The advisor's staff number, character by character.
    AdvisorNumber,
}

impl Slot {
    /// All slots.
    pub const ALL: [Slot; 3] = [Slot::PlateTail, Slot::EventDate, Slot::AdvisorNumber];

    /// Its name in survey files: `{plate_tail}` in prompt lists, `plate_tail` in conditions.
    pub fn name(self) -> &'static str {
        match self {
            Slot::PlateTail => "plate_tail",
            Slot::EventDate => "event_date",
            Slot::AdvisorNumber => "advisor_number",
        }
    }

    /// The slot of this name.
    pub fn by_name(name: &str) -> Option<Slot> {
        Slot::ALL.into_iter().find(|slot| slot.name() == name)
    }

    /// The prompts that say it, or `None` where the fact is unknown or cannot be spoken.
    pub fn speak(self, facts: &Facts, language: &str) -> Option<Vec<PromptId>> {
        match self {
            Slot::PlateTail => plate_tail(facts.plate.as_ref()?.expose()),
            Slot::EventDate => Some(date(facts.event_date?, language)),
            Slot::AdvisorNumber => characters(facts.advisor_number.as_ref()?),
        }
    }

    /// Every building block that it may need in a language.
    pub fn blocks(self, _language: &str) -> Vec<PromptId> {
        match self {
            Slot::PlateTail | Slot::AdvisorNumber => ('0'..='9').chain('A'..='Z').filter_map(character).collect(),
            Slot::EventDate => (1..=12).map(month).chain((1..=31).map(day)).collect(),
        }
    }

    /// How many blocks it usually takes to say it (for estimates of length).
    pub fn usual_blocks(self) -> u64 {
        match self {
            Slot::PlateTail => 3,
            Slot::EventDate => 2,
            Slot::AdvisorNumber => 4,
        }
    }
}

/// The last three characters of a plate, where all three can be spoken (`沪A·12386` → 3 8 6; a plate that ends in 学, 警 or 港 → absent).
pub fn plate_tail(plate: &str) -> Option<Vec<PromptId>> {
    let spoken: Vec<char> = plate.chars().filter(|c| !is_separator(*c)).collect();
    let tail = spoken.get(spoken.len().checked_sub(3)?..)?;
    tail.iter().copied().map(character).collect()
}

/// A string of digits and Latin letters, character by character; absent if it is empty or holds anything else.
pub fn characters(text: &str) -> Option<Vec<PromptId>> {
    let spoken: Option<Vec<PromptId>> = text.chars().filter(|c| !is_separator(*c)).map(character).collect();
    spoken.filter(|prompts| !prompts.is_empty())
}

/// A day of the year: month, then day, in Chinese as in English. A language that says the day first gets its arm here.
pub fn date(date: NaiveDate, language: &str) -> Vec<PromptId> {
    match language {
        "zh-CN" | "en" => vec![month(date.month()), day(date.day())],
        _ => vec![month(date.month()), day(date.day())],
    }
}

fn month(number: u32) -> PromptId {
    PromptId::new(&format!("month.{number}"))
}

fn day(number: u32) -> PromptId {
    PromptId::new(&format!("day.{number}"))
}

/// One digit or Latin letter, also in full width as Chinese input methods write it.
fn character(c: char) -> Option<PromptId> {
    let narrow = match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0)?,
        other => other,
    };
    match narrow.to_ascii_uppercase() {
        digit @ '0'..='9' => Some(PromptId::new(&format!("digit.{digit}"))),
        letter @ 'A'..='Z' => Some(PromptId::new(&format!("letter.{letter}"))),
        _ => None,
    }
}

fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, '-' | '·' | '.' | '•' | '・' | '－')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(prompts: Option<Vec<PromptId>>) -> Option<String> {
        prompts.map(|p| p.iter().map(PromptId::as_str).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn the_tail_of_a_plate() {
        for (plate, want) in [
            ("沪A·12386", Some("digit.3 digit.8 digit.6")),
            ("京AD12345", Some("digit.3 digit.4 digit.5")),
            ("苏e 9k2-b7", Some("digit.2 letter.B digit.7")),
            ("粤Ｂ１２３４Ｓ", Some("digit.3 digit.4 letter.S")),
            ("京A1234警", None),
            ("粤Z1234港", None),
            ("7A", None),
            ("", None),
        ] {
            assert_eq!(said(plate_tail(plate)).as_deref(), want, "{plate}");
        }
    }

    #[test]
    fn dates_and_numbers() {
        let day = NaiveDate::from_ymd_opt(2026, 11, 14).unwrap();
        for language in ["zh-CN", "en"] {
            assert_eq!(said(Some(date(day, language))).as_deref(), Some("month.11 day.14"));
        }
        assert_eq!(said(characters("80 21")).as_deref(), Some("digit.8 digit.0 digit.2 digit.1"));
        assert_eq!(said(characters("a7")).as_deref(), Some("letter.A digit.7"));
        assert_eq!(said(characters("王八")), None);
        assert_eq!(said(characters(" ")), None);
    }
}
