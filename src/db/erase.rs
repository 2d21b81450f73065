//! Erasure of one customer in two steps, with their recordings' files between them: [`ask`] ends what waits and makes the recordings due, [`finish`] takes away all that
//! says who it was. Rows stay, so that every figure is what it was: scores, outcomes, times, model, advisor. The do-not-call list is left as it is.

use super::phones::BLOCKED;
use super::{Result, StoreError, audit};
use crate::ids::{AttemptId, ComplaintId, CustomerId};
use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

/// Why somebody is not erased now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hindrance {
    /// There is no such customer.
    Unknown,
    /// A call to them is going on.
    Live(AttemptId),
    /// An engine is about to call them.
    Leased,
    /// A complaint of theirs is open: a claim is being worked on (legal hold).
    Complaint(ComplaintId),
}

/// What stands in the way; none: nothing. With [`ask`]'s locks it stays so until the transaction ends.
async fn hindrance(conn: &mut PgConnection, customer: CustomerId, now: DateTime<Utc>) -> Result<Option<Hindrance>> {
    let live: Option<Uuid> = sqlx::query_scalar(
        "select a.id from attempts a join follow_ups f on f.id = a.follow_up_id where f.customer_id = $1 and a.ended_at is null limit 1",
    )
    .bind(customer.0)
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(attempt) = live {
        return Ok(Some(Hindrance::Live(AttemptId(attempt))));
    }
    let leased: bool = sqlx::query_scalar(
        "select exists (select from follow_ups where customer_id = $1 and lease_token is not null and lease_expires_at > $2)",
    )
    .bind(customer.0)
    .bind(now)
    .fetch_one(&mut *conn)
    .await?;
    if leased {
        return Ok(Some(Hindrance::Leased));
    }
    let complaint: Option<Uuid> =
        sqlx::query_scalar("select id from complaints where customer_id = $1 and state = 'open' order by id limit 1")
            .bind(customer.0)
            .fetch_optional(conn)
            .await?;
    Ok(complaint.map(|id| Hindrance::Complaint(ComplaintId(id))))
}

/// What would stand in the way, without asking for anything.
pub async fn look(conn: &mut PgConnection, customer: CustomerId, now: DateTime<Utc>) -> Result<Option<Hindrance>> {
    if !super::person::exists(conn, customer).await? {
        return Ok(Some(Hindrance::Unknown));
    }
    hindrance(conn, customer, now).await
}

/// Ends what waits for this customer, makes their recordings due, and keeps it in the audit log; asked again it changes nothing. Nobody dials them from here on.
pub async fn ask(
    conn: &mut PgConnection,
    customer: CustomerId,
    now: DateTime<Utc>,
    entry: &audit::Entry,
    random: [u8; 10],
) -> Result<Option<Hindrance>> {
    let mut tx = conn.begin().await?;
    let known: Option<Option<DateTime<Utc>>> =
        sqlx::query_scalar("select erase_asked_at from customers where id = $1 for update")
            .bind(customer.0)
            .fetch_optional(&mut *tx)
            .await?;
    let Some(asked) = known else { return Ok(Some(Hindrance::Unknown)) };
    // An engine passes over locked rows; one that has a lease already waits here, and then finds it gone.
    sqlx::query("select id from follow_ups where customer_id = $1 order by id for update")
        .bind(customer.0)
        .execute(&mut *tx)
        .await?;
    if let Some(hindrance) = hindrance(&mut tx, customer, now).await? {
        return Ok(Some(hindrance));
    }
    end_what_waits(&mut tx, customer, now).await?;
    if asked.is_none() {
        sqlx::query("update customers set erase_asked_at = $2 where id = $1")
            .bind(customer.0)
            .bind(now)
            .execute(&mut *tx)
            .await?;
        audit::add(&mut tx, entry, random).await?;
    }
    tx.commit().await?;
    Ok(None)
}

async fn end_what_waits(conn: &mut PgConnection, customer: CustomerId, now: DateTime<Utc>) -> Result<()> {
    sqlx::query(
        "update follow_ups set state = 'done', closed_at = $2, state_reason = 'number_blocked', state_detail = null,
                final_disposition = $3, final_aapor = $4, lease_token = null, lease_node = null, lease_expires_at = null
         where customer_id = $1 and closed_at is null",
    )
    .bind(customer.0)
    .bind(now)
    .bind(BLOCKED.0)
    .bind(BLOCKED.1)
    .execute(&mut *conn)
    .await?;
    for statement in [
        "update follow_up_tasks set state = 'skipped', closed_at = $2, closed_by = 'huifang' where customer_id = $1 and state = 'open'",
        "update phones set wrong_at = coalesce(wrong_at, $2) where customer_id = $1",
    ] {
        sqlx::query(statement).bind(customer.0).bind(now).execute(&mut *conn).await?;
    }
    Ok(())
}

