//! An evening of calls in bad weather: datagrams that are lost, late, overtaken and doubled, a trunk that goes away, and one that is started anew in the middle. Whatever
//! happens on the way, what is stored is what was keyed, each customer is called once, and in the end nothing is left over: no open attempt, no port, no session.
//!
//! The engine is the process that runs in the field, the customers are `huifang callee`, the weather is `common/weather.rs` between them. What a lost RTP packet does is
//! tried in virtual time (tests/whole_call).

mod common;
#[path = "kill/night.rs"]
#[allow(dead_code, reason = "its own part of it")]
mod night;

use common::db::Db;
use common::weather::{Proxy, Weather};
use common::{Callees, Home, Running, SOON, udp_ports_of, until};
use huifang::sim::callee::Report;
use huifang::sim::check::{Mismatch, compare};
use huifang::sim::stored;
use night::Night;
use nix::sys::signal::Signal;
use std::time::Duration;

/// Whoever needs less than half a minute, most kinds twice (persona is number modulo 16, src/sim/persona.rs): whole surveys, refusals, break-offs, call-backs, wrong
/// numbers, a family member, busy, no answer, no such number.
const PEOPLE: [&str; 15] = [
    "00000", "00002", "00003", "00004", "00005", "00007", "00008", "00009", "00018", "00019", "00020", "00021",
    "00022", "00034", "00043",
];
/// Those of them who pick up.
const WHO_PICK_UP: i64 = 12;
/// Longest wait for the last call's end.
const EVENING: Duration = Duration::from_secs(120);
/// What the engine may grow by in one evening; a call costs less than 64 KiB.
const GROWTH_KIB: u64 = 24 * 1024;
const OPEN: &str = "select count(*) from attempts where ended_at is null";

/// The people are called through the weather.
struct Evening {
    home: Home,
    db: Db,
    callees: Callees,
    proxy: Proxy,
    engine: Running,
    rss_before: u64,
}

impl Evening {
    fn begin(weather: Weather, seed: u64) -> Evening {
        let (home, db, callees) = (Home::new(), Db::new(), Callees::start(7));
        let proxy = Proxy::start(callees.address, seed, weather);
        let settings = home.settings(
            proxy.address,
            "max_calls = 20\nramp_up_s = 0\nring_timeout_s = 15",
            "max_calls = 20\n[trace]\nsip = \"off\"",
        );
        // whoever is gone without a word is noticed soon
        let text = std::fs::read_to_string(&settings).unwrap().replace("threads = 1", "threads = 1\nrtp_timeout_s = 4");
        std::fs::write(&settings, text).unwrap();
        let night = Night::with(&home, Some(&db.url), settings);
        night.import(&PEOPLE);
        let engine = night.serve(&[]);
        let rss_before = rss_kib(engine.id());
        Evening { home, db, callees, proxy, engine, rss_before }
    }

    /// Waits for so many answered calls.
    fn answered(&self, count: i64) {
        until("answered calls", EVENING, || {
            (self.db.count("select count(*) from attempts where answered_at is not null") >= count).then_some(())
        });
    }

    /// Waits for the end of all calls, looks whether anything is left over, and gives the differences between what people did and what is stored.
    fn end(self) -> (Ended, Vec<Mismatch>) {
        let Evening { home, db, callees, proxy, engine, rss_before } = self;
        until("the last call's end", EVENING, || {
            (db.count("select count(*) from follow_ups where state in ('waiting', 'in_call')") == 0).then_some(())
        });
        assert_eq!(db.count(OPEN), 0, "open attempts");
        assert_eq!(db.count("select count(*) from follow_ups where lease_token is not null"), 0, "held follow-ups");
        until("the calls' ports to be closed", SOON, || (udp_ports_of(engine.id()).len() == 1).then_some(()));
        let grown = rss_kib(engine.id()).saturating_sub(rss_before);
        assert!(grown < GROWTH_KIB, "the engine has grown by {grown} KiB");
        // A session that is stuck would hold the engine: it ends when the last BYE is answered or given up.
        engine.signal(Signal::SIGTERM);
        let ended = engine.finish(SOON + SOON);
        assert_eq!(ended.code(), 0, "{}", ended.told());
        assert!(!home.path("data/journal/refused.log").exists(), "the store took every record");

        let calls = proxy.calls();
        assert_eq!(calls.len(), PEOPLE.len(), "everybody was called: {}", calls.len());
        assert!(calls.values().all(|count| *count == 1), "somebody was called twice: {:?}", calls.values());
        let sent = "select count(*) from attempts where invite_sent_at is not null";
        assert_eq!(db.count(sent), calls.len() as i64, "each call is an attempt in the store");
        let (there, back) = proxy.tallies();
        let calls_took = "select array[right(number, 5), disposition, round(extract(epoch from ended_at - began_at), 1)::text] from attempts order by 1";
        eprintln!(
            "from the engine: {there:?}\nfrom the trunk: {back:?}\ngrown by {grown} KiB\n{:?}",
            db.rows(calls_took)
        );
        let reports = callees.reports().into_iter().map(|report| serde_json::from_value(report).unwrap());
        let calls = reports.filter_map(|report| if let Report::Call(report) = report { Some(report) } else { None });
        let stored = db.with(async |conn| stored::read(conn).await.unwrap());
        (Ended { db, proxy }, compare(&calls.collect::<Vec<_>>(), &stored))
    }
}

