//! Retention of what was keyed, of timelines, and of customers of whom nothing is new: which country's rule counts for each number, and what is over by it. Scores,
//! outcomes and times stay. What belongs to a follow-up with an open complaint is left alone.

use super::Result;
use crate::dialer::policy::Keep;
use crate::ids::{CustomerId, PhoneId};
use crate::phone::E164;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// A number for which nobody has said which country's rule counts.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Undecided {
    /// Its id.
    #[sqlx(try_from = "Uuid")]
    pub id: PhoneId,
    /// The number.
    #[sqlx(try_from = "String")]
    pub number: E164,
}

/// Some of the undecided numbers.
pub async fn undecided(conn: &mut PgConnection, limit: i64) -> Result<Vec<Undecided>> {
    Ok(sqlx::query_as("select id, number from phones where country is null order by id limit $1")
        .bind(limit)
        .fetch_all(conn)
        .await?)
}

/// Says whose rule counts; what was said before stands.
pub async fn set_countries(conn: &mut PgConnection, countries: &[(PhoneId, String)]) -> Result<()> {
    sqlx::query(
        "update phones p set country = said.country
         from unnest($1::uuid[], $2::text[]) as said (id, country) where p.id = said.id and p.country is null",
    )
    .bind(countries.iter().map(|(id, _)| id.0).collect::<Vec<_>>())
    .bind(countries.iter().map(|(_, country)| country.as_str()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// A rule as a statement takes it: countries and their days, the days elsewhere, and the fewest of all.
struct Days<'a> {
    countries: Vec<&'a str>,
    days: Vec<i32>,
    elsewhere: i32,
    fewest: i32,
}

impl<'a> Days<'a> {
    fn of(keep: &'a Keep) -> Days<'a> {
        // `Keep` says no more than 36,500 days.
        let whole = |days: u32| i32::try_from(days).unwrap_or(i32::MAX);
        let (countries, days): (Vec<&str>, Vec<i32>) =
            keep.by_country().map(|(country, kept)| (country, whole(kept))).unzip();
        let elsewhere = whole(keep.elsewhere());
        let fewest = days.iter().copied().min().unwrap_or(elsewhere).min(elsewhere);
        Days { countries, days, elsewhere, fewest }
    }
}

/// Removes the timelines of attempts that began so long ago, `limit` at most; of how many attempts. A day has 24 hours.
pub async fn trim_attempts(conn: &mut PgConnection, keep: &Keep, now: DateTime<Utc>, limit: i64) -> Result<u64> {
    let days = Days::of(keep);
    let done = sqlx::query(
        "with due as (
             select a.id from attempts a join phones p on p.id = a.phone_id
             left join unnest($2::text[], $3::int[]) as pack (country, days) on pack.country = p.country
             where a.trimmed_at is null and a.ended_at is not null and p.country is not null
               and a.began_at <= $1 - $5 * interval '24 hours'
               and a.began_at + coalesce(pack.days, $4) * interval '24 hours' <= $1
               and not exists (select from complaints c where c.follow_up_id = a.follow_up_id and c.state = 'open')
             order by a.began_at limit $6 for update of a skip locked
         ), events as (
             delete from attempt_events e using due where e.attempt_id = due.id
         ), messages as (
             delete from sip_messages m using due where m.attempt_id = due.id
         ), offers as (
             update transfers t set page_offer = null, page_answer = null from due
             where t.attempt_id = due.id and (t.page_offer is not null or t.page_answer is not null)
         )
         update attempts a set trimmed_at = $1 from due where a.id = due.id",
    )
    .bind(now)
    .bind(days.countries)
    .bind(days.days)
    .bind(days.elsewhere)
    .bind(days.fewest)
    .bind(limit)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Removes the keys of answers that were given so long ago, and values that are no word of a scale, `limit` at most; of how many answers. A day has 24 hours.
pub async fn trim_answers(conn: &mut PgConnection, keep: &Keep, now: DateTime<Utc>, limit: i64) -> Result<u64> {
    let days = Days::of(keep);
    let done = sqlx::query(
        "with due as (
             select r.id from answers r join attempts a on a.id = r.attempt_id join phones p on p.id = a.phone_id
             left join unnest($2::text[], $3::int[]) as pack (country, days) on pack.country = p.country
             where r.trimmed_at is null and p.country is not null
               and r.given_at <= $1 - $5 * interval '24 hours'
               and r.given_at + coalesce(pack.days, $4) * interval '24 hours' <= $1
               and not exists (select from complaints c where c.follow_up_id = r.follow_up_id and c.state = 'open')
             order by r.given_at limit $6 for update of r skip locked
         )
         update answers r set trimmed_at = $1, keys = '',
                value = case when r.score is not null or r.value ~ '^[a-z][a-z_]*$' then r.value else 'erased' end
         from due where r.id = due.id",
    )
    .bind(now)
    .bind(days.countries)
    .bind(days.days)
    .bind(days.elsewhere)
    .bind(days.fewest)
    .bind(limit)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Removes the numbers of leads that were keyed so long ago. A day has 24 hours.
pub async fn trim_leads(conn: &mut PgConnection, keep: &Keep, now: DateTime<Utc>) -> Result<u64> {
    let days = Days::of(keep);
    let done = sqlx::query(
        "update leads l set keyed = '0' from attempts a join phones p on p.id = a.phone_id
         left join unnest($2::text[], $3::int[]) as pack (country, days) on pack.country = p.country
         where a.id = l.attempt_id and l.keyed <> '0' and p.country is not null
           and l.given_at <= $1 - $5 * interval '24 hours'
           and l.given_at + coalesce(pack.days, $4) * interval '24 hours' <= $1
           and not exists (select from complaints c where c.follow_up_id = l.follow_up_id and c.state = 'open')",
    )
    .bind(now)
    .bind(days.countries)
    .bind(days.days)
    .bind(days.elsewhere)
    .bind(days.fewest)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Customers of whom nothing is newer than so many days (the most of their numbers' countries), and nothing is open: no event, call, complaint or touch made by a person.
pub async fn stale(conn: &mut PgConnection, keep: &Keep, now: DateTime<Utc>, limit: i64) -> Result<Vec<CustomerId>> {
    let days = Days::of(keep);
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "select c.id from customers c
         where c.erase_asked_at is null and c.created_at <= $1 - $5 * interval '24 hours'
           and not exists (select from phones p where p.customer_id = c.id and p.country is null)
           and not exists (select from follow_ups f where f.customer_id = c.id and f.closed_at is null)
           and not exists (select from complaints x where x.customer_id = c.id and x.state = 'open')
           and greatest(c.created_at,
                        (select max(e.happened_on)::timestamp at time zone 'UTC' from service_events e where e.customer_id = c.id),
                        (select max(f.closed_at) from follow_ups f where f.customer_id = c.id),
                        (select max(x.closed_at) from complaints x where x.customer_id = c.id),
                        (select max(t.closed_at) from follow_up_tasks t where t.customer_id = c.id and t.state = 'done'))
               + coalesce((select max(coalesce(pack.days, $4)) from phones p
                           left join unnest($2::text[], $3::int[]) as pack (country, days) on pack.country = p.country
                           where p.customer_id = c.id), $4) * interval '24 hours' <= $1
         order by c.id limit $6",
    )
    .bind(now)
    .bind(days.countries)
    .bind(days.days)
    .bind(days.elsewhere)
    .bind(days.fewest)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(CustomerId).collect())
}
