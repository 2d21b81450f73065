//! `attempts`: one try to reach a customer (architecture.md, decision 6). [`begin`] is committed before the INVITE leaves; the attempt counts once
//! [`mark_sent`] is written; [`end`] closes it together with the follow-up's next state. All but `begin` bear being done twice (the journal replays).

use super::queue::{Leased, NEVER_ATTEMPTED};
use super::state::{FollowUpState, StateReason};
use super::{Result, StoreError};
use crate::ids::{AttemptId, FollowUpId, LeaseToken};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{Connection, PgConnection};
use thiserror::Error;
use uuid::Uuid;

/// An attempt about to be made.
#[derive(Clone, Debug)]
pub struct NewAttempt {
    /// Its id.
    pub id: AttemptId,
    /// For which follow-up.
    pub follow_up: FollowUpId,
    /// The lease under which it is made.
    pub token: LeaseToken,
    /// Version of the survey that will be asked.
    pub survey_version: i32,
    /// Name of the trunk.
    pub trunk: String,
    /// Now.
    pub began_at: DateTime<Utc>,
}

impl NewAttempt {
    /// An attempt at a follow-up that was just leased.
    pub fn of(leased: &Leased, id: AttemptId, trunk: &str, now: DateTime<Utc>) -> NewAttempt {
        NewAttempt {
            id,
            follow_up: leased.follow_up,
            token: leased.token,
            survey_version: leased.survey_version,
            trunk: trunk.to_owned(),
            began_at: now,
        }
    }
}

/// Why an attempt may not begin. In none of these cases may an INVITE leave.
#[derive(Debug, Error)]
pub enum BeginError {
    /// The lease ran out and was taken away, the follow-up was closed meanwhile, or its survey version is pinned to another one.
    #[error("follow_ups {0}: the lease is not ours any more, or it is no longer to be dialled")]
    NotOurs(FollowUpId),
    /// Another attempt to the same number is open (a household that shares it).
    #[error("follow_ups {0}: its number is in a call already")]
    NumberInCall(FollowUpId),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Commits the attempt and sets its follow-up to `in_call`, in one statement; pins the survey version. Returns the attempt's ordinal (1 is the first).
pub async fn begin(conn: &mut PgConnection, new: &NewAttempt) -> std::result::Result<i32, BeginError> {
    let inserted = sqlx::query_scalar(
        "with taken as (
             select f.id, f.state, f.survey_key, f.phone_id, p.number, f.lease_node
             from follow_ups f join phones p on p.id = f.phone_id
             where f.id = $1 and f.lease_token = $2 and f.lease_expires_at > $3 and f.deadline > $3
               and f.state in ('waiting', 'retry', 'call_back') and coalesce(f.survey_version, $4) = $4
             for update of f
         ), moved as (
             update follow_ups f set state = 'in_call', state_detail = null, survey_version = $4 from taken t where f.id = t.id
             returning f.id
         )
         insert into attempts (id, follow_up_id, ordinal, phone_id, number, trunk, node, lease_token, taken_from, survey_key, survey_version, began_at)
         select $5, t.id, (select count(*) + 1 from attempts a where a.follow_up_id = t.id), t.phone_id, t.number, $6, t.lease_node, $2, t.state,
                t.survey_key, $4, $3
         from taken t join moved m on m.id = t.id
         returning ordinal",
    )
    .bind(new.follow_up.0)
    .bind(new.token.0)
    .bind(new.began_at)
    .bind(new.survey_version)
    .bind(new.id.0)
    .bind(&new.trunk)
    .fetch_optional(conn)
    .await
    .map_err(|error| {
        let error = StoreError::from(error);
        match error.constraint() {
            Some("attempts_one_open_per_number") => BeginError::NumberInCall(new.follow_up),
            Some("attempts_one_open_per_follow_up") => BeginError::NotOurs(new.follow_up),
            Some(_) | None => BeginError::Store(error),
        }
    })?;
    inserted.ok_or(BeginError::NotOurs(new.follow_up))
}

/// Writes that the INVITE left: from here on the attempt counts, and nothing redials by itself. The first time stands.
pub async fn mark_sent(conn: &mut PgConnection, id: AttemptId, at: DateTime<Utc>) -> Result<()> {
    let done = sqlx::query(
        "with sent as (update attempts set invite_sent_at = $2 where id = $1 and invite_sent_at is null returning follow_up_id)
         update follow_ups f set attempts_made = attempts_made + 1 from sent where f.id = sent.follow_up_id",
    )
    .bind(id.0)
    .bind(at)
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { exists(conn, id).await }
}

