//! The SIP endpoint under a script of datagrams, wishes and passing time: records that are parted by NUL, each a letter and what belongs to it (docs/fuzzing.md).
//! Whatever comes: what it writes can be read, little leaves for what came, what it holds is bounded, each session ends once, and nothing is left at the end.

use super::sip::WIDE;
use huifang::sip::auth::{Credentials, HashAlgorithm, answer_challenges, ha1};
use huifang::sip::endpoint::{
    DoorConfig, Endpoint, EndpointConfig, Errand, Extensions, IncomingPolicy, Invite, Load, Prack, Redirects, Refer,
    Strangers,
};
use huifang::sip::hop::{Hop, Transport};
use huifang::sip::message::{Limits, Message, Method};
use huifang::sip::registrar::{RegistrarConfig, RegistrarUser};
use huifang::sip::session::{HangupReason, SessionEvent, SessionId};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

const SDP: &[u8] =
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";
const PEER: &str = "192.0.2.9:5080";
const OTHER: &str = "192.0.2.8:5080";
/// Server transactions that strangers may hold.
const STRANGERS: usize = 16;
/// Records of one input that are looked at.
const RECORDS: usize = 64;
/// More does not leave for one input, whatever it is.
const LEAVES: usize = 12;
/// Bindings that one user may hold.
const CONTACTS: usize = 3;

/// Where virtual time begins.
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Plays a script.
pub fn run(data: &[u8]) {
    let strangers = data.starts_with(b"s\0");
    let mut desk = Desk::new(strangers);
    for record in data.split(|byte| *byte == 0).take(RECORDS) {
        if let Some((letter, rest)) = record.split_first() {
            desk.perform(*letter, rest);
            desk.drain();
        }
    }
    desk.end();
}

struct Desk {
    endpoint: Endpoint,
    now: Instant,
    /// Sessions, and whether they are over.
    sessions: BTreeMap<SessionId, bool>,
    /// Our last request, and all bytes of it.
    request: Option<(Message, Vec<u8>)>,
    response: Option<Message>,
    records: usize,
    /// OPTIONS that we wished for: each is repeated in its own time, which may be the same.
    errands: usize,
    /// The datagram that came last was no message.
    unreadable: bool,
    /// Nobody is known, and nobody has been called or has proved anything: bytes that came and that left, for each address.
    strangers: Option<BTreeMap<IpAddr, (usize, usize)>>,
}

