//! `agent_bindings`: where registered softphones are (RFC 3261, 10.3), for all engines. A live binding is the presence of an agent whose `reach` is
//! registered: the first one puts an agent who has no page on duty, the last one going takes them off.

use super::agent_sessions::{self, DutyError, Wish};
use super::{Result, StoreError};
use crate::agent::state::{Event, Presence};
use crate::ids::AgentId;
use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

/// A registered softphone.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Binding {
    /// User of the registrar.
    pub sip_user: String,
    /// The Contact, which is the Request-URI of calls to it.
    pub contact: String,
    /// IP and port that the REGISTER came from, which is where calls to it are sent.
    pub source: String,
    /// The engine that it registered with.
    pub node: String,
    /// Call-ID of its registrations: another one is another start of the phone.
    pub call_id: String,
    /// CSeq of the last one.
    pub cseq: i64,
    /// User-Agent.
    pub user_agent: Option<String>,
    /// When it registered last.
    pub bound_at: DateTime<Utc>,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

/// Keeps a binding that the registrar accepted. Says whether it is new: of a phone that was not there, or has been started again. A new one puts
/// an agent who has no page on duty, and back from a break.
pub async fn bind(conn: &mut PgConnection, binding: &Binding) -> Result<bool> {
    let now = binding.bound_at;
    let mut tx = conn.begin().await?;
    let agent = agent_of(&mut tx, &binding.sip_user).await?;
    let known: bool = sqlx::query_scalar(
        "select exists (select from agent_bindings where sip_user = $1 and contact = $2 and call_id = $3 and expires_at > $4)",
    )
    .bind(&binding.sip_user)
    .bind(&binding.contact)
    .bind(&binding.call_id)
    .bind(now)
    .fetch_one(&mut *tx)
    .await?;
    sqlx::query(
        "insert into agent_bindings (sip_user, contact, source, node, call_id, cseq, user_agent, bound_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (sip_user, contact) do update set source = excluded.source, node = excluded.node, call_id = excluded.call_id, cseq = excluded.cseq,
                user_agent = excluded.user_agent, bound_at = excluded.bound_at, expires_at = excluded.expires_at",
    )
    .bind(&binding.sip_user)
    .bind(&binding.contact)
    .bind(&binding.source)
    .bind(&binding.node)
    .bind(&binding.call_id)
    .bind(binding.cseq)
    .bind(&binding.user_agent)
    .bind(now)
    .bind(binding.expires_at)
    .execute(&mut *tx)
    .await?;
    if let Some((agent, has_page)) = agent {
        there(&mut tx, agent, &binding.sip_user, !known && !has_page, now).await?;
    }
    tx.commit().await?;
    Ok(!known)
}

/// Forgets a binding that this node had; a phone that has moved to another engine stays. The last one takes the agent off duty, unless they are talking.
pub async fn unbind(
    conn: &mut PgConnection,
    sip_user: &str,
    contact: &str,
    node: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let mut tx = conn.begin().await?;
    let agent = agent_of(&mut tx, sip_user).await?;
    let done = sqlx::query("delete from agent_bindings where sip_user = $1 and contact = $2 and node = $3")
        .bind(sip_user)
        .bind(contact)
        .bind(node)
        .execute(&mut *tx)
        .await?;
    if let Some((agent, _)) = agent.filter(|_| done.rows_affected() == 1) {
        there(&mut tx, agent, sip_user, false, now).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Tells the agent's session how long there is a phone.
async fn there(tx: &mut PgConnection, agent: AgentId, sip_user: &str, comes: bool, now: DateTime<Utc>) -> Result<()> {
    let Some(until) = live_until(tx, sip_user, now).await? else {
        return agent_sessions::happened(tx, agent, Event::Gone, now).await;
    };
    if comes {
        return match agent_sessions::wish(tx, agent, Wish::Available, now, until).await {
            Ok(()) | Err(DutyError::Refused(_) | DutyError::Disabled | DutyError::Queue) => Ok(()),
            Err(DutyError::Store(error)) => Err(error),
        };
    }
    agent_sessions::happened(tx, agent, Event::Present(Presence::Until(until)), now).await
}

/// The agent of a SIP user, and whether they have a page. Locks the row: what follows sees all bindings of that user.
async fn agent_of(tx: &mut PgConnection, sip_user: &str) -> Result<Option<(AgentId, bool)>> {
    let row: Option<(Uuid, bool)> = sqlx::query_as(
        "select id, user_id is not null from agents where sip_user = $1 and reach = 'registered' and disabled_at is null for no key update",
    )
    .bind(sip_user)
    .fetch_optional(tx)
    .await?;
    Ok(row.map(|(id, has_page)| (AgentId(id), has_page)))
}

/// Until when a user has a phone that is there; none: has none.
pub async fn live_until(conn: &mut PgConnection, sip_user: &str, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
    Ok(sqlx::query_scalar("select max(expires_at) from agent_bindings where sip_user = $1 and expires_at > $2")
        .bind(sip_user)
        .bind(now)
        .fetch_one(conn)
        .await?)
}

/// The phones of a user that are there, latest first.
pub async fn live(conn: &mut PgConnection, sip_user: &str, now: DateTime<Utc>) -> Result<Vec<Binding>> {
    Ok(sqlx::query_as(
        "select sip_user, contact, source, node, call_id, cseq, user_agent, bound_at, expires_at
         from agent_bindings where sip_user = $1 and expires_at > $2 order by bound_at desc, contact",
    )
    .bind(sip_user)
    .bind(now)
    .fetch_all(conn)
    .await?)
}

/// Takes away rows that mean nothing any more.
pub(super) async fn forget_expired(conn: &mut PgConnection, now: DateTime<Utc>) -> std::result::Result<(), StoreError> {
    sqlx::query("delete from agent_bindings where expires_at <= $1").bind(now).execute(conn).await?;
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests;
