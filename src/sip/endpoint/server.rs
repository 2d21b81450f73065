//! Server transactions of the endpoint: finding them (RFC 3261 17.2.3), making them for new requests, sending responses.

use crate::sip::dialog::{from_tag, to_tag};
use crate::sip::hop::Hop;
use crate::sip::message::{Message, Method};
use crate::sip::session::{Ringing, SessionId, capabilities, response};
use crate::sip::transaction::{ServerAction, ServerInput, ServerInvite, ServerMachine, ServerOther, Timer};
use std::sync::Arc;
use std::time::Instant;

use super::config::IncomingPolicy;
use super::deadlines::Owner;
use super::screen::screen;
use super::{Endpoint, Outgoing, Packet, TxId, response_target};
use crate::sip::session::Sent;

/// A server transaction.
pub(super) struct ServerTx {
    key: String,
    machine: ServerMachine,
    /// The last response, while it may have to be sent again.
    last: Option<Packet>,
    pub(super) to: Hop,
    /// The session of an INVITE, and who gets the traces.
    session: Option<SessionId>,
    /// The 100 of an INVITE, ready until there is a final response.
    trying: Option<Message>,
    /// What we put on To.
    tag: String,
    merge: Option<String>,
    pub(super) armed: Option<Instant>,
}

impl ServerTx {
    pub(super) fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        self.machine.poll_timeout()
    }

    /// A CANCEL still has an effect (9.2).
    fn is_cancelable(&self) -> bool {
        match &self.machine {
            ServerMachine::Invite(machine) => machine.is_proceeding(),
            ServerMachine::Other(_) => false,
        }
    }
}

impl Endpoint {
    pub(super) fn on_request(&mut self, now: Instant, from: Hop, mut request: Message) {
        let Ok(mut via) = request.via() else { return };
        let Some(method) = request.method().cloned() else { return };
        let key = server_key(&request, &via, &method);
        let written = via.clone();
        via.set_source(from.address);
        if via != written && request.replace_top_via(&via).is_err() {
            return;
        }
        if let Some(tx) = self.server_keys.get(&key).copied() {
            self.trace_server(tx, &request, from);
            if method == Method::Ack {
                self.run_server(now, tx, ServerInput::Ack, None);
                // some peers send the ACK of a 2xx with the branch of the INVITE
                self.on_dialog_ack(now, from, &request, false);
            } else if self.may_answer(
                from,
                self.servers.get(&tx).and_then(|tx| tx.last.as_ref()).map_or(0, |last| last.bytes().len()),
            ) {
                self.run_server(now, tx, ServerInput::Request, None);
            }
            return;
        }
        match method {
            Method::Ack => self.on_dialog_ack(now, from, &request, true),
            Method::Cancel => self.on_cancel(now, from, &request, key),
            _ => self.on_new_request(now, from, request, key),
        }
    }

    /// The ACK of a 2xx is a transaction of its own and finds its session by the dialog (13.2.2.4).
    fn on_dialog_ack(&mut self, now: Instant, from: Hop, ack: &Message, trace: bool) {
        let Ok(call_id) = ack.call_id() else { return };
        let Some(session) = self.find_session(&to_tag(ack), call_id) else { return };
        let (id, report) = (session.id, session.report);
        if trace {
            self.trace_received(report, ack, from);
        }
        self.with_session(now, id, |session, cx| session.ack(cx, ack));
    }

    /// 9.2: 200 to the CANCEL, with the tag of the INVITE's responses; the session sends the 487.
    fn on_cancel(&mut self, now: Instant, from: Hop, cancel: &Message, key: String) {
        let invite = cancel.via().ok().and_then(|via| {
            let tx = *self.server_keys.get(&server_key(cancel, &via, &Method::Invite))?;
            Some((tx, self.servers.get(&tx)?))
        });
        let Some((_, invite)) = invite else {
            if self.is_full() || !self.lets_in(now, from, cancel, false) {
                return;
            }
            let tx = self.start_server(now, from, cancel, key, None);
            self.refuse(now, tx, cancel, 481, None);
            return;
        };
        let (session, tag, cancelable) = (invite.session, invite.tag.clone(), invite.is_cancelable());
        let tx = self.start_server(now, from, cancel, key, session);
        self.trace_server(tx, cancel, from);
        let message = response(&self.config, cancel, 200, Some(&tag));
        self.respond(now, tx, &message);
        if let (Some(id), true) = (session, cancelable) {
            self.with_session(now, id, |session, cx| session.canceled(cx, cancel));
        }
    }

