//! The media of one call as one machine: what is sent in each tick, and what is made of what arrives. No socket, no clock. A tick is the time of one packet
//! that we send: [`SessionParams::packet_ms`].
//!
//! Inputs: [`Session::handle`] (commands), [`Session::receive`] (datagrams), [`Session::tick`] (once in the time of a packet; gives the packet to send), and
//! what the `control` part has (RTCP, what became of packets).
//! After any of them drain [`Session::poll_event`], [`Session::poll_recording`] and [`Session::poll_call_recording`]. Something is sent in every tick, silence when nothing plays:
//! that keeps NAT bindings open and the peer's clock running. Keys are reported always, also when nothing plays.

use super::amd::Classifier;
use super::bridge::Port;
use super::dtmf::rfc4733::{Sender, Step};
use super::playout::Playout;
use super::quality::{Hearing, Monitor};
use super::recorder::{Recorder, RecordingEnd};
use super::rtp::{self, HEADER_LEN, Header, Packet, RtpError, SendStream};
use super::{Codec, FRAME_SAMPLES, Frame, SAMPLE_RATE};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

mod control;
mod keys;
mod whole;
mod words;
pub use words::{Change, Command, Event, Listener, Recording, RecordingOutput};

/// The longest packet that we send, in ms.
pub const MAX_PACKET_MS: u32 = 40;
/// Room that [`Session::tick`] needs for a packet.
pub const PACKET_LEN: usize = HEADER_LEN + samples_of(MAX_PACKET_MS);
/// Longest payload that is taken for audio: 200 ms.
const MAX_AUDIO: usize = 10 * FRAME_SAMPLES;
/// Payload type of comfort noise (RFC 3389, RFC 3551 table 4).
const COMFORT_NOISE: u8 = 13;
/// No louder than this is digital silence: the lowest step of A-law.
const SILENCE: u16 = 8;
/// How long a key of the bridge is pressed, in ms, however long it was held: the packets of its end may be lost on the way to us.
const BRIDGED_PRESS_MS: u32 = 100;
/// Between two of them, in ms.
const BRIDGED_GAP_MS: u32 = 60;

/// What was negotiated, and where the stream that we send starts (random, RFC 3550 5.1).
#[derive(Clone, Copy, Debug)]
pub struct SessionParams {
    /// The codec to send; A-law and µ-law are both understood.
    pub codec: Codec,
    /// Audio in one packet that we send, in ms: 10, 20, 30 or 40; anything else becomes 20.
    pub packet_ms: u32,
    /// Payload type of telephone-events that we send.
    pub telephone_event: Option<u8>,
    /// Payload type in which we offered to receive them; a peer that answered with another number may use either (RFC 3264 5.1, 6.1).
    pub receive_telephone_event: Option<u8>,
    /// Keys are also looked for in the audio.
    pub in_band: bool,
    /// Payload type of comfort noise, where it is not the static 13.
    pub comfort_noise: Option<u8>,
    /// Our SSRC.
    pub ssrc: u32,
    /// Sequence number of the first packet.
    pub first_sequence: u16,
    /// Timestamp of the first packet.
    pub first_timestamp: u32,
    /// Without a packet, or a report of a peer that keeps silent, for this long the audio is lost.
    pub rtp_timeout: Duration,
    /// For how long the peer must be deaf until that is told; 0: never.
    pub one_way_after: Duration,
    /// The wall clock at the start, in the format of NTP (RFC 3550 4).
    pub ntp: u64,
}

#[derive(Debug)]
struct Pressing {
    sender: Sender,
    keys: usize,
    /// Pressed on the other side of the bridge; the owner did not ask for it.
    bridged: bool,
}

/// Audio of the bridge, which comes in frames, until a packet takes it.
#[derive(Debug)]
struct Spill {
    bytes: [u8; samples_of(MAX_PACKET_MS) + FRAME_SAMPLES],
    length: usize,
}

