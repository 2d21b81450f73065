//! The user agent core: one object for all calls over one local address. Bytes and time in, bytes and events out.
//!
//! Use: call one of `handle_*`, [`Endpoint::invite`] and the other wishes, then drain [`Endpoint::poll_transmit`] and
//! [`Endpoint::poll_event`] (a transmit may cause events, so transmits first) and, with a registrar, [`Endpoint::poll_registrar_event`], then sleep until [`Endpoint::poll_timeout`].
//!
//! It finds the transaction or the dialog of each message (RFC 3261 17.1.3, 17.2.3, 12.2.2) and carries out what sessions ask for.
//! It never opens a socket, reads a clock, draws its own seed, resolves a name, or reads SDP.

mod client;
mod config;
mod deadlines;
mod door;
mod errand;
mod packet;
mod register;
mod screen;
mod server;
mod strangers;
mod stray;
mod tokens;

#[cfg(test)]
mod tests;

pub use config::{
    Counters, EndpointConfig, Extensions, IncomingPolicy, Invite, LARGE, Load, Prack, Redirects, Refer, Transmit,
};

pub(crate) use packet::{Packet, reason_phrase, response_target};
pub(crate) use tokens::Tokens;

use crate::sip::hop::Hop;
use crate::sip::message::{Message, ParseError};
use crate::sip::registrar::Registrar;
use crate::sip::session::{
    Calling, Cx, Effect, HangupReason, Sent, Session, SessionEvent, SessionId, State, TraceLine,
};
use crate::sip::tap::Caught;
use crate::sip::transaction::Timer;
use client::{ClientTx, Purpose};
use deadlines::{Deadlines, Owner};
use door::{Door, Guest};
pub use door::{DoorConfig, DoorCounters, Strangers};
use errand::Running;
pub use errand::{Errand, ErrandId, ErrandOutcome, Reply};
use rand::Rng;
use server::ServerTx;
use std::collections::{HashMap, VecDeque};
use std::time::Instant;

/// Names a transaction within its endpoint.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct TxId(u64);

/// A packet that waits for `poll_transmit`.
struct Outgoing {
    sent: Sent,
    report: Option<SessionId>,
    /// The session whose very first INVITE this is: it may still be withdrawn.
    first: Option<SessionId>,
}

/// The user agent core.
pub struct Endpoint {
    config: EndpointConfig,
    tokens: Tokens,
    last_id: u64,
    sessions: HashMap<SessionId, Session>,
    /// Our tag → session.
    by_tag: HashMap<String, SessionId>,
    /// Call-ID and To tag of stray answers → the session that puts them away.
    strays: HashMap<String, SessionId>,
    /// Requests outside of every dialog whose outcome is awaited.
    errands: HashMap<ErrandId, Running>,
    replies: VecDeque<(ErrandId, Reply)>,
    clients: HashMap<TxId, ClientTx>,
    client_keys: HashMap<String, TxId>,
    servers: HashMap<TxId, ServerTx>,
    server_keys: HashMap<String, TxId>,
    /// From tag, Call-ID and CSeq of requests outside dialogs (8.2.2.2).
    merges: HashMap<String, TxId>,
    deadlines: Deadlines,
    transmits: VecDeque<Outgoing>,
    events: VecDeque<(SessionId, SessionEvent)>,
    effects: Vec<Effect>,
    registrar: Option<Registrar>,
    door: Option<Door>,
    /// Whose the present message is.
    guest: Guest,
    counters: Counters,
    /// The message that is being handled, where somebody is shown it.
    arriving: Vec<u8>,
}

