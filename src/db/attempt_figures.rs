//! Counts of attempts whose INVITE left, for the figures of `rates::calls`: by hour of the day, by day, and by the question at which people hang up. Reads only.
//!
//! An attempt belongs to the moment at which its INVITE left. It begins before that, never long: the bound on `began_at` is there for the index.

use super::Result;
use crate::rates::calls::{Ended, Question};
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;

/// What the counts are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Hour of the day in the filter's zone, as `09`.
    Hour,
    /// Day in the filter's zone, as `2026-11-18`.
    Day,
}

/// Which attempts are counted.
#[derive(Clone, Copy, Debug)]
pub struct Filter<'a> {
    /// From this moment on.
    pub from: DateTime<Utc>,
    /// Before this moment.
    pub to: DateTime<Utc>,
    /// Only for this survey.
    pub survey: Option<&'a str>,
    /// Only for events of this advisor, written as `figures::By::Advisor` writes them; empty: for those that name none.
    pub advisor: Option<&'a str>,
    /// The zone in which hours and days are reckoned.
    pub zone: chrono_tz::Tz,
}

/// Attempts of one group with one disposition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Count {
    /// The hour or day.
    pub group: String,
    /// Disposition; none: still open.
    pub disposition: Option<String>,
    /// How many.
    pub count: i64,
    /// Of them over and answered.
    pub answered: i64,
    /// From answer to end, all together, in ms.
    pub talked_ms: i64,
}

impl Count {
    /// For `rates::calls`.
    pub fn ended(&self) -> Ended<'_> {
        let natural = |value: i64| u64::try_from(value).unwrap_or(0);
        Ended {
            disposition: self.disposition.as_deref(),
            count: natural(self.count),
            answered: natural(self.answered),
            talked_ms: natural(self.talked_ms),
        }
    }
}

/// Counts attempts by group and disposition.
pub async fn counts(conn: &mut PgConnection, filter: &Filter<'_>, by: By) -> Result<Vec<Count>> {
    let format = match by {
        By::Hour => "HH24",
        By::Day => "YYYY-MM-DD",
    };
    Ok(sqlx::query_as(
        "select to_char(t.invite_sent_at at time zone $1, $2) as \"group\", t.disposition, count(*) as count,
                count(*) filter (where t.answered_at is not null and t.ended_at is not null) as answered,
                coalesce((extract(epoch from sum(t.ended_at - t.answered_at)) * 1000)::bigint, 0) as talked_ms
         from attempts t
         join follow_ups f on f.id = t.follow_up_id
         join service_events e on e.id = f.service_event_id
         left join advisors a on a.id = e.advisor_id
         where t.began_at >= $3 - interval '1 hour' and t.began_at < $4 and t.invite_sent_at >= $3 and t.invite_sent_at < $4
           and ($5::text is null or t.survey_key = $5)
           and ($6::text is null or coalesce(a.name || coalesce(' (' || a.staff_number || ')', ''), '') = $6)
         group by 1, 2 order by 1, 2 nulls last",
    )
    .bind(filter.zone.name())
    .bind(format)
    .bind(filter.from)
    .bind(filter.to)
    .bind(filter.survey)
    .bind(filter.advisor)
    .fetch_all(conn)
    .await?)
}

#[derive(sqlx::FromRow)]
struct Row {
    survey: String,
    question: String,
    asked: i64,
    answered: i64,
    broke_off: i64,
}

