//! What the store adds to a call's set-up: each call is leased, let through the gate, and its facts go through the journal, as the dialler does it. A private
//! cluster in a folder of its own, which the process ends.

use super::super::demo::{TRUNK, readable_for_postgres, settings};
use super::super::{engine, import, parts};
use super::Failure;
use crate::call::disposition::Disposition;
use crate::call::trace::Leg;
use crate::clock::Clock;
use crate::db::attempts::{AttemptEnd, NewAttempt, Next};
use crate::db::gate::{self, Gate, Limits};
use crate::db::journal::{Applier, Fact, Journal};
use crate::db::queue::{self, LeaseRequest};
use crate::db::state::FollowUpState;
use crate::db::{Store, StoreError, sip_messages};
use crate::dialer::policy::Contact;
use crate::dialer::tracer::{Tracer, Writer};
use crate::followup::list::List;
use crate::ids::AttemptId;
use crate::sim::list;
use crate::sip::session::SessionId;
use chrono::{TimeDelta, Utc};
use sqlx::PgConnection;
use std::net::SocketAddr;
use std::path::Path;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A call of the benchmark is over long before.
const LEASE: TimeDelta = TimeDelta::minutes(1);
/// The applier needs a connection, too.
const BEGINNING: usize = 6;

/// Messages of a call that is answered and hung up: INVITE, 200, ACK, BYE, 200.
const MESSAGES: i64 = 5;

/// A store with a queue of due follow-ups.
pub struct Stored {
    store: Store,
    journal: Journal,
    applier: JoinHandle<Applier>,
    stop: CancellationToken,
    due: u32,
    /// Where the calls' messages go, when they are kept.
    tracer: Option<Tracer>,
    /// Calls that begin at the same time: no more than the pool has connections.
    beginning: Semaphore,
}

impl Stored {
    /// With so many follow-ups that are due; SIP messages are kept, too, where there is a tracer.
    pub async fn start(
        folder: &Path,
        callees: SocketAddr,
        due: u32,
        traced: Option<(Tracer, Writer)>,
    ) -> Result<Stored, Failure> {
        let settings = settings(folder, callees);
        readable_for_postgres(folder)?;
        let store = parts::open_store(&settings).await?;
        engine::publish_files(&store.pool, &settings, &Clock::System).await?;
        let mut conn = parts::connection(&store).await?;
        let rules = import::rules(&settings, false)?;
        let customers = list::customers(due, 1, Utc::now().date_naive());
        import::load(&mut conn, List::Repair, customers.as_bytes(), "bench", std::io::sink(), &rules, |_| {}).await?;
        gate::open_lines(&mut conn, &[TRUNK.to_owned()], Utc::now()).await.map_err(Failure::start)?;
        drop(conn);
        let (journal, applier) = Journal::open(&parts::journal_dir(&settings)).map_err(Failure::start)?;
        let stop = CancellationToken::new();
        let applier = tokio::spawn(applier.run(store.pool.clone(), stop.clone()));
        let tracer = traced.map(|(tracer, writer)| {
            tokio::spawn(writer.run(store.pool.clone()));
            tracer
        });
        Ok(Stored { store, journal, applier, stop, due, tracer, beginning: Semaphore::new(BEGINNING) })
    }

    /// One call, of which is kept that it left, that it was answered and that it ended. False when it failed, or could not be begun.
    /// `placed` is given the call's session.
    pub async fn call<C: Future<Output = bool>>(&self, call: impl FnOnce(oneshot::Sender<SessionId>) -> C) -> bool {
        let attempt = match self.begin().await {
            Ok(attempt) => attempt,
            Err(why) => {
                // standard error is the conductor's, so that it is seen
                eprintln!("bench engine: no attempt was begun: {why}");
                return false;
            }
        };
        let (placed, session) = oneshot::channel();
        let whose = async {
            if let (Some(tracer), Ok(session)) = (&self.tracer, session.await) {
                tracer.session(session, attempt, Leg::Customer);
            }
        };
        let (good, ()) = tokio::join!(call(placed), whose);
        if let Some(tracer) = &self.tracer {
            tracer.ended(attempt, !good);
        }
        let end = AttemptEnd {
            attempt,
            ended_at: Utc::now(),
            sip_status: Some(200),
            disposition: Disposition::BreakOff.to_string(),
            aapor: Some(Disposition::BreakOff.aapor().to_owned()),
            blame: None,
            retry_allowed: false,
            detail: None,
            next: Next::Done,
        };
        let answered = Fact::AttemptAnswered { attempt, at: Utc::now() };
        let kept = self.journal.append(&[answered]).and_then(|()| self.journal.append(&[Fact::AttemptEnded(end)]));
        good && kept.is_ok()
    }

