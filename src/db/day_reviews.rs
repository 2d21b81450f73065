//! `day_reviews`: what a supervisor says of a day's follow-ups (客户回访汇报表). Written once each; the newest of a day stands.

use super::Result;
use crate::ids::UserId;
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// A review about to be written.
#[derive(Clone, Debug)]
pub struct NewReview<'a> {
    /// Its id.
    pub id: Uuid,
    /// Of which day.
    pub day: NaiveDate,
    /// What the day was like.
    pub evaluation: &'a str,
    /// What is to be done, or nothing.
    pub comment: &'a str,
    /// Which user wrote it.
    pub user: Option<UserId>,
    /// What they are called.
    pub person: &'a str,
    /// When.
    pub at: DateTime<Utc>,
}

/// A review.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Review {
    /// What the day was like.
    pub evaluation: String,
    /// What is to be done.
    pub comment: String,
    /// Who wrote it.
    pub person: String,
    /// When.
    pub written_at: DateTime<Utc>,
}

/// Writes one.
pub async fn add(conn: &mut PgConnection, new: &NewReview<'_>) -> Result<()> {
    sqlx::query(
        "insert into day_reviews (id, day, evaluation, comment, user_id, person, written_at) values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(new.id)
    .bind(new.day)
    .bind(new.evaluation)
    .bind(new.comment)
    .bind(new.user.map(|user| user.0))
    .bind(new.person)
    .bind(new.at)
    .execute(conn)
    .await?;
    Ok(())
}

/// The reviews of a day, the one that stands first.
pub async fn of_day(conn: &mut PgConnection, day: NaiveDate) -> Result<Vec<Review>> {
    Ok(sqlx::query_as(
        "select evaluation, comment, person, written_at from day_reviews where day = $1 order by seq desc",
    )
    .bind(day)
    .fetch_all(conn)
    .await?)
}
