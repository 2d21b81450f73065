//! The one task that applies the spool's records to PostgreSQL, in order. Retries with back-off while the database is away; never drops a record.

use super::file::{Reader, Record};
use super::{Fact, Journal, JournalError};
use crate::db::{Result as StoreResult, StoreError};
use sqlx::PgPool;
use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

/// Records applied in one transaction at most.
const BATCH: usize = 128;
/// First and longest wait before the database is asked again.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// The applying side; there is one.
#[derive(Debug)]
pub struct Applier {
    journal: Journal,
    /// Segments of earlier runs, oldest first.
    old: VecDeque<u64>,
    /// The oldest segment of this run; those after it follow without a gap.
    own: u64,
    reader: Option<Reader>,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many records were applied (or refused for their data and put aside).
    Applied(usize),
    /// Nothing is left.
    Idle,
}

/// Why a step did not get through. Nothing is lost: the same step can be taken again.
#[derive(Debug, Error)]
pub enum StepError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The spool.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl Journal {
    /// Opens the journal in `dir`: the side that calls append to, and the one that applies. Apply what an earlier run left ([`Applier::drain`])
    /// before anything is leased.
    pub fn open(dir: &Path) -> Result<(Journal, Applier), JournalError> {
        let (journal, old) = Journal::open_dir(dir)?;
        let own = journal.0.head();
        Ok((journal.clone(), Applier { journal, old: old.into(), own, reader: None }))
    }
}

impl Applier {
    /// Applies the next records, up to a batch, in one transaction.
    pub async fn step(&mut self, pool: &PgPool) -> Result<Step, StepError> {
        loop {
            let number = self.old.front().copied().unwrap_or(self.own);
            let mut reader = match self.reader.take() {
                Some(reader) if reader.number == number => reader,
                Some(_) | None => Reader::open(self.journal.0.dir(), number)?,
            };
            let records = reader.peek(BATCH)?;
            if let Some(last) = records.last() {
                self.apply(pool, &records).await?;
                reader.offset = last.end;
                self.tidy(reader)?;
                let applied = records.len();
                self.journal
                    .0
                    .backlog
                    .send_modify(|backlog| backlog.records = backlog.records.saturating_sub(applied as u64));
                return Ok(Step::Applied(applied));
            }
            if !self.tidy(reader)? {
                return Ok(Step::Idle);
            }
        }
    }

    /// Empties or removes a segment that is read to its end; true where there is another to read.
    fn tidy(&mut self, mut reader: Reader) -> Result<bool, JournalError> {
        let number = reader.number;
        if number == self.journal.0.head() {
            if reader.offset > 0 && self.journal.0.empty_active(number, reader.offset)? {
                reader.offset = 0;
            }
            self.reader = Some(reader);
            return Ok(false);
        }
        // Asked after it was seen closed: nothing more comes into it.
        if !reader.peek(1)?.is_empty() {
            self.reader = Some(reader);
            return Ok(true);
        }
        self.journal.0.remove(number)?;
        if self.old.pop_front().is_none() {
            self.own += 1;
        }
        Ok(true)
    }

    /// All records in one transaction; if the data of one is refused, each in its own, and the refused one is put aside.
    #[tracing::instrument(target = "huifang::spans", name = "journal", level = "info", skip_all, fields(records = records.len()))]
    async fn apply(&self, pool: &PgPool, records: &[Record]) -> Result<(), StepError> {
        match apply_together(pool, records).await {
            Ok(()) => return Ok(()),
            Err(error) if !error.is_data_fault() => return Err(error.into()),
            Err(_) => {}
        }
        for record in records {
            match apply_together(pool, std::slice::from_ref(record)).await {
                Ok(()) => {}
                Err(error) if !error.is_data_fault() => return Err(error.into()),
                Err(error) => {
                    tracing::error!(%error, "journal: the store refuses a record; it is kept in refused.log");
                    self.journal.0.keep_refused(&record.json)?;
                }
            }
        }
        Ok(())
    }

    /// Applies all there is; ends at the first failure. For the start, before anything is leased, and for the end.
    pub async fn drain(&mut self, pool: &PgPool) -> Result<usize, StepError> {
        let mut all = 0;
        while let Step::Applied(n) = self.step(pool).await? {
            all += n;
        }
        Ok(all)
    }

    /// Applies records as they come until `stop`, then what is left, once. Hands the applier back with whatever the database would not take.
    pub async fn run(mut self, pool: PgPool, stop: CancellationToken) -> Applier {
        let mut wait = BACK_OFF.0;
        loop {
            let step = self.step(&pool).await;
            match step {
                Ok(Step::Applied(_)) => {
                    wait = BACK_OFF.0;
                    continue;
                }
                Ok(Step::Idle) => {
                    wait = BACK_OFF.0;
                    tokio::select! {
                        () = self.journal.0.written.notified() => continue,
                        () = stop.cancelled() => {}
                    }
                }
                Err(error) => {
                    let backlog = self.journal.backlog().records;
                    tracing::warn!(%error, backlog, retry_ms = wait.as_millis(), "journal: not applied yet");
                    self.sync().await;
                    tokio::select! {
                        () = tokio::time::sleep(wait) => { wait = (wait * 2).min(BACK_OFF.1); continue }
                        () = stop.cancelled() => {}
                    }
                }
            }
            if let Err(error) = self.drain(&pool).await {
                tracing::warn!(%error, backlog = self.journal.backlog().records, "journal: left for the next start");
                self.sync().await;
            }
            return self;
        }
    }

    async fn sync(&self) {
        let journal = self.journal.clone();
        match tokio::task::spawn_blocking(move || journal.0.sync()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "journal: not on the disk"),
            Err(error) => tracing::error!(%error, "journal: not on the disk"),
        }
    }
}

async fn apply_together(pool: &PgPool, records: &[Record]) -> StoreResult<()> {
    let mut tx = pool.begin().await?;
    for record in records {
        let facts: Vec<Fact> = serde_json::from_slice(&record.json)
            .map_err(|_| StoreError::row("journal", record.end, "a record was not written by this version"))?;
        for fact in &facts {
            fact.apply(&mut tx).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}
