//! Loads a list: `list` reads it row by row, `db::imports` writes it by the batch with the surveys that the calendar owes, and bad rows are given back.
//! Shell: asks files, clock and store. What the calendar owes later, and its manual touches, are the planner's.
//!
//! Importing a list twice creates nothing twice. A batch is one transaction: an import that breaks off leaves whole batches, and can simply be run again.

use super::calendar::rule::{Anchor, Calendar, Rule};
use super::calendar::{Occurrence, Offset};
use super::list::{Column, Defaults, List, ListError, Reader, Reason, Reject, Row};
use crate::clock::Clock;
use crate::db::imports::{self, Counts, NewRow, Owed, RowIds};
use crate::db::state::{EventKind, ListKind};
use crate::db::{StoreError, surveys};
use crate::ids::{ImportId, uuid_v7};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::io::{Read, Write};
use std::sync::Arc;
use thiserror::Error;
use uuid::Uuid;

/// Rows loaded in one transaction.
const BATCH: usize = 1000;

/// What an import needs to know.
#[derive(Clone, Debug)]
pub struct ImportSettings {
    /// What rows take where they say nothing.
    pub defaults: Defaults,
    /// What is owed for an event. The surveys that its rules owe to everybody must be published.
    pub calendar: Arc<Calendar>,
    /// How long after the event a call becomes due where the rule does not say.
    pub delay: Offset,
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
    #[error(
        "survey {0} is not published, so the rows of this list cannot be owed it: publish it, or take its rule out of the calendar"
    )]
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
    header: Option<Vec<String>>,
}

impl<W: Write> Rejects<W> {
    /// Nothing is written before the first rejected row.
    pub fn new(output: W) -> Rejects<W> {
        Rejects { csv: csv::WriterBuilder::new().flexible(true).from_writer(output), header: None }
    }

    fn write(&mut self, reject: &Reject) -> Result<(), ImportError> {
        let failed = |error: csv::Error| ImportError::Rejects(error.to_string());
        if let Some(mut header) = self.header.take() {
            // Spreadsheets take a CSV without the mark for the local encoding.
            if let Some(first) = header.first_mut() {
                *first = format!("\u{feff}{}", first.trim_start_matches('\u{feff}'));
            }
            header.extend(["line".to_owned(), "reason".to_owned()]);
            self.csv.write_record(&header).map_err(failed)?;
        }
        let mut cells = reject.cells.expose().clone();
        let reason = match reject.column {
            Some(column) => format!("{column}: {}", reject.reason),
            None => reject.reason.to_string(),
        };
        cells.extend([reject.line.to_string(), reason]);
        self.csv.write_record(&cells).map_err(failed)
    }
}

impl List {
    /// What the list's rows tell of.
    fn event(self) -> (EventKind, Anchor) {
        match self {
            List::Showroom => (EventKind::Visit, Anchor::Visit),
            List::Delivery => (EventKind::Delivery, Anchor::Delivery),
            List::Repair => (EventKind::Repair, Anchor::Repair),
        }
    }

    /// The list's name in the store.
    fn kind(self) -> ListKind {
        match self {
            List::Showroom => ListKind::Showroom,
            List::Delivery => ListKind::Delivery,
            List::Repair => ListKind::Repair,
        }
    }

    /// The source by which the list's events are known.
    fn source(self) -> &'static str {
        match self {
            List::Showroom => "showroom_list",
            List::Delivery => "delivery_list",
            List::Repair => "repair_list",
        }
    }
}

/// One import under way.
struct Import<'a, W: Write> {
    list: List,
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
    list: List,
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
    let mut reader = Reader::new(list, input, settings.defaults.clone())?;
    let published = surveys::newest(conn).await?;
    let missing = owed_at_once(settings, list).find_map(|(_, survey)| {
        let there = published.iter().any(|(key, _)| key == survey);
        (!there).then(|| survey.to_owned())
    });
    if let Some(survey) = missing {
        return Err(ImportError::Survey(survey));
    }
    let mut rejects = rejects;
    rejects.header = Some(reader.header().to_vec());
    let mut import = Import {
        list,
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
        imports::begin(import.conn, id, list.kind(), file_name, now).await?;
        import.id = Some(id);
    }
    while let Some(row) = reader.next(now)? {
        import.summary.counts.read += 1;
        let planned =
            row.and_then(|row| import.plan(row).map_err(|reason| reader.reject(Some(Column::Date(list)), reason)));
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

/// The rules of a list's events whose survey is owed to everybody, with that survey: who is owed another is found by the planner.
pub fn owed_at_once(settings: &ImportSettings, list: List) -> impl Iterator<Item = (&Rule, &str)> {
    let rules = settings.calendar.of(list.event().1).filter(|rule| rule.only.is_everybody());
    rules.filter_map(|rule| Some((rule, rule.survey()?)))
}

impl<W: Write> Import<'_, W> {
    fn new_id(&mut self) -> Uuid {
        uuid_v7(u64::try_from(self.now.timestamp_millis()).unwrap_or(0), (self.random)())
    }

    /// What a row makes due; a row whose event owes nothing any more is given back.
    fn plan(&mut self, row: Row) -> Result<NewRow, Reason> {
        let (settings, list) = (self.settings, self.list);
        let (event, anchor) = list.event();
        let mut rules = settings.calendar.of(anchor);
        if !rules.any(|rule| rule.still_owes(row.happened, settings.delay, row.zone, self.now)) {
            return Err(Reason::TooLate);
        }
        let mut owed = Vec::new();
        for (rule, survey) in owed_at_once(settings, list) {
            let span = rule.touch(Occurrence::Nth(0), row.happened, settings.delay, row.zone);
            if let Some(span) = span.filter(|span| span.deadline > self.now) {
                let id = self.new_id().into();
                owed.push(Owed { id, survey: survey.to_owned(), due_at: span.due_at, deadline: span.deadline });
            }
        }
        let ids = RowIds {
            customer: self.new_id().into(),
            phone: self.new_id().into(),
            vehicle: self.new_id().into(),
            advisor: self.new_id().into(),
            event: self.new_id().into(),
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
            event,
            happened_on: row.happened.on,
            happened_at: row.happened.at,
            profile: row.profile,
            dates: row.dates,
            owed,
        })
    }

    async fn load(&mut self) -> Result<(), ImportError> {
        let rows = std::mem::take(&mut self.batch);
        let (mut loaded, mut known) = (0, 0);
        if self.settings.dry_run {
            for is_known in imports::known(self.conn, self.list.source(), &rows).await? {
                if is_known { known += 1 } else { loaded += 1 }
            }
        } else {
            let done = imports::load(self.conn, self.list.source(), self.id, &rows, self.now).await?;
            self.summary.blocked += done.blocked as u64;
            for new in done.new {
                if new { loaded += 1 } else { known += 1 }
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
