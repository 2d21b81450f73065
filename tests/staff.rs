//! Agents and users by the command line, as processes on one database: added, changed, put on and off duty, checked; passwords come by file and are shown nowhere.

mod common;

use common::db::Db;
use common::{Finished, Home, huifang};
use std::net::SocketAddr;

const SOFTPHONE: &str = "lift-off-47-green";
const PAGE: &str = "a long word for the page";

struct Desk {
    home: Home,
    db: Db,
    trunk: SocketAddr,
}

impl Desk {
    fn new() -> Desk {
        let desk = Desk { home: Home::new(), db: Db::new(), trunk: "127.0.0.1:9".parse().unwrap() };
        desk.home.settings(desk.trunk, "", "");
        desk.home.write("softphone", format!("{SOFTPHONE}\n"));
        desk.home.write("page", format!("{PAGE}\n"));
        desk
    }

    /// Runs `huifang` with these words; `@name` is a file of the test's home. No password is ever shown.
    fn run(&self, words: &[&str], code: i32) -> Finished {
        let mut command = huifang(&self.home.path("huifang.toml"), Some(&self.db.url));
        for word in words {
            match word.strip_prefix('@') {
                Some(file) => command.arg(self.home.path(file)),
                None => command.arg(word),
            };
        }
        let ended = Finished::of(command);
        let told = ended.told();
        assert_eq!(ended.code(), code, "huifang {}\n{told}", words.join(" "));
        assert!(!told.contains(SOFTPHONE) && !told.contains(PAGE) && !told.contains("panicked"), "{told}");
        ended
    }

    /// Where each agent stands, by name.
    fn stand(&self) -> Vec<(String, String)> {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or("offline").to_owned();
        let rows = self.run(&["agents", "list", "--json"], 0).json();
        rows.iter().map(|row| (text(&row["agent"]["name"]), text(&row["stands"]["state"]))).collect()
    }
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|&(name, state)| (name.to_owned(), state.to_owned())).collect()
}

#[test]
fn agents_and_users_come_and_go() {
    let desk = Desk::new();
    desk.run(&["migrate"], 0);
    desk.run(&["users", "add", "li.na", "--role", "agent", "--password-file", "@page"], 0);
    let taken = desk.run(&["users", "add", "LI.NA", "--role", "admin", "--password-file", "@page"], 1);
    assert!(taken.told().contains("there is a user of that name"), "{}", taken.told());
    desk.home.write("short", "x");
    desk.run(&["users", "add", "wang", "--role", "manager", "--password-file", "@short"], 1);
    desk.run(&["users", "password", "li.na", "--password-file", "@page"], 0);
    let users = desk.run(&["users", "list", "--json"], 0).json();
    assert_eq!((users.len(), users[0]["role"].as_str()), (1, Some("agent")));

    desk.run(&["agents", "add", "--name", "Li Na", "--reach", "browser", "--user", "li.na", "--staff-number", "7"], 0);
    let softphone =
        ["agents", "add", "--name", "Wu", "--reach", "registered", "--sip-user", "wu", "--password-file", "@softphone"];
    desk.run(&softphone, 0);
    desk.run(
        &[
            "agents",
            "add",
            "--name",
            "Zhou",
            "--reach",
            "uri",
            "--sip-uri",
            "sip:201@127.0.0.1",
            "--trunk",
            "peer",
            "--skills",
            "sales_24h,vip",
        ],
        0,
    );
    for (words, why) in [
        (
            &["--reach", "uri", "--sip-uri", "sip:201@192.0.2.7"][..],
            "neither the trunk's nor one of agents.allow_hosts",
        ),
        (&["--reach", "uri", "--sip-uri", "sip:201@127.0.0.1", "--trunk", "other"], "there is no [trunks.other]"),
        (&["--reach", "browser"], "something is missing"),
        (&["--reach", "browser", "--user", "nobody"], "no user has that name"),
        (&["--reach", "browser", "--user", "li.na"], "this user is another agent already"),
    ] {
        let refused = desk.run(&[&["agents", "add", "--name", "X"][..], words].concat(), 1);
        assert!(refused.told().contains(why), "{}", refused.told());
    }
    assert!(desk.run(&softphone, 1).told().contains("another agent has this SIP user"));

    desk.run(&["agents", "on-duty", "Zhou"], 0);
    assert!(desk.run(&["agents", "on-duty", "7"], 1).told().contains("goes on duty there"));
    assert!(desk.run(&["agents", "on-duty", "wu"], 1).told().contains("no phone registered"));
    assert_eq!(desk.stand(), pairs(&[("Li Na", "offline"), ("Wu", "offline"), ("Zhou", "available")]));
    let zhou = desk.run(&["agents", "list"], 0).told();
    assert!(zhou.contains("sales_24h,vip") && zhou.contains("available since"), "{zhou}");
    desk.run(&["agents", "change", "Zhou", "--skills", "", "--auto-answer", "--staff-number", "8"], 0);
    let row = "select array[skills::text, auto_answer::text, staff_number] from agents where name = 'Zhou'";
    assert_eq!(desk.db.rows(row), ["{}|true|8"]);
    desk.run(&["agents", "off-duty", "8"], 0);
    desk.run(&["agents", "disable", "8"], 0);
    assert_eq!(desk.stand(), pairs(&[("Li Na", "offline"), ("Wu", "offline")]));
    desk.run(&["agents", "enable", "8"], 0);
    desk.run(&["agents", "password", "wu", "--password-file", "@softphone"], 0);
    assert!(
        desk.run(&["agents", "password", "8", "--password-file", "@softphone"], 1).told().contains("only a softphone")
    );
    assert!(desk.run(&["agents", "off-duty", "nobody"], 1).told().contains("there is no such agent"));

    desk.run(&["users", "disable", "li.na"], 0);
    assert!(desk.run(&["users", "list"], 0).told().contains("disabled"));
    let kept = "select array[action, count(*)::text] from audit_log group by action order by action";
    assert_eq!(desk.db.rows(kept), ["user.add|1", "user.disable|1", "user.password|1"]);
}

#[test]
fn check_names_agents_who_could_not_be_called() {
    let desk = Desk::new();
    desk.run(&["migrate"], 0);
    desk.run(
        &["agents", "add", "--name", "Zhou", "--reach", "uri", "--sip-uri", "sip:201@127.0.0.1", "--trunk", "peer"],
        0,
    );
    let in_order = desk.run(&["check"], 0).told();
    assert!(!in_order.contains("agents:"), "{in_order}");
    // The trunk is renamed, and nobody thinks of the agents.
    let path = desk.home.path("huifang.toml");
    let text = std::fs::read_to_string(&path).unwrap().replace("[trunks.peer]", "[trunks.other]");
    std::fs::write(path, text).unwrap();
    let told = desk.run(&["check"], 2).told();
    assert!(told.contains("error    agents: ") && told.contains("there is no [trunks.peer]"), "{told}");
    assert!(!told.contains("Zhou") && !told.contains("201"), "{told}");
}
