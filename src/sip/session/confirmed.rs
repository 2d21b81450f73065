//! A confirmed session, either side: BYE from here or there, re-INVITEs and UPDATEs of the far side (RFC 3261 14.2, 15; RFC 3311), and our REFER.
//!
//! Never changes the media by itself and never reads SDP: an offer that says the same as the far side's last description is answered with
//! our present one, any other is the call layer's to answer; refused (488), it leaves the call as it was.

use crate::sip::dialog::{Dialog, from_tag};
use crate::sip::endpoint::TxId;
use crate::sip::message::{Message, Method};
use crate::sip::transaction::Timer;
use crate::sip::uri::Uri;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::State;
use super::calling::Caller;
use super::closing::{Closing, Reason};
use super::context::{ALLOW, Cx, Outcome, SDP, Sent, response};
use super::event::{EndCause, HangupReason, ReferEvent, SessionEvent, Side};
use super::expires::SessionTimer;
use super::refer::{Referral, on_notify};
use super::refresh::Upkeep;
use super::repeat::Repeat;
use super::ringing::send_2xx;

/// The state.
pub(crate) struct Confirmed {
    pub(super) dialog: Dialog,
    /// The caller's facts, if we called: credentials for the BYE.
    pub(super) caller: Option<Arc<Caller>>,
    /// The ACK we sent, if we called.
    pub(super) ack: Option<Sent>,
    /// Our last session description.
    pub(super) local_sdp: Vec<u8>,
    /// The far side's last session description.
    pub(super) remote_sdp: Vec<u8>,
    /// A 2xx to a re-INVITE that waits for its ACK.
    pub(super) reanswer: Option<Repeat>,
    /// A re-INVITE that waits for the call layer's answer.
    pub(super) reoffer: Option<Box<Reoffer>>,
    /// The present or last REFER of ours.
    pub(super) referral: Option<Box<Referral>>,
    /// What keeps the session.
    pub(super) upkeep: Upkeep,
}

/// A re-INVITE or UPDATE that waits for an answer.
pub(super) struct Reoffer {
    pub tx: TxId,
    pub request: Message,
    pub until: Instant,
}

impl Reoffer {
    pub fn new(tx: TxId, request: &Message, now: Instant) -> Box<Reoffer> {
        Box::new(Reoffer { tx, request: request.clone(), until: now + OFFER_WAIT })
    }
}

/// The call layer answers at once; what it does not answer within this time is refused, long before the far side gives up (64*T1).
const OFFER_WAIT: Duration = Duration::from_secs(4);

impl Confirmed {
    pub fn hangup(self: Box<Self>, cx: &mut Cx, reason: HangupReason) -> State {
        self.close(cx, Reason::HungUp, reason)
    }

    pub fn close(mut self: Box<Self>, cx: &mut Cx, reason: Reason, hangup: HangupReason) -> State {
        self.answer_offer(cx, None); // a re-INVITE that waits is not left without its final response
        Closing::start(cx, self.dialog, self.caller, self.ack, reason, hangup)
    }

    pub fn request(mut self: Box<Self>, cx: &mut Cx, tx: TxId, request: &Message) -> State {
        if from_tag(request) != self.dialog.remote_tag() {
            cx.answer(tx, request, 481);
            return State::Confirmed(self);
        }
        // 12.2.2: out of order
        if !request.cseq().is_ok_and(|cseq| self.dialog.accept_cseq(cseq.number)) {
            cx.answer(tx, request, 500);
            return State::Confirmed(self);
        }
        match request.method() {
            Some(Method::Bye) => {
                self.answer_offer(cx, None);
                cx.answer(tx, request, 200);
                cx.told_why(request);
                cx.emit(SessionEvent::Ended { by: Side::Remote, cause: EndCause::Bye });
                State::Over
            }
            Some(Method::Invite | Method::Update) => {
                self.reinvite(cx, tx, request);
                State::Confirmed(self)
            }
            Some(Method::Notify) => {
                on_notify(cx, self.referral.as_deref_mut(), tx, request);
                State::Confirmed(self)
            }
            _ => {
                cx.answer_plainly(tx, request);
                State::Confirmed(self)
            }
        }
    }

    /// Hands the far side over to `to`, one REFER at a time.
    pub fn refer(&mut self, cx: &mut Cx, to: Option<Uri>) {
        let busy = self.referral.as_ref().is_some_and(|referral| !referral.is_over());
        match to {
            Some(to) if !busy => self.referral = Some(Box::new(Referral::start(cx, &mut self.dialog, to))),
            Some(_) => cx.emit(SessionEvent::Refer(ReferEvent::Refused(491))),
            None => cx.emit(SessionEvent::Refer(ReferEvent::Refused(481))),
        }
    }

    pub fn refer_outcome(&mut self, cx: &mut Cx, cseq: u32, outcome: Outcome) {
        if let Some(referral) = &mut self.referral {
            referral.outcome(cx, &mut self.dialog, self.caller.as_deref(), cseq, outcome);
        }
    }

