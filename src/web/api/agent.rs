//! `/api/v1/agent…`: where the agent who is signed in stands, what they want, and what they say about a hand-over. It goes through the store: the engine that has the
//! caller may be another process.

use super::schema;
use crate::db::StoreError;
use crate::db::agent_sessions::{self, DutyError, Wish};
use crate::db::agents::Agent;
use crate::db::state::{NextState, PageWord, TransferOutcome};
use crate::db::transfers;
use crate::ids::{AgentId, FollowUpId, TransferId};
use crate::web::agents::{self, Stage};
use crate::web::body;
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::state::WebState;
use crate::web::who::Who;
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::time::Instant;
use utoipa::ToSchema;

/// How long a page that takes a call waits for the engine's answer.
const ANSWER: Duration = Duration::from_secs(5);
/// How often it is looked for where nothing wakes us.
const LOOK: Duration = Duration::from_millis(250);
/// Bytes of an SDP at most.
const MOST_SDP: usize = 12 * 1024;

/// Where an agent stands.
#[derive(Serialize, ToSchema)]
pub struct AgentView {
    /// Which.
    #[schema(value_type = Uuid)]
    id: AgentId,
    /// Name.
    name: String,
    /// What they do: `offline`, or a state of the table.
    #[schema(example = "available")]
    state: &'static str,
    /// Since when; null when off duty.
    since: Option<DateTime<Utc>>,
    /// When the wrap-up is over.
    wrap_up_until: Option<DateTime<Utc>>,
    /// Wished for after the call.
    #[schema(schema_with = schema::next_state)]
    next_state: Option<NextState>,
    /// The hand-over that goes on, or the last talk while it is written up.
    transfer: Option<TransferView>,
    /// Callers who wait for somebody, the longest first.
    waiting: Vec<WaitingView>,
}

/// A hand-over.
#[derive(Serialize, ToSchema)]
pub struct TransferView {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: TransferId,
    /// The follow-up of the call: `/api/v1/follow-ups/{id}` tells who it is, `unmasked=true` in clear.
    #[schema(value_type = Uuid)]
    follow_up: FollowUpId,
    /// How far it has come: asked, waiting, ringing, picked_up, talking, over.
    #[schema(example = "ringing")]
    stage: &'static str,
    /// What became of it.
    #[schema(schema_with = schema::transfer_outcome)]
    outcome: Option<TransferOutcome>,
    /// When the agent was reserved.
    reserved_at: Option<DateTime<Utc>>,
    /// When it rang.
    ringing_at: Option<DateTime<Utc>>,
    /// When the agent took the call.
    accepted_at: Option<DateTime<Utc>>,
    /// When it was over.
    ended_at: Option<DateTime<Utc>>,
}

/// A caller who waits.
#[derive(Serialize, ToSchema)]
pub struct WaitingView {
    /// Survey key.
    survey: String,
    /// Since when.
    since: DateTime<Utc>,
    /// For you.
    own: bool,
}

/// What an agent wants.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StateBody {
    /// `available` (ends a break or a wrap-up), `break`, `offline`; in a call the last two hold after it.
    state: Wanted,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Wanted {
    Available,
    Break,
    Offline,
}

/// A WebRTC offer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeBody {
    /// The page's offer (SDP, 12 KiB at most).
    sdp: String,
}

/// The engine's answer.
#[derive(Serialize, ToSchema)]
pub struct TakeView {
    /// SDP.
    sdp: String,
}

