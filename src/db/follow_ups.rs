//! `follow_ups`: one customer owed one call of one kind for one event. Taking them from the queue is `queue`; their whole story is `story`.

use super::state::{FollowUpState, StateReason};
use super::{Result, StoreError};
use crate::ids::{CustomerId, FollowUpId, PhoneId, ServiceEventId};
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

/// A follow-up to be created.
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
    /// With which survey (`aftersales_3day`).
    pub survey: String,
    /// From when on it is owed.
    pub due_at: DateTime<Utc>,
    /// Not dialled from this moment on.
    pub deadline: DateTime<Utc>,
    /// Smaller is earlier; 100 is usual.
    pub priority: i16,
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

/// Creates a follow-up unless this customer has one for this event and survey; says whether it did.
pub async fn add(conn: &mut PgConnection, new: &NewFollowUp, now: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query(
        "insert into follow_ups (id, customer_id, service_event_id, phone_id, survey_key, priority, due_at, next_attempt_at, deadline, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9)
         on conflict on constraint follow_ups_once do nothing",
    )
    .bind(new.id.0)
    .bind(new.customer.0)
    .bind(new.event.0)
    .bind(new.phone.0)
    .bind(&new.survey)
    .bind(new.priority)
    .bind(new.due_at)
    .bind(new.deadline)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// One follow-up, or an error that names it.
pub async fn get(conn: &mut PgConnection, id: FollowUpId) -> Result<FollowUp> {
    sqlx::query_as(
        "select id, customer_id, service_event_id, phone_id, survey_key, survey_version, state, state_reason, priority, due_at, next_attempt_at,
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
    async fn a_customer_owes_one_call_for_one_event(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let one = fixture::owed(&mut conn, 1).await;
        let row = get(&mut conn, one.follow_up).await.unwrap();
        assert_eq!((row.state, row.attempts_made, row.survey_version), (FollowUpState::Waiting, 0, None));

        let again = NewFollowUp {
            id: fixture::id(77),
            customer: one.customer,
            event: row.service_event_id,
            phone: one.phone,
            survey: fixture::SURVEY.to_owned(),
            due_at: fixture::at(0),
            deadline: fixture::at(1),
            priority: 100,
        };
        assert!(!add(&mut conn, &again, fixture::at(0)).await.unwrap());
        let missing = get(&mut conn, again.id).await.unwrap_err();
        assert_eq!(missing.to_string(), format!("follow_ups {}: there is none", again.id));
    }
}
