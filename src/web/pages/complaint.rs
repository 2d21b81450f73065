//! `/complaints/{id}`: one complaint for people: whose it is, what they answered, and the part in which it is worked ([`super::complaint_form`]).

use super::complaint_form::{self, Work};
use super::view;
use super::{Frame, html, problem_page};
use crate::db::StoreError;
use crate::db::complaint_desk::Complaint;
use crate::db::story::{self, AttemptStory};
use crate::web::api::views;
use crate::web::complaints as desk;
use crate::web::lang::Lang;
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::state::WebState;
use crate::web::terms;
use crate::web::who::Who;
use crate::web::words::{Words, complaints as desk_words};
use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use chrono_tz::Tz;
use std::borrow::Cow;

#[derive(Template)]
#[template(path = "complaint.html")]
struct Page {
    frame: Frame,
    words: &'static Words,
    w: &'static desk_words::Words,
    lang: Lang,
    id: String,
    follow_up: String,
    unmasked: bool,
    name: String,
    number: String,
    plate: Option<String>,
    model: Option<String>,
    event: Cow<'static, str>,
    event_on: String,
    advisor: Option<String>,
    reason: Cow<'static, str>,
    question: Option<Cow<'static, str>>,
    opened: String,
    answers: Vec<Answer>,
    recordings: Vec<view::Spoken>,
    work: Work,
}

struct Answer {
    question: Cow<'static, str>,
    value: Cow<'static, str>,
    score: Option<i32>,
    unhappy: bool,
}

/// One complaint for people.
#[utoipa::path(get, path = "/complaints/{id}", tag = "pages", security(("token" = [])),
    params(("id" = uuid::Uuid, Path, description = "Id of the complaint"),
           ("lang" = Option<String>, Query, description = "zh or en"),
           ("unmasked" = Option<bool>, Query, description = "true: name, number and plate in clear; is kept in the audit log")),
    responses((status = 200, description = "The page", content_type = "text/html"),
              (status = 303, description = "A browser without token or session goes to the sign-in form"),
              (status = 400, description = "A parameter that cannot be used", content_type = "text/html"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 404, description = "No such complaint", content_type = "text/html"),
              (status = 503, description = "The database is away", content_type = "text/html")))]
pub async fn complaint(
    State(state): State<WebState>,
    who: Who,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = Params::read(&uri, &["lang", "unmasked"])?;
    let lang = Lang::of(&params, &headers, &state.options().language)?;
    let unmasked = params.flag("unmasked")?;
    match page(&state, &who, &id, lang, unmasked).await {
        Ok(page) => Ok(html(&page, StatusCode::OK)),
        Err(problem) => Ok(problem_page(&state, &who, lang, "/complaints", &problem)),
    }
}

async fn page(state: &WebState, who: &Who, id: &str, lang: Lang, unmasked: bool) -> Result<Page, Problem> {
    let (complaint, steps) = desk::read_for(state, who, desk::id(id)?, unmasked).await?;
    let story = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        story::attempt(&mut conn, complaint.attempt).await
    });
    let story = story.await?;
    let work = complaint_form::work(state, who, &complaint, &steps, lang, None).await?;
    let frame = Frame::of(state, who, lang, format!("/complaints/{}", complaint.id));
    Ok(fill(frame, complaint, story, work, unmasked, lang, state.options().zone))
}

fn fill(
    frame: Frame,
    complaint: Complaint,
    story: AttemptStory,
    work: Work,
    unmasked: bool,
    lang: Lang,
    zone: Tz,
) -> Page {
    let survey = &complaint.survey;
    let answer = |answer: crate::db::answers::Answer| Answer {
        question: terms::question(survey, &answer.question, lang),
        value: terms::value(&answer.value, lang),
        score: answer.score,
        unhappy: answer.unhappy,
    };
    let recording = |recording: story::Recording| view::spoken(&recording, lang, zone);
    Page {
        words: frame.words,
        w: lang.desk_words(),
        lang,
        id: complaint.id.to_string(),
        follow_up: complaint.follow_up.to_string(),
        unmasked,
        name: views::name(&complaint.name, unmasked),
        number: views::number(&complaint.number, unmasked),
        plate: complaint.plate.map(|plate| views::plate(&plate, unmasked)),
        event: terms::reason(complaint.event.as_str(), lang),
        event_on: complaint.event_on.to_string(),
        reason: terms::reason(complaint.reason.as_str(), lang),
        question: complaint.question.as_ref().map(|question| terms::question(survey, question, lang)),
        opened: complaint.opened_at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string(),
        answers: story.answers.into_iter().map(answer).collect(),
        recordings: story.recordings.into_iter().map(recording).collect(),
        model: complaint.model,
        advisor: complaint.advisor,
        work,
        frame,
    }
}
