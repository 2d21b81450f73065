//! `huifang bench soak`: whole calls, hour after hour, as many at a time as were asked for. The engine is this process, the callees and PostgreSQL are their own; everything
//! is loopback. A line of figures every few seconds goes to a CSV file, and in the end it is looked whether anything was left over (`verdict`).
//!
//! It is `huifang demo` with a list that goes on: numbers are called once each, so there are no more than 100,000 calls in it.

mod sample;
mod verdict;

use super::super::demo::callees::Callees;
use super::super::demo::{TRUNK, load, readable_for_postgres, settings};
use super::super::engine::{self, Running};
use super::super::parts;
use super::{Failure, above_zero, report};
use crate::config::Settings;
use crate::db::gauges::{self, Held};
use crate::db::state::CampaignState;
use crate::db::{StoreError, controls, queue};
use crate::dialer::worker::Until;
use crate::sim::check::compare;
use crate::sim::{list, stored};
use chrono::Utc;
use sample::Sample;
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use verdict::{Figures, LONGEST_CALL_S};

/// Simulated numbers that there are.
const NUMBERS: u32 = 100_000;
/// How long the last sockets of calls may take to close.
const SETTLE: Duration = Duration::from_secs(15);
/// A phone that nobody answers rings so long here.
const RING_TIMEOUT_S: u64 = 12;

/// Options of `bench soak`.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// New calls begin for so long; those that are up then go on to their end.
    #[arg(long, value_name = "N", default_value_t = 60.0, value_parser = above_zero)]
    minutes: f64,
    /// Calls at the same time.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=2000))]
    calls: u32,
    /// Seconds between two lines of figures.
    #[arg(long, value_name = "S", default_value_t = 10.0, value_parser = above_zero)]
    every: f64,
    /// Where the figures go.
    #[arg(long, value_name = "FILE", default_value = "soak.csv")]
    csv: PathBuf,
    /// Makes the same customers do the same again.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Print one JSON object as the last line.
    #[arg(long)]
    json: bool,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
struct SoakRun {
    /// How long calls were begun, in minutes.
    minutes: f64,
    /// Calls at the same time, as asked for.
    calls: u32,
    /// Customers called.
    called: usize,
    #[serde(flatten)]
    figures: Figures,
    /// What is wrong, as sentences.
    faults: Vec<String>,
}

/// Runs the soak; status 1 where something was left over.
pub async fn run(options: Options) -> Result<(), Failure> {
    let stop = parts::stop_on_signal();
    let home = tempfile::Builder::new().prefix("huifang-soak-").tempdir().map_err(Failure::start)?;
    readable_for_postgres(home.path())?;
    let mut file = std::fs::File::create(&options.csv)
        .map_err(|error| Failure::start(format!("{}: {error}", options.csv.display())))?;
    writeln!(file, "{}", Sample::HEAD).map_err(Failure::start)?;
    let callees = Callees::start(options.seed).await?;
    let settings = soak_settings(settings(home.path(), callees.address), options.calls);
    let running = engine::start(&settings).await?;

    let began = Instant::now();
    let before = Sample::now(began, &running, Open::default(), None);
    let dialling = CancellationToken::new();
    let mut soak = Soak { options: &options, settings: &settings, running: &running, began, file, next: 0 };
    let (samples, ()) = tokio::join!(
        async {
            let samples = soak.conduct(&stop).await;
            dialling.cancel();
            samples
        },
        running.work(Until::Stopped, dialling.clone())
    );
    let samples = samples?;
    let after = settled(began, &running, &before).await;
    let reports = callees.finish().await?;
    let mut conn = running.pool.acquire().await.map_err(|error| lost(error.into()))?;
    let stored = stored::read(&mut conn).await.map_err(lost)?;
    let open = Open::of(&gauges::held(&mut conn, Utc::now()).await.map_err(lost)?);
    drop(conn);
    running.end().await?;

    // whoever is still on the list when the time is over was not called, and need not have been
    let called = stored.into_iter().filter(|(_, stored)| !stored.dispositions.is_empty()).collect();
    let mismatches = compare(&reports.calls, &called);
    let figures = Figures::new(&before, &samples, &after);
    let faults = verdict::faults(&figures, open.calls, &mismatches);
    let minutes = options.minutes.min(began.elapsed().as_secs_f64() / 60.0);
    let run = SoakRun { minutes, calls: options.calls, called: called.len(), figures, faults };
    say!("{} calls in {:.1} minutes, {} at a time\n{}", run.called, run.minutes, run.calls, run.figures);
    if options.json {
        report::last_line(std::slice::from_ref(&run))?;
    }
    match run.faults.as_slice() {
        [] => Ok(()),
        faults => Err(Failure::Found(faults.join("\n"))),
    }
}

