//! `POST /control`: the buttons of the page of now. It does what `POST /api/v1/control` does, for people: a form with the session's token, without a script, and a drain is asked
//! for once more. What is done stands in the audit log.

use super::form::{Fields, Given};
use super::{Frame, html, problem_page};
use crate::db::{StoreError, status};
use crate::web::api::control::{self as api, Action};
use crate::web::lang::Lang;
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::state::WebState;
use crate::web::who::Who;
use crate::web::words::{Words, now};
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};

/// A form as it comes.
/// Live calls are counted up to here.
const MOST_CALLS: i64 = 10_000;

#[derive(Template)]
#[template(path = "control.html")]
struct Confirm {
    frame: Frame,
    words: &'static Words,
    n: &'static now::Words,
    campaign: Option<String>,
    name: Option<String>,
    live: usize,
}

/// What the form says.
struct Sent {
    action: Action,
    campaign: Option<String>,
    confirmed: bool,
}

/// Pauses, resumes or drains a campaign or all.
#[utoipa::path(post, path = "/control", tag = "pages", security(("token" = [])),
    params(("lang" = Option<String>, Query, description = "zh or en")),
    request_body(content = String, content_type = "application/x-www-form-urlencoded",
        description = "`action` (pause, resume, drain), `campaign` (a survey's key; all without it), `confirmed` (yes, wanted for drain), `csrf` (with a session)"),
    responses((status = 200, description = "Drain: asks once more", content_type = "text/html"),
              (status = 303, description = "Done, to the page of now"),
              (status = 400, description = "The form cannot be read, or there is no such survey", content_type = "text/html"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role, or without the session's token", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", content_type = "text/html")))]
pub async fn submit(
    State(state): State<WebState>,
    who: Who,
    uri: Uri,
    headers: HeaderMap,
    form: Given,
) -> Result<Response, Problem> {
    let lang = Lang::of(&Params::read(&uri, &["lang"])?, &headers, &state.options().language)?;
    match act(&state, &who, lang, form).await {
        Ok(answer) => Ok(answer),
        Err(problem) => Ok(problem_page(&state, &who, lang, "/", &problem)),
    }
}

async fn act(state: &WebState, who: &Who, lang: Lang, form: Given) -> Result<Response, Problem> {
    let sent = Sent::read(form)?;
    if sent.action == Action::Drain && !sent.confirmed {
        return confirm(state, who, lang, sent.campaign).await;
    }
    api::change(state, sent.action, sent.campaign.as_deref()).await?;
    let object = sent.campaign.as_deref().unwrap_or("all");
    let detail = serde_json::json!({ "state": sent.action.state() });
    state.audit_done(who, "control.change", object, detail).await;
    Ok(Redirect::to(&format!("/?lang={}", lang.code())).into_response())
}

async fn confirm(state: &WebState, who: &Who, lang: Lang, campaign: Option<String>) -> Result<Response, Problem> {
    let (surveys, calls) = state
        .ask(async {
            let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
            Ok((status::survey_names(&mut conn).await?, status::live_calls(&mut conn, MOST_CALLS).await?))
        })
        .await?;
    let name = match &campaign {
        None => None,
        Some(key) => match surveys.into_iter().find(|(known, _)| known == key) {
            Some((_, name)) => Some(name),
            None => return Err(Problem::parameter("campaign", "there is no such survey")),
        },
    };
    let live = calls.iter().filter(|call| campaign.as_ref().is_none_or(|key| call.survey == *key)).count();
    let page = Confirm {
        frame: Frame::of(state, who, lang, "/"),
        words: lang.words(),
        n: now::of(lang),
        campaign,
        name,
        live,
    };
    Ok(html(&page, StatusCode::OK))
}

impl Sent {
    fn read(form: Given) -> Result<Sent, Problem> {
        let fields = Fields::of(form)?;
        let wanted = || Problem::parameter("action", "is one of pause, resume, drain");
        Ok(Sent {
            action: fields.raw("action").and_then(Action::of).ok_or_else(wanted)?,
            campaign: fields.raw("campaign").filter(|campaign| !campaign.is_empty()).map(str::to_owned),
            confirmed: fields.raw("confirmed") == Some("yes"),
        })
    }
}
