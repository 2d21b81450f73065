//! One engine's night: settings, a list, `serve` on one data directory, and its journal as it stands on the disk.

use super::common::db::Db;
use super::common::{Finished, Home, Running, huifang};
use chrono::Utc;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

/// The engine's name in leases.
pub const NODE: &str = "test-night";
/// What every simulated number begins with.
pub const FRONT: &str = "+86139000";
/// The tail of a number whose persona answers everything (number modulo 16).
pub const SATISFIED: &str = "00000";
/// Another one.
pub const SATISFIED_TOO: &str = "00016";
/// Busy.
pub const BUSY: &str = "00007";
/// Rings and rings.
pub const NO_ANSWER: &str = "00008";
/// No such number.
pub const INVALID: &str = "00009";

/// The night.
pub struct Night {
    settings: PathBuf,
    data: PathBuf,
    home: PathBuf,
    url: Option<String>,
}

impl Night {
    /// Settings with one trunk to `trunk`; `url` none: the embedded database.
    pub fn new(home: &Home, url: Option<&str>, trunk: SocketAddr, trunk_more: &str) -> Night {
        Night::with(home, url, home.settings(trunk, trunk_more, &format!("node = \"{NODE}\"")))
    }

    /// With settings of one's own.
    pub fn with(home: &Home, url: Option<&str>, settings: PathBuf) -> Night {
        Night { settings, data: home.path("data"), home: home.path(""), url: url.map(str::to_owned) }
    }

    /// Imports one customer for each tail, in this order.
    pub fn import(&self, tails: &[&str]) {
        let today = Utc::now().date_naive().pred_opt().unwrap();
        let rows: String = tails.iter().map(|tail| format!("王先生,{today},139000{tail}\n")).collect();
        let list = self.home.join("list.csv");
        std::fs::write(&list, format!("姓名,维修日期,手机号\n{rows}")).unwrap();
        let mut command = self.huifang();
        command.args(["import", "--list", "repair"]).arg(list);
        let ended = Finished::of(command);
        assert_eq!(ended.code(), 0, "{}", ended.told());
    }

    /// `serve`, at work.
    pub fn serve(&self, options: &[&str]) -> Running {
        let mut command = self.huifang();
        command.arg("serve").args(options);
        let mut engine = Running::start("serve", command);
        engine.line("page's address", |line| line.contains("at work"));
        engine
    }

    /// `huifang` with the settings and the database of this night.
    pub fn huifang(&self) -> Command {
        huifang(&self.settings, self.url.as_deref())
    }

    /// The answers that stand in the journal's files, as `attempt|question|keys`.
    pub fn journal_answers(&self) -> Vec<String> {
        let mut answers = Vec::new();
        let Ok(entries) = std::fs::read_dir(self.data.join("journal")) else { return answers };
        for path in
            entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "seg"))
        {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            for record in text.lines().filter_map(|line| line.splitn(3, ' ').nth(2)) {
                let Ok(facts) = serde_json::from_str::<Vec<serde_json::Value>>(record) else { continue };
                answers.extend(facts.iter().filter(|fact| fact["fact"] == "answer").map(line));
            }
        }
        answers
    }
}

fn line(fact: &serde_json::Value) -> String {
    ["attempt", "question", "keys"].map(|key| fact[key].as_str().unwrap_or_default()).join("|")
}

/// The embedded cluster of an engine, in the hands of whoever administers the machine.
pub struct Cluster {
    socket: PathBuf,
}

impl Cluster {
    /// The cluster in the data directory of `home`.
    pub fn of(home: &Home) -> Cluster {
        Cluster { socket: home.path("data/postgres") }
    }

    /// A connection to it.
    pub fn db(&self) -> Db {
        Db::at(&format!("postgres://huifang@localhost/huifang?host={}", self.socket.display()))
    }

    /// `pg_ctl stop` or `start`, as the user who owns the cluster.
    pub fn control(&self, verb: &str) {
        use std::os::unix::fs::MetadataExt;
        use std::os::unix::process::CommandExt;
        let owner = std::fs::metadata(&self.socket).unwrap();
        let mut command = Command::new(pg_ctl());
        command.args([verb, "-w", "-s", "-m", "fast"]).arg("-D").arg(self.socket.join("data"));
        command.arg("-l").arg(self.socket.join("server.log")).current_dir(&self.socket).env("LC_ALL", "C");
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        if nix::unistd::Uid::effective().is_root() {
            command.uid(owner.uid()).gid(owner.gid());
        }
        assert!(command.status().unwrap().success(), "pg_ctl {verb} failed");
    }
}

/// The newest `pg_ctl` of Debian's packages, else that of PATH.
fn pg_ctl() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let found = versions.map(|version| version.path().join("bin/pg_ctl")).filter(|path| path.is_file());
    let version = |path: &PathBuf| path.iter().nth_back(2).and_then(|v| v.to_string_lossy().parse::<u32>().ok());
    found.max_by_key(version).unwrap_or_else(|| "pg_ctl".into())
}
