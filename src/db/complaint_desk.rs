//! What the complaint desk reads: lists by what is open, overdue, by cause, level and owner; one complaint with its history. Reads only.
//! Names and numbers come out wrapped (`Pii`, `E164`); who may see them is the page's question.

use super::Result;
use super::complaint_work::{CaseRow, case_columns};
use super::state::{Cause, ComplaintReason, EventKind, Level, Nature, StepKind};
use crate::complaint::Case;
use crate::ids::{AttemptId, ComplaintId, CustomerId, FollowUpId};
use crate::phone::{E164, Pii};
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection, Row};
use std::collections::BTreeMap;

/// Which complaints, by where they stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Open ones. All kinds of open ones come by their deadline.
    #[default]
    Open,
    /// Open ones past their deadline.
    Overdue,
    /// Open ones where nobody has talked to the customer yet.
    Untouched,
    /// Open ones that were passed on and not accepted.
    Passed,
    /// Closed ones, the newest in front.
    Closed,
    /// All, the newest in front.
    All,
}

impl Standing {
    /// All of them, in the order of a page.
    pub const ALL: [Standing; 6] =
        [Standing::Open, Standing::Overdue, Standing::Untouched, Standing::Passed, Standing::Closed, Standing::All];

    /// Its word in addresses and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Standing::Open => "open",
            Standing::Overdue => "overdue",
            Standing::Untouched => "untouched",
            Standing::Passed => "passed",
            Standing::Closed => "closed",
            Standing::All => "all",
        }
    }
}

/// What is asked for. What is none is not asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Where they stand.
    pub standing: Standing,
    /// Cause.
    pub cause: Option<Cause>,
    /// Level.
    pub level: Option<Level>,
    /// Nature.
    pub nature: Option<Nature>,
    /// Name of who is responsible; empty: nobody is.
    pub owner: Option<String>,
    /// Department that has it, or that it was passed on to.
    pub department: Option<String>,
    /// Survey key.
    pub survey: Option<String>,
    /// Whose.
    pub customer: Option<CustomerId>,
    /// Opened at this moment or after.
    pub opened_from: Option<DateTime<Utc>>,
    /// Opened before.
    pub opened_to: Option<DateTime<Utc>>,
}

/// A complaint with what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Its id.
    pub id: ComplaintId,
    /// Where it arose.
    pub follow_up: FollowUpId,
    /// In which call.
    pub attempt: AttemptId,
    /// Who complains.
    pub customer: CustomerId,
    /// Their name.
    pub name: Pii<String>,
    /// Their number.
    pub number: E164,
    /// Their zone, as stored.
    pub time_zone: String,
    /// Licence plate, where known.
    pub plate: Option<Pii<String>>,
    /// Model, where known.
    pub model: Option<String>,
    /// What it is about.
    pub event: EventKind,
    /// The day of that.
    pub event_on: NaiveDate,
    /// Survey key.
    pub survey: String,
    /// The event's advisor.
    pub advisor: Option<String>,
    /// Why.
    pub reason: ComplaintReason,
    /// The question whose answer caused it.
    pub question: Option<String>,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// When it was closed.
    pub closed_at: Option<DateTime<Utc>>,
    /// Where it stands.
    pub case: Case,
    /// Grows with each act.
    pub revision: i32,
}

macro_rules! listed {
    ($rest:literal) => {
        concat!(
            "select ",
            case_columns!(),
            ", c.id, c.follow_up_id, c.attempt_id, c.customer_id, u.name, p.number, u.time_zone, nullif(v.plate, '') as plate, nullif(v.model, '') as model,
             e.kind as event, e.happened_on, f.survey_key, a.name as advisor, c.reason, c.question, c.opened_at, c.closed_at, c.revision
             from complaints c join follow_ups f on f.id = c.follow_up_id join customers u on u.id = c.customer_id join phones p on p.id = f.phone_id
             join service_events e on e.id = f.service_event_id left join vehicles v on v.id = e.vehicle_id left join advisors a on a.id = e.advisor_id ",
            $rest
        )
    };
}

