//! `/api/v1/do-not-call`: the numbers that nobody dials. Shown masked, always. A number comes in the body and never in the address, which proxies and logs keep.

use super::schema;
use crate::db::StoreError;
use crate::db::phones::{self, Blocked};
use crate::db::state::DoNotCallSource;
use crate::phone::E164;
use crate::web::body;
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::state::WebState;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Entries that are listed where nobody says how many.
const USUAL: i64 = 100;
/// Entries that are listed at most.
const MOST: i64 = 1000;

/// What may be asked.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query; `Params` reads it")]
pub struct ListParams {
    /// At most so many, the newest first; 100 without it, 1000 at most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<i64>,
}

/// The list.
#[derive(Serialize, ToSchema)]
pub struct DoNotCallView {
    /// The newest first.
    entries: Vec<BlockedView>,
}

/// An entry of the list.
#[derive(Serialize, ToSchema)]
pub struct BlockedView {
    /// The number, masked.
    #[schema(example = "+86•••••••••00")]
    number: String,
    /// Who put it there.
    #[schema(schema_with = schema::do_not_call_source)]
    source: DoNotCallSource,
    /// When.
    added_at: DateTime<Utc>,
}

/// One number.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NumberBody {
    /// As people write it; without `+` of the dealer's country.
    #[schema(example = "+86 138 0013 8000")]
    number: String,
}

/// What became of a number.
#[derive(Serialize, ToSchema)]
pub struct NumberView {
    /// The number, masked.
    #[schema(example = "+86•••••••••00")]
    number: String,
    /// Whether it is on the list now.
    listed: bool,
}

/// The do-not-call list, newest first, masked.
#[utoipa::path(get, path = "/api/v1/do-not-call", tag = "control", security(("token" = [])), params(ListParams),
    responses((status = 200, description = "The list", body = DoNotCallView),
              (status = 400, description = "A parameter that cannot be used", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn list(State(state): State<WebState>, uri: Uri) -> Result<Json<DoNotCallView>, Problem> {
    let params = Params::read(&uri, &["limit"])?;
    let limit = params.parsed("limit", "a number from 1 to 1000", |text| {
        text.parse().ok().filter(|limit: &i64| (1..=MOST).contains(limit))
    })?;
    let entries = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        phones::blocked(&mut conn, limit.unwrap_or(USUAL)).await
    });
    let view =
        |Blocked { number, source, added_at }: Blocked| BlockedView { number: number.masked(), source, added_at };
    Ok(Json(DoNotCallView { entries: entries.await?.into_iter().map(view).collect() }))
}

/// Puts a number on the list; whatever waits on it ends. Adding it again changes nothing.
#[utoipa::path(post, path = "/api/v1/do-not-call", tag = "control", security(("token" = [])), request_body = NumberBody,
    responses((status = 200, description = "It is on the list", body = NumberView),
              (status = 400, description = "No number, or a body that cannot be read", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 413, description = "A body of more than 16 KiB", body = Problem, content_type = "application/problem+json"),
              (status = 415, description = "Not JSON by its Content-Type", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn add(State(state): State<WebState>, request: Request) -> Result<Json<NumberView>, Problem> {
    let number = number(&state, request).await?;
    let now = state.clock().now();
    state
        .ask(async {
            let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
            phones::block(&mut conn, &number, DoNotCallSource::Api, now).await
        })
        .await?;
    Ok(Json(NumberView { number: number.masked(), listed: true }))
}

/// Takes a number off the list; what ended because of it stays ended.
#[utoipa::path(delete, path = "/api/v1/do-not-call", tag = "control", security(("token" = [])), request_body = NumberBody,
    responses((status = 200, description = "It is off the list", body = NumberView),
              (status = 400, description = "No number, or a body that cannot be read", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 404, description = "It was not on the list", body = Problem, content_type = "application/problem+json"),
              (status = 413, description = "A body of more than 16 KiB", body = Problem, content_type = "application/problem+json"),
              (status = 415, description = "Not JSON by its Content-Type", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn remove(State(state): State<WebState>, request: Request) -> Result<Json<NumberView>, Problem> {
    let number = number(&state, request).await?;
    let now = state.clock().now();
    let was_on = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        phones::unblock(&mut conn, &number, now).await
    });
    match was_on.await? {
        true => Ok(Json(NumberView { number: number.masked(), listed: false })),
        false => {
            Err(Problem::new(StatusCode::NOT_FOUND, format!("{} was not on the do-not-call list.", number.masked())))
        }
    }
}

async fn number(state: &WebState, request: Request) -> Result<E164, Problem> {
    Params::read(request.uri(), &[])?;
    let body: NumberBody = body::read(request, "an object with a `number` as text, and nothing else").await?;
    E164::parse(&body.number, &state.options().country).map_err(|error| Problem::parameter("number", error.to_string()))
}
