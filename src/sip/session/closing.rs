//! Our BYE is out (RFC 3261 15.1.1). Whatever comes of it, the session ends; a challenge is answered first.
//!
//! Also the way in which unwanted dialogs are put away: forks, answers after a CANCEL, unusable and stray answers.

use crate::sip::auth::Credentials;
use crate::sip::dialog::Dialog;
use crate::sip::endpoint::TxId;
use crate::sip::message::{Message, Method};
use std::sync::Arc;

use super::auth::AuthBook;
use super::context::{Cx, Effect, Outcome, Sent};
use super::event::{EndCause, HangupReason, SessionEvent, Side};
use super::{State, calling::Caller};

/// What to tell the call layer at the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reason {
    /// We hung up an answered session: tell what became of the BYE.
    HungUp,
    /// Our 2xx was never acknowledged.
    NoAck,
    /// The session timer ran out.
    Expired,
    /// The call layer has its final event already, or never knew of this dialog.
    Silent,
}

/// The state.
pub(crate) struct Closing {
    dialog: Dialog,
    caller: Option<Arc<Caller>>,
    auth: AuthBook,
    reason: Reason,
    hangup: HangupReason,
    ack: Option<Sent>,
}

impl Closing {
    /// Sends the BYE. `ack` is the ACK that a repeated 2xx still gets.
    pub fn start(
        cx: &mut Cx,
        mut dialog: Dialog,
        caller: Option<Arc<Caller>>,
        ack: Option<Sent>,
        reason: Reason,
        hangup: HangupReason,
    ) -> State {
        send_bye(cx, &mut dialog, hangup, None);
        State::Closing(Box::new(Closing { dialog, caller, auth: AuthBook::default(), reason, hangup, ack }))
    }

    /// The BYE was answered, or not.
    pub fn outcome(mut self: Box<Self>, cx: &mut Cx, outcome: Outcome) -> State {
        let cause = match outcome {
            Outcome::TimedOut => EndCause::ByeTimeout,
            Outcome::Unreachable => EndCause::ByeUnreachable,
            Outcome::Response(response) => match response.status().unwrap_or_default() {
                0..=199 => return State::Closing(self),
                200..=299 => EndCause::Bye,
                401 | 407 if self.answer_challenge(cx, response) => return State::Closing(self),
                status => EndCause::ByeRefused(status),
            },
        };
        self.end(cx, cause)
    }

    /// Their BYE crossed ours: 200, and it is over. Anything else comes too late.
    pub fn request(self: Box<Self>, cx: &mut Cx, tx: TxId, request: &Message) -> State {
        let same_dialog = crate::sip::dialog::from_tag(request) == self.dialog.remote_tag();
        if same_dialog && request.method() == Some(&Method::Bye) {
            cx.answer(tx, request, 200);
            return self.end(cx, EndCause::Bye);
        }
        cx.answer(tx, request, 481);
        State::Closing(self)
    }

    /// The ACK for a repeated 2xx of this dialog.
    pub fn ack_for(&self, remote_tag: &str) -> Option<&Sent> {
        self.ack.as_ref().filter(|_| self.dialog.remote_tag() == remote_tag)
    }

    fn answer_challenge(&mut self, cx: &mut Cx, response: &Message) -> bool {
        let Some(caller) = self.caller.clone() else { return false };
        let Some(credentials) = &caller.credentials else { return false };
        if self.auth.challenged(response).is_err() {
            return false;
        }
        send_bye(cx, &mut self.dialog, self.hangup, Some((credentials, &mut self.auth)));
        true
    }

    fn end(self: Box<Self>, cx: &mut Cx, cause: EndCause) -> State {
        let cause = match self.reason {
            Reason::HungUp => cause,
            Reason::NoAck => EndCause::NoAck,
            Reason::Expired => EndCause::Expired,
            Reason::Silent => return State::Over,
        };
        cx.emit(SessionEvent::Ended { by: Side::Local, cause });
        State::Over
    }
}

fn send_bye(cx: &mut Cx, dialog: &mut Dialog, hangup: HangupReason, auth: Option<(&Credentials, &mut AuthBook)>) {
    let hop = dialog.next_hop();
    let via = cx.via(hop);
    let mut message = dialog.request(Method::Bye, &via);
    if let (Some((credentials, book)), Some(uri)) = (auth, message.uri().cloned()) {
        for (name, value) in book.answers(credentials, &Method::Bye, &uri, &[], cx.tokens) {
            message.push(name, value);
        }
    }
    if let Some(reason) = hangup.header() {
        message.push("Reason", reason);
    }
    message.push("User-Agent", cx.config.user_agent.as_str());
    cx.effects.push(Effect::Bye { message, to: hop });
}
