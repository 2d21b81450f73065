//! Who waits for an agent, and the abandoned ledger: how many callers who wanted a person got none in time.
//!
//! One caller is one attempt in which the customer said yes, or had asked for a person; they are abandoned when no agent took the call within the set
//! seconds of that, whatever came later. Who is still within those seconds is not counted yet.

use crate::db::Result;
use crate::ids::{AgentId, AttemptId, FollowUpId, TransferId};
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

/// A caller who waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Waiting {
    /// The try that goes on.
    #[sqlx(try_from = "Uuid")]
    pub transfer: TransferId,
    /// The call.
    #[sqlx(try_from = "Uuid")]
    pub attempt: AttemptId,
    /// Its follow-up.
    #[sqlx(try_from = "Uuid")]
    pub follow_up: FollowUpId,
    /// Its survey.
    pub survey: String,
    /// Which try of the call it is.
    pub ordinal: i32,
    agent: Option<Uuid>,
    /// Since when, over all tries.
    pub since: DateTime<Utc>,
}

impl Waiting {
    /// Who is tried.
    pub fn agent(&self) -> Option<AgentId> {
        self.agent.map(AgentId)
    }
}

/// Callers who want a person and have none yet, longest waiting first.
pub async fn waiting(conn: &mut PgConnection) -> Result<Vec<Waiting>> {
    Ok(sqlx::query_as(
        "select t.id as transfer, t.attempt_id as attempt, t.follow_up_id as follow_up, t.survey_key as survey, t.ordinal, t.agent_id as agent, w.since
         from transfers t
         join lateral (select min(wanted_at) as since from transfers o where o.attempt_id = t.attempt_id) w on w.since is not null
         where t.ended_at is null and t.accepted_at is null
         order by w.since, t.id",
    )
    .fetch_all(conn)
    .await?)
}

/// Callers who wanted a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// How many.
    pub callers: i64,
    /// Of these, who got none in time.
    pub abandoned: i64,
}

impl Share {
    /// True where more than `percent` of at least `min_callers` were abandoned.
    pub fn is_above(self, percent: u32, min_callers: u32) -> bool {
        self.callers >= i64::from(min_callers.max(1)) && self.abandoned * 100 > self.callers * i64::from(percent)
    }
}

/// The ledger of one survey.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Shares {
    /// In the last 24 hours.
    pub day: Share,
    /// In the last 30 days.
    pub month: Share,
}

/// The ledger of a survey at `now`; abandoned is who had no agent within `after_s` seconds.
pub async fn abandoned(conn: &mut PgConnection, survey: &str, now: DateTime<Utc>, after_s: u32) -> Result<Shares> {
    let (callers_day, abandoned_day, callers_month, abandoned_month) = sqlx::query_as(
        "with callers as (
             select min(wanted_at) as wanted, min(accepted_at) as accepted, bool_or(ended_at is null) as open
             from transfers where survey_key = $1 and attempt_id in
                 (select attempt_id from transfers where survey_key = $1 and wanted_at > $2 - interval '30 days' and wanted_at <= $2)
             group by attempt_id
         ), judged as (
             select wanted, accepted is null or accepted > wanted + make_interval(secs => $3) as lost
             from callers where accepted is not null or not open or wanted + make_interval(secs => $3) <= $2
         )
         select count(*) filter (where wanted > $2 - interval '24 hours'), count(*) filter (where lost and wanted > $2 - interval '24 hours'),
                count(*), count(*) filter (where lost)
         from judged",
    )
    .bind(survey)
    .bind(now)
    .bind(f64::from(after_s))
    .fetch_one(conn)
    .await?;
    Ok(Shares {
        day: Share { callers: callers_day, abandoned: abandoned_day },
        month: Share { callers: callers_month, abandoned: abandoned_month },
    })
}
