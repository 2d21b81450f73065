//! What attempts came to: who took the call, attempts for each complete interview, how long calls last, and at which question people hang up, in ONE table of definitions.
//!
//! Source: domain.md; the dispositions of `call::disposition`. Pure: it counts and divides, and answers nothing (`None`) where nothing was counted.
#![forbid(unsafe_code)]

use super::{FigureDefinition, Rate};
use crate::call::disposition::Disposition;
use serde::Serialize;

/// What an attempt came to. Each ended attempt is of exactly one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Somebody took the call.
    Person,
    /// A machine or a fax took it.
    Machine,
    /// It came to the phone, and nobody took it.
    NotAnswered,
    /// There is no such number.
    NoSuchNumber,
    /// The line, the trunk or this engine failed.
    Failed,
}

impl Kind {
    /// All, in the order in which pages show them.
    pub const ALL: [Kind; 5] = [Kind::Person, Kind::Machine, Kind::NotAnswered, Kind::NoSuchNumber, Kind::Failed];

    /// Its key.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Person => "person",
            Kind::Machine => "machine",
            Kind::NotAnswered => "not_answered",
            Kind::NoSuchNumber => "no_such_number",
            Kind::Failed => "failed",
        }
    }

    /// Of a disposition as the store has it; none for a text that is no disposition.
    pub fn of(disposition: &str) -> Option<Kind> {
        let known = Disposition::ALL.iter().find(|known| known.as_str() == disposition);
        known.map(|disposition| Kind::of_disposition(*disposition))
    }

    fn of_disposition(disposition: Disposition) -> Kind {
        use Disposition as D;
        match disposition {
            D::Complete | D::Partial | D::Refusal | D::BreakOff | D::CallBack | D::NoInput | D::WrongNumber => {
                Kind::Person
            }
            D::Machine | D::Fax => Kind::Machine,
            D::Busy | D::Declined | D::NoAnswer | D::Unreachable => Kind::NotAnswered,
            D::InvalidNumber => Kind::NoSuchNumber,
            D::Congestion | D::TrunkRefused | D::NoAudio | D::OneWayAudio | D::Interrupted | D::Unknown => Kind::Failed,
        }
    }
}

/// Attempts with one disposition, as the store counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended<'a> {
    /// Disposition; none: still open.
    pub disposition: Option<&'a str>,
    /// How many.
    pub count: u64,
    /// Of them answered.
    pub answered: u64,
    /// From answer to end, all together, in ms.
    pub talked_ms: u64,
}

/// Attempts whose INVITE left, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    kinds: [u64; Kind::ALL.len()],
    open: u64,
    unclassified: u64,
    complete: u64,
    complete_answered: u64,
    complete_ms: u64,
    answered: u64,
    answered_ms: u64,
}

impl Calls {
    /// Counts these rows.
    pub fn of<'a>(rows: impl IntoIterator<Item = Ended<'a>>) -> Calls {
        let mut calls = Calls::default();
        rows.into_iter().for_each(|row| calls.add(&row));
        calls
    }

    /// Counts one row more.
    pub fn add(&mut self, row: &Ended<'_>) {
        let Some(disposition) = row.disposition else {
            self.open += row.count;
            return;
        };
        match Kind::of(disposition) {
            Some(kind) => self.kinds[kind as usize] += row.count,
            None => self.unclassified += row.count,
        }
        self.answered += row.answered;
        self.answered_ms += row.talked_ms;
        if disposition == Disposition::Complete.as_str() {
            self.complete += row.count;
            self.complete_answered += row.answered;
            self.complete_ms += row.talked_ms;
        }
    }

    /// Attempts of one kind.
    pub fn count(&self, kind: Kind) -> u64 {
        self.kinds[kind as usize]
    }

    /// Attempts that go on.
    pub fn open(&self) -> u64 {
        self.open
    }

    /// Attempts whose disposition nobody knows. Must be 0; pages show it when it is not.
    pub fn unclassified(&self) -> u64 {
        self.unclassified
    }

    /// Attempts in all: the kinds, the open ones, and what is unclassified.
    pub fn total(&self) -> u64 {
        self.ended() + self.open
    }

    /// Attempts that are over.
    pub fn ended(&self) -> u64 {
        self.kinds.iter().sum::<u64>() + self.unclassified
    }

    /// Of them complete interviews.
    pub fn complete(&self) -> u64 {
        self.complete
    }

    /// The figures.
    pub fn figures(&self) -> Figures {
        let (ended, person) = (self.ended(), self.count(Kind::Person));
        Figures {
            answered_by_person: Rate::new(person, ended, self.total()),
            machines: Rate::new(self.count(Kind::Machine), ended, self.total()),
            complete_of_person: Rate::new(self.complete, person, self.total()),
            complete_of_attempts: Rate::new(self.complete, ended, self.total()),
            attempts_per_complete: Mean::of(ended, self.complete),
            mean_complete_s: Mean::seconds(self.complete_ms, self.complete_answered),
            mean_answered_s: Mean::seconds(self.answered_ms, self.answered),
        }
    }
}

