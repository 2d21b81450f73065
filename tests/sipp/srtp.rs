//! Encrypted media: a whole survey over SRTP, and a phone that answers in the clear. (baresip speaks it in `softphones.rs`.)

use super::common::db::Db;
use super::common::{Callees, Finished, Home, huifang};
use super::{call_with, picked_up};

/// The persona of this number (its digits modulo 16) is content and answers everything.
const SATISFIED: &str = "13900000000";
const ASKED_FOR: &str = "srtp = \"sdes\"";

#[test]
fn a_whole_survey_is_asked_over_srtp() {
    let (home, db) = (Home::new(), Db::new());
    let callees = Callees::start(7);
    let settings = home.settings(callees.address, ASKED_FOR, "");
    let mut command = huifang(&settings, Some(&db.url));
    command.args(["call", SATISFIED, "--json"]);
    let ended = Finished::of(command);
    let lines = ended.json();
    assert_eq!(lines.last().unwrap()["disposition"], "complete", "{}", ended.told());
    let answered = lines.iter().find(|line| line["kind"] == "answered").unwrap();
    assert_eq!(answered["srtp"], "AEAD_AES_128_GCM");
    let quality = lines.iter().find(|line| line["kind"] == "quality").unwrap();
    assert_eq!((&quality["rx_lost"], &quality["tx_lost_permille"]), (&0.into(), &0.into()), "{quality}");
    assert!(quality["rx_packets"].as_u64().unwrap() > 500, "{quality}");
    assert!(!ended.told().contains("inline:"), "a key shows");
    assert_eq!(callees.finish().len(), 1);
}

#[test]
fn a_phone_that_answers_in_the_clear_is_hung_up_on() {
    let scenario = picked_up().hung_up_on();
    let called = call_with(&Home::new(), &Db::new(), &scenario, &[], ASKED_FOR, |_| {});
    called.assert("trunk_refused", 1);
    assert_eq!(called.messages.received("BYE").len(), 1);
    let offer = called.messages.received("INVITE")[0];
    assert!(offer.contains("RTP/SAVP") && offer.matches("a=crypto:").count() == 3, "{offer}");
    assert_eq!(called.moments("first_audio").len(), 0);
}