/// What becomes of each table's rows about a customer (`$1`) at `$2`. A number turns into one that no numbering plan has, made from the row's own random id.
const FINISH: [&str; 18] = [
    "update customers set name = 'erased', source = null, region = null, owner = null, birthday = null, licence_until = null where id = $1 and $2::timestamptz is not null",
    "delete from do_not_call_removals where number in (select number from phones where customer_id = $1) and $2::timestamptz is not null",
    "update phones set country = coalesce(country, 'ZZ'), number = '+999' || lpad((hashtextextended(id::text, 0) & 34359738367)::text, 11, '0')
     where customer_id = $1 and $2::timestamptz is not null",
    "update vehicles v set plate = 'ERASED' || numbered.n, purchased_on = null, insurance_until = null, inspection_due = null
     from (select id, row_number() over (order by id) as n from vehicles where customer_id = $1) numbered where v.id = numbered.id and $2::timestamptz is not null",
    "update service_events set happened_at = null, source_key = 'erased:' || id where customer_id = $1 and $2::timestamptz is not null",
    "update follow_ups set state_detail = null where customer_id = $1 and $2::timestamptz is not null",
    "update follow_up_tasks set note = null where customer_id = $1 and $2::timestamptz is not null",
    "delete from attempt_events e using attempts a join follow_ups f on f.id = a.follow_up_id where e.attempt_id = a.id and f.customer_id = $1 and $2::timestamptz is not null",
    "delete from sip_messages m using attempts a join follow_ups f on f.id = a.follow_up_id where m.attempt_id = a.id and f.customer_id = $1 and $2::timestamptz is not null",
    "update attempts a set detail = null, trimmed_at = coalesce(a.trimmed_at, $2) from follow_ups f where f.id = a.follow_up_id and f.customer_id = $1",
    "update answers a set keys = '', value = case when a.score is not null or a.value ~ '^[a-z][a-z_]*$' then a.value else 'erased' end,
            trimmed_at = coalesce(a.trimmed_at, $2)
     from follow_ups f where f.id = a.follow_up_id and f.customer_id = $1",
    "update leads l set keyed = '0' from follow_ups f where f.id = l.follow_up_id and f.customer_id = $1 and l.keyed is not null and $2::timestamptz is not null",
    "update transfers t set page_offer = null, page_answer = null from follow_ups f where f.id = t.follow_up_id and f.customer_id = $1 and $2::timestamptz is not null",
    "update complaint_steps s set note = 'erased', detail = '{}' from complaints c where c.id = s.complaint_id and c.customer_id = $1 and $2::timestamptz is not null",
    "delete from complaint_drafts d using complaints c where c.id = d.complaint_id and c.customer_id = $1 and $2::timestamptz is not null",
    "update complaints set call_back_at = null where customer_id = $1 and state = 'closed' and $2::timestamptz is not null",
    "update customers set erased_at = $2 where id = $1",
    // Only for this transaction, and the last statement of it.
    "select set_config('huifang.erasing', 'off', true) where $1::uuid is not null and $2::timestamptz is not null",
];

/// Takes away all that says who a customer was, after [`ask`]. Once is enough, again is no harm.
pub async fn finish(conn: &mut PgConnection, customer: CustomerId, now: DateTime<Utc>) -> Result<()> {
    let mut tx = conn.begin().await?;
    let asked: Option<bool> =
        sqlx::query_scalar("select erase_asked_at is not null from customers where id = $1 for update")
            .bind(customer.0)
            .fetch_optional(&mut *tx)
            .await?;
    if asked != Some(true) {
        return Err(StoreError::row("customers", customer, "nobody asked that it be erased"));
    }
    // A list that was read in between.
    end_what_waits(&mut tx, customer, now).await?;
    sqlx::query("select set_config('huifang.erasing', 'on', true)").execute(&mut *tx).await?;
    for statement in FINISH {
        sqlx::query(statement).bind(customer.0).bind(now).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Customers of whom it was asked and who are still to be finished.
pub async fn unfinished(conn: &mut PgConnection, limit: i64) -> Result<Vec<CustomerId>> {
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "select id from customers where erase_asked_at is not null and erased_at is null order by id limit $1",
    )
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(CustomerId).collect())
}

#[cfg(test)]
mod tests;
