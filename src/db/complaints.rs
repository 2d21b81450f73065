//! `complaints`, `complaint_steps`: opened in the transaction of the answer that caused it (the journal writes both in one record); one for each follow-up.
//! A complaint never depends on a transfer having worked.

use super::state::{ComplaintReason, ComplaintState};
use super::{Result, StoreError, answers};
use crate::ids::{AttemptId, ComplaintId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

/// A complaint about to be opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewComplaint {
    /// Its id.
    pub id: ComplaintId,
    /// Id of its first step, "listen and record".
    pub step: Uuid,
    /// The attempt in which it arose.
    pub attempt: AttemptId,
    /// Why.
    pub reason: ComplaintReason,
    /// The question whose answer caused it; none where the customer asked for a person.
    pub question: Option<String>,
    /// When.
    pub opened_at: DateTime<Utc>,
    /// First contact by a person at the latest (`followup::calendar::first_contact_due`).
    pub contact_due_at: DateTime<Utc>,
}

/// A complaint as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Complaint {
    /// Its id.
    #[sqlx(try_from = "Uuid")]
    pub id: ComplaintId,
    /// The attempt in which it arose.
    #[sqlx(try_from = "Uuid")]
    pub attempt_id: AttemptId,
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

/// Opens a complaint with its first step; where the follow-up has one already, the step is added to that, and it is taken up again if it was closed before.
/// Says whether a complaint was opened. Writing the same again changes nothing.
pub async fn open(conn: &mut PgConnection, new: &NewComplaint) -> Result<bool> {
    let done = sqlx::query(
        "insert into complaints (id, follow_up_id, customer_id, attempt_id, reason, question, opened_at, contact_due_at, due_at)
         select $1, a.follow_up_id, f.customer_id, a.id, $3, $4, $5, $6, $6
         from attempts a join follow_ups f on f.id = a.follow_up_id where a.id = $2
         on conflict do nothing",
    )
    .bind(new.id.0)
    .bind(new.attempt.0)
    .bind(new.reason)
    .bind(&new.question)
    .bind(new.opened_at)
    .bind(new.contact_due_at)
    .execute(&mut *conn)
    .await?;
    let opened = done.rows_affected() == 1;
    if !opened {
        take_up_again(conn, new).await?;
    }
    add_step(conn, new).await?;
    Ok(opened)
}

/// A sign of unhappiness after the complaint was closed (the follow-up's call was resumed): the steps begin again.
async fn take_up_again(conn: &mut PgConnection, new: &NewComplaint) -> Result<()> {
    sqlx::query(
        "update complaints c set state = 'open', closed_at = null, round = c.round + 1, stage = 1, reported_back = false, due_at = $3, revision = c.revision + 1
         from attempts a where a.id = $1 and c.follow_up_id = a.follow_up_id and c.closed_at < $2",
    )
    .bind(new.attempt.0)
    .bind(new.opened_at)
    .bind(new.contact_due_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Adds a later sign of unhappiness of the same call as a further "listen and record" step; needs the complaint to be there.
pub async fn add_step(conn: &mut PgConnection, new: &NewComplaint) -> Result<()> {
    let note = match &new.question {
        Some(question) => format!("{} ({question})", new.reason),
        None => new.reason.to_string(),
    };
    let done = sqlx::query(
        "insert into complaint_steps (id, complaint_id, kind, done_at, note)
         select $1, c.id, 'listen_and_record', $3, $4
         from attempts a join complaints c on c.follow_up_id = a.follow_up_id where a.id = $2
         on conflict (id) do update set note = excluded.note",
    )
    .bind(new.step)
    .bind(new.attempt.0)
    .bind(new.opened_at)
    .bind(note)
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() == 1 {
        return Ok(());
    }
    answers::known(conn, new.attempt).await?;
    Err(StoreError::row("complaints", new.id, "its follow-up was to have one"))
}

/// How many complaints are open, and how many of those are overdue (`complaint::Case::is_overdue`).
pub async fn open_counts(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<(i64, i64)> {
    Ok(sqlx::query_as(
        "select count(*), count(*) filter (where due_at < $1 or (contacted_at is null and contact_due_at < $1)) from complaints where state = 'open'",
    )
    .bind(now)
    .fetch_one(conn)
    .await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::fixture::{self, at, id};
    use sqlx::PgPool;

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn a_follow_up_has_one_complaint_and_each_sign_is_a_step(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let owed = fixture::owed(&mut conn, 1).await;
        let attempt = fixture::begun(&mut conn, "a", owed.follow_up, 1, 0).await;
        let first = NewComplaint {
            id: id(1),
            step: id(1),
            attempt,
            reason: ComplaintReason::LowScore,
            question: Some("q3".to_owned()),
            opened_at: at(2),
            contact_due_at: at(60),
        };
        let later = NewComplaint {
            id: id(2),
            step: id(2),
            reason: ComplaintReason::AskedForPerson,
            question: None,
            ..first.clone()
        };
        assert!(open(&mut conn, &first).await.unwrap());
        assert!(!open(&mut conn, &first).await.unwrap(), "a replay");
        assert!(!open(&mut conn, &later).await.unwrap(), "one for each follow-up");
        let notes: Vec<String> =
            sqlx::query_scalar("select note from complaint_steps order by id").fetch_all(&mut *conn).await.unwrap();
        assert_eq!(notes, ["low_score (q3)", "asked_for_person"]);
        assert_eq!(open_counts(&mut conn, at(61)).await.unwrap(), (1, 1));
    }

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn a_complaint_without_its_attempt_is_refused(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let (reason, question) = (ComplaintReason::Noes, None);
        let new = NewComplaint {
            id: id(1),
            step: id(1),
            attempt: id(9),
            reason,
            question,
            opened_at: at(0),
            contact_due_at: at(1),
        };
        let error = open(&mut conn, &new).await.unwrap_err();
        assert!(error.is_data_fault() && error.to_string().starts_with("attempts "), "{error}");
    }
}
