//! Recordings whose time is over: their files go, their rows are marked. The rule is `policy::retention`'s, the rows are `db::retention`'s, the files
//! `net::recording_files`'. The engine does it each hour, `huifang purge` when somebody asks.
//!
//! A file goes before its row is marked, and both before the transaction that holds the row commits: whatever dies in between leaves a row whose file is gone, and
//! the next pass marks it. A file that is not there counts as gone for the engine that made it; another one's may lie on another machine, and is left to that.

use super::forget::{Forget, Forgotten};
use super::policy::{Keep, retention as rule};
use super::salvage::Salvaged;
use crate::db::audit::{self, Entry};
use crate::db::retention::{self as rows, Due};
use crate::db::{StoreError, journal, sip_messages};
use crate::ids::{CustomerId, RecordingId};
use crate::net::recording_files::{self as files, Removal};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool};
use std::io;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// Recordings of one transaction: its row locks last as long as their files take.
const BATCH: i64 = 200;
/// SIP messages of one statement.
const MANY_MESSAGES: i64 = 5_000;
/// Rows and names that one statement is asked about.
const MANY: usize = 1000;
/// A file without a row is left alone for so long: its row may be under way.
const YOUNG: TimeDelta = TimeDelta::hours(24);

/// What a pass works with.
#[derive(Clone, Debug)]
pub struct Purge {
    /// The database's connections.
    pub pool: PgPool,
    /// Where recordings lie.
    pub directory: PathBuf,
    /// How long they are kept.
    pub keep: Keep,
    /// The journal of this engine: what it names is no orphan.
    pub journal: PathBuf,
    /// This engine in attempts.
    pub node: String,
    /// Who does it, for the audit log.
    pub by: String,
    /// Count as gone also what other engines made and is not here.
    pub missing: bool,
    /// How long rows are kept.
    pub forget: Forget,
    /// How long SIP messages are kept.
    pub traces: TimeDelta,
}

/// What a pass did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Purged {
    /// Recordings marked as purged.
    pub purged: u64,
    /// How large their files were.
    pub bytes: u64,
    /// SIP messages deleted.
    pub traces: u64,
    /// Recordings that a dead engine had left without a row, and that have one now.
    pub salvaged: u64,
    /// Recordings due but for an open complaint.
    pub held: i64,
    /// Recordings of other engines that are due and not in this directory.
    pub elsewhere: u64,
    /// Recordings whose files could not be removed, or finished.
    pub failed: Vec<Failed>,
    /// What went beside recordings.
    #[serde(flatten)]
    pub forgotten: Forgotten,
}

/// A file that could not be removed, or finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// The recording's id, or the name of a file that has none.
    pub what: String,
    /// What the system said.
    pub why: String,
}

/// Files that no kept recording has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Orphans {
    /// Their names.
    pub files: Vec<String>,
    /// How many more are named in the journal: their rows are still to come, or a person has to look at them.
    pub in_journal: usize,
}

/// Why a pass could not go on.
#[derive(Debug, thiserror::Error)]
pub enum PurgeError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] journal::JournalError),
    /// The directory is not there, or cannot be read: nothing is marked, for its files may lie on a disk that is not mounted.
    #[error("the recordings directory {} cannot be read: {error}", .directory.display())]
    Directory {
        /// Which.
        directory: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The thread for files is gone: the process ends.
    #[error("the process is ending")]
    Ended,
}

impl From<sqlx::Error> for PurgeError {
    fn from(error: sqlx::Error) -> PurgeError {
        PurgeError::Store(error.into())
    }
}

