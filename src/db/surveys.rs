//! `surveys` and `survey_versions`: what was published, and never changes (a trigger refuses it).

use super::{Result, StoreError};
use crate::survey::definition::{Definition, DefinitionErrors};
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{Connection, PgConnection};
use std::sync::Arc;

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

impl SurveyVersion {
    /// What it asks; an error where this huifang cannot read it (an older or newer one published it).
    pub fn definition(&self) -> std::result::Result<Arc<Definition>, DefinitionErrors> {
        Definition::from_toml(&format!("survey {}, version {}", self.survey_key, self.version), &self.content)
    }
}

/// What [`publish`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// The version was published now.
    New,
    /// The newest version has this text already; nothing was changed.
    Known,
    /// Nothing was published: the version is not above this one, the newest, which has another text.
    Taken {
        /// The newest version.
        newest: i32,
    },
}

/// Publishes a survey's text as `version`, which must be above all that are published, unless the newest has this very text.
pub async fn publish(
    conn: &mut PgConnection,
    key: &str,
    name: &str,
    version: i32,
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
    let newest: Option<(i32, bool)> = sqlx::query_as(
        "select version, content_hash = encode(sha256(convert_to($2, 'UTF8')), 'hex') from survey_versions
         where survey_key = $1 order by version desc limit 1",
    )
    .bind(key)
    .bind(content)
    .fetch_optional(&mut *tx)
    .await?;
    match newest {
        Some((_, true)) => return Ok(Published::Known),
        Some((newest, false)) if version <= newest => return Ok(Published::Taken { newest }),
        Some(_) | None => {}
    }
    sqlx::query(
        "insert into survey_versions (survey_key, version, content, content_hash, published_at)
         values ($1, $2, $3, encode(sha256(convert_to($3, 'UTF8')), 'hex'), $4)",
    )
    .bind(key)
    .bind(version)
    .bind(content)
    .bind(now)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(Published::New)
}

/// Publishes a survey's text under the version that it states. Whether it may be is asked before (`survey::standard`).
pub async fn publish_stated(
    conn: &mut PgConnection,
    definition: &Definition,
    text: &str,
    now: DateTime<Utc>,
) -> Result<Published> {
    let Definition { key, version, titles, .. } = definition;
    let name = titles.values().next().unwrap_or(key);
    let too_large = |_| StoreError::row("survey_versions", format!("{key} {version}"), "the version is too large");
    publish(conn, key, name, i32::try_from(*version).map_err(too_large)?, text, now).await
}

/// Publishes a text as the next version; gives the number of the newest.
#[cfg(test)]
pub(crate) async fn publish_next(
    conn: &mut PgConnection,
    key: &str,
    name: &str,
    content: &str,
    now: DateTime<Utc>,
) -> Result<i32> {
    let newest = newest(conn).await?.into_iter().find(|(known, _)| known == key).map_or(0, |(_, version)| version);
    match publish(conn, key, name, newest + 1, content, now).await? {
        Published::New => Ok(newest + 1),
        Published::Known => Ok(newest),
        Published::Taken { newest } => Err(StoreError::row("survey_versions", newest, "somebody was quicker")),
    }
}

/// Every published version, by key and number.
pub async fn all(conn: &mut PgConnection) -> Result<Vec<SurveyVersion>> {
    Ok(sqlx::query_as(
        "select survey_key, version, content, content_hash, published_at from survey_versions order by survey_key, version",
    )
    .fetch_all(conn)
    .await?)
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
        let mut done = Vec::new();
        for (version, text) in [(1, "a = 1"), (1, "a = 1"), (1, "a = 2"), (3, "a = 2"), (2, "a = 3"), (4, "a = 1")] {
            done.push(publish(&mut conn, "prospect", "销售潜客回访", version, text, at(0)).await.unwrap());
        }
        use Published::*;
        assert_eq!(done, [New, Known, Taken { newest: 1 }, New, Taken { newest: 3 }, New]);
        assert_eq!(get(&mut conn, "prospect", 3).await.unwrap().content, "a = 2");
        assert_eq!(newest(&mut conn).await.unwrap(), [("prospect".to_owned(), 4)]);
        let numbers: Vec<i32> = all(&mut conn).await.unwrap().iter().map(|version| version.version).collect();
        assert_eq!(numbers, [1, 3, 4]);

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
    async fn of_two_who_publish_the_same_number_at_once_one_is_told(pool: PgPool) {
        let publish = |text: &'static str| {
            let pool = pool.clone();
            async move { publish(&mut pool.acquire().await.unwrap(), "prospect", "p", 1, text, at(0)).await.unwrap() }
        };
        let (one, two) = tokio::join!(publish("a = 1"), publish("a = 2"));
        let news = [one, two].into_iter().filter(|done| *done == Published::New).count();
        assert_eq!(news, 1, "{one:?} {two:?}");
    }
}