fn lost(error: StoreError) -> Failure {
    Failure::Found(format!("the store cannot be read: {error}"))
}

/// The demo's settings with one attempt for each customer, as many calls as are wanted, and no whole calls on record: they would fill the disk.
fn soak_settings(mut settings: Settings, calls: u32) -> Settings {
    settings.media.record_calls = false;
    settings.dialer.max_calls = calls;
    settings.dialer.max_attempts = 1;
    settings.dialer.max_minutes_a_day = 0;
    if let Some(trunk) = settings.trunks.get_mut(TRUNK) {
        trunk.max_calls = calls;
        trunk.ring_timeout_s = RING_TIMEOUT_S;
        // all of them within some ten seconds, without a storm at the start
        trunk.calls_per_second = (f64::from(calls) / 10.0).clamp(2.0, 50.0);
    }
    settings
}

/// Attempts that are open in the store.
#[derive(Clone, Copy, Debug, Default)]
struct Open {
    calls: usize,
    oldest_s: i64,
}

impl Open {
    fn of(held: &Held) -> Open {
        Open {
            calls: usize::try_from(held.open).unwrap_or_default(),
            oldest_s: held.oldest_s.unwrap_or_default() as i64,
        }
    }
}

struct Soak<'a> {
    options: &'a Options,
    settings: &'a Settings,
    running: &'a Running,
    began: Instant,
    file: std::fs::File,
    /// The next number that nobody was given.
    next: u32,
}

impl Soak<'_> {
    /// Keeps the queue filled until the time is over or a signal comes, then waits for the last call's end, or until one is past every bound. Takes samples all the time.
    async fn conduct(&mut self, stop: &CancellationToken) -> Result<Vec<Sample>, Failure> {
        let mut samples: Vec<Sample> = Vec::new();
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        let mut next_sample = self.began + Duration::from_secs_f64(self.options.every);
        let until = self.began + Duration::from_secs_f64(self.options.minutes * 60.0);
        let mut quiet = 0;
        loop {
            tick.tick().await;
            let (due, open) = self.look().await?;
            if Instant::now() >= next_sample {
                next_sample += Duration::from_secs_f64(self.options.every);
                let sample = Sample::now(self.began, self.running, open, samples.last());
                writeln!(self.file, "{}", sample.line()).map_err(|error| Failure::Found(error.to_string()))?;
                samples.push(sample);
            }
            if Instant::now() < until && !stop.is_cancelled() {
                if due < i64::from(self.options.calls) {
                    self.supply().await?;
                }
                continue;
            }
            if quiet == 0 {
                self.pause().await?;
            }
            // a call that had begun while it was paused shows at the next look
            quiet = if open.calls == 0 { quiet + 1 } else { 1 };
            if quiet > 2 || open.oldest_s > LONGEST_CALL_S {
                return Ok(samples);
            }
        }
    }

    /// Nobody new is called from now on; live calls go on.
    async fn pause(&self) -> Result<(), Failure> {
        let mut conn = self.running.pool.acquire().await.map_err(|error| lost(error.into()))?;
        controls::set(&mut conn, None, CampaignState::Paused, Utc::now()).await.map_err(lost)
    }

    /// Follow-ups that are due, and what is open.
    async fn look(&self) -> Result<(i64, Open), Failure> {
        let now = Utc::now();
        let mut conn = self.running.pool.acquire().await.map_err(|error| lost(error.into()))?;
        let due = queue::depth(&mut conn, now).await.map_err(lost)?.iter().map(|depth| depth.due).sum();
        Ok((due, Open::of(&gauges::held(&mut conn, now).await.map_err(lost)?)))
    }

    /// As many customers more as there are calls at a time.
    async fn supply(&mut self) -> Result<(), Failure> {
        let end = self.next + self.options.calls;
        if end > NUMBERS {
            return Err(Failure::Found(format!(
                "all {NUMBERS} simulated numbers are used up: fewer minutes, or fewer calls"
            )));
        }
        let customers = list::more_customers(self.next..end, self.options.seed, Utc::now().date_naive());
        self.next = end;
        load(self.running, self.settings, &customers).await
    }
}

/// What the process holds when every call's sockets have had their time to close.
async fn settled(began: Instant, running: &Running, before: &Sample) -> Sample {
    let limit = Instant::now() + SETTLE;
    loop {
        let sample = Sample::now(began, running, Open::default(), None);
        if sample.udp_sockets <= before.udp_sockets || Instant::now() >= limit {
            return sample;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
