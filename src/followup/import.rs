//! Loads an after-sales list: `list` reads it row by row, `db::imports` writes it by the batch, and bad rows are given back. Shell: asks files, clock and store.
//!
//! Importing a list twice creates nothing twice. A batch is one transaction: an import that breaks off leaves whole batches, and can simply be run again.

use super::calendar::{self, Happened};
use super::list::{Column, Defaults, ListError, Reader, Reason, Reject, Row};
use crate::clock::Clock;
use crate::db::imports::{self, Counts, NewRow, RowIds};
use crate::db::state::{EventKind, ListKind};
use crate::db::{StoreError, surveys};
use crate::ids::{ImportId, uuid_v7};
use chrono::{DateTime, Duration, Utc};
use sqlx::PgConnection;
use std::io::{Read, Write};
use thiserror::Error;
use uuid::Uuid;

/// Rows loaded in one transaction.
const BATCH: usize = 1000;
/// The source by which a repair list's events are known.
const SOURCE: &str = "repair_list";

/// What an import needs to know.
#[derive(Clone, Debug)]
pub struct ImportSettings {
    /// What rows take where they say nothing.
    pub defaults: Defaults,
    /// The survey that each row is owed (`aftersales_3day`); it must be published.
    pub survey: String,
    /// How long after the event the call becomes due.
    pub delay: Duration,
    /// Read and check everything, write nothing.
    pub dry_run: bool,
}

/// What an import came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows by what became of them. In a dry run `loaded` is what would be.
    pub counts: Counts,
    /// Loaded rows that are closed already, since their number is marked wrong or on the do-not-call list.
    pub blocked: u64,
}

