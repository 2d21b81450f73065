//! Holds on agents: leases that the engine which has the caller keeps alive. One agent has one hold, whatever the engines do at once: the row is locked,
//! and who comes second sees an agent who is not free.

use super::{Open, Row};
use crate::agent::state::{Event, Freed, Held, Stage, step};
use crate::db::agents::Agent;
use crate::db::transfers::{self, NewTransfer};
use crate::db::{Result, StoreError};
use crate::ids::{AgentId, CustomerId, ReservationToken};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

/// An agent who is free, or a queue of the PBX.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Idle {
    /// Who.
    #[sqlx(flatten)]
    pub agent: Agent,
    /// Idle since; of a queue, since it was added.
    pub idle_since: DateTime<Utc>,
}

/// Who is free at `now`, in no order.
pub async fn idle(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<Vec<Idle>> {
    Ok(sqlx::query_as(
        "select a.id, a.user_id, a.name, a.staff_number, a.skills, a.languages, a.reach, a.sip_user, a.sip_uri, a.trunk, a.auto_answer, a.attended,
                a.created_at, a.disabled_at, coalesce(s.idle_since, a.created_at) as idle_since
         from agents a left join agent_sessions s on s.agent_id = a.id and s.ended_at is null
         where a.disabled_at is null and (a.reach = 'pbx' or (s.state = 'available' and s.present_until > $1))",
    )
    .bind(now)
    .fetch_all(conn)
    .await?)
}

/// The agent who talked to this customer the last time.
pub async fn earlier_agent(conn: &mut PgConnection, customer: CustomerId) -> Result<Option<AgentId>> {
    let found: Option<Uuid> = sqlx::query_scalar(
        "select t.agent_id from transfers t join follow_ups f on f.id = t.follow_up_id
         where f.customer_id = $1 and t.accepted_at is not null order by t.accepted_at desc limit 1",
    )
    .bind(customer.0)
    .fetch_optional(conn)
    .await?;
    Ok(found.map(AgentId))
}

/// A hold about to begin.
#[derive(Clone, Copy, Debug)]
pub struct Reservation<'a> {
    /// The hand-over; it names the agent.
    pub transfer: NewTransfer<'a>,
    /// The lease; whoever has it moves the hold on.
    pub token: ReservationToken,
    /// How long it lasts without [`heartbeat`].
    pub ttl: TimeDelta,
}

/// Holds an agent who is free and begins the hand-over, in one transaction. False where the agent is not free any more; somebody who is
/// being reserved by another engine at this moment is not waited for.
pub async fn reserve(conn: &mut PgConnection, reservation: &Reservation<'_>) -> Result<bool> {
    let Reservation { transfer, token, ttl } = reservation;
    let (Some(agent), now) = (transfer.agent, transfer.at) else {
        return Err(StoreError::row("transfers", transfer.id, "an agent who is held has a name"));
    };
    let mut tx = conn.begin().await?;
    let row: Option<Row> = sqlx::query_as(
        "select s.id, s.agent_id, s.state, s.since, s.idle_since, nullif(s.present_until, 'infinity') as present_until, s.wrap_up_until, s.next_state,
                s.transfer_id, s.lease_token, s.lease_expires_at
         from agent_sessions s join agents a on a.id = s.agent_id
         where s.agent_id = $1 and s.ended_at is null and s.state = 'available' and a.disabled_at is null
         for update of s skip locked",
    )
    .bind(agent.0)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else { return Ok(false) };
    let open = Open::read(row)?;
    let held = Held { stage: Stage::Reserved, transfer: transfer.id, token: *token, until: now + *ttl };
    let Ok(step) = step(open.duty(), Event::Reserve(held), now) else { return Ok(false) };
    transfers::begin(&mut tx, transfer).await?;
    open.write(&mut tx, &step, Some(transfer.node), now).await?;
    tx.commit().await?;
    Ok(true)
}

/// The agent's phone or page rings. False where the hold is over.
pub async fn ringing(conn: &mut PgConnection, token: ReservationToken, now: DateTime<Utc>) -> Result<bool> {
    move_on(conn, token, Event::Ring(token), now).await
}

/// The agent took the call. False where the hold is over.
pub async fn talking(conn: &mut PgConnection, token: ReservationToken, now: DateTime<Utc>) -> Result<bool> {
    move_on(conn, token, Event::Talk(token), now).await
}

/// The engine needs the agent no longer. False where the hold was over already.
pub async fn free(
    conn: &mut PgConnection,
    token: ReservationToken,
    freed: Freed,
    wrap_up: TimeDelta,
    now: DateTime<Utc>,
) -> Result<bool> {
    move_on(conn, token, Event::Free { token, freed, wrap_up }, now).await
}

async fn move_on(conn: &mut PgConnection, token: ReservationToken, event: Event, now: DateTime<Utc>) -> Result<bool> {
    let mut tx = conn.begin().await?;
    let row: Option<Row> = sqlx::query_as(
        "select id, agent_id, state, since, idle_since, nullif(present_until, 'infinity') as present_until, wrap_up_until, next_state, transfer_id,
                lease_token, lease_expires_at
         from agent_sessions where lease_token = $1 and ended_at is null for update",
    )
    .bind(token.0)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else { return Ok(false) };
    let open = Open::read(row)?;
    // The token fits: what is refused here is what has happened already.
    if let Ok(step) = step(open.duty(), event, now) {
        open.write(&mut tx, &step, None, now).await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// Prolongs holds to `now + ttl`; returns those that are still ours.
pub async fn heartbeat(
    conn: &mut PgConnection,
    tokens: &[ReservationToken],
    now: DateTime<Utc>,
    ttl: TimeDelta,
) -> Result<Vec<ReservationToken>> {
    let tokens: Vec<Uuid> = tokens.iter().map(|token| token.0).collect();
    let held: Vec<Uuid> = sqlx::query_scalar(
        "update agent_sessions set lease_expires_at = $2 where lease_token = any($1) and ended_at is null returning lease_token",
    )
    .bind(tokens)
    .bind(now + ttl)
    .fetch_all(conn)
    .await?;
    Ok(held.into_iter().map(ReservationToken).collect())
}
