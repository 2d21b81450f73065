//! `outbox`: messages for other systems and texts for customers. Triggers write the rows in the transaction of what they tell of (migration 0046); here they are taken,
//! settled, looked at and replayed. Two engines never take one row; a webhook whose engine died is taken again, a text is not.

use super::state::{OutboxEvent, OutboxState, OutboxTarget};
use super::{Result, StoreError};
use crate::ids::FollowUpId;
use crate::outbox::fate::Fate;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

/// Channel on which a new message is notified.
pub const CHANNEL: &str = "huifang_outbox";

/// Who is told of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its name in the settings; `sms` for the gateway.
    pub name: String,
    /// What it is.
    pub kind: OutboxTarget,
    /// Of what it is told.
    pub events: Vec<OutboxEvent>,
}

/// Makes these the targets; those that are no more stay with what was queued for them, and get nothing new.
pub async fn set_targets(conn: &mut PgConnection, targets: &[Target], now: DateTime<Utc>) -> Result<()> {
    let mut tx = conn.begin().await?;
    let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
    sqlx::query("update outbox_targets set active = false where active and name <> all ($1)")
        .bind(&names)
        .execute(&mut *tx)
        .await?;
    for target in targets {
        let events: Vec<&str> = target.events.iter().map(|event| event.as_str()).collect();
        sqlx::query(
            "insert into outbox_targets (name, kind, events, since, active) values ($1, $2, $3, $4, true)
             on conflict (name) do update set kind = excluded.kind, events = excluded.events, active = true
             where (outbox_targets.kind, outbox_targets.events, outbox_targets.active) is distinct from (excluded.kind, excluded.events, true)",
        )
        .bind(&target.name)
        .bind(target.kind)
        .bind(events)
        .bind(now)
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await?;
    Ok(())
}

/// A message that is being sent.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Taken {
    /// Its id, the same at each try.
    pub id: Uuid,
    /// For whom.
    pub target: String,
    /// What that is.
    pub kind: OutboxTarget,
    /// What it tells of.
    pub event: OutboxEvent,
    /// Of which follow-up.
    pub follow_up_id: Option<Uuid>,
    /// Its particulars.
    pub payload: Value,
    /// When it happened.
    pub happened_at: DateTime<Utc>,
    /// Which try this is; 1 is the first.
    pub tries: i32,
}

