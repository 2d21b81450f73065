//! What the fragment shows: where the complaint stands, the steps, the buttons that are open to somebody, the fields with what they had typed, the history. Pure.

use super::super::form::Choice;
use super::fields::TYPED;
use crate::complaint::{Actor, Case, Cause, Class, Level, Nature, Refused, RootCause, StepKind};
use crate::db::complaint_desk::{Complaint, Step};
use crate::db::complaint_drafts::{Draft, Fields};
use crate::db::complaint_work::NotDone;
use crate::web::lang::Lang;
use crate::web::pages::view;
use crate::web::terms;
use crate::web::words::complaints as desk_words;
use askama::Template;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use std::borrow::Cow;

/// Departments of most dealers, offered where somebody passes a complaint on.
const DEPARTMENTS: [(&str, &str); 7] = [
    ("销售部", "Sales"),
    ("售后服务部", "After-sales"),
    ("维修车间", "Workshop"),
    ("备件部", "Spare parts"),
    ("金融保险部", "Finance and insurance"),
    ("客户关爱部", "Customer care"),
    ("总经理室", "Management"),
];

/// The part of a page in which a complaint is worked.
#[derive(Template)]
#[template(path = "complaint_form.html")]
pub struct Work {
    w: &'static desk_words::Words,
    lang: Lang,
    id: String,
    csrf: Option<String>,
    revision: i32,
    form: String,
    /// Whose draft it is, for the script.
    person: String,
    message: Option<Message>,
    restored: bool,
    closed: bool,
    overdue: bool,
    level: Option<Cow<'static, str>>,
    facts: Vec<Fact>,
    rail: Vec<Rung>,
    hint: Option<&'static str>,
    primary: Vec<Button>,
    may: May,
    natures: Vec<Choice>,
    causes: Vec<Choice>,
    levels: Vec<Choice>,
    root_causes: Vec<Choice>,
    typed: Typed,
    departments: Vec<Cow<'static, str>>,
    people: Vec<String>,
    history: Vec<Entry>,
}

/// What is said about the act before.
#[derive(Clone)]
pub enum Message {
    /// It is done.
    Done,
    /// It was refused, in a sentence.
    Refused(String),
}

struct Fact {
    name: &'static str,
    value: String,
    more: Option<&'static str>,
    bad: bool,
}

/// One of the six steps.
struct Rung {
    number: u8,
    name: Cow<'static, str>,
    class: &'static str,
    who: Option<String>,
    at: Option<String>,
}

struct Button {
    act: &'static str,
    name: String,
    quiet: bool,
}

/// What is open to somebody beside the step that comes next.
struct May {
    note: bool,
    pass_on: bool,
    take: bool,
    assign: bool,
    deadline: bool,
    escalate: bool,
}

/// The fields as somebody has typed them.
#[derive(Default)]
struct Typed {
    note: String,
    department: String,
    owner: String,
    due_at: String,
    cool_until: String,
    call_at: String,
    escalate_to: String,
}

struct Entry {
    at: String,
    name: Cow<'static, str>,
    who: String,
    note: String,
    set: Vec<String>,
}

/// What the store knows beside the complaint.
pub struct Known {
    /// What somebody has typed and not sent.
    pub draft: Option<Draft>,
    /// Names of those who sign in.
    pub people: Vec<String>,
    /// Departments that had complaints.
    pub departments: Vec<String>,
}

/// Who looks, and when.
pub struct Seen<'a> {
    /// Who.
    pub by: Actor,
    /// What their writes send along.
    pub csrf: Option<&'a str>,
    /// In which language.
    pub lang: Lang,
    /// When.
    pub now: DateTime<Utc>,
    /// The dealer's zone.
    pub zone: Tz,
    /// What is said about the act before.
    pub message: Option<Message>,
}

/// A name for one showing of the form.
pub fn new_form() -> String {
    format!("{:016x}", rand::random::<u64>())
}

