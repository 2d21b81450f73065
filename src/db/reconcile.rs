//! Attempts whose engine died. Such an attempt is closed here by another hand, and its follow-up is never dialled again by itself if an INVITE may have left
//! (architecture.md, decision 6). Answers that were given stay.
//!
//! An attempt that is not marked sent is known to be unsent only to its own node, after that node replayed its journal. To any other node the mark may still lie
//! in the dead node's journal, so there it counts as sent.

use super::answers::{self, Latest};
use super::attempts::{self, AttemptEnd, Ended, Next};
use super::state::FollowUpState;
use super::{Result, StoreError};
use crate::ids::{AttemptId, FollowUpId};
use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

/// Disposition of an attempt that never left.
pub const NOT_SENT: &str = "not_sent";

/// An open attempt without an engine.
#[derive(Clone, Debug)]
pub struct Orphan {
    /// The attempt.
    pub attempt: AttemptId,
    /// Its follow-up.
    pub follow_up: FollowUpId,
    /// Node that made it.
    pub node: String,
    /// Survey key.
    pub survey: String,
    /// Survey version.
    pub survey_version: i32,
    /// When the callee answered, if they did.
    pub answered_at: Option<DateTime<Utc>>,
    /// What the survey ended with, if it got there.
    pub survey_outcome: Option<String>,
    /// What the follow-up has answers to, earlier attempts under the same version included.
    pub answered: Vec<Latest>,
}

/// What the caller makes of an orphan whose INVITE left or may have left. Never a retry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// True: the answers make it complete, the follow-up is done. False: a person decides.
    pub complete: bool,
    /// Disposition of the attempt.
    pub disposition: String,
    /// Its AAPOR code.
    pub aapor: String,
}

/// What a run of [`run`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Never sent: back in the queue.
    pub requeued: Vec<FollowUpId>,
    /// Complete by their answers.
    pub completed: Vec<FollowUpId>,
    /// Left to a person.
    pub to_review: Vec<FollowUpId>,
}

/// Whose orphans are meant.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// All open attempts of this node, whatever their lease says: the node has just started and replayed its journal, so its predecessor is dead.
    OwnAtStart(&'a str),
    /// Attempts of any node whose lease ran out.
    LeaseRunOut,
}

/// Closes orphans one by one, each in its own transaction, at most `limit`. `judge` knows the surveys; it is asked only about attempts that (may) have left.
pub async fn run(
    conn: &mut PgConnection,
    scope: Scope<'_>,
    now: DateTime<Utc>,
    limit: usize,
    judge: impl Fn(&Orphan) -> Verdict,
) -> Result<Reconciled> {
    let mut all = Reconciled::default();
    for _ in 0..limit {
        let mut tx = conn.begin().await?;
        let Some((orphan, unsent, taken_from)) = next(&mut tx, scope, now).await? else { break };
        let certainly_unsent = unsent && matches!(scope, Scope::OwnAtStart(_));
        if certainly_unsent {
            requeue(&mut tx, &orphan, taken_from, now).await?;
            all.requeued.push(orphan.follow_up);
        } else {
            let verdict = judge(&orphan);
            close(&mut tx, &orphan, &verdict, now).await?;
            if verdict.complete { &mut all.completed } else { &mut all.to_review }.push(orphan.follow_up);
        }
        tx.commit().await?;
    }
    Ok(all)
}

async fn next(
    tx: &mut PgConnection,
    scope: Scope<'_>,
    now: DateTime<Utc>,
) -> Result<Option<(Orphan, bool, FollowUpState)>> {
    #[derive(sqlx::FromRow)]
    struct Row {
        id: Uuid,
        follow_up_id: Uuid,
        node: String,
        survey_key: String,
        survey_version: i32,
        invite_sent_at: Option<DateTime<Utc>>,
        answered_at: Option<DateTime<Utc>>,
        survey_outcome: Option<String>,
        taken_from: FollowUpState,
    }
    let node = match scope {
        Scope::OwnAtStart(node) => Some(node),
        Scope::LeaseRunOut => None,
    };
    let row: Option<Row> = sqlx::query_as(
        "select a.id, a.follow_up_id, a.node, a.survey_key, a.survey_version, a.invite_sent_at, a.answered_at, a.survey_outcome, a.taken_from
         from attempts a join follow_ups f on f.id = a.follow_up_id
         where a.ended_at is null and ($1::text is null or a.node = $1) and ($1::text is not null or f.lease_expires_at <= $2)
         order by a.began_at limit 1
         for update skip locked",
    )
    .bind(node)
    .bind(now)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let answered = answers::latest(tx, FollowUpId(row.follow_up_id), row.survey_version).await?;
    let orphan = Orphan {
        attempt: AttemptId(row.id),
        follow_up: FollowUpId(row.follow_up_id),
        node: row.node,
        survey: row.survey_key,
        survey_version: row.survey_version,
        answered_at: row.answered_at,
        survey_outcome: row.survey_outcome,
        answered,
    };
    Ok(Some((orphan, row.invite_sent_at.is_none(), row.taken_from)))
}

async fn close(tx: &mut PgConnection, orphan: &Orphan, verdict: &Verdict, now: DateTime<Utc>) -> Result<()> {
    let end = AttemptEnd {
        attempt: orphan.attempt,
        ended_at: now,
        sip_status: None,
        disposition: verdict.disposition.clone(),
        aapor: Some(verdict.aapor.clone()),
        blame: Some("engine".to_owned()),
        retry_allowed: false,
        detail: Some("the engine died after the INVITE left, or may have left".to_owned()),
        next: if verdict.complete { Next::Done } else { Next::Review },
    };
    match attempts::end(tx, &end).await? {
        Ended::Now => mark_reconciled(tx, orphan.attempt).await,
        Ended::Before | Ended::FollowUpMovedOn => Err(StoreError::row("attempts", orphan.attempt, "it was to be open")),
    }
}

async fn requeue(tx: &mut PgConnection, orphan: &Orphan, taken_from: FollowUpState, now: DateTime<Utc>) -> Result<()> {
    let done = sqlx::query(
        "update attempts set ended_at = $2, disposition = $3, blame = 'engine', retry_allowed = true, detail = 'the engine died before the INVITE left'
         where id = $1 and ended_at is null",
    )
    .bind(orphan.attempt.0)
    .bind(now)
    .bind(NOT_SENT)
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() != 1 {
        return Err(StoreError::row("attempts", orphan.attempt, "it was to be open"));
    }
    let done = sqlx::query(
        "update follow_ups set state = $2, lease_token = null, lease_node = null, lease_expires_at = null where id = $1 and state = 'in_call'",
    )
    .bind(orphan.follow_up.0)
    .bind(taken_from)
    .execute(tx)
    .await?;
    if done.rows_affected() != 1 {
        return Err(StoreError::row("follow_ups", orphan.follow_up, "it was to be in_call"));
    }
    Ok(())
}

async fn mark_reconciled(tx: &mut PgConnection, id: AttemptId) -> Result<()> {
    let done = sqlx::query("update attempts set reconciled = true where id = $1").bind(id.0).execute(tx).await?;
    if done.rows_affected() != 1 {
        return Err(StoreError::row("attempts", id, "one row was to be marked reconciled"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
