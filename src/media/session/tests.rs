//! One call's media in virtual time: packets out, packets in, events.

use super::*;
use crate::media::dtmf::fuse::Path;
use crate::media::playout::Playlist;
use crate::media::prompt::Prompt;
use crate::media::recorder::RecordParams;
use std::sync::Arc;

const EVENT_TYPE: u8 = 101;

/// The moment at which virtual time starts.
pub(super) fn epoch() -> Instant {
    Instant::now()
}

pub(super) fn params(codec: Codec) -> SessionParams {
    SessionParams {
        codec,
        packet_ms: 20,
        in_band: false,
        telephone_event: Some(EVENT_TYPE),
        receive_telephone_event: None,
        comfort_noise: Some(97),
        ssrc: 0x1234,
        first_sequence: 65_534,
        first_timestamp: u32::MAX - 400,
        rtp_timeout: Duration::from_secs(5),
        one_way_after: Duration::from_secs(15),
        ntp: 7 << 32,
    }
}

/// A session and its virtual clock.
pub(super) struct Rig {
    pub(super) session: Session,
    pub(super) now: Instant,
}

impl Rig {
    pub(super) fn new(codec: Codec) -> Rig {
        let now = epoch();
        Rig { session: Session::new(params(codec), now), now }
    }

    pub(super) fn tick(&mut self) -> (Header, Vec<u8>) {
        self.now += Duration::from_millis(20);
        let mut out = [0; PACKET_LEN];
        let length = self.session.tick(self.now, &mut out);
        let packet = rtp::read(&out[..length]).expect("our own packet");
        (packet.header, packet.payload.to_vec())
    }

    pub(super) fn command(&mut self, command: Command) {
        self.session.handle(command, self.now);
    }

    pub(super) fn arrives(&mut self, payload_type: u8, sequence: u16, timestamp: u32, marker: bool, payload: &[u8]) {
        let header = Header { marker, payload_type, sequence, timestamp, ssrc: 77 };
        let datagram = [&header.to_bytes(), payload].concat();
        self.session.receive(&datagram, self.now).expect("a good packet");
    }

    pub(super) fn key(&mut self, event: u8, timestamp: u32) {
        self.arrives(EVENT_TYPE, 1, timestamp, true, &[event, 10, 0, 160]);
    }

    /// All but the first sound, which comes with almost every test.
    pub(super) fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.session.poll_event()).filter(|event| *event != Event::FirstSound).collect()
    }

    pub(super) fn recording(&mut self) -> Vec<RecordingOutput> {
        std::iter::from_fn(|| self.session.poll_recording()).collect()
    }
}

fn prompt(level: i16, frames: usize) -> Arc<Prompt> {
    Arc::new(Prompt::from_samples("en", "p", "", &vec![level; frames * 160]))
}

pub(super) fn list(tag: u64, barge_in: bool, frames: usize) -> Playlist {
    Playlist { tag, barge_in, prompts: vec![prompt(4_000, frames)], repeat: false }
}

#[test]
fn something_is_sent_in_every_tick_with_contiguous_counters() {
    for codec in [Codec::Pcma, Codec::Pcmu] {
        let mut rig = Rig::new(codec);
        let mut sent = vec![rig.tick(), rig.tick()];
        rig.command(Command::Play(list(1, true, 2)));
        rig.command(Command::Enqueue(list(2, true, 1)));
        sent.extend((0..5).map(|_| rig.tick()));
        let loud: Vec<bool> = sent.iter().map(|(_, payload)| payload[0] != codec.silence()).collect();
        assert_eq!(loud, [false, false, true, true, true, false, false]);
        let markers: Vec<bool> = sent.iter().map(|(header, _)| header.marker).collect();
        assert_eq!(
            markers,
            [true, false, true, false, false, false, false],
            "the first packet, and a talkspurt after silence"
        );
        for pair in sent.windows(2) {
            assert_eq!(pair[1].0.sequence, pair[0].0.sequence.wrapping_add(1));
            assert_eq!(pair[1].0.timestamp, pair[0].0.timestamp.wrapping_add(160));
        }
        assert!(
            sent.iter().all(|(header, payload)| header.payload_type == codec.payload_type() && payload.len() == 160)
        );
        let ended = |tag| Event::PlaybackEnded { tag, interrupted: false };
        assert_eq!(rig.events(), [ended(1), ended(2)]);
    }
}

#[test]
fn a_key_silences_at_once_and_is_told_first() {
    let mut rig = Rig::new(Codec::Pcma);
    rig.command(Command::Play(list(1, true, 50)));
    rig.tick();
    rig.key(3, 9_000);
    let at = rig.now;
    assert_eq!(
        rig.events(),
        [Event::Key { key: '3', at, path: Path::Rfc4733 }, Event::PlaybackEnded { tag: 1, interrupted: true }]
    );
    assert_eq!(rig.tick().1, [Codec::Pcma.silence(); 160]);
}

#[test]
fn keys_are_kept_when_nothing_may_be_silenced_and_when_nothing_plays() {
    let mut rig = Rig::new(Codec::Pcma);
    rig.key(1, 1_000);
    rig.command(Command::Play(list(1, false, 50)));
    rig.tick();
    rig.key(10, 5_000);
    let keys: Vec<Event> = rig.events();
    assert!(matches!(keys[..], [Event::Key { key: '1', .. }, Event::Key { key: '*', .. }]), "{keys:?}");
    assert_ne!(rig.tick().1[0], Codec::Pcma.silence(), "it plays on");
}

