//! One INVITE session, caller's or called side's, from the first message to the last (RFC 3261 sections 9, 12-15).
//!
//! A state owns what only it has; a handler takes the state by value and gives the next one. What must be sent goes out as
//! [`Effect`]s that the endpoint carries out. No socket, no clock, no transaction lives here, and nothing here reads SDP.

mod auth;
mod calling;
mod closing;
mod confirmed;
mod context;
mod early;
mod event;
mod expires;
mod failure;
mod redirect;
mod refer;
mod refresh;
mod repeat;
mod ringing;
mod told;

pub use calling::MADE_HERE;
pub use context::MAX_INFO;
pub use event::{
    EndCause, HangupReason, IncomingInvite, InfoBody, ReferEvent, SessionEvent, SessionId, Side, TraceLine,
};
pub use failure::{AuthProblem, Failure, FailureKind, Stage, UnusableAnswer};
pub use told::{Cause, Forwarded, Protocol, causes};

pub(crate) use auth::AuthBook;
pub(crate) use calling::{Caller, Calling};
pub(crate) use closing::{Closing, Reason};
pub(crate) use context::{ALLOW, Cx, Effect, Kind, Outcome, SDP, Sent, capabilities, is_sdp, response};
pub(crate) use expires::{MIN_SE, has_option, session_expires};
pub(crate) use ringing::Ringing;

use crate::sip::message::Message;
use crate::sip::transaction::Timer;
use crate::sip::uri::Uri;
use confirmed::Confirmed;
use ringing::Answering;
use std::time::Instant;

use super::endpoint::TxId;

/// What a session is at the moment.
pub(crate) enum State {
    /// Caller: the INVITE is out, no final response yet.
    Calling(Box<Calling>),
    /// Called side: the INVITE is in, no final response yet.
    Ringing(Box<Ringing>),
    /// Called side: our 2xx waits for its ACK.
    Answering(Box<Answering>),
    /// Either side: talking.
    Confirmed(Box<Confirmed>),
    /// Either side: our BYE is out.
    Closing(Box<Closing>),
    /// Nothing left to do; the endpoint forgets the session.
    Over,
}

/// A session and where it hangs in the endpoint's maps.
pub(crate) struct Session {
    pub id: SessionId,
    /// Whom traces and events belong to; another session's id for the clean-up of one of its forks.
    pub report: SessionId,
    /// Our tag, unique in this endpoint: requests in the dialog are found by it.
    pub local_tag: String,
    /// Call-ID.
    pub call_id: String,
    /// The present INVITE client transaction (caller's side).
    pub invite_tx: Option<TxId>,
    /// What is in the endpoint's deadline list for this session.
    pub armed: Option<Instant>,
    pub state: State,
}

impl Session {
    /// Nothing left to do.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// The caller's side before a final response, on this transaction.
    pub fn is_calling_on(&self, tx: TxId) -> bool {
        matches!(self.state, State::Calling(_)) && self.invite_tx == Some(tx)
    }

    fn step(&mut self, next: impl FnOnce(State) -> State) {
        let state = std::mem::replace(&mut self.state, State::Over);
        self.state = next(state);
    }

    /// The INVITE was handed to the transport; true if it is for the first time.
    pub fn sent(&mut self) -> bool {
        match &mut self.state {
            State::Calling(calling) => calling.sent(),
            State::Ringing(_) | State::Answering(_) | State::Confirmed(_) | State::Closing(_) | State::Over => false,
        }
    }

    /// What became of the present INVITE transaction: a response, or nothing.
    pub fn invite_outcome(&mut self, cx: &mut Cx, outcome: Outcome) {
        self.step(|state| match state {
            State::Calling(calling) => calling.outcome(cx, outcome),
            other => other,
        });
    }

    /// What became of our BYE.
    pub fn bye_outcome(&mut self, cx: &mut Cx, outcome: Outcome) {
        self.step(|state| match state {
            State::Closing(closing) => closing.outcome(cx, outcome),
            other => other,
        });
    }

    /// A request in the dialog, other than ACK and CANCEL. The endpoint has made its server transaction.
    pub fn request(&mut self, cx: &mut Cx, tx: TxId, request: &Message) {
        self.step(|state| match state {
            State::Calling(calling) => calling.request(cx, tx, request),
            State::Ringing(ringing) => ringing.request(cx, tx, request),
            State::Answering(answering) => answering.request(cx, tx, request),
            State::Confirmed(confirmed) => confirmed.request(cx, tx, request),
            State::Closing(closing) => closing.request(cx, tx, request),
            State::Over => State::Over,
        });
    }

    /// An ACK in the dialog.
    pub fn ack(&mut self, cx: &mut Cx, ack: &Message) {
        self.step(|state| match state {
            State::Answering(answering) => answering.ack(cx, ack),
            State::Confirmed(confirmed) => confirmed.ack(ack),
            other => other,
        });
    }

    /// Called side: this CANCEL matched the INVITE, which has no final response yet.
    pub fn canceled(&mut self, cx: &mut Cx, cancel: &Message) {
        self.step(|state| match state {
            State::Ringing(ringing) => ringing.canceled(cx, cancel),
            other => other,
        });
    }

