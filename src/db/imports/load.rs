//! The statements of `imports::load`, one for each table; all rows at once by `unnest`.

use super::NewRow;
use crate::db::{Result, StoreError};
use crate::ids::ImportId;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// Customer and phone of each row.
pub(super) type People = Vec<(Uuid, Uuid)>;

/// What an event belongs to, row by row.
pub(super) struct Belongings<'a> {
    pub(super) people: &'a [(Uuid, Uuid)],
    pub(super) advisors: &'a [Option<Uuid>],
    pub(super) vehicles: &'a [Option<Uuid>],
}

/// Hex SHA-256 of number, plate and day of each row: PostgreSQL reckons it, so that no second implementation can differ.
pub(super) async fn source_keys(conn: &mut PgConnection, rows: &[NewRow]) -> Result<Vec<String>> {
    let texts: Vec<String> =
        rows.iter().map(|row| format!("{}|{}|{}", row.number.as_str(), row.plate.expose(), row.happened_on)).collect();
    let keys = sqlx::query_scalar(
        "select encode(sha256(convert_to(t.text, 'UTF8')), 'hex') from unnest($1::text[]) with ordinality t(text, n) order by t.n",
    )
    .bind(texts)
    .fetch_all(conn)
    .await?;
    Ok(keys)
}

pub(super) async fn known_events(conn: &mut PgConnection, source: &str, keys: &[String]) -> Result<HashSet<String>> {
    let known: Vec<String> =
        sqlx::query_scalar("select source_key from service_events where source = $1 and source_key = any($2)")
            .bind(source)
            .bind(keys)
            .fetch_all(conn)
            .await?;
    Ok(known.into_iter().collect())
}

/// Finds each row's customer by name and number, or creates them.
pub(super) async fn customers(conn: &mut PgConnection, rows: &[&NewRow], now: DateTime<Utc>) -> Result<People> {
    let numbers: Vec<&str> = rows.iter().map(|row| row.number.as_str()).collect();
    let found: Vec<(String, String, Uuid, Uuid)> = sqlx::query_as(
        "select p.number, c.name, c.id, p.id from phones p join customers c on c.id = p.customer_id where p.number = any($1)",
    )
    .bind(numbers)
    .fetch_all(&mut *conn)
    .await?;
    let mut known: HashMap<(String, String), (Uuid, Uuid)> =
        found.into_iter().map(|(number, name, customer, phone)| ((number, name), (customer, phone))).collect();
    let mut people = People::with_capacity(rows.len());
    let mut new: Vec<&NewRow> = Vec::new();
    for row in rows {
        let key = (row.number.as_str().to_owned(), row.name.expose().clone());
        let ids = *known.entry(key).or_insert_with(|| {
            new.push(row);
            (row.ids.customer.0, row.ids.phone.0)
        });
        people.push(ids);
    }
    sqlx::query(
        "insert into customers (id, name, language, time_zone, created_at)
         select t.*, $5 from unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) t",
    )
    .bind(new.iter().map(|row| row.ids.customer.0).collect::<Vec<_>>())
    .bind(new.iter().map(|row| row.name.expose().clone()).collect::<Vec<_>>())
    .bind(new.iter().map(|row| row.language.clone()).collect::<Vec<_>>())
    .bind(new.iter().map(|row| row.zone.name()).collect::<Vec<_>>())
    .bind(now)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "insert into phones (id, customer_id, number, created_at) select t.*, $4 from unnest($1::uuid[], $2::uuid[], $3::text[]) t",
    )
    .bind(new.iter().map(|row| row.ids.phone.0).collect::<Vec<_>>())
    .bind(new.iter().map(|row| row.ids.customer.0).collect::<Vec<_>>())
    .bind(new.iter().map(|row| row.number.as_str()).collect::<Vec<_>>())
    .bind(now)
    .execute(conn)
    .await?;
    Ok(people)
}

/// Finds each row's advisor, by staff number where the row has one, else by name, or creates them. A row without a name has none.
pub(super) async fn advisors(
    conn: &mut PgConnection,
    rows: &[&NewRow],
    now: DateTime<Utc>,
) -> Result<Vec<Option<Uuid>>> {
    let names: Vec<String> = rows.iter().map(|row| row.advisor.expose().clone()).collect();
    let numbers: Vec<String> = rows.iter().filter_map(|row| row.staff_number.clone()).collect();
    let found: Vec<(Uuid, String, Option<String>)> = sqlx::query_as(
        "select id, name, staff_number from advisors where name = any($1) or staff_number = any($2) order by staff_number nulls last, id",
    )
    .bind(names)
    .bind(numbers)
    .fetch_all(&mut *conn)
    .await?;
    let mut by_number: HashMap<String, Uuid> = HashMap::new();
    let mut by_name: HashMap<String, Uuid> = HashMap::new();
    for (id, name, number) in found {
        by_name.entry(name).or_insert(id);
        if let Some(number) = number {
            by_number.insert(number, id);
        }
    }
    let mut ids = Vec::with_capacity(rows.len());
    let mut new: Vec<&NewRow> = Vec::new();
    for row in rows {
        let name = row.advisor.expose();
        let known = match &row.staff_number {
            Some(number) => by_number.get(number),
            None => by_name.get(name),
        };
        let id = match known {
            Some(&id) => Some(id),
            None if name.is_empty() => None,
            None => {
                new.push(row);
                let id = row.ids.advisor.0;
                by_name.entry(name.clone()).or_insert(id);
                if let Some(number) = &row.staff_number {
                    by_number.insert(number.clone(), id);
                }
                Some(id)
            }
        };
        ids.push(id);
    }
    sqlx::query(
        "insert into advisors (id, name, staff_number, created_at) select t.*, $4 from unnest($1::uuid[], $2::text[], $3::text[]) t",
    )
    .bind(new.iter().map(|row| row.ids.advisor.0).collect::<Vec<_>>())
    .bind(new.iter().map(|row| row.advisor.expose().clone()).collect::<Vec<_>>())
    .bind(new.iter().map(|row| row.staff_number.clone()).collect::<Vec<_>>())
    .bind(now)
    .execute(conn)
    .await?;
    Ok(ids)
}

