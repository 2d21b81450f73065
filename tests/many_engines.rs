//! Three engines on one PostgreSQL, and `kill -9` of one at random, again and again: each customer ends with one final disposition or a person's review, nobody is
//! called twice at once, nobody more often than allowed, and the callees saw no call that is not stored.
//!
//! The callees are quick: busy, no such number, or picked up and hung up at once. `HUIFANG_CUSTOMERS=2000` makes the long form of the run.

use huifang::net::sip_transport::{self, IncomingCall, SipHandle};
use huifang::sdp::{self, LocalMedia};
use huifang::sim::list;
use huifang::sip::endpoint::{EndpointConfig, IncomingPolicy};
use huifang::sip::session::{HangupReason, SessionEvent};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sqlx::PgPool;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// What the trunk takes at once, over all engines.
const MAX_CALLS: usize = 6;
/// How long somebody who picked up stays on the line.
const STAYS: Duration = Duration::from_millis(150);

/// What the callees saw.
#[derive(Default)]
struct Seen {
    calls: BTreeMap<String, usize>,
    live: BTreeMap<String, usize>,
    most_at_once: usize,
    overlaps: Vec<String>,
}

type Book = Arc<Mutex<Seen>>;

/// Answers every call quickly, by the last digit of the called number.
fn callees() -> (SocketAddr, Book) {
    let config = |local| EndpointConfig { incoming: IncomingPolicy::Accept, ..EndpointConfig::new(local, "callees") };
    let (sip, mut incoming) = sip_transport::start(std::net::SocketAddr::from(([127, 0, 0, 1], 0)), config).unwrap();
    let (address, book) = (sip.local_addr(), Book::default());
    let seen = book.clone();
    tokio::spawn(async move {
        // A port that takes audio and hears nothing.
        let deaf = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = deaf.local_addr().unwrap().port();
        while let Some(call) = incoming.recv().await {
            tokio::spawn(answer(sip.clone(), call, port, seen.clone()));
        }
    });
    (address, book)
}

async fn answer(sip: SipHandle, mut call: IncomingCall, port: u16, book: Book) {
    let number = format!("+{}", call.invite.request_uri.user().unwrap_or_default().trim_start_matches('+'));
    {
        let mut seen = book.lock().unwrap();
        *seen.calls.entry(number.clone()).or_default() += 1;
        *seen.live.entry(number.clone()).or_default() += 1;
        if seen.live[&number] > 1 {
            seen.overlaps.push(number.clone());
        }
        let live = seen.live.values().sum();
        seen.most_at_once = seen.most_at_once.max(live);
    }
    match number.bytes().last() {
        Some(b'0'..=b'4') => sip.reject(call.id, 486),
        Some(b'5' | b'6') => sip.reject(call.id, 404),
        _ => {
            let local = LocalMedia {
                addr: "127.0.0.1".parse().unwrap(),
                port,
                codecs: vec![sdp::Codec::Pcma],
                telephone_event: Some(101),
                ptime_ms: 20,
                srtp: Vec::new(),
                session_id: 1,
                version: 1,
            };
            let (answer, _) = sdp::answer(&local, &call.invite.offer).unwrap();
            sip.ring(call.id, 180, None);
            sip.accept(call.id, answer);
            tokio::time::sleep(STAYS).await;
            sip.hangup(call.id, HangupReason::Normal);
            let ended = async {
                while let Some(event) = call.events.recv().await {
                    if matches!(event, SessionEvent::Ended { .. } | SessionEvent::Failed(_) | SessionEvent::Canceled) {
                        return;
                    }
                }
            };
            // The engine may be dead: whoever hung up is off the line all the same.
            let _ = tokio::time::timeout(Duration::from_secs(1), ended).await;
        }
    }
    *book.lock().unwrap().live.get_mut(&number).unwrap() -= 1;
}

struct Engines {
    home: tempfile::TempDir,
    url: String,
    running: Vec<Option<Child>>,
}

impl Engines {
    fn new(url: String, trunk: SocketAddr, calls_per_second: f64, count: usize) -> Engines {
        let home = tempfile::tempdir().unwrap();
        for n in 0..count {
            let text = format!(
                r#"
                [database]
                data_dir = "{home}/{n}"
                max_connections = 6
                [sip]
                listen = "127.0.0.1:0"
                [media]
                port_min = 0
                port_max = 0
                threads = 1
                [survey]
                surveys_dir = "{ROOT}/surveys"
                prompts_dir = "{ROOT}/prompts"
                [web]
                listen = "127.0.0.1:0"
                [trunks.peer]
                address = "{trunk}"
                max_calls = {MAX_CALLS}
                calls_per_second = {calls_per_second:.1}
                ring_timeout_s = 10
                ramp_up_s = 0
                [dialer]
                node = "node-{n}"
                allow = ["+86139000"]
                delay_h = 0
                lease_ttl_s = 5
                max_attempts = 2
                window = {{ open = "00:00", close = "24:00", allow_night = true, allow_holidays = true }}
                retry = {{ busy_min = 0, break_off_min = 0, congestion_min = 0 }}
                "#,
                home = home.path().display(),
            );
            std::fs::write(home.path().join(format!("{n}.toml")), text).unwrap();
        }
        Engines { home, url, running: (0..count).map(|_| None).collect() }
    }