/// A mean with its n.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Mean {
    /// Over so many.
    pub n: u64,
    /// The mean; none where n is 0.
    pub value: Option<f64>,
}

impl Mean {
    fn of(sum: u64, n: u64) -> Mean {
        Mean { n, value: (n > 0).then(|| sum as f64 / n as f64) }
    }

    fn seconds(ms: u64, n: u64) -> Mean {
        Mean { n, value: (n > 0).then(|| ms as f64 / 1000.0 / n as f64) }
    }
}

/// The figures of attempts; what each is stands in [`FIGURES`] under the same key.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Attempts that a person took.
    pub answered_by_person: Rate,
    /// Attempts that a machine took.
    pub machines: Rate,
    /// Complete interviews among those that a person took.
    pub complete_of_person: Rate,
    /// Complete interviews among all attempts.
    pub complete_of_attempts: Rate,
    /// Attempts for one complete interview; n: complete interviews.
    pub attempts_per_complete: Mean,
    /// Length of a complete call in s; n: complete calls.
    pub mean_complete_s: Mean,
    /// Length of an answered call in s; n: answered calls.
    pub mean_answered_s: Mean,
}

impl Figures {
    /// A figure of [`FIGURES`] that is a share.
    pub fn rate(&self, key: &str) -> Option<Rate> {
        match key {
            "answered_by_person" => Some(self.answered_by_person),
            "machines" => Some(self.machines),
            "complete_of_person" => Some(self.complete_of_person),
            "complete_of_attempts" => Some(self.complete_of_attempts),
            _ => None,
        }
    }

    /// A figure of [`FIGURES`] that is a mean.
    pub fn mean(&self, key: &str) -> Option<Mean> {
        match key {
            "attempts_per_complete" => Some(self.attempts_per_complete),
            "mean_complete_s" => Some(self.mean_complete_s),
            "mean_answered_s" => Some(self.mean_answered_s),
            _ => None,
        }
    }
}

/// A question of a survey, as calls came past it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Question {
    /// Survey key.
    pub survey: String,
    /// The question.
    pub question: String,
    /// Calls in which it was asked.
    pub asked: u64,
    /// Of them, in which it was answered.
    pub answered: u64,
    /// Of them, in which the customer hung up before the interview was over, and it was the last one asked.
    pub broke_off: u64,
}

impl Question {
    /// Share of those asked who hung up at it.
    pub fn break_off(&self) -> Rate {
        Rate::new(self.broke_off, self.asked, self.asked)
    }
}

const TRADE: &str = "the trade; an attempt is an INVITE that left";

/// All figures of attempts, in the order in which pages show them.
pub const FIGURES: &[FigureDefinition] = &[
    FigureDefinition {
        key: "answered_by_person",
        name_en: "Taken by a person",
        name_zh: "真人接听率",
        meaning: "Attempts that somebody took, among all that are over; machines, faxes and calls without sound are not taken by a person.",
        meaning_zh: "已结束的拨打中由真人接听的比例；答录机、传真和无声音的通话不计。",
        formula: "(complete + partial + refusal + break-off + call-back + no key + wrong number) / attempts that are over",
        source: TRADE,
    },
    FigureDefinition {
        key: "machines",
        name_en: "Taken by a machine",
        name_zh: "答录机比例",
        meaning: "Attempts that an answering machine or a fax took, among all that are over.",
        meaning_zh: "已结束的拨打中由答录机或传真接听的比例。",
        formula: "(machine + fax) / attempts that are over",
        source: TRADE,
    },
    FigureDefinition {
        key: "complete_of_person",
        name_en: "Complete of those taken (I / answered by a person)",
        name_zh: "接听后完成率 (I / 真人接听)",
        meaning: "Complete interviews among the attempts that a person took.",
        meaning_zh: "真人接听的拨打中完整完成回访的比例。",
        formula: "complete / taken by a person",
        source: TRADE,
    },
    FigureDefinition {
        key: "complete_of_attempts",
        name_en: "Complete of attempts",
        name_zh: "拨打完成率",
        meaning: "Complete interviews among all attempts that are over: what an hour's or a day's calls are worth.",
        meaning_zh: "已结束的拨打中完整完成回访的比例，用于比较各时段。",
        formula: "complete / attempts that are over",
        source: TRADE,
    },
    FigureDefinition {
        key: "attempts_per_complete",
        name_en: "Attempts per complete",
        name_zh: "每完成一份的拨打次数",
        meaning: "Attempts that are over, for each complete interview among them.",
        meaning_zh: "每完成一份完整回访平均需要的拨打次数。",
        formula: "attempts that are over / complete",
        source: TRADE,
    },
    FigureDefinition {
        key: "mean_complete_s",
        name_en: "Mean length, complete calls",
        name_zh: "完整回访平均时长",
        meaning: "From answer to end, of the calls in which an interview became complete.",
        meaning_zh: "完整完成的通话从接听到结束的平均时长。",
        formula: "Σ (end − answer) / complete calls",
        source: TRADE,
    },
    FigureDefinition {
        key: "mean_answered_s",
        name_en: "Mean length, all answered calls",
        name_zh: "全部接听通话平均时长",
        meaning: "From answer to end, of all calls that were answered, by whomever.",
        meaning_zh: "所有已接听通话（含答录机）从接听到结束的平均时长。",
        formula: "Σ (end − answer) / answered calls",
        source: TRADE,
    },
    FigureDefinition {
        key: "break_off",
        name_en: "Broke off at the question",
        name_zh: "该题中断率",
        meaning: "Of the calls in which the question was asked, those in which the customer hung up before the interview was over and it was the last one asked. Calls whose timeline retention has removed are left out.",
        meaning_zh: "问到该题的通话中，客户未答完即挂断且该题为最后一题的比例；过程记录已按期删除的通话不计。",
        formula: "hung up at it / asked",
        source: "the timeline of each call (asked, remote_ended)",
    },
];