impl Endpoint {
    /// An endpoint without calls. `rng` makes branches, tags and Call-IDs: a cryptographic generator in the field, a seeded one in tests.
    pub fn new(config: EndpointConfig, rng: Box<dyn Rng + Send>) -> Endpoint {
        let registrar = config.registrar.clone().map(Registrar::new);
        let door = config.door.clone().map(Door::new);
        Endpoint {
            config,
            tokens: Tokens::new(rng),
            last_id: 0,
            sessions: HashMap::new(),
            by_tag: HashMap::new(),
            strays: HashMap::new(),
            errands: HashMap::new(),
            replies: VecDeque::new(),
            clients: HashMap::new(),
            client_keys: HashMap::new(),
            servers: HashMap::new(),
            server_keys: HashMap::new(),
            merges: HashMap::new(),
            deadlines: Deadlines::default(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            effects: Vec::new(),
            registrar,
            door,
            guest: Guest::Known,
            counters: Counters::default(),
            arriving: Vec::new(),
        }
    }

    // ---- getters

    /// What came in and belonged nowhere.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// What happened at the door, and how many addresses are not heard at `now`.
    pub fn door(&self, now: Instant) -> (DoorCounters, usize) {
        self.door.as_ref().map(|door| (door.counters(), door.banned(now))).unwrap_or_default()
    }

    /// How much is held.
    pub fn load(&self) -> Load {
        Load {
            sessions: self.sessions.len(),
            clients: self.clients.len(),
            servers: self.servers.len(),
            keys: self.by_tag.len()
                + self.strays.len()
                + self.client_keys.len()
                + self.server_keys.len()
                + self.merges.len(),
            deadlines: self.deadlines.len(),
        }
    }

    // ---- inputs

    /// A message came: a datagram, or what a stream's framing cut out.
    pub fn handle_datagram(&mut self, now: Instant, from: impl Into<Hop>, bytes: &[u8]) {
        let from = from.into();
        self.guest = self.door.as_mut().map_or(Guest::Known, |door| door.knock(now, from.ip(), bytes.len()));
        if self.guest == Guest::Unwelcome {
            return;
        }
        if self.config.tap.is_some() {
            self.arriving.clear();
            self.arriving.extend_from_slice(bytes);
        }
        match Message::parse(bytes, &self.config.limits) {
            Ok(message) if message.is_request() => self.on_request(now, from, message),
            Ok(message) => self.on_response(now, from, &message),
            Err(ParseError::Empty) => self.on_keep_alive(from, bytes),
            Err(error) => {
                self.counters.malformed += 1;
                tracing::debug!(peer = %from, %error, "datagram that is no message");
                self.answer_unreadable(now, from, bytes, error);
            }
        }
    }

    /// This address is known from now on.
    pub fn welcome(&mut self, ip: std::net::IpAddr) {
        if let Some(door) = &mut self.door {
            door.welcome(ip);
        }
    }

    /// What goes there cannot be delivered (ICMP, send error, a connection that cannot be had or broke).
    pub fn handle_unreachable(&mut self, now: Instant, to: impl Into<Hop>) {
        self.on_unreachable(now, to.into());
    }

    /// This message has not left, and will not: its transaction is told, and no other. What left by a connection before may have arrived.
    pub fn handle_undelivered(&mut self, now: Instant, bytes: &[u8]) {
        self.on_undelivered(now, bytes);
    }

    /// A connection broke: what was written may have arrived. Requests that bear being done twice are sent once more, by a new one; an INVITE is not, and waits for
    /// its answer, which the far side brings by a connection of its own (RFC 3261 18.2.2).
    pub fn handle_broken(&mut self, to: Hop) {
        self.on_broken(to);
    }

    /// The clock reached [`Endpoint::poll_timeout`].
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((at, owner)) = self.deadlines.first() {
            if at > now {
                return;
            }
            self.disarm(owner, at);
            match owner {
                Owner::Client(tx) => self.client_time(now, tx),
                Owner::Server(tx) => self.server_time(now, tx),
                Owner::Session(id) => self.with_session(now, id, |session, cx| session.time(cx)),
                Owner::Registrar => self.registrar_time(now),
            }
        }
    }

    // ---- wishes of the call layer

    /// Places a call.
    pub fn invite(&mut self, now: Instant, call: Invite) -> SessionId {
        let (call_id, tag) = (self.tokens.call_id(), self.tokens.tag());
        let id = self.new_session(call_id.clone(), tag.clone(), None);
        self.by_tag.insert(tag.clone(), id);
        self.with_session(now, id, |session, cx| session.state = Calling::start(cx, call, &call_id, &tag));
        id
    }