    fn command(&self, n: usize) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_huifang"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("HUIFANG_") {
                command.env_remove(name);
            }
        }
        let config: PathBuf = self.home.path().join(format!("{n}.toml"));
        command.current_dir(ROOT).env("DATABASE_URL", &self.url).arg("--config").arg(config).kill_on_drop(true);
        command.stdout(Stdio::null()).stderr(Stdio::inherit());
        command
    }

    async fn import(&self, customers: u32) {
        let file = self.home.path().join("list.csv");
        std::fs::write(&file, list::customers(customers, 1, chrono::Utc::now().date_naive())).unwrap();
        let mut command = self.command(0);
        assert!(command.args(["import", "--list", "repair"]).arg(&file).status().await.unwrap().success());
    }

    /// Starts every engine that is not running.
    fn start_missing(&mut self) {
        for n in 0..self.running.len() {
            let ended = self.running[n].as_mut().is_none_or(|child| child.try_wait().unwrap().is_some());
            if ended {
                self.running[n] =
                    Some(self.command(n).args(["--log", "error", "serve", "--until-idle"]).spawn().unwrap());
            }
        }
    }

    /// `kill -9`.
    async fn kill(&mut self, n: usize) {
        if let Some(child) = &mut self.running[n] {
            let _ = child.kill().await;
        }
    }

    /// Waits until all have ended by themselves.
    async fn all_idle(&mut self, limit: Duration) {
        for child in self.running.iter_mut().flatten() {
            let status = tokio::time::timeout(limit, child.wait()).await.expect("an engine goes on and on").unwrap();
            assert!(status.success(), "{status}");
        }
    }
}

async fn count(pool: &PgPool, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
}

const LEFT: &str = "select count(*) from follow_ups where state in ('waiting', 'retry', 'call_back', 'in_call')";

fn url(pool: &PgPool) -> String {
    let options = pool.connect_options();
    let database = options.get_database().unwrap();
    format!("postgres://{}@{}:{}/{database}", options.get_username(), options.get_host(), options.get_port())
}

#[sqlx::test(migrator = "huifang::db::MIGRATOR")]
async fn engines_that_die_lose_nobody_and_call_nobody_twice(pool: PgPool) {
    let customers: u32 = std::env::var("HUIFANG_CUSTOMERS").map_or(150, |n| n.parse().unwrap());
    let long = customers > 500;
    let (trunk, book) = callees();
    let mut engines = Engines::new(url(&pool), trunk, if long { 40.0 } else { 30.0 }, 3);
    engines.import(customers).await;
    assert_eq!(count(&pool, LEFT).await, i64::from(customers));

    let mut random = ChaCha8Rng::seed_from_u64(3);
    let mut kills = 0;
    let limit = Instant::now() + Duration::from_secs(if long { 900 } else { 120 });
    engines.start_missing();
    // Some are killed early, some late, until little is left to do.
    while count(&pool, LEFT).await > i64::from(customers) / 10 && Instant::now() < limit {
        tokio::time::sleep(Duration::from_millis(random.random_range(500..2500))).await;
        if count(&pool, "select count(*) from attempts").await > kills * 5 {
            engines.kill(random.random_range(0..3)).await;
            kills += 1;
        }
        engines.start_missing();
    }
    engines.all_idle(Duration::from_secs(120)).await;
    // What the dead left in their journals comes in when they start once more.
    engines.start_missing();
    engines.all_idle(Duration::from_secs(120)).await;
    verify(&pool, &book, engines.home.path(), customers).await;
    eprintln!("{kills} engines were killed");
    assert!(kills >= 2, "only {kills} engines were killed");
}

async fn verify(pool: &PgPool, book: &Book, home: &Path, customers: u32) {
    let ended = "select count(*) from follow_ups where (state in ('done', 'expired') and final_disposition is not null) or state = 'needs_review'";
    assert_eq!(count(pool, ended).await, i64::from(customers), "each has one final disposition or a review");
    assert_eq!(count(pool, "select count(*) from attempts where ended_at is null").await, 0);
    let often = "select count(*) from (select 1 from attempts where invite_sent_at is not null group by follow_up_id having count(*) > 2) as often";
    assert_eq!(count(pool, often).await, 0, "more attempts than allowed");
    let overlaps = "select count(*) from attempts a join attempts b on a.number = b.number and a.id < b.id
                    where a.began_at < b.ended_at and b.began_at < a.ended_at";
    assert_eq!(count(pool, overlaps).await, 0, "two attempts at once to one number");
    let refused: Vec<PathBuf> = (0..3).map(|n| home.join(format!("{n}/journal/refused.log"))).collect();
    assert!(refused.iter().all(|file| !file.exists()), "the store took every record");

    let stored: Vec<(String, i64)> =
        sqlx::query_as("select number, count(*) from attempts where disposition <> 'not_sent' group by number")
            .fetch_all(pool)
            .await
            .unwrap();
    let stored: BTreeMap<String, i64> = stored.into_iter().collect();
    let seen = book.lock().unwrap();
    assert!(seen.overlaps.is_empty(), "{} numbers rang twice at once", seen.overlaps.len());
    for (number, calls) in &seen.calls {
        let stored = stored.get(number).copied().unwrap_or_default();
        assert!(*calls as i64 <= stored, "a number was called {calls} times, {stored} attempts are stored");
        assert!(*calls <= 2, "a number was called {calls} times");
    }
    assert!(seen.most_at_once <= MAX_CALLS, "{} calls at once on a trunk that takes {MAX_CALLS}", seen.most_at_once);
}