/// The questions of each survey in the order of the interview, and in how many calls each was asked, answered, and the last one that was asked before the customer hung up on an
/// interview that was not over. Of answered calls whose timeline is still there.
pub async fn questions(conn: &mut PgConnection, filter: &Filter<'_>) -> Result<Vec<Question>> {
    let rows: Vec<Row> = sqlx::query_as(
        "with calls as (
             select t.id, t.survey_key, t.disposition
             from attempts t
             join follow_ups f on f.id = t.follow_up_id
             join service_events e on e.id = f.service_event_id
             left join advisors a on a.id = e.advisor_id
             where t.began_at >= $1 - interval '1 hour' and t.began_at < $2 and t.invite_sent_at >= $1 and t.invite_sent_at < $2
               and t.answered_at is not null and t.ended_at is not null and t.trimmed_at is null
               and ($3::text is null or t.survey_key = $3)
               and ($4::text is null or coalesce(a.name || coalesce(' (' || a.staff_number || ')', ''), '') = $4)
         ), asked as (
             select c.id, c.survey_key, m.detail ->> 'question' as question, min(m.seq) as first, max(m.seq) as last
             from calls c join attempt_events m on m.attempt_id = c.id and m.kind = 'asked'
             where m.detail ->> 'question' is not null group by 1, 2, 3
         ), ends as (
             select distinct on (s.id) s.id, s.question from asked s join calls c on c.id = s.id
             where c.disposition in ('partial', 'break_off', 'no_input')
               and exists (select from attempt_events m where m.attempt_id = c.id and m.kind = 'remote_ended')
             order by s.id, s.last desc
         )
         select s.survey_key as survey, s.question, count(*) as asked, count(w.id) as answered, count(h.id) as broke_off
         from asked s
         left join answers w on w.attempt_id = s.id and w.question = s.question
         left join ends h on h.id = s.id and h.question = s.question
         group by 1, 2 order by 1, avg(s.first), 2",
    )
    .bind(filter.from)
    .bind(filter.to)
    .bind(filter.survey)
    .bind(filter.advisor)
    .fetch_all(conn)
    .await?;
    let natural = |value: i64| u64::try_from(value).unwrap_or(0);
    let question = |row: Row| Question {
        survey: row.survey,
        question: row.question,
        asked: natural(row.asked),
        answered: natural(row.answered),
        broke_off: natural(row.broke_off),
    };
    Ok(rows.into_iter().map(question).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::answers::{self, NewAnswer};
    use crate::db::attempts::{self, AttemptEnd, Next};
    use crate::db::fixture::{self, SURVEY, at, id};
    use crate::db::story::{self, Event};
    use chrono::TimeDelta;
    use serde_json::json;
    use sqlx::PgPool;

    fn filter() -> Filter<'static> {
        Filter { from: at(0), to: at(24 * 60), survey: None, advisor: None, zone: chrono_tz::Asia::Shanghai }
    }

    /// An attempt at customer `n` that left `minutes` after ten o'clock in Shanghai; asked these questions, all but the last answered; hung up on, or not.
    async fn made(
        conn: &mut PgConnection,
        n: u16,
        minutes: i64,
        disposition: &str,
        asked: &[&str],
        answered: usize,
        hung_up: bool,
    ) {
        let owed = fixture::owed(conn, n).await;
        let attempt = fixture::begun(conn, "a", owed.follow_up, n, minutes).await;
        attempts::mark_sent(conn, attempt, at(minutes)).await.unwrap();
        let mut events = Vec::new();
        let mut note = |kind: &str, detail| {
            let seq = events.len() as i32;
            events.push(Event { seq, offset_ms: i64::from(seq), kind: kind.to_owned(), detail });
        };
        asked.iter().for_each(|question| note("asked", json!({ "question": question })));
        if hung_up {
            note("remote_ended", json!({}));
        }
        story::add_events(conn, attempt, &events).await.unwrap();
        if !asked.is_empty() {
            attempts::answered(conn, attempt, at(minutes)).await.unwrap();
        }
        for (i, question) in (0..).zip(asked.iter().take(answered)) {
            let new = NewAnswer {
                id: id(n * 10 + i),
                attempt,
                question: (*question).to_owned(),
                keys: "1".to_owned(),
                value: "yes".to_owned(),
                score: None,
                unhappy: false,
                given_at: at(minutes),
            };
            answers::add(conn, &new).await.unwrap();
        }
        let end = AttemptEnd {
            attempt,
            ended_at: at(minutes) + TimeDelta::seconds(90),
            sip_status: None,
            disposition: disposition.to_owned(),
            aapor: Some("1.1".to_owned()),
            blame: None,
            retry_allowed: false,
            detail: None,
            next: Next::Done,
        };
        attempts::end(conn, &end).await.unwrap();
    }

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn attempts_are_counted_by_hour_and_day_of_the_zone(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        made(&mut conn, 1, 0, "complete", &["q1"], 1, false).await;
        made(&mut conn, 2, 59, "busy", &[], 0, false).await;
        made(&mut conn, 3, 60, "complete", &["q1"], 1, true).await;
        let rows = counts(&mut conn, &filter(), By::Hour).await.unwrap();
        let told: Vec<_> = rows
            .iter()
            .map(|row| (row.group.as_str(), row.disposition.as_deref(), row.count, row.answered, row.talked_ms))
            .collect();
        assert_eq!(
            told,
            [
                ("10", Some("busy"), 1, 0, 0),
                ("10", Some("complete"), 1, 1, 90_000),
                ("11", Some("complete"), 1, 1, 90_000)
            ]
        );
        let days = counts(&mut conn, &filter(), By::Day).await.unwrap();
        assert!(days.iter().all(|row| row.group == "2026-11-18"));
        assert_eq!(days.iter().map(|row| row.count).sum::<i64>(), 3);
        let later = Filter { from: at(60), ..filter() };
        assert_eq!(counts(&mut conn, &later, By::Hour).await.unwrap().len(), 1, "from on");
        for (survey, advisor, want) in [
            (Some(SURVEY), None, 3),
            (Some("prospect"), None, 0),
            (None, Some("王顾问 (1024)"), 3),
            (None, Some("王顾问"), 0),
            (None, Some(""), 0),
        ] {
            let rows = counts(&mut conn, &Filter { survey, advisor, ..filter() }, By::Day).await.unwrap();
            assert_eq!(rows.iter().map(|row| row.count).sum::<i64>(), want, "{survey:?} {advisor:?}");
        }
    }

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn who_hangs_up_is_counted_at_the_question_asked_last(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        made(&mut conn, 1, 0, "complete", &["identity", "q1", "q2"], 3, true).await; // hung up after the end: no break-off
        made(&mut conn, 2, 1, "partial", &["identity", "q1", "q1", "q2"], 2, true).await; // q1 was asked again
        made(&mut conn, 3, 2, "break_off", &["identity"], 0, true).await;
        made(&mut conn, 4, 3, "partial", &["identity", "q1"], 1, false).await; // cut by us
        made(&mut conn, 5, 4, "no_answer", &[], 0, false).await;
        let told = questions(&mut conn, &filter()).await.unwrap();
        let told: Vec<_> = told.iter().map(|q| (q.question.as_str(), q.asked, q.answered, q.broke_off)).collect();
        assert_eq!(told, [("identity", 4, 3, 1), ("q1", 3, 2, 0), ("q2", 2, 1, 1)]);
        sqlx::query("update attempts set trimmed_at = $1").bind(at(90)).execute(&mut *conn).await.unwrap();
        assert_eq!(questions(&mut conn, &filter()).await.unwrap(), [], "their timelines are gone");
    }
}
