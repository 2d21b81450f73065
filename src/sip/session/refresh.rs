//! A confirmed session is kept alive (RFC 4028 10): our refresh by UPDATE or, where the far side knows none, by re-INVITE; and the end where no refresh came.
//!
//! A refresh changes no media. What collides (491) is tried again at random within the bounds of RFC 3261 14.1.

use crate::sip::message::{Message, Method};
use crate::sip::transaction::Timer;
use std::time::{Duration, Instant};

use super::State;
use super::auth::AuthBook;
use super::closing::Reason;
use super::confirmed::{Confirmed, same_media};
use super::context::{ALLOW, Cx, Effect, Kind, Outcome, SDP, Sent, sdp_of};
use super::event::{HangupReason, SessionEvent};
use super::expires::{MIN_SE, SessionTimer, lists, min_se};
use crate::sip::endpoint::Packet;

/// Most tries of one refresh with a larger interval or another method.
const MAX_ROUNDS: u8 = 4;

/// What keeps a session.
pub(super) struct Upkeep {
    /// The interval that we ask for, seconds; a 422 makes it larger.
    wanted: u32,
    /// The largest Min-SE that was heard.
    min_se: u32,
    /// What was agreed; none: nobody refreshes.
    timer: Option<SessionTimer>,
    /// The far side takes UPDATE.
    updates: bool,
    pending: Option<Pending>,
    /// The refresh is tried again then.
    again: Option<Instant>,
}

/// Our refresh that is under way.
struct Pending {
    cseq: u32,
    kind: Kind,
    auth: AuthBook,
    authorization: Vec<(&'static str, String)>,
    rounds: u8,
}

impl Upkeep {
    /// What the message that made the session says: the 2xx to our INVITE, or the INVITE that we answered.
    pub fn new(wanted: u32, message: &Message, timer: Option<SessionTimer>) -> Upkeep {
        let updates = lists(message, "Allow", "UPDATE");
        Upkeep { wanted, min_se: MIN_SE, timer, updates, pending: None, again: None }
    }

    /// Our re-INVITE has no final response yet.
    pub fn reinvites(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| pending.kind == Kind::Reinvite)
    }

    /// A request of the far side refreshed the session, or ended its timer (9).
    pub fn refreshed(&mut self, timer: Option<SessionTimer>) {
        self.timer = timer;
    }

    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        let timer = self.timer.as_ref()?;
        let refresh = match (&self.pending, self.again) {
            (Some(_), _) => None,
            (None, Some(at)) => Some((at, Timer::Glare)),
            (None, None) => timer.refresh_at().map(|at| (at, Timer::Refresh)),
        };
        let end = (timer.give_up_at(), Timer::SessionExpiry);
        refresh.into_iter().chain([end]).min_by_key(|(at, _)| *at)
    }
}

impl Confirmed {
    /// The clock may have reached what keeps the session. None: the session goes on.
    pub(super) fn upkeep_time(&mut self, cx: &mut Cx) -> bool {
        match self.upkeep.poll_timeout() {
            Some((at, Timer::SessionExpiry)) if cx.now >= at => return false,
            Some((at, _)) if cx.now >= at => self.start_refresh(cx),
            Some(_) | None => {}
        }
        true
    }

    fn start_refresh(&mut self, cx: &mut Cx) {
        self.upkeep.again = None;
        let kind = if self.upkeep.updates { Kind::Update } else { Kind::Reinvite };
        // 14.1: not while another INVITE of this dialog is under way
        if kind == Kind::Reinvite && (self.reanswer.is_some() || self.reoffer.is_some()) {
            self.upkeep.again = Some(cx.now + cx.config.timers.t1);
            return;
        }
        let pending = Pending { cseq: 0, kind, auth: AuthBook::default(), authorization: Vec::new(), rounds: 0 };
        self.send_refresh(cx, pending);
    }

    fn send_refresh(&mut self, cx: &mut Cx, mut pending: Pending) {
        pending.rounds += 1;
        let hop = self.dialog.next_hop();
        let via = cx.via(hop);
        let (method, body): (Method, &[u8]) = match pending.kind {
            Kind::Reinvite => (Method::Invite, &self.local_sdp),
            Kind::Refer | Kind::Prack | Kind::Update => (Method::Update, &[]),
        };
        let mut message = self.dialog.request(method.clone(), &via);
        message.push("Contact", cx.contact(hop));
        message.push("Allow", ALLOW);
        message.push("Supported", "timer");
        message.push("Session-Expires", format!("{};refresher=uac", self.upkeep.wanted));
        if self.upkeep.min_se > MIN_SE {
            message.push("Min-SE", self.upkeep.min_se.to_string());
        }
        let credentials = self.caller.as_ref().and_then(|caller| caller.credentials.as_ref());
        if let (Some(credentials), Some(uri)) = (credentials, message.uri().cloned()) {
            pending.authorization = pending.auth.answers(credentials, &method, &uri, body, cx.tokens);
            for (name, value) in &pending.authorization {
                message.push(name, value.as_str());
            }
        }
        message.push("User-Agent", cx.config.user_agent.as_str());
        if !body.is_empty() {
            message.set_body(SDP, body.to_vec());
        }
        pending.cseq = message.cseq().map_or(0, |cseq| cseq.number);
        let (kind, cseq) = (pending.kind, pending.cseq);
        self.upkeep.pending = Some(pending);
        cx.effects.push(Effect::Request { kind, message, to: hop, cseq });
    }

