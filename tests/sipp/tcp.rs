//! Calls by TCP to SIPp.

use super::common::Home;
use super::common::db::Db;
use super::pcap::Capture;
use super::{call_with, capture, picked_up};

#[test]
fn a_call_goes_by_tcp() {
    let home = Home::new();
    let keys = capture(&home, Capture::new().silence(600).keys("3", 300).silence(400));
    let scenario = picked_up().play(&keys).hung_up_on();
    let called = call_with(&home, &Db::new(), &scenario, &["-t", "t1"], "transport = \"tcp\"", |_| {});
    called.assert("wrong_number", 0);
    let invites = called.messages.received("INVITE");
    assert_eq!(invites.len(), 1, "nothing is repeated on a stream");
    assert!(invites[0].contains("Via: SIP/2.0/TCP ") && invites[0].contains(";transport=tcp>"), "{}", invites[0]);
    let sent = called.moments("sip_sent");
    assert!(sent.iter().all(|line| line["peer"].as_str().unwrap().starts_with("tcp ")), "{sent:?}");
}
