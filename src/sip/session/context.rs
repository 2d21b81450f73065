//! What a session may use while it handles one input, and what it may ask for. The endpoint provides and carries out; nothing is sent from here.

use crate::sip::endpoint::{EndpointConfig, Packet, Tokens, TxId, reason_phrase, response_target};
use crate::sip::header::Via;
use crate::sip::hop::{Hop, Transport};
use crate::sip::message::{Message, Method};
use crate::sip::uri::Host;
use std::time::Instant;

use super::told::{causes, reasons};
use super::{InfoBody, SessionEvent};

/// Methods that this user agent answers (Allow, RFC 3261 20.5).
pub(crate) const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, INFO, PRACK, UPDATE";

/// The only body type that is understood in an INVITE.
pub(crate) const SDP: &str = "application/sdp";
/// The body types that are taken in an INFO: keys, as gateways send them.
const KEYS: [&str; 2] = ["application/dtmf-relay", "application/dtmf"];
/// All of them (Accept, 20.1).
const ACCEPT: &str = "application/sdp, application/dtmf-relay, application/dtmf";
/// Longest body of an INFO that is taken, in bytes.
pub const MAX_INFO: usize = 256;

/// A packet and where it went, to send it again.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub packet: Packet,
    pub to: Hop,
}

/// What a session wants done.
pub(crate) enum Effect {
    /// Start an INVITE client transaction; it becomes the session's present one.
    Invite { message: Message, to: Hop },
    /// Start a client transaction for CANCEL: the session does not care what becomes of it.
    Cancel { message: Message, to: Hop },
    /// Start a client transaction for BYE; its outcome comes back.
    Bye { message: Message, to: Hop },
    /// Start a client transaction for another request in the dialog; its outcome comes back with this CSeq number.
    Request { kind: Kind, message: Message, to: Hop, cseq: u32 },
    /// Send the ACK of a 2xx with this To tag and keep it for repetitions.
    Ack { tag: String, sent: Sent },
    /// Send again.
    Again(Sent),
    /// Destroy the INVITE client transaction (9.1).
    DropInvite,
    /// Answer in a server transaction.
    Respond { tx: TxId, message: Message },
    /// Tell the call layer.
    Event(SessionEvent),
}

/// The requests in a dialog whose outcome comes back to the session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// RFC 3515.
    Refer,
    /// RFC 3262.
    Prack,
    /// RFC 3311: a refresh of ours.
    Update,
    /// An INVITE in the dialog: a refresh of ours.
    Reinvite,
}

impl Kind {
    pub fn method(self) -> Method {
        match self {
            Kind::Refer => Method::Refer,
            Kind::Prack => Method::Prack,
            Kind::Update => Method::Update,
            Kind::Reinvite => Method::Invite,
        }
    }
}

/// What became of a client transaction.
#[derive(Clone, Copy)]
pub(crate) enum Outcome<'a> {
    /// A response.
    Response(&'a Message),
    /// Timer B or F.
    TimedOut,
    /// Transport error.
    Unreachable,
}

/// The surroundings for one input.
pub(crate) struct Cx<'a> {
    pub now: Instant,
    pub config: &'a EndpointConfig,
    pub tokens: &'a mut Tokens,
    pub effects: &'a mut Vec<Effect>,
    /// Where the responses of a server transaction go, while there is one.
    pub hop_of: &'a dyn Fn(TxId) -> Option<Hop>,
}

