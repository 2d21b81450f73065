//! `huifang demo`: the whole main job once on this machine, and then the proof. A list of repaired cars is imported, simulated callees answer as a process of their own
//! over real SIP and RTP on loopback, the queue is worked off, and every stored answer is compared with what the callees keyed.

mod agents;
pub(super) mod callees;
mod summary;

use super::engine::{self, Running};
use super::{Failure, import, parts};
use crate::config::{self, Settings};
use crate::db::story::{self, FollowUpStory};
use crate::db::transfers::Transfer;
use crate::db::{StoreError, follow_ups};
use crate::dialer::worker::Until;
use crate::followup::list::List;
use crate::phone::E164;
use crate::sim::check::{Stored, compare};
use crate::sim::list;
use callees::Callees;
use chrono::{NaiveTime, Utc};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Instant;
use summary::{Summary, show_progress};

/// A phone that nobody answers rings so long here.
const RING_TIMEOUT_S: u64 = 12;
/// The trunk to the callees.
pub(super) const TRUNK: &str = "demo";
/// Simulated agents have little to write up.
const WRAP_UP_S: u64 = 3;
/// New calls a second.
const CALLS_PER_SECOND: f64 = 20.0;

/// Options of `demo`.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// How many customers are on the list.
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=5000))]
    customers: u32,
    /// Makes the same customers do the same again.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// So many live agents are on duty: unhappy customers are offered a talk, and handed over.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100))]
    agents: u32,
    /// Leave the status page running at the end and print its address; Ctrl-C ends it.
    #[arg(long)]
    keep: bool,
    /// Print the summary as one JSON object, as the last line.
    #[arg(long)]
    json: bool,
}

/// Runs the demo; status 1 when one stored answer differs from what was keyed.
pub async fn run(options: Options) -> Result<(), Failure> {
    let stop = parts::stop_on_signal();
    let home = tempfile::Builder::new().prefix("huifang-demo-").tempdir().map_err(Failure::start)?;
    readable_for_postgres(home.path())?;
    let callees = Callees::start(options.seed).await?;
    let settings = settings(home.path(), callees.address);
    let running = engine::start(&settings).await?;
    let customers = list::customers(options.customers, options.seed, Utc::now().date_naive());
    load(&running, &settings, &customers).await?;
    agents::add(&running.pool, options.agents, callees.address, TRUNK).await?;

    let began = Instant::now();
    let progress = tokio::spawn(show_progress(running.pool.clone(), options.customers.into(), Utc::now()));
    running.work(Until::Idle, stop.clone()).await;
    progress.abort();
    let _ = progress.await;
    let seconds = began.elapsed().as_secs_f64();

    let reports = callees.finish().await?;
    let stories = stories(&running).await?;
    let lost = |error: StoreError| Failure::Found(format!("the hand-overs cannot be read: {error}"));
    let transfers = agents::stored(&running.pool, &stories).await.map_err(lost)?;
    let hand_overs = agents::count(options.agents, &transfers);
    let mut mismatches = compare(&reports.calls, &stored(&stories, &transfers));
    mismatches.extend(agents::differences(&running.pool, &reports, &hand_overs).await.map_err(lost)?);
    let summary = Summary::new(&stories, hand_overs, &mismatches, seconds);
    let table = summary.table(&mismatches);
    if options.json {
        eprintln!("{table}")
    } else {
        say!("{table}")
    }
    if options.keep && !stop.is_cancelled() {
        eprintln!("\nThe status page stays at http://{}/ until Ctrl-C.", running.page);
        if options.json {
            say!("{}", summary.json());
        }
        stop.cancelled().await;
    }
    running.end().await?;
    if options.json && !options.keep {
        say!("{}", summary.json());
    }
    verdict(&summary, mismatches.len(), options.customers)
}

fn verdict(summary: &Summary, mismatches: usize, customers: u32) -> Result<(), Failure> {
    if mismatches > 0 {
        return Err(Failure::Found(format!("{mismatches} differences between what was keyed and what is stored")));
    }
    if summary.customers != customers as usize {
        return Err(Failure::Found(format!("{} of {customers} customers are in the store", summary.customers)));
    }
    Ok(())
}

/// The demo's settings: everything on loopback, one trunk to the callees, at any hour (nobody real is called: the allow-list holds simulated numbers only).
pub(super) fn settings(home: &Path, callees: SocketAddr) -> Settings {
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let trunk = config::Trunk {
        address: Some(callees),
        max_calls: 200,
        calls_per_second: CALLS_PER_SECOND,
        ring_timeout_s: RING_TIMEOUT_S,
        ramp_up_s: 0,
        ..config::Trunk::default()
    };
    let window = config::Window {
        open: NaiveTime::MIN,
        close: config::END_OF_DAY,
        allow_night: true,
        allow_holidays: true,
        ..config::Window::default()
    };
    Settings {
        dealer: config::Dealer { name: "演示 4S 店".into(), ..config::Dealer::default() },
        database: config::Database { data_dir: home.join("data"), url: None, ..config::Database::default() },
        sip: config::Sip { listen: loopback, ..config::Sip::default() },
        trunks: BTreeMap::from([(TRUNK.to_owned(), trunk)]),
        media: config::Media { port_min: 0, port_max: 0, record_calls: true, ..config::Media::default() },
        dialer: config::Dialer {
            max_calls: 200,
            allow: vec![format!("+86{}", list::PREFIX)],
            window,
            delay_h: 0,
            ..config::Dialer::default()
        },
        agents: config::Agents { wrap_up_s: WRAP_UP_S, ..config::Agents::default() },
        web: config::Web { listen: loopback, ..config::Web::default() },
        ..Settings::default()
    }
}

/// PostgreSQL runs as a user of its own when we are root, and has to reach its directory.
pub(super) fn readable_for_postgres(home: &Path) -> Result<(), Failure> {
    std::fs::set_permissions(home, std::fs::Permissions::from_mode(0o755)).map_err(Failure::start)
}

/// Takes a list into the queue.
pub(super) async fn load(running: &Running, settings: &Settings, customers: &str) -> Result<(), Failure> {
    let mut conn = running.pool.acquire().await.map_err(|error| Failure::start(StoreError::from(error)))?;
    let rules = import::rules(settings, false)?;
    let report = |reject: &_| eprintln!("demo list: {reject}");
    let summary =
        import::load(&mut conn, List::Repair, customers.as_bytes(), "demo", std::io::sink(), &rules, report).await?;
    match summary.counts.rejected {
        0 => Ok(()),
        n => Err(Failure::Found(format!("{n} rows of the demo's list were rejected"))),
    }
}

/// Everything that is stored about each follow-up.
async fn stories(running: &Running) -> Result<Vec<(E164, FollowUpStory)>, Failure> {
    let lost = |error: StoreError| Failure::Found(format!("the results cannot be read: {error}"));
    let mut conn = running.pool.acquire().await.map_err(|error| lost(error.into()))?;
    let mut stories = Vec::new();
    for (id, number) in follow_ups::numbers(&mut conn).await.map_err(lost)? {
        stories.push((number, story::follow_up(&mut conn, id).await.map_err(lost)?));
    }
    Ok(stories)
}

fn stored(stories: &[(E164, FollowUpStory)], transfers: &[Vec<Transfer>]) -> BTreeMap<String, Stored> {
    let all = stories.iter().zip(transfers);
    all.map(|((number, story), transfers)| (number.as_str().to_owned(), Stored::of(story, transfers))).collect()
}
