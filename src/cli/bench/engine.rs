//! The engine's process of a benchmark: the real user agent, call machine, survey flow and media plane, without a store. Calls come at the rate that it is told,
//! hear one long prompt, and are over when a key was heard.

use super::Failure;
use super::child::{self, Usage};
use super::stored::Stored;
use crate::call::driver::{self, Line, Order as CallOrder, Report, Route};
use crate::call::machine::{Ending, Keep as Kept};
use crate::call::trace::Keep;
use crate::dialer::tracer::tracer;
use crate::media::amd;
use crate::media::prompt::{Prompt, PromptStore};
use crate::media::{FRAME_SAMPLES, SAMPLE_RATE};
use crate::net::media_engine::{MediaConfig, MediaEngine, MediaStats};
use crate::net::sip_transport::{self, SipHandle};
use crate::sip::endpoint::{EndpointConfig, Invite};
use crate::sip::header::NameAddr;
use crate::sip::session::{HangupReason, SessionEvent, SessionId};
use crate::sip::tap::Tap;
use crate::sip::uri::Uri;
use crate::survey::definition::Definition;
use crate::survey::flow::{Facts, Outcome};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// One question with one long prompt; its answer ends the call after a short silence.
const SURVEY: &str = include_str!("survey.toml");
/// Length of the long prompt: longer than any call of a benchmark.
const PROMPT_S: usize = 480;
/// Length of the last prompt, in frames of silence.
const LAST_FRAMES: usize = 10;

/// Options of `bench engine`.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Address of the callees.
    #[arg(long)]
    callees: SocketAddr,
    /// Media threads; 0: as `huifang serve` has them on this machine.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// With a database of its own that has so many follow-ups due.
    #[arg(long)]
    due: Option<u32>,
    /// The database keeps every SIP message, as `[trace] sip = "all"` has it.
    #[arg(long, requires = "due")]
    trace: bool,
}

/// What it can be told.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Say what was used.
    Mark,
    /// Dial so many calls, so many a second, and say when all are answered or failed.
    Dial {
        /// Calls.
        calls: u64,
        /// A second.
        rate: f64,
    },
    /// Wait until every call is over.
    Finish,
    /// Set up and hang up at this rate for so many seconds; 0 a second: as fast as 100 at a time go.
    Signal {
        /// A second.
        rate: f64,
        /// Seconds.
        seconds: u64,
    },
}

/// The answer to [`Order::Mark`] and [`Order::Dial`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Mark {
    /// Of the process so far.
    pub usage: Usage,
    /// Calls that were answered, so far.
    pub answered: u64,
    /// Calls that could not be placed or were not answered, so far.
    pub failed: u64,
    /// Calls that the engine refused to place because it has enough to do.
    pub refused: u64,
    /// Calls whose question was answered by a key, so far.
    pub complete: u64,
    /// Calls that are over.
    pub over: u64,
    /// Ticks of the media plane that ran more than 5 ms late, so far.
    pub late_ticks: u64,
    /// Ticks that were left out.
    pub skipped_ticks: u64,
    /// Packets that the kernel did not take.
    pub socket_errors: u64,
}

/// The answer to [`Order::Signal`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Signalled {
    /// Calls that were set up, answered and hung up.
    pub done: u64,
    /// Calls that failed.
    pub failed: u64,
    /// CPU of the engine's process for all of it, in µs.
    pub cpu_us: i64,
    /// Time that it took, in µs.
    pub wall_us: i64,
    /// CPU of the database for all of it, in µs; 0 without one.
    pub database_cpu_us: i64,
}

struct Engine {
    start: Instant,
    line: Line,
    callees: SocketAddr,
    definition: Arc<Definition>,
    counts: Arc<Counts>,
    reports: mpsc::UnboundedSender<Report>,
    calls: JoinSet<()>,
    stored: Option<Arc<Stored>>,
}

#[derive(Default)]
struct Counts {
    answered: AtomicU64,
    failed: AtomicU64,
    refused: AtomicU64,
    complete: AtomicU64,
    over: AtomicU64,
}

