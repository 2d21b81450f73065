//! `/satisfaction/calls`: the single calls behind a figure, the worst first, each with the way to its story. Names are masked here.

use super::{Frame, html, problem_page, view};
use crate::db::StoreError;
use crate::db::satisfaction::{self as rows, Call};
use crate::report::items;
use crate::web::api::satisfaction::{Asked, FILTERS, SatisfactionParams};
use crate::web::lang::Lang;
use crate::web::params::{Params, with};
use crate::web::people;
use crate::web::problem::Problem;
use crate::web::roles;
use crate::web::state::WebState;
use crate::web::terms;
use crate::web::who::Who;
use crate::web::words::{Words, managers};
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use std::borrow::Cow;

/// Calls on a page.
const PER_PAGE: i64 = 50;

#[derive(Template)]
#[template(path = "satisfaction_calls.html")]
struct Page {
    frame: Frame,
    words: &'static Words,
    w: &'static managers::Words,
    lang: Lang,
    survey: Cow<'static, str>,
    question: Cow<'static, str>,
    from: String,
    to: String,
    back: String,
    rows: Vec<Row>,
    previous: Option<String>,
    next: Option<String>,
}

struct Row {
    follow_up: String,
    name: String,
    model: Option<String>,
    advisor: Option<String>,
    answer: Cow<'static, str>,
    score: i32,
    unhappy: bool,
    given: String,
    recordings: i64,
}

/// The calls behind a figure.
#[utoipa::path(get, path = "/satisfaction/calls", tag = "pages", security(("token" = [])),
    params(SatisfactionParams, ("question" = String, Query, description = "Name of the question"), ("skip" = Option<i64>, Query, description = "Calls to pass over"),
           ("lang" = Option<String>, Query, description = "zh or en")),
    responses((status = 200, description = "The page", content_type = "text/html"),
              (status = 303, description = "A browser without token or session goes to the sign-in form"),
              (status = 400, description = "A parameter that cannot be used", content_type = "text/html"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", content_type = "text/html"),
              (status = 503, description = "The database is away", content_type = "text/html")))]
pub async fn calls(State(state): State<WebState>, who: Who, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let known: Vec<&'static str> = FILTERS.into_iter().chain(["question", "skip", "lang"]).collect();
    let params = Params::read(&uri, &known)?;
    let lang = Lang::of(&params, &headers, &state.options().language)?;
    match page(&state, &who, &params, lang).await {
        Ok(page) => Ok(html(&page, StatusCode::OK)),
        Err(problem) => Ok(problem_page(&state, &who, lang, roles::home(who.role()), &problem)),
    }
}

async fn page(state: &WebState, who: &Who, params: &Params, lang: Lang) -> Result<Page, Problem> {
    let asked = Asked::read(params, state)?;
    let (survey, question) = (params.text("survey").unwrap_or_default(), params.text("question").unwrap_or_default());
    let (skip, zone) = (params.skip()?, state.options().zone);
    let found = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        let items = items::of_store(&mut conn).await?;
        let falls = items.get(survey, question).is_some_and(|item| item.scale.falls());
        rows::calls(&mut conn, &asked.filter(), question, falls, PER_PAGE + 1, skip).await
    });
    let mut calls = found.await?;
    let more = calls.len() > usize::try_from(PER_PAGE).unwrap_or(usize::MAX);
    calls.truncate(usize::try_from(PER_PAGE).unwrap_or(usize::MAX));
    let query = params.query(FILTERS.into_iter().chain(["question"]));
    let turn = |skip: i64| format!("?{}", with(&query, "skip", &skip.to_string()));
    let row = |call: Call| Row {
        follow_up: call.follow_up.to_string(),
        name: people::masked_name(&call.name),
        model: call.model,
        advisor: call.advisor,
        answer: terms::value(&call.value, lang),
        score: call.score,
        unhappy: call.unhappy,
        given: view::full_moment(call.given_at, zone),
        recordings: call.recordings,
    };
    Ok(Page {
        frame: Frame::of(state, who, lang, "/satisfaction"),
        words: lang.words(),
        w: managers::of(lang),
        lang,
        survey: terms::survey(survey, "", lang),
        question: terms::question(survey, question, lang),
        from: asked.period.first.to_string(),
        to: asked.period.last.to_string(),
        back: format!("/satisfaction?{query}"),
        rows: calls.into_iter().map(row).collect(),
        previous: (skip > 0).then(|| turn((skip - PER_PAGE).max(0))),
        next: more.then(|| turn(skip + PER_PAGE)),
    })
}
