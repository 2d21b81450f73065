//! Keys in a session, in virtual time: what silences a prompt and when, and one press by several ways.

use super::super::tests::{Rig, list, params};
use super::super::{Command, SessionParams};
use super::*;
use crate::media::{Codec, FRAME_SAMPLES};
use std::f64::consts::TAU;

/// Packets of 20 ms with the tones of key `5`.
fn five(count: usize) -> Vec<[u8; FRAME_SAMPLES]> {
    let sample = |n: usize| {
        let t = n as f64 / 8_000.0;
        Codec::Pcma.encode(((TAU * 770.0 * t).sin() * 6_000.0 + (TAU * 1_336.0 * t).sin() * 6_000.0) as i16)
    };
    (0..count).map(|packet| std::array::from_fn(|n| sample(packet * FRAME_SAMPLES + n))).collect()
}

fn tones() -> Rig {
    let rig = Rig::new(Codec::Pcma);
    let params = SessionParams { in_band: true, telephone_event: None, ..params(Codec::Pcma) };
    Rig { session: Session::new(params, rig.now), now: rig.now }
}

/// Sends audio packets, one for each tick, from `sequence` on; the number of ticks until silence is sent.
fn speak(rig: &mut Rig, packets: &[[u8; FRAME_SAMPLES]], sequence: u16) -> Option<usize> {
    let mut silent = None;
    for (n, packet) in packets.iter().enumerate() {
        let number = sequence + n as u16;
        rig.arrives(8, number, u32::from(number) * 160, false, packet);
        let quiet = rig.tick().1.iter().all(|byte| *byte == Codec::Pcma.silence());
        if quiet && silent.is_none() {
            silent = Some(n);
        }
    }
    silent
}

fn keys(rig: &mut Rig) -> Vec<Event> {
    rig.events().into_iter().filter(|event| matches!(event, Event::Key { .. } | Event::KeyAlso { .. })).collect()
}

/// The issue asks for 40 ms from the key to silence.
#[test]
fn a_key_silences_the_prompt_in_the_next_packet() {
    let mut rig = Rig::new(Codec::Pcma);
    rig.command(Command::Play(list(1, true, 50)));
    (0..5).for_each(|_| assert!(rig.tick().1.iter().any(|byte| *byte != Codec::Pcma.silence())));
    rig.key(5, 1_000);
    assert!(rig.tick().1.iter().all(|byte| *byte == Codec::Pcma.silence()), "20 ms after the key at the latest");
}

#[test]
fn a_tone_is_a_key_after_60_ms_and_silences_the_prompt() {
    let mut rig = tones();
    rig.command(Command::Play(list(1, true, 50)));
    let silent = speak(&mut rig, &five(5), 1);
    assert!(silent.is_some_and(|packet| packet <= 2), "{silent:?}: with the third packet of the tone at the latest");
    let heard = keys(&mut rig);
    assert!(matches!(heard[..], [Event::Key { key: '5', path: Path::InBand, .. }]), "{heard:?}");
}

#[test]
fn one_press_by_three_ways_is_one_key() {
    let mut rig = tones();
    let params = SessionParams { in_band: true, ..params(Codec::Pcma) };
    rig.session = Session::new(params, rig.now);
    speak(&mut rig, &five(3), 1); // what a gateway lets through before it sends the event
    rig.key(5, 480);
    rig.command(Command::KeyByInfo(Press { key: '5', held_ms: 100 }));
    let heard = keys(&mut rig);
    let expected = matches!(
        heard[..],
        [
            Event::Key { key: '5', path: Path::InBand, .. },
            Event::KeyAlso { key: '5', path: Path::Rfc4733 },
            Event::KeyAlso { key: '5', path: Path::Info },
        ]
    );
    assert!(expected, "{heard:?}");
    // and the next press of the same key is a new one
    rig.key(5, 4_000);
    assert!(matches!(keys(&mut rig)[..], [Event::Key { key: '5', path: Path::Rfc4733, .. }]));
}

#[test]
fn keys_come_by_info_alone() {
    let mut rig = Rig::new(Codec::Pcma);
    rig.command(Command::Play(list(1, true, 50)));
    for _ in 0..2 {
        rig.command(Command::KeyByInfo(Press { key: '*', held_ms: 120 }));
    }
    assert!(rig.tick().1.iter().all(|byte| *byte == Codec::Pcma.silence()));
    let heard = keys(&mut rig);
    assert!(
        matches!(heard[..], [Event::Key { path: Path::Info, .. }, Event::Key { path: Path::Info, .. }]),
        "{heard:?}"
    );
}

#[test]
fn sound_is_no_key_where_events_were_agreed_on() {
    let mut rig = Rig::new(Codec::Pcma);
    speak(&mut rig, &five(10), 1);
    assert!(keys(&mut rig).is_empty());
}