/// What can be asked afterwards.
struct Ended {
    db: Db,
    proxy: Proxy,
}

/// An evening in which the weather may change nothing.
fn all_is_well(weather: Weather, seed: u64) -> Ended {
    let (ended, mismatches) = Evening::begin(weather, seed).end();
    assert_eq!(mismatches, []);
    ended
}

fn rss_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}

#[test]
fn one_datagram_in_twenty_is_lost() {
    let ended = all_is_well(Weather { loss: 5, ..Weather::default() }, 5);
    let (there, back) = ended.proxy.tallies();
    assert!(there.lost > 0 && back.lost > 0, "nothing was lost: {there:?} {back:?}");
}

#[test]
fn one_datagram_in_five_is_lost() {
    let ended = all_is_well(Weather { loss: 20, ..Weather::default() }, 20);
    let (there, back) = ended.proxy.tallies();
    assert!(there.lost >= 5 && back.lost >= 5, "nothing was lost: {there:?} {back:?}");
}

#[test]
fn the_trunk_is_200_ms_away() {
    let ended = all_is_well(Weather { delay: Duration::from_millis(200), ..Weather::default() }, 1);
    // Two ways of 200 ms between INVITE and the first sign of the phone.
    let quick = "select count(*) from attempt_events where kind = 'ringing' and offset_ms < 400";
    assert_eq!(ended.db.count(quick), 0);
}

#[test]
fn datagrams_overtake_each_other_and_come_twice() {
    let weather = Weather { reorder: 25, duplicate: 25, delay: Duration::from_millis(10), ..Weather::default() };
    let ended = all_is_well(weather, 3);
    let (there, back) = ended.proxy.tallies();
    assert!(there.late > 3 && back.late > 3 && there.twice > 3 && back.twice > 3, "{there:?} {back:?}");
}

/// Calls that are set up wait, calls that stand go on (their media do not pass the relay), hang-ups are repeated until the way is open.
#[test]
fn the_way_to_the_trunk_is_closed_for_a_while_and_once_more() {
    let evening = Evening::begin(Weather::default(), 1);
    evening.answered(3);
    evening.proxy.goes_away(Duration::from_secs(3));
    evening.answered(WHO_PICK_UP);
    evening.proxy.goes_away(Duration::from_secs(8));
    let (ended, mismatches) = evening.end();
    assert_eq!(mismatches, []);
    let (there, back) = ended.proxy.tallies();
    assert!(there.missed > 0 && back.missed > 0, "{there:?} {back:?}");
}

/// Our BYE meets a 481 and the call is over; a customer's BYE never comes, and the silence says it.
#[test]
fn the_trunk_is_started_anew_and_knows_no_dialog_any_more() {
    let evening = Evening::begin(Weather::default(), 1);
    evening.answered(WHO_PICK_UP);
    evening.proxy.restarts(Duration::from_secs(1));
    let (ended, mismatches) = evening.end();
    assert_eq!(mismatches, []);
    let (there, back) = ended.proxy.tallies();
    assert!(there.unknown > 0 && back.unknown > 0, "{there:?} {back:?}");
}