    /// The clock reached [`Session::poll_timeout`].
    pub fn time(&mut self, cx: &mut Cx) {
        self.step(|state| match state {
            State::Calling(calling) => calling.time(cx),
            State::Answering(answering) => answering.time(cx),
            State::Confirmed(confirmed) => confirmed.time(cx),
            other => other,
        });
    }

    /// We hang up, whatever the stage (RFC 3261 9.1, 15.1.1).
    pub fn hangup(&mut self, cx: &mut Cx, reason: HangupReason) {
        self.step(|state| match state {
            State::Calling(calling) => calling.hangup(cx, reason),
            State::Ringing(ringing) => ringing.reject(cx, 480, &[]),
            State::Answering(answering) => answering.hangup(reason),
            State::Confirmed(confirmed) => confirmed.hangup(cx, reason),
            other => other,
        });
    }

    /// Either side: hands the far side over to `to`, in a confirmed dialog only. `None`: the dialog to be replaced is not there.
    pub fn refer(&mut self, cx: &mut Cx, to: Option<Uri>) {
        match &mut self.state {
            State::Confirmed(confirmed) => confirmed.refer(cx, to),
            State::Calling(_) | State::Ringing(_) | State::Answering(_) => {
                cx.emit(SessionEvent::Refer(ReferEvent::Refused(481)));
            }
            State::Closing(_) | State::Over => {}
        }
    }

    /// What became of a request of ours in the dialog, with this CSeq number.
    pub fn request_outcome(&mut self, cx: &mut Cx, kind: Kind, cseq: u32, outcome: Outcome) {
        self.step(|state| match (state, kind) {
            (State::Confirmed(mut confirmed), Kind::Refer) => {
                confirmed.refer_outcome(cx, cseq, outcome);
                State::Confirmed(confirmed)
            }
            (State::Confirmed(confirmed), Kind::Update | Kind::Reinvite) => {
                confirmed.refresh_outcome(cx, cseq, outcome)
            }
            (State::Calling(mut calling), Kind::Prack) => {
                calling.prack_outcome(cx, cseq, outcome);
                State::Calling(calling)
            }
            (other, _) => other,
        });
    }

    /// Whether a re-INVITE on this transaction still is this session's to acknowledge.
    pub fn is_reinviting_on(&self, tx: TxId) -> bool {
        matches!(self.state, State::Confirmed(_)) && self.invite_tx == Some(tx)
    }

    /// The Replaces value that names this session's dialog, once it is confirmed (RFC 3891 3).
    pub fn replaces(&self) -> Option<String> {
        match &self.state {
            State::Confirmed(confirmed) => Some(confirmed.dialog.replaces(&self.local_tag)),
            State::Calling(_) | State::Ringing(_) | State::Answering(_) | State::Closing(_) | State::Over => None,
        }
    }

    /// Either side: answers the far side's re-INVITE or UPDATE, or refuses it with 488.
    pub fn answer_offer(&mut self, cx: &mut Cx, answer: Option<Vec<u8>>) {
        match &mut self.state {
            State::Confirmed(confirmed) => confirmed.answer_offer(cx, answer),
            State::Calling(calling) => calling.answer_offer(cx, answer),
            State::Ringing(_) | State::Answering(_) | State::Closing(_) | State::Over => {}
        }
    }

    /// Called side: 180 or 183.
    pub fn ring(&mut self, cx: &mut Cx, status: u16, sdp: Option<Vec<u8>>) {
        if let State::Ringing(ringing) = &mut self.state {
            ringing.ring(cx, status, sdp);
        }
    }

    /// Called side: 200.
    pub fn accept(&mut self, cx: &mut Cx, answer: Vec<u8>) {
        self.step(|state| match state {
            State::Ringing(ringing) => ringing.accept(cx, answer),
            other => other,
        });
    }

    /// Called side: a final response 300-699.
    pub fn reject(&mut self, cx: &mut Cx, status: u16, headers: &[(String, String)]) {
        self.step(|state| match state {
            State::Ringing(ringing) => ringing.reject(cx, status, headers),
            other => other,
        });
    }

    /// The ACK that a repeated 2xx of this dialog gets again (13.2.2.4), if this is its dialog.
    pub fn ack_for(&self, remote_tag: &str) -> Option<&Sent> {
        match &self.state {
            State::Confirmed(confirmed) => confirmed.ack_for(remote_tag),
            State::Closing(closing) => closing.ack_for(remote_tag),
            State::Calling(_) | State::Ringing(_) | State::Answering(_) | State::Over => None,
        }
    }

    /// The next deadline and what it is for.
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        match &self.state {
            State::Calling(calling) => calling.poll_timeout(),
            State::Answering(answering) => Some(answering.poll_timeout()),
            State::Confirmed(confirmed) => confirmed.poll_timeout(),
            State::Ringing(_) | State::Closing(_) | State::Over => None,
        }
    }
}