#[test]
fn audio_is_first_once_and_lost_once() {
    let mut rig = Rig::new(Codec::Pcma);
    rig.arrives(0, 1, 0, false, &[1; 160]);
    rig.arrives(8, 2, 160, false, &[1; 160]);
    assert_eq!(rig.events(), [Event::FirstAudio]);
    for _ in 0..249 {
        rig.tick();
    }
    assert_eq!(rig.events(), []);
    for _ in 0..500 {
        rig.tick();
    }
    assert_eq!(rig.events(), [Event::AudioLost]);
    let mut deaf = Rig::new(Codec::Pcma);
    for second in 0..10 {
        (0..50).for_each(|_| drop(deaf.tick()));
        deaf.arrives(13, second, 0, false, &[30]); // comfort noise counts as life, a stranger's payload type does not
        deaf.arrives(96, second, 0, false, &[1; 160]);
    }
    assert_eq!(deaf.events(), []);
    assert!(deaf.session.receive(&[0; 20], deaf.now).is_err());
}

#[test]
fn a_recording_keeps_its_timing_and_ends_by_key() {
    let mut rig = Rig::new(Codec::Pcma);
    let record = RecordParams {
        tag: 4,
        name: Some("x".into()),
        max: Duration::from_secs(60),
        stop_keys: vec!['#'],
        silence_end: None,
    };
    rig.command(Command::Record(record));
    let byte = Codec::Pcma.encode(5_000);
    for index in (0..100u32).filter(|index| *index != 50) {
        rig.tick();
        rig.arrives(8, index as u16, index * 160, false, &[byte; 160]);
    }
    rig.key(1, 100 * 160);
    rig.key(11, 101 * 160);
    let outputs = rig.recording();
    assert_eq!(outputs[0], RecordingOutput::Started { tag: 4, name: Some("x".into()) });
    assert_eq!(outputs.last(), Some(&RecordingOutput::Ended(RecordingEnd::Key('#'))));
    let samples: Vec<i16> = outputs
        .into_iter()
        .flat_map(|output| if let RecordingOutput::Samples(samples) = output { samples } else { vec![] })
        .collect();
    assert_eq!(samples.len(), 16_000);
    assert!(samples[50 * 160..51 * 160].iter().all(|sample| *sample == 0), "the lost packet is silence");
    assert!(samples.iter().filter(|sample| **sample != 0).all(|sample| *sample == Codec::Pcma.decode(byte)));
}

#[test]
fn a_recording_ends_by_time_by_another_one_and_at_close() {
    let mut rig = Rig::new(Codec::Pcmu);
    let record = |tag, max| {
        Command::Record(RecordParams {
            tag,
            name: None,
            max: Duration::from_millis(max),
            stop_keys: vec![],
            silence_end: None,
        })
    };
    rig.command(record(1, 60));
    (0..3).for_each(|_| drop(rig.tick()));
    rig.command(record(2, 60_000));
    rig.command(record(3, 60_000));
    rig.session.close();
    rig.command(Command::StopRecording);
    let ends: Vec<RecordingEnd> = rig
        .recording()
        .into_iter()
        .filter_map(|output| if let RecordingOutput::Ended(why) = output { Some(why) } else { None })
        .collect();
    assert_eq!(ends, [RecordingEnd::MaxDuration, RecordingEnd::Stopped, RecordingEnd::Closed]);
}

#[test]
fn keys_go_out_in_place_of_audio_and_the_clock_runs_on() {
    let mut rig = Rig::new(Codec::Pcma);
    let mut other = Rig::new(Codec::Pcma);
    let start = rig.tick().0;
    rig.command(Command::SendKeys { keys: "10#".into(), press_ms: 100, gap_ms: 80 });
    for tick in 1..40 {
        let (header, payload) = rig.tick();
        assert_eq!(header.sequence, start.sequence.wrapping_add(tick));
        if header.payload_type == EVENT_TYPE {
            assert_eq!(payload.len(), 4);
            other.arrives(EVENT_TYPE, header.sequence, header.timestamp, header.marker, &payload);
        } else {
            let passed = rtp::ticks_between(start.timestamp, header.timestamp);
            assert_eq!(passed, i32::from(tick) * 160, "audio is stamped by the clock");
            assert!(!header.marker, "silence between keys is no talkspurt");
        }
    }
    let keys: String =
        other.events().iter().map(|event| if let Event::Key { key, .. } = event { *key } else { '?' }).collect();
    assert_eq!(keys, "10#");
    assert_eq!(rig.events(), [Event::KeysSent { sent: 3 }]);
}

#[test]
fn keys_come_in_the_payload_type_that_we_offered_when_the_answer_names_another() {
    let now = epoch();
    let params =
        SessionParams { telephone_event: Some(96), receive_telephone_event: Some(EVENT_TYPE), ..params(Codec::Pcma) };
    for payload_type in [96, EVENT_TYPE] {
        let mut rig = Rig { session: Session::new(params, now), now };
        rig.arrives(payload_type, 1, 4000, true, &[5, 10, 0, 160]);
        assert_eq!(rig.events(), [Event::Key { key: '5', at: now, path: Path::Rfc4733 }], "{payload_type}");
    }
}

#[test]
fn without_telephone_events_no_key_can_be_sent() {
    let now = epoch();
    let mut session = Session::new(SessionParams { telephone_event: None, ..params(Codec::Pcma) }, now);
    session.handle(Command::SendKeys { keys: "1".into(), press_ms: 100, gap_ms: 100 }, now);
    assert_eq!(session.poll_event(), Some(Event::KeysSent { sent: 0 }));
}

#[test]
fn a_stall_shows_in_the_timestamps_only() {
    let mut rig = Rig::new(Codec::Pcma);
    let before = rig.tick().0;
    rig.session.skip(1000);
    let after = rig.tick().0;
    assert_eq!(rtp::ticks_between(before.timestamp, after.timestamp), 51 * 160);
    assert_eq!(after.sequence, before.sequence.wrapping_add(1));
    assert!(after.marker);
}
