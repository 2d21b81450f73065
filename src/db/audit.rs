//! `audit_log`: who saw or changed what. Rows are added and read, never changed. Names ids and never numbers, names of customers or what somebody said.

use super::Result;
use crate::ids::{UserId, uuid_v7};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

/// One entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When.
    pub at: DateTime<Utc>,
    /// Who; none for the API's token, and where nobody needs to sign in.
    pub user: Option<UserId>,
    /// What was done, as `recording.play`.
    pub action: String,
    /// To what: a kind and an id, or a path.
    pub object: String,
    /// Particulars without personal data.
    pub detail: Value,
}

/// Adds an entry; `random` makes its id.
pub async fn add(conn: &mut PgConnection, entry: &Entry, random: [u8; 10]) -> Result<()> {
    let id = uuid_v7(u64::try_from(entry.at.timestamp_millis()).unwrap_or(0), random);
    sqlx::query("insert into audit_log (id, at, user_id, action, object, detail) values ($1, $2, $3, $4, $5, $6)")
        .bind(id)
        .bind(entry.at)
        .bind(entry.user.map(|user| user.0))
        .bind(&entry.action)
        .bind(&entry.object)
        .bind(&entry.detail)
        .execute(conn)
        .await?;
    Ok(())
}

/// The newest `limit` entries, newest first.
pub async fn newest(conn: &mut PgConnection, limit: i64) -> Result<Vec<Entry>> {
    let rows: Vec<(DateTime<Utc>, Option<uuid::Uuid>, String, String, Value)> =
        sqlx::query_as("select at, user_id, action, object, detail from audit_log order by at desc, id desc limit $1")
            .bind(limit)
            .fetch_all(conn)
            .await?;
    let entry =
        |(at, user, action, object, detail)| Entry { at, user: Option::map(user, UserId), action, object, detail };
    Ok(rows.into_iter().map(entry).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::fixture::at;
    use serde_json::json;
    use sqlx::PgPool;

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn what_was_done_is_read_back_newest_first(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let entry = |minute, action: &str| Entry {
            at: at(minute),
            user: None,
            action: action.to_owned(),
            object: "recording:1".to_owned(),
            detail: json!({ "n": minute }),
        };
        for n in 0..3 {
            add(&mut conn, &entry(n, "recording.play"), rand::random()).await.unwrap();
        }
        assert_eq!(newest(&mut conn, 2).await.unwrap(), [entry(2, "recording.play"), entry(1, "recording.play")]);
        assert!(add(&mut conn, &entry(4, "No such word"), rand::random()).await.is_err());
    }
}
