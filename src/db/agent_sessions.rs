//! `agent_sessions`, `agent_events`: where each agent stands. What an event makes of an agent is decided by `agent::state`; here the row is locked, the
//! decision written, and the transition stamped, in one transaction. No open row: offline.

mod hold;
mod reap;

pub use hold::{Idle, Reservation, earlier_agent, free, heartbeat, idle, reserve, ringing, talking};
pub use reap::{Reaped, Scope, reap};

use super::agents::Agent;
use super::state::{AgentState, NextState, Reach};
use super::{Result, StoreError, agent_bindings};
use crate::agent::state::{Duty, Event, Held, Name, Next, Presence, Refused, Stage, Stamp, Stand, Step, step};
use crate::ids::{AgentId, AgentSessionId, ReservationToken, TransferId};
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{Connection, PgConnection};
use thiserror::Error;
use uuid::Uuid;

pub use crate::agent::state::Wish;

/// The channel on which PostgreSQL says that an agent or a hand-over changed; the payload is the id of the one or the other.
pub const CHANNEL: &str = "huifang_agents";

/// Why an agent does not go on duty, on a break, or off.
#[derive(Debug, Error)]
pub enum DutyError {
    /// It cannot be done as things stand.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The agent is disabled.
    #[error("the agent is disabled")]
    Disabled,
    /// A queue of the PBX is nobody who comes or goes.
    #[error("a queue of the PBX is always on duty")]
    Queue,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for DutyError {
    fn from(error: sqlx::Error) -> DutyError {
        DutyError::Store(error.into())
    }
}

/// Where an agent on duty stands, as pages show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Standing {
    /// The turn of duty.
    #[sqlx(rename = "id", try_from = "Uuid")]
    pub session: AgentSessionId,
    /// Who.
    #[sqlx(rename = "agent_id", try_from = "Uuid")]
    pub agent: AgentId,
    /// On duty since.
    pub began_at: DateTime<Utc>,
    /// What they do.
    pub state: AgentState,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Idle since.
    pub idle_since: DateTime<Utc>,
    /// When the wrap-up is over.
    pub wrap_up_until: Option<DateTime<Utc>>,
    /// Wished for after the call.
    pub next_state: Option<NextState>,
    #[sqlx(rename = "transfer_id")]
    transfer: Option<Uuid>,
}

impl Standing {
    /// The hand-over that the agent is held for.
    pub fn transfer(&self) -> Option<TransferId> {
        self.transfer.map(TransferId)
    }
}

/// Where an agent stands; none: offline.
pub async fn current(conn: &mut PgConnection, agent: AgentId) -> Result<Option<Standing>> {
    Ok(sqlx::query_as(
        "select id, agent_id, began_at, state, since, idle_since, wrap_up_until, next_state, transfer_id
         from agent_sessions where agent_id = $1 and ended_at is null",
    )
    .bind(agent.0)
    .fetch_optional(conn)
    .await?)
}

/// Where all agents stand who are not disabled, by name; none: offline.
pub async fn roster(conn: &mut PgConnection) -> Result<Vec<(Agent, Option<Standing>)>> {
    let agents = super::agents::list(conn, false).await?;
    let standings: Vec<Standing> = sqlx::query_as(
        "select id, agent_id, began_at, state, since, idle_since, wrap_up_until, next_state, transfer_id from agent_sessions where ended_at is null",
    )
    .fetch_all(conn)
    .await?;
    let of = |agent: &Agent| standings.iter().find(|standing| standing.agent == agent.id).cloned();
    Ok(agents.into_iter().map(|agent| (of(&agent), agent)).map(|(standing, agent)| (agent, standing)).collect())
}

/// What an agent asks for. `present_until`: how long an open page counts as there; of no meaning to agents who are reached otherwise: there the live
/// registration counts, or nothing can be told.
pub async fn wish(
    conn: &mut PgConnection,
    agent: AgentId,
    wish: Wish,
    now: DateTime<Utc>,
    present_until: DateTime<Utc>,
) -> std::result::Result<(), DutyError> {
    let mut tx = conn.begin().await?;
    // Held over the whole change: of two pages that say "available" at once, one begins the session.
    let row: Option<(Reach, Option<String>, bool)> =
        sqlx::query_as("select reach, sip_user, disabled_at is not null from agents where id = $1 for no key update")
            .bind(agent.0)
            .fetch_optional(&mut *tx)
            .await?;
    let Some((reach, sip_user, disabled)) = row else {
        return Err(StoreError::row("agents", agent, "there is none").into());
    };
    if disabled && wish != Wish::Offline {
        return Err(DutyError::Disabled);
    }
    let presence = match reach {
        Reach::Browser => Presence::Until(present_until),
        Reach::Uri => Presence::Always,
        Reach::Registered => {
            let until = agent_bindings::live_until(&mut tx, sip_user.as_deref().unwrap_or_default(), now).await?;
            Presence::Until(until.unwrap_or(now))
        }
        Reach::Pbx => return Err(DutyError::Queue),
    };
    let open = Open::of_agent(&mut tx, agent).await?;
    let step = step(open.duty(), Event::Wish(wish, presence), now)?;
    open.write(&mut tx, &step, None, now).await?;
    tx.commit().await?;
    Ok(())
}