/// The definition with this key.
pub fn definition(key: &str) -> Option<&'static FigureDefinition> {
    FIGURES.iter().find(|definition| definition.key == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(disposition: Option<&str>, count: u64, answered: u64, talked_ms: u64) -> Ended<'_> {
        Ended { disposition, count, answered, talked_ms }
    }

    #[test]
    fn each_disposition_is_of_one_kind_and_the_kinds_make_the_whole() {
        let rows = Disposition::ALL.iter().map(|disposition| row(Some(disposition.as_str()), 3, 0, 0));
        let calls = Calls::of(rows.chain([row(None, 2, 0, 0), row(Some("nonsense"), 1, 0, 0)]));
        let of_kinds: u64 = Kind::ALL.into_iter().map(|kind| calls.count(kind)).sum();
        assert_eq!((calls.unclassified(), calls.open(), of_kinds), (1, 2, 3 * Disposition::ALL.len() as u64));
        assert_eq!(calls.total(), of_kinds + 2 + 1);
        assert_eq!((calls.count(Kind::Machine), calls.count(Kind::NoSuchNumber)), (6, 3));
    }

    #[test]
    fn figures_are_what_they_are_defined_as() {
        let calls = Calls::of([
            row(Some("complete"), 4, 4, 4 * 300_000),
            row(Some("refusal"), 2, 2, 2 * 30_000),
            row(Some("machine"), 3, 3, 3 * 10_000),
            row(Some("no_answer"), 10, 0, 0),
            row(Some("congestion"), 1, 0, 0),
            row(None, 5, 0, 0),
        ]);
        let figures = calls.figures();
        assert_eq!(figures.answered_by_person, Rate::new(6, 20, 25));
        assert_eq!(figures.machines, Rate::new(3, 20, 25));
        assert_eq!(figures.complete_of_person, Rate::new(4, 6, 25));
        assert_eq!(figures.attempts_per_complete, Mean { n: 4, value: Some(5.0) });
        assert_eq!(figures.mean_complete_s, Mean { n: 4, value: Some(300.0) });
        assert_eq!(figures.mean_answered_s, Mean { n: 9, value: Some((1_200.0 + 60.0 + 30.0) / 9.0) });
    }

    #[test]
    fn nothing_counted_is_nothing_said() {
        let figures = Calls::of([row(Some("busy"), 3, 0, 0)]).figures();
        assert_eq!((figures.complete_of_person.value, figures.attempts_per_complete.value), (None, None));
        assert_eq!(Calls::default().figures().answered_by_person.value, None);
        let question =
            |asked, broke_off| Question { survey: "s".into(), question: "q".into(), asked, answered: 0, broke_off };
        assert_eq!(question(0, 0).break_off().value, None);
        assert_eq!(question(4, 1).break_off(), Rate::new(1, 4, 4));
    }

    #[test]
    fn each_figure_is_in_the_table_and_each_of_the_table_is_a_figure() {
        let figures = Calls::default().figures();
        let json = serde_json::to_value(figures).unwrap();
        for key in json.as_object().unwrap().keys() {
            assert!(definition(key).is_some(), "{key} is defined");
            assert!(figures.rate(key).is_some() != figures.mean(key).is_some(), "{key} is a share or a mean");
        }
        assert_eq!(json.as_object().unwrap().len() + 1, FIGURES.len(), "all but the one of a single question");
    }
}
