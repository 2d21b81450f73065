//! The customer tracking table (客户跟踪表): who a customer is, their cars, and every touch, planned and done. Read only; numbers and names show themselves only when asked.

use super::tasks::Number;
use super::{Result, StoreError};
use crate::ids::CustomerId;
use crate::phone::{E164, Pii};
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// A customer as recorded.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Customer {
    /// Their id.
    #[sqlx(try_from = "Uuid")]
    pub id: CustomerId,
    /// Name.
    #[sqlx(try_from = "String")]
    pub name: Pii<String>,
    /// BCP 47 tag of the prompts.
    pub language: String,
    /// IANA zone.
    pub time_zone: String,
    /// Segment; none counts as ordinary.
    pub segment: Option<String>,
    /// How they came to the dealer.
    pub source: Option<String>,
    /// Where they live.
    pub region: Option<String>,
    /// Who looks after them; empty where nobody is named.
    #[sqlx(try_from = "String")]
    pub owner: Pii<String>,
}

/// A number of a customer.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Phone {
    /// The number.
    pub number: Number,
    /// Somebody else answered there.
    pub wrong: bool,
    /// On the do-not-call list.
    pub blocked: bool,
}

/// A car of a customer.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Vehicle {
    /// Plate; may be empty.
    #[sqlx(try_from = "String")]
    pub plate: Pii<String>,
    /// Model; may be empty.
    pub model: String,
    /// When it was bought.
    pub purchased_on: Option<NaiveDate>,
    /// Last day of the insurance.
    pub insurance_until: Option<NaiveDate>,
    /// By when it must be inspected.
    pub inspection_due: Option<NaiveDate>,
}

/// One touch: a survey's follow-up or a manual task.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Touch {
    /// Its id, of `follow_ups` or of `follow_up_tasks`.
    pub id: Uuid,
    /// `survey` or `task`.
    pub kind: String,
    /// Key of the survey or of the calendar's rule.
    pub key: String,
    /// What the event was (visit, delivery, repair), where there is one.
    pub event: Option<String>,
    /// Its day.
    pub event_on: Option<NaiveDate>,
    /// Role of the owner, of a task.
    pub owner_role: Option<String>,
    /// The state in the store.
    pub state: String,
    /// Final disposition of a survey's follow-up, note of a closed task.
    pub outcome: Option<String>,
    /// INVITEs that left.
    pub attempts: i32,
    /// From when on it is or was owed.
    pub due_at: DateTime<Utc>,
    /// When it is to be made, while it is open.
    pub next_at: Option<DateTime<Utc>>,
    /// When it was closed.
    pub closed_at: Option<DateTime<Utc>>,
    /// By whom, of a task.
    #[sqlx(try_from = "String")]
    pub closed_by: Pii<String>,
}

/// The statement that reads [`Touch`]es, each with its customer (`customer`): which follow-ups (`f`) and which tasks (`t`).
macro_rules! touches {
    ($follow_ups:literal, $tasks:literal) => {
        concat!(
            "select f.customer_id as customer, f.id, 'survey' as kind, f.survey_key as key, e.kind as event, e.happened_on as event_on, null as owner_role,
                    f.state, f.final_disposition as outcome, f.attempts_made as attempts, f.due_at,
                    case when f.closed_at is null then f.next_attempt_at end as next_at, f.closed_at, '' as closed_by
             from follow_ups f join service_events e on e.id = f.service_event_id where ",
            $follow_ups,
            " union all
             select t.customer_id, t.id, 'task', t.rule_key, e.kind, e.happened_on, t.owner_role, t.state, t.note, 0, t.due_at,
                    case when t.closed_at is null then t.due_at end, t.closed_at, coalesce(t.closed_by, '')
             from follow_up_tasks t left join service_events e on e.id = t.service_event_id where ",
            $tasks
        )
    };
}
pub(super) use touches;

/// All that is known of a customer's contacts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    /// Who.
    pub customer: Customer,
    /// Their numbers, the newest first.
    pub phones: Vec<Phone>,
    /// Their cars.
    pub vehicles: Vec<Vehicle>,
    /// Their touches: those closed by when they were, then those open by when they are due.
    pub touches: Vec<Touch>,
}

