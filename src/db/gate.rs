//! The last gate before an INVITE: in one transaction the attempt is written, the number's history is judged, and the trunk's limits are held over all engines.
//!
//! The attempt is inserted first: its unique index makes whoever tries the same number wait, so the history that is read next is whole. The trunk's row is locked
//! last and let go by the commit, so that trunks are held up for as short as can be. Refused: everything is rolled back and no attempt stays.

use super::attempts::{self, BeginError, NewAttempt};
use super::{Result, StoreError};
use crate::dialer::policy::Contact;
use crate::ids::{AttemptId, FollowUpId};
use crate::phone::E164;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{Connection, PgConnection};

/// The row of `trunk_lines` that stands for all trunks together.
const ALL: &str = "*";
/// Attempts older than this count for nothing.
const PERIOD: TimeDelta = TimeDelta::days(30);

/// What a trunk takes, over all engines.
#[derive(Clone, Debug)]
pub struct Limits<'a> {
    /// Calls at the same time.
    pub max_calls: u32,
    /// Time between two calls; zero: no pace.
    pub interval: TimeDelta,
    /// Calls at the same time over all trunks; 0: no limit.
    pub all_calls: u32,
    /// The customer's present day began then.
    pub day_start: DateTime<Utc>,
    /// The number.
    pub number: &'a E164,
}

/// What the gate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate<T> {
    /// The attempt is committed; when each attempt at the follow-up began, this one included.
    Begun(Vec<DateTime<Utc>>),
    /// The caller's judgement said no.
    Denied(T),
    /// The trunk, or all of them together, have as many calls as they take.
    Full,
    /// The trunk's pace: not before this moment.
    Paced(DateTime<Utc>),
    /// The trunk had no room lately, as some engine saw: not before this moment.
    Held(DateTime<Utc>),
}

/// Begins an attempt where `judge` and the trunk's limits let it.
pub async fn begin<T>(
    conn: &mut PgConnection,
    new: &NewAttempt,
    limits: &Limits<'_>,
    judge: impl FnOnce(&Contact) -> std::result::Result<(), T>,
) -> std::result::Result<Gate<T>, BeginError> {
    let mut tx = conn.begin().await.map_err(StoreError::from)?;
    attempts::begin(&mut tx, new).await?;
    let contact = contact(&mut tx, limits.number, new.follow_up, Some(new.id), limits.day_start, new.began_at).await?;
    if let Err(no) = judge(&contact) {
        return Ok(Gate::Denied(no));
    }
    let begun = attempts::begun(&mut tx, new.follow_up).await?;
    if let Some(no_room) = pass(&mut tx, new, limits).await? {
        return Ok(no_room);
    }
    tx.commit().await.map_err(StoreError::from)?;
    Ok(Gate::Begun(begun))
}

/// Locks the trunk's row, and moves its pace on where there is room.
async fn pass<T>(tx: &mut PgConnection, new: &NewAttempt, limits: &Limits<'_>) -> Result<Option<Gate<T>>> {
    // in the order of the names, everywhere: no two can wait for each other
    if limits.all_calls > 0 {
        line(tx, ALL).await?;
    }
    let now = new.began_at;
    let Some((next_at, held_until)) = line(tx, &new.trunk).await? else {
        return Err(StoreError::row("trunk_lines", &new.trunk, "there is none: `open_lines` comes first"));
    };
    if let Some(held) = held_until.filter(|held| *held > now) {
        return Ok(Some(Gate::Held(held)));
    }
    if next_at > now && limits.interval > TimeDelta::zero() {
        return Ok(Some(Gate::Paced(next_at)));
    }
    // A little late: the beat is kept. Much later: no burst to catch up.
    let base = if now - next_at < limits.interval { next_at } else { now };
    if limits.all_calls > 0 && open(tx, None).await? > i64::from(limits.all_calls) {
        return Ok(Some(Gate::Full));
    }
    if open(tx, Some(&new.trunk)).await? > i64::from(limits.max_calls) {
        return Ok(Some(Gate::Full));
    }
    let done = sqlx::query("update trunk_lines set next_at = $2 where name = $1")
        .bind(&new.trunk)
        .bind(base + limits.interval)
        .execute(tx)
        .await?;
    match done.rows_affected() {
        1 => Ok(None),
        _ => Err(StoreError::row("trunk_lines", &new.trunk, "one row was to be moved on")),
    }
}