    /// Hangs up at any stage: CANCEL before the final response, BYE after it. An unknown or ended session is no error.
    pub fn hangup(&mut self, now: Instant, id: SessionId, reason: HangupReason) {
        self.with_session(now, id, |session, cx| session.hangup(cx, reason));
    }

    /// Either side: asks the far side of an answered session to call somebody else (RFC 3515). What comes of it are
    /// [`SessionEvent::Refer`]s; the session goes on until somebody hangs up. An unknown or ended session is no error.
    pub fn refer(&mut self, now: Instant, id: SessionId, refer: Refer) {
        let to = match refer.replaces {
            None => Some(refer.to),
            Some(other) => {
                let replaces = self.sessions.get(&other).and_then(Session::replaces);
                replaces.map(|replaces| refer.to.with_header("Replaces", &replaces))
            }
        };
        self.with_session(now, id, |session, cx| session.refer(cx, to));
    }

    /// Either side: answers a [`SessionEvent::Reoffer`](crate::sip::session::SessionEvent::Reoffer) with this description, or refuses it: then nothing changes.
    pub fn answer_offer(&mut self, now: Instant, id: SessionId, answer: Option<Vec<u8>>) {
        self.with_session(now, id, |session, cx| session.answer_offer(cx, answer));
    }

    /// Called side: 180 or 183, with early media if `early_sdp` is given.
    pub fn ring(&mut self, now: Instant, id: SessionId, status: u16, early_sdp: Option<Vec<u8>>) {
        self.with_session(now, id, |session, cx| session.ring(cx, status, early_sdp));
    }

    /// Called side: 200 with this session description.
    pub fn accept(&mut self, now: Instant, id: SessionId, answer: Vec<u8>) {
        self.with_session(now, id, |session, cx| session.accept(cx, answer));
    }

    /// Called side: refuses with 300-699.
    pub fn reject(&mut self, now: Instant, id: SessionId, status: u16, headers: Vec<(String, String)>) {
        self.with_session(now, id, |session, cx| session.reject(cx, status, &headers));
    }

    // ---- outputs

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        loop {
            let Outgoing { sent, report, first } = self.transmits.pop_front()?;
            if let Some(id) = first {
                // gone: withdrawn before it left
                let Some(session) = self.sessions.get_mut(&id) else { continue };
                if session.sent() {
                    self.events.push_back((id, SessionEvent::InviteSent));
                }
            }
            if let Some(id) = report {
                self.show(id, true, sent.to, sent.packet.bytes());
                let (start_line, cseq) = (sent.packet.start_line().to_owned(), sent.packet.cseq().to_owned());
                let line = TraceLine { sent: true, start_line, cseq, peer: sent.to };
                self.events.push_back((id, SessionEvent::Trace(line)));
            }
            return Some(Transmit { to: sent.to, bytes: sent.packet.bytes().to_vec() });
        }
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<(SessionId, SessionEvent)> {
        self.events.pop_front()
    }

