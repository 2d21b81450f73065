//! `follow_up_tasks`: the touches of the calendar that people make. Planned once each, listed for their owner, closed by a person.

use super::state::TaskState;
use super::{Result, StoreError};
use crate::followup::calendar::rule::{Purpose, Role};
use crate::ids::{AdvisorId, CustomerId, ServiceEventId, TaskId, VehicleId};
use crate::phone::{E164, Pii};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// A task to be.
#[derive(Clone, Debug)]
pub struct NewTask {
    /// Its id.
    pub id: TaskId,
    /// Who is contacted.
    pub customer: CustomerId,
    /// After which event.
    pub event: Option<ServiceEventId>,
    /// About which car.
    pub vehicle: Option<VehicleId>,
    /// The event's advisor.
    pub advisor: Option<AdvisorId>,
    /// Key of the calendar's rule.
    pub rule: String,
    /// What the rule's date belongs to.
    pub subject: Uuid,
    /// Which of the rule's touches for it.
    pub occurrence: String,
    /// Who makes it.
    pub owner: Role,
    /// What for.
    pub purpose: Purpose,
    /// From when on.
    pub due_at: DateTime<Utc>,
    /// After this it is overdue.
    pub deadline: DateTime<Utc>,
}

/// Inserts tasks; those that are planned already (rule, subject, occurrence) are left alone. Returns how many are new.
pub async fn insert(conn: &mut PgConnection, new: &[NewTask], now: DateTime<Utc>) -> Result<u64> {
    let done = sqlx::query(
        "insert into follow_up_tasks (id, customer_id, service_event_id, vehicle_id, advisor_id, rule_key, subject_id, occurrence, owner_role, purpose,
                                      due_at, deadline, created_at)
         select t.*, $13
         from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::uuid[], $8::text[], $9::text[], $10::text[],
                     $11::timestamptz[], $12::timestamptz[]) t
         on conflict on constraint follow_up_tasks_once do nothing",
    )
    .bind(new.iter().map(|task| task.id.0).collect::<Vec<_>>())
    .bind(new.iter().map(|task| task.customer.0).collect::<Vec<_>>())
    .bind(new.iter().map(|task| task.event.map(|id| id.0)).collect::<Vec<_>>())
    .bind(new.iter().map(|task| task.vehicle.map(|id| id.0)).collect::<Vec<_>>())
    .bind(new.iter().map(|task| task.advisor.map(|id| id.0)).collect::<Vec<_>>())
    .bind(new.iter().map(|task| task.rule.as_str()).collect::<Vec<_>>())
    .bind(new.iter().map(|task| task.subject).collect::<Vec<_>>())
    .bind(new.iter().map(|task| task.occurrence.as_str()).collect::<Vec<_>>())
    .bind(new.iter().map(|task| task.owner.as_str()).collect::<Vec<_>>())
    .bind(new.iter().map(|task| task.purpose.as_str()).collect::<Vec<_>>())
    .bind(new.iter().map(|task| task.due_at).collect::<Vec<_>>())
    .bind(new.iter().map(|task| task.deadline).collect::<Vec<_>>())
    .bind(now)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// A task as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Task {
    /// Its id.
    #[sqlx(try_from = "Uuid")]
    pub id: TaskId,
    /// Who is contacted.
    #[sqlx(try_from = "Uuid")]
    pub customer_id: CustomerId,
    /// Key of the calendar's rule.
    pub rule_key: String,
    /// Who makes it.
    #[sqlx(try_from = "String")]
    pub owner_role: Role,
    /// What for.
    #[sqlx(try_from = "String")]
    pub purpose: Purpose,
    /// From when on.
    pub due_at: DateTime<Utc>,
    /// After this it is overdue.
    pub deadline: DateTime<Utc>,
    /// Where it stands.
    pub state: TaskState,
    /// The customer's name.
    #[sqlx(try_from = "String")]
    pub name: Pii<String>,
    /// The number to call, where one is left that may be.
    pub number: Option<Number>,
    /// Their zone, as stored.
    pub time_zone: String,
    /// The car's plate; may be empty.
    #[sqlx(try_from = "String")]
    pub plate: Pii<String>,
    /// Its model; may be empty.
    pub model: String,
    /// The event's advisor, or the customer's own; may be empty.
    #[sqlx(try_from = "String")]
    pub advisor: Pii<String>,
}

