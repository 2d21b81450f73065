//! What the queue looks like to people: what comes next and what it waits for, and what tonight's estimate is made from.

use super::Result;
use super::state::{CampaignState, FollowUpState};
use crate::ids::FollowUpId;
use crate::phone::E164;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

/// A follow-up of the queue, in the order in which they are dialled.
#[derive(Clone, Debug, PartialEq, Serialize, sqlx::FromRow)]
pub struct Waiting {
    /// Which.
    #[sqlx(try_from = "Uuid")]
    pub id: FollowUpId,
    /// Its survey.
    pub survey_key: String,
    /// waiting, retry or call_back.
    pub state: FollowUpState,
    /// When it may be dialled next.
    pub next_attempt_at: DateTime<Utc>,
    /// Not from then on.
    pub deadline: DateTime<Utc>,
    /// INVITEs that left.
    pub attempts_made: i32,
    /// What it waits for, where somebody said so.
    pub state_detail: Option<String>,
    /// Node that holds it.
    pub lease_node: Option<String>,
    /// Until when.
    pub lease_expires_at: Option<DateTime<Utc>>,
    /// The state of its campaign; the strictest of its own and that of all.
    pub campaign: Option<CampaignState>,
    /// The number is in a call.
    pub in_call: bool,
    /// The number; serialised masked.
    #[sqlx(try_from = "String")]
    #[serde(serialize_with = "masked")]
    pub number: E164,
    /// The customer's zone.
    pub time_zone: String,
}

fn masked<S: serde::Serializer>(number: &E164, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(&number.masked())
}

/// What is shown of a follow-up of the queue, at `$1`.
macro_rules! waiting {
    ($rest:literal) => {
        concat!(
            "select f.id, f.survey_key, f.state, f.next_attempt_at, f.deadline, f.attempts_made, f.state_detail, f.lease_node, f.lease_expires_at,
                p.number, c.time_zone,
                (select k.state from campaigns k where k.state <> 'running' and (k.survey_key is null or k.survey_key = f.survey_key)
                 order by k.survey_key nulls first limit 1) as campaign,
                exists (select from attempts a where a.number = p.number and a.ended_at is null) as in_call
         from follow_ups f join phones p on p.id = f.phone_id join customers c on c.id = f.customer_id
         where f.deadline > $1 ",
            $rest
        )
    };
}