/// Where you stand, whom you have on the line, and who waits.
#[utoipa::path(get, path = "/api/v1/agent", tag = "agent", security(("token" = [])),
    responses((status = 200, description = "As it stands", body = AgentView),
              (status = 400, description = "A parameter that is not known", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 404, description = "You take no calls", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn agent(State(state): State<WebState>, who: Who, uri: Uri) -> Result<Json<AgentView>, Problem> {
    Params::read(&uri, &[])?;
    let agent = agents::agent_of(&state, &who).await?;
    Ok(Json(view(&state, agent).await?))
}

/// Goes on duty, on a break, off duty, or ends a wrap-up. Counts as a sign of life of a page.
#[utoipa::path(post, path = "/api/v1/agent/state", tag = "agent", security(("token" = [])), request_body = StateBody,
    responses((status = 200, description = "How you stand now", body = AgentView),
              (status = 400, description = "A body that cannot be read", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 404, description = "You take no calls", body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "Not as things stand", body = Problem, content_type = "application/problem+json"),
              (status = 413, description = "A body of more than 16 KiB", body = Problem, content_type = "application/problem+json"),
              (status = 415, description = "Not JSON by its Content-Type", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn set_state(State(state): State<WebState>, who: Who, request: Request) -> Result<Json<AgentView>, Problem> {
    Params::read(request.uri(), &[])?;
    let agent = agents::agent_of(&state, &who).await?;
    let StateBody { state: wanted } =
        body::read(request, "an object with a `state`: available, break or offline").await?;
    let wish = match wanted {
        Wanted::Available => Wish::Available,
        Wanted::Break => Wish::Break,
        Wanted::Offline => Wish::Offline,
    };
    let now = state.clock().now();
    let done = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        match agent_sessions::wish(&mut conn, agent.id, wish, now, now + state.options().page_ttl).await {
            Ok(()) => Ok(Ok(())),
            Err(DutyError::Store(error)) => Err(error),
            Err(refused) => Ok(Err(refused)),
        }
    });
    match done.await? {
        Ok(()) => Ok(Json(view(&state, agent).await?)),
        Err(refused) => Err(Problem::new(StatusCode::CONFLICT, format!("{refused}."))),
    }
}

/// A sign of life, for programs that stand in for the page; an open page gives it by itself.
#[utoipa::path(post, path = "/api/v1/agent/presence", tag = "agent", security(("token" = [])),
    responses((status = 204, description = "Noted, or you are off duty"),
              (status = 400, description = "A parameter that is not known", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 404, description = "You take no calls", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn presence(State(state): State<WebState>, who: Who, uri: Uri) -> Result<StatusCode, Problem> {
    Params::read(&uri, &[])?;
    let agent = agents::agent_of(&state, &who).await?;
    let until = state.clock().now() + state.options().page_ttl;
    let noted = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        agent_sessions::present(&mut conn, agent.id, until).await
    });
    noted.await.map(|_| StatusCode::NO_CONTENT)
}

/// Takes the call in the page: the offer goes to the engine that has the caller, its answer comes back.
#[utoipa::path(post, path = "/api/v1/agent/transfers/{id}/take", tag = "agent", security(("token" = [])), request_body = TakeBody,
    params(("id" = Uuid, Path, description = "Id of the hand-over")),
    responses((status = 200, description = "The engine's answer", body = TakeView),
              (status = 400, description = "Not an id, or a body that cannot be read", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 404, description = "You take no calls", body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "Not yours, over, or taken or turned down already", body = Problem, content_type = "application/problem+json"),
              (status = 413, description = "A body of more than 16 KiB", body = Problem, content_type = "application/problem+json"),
              (status = 415, description = "Not JSON by its Content-Type", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json"),
              (status = 504, description = "The engine did not answer in time", body = Problem, content_type = "application/problem+json")))]
pub async fn take(
    State(state): State<WebState>,
    who: Who,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<TakeView>, Problem> {
    let (agent, id) = asked(&state, &who, &id, request.uri()).await?;
    let TakeBody { sdp } = body::read(request, "an object with an `sdp`, the page's WebRTC offer").await?;
    if sdp.is_empty() || sdp.len() > MOST_SDP || sdp.contains('\0') {
        return Err(Problem::parameter("sdp", "is empty, or longer than 12 KiB"));
    }
    // Heard from before it is said: the answer may be quicker than the next line.
    let mut news = state.agent_news().hear(&state);
    say(&state, &agent, id, PageWord::Take, Some(&sdp)).await?;
    let until = Instant::now() + ANSWER;
    loop {
        let answer = state.ask(async {
            let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
            let answer = transfers::page_answer(&mut conn, id, agent.id).await?;
            let over = transfers::get(&mut conn, id).await?.ended_at.is_some();
            Ok((answer, over))
        });
        match answer.await? {
            (Some(sdp), _) => return Ok(Json(TakeView { sdp })),
            (None, true) => return Err(too_late()),
            (None, false) if Instant::now() >= until => {
                let late = "The engine that has the caller did not answer in time.";
                return Err(Problem::new(StatusCode::GATEWAY_TIMEOUT, late));
            }
            (None, false) => {}
        }
        tokio::select! {
            () = agents::changed(&mut news, agent.id, Some(id)) => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Turns a caller down: the next agent is tried.
#[utoipa::path(post, path = "/api/v1/agent/transfers/{id}/reject", tag = "agent", security(("token" = [])),
    params(("id" = Uuid, Path, description = "Id of the hand-over")),
    responses((status = 204, description = "Said; the engine does it"),
              (status = 400, description = "Not an id", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 404, description = "You take no calls", body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "Not yours, over, or taken already", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn reject(
    State(state): State<WebState>,
    who: Who,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    let (agent, id) = asked(&state, &who, &id, &uri).await?;
    say(&state, &agent, id, PageWord::Reject, None).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Ends the call for both. Said of a call of one's own that is over already, it is true: the page's media may have told the engine first.
#[utoipa::path(post, path = "/api/v1/agent/transfers/{id}/hang-up", tag = "agent", security(("token" = [])),
    params(("id" = Uuid, Path, description = "Id of the hand-over")),
    responses((status = 204, description = "Said; the engine does it"),
              (status = 400, description = "Not an id", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 404, description = "You take no calls", body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "Not yours", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn hang_up(
    State(state): State<WebState>,
    who: Who,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    let (agent, id) = asked(&state, &who, &id, &uri).await?;
    if let Err(problem) = say(&state, &agent, id, PageWord::HangUp, None).await
        && (problem.status_code() != StatusCode::CONFLICT || !is_over(&state, &agent, id).await)
    {
        return Err(problem);
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Whether a hand-over to this agent has ended, or its end was said.
async fn is_over(state: &WebState, agent: &Agent, id: TransferId) -> bool {
    let transfer = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        transfers::get(&mut conn, id).await
    });
    transfer.await.is_ok_and(|transfer| {
        let over = transfer.ended_at.is_some() || transfer.page_word == Some(PageWord::HangUp);
        transfer.agent() == Some(agent.id) && over
    })
}

async fn asked(state: &WebState, who: &Who, id: &str, uri: &Uri) -> Result<(Agent, TransferId), Problem> {
    Params::read(uri, &[])?;
    let id = id.parse().map(TransferId).map_err(|_| Problem::parameter("id", "is not a UUID"))?;
    Ok((agents::agent_of(state, who).await?, id))
}

async fn say(
    state: &WebState,
    agent: &Agent,
    id: TransferId,
    word: PageWord,
    offer: Option<&str>,
) -> Result<(), Problem> {
    let said = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        transfers::say(&mut conn, id, agent.id, word, offer).await
    });
    match said.await? {
        true => Ok(()),
        false => Err(too_late()),
    }
}

fn too_late() -> Problem {
    Problem::new(StatusCode::CONFLICT, "This call is not yours, is over, or was taken or turned down already.")
}

async fn view(state: &WebState, agent: Agent) -> Result<AgentView, Problem> {
    let desk = agents::read(state, &agent, false).await?;
    let standing = desk.standing.as_ref();
    let own = |agent: Option<AgentId>| agent == Some(desk.agent.id);
    Ok(AgentView {
        id: desk.agent.id,
        name: desk.agent.name.expose().clone(),
        state: standing.map_or("offline", |standing| standing.state.as_str()),
        since: standing.map(|standing| standing.since),
        wrap_up_until: standing.and_then(|standing| standing.wrap_up_until),
        next_state: standing.and_then(|standing| standing.next_state),
        transfer: desk.transfer.as_ref().map(|transfer| TransferView {
            id: transfer.id,
            follow_up: transfer.follow_up_id,
            stage: Stage::of(transfer).as_str(),
            outcome: transfer.outcome,
            reserved_at: transfer.reserved_at,
            ringing_at: transfer.ringing_at,
            accepted_at: transfer.accepted_at,
            ended_at: transfer.ended_at,
        }),
        waiting: desk
            .waiting
            .iter()
            .map(|waiting| WaitingView {
                survey: waiting.survey.clone(),
                since: waiting.since,
                own: own(waiting.agent()),
            })
            .collect(),
    })
}
