//! Who takes calls beside people: a mailbox with its greeting and beep, a fax.

use super::common::Home;
use super::common::db::Db;
use super::pcap::Capture;
use super::{call_with, capture, picked_up};
use std::f64::consts::TAU;

/// Somebody who talks: one of the engine's own prompts.
fn greeting(prompt: &str) -> Vec<i16> {
    let path = format!("{}/prompts/en/{prompt}.wav", env!("CARGO_MANIFEST_DIR"));
    hound::WavReader::open(path).unwrap().samples::<i16>().map(Result::unwrap).collect()
}

fn tone(hz: f64, ms: u32) -> Vec<i16> {
    (0..ms * 8).map(|n| (6000.0 * (TAU * hz * f64::from(n) / 8000.0).sin()) as i16).collect()
}

fn call_to(heard: Capture, disposition: &str, who: &str) {
    let home = Home::new();
    let heard = capture(&home, heard);
    let called = call_with(&home, &Db::new(), &picked_up().play(&heard).hung_up_on(), &[], "", |_| {});
    called.assert(disposition, 1);
    let answerers = called.moments("answerer");
    assert_eq!(answerers.last().unwrap()["who"], who, "{answerers:?}");
    let at = |kind: &str| called.moments(kind)[0]["offset_ms"].as_u64().unwrap();
    assert!(at("prompts") <= at("answered") + 100, "nobody waited for it");
}

#[test]
fn a_mailbox_is_hung_up_on_after_its_beep() {
    let heard = Capture::new().silence(300).sound(&greeting("closing.thanks")).silence(200);
    call_to(heard.sound(&tone(1000.0, 400)).silence(8_000), "machine", "machine");
}

#[test]
fn a_fax_is_told_by_its_tone() {
    let calls = Capture::new().silence(1_000).sound(&tone(1100.0, 500)).silence(3_000).sound(&tone(1100.0, 500));
    call_to(calls.silence(4_000), "fax", "fax");
}