/// Works until its input is closed.
pub async fn run(options: Options) -> Result<(), Failure> {
    let folder = tempfile::tempdir().map_err(Failure::start)?;
    let (tap, traced) = match options.trace.then(|| tracer(Keep::All)) {
        Some((tap, tracer, writer)) => (Some(tap), Some((tracer, writer))),
        None => (None, None),
    };
    let mut engine = Engine::start(&options, folder.path(), tap)?;
    if let Some(due) = options.due {
        engine.stored = Some(Arc::new(Stored::start(folder.path(), options.callees, due, traced).await?));
    }
    child::reply(&engine.mark())?;
    let mut orders = child::orders();
    while let Some(order) = orders.next().await? {
        match order {
            Order::Mark => child::reply(&engine.mark())?,
            Order::Dial { calls, rate } => {
                engine.dial(calls, rate).await?;
                child::reply(&engine.mark())?;
            }
            Order::Finish => {
                while engine.calls.join_next().await.is_some() {}
                child::reply(&engine.mark())?;
            }
            Order::Signal { rate, seconds } => child::reply(&engine.signal(rate, seconds).await?)?,
        }
    }
    match engine.stored.and_then(Arc::into_inner) {
        Some(stored) => stored.finish().await,
        None => Ok(()),
    }
}

