//! What the registers of the trade are written from: each follow-up of a period with its answers (电话回访登记表), and each touch of a period (客户跟踪表). Reads only;
//! names and numbers come out wrapped.

use super::Result;
use super::customers::{Touch, touches};
use super::state::{ComplaintState, EventKind, FollowUpState};
use crate::ids::{CustomerId, FollowUpId};
use crate::phone::{E164, Pii};
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// A follow-up as a row of the register.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct Entry {
    /// Its id.
    #[sqlx(try_from = "Uuid")]
    pub id: FollowUpId,
    /// The customer.
    #[sqlx(try_from = "String")]
    pub name: Pii<String>,
    /// The number.
    #[sqlx(try_from = "String")]
    pub number: E164,
    /// The car's plate; may be empty.
    #[sqlx(try_from = "String")]
    pub plate: Pii<String>,
    /// Its model; may be empty.
    pub model: String,
    /// What happened.
    pub event: EventKind,
    /// On which day.
    pub event_on: NaiveDate,
    /// The event's advisor.
    pub advisor: Option<String>,
    /// Where the follow-up stands.
    pub state: FollowUpState,
    /// What it ended with.
    pub disposition: Option<String>,
    /// AAPOR code of that.
    pub aapor: Option<String>,
    /// INVITEs that left.
    pub attempts: i32,
    /// When the first of them did.
    pub first_sent_at: Option<DateTime<Utc>>,
    /// When somebody answered the last time.
    pub answered_at: Option<DateTime<Utc>>,
    /// For when a call-back is or was booked the last time.
    pub call_back_at: Option<DateTime<Utc>>,
    /// Recordings of what the customer said that are still there.
    pub recordings: i64,
    /// Its complaint.
    pub complaint: Option<ComplaintState>,
    /// The agents who took the caller over.
    pub agents: String,
    /// When it ended.
    pub closed_at: Option<DateTime<Utc>>,
}

/// An answer of a register.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Given {
    /// Of which follow-up.
    #[sqlx(try_from = "Uuid")]
    pub follow_up: FollowUpId,
    /// To what.
    pub question: String,
    /// What the keys meant.
    pub value: String,
    /// The stored score.
    pub score: Option<i32>,
}

/// Follow-ups of a survey that ended in the period, or are open and were owed in it; `limit` at most, by when that was.
pub async fn entries(
    conn: &mut PgConnection,
    survey: &str,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Entry>> {
    Ok(sqlx::query_as(
        "select f.id, c.name, p.number, coalesce(v.plate, '') as plate, coalesce(v.model, '') as model, e.kind as event, e.happened_on as event_on,
                a.name as advisor, f.state, f.final_disposition as disposition, f.final_aapor as aapor, f.attempts_made as attempts,
                (select min(t.invite_sent_at) from attempts t where t.follow_up_id = f.id) as first_sent_at,
                (select max(t.answered_at) from attempts t where t.follow_up_id = f.id) as answered_at,
                (select max(b.call_at) from call_backs b where b.follow_up_id = f.id) as call_back_at,
                (select count(*) from recordings r where r.follow_up_id = f.id and r.purged_at is null) as recordings,
                (select m.state from complaints m where m.follow_up_id = f.id) as complaint,
                coalesce((select string_agg(distinct g.name, ', ') from transfers t join agents g on g.id = t.agent_id
                          where t.follow_up_id = f.id and t.accepted_at is not null), '') as agents,
                f.closed_at
         from follow_ups f join customers c on c.id = f.customer_id join phones p on p.id = f.phone_id
         join service_events e on e.id = f.service_event_id left join vehicles v on v.id = e.vehicle_id left join advisors a on a.id = e.advisor_id
         where f.survey_key = $1 and coalesce(f.closed_at, f.due_at) >= $2 and coalesce(f.closed_at, f.due_at) < $3
         order by coalesce(f.closed_at, f.due_at), f.id limit $4",
    )
    .bind(survey)
    .bind(from)
    .bind(to)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// The answers of these follow-ups; of a question that was answered again in a later call the last one.
pub async fn answers(conn: &mut PgConnection, follow_ups: &[FollowUpId]) -> Result<Vec<Given>> {
    Ok(sqlx::query_as(
        "select distinct on (follow_up_id, question) follow_up_id as follow_up, question, value, score from answers
         where follow_up_id = any ($1) order by follow_up_id, question, given_at desc, id desc",
    )
    .bind(follow_ups.iter().map(|id| id.0).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?)
}

/// A touch with whom it is or was for.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct Tracked {
    /// Whose.
    #[sqlx(try_from = "Uuid")]
    pub customer: CustomerId,
    /// The customer's name.
    #[sqlx(try_from = "String")]
    pub name: Pii<String>,
    /// Their newest number.
    #[sqlx(try_from = "String")]
    pub number: E164,
    /// Their segment; none counts as ordinary.
    pub segment: Option<String>,
    /// The touch.
    #[sqlx(flatten)]
    pub touch: Touch,
}

/// Touches that were made in the period, or are open and owed in it: customer by customer, each one's in order; `limit` at most.
pub async fn touches(
    conn: &mut PgConnection,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Tracked>> {
    Ok(sqlx::query_as(
        concat!(
            "select x.*, c.name, c.segment, (select p.number from phones p where p.customer_id = c.id order by p.created_at desc, p.id desc limit 1) as number
             from (",
            touches!(
                "coalesce(f.closed_at, f.due_at) >= $1 and coalesce(f.closed_at, f.due_at) < $2",
                "coalesce(t.closed_at, t.due_at) >= $1 and coalesce(t.closed_at, t.due_at) < $2"
            ),
            ") x join customers c on c.id = x.customer
             where exists (select from phones p where p.customer_id = c.id)
             order by c.id, coalesce(x.closed_at, x.due_at), x.id limit $3"
        ),
    )
    .bind(from)
    .bind(to)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}