/// A number as it comes from the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number(pub E164);

impl sqlx::Type<sqlx::Postgres> for Number {
    fn type_info() -> sqlx::postgres::PgTypeInfo {
        <String as sqlx::Type<sqlx::Postgres>>::type_info()
    }
}

impl<'r> sqlx::Decode<'r, sqlx::Postgres> for Number {
    fn decode(value: sqlx::postgres::PgValueRef<'r>) -> std::result::Result<Number, sqlx::error::BoxDynError> {
        let text = <&str as sqlx::Decode<'r, sqlx::Postgres>>::decode(value)?;
        Ok(Number(E164::from_stored(text)?))
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Only this owner's.
    pub owner: Option<Role>,
    /// Only those that are due before this moment.
    pub until: DateTime<Utc>,
    /// How many at most.
    pub limit: i64,
}

/// The open tasks, those due first in front.
pub async fn open(conn: &mut PgConnection, wanted: &Wanted) -> Result<Vec<Task>> {
    let found = sqlx::query_as(
        "select t.id, t.customer_id, t.rule_key, t.owner_role, t.purpose, t.due_at, t.deadline, t.state, c.name, phone.number, c.time_zone,
                coalesce(v.plate, '') as plate, coalesce(v.model, '') as model, coalesce(a.name, c.owner, '') as advisor
         from follow_up_tasks t
         join customers c on c.id = t.customer_id
         left join lateral (select p.number from phones p where p.customer_id = c.id and p.wrong_at is null
                              and not exists (select from do_not_call d where d.number = p.number)
                            order by p.created_at desc, p.id desc limit 1) phone on true
         left join vehicles v on v.id = t.vehicle_id
         left join advisors a on a.id = t.advisor_id
         where t.state = 'open' and ($1::text is null or t.owner_role = $1) and t.due_at < $2
         order by t.due_at, t.id limit $3",
    )
    .bind(wanted.owner.map(Role::as_str))
    .bind(wanted.until)
    .bind(wanted.limit)
    .fetch_all(conn)
    .await?;
    Ok(found)
}

/// Closes an open task: done or skipped, by whom, with a note.
pub async fn close(
    conn: &mut PgConnection,
    id: TaskId,
    state: TaskState,
    by: Option<&str>,
    note: Option<&str>,
    now: DateTime<Utc>,
) -> Result<()> {
    if state == TaskState::Open {
        return Err(StoreError::row("follow_up_tasks", id, "to be closed it must be done or skipped"));
    }
    let done = sqlx::query(
        "update follow_up_tasks set state = $2, closed_at = $3, closed_by = $4, note = $5 where id = $1 and state = 'open'",
    )
    .bind(id.0)
    .bind(state)
    .bind(now)
    .bind(by)
    .bind(note)
    .execute(conn)
    .await?;
    match done.rows_affected() {
        1 => Ok(()),
        _ => Err(StoreError::row("follow_up_tasks", id, "there is no such open task")),
    }
}

/// Closes as done what is still open of a rule for a subject; says how many there were.
pub async fn done_for(
    conn: &mut PgConnection,
    rule: &str,
    subject: Uuid,
    by: &str,
    note: &str,
    now: DateTime<Utc>,
) -> Result<u64> {
    let done = sqlx::query(
        "update follow_up_tasks set state = 'done', closed_at = $3, closed_by = $4, note = $5
         where rule_key = $1 and subject_id = $2 and state = 'open'",
    )
    .bind(rule)
    .bind(subject)
    .bind(now)
    .bind(by)
    .bind(note)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
