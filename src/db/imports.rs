//! `imports`, and the rows that a list creates: `customers`, `phones`, `vehicles`, `advisors`, `service_events`, `follow_ups`, by the thousand in one transaction.
//!
//! Loading is idempotent: an event is known by its source and the SHA-256 of number, plate and day. Imports load one after the other (advisory lock),
//! so that two of them never make one person two customers.

use super::state::{EventKind, ListKind};
use super::{Result, StoreError, phones};
use crate::ids::{AdvisorId, CustomerId, FollowUpId, ImportId, PhoneId, ServiceEventId, VehicleId};
use crate::phone::{E164, Pii};
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{Connection, PgConnection};
use std::collections::HashMap;
use uuid::Uuid;

mod load;

/// Ids for what a row may create; those of things that are there already are not used.
#[derive(Clone, Copy, Debug)]
pub struct RowIds {
    /// Customer's id.
    pub customer: CustomerId,
    /// Number's id.
    pub phone: PhoneId,
    /// Vehicle's id.
    pub vehicle: VehicleId,
    /// Advisor's id.
    pub advisor: AdvisorId,
    /// Event's id.
    pub event: ServiceEventId,
    /// Follow-up's id.
    pub follow_up: FollowUpId,
}

/// One row of a list, read and checked.
#[derive(Clone, Debug)]
pub struct NewRow {
    /// Ids for what it may create.
    pub ids: RowIds,
    /// Customer's name. A customer is known by name and number together.
    pub name: Pii<String>,
    /// Number.
    pub number: E164,
    /// BCP 47 tag of the prompts (of a new customer).
    pub language: String,
    /// Zone (of a new customer).
    pub zone: chrono_tz::Tz,
    /// Licence plate, upper case, no blanks; may be empty.
    pub plate: Pii<String>,
    /// Model; may be empty.
    pub model: String,
    /// Advisor's name; may be empty.
    pub advisor: Pii<String>,
    /// Advisor's staff number.
    pub staff_number: Option<String>,
    /// What happened.
    pub event: EventKind,
    /// On which day, in the zone.
    pub happened_on: NaiveDate,
    /// At which moment, where known.
    pub happened_at: Option<DateTime<Utc>>,
    /// Survey that is owed.
    pub survey: String,
    /// From when on.
    pub due_at: DateTime<Utc>,
    /// Until when.
    pub deadline: DateTime<Utc>,
}

/// What [`load`] did with its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// The follow-up of each row that was new, in the rows' order (`None`: its event was known, or came twice).
    pub follow_ups: Vec<Option<FollowUpId>>,
    /// How many of the new ones were closed at once, since their number is wrong or blocked.
    pub blocked: usize,
}

/// Writes that an import began.
pub async fn begin(
    conn: &mut PgConnection,
    id: ImportId,
    list: ListKind,
    file_name: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let done = sqlx::query("insert into imports (id, list, file_name, began_at) values ($1, $2, $3, $4)")
        .bind(id.0)
        .bind(list)
        .bind(file_name)
        .bind(now)
        .execute(conn)
        .await?;
    exactly_one(done.rows_affected(), id)
}

/// Tells PostgreSQL's planner about rows that were loaded in bulk, which it would else learn a minute later: meanwhile leasing and loading are
/// many times slower (measured at 100,000 rows: 500 ms a lease before, 2 ms after).
pub async fn analyze(conn: &mut PgConnection) -> Result<()> {
    sqlx::query("analyze customers, phones, vehicles, service_events, follow_ups").execute(conn).await?;
    Ok(())
}

/// Rows of an import, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows read.
    pub read: u64,
    /// Rows that created a follow-up.
    pub loaded: u64,
    /// Rows whose event was known.
    pub known: u64,
    /// Rows that could not be used.
    pub rejected: u64,
}

/// Writes that an import ended.
pub async fn finish(conn: &mut PgConnection, id: ImportId, counts: Counts, now: DateTime<Utc>) -> Result<()> {
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let done = sqlx::query(
        "update imports set ended_at = $2, rows_read = $3, rows_loaded = $4, rows_known = $5, rows_rejected = $6 where id = $1 and ended_at is null",
    )
    .bind(id.0)
    .bind(now)
    .bind(number(counts.read))
    .bind(number(counts.loaded))
    .bind(number(counts.known))
    .bind(number(counts.rejected))
    .execute(conn)
    .await?;
    exactly_one(done.rows_affected(), id)
}

fn exactly_one(rows: u64, id: ImportId) -> Result<()> {
    if rows == 1 { Ok(()) } else { Err(StoreError::row("imports", id, "it was to be running")) }
}

/// Loads rows in one transaction. `source` names where they come from (`repair_list`); a few thousand rows at a time are a good size.
pub async fn load(
    conn: &mut PgConnection,
    source: &str,
    import: Option<ImportId>,
    rows: &[NewRow],
    now: DateTime<Utc>,
) -> Result<Loaded> {
    let mut tx = conn.begin().await?;
    sqlx::query("select pg_advisory_xact_lock(hashtext('huifang_import'))").execute(&mut *tx).await?;
    let keys = load::source_keys(&mut tx, rows).await?;
    let known = load::known_events(&mut tx, source, &keys).await?;
    let mut first: HashMap<&str, usize> = HashMap::new();
    for (i, key) in keys.iter().enumerate() {
        first.entry(key).or_insert(i);
    }
    let fresh: Vec<usize> =
        (0..rows.len()).filter(|&i| !known.contains(&keys[i]) && first[keys[i].as_str()] == i).collect();
    let new: Vec<&NewRow> = fresh.iter().map(|&i| &rows[i]).collect();
    let mut loaded = Loaded { follow_ups: vec![None; rows.len()], blocked: 0 };
    if !new.is_empty() {
        let people = load::customers(&mut tx, &new, now).await?;
        let advisors = load::advisors(&mut tx, &new, now).await?;
        let vehicles = load::vehicles(&mut tx, &new, &people, now).await?;
        let new_keys: Vec<&str> = fresh.iter().map(|&i| keys[i].as_str()).collect();
        let belongings = load::Belongings { people: &people, advisors: &advisors, vehicles: &vehicles };
        load::events(&mut tx, source, import, &new, &new_keys, &belongings, now).await?;
        load::follow_ups(&mut tx, &new, &people, now).await?;
        let ids: Vec<Uuid> = new.iter().map(|row| row.ids.follow_up.0).collect();
        loaded.blocked = phones::close_blocked(&mut tx, None, Some(&ids), now).await?.len();
    }
    tx.commit().await?;
    for i in fresh {
        loaded.follow_ups[i] = Some(rows[i].ids.follow_up);
    }
    Ok(loaded)
}

/// The rows among these whose event is known already or came before among them (for a dry run): one flag for each row.
pub async fn known(conn: &mut PgConnection, source: &str, rows: &[NewRow]) -> Result<Vec<bool>> {
    let keys = load::source_keys(conn, rows).await?;
    let mut known = load::known_events(conn, source, &keys).await?;
    Ok(keys.into_iter().map(|key| !known.insert(key)).collect())
}

#[cfg(test)]
mod tests;
