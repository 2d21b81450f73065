//! Retention of `recordings`: whose country's rule counts for each, until when it is kept, which are due, and that a file was removed. Rows are never deleted.
//!
//! What is due is taken under row locks in the caller's transaction, which removes the files (milliseconds, no call) and marks them before it commits: two engines
//! never work on one recording, and what died in between is due again. While a follow-up has an open complaint its recordings are not due.

use super::state::RecordingKind;
use super::{Result, StoreError};
use crate::dialer::policy::Keep;
use crate::ids::{AttemptId, CustomerId, RecordingId};
use crate::phone::E164;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

/// A recording for which nobody has said which country's rule counts.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Undecided {
    /// Its id.
    #[sqlx(try_from = "Uuid")]
    pub id: RecordingId,
    /// The number that was called.
    #[sqlx(try_from = "String")]
    pub number: E164,
}

/// Some of the undecided recordings.
pub async fn undecided(conn: &mut PgConnection, limit: i64) -> Result<Vec<Undecided>> {
    Ok(sqlx::query_as(
        "select r.id, a.number from recordings r join attempts a on a.id = r.attempt_id where r.country is null order by r.id limit $1",
    )
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// Says whose rule counts; what was said before stands.
pub async fn set_countries(conn: &mut PgConnection, countries: &[(RecordingId, String)]) -> Result<()> {
    sqlx::query(
        "update recordings r set country = said.country
         from unnest($1::uuid[], $2::text[]) as said (id, country) where r.id = said.id and r.country is null",
    )
    .bind(countries.iter().map(|(id, _)| id.0).collect::<Vec<_>>())
    .bind(countries.iter().map(|(_, country)| country.as_str()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Sets until when each recording that is still there is kept, anew where the rule has changed. Returns for how many. A day has 24 hours.
pub async fn decide(conn: &mut PgConnection, keep: &Keep) -> Result<u64> {
    // `Keep` says no more than 36,500 days.
    let days = |days: u32| i32::try_from(days).unwrap_or(i32::MAX);
    let (countries, their_days): (Vec<&str>, Vec<i32>) =
        keep.by_country().map(|(country, kept)| (country, days(kept))).unzip();
    let done = sqlx::query(
        "update recordings r set keep_until = rule.until
         from (select kept.id, coalesce(c.erase_asked_at, kept.recorded_at + coalesce(pack.days, $3) * interval '24 hours') as until
               from recordings kept join follow_ups f on f.id = kept.follow_up_id join customers c on c.id = f.customer_id
               left join unnest($1::text[], $2::int[]) as pack (country, days) on pack.country = kept.country
               where kept.purged_at is null and kept.country is not null) rule
         where r.id = rule.id and r.keep_until is distinct from rule.until",
    )
    .bind(countries)
    .bind(their_days)
    .bind(days(keep.elsewhere()))
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// A recording whose time is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Due {
    /// Its id.
    #[sqlx(try_from = "Uuid")]
    pub id: RecordingId,
    /// What it holds.
    pub kind: RecordingKind,
    /// The WAV file, relative to the recordings directory.
    pub path: String,
    /// When it ended.
    pub recorded_at: DateTime<Utc>,
    /// Until when it was to be kept.
    pub keep_until: DateTime<Utc>,
    /// The engine that made it.
    pub node: String,
}

/// Takes recordings that are due, those due first in front and only those behind `after`, for as long as the transaction lasts. What another one holds is passed over.
pub async fn take_due(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    after: Option<(DateTime<Utc>, RecordingId)>,
    limit: i64,
) -> Result<Vec<Due>> {
    Ok(sqlx::query_as(
        "select r.id, r.kind, r.path, r.recorded_at, r.keep_until, a.node from recordings r join attempts a on a.id = r.attempt_id
         where r.purged_at is null and r.keep_until <= $1 and ($2::timestamptz is null or (r.keep_until, r.id) > ($2, $3))
           and not exists (select from complaints c where c.follow_up_id = r.follow_up_id and c.state = 'open')
         order by r.keep_until, r.id limit $4 for update of r skip locked",
    )
    .bind(now)
    .bind(after.map(|(until, _)| until))
    .bind(after.map(|(_, id)| id.0))
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// Takes all recordings of a customer who is to be erased, for as long as the transaction lasts: they are due, whatever the rule says.
pub async fn take_of(conn: &mut PgConnection, customer: CustomerId, now: DateTime<Utc>) -> Result<Vec<Due>> {
    Ok(sqlx::query_as(
        "update recordings r set country = coalesce(r.country, 'ZZ'), keep_until = least(coalesce(r.keep_until, $2), $2)
         from attempts a join follow_ups f on f.id = a.follow_up_id
         where a.id = r.attempt_id and f.customer_id = $1 and r.purged_at is null
         returning r.id, r.kind, r.path, r.recorded_at, r.keep_until, a.node",
    )
    .bind(customer.0)
    .bind(now)
    .fetch_all(conn)
    .await?)
}

/// Marks recordings whose files are gone. On an error the caller's transaction takes all of it back.
pub async fn mark(conn: &mut PgConnection, purged: &[RecordingId], now: DateTime<Utc>) -> Result<()> {
    let done = sqlx::query("update recordings set purged_at = $2 where id = any($1) and purged_at is null")
        .bind(purged.iter().map(|id| id.0).collect::<Vec<_>>())
        .bind(now)
        .execute(conn)
        .await?;
    match done.rows_affected() == purged.len() as u64 {
        true => Ok(()),
        false => {
            Err(StoreError::row("recordings", purged.len(), "some of these were marked as purged by another hand"))
        }
    }
}

/// How many recordings would be due but for an open complaint.
pub async fn held(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "select count(*) from recordings r where r.purged_at is null and r.keep_until <= $1
           and exists (select from complaints c where c.follow_up_id = r.follow_up_id and c.state = 'open')",
    )
    .bind(now)
    .fetch_one(conn)
    .await?)
}

/// Those of these files that a recording has which is still kept.
pub async fn known(conn: &mut PgConnection, files: &[String]) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar("select path from recordings where path = any($1) and purged_at is null")
        .bind(files)
        .fetch_all(conn)
        .await?)
}

/// Those of these files that a recording has or had.
pub async fn written(conn: &mut PgConnection, files: &[String]) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar("select path from recordings where path = any($1)").bind(files).fetch_all(conn).await?)
}

/// Those of these attempts that are over and were `node`'s.
pub async fn over(conn: &mut PgConnection, attempts: &[AttemptId], node: &str) -> Result<Vec<AttemptId>> {
    let ids: Vec<Uuid> = attempts.iter().map(|attempt| attempt.0).collect();
    let over: Vec<Uuid> =
        sqlx::query_scalar("select id from attempts where id = any($1) and node = $2 and ended_at is not null")
            .bind(ids)
            .bind(node)
            .fetch_all(conn)
            .await?;
    Ok(over.into_iter().map(AttemptId).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::answers::{self, NewRecording};
    use crate::db::complaints::{self, NewComplaint};
    use crate::db::fixture::{self, at, id};
    use crate::db::state::ComplaintReason;
    use crate::dialer::policy::{country, retention};
    use chrono::TimeDelta;
    use sqlx::{Connection, PgPool};

    fn keep(own: Option<u32>) -> Keep {
        Keep::new(own, &country::packs(&[]).unwrap())
    }

    fn days(days: i64) -> DateTime<Utc> {
        at(0) + TimeDelta::days(days)
    }

    /// Recording `n` of a follow-up of its own with this number, made at `at(0)`.
    async fn recorded(conn: &mut PgConnection, n: u16, number: &str) -> RecordingId {
        let owed = fixture::owed_on(conn, n, &E164::from_stored(number).unwrap()).await;
        let attempt = fixture::begun(conn, "a", owed.follow_up, n, 0).await;
        let (kind, path) = (RecordingKind::Suggestion, format!("{n}.wav"));
        let new = NewRecording { id: id(n), attempt, kind, path, duration_ms: 900, recorded_at: at(0) };
        assert!(answers::add_recording(conn, &new).await.unwrap());
        id(n)
    }

    async fn settle(conn: &mut PgConnection, keep: &Keep) -> u64 {
        let found = undecided(conn, 100).await.unwrap();
        let said: Vec<_> = found.iter().map(|row| (row.id, retention::country(&row.number))).collect();
        set_countries(conn, &said).await.unwrap();
        decide(conn, keep).await.unwrap()
    }

    async fn due(conn: &mut PgConnection, now: DateTime<Utc>) -> Vec<RecordingId> {
        take_due(conn, now, None, 100).await.unwrap().into_iter().map(|due| due.id).collect()
    }

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn each_is_kept_as_long_as_its_country_says_and_a_new_rule_counts_for_the_old_too(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let china = recorded(&mut conn, 1, "+8613800100001").await;
        let other = recorded(&mut conn, 2, "+33612345678").await;
        assert_eq!(due(&mut conn, days(9_999)).await, [], "nobody has decided");
        assert_eq!(settle(&mut conn, &keep(None)).await, 2);
        assert_eq!(undecided(&mut conn, 100).await.unwrap(), []);
        assert_eq!(due(&mut conn, days(90) - TimeDelta::seconds(1)).await, []);
        assert_eq!(due(&mut conn, days(90)).await, [other]);
        assert_eq!(due(&mut conn, days(180)).await, [other, china]);
        assert_eq!(settle(&mut conn, &keep(None)).await, 0, "nothing has changed");
        assert_eq!(settle(&mut conn, &keep(Some(30))).await, 2);
        assert_eq!(due(&mut conn, days(30)).await, [china, other]);
    }

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn what_is_purged_is_marked_once_and_never_due_again(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let (first, second) =
            (recorded(&mut conn, 1, "+8613800100001").await, recorded(&mut conn, 2, "+8613800100002").await);
        settle(&mut conn, &keep(None)).await;
        let row = take_due(&mut conn, days(200), None, 1).await.unwrap().remove(0);
        assert_eq!((row.id, row.path.as_str(), row.node.as_str(), row.keep_until), (first, "1.wav", "a", days(180)));
        let rest = take_due(&mut conn, days(200), Some((row.keep_until, row.id)), 9).await.unwrap();
        assert_eq!(rest.iter().map(|due| due.id).collect::<Vec<_>>(), [second]);
        assert_eq!(known(&mut conn, &["1.wav".into(), "x.wav".into()]).await.unwrap(), ["1.wav"]);

        mark(&mut conn, &[first], days(200)).await.unwrap();
        assert_eq!(due(&mut conn, days(200)).await, [second]);
        assert_eq!(known(&mut conn, &["1.wav".into()]).await.unwrap(), [""; 0]);
        let mut wrong = conn.begin().await.unwrap();
        assert!(mark(&mut wrong, &[first, second], days(201)).await.is_err(), "one of them is gone already");
        wrong.rollback().await.unwrap();
        assert_eq!(settle(&mut conn, &keep(Some(1))).await, 1, "what is gone keeps the rule under which it went");
    }

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn two_never_take_the_same(pool: PgPool) {
        let (mut one, mut two) = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
        let first = recorded(&mut one, 1, "+8613800100001").await;
        let second = recorded(&mut one, 2, "+8613800100002").await;
        settle(&mut one, &keep(None)).await;
        let mut one = one.begin().await.unwrap();
        assert_eq!(take_due(&mut one, days(200), None, 1).await.unwrap()[0].id, first);
        assert_eq!(due(&mut two, days(200)).await, [second]);
        one.rollback().await.unwrap(); // the engine died
        assert_eq!(due(&mut two, days(200)).await, [first, second]);
    }

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn an_open_complaint_holds_the_recordings_of_its_follow_up(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let held_back = recorded(&mut conn, 1, "+8613800100001").await;
        let other = recorded(&mut conn, 2, "+8613800100002").await;
        let (reason, question) = (ComplaintReason::Noes, None);
        let (opened_at, contact_due_at) = (at(1), at(60));
        let new = NewComplaint { id: id(1), step: id(1), attempt: id(1), reason, question, opened_at, contact_due_at };
        assert!(complaints::open(&mut conn, &new).await.unwrap());
        settle(&mut conn, &keep(None)).await;
        assert_eq!(held(&mut conn, days(180) - TimeDelta::seconds(1)).await.unwrap(), 0);
        assert_eq!((held(&mut conn, days(180)).await.unwrap(), due(&mut conn, days(180)).await), (1, vec![other]));
        sqlx::query("update complaints set state = 'closed', closed_at = $1")
            .bind(at(9))
            .execute(&mut *conn)
            .await
            .unwrap();
        assert_eq!(
            (held(&mut conn, days(180)).await.unwrap(), due(&mut conn, days(180)).await),
            (0, vec![held_back, other])
        );
    }
}
