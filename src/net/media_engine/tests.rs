//! The media plane on real loopback sockets, ports by the kernel. Waits are on packets and events only.

use super::*;
use crate::media::playout::Playlist;
use crate::media::prompt::Prompt;
use crate::media::recorder::{RecordParams, RecordingEnd};
use crate::media::rtcp;
use crate::media::rtp::{self, Header, ticks_between};
use crate::media::session::Recording;
use crate::media::tone::share;
use crate::media::{FRAME_SAMPLES, Frame};
use std::net::Ipv4Addr;
use std::path::Path;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

pub(super) const PATIENCE: Duration = Duration::from_secs(20);
pub(super) const KEYS: Option<u8> = Some(101);

pub(super) fn engine(folder: &Path) -> MediaEngine {
    engine_with(folder, |_| {})
}

pub(super) fn engine_with(folder: &Path, change: impl FnOnce(&mut MediaConfig)) -> MediaEngine {
    let mut config = MediaConfig::new(Ipv4Addr::LOCALHOST.into(), folder.join("recordings"));
    change(&mut config);
    MediaEngine::start(config).expect("an engine")
}

/// An open call and its events.
pub(super) struct Call {
    pub(super) handle: MediaHandle,
    pub(super) events: UnboundedReceiver<Event>,
}

impl Call {
    pub(super) fn open(engine: &MediaEngine) -> Call {
        let (sender, events) = unbounded_channel();
        Call { handle: engine.open(sender).expect("a call"), events }
    }

    /// Two calls that talk to each other.
    fn pair(engine: &MediaEngine) -> (Call, Call) {
        let (mut a, mut b) = (Call::open(engine), Call::open(engine));
        a.start(b.handle.local_addr());
        b.start(a.handle.local_addr());
        assert_eq!((a.next(), b.next()), (Event::FirstAudio, Event::FirstAudio));
        (a, b)
    }

    pub(super) fn start(&self, remote: SocketAddr) {
        self.start_with(remote, remote, 20);
    }

    pub(super) fn start_with(&self, remote: SocketAddr, rtcp: SocketAddr, packet_ms: u32) {
        self.handle.start(super::Peer {
            remote,
            rtcp,
            codec: Codec::Pcma,
            packet_ms,
            telephone_event: KEYS,
            receive_telephone_event: KEYS,
            comfort_noise: None,
            srtp: None,
        });
    }

    /// The next event but for the first sound and the quality at the end, which come with almost every test.
    pub(super) fn next(&mut self) -> Event {
        next(&mut self.events)
    }

    pub(super) fn play(&self, tag: u64, prompts: &[&Arc<Prompt>]) {
        self.handle.command(Command::Play(playlist(tag, prompts)));
    }

    fn press(&self, keys: &str) {
        self.handle.command(Command::SendKeys { keys: keys.to_owned(), press_ms: 80, gap_ms: 60 });
    }

    pub(super) fn record(&self, tag: u64, name: &str) {
        let max = Duration::from_secs(60);
        let params = RecordParams { tag, name: Some(name.to_owned()), max, stop_keys: vec!['#'], silence_end: None };
        self.handle.command(Command::Record(params));
    }
}

pub(super) fn next(events: &mut UnboundedReceiver<Event>) -> Event {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    loop {
        let event = runtime.block_on(async { tokio::time::timeout(PATIENCE, events.recv()).await });
        let event = event.expect("an event in time").expect("an open channel");
        if !matches!(event, Event::FirstSound | Event::Quality(_)) {
            return event;
        }
    }
}

pub(super) fn playlist(tag: u64, prompts: &[&Arc<Prompt>]) -> Playlist {
    Playlist { tag, prompts: prompts.iter().map(|prompt| Arc::clone(prompt)).collect(), barge_in: true, repeat: false }
}

/// A peer that is only a socket.
pub(super) struct Raw {
    pub(super) socket: UdpSocket,
}

impl Raw {
    pub(super) fn new() -> Raw {
        let socket = bind(Ipv4Addr::LOCALHOST.into(), 0).expect("a socket");
        socket.set_nonblocking(false).expect("blocking");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        Raw { socket }
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.socket.local_addr().expect("an address")
    }

