//! What attempts came to on each trunk: counts for `rates::trunk`, and the causes. One statement each; the periods are of `began_at`.

use super::Result;
use crate::rates::trunk::Counts;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

/// A trunk's counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkCounts {
    /// The trunk's name.
    pub trunk: String,
    /// What was counted.
    pub counts: Counts,
}

#[derive(sqlx::FromRow)]
struct Row {
    trunk: String,
    seizures: i64,
    answered: i64,
    delivered: i64,
    talked_ms: i64,
    rang: i64,
    p50: Option<i64>,
    p95: Option<i64>,
}

/// How often attempts of a period ended so.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, sqlx::FromRow)]
pub struct Cause {
    /// The trunk's name.
    pub trunk: String,
    /// The final SIP status; none where there was none.
    pub sip_status: Option<i16>,
    /// The Q.850 cause of its Reason header, where it had one.
    pub q850: Option<i32>,
    /// The disposition.
    pub disposition: String,
    /// How often.
    pub count: i64,
}

/// Counts by trunk, of attempts that began in the period, whose INVITE left and that are over; trunks by name.
pub async fn counts(conn: &mut PgConnection, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Vec<TrunkCounts>> {
    let rows: Vec<Row> = sqlx::query_as(
        "with calls as (
             select a.trunk, a.answered_at, a.ended_at, a.disposition, ring.ms
             from attempts a
             left join lateral (
                 select min(e.offset_ms) filter (where e.kind = 'ringing' and (e.detail->>'status')::int between 180 and 189)
                      - min(e.offset_ms) filter (where e.kind = 'invite_sent') as ms
                 from attempt_events e where e.attempt_id = a.id and e.kind in ('ringing', 'invite_sent')
             ) ring on true
             where a.began_at >= $1 and a.began_at < $2 and a.invite_sent_at is not null and a.ended_at is not null
         )
         select trunk, count(*) as seizures, count(answered_at) as answered,
                count(*) filter (where answered_at is not null or disposition in ('busy', 'declined', 'no_answer', 'unreachable')) as delivered,
                coalesce((extract(epoch from sum(ended_at - answered_at)) * 1000)::bigint, 0) as talked_ms,
                count(ms) as rang,
                percentile_disc(0.5) within group (order by ms) as p50, percentile_disc(0.95) within group (order by ms) as p95
         from calls group by trunk order by trunk",
    )
    .bind(from)
    .bind(to)
    .fetch_all(conn)
    .await?;
    let count = |value: i64| u64::try_from(value).unwrap_or(0);
    let of = |row: Row| TrunkCounts {
        trunk: row.trunk,
        counts: Counts {
            seizures: count(row.seizures),
            answered: count(row.answered),
            delivered: count(row.delivered),
            talked_ms: count(row.talked_ms),
            rang: count(row.rang),
            pdd_p50_ms: row.p50.map(count),
            pdd_p95_ms: row.p95.map(count),
        },
    };
    Ok(rows.into_iter().map(of).collect())
}

/// What the same attempts ended with, most often first. The Q.850 cause stands in the attempt's sentence, as `call::disposition::of_status` writes it.
pub async fn causes(conn: &mut PgConnection, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Vec<Cause>> {
    Ok(sqlx::query_as(
        r"select trunk, sip_status, substring(detail from 'Q\.850 cause ([0-9]{1,3})')::int as q850, disposition, count(*) as count
         from attempts where began_at >= $1 and began_at < $2 and invite_sent_at is not null and ended_at is not null
         group by 1, 2, 3, 4 order by trunk, count desc, sip_status, q850, disposition",
    )
    .bind(from)
    .bind(to)
    .fetch_all(conn)
    .await?)
}

/// A trunk's last hour and the seven days before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trend {
    /// The trunk's name.
    pub trunk: String,
    /// The last hour.
    pub now: Counts,
    /// The seven days before it.
    pub before: Counts,
}

