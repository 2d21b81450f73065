//! One endpoint and a peer whose every message the test writes. Time is virtual; messages go through bytes both ways.

use crate::sip::dialog::from_tag;
use crate::sip::endpoint::{Endpoint, EndpointConfig, IncomingPolicy, Invite};
use crate::sip::message::{Limits, Message, Method};
use crate::sip::registrar::RegistrarEvent;
use crate::sip::session::{Failure, SessionEvent, SessionId, TraceLine};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

pub const SDP: &[u8] =
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";
pub const ANSWER: &[u8] =
    b"v=0\r\no=- 9 9 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 9000 RTP/AVP 8\r\n";
/// Where the trunk is.
pub const TRUNK: &str = "192.0.2.9:5080";
/// Where we are.
pub const LOCAL: &str = "192.0.2.1:5070";

pub fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address in a test")
}

/// Where virtual time begins.
pub fn epoch() -> Instant {
    Instant::now()
}

/// The endpoint under test and all that came out of it and was not yet looked at.
pub struct Desk {
    pub endpoint: Endpoint,
    pub now: Instant,
    start: Instant,
    pub sent: Vec<(SocketAddr, Message)>,
    pub events: Vec<(SessionId, SessionEvent)>,
    pub traces: Vec<TraceLine>,
    pub phones: Vec<RegistrarEvent>,
}

impl Desk {
    pub fn new() -> Desk {
        Desk::with(IncomingPolicy::Accept)
    }

    pub fn with(incoming: IncomingPolicy) -> Desk {
        Desk::with_config(EndpointConfig { incoming, ..EndpointConfig::new(address(LOCAL), "huifang-test") })
    }

    pub fn with_config(config: EndpointConfig) -> Desk {
        let endpoint = Endpoint::new(config, Box::new(ChaCha12Rng::seed_from_u64(7)));
        let now = epoch();
        Desk { endpoint, now, start: now, sent: Vec::new(), events: Vec::new(), traces: Vec::new(), phones: Vec::new() }
    }

    pub fn order() -> Invite {
        Invite {
            target: "sip:+8613800000001@trunk.example".parse().expect("a URI"),
            next_hop: address(TRUNK).into(),
            others: Vec::new(),
            large_by_tcp: false,
            from: "\"Dealer\" <sip:4001@dealer.example>".parse().expect("a name-addr"),
            credentials: None,
            headers: vec![("X-Attempt".into(), "17".into())],
            extensions: Default::default(),
            offer: SDP.to_vec(),
            ring_timeout: Duration::from_secs(30),
        }
    }

    /// Places a call; gives its id and its INVITE.
    pub fn call(&mut self) -> (SessionId, Message) {
        self.call_with(Desk::order())
    }

    pub fn call_with(&mut self, order: Invite) -> (SessionId, Message) {
        let id = self.endpoint.invite(self.now, order);
        self.flush();
        let invite = self.request(Method::Invite);
        assert_eq!(self.event(), SessionEvent::InviteSent);
        (id, invite)
    }

    /// A call that has been answered; gives its id, INVITE and 200.
    pub fn answered(&mut self) -> (SessionId, Message, Message) {
        let (id, invite) = self.call();
        let ok = ok(&invite, "callee");
        self.deliver(&ok);
        self.request(Method::Ack);
        assert_eq!(self.event(), SessionEvent::Answered { sdp: ANSWER.to_vec() });
        (id, invite, ok)
    }

    pub fn deliver(&mut self, message: &Message) {
        self.deliver_from(TRUNK, &message.to_bytes());
    }

    pub fn deliver_from(&mut self, from: &str, bytes: &[u8]) {
        self.endpoint.handle_datagram(self.now, address(from), bytes);
        self.flush();
    }

    pub fn flush(&mut self) {
        while let Some(transmit) = self.endpoint.poll_transmit() {
            let message = Message::parse(&transmit.bytes, &Limits::default()).expect("we write what we can read");
            self.sent.push((transmit.to.address, message));
        }
        while let Some((id, event)) = self.endpoint.poll_event() {
            match event {
                SessionEvent::Trace(line) => self.traces.push(line),
                other => self.events.push((id, other)),
            }
        }
        while let Some(event) = self.endpoint.poll_registrar_event() {
            self.phones.push(event);
        }
    }

    /// Lets time pass, stopping at each deadline.
    pub fn pass(&mut self, ms: u64) {
        let until = self.now + Duration::from_millis(ms);
        while let Some((at, _)) = self.endpoint.poll_timeout().filter(|(at, _)| *at <= until) {
            self.now = self.now.max(at);
            self.endpoint.handle_timeout(self.now);
            self.flush();
        }
        self.now = until;
    }

    /// Milliseconds since the start.
    pub fn ms(&self) -> u128 {
        (self.now - self.start).as_millis()
    }

