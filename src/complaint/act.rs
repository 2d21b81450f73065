//! What a person does with a complaint, what comes of it, and why it is refused. Pure: the moment and the customer's zone are arguments.

use super::case::{Actor, Case, Passed, Rank, StepKind};
use super::class::{Class, Nature};
use crate::followup::calendar::{Span, first_contact_due, moment};
use chrono::{DateTime, Duration, NaiveTime, Utc};
use chrono_tz::Tz;
use std::collections::BTreeMap;
use thiserror::Error;

/// Characters of a note at most.
pub const MOST_NOTE: usize = 4000;
/// Characters of a name (person, department, superior) at most.
pub const MOST_NAME: usize = 60;
/// A cooling-off date is not further away than so many days.
pub const MOST_COOLING_OFF_DAYS: i64 = 14;
/// A deadline or an appointment is not further away than so many days.
pub const MOST_DAYS_AHEAD: i64 = 90;
/// The contact that asks whether it is settled is made on the day after the report, and is overdue after so many more days.
const TOUCH_DAYS: u64 = 2;

/// What somebody does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Steps 1 to 5, by their kind, with a note.
    Step(StepKind, String),
    /// Step 6: whether the customer says that it is settled.
    Review {
        /// The customer is content.
        settled: bool,
        /// What they said.
        note: String,
    },
    /// Classifies.
    Classify(Class),
    /// Passes it on to a department.
    PassOn {
        /// Which.
        department: String,
        /// Why.
        note: String,
    },
    /// Accepts it for the department.
    Accept(String),
    /// Gives it back, or takes it back.
    HandBack(String),
    /// Makes somebody responsible.
    Assign {
        /// Whom.
        owner: String,
        /// Why; may be empty.
        note: String,
    },
    /// Sets another deadline.
    Deadline {
        /// Which.
        due_at: DateTime<Utc>,
        /// Why.
        note: String,
    },
    /// Leaves the customer alone for a while.
    CoolOff {
        /// Until when.
        until: DateTime<Utc>,
        /// Why.
        note: String,
    },
    /// Puts it before a superior.
    Escalate {
        /// Whom.
        to: String,
        /// Why.
        note: String,
    },
    /// Makes an appointment for a call-back.
    CallBack {
        /// When.
        at: DateTime<Utc>,
        /// What about; may be empty.
        note: String,
    },
    /// Tells the customer the result.
    ReportBack(String),
    /// Closes.
    Close(String),
    /// Takes it up again.
    Reopen(String),
}

impl Act {
    /// Its kind.
    pub fn kind(&self) -> StepKind {
        match self {
            Act::Step(kind, _) => *kind,
            Act::Review { .. } => StepKind::Review,
            Act::Classify(_) => StepKind::Classify,
            Act::PassOn { .. } => StepKind::PassOn,
            Act::Accept(_) => StepKind::Accept,
            Act::HandBack(_) => StepKind::HandBack,
            Act::Assign { .. } => StepKind::Assign,
            Act::Deadline { .. } => StepKind::Deadline,
            Act::CoolOff { .. } => StepKind::CoolOff,
            Act::Escalate { .. } => StepKind::Escalate,
            Act::CallBack { .. } => StepKind::CallBack,
            Act::ReportBack(_) => StepKind::ReportBack,
            Act::Close(_) => StepKind::Close,
            Act::Reopen(_) => StepKind::Reopen,
        }
    }
}