impl Purge {
    /// Removes all that is due at `now`; after `stop` no further batch is begun.
    pub async fn run(&self, now: DateTime<Utc>, stop: &CancellationToken) -> Result<Purged, PurgeError> {
        self.ask_for_the_stale(now, stop).await?;
        let Salvaged { recordings: salvaged, failed } = self.salvage(now).await?;
        self.decide(&mut *self.pool.acquire().await?).await?;
        let mut done = Purged { salvaged, failed, ..Purged::default() };
        let mut after = None;
        while !stop.is_cancelled() {
            match self.batch(now, after, &mut done).await? {
                Some(last) => after = Some(last),
                None => break,
            }
        }
        done.traces = self.purge_traces(now, stop).await?;
        done.held = rows::held(&mut *self.pool.acquire().await?, now).await?;
        done.forgotten = self.forget(now, stop).await?;
        Ok(done)
    }

    /// What [`Purge::run`] would do, and what is held: everything is taken back.
    pub async fn look(&self, now: DateTime<Utc>) -> Result<(Vec<Due>, i64), PurgeError> {
        let mut transaction = self.pool.begin().await?;
        self.decide(&mut transaction).await?;
        let due = rows::take_due(&mut transaction, now, None, i64::MAX).await?;
        let held = rows::held(&mut transaction, now).await?;
        transaction.rollback().await?;
        Ok((due, held))
    }

    /// Deletes SIP messages whose time is over, in lots.
    async fn purge_traces(&self, now: DateTime<Utc>, stop: &CancellationToken) -> Result<u64, PurgeError> {
        let mut all = 0;
        while !stop.is_cancelled() {
            let mut conn = self.pool.acquire().await?;
            let gone = sip_messages::purge(&mut conn, now - self.traces, MANY_MESSAGES).await?;
            all += gone;
            if gone < MANY_MESSAGES.unsigned_abs() {
                break;
            }
        }
        Ok(all)
    }

    /// How many SIP messages [`Purge::run`] would delete.
    pub async fn traces_due(&self, now: DateTime<Utc>) -> Result<u64, PurgeError> {
        let due = sip_messages::due(&mut *self.pool.acquire().await?, now - self.traces).await?;
        Ok(due.unsigned_abs())
    }

    /// Says of each recording until when it is kept.
    async fn decide(&self, conn: &mut PgConnection) -> Result<(), StoreError> {
        loop {
            let found = rows::undecided(conn, MANY as i64).await?;
            let countries: Vec<_> = found.iter().map(|row| (row.id, rule::country(&row.number))).collect();
            rows::set_countries(conn, &countries).await?;
            if found.len() < MANY {
                break;
            }
        }
        rows::decide(conn, &self.keep).await?;
        Ok(())
    }

    /// One transaction; the last one that it took, or none when nothing is due any more.
    async fn batch(
        &self,
        now: DateTime<Utc>,
        after: Option<(DateTime<Utc>, RecordingId)>,
        done: &mut Purged,
    ) -> Result<Option<(DateTime<Utc>, RecordingId)>, PurgeError> {
        let mut transaction = self.pool.begin().await?;
        let due = rows::take_due(&mut transaction, now, after, BATCH).await?;
        let Some(last) = due.last().map(|due| (due.keep_until, due.id)) else { return Ok(None) };
        self.remove_all(transaction, due, now, done).await?;
        Ok(Some(last))
    }

    /// All recordings of a customer who is to be erased.
    pub(super) async fn of_person(&self, customer: CustomerId, now: DateTime<Utc>) -> Result<Purged, PurgeError> {
        let mut done = Purged::default();
        let mut transaction = self.pool.begin().await?;
        let due = rows::take_of(&mut transaction, customer, now).await?;
        if !due.is_empty() {
            self.remove_all(transaction, due, now, &mut done).await?;
        }
        Ok(done)
    }

