//! REGISTER at the endpoint, where it has a registrar: the request in, the registrar's reply out, its events and its deadline kept.

use crate::sip::hop::Hop;
use crate::sip::message::Message;
use crate::sip::registrar::{RegistrarEvent, RegistrarUser};
use crate::sip::session::{Sent, response};
use std::time::Instant;

use super::deadlines::Owner;
use super::{Endpoint, Outgoing, Packet, TxId};

impl Endpoint {
    /// These and nobody else may register from now on; phones of others are unbound. Without a registrar nothing happens.
    pub fn set_registrar_users(&mut self, users: &[RegistrarUser]) {
        if let Some(registrar) = &mut self.registrar {
            registrar.set_users(users);
            self.arm_registrar();
        }
    }

    /// The next thing that happened to a phone.
    pub fn poll_registrar_event(&mut self) -> Option<RegistrarEvent> {
        self.registrar.as_mut()?.poll_event()
    }

    /// A REGISTER that passed the checks of every request.
    pub(super) fn on_register(&mut self, now: Instant, from: Hop, tx: TxId, request: &Message) {
        let Some(registrar) = &mut self.registrar else { return };
        let reply = registrar.handle(now, from, request, &mut self.tokens);
        self.arm_registrar();
        let tag = self.tokens.tag();
        let mut message = response(&self.config, request, reply.status, Some(&tag));
        for (name, value) in reply.headers {
            message.push(name, value);
        }
        self.registered_as(now, from, reply.status, request.header("Authorization").is_some());
        // what is longer than all that came from a stranger waits for the repetition, which brings as much again
        if self.may_answer(from, message.to_bytes().len()) {
            self.respond(now, tx, &message);
        } else {
            self.forget_server(tx);
        }
    }

    pub(super) fn registrar_time(&mut self, now: Instant) {
        if let Some(registrar) = &mut self.registrar {
            registrar.time(now);
            self.arm_registrar();
        }
    }

    /// A phone that keeps its way through NAT open with a double CRLF gets a single one back (RFC 5626 4.4.1). To single ones nobody answers, so
    /// that two sides that do alike never talk for ever.
    pub(super) fn on_keep_alive(&mut self, from: Hop, bytes: &[u8]) {
        if self.registrar.is_some() && bytes == b"\r\n\r\n" {
            let sent = Sent { packet: Packet::keep_alive(), to: from };
            self.transmits.push_back(Outgoing { sent, report: None, first: None });
        }
    }

    fn arm_registrar(&mut self) {
        if let Some(registrar) = &mut self.registrar {
            let at = registrar.poll_timeout();
            self.deadlines.set(Owner::Registrar, &mut registrar.armed, at);
        }
    }
}