/// Why an act is refused. Never carries what somebody typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// It is closed.
    #[error("the complaint is closed; a manager may take it up again")]
    Closed,
    /// It is open.
    #[error("the complaint is not closed")]
    NotClosed,
    /// A step in between is missing.
    #[error("the steps go in order; next is {0}")]
    OutOfOrder(StepKind),
    /// `Act::Step` was given something else than steps 1 to 5.
    #[error("not one of the steps 1 to 5")]
    NotAStep,
    /// Only a manager may.
    #[error("only a manager may do this")]
    ManagerWanted,
    /// The department has not accepted it yet.
    #[error("it was passed on and is not accepted yet: it must be accepted or taken back first")]
    NotAccepted,
    /// There is nothing to accept or give back.
    #[error("it was not passed on to anybody")]
    NothingPassed,
    /// Who passed it on cannot accept it.
    #[error("who passed it on cannot accept it")]
    OwnHandOver,
    /// Step 2 confirms nature and cause.
    #[error("nature and cause are wanted")]
    Unclassified,
    /// A valid complaint is closed with its root cause.
    #[error("the root cause is wanted")]
    RootCauseWanted,
    /// The classification is what it was.
    #[error("nothing is different")]
    NothingNew,
    /// The result comes before the review.
    #[error("the customer must be told the result first")]
    NotReportedBack,
    /// Once in each round.
    #[error("the customer was told the result already")]
    ReportedBackAlready,
    /// Closing asks for the review.
    #[error("the review comes first: is it settled?")]
    NotReviewed,
    /// A note is wanted.
    #[error("a note is wanted")]
    NoteWanted,
    /// A name is wanted (person, department, superior).
    #[error("a name is wanted")]
    NameWanted,
    /// A text is too long, or cannot be stored.
    #[error("a note has at most {MOST_NOTE} characters, a name {MOST_NAME}, and neither has control characters")]
    Text,
    /// A moment that is past or too far away.
    #[error("a date to come is wanted, not too far away")]
    Date,
    /// The customer is to be left alone.
    #[error("that is before the cooling-off date")]
    CoolingOff,
}

/// What the history keeps of an act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What was done.
    pub kind: StepKind,
    /// In the person's words; may be empty where `detail` says it.
    pub note: String,
    /// What was set, by field.
    pub detail: BTreeMap<&'static str, String>,
}

/// What comes of an act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The complaint after it.
    pub case: Case,
    /// What the history keeps.
    pub entry: Entry,
    /// A touch to plan: somebody asks the customer whether it is settled.
    pub touch: Option<Span>,
    /// That touch was made.
    pub touched: bool,
}

impl Case {
    /// Acts on the complaint at `now`; `zone` is the customer's.
    pub fn act(&self, by: &Actor, act: &Act, now: DateTime<Utc>, zone: Tz) -> Result<Change, Refused> {
        self.allows(act.kind(), by)?;
        let mut case = self.clone();
        let mut detail = BTreeMap::new();
        let (mut touch, mut touched) = (None, false);
        let note = match act {
            Act::Step(kind, note) => {
                case.step(*kind)?;
                wanted_note(note)?
            }
            Act::Review { settled, note } => {
                detail.insert("settled", settled.to_string());
                touched = true;
                if *settled {
                    case.stage = 6
                } else {
                    case.begin_again(now, zone)
                }
                wanted_note(note)?
            }
            Act::Classify(class) => {
                if self.class.plays_down(class) && by.rank < Rank::Manager {
                    return Err(Refused::ManagerWanted);
                }
                detail.extend(self.class.changes(class).into_iter().map(|(field, word)| (field, word.to_owned())));
                if detail.is_empty() {
                    return Err(Refused::NothingNew);
                }
                case.class = *class;
                String::new()
            }
            Act::PassOn { department, note } => {
                let department = name(department)?;
                detail.insert("department", department.clone());
                case.owner.get_or_insert_with(|| by.name.clone());
                case.passed = Some(Passed { department, by: by.name.clone(), at: now });
                wanted_note(note)?
            }
            Act::Accept(note) => {
                let Some(passed) = case.passed.take() else { return Err(Refused::NothingPassed) };
                detail.insert("department", passed.department.clone());
                case.department = Some(passed.department);
                case.owner = Some(by.name.clone());
                text(note, MOST_NOTE)?
            }
            Act::HandBack(note) => {
                case.passed = None;
                wanted_note(note)?
            }
            Act::Assign { owner, note } => {
                let owner = name(owner)?;
                if by.rank < Rank::Manager && owner != by.name {
                    return Err(Refused::ManagerWanted);
                }
                detail.insert("owner", owner.clone());
                case.owner = Some(owner);
                text(note, MOST_NOTE)?
            }
            Act::Deadline { due_at, note } => {
                case.due_at = to_come(*due_at, now, MOST_DAYS_AHEAD)?;
                detail.insert("due_at", written(case.due_at));
                wanted_note(note)?
            }
            Act::CoolOff { until, note } => {
                let until = to_come(*until, now, MOST_COOLING_OFF_DAYS)?;
                detail.insert("until", written(until));
                case.cooling_off_until = Some(until);
                // nobody can be late who was told to wait: due by the evening after it
                case.due_at = case.due_at.max(first_contact_due(until, zone));
                wanted_note(note)?
            }
            Act::Escalate { to, note } => {
                let to = name(to)?;
                detail.insert("to", to.clone());
                case.escalated_to = Some(to);
                wanted_note(note)?
            }
            Act::CallBack { at, note } => {
                let at = to_come(*at, now, MOST_DAYS_AHEAD)?;
                if self.cooling_off_until.is_some_and(|until| at < until) {
                    return Err(Refused::CoolingOff);
                }
                detail.insert("at", written(at));
                case.call_back_at = Some(at);
                case.due_at = case.due_at.max(at);
                text(note, MOST_NOTE)?
            }
            Act::ReportBack(note) => {
                case.reported_back = true;
                touch = Some(settled_touch(now, zone));
                wanted_note(note)?
            }
            Act::Close(note) => {
                if self.class.nature.is_none() || self.class.cause.is_none() {
                    return Err(Refused::Unclassified);
                }
                if self.class.nature == Some(Nature::Valid) && self.class.root_cause.is_none() {
                    return Err(Refused::RootCauseWanted);
                }
                case.closed = true;
                case.call_back_at = None;
                text(note, MOST_NOTE)?
            }
            Act::Reopen(note) => {
                case.closed = false;
                case.begin_again(now, zone);
                wanted_note(note)?
            }
        };
        let kind = act.kind();
        if kind.is_contact() {
            case.contacted_at.get_or_insert(now);
            case.call_back_at = None;
        }
        if kind.number().is_some() {
            // who takes a step on a complaint that nobody has is responsible from then on
            case.owner.get_or_insert_with(|| by.name.clone());
        }
        Ok(Change { case, entry: Entry { kind, note, detail }, touch, touched })
    }

