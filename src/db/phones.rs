//! Numbers that must not be dialled: wrong-number marks on `phones`, and `do_not_call`. Either ends what still waits on that number, in the same transaction.

use super::state::DoNotCallSource;
use super::{Result, StoreError};
use crate::ids::{AttemptId, FollowUpId};
use crate::phone::E164;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

/// Disposition and AAPOR code of a follow-up that ends because its number was marked wrong (4.10: out of the sample, somebody else).
pub const WRONG: (&str, &str) = ("wrong_number", "4.10");
/// Disposition and AAPOR code of a follow-up that ends because its number is on the do-not-call list (2.11: refusal).
pub const BLOCKED: (&str, &str) = ("do_not_call", "2.11");

/// Marks the number that an attempt dialled as wrong for this customer, and ends what else waits for them on it.
pub async fn mark_wrong(conn: &mut PgConnection, attempt: AttemptId, at: DateTime<Utc>) -> Result<()> {
    let mut tx = conn.begin().await?;
    let number: Option<String> = sqlx::query_scalar(
        "update phones p set wrong_at = coalesce(p.wrong_at, $2) from attempts a where a.id = $1 and p.id = a.phone_id returning p.number",
    )
    .bind(attempt.0)
    .bind(at)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(number) = number else { return Err(StoreError::row("attempts", attempt, "there is none")) };
    close_blocked(&mut tx, Which::OnNumber(&number), at).await?;
    tx.commit().await?;
    Ok(())
}

/// Puts a number on the do-not-call list and ends what waits on it, whoever's it is. Adding it again changes nothing.
pub async fn block(conn: &mut PgConnection, number: &E164, source: DoNotCallSource, at: DateTime<Utc>) -> Result<()> {
    let mut tx = conn.begin().await?;
    sqlx::query(
        "insert into do_not_call (number, source, added_at) values ($1, $2, $3) on conflict (number) do nothing",
    )
    .bind(number.as_str())
    .bind(source)
    .bind(at)
    .execute(&mut *tx)
    .await?;
    close_blocked(&mut tx, Which::OnNumber(number.as_str()), at).await?;
    tx.commit().await?;
    Ok(())
}

/// The same for the number that an attempt dialled (the customer asked by key).
pub async fn block_by_attempt(conn: &mut PgConnection, attempt: AttemptId, at: DateTime<Utc>) -> Result<()> {
    let number: Option<String> = sqlx::query_scalar("select number from attempts where id = $1")
        .bind(attempt.0)
        .fetch_optional(&mut *conn)
        .await?;
    let number = number.and_then(|text| E164::from_stored(&text).ok());
    let Some(number) = number else { return Err(StoreError::row("attempts", attempt, "there is none")) };
    block(conn, &number, DoNotCallSource::Keypad, at).await
}

/// True where the number is on the do-not-call list.
pub async fn is_blocked(conn: &mut PgConnection, number: &E164) -> Result<bool> {
    let found = sqlx::query_scalar("select exists (select from do_not_call where number = $1)")
        .bind(number.as_str())
        .fetch_one(conn)
        .await?;
    Ok(found)
}

/// Ends what waits on a number that is wrong or blocked.
pub async fn close_all_blocked(conn: &mut PgConnection, number: &E164, at: DateTime<Utc>) -> Result<()> {
    close_blocked(conn, Which::OnNumber(number.as_str()), at).await.map(drop)
}

/// An entry of the do-not-call list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Blocked {
    /// The number; serialised masked.
    #[serde(serialize_with = "masked")]
    pub number: E164,
    /// Who put it there.
    pub source: DoNotCallSource,
    /// When.
    pub added_at: DateTime<Utc>,
}

fn masked<S: serde::Serializer>(number: &E164, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(&number.masked())
}

/// The do-not-call list, newest first.
pub async fn blocked(conn: &mut PgConnection, limit: i64) -> Result<Vec<Blocked>> {
    let rows: Vec<(String, DoNotCallSource, DateTime<Utc>)> =
        sqlx::query_as("select number, source, added_at from do_not_call order by added_at desc, number limit $1")
            .bind(limit)
            .fetch_all(conn)
            .await?;
    let entry = |(number, source, added_at): (String, _, _)| match E164::from_stored(&number) {
        Ok(number) => Ok(Blocked { number, source, added_at }),
        Err(_) => Err(StoreError::row("do_not_call", "?", "a number is not E.164")),
    };
    rows.into_iter().map(entry).collect()
}

/// Takes a number off the do-not-call list; what had ended because of it stays ended. Says whether it was on it.
pub async fn unblock(conn: &mut PgConnection, number: &E164, at: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query(
        "with gone as (delete from do_not_call where number = $1 returning number, source, added_at)
         insert into do_not_call_removals (number, source, added_at, removed_at) select number, source, added_at, $2 from gone",
    )
    .bind(number.as_str())
    .bind(at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Which follow-ups [`close_blocked`] looks at.
#[derive(Clone, Copy, Debug)]
pub(super) enum Which<'a> {
    /// Those on this number.
    OnNumber(&'a str),
    /// These.
    Ids(&'a [Uuid]),
}

/// The statement of [`close_blocked`]; each selection is a statement of its own, since a prepared one that leaves it open reads the whole table.
macro_rules! close_blocked {
    ($which:literal) => {
        concat!(
            "update follow_ups f
             set state = 'done', closed_at = $2, lease_token = null, lease_node = null, lease_expires_at = null,
                 state_reason = case when p.wrong_at is null then 'number_blocked' else 'number_wrong' end,
                 final_disposition = case when p.wrong_at is null then $3 else $4 end,
                 final_aapor = case when p.wrong_at is null then $5 else $6 end
             from phones p
             where p.id = f.phone_id and f.state in ('waiting', 'retry', 'call_back')
               and (p.wrong_at is not null or exists (select from do_not_call d where d.number = p.number))
               and ",
            $which,
            " returning f.id"
        )
    };
}

/// Ends queued follow-ups whose number is wrong or blocked. A lease on one is taken away.
pub(super) async fn close_blocked(
    conn: &mut PgConnection,
    which: Which<'_>,
    at: DateTime<Utc>,
) -> Result<Vec<FollowUpId>> {
    let statement = match which {
        Which::OnNumber(number) => sqlx::query_scalar(close_blocked!("p.number = $1")).bind(number),
        Which::Ids(ids) => sqlx::query_scalar(close_blocked!("f.id = any($1)")).bind(ids),
    };
    let closed: Vec<Uuid> =
        statement.bind(at).bind(BLOCKED.0).bind(WRONG.0).bind(BLOCKED.1).bind(WRONG.1).fetch_all(conn).await?;
    Ok(closed.into_iter().map(FollowUpId).collect())
}
