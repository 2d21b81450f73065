//! Counts that rates are made of. This file counts; what a rate is stands in `rates`.

use super::Result;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;

/// What the counts are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Day of the end (of the due time, while open) in the given zone, as `2026-11-18`.
    Day,
    /// Advisor of the event, by name (and staff number where there is one); empty where the event names none.
    Advisor,
    /// Survey key.
    Survey,
}

/// Which follow-ups are counted.
#[derive(Clone, Copy, Debug)]
pub struct Period<'a> {
    /// From this moment on.
    pub from: DateTime<Utc>,
    /// Before this moment.
    pub to: DateTime<Utc>,
    /// Only this survey.
    pub survey: Option<&'a str>,
    /// The zone in which days are reckoned.
    pub zone: chrono_tz::Tz,
}

/// How many follow-ups of one group have one disposition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Count {
    /// The day, advisor or survey.
    pub group: String,
    /// Final disposition; none: not ended yet.
    pub disposition: Option<String>,
    /// Its AAPOR code.
    pub aapor: Option<String>,
    /// How many.
    pub count: i64,
    /// How many of them had an INVITE leave at least once.
    pub attempted: i64,
}

impl Count {
    /// What `rates::Tally::of_ends` takes.
    pub fn end(&self) -> (Option<&str>, Option<&str>, i64) {
        (self.disposition.as_deref(), self.aapor.as_deref(), self.count)
    }
}

/// Counts follow-ups by group and final disposition. A follow-up belongs to the period in which it ended; while it is open, to that of its due time.
pub async fn dispositions(conn: &mut PgConnection, period: &Period<'_>, by: By) -> Result<Vec<Count>> {
    dispositions_of(conn, period, None, by).await
}

/// The same, of one advisor's events, written as [`By::Advisor`] writes them (empty: of those that name none).
pub async fn dispositions_of(
    conn: &mut PgConnection,
    period: &Period<'_>,
    advisor: Option<&str>,
    by: By,
) -> Result<Vec<Count>> {
    let by = match by {
        By::Day => "day",
        By::Advisor => "advisor",
        By::Survey => "survey",
    };
    let rows = sqlx::query_as(
        "select case $1 when 'day' then to_char(coalesce(f.closed_at, f.due_at) at time zone $2, 'YYYY-MM-DD')
                        when 'advisor' then coalesce(a.name || coalesce(' (' || a.staff_number || ')', ''), '')
                        else f.survey_key end as \"group\",
                f.final_disposition as disposition, f.final_aapor as aapor, count(*) as count,
                count(*) filter (where f.attempts_made > 0) as attempted
         from follow_ups f
         join service_events e on e.id = f.service_event_id
         left join advisors a on a.id = e.advisor_id
         where coalesce(f.closed_at, f.due_at) >= $3 and coalesce(f.closed_at, f.due_at) < $4 and ($5::text is null or f.survey_key = $5)
           and ($6::text is null or coalesce(a.name || coalesce(' (' || a.staff_number || ')', ''), '') = $6)
         group by 1, 2, 3 order by 1, 2 nulls last, 3",
    )
    .bind(by)
    .bind(period.zone.name())
    .bind(period.from)
    .bind(period.to)
    .bind(period.survey)
    .bind(advisor)
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Advisors of events that have a follow-up, as [`By::Advisor`] writes them, by name.
pub async fn advisors(conn: &mut PgConnection) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar(
        "select distinct a.name || coalesce(' (' || a.staff_number || ')', '') as written from advisors a
         where exists (select from service_events e join follow_ups f on f.service_event_id = e.id where e.advisor_id = a.id) order by 1",
    )
    .fetch_all(conn)
    .await?)
}

/// What happened to attempts in a period, by disposition; none: still open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct AttemptCount {
    /// Disposition.
    pub disposition: Option<String>,
    /// How many.
    pub count: i64,
}

/// Attempts that left in a period, by disposition.
pub async fn attempts(conn: &mut PgConnection, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Vec<AttemptCount>> {
    let rows = sqlx::query_as(
        "select disposition, count(*) as count from attempts where invite_sent_at >= $1 and invite_sent_at < $2 group by 1 order by 1 nulls last",
    )
    .bind(from)
    .bind(to)
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// The whole store in numbers, for the status page and the demo's summary.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Totals {
    /// Customers.
    pub customers: i64,
    /// Follow-ups.
    pub follow_ups: i64,
    /// INVITEs that left.
    pub attempts: i64,
    /// Attempts that are open now.
    pub live: i64,
    /// Answers.
    pub answers: i64,
    /// Recordings.
    pub recordings: i64,
    /// Complaints.
    pub complaints: i64,
    /// Booked call-backs.
    pub call_backs: i64,
}

/// Counts the tables.
pub async fn totals(conn: &mut PgConnection) -> Result<Totals> {
    let row = sqlx::query_as(
        "select (select count(*) from customers) as customers, (select count(*) from follow_ups) as follow_ups,
                (select count(*) from attempts where invite_sent_at is not null) as attempts,
                (select count(*) from attempts where ended_at is null) as live, (select count(*) from answers) as answers,
                (select count(*) from recordings) as recordings, (select count(*) from complaints) as complaints,
                (select count(*) from call_backs) as call_backs",
    )
    .fetch_one(conn)
    .await?;
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::attempts::{self, AttemptEnd, Next};
    use crate::db::fixture::{self, at};
    use sqlx::PgPool;

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn follow_ups_are_counted_by_group_and_disposition(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        for n in 1..=3 {
            let owed = fixture::owed(&mut conn, n).await;
            if n < 3 {
                let attempt = fixture::begun(&mut conn, "a", owed.follow_up, n, 0).await;
                attempts::mark_sent(&mut conn, attempt, at(0)).await.unwrap();
                let end = AttemptEnd {
                    attempt,
                    ended_at: at(5),
                    sip_status: Some(200),
                    disposition: "complete".to_owned(),
                    aapor: Some("1.1".to_owned()),
                    blame: None,
                    retry_allowed: false,
                    detail: None,
                    next: Next::Done,
                };
                attempts::end(&mut conn, &end).await.unwrap();
            }
        }
        let period = Period { from: at(0), to: at(10), survey: Some(fixture::SURVEY), zone: chrono_tz::Asia::Shanghai };
        let count = |group: &str, disposition: Option<&str>, count, attempted| Count {
            group: group.to_owned(),
            disposition: disposition.map(str::to_owned),
            aapor: disposition.map(|_| "1.1".to_owned()),
            count,
            attempted,
        };
        for (by, group) in [(By::Day, "2026-11-18"), (By::Advisor, "王顾问 (1024)"), (By::Survey, fixture::SURVEY)] {
            let rows = dispositions(&mut conn, &period, by).await.unwrap();
            assert_eq!(rows, [count(group, Some("complete"), 2, 2), count(group, None, 1, 0)], "{by:?}");
        }
        let nothing = Period { from: at(100), to: at(200), ..period };
        assert_eq!(dispositions(&mut conn, &nothing, By::Day).await.unwrap(), []);
        let counts = attempts(&mut conn, at(0), at(10)).await.unwrap();
        assert_eq!(counts, [AttemptCount { disposition: Some("complete".to_owned()), count: 2 }]);
        let totals = totals(&mut conn).await.unwrap();
        assert_eq!((totals.customers, totals.attempts, totals.live), (3, 2, 0));
    }
}
