//! Spans for OpenTelemetry, by a running engine and a collector of this test's: what a night of two calls sends, and that nobody's number is in it. And a collector that is
//! not there keeps nobody from being called.

mod common;
#[allow(dead_code, reason = "shared with tests/kill.rs")]
#[path = "kill/night.rs"]
mod night;

use common::db::Db;
use common::{Callees, Home, SOON, http, until};
use night::{BUSY, INVALID, Night};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

/// What was posted to it, each body as it came.
type Bodies = Arc<Mutex<Vec<String>>>;

/// A collector on loopback that takes everything.
fn collector() -> (SocketAddr, Bodies) {
    let bodies = Bodies::default();
    let kept = bodies.clone();
    let address = http::listen(move |came| {
        assert!(came.line.starts_with("POST /v1/traces "), "{}", came.line);
        kept.lock().unwrap().push(came.body);
        ("200 OK", "{}")
    });
    (address, bodies)
}

fn spans(bodies: &Bodies) -> Vec<Value> {
    let bodies = bodies.lock().unwrap();
    let all = |body: &String| -> Vec<Value> {
        let body: Value = serde_json::from_str(body).unwrap();
        let lists = body["resourceSpans"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|one| one["scopeSpans"].as_array().unwrap().clone());
        lists.flat_map(|list| list["spans"].as_array().unwrap().clone()).collect()
    };
    bodies.iter().flat_map(all).collect()
}

fn attribute(span: &Value, key: &str) -> String {
    let all = span["attributes"].as_array().unwrap();
    let value = all.iter().find(|one| one["key"] == key).map(|one| &one["value"]);
    let text = value.and_then(|value| value.as_object()?.values().next().cloned()).unwrap_or_default();
    text.as_str().map_or_else(|| text.to_string(), str::to_owned)
}

fn night(home: &Home, db: &Db, callees: &Callees, collector: SocketAddr) -> Night {
    let more = format!("node = \"{}\"\n[telemetry]\notlp_endpoint = \"http://{collector}\"", night::NODE);
    Night::with(home, Some(&db.url), home.settings(callees.address, "", &more))
}

#[test]
fn attempts_are_told_as_spans_and_nobody_is_named() {
    let (home, db, callees) = (Home::new(), Db::new(), Callees::start(7));
    let (address, bodies) = collector();
    let night = night(&home, &db, &callees, address);
    night.import(&[BUSY, INVALID]);
    let ended = night.serve(&["--until-idle"]).finish(SOON * 2);
    assert_eq!(ended.code(), 0, "{}", ended.told());
    until("the last spans", SOON, || spans(&bodies).iter().any(|span| span["name"] == "attempt").then_some(()));

    let spans = spans(&bodies);
    let attempts: Vec<&Value> = spans.iter().filter(|span| span["name"] == "attempt").collect();
    let mut told: Vec<_> =
        attempts.iter().map(|span| (attribute(span, "disposition"), attribute(span, "sip_status"))).collect();
    told.sort();
    assert_eq!(told, [("busy".to_owned(), "486".to_owned()), ("invalid_number".to_owned(), "404".to_owned())]);
    for attempt in attempts {
        assert_eq!(
            (attribute(attempt, "trunk"), attribute(attempt, "node")),
            ("peer".to_owned(), night::NODE.to_owned())
        );
        let id = attribute(attempt, "attempt");
        assert_eq!(db.count(&format!("select count(*) from attempts where id = '{id}' and ended_at is not null")), 1);
        let moments: Vec<&str> =
            attempt["events"].as_array().unwrap().iter().filter_map(|event| event["name"].as_str()).collect();
        assert!(moments.contains(&"invite_sent") && moments.contains(&"ended"), "{moments:?}");
        let parts: Vec<&str> = spans
            .iter()
            .filter(|span| span["parentSpanId"] == attempt["spanId"] && span["traceId"] == attempt["traceId"])
            .filter_map(|span| span["name"].as_str())
            .collect();
        assert!(parts.contains(&"begin") && parts.contains(&"call"), "{parts:?}");
    }
    assert!(spans.iter().any(|span| span["name"] == "journal" && attribute(span, "records") != "null"));
    let all = bodies.lock().unwrap().join("\n");
    assert!(!all.contains("139000") && !all.contains("王"), "no number and no name leaves the house");
}

#[test]
fn a_collector_that_is_not_there_costs_spans_and_no_call() {
    let (home, db, callees) = (Home::new(), Db::new(), Callees::start(7));
    let night = night(&home, &db, &callees, "127.0.0.1:9".parse().unwrap());
    night.import(&[BUSY]);
    let ended = night.serve(&["--until-idle"]).finish(SOON * 2);
    assert_eq!(ended.code(), 0, "{}", ended.told());
    assert_eq!(db.count("select count(*) from attempts where disposition = 'busy'"), 1);
}
