//! The dialler's manners, as processes: pause, drain and resume under live calls, a closed window, the do-not-call list, and a call that goes on where the last one broke off.
//!
//! The commands that show what the engine did are in `manners/shown.rs`.

mod common;
#[allow(dead_code, reason = "shared with tests/kill.rs")]
#[path = "kill/night.rs"]
mod night;
#[path = "manners/shown.rs"]
mod shown;

use chrono::{DateTime, Datelike, Days, FixedOffset, Utc};
use common::db::Db;
use common::{Callees, Finished, Home, SOON, until};
use night::{BUSY, FRONT, INVALID, NO_ANSWER, Night};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Longest wait for a conversation's end.
const CALL: Duration = Duration::from_secs(60);
/// Nothing is dialled for so long: many times the engine's look at the queue.
const QUIET: Duration = Duration::from_millis(1500);
/// Tails whose persona keys over the prompts: the shortest whole call (number modulo 16).
const QUICK: [&str; 2] = ["00011", "00027"];
/// Breaks off after a few ratings.
const BREAKS_OFF: &str = "00002";

const ATTEMPTS: &str = "select count(*) from attempts";
const LIVE: &str = "select count(*) from attempts where ended_at is null";
const RATED: &str = "select count(distinct attempt_id) from answers where score is not null";

/// Runs `huifang` with these words to its end, which must be this status.
fn told(night: &Night, words: &[&str], code: i32) -> Finished {
    let mut command = night.huifang();
    command.args(words);
    let ended = Finished::of(command);
    assert_eq!(ended.code(), code, "huifang {}\n{}", words.join(" "), ended.told());
    ended
}

/// What `huifang queue --json` says.
fn queue(night: &Night) -> Value {
    told(night, &["queue", "--json"], 0).json().remove(0)
}

/// Nothing is dialled beyond so many attempts.
fn quiet(db: &Db, attempts: i64) {
    let began = Instant::now();
    until("a while to pass", QUIET * 10, || {
        assert_eq!(db.count(ATTEMPTS), attempts, "something was dialled");
        (began.elapsed() > QUIET).then_some(())
    });
}

/// These are dialled after all the others.
fn last(db: &Db, tails: &[&str]) {
    for tail in tails {
        let sql = format!(
            "update follow_ups set priority = 200 from phones p where p.id = phone_id and p.number like '%{tail}'"
        );
        db.on(&mut db.connection(), &sql);
    }
}

fn idle(night: &Night) {
    let ended = night.serve(&["--until-idle"]).finish(CALL);
    assert_eq!(ended.code(), 0, "{}", ended.told());
}

#[test]
fn paused_under_live_calls() {
    let (home, db, callees) = (Home::new(), Db::new(), Callees::start(7));
    let night = Night::new(&home, Some(&db.url), callees.address, "max_calls = 2");
    night.import(&[QUICK[0], QUICK[1], BUSY, INVALID]);
    last(&db, &[BUSY, INVALID]);
    let engine = night.serve(&[]);
    until("a rating in both live calls", CALL, || (db.count(RATED) == 2).then_some(()));
    assert!(told(&night, &["pause"], 0).out.join("\n").contains("all campaigns: paused"));
    until("the live calls to end", CALL, || (db.count(LIVE) == 0).then_some(()));
    let ended = "select array[f.state, f.final_disposition] from follow_ups f where exists (select from attempts a where a.follow_up_id = f.id)";
    assert_eq!(db.rows(ended), ["done|complete"; 2], "live calls go on to their end");
    quiet(&db, 2);
    let outlook = queue(&night);
    let next = outlook["next"].as_array().unwrap();
    assert_eq!(next.len(), 2);
    assert!(next.iter().all(|next| next["waits_for"] == "its campaign is paused"), "{outlook}");

    // A campaign that is paused by itself stays so when all are resumed.
    told(&night, &["pause", "--campaign", "aftersales_3day"], 0);
    let resumed = told(&night, &["resume"], 0).out.join("\n");
    assert!(resumed.contains("still: aftersales_3day: paused"), "{resumed}");
    quiet(&db, 2);
    told(&night, &["resume", "--campaign", "aftersales_3day"], 0);
    until("the rest to be dialled", SOON, || (db.count(ATTEMPTS) == 4 && db.count(LIVE) == 0).then_some(()));
    engine.signal(Signal::SIGTERM);
    assert_eq!(engine.finish(SOON).code(), 0);
    assert_eq!(callees.finish().len(), 4);
}

