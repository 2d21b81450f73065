//! Webhooks and texts by a running engine and another side of this test's: what happens in a night arrives, signed, although the other side was away at first and the
//! engine was killed in between; and who was busy gets one text.

mod common;
#[allow(dead_code, reason = "shared with tests/kill.rs")]
#[path = "kill/night.rs"]
mod night;

use common::db::Db;
use common::http::{self, Came};
use common::{Callees, Finished, Home, ROOT, SOON, until};
use huifang::outbox::wire::Secret;
use night::{BUSY, Night, SATISFIED};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

const SECRET: &str = "night-after-night-the-same-secret";

/// The other side, on loopback: 503 until it is told to be there.
#[derive(Clone)]
struct Other {
    address: SocketAddr,
    there: Arc<AtomicBool>,
    came: Arc<Mutex<Vec<Came>>>,
}

impl Other {
    fn start() -> Other {
        let (there, came) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Vec<Came>>>::default());
        let (is_there, kept) = (there.clone(), came.clone());
        let address = http::listen(move |request| {
            if !is_there.load(Ordering::Relaxed) {
                return ("503 Service Unavailable", "");
            }
            kept.lock().unwrap().push(request);
            ("200 OK", "")
        });
        Other { address, there, came }
    }

    fn came(&self, path: &str) -> Vec<Came> {
        self.came.lock().unwrap().iter().filter(|came| came.path() == path).cloned().collect()
    }
}

fn night(home: &Home, db: &Db, callees: &Callees, other: SocketAddr) -> Night {
    let secret = home.write("secret", SECRET);
    let more = format!(
        "node = \"{}\"\nmax_attempts = 1\n\
         [webhooks.dms]\nendpoint = \"http://{other}/dms\"\nsecret_file = \"{}\"\n\
         [sms]\nendpoint = \"http://{other}/sms\"\ntexts = {{ aftersales_3day = {{ zh-CN = \"{{name}}您好\" }} }}",
        night::NODE,
        secret.display()
    );
    Night::with(home, Some(&db.url), home.settings(callees.address, "", &more))
}

#[test]
fn what_happened_arrives_though_the_other_side_was_away_and_the_engine_died() {
    let (home, db, callees, other) = (Home::new(), Db::new(), Callees::start(7), Other::start());
    let night = night(&home, &db, &callees, other.address);
    night.import(&[SATISFIED, BUSY]);
    let engine = night.serve(&[]);
    until("both follow-ups", SOON * 3, || {
        (db.count("select count(*) from follow_ups where closed_at is not null") == 2).then_some(())
    });
    let tried = "select count(*) from outbox where tries > 0 and last_status = 503 and state = 'waiting'";
    until("tries in vain", SOON, || (db.count(tried) == 3).then_some(()));
    engine.kill();
    assert_eq!(other.came("/dms").len() + other.came("/sms").len(), 0);

    other.there.store(true, Ordering::Relaxed);
    let engine = night.serve(&[]);
    until("all of them", SOON * 4, || {
        (db.count("select count(*) from outbox where state <> 'sent'") == 0).then_some(())
    });
    engine.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(engine.finish(SOON * 2).code(), 0);

    let told = other.came("/dms");
    let types: BTreeSet<String> = told.iter().map(|came| body(came)["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(types, BTreeSet::from(["closed".to_owned(), "completed".to_owned()]));
    for came in &told {
        let (id, timestamp) = (came.header("webhook-id"), came.header("webhook-timestamp"));
        let signed =
            Secret::parse(SECRET).unwrap().sign(id.parse().unwrap(), timestamp.parse().unwrap(), came.body.as_bytes());
        assert_eq!(came.header("webhook-signature"), signed);
        let known = format!("select count(*) from outbox where id = '{id}' and state = 'sent' and tries > 1");
        assert_eq!(db.count(&known), 1);
        assert!(!came.body.contains("139000") && !came.body.contains('王'), "no number and no name");
    }
    assert_eq!(told.len(), 2, "each once");
    let texts = other.came("/sms");
    assert_eq!(texts.len(), 1, "one text, for whom was busy");
    assert_eq!(body(&texts[0])["to"], format!("{}{BUSY}", night::FRONT));
    assert_eq!(body(&texts[0])["text"], "王先生您好");
}

fn body(came: &Came) -> Value {
    serde_json::from_str(&came.body).unwrap()
}

#[test]
fn a_webhook_is_tried_by_command_and_messages_are_looked_at_and_replayed() {
    let (home, db, callees, other) = (Home::new(), Db::new(), Callees::start(7), Other::start());
    let night = night(&home, &db, &callees, other.address);
    let run = |arguments: &[&str]| {
        let mut command = night.huifang();
        command.arg("outbox").args(arguments).current_dir(ROOT);
        Finished::of(command)
    };
    let ended = run(&["test", "dms"]);
    assert_eq!(ended.code(), 1, "{}", ended.told());
    assert!(ended.told().contains("it answered 503"), "{}", ended.told());
    other.there.store(true, Ordering::Relaxed);
    assert_eq!(run(&["test", "dms"]).code(), 0);
    assert_eq!(body(&other.came("/dms")[0])["type"], "test");
    assert_eq!(run(&["test", "nobody"]).code(), 2);

    night.import(&[BUSY]);
    let ended = night.serve(&["--until-idle"]).finish(SOON * 3);
    assert_eq!(ended.code(), 0, "{}", ended.told());
    let ended = run(&["--json", "--target", "dms"]);
    let message = ended.json().into_iter().find(|line| line["event"] == "closed").expect("the follow-up's end");
    let id = message["id"].as_str().unwrap().to_owned();
    assert_eq!(run(&["replay", &id]).code(), 0);
    assert_eq!(run(&["replay", "00000000-0000-7000-8000-000000000000"]).code(), 1);
    let engine = night.serve(&[]);
    let again = || other.came("/dms").iter().filter(|came| came.header("webhook-id") == id).count();
    until("it once more", SOON * 3, || (again() >= 1).then_some(()));
    until("its row", SOON, || (db.count("select count(*) from outbox where state <> 'sent'") == 0).then_some(()));
    engine.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(engine.finish(SOON * 2).code(), 0);
}