    /// The files, then the rows, then the end of the transaction that holds them.
    async fn remove_all(
        &self,
        mut transaction: sqlx::Transaction<'_, sqlx::Postgres>,
        due: Vec<Due>,
        now: DateTime<Utc>,
        done: &mut Purged,
    ) -> Result<(), PurgeError> {
        let paths = due.iter().map(|due| due.path.clone()).collect();
        let removals = remove(&self.directory, paths).await?;
        let (mut gone, mut bytes) = (Vec::new(), 0);
        for (due, removal) in due.iter().zip(removals) {
            match removal {
                Ok(Removal::Removed(size)) => {
                    gone.push(due.id);
                    bytes += size;
                }
                Ok(Removal::NotThere) if self.missing || due.node == self.node => gone.push(due.id),
                Ok(Removal::NotThere) => done.elsewhere += 1,
                Err(error) => done.failed.push(Failed { what: due.id.to_string(), why: error.to_string() }),
            }
        }
        if !gone.is_empty() {
            rows::mark(&mut transaction, &gone, now).await?;
            let detail = json!({ "by": self.by, "purged": gone.len(), "bytes": bytes });
            audit::add(&mut transaction, &self.entry("recordings.purge", now, detail), rand::random()).await?;
        }
        transaction.commit().await?;
        done.purged += gone.len() as u64;
        done.bytes += bytes;
        Ok(())
    }

    fn entry(&self, action: &str, at: DateTime<Utc>, detail: Value) -> Entry {
        Entry::ours(at, action, "recordings", detail)
    }

    /// The files in the directory that no kept recording has, older than a day.
    pub async fn orphans(&self, now: DateTime<Utc>) -> Result<Orphans, PurgeError> {
        let (directory, journal) = (self.directory.clone(), self.journal.clone());
        // The journal before the store: what is applied in between is in one of them at least.
        let looked = blocking(move || {
            let old = files::older(&directory, (now - YOUNG).into());
            let old = old.map_err(|error| PurgeError::Directory { directory, error })?;
            let waiting = journal::waiting(&journal, &old)?;
            Ok::<_, PurgeError>((old, waiting))
        });
        let (old, waiting) = looked.await?;
        let mut orphans = Orphans { files: Vec::new(), in_journal: 0 };
        let mut conn = self.pool.acquire().await?;
        for some in old.chunks(MANY) {
            let known = rows::known(&mut conn, some).await?;
            for file in some.iter().filter(|file| !known.contains(*file)) {
                match waiting.contains(file) {
                    true => orphans.in_journal += 1,
                    false => orphans.files.push(file.clone()),
                }
            }
        }
        Ok(orphans)
    }

    /// Removes such files; how many went, and which did not.
    pub async fn remove_orphans(
        &self,
        orphans: &[String],
        now: DateTime<Utc>,
    ) -> Result<(u64, Vec<Failed>), PurgeError> {
        let (mut count, mut bytes, mut failed) = (0, 0, Vec::new());
        for (file, removal) in orphans.iter().zip(remove(&self.directory, orphans.to_vec()).await?) {
            match removal {
                Ok(Removal::Removed(size)) => {
                    count += 1;
                    bytes += size;
                }
                Ok(Removal::NotThere) => {}
                Err(error) => failed.push(Failed { what: file.clone(), why: error.to_string() }),
            }
        }
        if count > 0 {
            let detail = json!({ "by": self.by, "files": count, "bytes": bytes });
            let entry = self.entry("recordings.purge_orphans", now, detail);
            audit::add(&mut *self.pool.acquire().await?, &entry, rand::random()).await?;
        }
        Ok((count, failed))
    }
}

/// Removes files for good, each by itself; fails as a whole where the directory is not there.
async fn remove(directory: &Path, paths: Vec<String>) -> Result<Vec<io::Result<Removal>>, PurgeError> {
    let directory = directory.to_owned();
    blocking(move || {
        let look = |error| PurgeError::Directory { directory: directory.clone(), error };
        files::sync(&directory).map_err(look)?;
        let removals = paths.iter().map(|path| files::remove(&directory, path)).collect();
        files::sync(&directory).map_err(look)?;
        Ok(removals)
    })
    .await
}

/// Files on a thread that may wait.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PurgeError> + Send + 'static,
) -> Result<T, PurgeError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(_) => Err(PurgeError::Ended),
    }
}

#[cfg(test)]
pub(super) mod tests;