#[test]
fn drained_under_a_live_call() {
    let (home, db, callees) = (Home::new(), Db::new(), Callees::start(7));
    let night = Night::new(&home, Some(&db.url), callees.address, "max_calls = 1");
    night.import(&[night::SATISFIED, INVALID]);
    last(&db, &[INVALID]);
    let engine = night.serve(&[]);
    until("a rating", CALL, || (db.count(RATED) == 1).then_some(()));
    told(&night, &["drain"], 0);
    until("the live call to end", CALL, || (db.count(LIVE) == 0).then_some(()));
    assert_eq!(db.rows("select array[disposition] from attempts"), ["partial"]);
    let closing = "select count(*) from attempt_events where kind = 'prompts' and detail::text like '%drain.closing%'";
    assert!(db.count(closing) >= 1, "it hears its closing prompt");
    let unasked = "select count(*) from answers where question = 'q9'";
    assert_eq!(db.count(unasked), 0, "it was cut short");
    quiet(&db, 1);
    let outlook = queue(&night);
    let why: Vec<&Value> = outlook["next"].as_array().unwrap().iter().map(|next| &next["waits_for"]).collect();
    assert!(why.iter().all(|why| *why == "its campaign is drained"), "{outlook}");
    told(&night, &["resume"], 0);
    until("the other to be dialled", SOON, || (db.count(ATTEMPTS) == 2 && db.count(LIVE) == 0).then_some(()));
    engine.signal(Signal::SIGTERM);
    assert_eq!(engine.finish(SOON).code(), 0);
    assert_eq!(callees.finish().len(), 2);
}

#[test]
fn the_window_is_closed() {
    let (home, db, callees) = (Home::new(), Db::new(), Callees::start(7));
    let night = Night::new(&home, Some(&db.url), callees.address, "max_calls = 2");
    // Open tomorrow only, by the customer's clock (China has one zone): closed now, also if midnight falls into the test.
    let there = FixedOffset::east_opt(8 * 3600).unwrap();
    let tomorrow = Utc::now().with_timezone(&there).date_naive().checked_add_days(Days::new(1)).unwrap();
    let text = std::fs::read_to_string(home.path("huifang.toml")).unwrap();
    let (front, rest) = text.split_once("window = {").unwrap();
    let (_, rest) = rest.split_once('}').unwrap();
    let day = tomorrow.weekday().to_string().to_lowercase();
    let window = format!(
        "window = {{ open = \"09:00\", close = \"20:00\", weekdays = [\"{day}\"], allow_night = true, allow_holidays = true }}"
    );
    home.write("huifang.toml", format!("{front}{window}{rest}"));
    night.import(&[BUSY]);
    idle(&night);
    assert_eq!(db.count(ATTEMPTS), 0);
    let outlook = queue(&night);
    let next = &outlook["next"][0];
    assert_eq!(next["state"], "waiting", "{outlook}");
    assert_eq!(next["attempts_made"], 0);
    let at: DateTime<Utc> = next["next_attempt_at"].as_str().unwrap().parse().unwrap();
    let opens = tomorrow.and_hms_opt(9, 0, 0).unwrap().and_local_timezone(there).unwrap();
    assert_eq!(at, opens, "{outlook}");
    assert!(next["waits_for"].as_str().unwrap().contains("the calling window is closed"), "{outlook}");
    assert!(callees.finish().is_empty(), "nobody is called");
}