/// Finds each row's car by customer and plate, or creates it; a model that was missing is filled in. A row with neither plate nor model has none.
pub(super) async fn vehicles(
    conn: &mut PgConnection,
    rows: &[&NewRow],
    people: &[(Uuid, Uuid)],
    now: DateTime<Utc>,
) -> Result<Vec<Option<Uuid>>> {
    let mut cars: HashMap<(Uuid, &str), &NewRow> = HashMap::new();
    for (row, (customer, _)) in rows.iter().zip(people) {
        if !row.plate.expose().is_empty() || !row.model.is_empty() {
            cars.entry((*customer, row.plate.expose().as_str())).or_insert(row);
        }
    }
    let stored: Vec<(Uuid, Uuid, String)> = sqlx::query_as(
        "insert into vehicles (id, customer_id, plate, model, created_at)
         select t.*, $5 from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) t
         on conflict on constraint vehicles_once do update set model = coalesce(nullif(vehicles.model, ''), excluded.model)
         returning id, customer_id, plate",
    )
    .bind(cars.values().map(|row| row.ids.vehicle.0).collect::<Vec<_>>())
    .bind(cars.keys().map(|(customer, _)| *customer).collect::<Vec<_>>())
    .bind(cars.keys().map(|(_, plate)| (*plate).to_owned()).collect::<Vec<_>>())
    .bind(cars.values().map(|row| row.model.clone()).collect::<Vec<_>>())
    .bind(now)
    .fetch_all(conn)
    .await?;
    let ids: HashMap<(Uuid, String), Uuid> =
        stored.into_iter().map(|(id, customer, plate)| ((customer, plate), id)).collect();
    Ok(rows
        .iter()
        .zip(people)
        .map(|(row, (customer, _))| ids.get(&(*customer, row.plate.expose().clone())).copied())
        .collect())
}

pub(super) async fn events(
    conn: &mut PgConnection,
    source: &str,
    import: Option<ImportId>,
    rows: &[&NewRow],
    keys: &[&str],
    of: &Belongings<'_>,
    now: DateTime<Utc>,
) -> Result<()> {
    let done = sqlx::query(
        "insert into service_events (id, customer_id, vehicle_id, advisor_id, kind, happened_on, happened_at, source_key, source, import_id, created_at)
         select t.*, $9, $10, $11
         from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::date[], $7::timestamptz[], $8::text[]) t",
    )
    .bind(rows.iter().map(|row| row.ids.event.0).collect::<Vec<_>>())
    .bind(of.people.iter().map(|(customer, _)| *customer).collect::<Vec<_>>())
    .bind(of.vehicles)
    .bind(of.advisors)
    .bind(rows.iter().map(|row| row.event.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.happened_on).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.happened_at).collect::<Vec<_>>())
    .bind(keys)
    .bind(source)
    .bind(import.map(|id| id.0))
    .bind(now)
    .execute(conn)
    .await?;
    all(done.rows_affected(), rows.len(), "service_events")
}

pub(super) async fn follow_ups(
    conn: &mut PgConnection,
    rows: &[&NewRow],
    people: &[(Uuid, Uuid)],
    now: DateTime<Utc>,
) -> Result<()> {
    let done = sqlx::query(
        "insert into follow_ups (id, customer_id, service_event_id, phone_id, survey_key, due_at, next_attempt_at, deadline, created_at)
         select t.id, t.customer, t.event, t.phone, t.survey, t.due, t.due, t.deadline, $8
         from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::timestamptz[], $7::timestamptz[])
              t(id, customer, event, phone, survey, due, deadline)",
    )
    .bind(rows.iter().map(|row| row.ids.follow_up.0).collect::<Vec<_>>())
    .bind(people.iter().map(|(customer, _)| *customer).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.ids.event.0).collect::<Vec<_>>())
    .bind(people.iter().map(|(_, phone)| *phone).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.survey.clone()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.due_at).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.deadline).collect::<Vec<_>>())
    .bind(now)
    .execute(conn)
    .await?;
    all(done.rows_affected(), rows.len(), "follow_ups")
}

fn all(affected: u64, wanted: usize, table: &'static str) -> Result<()> {
    if usize::try_from(affected) == Ok(wanted) {
        Ok(())
    } else {
        Err(StoreError::row(table, format!("{affected} of {wanted}"), "every new row was to be inserted"))
    }
}
