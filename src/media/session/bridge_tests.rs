//! Two calls joined by a bridge, in virtual time: each side's packets as the peers send them and as they leave on the other side.

use super::tests::*;
use super::*;
use crate::media::bridge;
use crate::media::dtmf::fuse::Path;
use crate::media::playout::Playlist;
use crate::media::recorder::RecordParams;

/// Two bridged calls, of the customer and of the agent.
fn joined(customer: Codec, agent: Codec) -> (Rig, Rig) {
    let (mut a, mut b) = (Rig::new(customer), Rig::new(agent));
    let (left, right) = bridge::pair();
    a.command(Command::Bridge(left));
    b.command(Command::Bridge(right));
    assert!(a.session.is_bridged() && b.session.is_bridged());
    (a, b)
}

#[test]
fn each_hears_the_other_in_the_own_law() {
    for (customer, agent) in [(Codec::Pcma, Codec::Pcma), (Codec::Pcma, Codec::Pcmu), (Codec::Pcmu, Codec::Pcma)] {
        let (mut a, mut b) = joined(customer, agent);
        for index in 0..20u16 {
            a.arrives(customer.payload_type(), index, u32::from(index) * 160, false, &[customer.encode(4_000); 160]);
            b.arrives(agent.payload_type(), index, u32::from(index) * 160, false, &[agent.encode(-9_000); 160]);
            let (to_agent, to_customer) = (b.tick().1, a.tick().1);
            assert_eq!(to_agent, [customer.convert(customer.encode(4_000), agent); 160]);
            assert_eq!(to_customer, [agent.convert(agent.encode(-9_000), customer); 160]);
        }
        assert_eq!((a.events(), b.events()), (vec![Event::FirstAudio], vec![Event::FirstAudio]));
    }
}

#[test]
fn what_plays_comes_first_and_what_was_said_meanwhile_is_not_heard_later() {
    let (mut a, mut b) = joined(Codec::Pcma, Codec::Pcma);
    b.command(Command::Play(Playlist { repeat: true, ..list(1, false, 3) }));
    let mut sent = Vec::new();
    for index in 0..30u16 {
        if index == 20 {
            b.command(Command::Stop);
        }
        a.arrives(8, index, u32::from(index) * 160, false, &[index as u8; 160]);
        sent.push(b.tick().1[0]);
    }
    assert!(sent[..20].iter().all(|byte| *byte == Codec::Pcma.encode(4_000)));
    assert_eq!(sent[20..], (20..30).collect::<Vec<u8>>());
}

#[test]
fn a_key_is_told_here_and_pressed_there_and_its_sound_is_not_doubled() {
    let (mut a, mut b) = joined(Codec::Pcma, Codec::Pcmu);
    let mut far = Rig::new(Codec::Pcmu);
    let mut tones = 0;
    for index in 0..40u16 {
        let timestamp = u32::from(index) * 160;
        if (5..15).contains(&index) {
            a.arrives(101, 100 + index, 800, index == 5, &[7, 10, 0, 160]);
        }
        a.arrives(8, index, timestamp, false, &[if (5..15).contains(&index) { 0x11 } else { 0xd5 }; 160]);
        a.tick();
        let (header, payload) = b.tick();
        if header.payload_type == 101 {
            far.arrives(101, header.sequence, header.timestamp, header.marker, &payload);
        }
        tones += u32::from(header.payload_type == 0 && payload[0] == Codec::Pcma.convert(0x11, Codec::Pcmu));
    }
    assert_eq!(tones, 0);
    let at = far.now;
    assert_eq!(far.events(), [Event::Key { key: '7', at, path: Path::Rfc4733 }]);
    assert!(matches!(a.events()[..], [Event::FirstAudio, Event::Key { key: '7', .. }]));
    assert_eq!(b.events(), [], "nobody asked for the key, nobody is told that it was sent");
}

#[test]
fn a_peer_without_telephone_events_gets_no_key_and_loses_no_audio() {
    let (mut a, _) = joined(Codec::Pcma, Codec::Pcma);
    let now = epoch();
    let mut b = Rig { session: Session::new(SessionParams { telephone_event: None, ..params(Codec::Pcma) }, now), now };
    let (left, right) = bridge::pair();
    a.command(Command::Bridge(left));
    b.command(Command::Bridge(right));
    a.key(3, 500);
    a.now += Duration::from_millis(100);
    a.arrives(8, 2, 900, false, &[9; 160]);
    assert_eq!(b.tick().1, [9; 160]);
}

#[test]
fn the_bridge_ends_from_either_side_and_a_recording_goes_on() {
    let (mut a, mut b) = joined(Codec::Pcma, Codec::Pcma);
    let max = Duration::from_secs(60);
    a.command(Command::Record(RecordParams { tag: 1, name: None, max, stop_keys: vec!['#'], silence_end: None }));
    for index in 0..60u16 {
        match index {
            20 => b.command(Command::Unbridge),
            40 => a.session.close(),
            _ => {}
        }
        a.arrives(8, index, u32::from(index) * 160, false, &[3; 160]);
        let expected = if index < 20 { 3 } else { Codec::Pcma.silence() };
        assert_eq!(b.tick().1[0], expected, "{index}");
        assert_eq!(a.tick().1[0], Codec::Pcma.silence());
    }
    assert!(!a.session.is_bridged() && !b.session.is_bridged());
    let outputs = a.recording();
    assert_eq!(outputs.last(), Some(&RecordingOutput::Ended(RecordingEnd::Closed)));
    let samples: usize =
        outputs.iter().map(|out| if let RecordingOutput::Samples(samples) = out { samples.len() } else { 0 }).sum();
    assert_eq!(samples, 40 * 160);
}
