//! Early dialogs of a call of ours: reliable provisional responses and their PRACKs (RFC 3262), and what an UPDATE changes before the answer (RFC 3311).
//!
//! A PRACK goes along the route set of its early dialog and is a transaction of its own: the ACK of the 2xx never waits for it.

use crate::sip::auth::Credentials;
use crate::sip::dialog::Dialog;
use crate::sip::message::{Message, Method};

use super::auth::AuthBook;
use super::calling::Caller;
use super::context::{Cx, Effect, Kind, Outcome};
use super::expires::lists;

/// Most PRACKs of one early dialog whose outcome still means something.
const MAX_PRACKS: usize = 8;

/// One early dialog.
pub(super) struct Early {
    /// Its To tag.
    pub tag: String,
    /// The far side's present description (13.2.1: the first one is the answer).
    pub sdp: Option<Vec<u8>>,
    /// Ours, where an UPDATE has changed it.
    pub local: Option<Vec<u8>>,
    /// The answer came reliably: offers may follow (RFC 3311 5.1).
    pub settled: bool,
    /// CSeq number of the far side's last request.
    pub remote_cseq: Option<u32>,
    /// There is one as soon as something is sent in it.
    pub dialog: Option<Dialog>,
    rseq: Option<u32>,
    pracks: Vec<Prack>,
}

struct Prack {
    cseq: u32,
    rack: String,
    auth: AuthBook,
}

/// What a reliable response is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reliable {
    /// The next one: it counts, and its PRACK is out.
    Next,
    /// One that was had already, or one that comes too early: not to be looked at (RFC 3262 4).
    Passed,
}

/// The RSeq of a reliable provisional response.
pub(super) fn rseq(response: &Message) -> Option<u32> {
    let status = response.status()?;
    let number = response.header("RSeq")?.trim().parse().ok()?;
    ((101..=199).contains(&status) && lists(response, "Require", "100rel")).then_some(number)
}

impl Early {
    pub fn new(tag: String) -> Early {
        Early {
            tag,
            sdp: None,
            local: None,
            settled: false,
            remote_cseq: None,
            dialog: None,
            rseq: None,
            pracks: Vec::new(),
        }
    }

    /// A reliable response of this dialog: acknowledged once, in order (RFC 3262 4).
    pub fn reliable(
        &mut self,
        cx: &mut Cx,
        caller: &Caller,
        auth: &mut AuthBook,
        response: &Message,
        rseq: u32,
    ) -> Reliable {
        if self.rseq.is_some_and(|last| last.checked_add(1) != Some(rseq)) {
            return Reliable::Passed;
        }
        self.rseq = Some(rseq);
        let dialog = self.dialog.get_or_insert_with(|| caller.dialog(response).0);
        let invite = response.cseq().map_or(1, |cseq| cseq.number);
        let rack = format!("{rseq} {invite} INVITE");
        let cseq = send_prack(cx, dialog, &rack, caller.credentials.as_ref(), auth);
        if self.pracks.len() < MAX_PRACKS {
            self.pracks.push(Prack { cseq, rack, auth: AuthBook::default() });
        }
        Reliable::Next
    }

    /// The PRACK with this CSeq number was answered, or not. A challenge is met; anything else is the far side's to mend: it ends the INVITE if it must.
    pub fn prack_outcome(&mut self, cx: &mut Cx, caller: &Caller, cseq: u32, outcome: Outcome<'_>) {
        let Some(at) = self.pracks.iter().position(|prack| prack.cseq == cseq) else { return };
        let (Outcome::Response(response), Some(dialog)) = (outcome, &mut self.dialog) else { return };
        match response.status().unwrap_or_default() {
            0..=199 => {}
            401 | 407 => {
                let prack = &mut self.pracks[at];
                if caller.credentials.is_some() && prack.auth.challenged(response).is_ok() {
                    prack.cseq = send_prack(cx, dialog, &prack.rack, caller.credentials.as_ref(), &mut prack.auth);
                }
            }
            _ => drop(self.pracks.remove(at)),
        }
    }

    /// A request of the far side: false if it is out of order (12.2.2).
    pub fn accept_cseq(&mut self, number: u32) -> bool {
        let higher = self.remote_cseq.is_none_or(|last| number > last);
        if higher {
            self.remote_cseq = Some(number);
        }
        higher
    }
}

fn send_prack(
    cx: &mut Cx,
    dialog: &mut Dialog,
    rack: &str,
    credentials: Option<&Credentials>,
    auth: &mut AuthBook,
) -> u32 {
    let hop = dialog.next_hop();
    let via = cx.via(hop);
    let mut message = dialog.request(Method::Prack, &via);
    message.push("RAck", rack);
    if let (Some(credentials), Some(uri)) = (credentials, message.uri().cloned()) {
        for (name, value) in auth.answers(credentials, &Method::Prack, &uri, &[], cx.tokens) {
            message.push(name, value);
        }
    }
    message.push("User-Agent", cx.config.user_agent.as_str());
    let cseq = message.cseq().map_or(0, |cseq| cseq.number);
    cx.effects.push(Effect::Request { kind: Kind::Prack, message, to: hop, cseq });
    cseq
}
