//! One call's media session in virtual time: packets, reports, commands and ticks in any order, a second session at the other end of the bridge.

use super::input::Input;
use huifang::media::amd;
use huifang::media::bridge;
use huifang::media::dtmf::info;
use huifang::media::playout::Playlist;
use huifang::media::prompt::Prompt;
use huifang::media::recorder::RecordParams;
use huifang::media::rtcp::{self, Block, Outgoing, SenderInfo};
use huifang::media::rtp::{self, HEADER_LEN, Header};
use huifang::media::session::{Change, Command, Event, PACKET_LEN, RecordingOutput, Session, SessionParams};
use huifang::media::{Codec, SAMPLE_RATE};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

const OURS: u32 = 0x1234;
/// Steps of one input.
const STEPS: usize = 400;
/// The longest recording.
const LONGEST: Duration = Duration::from_secs(20);

static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);
static PROMPT: LazyLock<Arc<Prompt>> = LazyLock::new(|| Arc::new(Prompt::from_samples("en", "p", "", &[4_000; 700])));

/// Plays a script of bytes.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mut rig = Rig::new(input.byte());
    for _ in 0..STEPS {
        if input.is_empty() {
            break;
        }
        rig.step(&mut input);
        rig.drain();
    }
    rig.end();
}

fn params(kind: u8, ssrc: u32) -> SessionParams {
    SessionParams {
        codec: if kind & 1 == 0 { Codec::Pcma } else { Codec::Pcmu },
        packet_ms: [10, 20, 30, 40][usize::from(kind >> 1 & 3)],
        telephone_event: (kind & 8 == 0).then_some(101),
        receive_telephone_event: (kind & 16 != 0).then_some(96),
        in_band: kind & 32 != 0,
        comfort_noise: Some(97),
        ssrc,
        first_sequence: 65_534,
        first_timestamp: u32::MAX - 400,
        rtp_timeout: Duration::from_secs(5),
        one_way_after: Duration::from_secs(15),
        ntp: 7 << 32,
    }
}

struct Rig {
    session: Session,
    other: Session,
    now: Instant,
    /// Of the peer's stream.
    header: Header,
    /// The next sequence number of ours.
    next: Option<u16>,
    /// Of the recording that runs, and of the whole call's.
    recorded: [usize; 2],
}

impl Rig {
    fn new(kind: u8) -> Rig {
        let header = Header { marker: false, payload_type: 8, sequence: 0, timestamp: 0, ssrc: 77 };
        let (session, other) = (Session::new(params(kind, OURS), *EPOCH), Session::new(params(kind >> 1, 9), *EPOCH));
        Rig { session, other, now: *EPOCH, header, next: None, recorded: [0; 2] }
    }

    fn step(&mut self, input: &mut Input<'_>) {
        match input.byte() % 16 {
            0 => {
                let length = usize::from(input.byte());
                let _ = self.session.receive(input.piece(length), self.now);
            }
            1..=4 => self.packet(input),
            5..=7 => (0..input.byte() % 16 + 1).for_each(|_| self.tick()),
            8 => {
                let length = usize::from(input.byte());
                let _ = self.session.control(input.piece(length), self.now);
            }
            9 => self.report(input),
            10 | 11 => self.command(input),
            12 => self.now += Duration::from_millis(u64::from(input.word())),
            13 => self.session.skip(u32::from(input.byte())),
            14 => self.session.refused(self.now),
            _ => self.across(input),
        }
    }

    /// A packet of the peer's, most of them the next one of its stream.
    fn packet(&mut self, input: &mut Input<'_>) {
        let (kind, step, fill) = (input.byte(), input.byte(), input.byte());
        let length = if kind & 1 == 0 { 160 } else { usize::from(input.word()) % 2_000 };
        self.header.sequence = self.header.sequence.wrapping_add(1).wrapping_add_signed(i16::from(step as i8) / 4);
        let ticks = if kind & 2 == 0 { 160 } else { (i32::from(step as i8) << (kind >> 4)) as u32 };
        self.header.timestamp = self.header.timestamp.wrapping_add(ticks);
        self.header.marker = kind & 4 != 0;
        self.header.payload_type = [8, 0, 101, 96, 13, 97, 50, 8][usize::from(fill & 7)];
        if kind & 8 != 0 {
            self.header.ssrc = u32::from(step);
        }
        let payload = match self.header.payload_type {
            101 | 96 => vec![fill >> 3 & 15, step & 0x80, kind, step],
            _ => vec![fill; length],
        };
        let datagram = [&self.header.to_bytes(), payload.as_slice()].concat();
        let packet = rtp::read(&datagram).expect("a good packet");
        let _ = self.session.recognises(&packet);
        self.session.take(&packet, (kind & 16 != 0).then_some(self.now), self.now);
    }

    fn report(&mut self, input: &mut Input<'_>) {
        let kind = input.byte();
        let mut number = || u32::from(input.word()) << (kind & 15);
        let sender = (kind & 16 != 0).then(|| SenderInfo {
            ntp: u64::from(number()) << 32,
            timestamp: number(),
            packets: number(),
            octets: number(),
        });
        let block = (kind & 32 != 0).then(|| Block {
            ssrc: OURS,
            fraction_lost: kind,
            lost: number() as i32,
            highest: number(),
            jitter: number(),
            last_sr: number(),
            delay: number(),
        });
        let cname = b"0123456789abcdef";
        let (bytes, length) = Outgoing { ssrc: self.header.ssrc, sender, block, cname, bye: kind & 64 != 0 }.write();
        self.session.control(&bytes[..length], self.now).expect("a good report");
    }

