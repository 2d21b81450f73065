//! The called side before the session stands: ringing, answering, refusing (RFC 3261 8.2, 9.2, 13.3).
//!
//! Never sends a BYE before the ACK came or 64*T1 passed (15): until then a wish to hang up waits.

use crate::sip::dialog::{Dialog, DialogFault, from_tag};
use crate::sip::endpoint::{Packet, TxId};
use crate::sip::hop::Hop;
use crate::sip::message::{Message, Method};
use crate::sip::transaction::Timer;
use std::sync::Arc;
use std::time::Instant;

use super::State;
use super::closing::{Closing, Reason};
use super::confirmed::Confirmed;
use super::context::{ALLOW, Cx, SDP, Sent, response, sdp_of};
use super::event::{EndCause, HangupReason, IncomingInvite, SessionEvent, Side};
use super::expires::SessionTimer;
use super::refresh::Upkeep;
use super::repeat::Repeat;

/// The interval that a session of the called side asks for in its own refreshes, seconds.
const WANTED: u32 = 1_800;

/// The INVITE is in, no final response yet.
pub(crate) struct Ringing {
    invite: Arc<Message>,
    tx: TxId,
    tag: String,
    dialog: Dialog,
}

impl Ringing {
    /// A new call. Emits [`SessionEvent::Incoming`].
    pub fn start(cx: &mut Cx, invite: Arc<Message>, tx: TxId, tag: &str, source: Hop) -> Result<State, DialogFault> {
        let dialog = Dialog::uas(&invite, tag, source)?;
        if let (Ok(from), Ok(to), Some(uri)) = (invite.from(), invite.to(), invite.uri()) {
            let headers = invite.all_headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let offer = sdp_of(&invite).unwrap_or_default();
            let incoming = IncomingInvite { from, to, request_uri: uri.clone(), offer, headers };
            cx.emit(SessionEvent::Incoming(Box::new(incoming)));
        }
        Ok(State::Ringing(Box::new(Ringing { invite, tx, tag: tag.to_owned(), dialog })))
    }

    /// 101-199, which makes the dialog early (12.1.1).
    pub fn ring(&mut self, cx: &mut Cx, status: u16, sdp: Option<Vec<u8>>) {
        if !(101..=199).contains(&status) {
            return;
        }
        let mut message = self.dialog_response(cx, status);
        if let Some(sdp) = sdp {
            message.set_body(SDP, sdp);
        }
        cx.respond(self.tx, message);
    }

    pub fn accept(self: Box<Self>, cx: &mut Cx, answer: Vec<u8>) -> State {
        let mut message = self.dialog_response(cx, 200);
        message.push("Supported", "timer");
        let timer = SessionTimer::of_request(&self.invite, cx.now).map(|(timer, fields)| {
            fields.into_iter().for_each(|(name, value)| message.push(name, value));
            timer
        });
        let upkeep = Upkeep::new(WANTED, &self.invite, timer);
        message.set_body(SDP, answer.clone());
        let repeat = send_2xx(cx, self.tx, &self.invite, message);
        let remote_sdp = sdp_of(&self.invite);
        let answering = Answering { dialog: self.dialog, repeat, bye: None, local_sdp: answer, remote_sdp, upkeep };
        State::Answering(Box::new(answering))
    }

    /// 300-699; anything else is taken for 480.
    pub fn reject(self: Box<Self>, cx: &mut Cx, status: u16, headers: &[(String, String)]) -> State {
        let status = if (300..=699).contains(&status) { status } else { 480 };
        let mut message = response(cx.config, &self.invite, status, Some(&self.tag));
        for (name, value) in headers {
            message.push(name, value.as_str());
        }
        cx.respond(self.tx, message);
        cx.emit(SessionEvent::Ended { by: Side::Local, cause: EndCause::Rejected(status) });
        State::Over
    }

    /// 9.2
    pub fn canceled(self: Box<Self>, cx: &mut Cx, cancel: &Message) -> State {
        cx.told_why(cancel);
        self.give_up(cx)
    }

    /// A BYE may end an early dialog (15.1.2): the INVITE gets its 487 too.
    pub fn request(mut self: Box<Self>, cx: &mut Cx, tx: TxId, request: &Message) -> State {
        if from_tag(request) != self.dialog.remote_tag() {
            cx.answer(tx, request, 481);
            return State::Ringing(self);
        }
        if !request.cseq().is_ok_and(|cseq| self.dialog.accept_cseq(cseq.number)) {
            cx.answer(tx, request, 500);
            return State::Ringing(self);
        }
        match request.method() {
            Some(Method::Bye) => {
                cx.answer(tx, request, 200);
                cx.told_why(request);
                return self.give_up(cx);
            }
            // 14.2: the first INVITE has no final response yet
            Some(Method::Invite) => cx.answer_busy(tx, request),
            Some(Method::Update) if request.body().is_empty() => cx.answer_update(tx, request, None),
            // RFC 3311 5.2: the offer of the INVITE has no answer yet
            Some(Method::Update) => cx.answer_busy(tx, request),
            _ => cx.answer_plainly(tx, request),
        }
        State::Ringing(self)
    }