impl FromRow<'_, PgRow> for Complaint {
    fn from_row(row: &PgRow) -> std::result::Result<Complaint, sqlx::Error> {
        let number: String = row.try_get("number")?;
        Ok(Complaint {
            id: ComplaintId(row.try_get("id")?),
            follow_up: FollowUpId(row.try_get("follow_up_id")?),
            attempt: AttemptId(row.try_get("attempt_id")?),
            customer: CustomerId(row.try_get("customer_id")?),
            name: Pii::new(row.try_get("name")?),
            number: E164::from_stored(&number).map_err(|error| sqlx::Error::Decode(error.into()))?,
            time_zone: row.try_get("time_zone")?,
            plate: row.try_get::<Option<String>, _>("plate")?.map(Pii::new),
            model: row.try_get("model")?,
            event: row.try_get("event")?,
            event_on: row.try_get("happened_on")?,
            survey: row.try_get("survey_key")?,
            advisor: row.try_get("advisor")?,
            reason: row.try_get("reason")?,
            question: row.try_get("question")?,
            opened_at: row.try_get("opened_at")?,
            closed_at: row.try_get("closed_at")?,
            case: CaseRow::from_row(row)?.case(),
            revision: row.try_get("revision")?,
        })
    }
}

/// The conditions of a [`Filter`]: parameters 1 to 11.
macro_rules! filtered {
    () => {
        "where ($1 = 'all' or c.state = case $1 when 'closed' then 'closed' else 'open' end)
           and ($1 <> 'untouched' or c.contacted_at is null) and ($1 <> 'passed' or c.passed_to is not null)
           and ($1 <> 'overdue' or c.due_at < $2 or (c.contacted_at is null and c.contact_due_at < $2))
           and ($3::text is null or c.cause = $3) and ($4::text is null or c.level = $4) and ($5::text is null or c.nature = $5)
           and ($6::text is null or coalesce(c.owner, '') = $6) and ($7::text is null or $7 in (c.owner_department, c.passed_to))
           and ($8::text is null or f.survey_key = $8) and ($9::uuid is null or c.customer_id = $9)
           and ($10::timestamptz is null or c.opened_at >= $10) and ($11::timestamptz is null or c.opened_at < $11) "
    };
}

macro_rules! bound {
    ($query:expr, $filter:expr, $now:expr) => {
        $query
            .bind($filter.standing.as_str())
            .bind($now)
            .bind($filter.cause)
            .bind($filter.level)
            .bind($filter.nature)
            .bind(&$filter.owner)
            .bind(&$filter.department)
            .bind(&$filter.survey)
            .bind($filter.customer.map(|id| id.0))
            .bind($filter.opened_from)
            .bind($filter.opened_to)
    };
}

/// `limit` complaints after the first `skip`; open and overdue ones by their deadline, others the newest first.
pub async fn list(
    conn: &mut PgConnection,
    filter: &Filter,
    now: DateTime<Utc>,
    limit: i64,
    skip: i64,
) -> Result<Vec<Complaint>> {
    const SQL: &str = concat!(
        listed!(""),
        filtered!(),
        "order by case when $1 not in ('closed', 'all') then c.due_at end, c.opened_at desc, c.id desc limit $12 offset $13"
    );
    Ok(bound!(sqlx::query_as(SQL), filter, now).bind(limit).bind(skip).fetch_all(conn).await?)
}

/// How many there are.
pub async fn count(conn: &mut PgConnection, filter: &Filter, now: DateTime<Utc>) -> Result<i64> {
    const SQL: &str =
        concat!("select count(*) from complaints c join follow_ups f on f.id = c.follow_up_id ", filtered!());
    Ok(bound!(sqlx::query_scalar(SQL), filter, now).fetch_one(conn).await?)
}

/// One complaint; none where there is no such.
pub async fn get(conn: &mut PgConnection, id: ComplaintId) -> Result<Option<Complaint>> {
    Ok(sqlx::query_as(listed!("where c.id = $1")).bind(id.0).fetch_optional(conn).await?)
}

