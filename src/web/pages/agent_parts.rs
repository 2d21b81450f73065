//! The sections of the agent's page: what each shows, from what was read. Pure: no clock, no question. Moments that go on are marked, and the page's script counts.

use super::view;
use crate::db::state::{AgentState, ComplaintState, NextState, Reach, TransferMode};
use crate::web::agents::{Desk, Stage};
use crate::web::lang::Lang;
use crate::web::roles;
use crate::web::terms;
use crate::web::words::Words;
use askama::Template;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use std::borrow::Cow;

/// Touches that are shown at most.
const MOST_TOUCHES: usize = 8;
/// Callers in the waiting line that are shown; the others are counted.
const MOST_WAITING: usize = 6;

/// A part of the page that is sent on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Whether the database answers.
    Notice,
    /// Where the agent stands.
    Stand,
    /// The hand-over and what can be done about it.
    Call,
    /// Who it is, and what they answered.
    Caller,
    /// What they said.
    Said,
    /// The complaint to work on.
    Work,
    /// What went before.
    History,
    /// Who waits.
    Line,
}

impl Section {
    /// All, in the order in which they are sent: the call first.
    pub const ALL: [Section; 8] = [
        Section::Notice,
        Section::Stand,
        Section::Call,
        Section::Caller,
        Section::Said,
        Section::Work,
        Section::History,
        Section::Line,
    ];

    /// Its name in the event stream, and its id in the page.
    pub fn name(self) -> &'static str {
        match self {
            Section::Notice => "notice",
            Section::Stand => "stand",
            Section::Call => "call",
            Section::Caller => "caller",
            Section::Said => "said",
            Section::Work => "work",
            Section::History => "history",
            Section::Line => "line",
        }
    }

    /// Whether it tells who a customer is.
    pub fn is_personal(self) -> bool {
        matches!(self, Section::Caller | Section::Said | Section::History)
    }
}

