//! Where a complaint stands, and which acts are open to whom. Pure: what happens in an act is `act`'s.

use super::act::Refused;
use super::class::{Class, Level};
use crate::wording::words;
use chrono::{DateTime, Utc};

words! {
    /// A kind of entry in a complaint's history: the six steps, and what is done beside them.
    StepKind {
        /// Step 1: listen and record.
        ListenAndRecord = "listen_and_record",
        /// Step 2: analyse the cause, confirm the nature.
        Analyse = "analyse",
        /// Step 3: find a solution.
        Solution = "solution",
        /// Step 4: tell the customer.
        TellCustomer = "tell_customer",
        /// Step 5: act.
        Act = "act",
        /// Step 6: review, after a contact that asks whether it is settled.
        Review = "review",
        /// The classification changed.
        Classify = "classify",
        /// Passed on to the department that may decide; who passes it on stays responsible until it is accepted.
        PassOn = "pass_on",
        /// The department has accepted it.
        Accept = "accept",
        /// It comes back: refused by the department, or taken back.
        HandBack = "hand_back",
        /// Somebody is responsible for it.
        Assign = "assign",
        /// The deadline moved.
        Deadline = "deadline",
        /// A cooling-off date was set (三变法: change the time).
        CoolOff = "cool_off",
        /// Put before a superior.
        Escalate = "escalate",
        /// An appointment for a call-back.
        CallBack = "call_back",
        /// The customer was told the result.
        ReportBack = "report_back",
        /// Closed.
        Close = "close",
        /// Taken up again.
        Reopen = "reopen",
    }
}

impl StepKind {
    /// The six steps in their order.
    pub const SIX: [StepKind; 6] = [
        StepKind::ListenAndRecord,
        StepKind::Analyse,
        StepKind::Solution,
        StepKind::TellCustomer,
        StepKind::Act,
        StepKind::Review,
    ];

    /// 1 to 6 for the six steps; none for what is done beside them.
    pub fn number(self) -> Option<u8> {
        (1..).zip(StepKind::SIX).find(|(_, kind)| *kind == self).map(|(number, _)| number)
    }

    /// The step of a number from 1 to 6.
    pub fn of_number(number: u8) -> Option<StepKind> {
        StepKind::SIX.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// True where a person talks to the customer.
    pub fn is_contact(self) -> bool {
        match self {
            StepKind::ListenAndRecord | StepKind::TellCustomer | StepKind::ReportBack | StepKind::Review => true,
            StepKind::Analyse
            | StepKind::Solution
            | StepKind::Act
            | StepKind::Classify
            | StepKind::PassOn
            | StepKind::Accept
            | StepKind::HandBack
            | StepKind::Assign
            | StepKind::Deadline
            | StepKind::CoolOff
            | StepKind::Escalate
            | StepKind::CallBack
            | StepKind::Close
            | StepKind::Reopen => false,
        }
    }
}

/// How much somebody may decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Works complaints.
    Agent,
    /// Answers for them: moves deadlines, closes serious ones, assigns, takes up again.
    Manager,
}

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Their name, as the history keeps it.
    pub name: String,
    /// How much they may decide.
    pub rank: Rank,
}

/// A hand-over that nobody has accepted yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// To which department.
    pub department: String,
    /// Who passed it on.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// A complaint as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Reviewed and closed.
    pub closed: bool,
    /// 1 is the first time through the steps; it grows where a review or a reopening begins again.
    pub round: u16,
    /// The last of the six steps that was finished in this round, 1 to 6.
    pub stage: u8,
    /// The customer was told the result in this round.
    pub reported_back: bool,
    /// Classification.
    pub class: Class,
    /// Who is responsible.
    pub owner: Option<String>,
    /// The department that has it.
    pub department: Option<String>,
    /// A hand-over that nobody has accepted yet.
    pub passed: Option<Passed>,
    /// When it is due: the first contact's date until somebody sets another.
    pub due_at: DateTime<Utc>,
    /// First contact by a person at the latest.
    pub contact_due_at: DateTime<Utc>,
    /// When a person first talked to the customer.
    pub contacted_at: Option<DateTime<Utc>>,
    /// The customer is left alone until then.
    pub cooling_off_until: Option<DateTime<Utc>>,
    /// The superior it was put before last.
    pub escalated_to: Option<String>,
    /// When the customer is to be called.
    pub call_back_at: Option<DateTime<Utc>>,
}

