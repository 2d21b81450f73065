//! `/follow-ups/{id}`: one follow-up for people: whom, what became of it, the answers, and the timeline of each attempt.

use super::view;
use super::{Frame, html, problem_page};
use crate::db::state::FollowUpState;
use crate::db::story::AttemptStory;
use crate::rates::Group;
use crate::web::api::follow_ups::{self, Whole};
use crate::web::lang::Lang;
use crate::web::params::Params;
use crate::web::people;
use crate::web::problem::Problem;
use crate::web::roles;
use crate::web::state::WebState;
use crate::web::terms;
use crate::web::who::Who;
use crate::web::words::{Words, now};
use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use chrono_tz::Tz;
use serde_json::Value;
use std::borrow::Cow;

#[derive(Template)]
#[template(path = "follow_up.html")]
struct Page {
    frame: Frame,
    words: &'static Words,
    id: String,
    unmasked: bool,
    /// Who looks may see what went over the wire.
    signalling: bool,
    /// It is set aside, and who looks may set it going again.
    release: bool,
    n: &'static now::Words,
    name: String,
    number: String,
    number_wrong: bool,
    plate: Option<String>,
    model: Option<String>,
    event: Cow<'static, str>,
    event_on: String,
    advisor: Option<String>,
    survey: String,
    version: Option<i32>,
    state: Cow<'static, str>,
    state_reason: Option<Cow<'static, str>>,
    outcome: Option<Outcome>,
    due: String,
    next: Option<String>,
    deadline: String,
    closed: Option<String>,
    complaint: Option<Complaint>,
    call_backs: Vec<(String, String)>,
    attempts: Vec<Attempt>,
}

struct Outcome {
    tone: &'static str,
    name: Cow<'static, str>,
    aapor: Option<String>,
}

struct Complaint {
    id: String,
    reason: Cow<'static, str>,
    question: Option<Cow<'static, str>>,
    state: Cow<'static, str>,
    opened: String,
    contact_by: String,
    steps: Vec<(String, Cow<'static, str>, String)>,
}

struct Attempt {
    id: String,
    ordinal: i32,
    began: String,
    trunk: String,
    outcome: Option<Outcome>,
    talked: Option<String>,
    sip_status: Option<i16>,
    blame: Option<Cow<'static, str>>,
    detail: Option<String>,
    reconciled: bool,
    answers: Vec<Answer>,
    recordings: Vec<view::Spoken>,
    media: Option<String>,
    timeline: Vec<Moment>,
    newest: bool,
}

struct Answer {
    question: Cow<'static, str>,
    keys: String,
    value: Cow<'static, str>,
    score: Option<i32>,
    unhappy: bool,
    given: String,
}

struct Moment {
    offset: String,
    kind: String,
    name: Cow<'static, str>,
    particulars: String,
}

/// One follow-up for people.
#[utoipa::path(get, path = "/follow-ups/{id}", tag = "pages", security(("token" = [])),
    params(("id" = uuid::Uuid, Path, description = "Id of the follow-up"),
           ("lang" = Option<String>, Query, description = "zh or en"),
           ("unmasked" = Option<bool>, Query, description = "true: name, number and plate in clear; is logged")),
    responses((status = 200, description = "The page", content_type = "text/html"),
              (status = 303, description = "A browser without token or session goes to the sign-in form"),
              (status = 400, description = "A parameter that cannot be used", content_type = "text/html"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 404, description = "No such follow-up", content_type = "text/html"),
              (status = 503, description = "The database is away", content_type = "text/html")))]
pub async fn follow_up(
    State(state): State<WebState>,
    who: Who,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = Params::read(&uri, &["lang", "unmasked"])?;
    let lang = Lang::of(&params, &headers, &state.options().language)?;
    let unmasked = params.flag("unmasked")?;
    let whole = match follow_ups::read_for(&state, &who, &id, unmasked).await {
        Ok(whole) => whole,
        Err(problem) => return Ok(problem_page(&state, &who, lang, roles::home(who.role()), &problem)),
    };
    let (signalling, release) = (roles::admits("/attempts/{id}", who.role()), may_release(&who));
    let frame = Frame::of(&state, &who, lang, format!("/follow-ups/{}", whole.story.follow_up.id));
    Ok(html(&page(frame, whole, unmasked, (signalling, release), lang, state.options().zone), StatusCode::OK))
}

fn may_release(who: &Who) -> bool {
    roles::closed("POST", "/follow-ups/{id}/release").is_some_and(|route| who.may_ask(route).is_ok())
}