#[test]
fn who_does_not_want_to_be_called() {
    let (home, db, callees) = (Home::new(), Db::new(), Callees::start(7));
    let night = Night::new(&home, Some(&db.url), callees.address, "max_calls = 2");
    // One is on the list before it is planned for, one while it waits.
    let blocked = [format!("139000{BUSY}"), format!("+86139000{NO_ANSWER}")];
    told(&night, &["do-not-call", "add", &blocked[0]], 0);
    night.import(&[BUSY, NO_ANSWER, INVALID]);
    told(&night, &["do-not-call", "add", &blocked[1]], 0);
    told(&night, &["do-not-call", "add", "12"], 1);
    idle(&night);
    assert_eq!(callees.finish(), [(format!("{FRONT}{INVALID}"), false)], "the third alone is called");
    assert_eq!(db.count("select count(*) from follow_ups where state in ('waiting', 'retry', 'in_call')"), 0);

    let list = told(&night, &["do-not-call", "list"], 0);
    assert_eq!(list.out.len(), 2, "{}", list.told());
    let json = told(&night, &["do-not-call", "list", "--json"], 0);
    assert_eq!(json.json().len(), 2);
    let removed = told(&night, &["do-not-call", "remove", &blocked[0]], 0);
    told(&night, &["do-not-call", "remove", &blocked[0]], 1);
    assert_eq!(told(&night, &["do-not-call", "list"], 0).out.len(), 1);
    for shown in [list, json, removed] {
        assert!(!shown.told().contains("139000000"), "masked: {}", shown.told());
    }
}

#[test]
fn goes_on_where_it_broke_off() {
    let (home, db, callees) = (Home::new(), Db::new(), Callees::start(7));
    let night = Night::new(&home, Some(&db.url), callees.address, "max_calls = 1");
    night.import(&[BREAKS_OFF]);
    idle(&night);
    assert_eq!(
        db.rows("select array[f.state, a.disposition] from follow_ups f join attempts a on a.follow_up_id = f.id"),
        ["retry|partial"]
    );
    let rated = |ordinal| {
        let sql = format!(
            "select array[w.question] from answers w join attempts a on a.id = w.attempt_id where a.ordinal = {ordinal} and w.score is not null order by w.given_at, w.id"
        );
        db.rows(&sql)
    };
    let asked = |ordinal| {
        let sql = format!(
            "select array[e.detail ->> 'question'] from attempt_events e join attempts a on a.id = e.attempt_id where a.ordinal = {ordinal} and e.kind = 'asked' order by e.seq"
        );
        db.rows(&sql)
    };
    let before = rated(1);
    assert!(!before.is_empty());
    let stopped_at = asked(1).pop().unwrap();

    db.on(&mut db.connection(), "update follow_ups set next_attempt_at = now()");
    idle(&night);
    assert_eq!(db.count(ATTEMPTS), 2);
    let greeting = "select count(*) from attempt_events e join attempts a on a.id = e.attempt_id where e.kind = 'prompts' and e.detail::text like '%resume.greeting%' and a.ordinal = ";
    assert_eq!((db.count(&format!("{greeting}1")), db.count(&format!("{greeting}2"))), (0, 1));
    let again = asked(2);
    let repeated: Vec<&String> = again.iter().filter(|question| before.contains(question)).collect();
    assert!(repeated.is_empty(), "asked again: {repeated:?}");
    let first = again.iter().find(|question| !["identity", "consent"].contains(&question.as_str()));
    assert_eq!(first, Some(&stopped_at), "{again:?}");
    let kept: BTreeSet<String> = rated(1).into_iter().collect();
    assert_eq!(kept, before.into_iter().collect(), "what was said in the first call stands");
    assert_eq!(callees.finish().len(), 2);
}
