//! Browser calls with str0m as the page, on loopback sockets. Waits are on packets and events only.

use super::*;
use crate::media::rtp::Header;
use crate::media::{Codec, Frame, bridge};
use crate::net::media_engine::MediaConfig;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::format::{Codec as Format, FormatParams};
use str0m::media::{Direction, Frequency, MediaKind, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

const PATIENCE: Duration = Duration::from_secs(20);
const TICK: Duration = Duration::from_millis(20);
/// The page's number for telephone-events.
const KEYS: u8 = 101;

/// Browser calls on loopback, and a runtime to wait in.
pub(super) struct House {
    webrtc: WebRtc,
    runtime: tokio::runtime::Runtime,
    _folder: tempfile::TempDir,
}

impl House {
    pub(super) fn new(change: impl FnOnce(&mut WebRtcConfig)) -> House {
        let folder = tempfile::tempdir().expect("a folder");
        let media = MediaEngine::start(MediaConfig::new(Ipv4Addr::LOCALHOST.into(), folder.path().into()));
        let mut config = WebRtcConfig::new(Ipv4Addr::LOCALHOST.into());
        change(&mut config);
        let webrtc = WebRtc::start(config, Arc::new(media.expect("an engine"))).expect("browser calls");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        House { webrtc, runtime, _folder: folder }
    }

    fn answer(&self, offer: &str) -> Result<Call, WebRtcError> {
        let (port, other) = bridge::pair();
        let (sender, events) = unbounded_channel();
        let (answer, leg) = self.runtime.block_on(self.webrtc.answer(offer, port, sender))?;
        Ok(Call { answer, leg, port: other, events })
    }

    /// A page in a call that is connected.
    pub(super) fn connected(&self) -> (Page, Call) {
        let (mut page, offer) = Page::new(|config| config.enable_pcma(true, false).enable_pcmu(true, false));
        let mut call = self.answer(&offer).expect("an answer");
        page.accept(&call.answer);
        page.until(|page| page.connected);
        assert_eq!(self.next(&mut call), WebEvent::Connected);
        (page, call)
    }

    fn next(&self, call: &mut Call) -> WebEvent {
        let event = self.runtime.block_on(async { tokio::time::timeout(PATIENCE, call.events.recv()).await });
        event.expect("an event in time").expect("an open channel")
    }

    /// All peers are gone, and their places free.
    fn is_empty(&self) -> bool {
        let until = Instant::now() + PATIENCE;
        while self.webrtc.peers() > 0 && Instant::now() < until {
            std::thread::yield_now();
        }
        self.webrtc.peers() == 0
    }
}

/// Our side of a browser call.
pub(super) struct Call {
    answer: String,
    leg: WebLeg,
    /// The customer's end of the bridge.
    pub(super) port: Port,
    events: UnboundedReceiver<WebEvent>,
}

impl Call {
    pub(super) fn customer_says(&mut self, codec: Codec, sequence: u16, level: i16) {
        let header = Header { marker: false, payload_type: codec.payload_type(), sequence, timestamp: 0, ssrc: 1 };
        self.port.audio(codec, &header, &[codec.encode(level); 160], Instant::now());
    }
}

/// A page: what a browser does, without a browser.
pub(super) struct Page {
    rtc: Rtc,
    pub(super) socket: UdpSocket,
    mid: Mid,
    pending: Option<SdpPendingOffer>,
    sequence: u64,
    next_tick: Instant,
    /// What it says each 20 ms: payload type and payload.
    pub(super) says: Option<(u8, Vec<u8>)>,
    connected: bool,
    closed: bool,
    pub(super) heard: Vec<(u8, Vec<u8>)>,
}

impl Page {
    fn new(codecs: impl FnOnce(RtcConfig) -> RtcConfig) -> (Page, String) {
        Page::with(codecs, Direction::SendRecv)
    }

    fn with(codecs: impl FnOnce(RtcConfig) -> RtcConfig, direction: Direction) -> (Page, String) {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        socket.set_read_timeout(Some(Duration::from_millis(2))).expect("a time-out");
        let mut config = codecs(RtcConfig::new().set_rtp_mode(true).clear_codecs());
        let events = FormatParams { telephone_event_max: Some(15), ..FormatParams::default() };
        config.codec_config().add_config(Pt::from(KEYS), None, Format::Tele, Frequency::EIGHT_KHZ, None, events);
        let now = Instant::now();
        let mut rtc = config.build(now);
        rtc.add_local_candidate(Candidate::host(socket.local_addr().expect("an address"), "udp").expect("local"));
        let mut api = rtc.sdp_api();
        let mid = api.add_media(MediaKind::Audio, direction, None, None, None);
        let (offer, pending) = api.apply().expect("an offer");
        let page = Page {
            rtc,
            socket,
            mid,
            pending: Some(pending),
            sequence: 1,
            next_tick: now,
            says: None,
            connected: false,
            closed: false,
            heard: Vec::new(),
        };
        (page, offer.to_sdp_string())
    }

    fn accept(&mut self, answer: &str) {
        let answer = SdpAnswer::from_sdp_string(answer).expect("an answer");
        let pending = self.pending.take().expect("one offer");
        self.rtc.sdp_api().accept_answer(pending, answer).expect("accepted");
        self.drain();
    }

    /// Lives until `done`.
    fn until(&mut self, mut done: impl FnMut(&mut Page) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !done(self) {
            assert!(Instant::now() < until, "in time");
            self.step();
        }
    }

    pub(super) fn step(&mut self) {
        let mut datagram = [0; 2048];
        let read = self.socket.recv_from(&mut datagram).ok();
        let now = Instant::now();
        let local = self.socket.local_addr().expect("an address");
        let receive =
            read.and_then(|(length, from)| Receive::new(Protocol::Udp, from, local, &datagram[..length]).ok());
        let input = receive.map_or(Input::Timeout(now), |receive| Input::Receive(now, receive));
        self.rtc.handle_input(input).expect("no fault");
        self.drain();
        if self.connected && now >= self.next_tick {
            self.next_tick = now + TICK;
            self.say(now);
        }
    }

    fn say(&mut self, now: Instant) {
        let Some((payload_type, payload)) = self.says.clone() else { return };
        self.sequence += 1;
        let time = self.sequence as u32 * 160;
        let time = if payload_type == KEYS { 77 } else { time };
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx_by_mid(self.mid, None).expect("a stream");
        stream.write_rtp(RtpWrite::new(Pt::from(payload_type), self.sequence.into(), time, now, payload));
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            match self.rtc.poll_output().expect("no fault") {
                Output::Timeout(_) => return,
                Output::Transmit(transmit) => {
                    let _ = self.socket.send_to(&transmit.contents, transmit.destination);
                }
                Output::Event(Event::Connected) => self.connected = true,
                Output::Event(Event::Closed) => self.closed = true,
                Output::Event(Event::RtpPacket(packet)) => {
                    self.heard.push((*packet.header.payload_type, packet.payload.to_vec()));
                }
                Output::Event(_) => {}
            }
        }
    }

    fn hears(&self, codec: Codec, level: i16) -> bool {
        self.heard.iter().any(|(pt, payload)| *pt == codec.payload_type() && *payload == [codec.encode(level); 160])
    }

    fn hang_up(mut self) {
        self.rtc.close().expect("closed");
        self.drain();
    }
}

