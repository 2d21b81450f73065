//! What an unattended run came to: each follow-up of the run is in exactly one part, so that the parts make the whole. Pure.
//!
//! A run is a period (a day, a night). It has the follow-ups that were owed a call at some moment of it (due before its end, not closed before its beginning), and those that
//! were called in it. They are judged as they stood at its end, so that yesterday's run reads tomorrow as it does today.
#![forbid(unsafe_code)]

use super::{FigureDefinition, Group};
use serde::Serialize;

/// Where a follow-up of a run stood at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Closed: a complete interview.
    Complete,
    /// Closed: a partial one.
    Partial,
    /// Closed: refused or broken off.
    Refused,
    /// Closed: wrong or dead number.
    WrongNumber,
    /// Closed: given up without an interview.
    NotReached,
    /// Open: the customer booked a call-back.
    Booked,
    /// Open: tried, to be called again.
    ToRetry,
    /// Open: never tried.
    Untried,
    /// Open: in a call at the end.
    InCall,
    /// Open: only a person sets it going again.
    NeedsPerson,
}

impl Part {
    /// All, closed ones first.
    pub const ALL: [Part; 10] = [
        Part::Complete,
        Part::Partial,
        Part::Refused,
        Part::WrongNumber,
        Part::NotReached,
        Part::Booked,
        Part::ToRetry,
        Part::Untried,
        Part::InCall,
        Part::NeedsPerson,
    ];

    /// Its key.
    pub fn as_str(self) -> &'static str {
        match self {
            Part::Complete => "complete",
            Part::Partial => "partial",
            Part::Refused => "refused",
            Part::WrongNumber => "wrong_number",
            Part::NotReached => "not_reached",
            Part::Booked => "booked",
            Part::ToRetry => "to_retry",
            Part::Untried => "untried",
            Part::InCall => "in_call",
            Part::NeedsPerson => "needs_person",
        }
    }

    /// Whether it is closed.
    pub fn is_closed(self) -> bool {
        match self {
            Part::Complete | Part::Partial | Part::Refused | Part::WrongNumber | Part::NotReached => true,
            Part::Booked | Part::ToRetry | Part::Untried | Part::InCall | Part::NeedsPerson => false,
        }
    }

    /// Of how a follow-up stood at the end of the run.
    pub fn of(stood: &Stood<'_>) -> Part {
        match stood {
            Stood::Closed { aapor } => match aapor.and_then(Group::of_code) {
                Some(Group::Complete) => Part::Complete,
                Some(Group::Partial) => Part::Partial,
                Some(Group::Refusal) => Part::Refused,
                Some(Group::NotEligible) => Part::WrongNumber,
                Some(Group::NonContact | Group::Other | Group::UnknownPhone | Group::UnknownPerson | Group::Open)
                | None => Part::NotReached,
            },
            Stood::Open { review: true, .. } => Part::NeedsPerson,
            Stood::Open { attempt: None, .. } => Part::Untried,
            Stood::Open { attempt: Some(None), .. } => Part::InCall,
            Stood::Open { attempt: Some(Some("call_back")), .. } => Part::Booked,
            Stood::Open { attempt: Some(Some(_)), .. } => Part::ToRetry,
        }
    }

    /// What it is.
    pub fn definition(self) -> &'static FigureDefinition {
        // PARTS is in the order of ALL (a test holds it), and both have as many
        &PARTS[self as usize]
    }
}

/// How a follow-up stood at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stood<'a> {
    /// Closed by then.
    Closed {
        /// Code of its final disposition.
        aapor: Option<&'a str>,
    },
    /// Open.
    Open {
        /// Set aside for a person.
        review: bool,
        /// Its last attempt by then: none; going on (none); or over, with this disposition.
        attempt: Option<Option<&'a str>>,
    },
}

/// Follow-ups of a run by part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts([u64; Part::ALL.len()]);

impl Parts {
    /// Counts `count` more.
    pub fn add(&mut self, part: Part, count: u64) {
        self.0[part as usize] += count;
    }

    /// Of one part.
    pub fn count(&self, part: Part) -> u64 {
        self.0[part as usize]
    }

    /// All.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Those that were closed at the end.
    pub fn closed(&self) -> u64 {
        Part::ALL.into_iter().filter(|part| part.is_closed()).map(|part| self.count(part)).sum()
    }

