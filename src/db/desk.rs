//! Follow-ups that leave the queue by another door than a call: put off with a reason, set aside for a person, ended because nobody could be reached, and set
//! going again by a person.

use super::phones;
use super::queue::NEVER_ATTEMPTED;
use super::state::{FollowUpState, StateReason};
use super::{Result, StoreError};
use crate::ids::{FollowUpId, LeaseToken};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

/// Gives a leased follow-up back until `at`, and says what it waits for.
pub async fn put_off(
    conn: &mut PgConnection,
    id: FollowUpId,
    token: LeaseToken,
    at: DateTime<Utc>,
    why: &str,
) -> Result<()> {
    let done = sqlx::query(
        "update follow_ups set lease_token = null, lease_node = null, lease_expires_at = null, next_attempt_at = $3, state_detail = $4
         where id = $1 and lease_token = $2 and state in ('waiting', 'retry', 'call_back')",
    )
    .bind(id.0)
    .bind(token.0)
    .bind(at)
    .bind(why)
    .execute(conn)
    .await?;
    exactly_one(done.rows_affected(), id)
}

/// Sets a leased follow-up aside because its number is refused: a person reads why, and releases it ([`reopen`]).
pub async fn refuse(conn: &mut PgConnection, id: FollowUpId, token: LeaseToken, why: &str) -> Result<()> {
    let done = sqlx::query(
        "update follow_ups set state = 'needs_review', state_reason = 'number_refused', state_detail = $3,
                lease_token = null, lease_node = null, lease_expires_at = null
         where id = $1 and lease_token = $2 and state in ('waiting', 'retry', 'call_back')",
    )
    .bind(id.0)
    .bind(token.0)
    .bind(why)
    .execute(conn)
    .await?;
    exactly_one(done.rows_affected(), id)
}

/// Ends a leased follow-up as not reached in time.
pub async fn not_reached(
    conn: &mut PgConnection,
    id: FollowUpId,
    token: LeaseToken,
    now: DateTime<Utc>,
    why: &str,
) -> Result<()> {
    let done = sqlx::query(
        "update follow_ups f
         set state = 'expired', state_reason = 'not_reached_in_time', state_detail = $4, closed_at = $3,
             final_disposition = case when exists (select from attempts a where a.follow_up_id = f.id and a.disposition = 'partial')
                                      then 'partial' else 'not_reached_in_time' end,
             final_aapor = case when exists (select from attempts a where a.follow_up_id = f.id and a.disposition = 'partial')
                                then '1.2' else coalesce((select a.aapor from attempts a where a.follow_up_id = f.id and a.aapor is not null
                                     order by a.ordinal desc limit 1), $5) end,
             lease_token = null, lease_node = null, lease_expires_at = null
         where id = $1 and lease_token = $2 and state in ('waiting', 'retry', 'call_back')",
    )
    .bind(id.0)
    .bind(token.0)
    .bind(now)
    .bind(why)
    .bind(NEVER_ATTEMPTED)
    .execute(conn)
    .await?;
    exactly_one(done.rows_affected(), id)
}

/// What a person lets go on.
#[derive(Clone, Copy, Debug)]
pub struct Reopen {
    /// Now.
    pub now: DateTime<Utc>,
    /// So long after an attempt of which nobody knows what became.
    pub after_unknown: TimeDelta,
    /// A new deadline; none: the old one stands.
    pub deadline: Option<DateTime<Utc>>,
}

/// Puts a follow-up under review back into the queue. Gives when it is dialled next; none where its number is blocked, so that it ended instead.
pub async fn reopen(conn: &mut PgConnection, id: FollowUpId, how: &Reopen) -> Result<Option<DateTime<Utc>>> {
    let mut tx = conn.begin().await?;
    type Row = (FollowUpState, Option<StateReason>, DateTime<Utc>, Option<DateTime<Utc>>);
    let row: Option<Row> = sqlx::query_as(
        "select f.state, f.state_reason, coalesce($2, f.deadline), (select max(a.began_at) from attempts a where a.follow_up_id = f.id)
         from follow_ups f where f.id = $1 for update",
    )
    .bind(id.0)
    .bind(how.deadline)
    .fetch_optional(&mut *tx)
    .await?;
    let Some((state, reason, deadline, last)) = row else {
        return Err(StoreError::row("follow_ups", id, "there is none"));
    };
    if state != FollowUpState::NeedsReview {
        return Err(StoreError::row("follow_ups", id, "it is not under review"));
    }
    let unknown = matches!(reason, Some(StateReason::EngineDied | StateReason::OutcomeUnknown));
    let at = last.filter(|_| unknown).map_or(how.now, |last| how.now.max(last + how.after_unknown));
    if at >= deadline {
        return Err(StoreError::row(
            "follow_ups",
            id,
            "its deadline comes before it could be dialled again: give it a later one",
        ));
    }
    let done = sqlx::query(
        "update follow_ups set state = case when attempts_made > 0 then 'retry' else 'waiting' end, state_reason = null,
                state_detail = 'released by a person', next_attempt_at = $2, deadline = $3,
                lease_token = null, lease_node = null, lease_expires_at = null
         where id = $1",
    )
    .bind(id.0)
    .bind(at)
    .bind(deadline)
    .execute(&mut *tx)
    .await?;
    exactly_one(done.rows_affected(), id)?;
    let ended = phones::close_blocked(&mut tx, phones::Which::Ids(&[id.0]), how.now).await?;
    tx.commit().await?;
    Ok(ended.is_empty().then_some(at))
}