/// The address in an answer.
fn address(answer: &str) -> SocketAddr {
    let line = answer.lines().find(|line| line.starts_with("a=candidate:")).expect("a candidate");
    let words: Vec<&str> = line.split(' ').collect();
    SocketAddr::new(words[4].parse().expect("an address"), words[5].parse().expect("a port"))
}

#[test]
fn page_and_customer_hear_each_other_and_the_page_hangs_up() {
    let house = House::new(|_| {});
    let (mut page, mut call) = house.connected();
    page.says = Some((8, vec![Codec::Pcma.encode(3_000); 160]));
    let (mut sequence, mut heard): (u16, Option<Frame>) = (0, None);
    let mut next = Instant::now();
    page.until(|page| {
        if Instant::now() >= next {
            next += TICK;
            sequence += 1;
            call.customer_says(Codec::Pcmu, sequence, -5_000); // another law than the page's
            heard = call.port.next_frame(Codec::Pcma).or(heard);
        }
        let converted = Codec::Pcmu.convert(Codec::Pcmu.encode(-5_000), Codec::Pcma);
        heard.is_some() && page.heard.iter().any(|(pt, payload)| *pt == 8 && *payload == [converted; 160])
    });
    assert_eq!(heard, Some([Codec::Pcma.encode(3_000); 160]));
    page.hang_up();
    assert_eq!(house.next(&mut call), WebEvent::Ended(WebEnd::HungUp));
    assert!(call.events.blocking_recv().is_none(), "and nothing after it");
    assert!(house.is_empty() && call.port.is_alone());
}

#[test]
fn keys_go_both_ways_once_each() {
    let house = House::new(|_| {});
    let (mut page, mut call) = house.connected();
    page.says = Some((KEYS, vec![9, 0x8a, 3, 32]));
    let mut key = None;
    page.until(|_| {
        key = key.or(call.port.next_key());
        key.is_some()
    });
    assert_eq!((key, house.next(&mut call)), (Some('9'), WebEvent::Key('9')));
    page.says = None;
    call.port.key_packet(Some('4'), Instant::now());
    page.until(|page| page.heard.iter().any(|(pt, payload)| *pt == KEYS && payload[1] & 0x80 != 0));
    let pressed: Vec<u8> = page.heard.iter().filter(|(pt, _)| *pt == KEYS).map(|(_, payload)| payload[0]).collect();
    assert!(pressed.iter().all(|event| *event == 4), "{pressed:?}");
    page.hang_up();
    assert_eq!(house.next(&mut call), WebEvent::Ended(WebEnd::HungUp), "the key of the page was told once");
}