    /// The next packet of RTP.
    pub(super) fn read(&self) -> (Header, Vec<u8>) {
        let mut datagram = [0; 2048];
        loop {
            let length = self.socket.recv(&mut datagram).expect("a packet in time");
            if !rtcp::is_rtcp(&datagram[..length]) {
                let packet = rtp::read(&datagram[..length]).expect("RTP");
                return (packet.header, packet.payload.to_vec());
            }
        }
    }

    pub(super) fn send(&self, to: &Call, payload_type: u8, sequence: u16, payload: &[u8]) {
        let timestamp = u32::from(sequence) * 160;
        let header = Header { marker: false, payload_type, sequence, timestamp, ssrc: 5 };
        let datagram = [&header.to_bytes(), payload].concat();
        self.socket.send_to(&datagram, to.handle.local_addr()).expect("sent");
    }

    /// Sends audio until the call has latched to this socket and says so.
    pub(super) fn greet(&self, call: &mut Call) {
        (1..=3).for_each(|sequence| self.send(call, 8, sequence, &[0xd5; 160]));
        assert_eq!(call.next(), Event::FirstAudio);
    }
}

pub(super) fn noise(seed: u32, frames: usize) -> Arc<Prompt> {
    let mut state = seed;
    let mut sample = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 18) as i16 + 10
    };
    let samples: Vec<i16> = (0..frames * FRAME_SAMPLES).map(|_| sample()).collect();
    Arc::new(Prompt::from_samples("en", &format!("noise{seed}"), "", &samples))
}

fn tone(hz: f64, seconds: f64) -> Arc<Prompt> {
    let sample = |index| (8_000.0 * (std::f64::consts::TAU * hz * f64::from(index) / 8_000.0).sin()) as i16;
    let samples: Vec<i16> = (0..(seconds * 8_000.0) as i32).map(sample).collect();
    Arc::new(Prompt::from_samples("en", "tone", "", &samples))
}

#[test]
fn prompts_arrive_frame_by_frame_without_a_gap() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let raw = Raw::new();
    let mut call = Call::open(&engine);
    let (a, b, c) = (noise(1, 20), noise(2, 7), noise(3, 5));
    call.play(1, &[&a, &b]); // before the start: it waits for it
    call.handle.command(Command::Enqueue(playlist(2, &[&c])));
    call.start(raw.addr());
    let expected: Vec<Frame> = [&a, &b, &c].iter().flat_map(|prompt| prompt.frames(Codec::Pcma)).copied().collect();
    let packets: Vec<(Header, Vec<u8>)> = (0..expected.len() + 3).map(|_| raw.read()).collect();
    for ((_, payload), frame) in packets.iter().zip(&expected) {
        assert_eq!(payload, frame);
    }
    assert!(packets[expected.len()..].iter().all(|(_, payload)| *payload == [0xd5; 160]), "then silence");
    let skipped = engine.stats().skipped_ticks;
    for pair in packets.windows(2) {
        assert_eq!(pair[1].0.sequence, pair[0].0.sequence.wrapping_add(1));
        assert_eq!(pair[1].0.ssrc, pair[0].0.ssrc);
        assert!(ticks_between(pair[0].0.timestamp, pair[1].0.timestamp) == 160 || skipped > 0);
    }
    let ended = |tag| Event::PlaybackEnded { tag, interrupted: false };
    assert_eq!([call.next(), call.next()], [ended(1), ended(2)]);
}

#[test]
fn keys_arrive_once_each_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let (mut a, mut b) = Call::pair(&engine);
    a.press("1099*#");
    let keys: String = (0..6).map(|_| if let Event::Key { key, .. } = b.next() { key } else { '?' }).collect();
    assert_eq!(keys, "1099*#");
    assert_eq!(a.next(), Event::KeysSent { sent: 6 });
    // had a key come twice, it would be here before what comes next
    b.play(9, &[&noise(1, 1)]);
    assert_eq!(b.next(), Event::PlaybackEnded { tag: 9, interrupted: false });
}

