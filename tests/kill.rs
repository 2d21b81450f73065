//! What must survive: `kill -9` of the engine in mid-call, SIGTERM under live calls, and a database that goes away and comes back.
//!
//! The engine is the process that runs in the field, the customers are `huifang callee`; databases and data directories belong to one test each.

mod common;
#[path = "kill/night.rs"]
mod night;

use chrono::{TimeDelta, Utc};
use common::db::Db;
use common::{Callees, Home, Running, SOON, until};
use huifang::db::attempts::{self, NewAttempt};
use huifang::db::queue::{self, LeaseRequest};
use huifang::ids::AttemptId;
use huifang::sim::persona::Mind;
use night::{BUSY, Cluster, INVALID, Night, SATISFIED, SATISFIED_TOO};
use nix::sys::signal::Signal;
use std::collections::BTreeSet;
use std::time::Duration;

/// Longest wait for a conversation's end.
const CALL: Duration = Duration::from_secs(60);

const ANSWERS: &str = "select array[attempt_id::text, question, keys] from answers";

/// Answers of the open call that has fewest.
fn fewest_answers(db: &Db) -> i64 {
    db.count("select coalesce(min(n), 0) from (select count(w.id) as n from attempts a left join answers w on w.attempt_id = a.id where a.ended_at is null group by a.id) as counts")
}

/// Lets a number be dialled after those of a smaller priority (100 is usual).
fn later(db: &Db, tail: &str, priority: u32) {
    let sql = format!(
        "update follow_ups set priority = {priority} from phones p where p.id = phone_id and p.number like '%{tail}'"
    );
    db.on(&mut db.connection(), &sql);
}

#[test]
fn killed_in_mid_call() {
    let agree = |seed: &u64| {
        let mind = |tail| Mind::new(&format!("{}{tail}", night::FRONT), *seed);
        mind(SATISFIED).agrees_to_record && mind(SATISFIED_TOO).agrees_to_record
    };
    let seed = (7..).find(agree).unwrap();
    let (home, db, callees) = (Home::new(), Db::new(), Callees::start(seed));
    let night = Night::new(&home, Some(&db.url), callees.address, "max_calls = 2");
    let settings = std::fs::read_to_string(home.path("huifang.toml")).unwrap();
    assert!(settings.contains("[media]\n"));
    home.write("huifang.toml", settings.replace("[media]\n", "[media]\nrecord_calls = true\n"));
    night.import(&[SATISFIED, SATISFIED_TOO, BUSY, INVALID]);
    later(&db, BUSY, 200);
    later(&db, INVALID, 300);
    let engine = night.serve(&[]);
    let on_record = "select count(*) from answers where question = 'call_recording' and value = 'yes'";
    until("two answers of each live call, which are on record", CALL, || {
        let live = db.count("select count(*) from attempts where ended_at is null") == 2;
        (live && fewest_answers(&db) >= 2 && db.count(on_record) == 2).then_some(())
    });

    // From here on answers reach the journal, and the database no more.
    let mut lock = db.connection();
    db.on(&mut lock, "begin; lock table answers in share row exclusive mode");
    let before: BTreeSet<String> = db.rows(ANSWERS).into_iter().collect();
    until("an answer that is in the journal only", CALL, || {
        (night.journal_answers().iter().any(|answer| !before.contains(answer))).then_some(())
    });
    engine.kill();
    let given: BTreeSet<String> = before.iter().cloned().chain(night.journal_answers()).collect();
    assert!(given.len() > before.len());
    db.on(&mut lock, "rollback");
    until("the dead engine's connections to end", SOON, || {
        (db.count(
            "select count(*) from pg_stat_activity where application_name = 'huifang' and datname = current_database()",
        ) == 0)
            .then_some(())
    });
    // The engine might as well have died between committing an attempt and sending its INVITE.
    db.with(async |conn| {
        let (node, now) = (night::NODE, Utc::now());
        let request = LeaseRequest { node, limit: 1, ttl: TimeDelta::seconds(60), now, survey: None, follow_up: None };
        let leased = queue::lease(conn, &request).await.unwrap().pop().unwrap();
        assert!(leased.number.as_str().ends_with(BUSY));
        let attempt = NewAttempt::of(&leased, AttemptId(uuid::Uuid::now_v7()), "peer", now);
        attempts::begin(conn, &attempt).await.unwrap();
    });
    let open = db.count("select count(*) from follow_ups where state = 'in_call' and lease_token is not null");
    assert_eq!(open, 3);

    let ended = night.serve(&["--until-idle"]).finish(CALL);
    assert_eq!(ended.code(), 0, "{}", ended.told());
    let after: BTreeSet<String> = db.rows(ANSWERS).into_iter().collect();
    assert_eq!(after, given, "every answer that was given is there, and nothing else");
    assert_eq!(db.count("select count(*) from answers"), after.len() as i64);
    let states = "select array[right(p.number, 5), f.state, f.state_reason, f.final_disposition] from follow_ups f join phones p on p.id = f.phone_id order by 1";
    assert_eq!(
        db.rows(states),
        [
            format!("{SATISFIED}|needs_review|engine_died"),
            format!("{BUSY}|retry"),
            format!("{INVALID}|done|invalid_number"),
            format!("{SATISFIED_TOO}|needs_review|engine_died"),
        ]
    );
    assert_eq!(db.count("select count(*) from follow_ups where lease_token is not null"), 0);
    assert_eq!(db.count("select count(*) from attempts where ended_at is null"), 0);
    assert_eq!(
        db.count("select attempts_made::bigint from follow_ups where state = 'retry'"),
        1,
        "what never left is no attempt"
    );

    what_they_said_is_found_again(&home, &db, &night);

    let mut called: Vec<String> = callees.finish().into_iter().map(|(number, _)| number).collect();
    called.sort();
    let want = [SATISFIED, BUSY, INVALID, SATISFIED_TOO].map(|tail| format!("{}{tail}", night::FRONT));
    assert_eq!(called, want, "one call to each number and no more");
}

