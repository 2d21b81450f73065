//! Reading back what happened: attempts with their timelines and answers, and a follow-up's whole story. Numbers come out masked.

use super::answers::{self, Answer};
use super::complaints::Complaint;
use super::follow_ups::{self, FollowUp};
use super::media_quality::{self, MediaQuality};
use super::state::RecordingKind;
use super::{Result, StoreError};
use crate::ids::{AttemptId, FollowUpId, RecordingId};
use crate::phone::E164;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

/// One entry of an attempt's timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Event {
    /// 0 is the first.
    pub seq: i32,
    /// Milliseconds since the attempt began.
    pub offset_ms: i64,
    /// What (`sip.sent`, `key`, `prompt` …).
    pub kind: String,
    /// Its particulars; numbers are masked by the writer.
    pub detail: serde_json::Value,
}

/// Writes timeline entries; those that are there already stay as they are.
pub async fn add_events(conn: &mut PgConnection, attempt: AttemptId, events: &[Event]) -> Result<()> {
    let mut columns = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for event in events {
        columns.0.push(event.seq);
        columns.1.push(event.offset_ms);
        columns.2.push(event.kind.clone());
        columns.3.push(event.detail.clone());
    }
    sqlx::query(
        "insert into attempt_events (attempt_id, seq, offset_ms, kind, detail)
         select $1, * from unnest($2::int[], $3::bigint[], $4::text[], $5::jsonb[])
         on conflict (attempt_id, seq) do nothing",
    )
    .bind(attempt.0)
    .bind(columns.0)
    .bind(columns.1)
    .bind(columns.2)
    .bind(columns.3)
    .execute(conn)
    .await?;
    Ok(())
}

/// An attempt as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, sqlx::FromRow)]
pub struct Attempt {
    /// Its id.
    #[sqlx(try_from = "Uuid")]
    pub id: AttemptId,
    /// At which follow-up.
    #[sqlx(try_from = "Uuid")]
    pub follow_up_id: FollowUpId,
    /// 1 is the follow-up's first.
    pub ordinal: i32,
    /// The number dialled; serialised masked.
    #[sqlx(try_from = "String")]
    #[serde(serialize_with = "masked")]
    pub number: E164,
    /// Name of the trunk.
    pub trunk: String,
    /// Node that made it.
    pub node: String,
    /// Version of the survey asked.
    pub survey_version: i32,
    /// When the row was committed.
    pub began_at: DateTime<Utc>,
    /// When the INVITE left.
    pub invite_sent_at: Option<DateTime<Utc>>,
    /// When the callee answered.
    pub answered_at: Option<DateTime<Utc>>,
    /// When it ended; none while it is open.
    pub ended_at: Option<DateTime<Utc>>,
    /// Final SIP status.
    pub sip_status: Option<i16>,
    /// What the survey ended with.
    pub survey_outcome: Option<String>,
    /// Disposition.
    pub disposition: Option<String>,
    /// AAPOR code.
    pub aapor: Option<String>,
    /// Who made it fail.
    pub blame: Option<String>,
    /// Whether the disposition allows another attempt.
    pub retry_allowed: Option<bool>,
    /// Why it ended so, in a sentence.
    pub detail: Option<String>,
    /// Closed by another hand after its engine died.
    pub reconciled: bool,
}

fn masked<S: serde::Serializer>(number: &E164, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(&number.masked())
}

/// A recording as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Recording {
    /// Its id.
    #[sqlx(try_from = "Uuid")]
    pub id: RecordingId,
    /// What it holds.
    pub kind: RecordingKind,
    /// WAV file, relative to the recordings directory.
    pub path: String,
    /// How long it is.
    pub duration_ms: i32,
    /// When it ended.
    pub recorded_at: DateTime<Utc>,
    /// Until when it is kept, once the retention pass has said so.
    pub keep_until: Option<DateTime<Utc>>,
    /// When retention removed its file.
    pub purged_at: Option<DateTime<Utc>>,
}

/// One attempt with all that happened in it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AttemptStory {
    /// The attempt.
    pub attempt: Attempt,
    /// Its answers, in the order given.
    pub answers: Vec<Answer>,
    /// Its recordings.
    pub recordings: Vec<Recording>,
    /// How good its media were, where there were any.
    pub quality: Option<MediaQuality>,
    /// Its timeline.
    pub timeline: Vec<Event>,
}

/// A follow-up with all that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FollowUpStory {
    /// The follow-up.
    pub follow_up: FollowUp,
    /// Its complaint, if it has one.
    pub complaint: Option<Complaint>,
    /// Its attempts, first to last.
    pub attempts: Vec<AttemptStory>,
}