/// A sign of life of the open page. Says whether the agent is on duty; agents who are not reached by the page are left as they are.
pub async fn present(conn: &mut PgConnection, agent: AgentId, until: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query(
        "update agent_sessions s set present_until = case when a.reach = 'browser' then greatest(s.present_until, $2) else s.present_until end
         from agents a where a.id = s.agent_id and s.agent_id = $1 and s.ended_at is null",
    )
    .bind(agent.0)
    .bind(until)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The page said goodbye, or the phone's last registration ended: off duty, unless they are talking, which ends first.
pub async fn gone(conn: &mut PgConnection, agent: AgentId, now: DateTime<Utc>) -> Result<()> {
    happened(conn, agent, Event::Gone, now).await
}

/// Applies an event to an agent; one that changes nothing is no fault.
pub(super) async fn happened(conn: &mut PgConnection, agent: AgentId, event: Event, now: DateTime<Utc>) -> Result<()> {
    let mut tx = conn.begin().await?;
    let open = Open::of_agent(&mut tx, agent).await?;
    if let Ok(step) = step(open.duty(), event, now) {
        open.write(&mut tx, &step, None, now).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// An agent's open session, locked; or that there is none.
struct Open {
    agent: AgentId,
    session: Option<(AgentSessionId, Duty)>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    agent_id: Uuid,
    state: AgentState,
    since: DateTime<Utc>,
    idle_since: DateTime<Utc>,
    present_until: Option<DateTime<Utc>>,
    wrap_up_until: Option<DateTime<Utc>>,
    next_state: Option<NextState>,
    transfer_id: Option<Uuid>,
    lease_token: Option<Uuid>,
    lease_expires_at: Option<DateTime<Utc>>,
}

impl Open {
    async fn of_agent(tx: &mut PgConnection, agent: AgentId) -> Result<Open> {
        let row: Option<Row> = sqlx::query_as(
            "select id, agent_id, state, since, idle_since, nullif(present_until, 'infinity') as present_until, wrap_up_until, next_state, transfer_id,
                    lease_token, lease_expires_at
             from agent_sessions where agent_id = $1 and ended_at is null for update",
        )
        .bind(agent.0)
        .fetch_optional(tx)
        .await?;
        match row {
            None => Ok(Open { agent, session: None }),
            Some(row) => Open::read(row),
        }
    }

    fn read(row: Row) -> Result<Open> {
        let broken = |problem| StoreError::row("agent_sessions", row.id, problem);
        let held = |stage| -> Result<Stand> {
            match (row.transfer_id, row.lease_token, row.lease_expires_at) {
                (Some(transfer), Some(token), Some(until)) => {
                    let (transfer, token) = (TransferId(transfer), ReservationToken(token));
                    Ok(Stand::Held(Held { stage, transfer, token, until }))
                }
                _ => Err(broken("a held agent has a whole lease")),
            }
        };
        let stand = match row.state {
            AgentState::Available => Stand::Available,
            AgentState::Break => Stand::Break,
            AgentState::Reserved => held(Stage::Reserved)?,
            AgentState::Ringing => held(Stage::Ringing)?,
            AgentState::Talking => held(Stage::Talking)?,
            AgentState::WrapUp => {
                Stand::WrapUp { until: row.wrap_up_until.ok_or_else(|| broken("a wrap-up has an end"))? }
            }
        };
        let next = row.next_state.map(|next| match next {
            NextState::Break => Next::Break,
            NextState::Offline => Next::Offline,
        });
        let presence = row.present_until.map_or(Presence::Always, Presence::Until);
        let duty = Duty { stand, since: row.since, idle_since: row.idle_since, presence, next };
        Ok(Open { agent: AgentId(row.agent_id), session: Some((AgentSessionId(row.id), duty)) })
    }

    fn duty(&self) -> Option<&Duty> {
        self.session.as_ref().map(|(_, duty)| duty)
    }

    /// Writes what a step made of the agent; `node` has the hold that begins, if one does. Gives the session as it is now.
    async fn write(self, tx: &mut PgConnection, step: &Step, node: Option<&str>, now: DateTime<Utc>) -> Result<Open> {
        let Open { agent, session } = self;
        let (id, after) = match (&session, &step.duty) {
            (Some((id, _)), Some(duty)) => {
                change(tx, *id, duty, node).await?;
                (*id, Some(duty.clone()))
            }
            (Some((id, _)), None) => {
                end(tx, *id, now).await?;
                (*id, None)
            }
            (None, Some(duty)) => (begin(tx, agent, duty, now).await?, Some(duty.clone())),
            (None, None) => return Ok(Open { agent, session: None }),
        };
        if let Some(stamp) = &step.stamp {
            add_event(tx, agent, id, stamp, now).await?;
        }
        if let Some(transfer) = step.interrupted {
            super::transfers::interrupt(tx, transfer, now).await?;
        }
        Ok(Open { agent, session: after.map(|duty| (id, duty)) })
    }
}

/// The columns of a duty.
struct Columns {
    state: AgentState,
    wrap_up_until: Option<DateTime<Utc>>,
    present_until: Option<DateTime<Utc>>,
    next: Option<NextState>,
    held: Option<Held>,
}

impl Columns {
    fn of(duty: &Duty) -> Columns {
        let (state, wrap_up_until, held) = match duty.stand {
            Stand::Available => (AgentState::Available, None, None),
            Stand::Break => (AgentState::Break, None, None),
            Stand::WrapUp { until } => (AgentState::WrapUp, Some(until), None),
            Stand::Held(held) => {
                let state = match held.stage {
                    Stage::Reserved => AgentState::Reserved,
                    Stage::Ringing => AgentState::Ringing,
                    Stage::Talking => AgentState::Talking,
                };
                (state, None, Some(held))
            }
        };
        let present_until = match duty.presence {
            Presence::Always => None,
            Presence::Until(until) => Some(until),
        };
        let next = duty.next.map(|next| match next {
            Next::Break => NextState::Break,
            Next::Offline => NextState::Offline,
        });
        Columns { state, wrap_up_until, present_until, next, held }
    }
}

async fn change(tx: &mut PgConnection, id: AgentSessionId, duty: &Duty, node: Option<&str>) -> Result<()> {
    let to = Columns::of(duty);
    let done = sqlx::query(
        "update agent_sessions set state = $2, since = $3, idle_since = $4, present_until = coalesce($5, 'infinity'), wrap_up_until = $6, next_state = $7,
                transfer_id = $8, lease_token = $9, lease_expires_at = $10, lease_node = case when $9::uuid is null then null else coalesce($11, lease_node) end
         where id = $1 and ended_at is null",
    )
    .bind(id.0)
    .bind(to.state)
    .bind(duty.since)
    .bind(duty.idle_since)
    .bind(to.present_until)
    .bind(to.wrap_up_until)
    .bind(to.next)
    .bind(to.held.map(|held| held.transfer.0))
    .bind(to.held.map(|held| held.token.0))
    .bind(to.held.map(|held| held.until))
    .bind(node)
    .execute(tx)
    .await?;
    exactly_one(done.rows_affected(), id)
}

/// An ended session is in no state; the column's last word is break, so that it never looks like somebody who is free.
async fn end(tx: &mut PgConnection, id: AgentSessionId, now: DateTime<Utc>) -> Result<()> {
    let done = sqlx::query(
        "update agent_sessions set ended_at = $2, state = 'break', since = $2, wrap_up_until = null, next_state = null, transfer_id = null,
                lease_token = null, lease_node = null, lease_expires_at = null
         where id = $1 and ended_at is null",
    )
    .bind(id.0)
    .bind(now)
    .execute(tx)
    .await?;
    exactly_one(done.rows_affected(), id)
}

async fn begin(tx: &mut PgConnection, agent: AgentId, duty: &Duty, now: DateTime<Utc>) -> Result<AgentSessionId> {
    let (id, to) = (AgentSessionId(Uuid::now_v7()), Columns::of(duty));
    sqlx::query(
        "insert into agent_sessions (id, agent_id, began_at, state, since, idle_since, present_until)
         values ($1, $2, $3, $4, $5, $6, coalesce($7, 'infinity'))",
    )
    .bind(id.0)
    .bind(agent.0)
    .bind(now)
    .bind(to.state)
    .bind(duty.since)
    .bind(duty.idle_since)
    .bind(to.present_until)
    .execute(tx)
    .await?;
    Ok(id)
}

async fn add_event(
    tx: &mut PgConnection,
    agent: AgentId,
    session: AgentSessionId,
    stamp: &Stamp,
    now: DateTime<Utc>,
) -> Result<()> {
    let name = |name: Name| name.as_str();
    sqlx::query(
        "insert into agent_events (id, agent_id, session_id, at, from_state, to_state, why, transfer_id) values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(Uuid::now_v7())
    .bind(agent.0)
    .bind(session.0)
    .bind(now)
    .bind(name(stamp.from))
    .bind(name(stamp.to))
    .bind(stamp.why)
    .bind(stamp.transfer.map(|transfer| transfer.0))
    .execute(tx)
    .await?;
    Ok(())
}

fn exactly_one(rows: u64, id: AgentSessionId) -> Result<()> {
    if rows == 1 { Ok(()) } else { Err(StoreError::row("agent_sessions", id, "it was to be open")) }
}

#[cfg(test)]
pub(crate) mod tests;