    fn give_up(self: Box<Self>, cx: &mut Cx) -> State {
        let message = response(cx.config, &self.invite, 487, Some(&self.tag));
        cx.respond(self.tx, message);
        cx.emit(SessionEvent::Canceled);
        State::Over
    }

    fn dialog_response(&self, cx: &Cx, status: u16) -> Message {
        let mut message = response(cx.config, &self.invite, status, Some(&self.tag));
        for route in self.invite.headers("Record-Route") {
            message.push("Record-Route", route);
        }
        message.push("Contact", cx.contact(cx.hop_of(self.tx, &self.invite)));
        message.push("Allow", ALLOW);
        message
    }
}

/// Our 2xx waits for its ACK.
pub(crate) struct Answering {
    dialog: Dialog,
    repeat: Repeat,
    /// We hung up meanwhile.
    bye: Option<HangupReason>,
    local_sdp: Vec<u8>,
    /// The offer; without one the answer comes with the ACK.
    remote_sdp: Option<Vec<u8>>,
    upkeep: Upkeep,
}

impl Answering {
    pub fn hangup(mut self: Box<Self>, reason: HangupReason) -> State {
        self.bye = Some(reason);
        State::Answering(self)
    }

    pub fn ack(self: Box<Self>, cx: &mut Cx, ack: &Message) -> State {
        let number = ack.cseq().map_or(0, |cseq| cseq.number);
        if from_tag(ack) != self.dialog.remote_tag() || !self.repeat.is_acked_by(number) {
            return State::Answering(self);
        }
        let late_sdp = if self.remote_sdp.is_none() { sdp_of(ack) } else { None };
        let confirmed = Box::new(Confirmed {
            dialog: self.dialog,
            caller: None,
            ack: None,
            local_sdp: self.local_sdp,
            remote_sdp: self.remote_sdp.or_else(|| late_sdp.clone()).unwrap_or_default(),
            reanswer: None,
            reoffer: None,
            referral: None,
            upkeep: self.upkeep,
        });
        match self.bye {
            Some(reason) => confirmed.close(cx, Reason::HungUp, reason),
            None => {
                cx.emit(SessionEvent::Acked { sdp: late_sdp });
                State::Confirmed(confirmed)
            }
        }
    }

    /// A BYE may overtake the ACK, or the ACK be lost: the session is over all the same.
    pub fn request(mut self: Box<Self>, cx: &mut Cx, tx: TxId, request: &Message) -> State {
        if from_tag(request) != self.dialog.remote_tag() {
            cx.answer(tx, request, 481);
            return State::Answering(self);
        }
        if !request.cseq().is_ok_and(|cseq| self.dialog.accept_cseq(cseq.number)) {
            cx.answer(tx, request, 500);
            return State::Answering(self);
        }
        match request.method() {
            Some(Method::Bye) => {
                cx.answer(tx, request, 200);
                cx.told_why(request);
                let by = if self.bye.is_some() { Side::Local } else { Side::Remote };
                cx.emit(SessionEvent::Ended { by, cause: EndCause::Bye });
                return State::Over;
            }
            Some(Method::Invite) => cx.answer(tx, request, 491),
            Some(Method::Update) if request.body().is_empty() => cx.answer_update(tx, request, None),
            Some(Method::Update) => cx.answer(tx, request, 491),
            _ => cx.answer_plainly(tx, request),
        }
        State::Answering(self)
    }

    pub fn time(mut self: Box<Self>, cx: &mut Cx) -> State {
        if self.repeat.time(cx) {
            return State::Answering(self);
        }
        let reason = self.bye.unwrap_or(HangupReason::Normal);
        Closing::start(cx, self.dialog, None, None, Reason::NoAck, reason)
    }

    pub fn poll_timeout(&self) -> (Instant, Timer) {
        self.repeat.poll_timeout()
    }
}

/// Sends a 2xx to an INVITE and begins to repeat it.
pub(super) fn send_2xx(cx: &mut Cx, tx: TxId, invite: &Message, message: Message) -> Repeat {
    let cseq = invite.cseq().map_or(0, |cseq| cseq.number);
    let sent = Sent { packet: Packet::new(&message), to: cx.hop_of(tx, &message) };
    let repeat = Repeat::start(sent, cseq, &cx.config.timers, cx.now);
    cx.respond(tx, message);
    repeat
}
