//! The rates: completion, and response, cooperation, refusal and contact rate, in ONE table from which figures, API and documents are made.
//!
//! Source: AAPOR, "Standard Definitions: Final Dispositions of Case Codes and Outcome Rates for Surveys", telephone samples, RR1, COOP1, REF1, CON1.
//! Pure: it counts and divides; it never asks the store, and it never answers 0 or 100 % where nothing was counted (that is `None`).
#![forbid(unsafe_code)]

pub mod calls;
pub mod document;
pub mod run;
pub mod score;
mod table;
pub mod trunk;

#[cfg(test)]
mod tests;

pub use table::RATES;

use serde::Serialize;

/// What a follow-up counts as: AAPOR's letters for final dispositions, and one more for those that are not final yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// I: complete interview (1.1).
    Complete,
    /// P: partial interview (1.2).
    Partial,
    /// R: refusal and break-off (2.1x).
    Refusal,
    /// NC: eligible, not reached (2.2x).
    NonContact,
    /// O: eligible, not interviewed for another reason (2.3x and further).
    Other,
    /// UH: nothing known of who is behind the number: busy, no answer, technical (3.1x).
    UnknownPhone,
    /// UO: somebody is there, eligibility unknown: no screener completed (3.2x and further).
    UnknownPerson,
    /// NE: not eligible: wrong number, not working (4.xx).
    NotEligible,
    /// Owed a call and not final yet; no rate of AAPOR counts it.
    Open,
}

impl Group {
    /// All groups, in the order of their codes.
    pub const ALL: [Group; 9] = [
        Group::Complete,
        Group::Partial,
        Group::Refusal,
        Group::NonContact,
        Group::Other,
        Group::UnknownPhone,
        Group::UnknownPerson,
        Group::NotEligible,
        Group::Open,
    ];

    /// The group of a final disposition code (`1.1`, `2.12`, `3.13`); `None` for a text that is no such code.
    pub fn of_code(code: &str) -> Option<Group> {
        let (category, rest) = code.trim().split_once('.')?;
        if rest.is_empty() || !rest.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        match (category, rest.as_bytes()[0]) {
            ("1", b'1') => Some(Group::Complete),
            ("1", b'2') => Some(Group::Partial),
            ("2", b'1') => Some(Group::Refusal),
            ("2", b'2') => Some(Group::NonContact),
            ("2", _) => Some(Group::Other),
            ("3", b'1') => Some(Group::UnknownPhone),
            ("3", _) => Some(Group::UnknownPerson),
            ("4", _) => Some(Group::NotEligible),
            _ => None,
        }
    }

    /// The letter in formulas.
    pub fn letter(self) -> &'static str {
        match self {
            Group::Complete => "I",
            Group::Partial => "P",
            Group::Refusal => "R",
            Group::NonContact => "NC",
            Group::Other => "O",
            Group::UnknownPhone => "UH",
            Group::UnknownPerson => "UO",
            Group::NotEligible => "NE",
            Group::Open => "open",
        }
    }
}

/// How many follow-ups fell into each group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    counts: [u64; Group::ALL.len()],
    unclassified: u64,
}

/// What a figure is, that is no rate of follow-ups: of scores, calls, runs, trunks.
#[derive(Debug)]
pub struct FigureDefinition {
    /// Stable key in the API.
    pub key: &'static str,
    /// English name.
    pub name_en: &'static str,
    /// Chinese name.
    pub name_zh: &'static str,
    /// What it says.
    pub meaning: &'static str,
    /// The same in Chinese.
    pub meaning_zh: &'static str,
    /// The formula.
    pub formula: &'static str,
    /// Where it comes from.
    pub source: &'static str,
}

