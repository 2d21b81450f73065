//! The disk is full: what a customer says cannot be kept, and the call goes on to its end and says so. A file system of 16 KiB in a mount namespace of its own.

use super::common::db::Db;
use super::common::{Callees, Home, Running, huifang};
use std::process::Command;
use std::time::Duration;

/// The persona of this number (its digits modulo 16) is unhappy and says why.
const UNHAPPY: &str = "13900000001";

#[test]
fn a_full_disk_costs_the_recording_and_nothing_else() {
    let (home, db) = (Home::new(), Db::new());
    let callees = Callees::start(7);
    let recordings = home.path("recordings");
    std::fs::create_dir(&recordings).unwrap();
    let settings = home.settings(callees.address, "", "");
    let engine = huifang(&settings, Some(&db.url));
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", "mount -t tmpfs -o size=16k tmpfs \"$0\" && exec \"$@\""]);
    command.arg(&recordings).arg(engine.get_program()).args(engine.get_args()).args(["call", UNHAPPY, "--json"]);
    command.env_clear();
    command.envs(engine.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HUIFANG__MEDIA__RECORDINGS_DIR", &recordings);
    command.env("HUIFANG__MEDIA__RECORD_CALLS", "true");
    // such a call takes more than a minute
    let ended = Running::start("huifang", command).finish(Duration::from_secs(150));
    let lines = ended.json();
    assert_eq!(lines.last().unwrap()["disposition"], "complete", "{}", ended.told());
    let of = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).collect::<Vec<_>>();
    let (recorded, whole) = (of("recorded"), of("call_recorded"));
    assert!(!recorded.is_empty(), "nobody said anything: {}", ended.told());
    assert_eq!(whole.len(), of("on_record").len(), "{}", ended.told());
    assert_eq!(whole.len(), 1, "this customer agrees to be recorded: {}", ended.told());
    for line in recorded.into_iter().chain(whole) {
        assert!(line["failed"].as_str().is_some_and(|why| why.contains("No space left")), "{line}");
    }
    assert_eq!(callees.finish().len(), 1);
}
