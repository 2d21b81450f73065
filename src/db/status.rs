//! What the status API and page read beside `figures`, `queue` and `story`: live calls, today's run, recent complaints, who a follow-up is about.
//! Reads only. Names and numbers come out wrapped (`Pii`, `E164`); who may see them is the page's question.

use super::Result;
use super::state::{ComplaintReason, ComplaintState, EventKind, StepKind};
use crate::ids::{AttemptId, ComplaintId, FollowUpId};
use crate::phone::{E164, Pii};
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

/// An attempt that is open now.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct LiveCall {
    /// Its id.
    #[sqlx(try_from = "Uuid")]
    pub attempt: AttemptId,
    /// The follow-up it is for.
    #[sqlx(try_from = "Uuid")]
    pub follow_up: FollowUpId,
    /// 1 is the follow-up's first.
    pub ordinal: i32,
    /// The number dialled.
    #[sqlx(try_from = "String")]
    pub number: E164,
    /// Name of the trunk.
    pub trunk: String,
    /// Survey key.
    pub survey: String,
    /// When the row was committed.
    pub began_at: DateTime<Utc>,
    /// When the INVITE left.
    pub invite_sent_at: Option<DateTime<Utc>>,
    /// When the callee answered.
    pub answered_at: Option<DateTime<Utc>>,
    /// The question answered or asked last, as far as it has been stored.
    pub last_question: Option<String>,
    /// True where an answer of this call counts as unhappy.
    pub unhappy: bool,
}

/// Open attempts, the longest first, `limit` at most.
pub async fn live_calls(conn: &mut PgConnection, limit: i64) -> Result<Vec<LiveCall>> {
    Ok(sqlx::query_as(
        "select a.id as attempt, a.follow_up_id as follow_up, a.ordinal, a.number, a.trunk, a.survey_key as survey, a.began_at, a.invite_sent_at, a.answered_at,
                coalesce((select e.detail ->> 'question' from attempt_events e where e.attempt_id = a.id and e.kind = 'asked' order by e.seq desc limit 1),
                         (select w.question from answers w where w.attempt_id = a.id order by w.given_at desc, w.id desc limit 1)) as last_question,
                exists (select from answers w where w.attempt_id = a.id and w.unhappy) as unhappy
         from attempts a where a.ended_at is null order by a.began_at, a.id limit $1",
    )
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// How many follow-ups of a run ended with one disposition.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct RunCount {
    /// Final disposition; none: still open.
    pub disposition: Option<String>,
    /// AAPOR code of that.
    pub aapor: Option<String>,
    /// How many.
    pub count: i64,
}

/// The run of a day: follow-ups that ended in `from..to`, and those open ones that were owed before `to`.
pub async fn run(conn: &mut PgConnection, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Vec<RunCount>> {
    Ok(sqlx::query_as(
        "select disposition, aapor, count(*) as count from (
             select final_disposition as disposition, final_aapor as aapor from follow_ups
             where coalesce(closed_at, due_at) >= $1 and coalesce(closed_at, due_at) < $2 and closed_at is not null
             union all
             select null, null from follow_ups where closed_at is null and due_at < $2
         ) as run group by 1, 2 order by 3 desc, 1",
    )
    .bind(from)
    .bind(to)
    .fetch_all(conn)
    .await?)
}

/// A complaint as the page lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecentComplaint {
    /// Its id.
    pub id: ComplaintId,
    /// Where it arose.
    pub follow_up: FollowUpId,
    /// Who complains.
    pub name: Pii<String>,
    /// The car's model, where known.
    pub model: Option<String>,
    /// Survey key.
    pub survey: String,
    /// Why.
    pub reason: ComplaintReason,
    /// The question whose answer caused it.
    pub question: Option<String>,
    /// Where it stands.
    pub state: ComplaintState,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// First contact by a person at the latest.
    pub contact_due_at: DateTime<Utc>,
    /// When it is due.
    pub due_at: DateTime<Utc>,
    /// When a person first talked to the customer.
    pub contacted_at: Option<DateTime<Utc>>,
}

impl RecentComplaint {
    /// Past its deadline, or past the first contact's without one (as `complaint::Case::is_overdue`).
    pub fn is_overdue(&self, now: DateTime<Utc>) -> bool {
        self.due_at < now || (self.contacted_at.is_none() && self.contact_due_at < now)
    }
}

/// The newest open complaints, `limit` at most.
pub async fn open_complaints(conn: &mut PgConnection, limit: i64) -> Result<Vec<RecentComplaint>> {
    let rows = sqlx::query(
        "select c.id, c.follow_up_id as follow_up, u.name, nullif(v.model, '') as model, f.survey_key as survey, c.reason, c.question, c.state, c.opened_at, c.contact_due_at,
                c.due_at, c.contacted_at
         from complaints c join follow_ups f on f.id = c.follow_up_id join customers u on u.id = c.customer_id
         join service_events e on e.id = f.service_event_id left join vehicles v on v.id = e.vehicle_id
         where c.state = 'open' order by c.opened_at desc, c.id desc limit $1",
    )
    .bind(limit)
    .fetch_all(conn)
    .await?;
    let complaint = |row: PgRow| -> std::result::Result<RecentComplaint, sqlx::Error> {
        Ok(RecentComplaint {
            id: ComplaintId(row.try_get("id")?),
            follow_up: FollowUpId(row.try_get("follow_up")?),
            name: Pii::new(row.try_get("name")?),
            model: row.try_get("model")?,
            survey: row.try_get("survey")?,
            reason: row.try_get("reason")?,
            question: row.try_get("question")?,
            state: row.try_get("state")?,
            opened_at: row.try_get("opened_at")?,
            contact_due_at: row.try_get("contact_due_at")?,
            due_at: row.try_get("due_at")?,
            contacted_at: row.try_get("contacted_at")?,
        })
    };
    Ok(rows.into_iter().map(complaint).collect::<std::result::Result<_, _>>()?)
}

