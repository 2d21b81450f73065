//! A person's acts on a complaint, in one transaction: the row is locked, the core says what comes of each act, the row, the history, the touches and the
//! draft are written together. Two who act at once act one after the other, and the second is told that something has changed where they asked to be.

use super::complaint_drafts;
use super::state::{Cause, ComplaintState, Level, Nature, RootCause};
use super::tasks::{self, NewTask};
use super::{Result, StoreError};
use crate::complaint::{Act, Actor, Case, Change, Class, Passed, Refused};
use crate::followup::calendar::Span;
use crate::followup::calendar::rule::{Purpose, Role};
use crate::ids::{AdvisorId, ComplaintId, CustomerId, ServiceEventId, TaskId, VehicleId, uuid_v7};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use sqlx::types::Json;
use sqlx::{Connection, PgConnection};
use thiserror::Error;
use uuid::Uuid;

/// Rule key of the touch that asks whether a complaint is settled (`follow_up_tasks`, subject: the complaint, occurrence: its round).
pub const SETTLED: &str = "complaint_settled";

/// What somebody does.
#[derive(Clone, Debug)]
pub struct Doing<'a> {
    /// To which complaint.
    pub complaint: ComplaintId,
    /// Who.
    pub by: &'a Actor,
    /// What, one after the other; all of it or nothing.
    pub acts: &'a [Act],
    /// The revision that they saw; none: whatever it is.
    pub revision: Option<i32>,
    /// The form that is sent with this; its draft goes.
    pub form: Option<&'a str>,
    /// When.
    pub now: DateTime<Utc>,
    /// The dealer's zone, for customers whose own cannot be read.
    pub zone: Tz,
}

/// Why nothing was done.
#[derive(Debug, Error)]
pub enum NotDone {
    /// By the rules.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Somebody else acted meanwhile.
    #[error("the complaint has changed meanwhile")]
    Changed,
    /// There is none.
    #[error("there is no such complaint")]
    Missing,
    /// By the store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for NotDone {
    fn from(error: sqlx::Error) -> NotDone {
        NotDone::Store(error.into())
    }
}

/// Does it all, or nothing. Gives the complaint as it then stands, and its revision. `random` makes ids.
pub async fn work(
    conn: &mut PgConnection,
    doing: &Doing<'_>,
    random: &mut (dyn FnMut() -> [u8; 10] + Send),
) -> std::result::Result<(Case, i32), NotDone> {
    let mut tx = conn.begin().await?;
    let held = hold(&mut tx, doing.complaint).await?.ok_or(NotDone::Missing)?;
    if doing.revision.is_some_and(|seen| seen != held.revision) {
        return Err(NotDone::Changed);
    }
    let zone = held.time_zone.parse().unwrap_or(doing.zone);
    let mut case = held.case.case();
    let at = doing.now;
    for act in doing.acts {
        let change = case.act(doing.by, act, at, zone)?;
        add_step(&mut tx, doing, &change, random()).await?;
        if let Some(span) = change.touch {
            plan_touch(&mut tx, doing, &held, &change.case, span, random()).await?;
        }
        if change.touched {
            let note = &change.entry.note;
            tasks::done_for(&mut tx, SETTLED, doing.complaint.0, &doing.by.name, note, at).await?;
        }
        case = change.case;
    }
    write(&mut tx, doing, held.revision, &case).await?;
    if let Some(form) = doing.form {
        complaint_drafts::sent(&mut tx, doing.complaint, &doing.by.name, form, doing.now).await?;
    }
    tx.commit().await?;
    Ok((case, held.revision + 1))
}

/// The columns of a [`Case`].
#[derive(sqlx::FromRow)]
pub(super) struct CaseRow {
    state: ComplaintState,
    round: i16,
    stage: i16,
    reported_back: bool,
    nature: Option<Nature>,
    cause: Option<Cause>,
    level: Level,
    root_cause: Option<RootCause>,
    owner: Option<String>,
    owner_department: Option<String>,
    passed_to: Option<String>,
    passed_by: Option<String>,
    passed_at: Option<DateTime<Utc>>,
    due_at: DateTime<Utc>,
    contact_due_at: DateTime<Utc>,
    contacted_at: Option<DateTime<Utc>>,
    cooling_off_until: Option<DateTime<Utc>>,
    escalated_to: Option<String>,
    call_back_at: Option<DateTime<Utc>>,
}

/// The columns of [`CaseRow`], of a table or alias `c`.
macro_rules! case_columns {
    () => {
        "c.state, c.round, c.stage, c.reported_back, c.nature, c.cause, c.level, c.root_cause, c.owner, c.owner_department, c.passed_to, c.passed_by, c.passed_at, \
         c.due_at, c.contact_due_at, c.contacted_at, c.cooling_off_until, c.escalated_to, c.call_back_at"
    };
}
pub(super) use case_columns;

