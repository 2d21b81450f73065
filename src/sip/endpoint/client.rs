//! Client transactions of the endpoint: starting them, finding them (RFC 3261 17.1.3), and handing on what became of them.
//!
//! Also the ledger of ACKs for 2xx, so that a repeated 2xx is answered after the session is gone, too (13.2.2.4, RFC 6026).

use crate::sip::dialog::{from_tag, to_tag};
use crate::sip::hop::Hop;
use crate::sip::message::{Message, Method};
use crate::sip::session::{Caller, Kind, Outcome, Sent, SessionId, State};
use crate::sip::transaction::{ClientAction, ClientInput, ClientInvite, ClientMachine, ClientOther, Timer};
use std::sync::Arc;
use std::time::Instant;

use super::deadlines::Owner;
use super::errand::ErrandId;
use super::{Endpoint, Outgoing, Packet, TxId};

/// Most forked answers to one INVITE that are put away; a proxy gone wild gets no more.
const MAX_FORKS: usize = 32;

/// What the request is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    Invite,
    Cancel,
    Bye,
    /// With its CSeq number.
    Request(Kind, u32),
    /// Outside of every dialog: the id in `session` is an errand's.
    Errand,
}

/// A client transaction.
pub(super) struct ClientTx {
    key: String,
    machine: ClientMachine,
    purpose: Purpose,
    /// The request, while it may have to be sent again.
    request: Option<Packet>,
    to: Hop,
    /// Sent once more after its connection broke.
    resent: bool,
    /// Who gets the outcome.
    session: SessionId,
    /// Who gets the traces.
    report: SessionId,
    invite: Option<Box<InviteSide>>,
    pub(super) armed: Option<Instant>,
}

/// What an INVITE needs besides.
struct InviteSide {
    /// The request, to make the ACK of a failure from.
    message: Option<Message>,
    /// The ACK of a failure.
    ack: Option<Packet>,
    caller: Arc<Caller>,
    local_tag: String,
    /// To tag and ACK of each 2xx.
    acks: Vec<(String, Sent)>,
}

impl ClientTx {
    pub(super) fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        self.machine.poll_timeout()
    }
}

impl Endpoint {
    /// Sends a request in a new transaction of the session.
    pub(super) fn start_client(&mut self, now: Instant, id: SessionId, message: Message, to: Hop, purpose: Purpose) {
        let tx = TxId(self.next_id());
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let mut first = None;
        let timers = &self.config.timers;
        let (machine, caller) = match (&session.state, purpose) {
            (State::Calling(calling), Purpose::Invite) => {
                first = session.invite_tx.is_none().then_some(id);
                session.invite_tx = Some(tx);
                let machine = ClientMachine::Invite(ClientInvite::new(timers, to.transport.is_reliable(), now));
                (machine, Some(calling.caller().clone()))
            }
            // our own re-INVITE: only a caller sends one
            (State::Confirmed(confirmed), Purpose::Request(Kind::Reinvite, _)) if confirmed.caller().is_some() => {
                session.invite_tx = Some(tx);
                let machine = ClientMachine::Invite(ClientInvite::new(timers, to.transport.is_reliable(), now));
                (machine, confirmed.caller().cloned())
            }
            _ => (ClientMachine::Other(ClientOther::new(timers, to.transport.is_reliable(), now)), None),
        };
        let packet = Packet::new(&message);
        let via = message.via().ok();
        let key = key(via.as_ref().and_then(|via| via.branch()).unwrap_or_default(), purpose == Purpose::Cancel);
        let local_tag = session.local_tag.clone();
        let invite = caller.map(|caller| {
            Box::new(InviteSide { message: Some(message), ack: None, caller, local_tag, acks: Vec::new() })
        });
        let report = session.report;
        let sent = Sent { packet: packet.clone(), to };
        self.transmits.push_back(Outgoing { sent, report: Some(report), first });
        self.client_keys.insert(key.clone(), tx);
        let request = Some(packet);
        self.clients.insert(
            tx,
            ClientTx { key, machine, purpose, request, to, resent: false, session: id, report, invite, armed: None },
        );
        self.arm_client(tx);
    }

    /// Sends a request outside of every dialog, in a transaction of its own.
    pub(super) fn start_errand(&mut self, now: Instant, id: ErrandId, message: &Message, to: Hop) {
        let tx = TxId(self.next_id());
        let machine = ClientMachine::Other(ClientOther::new(&self.config.timers, to.transport.is_reliable(), now));
        let via = message.via().ok();
        let key = key(via.as_ref().and_then(|via| via.branch()).unwrap_or_default(), false);
        let packet = Packet::new(message);
        self.transmits.push_back(Outgoing { sent: Sent { packet: packet.clone(), to }, report: None, first: None });
        self.client_keys.insert(key.clone(), tx);
        let (purpose, request, session) = (Purpose::Errand, Some(packet), SessionId(id.0));
        let client = ClientTx {
            key,
            machine,
            purpose,
            request,
            to,
            resent: false,
            session,
            report: session,
            invite: None,
            armed: None,
        };
        self.clients.insert(tx, client);
        self.arm_client(tx);
    }