    async fn begin(&self) -> Result<AttemptId, String> {
        let _turn = self.beginning.acquire().await.map_err(|error| error.to_string())?;
        let lost = |error: StoreError| error.to_string();
        let now = Utc::now();
        let mut conn = self.store.pool.acquire().await.map_err(|error| lost(error.into()))?;
        let request = LeaseRequest { node: "bench", limit: 1, ttl: LEASE, now, survey: None, follow_up: None };
        let leased = queue::lease(&mut conn, &request).await.map_err(lost)?.pop().ok_or("nobody is due")?;
        let attempt = AttemptId(uuid::Uuid::now_v7());
        let (interval, day_start) = (TimeDelta::zero(), now - TimeDelta::hours(12));
        let limits = Limits { max_calls: 100_000, interval, all_calls: 0, day_start, number: &leased.number };
        let new = NewAttempt::of(&leased, attempt, TRUNK, Utc::now());
        let gate = gate::begin(&mut conn, &new, &limits, |_: &Contact| Ok::<(), ()>(())).await;
        match gate.map_err(|error| error.to_string())? {
            Gate::Begun(_) => {}
            closed => return Err(format!("the gate is shut: {closed:?}")),
        }
        let sent = Fact::AttemptSent { attempt, at: Utc::now() };
        self.journal.append(&[sent]).map_err(|error| error.to_string())?;
        Ok(attempt)
    }

    /// Waits until everything is in the tables, and looks whether it is: so many calls were made.
    pub async fn settled(&self, calls: u64) -> Result<(), Failure> {
        self.journal.settled().await;
        let mut conn = parts::connection(&self.store).await?;
        let depth = queue::depth(&mut conn, Utc::now()).await.map_err(Failure::start)?;
        let waiting: i64 = depth.iter().filter(|row| row.state == FollowUpState::Waiting).map(|row| row.count).sum();
        let closed = i64::from(self.due) - waiting;
        let calls = i64::try_from(calls).unwrap_or(i64::MAX);
        if closed != calls {
            return Err(Failure::Found(format!("{calls} calls were made, and {closed} follow-ups are closed")));
        }
        let traced = async |conn: &mut PgConnection| sip_messages::due(conn, Utc::now()).await.map_err(Failure::start);
        while self.tracer.is_some() && traced(&mut conn).await? < calls * MESSAGES {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// CPU of the database's processes so far, in µs.
    pub fn cpu_us(&self) -> i64 {
        let Some(postmaster) = self.store.postmaster() else { return 0 };
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        processes.filter_map(|process| cpu_of(&process.path(), &postmaster)).sum()
    }

    /// Ends the cluster.
    pub async fn finish(self) -> Result<(), Failure> {
        self.stop.cancel();
        let _ = self.applier.await;
        self.store.close().await.map_err(Failure::start)
    }

    /// So many calls fit into the queue at this rate.
    pub fn due(rate: f64, seconds: u64) -> u32 {
        (rate * (seconds as f64 + 1.0)).ceil().min(99_999.0) as u32
    }
}

/// CPU of a process that is the postmaster or its child, in µs (proc(5): utime, stime and those of the children that ended, in ticks of 10 ms).
fn cpu_of(process: &Path, postmaster: &str) -> Option<i64> {
    let own = process.file_name()?.to_str()? == postmaster;
    let stat = std::fs::read_to_string(process.join("stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    if !own && *fields.get(1)? != postmaster {
        return None;
    }
    let upto = if own { 15 } else { 13 };
    Some(fields.get(11..upto)?.iter().filter_map(|ticks| ticks.parse::<i64>().ok()).sum::<i64>() * 10_000)
}
