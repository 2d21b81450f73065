//! The loop of one engine process: takes due follow-ups from the queue while trunks have room and launches their calls. Holds no database transaction while a
//! call runs (decision 4) and never dials what policy refuses. What it does beside stands in `house`, the live calls in `floor`, one call in `launch`.

use super::floor::{Congested, Floor, Tokens};
use super::policy::{Asked, Contact, Manners, Permit};
use super::retention::Purge;
pub use super::surveys::Surveys;
use super::tally::Tally;
use super::tracer::Tracer;
use super::trunks::{Choice, Room, Trunk, Trunks};
use crate::call::driver::{Agents, Line};
use crate::clock::Clock;
use crate::config;
use crate::db::journal::Journal;
use crate::db::queue::{self, LeaseRequest, Leased};
use crate::db::state::{CampaignState, FollowUpState};
use crate::db::{StoreError, attempts, controls, desk, gate, phones, wake};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// How long the loop sleeps when nothing wakes it: new work is announced by NOTIFY, so this only covers what nobody announces (windows that open).
const IDLE: Duration = Duration::from_secs(1);
/// How long to wait when the database does not answer.
const AWAY: Duration = Duration::from_secs(2);
/// What cannot be dialled for a reason that somebody may mend is looked at again after so long.
pub const REFUSED_AGAIN: TimeDelta = TimeDelta::hours(1);
/// Rest after a follow-up was given back for want of a trunk's moment.
const GIVEN_BACK: Duration = Duration::from_millis(50);
/// A number that is in a call already is looked at again after so long.
pub const IN_CALL_AGAIN: TimeDelta = TimeDelta::minutes(1);

/// What one engine process works with.
pub struct Engine {
    /// The database's connections.
    pub pool: PgPool,
    /// Where results are kept before they reach the store.
    pub journal: Journal,
    /// SIP and media.
    pub line: Line,
    /// Live agents; none: every unhappy caller is promised a call-back.
    pub agents: Option<Agents>,
    /// Surveys by key and published version.
    pub surveys: Surveys,
    /// `[dialer]`.
    pub settings: config::Dialer,
    /// The same and the country packs, as rules.
    pub manners: Manners,
    /// The dealer's zone, in which a day's minutes are counted.
    pub zone: chrono_tz::Tz,
    /// This process in leases.
    pub node: String,
    /// The time of day.
    pub clock: Clock,
    /// Recordings whose time is over.
    pub purge: Purge,
    /// Where calls say whose SIP messages are kept; none: nobody's.
    pub tracer: Option<Tracer>,
    /// What was done since the start.
    pub tally: Tally,
    /// When the day's minutes were counted last, and whether they were used up.
    pub minutes: Mutex<Option<(Instant, bool)>>,
}

/// What [`Engine::run`] is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Run until told to stop.
    Stopped,
    /// Stop by itself when nothing is due and no call is live.
    Idle,
}

enum Step {
    Wait(Duration),
    NothingDue,
}

impl Engine {
    /// Works the queue. After `stop` no call is launched; live calls are asked to close, and are cut after `dialer.drain_s`.
    pub async fn run(self: Arc<Self>, trunks: Vec<Trunk>, until: Until, stop: CancellationToken) {
        let housekeeping = CancellationToken::new();
        let tokens = Tokens::default();
        let keeper = tokio::spawn(self.clone().keep_house(tokens.clone(), housekeeping.clone()));
        // Beside the heartbeats: many files may take longer than a lease.
        let recordings = tokio::spawn(self.clone().keep_recordings(housekeeping.clone()));
        let watching = tokio::spawn(self.clone().watch_trunks(housekeeping.clone()));
        let telling = tokio::spawn(self.clone().tell_trunks(trunks.clone(), housekeeping.clone()));
        let names: Vec<String> = trunks.iter().map(|trunk| trunk.name.clone()).collect();
        let mut floor = Floor::new(Trunks::new(trunks, self.settings.max_calls), tokens, stop.clone());
        self.work(&mut floor, &names, until, &stop).await;
        let closing = async { while floor.next_ended().await.is_some() {} };
        if tokio::time::timeout(Duration::from_secs(self.settings.drain_s), closing).await.is_err() {
            tracing::warn!("live calls did not close within dialer.drain_s; they are cut");
            floor.cut();
            while floor.next_ended().await.is_some() {}
        }
        if let Err(error) = self.release_leases().await {
            tracing::warn!(%error, "leases were not given back; they end by themselves");
        }
        housekeeping.cancel();
        let _ = keeper.await;
        let _ = recordings.await;
        let _ = watching.await;
        let _ = telling.await;
    }