fn page(frame: Frame, whole: Whole, unmasked: bool, (signalling, release): (bool, bool), lang: Lang, zone: Tz) -> Page {
    let Whole { story, subject, steps, call_backs } = whole;
    let follow_up = story.follow_up;
    let survey = follow_up.survey_key.clone();
    let at = |at| view::full_moment(at, zone);
    let complaint = story.complaint.map(|complaint| Complaint {
        id: complaint.id.to_string(),
        reason: terms::reason(complaint.reason.as_str(), lang),
        question: complaint.question.map(|question| terms::question(&survey, &question, lang)),
        state: terms::state(complaint.state.as_str(), lang),
        opened: at(complaint.opened_at),
        contact_by: at(complaint.contact_due_at),
        steps: steps
            .into_iter()
            .map(|step| {
                let who = step.person.map_or(Cow::Borrowed(lang.words().engine), Cow::Owned);
                (at(step.done_at), terms::act(step.kind.as_str(), lang), format!("{} · {who}", step.note))
            })
            .collect(),
    });
    let last = story.attempts.len();
    Page {
        words: lang.words(),
        id: follow_up.id.to_string(),
        unmasked,
        signalling,
        release: release && follow_up.state == FollowUpState::NeedsReview,
        n: now::of(lang),
        name: if unmasked { subject.name.expose().clone() } else { people::masked_name(&subject.name) },
        number: if unmasked { subject.number.as_str().to_owned() } else { subject.number.masked() },
        number_wrong: subject.number_wrong,
        plate: subject.plate.map(|plate| if unmasked { plate.expose().clone() } else { people::masked_plate(&plate) }),
        model: subject.model,
        event: terms::reason(subject.event.as_str(), lang),
        event_on: subject.event_on.to_string(),
        advisor: subject.advisor,
        survey: subject.survey_name,
        version: follow_up.survey_version,
        state: terms::state(follow_up.state.as_str(), lang),
        state_reason: follow_up.state_reason.map(|reason| terms::state(reason.as_str(), lang)),
        outcome: outcome(follow_up.final_disposition.as_deref(), follow_up.final_aapor.as_deref(), lang),
        due: at(follow_up.due_at),
        next: follow_up.state.is_queued().then(|| at(follow_up.next_attempt_at)),
        deadline: at(follow_up.deadline),
        closed: follow_up.closed_at.map(at),
        complaint,
        call_backs: call_backs.into_iter().map(|booked| (at(booked.booked_at), at(booked.call_at))).collect(),
        attempts: story
            .attempts
            .into_iter()
            .enumerate()
            .map(|(i, story)| attempt(story, &survey, i + 1 == last, lang, zone))
            .collect(),
        frame,
    }
}

fn outcome(disposition: Option<&str>, aapor: Option<&str>, lang: Lang) -> Option<Outcome> {
    let disposition = disposition?;
    Some(Outcome {
        tone: terms::tone(aapor.and_then(Group::of_code)),
        name: terms::disposition(disposition, lang),
        aapor: aapor.map(str::to_owned),
    })
}

fn attempt(story: AttemptStory, survey: &str, newest: bool, lang: Lang, zone: Tz) -> Attempt {
    let AttemptStory { attempt, answers, recordings, quality, timeline } = story;
    let span = attempt.answered_at.zip(attempt.ended_at);
    Attempt {
        id: attempt.id.to_string(),
        ordinal: attempt.ordinal,
        began: view::full_moment(attempt.began_at, zone),
        trunk: attempt.trunk,
        outcome: outcome(attempt.disposition.as_deref(), attempt.aapor.as_deref(), lang),
        talked: span.map(|(from, to)| view::length(to - from)),
        sip_status: attempt.sip_status,
        blame: attempt.blame.map(|blame| terms::reason(&blame, lang)),
        detail: attempt.detail,
        reconciled: attempt.reconciled,
        answers: answers
            .into_iter()
            .map(|answer| Answer {
                question: terms::question(survey, &answer.question, lang),
                value: terms::value(&answer.value, lang),
                keys: answer.keys,
                score: answer.score,
                unhappy: answer.unhappy,
                given: answer.given_at.with_timezone(&zone).format("%H:%M:%S").to_string(),
            })
            .collect(),
        recordings: recordings.iter().map(|recording| view::spoken(recording, lang, zone)).collect(),
        media: quality.map(|quality| view::media(&quality, lang.words())),
        timeline: timeline
            // its line stands above, among the facts of the attempt
            .into_iter()
            .filter(|event| event.kind != "quality")
            .map(|event| Moment {
                offset: view::offset(event.offset_ms),
                name: terms::moment(&event.kind, lang),
                particulars: view::particulars(&event.detail, |name, value| field(survey, name, value, lang)),
                kind: event.kind,
            })
            .collect(),
        newest,
    }
}

/// A field of a timeline entry in the page's language; none where its own words will do.
fn field(survey: &str, name: &str, value: &Value, lang: Lang) -> Option<String> {
    let words = lang.words();
    match (name, value) {
        ("question", Value::String(question)) => Some(terms::question(survey, question, lang).into_owned()),
        ("reason" | "recording", Value::String(reason)) => Some(terms::reason(reason, lang).into_owned()),
        ("disposition", Value::String(disposition)) => Some(terms::disposition(disposition, lang).into_owned()),
        ("keys", Value::String(keys)) => Some(format!("{} {keys}", words.keys)),
        ("score", score) => Some(format!("{} {score}", words.score)),
        ("unhappy", Value::Bool(true)) => Some(words.unhappy.to_owned()),
        ("duration_ms", length) => length.as_i64().map(|ms| view::length(chrono::TimeDelta::milliseconds(ms))),
        _ => None,
    }
}
