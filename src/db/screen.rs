//! What somebody needs who takes a caller: who it is, what was answered and said so far, what went before, and what is still open. Reads only; names and numbers
//! come out wrapped.

use super::answers::Answer;
use super::customers::{self, Track};
use super::follow_ups::{self, FollowUp};
use super::state::{ComplaintReason, ComplaintState, RecordingKind};
use super::status::{self, Subject};
use super::{Result, StoreError};
use crate::ids::{ComplaintId, CustomerId, FollowUpId, RecordingId};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// A caller as an agent sees them.
#[derive(Clone, Debug, PartialEq)]
pub struct Screen {
    /// The call's follow-up.
    pub follow_up: FollowUp,
    /// Whom it is about.
    pub subject: Subject,
    /// What was answered, the latest to each question, in the order given.
    pub answers: Vec<Answer>,
    /// What was said, the newest last.
    pub recordings: Vec<Said>,
    /// The customer's cars, numbers and touches.
    pub track: Track,
    /// The customer's complaints: this call's first, then the open ones, then the newest.
    pub complaints: Vec<KnownComplaint>,
}

/// A recording of what somebody said.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Said {
    /// Its id.
    #[sqlx(try_from = "Uuid")]
    pub id: RecordingId,
    /// What it holds.
    pub kind: RecordingKind,
    /// How long it is.
    pub duration_ms: i32,
    /// When it ended.
    pub recorded_at: DateTime<Utc>,
    /// When retention removed its file.
    pub purged_at: Option<DateTime<Utc>>,
}

/// A complaint of a customer.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct KnownComplaint {
    /// Its id.
    #[sqlx(try_from = "Uuid")]
    pub id: ComplaintId,
    /// Where it arose.
    #[sqlx(try_from = "Uuid")]
    pub follow_up: FollowUpId,
    /// The survey of that.
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
}

/// Everything about the caller of a follow-up, or an error that names it.
pub async fn of(conn: &mut PgConnection, id: FollowUpId) -> Result<Screen> {
    let follow_up = follow_ups::get(conn, id).await?;
    let subject = status::subject(conn, id).await?.ok_or_else(|| StoreError::row("follow_ups", id, "there is none"))?;
    Ok(Screen {
        answers: answers(conn, id).await?,
        recordings: recordings(conn, id).await?,
        track: customers::track(conn, follow_up.customer_id).await?,
        complaints: complaints(conn, follow_up.customer_id, id).await?,
        follow_up,
        subject,
    })
}

async fn answers(conn: &mut PgConnection, id: FollowUpId) -> Result<Vec<Answer>> {
    Ok(sqlx::query_as(
        "select attempt_id, question, keys, value, score, unhappy, survey_version, given_at from (
             select distinct on (question) id, attempt_id, question, keys, value, score, unhappy, survey_version, given_at
             from answers where follow_up_id = $1 order by question, given_at desc, id desc
         ) latest order by given_at, id",
    )
    .bind(id.0)
    .fetch_all(conn)
    .await?)
}

async fn recordings(conn: &mut PgConnection, id: FollowUpId) -> Result<Vec<Said>> {
    Ok(sqlx::query_as(
        "select id, kind, duration_ms, recorded_at, purged_at from recordings where follow_up_id = $1 order by recorded_at, id",
    )
    .bind(id.0)
    .fetch_all(conn)
    .await?)
}

async fn complaints(conn: &mut PgConnection, customer: CustomerId, first: FollowUpId) -> Result<Vec<KnownComplaint>> {
    Ok(sqlx::query_as(
        "select c.id, c.follow_up_id as follow_up, f.survey_key as survey, c.reason, c.question, c.state, c.opened_at, c.contact_due_at
         from complaints c join follow_ups f on f.id = c.follow_up_id where c.customer_id = $1
         order by c.follow_up_id <> $2, c.state = 'closed', c.opened_at desc, c.id desc limit 20",
    )
    .bind(customer.0)
    .bind(first.0)
    .fetch_all(conn)
    .await?)
}

/// Where a recording lies and whom it concerns.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Recorded {
    /// The follow-up in which it was made.
    #[sqlx(try_from = "Uuid")]
    pub follow_up: FollowUpId,
    /// The WAV file, relative to the recordings directory.
    pub path: String,
    /// When it ended.
    pub recorded_at: DateTime<Utc>,
    /// When retention removed its file.
    pub purged_at: Option<DateTime<Utc>>,
}

/// A recording; none where there is no such one.
pub async fn recording(conn: &mut PgConnection, id: RecordingId) -> Result<Option<Recorded>> {
    Ok(sqlx::query_as("select follow_up_id as follow_up, path, recorded_at, purged_at from recordings where id = $1")
        .bind(id.0)
        .fetch_optional(conn)
        .await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::answers::{self as given, NewAnswer, NewRecording};
    use crate::db::complaints::{self as opened, NewComplaint};
    use crate::db::fixture::{self, at, id};
    use sqlx::PgPool;

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn an_agent_sees_who_it_is_and_what_was_said(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let owed = fixture::owed(&mut conn, 1).await;
        let attempt = fixture::begun(&mut conn, "a", owed.follow_up, 1, 0).await;
        for (n, question, unhappy) in [(1, "q1", true), (2, "q2", false)] {
            let new = NewAnswer {
                id: id(n),
                attempt,
                question: question.to_owned(),
                keys: "4".to_owned(),
                value: "dissatisfied".to_owned(),
                score: Some(0),
                unhappy,
                given_at: at(i64::from(n)),
            };
            given::add(&mut conn, &new).await.unwrap();
        }
        let (kind, path) = (RecordingKind::Statement, "a.wav".to_owned());
        let new = NewRecording { id: id(1), attempt, kind, path, duration_ms: 900, recorded_at: at(3) };
        given::add_recording(&mut conn, &new).await.unwrap();
        let complaint = NewComplaint {
            id: id(1),
            step: id(1),
            attempt,
            reason: ComplaintReason::LowScore,
            question: Some("q1".to_owned()),
            opened_at: at(1),
            contact_due_at: at(60),
        };
        opened::open(&mut conn, &complaint).await.unwrap();

        let screen = of(&mut conn, owed.follow_up).await.unwrap();
        let answers: Vec<_> = screen.answers.iter().map(|a| (a.question.as_str(), a.unhappy)).collect();
        assert_eq!(answers, [("q1", true), ("q2", false)]);
        assert_eq!((screen.recordings.len(), screen.complaints.len(), screen.track.touches.len()), (1, 1, 1));
        assert_eq!(screen.complaints[0].follow_up, owed.follow_up);
        let text = format!("{screen:?}");
        assert!(!text.contains("客户1") && !text.contains(fixture::number(1).as_str()), "{text}");
        let recorded = recording(&mut conn, id(1)).await.unwrap().unwrap();
        assert_eq!((recorded.follow_up, recorded.path.as_str()), (owed.follow_up, "a.wav"));
        assert_eq!(recording(&mut conn, id(2)).await.unwrap(), None);
        assert!(of(&mut conn, id(9)).await.is_err());
    }
}
