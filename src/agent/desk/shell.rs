//! What a call asks of the desk. Each answer comes within [`PATIENCE`], whatever the store does: a caller is never held up by it.

use super::{Freed, Hold, NoAgent, Reserved, Way, Wish, Word};
use crate::agent::reach::{Reacher, Unreachable};
use crate::agent::state::{self, Candidate, Wanted};
use crate::clock::Clock;
use crate::config;
use crate::db::agent_sessions::{self, Idle, Reservation};
use crate::db::agents::Profile;
use crate::db::state::{PageWord, Reach, TransferMode};
use crate::db::transfers::{self, NewTransfer, Said};
use crate::db::{StoreError, agent_bindings};
use crate::dialer::trunks::Trunk;
use crate::ids::{AgentId, ReservationToken, TransferId};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{PgConnection, PgPool};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;
use tokio::sync::broadcast;
use uuid::Uuid;

/// The store has so long to answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// What the page says is looked for so often where no notification came through.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How often the line is read anew when others took everybody in it.
const ROUNDS: usize = 3;
/// Notifications kept for a call that is slow to look; it looks by itself after a gap.
const CHANGES: usize = 256;

/// The agents' desk of one engine.
#[derive(Debug)]
pub struct Desk {
    pub(super) pool: PgPool,
    pub(super) clock: Clock,
    pub(super) node: String,
    pub(super) settings: config::Agents,
    pub(super) reacher: Reacher,
    /// Leases of this engine; the value is dead once nobody has the hold any more.
    holds: Mutex<BTreeMap<ReservationToken, Weak<()>>>,
    /// What the store could not be told yet.
    late: Mutex<VecDeque<(Late, DateTime<Utc>)>>,
    /// Ids of hand-overs that changed, as the store announces them.
    pub(super) changes: broadcast::Sender<Uuid>,
}

/// Something that the store is to be told of a hold.
#[derive(Clone, Copy, Debug)]
pub(super) enum Late {
    Ringing(ReservationToken),
    Talking(ReservationToken),
    Free(ReservationToken, Freed),
}

impl Desk {
    /// `local`: the address of our SIP socket as agents' phones see it; `node`: this engine in leases.
    pub fn new(
        pool: PgPool,
        clock: Clock,
        node: &str,
        settings: config::Agents,
        trunks: Vec<Trunk>,
        local: SocketAddr,
    ) -> Desk {
        let reacher = Reacher::new(trunks, settings.allow_hosts.clone(), local, node);
        let (changes, _) = broadcast::channel(CHANGES);
        let (holds, late) = (Mutex::default(), Mutex::default());
        Desk { pool, clock, node: node.to_owned(), settings, reacher, holds, late, changes }
    }

    /// Holds an agent for a caller, and begins the hand-over.
    pub async fn reserve(&self, wish: &Wish) -> Result<Reserved, NoAgent> {
        if !self.settings.offer {
            return Err(NoAgent::Off);
        }
        bounded(self.reserve_now(wish)).await?
    }

    async fn reserve_now(&self, wish: &Wish) -> Result<Result<Reserved, NoAgent>, StoreError> {
        let mut conn = self.pool.acquire().await?;
        // Who was offered a person already is tried further.
        if wish.tried.is_empty() && self.too_many_abandoned(&mut conn, &wish.survey).await? {
            return Ok(Err(NoAgent::TooManyAbandoned));
        }
        let earlier = agent_sessions::earlier_agent(&mut conn, wish.customer).await?;
        for _ in 0..ROUNDS {
            let idle = agent_sessions::idle(&mut conn, self.clock.now()).await?;
            let candidates: Vec<Candidate> = idle.iter().map(candidate).collect();
            let wanted = Wanted { skill: &wish.survey, language: &wish.language, earlier, tried: &wish.tried };
            let line = state::rank(&candidates, &wanted);
            let mut outrun = false;
            for next in line {
                let Some(agent) = idle.iter().find(|idle| idle.agent.id == next.agent) else { continue };
                match self.try_one(&mut conn, wish, agent).await? {
                    Tried::Held(reserved) => return Ok(Ok(*reserved)),
                    Tried::Outrun => outrun = true,
                    Tried::Unreachable => {}
                }
            }
            if !outrun {
                break;
            }
        }
        let nobody = self.transfer(wish, None, None);
        transfers::begin(&mut conn, &nobody).await?;
        Ok(Err(NoAgent::NobodyFree))
    }

