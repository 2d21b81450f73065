//! `idempotency_keys`: writes that were asked under a key of the caller's, and what was answered. The row comes before the write: a second request finds it.

use super::Result;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Its media type.
    pub content_type: Option<String>,
    /// Its body.
    pub body: Vec<u8>,
}

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing: it is this request's now.
    New,
    /// It came with another request.
    Another,
    /// The write runs, or was cut off, since then.
    Begun(DateTime<Utc>),
    /// It was answered.
    Answered(Answer),
}

/// Takes a key for a request, or says what is known of it.
pub async fn begin(
    conn: &mut PgConnection,
    caller: &str,
    key: &str,
    fingerprint: &[u8],
    now: DateTime<Utc>,
) -> Result<Known> {
    let new = sqlx::query(
        "insert into idempotency_keys (caller, key, fingerprint, began_at) values ($1, $2, $3, $4) on conflict do nothing",
    )
    .bind(caller)
    .bind(key)
    .bind(fingerprint)
    .bind(now)
    .execute(&mut *conn)
    .await?;
    if new.rows_affected() == 1 {
        return Ok(Known::New);
    }
    type Row = (bool, DateTime<Utc>, Option<i16>, Option<String>, Option<Vec<u8>>);
    let row: Option<Row> = sqlx::query_as(
        "select fingerprint = $3, began_at, status, content_type, body from idempotency_keys where caller = $1 and key = $2",
    )
    .bind(caller)
    .bind(key)
    .bind(fingerprint)
    .fetch_optional(conn)
    .await?;
    Ok(match row {
        // the other one has just failed and given it back
        None => Known::Begun(now),
        Some((false, ..)) => Known::Another,
        Some((true, _, Some(status), content_type, Some(body))) => {
            Known::Answered(Answer { status: status.unsigned_abs(), content_type, body })
        }
        Some((true, began_at, ..)) => Known::Begun(began_at),
    })
}

/// Keeps what was answered.
pub async fn end(conn: &mut PgConnection, caller: &str, key: &str, answer: &Answer, now: DateTime<Utc>) -> Result<()> {
    sqlx::query(
        "update idempotency_keys set ended_at = $3, status = $4, content_type = $5, body = $6 where caller = $1 and key = $2 and ended_at is null",
    )
    .bind(caller)
    .bind(key)
    .bind(now)
    .bind(i16::try_from(answer.status).unwrap_or(i16::MAX))
    .bind(&answer.content_type)
    .bind(&answer.body)
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives a key back whose request was not worked on: the same may be tried again.
pub async fn give_back(conn: &mut PgConnection, caller: &str, key: &str) -> Result<()> {
    sqlx::query("delete from idempotency_keys where caller = $1 and key = $2 and ended_at is null")
        .bind(caller)
        .bind(key)
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets keys that were taken before a moment, `limit` at most. Returns how many.
pub async fn sweep(conn: &mut PgConnection, before: DateTime<Utc>, limit: i64) -> Result<u64> {
    let done = sqlx::query(
        "delete from idempotency_keys where (caller, key) in (select caller, key from idempotency_keys where began_at < $1 limit $2)",
    )
    .bind(before)
    .bind(limit)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::fixture::at;
    use sqlx::PgPool;

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn a_key_is_one_requests(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let answer = Answer { status: 200, content_type: None, body: b"{}".to_vec() };
        assert_eq!(begin(&mut conn, "a", "k", b"1", at(0)).await.unwrap(), Known::New);
        assert_eq!(begin(&mut conn, "a", "k", b"1", at(1)).await.unwrap(), Known::Begun(at(0)));
        assert_eq!(begin(&mut conn, "a", "k", b"2", at(1)).await.unwrap(), Known::Another);
        assert_eq!(begin(&mut conn, "b", "k", b"2", at(1)).await.unwrap(), Known::New, "another caller's");
        end(&mut conn, "a", "k", &answer, at(2)).await.unwrap();
        give_back(&mut conn, "a", "k").await.unwrap();
        assert_eq!(begin(&mut conn, "a", "k", b"1", at(3)).await.unwrap(), Known::Answered(answer));
        give_back(&mut conn, "b", "k").await.unwrap();
        assert_eq!(begin(&mut conn, "b", "k", b"3", at(3)).await.unwrap(), Known::New);
        assert_eq!(sweep(&mut conn, at(1), 10).await.unwrap(), 1);
        assert_eq!(begin(&mut conn, "a", "k", b"9", at(4)).await.unwrap(), Known::New);
    }
}