/// Attempts that are open, the one that is just being begun included: over a trunk, or over all. After the trunk's row is locked.
async fn open(tx: &mut PgConnection, trunk: Option<&str>) -> Result<i64> {
    let all = "select count(*) from attempts where ended_at is null";
    let own = "select count(*) from attempts where trunk = $1 and ended_at is null";
    let count = match trunk {
        None => sqlx::query_scalar(all),
        Some(trunk) => sqlx::query_scalar(own).bind(trunk),
    };
    Ok(count.fetch_one(tx).await?)
}

/// Locks a trunk's row: its next moment, and until when it is left alone.
async fn line(tx: &mut PgConnection, name: &str) -> Result<Option<(DateTime<Utc>, Option<DateTime<Utc>>)>> {
    Ok(sqlx::query_as("select next_at, held_until from trunk_lines where name = $1 for update")
        .bind(name)
        .fetch_optional(tx)
        .await?)
}

/// Makes sure that trunks have their rows. At the start of an engine.
pub async fn open_lines(conn: &mut PgConnection, trunks: &[String], now: DateTime<Utc>) -> Result<()> {
    let names: Vec<&str> = trunks.iter().map(String::as_str).chain([ALL]).collect();
    sqlx::query(
        "insert into trunk_lines (name, next_at) select n, $2 from unnest($1::text[]) n on conflict (name) do nothing",
    )
    .bind(names)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

/// A trunk had no room: every engine leaves it alone until then.
pub async fn hold(conn: &mut PgConnection, trunk: &str, until: DateTime<Utc>) -> Result<()> {
    sqlx::query("update trunk_lines set held_until = greatest(held_until, $2) where name = $1")
        .bind(trunk)
        .bind(until)
        .execute(conn)
        .await?;
    Ok(())
}

/// What a number and a follow-up have been through; `except` is the attempt that is just being begun.
pub async fn contact(
    conn: &mut PgConnection,
    number: &E164,
    follow_up: FollowUpId,
    except: Option<AttemptId>,
    day_start: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Contact> {
    type Row = (bool, i64, i64, i64, i64, Option<DateTime<Utc>>, Option<DateTime<Utc>>);
    let row: Row = sqlx::query_as(
        "select exists (select from do_not_call d where d.number = $1)
                  or exists (select from follow_ups f join phones p on p.id = f.phone_id where f.id = $2 and p.wrong_at is not null),
                count(*) filter (where a.follow_up_id = $2), count(*) filter (where a.follow_up_id = $2 and a.began_at >= $4),
                count(*) filter (where a.began_at >= $4), count(*),
                max(a.began_at) filter (where a.follow_up_id <> $2),
                max(coalesce(a.ended_at, a.began_at)) filter (where a.follow_up_id <> $2 and a.answered_at is not null
                                                              and a.survey_outcome in ('complete', 'partial', 'refusal'))
         from attempts a
         where a.number = $1 and a.began_at > $5 and ($3::uuid is null or a.id <> $3) and (a.invite_sent_at is not null or a.ended_at is null)",
    )
    .bind(number.as_str())
    .bind(follow_up.0)
    .bind(except.map(|id| id.0))
    .bind(day_start)
    .bind(now - PERIOD)
    .fetch_one(conn)
    .await?;
    let count = |n: i64| u32::try_from(n).unwrap_or(u32::MAX);
    Ok(Contact {
        blocked: row.0,
        follow_up: count(row.1),
        follow_up_today: count(row.2),
        number_today: count(row.3),
        number_30_days: count(row.4),
        other_attempt: row.5,
        other_conversation: row.6,
    })
}

/// Minutes of conversation since a moment, over all engines, calls that are going on included; begun minutes count.
pub async fn minutes_since(conn: &mut PgConnection, since: DateTime<Utc>, now: DateTime<Utc>) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "select coalesce(sum(ceil(extract(epoch from greatest(coalesce(ended_at, $2) - answered_at, interval '1 second')) / 60)), 0)::bigint
         from attempts where answered_at >= $1",
    )
    .bind(since)
    .bind(now)
    .fetch_one(conn)
    .await?)
}

#[cfg(test)]
mod tests;