/// The next `limit` of the queue: what is due in the order of the lease, then what comes after by time.
pub async fn next(conn: &mut PgConnection, now: DateTime<Utc>, limit: i64) -> Result<Vec<Waiting>> {
    Ok(sqlx::query_as(waiting!(
        "and f.state in ('waiting', 'retry', 'call_back')
         order by (f.next_attempt_at > $1), case when f.next_attempt_at <= $1 then f.queue_rank end, f.next_attempt_at, f.id
         limit $2"
    ))
    .bind(now)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// Those of the queue whose deadline comes first, `limit` at most.
pub async fn by_deadline(conn: &mut PgConnection, now: DateTime<Utc>, limit: i64) -> Result<Vec<Waiting>> {
    Ok(sqlx::query_as(waiting!("and f.state in ('waiting', 'retry', 'call_back') order by f.deadline, f.id limit $2"))
        .bind(now)
        .bind(limit)
        .fetch_all(conn)
        .await?)
}

/// Booked call-backs, the next ones first, `limit` at most.
pub async fn booked(conn: &mut PgConnection, now: DateTime<Utc>, limit: i64) -> Result<Vec<Waiting>> {
    Ok(sqlx::query_as(waiting!("and f.state = 'call_back' order by f.next_attempt_at, f.id limit $2"))
        .bind(now)
        .bind(limit)
        .fetch_all(conn)
        .await?)
}

/// Follow-ups of the queue that wait for the same.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Alike {
    /// waiting, retry or call_back.
    pub state: FollowUpState,
    /// The state of their campaign; the strictest of its own and that of all.
    pub campaign: Option<CampaignState>,
    /// They are put off to a later moment.
    pub put_off: bool,
    /// An engine holds them.
    pub leased: bool,
    /// What they wait for, where somebody said so and they are put off.
    pub state_detail: Option<String>,
    /// How many.
    pub count: i64,
    /// The first of them is looked at then.
    pub first: DateTime<Utc>,
}

/// The whole queue by what holds it back, as far as the rows say it.
pub async fn alike(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<Vec<Alike>> {
    Ok(sqlx::query_as(
        "select f.state, k.state as campaign, f.next_attempt_at > $1 as put_off, coalesce(f.lease_expires_at > $1, false) as leased,
                case when f.next_attempt_at > $1 then f.state_detail end as state_detail, count(*) as count, min(f.next_attempt_at) as first
         from follow_ups f
         left join lateral (select k.state from campaigns k where k.state <> 'running' and (k.survey_key is null or k.survey_key = f.survey_key)
                            order by k.survey_key nulls first limit 1) k on true
         where f.state in ('waiting', 'retry', 'call_back') and f.deadline > $1
         group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5",
    )
    .bind(now)
    .fetch_all(conn)
    .await?)
}

/// Attempts that left since a moment, and when the first of them did.
pub async fn dialled_since(conn: &mut PgConnection, since: DateTime<Utc>) -> Result<(i64, Option<DateTime<Utc>>)> {
    Ok(sqlx::query_as("select count(*), min(invite_sent_at) from attempts where began_at >= $1 - interval '1 hour' and invite_sent_at >= $1")
        .bind(since)
        .fetch_one(conn)
        .await?)
}

/// How many of the queue may be dialled before `until` and their deadline, paused campaigns left out.
pub async fn due_before(conn: &mut PgConnection, now: DateTime<Utc>, until: DateTime<Utc>) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "select count(*) from follow_ups f
         where f.state in ('waiting', 'retry', 'call_back') and f.deadline > $1 and f.next_attempt_at < $2
           and not exists (select from campaigns k where k.state <> 'running' and (k.survey_key is null or k.survey_key = f.survey_key))",
    )
    .bind(now)
    .bind(until)
    .fetch_one(conn)
    .await?)
}

/// How long the last attempts took, from their beginning to their end, in seconds; none where there were none.
pub async fn mean_attempt_s(conn: &mut PgConnection, since: DateTime<Utc>) -> Result<Option<f64>> {
    Ok(sqlx::query_scalar(
        "select avg(extract(epoch from ended_at - began_at))::float8 from attempts where began_at >= $1 and ended_at is not null and invite_sent_at is not null",
    )
    .bind(since)
    .fetch_one(conn)
    .await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::controls;
    use crate::db::fixture::{self, at, id};
    use sqlx::PgPool;

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn people_see_what_comes_next_and_why_it_waits(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        for n in 1..=3 {
            fixture::owed(&mut conn, n).await;
        }
        let attempt = fixture::begun(&mut conn, "a", id(2), 2, 0).await;
        crate::db::attempts::mark_sent(&mut conn, attempt, at(0)).await.unwrap();
        let end = crate::db::attempts::tests::end(attempt, crate::db::attempts::Next::Retry { at: at(60) });
        crate::db::attempts::end(&mut conn, &end).await.unwrap();
        let rows = next(&mut conn, at(10), 10).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [id(1), id(3), id(2)]);
        assert_eq!((rows[0].campaign, rows[0].in_call, rows[2].state), (None, false, FollowUpState::Retry));
        assert!(!serde_json::to_string(&rows).unwrap().contains(fixture::number(1).as_str()));
        assert_eq!(due_before(&mut conn, at(10), at(60)).await.unwrap(), 2);
        assert_eq!(mean_attempt_s(&mut conn, at(0)).await.unwrap(), Some(300.0));
        assert_eq!(mean_attempt_s(&mut conn, at(1)).await.unwrap(), None);
        controls::set(&mut conn, None, CampaignState::Paused, at(10)).await.unwrap();
        assert_eq!(next(&mut conn, at(10), 1).await.unwrap()[0].campaign, Some(CampaignState::Paused));
        assert_eq!(due_before(&mut conn, at(10), at(60)).await.unwrap(), 0);
    }
}
