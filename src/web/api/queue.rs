//! `/api/v1/queue`: the same figures as `huifang queue --json`, under the same names.

use super::schema;
use crate::db::StoreError;
use crate::db::controls::Campaign;
use crate::db::outlook::Waiting;
use crate::db::queue::Depth;
use crate::db::state::{CampaignState, FollowUpState};
use crate::dialer::outlook::{self, Next, Outlook, Tonight};
use crate::ids::FollowUpId;
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::state::WebState;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

/// Follow-ups that are shown where nobody says how many.
const USUAL: i64 = 10;
/// Follow-ups that are shown at most.
const MOST: i64 = 200;

/// What may be asked.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query; `Params` reads it")]
pub struct QueueParams {
    /// How many of the next follow-ups are shown; 10 without it, 200 at most.
    #[param(minimum = 0, maximum = 200)]
    next: Option<i64>,
}

/// The queue: how deep it is, what comes next, why it waits, and when tonight's work will be done.
#[derive(Serialize, ToSchema)]
pub struct OutlookView {
    /// When this was read.
    now: DateTime<Utc>,
    /// Follow-ups by state; states without one are left out.
    depth: Vec<DepthView>,
    /// Campaigns that somebody has ever paused, resumed or drained; `*` stands for all.
    campaigns: Vec<ToldView>,
    /// Minutes of conversation today.
    minutes_today: i64,
    /// At most so many; 0: no cap.
    minutes_cap: u32,
    /// The estimate: one attempt at each, from the settings' limits and last week's mean.
    tonight: TonightView,
    /// What comes next, in the order in which they are dialled.
    next: Vec<NextView>,
}

/// Follow-ups in one state, as the queue counts them.
#[derive(Serialize, ToSchema)]
pub struct DepthView {
    /// The state.
    #[schema(schema_with = schema::follow_up_state)]
    state: FollowUpState,
    /// How many.
    count: i64,
    /// Those due now that nobody holds.
    due: i64,
    /// Those that an engine holds.
    leased: i64,
}

/// A campaign of which something was said.
#[derive(Serialize, ToSchema)]
pub struct ToldView {
    /// A survey's key, or `*`.
    key: String,
    /// What was said.
    #[schema(schema_with = schema::campaign_state)]
    state: CampaignState,
    /// When.
    changed_at: DateTime<Utc>,
}

/// When today's work will be done.
#[derive(Serialize, ToSchema)]
pub struct TonightView {
    /// One attempt at each of so many.
    due: i64,
    /// Until the dealer's window closes for today; null: it is over.
    closes_at: Option<DateTime<Utc>>,
    /// How long an attempt is taken to last, in seconds.
    mean_attempt_s: f64,
    /// When each has had its attempt; null: nothing can be dialled.
    done_at: Option<DateTime<Utc>>,
}

/// A follow-up of the queue.
#[derive(Serialize, ToSchema)]
pub struct NextView {
    /// Which.
    #[schema(value_type = Uuid)]
    id: FollowUpId,
    /// Its survey.
    survey_key: String,
    /// waiting, retry or call_back.
    #[schema(schema_with = schema::follow_up_state)]
    state: FollowUpState,
    /// When it is looked at next.
    next_attempt_at: DateTime<Utc>,
    /// Not from then on.
    deadline: DateTime<Utc>,
    /// INVITEs that left.
    attempts_made: i32,
    /// What the store says it waits for.
    state_detail: Option<String>,
    /// Engine that holds it.
    lease_node: Option<String>,
    /// Until when.
    lease_expires_at: Option<DateTime<Utc>>,
    /// Why its campaign holds it back: paused or draining; null: it does not.
    #[schema(value_type = Option<String>)]
    campaign: Option<CampaignState>,
    /// Its number is in a call.
    in_call: bool,
    /// Its number, masked.
    #[schema(example = "+86•••••••••00")]
    number: String,
    /// The customer's zone.
    #[schema(example = "Asia/Shanghai")]
    time_zone: String,
    /// Why it is not in a call at this moment.
    #[schema(example = "the calling window is closed")]
    waits_for: String,
    /// The first moment at which it may be dialled, as things stand; null: not before a person changes something, or not before its deadline.
    dialled_from: Option<DateTime<Utc>>,
}

/// What is due, why the next one waits, and when tonight's work will be done.
#[utoipa::path(get, path = "/api/v1/queue", tag = "status", security(("token" = [])), params(QueueParams),
    responses((status = 200, description = "As it is now", body = OutlookView),
              (status = 400, description = "A parameter that cannot be used", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away, or this server does not know the dialler's rules", body = Problem, content_type = "application/problem+json")))]
pub async fn queue(State(state): State<WebState>, uri: Uri) -> Result<Json<OutlookView>, Problem> {
    let params = Params::read(&uri, &["next"])?;
    let next = params.parsed("next", "a number from 0 to 200", |text| {
        text.parse().ok().filter(|next: &i64| (0..=MOST).contains(next))
    })?;
    let Some(rules) = state.outlook_rules() else {
        let unknown = "This server does not know the dialler's rules.";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, unknown));
    };
    let now = state.clock().now();
    let outlook = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        outlook::look(&mut conn, rules, now, next.unwrap_or(USUAL)).await
    });
    Ok(Json(outlook.await?.into()))
}

impl From<Tonight> for TonightView {
    fn from(Tonight { due, closes_at, mean_attempt_s, done_at }: Tonight) -> TonightView {
        TonightView { due, closes_at, mean_attempt_s, done_at }
    }
}

impl From<Outlook> for OutlookView {
    fn from(outlook: Outlook) -> OutlookView {
        let Outlook { now, depth, campaigns, minutes_today, minutes_cap, tonight, next } = outlook;
        let depth =
            depth.into_iter().map(|Depth { state, count, due, leased }| DepthView { state, count, due, leased });
        let told = campaigns.into_iter().map(|Campaign { key, state, changed_at }| ToldView { key, state, changed_at });
        OutlookView {
            now,
            depth: depth.collect(),
            campaigns: told.collect(),
            minutes_today,
            minutes_cap,
            tonight: tonight.into(),
            next: next.into_iter().map(next_view).collect(),
        }
    }
}

fn next_view(Next { follow_up, waits_for, dialled_from }: Next) -> NextView {
    let Waiting {
        id,
        survey_key,
        state,
        next_attempt_at,
        deadline,
        attempts_made,
        state_detail,
        lease_node,
        lease_expires_at,
        campaign,
        in_call,
        number,
        time_zone,
    } = follow_up;
    NextView {
        id,
        survey_key,
        state,
        next_attempt_at,
        deadline,
        attempts_made,
        state_detail,
        lease_node,
        lease_expires_at,
        campaign,
        in_call,
        number: number.masked(),
        time_zone,
        waits_for,
        dialled_from,
    }
}