    async fn try_one(&self, conn: &mut PgConnection, wish: &Wish, idle: &Idle) -> Result<Tried, StoreError> {
        let agent = idle.agent.id;
        let way = match self.way(conn, idle).await? {
            Ok(way) => way,
            Err(why) => {
                tracing::warn!(%agent, %why, "an agent on duty cannot be called");
                return Ok(Tried::Unreachable);
            }
        };
        let transfer = self.transfer(wish, Some(agent), Some(mode(&way)));
        let hold = if idle.agent.reach == Reach::Pbx {
            transfers::begin(conn, &transfer).await?;
            None
        } else {
            let token = ReservationToken(Uuid::now_v7());
            if !agent_sessions::reserve(conn, &Reservation { transfer, token, ttl: self.ttl() }).await? {
                return Ok(Tried::Outrun);
            }
            Some(self.hold(token))
        };
        let reserved = Reserved {
            transfer: transfer.id,
            hold,
            agent,
            // Who does not speak it is not in the line.
            language: wish.language.clone(),
            way,
            auto_answer: idle.agent.auto_answer,
        };
        Ok(Tried::Held(Box::new(reserved)))
    }

    async fn way(&self, conn: &mut PgConnection, idle: &Idle) -> Result<Result<Way, Unreachable>, StoreError> {
        let phones = match (&idle.agent.sip_user, idle.agent.reach) {
            (Some(user), Reach::Registered) => agent_bindings::live(conn, user, self.clock.now()).await?,
            (_, Reach::Registered | Reach::Uri | Reach::Browser | Reach::Pbx) => Vec::new(),
        };
        Ok(self.reacher.way(&Profile::of(&idle.agent), &phones))
    }

    async fn too_many_abandoned(&self, conn: &mut PgConnection, survey: &str) -> Result<bool, StoreError> {
        let set = &self.settings;
        let shares = transfers::abandoned(conn, survey, self.clock.now(), set.abandoned_after_s).await?;
        let above = shares.day.is_above(set.abandoned_limit_24h_percent, set.abandoned_min_callers)
            || shares.month.is_above(set.abandoned_limit_30d_percent, set.abandoned_min_callers);
        if above {
            tracing::warn!(survey, "too many callers waited for an agent in vain: none is offered for now");
        }
        Ok(above)
    }