    /// Those that were open.
    pub fn left(&self) -> u64 {
        self.total() - self.closed()
    }
}

const SOURCE: &str = "decisions/0039; AAPOR codes of final dispositions";

macro_rules! parts {
    ($($key:literal, $en:literal, $zh:literal, $meaning:literal, $meaning_zh:literal, $formula:literal;)*) => {
        /// What each part is, in the order of [`Part::ALL`].
        pub const PARTS: &[FigureDefinition] = &[$(FigureDefinition {
            key: $key, name_en: $en, name_zh: $zh, meaning: $meaning, meaning_zh: $meaning_zh, formula: $formula, source: SOURCE,
        },)*];
    };
}

parts! {
    "complete", "Complete", "完整完成", "Closed with a complete interview.", "已完整完成回访。", "closed by the end, code 1.1";
    "partial", "Partial", "部分完成", "Closed with a partial interview.", "部分完成后结束。", "closed by the end, code 1.2";
    "refused", "Refused", "拒访", "Closed by a refusal, or broken off for good.", "拒访或中断后不再拨打。", "closed by the end, code 2.1x";
    "wrong_number", "Wrong number", "错号", "Closed: the number is somebody else's, dead, or a fax.", "号码错误、空号或传真。", "closed by the end, code 4.x";
    "not_reached", "Not reached", "未联系上", "Closed without an interview: nobody was reached before the deadline or the last attempt.", "截止前或次数用完仍未联系上。", "closed by the end, any other code";
    "booked", "Call-back booked", "已预约回电", "Open: the customer asked for another time.", "未结束：客户预约了其他时间。", "open at the end, last attempt call_back";
    "to_retry", "To be called again", "待重拨", "Open: tried, and to be called again.", "未结束：已拨打，将再次拨打。", "open at the end, last attempt anything else";
    "untried", "Not tried yet", "未拨打", "Open: no attempt was made by the end.", "未结束：尚未拨打。", "open at the end, no attempt";
    "in_call", "In a call", "通话中", "Open: a call was going on at the end.", "未结束：截止时正在通话。", "open at the end, attempt going on";
    "needs_person", "Needs a person", "需人工处理", "Open: set aside, and only a person sets it going again.", "未结束：已搁置，需人工恢复。", "open at the end, under review";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::disposition::Disposition;

    #[test]
    fn the_table_is_in_the_order_of_the_parts() {
        assert_eq!(PARTS.len(), Part::ALL.len());
        for (i, part) in Part::ALL.into_iter().enumerate() {
            assert_eq!((part as usize, part.definition().key), (i, part.as_str()));
        }
    }

    #[test]
    fn each_way_to_stand_is_one_part() {
        let closed = |aapor| Part::of(&Stood::Closed { aapor });
        let open = |review, attempt| Part::of(&Stood::Open { review, attempt });
        for (got, want) in [
            (closed(Some("1.1")), Part::Complete),
            (closed(Some("1.2")), Part::Partial),
            (closed(Some("2.11")), Part::Refused),
            (closed(Some("2.12")), Part::Refused),
            (closed(Some("3.13")), Part::NotReached),
            (closed(None), Part::NotReached),
            (closed(Some("4.31")), Part::WrongNumber),
            (open(false, None), Part::Untried),
            (open(false, Some(None)), Part::InCall),
            (open(false, Some(Some("call_back"))), Part::Booked),
            (open(false, Some(Some("busy"))), Part::ToRetry),
            (open(true, Some(Some("unknown"))), Part::NeedsPerson),
            (open(true, None), Part::NeedsPerson),
        ] {
            assert_eq!(got, want);
        }
    }

    #[test]
    fn the_parts_make_the_whole() {
        let mut parts = Parts::default();
        for (n, disposition) in (1..).zip(Disposition::ALL) {
            parts.add(Part::of(&Stood::Closed { aapor: Some(disposition.aapor()) }), n);
            parts.add(Part::of(&Stood::Open { review: false, attempt: Some(Some(disposition.as_str())) }), n);
        }
        let n = Disposition::ALL.len() as u64;
        assert_eq!(parts.total(), n * (n + 1));
        assert_eq!((parts.closed(), parts.left()), (n * (n + 1) / 2, n * (n + 1) / 2));
        assert_eq!(Part::ALL.into_iter().map(|part| parts.count(part)).sum::<u64>(), parts.total());
    }
}