/// Who a follow-up is about, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The customer.
    pub name: Pii<String>,
    /// The number to dial.
    pub number: E164,
    /// True where somebody keyed "wrong number".
    pub number_wrong: bool,
    /// BCP 47 tag of the prompts.
    pub language: String,
    /// IANA zone of the customer.
    pub time_zone: String,
    /// Licence plate, where known.
    pub plate: Option<Pii<String>>,
    /// Model, where known.
    pub model: Option<String>,
    /// What it is about.
    pub event: EventKind,
    /// The day of that.
    pub event_on: NaiveDate,
    /// The advisor's name, where known.
    pub advisor: Option<String>,
    /// Name of the survey.
    pub survey_name: String,
}

/// The subject of a follow-up; none where there is no such follow-up.
pub async fn subject(conn: &mut PgConnection, id: FollowUpId) -> Result<Option<Subject>> {
    let row = sqlx::query(
        "select u.name, p.number, p.wrong_at is not null as number_wrong, u.language, u.time_zone, nullif(v.plate, '') as plate,
                nullif(v.model, '') as model, e.kind, e.happened_on, a.name as advisor, s.name as survey_name
         from follow_ups f join customers u on u.id = f.customer_id join phones p on p.id = f.phone_id join surveys s on s.key = f.survey_key
         join service_events e on e.id = f.service_event_id left join vehicles v on v.id = e.vehicle_id left join advisors a on a.id = e.advisor_id
         where f.id = $1",
    )
    .bind(id.0)
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let number: String = row.try_get("number")?;
    Ok(Some(Subject {
        name: Pii::new(row.try_get("name")?),
        number: E164::from_stored(&number).map_err(|error| sqlx::Error::Decode(error.into()))?,
        number_wrong: row.try_get("number_wrong")?,
        language: row.try_get("language")?,
        time_zone: row.try_get("time_zone")?,
        plate: row.try_get::<Option<String>, _>("plate")?.map(Pii::new),
        model: row.try_get("model")?,
        event: row.try_get("kind")?,
        event_on: row.try_get("happened_on")?,
        advisor: row.try_get("advisor")?,
        survey_name: row.try_get("survey_name")?,
    }))
}

/// A step of a complaint.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Step {
    /// Which.
    pub kind: StepKind,
    /// When.
    pub done_at: DateTime<Utc>,
    /// Who; none for the engine.
    pub person: Option<String>,
    /// What.
    pub note: String,
}

/// The steps of a follow-up's complaint, first to last.
pub async fn complaint_steps(conn: &mut PgConnection, id: FollowUpId) -> Result<Vec<Step>> {
    Ok(sqlx::query_as(
        "select s.kind, s.done_at, s.person, s.note from complaint_steps s join complaints c on c.id = s.complaint_id
         where c.follow_up_id = $1 order by s.done_at, s.seq",
    )
    .bind(id.0)
    .fetch_all(conn)
    .await?)
}

/// A booked call-back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Booked {
    /// The attempt in which it was booked.
    #[sqlx(try_from = "Uuid")]
    pub attempt: AttemptId,
    /// For when.
    pub call_at: DateTime<Utc>,
    /// When it was booked.
    pub booked_at: DateTime<Utc>,
}

/// The call-backs that were booked for a follow-up, first to last.
pub async fn call_backs(conn: &mut PgConnection, id: FollowUpId) -> Result<Vec<Booked>> {
    Ok(sqlx::query_as(
        "select attempt_id as attempt, call_at, booked_at from call_backs where follow_up_id = $1 order by booked_at, id",
    )
    .bind(id.0)
    .fetch_all(conn)
    .await?)
}

/// Key and name of each survey, by key.
pub async fn survey_names(conn: &mut PgConnection) -> Result<Vec<(String, String)>> {
    Ok(sqlx::query_as("select key, name from surveys order by key").fetch_all(conn).await?)
}

/// Tables' versions that this binary has and the database has not. Empty: migrated. An error where the database was never migrated at all.
pub async fn missing_migrations(conn: &mut PgConnection) -> Result<Vec<i64>> {
    let applied: Vec<i64> =
        sqlx::query_scalar("select version from _sqlx_migrations where success").fetch_all(conn).await?;
    Ok(super::MIGRATOR.iter().map(|migration| migration.version).filter(|version| !applied.contains(version)).collect())
}

#[cfg(test)]
mod tests;