    async fn work(self: &Arc<Self>, floor: &mut Floor, trunks: &[String], until: Until, stop: &CancellationToken) {
        let (wake, mut woken) = mpsc::channel(1);
        let listener = tokio::spawn(wake::listen(self.pool.clone(), wake));
        let mut opened = false;
        while !stop.is_cancelled() {
            let step = async {
                if !opened {
                    gate::open_lines(&mut *self.pool.acquire().await?, trunks, self.clock.now()).await?;
                    opened = true;
                }
                self.drain_campaigns(floor).await?;
                self.launch_some(floor).await
            };
            let nap = match step.await {
                Ok(Step::Wait(nap)) => nap,
                Ok(Step::NothingDue)
                    if until == Until::Idle && floor.is_empty() && self.journal.backlog().records == 0 =>
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
                Some(ended) = floor.next_ended(), if !floor.is_empty() => self.leave_alone(ended).await,
                Some(()) = woken.recv() => {}
                () = tokio::time::sleep(nap) => {}
            }
        }
        listener.abort();
    }

    /// Launches calls as long as there is work and room.
    async fn launch_some(self: &Arc<Self>, floor: &mut Floor) -> Result<Step, StoreError> {
        // An empty allow-list is a setting still to be made: nothing is even taken from the queue for it.
        if self.settings.allow.is_empty() || self.minutes_spent().await? {
            return Ok(Step::NothingDue);
        }
        loop {
            let now = Instant::now();
            let prefixes = match floor.trunks.room(now) {
                Room::Now(prefixes) => prefixes,
                Room::At(at) => return Ok(Step::Wait(at - now)),
                Room::Full => return Ok(Step::Wait(IDLE)),
            };
            if !self.line.media.has_room() {
                return Ok(Step::Wait(IDLE));
            }
            let Some(leased) = self.lease_one(prefixes.as_deref()).await? else { return Ok(Step::NothingDue) };
            self.read_survey(&leased).await?;
            if !self.may_dial(&leased).await? {
                continue;
            }
            let tried = self.congested_trunks(&leased).await?;
            match floor.choose(&leased, &tried) {
                Choice::Take(index) => floor.launch(self.clone(), leased, &tried, index),
                Choice::Nobody => {
                    let at = self.clock.now() + REFUSED_AGAIN;
                    self.put_off(&leased, at, "no trunk carries such numbers (trunks.NAME.prefixes)").await?;
                }
                // The queue keeps its order: the same one comes first again.
                Choice::At(at) => {
                    self.release(&leased, None).await?;
                    // Giving it back wakes every engine: not more often than so.
                    tokio::time::sleep(GIVEN_BACK).await;
                    return Ok(Step::Wait(at.saturating_duration_since(Instant::now())));
                }
                Choice::Full => {
                    self.release(&leased, None).await?;
                    return Ok(Step::Wait(IDLE));
                }
            }
        }
    }

    async fn lease_one(&self, prefixes: Option<&[String]>) -> Result<Option<Leased>, StoreError> {
        let ttl = TimeDelta::seconds(self.settings.lease_ttl_s as i64);
        let request =
            LeaseRequest { node: &self.node, limit: 1, ttl, now: self.clock.now(), survey: None, follow_up: None };
        Ok(queue::lease_for(&mut *self.pool.acquire().await?, &request, prefixes).await?.pop())
    }

    /// The trunks that had no room for this follow-up just now: another one is looked for.
    async fn congested_trunks(&self, leased: &Leased) -> Result<Vec<String>, StoreError> {
        if leased.state != FollowUpState::Retry {
            return Ok(Vec::new());
        }
        let since = self.clock.now() - TimeDelta::minutes(self.settings.retry.congestion_min.into());
        attempts::congested_trunks(&mut *self.pool.acquire().await?, leased.follow_up, since).await
    }