impl Case {
    /// Past its deadline, or past the first contact's without one.
    pub fn is_overdue(&self, now: DateTime<Utc>) -> bool {
        !self.closed && (self.due_at < now || (self.contacted_at.is_none() && self.contact_due_at < now))
    }

    /// The step that comes next; none where all six are done.
    pub fn next_step(&self) -> Option<StepKind> {
        StepKind::of_number(self.stage.saturating_add(1))
    }

    /// True where only a manager reviews and closes.
    pub fn is_for_managers(&self) -> bool {
        self.class.level != Level::Ordinary || self.escalated_to.is_some()
    }

    /// The kinds of act that are open to somebody now; what an act needs beside (a note, a date) is not looked at.
    pub fn open_to(&self, by: &Actor) -> Vec<StepKind> {
        StepKind::ALL.iter().copied().filter(|kind| self.allows(*kind, by).is_ok()).collect()
    }

    /// Whether an act of this kind is open to somebody now.
    pub fn allows(&self, kind: StepKind, by: &Actor) -> Result<(), Refused> {
        if self.closed != (kind == StepKind::Reopen) {
            return Err(if self.closed { Refused::Closed } else { Refused::NotClosed });
        }
        match kind {
            StepKind::ListenAndRecord | StepKind::Analyse => self.in_order(kind),
            StepKind::Solution | StepKind::TellCustomer | StepKind::Act => {
                self.in_order(kind)?;
                self.not_under_way()
            }
            StepKind::Review => {
                self.in_order(kind)?;
                self.not_under_way()?;
                if !self.reported_back {
                    return Err(Refused::NotReportedBack);
                }
                self.by_manager(by, self.is_for_managers())
            }
            StepKind::PassOn => {
                self.after(StepKind::Analyse)?;
                self.not_under_way()
            }
            StepKind::Accept => match &self.passed {
                None => Err(Refused::NothingPassed),
                Some(passed) if passed.by == by.name && by.rank < Rank::Manager => Err(Refused::OwnHandOver),
                Some(_) => Ok(()),
            },
            StepKind::HandBack => self.passed.as_ref().map(|_| ()).ok_or(Refused::NothingPassed),
            StepKind::Assign => self.by_manager(by, self.owner.is_some()),
            StepKind::Deadline | StepKind::Reopen => self.by_manager(by, true),
            StepKind::ReportBack => {
                self.after(StepKind::Act)?;
                self.not_under_way()?;
                if self.reported_back { Err(Refused::ReportedBackAlready) } else { Ok(()) }
            }
            StepKind::Close => {
                self.after(StepKind::Review).map_err(|_| Refused::NotReviewed)?;
                self.not_under_way()?;
                self.by_manager(by, self.is_for_managers())
            }
            StepKind::Classify | StepKind::CoolOff | StepKind::Escalate | StepKind::CallBack => Ok(()),
        }
    }

    /// One of the six may be done again, or be the next; none is left out.
    fn in_order(&self, kind: StepKind) -> Result<(), Refused> {
        match (kind.number(), self.next_step()) {
            (Some(number), Some(next)) if number > self.stage.saturating_add(1) => Err(Refused::OutOfOrder(next)),
            _ => Ok(()),
        }
    }

    fn after(&self, step: StepKind) -> Result<(), Refused> {
        match self.next_step() {
            Some(next) if step.number() > Some(self.stage) => Err(Refused::OutOfOrder(next)),
            _ => Ok(()),
        }
    }

    fn not_under_way(&self) -> Result<(), Refused> {
        if self.passed.is_some() { Err(Refused::NotAccepted) } else { Ok(()) }
    }

    fn by_manager(&self, by: &Actor, wanted: bool) -> Result<(), Refused> {
        if wanted && by.rank < Rank::Manager { Err(Refused::ManagerWanted) } else { Ok(()) }
    }
}