/// The fragment.
pub fn work(complaint: &Complaint, steps: &[Step], known: Known, seen: &Seen<'_>) -> Work {
    let (lang, case) = (seen.lang, &complaint.case);
    let w = lang.desk_words();
    let open = case.open_to(&seen.by);
    let can = |kind| open.contains(&kind);
    let draft = known.draft.map(|draft| draft.fields).unwrap_or_default();
    let (hint, primary) = next(case, &can, lang);
    let chosen = |name: &str, stored: Option<&'static str>| draft.get(name).cloned().or(stored.map(str::to_owned));
    let Class { nature, cause, level, root_cause } = case.class;
    let mut departments: Vec<Cow<'static, str>> = known.departments.into_iter().map(Cow::Owned).collect();
    for (zh, en) in DEPARTMENTS {
        let name = lang.pick(zh, en);
        if !departments.iter().any(|known| known == name) {
            departments.push(Cow::Borrowed(name));
        }
    }
    Work {
        w,
        lang,
        id: complaint.id.to_string(),
        csrf: seen.csrf.map(str::to_owned),
        revision: complaint.revision,
        form: new_form(),
        person: seen.by.name.clone(),
        message: seen.message.clone(),
        restored: seen.message.is_none() && TYPED.iter().any(|name| draft.contains_key(*name)),
        closed: case.closed,
        overdue: case.is_overdue(seen.now),
        level: (level != Level::Ordinary).then(|| terms::class(level.as_str(), lang)),
        facts: facts(complaint, seen, w),
        rail: rail(case, steps, seen),
        hint,
        primary,
        may: May {
            note: can(StepKind::ListenAndRecord),
            pass_on: can(StepKind::PassOn),
            take: can(StepKind::Assign) && case.owner.as_ref() != Some(&seen.by.name),
            assign: can(StepKind::Assign) && can(StepKind::Deadline),
            deadline: can(StepKind::Deadline),
            escalate: can(StepKind::Escalate),
        },
        natures: choices(
            Nature::ALL.iter().map(|word| word.as_str()),
            chosen("nature", nature.map(Nature::as_str)),
            lang,
        ),
        causes: choices(Cause::ALL.iter().map(|word| word.as_str()), chosen("cause", cause.map(Cause::as_str)), lang),
        levels: choices(Level::ALL.iter().map(|word| word.as_str()), chosen("level", Some(level.as_str())), lang),
        root_causes: choices(
            RootCause::ALL.iter().map(|word| word.as_str()),
            chosen("root_cause", root_cause.map(RootCause::as_str)),
            lang,
        ),
        typed: typed(draft),
        departments,
        people: known.people,
        history: steps.iter().rev().map(|step| entry(step, &complaint.survey, lang, seen.zone)).collect(),
    }
}

fn typed(mut draft: Fields) -> Typed {
    let mut take = |name: &str| draft.remove(name).unwrap_or_default();
    Typed {
        note: take("note"),
        department: take("department"),
        owner: take("owner"),
        due_at: take("due_at"),
        cool_until: take("cool_until"),
        call_at: take("call_at"),
        escalate_to: take("escalate_to"),
    }
}

fn choices(words: impl Iterator<Item = &'static str>, chosen: Option<String>, lang: Lang) -> Vec<Choice> {
    words.map(|word| Choice::of(word, terms::class(word, lang), chosen.as_deref())).collect()
}

fn facts(complaint: &Complaint, seen: &Seen<'_>, w: &'static desk_words::Words) -> Vec<Fact> {
    let case = &complaint.case;
    let at = |at| view::moment(at, seen.now, seen.zone);
    let fact = |name, value: String| Fact { name, value, more: None, bad: false };
    let mut facts = Vec::new();
    facts.push(fact(w.owner, case.owner.clone().unwrap_or_else(|| w.nobody.to_owned())));
    if let Some(passed) = &case.passed {
        facts[0].more = Some(w.stays_responsible);
        facts.push(Fact { bad: true, ..fact(w.passed_to, format!("{} · {}", passed.department, at(passed.at))) });
    }
    if let Some(department) = &case.department {
        facts.push(fact(w.department, department.clone()));
    }
    match complaint.closed_at {
        Some(closed) => facts.push(fact(w.closed_at, at(closed))),
        None => facts.push(Fact { bad: case.due_at < seen.now, ..fact(w.due, at(case.due_at)) }),
    }
    match case.contacted_at {
        Some(contacted) => facts.push(fact(w.contacted, at(contacted))),
        None if case.closed => {}
        None => facts.push(Fact {
            bad: case.contact_due_at < seen.now,
            more: Some(w.untouched),
            ..fact(w.contact_by, at(case.contact_due_at))
        }),
    }
    let dates = [(w.cooling_off, case.cooling_off_until), (w.call_back, case.call_back_at)];
    facts.extend(dates.into_iter().filter_map(|(name, date)| Some(fact(name, at(date?)))));
    facts.extend(case.escalated_to.clone().map(|to| fact(w.escalated_to, to)));
    if case.round > 1 {
        facts.push(fact(w.round, case.round.to_string()));
    }
    facts
}

fn rail(case: &Case, steps: &[Step], seen: &Seen<'_>) -> Vec<Rung> {
    let rung = |(number, kind): (u8, StepKind)| {
        let done = number <= case.stage;
        let entry = steps.iter().rev().find(|step| done && step.kind == kind);
        Rung {
            number,
            name: terms::act(kind.as_str(), seen.lang),
            class: if done {
                "done"
            } else if !case.closed && number == case.stage + 1 {
                "now"
            } else {
                ""
            },
            who: entry.map(|step| step.person.clone().unwrap_or_else(|| seen.lang.desk_words().engine.to_owned())),
            at: entry.map(|step| view::moment(step.done_at, seen.now, seen.zone)),
        }
    };
    (1..).zip(StepKind::SIX).map(rung).collect()
}