    fn command(&mut self, input: &mut Input<'_>) {
        let (kind, more) = (input.byte(), input.byte());
        let list = || Playlist {
            tag: u64::from(more),
            prompts: vec![Arc::clone(&PROMPT); usize::from(more % 4)],
            barge_in: more & 16 != 0,
            repeat: more & 32 != 0,
        };
        let command = match kind % 13 {
            0 => Command::Play(list()),
            1 => Command::Enqueue(list()),
            2 => Command::Stop,
            3 => Command::Record(RecordParams {
                tag: 1,
                name: None,
                max: LONGEST.min(Duration::from_millis(u64::from(more) * 100)),
                stop_keys: vec!['#'],
                silence_end: (more & 1 != 0).then_some(Duration::from_secs(2)),
            }),
            4 => Command::StopRecording,
            5 => Command::RecordCall { tag: 2, name: None, longest: LONGEST },
            6 => Command::SendKeys {
                keys: "12#*x".get(..usize::from(more % 6)).unwrap_or("12").to_owned(),
                press_ms: u32::from(more) * 50,
                gap_ms: u32::from(more),
            },
            7 => {
                let (ours, theirs) = bridge::pair();
                self.other.handle(Command::Bridge(theirs), self.now);
                Command::Bridge(ours)
            }
            8 => Command::Unbridge,
            9 => match info::read("application/dtmf", &[b'0' + more % 10]) {
                Some(press) => Command::KeyByInfo(press),
                None => return,
            },
            10 => Command::Classify(amd::Params::default()),
            _ => Command::Change(Change {
                codec: if more & 1 == 0 { Codec::Pcma } else { Codec::Pcmu },
                telephone_event: (more & 2 == 0).then_some(101),
                receive_telephone_event: (more & 4 == 0).then_some(96),
                comfort_noise: None,
                may_send: more & 8 == 0,
                may_receive: more & 16 == 0,
            }),
        };
        assert!(!format!("{command:?}").contains("12#"), "keys show");
        self.session.handle(command, self.now);
    }

    /// Something happens at the other end of the bridge.
    fn across(&mut self, input: &mut Input<'_>) {
        let (kind, fill) = (input.byte(), input.byte());
        let payload = if kind & 1 == 0 { vec![fill; 160] } else { vec![fill & 15, 0, 1, 0] };
        let header = Header {
            marker: false,
            payload_type: if kind & 1 == 0 { 0 } else { 101 },
            sequence: u16::from(fill),
            timestamp: u32::from(kind) * 160,
            ssrc: 5,
        };
        let _ = self.other.receive(&[&header.to_bytes(), payload.as_slice()].concat(), self.now);
        let mut out = [0; PACKET_LEN];
        self.other.tick(self.now, &mut out);
    }

    fn tick(&mut self) {
        self.now += Duration::from_millis(u64::from(self.session.packet_ms()));
        let mut out = [0; PACKET_LEN];
        let length = self.session.tick(self.now, &mut out);
        if length > 0 {
            assert!((HEADER_LEN..=PACKET_LEN).contains(&length));
            let packet = rtp::read(&out[..length]).expect("our own packet");
            assert!(self.next.is_none_or(|next| next == packet.header.sequence), "no number is left out");
            assert_eq!(packet.header.ssrc, OURS);
            self.next = Some(packet.header.sequence.wrapping_add(1));
            self.session.sent(length);
        }
        if self.session.is_report_due(self.now) {
            self.own_report(false);
        }
    }

    fn own_report(&mut self, goodbye: bool) {
        let (bytes, length) = self.session.report(goodbye, self.now);
        let report = rtcp::read(&bytes[..length], self.header.ssrc).expect("our own report");
        assert_eq!((report.from, report.bye), (OURS, goodbye));
    }

    fn drain(&mut self) {
        while let Some(event) = self.session.poll_event() {
            if let Event::Quality(quality) = event {
                assert!(quality.mos_hundredths.is_none_or(|mos| (100..=450).contains(&mos)), "{quality:?}");
                assert!(quality.tx_lost_permille.is_none_or(|lost| lost <= 1000), "{quality:?}");
                assert!(!quality.line().contains("NaN"), "{quality:?}");
            }
        }
        while self.other.poll_event().is_some() {}
        let samples = |seconds: Duration| seconds.as_secs() as usize * SAMPLE_RATE as usize;
        while let Some(output) = self.session.poll_recording() {
            self.recorded[0] = after(self.recorded[0], &output);
            assert!(self.recorded[0] <= samples(LONGEST), "a recording longer than it may be");
        }
        while let Some(output) = self.session.poll_call_recording() {
            self.recorded[1] = after(self.recorded[1], &output);
            // two channels, and what was under way when it was full
            assert!(self.recorded[1] <= 2 * samples(LONGEST + Duration::from_secs(2)), "{:?}", self.recorded);
        }
    }

    fn end(mut self) {
        self.own_report(true);
        self.session.close();
        assert!(!self.session.is_bridged());
        self.drain();
    }
}

/// Samples of a recording, after what came of it.
fn after(before: usize, output: &RecordingOutput) -> usize {
    match output {
        RecordingOutput::Started { .. } => 0,
        RecordingOutput::Samples(samples) => before + samples.len(),
        RecordingOutput::Ended(_) => before,
    }
}