impl Default for Spill {
    fn default() -> Spill {
        Spill { bytes: [0; samples_of(MAX_PACKET_MS) + FRAME_SAMPLES], length: 0 }
    }
}

impl Spill {
    fn put(&mut self, frame: &Frame) {
        self.bytes[self.length..self.length + FRAME_SAMPLES].copy_from_slice(frame);
        self.length += FRAME_SAMPLES;
    }

    fn take(&mut self, room: &mut [u8]) -> usize {
        let taken = self.length.min(room.len());
        room[..taken].copy_from_slice(&self.bytes[..taken]);
        self.bytes.copy_within(taken..self.length, 0);
        self.length -= taken;
        taken
    }
}

/// The length of packet that is sent where `ms` is asked for: 10, 20, 30 and 40 ms are served, everybody else gets 20.
fn served(ms: u32) -> u32 {
    if matches!(ms, 10 | 20 | 30 | 40) { ms } else { super::FRAME_MS }
}

/// Samples in so many ms.
const fn samples_of(ms: u32) -> usize {
    (ms * SAMPLE_RATE / 1000) as usize
}

/// One call's media.
pub struct Session {
    params: SessionParams,
    stream: SendStream,
    playout: Playout,
    /// The next packet is marked: the first one, or the one after a stall.
    fresh: bool,
    /// Which ways audio may flow at present.
    may_send: bool,
    may_receive: bool,
    /// The last packet was no prompt: the next frame of one opens a talkspurt.
    quiet: bool,
    pressing: VecDeque<Pressing>,
    keys: keys::Keypad,
    recorder: Option<Recorder>,
    whole: whole::Whole,
    /// Who took the call, while that is listened for.
    classifier: Option<Box<Classifier>>,
    listener: Option<Box<dyn Listener>>,
    bridge: Option<Port>,
    /// What the bridge gave beyond the packets that went out.
    spill: Spill,
    heard_audio: bool,
    last_packet: Instant,
    lost: bool,
    monitor: Monitor,
    hearing: Hearing,
    events: VecDeque<Event>,
    recording: VecDeque<RecordingOutput>,
}

impl Session {
    /// A session that begins now, silent.
    pub fn new(params: SessionParams, now: Instant) -> Session {
        let params = SessionParams { packet_ms: served(params.packet_ms), ..params };
        Session {
            stream: SendStream::new(params.ssrc, params.first_sequence, params.first_timestamp),
            playout: Playout::new(params.codec),
            fresh: true,
            may_send: true,
            may_receive: true,
            quiet: true,
            pressing: VecDeque::new(),
            keys: keys::Keypad::new(params.in_band),
            recorder: None,
            whole: whole::Whole::default(),
            classifier: None,
            listener: None,
            bridge: None,
            spill: Spill::default(),
            heard_audio: false,
            last_packet: now,
            lost: false,
            monitor: Monitor::new(params.ssrc, params.ntp, params.first_timestamp, now),
            hearing: Hearing::default(),
            events: VecDeque::new(),
            recording: VecDeque::new(),
            params,
        }
    }

    /// Takes a command.
    pub fn handle(&mut self, command: Command, now: Instant) {
        match command {
            Command::Play(list) => self.playout.play(list),
            Command::Enqueue(list) => self.playout.enqueue(list),
            Command::Stop => self.playout.stop(),
            Command::Record(params) => {
                self.end_recording(RecordingEnd::Stopped);
                self.recording.push_back(RecordingOutput::Started { tag: params.tag, name: params.name.clone() });
                self.recorder = Some(Recorder::new(params, now));
            }
            Command::RecordCall { tag, name, longest } => self.record_call(tag, name, longest),
            Command::StopRecording => self.end_recording(RecordingEnd::Stopped),
            Command::SendKeys { keys, press_ms, gap_ms } => self.press(&keys, press_ms, gap_ms),
            Command::Listen(listener) => self.listener = Some(listener),
            Command::Bridge(port) => self.bridge = Some(port),
            Command::Unbridge => self.bridge = None,
            Command::KeyByInfo(press) => self.key_by_info(press, now),
            Command::Change(change) => self.change(change, now),
            Command::Classify(params) => self.classifier = Some(Box::new(Classifier::new(params))),
        }
        self.drain_playout();
    }

