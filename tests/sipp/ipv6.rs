//! A whole survey over IPv6: SIP, SDP and RTP on `::1`.

use super::common::db::Db;
use super::common::{Callees, Finished, Home, huifang};
use serde_json::Value;

/// The persona of this number (its digits modulo 16) is content and answers everything.
const SATISFIED: &str = "13900000000";

#[test]
fn a_whole_survey_is_asked_over_ipv6() {
    let (home, db) = (Home::new(), Db::new());
    let callees = Callees::start_with(7, &["--listen", "[::1]:0"]);
    assert!(callees.address.is_ipv6());
    let settings = home.settings(callees.address, "", "");
    let mut command = huifang(&settings, Some(&db.url));
    command.args(["call", SATISFIED, "--json"]).env("HUIFANG__SIP__LISTEN", "[::1]:0");
    let ended = Finished::of(command);
    let lines = ended.json();
    assert_eq!(lines.last().unwrap()["disposition"], "complete", "{}", ended.told());
    let sent: Vec<&Value> = lines.iter().filter(|line| line["kind"] == "sip_sent").collect();
    assert!(sent.len() >= 3, "{sent:?}");
    assert!(sent.iter().all(|line| line["peer"].as_str().unwrap().starts_with("udp [::1]:")), "{sent:?}");
    assert_eq!(callees.finish().len(), 1);
}
