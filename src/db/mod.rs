//! The store. SQL lives only here; one file for each aggregate. Knows nothing of SIP or media.
//!
//! A function is one statement (or one transaction) on a connection that the caller gives; times are arguments, never the database's clock;
//! how many rows a statement touched is asserted. No function holds a transaction open while a call is going on.
#![forbid(unsafe_code)]

pub mod agent_bindings;
pub mod agent_sessions;
pub mod agents;
pub mod answers;
pub mod api_tokens;
pub mod attempt_figures;
pub mod attempts;
pub mod audit;
pub mod calendar;
pub mod call_backs;
pub mod complaint_desk;
pub mod complaint_drafts;
pub mod complaint_work;
pub mod complaints;
pub mod controls;
pub mod customers;
pub mod day_reviews;
pub mod desk;
pub mod embedded;
pub mod erase;
mod error;
pub mod figures;
pub mod follow_ups;
pub mod forget;
pub mod gate;
pub mod gauges;
pub mod idempotency;
pub mod imports;
pub mod journal;
pub mod leads;
pub mod lists;
pub mod media_quality;
pub mod outbox;
pub mod outlook;
pub mod person;
pub mod phones;
pub mod queue;
pub mod reconcile;
pub mod register;
pub mod retention;
pub mod run;
pub mod satisfaction;
pub mod screen;
mod setup;
pub mod sip_messages;
pub mod state;
pub mod status;
pub mod story;
pub mod surveys;
pub mod tasks;
pub mod transfers;
pub mod trunk_figures;
pub mod trunk_states;
pub mod user_sessions;
pub mod users;
pub mod wake;
pub mod weak_items;

#[cfg(test)]
pub(crate) mod fixture;

pub use error::StoreError;
pub use setup::{SetupError, Store, StoreSettings, connect, migrate, pending_migrations};

/// What store functions return.
pub type Result<T> = std::result::Result<T, StoreError>;

/// The tables' history, compiled in.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();
