//! Dialogs that nobody wants: forks that answered second, and answers to calls that we gave up or never heard of (after a restart).
//!
//! Each gets its ACK and a BYE (RFC 3261 13.2.2.4), or it would stay on as a call that only the bill shows.

use crate::sip::dialog::{from_tag, to_tag};
use crate::sip::header::Via;
use crate::sip::hop::Hop;
use crate::sip::message::Message;
use crate::sip::session::{Caller, Closing, HangupReason, Reason, Sent, SessionId};
use std::sync::Arc;
use std::time::Instant;

use super::door::Guest;
use super::{Endpoint, Outgoing};

/// Most stray answers being put away at a time: a forger of answers must not make us flood a third party.
const MAX_STRAYS: usize = 256;

/// A BYE must bear a higher CSeq than any request of the forgotten session, or PRACK of the other fork, did.
const CSEQ_GAP: u32 = 100;

impl Endpoint {
    /// ACK and BYE for the dialog that this 2xx made. No events but traces, to `report`.
    pub(super) fn put_away(
        &mut self,
        now: Instant,
        caller: &Arc<Caller>,
        response: &Message,
        report: Option<SessionId>,
    ) -> (SessionId, Sent) {
        let call_id = response.call_id().unwrap_or_default().to_owned();
        let id = self.new_session(call_id, from_tag(response), report);
        let mut kept = None;
        self.with_session(now, id, |session, cx| {
            let (mut dialog, _, ack) = caller.acknowledge(cx, response);
            dialog.skip_cseq(CSEQ_GAP);
            kept = Some(ack.clone());
            cx.effects.push(crate::sip::session::Effect::Again(ack.clone()));
            let caller = Some(caller.clone());
            session.state = Closing::start(cx, dialog, caller, Some(ack), Reason::Silent, HangupReason::Normal);
        });
        (id, kept.expect("the session was made in this function, so its input ran"))
    }

    /// A 2xx to an INVITE whose transaction is gone.
    pub(super) fn on_stray_answer(&mut self, now: Instant, from: Hop, via: &Via, response: &Message) {
        let local = self.config.local_for(from.transport);
        let ours = via.host.ip() == Some(local.ip())
            && via.port.unwrap_or(from.transport.default_port()) == local.port()
            && response.vias().is_ok_and(|vias| vias.len() == 1);
        if !ours {
            self.counters.unknown_responses += 1;
            tracing::debug!(peer = %from, "answer to somebody else's INVITE dropped");
            return;
        }
        let (Ok(call_id), tag) = (response.call_id(), to_tag(response)) else { return };
        let key = format!("{call_id} {tag}");
        let session = match self.strays.get(&key) {
            Some(id) => self.sessions.get(id),
            None => self.find_session(&from_tag(response), call_id),
        };
        // a late repetition in a live call, or while its BYE is on the way
        if let Some((report, sent)) = session.and_then(|s| Some((s.report, s.ack_for(&tag)?.clone()))) {
            self.trace_received(report, response, from);
            self.transmits.push_back(Outgoing { sent, report: Some(report), first: None });
            return;
        }
        if self.guest != Guest::Known {
            // on the word of an address that anybody can write nobody is sent a BYE, and its repetitions (decisions/0033)
            self.counters.unknown_responses += 1;
            return;
        }
        if self.strays.len() >= MAX_STRAYS {
            self.counters.overload += 1;
            return;
        }
        let (Some(our_from), Ok(to)) = (response.header("From"), response.to()) else { return };
        self.counters.stray_answers += 1;
        tracing::warn!(peer = %from, "answer to no call of ours: ACK and BYE");
        let (our_from, target) = (our_from.to_owned(), to.uri.for_request());
        let caller = Caller { from: our_from, target, next_hop: from, credentials: None, authorization: Vec::new() };
        let (id, _) = self.put_away(now, &Arc::new(caller), response, None);
        if self.sessions.contains_key(&id) {
            self.strays.insert(key, id);
        }
    }
}