impl Engine {
    fn start(options: &Options, folder: &std::path::Path, tap: Option<Tap>) -> Result<Engine, Failure> {
        let start = Instant::now();
        let definition = Definition::from_toml("survey.toml", SURVEY).map_err(Failure::start)?;
        let config = |local| EndpointConfig { tap, ..EndpointConfig::new(local, "huifang-bench") };
        let (sip, _) =
            sip_transport::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), config).map_err(Failure::start)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = if options.threads == 0 { cores.saturating_sub(1).max(1) } else { options.threads };
        let media = MediaConfig {
            threads,
            calls_per_thread: usize::MAX,
            rtp_timeout: Duration::from_secs(60),
            ..MediaConfig::new(Ipv4Addr::LOCALHOST.into(), folder.to_owned())
        };
        let media = Arc::new(MediaEngine::start(media).map_err(Failure::start)?);
        let (counts, (reports, inbox)) = (Arc::new(Counts::default()), mpsc::unbounded_channel());
        tokio::spawn(count(counts.clone(), inbox));
        let prompts = Arc::new(prompts());
        let public_ip = Ipv4Addr::LOCALHOST.into();
        let machines = Some(amd::Params::default());
        let (recordings, hold_max) = (folder.to_owned(), Duration::from_secs(120));
        let record_calls = false;
        let line = Line { sip, media, prompts, public_ip, recordings, machines, hold_max, record_calls };
        Ok(Engine {
            start,
            line,
            callees: options.callees,
            definition,
            counts,
            reports,
            calls: JoinSet::new(),
            stored: None,
        })
    }

    fn mark(&self) -> Mark {
        let MediaStats { late_ticks, skipped_ticks, socket_errors, .. } = self.line.media.stats();
        let counts = &self.counts;
        Mark {
            usage: Usage::now(self.start),
            answered: counts.answered.load(Relaxed),
            failed: counts.failed.load(Relaxed),
            refused: counts.refused.load(Relaxed),
            complete: counts.complete.load(Relaxed),
            over: counts.over.load(Relaxed),
            late_ticks,
            skipped_ticks,
            socket_errors,
        }
    }

    async fn dial(&mut self, calls: u64, rate: f64) -> Result<(), Failure> {
        let (target, from) = self.names()?;
        let wanted = self.settled() + calls;
        let mut pace = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
        for _ in 0..calls {
            pace.tick().await;
            if !self.line.media.has_room() {
                self.counts.refused.fetch_add(1, Relaxed);
                continue;
            }
            let order = CallOrder {
                route: Route {
                    target: target.clone(),
                    next_hop: self.callees.into(),
                    others: Vec::new(),
                    large_by_tcp: false,
                    from: from.clone(),
                    credentials: None,
                    headers: Vec::new(),
                    extensions: Default::default(),
                    srtp: false,
                    ring_timeout: Duration::from_secs(30),
                    known: None,
                },
                definition: self.definition.clone(),
                facts: facts(),
                agents: None,
                attempt: None,
            };
            let (line, reports, counts) = (self.line.clone(), self.reports.clone(), self.counts.clone());
            self.calls.spawn(async move {
                let ending = driver::drive(&line, order, reports, CancellationToken::new()).await;
                if !ending.is_ok_and(|ending: Ending| ending.outcome.is_some()) {
                    counts.failed.fetch_add(1, Relaxed);
                }
                counts.over.fetch_add(1, Relaxed);
            });
        }
        while self.settled() < wanted {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Calls of which is known whether they were answered.
    fn settled(&self) -> u64 {
        [&self.counts.answered, &self.counts.failed, &self.counts.refused].iter().map(|count| count.load(Relaxed)).sum()
    }

    async fn signal(&self, rate: f64, seconds: u64) -> Result<Signalled, Failure> {
        let (target, from) = self.names()?;
        let offer = driver::offer(self.line.public_ip, 4000);
        let invite = Invite {
            target,
            next_hop: self.callees.into(),
            others: Vec::new(),
            large_by_tcp: false,
            from,
            credentials: None,
            headers: Vec::new(),
            extensions: Default::default(),
            offer,
            ring_timeout: Duration::from_secs(30),
        };
        let (done, failed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let database_cpu_us = || self.stored.as_ref().map_or(0, |stored| stored.cpu_us());
        let (before, database_before) = (Usage::now(self.start), database_cpu_us());
        let end = Instant::now() + Duration::from_secs(seconds);
        let at_once = Arc::new(tokio::sync::Semaphore::new(if rate > 0.0 { 10_000 } else { 100 }));
        let mut pace = tokio::time::interval(Duration::from_secs_f64(1.0 / if rate > 0.0 { rate } else { 1e6 }));
        let mut calls = JoinSet::new();
        while Instant::now() < end {
            if rate > 0.0 {
                pace.tick().await;
            }
            while calls.try_join_next().is_some() {}
            let place = at_once.clone().acquire_owned().await.map_err(Failure::start)?;
            let (sip, invite, done, failed) = (self.line.sip.clone(), invite.clone(), done.clone(), failed.clone());
            let stored = self.stored.clone();
            calls.spawn(async move {
                let good = match &stored {
                    Some(stored) => stored.call(|placed| set_up_and_hang_up(&sip, invite, Some(placed))).await,
                    None => set_up_and_hang_up(&sip, invite, None).await,
                };
                if good { &done } else { &failed }.fetch_add(1, Relaxed);
                drop(place);
            });
        }
        while calls.join_next().await.is_some() {}
        if let Some(stored) = &self.stored {
            stored.settled(done.load(Relaxed) + failed.load(Relaxed)).await?;
        }
        let after = Usage::now(self.start);
        Ok(Signalled {
            done: done.load(Relaxed),
            failed: failed.load(Relaxed),
            cpu_us: after.cpu_us - before.cpu_us,
            wall_us: after.wall_us - before.wall_us,
            database_cpu_us: database_cpu_us() - database_before,
        })
    }

    fn names(&self) -> Result<(Uri, NameAddr), Failure> {
        let target: Uri = format!("sip:bench@{}", self.callees).parse().map_err(Failure::start)?;
        let from: NameAddr = "<sip:bench@127.0.0.1>".parse().map_err(Failure::start)?;
        Ok((target, from))
    }
}

async fn set_up_and_hang_up(sip: &SipHandle, invite: Invite, placed: Option<oneshot::Sender<SessionId>>) -> bool {
    let Some((id, mut events)) = sip.invite(invite).await else { return false };
    if let Some(placed) = placed {
        let _ = placed.send(id);
    }
    let mut answered = false;
    while let Some(event) = events.recv().await {
        match event {
            SessionEvent::Answered { .. } => {
                answered = true;
                sip.hangup(id, HangupReason::Normal);
            }
            SessionEvent::Ended { .. } => return answered,
            SessionEvent::Failed(_) => return false,
            _ => {}
        }
    }
    false
}

async fn count(counts: Arc<Counts>, mut inbox: mpsc::UnboundedReceiver<Report>) {
    while let Some(report) = inbox.recv().await {
        match report {
            Report::Keep(Kept::Answered) => counts.answered.fetch_add(1, Relaxed),
            Report::Keep(Kept::Outcome(Outcome::Complete)) => counts.complete.fetch_add(1, Relaxed),
            Report::Keep(_) | Report::Note(_) | Report::Session(..) => continue,
        };
    }
}

/// The long prompt is a tone of 1 kHz with a slow beat, so that no frame of it is silence; the last one is nothing but silence.
fn prompts() -> PromptStore {
    let tone = |n: usize| {
        let (second, beat) = (n as f64 / f64::from(SAMPLE_RATE), 0.7 + 0.3 * (n as f64 / 4000.0).sin());
        ((second * 1000.0 * std::f64::consts::TAU).sin() * beat * 8000.0) as i16
    };
    let question: Vec<i16> = (0..PROMPT_S * SAMPLE_RATE as usize).map(tone).collect();
    let last = vec![0; LAST_FRAMES * FRAME_SAMPLES];
    PromptStore::new(
        [("question", question), ("last", last)].map(|(id, s)| Arc::new(Prompt::from_samples("en", id, "", &s))),
    )
}

fn facts() -> Facts {
    Facts {
        language: "en".to_owned(),
        plate: None,
        event_date: None,
        advisor_number: None,
        now_local: chrono::NaiveDateTime::default(),
        answered: BTreeMap::new(),
        message_left: false,
        record_calls: false,
    }
}
