//! Live agents as processes: simulated customers and agents' phones on real SIP and RTP, hand-overs that succeed, fail, and break, and an engine that is killed
//! while customer and agent talk. Whatever happens: the complaint is there first, nobody stays held, nobody is called again.

mod common;
#[allow(dead_code, reason = "shared with tests/kill.rs")]
#[path = "kill/night.rs"]
mod night;

use chrono::{TimeDelta, Utc};
use common::db::Db;
use common::{Callees, Home, SOON, until};
use huifang::agent::state::Wish;
use huifang::db::agent_sessions;
use huifang::db::agents::{self, Profile};
use huifang::db::state::Reach;
use huifang::ids::AgentId;
use huifang::phone::Pii;
use huifang::sim::agent::AgentReport;
use huifang::sim::callee::Report;
use night::Night;
use nix::sys::signal::Signal;
use std::net::SocketAddr;
use std::time::Duration;

/// Longest wait for a conversation's end.
const CALL: Duration = Duration::from_secs(90);
/// The tail of a number whose persona asks for a person (number modulo 16).
const ASKS_FOR_PERSON: &str = "00015";
/// One call at a time, short patience, short leases.
const SHORT: &str = "max_calls = 1\n[agents]\nring_s = 5\naccept_s = 3\nlease_ttl_s = 5";

const TRANSFERS: &str =
    "select array[a.sip_uri, t.outcome] from transfers t left join agents a on a.id = t.agent_id order by t.ordinal";
const STANDING: &str = "select array[split_part(split_part(a.sip_uri, ':', 2), '@', 1), s.state] from agent_sessions s join agents a on a.id = s.agent_id where s.ended_at is null order by 1";

/// Ends the phones; what the customers and what the agents saw.
fn finish(phones: Callees) -> (Vec<Report>, Vec<AgentReport>) {
    let reports = phones.reports().into_iter().map(|report| serde_json::from_value(report).unwrap());
    let (agents, calls): (Vec<Report>, Vec<Report>) = reports.partition(|r| matches!(r, Report::Agent(_)));
    let agents = agents.into_iter().filter_map(|report| match report {
        Report::Agent(report) => Some(report),
        Report::Call(_) => None,
    });
    (calls, agents.collect())
}

/// Puts agents on duty, the first one idle longest, all at `phones`.
fn on_duty(db: &Db, phones: SocketAddr, users: &[&str], reach: Reach) {
    for (n, user) in users.iter().enumerate() {
        let profile = Profile {
            user: None,
            name: Pii::new(format!("客服 {n}")),
            staff_number: None,
            skills: Vec::new(),
            languages: Vec::new(),
            reach,
            sip_user: None,
            sip_uri: Some(format!("sip:{user}@{phones}")),
            trunk: None,
            auto_answer: false,
            attended: false,
        };
        let now = Utc::now() - TimeDelta::minutes(60 - i64::try_from(n).unwrap());
        db.with(async |conn| {
            let id = AgentId(uuid::Uuid::now_v7());
            agents::add(conn, id, &profile, None, now).await.unwrap();
            if reach != Reach::Pbx {
                agent_sessions::wish(conn, id, Wish::Available, now, now).await.unwrap();
            }
        });
    }
}

/// The only follow-up's state and the complaint's, once the attempt has ended.
fn done(db: &Db) -> Vec<String> {
    until("the call to end", CALL, || {
        (db.count("select count(*) from attempts where ended_at is not null") == 1
            && db.count("select count(*) from transfers where ended_at is null") == 0)
            .then_some(())
    });
    db.rows("select array[f.state, f.final_disposition, c.reason, c.state] from follow_ups f left join complaints c on c.follow_up_id = f.id")
}

/// Transfers as `user|outcome`.
fn transfers(db: &Db) -> Vec<String> {
    let short = |row: String| {
        let (uri, outcome) = row.split_once('|').map_or(("", row.as_str()), |(uri, outcome)| (uri, outcome));
        let user = uri.trim_start_matches("sip:").split('@').next().unwrap_or_default();
        format!("{user}|{outcome}")
    };
    db.rows(TRANSFERS).into_iter().map(short).collect()
}

#[test]
fn the_next_agent_takes_the_caller_whom_the_first_refuses() {
    let (home, db, phones) = (Home::new(), Db::new(), Callees::start(7));
    let night = Night::new(&home, Some(&db.url), phones.address, SHORT);
    night.import(&[ASKS_FOR_PERSON]);
    on_duty(&db, phones.address, &["agent-busy1", "agent1"], Reach::Uri);
    let engine = night.serve(&["--until-idle"]).finish(CALL);
    assert_eq!(engine.code(), 0, "{}", engine.told());
    assert_eq!(done(&db), ["done|partial|asked_for_person|open"]);
    assert_eq!(transfers(&db), ["agent-busy1|rejected", "agent1|accepted"]);
    assert_eq!(db.rows(STANDING), ["agent-busy1|available", "agent1|wrap_up"]);
    assert_eq!(
        db.count("select count(*) from complaints c join transfers t on t.attempt_id = c.attempt_id where c.opened_at <= t.reserved_at"),
        2,
        "the complaint is there before anybody is held"
    );
    assert_eq!(
        db.count("select count(*) from transfers where wanted_at <= ringing_at and ringing_at <= answered_at and answered_at <= accepted_at and accepted_at < ended_at"),
        1
    );
    let (calls, agents) = finish(phones);
    assert!(calls.iter().all(|report| matches!(report, Report::Call(call) if call.met_agent)), "{calls:?}");
    let took: Vec<_> = agents.iter().filter(|report| report.took).collect();
    assert!(took.len() == 1 && took[0].agent == "agent1" && took[0].heard_customer, "{agents:?}");
    assert_eq!(took[0].whispered.first().map(String::as_str), Some("whisper.aftersales_3day"));
}

