//! Counts of scored answers, for figures of satisfaction (`rates::score` says what is made of them), and the single calls behind a figure.
//!
//! Every answer with a score counts, whether or not the interview was completed: it is an opinion that somebody gave. Of a question that was answered again in a later
//! call of the same follow-up only the last answer counts. An answer belongs to the moment at which it was given.

use super::Result;
use crate::ids::{AttemptId, FollowUpId};
use crate::phone::Pii;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

/// What the counts are grouped by, beside survey and question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Nothing.
    Total,
    /// Advisor of the event, by name (and staff number where there is one); empty where the event names none.
    Advisor,
    /// Model of the car; empty where the event names none.
    Model,
    /// Day in the zone of the filter, as `2026-11-18`.
    Day,
    /// Week, by its Monday.
    Week,
    /// Month, by its first day.
    Month,
}

impl By {
    fn word(self) -> &'static str {
        match self {
            By::Total => "total",
            By::Advisor => "advisor",
            By::Model => "model",
            By::Day => "day",
            By::Week => "week",
            By::Month => "month",
        }
    }
}

/// Which answers are counted.
#[derive(Clone, Copy, Debug)]
pub struct Filter<'a> {
    /// Given from this moment on.
    pub from: DateTime<Utc>,
    /// Given before this moment.
    pub to: DateTime<Utc>,
    /// Only of this survey.
    pub survey: Option<&'a str>,
    /// Only of events of this advisor, written as [`By::Advisor`] writes them; empty: of those that name none.
    pub advisor: Option<&'a str>,
    /// Only of events with a car of this model; empty: of those that name none.
    pub model: Option<&'a str>,
    /// The zone in which days are reckoned.
    pub zone: chrono_tz::Tz,
}

/// How often one score was given.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Count {
    /// Survey key.
    pub survey: String,
    /// Name of the question.
    pub question: String,
    /// The advisor, model, day, week or month; empty for [`By::Total`].
    pub group: String,
    /// The score.
    pub score: i32,
    /// How often.
    pub count: i64,
}

/// One call behind a figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Call {
    /// The follow-up, whose page tells everything.
    #[sqlx(try_from = "Uuid")]
    pub follow_up: FollowUpId,
    /// The attempt in which the answer was given.
    #[sqlx(try_from = "Uuid")]
    pub attempt: AttemptId,
    /// The customer's name.
    #[serde(skip)]
    #[sqlx(try_from = "String")]
    pub name: Pii<String>,
    /// The car's model, where the event has one.
    pub model: Option<String>,
    /// The advisor's name, where the event has one.
    pub advisor: Option<String>,
    /// The answer's meaning.
    pub value: String,
    /// The answer's score.
    pub score: i32,
    /// It made the customer count as unhappy.
    pub unhappy: bool,
    /// When it was given.
    pub given_at: DateTime<Utc>,
    /// Recordings of the follow-up that are still kept.
    pub recordings: i64,
}

/// Answers that count, with what they are grouped and filtered by. `$1` to `$6` are a filter's.
macro_rules! answers {
    ($columns:literal, $rest:literal) => {
        concat!(
            "select ",
            $columns,
            " from answers w
             join follow_ups f on f.id = w.follow_up_id
             join service_events e on e.id = f.service_event_id
             left join advisors a on a.id = e.advisor_id
             left join vehicles v on v.id = e.vehicle_id
             join customers c on c.id = f.customer_id
             where w.score is not null and w.given_at >= $1 and w.given_at < $2 and ($3::text is null or w.survey_key = $3)
               and ($4::text is null or coalesce(a.name || coalesce(' (' || a.staff_number || ')', ''), '') = $4)
               and ($5::text is null or coalesce(v.model, '') = $5)
               and not exists (select from answers later where later.follow_up_id = w.follow_up_id and later.question = w.question
                               and (later.given_at, later.id) > (w.given_at, w.id)) ",
            $rest
        )
    };
}