/// Takes back that the INVITE left: no byte of it did, so it was no attempt. Doing it again changes nothing.
pub async fn never_sent(conn: &mut PgConnection, id: AttemptId) -> Result<()> {
    let done = sqlx::query(
        "with unsent as (update attempts set invite_sent_at = null where id = $1 and invite_sent_at is not null returning follow_up_id)
         update follow_ups f set attempts_made = attempts_made - 1 from unsent where f.id = unsent.follow_up_id",
    )
    .bind(id.0)
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { exists(conn, id).await }
}

/// When the attempts at a follow-up began, first to last: those whose INVITE left, and an open one.
pub async fn begun(conn: &mut PgConnection, follow_up: FollowUpId) -> Result<Vec<DateTime<Utc>>> {
    Ok(sqlx::query_scalar(
        "select began_at from attempts where follow_up_id = $1 and (invite_sent_at is not null or ended_at is null) order by ordinal",
    )
    .bind(follow_up.0)
    .fetch_all(conn)
    .await?)
}

/// The trunks that had no room for a follow-up since a moment.
pub async fn congested_trunks(
    conn: &mut PgConnection,
    follow_up: FollowUpId,
    since: DateTime<Utc>,
) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar(
        "select distinct trunk from attempts where follow_up_id = $1 and disposition = 'congestion' and ended_at >= $2",
    )
    .bind(follow_up.0)
    .bind(since)
    .fetch_all(conn)
    .await?)
}

/// Writes that the callee answered. The first time stands.
pub async fn answered(conn: &mut PgConnection, id: AttemptId, at: DateTime<Utc>) -> Result<()> {
    let done = sqlx::query("update attempts set answered_at = coalesce(answered_at, $2) where id = $1")
        .bind(id.0)
        .bind(at)
        .execute(conn)
        .await?;
    exactly_one(done.rows_affected(), id)
}

/// Writes what the survey ended with, before hanging up: an engine that dies in the closing prompt has a complete call all the same.
pub async fn survey_finished(conn: &mut PgConnection, id: AttemptId, outcome: &str) -> Result<()> {
    let done = sqlx::query("update attempts set survey_outcome = $2 where id = $1")
        .bind(id.0)
        .bind(outcome)
        .execute(conn)
        .await?;
    exactly_one(done.rows_affected(), id)
}

async fn exists(conn: &mut PgConnection, id: AttemptId) -> Result<()> {
    let found: bool =
        sqlx::query_scalar("select exists (select from attempts where id = $1)").bind(id.0).fetch_one(conn).await?;
    exactly_one(u64::from(found), id)
}

fn exactly_one(rows: u64, id: AttemptId) -> Result<()> {
    if rows == 1 { Ok(()) } else { Err(StoreError::row("attempts", id, "there is none")) }
}

/// What becomes of the follow-up when an attempt ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "next")]
pub enum Next {
    /// Dial again, not before `at`. At or after the deadline it expires instead (`queue::expire_overdue`).
    Retry {
        /// Not before.
        at: DateTime<Utc>,
    },
    /// Dial again at the time the customer booked, ahead of all others.
    CallBack {
        /// The booked time.
        at: DateTime<Utc>,
    },
    /// Finished: the attempt's disposition is the final one.
    Done,
    /// Ends as not reached in time, at once: no attempt is left, or none would come before the deadline.
    NotReached {
        /// Which of them, in a sentence.
        reason: String,
    },
    /// A person decides.
    Review,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptEnd {
    /// Which attempt.
    pub attempt: AttemptId,
    /// When.
    pub ended_at: DateTime<Utc>,
    /// Final SIP status, where there was one.
    pub sip_status: Option<u16>,
    /// Disposition (snake_case word of `call::disposition`).
    pub disposition: String,
    /// AAPOR code; none where nothing was sent.
    pub aapor: Option<String>,
    /// Who made it fail.
    pub blame: Option<String>,
    /// Whether the disposition allows another attempt.
    pub retry_allowed: bool,
    /// One sentence for people, without personal data.
    pub detail: Option<String>,
    /// What becomes of the follow-up.
    pub next: Next,
}

/// What [`end`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Attempt and follow-up are closed as told.
    Now,
    /// It had ended already (a replay); nothing was changed.
    Before,
    /// The attempt had been closed by reconciliation and now has its true end, but a person has decided about the follow-up meanwhile: that stands.
    FollowUpMovedOn,
}