macro_rules! fragments {
    ($($name:ident = $path:literal { $($field:ident: $type:ty),* $(,)? })*) => {$(
        #[derive(Template)]
        #[template(path = $path)]
        struct $name { words: &'static Words, $($field: $type),* }
    )*};
}

fragments! {
    AwayPart = "agent/away.html" {}
    StandPart = "agent/stand.html" {
        state: &'static str, name: Cow<'static, str>, since: Option<String>, until: Option<String>, after: Option<Cow<'static, str>>,
        busy: bool, agent: String, reach: Cow<'static, str>,
    }
    CallPart = "agent/call.html" {
        transfer: String, stage: &'static str, title: &'static str, hint: &'static str, since: Option<String>, outcome: Option<Cow<'static, str>>,
        by_page: bool, auto: bool, can_take: bool, can_reject: bool, can_end: bool,
    }
    CallerPart = "agent/caller.html" { lang: Lang, person: Option<Caller> }
    SaidPart = "agent/said.html" { recordings: Vec<(String, Cow<'static, str>, String, String, Option<String>)> }
    WorkPart = "agent/work.html" { lang: Lang, complaint: Option<String> }
    HistoryPart = "agent/history.html" { lang: Lang, touches: Vec<Touch>, complaints: Vec<Known> }
    LinePart = "agent/line.html" { count: usize, rows: Vec<WaitingRow>, more: usize }
}

struct Caller {
    follow_up: String,
    name: String,
    segment: Option<Cow<'static, str>>,
    number: String,
    number_wrong: bool,
    language: String,
    cars: Vec<String>,
    event: Cow<'static, str>,
    event_on: String,
    advisor: Option<String>,
    survey: String,
    reason: Option<Cow<'static, str>>,
    question: Option<Cow<'static, str>>,
    bad: usize,
    answers: Vec<Answer>,
}

struct Answer {
    question: Cow<'static, str>,
    value: Cow<'static, str>,
    score: Option<i32>,
    unhappy: bool,
}

struct Touch {
    when: String,
    what: String,
    how: String,
}

struct Known {
    id: String,
    what: String,
    opened: String,
    overdue: bool,
    state: Cow<'static, str>,
}

struct WaitingRow {
    survey: String,
    since: String,
    own: bool,
    again: bool,
}

/// Says that the database is away.
pub fn away(lang: Lang) -> String {
    text(&AwayPart { words: lang.words() })
}

/// All sections as they stand.
pub fn all(desk: &Desk, lang: Lang, zone: Tz) -> Vec<(Section, String)> {
    let part = |section| match section {
        Section::Notice => String::new(),
        Section::Stand => stand(desk, lang),
        Section::Call => call(desk, lang),
        Section::Caller => text(&CallerPart { words: lang.words(), lang, person: caller(desk, lang) }),
        Section::Said => said(desk, lang, zone),
        Section::Work => work(desk, lang),
        Section::History => history(desk, lang, zone),
        Section::Line => line(desk, lang),
    };
    Section::ALL.into_iter().map(|section| (section, part(section))).collect()
}

fn text(part: &impl Template) -> String {
    part.render().unwrap_or_else(|error| {
        tracing::error!(%error, "a fragment of the agent's page could not be written");
        String::new()
    })
}

fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

fn stand(desk: &Desk, lang: Lang) -> String {
    let standing = desk.standing.as_ref();
    let state = standing.map_or("offline", |standing| standing.state.as_str());
    let after = standing.and_then(|standing| standing.next_state).map(|next| match next {
        NextState::Break => terms::agents::state("break", lang),
        NextState::Offline => terms::agents::state("offline", lang),
    });
    let busy = standing.is_some_and(|standing| match standing.state {
        AgentState::Reserved | AgentState::Ringing | AgentState::Talking | AgentState::WrapUp => true,
        AgentState::Available | AgentState::Break => false,
    });
    text(&StandPart {
        words: lang.words(),
        state,
        name: terms::agents::state(state, lang),
        since: standing.map(|standing| moment(standing.since)),
        until: standing.and_then(|standing| standing.wrap_up_until).map(moment),
        after,
        busy,
        agent: desk.agent.name.expose().clone(),
        reach: terms::agents::reach(desk.agent.reach.as_str(), lang),
    })
}

fn call(desk: &Desk, lang: Lang) -> String {
    let Some(transfer) = &desk.transfer else { return String::new() };
    let (words, stage) = (lang.words(), Stage::of(transfer));
    let by_page = desk.agent.reach == Reach::Browser;
    let by_pbx = transfer.mode.is_some_and(|mode| mode != TransferMode::Bridge);
    let (title, hint, since) = match stage {
        Stage::Asked => (words.call_asked, words.call_asked_hint, transfer.reserved_at),
        Stage::Waiting => (words.call_waiting, words.call_waiting_hint, transfer.wanted_at),
        Stage::Ringing if by_page => (words.call_ringing, words.call_ringing_hint, transfer.ringing_at),
        Stage::Ringing => (words.call_ringing, words.call_phone_hint, transfer.ringing_at),
        Stage::PickedUp => (words.call_ringing, words.call_accept_hint, transfer.answered_at),
        Stage::Talking => (words.call_talking, "", transfer.accepted_at),
        Stage::Over => (words.call_over, "", None),
    };
    text(&CallPart {
        words,
        transfer: transfer.id.to_string(),
        stage: stage.as_str(),
        title,
        hint,
        since: since.map(moment),
        outcome: transfer.outcome.map(|outcome| terms::agents::outcome(outcome.as_str(), lang)),
        by_page,
        auto: by_page && desk.agent.auto_answer,
        can_take: by_page && stage == Stage::Ringing,
        can_reject: matches!(stage, Stage::Asked | Stage::Waiting | Stage::Ringing | Stage::PickedUp) && !by_pbx,
        can_end: stage == Stage::Talking && !by_pbx,
    })
}

fn caller(desk: &Desk, lang: Lang) -> Option<Caller> {
    let screen = desk.screen.as_ref()?;
    let (subject, survey) = (&screen.subject, screen.follow_up.survey_key.as_str());
    let complaint = screen.complaints.iter().find(|complaint| complaint.follow_up == screen.follow_up.id);
    let answer = |answer: &crate::db::answers::Answer| Answer {
        question: terms::question(survey, &answer.question, lang),
        value: terms::value(&answer.value, lang),
        score: answer.score,
        unhappy: answer.unhappy,
    };
    let car = |model: &str, plate: &str| format!("{model} {plate}").trim().to_owned();
    let own =
        car(subject.model.as_deref().unwrap_or_default(), subject.plate.as_ref().map_or("", |plate| plate.expose()));
    let others = screen.track.vehicles.iter().map(|vehicle| car(&vehicle.model, vehicle.plate.expose()));
    let mut cars = vec![own];
    cars.extend(others);
    cars.retain(|car| !car.is_empty());
    let mut seen = Vec::new();
    cars.retain(|car| {
        !seen.contains(car) && {
            seen.push(car.clone());
            true
        }
    });
    Some(Caller {
        follow_up: screen.follow_up.id.to_string(),
        name: subject.name.expose().clone(),
        segment: screen.track.customer.segment.as_deref().map(|segment| terms::agents::segment(segment, lang)),
        number: subject.number.as_str().to_owned(),
        number_wrong: subject.number_wrong,
        language: subject.language.clone(),
        cars,
        event: terms::reason(subject.event.as_str(), lang),
        event_on: subject.event_on.to_string(),
        advisor: subject.advisor.clone(),
        survey: subject.survey_name.clone(),
        reason: complaint.map(|complaint| terms::reason(complaint.reason.as_str(), lang)),
        question: complaint
            .and_then(|complaint| complaint.question.as_ref())
            .map(|question| terms::question(survey, question, lang)),
        bad: screen.answers.iter().filter(|answer| answer.unhappy).count(),
        answers: screen.answers.iter().map(answer).collect(),
    })
}

fn said(desk: &Desk, lang: Lang, zone: Tz) -> String {
    let Some(screen) = desk.screen.as_ref().filter(|screen| !screen.recordings.is_empty()) else {
        return String::new();
    };
    let row = |said: &crate::db::screen::Said| {
        let length = view::length(chrono::TimeDelta::milliseconds(said.duration_ms.into()));
        let at = view::moment(said.recorded_at, desk.at, zone);
        let purged = said.purged_at.map(|at| view::purged(at, lang.words(), zone));
        (said.id.to_string(), terms::reason(said.kind.as_str(), lang), length, at, purged)
    };
    text(&SaidPart { words: lang.words(), recordings: screen.recordings.iter().map(row).collect() })
}

fn work(desk: &Desk, lang: Lang) -> String {
    let Some(screen) = &desk.screen else { return String::new() };
    // The form is embedded where this server has it.
    let own = screen.complaints.iter().find(|complaint| complaint.follow_up == screen.follow_up.id);
    let own = own.filter(|_| roles::closed("GET", "/complaints/{id}/form").is_some());
    text(&WorkPart { words: lang.words(), lang, complaint: own.map(|complaint| complaint.id.to_string()) })
}

fn history(desk: &Desk, lang: Lang, zone: Tz) -> String {
    let Some(screen) = &desk.screen else { return String::new() };
    let touch = |touch: &crate::db::customers::Touch| {
        let at = touch.closed_at.or(touch.next_at).unwrap_or(touch.due_at);
        let event = touch.event.as_deref().map(|event| terms::reason(event, lang));
        let owner = touch.owner_role.as_deref().map(|role| terms::agents::owner(role, lang));
        let is_survey = touch.kind == "survey";
        let name = if is_survey { desk.survey(&touch.key) } else { desk.rule(&touch.key, lang) };
        let with = event.or(owner).map(|word| format!(" · {word}")).unwrap_or_default();
        let how = match &touch.outcome {
            Some(outcome) if is_survey => terms::disposition(outcome, lang).into_owned(),
            _ if touch.closed_at.is_none() => lang.words().planned.to_owned(),
            _ => terms::state(&touch.state, lang).into_owned(),
        };
        Touch { when: at.with_timezone(&zone).date_naive().to_string(), what: format!("{name}{with}"), how }
    };
    let own = screen.follow_up.id.0;
    // What has been done, the newest first; then what is to come.
    let (mut done, open): (Vec<_>, Vec<_>) =
        screen.track.touches.iter().filter(|touch| touch.id != own).partition(|touch| touch.closed_at.is_some());
    done.reverse();
    let known = |complaint: &crate::db::screen::KnownComplaint| Known {
        id: complaint.id.to_string(),
        what: format!("{} · {}", terms::reason(complaint.reason.as_str(), lang), desk.survey(&complaint.survey)),
        opened: view::moment(complaint.opened_at, desk.at, zone),
        overdue: complaint.state == ComplaintState::Open && complaint.contact_due_at < desk.at,
        state: terms::state(complaint.state.as_str(), lang),
    };
    let others = screen.complaints.iter().filter(|complaint| complaint.follow_up != screen.follow_up.id);
    text(&HistoryPart {
        words: lang.words(),
        lang,
        touches: done.into_iter().chain(open).take(MOST_TOUCHES).map(touch).collect(),
        complaints: others.map(known).collect(),
    })
}

fn line(desk: &Desk, lang: Lang) -> String {
    let row = |waiting: &crate::db::transfers::Waiting| WaitingRow {
        survey: desk.survey(&waiting.survey).to_owned(),
        since: moment(waiting.since),
        own: waiting.agent() == Some(desk.agent.id),
        again: waiting.ordinal > 1,
    };
    text(&LinePart {
        words: lang.words(),
        count: desk.waiting.len(),
        rows: desk.waiting.iter().take(MOST_WAITING).map(row).collect(),
        more: desk.waiting.len().saturating_sub(MOST_WAITING),
    })
}