    /// A re-INVITE: the stream goes on, what is in it changes.
    fn change(&mut self, change: Change, now: Instant) {
        let Change { codec, telephone_event, receive_telephone_event, comfort_noise, may_send, may_receive } = change;
        self.params = SessionParams { codec, telephone_event, receive_telephone_event, comfort_noise, ..self.params };
        self.playout.change_codec(codec);
        if telephone_event.is_none() {
            // keys that can no longer be pressed must not keep the line silent
            let unsent = self.pressing.drain(..).filter(|pressing| !pressing.bridged).count();
            self.events.extend((0..unsent).map(|_| Event::KeysSent { sent: 0 }));
        }
        // after a hold the peer's jitter buffer begins anew
        self.fresh |= may_send && !self.may_send;
        (self.may_send, self.may_receive) = (may_send, may_receive);
        self.last_packet = now;
    }

    fn press(&mut self, keys: &str, press_ms: u32, gap_ms: u32) {
        let sender = Sender::new(keys, press_ms, gap_ms, self.params.packet_ms);
        let keys = sender.left();
        if keys == 0 || self.params.telephone_event.is_none() {
            self.events.push_back(Event::KeysSent { sent: 0 });
        } else {
            self.pressing.push_back(Pressing { sender, keys, bridged: false });
        }
    }

    /// Whether this is a packet of the session: RTP with one of its payload types. Decides whom to latch to.
    pub fn recognises(&self, packet: &Packet<'_>) -> bool {
        let payload_type = packet.header.payload_type;
        Codec::of_payload_type(payload_type).is_some() || self.is_key(payload_type) || self.is_noise(payload_type)
    }

    fn is_key(&self, payload_type: u8) -> bool {
        [self.params.telephone_event, self.params.receive_telephone_event].contains(&Some(payload_type))
    }

    fn is_noise(&self, payload_type: u8) -> bool {
        payload_type == COMFORT_NOISE || self.params.comfort_noise == Some(payload_type)
    }

    /// Takes one datagram.
    pub fn receive(&mut self, datagram: &[u8], now: Instant) -> Result<(), RtpError> {
        self.take(&rtp::read(datagram)?, None, now);
        Ok(())
    }

    /// Takes one packet that is read already (from SRTP). `arrived`: when the system got it, where that was asked for.
    pub fn take(&mut self, packet: &Packet<'_>, arrived: Option<Instant>, now: Instant) {
        let Packet { header, payload } = packet;
        if self.is_key(header.payload_type) {
            self.lives(header, None, now);
            self.key_packet(header, payload, now);
        } else if let Some(codec) = Codec::of_payload_type(header.payload_type) {
            self.lives(header, arrived, now);
            self.audio_packet(codec, header, payload, now);
        } else if self.is_noise(header.payload_type) {
            // it fills a pause of the peer's; the pause needs no filling here, recordings and bridges fill gaps themselves
            self.lives(header, arrived, now);
        }
    }

    fn lives(&mut self, header: &Header, arrived: Option<Instant>, now: Instant) {
        self.last_packet = now;
        self.monitor.heard(header, arrived);
    }