#[test]
fn a_key_stops_the_prompt() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let raw = Raw::new();
    let mut call = Call::open(&engine);
    call.start(raw.addr());
    raw.read(); // it has started: what comes before is thrown away
    raw.greet(&mut call);
    call.play(1, &[&noise(1, 5_000)]);
    while raw.read().1 == [0xd5; 160] {}
    for sequence in 20..23 {
        raw.send(&call, 101, sequence, &[5, 10, 0, 160]);
    }
    assert!(matches!(call.next(), Event::Key { key: '5', .. }));
    assert_eq!(call.next(), Event::PlaybackEnded { tag: 1, interrupted: true });
    while raw.read().1 != [0xd5; 160] {}
}

#[test]
fn a_recording_has_what_was_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let (mut a, mut b) = Call::pair(&engine);
    b.record(7, "suggestion");
    a.play(1, &[&tone(440.0, 1.2)]);
    assert_eq!(a.next(), Event::PlaybackEnded { tag: 1, interrupted: false });
    a.press("1#");
    assert!(matches!(b.next(), Event::Key { key: '1', .. }));
    assert!(matches!(b.next(), Event::Key { key: '#', .. }));
    let Event::RecordingEnded {
        tag: 7,
        why: RecordingEnd::Key('#'),
        recording: Recording::Saved { file, duration_ms },
    } = b.next()
    else {
        panic!("no recording");
    };
    assert_eq!(file, "suggestion.wav");
    let wav = hound::WavReader::open(folder.path().join("recordings").join(file)).expect("a WAV");
    assert_eq!((wav.spec().sample_rate, wav.spec().channels), (8_000, 1));
    assert_eq!(u64::from(wav.duration()) / 8, duration_ms);
    let samples: Vec<i16> = wav.into_samples().map(|sample| sample.expect("a sample")).collect();
    let loud: Vec<i16> = samples.into_iter().skip_while(|sample| sample.abs() < 1_000).take(9_600).collect();
    assert_eq!(loud.len(), 9_600);
    assert!(share(440.0, &loud[..8_000]).0 > 0.95, "{}", share(440.0, &loud[..8_000]).0);
    assert!(share(1_000.0, &loud[..8_000]).0 < 0.01);
}

#[test]
fn recordings_are_finished_when_the_call_or_the_engine_goes() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let (a, mut b) = Call::pair(&engine);
    let (mut c, d) = Call::pair(&engine);
    b.record(1, "hung-up");
    c.record(2, "shut-down");
    // sound between the keys, and the second one is the sign that it was recorded
    a.press("12");
    d.press("12");
    assert!(matches!((b.next(), c.next()), (Event::Key { .. }, Event::Key { .. })));
    assert!(matches!((b.next(), c.next()), (Event::Key { .. }, Event::Key { .. })));
    drop(b.handle);
    let saved = |event, tag| match event {
        Event::RecordingEnded { tag: of, why: RecordingEnd::Closed, recording: Recording::Saved { file, .. } } => {
            of == tag && folder.path().join("recordings").join(file).exists()
        }
        _ => false,
    };
    assert!(saved(next(&mut b.events), 1));
    drop(engine);
    assert!(saved(next(&mut c.events), 2));
    assert!(c.events.try_recv().is_err(), "the quality came before");
    drop((a, c.handle, d)); // handles may outlive the engine
}

#[test]
fn a_broken_disk_is_an_event() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let (a, mut b) = Call::pair(&engine);
    std::fs::remove_dir(folder.path().join("recordings")).expect("removed");
    b.record(1, "lost");
    a.press("1#");
    assert!(matches!((b.next(), b.next()), (Event::Key { .. }, Event::Key { .. })));
    assert!(matches!(b.next(), Event::RecordingEnded { tag: 1, recording: Recording::Failed { .. }, .. }));
}

#[test]
fn the_peer_is_found_on_another_port_and_lost_when_it_goes() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine_with(folder.path(), |config| config.rtp_timeout = Duration::from_millis(200));
    let (announced, real) = (Raw::new(), Raw::new());
    let mut call = Call::open(&engine);
    call.start(announced.addr());
    announced.read();
    real.greet(&mut call);
    real.read();
    real.socket.send_to(b"no RTP", call.handle.local_addr()).expect("sent");
    drop(real);
    assert_eq!(call.next(), Event::AudioLost);
    call.play(1, &[&noise(1, 3)]);
    assert_eq!(call.next(), Event::PlaybackEnded { tag: 1, interrupted: false });
    let stats = engine.stats();
    assert!(stats.refused > 0, "the closed port was noticed, and no more: {stats:?}");
    assert_eq!((stats.malformed, stats.socket_errors), (1, 0));
}

