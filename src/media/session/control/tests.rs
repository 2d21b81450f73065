//! Reports, comfort noise and silence in virtual time.

use crate::media::Codec;
use crate::media::bridge;
use crate::media::quality::Hearing;
use crate::media::recorder::RecordParams;
use crate::media::rtcp::{self, Block, Outgoing, SenderInfo};
use crate::media::session::tests::Rig;
use crate::media::session::{Command, Event, RecordingOutput};
use std::time::Duration;

const PEER: u32 = 77; // whose packets a rig gets

/// The peer's report: how much it has sent, and the highest number of ours that it has heard.
fn report(rig: &mut Rig, sent: Option<u32>, highest: Option<u32>) {
    let sender = sent.map(|packets| SenderInfo { ntp: 9, timestamp: 0, packets, octets: packets * 160 });
    let block = highest.map(|highest| Block {
        ssrc: 0x1234,
        fraction_lost: 0,
        lost: 0,
        highest,
        jitter: 0,
        last_sr: 0,
        delay: 0,
    });
    let (bytes, length) = Outgoing { ssrc: PEER, sender, block, cname: b"0123456789abcdef", bye: false }.write();
    rig.session.control(&bytes[..length], rig.now).expect("a report");
}

/// Some seconds pass, all packets leave; `each` comes at the end of every fourth.
fn pass(rig: &mut Rig, seconds: u32, mut each: impl FnMut(&mut Rig)) {
    for tick in 1..=seconds * 50 {
        rig.tick();
        rig.session.sent(172);
        if tick % 200 == 0 {
            each(rig);
        }
    }
}

#[test]
fn a_peer_that_suppresses_silence_lives_by_its_reports() {
    let mut rig = Rig::new(Codec::Pcma);
    rig.arrives(8, 1, 160, true, &[0x2a; 160]);
    assert_eq!(rig.events(), [Event::FirstAudio]);
    let mut ours = 0;
    // it says nothing for 30 s and reports each 4.98 s; nothing is lost by the time-out of 5 s
    for _ in 0..6 {
        (0..249).for_each(|_| drop(rig.tick()));
        ours += 249;
        report(&mut rig, Some(1), Some(ours));
    }
    assert_eq!(rig.events(), []);
    (0..249).for_each(|_| drop(rig.tick()));
    assert_eq!(rig.events(), []);
    // its reports say that it sends, and nothing comes: that is no silence
    report(&mut rig, Some(250), Some(2_000));
    (0..2).for_each(|_| drop(rig.tick()));
    assert_eq!(rig.events(), [Event::AudioLost]);
}

#[test]
fn comfort_noise_is_life_and_no_audio() {
    for payload_type in [13, 97] {
        let mut rig = Rig::new(Codec::Pcma);
        for second in 0..20u16 {
            (0..50).for_each(|_| drop(rig.tick()));
            rig.arrives(payload_type, second, u32::from(second) * 8_000, false, &[30]);
        }
        assert_eq!(rig.events(), [], "{payload_type}");
        rig.session.close();
        let Some(Event::Quality(quality)) = rig.session.poll_event() else { panic!("no quality") };
        assert_eq!((quality.rx_packets, quality.rx_lost, quality.silent), (20, 0, true));
    }
}

#[test]
fn a_pause_with_comfort_noise_is_a_pause_of_its_length_in_recording_and_bridge() {
    let (mut rig, mut other) = (Rig::new(Codec::Pcma), Rig::new(Codec::Pcma));
    let (left, right) = bridge::pair();
    rig.command(Command::Bridge(left));
    other.command(Command::Bridge(right));
    let max = Duration::from_secs(60);
    let record = RecordParams { tag: 1, name: None, max, stop_keys: vec![], silence_end: None };
    rig.command(Command::Record(record));
    let said = [Codec::Pcma.encode(5_000); 160];
    let mut heard = 0;
    // half a second of speech, a description of the noise and nothing for a second, speech again
    for index in (0..25).chain(75..100u16) {
        if index == 75 {
            rig.arrives(13, 25, 25 * 160, false, &[30]);
            (0..50).for_each(|_| drop((rig.tick(), other.tick())));
        }
        let sequence = if index < 25 { index } else { index - 49 };
        rig.arrives(8, sequence, u32::from(index) * 160, index == 75, &said);
        rig.tick();
        heard += u32::from(other.tick().1 == said);
    }
    assert_eq!(heard, 50, "the other side of the bridge hears each frame, and nothing else");
    rig.command(Command::StopRecording);
    let samples: Vec<i16> = rig
        .recording()
        .into_iter()
        .flat_map(|output| if let RecordingOutput::Samples(samples) = output { samples } else { vec![] })
        .collect();
    assert_eq!(samples.len(), 100 * 160);
    assert!(samples[25 * 160..75 * 160].iter().all(|sample| *sample == 0));
    rig.session.close();
    let quality = rig.events().into_iter().find_map(|event| match event {
        Event::Quality(quality) => Some(quality),
        _ => None,
    });
    assert_eq!(quality.map(|quality| (quality.rx_packets, quality.rx_lost)), Some((51, 0)));
}

