//! A phone that changes the media in mid-call: hold and resume, another codec, another payload type for keys.

use super::common::Home;
use super::common::db::Db;
use super::pcap::Capture;
use super::{call_with, capture, picked_up};

const EVENTS: &str = "a=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15";

#[test]
fn a_phone_that_holds_and_comes_back_is_asked_again() {
    let home = Home::new();
    // identity and consent, then a hold of 8 s, longer than the wait for an answer; then a key at the question's repetition
    let keys = Capture::new().silence(600).keys("11", 400).silence(12_000).keys("1", 300).silence(2_000);
    let keys = capture(&home, keys);
    let phone = picked_up().play(&keys).pause(2_500).reinvite("8 101", &format!("{EVENTS}\na=sendonly")).pause(8_000);
    let phone = phone.reinvite("8 101", &format!("{EVENTS}\na=sendrecv")).pause(4_000).hang_up();
    let called = call_with(&home, &Db::new(), &phone, &["-pause_msg_ign"], "", |_| {});
    called.assert("partial", 0);
    assert_eq!((called.moments("held").len(), called.moments("resumed").len()), (1, 1));
    assert!(called.moments("missed").is_empty(), "silence on hold is no missed answer\n{}", called.ended.told());
    let answers = called.moments("answer");
    assert_eq!(answers.last().unwrap()["question"], "q1", "the key after the hold counts");
}

#[test]
fn a_phone_that_changes_its_codec_keeps_its_keys() {
    let home = Home::new();
    let keys = capture(&home, Capture::new().silence(2_500).keys("11", 400).silence(1_500));
    let phone = picked_up().play(&keys).pause(1_000).reinvite("0 101", EVENTS).pause(3_500).hang_up();
    let called = call_with(&home, &Db::new(), &phone, &["-pause_msg_ign"], "", |_| {});
    called.assert("break_off", 0);
    let changed = called.moments("media_changed");
    assert_eq!((changed.len(), changed[0]["codec"].as_str()), (1, Some("PCMU")));
    let pressed: String = called.moments("key").iter().filter_map(|key| key["key"].as_str()).collect();
    assert_eq!(pressed, "11");
}