/// The customers of a number: a household may share one.
pub async fn on_number(conn: &mut PgConnection, number: &E164) -> Result<Vec<CustomerId>> {
    let ids: Vec<Uuid> = sqlx::query_scalar("select customer_id from phones where number = $1 order by created_at, id")
        .bind(number.as_str())
        .fetch_all(conn)
        .await?;
    Ok(ids.into_iter().map(CustomerId).collect())
}

/// The tracking table of one customer, or an error that names them.
pub async fn track(conn: &mut PgConnection, id: CustomerId) -> Result<Track> {
    let customer = sqlx::query_as(
        "select id, name, language, time_zone, segment, source, region, coalesce(owner, '') as owner from customers where id = $1",
    )
    .bind(id.0)
    .fetch_optional(&mut *conn)
    .await?
    .ok_or_else(|| StoreError::row("customers", id, "there is none"))?;
    let phones = sqlx::query_as(
        "select p.number, p.wrong_at is not null as wrong, exists (select from do_not_call d where d.number = p.number) as blocked
         from phones p where p.customer_id = $1 order by p.created_at desc, p.id desc",
    )
    .bind(id.0)
    .fetch_all(&mut *conn)
    .await?;
    let vehicles = sqlx::query_as(
        "select plate, model, purchased_on, insurance_until, inspection_due from vehicles where customer_id = $1 order by created_at, id",
    )
    .bind(id.0)
    .fetch_all(&mut *conn)
    .await?;
    let touches = sqlx::query_as(concat!(
        touches!("f.customer_id = $1", "t.customer_id = $1"),
        " order by closed_at nulls last, next_at, due_at, id"
    ))
    .bind(id.0)
    .fetch_all(conn)
    .await?;
    Ok(Track { customer, phones, vehicles, touches })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::fixture::{self, at};
    use crate::db::queue;
    use sqlx::PgPool;

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn a_track_has_every_touch_in_order_and_shows_nobody(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let owed = fixture::owed(&mut conn, 1).await;
        fixture::owed(&mut conn, 2).await;
        queue::expire_overdue(&mut conn, at(3 * 24 * 60), 1).await.unwrap();
        sqlx::query(
            "insert into follow_up_tasks (id, customer_id, rule_key, subject_id, occurrence, owner_role, purpose, due_at, deadline, created_at)
             select gen_random_uuid(), $1, 'birthday', $1, year::text, 'advisor', 'care', make_timestamptz(year, 5, 1, 0, 0, 0, 'UTC'),
                    make_timestamptz(year, 5, 2, 0, 0, 0, 'UTC'), now() from generate_series(2027, 2028) year",
        )
        .bind(owed.customer.0)
        .execute(&mut *conn)
        .await
        .unwrap();

        assert_eq!(on_number(&mut conn, &fixture::number(1)).await.unwrap(), [owed.customer]);
        assert_eq!(on_number(&mut conn, &fixture::number(9)).await.unwrap(), []);
        let track = track(&mut conn, owed.customer).await.unwrap();
        let touches: Vec<_> =
            track.touches.iter().map(|t| (t.kind.as_str(), t.key.as_str(), t.state.as_str(), t.next_at)).collect();
        let first_of_may = |year: i32| format!("{year}-05-01T00:00:00Z").parse().ok();
        assert_eq!(
            touches,
            [
                ("survey", fixture::SURVEY, "expired", None),
                ("task", "birthday", "open", first_of_may(2027)),
                ("task", "birthday", "open", first_of_may(2028)),
            ]
        );
        assert_eq!((track.phones.len(), track.vehicles.len()), (1, 1));
        let text = format!("{track:?}");
        assert!(
            !text.contains("客户") && !text.contains("苏A") && !text.contains(fixture::number(1).as_str()),
            "{text}"
        );
        let missing: CustomerId = fixture::id(77);
        assert_eq!(
            super::track(&mut conn, missing).await.unwrap_err().to_string(),
            format!("customers {missing}: there is none")
        );
    }
}