#[test]
fn digital_silence_is_no_sound() {
    for (codec, silence) in [(Codec::Pcma, [0xd5, 0x55]), (Codec::Pcmu, [0xff, 0x7f])] {
        let mut rig = Rig::new(codec);
        for sequence in 0..100u16 {
            let payload = [silence[usize::from(sequence % 2)]; 160];
            rig.arrives(codec.payload_type(), sequence, u32::from(sequence) * 160, false, &payload);
        }
        assert_eq!(rig.session.poll_event(), Some(Event::FirstAudio));
        assert_eq!(rig.session.poll_event(), None);
        let mut word = [silence[0]; 160];
        word[80] = codec.encode(400);
        rig.arrives(codec.payload_type(), 100, 16_000, false, &word);
        rig.arrives(codec.payload_type(), 101, 16_160, false, &word);
        assert_eq!(rig.session.poll_event(), Some(Event::FirstSound));
        assert_eq!(rig.session.poll_event(), None, "once");
    }
}

#[test]
fn a_deaf_peer_is_told_once_and_when_it_hears_again() {
    let mut rig = Rig::new(Codec::Pcma);
    rig.arrives(8, 1, 160, true, &[0x2a; 160]);
    let mut sequence = 1;
    let mut alive = |rig: &mut Rig, highest| {
        sequence += 1;
        rig.arrives(8, sequence, 160 * u32::from(sequence), false, &[0x2a; 160]);
        report(rig, Some(u32::from(sequence)), Some(highest));
    };
    pass(&mut rig, 8, |rig| alive(rig, 65_600));
    assert_eq!(rig.events(), [Event::FirstAudio], "the first report, and one that repeats it");
    pass(&mut rig, 16, |rig| alive(rig, 65_600));
    assert_eq!(rig.events(), [Event::Hearing(Hearing::Deaf)]);
    pass(&mut rig, 8, |rig| alive(rig, 65_600));
    assert_eq!(rig.events(), []);
    pass(&mut rig, 4, |rig| alive(rig, 67_000));
    assert_eq!(rig.events(), [Event::Hearing(Hearing::Heard)]);
}

#[test]
fn a_port_that_refuses_is_told_and_what_is_no_rtcp_is_an_error() {
    let mut rig = Rig::new(Codec::Pcma);
    assert!(rig.session.control(&[0x80, 200, 0, 9], rig.now).is_err());
    for second in 0..=15 {
        pass(&mut rig, 1, |_| {});
        rig.arrives(8, second, 8_000 * u32::from(second), false, &[0x2a; 160]);
        rig.session.refused(rig.now);
    }
    assert_eq!(rig.events(), [Event::FirstAudio, Event::Hearing(Hearing::Deaf)]);
}

#[test]
fn our_reports_tell_what_left_and_what_came() {
    let mut rig = Rig::new(Codec::Pcma);
    for sequence in 10..20u16 {
        rig.tick();
        rig.session.sent(172);
        rig.arrives(8, sequence, 160 * u32::from(sequence), false, &[0x2a; 160]);
    }
    let (bytes, length) = rig.session.report(false, rig.now);
    let read = rtcp::read(&bytes[..length], PEER).expect("RTCP");
    let sender = read.sender.expect("a sender");
    assert_eq!((read.from, sender.packets, sender.octets), (0x1234, 10, 1_600));
    assert_eq!(sender.ntp >> 32, 7, "200 ms after the start");
    let next = rig.tick().0.timestamp;
    assert_eq!(sender.timestamp, next, "the clock of the stream at that moment");
    assert_eq!(read.block.map(|block| (block.highest, block.lost)), Some((19, 0)));
    let (bytes, length) = rig.session.report(true, rig.now);
    assert!(rtcp::read(&bytes[..length], PEER).expect("RTCP").bye);
}