    /// A response came: 17.1.3, branch and CSeq method.
    pub(super) fn on_response(&mut self, now: Instant, from: Hop, response: &Message) {
        let (Ok(via), Ok(cseq), Some(status)) = (response.via(), response.cseq(), response.status()) else { return };
        let key = key(via.branch().unwrap_or_default(), cseq.method == Method::Cancel);
        let found = self.client_keys.get(&key).copied();
        match found.and_then(|tx| Some((tx, self.clients.get(&tx)?))) {
            Some((tx, client)) if client.expects(&cseq.method, response) => {
                let report = client.report;
                self.belongs(now, from);
                self.trace_received(report, response, from);
                self.run_client(now, tx, ClientInput::Response(status), Some(response));
            }
            _ if cseq.method == Method::Invite && (200..300).contains(&status) => {
                self.on_stray_answer(now, from, &via, response);
            }
            _ => {
                self.counters.unknown_responses += 1;
                tracing::debug!(peer = %from, status, cseq = %cseq, "response to no transaction dropped");
            }
        }
    }

    /// Every request on its way to this address is lost (17.1.4).
    pub(super) fn on_unreachable(&mut self, now: Instant, to: Hop) {
        let mut lost: Vec<TxId> =
            self.clients.iter().filter(|(_, client)| client.to == to).map(|(tx, _)| *tx).collect();
        lost.sort_unstable();
        for tx in lost {
            self.run_client(now, tx, ClientInput::TransportError, None);
        }
    }

    /// The transaction of a request that has not left (17.1.4).
    pub(super) fn on_undelivered(&mut self, now: Instant, bytes: &[u8]) {
        let Ok(message) = Message::parse(bytes, &self.config.limits) else { return };
        let (Some(method), Ok(via)) = (message.method(), message.via()) else { return };
        let key = key(via.branch().unwrap_or_default(), *method == Method::Cancel);
        if let Some(tx) = self.client_keys.get(&key).copied().filter(|_| *method != Method::Ack) {
            self.run_client(now, tx, ClientInput::TransportError, None);
        }
    }

    /// The transactions that are no INVITE's and wait for a final response are sent again; the far side knows them by their branch (17.2.3).
    pub(super) fn on_broken(&mut self, to: Hop) {
        let mut waiting = Vec::new();
        for (tx, client) in self.clients.iter_mut().filter(|(_, client)| client.to == to) {
            // once: a peer that closes whatever it takes is not run after
            if client.purpose != Purpose::Invite && !client.resent {
                client.resent = true;
                waiting.extend(client.request.clone().map(|packet| (*tx, client.outgoing(packet))));
            }
        }
        waiting.sort_unstable_by_key(|(tx, _)| *tx);
        self.transmits.extend(waiting.into_iter().map(|(_, outgoing)| outgoing));
    }

    pub(super) fn client_time(&mut self, now: Instant, tx: TxId) {
        self.run_client(now, tx, ClientInput::Time, None);
    }

    fn run_client(&mut self, now: Instant, id: TxId, input: ClientInput, response: Option<&Message>) {
        let Some(tx) = self.clients.get_mut(&id) else { return };
        let actions = tx.machine.handle(input, &self.config.timers, now);
        let (mut outcome, mut over) = (None, false);
        for action in actions {
            match action {
                ClientAction::Retransmit => {
                    if let Some(packet) = tx.request.clone() {
                        self.transmits.push_back(tx.outgoing(packet));
                    }
                }
                ClientAction::Ack => {
                    if let Some(packet) = response.and_then(|response| tx.failure_ack(response)) {
                        self.transmits.push_back(tx.outgoing(packet));
                    }
                }
                ClientAction::Pass => outcome = response.map(Outcome::Response),
                ClientAction::TimedOut => outcome = Some(Outcome::TimedOut),
                ClientAction::Unreachable => outcome = Some(Outcome::Unreachable),
                ClientAction::Terminate => over = true,
            }
        }
        if matches!(input, ClientInput::Response(200..)) {
            tx.request = None;
            if let Some(invite) = &mut tx.invite {
                invite.message = None;
            }
        }
        let (purpose, session) = (tx.purpose, tx.session);
        if over {
            self.forget_client(id);
        } else {
            self.arm_client(id);
        }
        let Some(outcome) = outcome else { return };
        match purpose {
            Purpose::Cancel => {}
            Purpose::Errand => self.errand_outcome(now, ErrandId(session.0), outcome),
            Purpose::Bye => self.with_session(now, session, |session, cx| session.bye_outcome(cx, outcome)),
            Purpose::Request(Kind::Reinvite, _) if matches!(outcome, Outcome::Response(r) if matches!(r.status(), Some(200..=299))) => {
                if let Outcome::Response(response) = outcome {
                    self.on_answer(now, id, session, response);
                }
            }
            Purpose::Request(kind, cseq) => {
                self.with_session(now, session, |session, cx| session.request_outcome(cx, kind, cseq, outcome));
            }
            Purpose::Invite => match outcome {
                Outcome::Response(response) if matches!(response.status(), Some(200..=299)) => {
                    self.on_answer(now, id, session, response);
                }
                Outcome::Response(_) | Outcome::TimedOut | Outcome::Unreachable => {
                    if self.sessions.get(&session).is_some_and(|session| session.is_calling_on(id)) {
                        self.with_session(now, session, |session, cx| session.invite_outcome(cx, outcome));
                    }
                }
            },
        }
    }

