//! `huifang simulate` and `huifang report` as a manager runs them: the same night twice, byte for byte, and a report out of an empty store that says so.

mod common;

use common::db::Db;
use common::{Finished, Home, huifang};

#[test]
fn the_same_seed_is_the_same_night_and_another_is_another() {
    let home = Home::new();
    let settings = home.settings("127.0.0.1:9".parse().unwrap(), "", "");
    let night = |seed: &str, svg: &str| {
        let mut command = huifang(&settings, None);
        command.args([
            "simulate",
            "--customers",
            "40",
            "--replications",
            "2",
            "--on",
            "2026-12-01",
            "--json",
            "--seed",
            seed,
            "--svg",
        ]);
        let ended = {
            command.arg(home.path(svg));
            Finished::of(command)
        };
        assert_eq!(ended.code(), 0, "{}", ended.told());
        ended.out
    };
    let first = night("7", "a.svg");
    assert_eq!(first, night("7", "b.svg"));
    assert_eq!(std::fs::read(home.path("a.svg")).unwrap(), std::fs::read(home.path("b.svg")).unwrap());
    assert_ne!(first, night("8", "c.svg"));
    let told: serde_json::Value = serde_json::from_str(first.last().unwrap()).unwrap();
    assert_eq!((&told["seed"], &told["figures"]["customers"]["mean"]), (&7.into(), &40.0.into()), "{told}");
    assert!(told["figures"]["complete"]["mean"].as_f64().unwrap() > 0.0, "{told}");
    assert!(std::fs::read_to_string(home.path("a.svg")).unwrap().starts_with("<svg"));
}

#[test]
fn a_report_of_nothing_has_no_rates() {
    let (home, db) = (Home::new(), Db::new());
    let settings = home.settings("127.0.0.1:9".parse().unwrap(), "", "");
    let out = home.path("week.json");
    let mut command = huifang(&settings, Some(&db.url));
    command
        .args(["report", "weekly", "--from", "2026-11-16", "--to", "2026-11-22", "--language", "en", "--out"])
        .arg(&out);
    let ended = Finished::of(command);
    assert_eq!(ended.code(), 0, "{}", ended.told());
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap();
    assert_eq!((&report["from"], &report["to"]), (&"2026-11-16".into(), &"2026-11-22".into()));
    assert_eq!(report["sections"][0]["headlines"][1]["value"], "nothing counted yet");
    for (words, named) in [
        (&["report", "weekly", "--from", "2026-11-22", "--to", "2026-11-16", "--out", "-"][..], "1 to 366 days"),
        (&["report", "weekly", "--out", "/nowhere/week.pptx"], "/nowhere/week.pptx"),
        (&["simulate", "--against", "/nowhere/other.toml"], "/nowhere/other.toml"),
    ] {
        let mut command = huifang(&settings, Some(&db.url));
        command.args(words);
        let ended = Finished::of(command);
        assert_eq!(ended.code(), 2, "{}", ended.told());
        assert!(ended.err.join(" ").contains(named), "{}", ended.told());
    }
}
