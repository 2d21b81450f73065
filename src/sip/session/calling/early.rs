//! What happens in the early dialogs of a call: provisional responses, reliable or not, UPDATEs of the far side, forwarding.

use crate::sip::dialog::{from_tag, to_tag};
use crate::sip::endpoint::TxId;
use crate::sip::message::Message;

use super::super::confirmed::{Reoffer, same_media};
use super::super::context::{Cx, Outcome};
use super::super::early::{Early, Reliable, rseq};
use super::super::event::SessionEvent;
use super::super::told::forwarded;
use super::{Calling, MAX_FORKS};

impl Calling {
    /// An UPDATE before the answer (RFC 3311 5.2). Its offer is answered as a re-INVITE's is; the media follow with the 2xx.
    pub(super) fn update(&mut self, cx: &mut Cx, tx: TxId, request: &Message, at: usize) {
        let early = &mut self.early[at];
        if !request.cseq().is_ok_and(|cseq| early.accept_cseq(cseq.number)) {
            return cx.answer(tx, request, 500);
        }
        if let Some(dialog) = &mut early.dialog {
            dialog.refresh_target(request);
        }
        let offer = request.body();
        if offer.is_empty() {
            cx.answer_update(tx, request, None);
        } else if self.reoffer.is_some() {
            cx.answer_busy(tx, request);
        } else if !early.settled {
            // our own offer has no reliable answer yet
            cx.answer(tx, request, 491);
        } else if early.sdp.as_ref().is_some_and(|known| same_media(offer, known)) {
            let ours = early.local.clone().unwrap_or_else(|| self.invite.body().to_vec());
            cx.answer_update(tx, request, Some(ours));
        } else {
            self.reoffer = Some(Reoffer::new(tx, request, cx.now));
            cx.emit(SessionEvent::Reoffer { sdp: offer.to_vec() });
        }
    }

    /// The call layer's answer to the early UPDATE that waits, or none: then nothing changes.
    pub fn answer_offer(&mut self, cx: &mut Cx, answer: Option<Vec<u8>>) {
        let Some(reoffer) = self.reoffer.take() else { return };
        let Reoffer { tx, request, .. } = *reoffer;
        let tag = from_tag(&request);
        match (answer, self.early.iter_mut().find(|early| early.tag == tag)) {
            (Some(answer), Some(early)) => {
                early.sdp = Some(request.body().to_vec());
                early.local = Some(answer.clone());
                cx.answer_update(tx, &request, Some(answer));
            }
            (Some(_) | None, _) => cx.answer(tx, &request, 488),
        }
    }

    /// An UPDATE that waits is not left without its final response.
    pub(super) fn refuse_offer(&mut self, cx: &mut Cx) {
        self.answer_offer(cx, None);
    }

    pub fn prack_outcome(&mut self, cx: &mut Cx, cseq: u32, outcome: Outcome<'_>) {
        let caller = self.caller.clone();
        self.early.iter_mut().for_each(|early| early.prack_outcome(cx, &caller, cseq, outcome));
    }

    /// Notes a provisional response, and acknowledges it if it is reliable. False: there is nothing new in it.
    pub(super) fn note_early(&mut self, cx: &mut Cx, response: &Message, sdp: &Option<Vec<u8>>) -> bool {
        let tag = to_tag(response);
        let at = match self.early.iter().position(|early| early.tag == tag) {
            Some(at) => at,
            None if self.early.len() < MAX_FORKS => {
                self.early.push(Early::new(tag));
                self.early.len() - 1
            }
            None => return true,
        };
        let early = &mut self.early[at];
        let rseq = rseq(response);
        if let Some(rseq) = rseq
            && early.reliable(cx, &self.caller, &mut self.auth, response, rseq) == Reliable::Passed
        {
            return false;
        }
        if early.sdp.is_none() {
            early.sdp.clone_from(sdp);
        }
        early.settled |= rseq.is_some() && sdp.is_some();
        true
    }

    /// Tells once that the call was forwarded.
    pub(super) fn note_forwarding(&mut self, cx: &mut Cx, response: &Message) {
        if let (false, Some(told)) = (self.forwarded, forwarded(response)) {
            self.forwarded = true;
            cx.emit(SessionEvent::Forwarded(Box::new(told)));
        }
    }
}