fn peer(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

impl Desk {
    fn new(strangers: bool) -> Desk {
        let door = DoorConfig { strangers: Strangers::Refuse, rate: 1_000.0, ban_after: 0, ..DoorConfig::default() };
        let config = EndpointConfig {
            incoming: IncomingPolicy::Accept,
            registrar: Some(RegistrarConfig { max_contacts: CONTACTS, ..RegistrarConfig::new("r") }),
            max_server_transactions: STRANGERS,
            door: strangers.then_some(door),
            ..EndpointConfig::new(peer("192.0.2.1:5070"), "fuzz")
        };
        let mut endpoint = Endpoint::new(config, Box::new(ChaCha12Rng::seed_from_u64(7)));
        let hash = |algorithm| ha1(algorithm, "1001", "r", "secret").into();
        endpoint.set_registrar_users(&[RegistrarUser {
            user: "1001".to_owned(),
            ha1_md5: hash(HashAlgorithm::Md5 { sess: false }),
            ha1_sha256: hash(HashAlgorithm::Sha256 { sess: false }),
        }]);
        let (sessions, now) = (BTreeMap::new(), *EPOCH);
        let strangers = strangers.then(BTreeMap::new);
        Desk {
            endpoint,
            now,
            sessions,
            request: None,
            response: None,
            records: 0,
            errands: 0,
            unreadable: false,
            strangers,
        }
    }

    fn perform(&mut self, letter: u8, rest: &[u8]) {
        self.records += 1;
        let last = self.sessions.keys().next_back().copied();
        let text = String::from_utf8_lossy(rest);
        let number = |most: u64| {
            let digits: String = text.chars().take_while(char::is_ascii_digit).take(9).collect();
            digits.parse::<u64>().unwrap_or(0).min(most)
        };
        if matches!(letter, b'c' | b'e' | b'g') {
            self.strangers = None;
        }
        match (letter, last) {
            (b'c', _) => self.call(rest.first().copied().unwrap_or(0)),
            (b'd', _) => {
                let bytes = self.filled(rest);
                self.datagram(peer(PEER).into(), &bytes);
            }
            (b'D', _) => {
                let bytes = self.filled(rest);
                self.datagram(Hop::new(Transport::Tcp, peer(OTHER)), &bytes);
            }
            (b'p', _) => self.respond(rest),
            (b'q', _) => self.ask(rest),
            (b'g', _) => self.register(rest),
            (b'h', Some(id)) => self.endpoint.hangup(self.now, id, HangupReason::Normal),
            (b'a', Some(id)) => self.endpoint.accept(self.now, id, SDP.to_vec()),
            (b'r', Some(id)) => {
                let status = 100 + number(99) as u16 % 100;
                self.endpoint.ring(self.now, id, status, (status == 183).then(|| SDP.to_vec()));
            }
            (b'x', Some(id)) => {
                self.endpoint.reject(
                    self.now,
                    id,
                    300 + number(699) as u16 % 400,
                    vec![("Retry-After".into(), "3".into())],
                );
            }
            (b'o', Some(id)) => self.endpoint.answer_offer(self.now, id, Some(SDP.to_vec())),
            (b'n', Some(id)) => self.endpoint.answer_offer(self.now, id, None),
            (b'f', Some(id)) => {
                let to = "sip:8001@pbx.example".parse().expect("a URI");
                self.endpoint.refer(self.now, id, Refer { to, replaces: (text.len() > 1).then_some(id) });
            }
            (b't', _) => self.pass(number(400_000)),
            (b'u', _) => self.endpoint.handle_unreachable(self.now, peer(PEER)),
            (b'b', _) => self.endpoint.handle_broken(Hop::new(Transport::Tcp, peer(OTHER))),
            (b'v', _) => {
                let bytes = self.request.as_ref().map(|(_, bytes)| bytes.clone()).unwrap_or_default();
                self.endpoint.handle_undelivered(self.now, &bytes);
            }
            (b'e', _) => {
                self.errands += 1;
                self.errand();
            }
            _ => {}
        }
    }

    fn datagram(&mut self, from: Hop, bytes: &[u8]) {
        if let Some(strangers) = &mut self.strangers {
            strangers.entry(from.ip()).or_default().0 += bytes.len();
        }
        self.unreadable = Message::parse(bytes, &Limits::default()).is_err();
        self.endpoint.handle_datagram(self.now, from, bytes);
    }

    fn call(&mut self, kind: u8) {
        let target = "sip:+8613800000001@trunk.example".parse().expect("a URI");
        let secret = Credentials { username: "1001".to_owned(), password: "secret".into() };
        let id = self.endpoint.invite(
            self.now,
            Invite {
                target,
                next_hop: if kind & 1 == 0 { peer(PEER).into() } else { Hop::new(Transport::Tcp, peer(OTHER)) },
                others: if kind & 2 == 0 { Vec::new() } else { vec![peer(OTHER).into()] },
                large_by_tcp: kind & 4 != 0,
                from: "\"Dealer\" <sip:4001@dealer.example>".parse().expect("a name-addr"),
                credentials: (kind & 8 != 0).then_some(secret),
                headers: Vec::new(),
                extensions: Extensions {
                    prack: if kind & 16 == 0 { Prack::Supported } else { Prack::Required },
                    session_expires: (kind & 32 == 0).then_some(1_800),
                    redirects: Redirects { most: kind >> 6, hosts: vec![peer(OTHER).ip(), peer(PEER).ip()] },
                },
                offer: SDP.to_vec(),
                ring_timeout: Duration::from_secs(30),
            },
        );
        self.sessions.insert(id, false);
    }

    fn errand(&mut self) {
        let uri = || "sip:trunk.example".parse().expect("a URI");
        self.endpoint.errand(
            self.now,
            Errand {
                method: Method::Options,
                target: uri(),
                next_hop: peer(PEER).into(),
                from: uri(),
                to: uri(),
                contact: None,
                series: None,
                headers: Vec::new(),
                credentials: Some(Credentials { username: "1001".to_owned(), password: "secret".into() }),
            },
        );
    }

    /// The bytes with `$T $B $I $N $U` in place: tag, branch, Call-ID and CSeq number of our last request, tag of our last response.
    fn filled(&self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() + 64);
        let mut rest = bytes;
        while let Some((first, later)) = rest.split_first() {
            rest = later;
            if *first != b'$' || later.is_empty() {
                out.push(*first);
                continue;
            }
            let request = self.request.as_ref().map(|(message, _)| message);
            let from = request.and_then(|message| message.from().ok());
            let to = self.response.as_ref().and_then(|message| message.to().ok());
            let put = match later[0] {
                b'T' => from.and_then(|from| from.tag().map(str::to_owned)),
                b'B' => request.and_then(|m| m.via().ok()).and_then(|via| via.branch().map(str::to_owned)),
                b'I' => request.and_then(|m| m.call_id().ok().map(str::to_owned)),
                b'N' => request.and_then(|m| m.cseq().ok()).map(|cseq| cseq.number.to_string()),
                b'U' => to.and_then(|to| to.tag().map(str::to_owned)),
                _ => None,
            };
            match put {
                Some(text) => {
                    out.extend_from_slice(text.as_bytes());
                    rest = &later[1..];
                }
                None => out.push(b'$'),
            }
        }
        out
    }

    /// `200`, header lines, an empty line, a body: the peer's response to our last request.
    fn respond(&mut self, rest: &[u8]) {
        let Some((request, _)) = &self.request else { return };
        let rest = self.filled(rest);
        let (status, rest) = rest.split_at(rest.len().min(3));
        let Some(status) = std::str::from_utf8(status).ok().and_then(|status| status.parse::<u16>().ok()) else {
            return;
        };
        let mut response = Message::response_to(request, status, "Whatever");
        if request.to().is_ok_and(|to| to.tag().is_none()) && status > 100 {
            response.set("To", format!("{};tag=peer", request.header("To").unwrap_or_default()));
        }
        complete(&mut response, rest);
        self.datagram(peer(PEER).into(), &response.to_bytes());
    }

    /// `BYE 7`, header lines, an empty line, a body: the peer's request in the dialog of our last request.
    fn ask(&mut self, rest: &[u8]) {
        let Some((ours, _)) = &self.request else { return };
        let filled = self.filled(rest);
        let end = filled.iter().position(|byte| *byte == b'\n').unwrap_or(filled.len());
        let line = String::from_utf8_lossy(&filled[..end]).into_owned();
        let Some((method, number)) = line.split_once(' ') else { return };
        let (Ok(method), Ok(uri)) = (method.parse::<Method>(), "sip:192.0.2.1:5070".parse()) else { return };
        let (to, from) = (ours.header("To").unwrap_or_default(), ours.header("From").unwrap_or_default());
        let mut request = Message::request(method.clone(), uri);
        request.push("Via", format!("SIP/2.0/UDP {PEER};branch=z9hG4bKq{number}{method}"));
        request.push("From", if to.contains("tag=") { to.to_owned() } else { format!("{to};tag=peer") });
        request.push("To", from);
        request.push("Call-ID", ours.call_id().unwrap_or_default());
        request.push("CSeq", format!("{number} {method}"));
        complete(&mut request, &filled[end..]);
        self.datagram(peer(PEER).into(), &request.to_bytes());
    }

    /// Header lines: a REGISTER of the user whom the registrar knows, with the answer to the challenge that came last.
    fn register(&mut self, rest: &[u8]) {
        let uri = "sip:192.0.2.1:5070".parse().expect("a URI");
        let mut request = Message::request(Method::Register, uri);
        request.push("Via", format!("SIP/2.0/UDP {PEER};branch=z9hG4bKg{}", self.records));
        request.push("From", "<sip:1001@r>;tag=g");
        request.push("To", "<sip:1001@r>");
        request.push("Call-ID", "g");
        request.push("CSeq", format!("{} REGISTER", self.records));
        let challenges: Vec<&str> = self.response.iter().flat_map(|m| m.headers("WWW-Authenticate")).collect();
        let secret = Credentials { username: "1001".to_owned(), password: "secret".into() };
        let target = "sip:192.0.2.1:5070".parse().expect("a URI");
        if let Ok(answer) = answer_challenges(&challenges, &secret, &Method::Register, &target, b"", "c", 1) {
            request.push("Authorization", answer);
        }
        complete(&mut request, rest);
        self.datagram(peer(PEER).into(), &request.to_bytes());
    }

    fn pass(&mut self, ms: u64) {
        let until = self.now + Duration::from_millis(ms);
        while let Some((at, _)) = self.endpoint.poll_timeout().filter(|(at, _)| *at <= until) {
            self.timeout(at);
        }
        self.now = until;
    }

    fn timeout(&mut self, at: Instant) {
        self.now = self.now.max(at);
        self.endpoint.handle_timeout(self.now);
        assert!(self.endpoint.poll_timeout().is_none_or(|(at, _)| at > self.now), "time must pass");
        self.drain();
    }

    /// Takes everything that came out, and looks at what is held.
    fn drain(&mut self) {
        let mut left = 0;
        while let Some(transmit) = self.endpoint.poll_transmit() {
            left += 1;
            if let Some(strangers) = &mut self.strangers {
                let (came, went) = strangers.entry(transmit.to.ip()).or_default();
                *went += transmit.bytes.len();
                assert!(went <= came, "{came} bytes came from a stranger, {went} go there");
            }
            if transmit.bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
                continue;
            }
            // the answer to what cannot be read bears its fields as they came
            let refusal =
                [&b"SIP/2.0 400 "[..], b"SIP/2.0 505 ", b"SIP/2.0 513 "].iter().any(|s| transmit.bytes.starts_with(s));
            if self.unreadable && refusal && transmit.bytes.ends_with(b"\r\nContent-Length: 0\r\n\r\n") {
                continue;
            }
            let message = Message::parse(&transmit.bytes, &WIDE).expect("we write what we can read");
            assert_eq!(message.to_bytes(), transmit.bytes, "and as we would write it");
            if message.is_request() {
                self.request = Some((message, transmit.bytes));
            } else {
                self.response = Some(message);
            }
        }
        assert!(left <= LEAVES + self.sessions.len() + self.errands, "{left} messages leave at once");
        while let Some((id, event)) = self.endpoint.poll_event() {
            self.event(id, &event);
        }
        while self.endpoint.poll_registrar_event().is_some() || self.endpoint.poll_reply().is_some() {}
        let load = self.endpoint.load();
        assert!(load.sessions <= self.records, "{load:?}");
        assert!(load.servers <= STRANGERS + self.records_of_dialogs(), "strangers fill the endpoint: {load:?}");
        assert!(load.deadlines <= load.sessions + load.clients + load.servers + 1, "{load:?}");
    }

    /// Requests that may have found a dialog, and are served however many strangers there are.
    fn records_of_dialogs(&self) -> usize {
        if self.sessions.is_empty() { 0 } else { self.records }
    }

    fn event(&mut self, id: SessionId, event: &SessionEvent) {
        assert!(!format!("{event:?}").contains("13800000001"), "a number shows");
        match event {
            SessionEvent::Incoming(_) => {
                assert_eq!(self.sessions.insert(id, false), None, "comes once");
            }
            SessionEvent::Failed(_) | SessionEvent::Ended { .. } | SessionEvent::Canceled => {
                assert_eq!(self.sessions.insert(id, true), Some(false), "ends once");
            }
            SessionEvent::Trace(_) => {}
            event => assert_eq!(self.sessions.get(&id), Some(&false), "{event:?} of a session that is none"),
        }
    }

    /// The call layer hangs everything up, timers run out: nothing is left.
    fn end(mut self) {
        let open: Vec<SessionId> = self.sessions.iter().filter(|(_, over)| !**over).map(|(id, _)| *id).collect();
        for id in open {
            self.endpoint.hangup(self.now, id, HangupReason::Normal);
            self.drain();
        }
        for _ in 0..RECORDS * 200 {
            let Some((at, _)) = self.endpoint.poll_timeout() else { break };
            self.timeout(at);
        }
        assert_eq!(self.endpoint.load(), Load::default(), "something is left");
        assert!(self.sessions.values().all(|over| *over), "a session that never ends");
    }
}

/// Adds header lines up to an empty line, and the body behind it.
fn complete(message: &mut Message, text: &[u8]) {
    let end = text.windows(2).position(|window| window == b"\n\n").unwrap_or(text.len());
    for line in String::from_utf8_lossy(&text[..end]).lines() {
        if let Some((name, value)) = line.split_once(':') {
            message.push(name, value);
        }
    }
    match text.get(end + 2..) {
        Some(b"sdp") => message.set_body("application/sdp", SDP.to_vec()),
        Some(body) if !body.is_empty() => message.set_body("application/sdp", body.to_vec()),
        _ => {}
    }
}
