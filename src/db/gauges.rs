//! Figures of the store for `/metrics`: what is open and what is held, at one moment. Counts only.

use super::Result;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Calls and leases at a moment.
#[derive(Clone, Copy, Debug, PartialEq, sqlx::FromRow)]
pub struct Held {
    /// Attempts that are open, of all engines.
    pub open: i64,
    /// Age of the oldest of them, in s; none: there is none.
    pub oldest_s: Option<f64>,
    /// Leases that have run out and were not taken up by anybody yet.
    pub run_out: i64,
    /// Complaints that are open.
    pub complaints: i64,
    /// Messages to others that wait.
    pub messages_waiting: i64,
    /// Messages to others that were given up, or of which nobody knows whether they went out.
    pub messages_failed: i64,
}

/// Reads them.
pub async fn held(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<Held> {
    let row = sqlx::query_as(
        "select (select count(*) from attempts where ended_at is null) as open,
                (select extract(epoch from $1 - min(began_at))::float8 from attempts where ended_at is null) as oldest_s,
                (select count(*) from follow_ups where lease_expires_at <= $1 and lease_token is not null) as run_out,
                (select count(*) from complaints where state = 'open') as complaints,
                (select count(*) from outbox where state in ('waiting', 'sending')) as messages_waiting,
                (select count(*) from outbox where state in ('failed', 'unknown')) as messages_failed",
    )
    .bind(now)
    .fetch_one(conn)
    .await?;
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::fixture::{self, at};
    use sqlx::PgPool;

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn what_is_open_and_what_ran_out_is_counted(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let nothing =
            Held { open: 0, oldest_s: None, run_out: 0, complaints: 0, messages_waiting: 0, messages_failed: 0 };
        assert_eq!(held(&mut conn, at(0)).await.unwrap(), nothing);
        let owed = fixture::owed(&mut conn, 1).await;
        fixture::begun(&mut conn, "a", owed.follow_up, 1, 0).await;
        let held = held(&mut conn, at(2)).await.unwrap();
        assert_eq!(
            held,
            Held { open: 1, oldest_s: Some(120.0), run_out: 1, complaints: 0, messages_waiting: 0, messages_failed: 0 },
            "the lease was for a minute"
        );
    }
}
