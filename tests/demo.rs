//! The demo as a customer of this repository runs it: every simulated customer is called, and what is stored is what was keyed.

mod common;

use common::{ROOT, Running, bare};
use std::time::Duration;

/// What `--json` promises.
const KEYS: [&str; 14] = [
    "customers",
    "attempts",
    "complete",
    "partial",
    "refusal",
    "callback",
    "wrong_number",
    "no_answer",
    "busy",
    "complaints",
    "answers",
    "calls_on_record",
    "mismatches",
    "seconds",
];

#[test]
fn six_customers_are_called_and_the_demo_agrees_with_itself() {
    let mut command = bare();
    command.current_dir(ROOT).args(["demo", "--customers", "6", "--seed", "7", "--json"]);
    let ended = Running::start("demo", command).finish(Duration::from_secs(120));
    assert_eq!(ended.code(), 0, "{}", ended.told());
    let summary: serde_json::Value = serde_json::from_str(ended.out.last().unwrap()).unwrap();
    for key in KEYS {
        assert!(summary[key].is_number(), "{key} in {summary}");
    }
    let counts = ["customers", "attempts", "mismatches", "refusal", "callback", "wrong_number"];
    // The first six personas: satisfied, unhappy, breaks off, refuses, later, wrong number.
    assert_eq!(counts.map(|key| summary[key].as_u64().unwrap()), [6, 6, 0, 1, 1, 1], "{summary}");
    assert!((1..6).contains(&summary["calls_on_record"].as_u64().unwrap()), "some agree, some do not: {summary}");
    assert!(summary["answers"].as_u64().unwrap() > 20 && summary["complaints"] == 1, "{summary}");
    assert!(ended.err.iter().any(|line| line.starts_with("Completion: ")), "{}", ended.told());
}

#[test]
fn an_unhappy_customer_talks_to_an_agent_and_the_demo_agrees_with_both() {
    let mut command = bare();
    command.current_dir(ROOT).args(["demo", "--customers", "2", "--seed", "7", "--agents", "1", "--json"]);
    let ended = Running::start("demo", command).finish(Duration::from_secs(120));
    assert_eq!(ended.code(), 0, "{}", ended.told());
    let summary: serde_json::Value = serde_json::from_str(ended.out.last().unwrap()).unwrap();
    let hand_overs = &summary["hand_overs"];
    let counts = ["agents", "offered", "wanted", "talked", "other"];
    assert_eq!(counts.map(|key| hand_overs[key].as_u64().unwrap()), [1, 1, 1, 1, 0], "{summary}");
    assert_eq!((&summary["mismatches"], &summary["complaints"]), (&0.into(), &1.into()), "{summary}");
}

/// What `bench media --json` promises.
const BENCH_KEYS: [&str; 11] = [
    "calls",
    "cpu_ms_per_call_second",
    "gap_p50_ms",
    "gap_p99_ms",
    "gap_p999_ms",
    "gap_max_ms",
    "lost",
    "rss_kib_per_call",
    "cps",
    "cpu_ms_per_call_setup",
    "floor_us_per_packet_pair",
];

#[test]
fn the_benchmark_in_its_short_form_loses_no_packet_and_no_key() {
    let mut command = bare();
    command.args(["bench", "media", "--calls", "10,20", "--seconds", "1", "--rate", "50", "--json"]);
    let ended = Running::start("bench", command).finish(Duration::from_secs(120));
    assert_eq!(ended.code(), 0, "{}", ended.told());
    let last: serde_json::Value = serde_json::from_str(ended.out.last().unwrap()).unwrap();
    for key in BENCH_KEYS {
        assert!(last[key].as_f64().is_some_and(|figure| figure >= 0.0), "{key} in {last}");
    }
    let runs = last["runs"].as_array().unwrap();
    let counts = |run: &serde_json::Value| ["calls", "answered", "keys_heard", "lost"].map(|key| run[key].as_u64());
    let counted: Vec<_> = runs.iter().map(counts).collect();
    assert_eq!(counted, [[10, 10, 10, 0], [20, 20, 20, 0]].map(|run| run.map(Some)), "{last}");
    assert!(last["cpu_ms_per_call_second"].as_f64().unwrap() > 0.0 && last["received"].as_u64().unwrap() > 20 * 40);
}

/// The command itself looks whether every call that was made is closed in the store.
#[test]
fn set_ups_are_measured_with_the_database_too() {
    let mut command = bare();
    command.args(["bench", "signalling", "--database", "--rate", "20", "--seconds", "2", "--json"]);
    let ended = Running::start("bench", command).finish(Duration::from_secs(120));
    assert_eq!(ended.code(), 0, "{}", ended.told());
    let last: serde_json::Value = serde_json::from_str(ended.out.last().unwrap()).unwrap();
    assert!(last["calls"].as_u64().unwrap() >= 30 && last["failed"] == 0, "{last}");
    assert!(last["database_cpu_ms_per_call_setup"].as_f64().unwrap() > 0.0, "{last}");
}

#[test]
fn a_benchmark_of_nothing_is_refused() {
    for words in [["--calls", "0"], ["--rate", "0"], ["--rate", "-1"], ["--seconds", "0"]] {
        let mut command = bare();
        command.args(["bench", "media"]).args(words);
        let ended = Running::start("bench", command).finish(Duration::from_secs(20));
        assert_eq!(ended.code(), 2, "{words:?}\n{}", ended.told());
    }
}

/// `scripts/soak` for some seconds: the command itself looks whether anything is left over.
#[test]
fn the_soak_in_its_short_form_leaves_nothing_over() {
    let dir = tempfile::tempdir().unwrap();
    let csv = dir.path().join("soak.csv");
    let mut command = bare();
    command.args(["bench", "soak", "--minutes", "0.15", "--calls", "5", "--every", "2", "--json", "--csv"]).arg(&csv);
    let ended = Running::start("soak", command).finish(Duration::from_secs(240));
    assert_eq!(ended.code(), 0, "{}", ended.told());
    let last: serde_json::Value = serde_json::from_str(ended.out.last().unwrap()).unwrap();
    assert!(last["called"].as_u64().unwrap() >= 5 && last["faults"].as_array().unwrap().is_empty(), "{last}");
    assert_eq!((&last["udp_sockets"][0], &last["udp_sockets"][2]), (&1.into(), &1.into()), "{last}");
    let text = std::fs::read_to_string(csv).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    assert!(rows.len() > 5 && rows.iter().all(|row| row.len() == rows[0].len()), "{text}");
    let column = |name: &str| rows[0].iter().position(|head| *head == name).unwrap();
    let most = |name: &str| rows[1..].iter().map(|row| row[column(name)].parse::<f64>().unwrap()).fold(0.0, f64::max);
    assert!(most("open_calls") >= 4.0 && most("udp_sockets") > 3.0 && most("rss_kib") > 10_000.0, "{text}");
}