#[test]
fn the_page_chooses_the_law() {
    let house = House::new(|_| {});
    let (mut page, offer) = Page::new(|config| config.enable_pcmu(true, false));
    let mut call = house.answer(&offer).expect("an answer");
    page.accept(&call.answer);
    let mut sequence = 0;
    page.until(|page| {
        sequence += 1;
        call.customer_says(Codec::Pcmu, sequence, 2_000);
        page.hears(Codec::Pcmu, 2_000)
    });
    assert!(!call.answer.contains("PCMA"), "{}", call.answer);
    assert!(call.answer.contains("a=ice-lite") && call.answer.matches("a=candidate:").count() == 1);
}

#[test]
fn who_drops_the_leg_hangs_up() {
    let house = House::new(|_| {});
    let (mut page, mut call) = house.connected();
    drop(call.leg);
    page.until(|page| page.closed);
    let last = house.runtime.block_on(call.events.recv());
    assert_eq!(last, Some(WebEvent::Ended(WebEnd::Closed)));
    assert!(house.is_empty());
    let (mut page, call) = house.connected();
    drop(house.webrtc); // the engine stops
    page.until(|page| page.closed);
    let mut events = call.events;
    assert_eq!(house.runtime.block_on(events.recv()), Some(WebEvent::Ended(WebEnd::Closed)));
}

#[test]
fn pages_that_vanish_or_never_come_are_given_up() {
    let house = House::new(|config| config.silence = Duration::from_millis(400));
    let (page, mut call) = house.connected();
    drop(page);
    assert_eq!(house.next(&mut call), WebEvent::Ended(WebEnd::Vanished));
    assert!(house.is_empty());

    let house = House::new(|config| config.setup = Duration::from_millis(100));
    let (_page, offer) = Page::new(|config| config.enable_pcma(true, false));
    let mut call = house.answer(&offer).expect("an answer");
    assert_eq!(house.next(&mut call), WebEvent::Ended(WebEnd::NotConnected));
    assert!(house.is_empty());
}

#[test]
fn junk_and_strangers_do_no_harm() {
    let house = House::new(|_| {});
    let (mut page, offer) = Page::new(|config| config.enable_pcma(true, false));
    let mut call = house.answer(&offer).expect("an answer");
    let (to, stranger) = (address(&call.answer), UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket"));
    let mut state = 1u32;
    let mut junk = |from: &UdpSocket| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let length = (state >> 21) as usize % 1_500;
        // STUN, DTLS, RTP and RTCP by their first byte, and what is none of them
        let first = [0, 1, 20, 22, 23, 63, 128, 144, 200, 255][state as usize % 10];
        let datagram: Vec<u8> =
            (0..length).map(|index| if index == 0 { first } else { (state >> (index % 24)) as u8 }).collect();
        let _ = from.send_to(&datagram, to);
    };
    (0..500).for_each(|_| junk(&stranger));
    page.accept(&call.answer);
    page.until(|page| {
        (0..5).for_each(|_| junk(&stranger));
        page.connected
    });
    page.says = Some((8, vec![Codec::Pcma.encode(800); 160]));
    let mut heard = 0;
    page.until(|page| {
        junk(&stranger);
        junk(&page.socket); // also from the page's own address
        heard += usize::from(call.port.next_frame(Codec::Pcma) == Some([Codec::Pcma.encode(800); 160]));
        heard > 50
    });
    assert_eq!(house.next(&mut call), WebEvent::Connected);
    page.hang_up();
    assert_eq!(house.next(&mut call), WebEvent::Ended(WebEnd::HungUp));
}

#[test]
fn offers_that_cannot_be_used_are_typed_errors_without_a_word_of_them() {
    let house = House::new(|config| config.peers = 1);
    let (_, good) = Page::new(|config| config.enable_pcma(true, false));
    let (_, opus) = Page::new(|config| config.enable_opus(true, false));
    let (_, one_way) = Page::with(|config| config.enable_pcma(true, false), Direction::SendOnly);
    let video = good.replace("m=audio", "m=video");
    let two = format!("{good}m=video 9 UDP/TLS/RTP/SAVPF 96\r\n");
    let bare: String =
        good.lines().filter(|line| !line.contains("fingerprint")).map(|line| format!("{line}\r\n")).collect();
    let long = format!("{good}{}", "a=x-secret:1\r\n".repeat(10_000));
    let cases = [
        (String::new(), OfferProblem::NotOneAudio),
        ("m=audio secret".to_owned(), OfferProblem::Malformed),
        (long, OfferProblem::TooLong),
        (video, OfferProblem::NotOneAudio),
        (two, OfferProblem::NotOneAudio),
        (bare, OfferProblem::Malformed),
        (opus, OfferProblem::NoG711),
        (one_way, OfferProblem::OneWay),
    ];
    for (offer, problem) in cases {
        let error = house.answer(&offer).map(|call| call.answer).expect_err("refused");
        assert!(matches!(&error, WebRtcError::Offer(found) if *found == problem), "{problem:?}: {error}");
        assert!(!error.to_string().contains("secret"));
        assert!(house.is_empty(), "the place is free again");
    }
    let _call = house.answer(&good).expect("an answer");
    assert!(matches!(house.answer(&good).map(drop), Err(WebRtcError::Full { peers: 1 })));
}