    /// A 2xx to an INVITE: the first one, one again, or one more of a fork (13.2.2.4).
    fn on_answer(&mut self, now: Instant, tx: TxId, session: SessionId, response: &Message) {
        let Some(client) = self.clients.get(&tx) else { return };
        let Some(invite) = &client.invite else { return };
        let tag = to_tag(response);
        if let Some((_, sent)) = invite.acks.iter().find(|(known, _)| *known == tag) {
            let again = Outgoing { sent: sent.clone(), report: Some(client.report), first: None };
            self.transmits.push_back(again);
        } else if self.sessions.get(&session).is_some_and(|session| session.is_calling_on(tx)) {
            self.with_session(now, session, |session, cx| session.invite_outcome(cx, Outcome::Response(response)));
        } else if let Purpose::Request(kind, cseq) = client.purpose {
            // a 2xx to our re-INVITE; a session that ended meanwhile has its BYE out, and that ends the repetition too
            if self.sessions.get(&session).is_some_and(|session| session.is_reinviting_on(tx)) {
                let outcome = Outcome::Response(response);
                self.with_session(now, session, |session, cx| session.request_outcome(cx, kind, cseq, outcome));
            }
        } else if invite.acks.len() < MAX_FORKS {
            let (caller, report) = (invite.caller.clone(), client.report);
            let (_, ack) = self.put_away(now, &caller, response, Some(report));
            self.keep_ack(Some(tx), tag, ack);
        }
    }

    /// Notes the ACK of a 2xx in the INVITE's transaction.
    pub(super) fn keep_ack(&mut self, tx: Option<TxId>, tag: String, sent: Sent) {
        if let Some(invite) = tx.and_then(|tx| self.clients.get_mut(&tx)).and_then(|client| client.invite.as_mut()) {
            invite.acks.push((tag, sent));
        }
    }

    pub(super) fn forget_client(&mut self, id: TxId) {
        if let Some(mut tx) = self.clients.remove(&id) {
            self.deadlines.set(Owner::Client(id), &mut tx.armed, None);
            self.client_keys.remove(&tx.key);
        }
    }

    fn arm_client(&mut self, id: TxId) {
        if let Some(tx) = self.clients.get_mut(&id) {
            let at = tx.machine.poll_timeout().map(|(at, _)| at);
            self.deadlines.set(Owner::Client(id), &mut tx.armed, at);
        }
    }
}

impl ClientTx {
    /// The method must be the request's (17.1.3); an answer to an INVITE must be to our call.
    fn expects(&self, method: &Method, response: &Message) -> bool {
        match &self.invite {
            Some(invite) => *method == Method::Invite && from_tag(response) == invite.local_tag,
            None => match self.purpose {
                Purpose::Cancel => *method == Method::Cancel,
                Purpose::Bye => *method == Method::Bye,
                Purpose::Request(kind, _) => *method == kind.method(),
                // the branch is ours alone, and an errand's method is neither INVITE nor CANCEL
                Purpose::Errand => !matches!(method, Method::Invite | Method::Cancel),
                Purpose::Invite => false,
            },
        }
    }

    fn outgoing(&self, packet: Packet) -> Outgoing {
        Outgoing { sent: Sent { packet, to: self.to }, report: Some(self.report), first: None }
    }

    /// The ACK of a final response 300-699, made once (17.1.1.3).
    fn failure_ack(&mut self, response: &Message) -> Option<Packet> {
        let invite = self.invite.as_mut()?;
        if let (None, Some(message)) = (&invite.ack, &invite.message) {
            invite.ack = ack_of_failure(message, response).map(|ack| Packet::new(&ack));
        }
        invite.ack.clone()
    }
}

/// 17.1.1.3: everything as in the INVITE, To as in the response, the same top Via.
fn ack_of_failure(invite: &Message, response: &Message) -> Option<Message> {
    let mut ack = Message::request(Method::Ack, invite.uri()?.clone());
    for (name, value) in invite.all_headers() {
        if ["Via", "Route", "Max-Forwards", "From", "Call-ID"].iter().any(|copied| name.eq_ignore_ascii_case(copied)) {
            ack.push(name, value);
        }
    }
    ack.push("To", response.header("To")?);
    ack.push("CSeq", format!("{} ACK", invite.cseq().ok()?.number));
    Some(ack)
}

/// CANCEL bears the branch of its INVITE (9.1).
fn key(branch: &str, cancel: bool) -> String {
    if cancel { format!("{branch}/CANCEL") } else { branch.to_owned() }
}