    /// The oldest request of this method sent and not yet looked at.
    #[track_caller]
    pub fn request(&mut self, method: Method) -> Message {
        self.request_to(method).1
    }

    #[track_caller]
    pub fn request_to(&mut self, method: Method) -> (SocketAddr, Message) {
        let at = self.sent.iter().position(|(_, message)| message.method() == Some(&method));
        let at = at.unwrap_or_else(|| panic!("no {method} among {:?}", self.sent));
        self.sent.remove(at)
    }

    /// The oldest response sent and not yet looked at; must have this status.
    #[track_caller]
    pub fn response(&mut self, status: u16) -> Message {
        let at = self.sent.iter().position(|(_, message)| !message.is_request());
        let at = at.unwrap_or_else(|| panic!("no response among {:?}", self.sent));
        let response = self.sent.remove(at).1;
        assert_eq!(response.status(), Some(status), "{response:?}");
        response
    }

    /// How many requests of this method wait to be looked at; takes them away.
    pub fn count(&mut self, method: Method) -> usize {
        let before = self.sent.len();
        self.sent.retain(|(_, message)| message.method() != Some(&method));
        before - self.sent.len()
    }

    #[track_caller]
    pub fn event(&mut self) -> SessionEvent {
        assert!(!self.events.is_empty(), "no event");
        self.events.remove(0).1
    }

    #[track_caller]
    pub fn failure(&mut self) -> Failure {
        match self.event() {
            SessionEvent::Failed(failure) => failure,
            other => panic!("{other:?} is no failure"),
        }
    }

    #[track_caller]
    pub fn quiet(&self) {
        assert!(self.sent.is_empty() && self.events.is_empty(), "{:?} {:?}", self.sent, self.events);
    }

    /// Lets all timers run and asserts that nothing at all is left.
    #[track_caller]
    pub fn nothing_left(&mut self) {
        self.pass(1_000_000);
        assert_eq!(self.endpoint.load(), super::super::Load::default());
    }
}

/// A response with this To tag.
pub fn reply(request: &Message, status: u16, tag: &str) -> Message {
    let mut response = Message::response_to(request, status, "Whatever");
    if request.to().is_ok_and(|to| to.tag().is_none()) && status > 100 {
        response.set("To", format!("{};tag={tag}", request.header("To").expect("a To")));
    }
    response
}

/// A usable 200 to an INVITE.
pub fn ok(invite: &Message, tag: &str) -> Message {
    let mut response = reply(invite, 200, tag);
    response.push("Contact", format!("<sip:{tag}@{TRUNK}>"));
    response.set_body("application/sdp", ANSWER.to_vec());
    response
}

/// A request of the far side in the dialog that `ok` made.
pub fn far_request(ok: &Message, method: Method, cseq: u32) -> Message {
    let mut request = Message::request(method.clone(), format!("sip:{LOCAL}").parse().expect("a URI"));
    request.push("Via", format!("SIP/2.0/UDP {TRUNK};branch=z9hG4bKfar{cseq}{method}"));
    request.push("From", ok.header("To").expect("a To"));
    request.push("To", ok.header("From").expect("a From"));
    request.push("Call-ID", ok.call_id().expect("a Call-ID"));
    request.push("CSeq", format!("{cseq} {method}"));
    request.push("Max-Forwards", "70");
    request
}

/// A call for the endpoint.
pub fn incoming(branch: &str) -> Message {
    let mut invite = Message::request(Method::Invite, format!("sip:1001@{LOCAL}").parse().expect("a URI"));
    invite.push("Via", format!("SIP/2.0/UDP {TRUNK};branch=z9hG4bK{branch};rport"));
    invite.push("Max-Forwards", "70");
    invite.push("From", "<sip:caller@peer.example>;tag=caller");
    invite.push("To", format!("<sip:1001@{LOCAL}>"));
    invite.push("Call-ID", format!("call-{branch}"));
    invite.push("CSeq", "5 INVITE");
    invite.push("Contact", format!("<sip:caller@{TRUNK}>"));
    invite.set_body("application/sdp", SDP.to_vec());
    invite
}

/// The caller's request in the dialog that our response made.
pub fn near_request(response: &Message, method: Method, cseq: u32, branch: &str) -> Message {
    let mut request = Message::request(method.clone(), format!("sip:{LOCAL}").parse().expect("a URI"));
    request.push("Via", format!("SIP/2.0/UDP {TRUNK};branch=z9hG4bK{branch}"));
    request.push("From", response.header("From").expect("a From"));
    request.push("To", response.header("To").expect("a To"));
    request.push("Call-ID", response.call_id().expect("a Call-ID"));
    request.push("CSeq", format!("{cseq} {method}"));
    request
}

/// The From tag of a message.
pub fn tag_of(message: &Message) -> String {
    from_tag(message)
}
