//! The loop of one engine process: takes due follow-ups from the queue while trunks have room, launches their calls, keeps leases alive, and cleans up
//! after engines that died. Holds no database transaction while a call runs (decision 4) and never dials what policy refuses.

use super::judge::judge;
use super::launch::{self, Launched};
use super::policy::{Permit, RetryRule, permit};
use super::trunks::{Room, Trunk, Trunks};
use crate::call::driver::Line;
use crate::clock::Clock;
use crate::config;
use crate::db::StoreError;
use crate::db::journal::Journal;
use crate::db::queue::{self, LeaseRequest, Leased};
use crate::db::reconcile::{self, Orphan, Scope};
use crate::db::surveys;
use crate::db::wake;
use crate::ids::LeaseToken;
use crate::survey::check;
use crate::survey::definition::Definition;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long the loop sleeps when nothing wakes it: new work is announced by NOTIFY, so this only covers what nobody announces (windows that open).
const IDLE: Duration = Duration::from_secs(1);
/// How long to wait when the database does not answer.
const AWAY: Duration = Duration::from_secs(2);
/// A follow-up that the settings do not let us dial is looked at again after so long: somebody may change them.
const REFUSED_AGAIN: TimeDelta = TimeDelta::hours(1);
/// A number that is in a call already is looked at again after so long.
const IN_CALL_AGAIN: TimeDelta = TimeDelta::minutes(1);

/// What one engine process works with.
pub struct Engine {
    /// The database's connections.
    pub pool: PgPool,
    /// Where results are kept before they reach the store.
    pub journal: Journal,
    /// SIP and media.
    pub line: Line,
    /// Surveys by key and published version.
    pub surveys: Surveys,
    /// `[dialer]`.
    pub settings: config::Dialer,
    /// The same as a rule.
    pub rule: RetryRule,
    /// This process in leases.
    pub node: String,
    /// The time of day.
    pub clock: Clock,
}

/// What [`Engine::run`] is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Run until told to stop.
    Stopped,
    /// Stop by itself when nothing is due and no call is live.
    Idle,
}

/// Surveys by key and published version; one that is published while the engine runs is read when the first follow-up asks for it.
pub struct Surveys(RwLock<BTreeMap<(String, i32), Arc<Definition>>>);

impl From<BTreeMap<(String, i32), Arc<Definition>>> for Surveys {
    fn from(surveys: BTreeMap<(String, i32), Arc<Definition>>) -> Surveys {
        Surveys(RwLock::new(surveys))
    }
}

impl Surveys {
    /// A survey in a version, if it was read.
    pub fn get(&self, survey: &str, version: i32) -> Option<Arc<Definition>> {
        let surveys = self.0.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        surveys.get(&(survey.to_owned(), version)).cloned()
    }

    fn add(&self, survey: &str, version: i32, definition: Arc<Definition>) {
        let mut surveys = self.0.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        surveys.insert((survey.to_owned(), version), definition);
    }
}

impl Engine {
    /// Works the queue. After `stop` no call is launched; live calls are asked to close and are waited for.
    pub async fn run(self: Arc<Self>, trunks: Vec<Trunk>, until: Until, stop: CancellationToken) {
        let housekeeping = CancellationToken::new();
        let tokens = Tokens::default();
        let keeper = tokio::spawn(self.clone().keep_house(tokens.clone(), housekeeping.clone()));
        let mut floor = Floor {
            trunks: Trunks::new(trunks, self.settings.max_calls),
            calls: JoinSet::new(),
            names: HashMap::new(),
            tokens,
        };
        self.work(&mut floor, until, &stop).await;
        while floor.next_ended().await {}
        if let Err(error) = self.release_leases().await {
            tracing::warn!(%error, "leases were not given back; they end by themselves");
        }
        housekeeping.cancel();
        let _ = keeper.await;
    }

