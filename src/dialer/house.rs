//! Keeping house beside the calls: heartbeats for leases, attempts of dead engines, follow-ups whose deadline passed, the day's minutes, recordings whose time is over.

use super::floor::Tokens;
use super::judge::judge;
use super::policy::window::day_start;
use super::retention::{Failed, PurgeError};
use super::worker::Engine;
use crate::db::reconcile::{self, Orphan, Scope};
use crate::db::{StoreError, gate, queue};
use crate::ids::LeaseToken;
use chrono::TimeDelta;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// The day's minutes are counted anew after so long; until then live calls may overshoot the cap.
const MINUTES_AGAIN: Duration = Duration::from_secs(5);

/// Recordings whose time is over go after so long at the latest.
const PURGE_AGAIN: Duration = Duration::from_secs(3600);
/// Every so many passes it is said which files have no recording.
const ORPHANS_EVERY: u64 = 24;

impl Engine {
    /// Heartbeats, reconciliation and expiry, until told to stop.
    pub(super) async fn keep_house(self: Arc<Self>, tokens: Tokens, stop: CancellationToken) {
        let period = Duration::from_secs((self.settings.lease_ttl_s / 3).max(1));
        let mut missing = Vec::new();
        loop {
            if let Err(error) = self.clean(&tokens, &mut missing).await {
                tracing::warn!(%error, "housekeeping has to wait for the database");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(period) => {}
            }
        }
    }

    /// Removes recordings whose time is over, at the start and each hour, until told to stop.
    pub(super) async fn keep_recordings(self: Arc<Self>, stop: CancellationToken) {
        for pass in 0.. {
            if let Err(error) = self.purge_once(pass % ORPHANS_EVERY == 0, &stop).await {
                tracing::warn!(%error, "recordings whose time is over stay until the next pass");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(PURGE_AGAIN) => {}
            }
        }
    }

    async fn purge_once(&self, orphans: bool, stop: &CancellationToken) -> Result<(), PurgeError> {
        let now = self.clock.now();
        let done = self.purge.run(now, stop).await?;
        for Failed { what, why } in &done.failed {
            tracing::error!(
                recording = what,
                error = why,
                "a recording's file cannot be removed (its time is over), or finished (its engine died)"
            );
        }
        if done.salvaged > 0 {
            tracing::info!(recordings = done.salvaged, "recordings that an engine left unfinished have their rows now");
        }
        if done.traces > 0 {
            tracing::info!(messages = done.traces, "SIP messages were removed: their time was over");
        }
        if done.purged > 0 {
            tracing::info!(
                purged = done.purged,
                bytes = done.bytes,
                held = done.held,
                "recordings were removed: their time was over"
            );
        }
        if orphans {
            let files = self.purge.orphans(now).await?.files.len();
            if files > 0 {
                tracing::warn!(
                    files,
                    "files in the recordings directory belong to no recording; `huifang purge --dry-run` names them"
                );
            }
        }
        Ok(())
    }

    /// Closes attempts whose engine died. At the start of a node, after its journal was replayed, with [`Scope::OwnAtStart`].
    pub async fn reconcile(&self, scope: Scope<'_>) -> Result<(), StoreError> {
        let judge = |orphan: &Orphan| judge(orphan, self.surveys.get(&orphan.survey, orphan.survey_version).as_deref());
        let mut conn = self.pool.acquire().await?;
        let done = reconcile::run(&mut conn, scope, self.clock.now(), 500, judge).await?;
        if done != reconcile::Reconciled::default() {
            let (requeued, completed, review) = (done.requeued.len(), done.completed.len(), done.to_review.len());
            tracing::warn!(
                requeued,
                completed,
                review,
                "an engine had died: its calls are closed, nothing is redialled by itself"
            );
        }
        Ok(())
    }

    /// `missing`: leases under live calls that were not ours the last time.
    async fn clean(&self, tokens: &Tokens, missing: &mut Vec<LeaseToken>) -> Result<(), StoreError> {
        let now = self.clock.now();
        let ttl = TimeDelta::seconds(self.settings.lease_ttl_s as i64);
        let held = tokens.all();
        let mut conn = self.pool.acquire().await?;
        if !held.is_empty() {
            let ours = queue::heartbeat(&mut conn, &held, now, ttl).await?;
            // A call that is just ending has no lease any more while its task still goes on: only what is missing twice was taken away.
            let gone: Vec<LeaseToken> = held.into_iter().filter(|token| !ours.contains(token)).collect();
            let lost = gone.iter().filter(|token| missing.contains(token)).count();
            *missing = gone;
            if lost > 0 {
                tracing::error!(
                    lost,
                    "leases of live calls were taken away: lease_ttl_s is too short for this machine"
                );
            }
        }
        self.reconcile(Scope::LeaseRunOut).await?;
        queue::expire_overdue(&mut conn, now, 500).await?;
        Ok(())
    }

    /// Whether the day's minutes of conversation are used up, over all engines (toll-fraud guard). The day is the dealer's.
    pub(super) async fn minutes_spent(&self) -> Result<bool, StoreError> {
        let cap = i64::from(self.settings.max_minutes_a_day);
        if cap == 0 {
            return Ok(false);
        }
        let known = *self.minutes.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some((_, spent)) = known.filter(|(at, _)| at.elapsed() < MINUTES_AGAIN) {
            return Ok(spent);
        }
        let now = self.clock.now();
        let mut conn = self.pool.acquire().await?;
        let minutes = gate::minutes_since(&mut conn, day_start(now, self.zone), now).await?;
        let spent = minutes >= cap;
        if spent && !known.is_some_and(|(_, before)| before) {
            tracing::error!(minutes, cap, "dialer.max_minutes_a_day is reached: nobody is called any more today");
        }
        *self.minutes.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some((Instant::now(), spent));
        Ok(spent)
    }
}
