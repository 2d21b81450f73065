//! Keys by every way that a foreign phone has, through a whole survey: as tones, by SIP INFO, and by all ways at once.

use super::common::Home;
use super::common::db::Db;
use super::pcap::Capture;
use super::scenario::{Scenario, reply};
use super::{Called, call_with, capture, picked_up};

/// Identity, consent, Q1 to Q9, and `#` at the suggestion; each key goes over the prompt.
const KEYS: &str = "11112311232#";

fn pressed(called: &Called, kind: &str) -> (String, Vec<String>) {
    let moments = called.moments(kind);
    let text = |field: &str| moments.iter().filter_map(|m| m[field].as_str().map(str::to_owned)).collect::<Vec<_>>();
    (text("key").concat(), text("path"))
}

#[test]
fn a_whole_survey_is_keyed_by_tones() {
    let home = Home::new();
    let keys = capture(&home, Capture::new().silence(600).tones(KEYS, 400, false).silence(1000));
    let plain = Scenario::called().send(reply("200 OK").with_plain_sdp().retransmitted()).acknowledged();
    let called = call_with(&home, &Db::new(), &plain.play(&keys).hung_up_on(), &[], "", |_| {});
    called.assert("complete", 0);
    let (keys, paths) = pressed(&called, "key");
    assert_eq!(keys, KEYS);
    assert!(paths.iter().all(|path| path == "in_band"), "{paths:?}");
}

#[test]
fn a_whole_survey_is_keyed_by_info() {
    let home = Home::new();
    let silence = capture(&home, Capture::new().silence(12_000));
    let phone = picked_up().play(&silence).pause(600);
    let phone = KEYS.chars().fold(phone, |phone, key| phone.info(key).pause(400));
    let called = call_with(&home, &Db::new(), &phone.hung_up_on(), &[], "", |_| {});
    called.assert("complete", 0);
    let (keys, paths) = pressed(&called, "key");
    assert_eq!(keys, KEYS);
    assert!(paths.iter().all(|path| path == "info"), "{paths:?}");
    let told = called.ended.told();
    assert!(!told.contains("Signal"), "bodies show nowhere: {told}");
}

#[test]
fn a_press_by_three_ways_is_one_key() {
    let home = Home::new();
    let keys = capture(&home, Capture::new().silence(600).tones(KEYS, 400, true).silence(1000));
    // each INFO comes some time after its press
    let phone = picked_up().play(&keys).pause(900);
    let phone = KEYS.chars().fold(phone, |phone, key| phone.info(key).pause(460));
    let called = call_with(&home, &Db::new(), &phone.hung_up_on(), &["-pause_msg_ign"], "", |command| {
        command.env("HUIFANG__MEDIA__IN_BAND", "always");
    });
    called.assert("complete", 0);
    assert_eq!(pressed(&called, "key").0, KEYS, "each press once");
    let (_, also) = pressed(&called, "key_also");
    let times = |path: &str| also.iter().filter(|other| *other == path).count();
    assert!(times("info") >= 8 && times("in_band") + times("rfc4733") >= 10, "{also:?}");
}
