//! What the summary of a run reads: where its follow-ups stood at its end, when it began and ended, what failed, what is left, and what waits for a person. Reads only.
//! What the parts are stands in `rates::run`, what a run is in docs/summary.md.

mod needs;

pub use needs::{Review, Undone, review, stuck, undone};

use super::Result;
use super::state::FollowUpState;
use crate::rates::run::{Part, Parts, Stood};
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;

/// When a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// From this moment on.
    pub from: DateTime<Utc>,
    /// Before this moment.
    pub to: DateTime<Utc>,
}

/// Follow-ups of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stand {
    /// By part; together all of them.
    pub parts: Parts,
    /// Of all, those that were called in the run.
    pub tried: u64,
    /// Of those, the ones where a person took a call that had ended by then.
    pub reached: u64,
}

#[derive(sqlx::FromRow)]
struct StandRow {
    closed: bool,
    aapor: Option<String>,
    review: bool,
    attempted: bool,
    disposition: Option<String>,
    count: i64,
    tried: i64,
    reached: i64,
}

/// Where the follow-ups of a run stood at its end; `person`: dispositions of calls that a person took.
pub async fn stand(conn: &mut PgConnection, span: Span, person: &[&str]) -> Result<Stand> {
    let rows: Vec<StandRow> = sqlx::query_as(
        "with called as (
             select follow_up_id as id, coalesce(bool_or(disposition = any($3) and ended_at < $2), false) as reached from attempts
             where began_at >= $1 - interval '1 hour' and began_at < $2 and invite_sent_at >= $1 and invite_sent_at < $2 group by 1
         ), members as (
             select id from follow_ups where closed_at is null and due_at < $2
             union select id from follow_ups where closed_at >= $1 and due_at < $2
             union select id from called
         )
         select f.closed_at is not null and f.closed_at < $2 as closed,
                case when f.closed_at < $2 then f.final_aapor end as aapor,
                f.state = 'needs_review' and not exists (select from attempts l where l.follow_up_id = f.id and l.began_at >= $2) as review,
                last.id is not null as attempted, last.disposition, count(*) as count, count(c.id) as tried, count(*) filter (where c.reached) as reached
         from members m join follow_ups f on f.id = m.id left join called c on c.id = f.id
         left join lateral (
             select t.id, case when t.ended_at < $2 then t.disposition end as disposition from attempts t
             where t.follow_up_id = f.id and t.invite_sent_at < $2 order by t.ordinal desc limit 1
         ) last on f.closed_at is null or f.closed_at >= $2
         group by 1, 2, 3, 4, 5",
    )
    .bind(span.from)
    .bind(span.to)
    .bind(person)
    .fetch_all(conn)
    .await?;
    let mut stand = Stand::default();
    for row in rows {
        let stood = match row.closed {
            true => Stood::Closed { aapor: row.aapor.as_deref() },
            false => Stood::Open { review: row.review, attempt: row.attempted.then_some(row.disposition.as_deref()) },
        };
        stand.parts.add(Part::of(&stood), natural(row.count));
        stand.tried += natural(row.tried);
        stand.reached += natural(row.reached);
    }
    Ok(stand)
}

/// When a run's calls began and ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Times {
    /// First INVITE; none: nothing was dialled.
    pub began_at: Option<DateTime<Utc>>,
    /// End of the last call; none: nothing was dialled, or nothing has ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Calls that go on still.
    pub open: i64,
}

/// Of the attempts that left in the run.
pub async fn times(conn: &mut PgConnection, span: Span) -> Result<Times> {
    Ok(sqlx::query_as(
        "select min(invite_sent_at) as began_at, max(ended_at) as ended_at, count(*) filter (where ended_at is null) as open from attempts
         where began_at >= $1 - interval '1 hour' and began_at < $2 and invite_sent_at >= $1 and invite_sent_at < $2",
    )
    .bind(span.from)
    .bind(span.to)
    .fetch_one(conn)
    .await?)
}

/// How often attempts of the run ended so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Failure {
    /// The disposition.
    pub disposition: String,
    /// The trunk's name.
    pub trunk: String,
    /// The final SIP status; none where there was none.
    pub sip_status: Option<i16>,
    /// The Q.850 cause of its Reason header, where it had one (as `trunk_figures::causes` reads it).
    pub q850: Option<i32>,
    /// How often.
    pub count: i64,
}

/// What ended with one of these dispositions, by trunk and cause, most often first.
pub async fn failures(conn: &mut PgConnection, span: Span, dispositions: &[&str]) -> Result<Vec<Failure>> {
    Ok(sqlx::query_as(
        r"select disposition, trunk, sip_status, substring(detail from 'Q\.850 cause ([0-9]{1,3})')::int as q850, count(*) as count from attempts
         where began_at >= $1 - interval '1 hour' and began_at < $2 and invite_sent_at >= $1 and invite_sent_at < $2
           and ended_at is not null and disposition = any($3)
         group by 1, 2, 3, 4 order by count desc, disposition, trunk, sip_status, q850",
    )
    .bind(span.from)
    .bind(span.to)
    .bind(dispositions)
    .fetch_all(conn)
    .await?)
}

/// Follow-ups of the queue that are to be dialled on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Left {
    /// The day in the dealer's zone, as `2026-11-18`.
    pub day: String,
    /// waiting, retry or call_back.
    pub state: FollowUpState,
    /// How many.
    pub count: i64,
    /// The first of them.
    pub first: DateTime<Utc>,
}

/// What is left at `now`, by the day for which it stands in the queue.
pub async fn left(conn: &mut PgConnection, now: DateTime<Utc>, zone: chrono_tz::Tz) -> Result<Vec<Left>> {
    Ok(sqlx::query_as(
        "select to_char(greatest(next_attempt_at, $1) at time zone $2, 'YYYY-MM-DD') as day, state, count(*) as count, min(greatest(next_attempt_at, $1)) as first
         from follow_ups where state in ('waiting', 'retry', 'call_back') and deadline > $1 group by 1, 2 order by 1, 2",
    )
    .bind(now)
    .bind(zone.name())
    .fetch_all(conn)
    .await?)
}

fn natural(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

#[cfg(test)]
mod tests;
