//! `/api/v1/status`: live calls, the queue, what is due next, today's outcomes. Live calls are the attempts that are open in the store.

use super::{schema, views};
use crate::db::state::FollowUpState;
use crate::db::status::LiveCall;
use crate::ids::{AttemptId, FollowUpId};
use crate::web::live::Board;
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::state::WebState;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What is going on.
#[derive(Serialize, ToSchema)]
pub struct Status {
    /// When these figures were read.
    at: DateTime<Utc>,
    /// Open attempts, the longest first; 200 at most.
    live_calls: Vec<LiveCallView>,
    /// Follow-ups by state; every state is listed.
    queue: Vec<QueueView>,
    /// When the next queued follow-up may be dialled; null with an empty queue.
    next_due: Option<DateTime<Utc>>,
    /// Today in the dealer's zone.
    today: Today,
    /// Open complaints.
    complaints: Complaints,
}

/// An open attempt.
#[derive(Serialize, ToSchema)]
pub struct LiveCallView {
    /// Its id.
    #[schema(value_type = Uuid)]
    attempt_id: AttemptId,
    /// The follow-up it is for.
    #[schema(value_type = Uuid)]
    follow_up_id: FollowUpId,
    /// Number dialled, masked.
    #[schema(example = "+86•••••••••00")]
    number: String,
    /// Trunk.
    trunk: String,
    /// Survey key.
    survey: String,
    /// When the attempt began.
    since: DateTime<Utc>,
    /// How far it is.
    state: CallState,
    /// Question asked or answered last.
    last_question: Option<String>,
}

/// How far a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// The INVITE has not left.
    Preparing,
    /// It has; nobody has answered.
    Dialling,
    /// Answered.
    Talking,
}

impl CallState {
    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            CallState::Preparing => "preparing",
            CallState::Dialling => "dialling",
            CallState::Talking => "talking",
        }
    }

    /// Of an open attempt.
    pub fn of(call: &LiveCall) -> CallState {
        match (call.answered_at, call.invite_sent_at) {
            (Some(_), _) => CallState::Talking,
            (None, Some(_)) => CallState::Dialling,
            (None, None) => CallState::Preparing,
        }
    }
}

/// Follow-ups in one state.
#[derive(Serialize, ToSchema)]
pub struct QueueView {
    /// The state.
    #[schema(schema_with = schema::follow_up_state)]
    state: FollowUpState,
    /// How many.
    count: u64,
    /// Those due now that nobody holds.
    due: u64,
    /// Those that an engine holds.
    leased: u64,
}

/// Today.
#[derive(Serialize, ToSchema)]
pub struct Today {
    /// The dealer's zone.
    #[schema(example = "Asia/Shanghai")]
    time_zone: &'static str,
    /// Attempts that left today and have ended, by disposition.
    outcomes: BTreeMap<String, u64>,
    /// Attempts that left today.
    attempts: u64,
    /// Follow-ups that ended today, and open ones owed by the end of today.
    owed: u64,
    /// Those of them that have ended.
    closed: u64,
}

/// Open complaints.
#[derive(Serialize, ToSchema)]
pub struct Complaints {
    /// Open.
    open: u64,
    /// Open, and nobody has spoken with the customer in time.
    overdue: u64,
}

/// Live calls, queue depth by state, next due, today's outcomes.
#[utoipa::path(get, path = "/api/v1/status", tag = "status", security(("token" = [])),
    responses((status = 200, description = "As it is now", body = Status),
              (status = 400, description = "A parameter that is not known", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn status(State(state): State<WebState>, uri: Uri) -> Result<Json<Status>, Problem> {
    Params::read(&uri, &[])?;
    let board = Board::read(&state).await?;
    let number = |count: i64| u64::try_from(count).unwrap_or(0);
    let queue = FollowUpState::ALL.iter().map(|state| {
        let depth = board.depth.iter().find(|depth| depth.state == *state);
        let part = |read: fn(&crate::db::queue::Depth) -> i64| depth.map_or(0, |depth| number(read(depth)));
        QueueView { state: *state, count: part(|d| d.count), due: part(|d| d.due), leased: part(|d| d.leased) }
    });
    let tally = board.run_tally();
    Ok(Json(Status {
        at: board.at,
        live_calls: board.calls.iter().map(live_call).collect(),
        queue: queue.collect(),
        next_due: board.next_due,
        today: Today {
            time_zone: state.options().zone.name(),
            outcomes: board
                .attempts
                .iter()
                .filter_map(|row| Some((row.disposition.clone()?, number(row.count))))
                .collect(),
            attempts: board.attempts.iter().map(|row| number(row.count)).sum(),
            owed: tally.total(),
            closed: tally.closed(),
        },
        complaints: Complaints { open: number(board.complaint_counts.0), overdue: number(board.complaint_counts.1) },
    }))
}

fn live_call(call: &LiveCall) -> LiveCallView {
    LiveCallView {
        attempt_id: call.attempt,
        follow_up_id: call.follow_up,
        number: views::number(&call.number, false),
        trunk: call.trunk.clone(),
        survey: call.survey.clone(),
        since: call.began_at,
        state: CallState::of(call),
        last_question: call.last_question.clone(),
    }
}