#[test]
fn many_calls_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine_with(folder.path(), |config| config.threads = 2);
    let mut pairs: Vec<(Call, Call)> = (0..50).map(|_| Call::pair(&engine)).collect();
    let prompt = noise(4, 25);
    for (index, (a, b)) in pairs.iter().enumerate() {
        a.play(index as u64, &[&prompt]);
        b.press("1#");
    }
    for (index, (a, b)) in pairs.iter_mut().enumerate() {
        assert!(
            matches!(
                (a.next(), a.next()),
                (Event::Key { key: '1', .. }, Event::PlaybackEnded { interrupted: true, .. })
            ),
            "{index}"
        );
        assert!(matches!(a.next(), Event::Key { key: '#', .. }));
        assert_eq!(b.next(), Event::KeysSent { sent: 2 });
    }
    let stats = engine.stats();
    assert_eq!((stats.calls, stats.malformed, stats.socket_errors), (100, 0, 0));
    assert!(stats.ticks >= stats.sent && stats.sent > 1_000 && stats.received > 1_000, "{stats:?}");
    drop(pairs);
    assert_eq!(engine.stats().calls, 0);
}

#[test]
fn limits_and_bad_settings_are_typed_errors() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine_with(folder.path(), |config| config.calls_per_thread = 1);
    assert_eq!(engine.granted().len(), 1);
    let first = Call::open(&engine);
    let (sender, _events) = unbounded_channel();
    assert!(matches!(engine.open(sender.clone()), Err(MediaError::Full { calls: 1 })));
    drop(first);
    assert!(engine.open(sender).is_ok());

    let start = |change: fn(&mut MediaConfig)| {
        let mut config = MediaConfig::new(Ipv4Addr::LOCALHOST.into(), folder.path().join("r"));
        change(&mut config);
        MediaEngine::start(config).err()
    };
    let odd = start(|config| (config.port_min, config.port_max) = (4_001, 4_001));
    assert!(matches!(odd, Some(MediaError::PortRange { min: 4_001, max: 4_001 })));
    assert!(matches!(
        start(|config| config.recordings_dir = "/dev/null/x".into()),
        Some(MediaError::Recordings { .. })
    ));
    let stranger = engine_with(folder.path(), |config| config.bind = Ipv4Addr::new(192, 0, 2, 1).into());
    let (sender, _events) = unbounded_channel();
    assert!(matches!(stranger.open(sender), Err(MediaError::Socket { .. })));
    assert_eq!(stranger.stats().calls, 0);
}

/// Calls of all packet lengths on one thread: each gets what it asked for, in its own time, and all of the prompt.
#[test]
fn packets_are_as_long_as_the_peer_wants_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let samples: Vec<i16> = (0..2_400).map(|n| (n % 97) * 100).collect();
    let prompt = Arc::new(Prompt::from_samples("en", "p", "", &samples));
    let calls: Vec<_> = [10, 20, 30, 40, 25].map(|packet_ms| (packet_ms, Call::open(&engine), Raw::new())).into();
    for (packet_ms, call, raw) in &calls {
        call.play(1, &[&prompt]);
        call.start_with(raw.addr(), raw.addr(), *packet_ms);
    }
    for (packet_ms, _call, raw) in &calls {
        let served = if *packet_ms == 25 { 20 } else { *packet_ms };
        let (mut heard, mut last) = (Vec::new(), None::<Header>);
        while heard.len() < samples.len() {
            let (header, payload) = raw.read();
            assert_eq!(payload.len() as u32, served * 8, "asked for {packet_ms} ms");
            assert!(last.is_none_or(|last| ticks_between(last.timestamp, header.timestamp) == served as i32 * 8));
            last = Some(header);
            heard.extend(payload);
        }
        assert_eq!(&heard[..samples.len()], prompt.bytes(Codec::Pcma), "asked for {packet_ms} ms");
    }
}