/// What is done next: a hint, and its buttons.
fn next(case: &Case, can: &impl Fn(StepKind) -> bool, lang: Lang) -> (Option<&'static str>, Vec<Button>) {
    let w = lang.desk_words();
    let button = |act, name: &str| Button { act, name: name.to_owned(), quiet: false };
    if case.closed {
        let reopen = can(StepKind::Reopen).then(|| button("reopen", w.reopen));
        return (Some(w.is_closed), reopen.into_iter().collect());
    }
    if case.passed.is_some() {
        let accept = can(StepKind::Accept).then(|| button("accept", w.accept));
        let back = can(StepKind::HandBack).then(|| Button { quiet: true, ..button("hand_back", w.hand_back) });
        return (Some(w.passed_to), accept.into_iter().chain(back).collect());
    }
    if can(StepKind::ReportBack) {
        return (Some(w.report_back_hint), vec![button("report_back", w.report_back)]);
    }
    match case.next_step() {
        Some(StepKind::Review) if can(StepKind::Review) => {
            let again = Button { quiet: true, ..button("unsettled", w.unsettled) };
            (Some(w.review_hint), vec![button("settled", w.settled), again])
        }
        Some(kind) if can(kind) => {
            let number = kind.number().unwrap_or_default();
            let step = terms::act(kind.as_str(), lang);
            let name = match lang {
                Lang::Zh => format!("{} {number} {}：{step}", w.finish_step, w.finish_step_after),
                Lang::En => format!("{} {number}: {step}", w.finish_step),
            };
            (None, vec![button(kind.as_str(), &name)])
        }
        None if can(StepKind::Close) => (None, vec![button("close", w.close)]),
        _ => (Some(w.for_managers), Vec::new()),
    }
}

fn entry(step: &Step, survey: &str, lang: Lang, zone: Tz) -> Entry {
    let set = step.detail.iter().map(|(field, value)| match field.as_str() {
        "nature" | "cause" | "level" | "root_cause" if value.is_empty() => lang.desk_words().not_yet.to_owned(),
        "nature" | "cause" | "level" | "root_cause" => terms::class(value, lang).into_owned(),
        "settled" if value == "true" => lang.desk_words().settled.to_owned(),
        "settled" => lang.desk_words().unsettled.to_owned(),
        "due_at" | "until" | "at" => match value.parse::<DateTime<Utc>>() {
            Ok(at) => at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string(),
            Err(_) => value.clone(),
        },
        _ => value.clone(),
    });
    let note = match step.person {
        Some(_) => step.note.clone(),
        None => engine_note(&step.note, survey, lang),
    };
    Entry {
        at: step.done_at.with_timezone(&zone).format("%m-%d %H:%M").to_string(),
        name: terms::act(step.kind.as_str(), lang),
        who: step.person.clone().unwrap_or_else(|| lang.desk_words().engine.to_owned()),
        note,
        set: set.collect(),
    }
}

/// The engine's notes are a reason and a question (`low_score (q1)`).
fn engine_note(note: &str, survey: &str, lang: Lang) -> String {
    let parts = note.strip_suffix(')').and_then(|note| note.split_once(" ("));
    match parts {
        Some((reason, question)) => {
            format!("{} · {}", terms::reason(reason, lang), terms::question(survey, question, lang))
        }
        None => terms::reason(note, lang).into_owned(),
    }
}

impl Message {
    /// Why something was not done, in a sentence of the page's language.
    pub fn of(error: &NotDone, lang: Lang) -> Message {
        let w = lang.desk_words();
        let sentence = match error {
            NotDone::Changed => w.changed,
            NotDone::Missing | NotDone::Store(_) => lang.words().database_away_plain,
            NotDone::Refused(refused) => match refused {
                Refused::Closed => w.refused_closed,
                Refused::NotClosed => w.refused_not_closed,
                Refused::OutOfOrder(next) => {
                    return Message::Refused(format!("{}{}", w.refused_order, terms::act(next.as_str(), lang)));
                }
                Refused::ManagerWanted => w.refused_manager,
                Refused::NotAccepted => w.refused_not_accepted,
                Refused::NothingPassed => w.refused_nothing_passed,
                Refused::OwnHandOver => w.refused_own,
                Refused::Unclassified => w.refused_unclassified,
                Refused::RootCauseWanted => w.refused_root_cause,
                Refused::NothingNew => w.refused_nothing_new,
                Refused::NotReportedBack => w.refused_not_reported,
                Refused::ReportedBackAlready => w.refused_reported,
                Refused::NotReviewed => w.refused_not_reviewed,
                Refused::NoteWanted => w.refused_note,
                Refused::NameWanted => w.refused_name,
                Refused::Text | Refused::NotAStep => w.refused_text,
                Refused::Date => w.refused_date,
                Refused::CoolingOff => w.refused_cooling,
            },
        };
        Message::Refused(sentence.to_owned())
    }
}