/// The complaint of a follow-up, if it has one.
pub async fn of_follow_up(conn: &mut PgConnection, id: FollowUpId) -> Result<Option<ComplaintId>> {
    let found: Option<sqlx::types::Uuid> =
        sqlx::query_scalar("select id from complaints where follow_up_id = $1").bind(id.0).fetch_optional(conn).await?;
    Ok(found.map(ComplaintId))
}

/// Open complaints in figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromRow)]
pub struct Summary {
    /// Open.
    pub open: i64,
    /// Past their deadline.
    pub overdue: i64,
    /// Nobody has talked to the customer yet.
    pub untouched: i64,
    /// Serious.
    pub serious: i64,
    /// Nobody is responsible.
    pub unowned: i64,
    /// Passed on and not accepted.
    pub passed: i64,
}

/// Open complaints in figures.
pub async fn summary(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<Summary> {
    Ok(sqlx::query_as(
        "select count(*) as open, count(*) filter (where due_at < $1 or (contacted_at is null and contact_due_at < $1)) as overdue,
                count(*) filter (where contacted_at is null) as untouched, count(*) filter (where level = 'serious') as serious,
                count(*) filter (where owner is null) as unowned, count(*) filter (where passed_to is not null) as passed
         from complaints where state = 'open'",
    )
    .bind(now)
    .fetch_one(conn)
    .await?)
}

/// Complaints opened in a period, by cause and level.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Opened {
    /// The cause; none until somebody has said.
    pub cause: Option<String>,
    /// The level.
    pub level: String,
    /// How many.
    pub count: i64,
    /// How many of them are closed by now.
    pub closed: i64,
    /// How many of them are open past their deadline at `now`.
    pub overdue: i64,
}

/// Counts the complaints opened from `from` on and before `to`.
pub async fn opened(
    conn: &mut PgConnection,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Vec<Opened>> {
    Ok(sqlx::query_as(
        "select cause, level, count(*) as count, count(*) filter (where state = 'closed') as closed,
                count(*) filter (where state = 'open' and (due_at < $3 or (contacted_at is null and contact_due_at < $3))) as overdue
         from complaints where opened_at >= $1 and opened_at < $2 group by 1, 2 order by 3 desc, 1 nulls last, 2",
    )
    .bind(from)
    .bind(to)
    .bind(now)
    .fetch_all(conn)
    .await?)
}

/// Names that were responsible for a complaint, by name.
pub async fn owners(conn: &mut PgConnection) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar("select distinct owner from complaints where owner is not null order by owner limit 200")
        .fetch_all(conn)
        .await?)
}

/// Departments that had a complaint or were to have one, by name.
pub async fn departments(conn: &mut PgConnection) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar(
        "select d from complaints c cross join lateral (values (c.owner_department), (c.passed_to)) as named (d)
         where d is not null group by d order by d limit 200",
    )
    .fetch_all(conn)
    .await?)
}

/// An entry of a complaint's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Of which complaint.
    pub complaint: ComplaintId,
    /// What was done.
    pub kind: StepKind,
    /// When.
    pub done_at: DateTime<Utc>,
    /// Who; none for the engine.
    pub person: Option<String>,
    /// In their words.
    pub note: String,
    /// What was set, by field.
    pub detail: BTreeMap<String, String>,
}

/// The histories of these complaints; each from the first entry to the last.
pub async fn steps(conn: &mut PgConnection, complaints: &[ComplaintId]) -> Result<Vec<Step>> {
    let rows = sqlx::query(
        "select complaint_id, kind, done_at, person, note, detail from complaint_steps where complaint_id = any($1) order by complaint_id, done_at, seq",
    )
    .bind(complaints.iter().map(|id| id.0).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    let step = |row: PgRow| -> std::result::Result<Step, sqlx::Error> {
        Ok(Step {
            complaint: ComplaintId(row.try_get("complaint_id")?),
            kind: row.try_get("kind")?,
            done_at: row.try_get("done_at")?,
            person: row.try_get("person")?,
            note: row.try_get("note")?,
            detail: row.try_get::<Json<_>, _>("detail")?.0,
        })
    };
    Ok(rows.into_iter().map(step).collect::<std::result::Result<_, _>>()?)
}