    /// Whether a leased follow-up may be dialled as far as can be said without its number's history, which the gate looks at; if not, it is given back.
    async fn may_dial(&self, leased: &Leased) -> Result<bool, StoreError> {
        if self.surveys.get(&leased.survey, leased.survey_version).is_none() {
            let (follow_up, survey, version) = (leased.follow_up, &leased.survey, leased.survey_version);
            tracing::error!(%follow_up, survey, version, "not dialled: this version of the survey cannot be read");
            let at = self.clock.now() + REFUSED_AGAIN;
            self.put_off(leased, at, "this version of the survey cannot be read").await?;
            return Ok(false);
        }
        match self.permit(leased, &Contact::default()) {
            Permit::Dial => Ok(true),
            no => self.turn_down(leased, no).await.map(|()| false),
        }
    }

    /// What policy says about a leased follow-up at this moment.
    pub(super) fn permit(&self, leased: &Leased, contact: &Contact) -> Permit {
        let appointment = leased.state == FollowUpState::CallBack;
        let now = self.clock.now();
        self.manners.permit(&Asked { number: &leased.number, zone: leased.zone, appointment, contact, now })
    }

    /// Gives a follow-up back that policy turned down, with the reason where people read it.
    pub(super) async fn turn_down(&self, leased: &Leased, permit: Permit) -> Result<(), StoreError> {
        let now = self.clock.now();
        let (follow_up, token) = (leased.follow_up, leased.token);
        match permit {
            Permit::Dial => self.release(leased, None).await,
            Permit::NotBefore(at, wait) => self.put_off(leased, at, &wait.to_string()).await,
            Permit::NeverOpen => {
                tracing::warn!(%follow_up, "not dialled: the calling window never opens");
                self.put_off(leased, now + REFUSED_AGAIN, "the calling window never opens").await
            }
            Permit::Spent => {
                let mut conn = self.pool.acquire().await?;
                desk::not_reached(&mut conn, follow_up, token, now, "no attempt is left").await
            }
            Permit::Blocked => {
                self.release(leased, None).await?;
                phones::close_all_blocked(&mut *self.pool.acquire().await?, &leased.number, now).await
            }
            Permit::Refused(refusal) => {
                tracing::warn!(%follow_up, %refusal, "set aside for a person: its number is refused");
                let mut conn = self.pool.acquire().await?;
                desk::refuse(&mut conn, follow_up, token, &refusal.to_string()).await
            }
        }
    }

    async fn put_off(&self, leased: &Leased, at: DateTime<Utc>, why: &str) -> Result<(), StoreError> {
        desk::put_off(&mut *self.pool.acquire().await?, leased.follow_up, leased.token, at, why).await
    }

    /// Gives a follow-up back.
    pub(super) async fn release(&self, leased: &Leased, not_before: Option<DateTime<Utc>>) -> Result<(), StoreError> {
        queue::release(&mut *self.pool.acquire().await?, leased.follow_up, leased.token, not_before).await
    }

    /// Gives a follow-up back whose number is in a call already.
    pub(super) async fn release_busy(&self, leased: &Leased) -> Result<(), StoreError> {
        self.put_off(leased, self.clock.now() + IN_CALL_AGAIN, "its number is in a call").await
    }

    async fn release_leases(&self) -> Result<u64, StoreError> {
        queue::release_all(&mut *self.pool.acquire().await?, &self.node).await
    }

    /// Asks the live calls of campaigns that drain to close.
    async fn drain_campaigns(&self, floor: &mut Floor) -> Result<(), StoreError> {
        if floor.is_empty() {
            return Ok(());
        }
        let campaigns = controls::all(&mut *self.pool.acquire().await?).await?;
        let draining = campaigns.into_iter().filter(|campaign| campaign.state == CampaignState::Draining);
        let draining: BTreeSet<String> = draining.map(|campaign| campaign.key).collect();
        floor.drain(&draining, draining.contains(controls::ALL));
        Ok(())
    }

    /// Tells the other engines that a trunk has no room.
    async fn leave_alone(&self, congested: Congested) {
        let Some((trunk, pause)) = congested else { return };
        tracing::warn!(trunk, pause_s = pause.as_secs(), "the trunk had no room; it is left alone for a while");
        let until = self.clock.now() + TimeDelta::from_std(pause).unwrap_or_default();
        let held = async { gate::hold(&mut *self.pool.acquire().await?, &trunk, until).await };
        if let Err::<(), StoreError>(error) = held.await {
            tracing::warn!(%error, "the other engines do not know of it");
        }
    }
}
