//! `/api/v1/outbox`: messages to other systems and texts to customers, what became of them, and sending one once more. Messages hold ids and words, no names and numbers.

use super::paging::Page;
use super::schema;
use crate::db::StoreError;
use crate::db::outbox::{self, Count, Filter, Message};
use crate::db::state::{OutboxEvent, OutboxState};
use crate::web::params::{self, Params};
use crate::web::problem::Problem;
use crate::web::state::WebState;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// What may be asked.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query; `Params` reads it")]
pub struct ListParams {
    /// Only messages in this state.
    #[param(schema_with = schema::outbox_state)]
    state: Option<OutboxState>,
    /// Only messages for this target: the name of a webhook, or `sms`.
    target: Option<String>,
    /// Only messages that are older than this one: the last id of the page before.
    after: Option<Uuid>,
    /// At most so many, the newest first; 100 without it, 1000 at most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<i64>,
}

/// The outbox.
#[derive(Serialize, ToSchema)]
pub struct OutboxView {
    /// How many messages of each target are in each state.
    counts: Vec<CountView>,
    /// The newest first.
    messages: Vec<MessageView>,
}

/// How many.
#[derive(Serialize, ToSchema)]
pub struct CountView {
    /// The target.
    target: String,
    /// Whether the settings name it.
    active: bool,
    /// The state.
    #[schema(schema_with = schema::outbox_state)]
    state: OutboxState,
    /// How many messages.
    messages: i64,
    /// When the oldest of them happened.
    oldest: DateTime<Utc>,
}

/// A message.
#[derive(Serialize, ToSchema)]
pub struct MessageView {
    /// Its id, the same at each try.
    id: Uuid,
    /// For whom.
    target: String,
    /// What it tells of.
    #[schema(schema_with = schema::outbox_event)]
    event: OutboxEvent,
    /// Of which follow-up.
    follow_up: Option<Uuid>,
    /// Its particulars.
    data: serde_json::Value,
    /// When it happened.
    happened_at: DateTime<Utc>,
    /// Where it stands.
    #[schema(schema_with = schema::outbox_state)]
    state: OutboxState,
    /// Tries so far.
    tries: i32,
    /// When it is sent next, where it waits.
    next_at: Option<DateTime<Utc>>,
    /// HTTP status of the last answer.
    last_status: Option<i16>,
    /// What went wrong the last time.
    last_error: Option<String>,
    /// Since when it is sent, or given up.
    ended_at: Option<DateTime<Utc>>,
}

impl From<Message> for MessageView {
    fn from(row: Message) -> MessageView {
        MessageView {
            id: row.id,
            target: row.target,
            event: row.event,
            follow_up: row.follow_up_id,
            data: row.payload,
            happened_at: row.happened_at,
            state: row.state,
            tries: row.tries,
            next_at: (row.state == OutboxState::Waiting).then_some(row.next_at),
            last_status: row.last_status,
            last_error: row.last_error,
            ended_at: row.ended_at,
        }
    }
}

impl From<Count> for CountView {
    fn from(Count { target, active, state, messages, oldest }: Count) -> CountView {
        CountView { target, active, state, messages, oldest }
    }
}

/// What became of the wish.
#[derive(Serialize, ToSchema)]
pub struct ReplayView {
    /// The message.
    id: Uuid,
    /// It is sent once more.
    replayed: bool,
}

/// The outbox: counts, and messages newest first.
#[utoipa::path(get, path = "/api/v1/outbox", tag = "status", security(("token" = [])), params(ListParams),
    responses((status = 200, description = "A page; `Link: …; rel=\"next\"` leads to the next one", body = OutboxView),
              (status = 400, description = "A parameter that cannot be used", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn list(State(state): State<WebState>, uri: Uri) -> Result<Response, Problem> {
    let params = Params::read(&uri, &["state", "target", "after", "limit"])?;
    let page = Page::read(&params)?;
    let filter = Filter {
        state: params.parsed("state", "a state of messages", OutboxState::of)?,
        target: params.text("target").map(str::to_owned),
        after: page.after,
        limit: page.fetch(),
    };
    let (counts, messages) = state
        .ask(async {
            let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
            Ok((outbox::counts(&mut conn).await?, outbox::list(&mut conn, &filter).await?))
        })
        .await?;
    let view = |messages: Vec<Message>| OutboxView {
        counts: counts.into_iter().map(Into::into).collect(),
        messages: messages.into_iter().map(Into::into).collect(),
    };
    Ok(page.answer(&params, "/api/v1/outbox", messages, |message| message.id, view))
}

/// Sends a message once more, whatever became of it: its tries begin anew, its id stays, so that the receiver knows a second copy.
#[utoipa::path(post, path = "/api/v1/outbox/{id}/replay", tag = "control", security(("token" = [])),
    params(("id" = Uuid, Path, description = "The message")),
    responses((status = 200, description = "It is sent once more", body = ReplayView),
              (status = 400, description = "No id of a message", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 404, description = "There is no such message, or it is on its way", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn replay(
    State(state): State<WebState>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<ReplayView>, Problem> {
    Params::read(&uri, &[])?;
    let id = params::id(&id)?;
    let now = state.clock().now();
    let replayed = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        outbox::replay(&mut conn, id, now).await
    });
    match replayed.await? {
        true => Ok(Json(ReplayView { id, replayed: true })),
        false => Err(Problem::new(StatusCode::NOT_FOUND, "There is no such message, or it is on its way.")),
    }
}
