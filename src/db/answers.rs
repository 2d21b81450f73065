//! `answers` and `recordings`: what the customer keyed and said, each written when it is given. Never changed afterwards; writing one again changes nothing.

use super::state::RecordingKind;
use super::{Result, StoreError};
use crate::ids::{AnswerId, AttemptId, FollowUpId, RecordingId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

/// One answer as given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewAnswer {
    /// Its id.
    pub id: AnswerId,
    /// The attempt in which it was given.
    pub attempt: AttemptId,
    /// Name of the question in the survey (`q1`).
    pub question: String,
    /// The digits as accepted.
    pub keys: String,
    /// What they mean in this version of the survey.
    pub value: String,
    /// The stored score, where the question has a scale.
    pub score: Option<i32>,
    /// True where it makes the customer count as unhappy.
    pub unhappy: bool,
    /// When.
    pub given_at: DateTime<Utc>,
}

/// Writes an answer under its attempt's survey version; says whether it is new. An attempt's first answer to a question stands.
pub async fn add(conn: &mut PgConnection, new: &NewAnswer) -> Result<bool> {
    let done = sqlx::query(
        "insert into answers (id, attempt_id, follow_up_id, survey_key, survey_version, question, keys, value, score, unhappy, given_at)
         select $1, a.id, a.follow_up_id, a.survey_key, a.survey_version, $3, $4, $5, $6, $7, $8 from attempts a where a.id = $2
         on conflict do nothing",
    )
    .bind(new.id.0)
    .bind(new.attempt.0)
    .bind(&new.question)
    .bind(&new.keys)
    .bind(&new.value)
    .bind(new.score)
    .bind(new.unhappy)
    .bind(new.given_at)
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() == 1 {
        return Ok(true);
    }
    known(conn, new.attempt).await.map(|()| false)
}

/// One recording; its file is there already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewRecording {
    /// Its id.
    pub id: RecordingId,
    /// The attempt in which it was made.
    pub attempt: AttemptId,
    /// What it holds.
    pub kind: RecordingKind,
    /// The WAV file, relative to the recordings directory.
    pub path: String,
    /// How long it is.
    pub duration_ms: i32,
    /// When it ended.
    pub recorded_at: DateTime<Utc>,
}

/// Writes a recording; says whether it is new.
pub async fn add_recording(conn: &mut PgConnection, new: &NewRecording) -> Result<bool> {
    let done = sqlx::query(
        "insert into recordings (id, attempt_id, follow_up_id, kind, path, duration_ms, recorded_at)
         select $1, a.id, a.follow_up_id, $3, $4, $5, $6 from attempts a where a.id = $2
         on conflict (id) do nothing",
    )
    .bind(new.id.0)
    .bind(new.attempt.0)
    .bind(new.kind)
    .bind(&new.path)
    .bind(new.duration_ms)
    .bind(new.recorded_at)
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() == 1 {
        return Ok(true);
    }
    known(conn, new.attempt).await.map(|()| false)
}

/// An answer as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Answer {
    /// The attempt in which it was given.
    #[sqlx(try_from = "Uuid")]
    pub attempt_id: AttemptId,
    /// Name of the question.
    pub question: String,
    /// The digits as accepted.
    pub keys: String,
    /// What they mean.
    pub value: String,
    /// The stored score.
    pub score: Option<i32>,
    /// True where it makes the customer count as unhappy.
    pub unhappy: bool,
    /// Survey version under which it was given.
    pub survey_version: i32,
    /// When.
    pub given_at: DateTime<Utc>,
}

/// The answers of one attempt, in the order given.
pub async fn of_attempt(conn: &mut PgConnection, attempt: AttemptId) -> Result<Vec<Answer>> {
    let rows = sqlx::query_as(
        "select attempt_id, question, keys, value, score, unhappy, survey_version, given_at from answers where attempt_id = $1 order by given_at, id",
    )
    .bind(attempt.0)
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// The latest answer to a question over all attempts at a follow-up, as later attempts and reconciliation need it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Latest {
    /// Name of the question.
    pub question: String,
    /// The digits as accepted.
    pub keys: String,
    /// What they mean.
    pub value: String,
    /// The stored score.
    pub score: Option<i32>,
}