/// The follow-ups that were set aside because their numbers are refused.
pub async fn refused(conn: &mut PgConnection) -> Result<Vec<FollowUpId>> {
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "select id from follow_ups where state = 'needs_review' and state_reason = 'number_refused' order by id",
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(FollowUpId).collect())
}

fn exactly_one(rows: u64, id: FollowUpId) -> Result<()> {
    match rows {
        1 => Ok(()),
        _ => Err(StoreError::row("follow_ups", id, "it is not leased under this token, or not in the queue")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::fixture::{self, at, lease};
    use crate::db::follow_ups::{self, FollowUp};
    use crate::db::state::DoNotCallSource;
    use crate::db::{attempts, queue};
    use sqlx::PgPool;

    async fn get(conn: &mut PgConnection, id: FollowUpId) -> FollowUp {
        follow_ups::get(conn, id).await.unwrap()
    }

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn each_way_out_says_why(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        for n in 1..=3 {
            fixture::owed(&mut conn, n).await;
        }
        let leased = lease(&mut conn, "a", 0).await;
        let one = |n: usize| (leased[n].follow_up, leased[n].token);
        put_off(&mut conn, one(0).0, one(0).1, at(60), "the calling window is closed").await.unwrap();
        refuse(&mut conn, one(1).0, one(1).1, "dialer.allow has no prefix for this number").await.unwrap();
        not_reached(&mut conn, one(2).0, one(2).1, at(1), "no attempt is left").await.unwrap();
        assert!(put_off(&mut conn, one(0).0, one(0).1, at(60), "again").await.is_err(), "the lease is gone");
        let (a, b, c) =
            (get(&mut conn, one(0).0).await, get(&mut conn, one(1).0).await, get(&mut conn, one(2).0).await);
        assert_eq!((a.state, a.next_attempt_at), (FollowUpState::Waiting, at(60)));
        assert_eq!(a.state_detail.as_deref(), Some("the calling window is closed"));
        assert_eq!((b.state, b.state_reason), (FollowUpState::NeedsReview, Some(StateReason::NumberRefused)));
        assert_eq!((c.state, c.final_aapor.as_deref()), (FollowUpState::Expired, Some("3.11")));
        assert_eq!(c.state_detail.as_deref(), Some("no attempt is left"));
        assert_eq!(refused(&mut conn).await.unwrap(), [one(1).0]);

        queue::expire_overdue(&mut conn, at(2 * 24 * 60), 10).await.unwrap();
        let a = get(&mut conn, one(0).0).await;
        assert_eq!(
            a.state_detail.as_deref(),
            Some("never dialled before the deadline; last: the calling window is closed")
        );
    }

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn a_person_sets_it_going_again(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let owed = fixture::owed(&mut conn, 1).await;
        let how = Reopen { now: at(10), after_unknown: TimeDelta::minutes(60), deadline: None };
        assert!(reopen(&mut conn, owed.follow_up, &how).await.is_err(), "it waits already");
        let attempt = fixture::begun(&mut conn, "a", owed.follow_up, 1, 0).await;
        attempts::mark_sent(&mut conn, attempt, at(0)).await.unwrap();
        let mut end = attempts::tests::end(attempt, attempts::Next::Review);
        end.disposition = "unknown".into();
        attempts::end(&mut conn, &end).await.unwrap();
        assert_eq!(get(&mut conn, owed.follow_up).await.state_reason, Some(StateReason::OutcomeUnknown));
        let late = Reopen { now: at(3 * 24 * 60), ..how };
        assert!(reopen(&mut conn, owed.follow_up, &late).await.unwrap_err().to_string().contains("deadline"));
        assert_eq!(reopen(&mut conn, owed.follow_up, &how).await.unwrap(), Some(at(60)));
        let row = get(&mut conn, owed.follow_up).await;
        assert_eq!((row.state, row.state_reason, row.next_attempt_at), (FollowUpState::Retry, None, at(60)));

        let leased = lease(&mut conn, "a", 60).await.remove(0);
        refuse(&mut conn, leased.follow_up, leased.token, "refused").await.unwrap();
        phones::block(&mut conn, &fixture::number(1), DoNotCallSource::Api, at(61)).await.unwrap();
        let extended = Reopen { now: at(62), deadline: Some(at(9999)), ..how };
        assert_eq!(reopen(&mut conn, owed.follow_up, &extended).await.unwrap(), None, "blocked meanwhile");
        assert_eq!(get(&mut conn, owed.follow_up).await.state, FollowUpState::Done);
    }
}
