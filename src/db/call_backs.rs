//! `call_backs`: the times that customers booked by key. The queue itself goes by `follow_ups.next_attempt_at`, which `attempts::end` sets.

use super::{Result, answers};
use crate::ids::{AttemptId, CallBackId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

/// A booked call-back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewCallBack {
    /// Its id.
    pub id: CallBackId,
    /// The attempt in which it was booked.
    pub attempt: AttemptId,
    /// When the customer wants to be called.
    pub call_at: DateTime<Utc>,
    /// When they said so.
    pub booked_at: DateTime<Utc>,
}

/// Writes a booking; says whether it is new. An attempt's first booking stands.
pub async fn book(conn: &mut PgConnection, new: &NewCallBack) -> Result<bool> {
    let done = sqlx::query(
        "insert into call_backs (id, follow_up_id, attempt_id, call_at, booked_at)
         select $1, a.follow_up_id, a.id, $3, $4 from attempts a where a.id = $2
         on conflict do nothing",
    )
    .bind(new.id.0)
    .bind(new.attempt.0)
    .bind(new.call_at)
    .bind(new.booked_at)
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() == 1 {
        return Ok(true);
    }
    answers::known(conn, new.attempt).await.map(|()| false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::fixture::{self, at, id};
    use sqlx::PgPool;

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn a_booking_is_written_once(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let owed = fixture::owed(&mut conn, 1).await;
        let attempt = fixture::begun(&mut conn, "a", owed.follow_up, 1, 0).await;
        let new = NewCallBack { id: id(1), attempt, call_at: at(120), booked_at: at(2) };
        assert!(book(&mut conn, &new).await.unwrap());
        assert!(!book(&mut conn, &NewCallBack { id: id(2), ..new.clone() }).await.unwrap());
        assert!(book(&mut conn, &NewCallBack { attempt: id(9), ..new }).await.is_err());
    }
}
