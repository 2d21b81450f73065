//! Recordings whose engine died, or whose disk took too long, before they got their row: the name of the file says whose they are, so they are finished and
//! written down like others. Then they are heard, kept and removed like others; without this nobody would know of what a customer said into them.
//!
//! The file gets its name first, its row after: whatever dies in between leaves a file that the next pass writes down. Only this engine's attempts are looked at, for
//! only its own journal can say that a row is still under way.

use super::retention::{Failed, Purge, PurgeError, blocking};
use crate::db::answers::{self, NewRecording};
use crate::db::journal;
use crate::db::retention as rows;
use crate::db::state::RecordingKind;
use crate::ids::RecordingId;
use crate::net::recording_files::{self as files, Named};
use chrono::{DateTime, TimeDelta, Utc};
use std::io;
use std::time::SystemTime;
use uuid::Uuid;

/// A file that nobody has written to for so long is nobody's any more: the writer writes each second and a half, and a call waits 15 s for its recording.
const QUIET: TimeDelta = TimeDelta::minutes(2);

/// What a pass found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Salvaged {
    /// Recordings that have their row now.
    pub recordings: u64,
    /// Files that could not be finished.
    pub failed: Vec<Failed>,
}

impl Purge {
    /// Finishes and writes down what this engine left unfinished.
    pub async fn salvage(&self, now: DateTime<Utc>) -> Result<Salvaged, PurgeError> {
        let mut done = Salvaged::default();
        for named in self.left_behind(now).await? {
            // a word that this version does not know is left to the one that does
            let Some(kind) = RecordingKind::of(&named.kind) else { continue };
            match self.finish(named.clone()).await? {
                Ok(Some((duration_ms, ended))) => {
                    let new = NewRecording {
                        id: RecordingId(Uuid::now_v7()),
                        attempt: named.attempt,
                        kind,
                        path: named.whole,
                        duration_ms: i32::try_from(duration_ms).unwrap_or(i32::MAX),
                        recorded_at: ended.into(),
                    };
                    answers::add_recording(&mut *self.pool.acquire().await?, &new).await?;
                    done.recordings += 1;
                }
                Ok(None) => {}
                Err(error) => done.failed.push(Failed { what: named.file, why: error.to_string() }),
            }
        }
        Ok(done)
    }

    /// Files that say whose they are, lie still, and have neither row nor record in the journal, of attempts of this engine that are over.
    async fn left_behind(&self, now: DateTime<Utc>) -> Result<Vec<Named>, PurgeError> {
        let (directory, journal) = (self.directory.clone(), self.journal.clone());
        // The journal before the store: what is applied in between is in one of them at least.
        let looked = blocking(move || {
            let still = files::older(&directory, (now - QUIET).into());
            let still = still.map_err(|error| PurgeError::Directory { directory, error })?;
            let named: Vec<Named> = still.iter().filter_map(|file| Named::read(file)).collect();
            let whole: Vec<String> = named.iter().map(|named| named.whole.clone()).collect();
            Ok::<_, PurgeError>((named, journal::waiting(&journal, &whole)?))
        });
        let (mut named, waiting) = looked.await?;
        if named.is_empty() {
            return Ok(named);
        }
        let mut conn = self.pool.acquire().await?;
        let whole: Vec<String> = named.iter().map(|named| named.whole.clone()).collect();
        let known = rows::written(&mut conn, &whole).await?;
        let attempts: Vec<_> = named.iter().map(|named| named.attempt).collect();
        let over = rows::over(&mut conn, &attempts, &self.node).await?;
        named.retain(|named| {
            over.contains(&named.attempt) && !known.contains(&named.whole) && !waiting.contains(&named.whole)
        });
        Ok(named)
    }

    /// How long it is, and when the last of it was written; none when nothing is in it.
    async fn finish(&self, named: Named) -> Result<io::Result<Option<(u64, SystemTime)>>, PurgeError> {
        let directory = self.directory.clone();
        blocking(move || {
            let work = || {
                let ended = directory.join(&named.file).metadata()?.modified()?;
                Ok(files::finish(&directory, &named)?.map(|duration_ms| (duration_ms, ended)))
            };
            Ok(work())
        })
        .await
    }
}

#[cfg(test)]
mod tests;
