//! The on-disk spool between calls and PostgreSQL: what a call has to say is appended to a file and applied to the store by one task, in order, each record in one
//! transaction, idempotently. Calls go on while the database is away; after a crash the file is replayed.
//!
//! Durability: [`Journal::append`] returns after `write(2)`, so a record survives the engine's death (`kill -9`). When the database did not take a record at once,
//! the file is its only copy and is brought to the disk (`fdatasync`) by the applying task; against a power failure in the milliseconds before, nothing is promised.
//! A record that PostgreSQL refuses for its data (never for the database being away) goes to `refused.log` and the rest go on.
//!
//! Personal data: facts hold ids, keys, scores and masked timelines; no names, and no numbers but that of a lead (it is nowhere else until it is stored).
//! Directory 0700, files 0600.

use std::path::PathBuf;
use thiserror::Error;

mod applier;
mod fact;
mod file;

pub use applier::{Applier, Step, StepError};
pub use fact::Fact;
pub use file::{Backlog, Journal, waiting};

/// What can go wrong with the spool itself.
#[derive(Debug, Error)]
pub enum JournalError {
    /// Another engine has this journal open.
    #[error("journal {0}: another huifang runs on this data directory; stop it, or give this one another data_dir")]
    InUse(PathBuf),
    /// The disk.
    #[error("journal {path}: cannot {what}: {source}")]
    Io {
        /// File or directory.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// A fact that cannot be written as JSON.
    #[error("journal: a fact cannot be written: {0}")]
    Json(#[from] serde_json::Error),
}

#[cfg(test)]
mod tests;
