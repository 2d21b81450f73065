//! What the improvement of a weak item is (弱项整改, domain.md, "Records and reports") and what may be done with it. Pure; the store and the pages come after it.
//!
//! ```text
//! open → in progress → (due) check by somebody else → settled
//!             ╰──────────────────── not settled: next round, a new date
//!             ╰ drop, with a reason
//! ```
#![forbid(unsafe_code)]

use crate::rates::Rate;
use crate::rates::score::{SMALL, Scores};
use crate::wording::words;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Characters of a text at most.
const MOST_TEXT: usize = 2_000;

words! {
    /// Where a plan stands.
    State {
        /// Somebody is on it.
        InProgress = "in_progress",
        /// Checked: it helped.
        Settled = "settled",
        /// Given up, with a reason.
        Dropped = "dropped",
    }
    /// What was done with a plan.
    StepKind {
        /// It was made.
        Open = "open",
        /// What it says was changed.
        Change = "change",
        /// Somebody checked whether it helped.
        Check = "check",
        /// It was given up.
        Drop = "drop",
    }
}

/// What a plan says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Favourable share that is aimed at, in percent.
    pub target: i16,
    /// Who it belongs to.
    pub department: String,
    /// What is done.
    pub measure: String,
    /// Who does it.
    pub owner: String,
    /// Until when.
    pub due_on: NaiveDate,
}

/// Where a plan stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// What it says.
    pub terms: Terms,
    /// Where it stands.
    pub state: State,
    /// How often it was begun.
    pub round: i16,
}

/// What somebody does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Change what it says.
    Change(Terms),
    /// Check whether it helped. Unsettled, the next round is due on `again`.
    Check {
        /// It helped.
        settled: bool,
        /// What was found.
        note: String,
        /// When the next round is due.
        again: Option<NaiveDate>,
    },
    /// Give it up.
    Drop {
        /// Why.
        note: String,
    },
}

/// What stands in the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What was done.
    pub kind: StepKind,
    /// What was said.
    pub note: String,
}

/// Why nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// A field cannot be used.
    #[error("`{0}` {1}")]
    Field(&'static str, &'static str),
    /// The plan has ended.
    #[error("this plan has ended")]
    Ended,
    /// Nobody checks before the date.
    #[error("it is checked on its due date or later")]
    TooEarly,
    /// Nobody checks what they did themselves.
    #[error("it is checked by somebody else than its owner")]
    OwnWork,
}

impl Terms {
    /// Whether they can be worked with from `today` on.
    pub fn check(&self, today: NaiveDate) -> Result<(), Refused> {
        for (name, text) in [("department", &self.department), ("measure", &self.measure), ("owner", &self.owner)] {
            text_of(name, text)?;
        }
        if !(1..=100).contains(&self.target) {
            return Err(Refused::Field("target", "is 1 to 100 percent"));
        }
        if self.due_on < today {
            return Err(Refused::Field("due_on", "has passed"));
        }
        Ok(())
    }
}

fn text_of(name: &'static str, text: &str) -> Result<(), Refused> {
    match text.trim().chars().count() {
        0 => Err(Refused::Field(name, "is wanted")),
        1..=MOST_TEXT => Ok(()),
        _ => Err(Refused::Field(name, "is longer than 2,000 characters")),
    }
}

impl Case {
    /// A plan that begins.
    pub fn open(terms: Terms, today: NaiveDate) -> Result<Case, Refused> {
        terms.check(today)?;
        Ok(Case { terms, state: State::InProgress, round: 1 })
    }

    /// Its date has passed, and nobody has checked it.
    pub fn is_overdue(&self, today: NaiveDate) -> bool {
        self.state == State::InProgress && self.terms.due_on < today
    }

    /// It can be checked.
    pub fn is_due(&self, today: NaiveDate) -> bool {
        self.state == State::InProgress && self.terms.due_on <= today
    }

    /// Does what `person` wants, or says why not.
    pub fn act(&mut self, act: Act, person: &str, today: NaiveDate) -> Result<Entry, Refused> {
        if self.state != State::InProgress {
            return Err(Refused::Ended);
        }
        match act {
            Act::Change(terms) => {
                terms.check(today)?;
                self.terms = terms;
                Ok(Entry { kind: StepKind::Change, note: String::new() })
            }
            Act::Check { settled, note, again } => {
                if !self.is_due(today) {
                    return Err(Refused::TooEarly);
                }
                if self.terms.owner.trim() == person.trim() {
                    return Err(Refused::OwnWork);
                }
                text_of("note", &note)?;
                if settled {
                    self.state = State::Settled;
                } else {
                    let again = again.filter(|day| *day > today);
                    self.terms.due_on =
                        again.ok_or(Refused::Field("again", "is a day to come, when it is not settled"))?;
                    self.round = self.round.saturating_add(1);
                }
                Ok(Entry { kind: StepKind::Check, note })
            }
            Act::Drop { note } => {
                text_of("note", &note)?;
                self.state = State::Dropped;
                Ok(Entry { kind: StepKind::Drop, note })
            }
        }
    }
}

/// Whether an item is so far below `target` percent that it is no accident: enough have answered, and even the upper end of the share's 95 % interval is below.
pub fn is_weak(scores: &Scores, target: u8) -> bool {
    let share: Rate = scores.favourable();
    scores.n() >= SMALL && share.interval().is_some_and(|interval| interval.high * 100.0 < f64::from(target))
}

#[cfg(test)]
mod tests;
