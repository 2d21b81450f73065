//! `/day-report`: 客户回访汇报表: a day's figures as its report has them, what a supervisor says of it, and the form for that.

use super::form::{Fields, Given};
use super::{Frame, html, problem_page, view};
use crate::db::StoreError;
use crate::db::state::UserRole;
use crate::report::build::{self, Kind, Wanted};
use crate::report::model::Report;
use crate::report::period::Period;
use crate::web::day_report as desk;
use crate::web::lang::Lang;
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::state::WebState;
use crate::web::who::Who;
use crate::web::words::{Words, managers};
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::NaiveDate;
use chrono_tz::Tz;

#[derive(Template)]
#[template(path = "day_report.html")]
struct Page {
    frame: Frame,
    words: &'static Words,
    w: &'static managers::Words,
    lang: Lang,
    day: NaiveDate,
    today: NaiveDate,
    report: Report,
    zone: Tz,
    reviews: Vec<Said>,
    may: bool,
}

/// A review as the page shows it.
struct Said {
    evaluation: String,
    comment: String,
    person: String,
    at: String,
}

/// The day's report.
#[utoipa::path(get, path = "/day-report", tag = "pages", security(("token" = [])),
    params(("day" = Option<NaiveDate>, Query, description = "which day; yesterday without it"), ("lang" = Option<String>, Query, description = "zh or en")),
    responses((status = 200, description = "The page", content_type = "text/html"),
              (status = 303, description = "A browser without token or session goes to the sign-in form"),
              (status = 400, description = "A day that has not come, or is none", content_type = "text/html"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", content_type = "text/html"),
              (status = 503, description = "The database is away", content_type = "text/html")))]
pub async fn day_report(
    State(state): State<WebState>,
    who: Who,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = Params::read(&uri, &["day", "lang"])?;
    let lang = Lang::of(&params, &headers, &state.options().language)?;
    match page(&state, &who, params.text("day"), lang).await {
        Ok(page) => Ok(html(&page, StatusCode::OK)),
        Err(problem) => Ok(problem_page(&state, &who, lang, "/day-report", &problem)),
    }
}

async fn page(state: &WebState, who: &Who, day: Option<&str>, lang: Lang) -> Result<Page, Problem> {
    let (today, zone) = (state.today(), state.options().zone);
    let day = match day {
        Some(text) => desk::day(state, text)?,
        None => Period::day_before(today).last,
    };
    let wanted = Wanted {
        kind: Kind::Daily,
        period: Period { first: day, last: day },
        lang,
        dealer: state.options().dealer.clone(),
        zone,
    };
    let read = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        build::report(&mut conn, &wanted, state.clock().now()).await
    });
    let mut report = read.await?;
    // it stands above the figures, with its form
    report.sections.retain(|section| section.key != build::REVIEW);
    let said = |review: crate::db::day_reviews::Review| Said {
        evaluation: review.evaluation,
        comment: review.comment,
        person: review.person,
        at: view::full_moment(review.written_at, zone),
    };
    Ok(Page {
        frame: Frame::of(state, who, lang, "/day-report"),
        words: lang.words(),
        w: managers::of(lang),
        lang,
        day,
        today,
        report,
        zone,
        reviews: desk::reviews(state, day).await?.into_iter().map(said).collect(),
        may: who.may(UserRole::Manager),
    })
}

/// Writes a review.
#[utoipa::path(post, path = "/day-report", tag = "pages", security(("token" = [])), params(("lang" = Option<String>, Query, description = "zh or en")),
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "day, evaluation, comment; `csrf` (with a session)"),
    responses((status = 303, description = "Written, back to the day's page"),
              (status = 400, description = "What cannot be used is named", content_type = "text/html"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role, or without the session's token", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", content_type = "text/html")))]
pub async fn review(
    State(state): State<WebState>,
    who: Who,
    uri: Uri,
    headers: HeaderMap,
    form: Given,
) -> Result<Response, Problem> {
    let lang = Lang::of(&Params::read(&uri, &["lang"])?, &headers, &state.options().language)?;
    let written = async {
        let fields = Fields::of(form)?;
        let day = desk::day(&state, fields.text("day"))?;
        desk::review(&state, &who, day, fields.text("evaluation"), fields.text("comment")).await?;
        Ok(day)
    };
    match written.await {
        Ok(day) => Ok(Redirect::to(&format!("/day-report?day={day}&lang={}", lang.code())).into_response()),
        Err(problem) => Ok(problem_page(&state, &who, lang, "/day-report", &problem)),
    }
}