    /// Whether there are as many server transactions as may be; then what belongs to no call is counted and dropped.
    fn is_full(&mut self) -> bool {
        let full = self.servers.len() >= self.config.max_server_transactions;
        self.counters.overload += u64::from(full);
        full
    }

    fn on_new_request(&mut self, now: Instant, from: Hop, request: Message, key: String) {
        let local_tag = to_tag(&request);
        let in_dialog = !local_tag.is_empty();
        let call_id = request.call_id().unwrap_or_default();
        let session = self.find_session(&local_tag, call_id).map(|session| session.id);
        // a tag that is nobody's makes no dialog
        if session.is_none() && self.is_full() {
            return;
        }
        if session.is_some() {
            self.belongs(now, from);
        }
        if !self.lets_in(now, from, &request, session.is_some()) {
            return;
        }
        let report = session.and_then(|id| self.sessions.get(&id)).map(|session| session.report);
        let merge = (!in_dialog).then(|| merge_key(&request));
        let merged = merge.as_ref().is_some_and(|merge| self.merges.contains_key(merge));
        let tx = self.start_server(now, from, &request, key, report);
        self.trace_server(tx, &request, from);
        if let Err(refusal) = screen(&request, in_dialog, self.registrar.is_some()) {
            return self.refuse(now, tx, &request, refusal.status, refusal.header);
        }
        if merged {
            // 8.2.2.2
            return self.refuse(now, tx, &request, 482, None);
        }
        match (session, request.method()) {
            (Some(id), _) => self.with_session(now, id, |session, cx| session.request(cx, tx, &request)),
            (None, _) if in_dialog => self.refuse(now, tx, &request, 481, None),
            (None, Some(Method::Register)) => self.on_register(now, from, tx, &request),
            (None, Some(Method::Invite)) => self.on_incoming(now, from, tx, request, merge),
            (None, Some(Method::Options)) => {
                let tag = self.tokens.tag();
                let mut message = response(&self.config, &request, 200, Some(&tag));
                capabilities(&mut message);
                self.respond(now, tx, &message);
            }
            // BYE and INFO live in dialogs only
            (None, _) => self.refuse(now, tx, &request, 481, None),
        }
    }

    fn on_incoming(&mut self, now: Instant, from: Hop, tx: TxId, invite: Message, merge: Option<String>) {
        if let IncomingPolicy::Refuse(status) = self.config.incoming {
            tracing::info!(peer = %from, status, "INVITE refused");
            return self.refuse(now, tx, &invite, status, None);
        }
        let (Ok(call_id), tag) = (invite.call_id().map(str::to_owned), self.tokens.tag()) else { return };
        let id = self.new_session(call_id, tag.clone(), None);
        self.by_tag.insert(tag.clone(), id);
        let invite = Arc::new(invite);
        if let Some(server) = self.servers.get_mut(&tx) {
            server.session = Some(id);
            server.tag.clone_from(&tag);
            server.merge.clone_from(&merge);
        }
        if let Some(merge) = merge {
            self.merges.insert(merge, tx);
        }
        self.trace_received(id, &invite, from);
        let mut fault = false;
        self.with_session(now, id, |session, cx| match Ringing::start(cx, invite.clone(), tx, &tag, from) {
            Ok(state) => session.state = state,
            Err(_) => fault = true,
        });
        if fault {
            // no Contact to talk to (12.1.1)
            self.refuse(now, tx, &invite, 400, None);
        }
    }

    fn start_server(
        &mut self,
        now: Instant,
        from: Hop,
        request: &Message,
        key: String,
        session: Option<SessionId>,
    ) -> TxId {
        let tx = TxId(self.next_id());
        // 18.2.2: over the connection on which it came, or to where its Via says
        let reliable = from.transport.is_reliable();
        let to = if reliable { from } else { response_target(request).into() };
        let machine = match request.method() {
            Some(Method::Invite) => ServerMachine::Invite(ServerInvite::new(reliable, now)),
            _ => ServerMachine::Other(ServerOther::new(reliable)),
        };
        let invite = matches!(machine, ServerMachine::Invite(_));
        let trying = invite.then(|| Message::response_to(request, 100, "Trying"));
        self.server_keys.insert(key.clone(), tx);
        let (tag, merge, armed) = (String::new(), None, None);
        self.servers.insert(tx, ServerTx { key, machine, last: None, to, session, trying, tag, merge, armed });
        self.arm_server(tx);
        tx
    }

