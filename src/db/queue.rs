//! The queue: rows of `follow_ups` in waiting, retry and call_back, taken by lease (`for update skip locked`) and never held in a transaction during a call.
//!
//! A lease without an open attempt ends by time alone. One with an open attempt is never taken over here: that is `reconcile`.
//! Calling windows, caps and retry delays are `dialer::policy`'s; this file only keeps what must never be dialled out of the caller's hands.

use super::state::{EventKind, FollowUpState};
use super::{Result, StoreError};
use crate::ids::{CustomerId, FollowUpId, LeaseToken, PhoneId};
use crate::phone::{E164, Pii};
use chrono::{DateTime, Duration, NaiveDate, Utc};
use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

/// The channel on which PostgreSQL says that there is new work (`listen huifang_queue`).
pub const CHANNEL: &str = "huifang_queue";

/// What is asked of the queue.
#[derive(Clone, Copy, Debug)]
pub struct LeaseRequest<'a> {
    /// Who asks; the same name after a restart.
    pub node: &'a str,
    /// How many at most.
    pub limit: i64,
    /// For how long, unless [`heartbeat`] prolongs it.
    pub ttl: Duration,
    /// Now.
    pub now: DateTime<Utc>,
    /// Only this survey.
    pub survey: Option<&'a str>,
    /// Only this follow-up.
    pub follow_up: Option<FollowUpId>,
}

/// A follow-up in our hands until `expires_at`, with all that the call needs to know.
#[derive(Clone, Debug)]
pub struct Leased {
    /// Which.
    pub follow_up: FollowUpId,
    /// Proof that it is ours.
    pub token: LeaseToken,
    /// Until when.
    pub expires_at: DateTime<Utc>,
    /// waiting, retry or call_back.
    pub state: FollowUpState,
    /// Who is called.
    pub customer: CustomerId,
    /// Their name.
    pub name: Pii<String>,
    /// The number's id.
    pub phone: PhoneId,
    /// The number.
    pub number: E164,
    /// BCP 47 tag of the prompts.
    pub language: String,
    /// The customer's zone.
    pub zone: chrono_tz::Tz,
    /// What it is about.
    pub event: EventKind,
    /// The day of that, in the customer's zone.
    pub event_on: NaiveDate,
    /// Licence plate, where there is one.
    pub plate: Option<Pii<String>>,
    /// Model, where known.
    pub model: Option<String>,
    /// The advisor's name, where known.
    pub advisor_name: Option<Pii<String>>,
    /// The advisor's staff number, where known.
    pub advisor_number: Option<String>,
    /// Survey key.
    pub survey: String,
    /// The pinned version, or the newest published one.
    pub survey_version: i32,
    /// INVITEs that left so far.
    pub attempts_made: i32,
    /// Not dialled from this moment on.
    pub deadline: DateTime<Utc>,
    /// When it became due.
    pub next_attempt_at: DateTime<Utc>,
}
