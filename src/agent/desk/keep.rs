//! What the desk does beside the calls: keeps its holds alive, frees agents whose engine is dead or who are gone, brings registered phones into the store
//! and agents' passwords to the registrar. Until told to stop; a store that is away delays it and loses nothing.

use super::shell::{Desk, bounded, seconds};
use crate::db::agent_bindings::{self, Binding};
use crate::db::agent_sessions::{self, Scope};
use crate::db::agents::{self, Ha1, SipUser};
use crate::db::{StoreError, agent_sessions::CHANNEL};
use crate::ids::ReservationToken;
use crate::net::sip_transport::SipHandle;
use crate::sip::registrar::{self, RegistrarEvent, RegistrarUser};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::postgres::PgListener;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Wrap-ups and presences end by the second.
const ROUND: Duration = Duration::from_secs(1);
/// Agents' SIP passwords are read anew after so long.
const USERS_AGAIN: Duration = Duration::from_secs(5);
/// Wait before another try to listen.
const AWAY: Duration = Duration::from_secs(2);

/// The registrar, as the desk sees it.
pub struct Registrar {
    /// What happens to phones.
    pub events: mpsc::UnboundedReceiver<RegistrarEvent>,
    /// Tells it who may register; called when that changes.
    pub users: Box<dyn Fn(Vec<RegistrarUser>) + Send + Sync>,
}

impl Registrar {
    /// The registrar of a SIP user agent ([`sip_transport::start_with_registrar`](crate::net::sip_transport::start_with_registrar)).
    pub fn of(sip: SipHandle, events: mpsc::UnboundedReceiver<RegistrarEvent>) -> Registrar {
        Registrar { events, users: Box::new(move |users| sip.set_registrar_users(users)) }
    }
}

/// What the loop remembers from round to round.
#[derive(Default)]
struct Memory {
    /// Reports that the store has not taken yet, one for each phone, oldest first.
    reports: VecDeque<(RegistrarEvent, DateTime<Utc>)>,
    beaten: Option<Instant>,
    read_users: Option<Instant>,
    users: Option<Vec<SipUser>>,
    /// Holds that were not ours the last time.
    missing: Vec<ReservationToken>,
    /// Since when the store has answered every time.
    calm: Option<Instant>,
}

impl Desk {
    /// Gives back what an earlier run of this node held. At the start of a node, after its journal was replayed, before anybody is called.
    pub async fn take_over(&self) -> Result<(), StoreError> {
        let mut conn = self.pool.acquire().await?;
        let (wrap_up, now) = (seconds(self.settings.wrap_up_s), self.clock.now());
        let done =
            agent_sessions::reap(&mut conn, Scope::OwnAtStart(&self.node), wrap_up, TimeDelta::zero(), now).await?;
        if done.released > 0 || done.closed > 0 {
            tracing::warn!(
                agents = done.released,
                transfers = done.closed,
                "an earlier run had agents in calls: they are free"
            );
        }
        Ok(())
    }