#[test]
fn an_agent_who_does_not_react_leaves_the_caller_with_a_promise_and_takes_a_break() {
    let (home, db, phones) = (Home::new(), Db::new(), Callees::start(7));
    let night = Night::new(&home, Some(&db.url), phones.address, SHORT);
    night.import(&[ASKS_FOR_PERSON]);
    on_duty(&db, phones.address, &["agent-away1", "agent-mute1"], Reach::Uri);
    let engine = night.serve(&["--until-idle"]).finish(CALL);
    assert_eq!(engine.code(), 0, "{}", engine.told());
    assert_eq!(done(&db), ["done|partial|asked_for_person|open"]);
    assert_eq!(transfers(&db)[..2], ["agent-away1|no_answer", "agent-mute1|no_answer"]);
    assert_eq!(db.rows(STANDING), ["agent-away1|break", "agent-mute1|break"]);
    assert_eq!(db.count("select count(*) from recordings where kind = 'statement'"), 1, "what the customer had to say");
    let (_, agents) = finish(phones);
    assert!(agents.iter().all(|report| !report.took && !report.heard_customer), "{agents:?}");
}

#[test]
fn a_pbx_that_refuses_gives_the_caller_back() {
    let (home, db, phones) = (Home::new(), Db::new(), Callees::start(7));
    let night = Night::new(&home, Some(&db.url), phones.address, SHORT);
    night.import(&[ASKS_FOR_PERSON]);
    // the simulated customer's phone knows no REFER
    on_duty(&db, phones.address, &["queue"], Reach::Pbx);
    let engine = night.serve(&["--until-idle"]).finish(CALL);
    assert_eq!(engine.code(), 0, "{}", engine.told());
    assert_eq!(done(&db), ["done|partial|asked_for_person|open"]);
    assert_eq!(transfers(&db)[0], "queue|pbx_refused");
    assert_eq!(db.count("select count(*) from recordings where kind = 'statement'"), 1);
    finish(phones);
}

#[test]
fn an_engine_that_is_killed_while_they_talk_leaves_nobody_held_and_calls_nobody_again() {
    let (home, db, phones) = (Home::new(), Db::new(), Callees::start(7));
    let night = Night::new(&home, Some(&db.url), phones.address, SHORT);
    night.import(&[ASKS_FOR_PERSON]);
    on_duty(&db, phones.address, &["agent1"], Reach::Uri);
    let engine = night.serve(&[]);
    until("the two to talk", CALL, || {
        (db.count("select count(*) from agent_sessions where state = 'talking'") == 1).then_some(())
    });
    engine.kill();
    assert_eq!(db.count("select count(*) from complaints where state = 'open'"), 1);
    let engine = night.serve(&[]);
    until("the agent to be free", SOON, || {
        (db.count("select count(*) from agent_sessions where lease_token is not null") == 0).then_some(())
    });
    assert_eq!(done(&db), ["needs_review|asked_for_person|open"], "nothing is redialled by itself");
    let outcome = transfers(&db);
    assert!(outcome == ["agent1|interrupted"], "{outcome:?}");
    engine.signal(Signal::SIGTERM);
    let ended = engine.finish(SOON);
    assert_eq!(ended.code(), 0, "{}", ended.told());
    let (calls, _) = finish(phones);
    assert_eq!(calls.len(), 1, "{calls:?}");
}

#[test]
fn phones_that_vanish_together_while_one_rings_leave_nothing_stuck() {
    let (home, db, phones) = (Home::new(), Db::new(), Callees::start(7));
    let night = Night::new(&home, Some(&db.url), phones.address, SHORT);
    night.import(&[ASKS_FOR_PERSON]);
    on_duty(&db, phones.address, &["agent-away1"], Reach::Uri);
    let engine = night.serve(&[]);
    until("the agent's phone to ring", CALL, || {
        (db.count("select count(*) from transfers where ringing_at is not null") == 1).then_some(())
    });
    phones.kill();
    assert_eq!(done(&db)[0].split('|').next_back(), Some("open"), "the complaint is kept");
    until("the agent to be free", CALL, || {
        (db.count("select count(*) from agent_sessions where lease_token is not null") == 0).then_some(())
    });
    engine.signal(Signal::SIGTERM);
    let ended = engine.finish(CALL);
    assert_eq!(ended.code(), 0, "{}", ended.told());
}