/// What `rates::trunk::fallen` judges, for each trunk that had a call in the last hour.
pub async fn trends(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<Vec<Trend>> {
    let hour = now - TimeDelta::hours(1);
    let before = counts(conn, hour - TimeDelta::days(7), hour).await?;
    let past = |trunk: &str| before.iter().find(|row| row.trunk == trunk).map(|row| row.counts.clone());
    let present = counts(conn, hour, now).await?;
    Ok(present
        .into_iter()
        .map(|TrunkCounts { trunk, counts }| Trend { before: past(&trunk).unwrap_or_default(), trunk, now: counts })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::disposition::{Reached, of_status};
    use crate::db::attempts::{self, AttemptEnd, Next};
    use crate::db::fixture::{self, at};
    use crate::db::story::{self, Event};
    use serde_json::json;
    use sqlx::PgPool;

    /// One attempt of a customer of their own: rings after `pdd` ms, is answered and talks for `talked` s, ends with this status.
    async fn made(
        conn: &mut PgConnection,
        n: u16,
        pdd: Option<i64>,
        talked: Option<i64>,
        status: u16,
        reason: Option<&str>,
    ) {
        let owed = fixture::owed(conn, n).await;
        let id = fixture::begun(conn, "a", owed.follow_up, n, i64::from(n)).await;
        let began = at(n.into());
        attempts::mark_sent(conn, id, began).await.unwrap();
        let event = |seq, offset_ms, kind: &str, detail| Event { seq, offset_ms, kind: kind.to_owned(), detail };
        let mut events = vec![event(0, 5, "invite_sent", json!({})), event(1, 60, "ringing", json!({ "status": 199 }))];
        if let Some(pdd) = pdd {
            events.push(event(2, 5 + pdd, "ringing", json!({ "status": 183 })));
            events.push(event(3, 900 + pdd, "ringing", json!({ "status": 180 })));
        }
        story::add_events(conn, id, &events).await.unwrap();
        let answer = began + TimeDelta::seconds(10);
        if talked.is_some() {
            attempts::answered(conn, id, answer).await.unwrap();
        }
        let verdict = of_status(status, reason, Reached::Ringing);
        let (disposition, detail) = match talked {
            Some(_) => ("complete".to_owned(), "talked".to_owned()),
            None => (verdict.disposition.to_string(), verdict.detail),
        };
        let end = AttemptEnd {
            attempt: id,
            ended_at: answer + TimeDelta::seconds(talked.unwrap_or(0)),
            sip_status: Some(status),
            disposition,
            aapor: Some("1.1".to_owned()),
            blame: None,
            retry_allowed: false,
            detail: Some(detail),
            next: Next::Done,
        };
        attempts::end(conn, &end).await.unwrap();
    }

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn figures_are_those_counted_by_hand(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        made(&mut conn, 1, Some(1_000), Some(30), 200, None).await;
        made(&mut conn, 2, Some(2_000), Some(91), 200, None).await;
        made(&mut conn, 3, Some(1_500), None, 486, None).await;
        made(&mut conn, 4, None, None, 403, None).await;
        made(&mut conn, 5, None, None, 480, Some("Q.850;cause=17;text=\"busy\"")).await;
        made(&mut conn, 6, None, None, 404, None).await;
        // still ringing, and one that never left: neither counts
        let owed = fixture::owed(&mut conn, 7).await;
        let open = fixture::begun(&mut conn, "a", owed.follow_up, 7, 7).await;
        attempts::mark_sent(&mut conn, open, at(7)).await.unwrap();
        let owed = fixture::owed(&mut conn, 8).await;
        fixture::begun(&mut conn, "a", owed.follow_up, 8, 8).await;

        let counted = counts(&mut conn, at(0), at(60)).await.unwrap();
        let want = Counts {
            seizures: 6,
            answered: 2,
            delivered: 4,
            talked_ms: 121_000,
            rang: 3,
            pdd_p50_ms: Some(1_500),
            pdd_p95_ms: Some(2_000),
        };
        assert_eq!(counted, [TrunkCounts { trunk: "main".to_owned(), counts: want.clone() }]);
        assert_eq!(counts(&mut conn, at(3), at(4)).await.unwrap()[0].counts.seizures, 1, "from on, to excluded");
        assert_eq!(counts(&mut conn, at(100), at(200)).await.unwrap(), []);

        let told = causes(&mut conn, at(0), at(60)).await.unwrap();
        let told: Vec<_> = told.iter().map(|c| (c.sip_status, c.q850, c.disposition.as_str(), c.count)).collect();
        assert_eq!(
            told,
            [
                (Some(200), None, "complete", 2),
                (Some(403), None, "trunk_refused", 1),
                (Some(404), None, "invalid_number", 1),
                (Some(480), Some(17), "busy", 1),
                (Some(486), None, "busy", 1),
            ]
        );
        let trend = trends(&mut conn, at(63)).await.unwrap();
        assert_eq!((trend[0].now.seizures, trend[0].before.seizures), (4, 2), "an hour, and what was before it");
    }
}
