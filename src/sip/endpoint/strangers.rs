//! What the endpoint does with strangers' messages ([`super::door`]): REGISTER and what belongs to transactions and calls that there are is looked at, everything else is
//! dropped or refused without a transaction, so that nothing is repeated and nothing remembered. And the answer to what cannot be read, for those who are known.

use super::door::{Guest, Strangers};
use super::{Endpoint, Outgoing, Packet};
use crate::sip::hop::Hop;
use crate::sip::message::{Message, Method, ParseError, refusal};
use crate::sip::session::{Sent, response};
use std::time::Instant;

impl Endpoint {
    /// Whether a new request is looked at; if not, it is dealt with.
    pub(super) fn lets_in(&mut self, now: Instant, from: Hop, request: &Message, ours: bool) -> bool {
        let registers = request.method() == Some(&Method::Register) && self.registrar.is_some();
        if self.guest == Guest::Known || ours || registers {
            return true;
        }
        let Some(door) = &mut self.door else { return true };
        if door.policy() == Strangers::Drop || request.method() == Some(&Method::Ack) {
            door.dropped(now, from.ip());
            return false;
        }
        let tag = self.tokens.tag();
        let packet = Packet::new(&response(&self.config, request, 403, Some(&tag)));
        if door.pays(from.ip(), packet.bytes().len()) {
            door.refused(now, from.ip());
            self.transmits.push_back(Outgoing { sent: Sent { packet, to: from }, report: None, first: None });
        } else {
            door.dropped(now, from.ip());
        }
        false
    }

    /// What came knows a branch or the tags of a call of ours, which nobody guesses: whoever sent it is part of the way of that call, wherever it is.
    pub(super) fn belongs(&mut self, now: Instant, from: Hop) {
        if let (Guest::Stranger, Some(door)) = (self.guest, &mut self.door) {
            door.proven(now, from.ip());
        }
    }

    /// Whether an answer of this size may go to who is asking.
    pub(super) fn may_answer(&mut self, from: Hop, bytes: usize) -> bool {
        let (Guest::Stranger, Some(door)) = (self.guest, &mut self.door) else { return true };
        door.pays(from.ip(), bytes)
    }

    /// A stranger's REGISTER was answered with this status, after credentials or before.
    pub(super) fn registered_as(&mut self, now: Instant, from: Hop, status: u16, with_credentials: bool) {
        let Some(door) = &mut self.door else { return };
        match status {
            200..=299 => door.proven(now, from.ip()),
            // the first 401 is how it begins
            401 if !with_credentials => {}
            _ => {
                if door.fault(now, from.ip()) {
                    tracing::warn!(peer = %from.ip(), "not heard for a while: too many refused registrations");
                }
            }
        }
    }

    /// The answer to a known peer's request that cannot be read; strangers learn nothing.
    pub(super) fn answer_unreadable(&mut self, now: Instant, from: Hop, bytes: &[u8], error: ParseError) {
        if self.guest != Guest::Known {
            if let Some(door) = &mut self.door {
                door.dropped(now, from.ip());
            }
            return;
        }
        let tag = self.tokens.tag();
        // longer than what came by a status line and a tag at most, even for those who are known: an address that anybody can write proves nothing
        let answer = refusal(bytes, error, &tag, &self.config.limits).filter(|answer| answer.len() <= bytes.len() + 64);
        if let Some(answer) = answer {
            let packet = Packet::plain(answer);
            self.transmits.push_back(Outgoing { sent: Sent { packet, to: from }, report: None, first: None });
        }
    }
}
