//! What is kept of people beside recordings, and for how long: timelines and keyed answers go by the days of their country's pack, and who was not heard of for the
//! longest of both is erased. And erasure of one person when somebody asks. The rows are `db::forget`'s and `db::erase`'s; recordings' files are [`super::retention`]'s.
//!
//! Erasure: what waits is ended and the recordings are due ([`erase::ask`]), files go, then all that says who it was ([`erase::finish`]). Whatever dies in between, the
//! next pass of any engine, `huifang purge` or the same command again comes to the same end.

use super::policy::{Keep, retention as rule};
use super::retention::{Purge, PurgeError, Purged};
use crate::db::audit::{self, Entry};
use crate::db::erase::{self, Hindrance};
use crate::db::forget as rows;
use crate::db::{idempotency, outbox};
use crate::ids::CustomerId;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// Rows of one statement.
const BATCH: u32 = 500;

/// Idempotency keys of the API are kept for so long.
const KEYS: TimeDelta = TimeDelta::hours(24);

/// For how long rows are kept.
#[derive(Clone, Debug)]
pub struct Forget {
    /// What was keyed.
    pub answers: Keep,
    /// Timelines of attempts.
    pub attempts: Keep,
    /// Messages to others, after they were sent.
    pub messages: TimeDelta,
}

/// What a pass did beside recordings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Forgotten {
    /// Attempts whose timelines went.
    pub timelines: u64,
    /// Answers whose keys went, and leads whose numbers did.
    pub answers: u64,
    /// Customers who are erased now.
    pub persons: u64,
    /// Messages to others that went: they had been sent.
    pub messages: u64,
}

impl Purge {
    /// Makes the recordings due of customers of whom nothing is new.
    pub(super) async fn ask_for_the_stale(
        &self,
        now: DateTime<Utc>,
        stop: &CancellationToken,
    ) -> Result<(), PurgeError> {
        let mut conn = self.pool.acquire().await?;
        loop {
            let found = rows::undecided(&mut conn, BATCH.into()).await?;
            let countries: Vec<_> = found.iter().map(|row| (row.id, rule::country(&row.number))).collect();
            rows::set_countries(&mut conn, &countries).await?;
            if found.len() < BATCH as usize {
                break;
            }
        }
        let keep = self.forget.answers.longer(&self.forget.attempts);
        for customer in rows::stale(&mut conn, &keep, now, BATCH.into()).await? {
            if stop.is_cancelled() {
                break;
            }
            let detail = json!({ "by": self.by, "why": "retention" });
            let entry = Entry::ours(now, "person.erase", format!("customer {customer}"), detail);
            // What stands in the way came up just now: the next pass looks again.
            erase::ask(&mut conn, customer, now, &entry, rand::random()).await?;
        }
        Ok(())
    }

    /// Takes away what is over, and all that says who they were of those of whom it was asked.
    pub(super) async fn forget(&self, now: DateTime<Utc>, stop: &CancellationToken) -> Result<Forgotten, PurgeError> {
        let mut done = Forgotten::default();
        let mut conn = self.pool.acquire().await?;
        let (attempts, answers) = (&self.forget.attempts, &self.forget.answers);
        while !stop.is_cancelled() {
            let some = rows::trim_attempts(&mut conn, attempts, now, BATCH.into()).await?;
            done.timelines += some;
            if some < BATCH.into() {
                break;
            }
        }
        while !stop.is_cancelled() {
            let some = rows::trim_answers(&mut conn, answers, now, BATCH.into()).await?;
            done.answers += some;
            if some < BATCH.into() {
                break;
            }
        }
        while !stop.is_cancelled() {
            let some = outbox::sweep(&mut conn, now - self.forget.messages, BATCH.into()).await?;
            done.messages += some;
            if some < BATCH.into() {
                break;
            }
        }
        while !stop.is_cancelled() && idempotency::sweep(&mut conn, now - KEYS, BATCH.into()).await? == u64::from(BATCH)
        {
        }
        done.answers += rows::trim_leads(&mut conn, answers, now).await?;
        for customer in erase::unfinished(&mut conn, BATCH.into()).await? {
            erase::finish(&mut conn, customer, now).await?;
            done.persons += 1;
        }
        if done != Forgotten::default() {
            let mut detail = json!(done);
            detail["by"] = self.by.clone().into();
            audit::add(&mut conn, &Entry::ours(now, "persons.purge", "persons", detail), rand::random()).await?;
        }
        Ok(done)
    }

    /// Erases one customer, or says what stands in the way.
    pub async fn erase(
        &self,
        customer: CustomerId,
        now: DateTime<Utc>,
    ) -> Result<Result<Purged, Hindrance>, PurgeError> {
        let entry =
            Entry::ours(now, "person.erase", format!("customer {customer}"), json!({ "by": self.by, "why": "asked" }));
        // what an engine left without a row goes as well
        self.salvage(now).await?;
        let mut conn = self.pool.acquire().await?;
        if let Some(hindrance) = erase::ask(&mut conn, customer, now, &entry, rand::random()).await? {
            return Ok(Err(hindrance));
        }
        let done = self.of_person(customer, now).await?;
        erase::finish(&mut conn, customer, now).await?;
        Ok(Ok(done))
    }
}

#[cfg(test)]
mod tests;