/// Recordings that the dead engine was writing get their rows, and are what was said until then.
fn what_they_said_is_found_again(home: &Home, db: &Db, night: &Night) {
    let parts = || {
        let entries = std::fs::read_dir(home.path("data/recordings")).unwrap().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "part"))
    };
    let unfinished = parts().count();
    assert_eq!(unfinished, 2, "both agreed to be recorded");
    for part in parts() {
        let file = std::fs::File::options().append(true).open(part).unwrap();
        file.set_modified(std::time::SystemTime::now() - Duration::from_secs(180)).unwrap();
    }
    let mut command = night.huifang();
    command.args(["purge", "--json"]);
    let ended = common::Finished::of(command);
    let report = ended.json().pop().unwrap();
    assert_eq!((ended.code(), &report["salvaged"]), (0, &unfinished.into()), "{}", ended.told());
    assert_eq!(parts().count(), 0);
    let rows = "select count(*) from recordings where kind = 'call' and duration_ms > 1000 and purged_at is null";
    assert_eq!(db.count(rows), unfinished as i64);
}

#[test]
fn told_to_stop_under_live_calls() {
    let (home, db, callees) = (Home::new(), Db::new(), Callees::start(7));
    let night = Night::new(&home, Some(&db.url), callees.address, "max_calls = 2");
    night.import(&[SATISFIED, SATISFIED_TOO, INVALID]);
    later(&db, INVALID, 200);
    let engine = night.serve(&[]);
    until("an answer to a question of both live calls", CALL, || {
        let asked = "select count(distinct attempt_id) from answers where score is not null";
        (db.count(asked) == 2).then_some(())
    });
    engine.signal(Signal::SIGTERM);
    let ended = engine.finish(CALL);
    assert_eq!(ended.code(), 0, "{}", ended.told());
    // Cut by us with questions left: partial, and to be gone on with at the next attempt (decision of the resumed calls).
    let states = "select array[right(p.number, 5), f.state, a.disposition, f.lease_node] from follow_ups f join phones p on p.id = f.phone_id left join attempts a on a.follow_up_id = f.id order by 1";
    let want =
        [format!("{SATISFIED}|retry|partial"), format!("{INVALID}|waiting"), format!("{SATISFIED_TOO}|retry|partial")];
    assert_eq!(db.rows(states), want);
    assert_eq!(db.count("select count(*) from attempts where ended_at is null"), 0);
    assert_eq!(callees.finish().len(), 2, "no call after the signal");
}

#[test]
fn told_to_stop_while_a_phone_rings() {
    let (home, db, callees) = (Home::new(), Db::new(), Callees::start(7));
    let night = Night::new(&home, Some(&db.url), callees.address, "max_calls = 1\nring_timeout_s = 60");
    night.import(&[night::NO_ANSWER]);
    let engine = night.serve(&[]);
    until("a phone that rings", CALL, || {
        (db.count("select count(*) from attempt_events where kind = 'ringing'") == 1).then_some(())
    });
    engine.signal(Signal::SIGTERM);
    let ended = engine.finish(SOON);
    assert_eq!(ended.code(), 0, "{}", ended.told());
    let states =
        "select array[f.state, a.disposition, f.lease_node] from follow_ups f join attempts a on a.follow_up_id = f.id";
    assert_eq!(db.rows(states), ["retry|interrupted"]);
    assert_eq!(callees.finish().len(), 1);
}

#[test]
fn the_database_goes_away_under_a_live_call() {
    let (home, callees) = (Home::new(), Callees::start(7));
    // Without DATABASE_URL the engine runs a cluster of its own in its data directory.
    let night = Night::new(&home, None, callees.address, "max_calls = 1");
    night.import(&[SATISFIED]);
    let engine = night.serve(&[]);
    let cluster = Cluster::of(&home);
    let db = cluster.db();
    until("two answers", CALL, || (db.count("select count(*) from answers") >= 2).then_some(()));
    let before: BTreeSet<String> = db.rows(ANSWERS).into_iter().collect();
    cluster.control("stop");
    // One may have been stored while the cluster stopped; the others were not.
    until("answers that are in the journal only", CALL, || {
        (night.journal_answers().iter().filter(|answer| !before.contains(*answer)).count() >= 3).then_some(())
    });
    cluster.control("start");
    until("the follow-up to be done", CALL, || {
        (db.count("select count(*) from follow_ups where state = 'done'") == 1).then_some(())
    });
    let questions = db.rows("select array[question] from answers order by given_at, id");
    let mut want = vec!["identity".to_owned(), "consent".to_owned()];
    want.extend((1..=9).map(|n| format!("q{n}")));
    assert_eq!(questions[..11], want, "each once, in the order in which they were given");
    let timeline = db.rows("select array[count(*)::text, (max(seq) + 1)::text, (array_agg(kind order by seq desc))[1]] from attempt_events");
    let parts: Vec<&str> = timeline[0].split('|').collect();
    // the quality of the media is told when they are closed, so it comes last
    assert_eq!((parts[0], parts[2]), (parts[1], "quality"), "the timeline has no gap");
    finish(engine, Signal::SIGTERM);
    assert_eq!(callees.finish().len(), 1);
}

fn finish(engine: Running, signal: Signal) {
    engine.signal(signal);
    let ended = engine.finish(SOON);
    assert_eq!(ended.code(), 0, "{}", ended.told());
}