impl Cx<'_> {
    pub fn emit(&mut self, event: SessionEvent) {
        self.effects.push(Effect::Event(event));
    }

    /// A Via of ours with a fresh branch (8.1.1.7), for a request on its way there.
    pub fn via(&mut self, to: Hop) -> String {
        let (local, branch) = (self.config.local_for(to.transport), self.tokens.branch());
        Via::new(to.transport.into(), Host::from(local.ip()), Some(local.port()), &branch).to_string()
    }

    /// Contact of ours (8.1.1.8), for who is there.
    pub fn contact(&self, to: Hop) -> String {
        let local = self.config.local_for(to.transport);
        let user = self.config.contact_user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        match to.transport {
            Transport::Udp => format!("<sip:{user}{local}>"),
            Transport::Tcp | Transport::Tls => format!("<sip:{user}{local};transport={}>", to.transport.as_str()),
        }
    }

    /// Where the responses in this server transaction go.
    pub fn hop_of(&self, tx: TxId, message: &Message) -> Hop {
        (self.hop_of)(tx).unwrap_or_else(|| response_target(message).into())
    }

    pub fn respond(&mut self, tx: TxId, message: Message) {
        self.effects.push(Effect::Respond { tx, message });
    }

    /// Why the far side ends it, if it says (RFC 3326).
    pub fn told_why(&mut self, request: &Message) {
        let found = reasons(request).map(|fields| causes(&fields)).unwrap_or_default();
        if !found.is_empty() {
            self.emit(SessionEvent::Reason(found));
        }
    }

    /// 200 to an UPDATE (RFC 3311 5.2), with our description where it brought an offer.
    pub fn answer_update(&mut self, tx: TxId, request: &Message, sdp: Option<Vec<u8>>) {
        let mut message = response(self.config, request, 200, None);
        message.push("Contact", self.contact(self.hop_of(tx, request)));
        message.push("Allow", ALLOW);
        if let Some(sdp) = sdp {
            message.set_body(SDP, sdp);
        }
        self.respond(tx, message);
    }

    /// 500 with Retry-After: one offer at a time (14.2, RFC 3311 5.2).
    pub fn answer_busy(&mut self, tx: TxId, request: &Message) {
        let mut message = response(self.config, request, 500, None);
        message.push("Retry-After", "2");
        self.respond(tx, message);
    }

    /// A bare response to a request whose To tag is there already.
    pub fn answer(&mut self, tx: TxId, request: &Message, status: u16) {
        let message = response(self.config, request, status, None);
        self.respond(tx, message);
    }

    /// What every dialog answers alike: OPTIONS with what we can, INFO with 200 if it is empty or holds keys, else 415 (no INFO package is known),
    /// NOTIFY with 481 (no subscription).
    pub fn answer_plainly(&mut self, tx: TxId, request: &Message) {
        let empty = request.body().is_empty();
        match request.method() {
            Some(Method::Options) => {
                let mut message = response(self.config, request, 200, None);
                capabilities(&mut message);
                self.respond(tx, message);
            }
            Some(Method::Info) if empty => self.answer(tx, request, 200),
            Some(Method::Info) => self.info(tx, request),
            // RFC 3262 3: no response of ours was reliable
            Some(Method::Notify | Method::Prack) => self.answer(tx, request, 481),
            _ => {
                let mut message = response(self.config, request, 405, None);
                message.push("Allow", ALLOW);
                self.respond(tx, message);
            }
        }
    }
}

impl Cx<'_> {
    fn info(&mut self, tx: TxId, request: &Message) {
        let content_type = content_type(request).unwrap_or_default();
        if KEYS.contains(&content_type.as_str()) && request.body().len() <= MAX_INFO {
            self.answer(tx, request, 200);
            return self.emit(SessionEvent::Info(InfoBody { content_type, body: request.body().to_vec() }));
        }
        let mut message = response(self.config, request, 415, None);
        message.push("Accept", ACCEPT);
        self.respond(tx, message);
    }
}

/// The type of the body without parameters, in lower case.
fn content_type(message: &Message) -> Option<String> {
    let kind = message.header("Content-Type")?.split(';').next()?;
    Some(kind.trim().to_ascii_lowercase())
}

/// Adds what OPTIONS asks for (11.2).
pub(crate) fn capabilities(message: &mut Message) {
    message.push("Allow", ALLOW);
    message.push("Accept", ACCEPT);
    message.push("Supported", "100rel, timer");
}

/// A response with our To tag (8.2.6.2), if the request has none yet.
pub(crate) fn response(config: &EndpointConfig, request: &Message, status: u16, tag: Option<&str>) -> Message {
    let mut message = Message::response_to(request, status, reason_phrase(status));
    if let (Some(tag), Some(to)) = (tag, request.header("To"))
        && request.to().is_ok_and(|to| to.tag().is_none())
    {
        message.set("To", format!("{to};tag={tag}"));
    }
    message.push("Server", config.user_agent.as_str());
    message
}

/// The session description in a message, if it has one.
pub(crate) fn sdp_of(message: &Message) -> Option<Vec<u8>> {
    (!message.body().is_empty() && is_sdp(message)).then(|| message.body().to_vec())
}

/// Whether the body is, or may be, a session description. Some peers forget to say so.
pub(crate) fn is_sdp(message: &Message) -> bool {
    content_type(message).is_none_or(|kind| kind == SDP)
}