    fn step(&mut self, kind: StepKind) -> Result<(), Refused> {
        let number = kind.number().filter(|number| *number < 6).ok_or(Refused::NotAStep)?;
        if kind == StepKind::Analyse && (self.class.nature.is_none() || self.class.cause.is_none()) {
            return Err(Refused::Unclassified);
        }
        self.stage = self.stage.max(number);
        Ok(())
    }

    /// The steps from the second on are to be done anew, by the same day or the next.
    fn begin_again(&mut self, now: DateTime<Utc>, zone: Tz) {
        self.round = self.round.saturating_add(1);
        self.stage = 1;
        self.reported_back = false;
        self.passed = None;
        self.due_at = first_contact_due(now, zone);
    }
}

/// From nine in the morning of the next day on, in the customer's zone.
fn settled_touch(now: DateTime<Utc>, zone: Tz) -> Span {
    let today = now.with_timezone(&zone).date_naive();
    let day = today.succ_opt().unwrap_or(today);
    let last = day.checked_add_days(chrono::Days::new(TOUCH_DAYS)).unwrap_or(day);
    let hour = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap_or(NaiveTime::MIN);
    let due_at = moment(day, hour(9), zone);
    Span { due_at, deadline: moment(last, hour(18), zone).max(due_at + Duration::hours(1)) }
}

fn to_come(at: DateTime<Utc>, now: DateTime<Utc>, days: i64) -> Result<DateTime<Utc>, Refused> {
    if at > now && at <= now + Duration::days(days) { Ok(at) } else { Err(Refused::Date) }
}

fn written(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

fn wanted_note(note: &str) -> Result<String, Refused> {
    let note = text(note, MOST_NOTE)?;
    if note.is_empty() { Err(Refused::NoteWanted) } else { Ok(note) }
}

fn name(name: &str) -> Result<String, Refused> {
    let name = text(name, MOST_NAME)?;
    if name.contains('\n') {
        return Err(Refused::Text);
    }
    if name.is_empty() { Err(Refused::NameWanted) } else { Ok(name) }
}

/// A text as it is kept: trimmed, lines ended by `\n`.
fn text(text: &str, most: usize) -> Result<String, Refused> {
    let text = text.replace("\r\n", "\n").trim().to_owned();
    let readable = text.chars().all(|sign| !sign.is_control() || sign == '\n' || sign == '\t');
    if readable && text.chars().count() <= most { Ok(text) } else { Err(Refused::Text) }
}
