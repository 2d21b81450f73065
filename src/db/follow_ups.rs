//! `follow_ups`: one customer owed one call of one kind for one event. They come from lists (`imports`) and from the planner. Taking them from the queue is `queue`; their whole story is `story`.

use super::state::{FollowUpState, StateReason};
use super::{Result, StoreError};
use crate::ids::{CustomerId, FollowUpId, PhoneId, ServiceEventId, UserId};
use crate::phone::E164;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

/// Every follow-up with the number that it is owed on, oldest first.
pub async fn numbers(conn: &mut PgConnection) -> Result<Vec<(FollowUpId, E164)>> {
    let rows: Vec<(Uuid, String)> =
        sqlx::query_as("select f.id, p.number from follow_ups f join phones p on p.id = f.phone_id order by f.id")
            .fetch_all(conn)
            .await?;
    let number = |(id, number): (Uuid, String)| match E164::from_stored(&number) {
        Ok(number) => Ok((FollowUpId(id), number)),
        Err(_) => Err(StoreError::row("follow_ups", id, "its number is not E.164")),
    };
    rows.into_iter().map(number).collect()
}

/// A follow-up to be.
#[derive(Clone, Debug)]
pub struct NewFollowUp {
    /// Its id.
    pub id: FollowUpId,
    /// Who is called.
    pub customer: CustomerId,
    /// About what.
    pub event: ServiceEventId,
    /// On which number.
    pub phone: PhoneId,
    /// Key of the survey.
    pub survey: String,
    /// From when on.
    pub due_at: DateTime<Utc>,
    /// Until when.
    pub deadline: DateTime<Utc>,
}

/// Inserts follow-ups; one whose customer is owed this survey for this event already is left alone. Returns the new ones.
pub async fn insert(conn: &mut PgConnection, new: &[NewFollowUp], now: DateTime<Utc>) -> Result<Vec<FollowUpId>> {
    let inserted: Vec<Uuid> = sqlx::query_scalar(
        "insert into follow_ups (id, customer_id, service_event_id, phone_id, survey_key, due_at, next_attempt_at, deadline, created_at)
         select t.id, t.customer, t.event, t.phone, t.survey, t.due, t.due, t.deadline, $8
         from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::timestamptz[], $7::timestamptz[])
              t(id, customer, event, phone, survey, due, deadline)
         on conflict on constraint follow_ups_once do nothing
         returning id",
    )
    .bind(new.iter().map(|one| one.id.0).collect::<Vec<_>>())
    .bind(new.iter().map(|one| one.customer.0).collect::<Vec<_>>())
    .bind(new.iter().map(|one| one.event.0).collect::<Vec<_>>())
    .bind(new.iter().map(|one| one.phone.0).collect::<Vec<_>>())
    .bind(new.iter().map(|one| one.survey.as_str()).collect::<Vec<_>>())
    .bind(new.iter().map(|one| one.due_at).collect::<Vec<_>>())
    .bind(new.iter().map(|one| one.deadline).collect::<Vec<_>>())
    .bind(now)
    .fetch_all(conn)
    .await?;
    Ok(inserted.into_iter().map(FollowUpId).collect())
}

/// A follow-up as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, sqlx::FromRow)]
pub struct FollowUp {
    /// Its id.
    #[sqlx(try_from = "Uuid")]
    pub id: FollowUpId,
    /// Who is called.
    #[sqlx(try_from = "Uuid")]
    pub customer_id: CustomerId,
    /// About what.
    #[sqlx(try_from = "Uuid")]
    pub service_event_id: ServiceEventId,
    /// On which number.
    #[sqlx(try_from = "Uuid")]
    pub phone_id: PhoneId,
    /// Key of the survey.
    pub survey_key: String,
    /// Version, pinned when the first attempt begins.
    pub survey_version: Option<i32>,
    /// Where it stands.
    pub state: FollowUpState,
    /// Why, where the state does not say it.
    pub state_reason: Option<StateReason>,
    /// What it waits for, why it was set aside or not reached: a sentence for people.
    pub state_detail: Option<String>,
    /// Smaller is dialled earlier.
    pub priority: i16,
    /// From when on it was owed.
    pub due_at: DateTime<Utc>,
    /// When it may be dialled next.
    pub next_attempt_at: DateTime<Utc>,
    /// Not dialled from this moment on.
    pub deadline: DateTime<Utc>,
    /// INVITEs that left.
    pub attempts_made: i32,
    /// Node that holds the lease.
    pub lease_node: Option<String>,
    /// When the lease ends.
    pub lease_expires_at: Option<DateTime<Utc>>,
    /// The disposition it ended with.
    pub final_disposition: Option<String>,
    /// AAPOR code of that.
    pub final_aapor: Option<String>,
    /// When it ended.
    pub closed_at: Option<DateTime<Utc>>,
}

/// Whether a follow-up concerns somebody who takes calls: it was handed to them, or there is a complaint about it.
pub async fn concerns(conn: &mut PgConnection, id: FollowUpId, user: UserId) -> Result<bool> {
    Ok(sqlx::query_scalar(
        "select exists (select from complaints where follow_up_id = $1)
             or exists (select from transfers t join agents a on a.id = t.agent_id where t.follow_up_id = $1 and a.user_id = $2)",
    )
    .bind(id.0)
    .bind(user.0)
    .fetch_one(conn)
    .await?)
}

/// One follow-up, or an error that names it.
pub async fn get(conn: &mut PgConnection, id: FollowUpId) -> Result<FollowUp> {
    sqlx::query_as(
        "select id, customer_id, service_event_id, phone_id, survey_key, survey_version, state, state_reason, state_detail, priority, due_at, next_attempt_at,
                deadline, attempts_made, lease_node, lease_expires_at, final_disposition, final_aapor, closed_at
         from follow_ups where id = $1",
    )
    .bind(id.0)
    .fetch_optional(conn)
    .await?
    .ok_or_else(|| StoreError::row("follow_ups", id, "there is none"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::fixture;
    use sqlx::PgPool;

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn a_follow_up_is_found_or_named_as_missing(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let owed = fixture::owed(&mut conn, 1).await;
        let row = get(&mut conn, owed.follow_up).await.unwrap();
        assert_eq!((row.state, row.attempts_made, row.survey_version), (FollowUpState::Waiting, 0, None));
        assert_eq!((row.customer_id, row.phone_id), (owed.customer, owed.phone));
        let missing: FollowUpId = fixture::id(77);
        assert_eq!(
            get(&mut conn, missing).await.unwrap_err().to_string(),
            format!("follow_ups {missing}: there is none")
        );
    }
}