    /// 14.2, RFC 3311 5.2. A re-INVITE without an offer asks for ours: the present description. An UPDATE without one changes no media.
    fn reinvite(&mut self, cx: &mut Cx, tx: TxId, request: &Message) {
        let offers = request.method() == Some(&Method::Invite) || !request.body().is_empty();
        if offers && self.upkeep.reinvites() {
            // our own offer is under way
            return cx.answer(tx, request, 491);
        }
        if offers && (self.reanswer.is_some() || self.reoffer.is_some()) {
            return cx.answer_busy(tx, request);
        }
        if !request.body().is_empty() && !same_media(request.body(), &self.remote_sdp) {
            self.reoffer = Some(Reoffer::new(tx, request, cx.now));
            return cx.emit(SessionEvent::Reoffer { sdp: request.body().to_vec() });
        }
        self.reaccept(cx, tx, request);
    }

    /// 200, with our present description unless an UPDATE brought none. Both methods refresh the target (12.2.2) and the session (RFC 4028 9).
    fn reaccept(&mut self, cx: &mut Cx, tx: TxId, request: &Message) {
        self.dialog.refresh_target(request);
        let mut message = response(cx.config, request, 200, None);
        message.push("Contact", cx.contact(cx.hop_of(tx, request)));
        message.push("Allow", ALLOW);
        message.push("Supported", "timer");
        let timer = SessionTimer::of_request(request, cx.now).map(|(timer, fields)| {
            fields.into_iter().for_each(|(name, value)| message.push(name, value));
            timer
        });
        self.upkeep.refreshed(timer);
        if request.method() == Some(&Method::Invite) {
            message.set_body(SDP, self.local_sdp.clone());
            self.reanswer = Some(send_2xx(cx, tx, request, message));
        } else {
            if !request.body().is_empty() {
                message.set_body(SDP, self.local_sdp.clone());
            }
            cx.respond(tx, message);
        }
    }

    /// The call layer's answer to the re-INVITE or UPDATE that waits, or none: then nothing changes.
    pub fn answer_offer(&mut self, cx: &mut Cx, answer: Option<Vec<u8>>) {
        let Some(reoffer) = self.reoffer.take() else { return };
        let Reoffer { tx, request, .. } = *reoffer;
        match answer {
            Some(answer) => {
                self.local_sdp = answer;
                self.remote_sdp = request.body().to_vec();
                self.reaccept(cx, tx, &request);
            }
            None => cx.answer(tx, &request, 488),
        }
    }

    pub fn ack(mut self: Box<Self>, ack: &Message) -> State {
        let number = ack.cseq().map_or(0, |cseq| cseq.number);
        if from_tag(ack) == self.dialog.remote_tag() && self.reanswer.as_ref().is_some_and(|r| r.is_acked_by(number)) {
            self.reanswer = None;
        }
        State::Confirmed(self)
    }

    pub fn time(mut self: Box<Self>, cx: &mut Cx) -> State {
        // 14.2, 13.3.1.4: the ACK never came, so nobody knows what the far side holds for agreed
        if self.reanswer.as_mut().is_some_and(|repeat| !repeat.time(cx)) {
            return self.close(cx, Reason::NoAck, HangupReason::Normal);
        }
        if !self.upkeep_time(cx) {
            return self.expired(cx);
        }
        if self.reoffer.as_ref().is_some_and(|reoffer| cx.now >= reoffer.until) {
            self.answer_offer(cx, None);
        }
        if let Some(referral) = &mut self.referral {
            referral.time(cx);
        }
        State::Confirmed(self)
    }

    /// The caller's facts, if we called.
    pub fn caller(&self) -> Option<&Arc<Caller>> {
        self.caller.as_ref()
    }

    pub fn ack_for(&self, remote_tag: &str) -> Option<&Sent> {
        self.ack.as_ref().filter(|_| self.dialog.remote_tag() == remote_tag)
    }

    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        let repeat = self.reanswer.as_ref().map(Repeat::poll_timeout);
        let refer = self.referral.as_ref().and_then(|referral| referral.until()).map(|at| (at, Timer::ReferWait));
        let offer = self.reoffer.as_ref().map(|reoffer| (reoffer.until, Timer::OfferWait));
        repeat.into_iter().chain(refer).chain(offer).chain(self.upkeep.poll_timeout()).min_by_key(|(at, _)| *at)
    }
}

/// Whether two descriptions differ in nothing but the origin line (its version may count up on a refresh), line ends and trailing space.
pub(super) fn same_media(offer: &[u8], known: &[u8]) -> bool {
    fn lines(sdp: &[u8]) -> impl Iterator<Item = &[u8]> {
        sdp.split(|byte| *byte == b'\n')
            .map(<[u8]>::trim_ascii_end)
            .filter(|line| !line.is_empty() && !line.starts_with(b"o="))
    }
    lines(offer).eq(lines(known))
}