    /// Keeps the desk until told to stop. Stop it after the last call: a hold lives by it.
    pub async fn keep(self: Arc<Self>, registrar: Option<Registrar>, stop: CancellationToken) {
        let listener = tokio::spawn(self.clone().listen());
        let (mut reports, users) = match registrar {
            Some(Registrar { events, users }) => (Some(events), Some(users)),
            None => (None, None),
        };
        let mut memory = Memory::default();
        let mut tick = tokio::time::interval(ROUND);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                report = next(&mut reports) => match report {
                    Some(report) => memory.note(report, self.clock.now()),
                    None => reports = None,
                },
                _ = tick.tick() => {}
            }
            match self.round(&mut memory, users.as_deref()).await {
                Ok(()) => drop(memory.calm.get_or_insert_with(Instant::now)),
                Err(error) => {
                    memory.calm = None;
                    tracing::warn!(%error, "the agents' desk has to wait for the database");
                }
            }
        }
        if let Err(error) = self.tell_late().await {
            tracing::warn!(%error, "the store does not know what some agents do; their holds run out");
        }
        listener.abort();
    }

    async fn round(&self, memory: &mut Memory, users: Option<&Users>) -> Result<(), StoreError> {
        self.tell_late().await?;
        while let Some((report, at)) = memory.reports.front() {
            self.bring(report, *at).await?;
            memory.reports.pop_front();
        }
        self.beat(memory).await?;
        // After the store was away, every engine and every page first gets the time to give a sign of life: nobody is dead because the store was.
        let wait = Duration::from_secs(self.settings.lease_ttl_s.max(self.settings.page_ttl_s));
        if memory.calm.is_some_and(|since| since.elapsed() >= wait) {
            bounded(self.reap()).await?;
        }
        match users {
            Some(tell) if is_due(memory.read_users, USERS_AGAIN) => self.read_users(memory, tell).await,
            Some(_) | None => Ok(()),
        }
    }

    /// One report into the store. What the store refuses for its data is dropped: the phone registers again.
    async fn bring(&self, report: &RegistrarEvent, at: DateTime<Utc>) -> Result<(), StoreError> {
        let kept = bounded(async {
            let mut conn = self.pool.acquire().await?;
            match report {
                RegistrarEvent::Bound(phone) => {
                    agent_bindings::bind(&mut conn, &self.binding(phone, at)).await.map(drop)
                }
                RegistrarEvent::Unbound { user, contact } => {
                    agent_bindings::unbind(&mut conn, user, contact.as_str(), &self.node, at).await
                }
            }
        });
        match kept.await {
            Err(error) if error.is_data_fault() => {
                tracing::error!(%error, "a registration was not kept");
                Ok(())
            }
            other => other,
        }
    }

    fn binding(&self, phone: &registrar::Binding, at: DateTime<Utc>) -> Binding {
        Binding {
            sip_user: phone.user.clone(),
            contact: phone.contact.as_str().to_owned(),
            source: phone.source.to_string(),
            node: self.node.clone(),
            call_id: phone.call_id.clone(),
            cseq: phone.cseq.into(),
            user_agent: phone.user_agent.clone(),
            bound_at: at,
            expires_at: at + TimeDelta::from_std(phone.expires_in).unwrap_or_default(),
        }
    }

    async fn beat(&self, memory: &mut Memory) -> Result<(), StoreError> {
        if !is_due(memory.beaten, Duration::from_secs(self.settings.lease_ttl_s) / 3) {
            return Ok(());
        }
        let held = self.held();
        if !held.is_empty() {
            let ours = bounded(async {
                let mut conn = self.pool.acquire().await?;
                agent_sessions::heartbeat(&mut conn, &held, self.clock.now(), self.ttl()).await
            });
            let ours = ours.await?;
            // A hold that is being freed is gone from the store a moment before it is gone here: only what is missing twice was lost.
            let gone: Vec<ReservationToken> = held.into_iter().filter(|token| !ours.contains(token)).collect();
            let lost = gone.iter().filter(|token| memory.missing.contains(token)).count();
            memory.missing = gone;
            if lost > 0 {
                tracing::warn!(
                    lost,
                    "agents of live calls are not held any more: they are gone, or agents.lease_ttl_s is too short"
                );
            }
        }
        memory.beaten = Some(Instant::now());
        Ok(())
    }

    async fn reap(&self) -> Result<(), StoreError> {
        let mut conn = self.pool.acquire().await?;
        let (wrap_up, now) = (seconds(self.settings.wrap_up_s), self.clock.now());
        let done = agent_sessions::reap(&mut conn, Scope::LeaseRunOut, wrap_up, self.ttl(), now).await?;
        if done.released > 0 || done.closed > 0 {
            tracing::warn!(
                agents = done.released,
                transfers = done.closed,
                "an engine had died with agents in calls: they are free"
            );
        }
        Ok(())
    }

    async fn read_users(&self, memory: &mut Memory, tell: &Users) -> Result<(), StoreError> {
        let users = bounded(async { agents::sip_users(&mut *self.pool.acquire().await?).await }).await?;
        memory.read_users = Some(Instant::now());
        if memory.users.as_ref() != Some(&users) {
            tell(users.iter().map(registrar_user).collect());
            memory.users = Some(users);
        }
        Ok(())
    }

    /// Passes on which hand-overs changed, for ever. Only a hint: who waits looks by itself all the same.
    async fn listen(self: Arc<Self>) {
        loop {
            if let Err(error) = self.listen_once().await {
                tracing::warn!(%error, "not listening for agents' news; it is looked for regularly all the same");
            }
            tokio::time::sleep(AWAY).await;
        }
    }

    async fn listen_once(&self) -> Result<(), StoreError> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen(CHANNEL).await?;
        loop {
            let news = listener.recv().await?;
            if let Ok(id) = news.payload().parse::<Uuid>() {
                // Nobody waits: nobody is told.
                let _ = self.changes.send(id);
            }
        }
    }
}

type Users = dyn Fn(Vec<RegistrarUser>) + Send + Sync;

impl Memory {
    /// A later report about the same phone replaces one that is still to be brought.
    fn note(&mut self, report: RegistrarEvent, at: DateTime<Utc>) {
        self.reports.retain(|(earlier, _)| place(earlier) != place(&report));
        self.reports.push_back((report, at));
    }
}

/// Which phone an event is about.
fn place(event: &RegistrarEvent) -> (&str, &str) {
    match event {
        RegistrarEvent::Bound(phone) => (&phone.user, phone.contact.as_str()),
        RegistrarEvent::Unbound { user, contact } => (user, contact.as_str()),
    }
}

fn registrar_user(user: &SipUser) -> RegistrarUser {
    let Ha1 { md5, sha256 } = user.password.clone();
    RegistrarUser { user: user.user.clone(), ha1_md5: md5.into(), ha1_sha256: sha256.into() }
}

fn is_due(last: Option<Instant>, every: Duration) -> bool {
    last.is_none_or(|at| at.elapsed() >= every)
}

async fn next(reports: &mut Option<mpsc::UnboundedReceiver<RegistrarEvent>>) -> Option<RegistrarEvent> {
    match reports {
        Some(reports) => reports.recv().await,
        None => std::future::pending().await,
    }
}