/// Counts scores by survey, question and group.
pub async fn counts(conn: &mut PgConnection, filter: &Filter<'_>, by: By) -> Result<Vec<Count>> {
    let rows = sqlx::query_as(answers!(
        "w.survey_key as survey, w.question,
         case $6 when 'advisor' then coalesce(a.name || coalesce(' (' || a.staff_number || ')', ''), '')
                 when 'model' then coalesce(v.model, '')
                 when 'total' then ''
                 else to_char(date_trunc($6, w.given_at at time zone $7), 'YYYY-MM-DD') end as \"group\",
         w.score, count(*) as count",
        "group by 1, 2, 3, 4 order by 1, 2, 3, 4"
    ))
    .bind(filter.from)
    .bind(filter.to)
    .bind(filter.survey)
    .bind(filter.advisor)
    .bind(filter.model)
    .bind(by.word())
    .bind(filter.zone.name())
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Calls in which a question was answered, the lowest scores first (the highest where `falling`: a scale on which low is good), the newest of them first.
pub async fn calls(
    conn: &mut PgConnection,
    filter: &Filter<'_>,
    question: &str,
    falling: bool,
    limit: i64,
    skip: i64,
) -> Result<Vec<Call>> {
    let rows = sqlx::query_as(answers!(
        "f.id as follow_up, w.attempt_id as attempt, c.name, nullif(v.model, '') as model, a.name as advisor, w.value, w.score, w.unhappy, w.given_at,
         (select count(*) from recordings r where r.follow_up_id = f.id and r.purged_at is null) as recordings",
        "and w.question = $6 order by case when $7 then -w.score else w.score end, w.given_at desc, w.id limit $8 offset $9"
    ))
    .bind(filter.from)
    .bind(filter.to)
    .bind(filter.survey)
    .bind(filter.advisor)
    .bind(filter.model)
    .bind(question)
    .bind(falling)
    .bind(limit)
    .bind(skip)
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// What can be chosen in a period: advisors and models of which there are scored answers, the filter's own choice of them left aside.
pub async fn choices(conn: &mut PgConnection, filter: &Filter<'_>) -> Result<(Vec<String>, Vec<String>)> {
    let wide = Filter { advisor: None, model: None, ..*filter };
    let mut named = Vec::new();
    for by in [By::Advisor, By::Model] {
        let mut groups: Vec<String> = counts(conn, &wide, by).await?.into_iter().map(|count| count.group).collect();
        groups.sort();
        groups.dedup();
        groups.retain(|group| !group.is_empty());
        named.push(groups);
    }
    let models = named.pop().unwrap_or_default();
    Ok((named.pop().unwrap_or_default(), models))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::answers::{self, NewAnswer};
    use crate::db::attempts::{self, AttemptEnd, Next};
    use crate::db::fixture::{self, at, id};
    use chrono::TimeDelta;
    use chrono_tz::Asia::Shanghai;
    use sqlx::PgPool;

    fn all<'a>() -> Filter<'a> {
        let (from, to) = (at(-10_000), at(1_000_000));
        Filter { from, to, survey: None, advisor: None, model: None, zone: Shanghai }
    }

    /// An attempt at a follow-up in which these scores are given at `at(minutes)`.
    async fn given(conn: &mut PgConnection, owed: &fixture::Owed, n: u16, minutes: i64, scores: &[(&str, i32)]) {
        let attempt = fixture::begun(conn, "a", owed.follow_up, n, minutes).await;
        for (place, (question, score)) in (0..).zip(scores) {
            let new = NewAnswer {
                id: id(n * 20 + place),
                attempt,
                question: (*question).to_owned(),
                keys: "1".to_owned(),
                value: "x".to_owned(),
                score: Some(*score),
                unhappy: *score <= 0,
                given_at: at(minutes) + TimeDelta::seconds(place.into()),
            };
            assert!(answers::add(conn, &new).await.unwrap());
        }
        let end = AttemptEnd {
            attempt,
            ended_at: at(minutes + 2),
            sip_status: Some(200),
            disposition: "partial".to_owned(),
            aapor: Some("1.2".to_owned()),
            blame: None,
            retry_allowed: true,
            detail: None,
            next: Next::Retry { at: at(minutes + 3) },
        };
        attempts::end(conn, &end).await.unwrap();
    }

    fn told(counts: &[Count]) -> Vec<(&str, &str, i32, i64)> {
        counts.iter().map(|count| (count.group.as_str(), count.question.as_str(), count.score, count.count)).collect()
    }

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn the_last_answer_of_a_follow_up_counts_once(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let (one, two) = (fixture::owed(&mut conn, 1).await, fixture::owed(&mut conn, 2).await);
        given(&mut conn, &one, 1, 5, &[("q1", 12), ("q2", 8)]).await;
        given(&mut conn, &one, 2, 10, &[("q1", -4)]).await;
        given(&mut conn, &two, 3, 5, &[("q1", 12)]).await;
        let found = counts(&mut conn, &all(), By::Total).await.unwrap();
        assert_eq!(told(&found), [("", "q1", -4, 1), ("", "q1", 12, 1), ("", "q2", 8, 1)]);
        let before = Filter { to: at(8), ..all() };
        let found = counts(&mut conn, &before, By::Total).await.unwrap();
        assert_eq!(
            told(&found),
            [("", "q1", 12, 1), ("", "q2", 8, 1)],
            "an answer that was given anew counts when it was given last"
        );

        let worst = calls(&mut conn, &all(), "q1", false, 10, 0).await.unwrap();
        assert_eq!(
            worst.iter().map(|call| (call.follow_up, call.score)).collect::<Vec<_>>(),
            [(one.follow_up, -4), (two.follow_up, 12)]
        );
        assert_eq!((worst[0].advisor.as_deref(), worst[0].unhappy, worst[0].recordings), (Some("王顾问"), true, 0));
        let other_way = calls(&mut conn, &all(), "q1", true, 1, 1).await.unwrap();
        assert_eq!(other_way.iter().map(|call| call.score).collect::<Vec<_>>(), [-4]);
    }

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn groups_and_filters(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let one = fixture::owed(&mut conn, 1).await;
        let two = fixture::owed(&mut conn, 2).await;
        // 02:00 UTC is 10:00 in Shanghai on Wednesday, 18 November 2026
        given(&mut conn, &one, 1, 0, &[("q1", 12)]).await;
        given(&mut conn, &two, 2, 14 * 60, &[("q1", 4)]).await;
        for (by, groups) in [
            (By::Day, ["2026-11-18", "2026-11-19"]),
            (By::Week, ["2026-11-16", "2026-11-16"]),
            (By::Month, ["2026-11-01", "2026-11-01"]),
            (By::Advisor, ["王顾问 (1024)", "王顾问 (1024)"]),
            (By::Model, ["轿车", "轿车"]),
        ] {
            let found = counts(&mut conn, &all(), by).await.unwrap();
            let mut found: Vec<_> = found.iter().map(|count| (count.group.as_str(), count.score)).collect();
            found.sort_by_key(|(_, score)| -score);
            assert_eq!(found, [(groups[0], 12), (groups[1], 4)], "{by:?}");
        }
        for (filter, n) in [
            (Filter { survey: Some("aftersales_3day"), ..all() }, 2),
            (Filter { survey: Some("prospect"), ..all() }, 0),
            (Filter { advisor: Some("王顾问 (1024)"), ..all() }, 2),
            (Filter { advisor: Some(""), ..all() }, 0),
            (Filter { model: Some("轿车"), ..all() }, 2),
            (Filter { model: Some("SUV"), ..all() }, 0),
            (Filter { to: at(60), ..all() }, 1),
        ] {
            let found = counts(&mut conn, &filter, By::Total).await.unwrap();
            assert_eq!(found.iter().map(|count| count.count).sum::<i64>(), n, "{filter:?}");
        }
        let found = choices(&mut conn, &Filter { advisor: Some(""), ..all() }).await.unwrap();
        assert_eq!(found, (vec!["王顾问 (1024)".to_owned()], vec!["轿车".to_owned()]));
    }
}
