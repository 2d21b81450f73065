//! Calls to SIPp by a bad way: a tenth of the datagrams is lost; the connection of a trunk by TCP is reset in the middle.

use super::common::Home;
use super::common::db::Db;
use super::common::weather::{Proxy, Weather};
use super::line::{Line, Then};
use super::pcap::Capture;
use super::peer::Sipp;
use super::scenario::{Scenario, reply};
use super::{Called, capture, dial, picked_up};
use std::time::Instant;

/// In each of these something of a short call is lost: an INVITE, an ACK, a 200, a BYE or its answer.
const SEEDS: [u64; 4] = [1, 6, 7, 9];
const TCP: &str = "transport = \"tcp\"";

/// A customer who keys that the number is wrong.
fn wrong_number(home: &Home, phone: Scenario) -> Scenario {
    let keys = capture(home, Capture::new().silence(600).keys("3", 300).silence(400));
    phone.play(&keys)
}

/// The INVITE is answered by the 200 alone: SIPp knows a repeated INVITE again only while one response has followed it (`recv_retrans_hash` in its call.cpp), and takes
/// it for a fault of ours after the second. When both a 180 and the 200 were lost, as happens to one call in a hundred, or when the machine was slow, the test failed
/// for SIPp's sake.
#[test]
fn the_outcome_is_right_though_a_tenth_of_the_messages_is_lost() {
    let db = Db::new();
    let one = |seed| {
        let home = Home::new();
        let answered = Scenario::called().send(reply("200 OK").with_sdp().retransmitted()).acknowledged();
        let phone = Sipp::phone(&home, &wrong_number(&home, answered).hung_up_on_and_stays(4000), &[]);
        let proxy = Proxy::start(phone.address, seed, Weather { loss: 10, ..Weather::default() });
        let ended = dial(&home, &db, proxy.address, "", |_| {});
        Called { ended, messages: phone.finish() }.assert("wrong_number", 0);
        assert_eq!(proxy.calls().values().sum::<usize>(), 1);
        let (there, back) = proxy.tallies();
        there.lost + back.lost
    };
    let lost = std::thread::scope(|scope| {
        let calls: Vec<_> = SEEDS.into_iter().map(|seed| scope.spawn(move || one(seed))).collect();
        calls.into_iter().map(|call| call.join().unwrap()).sum::<u64>()
    });
    assert!(lost >= 4, "only {lost} messages were lost");
}

/// One call by a line that does `then` as soon as `when` has gone by.
fn call_by(when: &'static str, then: Then, phone: impl FnOnce(&Home) -> Scenario) -> (Called, Line) {
    let home = Home::new();
    let phone = Sipp::phone(&home, &phone(&home), &["-t", "t1"]);
    let line = Line::start(phone.address, when, then);
    let ended = dial(&home, &Db::new(), line.address, TCP, |_| {});
    (Called { ended, messages: phone.finish() }, line)
}

#[test]
fn a_connection_that_is_reset_in_mid_dialog_ends_no_call_and_bye_goes_by_a_new_one() {
    let (called, line) = call_by("ACK sip:", Then::Reset, |home| wrong_number(home, picked_up()).hung_up_on());
    called.assert("wrong_number", 0);
    assert_eq!(called.messages.received("BYE").len(), 1);
    assert_eq!((line.resets(), line.accepted()), (1, 2));
}

#[test]
fn a_bye_that_went_down_with_its_connection_is_sent_once_more() {
    let (called, line) = call_by("BYE sip:", Then::Swallow, |home| wrong_number(home, picked_up()).hung_up_on());
    called.assert("wrong_number", 0);
    assert_eq!(called.messages.received("BYE").len(), 1);
    assert_eq!((line.resets(), line.accepted()), (1, 2));
}

/// The INVITE may have arrived, so it is not sent again; the answer comes by a connection of the trunk's own (RFC 3261 18.2.2).
#[test]
fn a_connection_that_is_reset_while_it_rings_costs_no_call_and_nobody_is_dialled_twice() {
    let rings = |home: &Home| {
        let late = Scenario::called().send(reply("100 Trying")).pause(700).send(reply("180 Ringing"));
        let late = late.pause(300).send(reply("200 OK").with_sdp().retransmitted()).acknowledged();
        wrong_number(home, late).hung_up_on()
    };
    let (called, line) = call_by("INVITE sip:", Then::Reset, rings);
    called.assert("wrong_number", 0);
    assert_eq!(called.messages.received("INVITE").len(), 1);
    assert_eq!((line.resets(), line.called_back()), (1, 1));
}

#[test]
fn a_trunk_that_is_gone_for_good_in_mid_dialog_leaves_the_outcome_as_it_was() {
    let home = Home::new();
    let phone = Sipp::phone(&home, &wrong_number(&home, picked_up()).hung_up_on(), &["-t", "t1"]);
    let line = Line::start(phone.address, "ACK sip:", Then::Vanish);
    let began = Instant::now();
    let ended = dial(&home, &Db::new(), line.address, TCP, |_| {});
    assert_eq!(ended.json().pop().unwrap()["disposition"], "wrong_number", "{}", ended.told());
    assert_eq!((line.resets(), line.accepted()), (1, 1));
    assert!(
        began.elapsed().as_secs() < 25,
        "nothing waits for a trunk that takes no connection: {:?}",
        began.elapsed()
    );
}