impl CaseRow {
    /// The complaint that the row is.
    pub(super) fn case(&self) -> Case {
        let passed = match (&self.passed_to, &self.passed_by, self.passed_at) {
            (Some(department), Some(by), Some(at)) => {
                Some(Passed { department: department.clone(), by: by.clone(), at })
            }
            _ => None,
        };
        Case {
            closed: self.state == ComplaintState::Closed,
            round: u16::try_from(self.round).unwrap_or(1),
            stage: u8::try_from(self.stage).unwrap_or(1),
            reported_back: self.reported_back,
            class: Class { nature: self.nature, cause: self.cause, level: self.level, root_cause: self.root_cause },
            owner: self.owner.clone(),
            department: self.owner_department.clone(),
            passed,
            due_at: self.due_at,
            contact_due_at: self.contact_due_at,
            contacted_at: self.contacted_at,
            cooling_off_until: self.cooling_off_until,
            escalated_to: self.escalated_to.clone(),
            call_back_at: self.call_back_at,
        }
    }
}

#[derive(sqlx::FromRow)]
struct Held {
    #[sqlx(flatten)]
    case: CaseRow,
    revision: i32,
    time_zone: String,
    customer_id: Uuid,
    service_event_id: Uuid,
    vehicle_id: Option<Uuid>,
    advisor_id: Option<Uuid>,
}

async fn hold(conn: &mut PgConnection, id: ComplaintId) -> Result<Option<Held>> {
    let sql = concat!(
        "select ",
        case_columns!(),
        ", c.revision, u.time_zone, c.customer_id, f.service_event_id, e.vehicle_id, e.advisor_id
         from complaints c join customers u on u.id = c.customer_id join follow_ups f on f.id = c.follow_up_id
         join service_events e on e.id = f.service_event_id
         where c.id = $1 for update of c"
    );
    Ok(sqlx::query_as(sql).bind(id.0).fetch_optional(conn).await?)
}

async fn add_step(conn: &mut PgConnection, doing: &Doing<'_>, change: &Change, random: [u8; 10]) -> Result<()> {
    sqlx::query(
        "insert into complaint_steps (id, complaint_id, kind, done_at, person, note, detail) values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(uuid_v7(unix_ms(doing.now), random))
    .bind(doing.complaint.0)
    .bind(change.entry.kind)
    .bind(doing.now)
    .bind(&doing.by.name)
    .bind(&change.entry.note)
    .bind(Json(&change.entry.detail))
    .execute(conn)
    .await?;
    Ok(())
}

async fn plan_touch(
    conn: &mut PgConnection,
    doing: &Doing<'_>,
    held: &Held,
    case: &Case,
    span: Span,
    random: [u8; 10],
) -> Result<()> {
    let touch = NewTask {
        id: TaskId::from_parts(unix_ms(doing.now), random),
        customer: CustomerId(held.customer_id),
        event: Some(ServiceEventId(held.service_event_id)),
        vehicle: held.vehicle_id.map(VehicleId),
        advisor: held.advisor_id.map(AdvisorId),
        rule: SETTLED.to_owned(),
        subject: doing.complaint.0,
        occurrence: case.round.to_string(),
        owner: Role::CareSpecialist,
        purpose: Purpose::Satisfaction,
        due_at: span.due_at,
        deadline: span.deadline,
    };
    tasks::insert(conn, &[touch], doing.now).await.map(|_| ())
}

async fn write(conn: &mut PgConnection, doing: &Doing<'_>, revision: i32, case: &Case) -> Result<()> {
    let state = if case.closed { ComplaintState::Closed } else { ComplaintState::Open };
    let passed = case.passed.as_ref();
    let done = sqlx::query(
        "update complaints set state = $3, closed_at = case when $3 = 'closed' then coalesce(closed_at, $4) end, round = $5, stage = $6, reported_back = $7,
                nature = $8, cause = $9, level = $10, root_cause = $11, owner = $12, owner_department = $13, passed_to = $14, passed_by = $15, passed_at = $16,
                due_at = $17, contacted_at = $18, cooling_off_until = $19, escalated_to = $20, call_back_at = $21, revision = revision + 1
         where id = $1 and revision = $2",
    )
    .bind(doing.complaint.0)
    .bind(revision)
    .bind(state)
    .bind(doing.now)
    .bind(i16::try_from(case.round).unwrap_or(i16::MAX))
    .bind(i16::from(case.stage))
    .bind(case.reported_back)
    .bind(case.class.nature)
    .bind(case.class.cause)
    .bind(case.class.level)
    .bind(case.class.root_cause)
    .bind(&case.owner)
    .bind(&case.department)
    .bind(passed.map(|passed| &passed.department))
    .bind(passed.map(|passed| &passed.by))
    .bind(passed.map(|passed| passed.at))
    .bind(case.due_at)
    .bind(case.contacted_at)
    .bind(case.cooling_off_until)
    .bind(&case.escalated_to)
    .bind(case.call_back_at)
    .execute(conn)
    .await?;
    match done.rows_affected() {
        1 => Ok(()),
        _ => Err(StoreError::row("complaints", doing.complaint, "it was to be locked")),
    }
}

fn unix_ms(at: DateTime<Utc>) -> u64 {
    u64::try_from(at.timestamp_millis()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