    /// What became of our refresh with this CSeq number.
    pub(super) fn refresh_outcome(mut self: Box<Self>, cx: &mut Cx, cseq: u32, outcome: Outcome<'_>) -> State {
        let Some(pending) = self.upkeep.pending.take_if(|pending| pending.cseq == cseq) else {
            return State::Confirmed(self);
        };
        match outcome {
            // 12.2.1.2 (and RFC 4028 10): nobody is there any more
            Outcome::TimedOut => return self.expired(cx),
            Outcome::Unreachable => self.upkeep.again = Some(cx.now + glare(cx, true)),
            Outcome::Response(response) => match response.status().unwrap_or_default() {
                0..=199 => self.upkeep.pending = Some(pending),
                200..=299 => self.refresh_done(cx, &pending, response),
                408 | 481 => return self.expired(cx),
                401 | 407 => self.refresh_challenged(cx, pending, response),
                // 7.4: the same once more, with an interval that is taken
                422 if pending.rounds < MAX_ROUNDS => {
                    let least = min_se(response).unwrap_or(self.upkeep.wanted.saturating_mul(2));
                    self.upkeep.min_se = self.upkeep.min_se.max(least);
                    self.upkeep.wanted = self.upkeep.wanted.max(least);
                    self.send_refresh(cx, pending);
                }
                // the far side has no UPDATE after all
                405 | 501 if pending.kind == Kind::Update => {
                    self.upkeep.updates = false;
                    self.upkeep.again = Some(cx.now);
                }
                // 14.1: both wanted something at once
                491 => self.upkeep.again = Some(cx.now + glare(cx, self.caller.is_some())),
                // what keeps it from answering may pass; the end of the interval decides
                500..=599 => self.upkeep.again = Some(cx.now + glare(cx, true)),
                _ => self.upkeep.again = Some(cx.now + Duration::from_secs(MIN_SE.into())),
            },
        }
        State::Confirmed(self)
    }

    fn refresh_challenged(&mut self, cx: &mut Cx, mut pending: Pending, response: &Message) {
        let known = self.caller.as_ref().is_some_and(|caller| caller.credentials.is_some());
        if known && pending.auth.challenged(response).is_ok() {
            return self.send_refresh(cx, pending);
        }
        self.upkeep.again = Some(cx.now + Duration::from_secs(MIN_SE.into()));
    }

    fn refresh_done(&mut self, cx: &mut Cx, pending: &Pending, response: &Message) {
        self.dialog.refresh_target(response);
        self.upkeep.timer = SessionTimer::of_answer(response, cx.now);
        if pending.kind != Kind::Reinvite {
            return;
        }
        // 13.2.2.4: the ACK of a 2xx, whatever it says
        let via = cx.via(self.dialog.next_hop());
        let mut ack = self.dialog.ack(pending.cseq, &via);
        for (name, value) in &pending.authorization {
            ack.push(name, value.as_str());
        }
        let sent = Sent { packet: Packet::new(&ack), to: self.dialog.next_hop() };
        self.ack = Some(sent.clone());
        cx.effects.push(Effect::Ack { tag: self.dialog.remote_tag().to_owned(), sent });
        if let Some(sdp) = sdp_of(response).filter(|sdp| !same_media(sdp, &self.remote_sdp)) {
            self.remote_sdp.clone_from(&sdp);
            cx.emit(SessionEvent::Reanswered { sdp });
        }
    }

    /// Nobody refreshed it, or nobody answered our refresh: BYE.
    pub(super) fn expired(self: Box<Self>, cx: &mut Cx) -> State {
        self.close(cx, Reason::Expired, HangupReason::SessionExpired)
    }
}

/// How long to wait after a 491 (RFC 3261 14.1), in steps of 10 ms: 2.1-4 s for who made the Call-ID, up to 2 s for the other.
fn glare(cx: &mut Cx, ours: bool) -> Duration {
    let draw = cx.tokens.number();
    Duration::from_millis(if ours { 2_100 + draw % 191 * 10 } else { draw % 201 * 10 })
}