    /// When to call [`Endpoint::handle_timeout`] next, and for which timer.
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        let (at, owner) = self.deadlines.first()?;
        let named = match owner {
            Owner::Client(tx) => self.clients.get(&tx).and_then(ClientTx::poll_timeout),
            Owner::Server(tx) => self.servers.get(&tx).and_then(ServerTx::poll_timeout),
            Owner::Session(id) => self.sessions.get(&id).and_then(Session::poll_timeout),
            Owner::Registrar => {
                self.registrar.as_ref().and_then(Registrar::poll_timeout).map(|at| (at, Timer::Binding))
            }
        };
        named.map(|(_, timer)| (at, timer))
    }

    // ---- sessions and their wishes

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn new_session(&mut self, call_id: String, local_tag: String, report: Option<SessionId>) -> SessionId {
        let id = SessionId(self.next_id());
        let report = report.unwrap_or(id);
        let session = Session { id, report, local_tag, call_id, invite_tx: None, armed: None, state: State::Over };
        self.sessions.insert(id, session);
        id
    }

    /// One input for a session, then everything it asked for.
    fn with_session(&mut self, now: Instant, id: SessionId, input: impl FnOnce(&mut Session, &mut Cx)) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let mut effects = std::mem::take(&mut self.effects);
        let servers = &self.servers;
        let hop_of = |tx: TxId| servers.get(&tx).map(|tx| tx.to);
        let (config, tokens) = (&self.config, &mut self.tokens);
        let mut cx = Cx { now, config, tokens, effects: &mut effects, hop_of: &hop_of };
        input(session, &mut cx);
        for effect in effects.drain(..) {
            self.apply(now, id, effect);
        }
        self.effects = effects;
        self.settle(id);
    }

    fn apply(&mut self, now: Instant, id: SessionId, effect: Effect) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let report = session.report;
        match effect {
            Effect::Event(event) => self.events.push_back((report, event)),
            Effect::Again(sent) => self.transmits.push_back(Outgoing { sent, report: Some(report), first: None }),
            Effect::Ack { tag, sent } => {
                let tx = session.invite_tx;
                self.transmits.push_back(Outgoing { sent: sent.clone(), report: Some(report), first: None });
                self.keep_ack(tx, tag, sent);
            }
            Effect::Respond { tx, message } => self.respond(now, tx, &message),
            Effect::DropInvite => {
                if let Some(tx) = session.invite_tx {
                    self.forget_client(tx);
                }
            }
            Effect::Invite { message, to } => self.start_client(now, id, message, to, Purpose::Invite),
            Effect::Cancel { message, to } => self.start_client(now, id, message, to, Purpose::Cancel),
            Effect::Bye { message, to } => self.start_client(now, id, message, to, Purpose::Bye),
            Effect::Request { kind, message, to, cseq } => {
                self.start_client(now, id, message, to, Purpose::Request(kind, cseq));
            }
        }
    }

    /// Forgets a session that is over, else arms its deadline.
    fn settle(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let at = if session.is_over() { None } else { session.poll_timeout().map(|(at, _)| at) };
        self.deadlines.set(Owner::Session(id), &mut session.armed, at);
        if session.is_over()
            && let Some(session) = self.sessions.remove(&id)
        {
            if self.by_tag.get(&session.local_tag) == Some(&id) {
                self.by_tag.remove(&session.local_tag);
            }
            if !self.strays.is_empty() {
                self.strays.retain(|_, stray| *stray != id);
            }
        }
    }

    /// The session of this dialog, by our tag and the Call-ID.
    fn find_session(&self, local_tag: &str, call_id: &str) -> Option<&Session> {
        self.by_tag.get(local_tag).and_then(|id| self.sessions.get(id)).filter(|session| session.call_id == call_id)
    }

    /// Shows a message to who looks.
    fn show(&self, session: SessionId, sent: bool, peer: Hop, bytes: &[u8]) {
        if let Some(tap) = &self.config.tap {
            tap.show(&Caught { session, sent, local: self.config.local_for(peer.transport), peer, bytes });
        }
    }

    fn trace_received(&mut self, report: SessionId, message: &Message, peer: Hop) {
        self.show(report, false, peer, &self.arriving);
        let cseq = message.header("CSeq").unwrap_or_default().to_owned();
        let line = TraceLine { sent: false, start_line: message.start_line(), cseq, peer };
        self.events.push_back((report, SessionEvent::Trace(line)));
    }

    fn disarm(&mut self, owner: Owner, at: Instant) {
        let mut nobody = Some(at);
        let armed = match owner {
            Owner::Client(tx) => self.clients.get_mut(&tx).map(|tx| &mut tx.armed),
            Owner::Server(tx) => self.servers.get_mut(&tx).map(|tx| &mut tx.armed),
            Owner::Session(id) => self.sessions.get_mut(&id).map(|session| &mut session.armed),
            Owner::Registrar => self.registrar.as_mut().map(|registrar| &mut registrar.armed),
        };
        self.deadlines.set(owner, armed.unwrap_or(&mut nobody), None);
    }
}