    fn refuse(
        &mut self,
        now: Instant,
        tx: TxId,
        request: &Message,
        status: u16,
        header: Option<(&'static str, String)>,
    ) {
        let tag = self.tokens.tag();
        let mut message = response(&self.config, request, status, Some(&tag));
        if let Some((name, value)) = header {
            message.push(name, value);
        }
        // a stranger's REGISTER that is refused before the registrar sees it
        let to = self.servers.get(&tx).map(|tx| tx.to);
        if to.is_some_and(|to| !self.may_answer(to, message.to_bytes().len())) {
            return self.forget_server(tx);
        }
        self.respond(now, tx, &message);
    }

    /// Answers in a server transaction.
    pub(super) fn respond(&mut self, now: Instant, tx: TxId, message: &Message) {
        let Some(status) = message.status() else { return };
        self.run_server(now, tx, ServerInput::Respond(status), Some(message));
    }

    pub(super) fn server_time(&mut self, now: Instant, tx: TxId) {
        self.run_server(now, tx, ServerInput::Time, None);
    }

    fn run_server(&mut self, now: Instant, id: TxId, input: ServerInput, message: Option<&Message>) {
        let Some(tx) = self.servers.get_mut(&id) else { return };
        let actions = tx.machine.handle(input, &self.config.timers, now);
        let mut over = false;
        for action in actions {
            match action {
                ServerAction::Send => tx.last = message.map(Packet::new),
                ServerAction::Trying => tx.last = tx.trying.take().as_ref().map(Packet::new),
                ServerAction::Resend => {}
                // timer H: the peer never acknowledged a refusal; there is no session to end
                ServerAction::TimedOut => continue,
                ServerAction::Terminate => {
                    over = true;
                    continue;
                }
            }
            if let Some(packet) = tx.last.clone() {
                let sent = Sent { packet, to: tx.to };
                self.transmits.push_back(Outgoing { sent, report: tx.session, first: None });
            }
        }
        if let ServerMachine::Invite(machine) = &tx.machine {
            if !machine.is_proceeding() {
                tx.trying = None;
            }
            if machine.needs_no_response() {
                tx.last = None;
            }
        }
        if over {
            self.forget_server(id);
        } else {
            self.arm_server(id);
        }
    }

    pub(super) fn forget_server(&mut self, id: TxId) {
        if let Some(mut tx) = self.servers.remove(&id) {
            self.deadlines.set(Owner::Server(id), &mut tx.armed, None);
            self.server_keys.remove(&tx.key);
            if let Some(merge) = tx.merge {
                self.merges.remove(&merge);
            }
        }
    }

    fn arm_server(&mut self, id: TxId) {
        if let Some(tx) = self.servers.get_mut(&id) {
            let at = tx.machine.poll_timeout().map(|(at, _)| at);
            self.deadlines.set(Owner::Server(id), &mut tx.armed, at);
        }
    }

    fn trace_server(&mut self, tx: TxId, request: &Message, from: Hop) {
        if let Some(session) = self.servers.get(&tx).and_then(|tx| tx.session) {
            self.trace_received(session, request, from);
        }
    }
}

/// 17.2.3: branch, sent-by and method; for a peer of RFC 2543 the fields that stood in for the branch.
fn server_key(request: &Message, via: &crate::sip::header::Via, method: &Method) -> String {
    let kind = if *method == Method::Ack { Method::Invite.as_str() } else { method.as_str() };
    let port = via.port.unwrap_or(5060);
    // the cookie alone makes no branch (RFC 4475 3.2.1)
    match via.branch().filter(|branch| branch.starts_with("z9hG4bK") && branch.len() > 7) {
        Some(branch) => format!("{branch} {}:{port} {kind}", via.host),
        None => {
            let cseq = request.cseq().map_or(0, |cseq| cseq.number);
            let uri = request.uri().map_or("", |uri| uri.as_str());
            let (call_id, tag) = (request.call_id().unwrap_or_default(), from_tag(request));
            format!("2543 {call_id} {tag} {cseq} {uri} {}:{port} {} {kind}", via.host, via.branch().unwrap_or_default())
        }
    }
}

/// 8.2.2.2: one request over two ways has the same From tag, Call-ID and CSeq.
fn merge_key(request: &Message) -> String {
    let cseq = request.header("CSeq").unwrap_or_default();
    format!("{} {} {cseq}", request.call_id().unwrap_or_default(), from_tag(request))
}
