//! `surveys` and `survey_versions`: what was published, and never changes (a trigger refuses it).

use super::{Result, StoreError};
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{Connection, PgConnection};

/// A published version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct SurveyVersion {
    /// Key of the survey.
    pub survey_key: String,
    /// 1 is the first.
    pub version: i32,
    /// The survey file as published (TOML).
    pub content: String,
    /// Hex SHA-256 of the content.
    pub content_hash: String,
    /// When.
    pub published_at: DateTime<Utc>,
}

/// What [`publish`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// The version that now is the newest.
    pub version: i32,
    /// False where the newest version had this content already.
    pub new: bool,
}

/// Publishes a survey's text as its next version, unless it is the newest one's text.
pub async fn publish(
    conn: &mut PgConnection,
    key: &str,
    name: &str,
    content: &str,
    now: DateTime<Utc>,
) -> Result<Published> {
    let mut tx = conn.begin().await?;
    sqlx::query("insert into surveys (key, name, created_at) values ($1, $2, $3) on conflict (key) do update set name = excluded.name")
        .bind(key)
        .bind(name)
        .bind(now)
        .execute(&mut *tx)
        .await?;
    // The row of surveys is locked by the statement above: versions of one survey are published one after the other.
    let inserted: Option<i32> = sqlx::query_scalar(
        "with newest as (select version, content_hash from survey_versions where survey_key = $1 order by version desc limit 1),
              hashed as (select encode(sha256(convert_to($2, 'UTF8')), 'hex') as hash)
         insert into survey_versions (survey_key, version, content, content_hash, published_at)
         select $1, coalesce((select version from newest), 0) + 1, $2, hashed.hash, $3 from hashed
         where not exists (select from newest where newest.content_hash = hashed.hash)
         returning version",
    )
    .bind(key)
    .bind(content)
    .bind(now)
    .fetch_optional(&mut *tx)
    .await?;
    let published = match inserted {
        Some(version) => Published { version, new: true },
        None => Published { version: newest_version(&mut tx, key).await?, new: false },
    };
    tx.commit().await?;
    Ok(published)
}

async fn newest_version(conn: &mut PgConnection, key: &str) -> Result<i32> {
    sqlx::query_scalar("select version from survey_versions where survey_key = $1 order by version desc limit 1")
        .bind(key)
        .fetch_optional(conn)
        .await?
        .ok_or_else(|| StoreError::row("survey_versions", key, "nothing is published"))
}

/// One published version, or an error that names it.
pub async fn get(conn: &mut PgConnection, key: &str, version: i32) -> Result<SurveyVersion> {
    sqlx::query_as(
        "select survey_key, version, content, content_hash, published_at from survey_versions where survey_key = $1 and version = $2",
    )
    .bind(key)
    .bind(version)
    .fetch_optional(conn)
    .await?
    .ok_or_else(|| StoreError::row("survey_versions", format!("{key} {version}"), "there is none"))
}

/// Key and newest version of every survey, by key.
pub async fn newest(conn: &mut PgConnection) -> Result<Vec<(String, i32)>> {
    Ok(sqlx::query_as("select survey_key, max(version) from survey_versions group by survey_key order by survey_key")
        .fetch_all(conn)
        .await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::fixture::at;
    use sqlx::PgPool;

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn only_a_new_text_makes_a_version_and_none_ever_changes(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let mut versions = Vec::new();
        for text in ["a = 1", "a = 1", "a = 2", "a = 1"] {
            let done = publish(&mut conn, "prospect", "销售潜客回访", text, at(0)).await.unwrap();
            versions.push((done.version, done.new));
        }
        assert_eq!(versions, [(1, true), (1, false), (2, true), (3, true)]);
        assert_eq!(get(&mut conn, "prospect", 2).await.unwrap().content, "a = 2");
        assert_eq!(newest(&mut conn).await.unwrap(), [("prospect".to_owned(), 3)]);

        let refused =
            sqlx::query("update survey_versions set content = 'a = 9' where version = 1").execute(&mut *conn).await;
        let text = StoreError::from(refused.unwrap_err()).to_string();
        assert!(text.contains("version 1 of prospect is published and never changes"), "{text}");
        assert_eq!(
            get(&mut conn, "prospect", 9).await.unwrap_err().to_string(),
            "survey_versions prospect 9: there is none"
        );
    }

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn two_who_publish_at_once_make_two_versions(pool: PgPool) {
        let one = async {
            publish(&mut pool.acquire().await.unwrap(), "prospect", "p", "a = 1", at(0)).await.unwrap().version
        };
        let two = async {
            publish(&mut pool.acquire().await.unwrap(), "prospect", "p", "a = 2", at(0)).await.unwrap().version
        };
        let (one, two) = tokio::join!(one, two);
        assert_eq!(one + two, 3);
    }
}
