//! What nothing but a person mends, as far as the store knows it: follow-ups under review, calls that never end, retention and erasure that do not get done.

use crate::db::Result;
use crate::db::state::StateReason;
use crate::ids::FollowUpId;
use crate::phone::Pii;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

/// A follow-up that was set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Review {
    /// Which.
    #[sqlx(try_from = "Uuid")]
    pub follow_up: FollowUpId,
    /// Who; whoever shows it masks it.
    #[serde(skip)]
    #[sqlx(try_from = "String")]
    pub name: Pii<String>,
    /// Its survey.
    pub survey: String,
    /// Why.
    pub reason: Option<StateReason>,
    /// Why, in a sentence.
    pub detail: Option<String>,
    /// Not from then on.
    pub deadline: DateTime<Utc>,
}

/// Follow-ups under review, those that end first in front, `limit` at most; and how many there are.
pub async fn review(conn: &mut PgConnection, limit: i64) -> Result<(Vec<Review>, i64)> {
    let rows = sqlx::query_as(
        "select f.id as follow_up, c.name, f.survey_key as survey, f.state_reason as reason, f.state_detail as detail, f.deadline
         from follow_ups f join customers c on c.id = f.customer_id
         where f.state = 'needs_review' order by f.deadline, f.id limit $1",
    )
    .bind(limit)
    .fetch_all(&mut *conn)
    .await?;
    let all = sqlx::query_scalar("select count(*) from follow_ups where state = 'needs_review'").fetch_one(conn);
    Ok((rows, all.await?))
}

/// Follow-ups whose call began before a moment and has not ended, the oldest first: no call is so long.
pub async fn stuck(conn: &mut PgConnection, before: DateTime<Utc>) -> Result<Vec<(FollowUpId, DateTime<Utc>)>> {
    let rows: Vec<(Uuid, DateTime<Utc>)> = sqlx::query_as(
        "select follow_up_id, began_at from attempts where ended_at is null and began_at < $1 order by began_at, id",
    )
    .bind(before)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|(id, at)| (FollowUpId(id), at)).collect())
}

/// What should have been removed before a moment and is still there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Undone {
    /// Recordings whose time was over; those that an open complaint holds are left out.
    pub recordings: i64,
    /// Customers whose erasure was asked for.
    pub erasures: i64,
}

/// Counts them.
pub async fn undone(conn: &mut PgConnection, before: DateTime<Utc>) -> Result<Undone> {
    Ok(sqlx::query_as(
        "select (select count(*) from recordings r where r.keep_until < $1 and r.purged_at is null
                   and not exists (select from complaints c where c.follow_up_id = r.follow_up_id and c.state = 'open')) as recordings,
                (select count(*) from customers where erase_asked_at < $1 and erased_at is null) as erasures",
    )
    .bind(before)
    .fetch_one(conn)
    .await?)
}