    fn audio_packet(&mut self, codec: Codec, header: &Header, payload: &[u8], now: Instant) {
        let timestamp = header.timestamp;
        if let Some(bridge) = &mut self.bridge {
            bridge.audio(codec, header, payload, now);
        }
        if !self.heard_audio {
            self.heard_audio = true;
            self.events.push_back(Event::FirstAudio);
        }
        if !self.monitor.has_sound() && payload.iter().any(|byte| codec.decode(*byte).unsigned_abs() > SILENCE) {
            self.monitor.sound();
            self.events.push_back(Event::FirstSound);
        }
        self.put_on_record(codec, timestamp, payload);
        let heard = self.listener.as_mut().and_then(|listener| listener.hear(codec, timestamp, payload));
        if let Some(prompt) = heard.map(str::to_owned) {
            self.events.push_back(Event::Heard { prompt, at: now });
        }
        if self.recorder.is_some() || self.keys.wants_audio() || self.classifier.is_some() {
            let frames = payload[..payload.len().min(MAX_AUDIO)].chunks(FRAME_SAMPLES);
            for (frame, number) in frames.zip(0..) {
                let mut samples = [0; FRAME_SAMPLES];
                for (sample, byte) in samples.iter_mut().zip(frame) {
                    *sample = codec.decode(*byte);
                }
                let at = timestamp.wrapping_add(number * FRAME_SAMPLES as u32);
                self.samples(at, &samples[..frame.len()], now);
            }
        }
    }

    /// The samples of an audio packet, 20 ms of it at a time, for those who need them.
    fn samples(&mut self, timestamp: u32, samples: &[i16], now: Instant) {
        if let Some(recorder) = &mut self.recorder {
            recorder.audio(timestamp, samples, now);
            self.recording.extend(recorder.take_chunk().map(RecordingOutput::Samples));
        }
        if let Some(key) = self.keys.tones(timestamp, samples) {
            self.key_by_tone(key, now);
        }
        self.classify(timestamp, samples);
    }

    fn classify(&mut self, timestamp: u32, samples: &[i16]) {
        let Some(classifier) = &mut self.classifier else { return };
        self.events.extend(classifier.audio(timestamp, samples).map(Event::Answerer));
        if !classifier.listens() {
            self.classifier = None;
        }
    }

    /// Writes the packet of this tick into `out`; its length, 0 while the far side holds the call and nothing is to be sent.
    pub fn tick(&mut self, now: Instant, out: &mut [u8; PACKET_LEN]) -> usize {
        self.check_time(now);
        let length = self.packet_samples();
        let clock = self.stream.timestamp();
        self.stream.advance(length as u32);
        let (head, audio) = out.split_at_mut(HEADER_LEN);
        let audio = &mut audio[..length];
        // taken also when it is not sent: what is said over a prompt or a key is not heard later
        let bridged = self.bridged(audio);
        if !self.may_send {
            self.put_sent_on_record(&[], length);
            return 0;
        }
        if let Some((header, payload)) = self.key_tick(clock) {
            self.quiet = true;
            self.fresh = false;
            self.put_sent_on_record(&[], length);
            head.copy_from_slice(&header.to_bytes());
            audio[..4].copy_from_slice(&payload);
            return HEADER_LEN + 4;
        }
        let filled = if self.pressing.is_empty() { self.audio(audio, bridged) } else { 0 };
        audio[filled..].fill(self.params.codec.silence());
        self.put_sent_on_record(audio, length);
        if let Some(classifier) = &mut self.classifier {
            classifier.sent(self.params.codec, audio);
        }
        self.drain_playout();
        // after silence a prompt opens a talkspurt (RFC 3551 4.1); peers set their jitter buffer anew there
        let marker = self.fresh || self.quiet && filled > 0;
        let header = self.stream.next_header(self.params.codec.payload_type(), marker, clock);
        head.copy_from_slice(&header.to_bytes());
        self.fresh = false;
        self.quiet = filled == 0;
        HEADER_LEN + length
    }

    /// A prompt into `room`, in place of the `bridged` bytes that are there; how many bytes are to be heard.
    fn audio(&mut self, room: &mut [u8], bridged: usize) -> usize {
        match self.playout.fill(room) {
            0 => bridged,
            prompts => prompts,
        }
    }