/// Ends an attempt and sets its follow-up's next state, in one transaction. Ends each attempt once; an end that comes after reconciliation
/// (the journal of an engine that died) replaces the reconciled one.
pub async fn end(conn: &mut PgConnection, end: &AttemptEnd) -> Result<Ended> {
    let mut tx = conn.begin().await?;
    let row: Option<(Uuid, Uuid, Option<DateTime<Utc>>, bool)> =
        sqlx::query_as("select follow_up_id, lease_token, ended_at, reconciled from attempts where id = $1 for update")
            .bind(end.attempt.0)
            .fetch_optional(&mut *tx)
            .await?;
    let Some((follow_up, token, ended_at, reconciled)) = row else {
        return Err(StoreError::row("attempts", end.attempt, "there is none"));
    };
    if ended_at.is_some() && !reconciled {
        return Ok(Ended::Before);
    }
    let done = sqlx::query(
        "update attempts set ended_at = $2, sip_status = $3, disposition = $4, aapor = $5, blame = $6, retry_allowed = $7, detail = $8, reconciled = false
         where id = $1",
    )
    .bind(end.attempt.0)
    .bind(end.ended_at)
    .bind(end.sip_status.map(|status| i16::try_from(status).unwrap_or(i16::MAX)))
    .bind(&end.disposition)
    .bind(&end.aapor)
    .bind(&end.blame)
    .bind(end.retry_allowed)
    .bind(&end.detail)
    .execute(&mut *tx)
    .await?;
    exactly_one(done.rows_affected(), end.attempt)?;
    let moved = set_next(&mut tx, FollowUpId(follow_up), LeaseToken(token), end).await?;
    if moved == 0 && !reconciled {
        return Err(StoreError::row("follow_ups", follow_up, "it was to be in_call under this attempt's lease"));
    }
    tx.commit().await?;
    Ok(if moved == 1 { Ended::Now } else { Ended::FollowUpMovedOn })
}

/// Sets the follow-up's next state where it is still this attempt's: in call under its lease, or waiting for a review because its engine died.
/// One that an earlier attempt answered in part stays partial when the last attempt does not reach the customer (a number that is gone by then).
async fn set_next(tx: &mut PgConnection, follow_up: FollowUpId, token: LeaseToken, end: &AttemptEnd) -> Result<u64> {
    let (state, next_at, disposition, reason, detail) = match &end.next {
        Next::Retry { at } => (FollowUpState::Retry, Some(*at), None, None, None),
        Next::CallBack { at } => (FollowUpState::CallBack, Some(*at), None, None, None),
        Next::Done => (FollowUpState::Done, None, Some(end.disposition.as_str()), None, None),
        Next::NotReached { reason } => {
            let why = StateReason::NotReachedInTime;
            (FollowUpState::Expired, None, Some(why.as_str()), Some(why), Some(reason))
        }
        Next::Review => (FollowUpState::NeedsReview, None, None, Some(review_reason(end)), end.detail.as_ref()),
    };
    let closed = disposition.is_some();
    let done = sqlx::query(
        "update follow_ups set state = $3, state_reason = $4, state_detail = $10, next_attempt_at = coalesce($5, next_attempt_at),
                lease_token = null, lease_node = null, lease_expires_at = null,
                final_disposition = case when $6 and stays_partial then 'partial' when $6 then $7 end,
                final_aapor = case when $6 and stays_partial then '1.2' when $6 then coalesce($8, $11) end, closed_at = case when $6 then $9 end
         from (select $7 not in ('complete', 'partial', 'refusal', 'wrong_number')
                      and exists (select from attempts a where a.follow_up_id = $1 and a.disposition = 'partial') as stays_partial) earlier
         where id = $1 and ((state = 'in_call' and lease_token = $2) or (state = 'needs_review' and state_reason = 'engine_died'))",
    )
    .bind(follow_up.0)
    .bind(token.0)
    .bind(state)
    .bind(reason)
    .bind(next_at)
    .bind(closed)
    .bind(disposition)
    .bind(&end.aapor)
    .bind(end.ended_at)
    .bind(detail)
    .bind(closed.then_some(NEVER_ATTEMPTED).filter(|_| reason.is_some()))
    .execute(tx)
    .await?;
    Ok(done.rows_affected())
}

/// Why a person has to look at it. An engine that died is told from the rest: its own end may still come from its journal.
fn review_reason(end: &AttemptEnd) -> StateReason {
    match (end.disposition.as_str(), end.blame.as_deref()) {
        ("trunk_refused", _) => StateReason::TrunkRefused,
        (_, Some("engine")) => StateReason::EngineDied,
        _ => StateReason::OutcomeUnknown,
    }
}

#[cfg(test)]
pub(crate) mod tests;