    fn transfer(&self, wish: &Wish, agent: Option<AgentId>, mode: Option<TransferMode>) -> NewTransfer<'_> {
        let (id, at) = (TransferId(Uuid::now_v7()), self.clock.now());
        NewTransfer { id, attempt: wish.attempt, agent, mode, node: &self.node, at }
    }

    /// The agent's phone or page rings. False where the hold is over: the agent belongs to this call no more.
    pub async fn ringing(&self, hold: &Hold) -> bool {
        self.tell(Late::Ringing(hold.token)).await
    }

    /// The agent took the call. False where the hold is over.
    pub async fn talking(&self, hold: &Hold) -> bool {
        self.tell(Late::Talking(hold.token)).await
    }

    /// The call needs the agent no longer. What the store cannot be told now it is told later.
    pub async fn free(&self, hold: Hold, freed: Freed) {
        self.tell(Late::Free(hold.token, freed)).await;
        self.holds().remove(&hold.token);
    }

    async fn tell(&self, what: Late) -> bool {
        let now = self.clock.now();
        match bounded(self.tell_store(what, now)).await {
            Ok(ours) => ours,
            Err(error) => {
                tracing::warn!(%error, "the store does not know yet what an agent does; it is told later");
                lock(&self.late).push_back((what, now));
                true
            }
        }
    }

    async fn tell_store(&self, what: Late, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let mut conn = self.pool.acquire().await?;
        let wrap_up = seconds(self.settings.wrap_up_s);
        match what {
            Late::Ringing(token) => agent_sessions::ringing(&mut conn, token, now).await,
            Late::Talking(token) => agent_sessions::talking(&mut conn, token, now).await,
            Late::Free(token, freed) => agent_sessions::free(&mut conn, token, freed, wrap_up, now).await,
        }
    }

    /// Tells the store what it could not be told, in order; stops at the first failure.
    pub(super) async fn tell_late(&self) -> Result<(), StoreError> {
        loop {
            let Some((what, at)) = lock(&self.late).front().copied() else { return Ok(()) };
            bounded(self.tell_store(what, at)).await?;
            lock(&self.late).pop_front();
        }
    }

    /// What the agent says on the page about a hand-over, other than `after`. Ends it too where the agent is gone before they took the call.
    /// Nothing is lost where the future is dropped and asked for again.
    pub async fn next_word(&self, transfer: TransferId, after: Option<&Word>) -> Word {
        let mut changes = self.changes.subscribe();
        loop {
            match bounded(self.said(transfer)).await {
                Ok(said) => {
                    if let Some(word) = word(said, after)
                        && Some(&word) != after
                    {
                        return word;
                    }
                }
                Err(error) => tracing::warn!(%transfer, %error, "what the agent's page says cannot be read yet"),
            }
            tokio::select! {
                () = changed(&mut changes, transfer) => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }

    async fn said(&self, transfer: TransferId) -> Result<Said, StoreError> {
        transfers::page_word(&mut *self.pool.acquire().await?, transfer).await
    }

    /// Gives the page the engine's answer (SDP) to its offer. False where the store did not take it: the page will not connect.
    pub async fn answer_page(&self, transfer: TransferId, answer: String) -> bool {
        let kept = async { transfers::set_page_answer(&mut *self.pool.acquire().await?, transfer, &answer).await };
        match bounded(kept).await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%transfer, %error, "the agent's page gets no answer");
                false
            }
        }
    }

    fn hold(&self, token: ReservationToken) -> Hold {
        let life = Arc::new(());
        self.holds().insert(token, Arc::downgrade(&life));
        Hold { token, _life: life }
    }

    /// The leases that somebody still has; the others are forgotten.
    pub(super) fn held(&self) -> Vec<ReservationToken> {
        let mut holds = self.holds();
        holds.retain(|_, life| life.strong_count() > 0);
        holds.keys().copied().collect()
    }

    fn holds(&self) -> MutexGuard<'_, BTreeMap<ReservationToken, Weak<()>>> {
        lock(&self.holds)
    }

    pub(super) fn ttl(&self) -> TimeDelta {
        seconds(self.settings.lease_ttl_s)
    }
}

enum Tried {
    Held(Box<Reserved>),
    /// Another engine was quicker.
    Outrun,
    Unreachable,
}

fn candidate(idle: &Idle) -> Candidate {
    let Idle { agent, idle_since } = idle;
    Candidate {
        agent: agent.id,
        queue: agent.reach == Reach::Pbx,
        skills: agent.skills.clone(),
        languages: agent.languages.clone(),
        idle_since: *idle_since,
    }
}

fn mode(way: &Way) -> TransferMode {
    match way {
        Way::Sip(_) | Way::Page => TransferMode::Bridge,
        Way::Refer(_) => TransferMode::Refer,
        Way::ReferAttended(_) => TransferMode::ReferAttended,
    }
}

fn word(said: Said, after: Option<&Word>) -> Option<Word> {
    match said.word {
        Some(PageWord::Take) => Some(Word::Take(said.offer.unwrap_or_default())),
        Some(PageWord::Reject) => Some(Word::Reject),
        Some(PageWord::HangUp) => Some(Word::HangUp),
        None if !said.there && after.is_none() => Some(Word::HangUp),
        None => None,
    }
}

/// Waits for news of a hand-over; after a gap in the news, or without any, it is as if there were some.
async fn changed(changes: &mut broadcast::Receiver<Uuid>, transfer: TransferId) {
    loop {
        match changes.recv().await {
            Ok(id) if id != transfer.0 => {}
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_) | broadcast::error::RecvError::Closed) => return,
        }
    }
}

/// What the store does not do in time it does not do.
pub(super) async fn bounded<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let late = || StoreError::Away("it did not answer in time".to_owned());
    tokio::time::timeout(PATIENCE, work).await.map_err(|_| late())?
}

pub(super) fn seconds(seconds: u64) -> TimeDelta {
    TimeDelta::seconds(i64::try_from(seconds).unwrap_or(i64::from(u32::MAX)))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