/// The latest answer to each question that was given under one version of the survey, in whichever attempt.
pub async fn latest(conn: &mut PgConnection, follow_up: FollowUpId, version: i32) -> Result<Vec<Latest>> {
    let rows = sqlx::query_as(
        "select distinct on (question) question, keys, value, score from answers
         where follow_up_id = $1 and survey_version = $2 order by question, given_at desc, id desc",
    )
    .bind(follow_up.0)
    .bind(version)
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Nothing was inserted: because it is there already, or because the attempt is not.
pub(super) async fn known(conn: &mut PgConnection, attempt: AttemptId) -> Result<()> {
    let found: bool = sqlx::query_scalar("select exists (select from attempts where id = $1)")
        .bind(attempt.0)
        .fetch_one(conn)
        .await?;
    if found { Ok(()) } else { Err(StoreError::row("attempts", attempt, "there is none")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::fixture::{self, at, id};
    use sqlx::PgPool;

    pub fn answer(n: u16, attempt: AttemptId, question: &str, score: i32) -> NewAnswer {
        let (keys, value) = ("1".to_owned(), "very_satisfied".to_owned());
        NewAnswer {
            id: id(n),
            attempt,
            question: question.to_owned(),
            keys,
            value,
            score: Some(score),
            unhappy: false,
            given_at: at(1),
        }
    }

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn an_answer_is_written_once_with_the_version_it_was_given_under(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let owed = fixture::owed(&mut conn, 1).await;
        let attempt = fixture::begun(&mut conn, "a", owed.follow_up, 1, 0).await;
        assert!(add(&mut conn, &answer(1, attempt, "q1", 12)).await.unwrap());
        assert!(!add(&mut conn, &answer(1, attempt, "q1", 12)).await.unwrap(), "a replay");
        assert!(!add(&mut conn, &answer(2, attempt, "q1", -4)).await.unwrap(), "the first answer stands");
        let stored = of_attempt(&mut conn, attempt).await.unwrap();
        assert_eq!(stored.iter().map(|a| (a.score, a.survey_version)).collect::<Vec<_>>(), [(Some(12), 1)]);
        let nowhere = add(&mut conn, &answer(3, id(999), "q1", 12)).await.unwrap_err();
        assert!(nowhere.is_data_fault(), "{nowhere}");
    }

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn the_latest_answer_of_all_attempts_under_one_version(pool: PgPool) {
        use crate::db::attempts::{self, AttemptEnd, Next};
        let mut conn = pool.acquire().await.unwrap();
        let owed = fixture::owed(&mut conn, 1).await;
        for (n, given) in [(1, vec![("q1", 12), ("q2", 8)]), (2, vec![("q2", 4), ("q3", 0)])] {
            let minutes = i64::from(n) * 10;
            let attempt = fixture::begun(&mut conn, "a", owed.follow_up, n, minutes).await;
            for (i, (question, score)) in given.into_iter().enumerate() {
                let i = u16::try_from(i).unwrap();
                let new = NewAnswer { given_at: at(minutes + 1), ..answer(n * 10 + i, attempt, question, score) };
                assert!(add(&mut conn, &new).await.unwrap());
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
                next: Next::Retry { at: at(minutes + 5) },
            };
            attempts::end(&mut conn, &end).await.unwrap();
        }
        let latest = latest(&mut conn, owed.follow_up, 1).await.unwrap();
        let told: Vec<(&str, Option<i32>)> = latest.iter().map(|a| (a.question.as_str(), a.score)).collect();
        assert_eq!(told, [("q1", Some(12)), ("q2", Some(4)), ("q3", Some(0))]);
        assert_eq!(super::latest(&mut conn, owed.follow_up, 2).await.unwrap(), []);
    }

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn a_recording_is_written_once(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let owed = fixture::owed(&mut conn, 1).await;
        let attempt = fixture::begun(&mut conn, "a", owed.follow_up, 1, 0).await;
        let (kind, path) = (RecordingKind::Suggestion, "a.wav".to_owned());
        let new = NewRecording { id: id(1), attempt, kind, path, duration_ms: 900, recorded_at: at(2) };
        assert!(add_recording(&mut conn, &new).await.unwrap());
        assert!(!add_recording(&mut conn, &new).await.unwrap());
    }
}
