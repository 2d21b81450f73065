//! What ends by time: holds whose engine is dead, agents whose page or phone is gone, wrap-ups that are over; and hand-overs that nobody ended.
//! Any engine does it for all.

use super::{Open, Row};
use crate::agent::state::{Duty, Event, Held, Name, Stand, step};
use crate::db::{Result, agent_bindings, transfers};
use crate::ids::AgentId;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{Connection, PgConnection};

/// Sessions looked at in one run at most.
const LIMIT: i64 = 500;

/// Whose holds are over.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// All of this node, whatever their lease says: the node has just started, so its predecessor is dead.
    OwnAtStart(&'a str),
    /// Those of any node whose lease ran out.
    LeaseRunOut,
}

/// What a run of [`reap`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reaped {
    /// Agents whose engine was dead.
    pub released: usize,
    /// Agents who were gone.
    pub absent: usize,
    /// Wrap-ups that were over.
    pub wrapped_up: usize,
    /// Hand-overs without an end whose call is over.
    pub closed: u64,
}

/// Moves on whatever is due at `now`, each agent in a transaction of its own. `wrap_up`: time for writing up after a talk whose engine died;
/// `grace`: so long after its call's end a hand-over may still be ended by its engine's journal.
pub async fn reap(
    conn: &mut PgConnection,
    scope: Scope<'_>,
    wrap_up: TimeDelta,
    grace: TimeDelta,
    now: DateTime<Utc>,
) -> Result<Reaped> {
    let mut all = Reaped::default();
    for agent in due(conn, scope, now).await? {
        let mut tx = conn.begin().await?;
        if let Some(open) = lock(&mut tx, agent).await? {
            settle(&mut tx, open, scope, wrap_up, now, &mut all).await?;
        }
        tx.commit().await?;
    }
    all.closed = transfers::close_ended(conn, now, grace).await?;
    agent_bindings::forget_expired(conn, now).await?;
    Ok(all)
}

async fn due(conn: &mut PgConnection, scope: Scope<'_>, now: DateTime<Utc>) -> Result<Vec<AgentId>> {
    let node = match scope {
        Scope::OwnAtStart(node) => Some(node),
        Scope::LeaseRunOut => None,
    };
    let agents: Vec<uuid::Uuid> = sqlx::query_scalar(
        "select agent_id from agent_sessions
         where ended_at is null and (lease_expires_at <= $1 or present_until <= $1 or wrap_up_until <= $1 or lease_node = $2)
         order by since limit $3",
    )
    .bind(now)
    .bind(node)
    .bind(LIMIT)
    .fetch_all(conn)
    .await?;
    Ok(agents.into_iter().map(AgentId).collect())
}

/// A session that somebody changes at this moment is alive: it is left for the next run.
async fn lock(tx: &mut PgConnection, agent: AgentId) -> Result<Option<(Open, Option<String>)>> {
    let node: Option<(uuid::Uuid, Option<String>)> = sqlx::query_as(
        "select id, lease_node from agent_sessions where agent_id = $1 and ended_at is null for update skip locked",
    )
    .bind(agent.0)
    .fetch_optional(&mut *tx)
    .await?;
    let Some((id, node)) = node else { return Ok(None) };
    let row: Row = sqlx::query_as(
        "select id, agent_id, state, since, idle_since, nullif(present_until, 'infinity') as present_until, wrap_up_until, next_state, transfer_id,
                lease_token, lease_expires_at
         from agent_sessions where id = $1",
    )
    .bind(id)
    .fetch_one(tx)
    .await?;
    Ok(Some((Open::read(row)?, node)))
}

/// Takes all steps that are due: a hold that ran out may leave an agent who is gone.
async fn settle(
    tx: &mut PgConnection,
    (mut open, node): (Open, Option<String>),
    scope: Scope<'_>,
    wrap_up: TimeDelta,
    now: DateTime<Utc>,
    all: &mut Reaped,
) -> Result<()> {
    if let (Scope::OwnAtStart(own), Some((_, duty))) = (scope, &mut open.session)
        && node.as_deref() == Some(own)
    {
        run_out(duty, now);
    }
    while let Ok(step) = step(open.duty(), Event::Due { wrap_up }, now) {
        let counted = match (step.interrupted, step.stamp.map(|stamp| stamp.to)) {
            (Some(_), _) => &mut all.released,
            (None, Some(Name::Offline)) => &mut all.absent,
            (None, _) => &mut all.wrapped_up,
        };
        *counted += 1;
        open = open.write(tx, &step, None, now).await?;
    }
    Ok(())
}

fn run_out(duty: &mut Duty, now: DateTime<Utc>) {
    if let Stand::Held(held) = duty.stand {
        duty.stand = Stand::Held(Held { until: now, ..held });
    }
}
