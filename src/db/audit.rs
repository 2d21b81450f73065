//! `audit_log`: who saw or changed what. Rows are added and read, never changed. Names ids and never numbers, names of customers or what somebody said.

use super::Result;
use crate::ids::uuid_v7;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// One entry.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct Entry {
    /// When.
    pub at: DateTime<Utc>,
    /// Which user; none for a token, the command line, the engine, and where nobody needs to sign in.
    #[sqlx(rename = "user_id")]
    pub user: Option<Uuid>,
    /// By which of `api_tokens`.
    #[sqlx(rename = "token_id")]
    pub token: Option<Uuid>,
    /// IP address that it was asked from, where the server knows it.
    pub address: Option<String>,
    /// What was done, as `recording.play`.
    pub action: String,
    /// To what: a kind and an id, or a path.
    pub object: String,
    /// Particulars without personal data.
    pub detail: Value,
}

impl Entry {
    /// What the command line or the engine does by itself: `detail` says which and who.
    pub fn ours(at: DateTime<Utc>, action: &str, object: impl Into<String>, detail: Value) -> Entry {
        Entry { at, user: None, token: None, address: None, action: action.to_owned(), object: object.into(), detail }
    }
}

/// Adds an entry; `random` makes its id.
pub async fn add(conn: &mut PgConnection, entry: &Entry, random: [u8; 10]) -> Result<()> {
    let id = uuid_v7(u64::try_from(entry.at.timestamp_millis()).unwrap_or(0), random);
    sqlx::query("insert into audit_log (id, at, user_id, token_id, address, action, object, detail) values ($1, $2, $3, $4, $5, $6, $7, $8)")
        .bind(id)
        .bind(entry.at)
        .bind(entry.user)
        .bind(entry.token)
        .bind(&entry.address)
        .bind(&entry.action)
        .bind(&entry.object)
        .bind(&entry.detail)
        .execute(conn)
        .await?;
    Ok(())
}

/// Adds an entry unless the same person did the same to the same thing before.
pub async fn add_once(conn: &mut PgConnection, entry: &Entry, random: [u8; 10]) -> Result<()> {
    let known: bool = sqlx::query_scalar(
        "select exists (select from audit_log where user_id is not distinct from $1 and token_id is not distinct from $4 and action = $2 and object = $3)",
    )
    .bind(entry.user)
    .bind(&entry.action)
    .bind(&entry.object)
    .bind(entry.token)
    .fetch_one(&mut *conn)
    .await?;
    if known { Ok(()) } else { add(conn, entry, random).await }
}

/// The newest `limit` entries, last written first.
pub async fn newest(conn: &mut PgConnection, limit: i64) -> Result<Vec<Entry>> {
    Ok(sqlx::query_as(
        "select at, user_id, token_id, address, action, object, detail from audit_log order by seq desc limit $1",
    )
    .bind(limit)
    .fetch_all(conn)
    .await?)
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
            token: None,
            address: None,
            action: action.to_owned(),
            object: "recording:1".to_owned(),
            detail: json!({ "n": minute }),
        };
        for n in 0..3 {
            add(&mut conn, &entry(n, "recording.play"), rand::random()).await.unwrap();
        }
        assert_eq!(newest(&mut conn, 2).await.unwrap(), [entry(2, "recording.play"), entry(1, "recording.play")]);
        add_once(&mut conn, &entry(3, "recording.play"), rand::random()).await.unwrap();
        add_once(&mut conn, &entry(3, "caller.show"), rand::random()).await.unwrap();
        assert_eq!(newest(&mut conn, 9).await.unwrap().len(), 4);
        assert!(add(&mut conn, &entry(4, "No such word"), rand::random()).await.is_err());
    }
}