/// The columns of [`Attempt`].
macro_rules! attempt_columns {
    ($rest:literal) => {
        concat!(
            "select id, follow_up_id, ordinal, number, trunk, node, survey_version, began_at, invite_sent_at, answered_at, ended_at, sip_status, ",
            "survey_outcome, disposition, aapor, blame, retry_allowed, detail, reconciled from attempts ",
            $rest
        )
    };
}

/// The attempts at one follow-up, first to last.
pub async fn attempts_of(conn: &mut PgConnection, follow_up: FollowUpId) -> Result<Vec<Attempt>> {
    Ok(sqlx::query_as(attempt_columns!("where follow_up_id = $1 order by ordinal"))
        .bind(follow_up.0)
        .fetch_all(conn)
        .await?)
}

/// The newest `limit` attempts, newest first; `open_only` leaves out those that have ended.
pub async fn newest_attempts(conn: &mut PgConnection, open_only: bool, limit: i64) -> Result<Vec<Attempt>> {
    Ok(sqlx::query_as(attempt_columns!("where not $1 or ended_at is null order by began_at desc, id desc limit $2"))
        .bind(open_only)
        .bind(limit)
        .fetch_all(conn)
        .await?)
}

/// One attempt with its answers, recordings and timeline, or an error that names it.
pub async fn attempt(conn: &mut PgConnection, id: AttemptId) -> Result<AttemptStory> {
    let attempt: Attempt = sqlx::query_as(attempt_columns!("where id = $1"))
        .bind(id.0)
        .fetch_optional(&mut *conn)
        .await?
        .ok_or_else(|| StoreError::row("attempts", id, "there is none"))?;
    with_particulars(conn, attempt).await
}

async fn with_particulars(conn: &mut PgConnection, attempt: Attempt) -> Result<AttemptStory> {
    let answers = answers::of_attempt(conn, attempt.id).await?;
    let recordings = sqlx::query_as(
        "select id, kind, path, duration_ms, recorded_at, keep_until, purged_at from recordings where attempt_id = $1 order by recorded_at, id",
    )
    .bind(attempt.id.0)
    .fetch_all(&mut *conn)
    .await?;
    let quality = media_quality::of_attempt(conn, attempt.id).await?;
    let timeline =
        sqlx::query_as("select seq, offset_ms, kind, detail from attempt_events where attempt_id = $1 order by seq")
            .bind(attempt.id.0)
            .fetch_all(conn)
            .await?;
    Ok(AttemptStory { attempt, answers, recordings, quality, timeline })
}

/// A follow-up's whole story, or an error that names it.
pub async fn follow_up(conn: &mut PgConnection, id: FollowUpId) -> Result<FollowUpStory> {
    let follow_up = follow_ups::get(conn, id).await?;
    let complaint = sqlx::query_as(
        "select id, attempt_id, reason, question, state, opened_at, contact_due_at from complaints where follow_up_id = $1",
    )
    .bind(id.0)
    .fetch_optional(&mut *conn)
    .await?;
    let mut attempts = Vec::new();
    for attempt in attempts_of(conn, id).await? {
        attempts.push(with_particulars(conn, attempt).await?);
    }
    Ok(FollowUpStory { follow_up, complaint, attempts })
}

/// Whether something of this kind stands in the timeline of an attempt at this follow-up.
pub async fn happened(conn: &mut PgConnection, follow_up: FollowUpId, kind: &str) -> Result<bool> {
    let sql = "select exists (select 1 from attempt_events e join attempts a on a.id = e.attempt_id where a.follow_up_id = $1 and e.kind = $2)";
    Ok(sqlx::query_scalar(sql).bind(follow_up.0).bind(kind).fetch_one(conn).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::fixture;
    use sqlx::PgPool;

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn a_story_has_its_timeline_in_order_and_no_number_in_clear(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let owed = fixture::owed(&mut conn, 1).await;
        let attempt_id = fixture::begun(&mut conn, "a", owed.follow_up, 1, 0).await;
        let event = |seq, kind: &str| Event {
            seq,
            offset_ms: seq.into(),
            kind: kind.to_owned(),
            detail: serde_json::json!({ "n": seq }),
        };
        add_events(&mut conn, attempt_id, &[event(1, "key"), event(0, "sip.sent")]).await.unwrap();
        add_events(&mut conn, attempt_id, &[event(1, "other"), event(2, "key")]).await.unwrap();
        let story = follow_up(&mut conn, owed.follow_up).await.unwrap();
        assert_eq!(story.attempts, [attempt(&mut conn, attempt_id).await.unwrap()]);
        let kinds: Vec<&str> = story.attempts[0].timeline.iter().map(|e| e.kind.as_str()).collect();
        assert_eq!(kinds, ["sip.sent", "key", "key"]);
        let json = serde_json::to_string(&story).unwrap();
        assert!(!json.contains(fixture::number(1).as_str()) && json.contains("+86••"), "{json}");
        assert_eq!(newest_attempts(&mut conn, true, 10).await.unwrap().len(), 1);
    }
}
