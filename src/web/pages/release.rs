//! `POST /follow-ups/{id}/release`: the button on the page of a follow-up that was set aside: it goes back into the queue, as by `huifang release`. What is done stands in the audit log.

use super::form::{Fields, Given};
use super::problem_page;
use crate::db::StoreError;
use crate::db::desk::{self, Reopen};
use crate::db::state::FollowUpState;
use crate::web::api::follow_ups;
use crate::web::lang::Lang;
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::state::WebState;
use crate::web::who::Who;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::TimeDelta;

/// A form as it comes.
/// A year; a deadline that far away is none.
const MOST_HOURS: u32 = 8_760;

/// Puts a follow-up that was set aside back into the queue.
#[utoipa::path(post, path = "/follow-ups/{id}/release", tag = "pages", security(("token" = [])),
    params(("id" = uuid::Uuid, Path, description = "Id of the follow-up"), ("lang" = Option<String>, Query, description = "zh or en")),
    request_body(content = String, content_type = "application/x-www-form-urlencoded",
        description = "`within_h`: a new deadline, so many hours from now (1 to 8760); without it the old one stands. `csrf` (with a session)"),
    responses((status = 303, description = "Done, to the follow-up's page"),
              (status = 400, description = "The form cannot be read", content_type = "text/html"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role, or without the session's token", body = Problem, content_type = "application/problem+json"),
              (status = 404, description = "No such follow-up", content_type = "text/html"),
              (status = 409, description = "It is not set aside, or its deadline comes first", content_type = "text/html"),
              (status = 503, description = "The database is away", content_type = "text/html")))]
pub async fn submit(
    State(state): State<WebState>,
    who: Who,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    form: Given,
) -> Result<Response, Problem> {
    let lang = Lang::of(&Params::read(&uri, &["lang"])?, &headers, &state.options().language)?;
    match release(&state, &who, &id, form).await {
        Ok(()) => Ok(Redirect::to(&format!("/follow-ups/{id}?lang={}", lang.code())).into_response()),
        Err(problem) => Ok(problem_page(&state, &who, lang, "/summary", &problem)),
    }
}

async fn release(state: &WebState, who: &Who, id: &str, form: Given) -> Result<(), Problem> {
    let whole = follow_ups::read_for(state, who, id, false).await?;
    let (id, number) = (whole.story.follow_up.id, whole.subject.number);
    let within = within(form)?;
    let Some(rules) = state.outlook_rules() else {
        let unknown = "This server does not know the dialler's rules.";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, unknown));
    };
    if whole.story.follow_up.state != FollowUpState::NeedsReview {
        return Err(Problem::new(StatusCode::CONFLICT, "It is not set aside: somebody was faster, or it has ended."));
    }
    let now = state.clock().now();
    let how = Reopen {
        now,
        after_unknown: TimeDelta::minutes(rules.manners.retry(&number).delays.unknown_min.into()),
        deadline: within.map(|within| now + within),
    };
    let done = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        match desk::reopen(&mut conn, id, &how).await {
            Ok(_) => Ok(Ok(())),
            // what the row says against it is for the person who asked
            Err(error @ StoreError::Row { .. }) => Ok(Err(error.to_string())),
            Err(error) => Err(error),
        }
    });
    done.await?.map_err(|refused| Problem::new(StatusCode::CONFLICT, format!("{refused}.")))?;
    let detail = serde_json::json!({ "within_h": within.map(|within| within.num_hours()) });
    state.audit_done(who, "follow_up.release", id.to_string(), detail).await;
    Ok(())
}

fn within(form: Given) -> Result<Option<TimeDelta>, Problem> {
    match Fields::of(form)?.text("within_h") {
        "" => Ok(None),
        text => match text.parse().ok().filter(|hours: &u32| (1..=MOST_HOURS).contains(hours)) {
            Some(hours) => Ok(Some(TimeDelta::hours(hours.into()))),
            None => Err(Problem::parameter("within_h", "is not a number of hours (1 to 8760)")),
        },
    }
}