/// Why an import ended early. What was loaded before stays, and is known the next time.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The file is not such a list.
    #[error(transparent)]
    List(#[from] ListError),
    /// The survey is not published.
    #[error("survey {0} is not published: rows cannot be owed it")]
    Survey(String),
    /// The rejected rows cannot be written.
    #[error("the rejected rows cannot be written: {0}")]
    Rejects(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where rejected rows go: a CSV with the list's own header and two columns more, line and reason.
pub struct Rejects<W: Write> {
    csv: csv::Writer<W>,
    header: Option<Vec<Vec<u8>>>,
}

impl<W: Write> Rejects<W> {
    /// Nothing is written before the first rejected row.
    pub fn new(output: W) -> Rejects<W> {
        Rejects { csv: csv::WriterBuilder::new().flexible(true).from_writer(output), header: None }
    }

    fn write(&mut self, reject: &Reject) -> Result<(), ImportError> {
        let failed = |error: csv::Error| ImportError::Rejects(error.to_string());
        if let Some(mut header) = self.header.take() {
            header.extend([b"line".to_vec(), b"reason".to_vec()]);
            self.csv.write_record(&header).map_err(failed)?;
        }
        let mut cells = reject.cells.expose().clone();
        let reason = match reject.column {
            Some(column) => format!("{column}: {}", reject.reason),
            None => reject.reason.to_string(),
        };
        cells.extend([reject.line.to_string().into_bytes(), reason.into_bytes()]);
        self.csv.write_record(&cells).map_err(failed)
    }
}

/// One import under way.
struct Import<'a, W: Write> {
    conn: &'a mut PgConnection,
    settings: &'a ImportSettings,
    random: &'a mut (dyn FnMut() -> [u8; 10] + Send),
    now: DateTime<Utc>,
    id: Option<ImportId>,
    rejects: Rejects<W>,
    summary: Summary,
    batch: Vec<NewRow>,
    /// Rows loaded since the planner was last told.
    unanalyzed: u64,
}

/// Reads a list and loads its good rows; every bad one goes to `rejects` and to `report`. `random` gives the random bits of ids; `progress` is told after each batch.
#[expect(clippy::too_many_arguments, reason = "each is one thing that the caller decides")]
pub async fn run<R: Read + Send, W: Write + Send>(
    conn: &mut PgConnection,
    input: R,
    file_name: &str,
    rejects: Rejects<W>,
    settings: &ImportSettings,
    clock: &Clock,
    random: &mut (dyn FnMut() -> [u8; 10] + Send),
    mut report: impl FnMut(&Reject) + Send,
    mut progress: impl FnMut(&Summary) + Send,
) -> Result<Summary, ImportError> {
    let now = clock.now();
    let mut reader = Reader::new(input, settings.defaults.clone())?;
    if !surveys::newest(conn).await?.iter().any(|(key, _)| *key == settings.survey) {
        return Err(ImportError::Survey(settings.survey.clone()));
    }
    let mut rejects = rejects;
    rejects.header = Some(reader.header()?);
    let mut import = Import {
        conn,
        settings,
        random,
        now,
        id: None,
        rejects,
        summary: Summary::default(),
        batch: Vec::new(),
        unanalyzed: 0,
    };
    if !settings.dry_run {
        let id = ImportId(import.new_id());
        imports::begin(import.conn, id, ListKind::Repair, file_name, now).await?;
        import.id = Some(id);
    }
    while let Some(row) = reader.next(now)? {
        import.summary.counts.read += 1;
        let planned =
            row.and_then(|row| import.plan(row).map_err(|reason| reader.reject(Some(Column::RepairDate), reason)));
        match planned {
            Ok(row) => import.batch.push(row),
            Err(reject) => {
                import.summary.counts.rejected += 1;
                report(&reject);
                import.rejects.write(&reject)?;
            }
        }
        if import.batch.len() >= BATCH {
            import.load().await?;
            progress(&import.summary);
        }
    }
    import.load().await?;
    import.rejects.csv.flush().map_err(|error| ImportError::Rejects(error.to_string()))?;
    if import.unanalyzed >= BATCH as u64 {
        imports::analyze(import.conn).await?;
    }
    if let Some(id) = import.id {
        imports::finish(import.conn, id, import.summary.counts, clock.now()).await?;
    }
    progress(&import.summary);
    Ok(import.summary)
}

impl<W: Write> Import<'_, W> {
    fn new_id(&mut self) -> Uuid {
        uuid_v7(u64::try_from(self.now.timestamp_millis()).unwrap_or(0), (self.random)())
    }

    /// What a row makes due; a row whose deadline is over is given back.
    fn plan(&mut self, row: Row) -> Result<NewRow, Reason> {
        let happened = Happened { on: row.repaired_on, at: row.repaired_at };
        let span = calendar::span(happened, self.settings.delay, row.zone).filter(|span| span.deadline > self.now);
        let span = span.ok_or(Reason::TooLate)?;
        let ids = RowIds {
            customer: self.new_id().into(),
            phone: self.new_id().into(),
            vehicle: self.new_id().into(),
            advisor: self.new_id().into(),
            event: self.new_id().into(),
            follow_up: self.new_id().into(),
        };
        Ok(NewRow {
            ids,
            name: row.name,
            number: row.number,
            language: row.language,
            zone: row.zone,
            plate: row.plate,
            model: row.model,
            advisor: row.advisor,
            staff_number: row.staff_number,
            event: EventKind::Repair,
            happened_on: row.repaired_on,
            happened_at: row.repaired_at,
            survey: self.settings.survey.clone(),
            due_at: span.due_at,
            deadline: span.deadline,
        })
    }

    async fn load(&mut self) -> Result<(), ImportError> {
        let rows = std::mem::take(&mut self.batch);
        let (mut loaded, mut known) = (0, 0);
        if self.settings.dry_run {
            for is_known in imports::known(self.conn, SOURCE, &rows).await? {
                if is_known { known += 1 } else { loaded += 1 }
            }
        } else {
            let done = imports::load(self.conn, SOURCE, self.id, &rows, self.now).await?;
            self.summary.blocked += done.blocked as u64;
            for follow_up in done.follow_ups {
                if follow_up.is_some() { loaded += 1 } else { known += 1 }
            }
            self.unanalyzed += loaded;
            // Whenever the tables may have doubled.
            if self.unanalyzed > self.summary.counts.loaded / 2 {
                imports::analyze(self.conn).await?;
                self.unanalyzed = 0;
            }
        }
        self.summary.counts.loaded += loaded;
        self.summary.counts.known += known;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
