//! `leads` (潜在客户): people who plan to buy a car, as customers named them by keys or by voice. Nobody is called from here.

use super::{Result, answers};
use crate::ids::{AttemptId, FollowUpId, LeadId};
use crate::phone::Pii;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

/// A lead about to be written: keyed digits, or a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewLead {
    /// Its id.
    pub id: LeadId,
    /// The attempt in which it was given.
    pub attempt: AttemptId,
    /// The number as keyed.
    pub keyed: Option<Pii<String>>,
    /// The WAV file that names them, relative to the recordings directory.
    pub recording: Option<String>,
    /// When.
    pub given_at: DateTime<Utc>,
}

/// Writes a lead; says whether it is new.
pub async fn add(conn: &mut PgConnection, new: &NewLead) -> Result<bool> {
    let done = sqlx::query(
        "insert into leads (id, follow_up_id, attempt_id, keyed, recording_path, given_at)
         select $1, a.follow_up_id, a.id, $3, $4, $5 from attempts a where a.id = $2
         on conflict do nothing",
    )
    .bind(new.id.0)
    .bind(new.attempt.0)
    .bind(new.keyed.as_ref().map(Pii::expose))
    .bind(&new.recording)
    .bind(new.given_at)
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() == 1 {
        return Ok(true);
    }
    answers::known(conn, new.attempt).await.map(|()| false)
}

/// A lead as stored.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Lead {
    /// Its id.
    #[sqlx(try_from = "Uuid")]
    pub id: LeadId,
    /// The follow-up in whose call it was given.
    #[sqlx(try_from = "Uuid")]
    pub follow_up_id: FollowUpId,
    /// The number as keyed.
    #[sqlx(try_from = "Option<String>")]
    pub keyed: Keyed,
    /// The WAV file that names them.
    pub recording_path: Option<String>,
    /// When.
    pub given_at: DateTime<Utc>,
}

/// The number as keyed, where it was keyed; masked in `Debug`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyed(pub Option<Pii<String>>);

impl From<Option<String>> for Keyed {
    fn from(digits: Option<String>) -> Keyed {
        Keyed(digits.map(Pii::new))
    }
}

/// Leads given in a period, oldest first.
pub async fn given(conn: &mut PgConnection, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Vec<Lead>> {
    let rows = sqlx::query_as(
        "select id, follow_up_id, keyed, recording_path, given_at from leads where given_at >= $1 and given_at < $2 order by given_at, id",
    )
    .bind(from)
    .bind(to)
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::fixture::{self, at, id};
    use sqlx::PgPool;

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn a_lead_is_written_once_and_shows_its_number_to_nobody(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let owed = fixture::owed(&mut conn, 1).await;
        let attempt = fixture::begun(&mut conn, "a", owed.follow_up, 1, 0).await;
        let keyed = Some(Pii::new("13900001234".to_owned()));
        let number = NewLead { id: id(1), attempt, keyed, recording: None, given_at: at(2) };
        let voice =
            NewLead { id: id(2), keyed: None, recording: Some("a.wav".to_owned()), given_at: at(3), ..number.clone() };
        assert!(add(&mut conn, &number).await.unwrap());
        assert!(!add(&mut conn, &number).await.unwrap(), "a replay");
        assert!(add(&mut conn, &voice).await.unwrap());
        let leads = given(&mut conn, at(0), at(10)).await.unwrap();
        assert_eq!(leads.iter().map(|lead| lead.follow_up_id).collect::<Vec<_>>(), [owed.follow_up; 2]);
        assert_eq!(leads[0].keyed.0.as_ref().map(Pii::expose).map(String::as_str), Some("13900001234"));
        assert!(!format!("{number:?} {leads:?}").contains("1390000"));
        let neither = NewLead { id: id(3), keyed: None, ..number };
        assert!(add(&mut conn, &neither).await.unwrap_err().is_data_fault());
    }
}