    async fn work(self: &Arc<Self>, floor: &mut Floor, until: Until, stop: &CancellationToken) {
        let (wake, mut woken) = mpsc::channel(1);
        let listener = tokio::spawn(wake::listen(self.pool.clone(), wake));
        while !stop.is_cancelled() {
            let nap = match self.launch_some(floor, stop).await {
                Ok(Step::Wait(nap)) => nap,
                Ok(Step::NothingDue)
                    if until == Until::Idle && floor.calls.is_empty() && self.journal.backlog().records == 0 =>
                {
                    break;
                }
                Ok(Step::NothingDue) => IDLE,
                Err(error) => {
                    tracing::warn!(%error, "the queue cannot be asked; calls go on");
                    AWAY
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                _ = floor.next_ended(), if !floor.calls.is_empty() => {}
                Some(()) = woken.recv() => {}
                () = tokio::time::sleep(nap) => {}
            }
        }
        listener.abort();
    }

    /// Launches calls as long as there is work and room.
    async fn launch_some(self: &Arc<Self>, floor: &mut Floor, stop: &CancellationToken) -> Result<Step, StoreError> {
        loop {
            let now = Instant::now();
            let index = match floor.trunks.room(now) {
                Room::Now(index) => index,
                Room::At(at) => return Ok(Step::Wait(at - now)),
                Room::Full => return Ok(Step::Wait(IDLE)),
            };
            if self.line.media.is_full() {
                return Ok(Step::Wait(IDLE));
            }
            let Some(leased) = self.lease_one().await? else { return Ok(Step::NothingDue) };
            self.read_survey(&leased).await?;
            if let Some(not_before) = self.put_off(&leased) {
                self.release(&leased, Some(not_before)).await?;
                continue;
            }
            let trunk = floor.trunks.start(index, now);
            floor.launch(self.clone(), leased, trunk, stop.clone());
        }
    }

    async fn lease_one(&self) -> Result<Option<Leased>, StoreError> {
        let ttl = TimeDelta::seconds(self.settings.lease_ttl_s as i64);
        let request =
            LeaseRequest { node: &self.node, limit: 1, ttl, now: self.clock.now(), survey: None, follow_up: None };
        Ok(queue::lease(&mut *self.pool.acquire().await?, &request).await?.pop())
    }

    /// Reads the survey of a follow-up where it was published after this engine's start; one that cannot be read is put off.
    async fn read_survey(&self, leased: &Leased) -> Result<(), StoreError> {
        let (key, version) = (&leased.survey, leased.survey_version);
        if self.surveys.get(key, version).is_some() {
            return Ok(());
        }
        let published = surveys::get(&mut *self.pool.acquire().await?, key, version).await?;
        // Prompts are in memory since the start: one that came with this version needs a restart.
        let spoken = |definition: &Definition| {
            let has = |language: &String| {
                let used = check::used_prompts(definition, language);
                used.iter().all(|id| self.line.prompts.get(language, id.as_str()).is_some())
            };
            definition.languages.iter().all(has)
        };
        if let Ok(definition) = Definition::from_toml(&format!("survey {key}, version {version}"), &published.content)
            && spoken(&definition)
        {
            tracing::info!(survey = key, version, "a version that was published meanwhile");
            self.surveys.add(key, version, definition);
        }
        Ok(())
    }

    /// Until when a leased follow-up must not be dialled, and why in the log; none: it may be dialled now.
    fn put_off(&self, leased: &Leased) -> Option<DateTime<Utc>> {
        let (now, follow_up) = (self.clock.now(), leased.follow_up);
        if self.surveys.get(&leased.survey, leased.survey_version).is_none() {
            let (survey, version) = (&leased.survey, leased.survey_version);
            tracing::error!(%follow_up, survey, version, "not dialled: this version of the survey cannot be read, or has prompts that came after this engine's start: restart it");
            return Some(now + REFUSED_AGAIN);
        }
        match permit(&leased.number, &self.settings.allow, &self.rule.window, leased.zone, now) {
            Permit::Dial => None,
            Permit::NotBefore(at) => Some(at),
            Permit::NeverOpen => {
                tracing::warn!(%follow_up, "not dialled: dialer.window never opens");
                Some(now + REFUSED_AGAIN)
            }
            Permit::NotAllowed => {
                tracing::warn!(%follow_up, "not dialled: dialer.allow has no prefix for its number");
                Some(now + REFUSED_AGAIN)
            }
        }
    }

    async fn release(&self, leased: &Leased, not_before: Option<DateTime<Utc>>) -> Result<(), StoreError> {
        queue::release(&mut *self.pool.acquire().await?, leased.follow_up, leased.token, not_before).await
    }

    /// Gives a follow-up back whose number is in a call already.
    pub(super) async fn release_busy(&self, leased: &Leased) {
        if let Err(error) = self.release(leased, Some(self.clock.now() + IN_CALL_AGAIN)).await {
            tracing::warn!(follow_up = %leased.follow_up, %error, "the lease was not given back; it ends by itself");
        }
    }

    async fn release_leases(&self) -> Result<u64, StoreError> {
        queue::release_all(&mut *self.pool.acquire().await?, &self.node).await
    }

    /// Heartbeats, reconciliation and expiry, until told to stop.
    async fn keep_house(self: Arc<Self>, tokens: Tokens, stop: CancellationToken) {
        let period = Duration::from_secs((self.settings.lease_ttl_s / 3).max(1));
        loop {
            if let Err(error) = self.clean(&tokens).await {
                tracing::warn!(%error, "housekeeping has to wait for the database");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(period) => {}
            }
        }
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

    async fn clean(&self, tokens: &Tokens) -> Result<(), StoreError> {
        let now = self.clock.now();
        let ttl = TimeDelta::seconds(self.settings.lease_ttl_s as i64);
        let held = tokens.all();
        let mut conn = self.pool.acquire().await?;
        if !held.is_empty() {
            let ours = queue::heartbeat(&mut conn, &held, now, ttl).await?;
            let lost = held.len() - ours.len();
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
}

enum Step {
    Wait(Duration),
    NothingDue,
}

/// Tokens of the leases under live calls.
#[derive(Clone, Default)]
struct Tokens(Arc<Mutex<Vec<LeaseToken>>>);

impl Tokens {
    fn all(&self) -> Vec<LeaseToken> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    fn add(&self, token: LeaseToken) {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(token);
    }

    fn remove(&self, token: LeaseToken) {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).retain(|held| *held != token);
    }
}

/// The live calls.
struct Floor {
    trunks: Trunks,
    calls: JoinSet<Launched>,
    /// Trunk and lease of each task, also for one that panicked.
    names: HashMap<tokio::task::Id, (String, LeaseToken)>,
    tokens: Tokens,
}

impl Floor {
    fn launch(&mut self, engine: Arc<Engine>, leased: Leased, trunk: Trunk, stop: CancellationToken) {
        let (name, token) = (trunk.name.clone(), leased.token);
        self.tokens.add(token);
        let task = self.calls.spawn(launch::launch(engine, leased, trunk, stop));
        self.names.insert(task.id(), (name, token));
    }

    /// Waits for the end of a call; false when none is live.
    async fn next_ended(&mut self) -> bool {
        let Some(ended) = self.calls.join_next_with_id().await else { return false };
        let id = match ended {
            Ok((id, Launched::Called(disposition))) => {
                tracing::info!(%disposition, "a call ended");
                id
            }
            Ok((id, Launched::NotCalled)) => id,
            Err(panicked) => {
                tracing::error!(error = %panicked, "a call's task broke; its attempt is closed by housekeeping");
                panicked.id()
            }
        };
        if let Some((trunk, token)) = self.names.remove(&id) {
            self.trunks.end(&trunk);
            self.tokens.remove(token);
        }
        true
    }
}