/// Takes what is due for these targets, for as long as `lease`.
pub async fn take(
    conn: &mut PgConnection,
    targets: &[String],
    now: DateTime<Utc>,
    lease: TimeDelta,
    limit: i64,
) -> Result<Vec<Taken>> {
    Ok(sqlx::query_as(
        "with due as (
             select o.id, t.kind from outbox o join outbox_targets t on t.name = o.target
             where o.state in ('waiting', 'sending') and o.next_at <= $2 and o.target = any ($1) and t.active and (o.state = 'waiting' or t.kind = 'webhook')
             order by o.next_at limit $4
             for update of o skip locked
         )
         update outbox o set state = 'sending', tries = tries + 1, next_at = $3 from due where o.id = due.id
         returning o.id, o.target, due.kind, o.event, o.follow_up_id, o.payload, o.happened_at, o.tries",
    )
    .bind(targets)
    .bind(now)
    .bind(now + lease)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// Texts whose engine died while it sent them: nobody knows whether they went out. Returns how many.
pub async fn give_up_lost_texts(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<u64> {
    let done = sqlx::query(
        "update outbox o set state = 'unknown', ended_at = $1, last_error = 'the engine ended while it was being sent'
         from outbox_targets t where t.name = o.target and t.kind = 'sms' and o.state = 'sending' and o.next_at <= $1",
    )
    .bind(now)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Writes what became of a try. A message that is not being sent any more (its lease ran out, another engine has it) stays as it is.
pub async fn settle(
    conn: &mut PgConnection,
    taken: &Taken,
    fate: Fate,
    status: Option<u16>,
    error: Option<&str>,
    now: DateTime<Utc>,
) -> Result<()> {
    let (state, next_at, ended_at) = match fate {
        Fate::Sent => (OutboxState::Sent, now, Some(now)),
        Fate::Again(pause) => (OutboxState::Waiting, now + pause, None),
        Fate::Failed => (OutboxState::Failed, now, Some(now)),
        Fate::Unknown => (OutboxState::Unknown, now, Some(now)),
    };
    sqlx::query(
        "update outbox set state = $3, next_at = $4, ended_at = $5, last_status = $6, last_error = $7 where id = $1 and state = 'sending' and tries = $2",
    )
    .bind(taken.id)
    .bind(taken.tries)
    .bind(state)
    .bind(next_at)
    .bind(ended_at)
    .bind(status.map(|status| i16::try_from(status).unwrap_or(i16::MAX)))
    .bind(error)
    .execute(conn)
    .await?;
    Ok(())
}

/// Puts a text that was not sent (the hour is late) back until `at`, as if it had not been tried.
pub async fn put_off(conn: &mut PgConnection, taken: &Taken, at: DateTime<Utc>) -> Result<()> {
    sqlx::query("update outbox set state = 'waiting', next_at = $3, tries = tries - 1 where id = $1 and state = 'sending' and tries = $2")
        .bind(taken.id)
        .bind(taken.tries)
        .bind(at)
        .execute(conn)
        .await?;
    Ok(())
}

/// To whom a text goes, and what it may say.
#[derive(Clone, sqlx::FromRow)]
pub struct Addressee {
    /// The number, in clear.
    pub number: String,
    /// The customer's name.
    pub name: String,
    /// Language of their texts.
    pub language: String,
    /// Their zone.
    pub time_zone: String,
    /// Model of the car, or nothing.
    pub model: String,
    /// Its plate, or nothing.
    pub plate: String,
    /// Day of the event.
    pub happened_on: NaiveDate,
    /// The survey that they were not asked.
    pub survey_key: String,
    /// The number is on the do-not-call list or wrong, or the customer is to be forgotten.
    pub blocked: bool,
}

/// To whom the text of a follow-up goes.
pub async fn addressee(conn: &mut PgConnection, follow_up: Uuid) -> Result<Addressee> {
    let found = sqlx::query_as(
        "select p.number, c.name, c.language, c.time_zone, coalesce(v.model, '') as model, coalesce(v.plate, '') as plate, e.happened_on, f.survey_key,
                p.wrong_at is not null or c.erase_asked_at is not null or exists (select from do_not_call d where d.number = p.number) as blocked
         from follow_ups f join phones p on p.id = f.phone_id join customers c on c.id = f.customer_id
         join service_events e on e.id = f.service_event_id left join vehicles v on v.id = e.vehicle_id
         where f.id = $1",
    )
    .bind(follow_up)
    .fetch_optional(conn)
    .await?;
    found.ok_or_else(|| StoreError::row("follow_ups", follow_up, "there is none"))
}

/// A message as people see it.
#[derive(Clone, Debug, PartialEq, Serialize, sqlx::FromRow)]
pub struct Message {
    /// Its id.
    pub id: Uuid,
    /// For whom.
    pub target: String,
    /// What it tells of.
    pub event: OutboxEvent,
    /// Of which follow-up.
    pub follow_up_id: Option<Uuid>,
    /// Its particulars.
    pub payload: Value,
    /// When it happened.
    pub happened_at: DateTime<Utc>,
    /// Where it stands.
    pub state: OutboxState,
    /// Tries so far.
    pub tries: i32,
    /// When it is sent next, where it waits.
    pub next_at: DateTime<Utc>,
    /// HTTP status of the last answer.
    pub last_status: Option<i16>,
    /// What went wrong the last time.
    pub last_error: Option<String>,
    /// Since when it is sent, or given up.
    pub ended_at: Option<DateTime<Utc>>,
}

/// Which messages are wanted; newest first.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// In this state.
    pub state: Option<OutboxState>,
    /// For this target.
    pub target: Option<String>,
    /// Older than this one.
    pub after: Option<Uuid>,
    /// So many at most.
    pub limit: i64,
}

/// Lists messages.
pub async fn list(conn: &mut PgConnection, filter: &Filter) -> Result<Vec<Message>> {
    Ok(sqlx::query_as(
        "select id, target, event, follow_up_id, payload, happened_at, state, tries, next_at, last_status, last_error, ended_at from outbox
         where ($1::text is null or state = $1) and ($2::text is null or target = $2)
           and ($3::uuid is null or (happened_at, id) < (select o.happened_at, o.id from outbox o where o.id = $3))
         order by happened_at desc, id desc limit $4",
    )
    .bind(filter.state)
    .bind(&filter.target)
    .bind(filter.after)
    .bind(filter.limit)
    .fetch_all(conn)
    .await?)
}

/// How many messages of a target are in a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Count {
    /// The target.
    pub target: String,
    /// The settings name it.
    pub active: bool,
    /// The state.
    pub state: OutboxState,
    /// How many.
    pub messages: i64,
    /// When the oldest of them happened.
    pub oldest: DateTime<Utc>,
}

/// Counts by target and state.
pub async fn counts(conn: &mut PgConnection) -> Result<Vec<Count>> {
    Ok(sqlx::query_as(
        "select o.target, t.active, o.state, count(*) as messages, min(o.happened_at) as oldest from outbox o join outbox_targets t on t.name = o.target
         group by 1, 2, 3 order by 1, 3",
    )
    .fetch_all(conn)
    .await?)
}

/// Sends a message once more, whatever became of it; its tries begin anew, its id stays. False where it is on its way, or there is none.
pub async fn replay(conn: &mut PgConnection, id: Uuid, now: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query(
        "update outbox set state = 'waiting', tries = 0, next_at = $2, ended_at = null where id = $1 and state in ('sent', 'failed', 'unknown', 'waiting')",
    )
    .bind(id)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Sends all messages of a target once more that were given up. Texts of which nobody knows are not among them: each is decided about on its own.
pub async fn replay_failed(conn: &mut PgConnection, target: Option<&str>, now: DateTime<Utc>) -> Result<u64> {
    let done = sqlx::query(
        "update outbox set state = 'waiting', tries = 0, next_at = $2, ended_at = null where state = 'failed' and ($1::text is null or target = $1)",
    )
    .bind(target)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Tells that a report was made.
pub async fn report_made(conn: &mut PgConnection, data: &Value, now: DateTime<Utc>) -> Result<()> {
    sqlx::query("select outbox_put('report', null, $1, $2)").bind(now).bind(data).execute(conn).await?;
    Ok(())
}

/// Queues the text of a follow-up for a customer who asked for one. False where texts are not set up, or one is queued or sent already.
pub async fn put_text(conn: &mut PgConnection, follow_up: FollowUpId, now: DateTime<Utc>) -> Result<bool> {
    let mut tx = conn.begin().await?;
    let survey: Option<String> = sqlx::query_scalar("select survey_key from follow_ups where id = $1 for update")
        .bind(follow_up.0)
        .fetch_optional(&mut *tx)
        .await?;
    let Some(survey) = survey else { return Err(StoreError::row("follow_ups", follow_up, "there is none")) };
    let texts = "select count(*) from outbox where follow_up_id = $1 and event = 'sms'";
    let before: i64 = sqlx::query_scalar(texts).bind(follow_up.0).fetch_one(&mut *tx).await?;
    if before > 0 {
        return Ok(false);
    }
    sqlx::query(
        "select outbox_put('sms', $1, $2, jsonb_build_object('follow_up', $1, 'survey', $3::text, 'why', 'asked'))",
    )
    .bind(follow_up.0)
    .bind(now)
    .bind(survey)
    .execute(&mut *tx)
    .await?;
    let queued: i64 = sqlx::query_scalar(texts).bind(follow_up.0).fetch_one(&mut *tx).await?;
    tx.commit().await?;
    Ok(queued > 0)
}

/// Removes what was sent before a moment. Returns how many.
pub async fn sweep(conn: &mut PgConnection, before: DateTime<Utc>, limit: i64) -> Result<u64> {
    let done = sqlx::query(
        "delete from outbox where id in (select id from outbox where state = 'sent' and ended_at < $1 limit $2)",
    )
    .bind(before)
    .bind(limit)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

#[cfg(test)]
mod tests;