    /// Audio in one packet of ours, in ms.
    pub fn packet_ms(&self) -> u32 {
        self.params.packet_ms
    }

    /// Samples, and bytes of G.711, in one packet of ours.
    fn packet_samples(&self) -> usize {
        samples_of(self.params.packet_ms)
    }

    /// Puts what the other side of the bridge says into `room`; how much of it. Its keys are pressed from now on.
    fn bridged(&mut self, room: &mut [u8]) -> usize {
        let Some(bridge) = self.bridge.as_mut() else { return 0 };
        while let Some(key) = bridge.next_key() {
            if self.params.telephone_event.is_some() {
                let sender =
                    Sender::new(key.encode_utf8(&mut [0; 4]), BRIDGED_PRESS_MS, BRIDGED_GAP_MS, self.params.packet_ms);
                self.pressing.push_back(Pressing { sender, keys: 1, bridged: true });
            }
        }
        while self.spill.length < room.len() {
            let Some(frame) = bridge.next_frame(self.params.codec) else { break };
            self.spill.put(&frame);
        }
        self.spill.take(room)
    }

    /// Whether the call is joined to another one.
    pub fn is_bridged(&self) -> bool {
        self.bridge.is_some()
    }

    /// The clock ran on for so many ms in which nothing could be sent (the machine stood still).
    pub fn skip(&mut self, ms: u32) {
        self.stream.advance(ms.wrapping_mul(SAMPLE_RATE / 1000));
        self.put_sent_on_record(&[], samples_of(ms));
        self.fresh = true;
    }

    fn key_tick(&mut self, clock: u32) -> Option<(Header, [u8; 4])> {
        let payload_type = self.params.telephone_event?;
        while let Some(pressing) = self.pressing.front_mut() {
            match pressing.sender.step(clock) {
                Step::Packet { marker, timestamp, payload } => {
                    let header = self.stream.next_header(payload_type, marker, timestamp);
                    return Some((header, payload.to_bytes()));
                }
                Step::Pause => return None,
                Step::Done => {
                    if !pressing.bridged {
                        self.events.push_back(Event::KeysSent { sent: pressing.keys });
                    }
                    self.pressing.pop_front();
                }
            }
        }
        None
    }

    fn check_time(&mut self, now: Instant) {
        if !(self.may_send && self.may_receive) {
            self.last_packet = now; // who is on hold hears nothing, and that is no loss
        }
        if !self.lost && now.saturating_duration_since(self.last_packet) >= self.params.rtp_timeout {
            self.lost = true;
            self.events.push_back(Event::AudioLost);
        }
        if let Some(why) = self.recorder.as_ref().and_then(|recorder| recorder.ends_by_time(now)) {
            self.end_recording(why);
        }
    }

    fn drain_playout(&mut self) {
        while let Some(ended) = self.playout.poll_ended() {
            self.events.push_back(Event::PlaybackEnded { tag: ended.tag, interrupted: ended.interrupted });
        }
    }

    fn end_recording(&mut self, why: RecordingEnd) {
        let Some(recorder) = self.recorder.take() else { return };
        let rest = recorder.finish();
        if !rest.is_empty() {
            self.recording.push_back(RecordingOutput::Samples(rest));
        }
        self.recording.push_back(RecordingOutput::Ended(why));
    }

    /// The call is over: a recording that runs ends, and the quality is told.
    pub fn close(&mut self) {
        self.bridge = None;
        self.end_recording(RecordingEnd::Closed);
        self.end_call_recording(RecordingEnd::Closed);
        self.events.push_back(Event::Quality(self.monitor.quality()));
    }

    /// The next event for the owner.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The next thing for the writer of the recording.
    pub fn poll_recording(&mut self) -> Option<RecordingOutput> {
        self.recording.pop_front()
    }
}

#[cfg(test)]
mod bridge_tests;
#[cfg(test)]
mod change_tests;
#[cfg(test)]
mod packet_tests;
#[cfg(test)]
mod tests;