impl Tally {
    /// A tally of (final disposition code, count); no code = not final yet. A code that is none is kept apart, never dropped: see [`Tally::unclassified`].
    pub fn of<'a>(rows: impl IntoIterator<Item = (Option<&'a str>, u64)>) -> Tally {
        let mut tally = Tally::default();
        for (code, count) in rows {
            match code.map(Group::of_code) {
                None => tally.add(Group::Open, count),
                Some(Some(group)) => tally.add(group, count),
                Some(None) => tally.unclassified = tally.unclassified.saturating_add(count),
            }
        }
        tally
    }

    /// A tally of (final disposition, its code, count) as the store counts them. Without a disposition they are open; closed without a code they are kept as
    /// unclassified, never as open.
    pub fn of_ends<'a>(rows: impl IntoIterator<Item = (Option<&'a str>, Option<&'a str>, i64)>) -> Tally {
        let coded = |(disposition, code, count): (Option<&'a str>, Option<&'a str>, i64)| {
            (disposition.map(|_| code.unwrap_or_default()), u64::try_from(count).unwrap_or(0))
        };
        Tally::of(rows.into_iter().map(coded))
    }

    /// Counts `count` more follow-ups of `group`.
    pub fn add(&mut self, group: Group, count: u64) {
        let slot = &mut self.counts[group as usize];
        *slot = slot.saturating_add(count);
    }

    /// Follow-ups of one group.
    pub fn count(&self, group: Group) -> u64 {
        self.counts[group as usize]
    }

    /// Follow-ups of these groups together.
    pub fn sum(&self, groups: &[Group]) -> u64 {
        groups.iter().fold(0, |sum, group| sum.saturating_add(self.count(*group)))
    }

    /// Follow-ups whose code is not in the standard. Must be 0; pages show it when it is not.
    pub fn unclassified(&self) -> u64 {
        self.unclassified
    }

    /// Follow-ups in all, open and unclassified ones too.
    pub fn total(&self) -> u64 {
        self.sum(&Group::ALL).saturating_add(self.unclassified)
    }

    /// Follow-ups with a final disposition.
    pub fn closed(&self) -> u64 {
        self.total().saturating_sub(self.count(Group::Open))
    }
}

/// One rate of the table.
#[derive(Debug)]
pub struct Definition {
    /// Stable key in the API.
    pub key: &'static str,
    /// English name.
    pub name_en: &'static str,
    /// Chinese name.
    pub name_zh: &'static str,
    /// What it says, in one sentence.
    pub meaning: &'static str,
    /// The same in Chinese.
    pub meaning_zh: &'static str,
    /// Groups above the line. Always among those below it, so that no rate can pass 1.
    pub numerator: &'static [Group],
    /// Groups below the line.
    pub denominator: &'static [Group],
    /// Where the definition comes from.
    pub source: &'static str,
}

/// A rate with what it was made from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rate {
    /// Follow-ups above the line.
    pub numerator: u64,
    /// Follow-ups below the line.
    pub denominator: u64,
    /// Follow-ups that were looked at to make this rate, those that it leaves out (not eligible, not final) too.
    pub n: u64,
    /// numerator / denominator, 0 to 1; none when nothing was counted.
    pub value: Option<f64>,
}

impl Rate {
    /// `numerator` of `denominator`, seen among `n` cases. A numerator above its denominator is a bug of the caller and is cut to it.
    pub fn new(numerator: u64, denominator: u64, n: u64) -> Rate {
        let numerator = numerator.min(denominator);
        let value = (denominator > 0).then(|| numerator as f64 / denominator as f64);
        Rate { numerator, denominator, n, value }
    }
}

impl Definition {
    /// The rate of a tally.
    pub fn of(&self, tally: &Tally) -> Rate {
        Rate::new(tally.sum(self.numerator), tally.sum(self.denominator), tally.total())
    }

    /// The formula as text, made from the groups themselves: `I / (I + P + R)`.
    pub fn formula(&self) -> String {
        let terms = |groups: &[Group]| groups.iter().map(|g| g.letter()).collect::<Vec<_>>().join(" + ");
        let above = terms(self.numerator);
        if self.numerator.len() > 1 {
            format!("({above}) / ({})", terms(self.denominator))
        } else {
            format!("{above} / ({})", terms(self.denominator))
        }
    }
}

/// The definition with this key.
pub fn definition(key: &str) -> Option<&'static Definition> {
    RATES.iter().find(|definition| definition.key == key)
}
