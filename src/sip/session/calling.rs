//! The caller's side until the final response: offer in the INVITE, early dialogs, forks, challenges, giving up (RFC 3261 8.1, 9.1, 13.2, 22).
//!
//! Never leaves an answer without ACK, and never an unwanted answer without BYE: a 2xx after we gave up is acknowledged and hung up.

use crate::sip::auth::Credentials;
use crate::sip::dialog::{Dialog, DialogFault, from_tag};
use crate::sip::endpoint::{Extensions, Invite, LARGE, Packet, Prack, TxId};
use crate::sip::hop::{Hop, Transport};
use crate::sip::message::{Message, Method};
use crate::sip::transaction::Timer;
use crate::sip::uri::Uri;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

mod again;
mod early;

use super::State;
use super::auth::AuthBook;
use super::closing::{Closing, Reason};
use super::confirmed::{Confirmed, Reoffer};
use super::context::{ALLOW, Cx, Effect, Outcome, SDP, Sent, sdp_of};
use super::early::Early;
use super::event::{HangupReason, SessionEvent};
use super::expires::{MIN_SE, SessionTimer};
use super::failure::{Failure, FailureKind, Stage, UnusableAnswer};
use super::redirect::Followed;
use super::refresh::Upkeep;
use super::told::reasons;

/// Most early dialogs remembered; a peer cannot make us keep more.
const MAX_FORKS: usize = 16;

/// Header fields that the call layer may not set, because the session does.
pub const MADE_HERE: [&str; 19] = [
    "Via",
    "From",
    "To",
    "Call-ID",
    "CSeq",
    "Contact",
    "Max-Forwards",
    "Content-Type",
    "Content-Length",
    "Allow",
    "Authorization",
    "Proxy-Authorization",
    "Supported",
    "Require",
    "Session-Expires",
    "Min-SE",
    "User-Agent",
    "RAck",
    "RSeq",
];

/// What stays the same in a call from its INVITE to its last BYE. Shared with the transaction, for forks that answer late.
#[derive(Clone)]
pub(crate) struct Caller {
    /// From, with our tag, as sent.
    pub from: String,
    /// Request-URI of the INVITE.
    pub target: Uri,
    /// Where the INVITE goes.
    pub next_hop: Hop,
    pub credentials: Option<Credentials>,
    /// Authorization fields of the last INVITE; its ACK bears them too (22.1).
    pub authorization: Vec<(&'static str, String)>,
}

impl Caller {
    /// The dialog that a response makes.
    pub fn dialog(&self, response: &Message) -> (Dialog, Option<DialogFault>) {
        let (mut dialog, fault) = Dialog::uac(response, &self.from, &self.target, self.next_hop);
        if self.target.host().and_then(|host| host.ip()).is_some_and(|ip| ip != self.next_hop.ip()) {
            dialog.pin();
        }
        (dialog, fault)
    }

    /// The dialog that a 2xx makes, and its ACK (13.2.2.4).
    pub fn acknowledge(&self, cx: &mut Cx, response: &Message) -> (Dialog, Option<DialogFault>, Sent) {
        let (dialog, fault) = self.dialog(response);
        let via = cx.via(dialog.next_hop());
        let mut ack = dialog.ack(response.cseq().map_or(1, |cseq| cseq.number), &via);
        for (name, value) in &self.authorization {
            ack.push(name, value.as_str());
        }
        let sent = Sent { packet: Packet::new(&ack), to: dialog.next_hop() };
        (dialog, fault, sent)
    }
}

/// Why there will be no call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum GiveUp {
    RingTimeout,
    Hangup,
}

/// Where giving up stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cancel {
    /// The call is wanted; the ring timeout runs.
    No { ring: Instant },
    /// Not wanted, but a CANCEL may not leave before a provisional response came (9.1).
    Wanted(GiveUp),
    /// The CANCEL is out; if no final response comes until then, the INVITE counts as cancelled (9.1).
    Sent { why: GiveUp, until: Instant },
}

/// The state.
pub(crate) struct Calling {
    caller: Arc<Caller>,
    /// The INVITE as last sent: the next try and the CANCEL are made from it.
    invite: Message,
    auth: AuthBook,
    /// Where it may go next, first to last.
    others: VecDeque<Hop>,
    stage: Stage,
    /// A provisional response to the present INVITE came.
    provisional: bool,
    early: Vec<Early>,
    cancel: Cancel,
    extensions: Extensions,
    /// The session interval that is asked for, seconds, and the largest Min-SE that was heard.
    interval: u32,
    min_se: u32,
    followed: Followed,
    /// A forwarding was told.
    forwarded: bool,
    /// An early UPDATE that waits for the call layer's answer.
    reoffer: Option<Box<Reoffer>>,
}

impl Calling {
    /// Makes the INVITE (13.2.1) and asks for it to be sent.
    pub fn start(cx: &mut Cx, call: Invite, call_id: &str, tag: &str) -> State {
        let from = call.from.with_tag(tag).to_string();
        let target = call.target.for_request();
        let mut invite = Message::request(Method::Invite, target.clone());
        invite.push("Via", cx.via(call.next_hop));
        invite.push("Max-Forwards", "70");
        invite.push("From", from.as_str());
        invite.push("To", format!("<{target}>"));
        invite.push("Call-ID", call_id);
        invite.push("CSeq", "1 INVITE");
        invite.push("Contact", cx.contact(call.next_hop));
        invite.push("Allow", ALLOW);
        invite.push("User-Agent", cx.config.user_agent.as_str());
        let extensions = call.extensions;
        let interval = extensions.session_expires.map_or(0, |wanted| wanted.max(MIN_SE));
        offer_extensions(&mut invite, &extensions, interval);
        let made_here = |name: &str| MADE_HERE.iter().any(|ours| ours.eq_ignore_ascii_case(name));
        for (name, value) in call.headers.iter().filter(|(name, _)| !made_here(name)) {
            invite.push(name, value.as_str());
        }
        invite.set_body(SDP, call.offer);
        let (mut next_hop, mut others) = (call.next_hop, VecDeque::from(call.others));
        if call.large_by_tcp && next_hop.transport == Transport::Udp && invite.to_bytes().len() > LARGE {
            others.push_front(next_hop);
            next_hop.transport = Transport::Tcp;
            invite.set("Via", cx.via(next_hop));
            invite.set("Contact", cx.contact(next_hop));
        }
        let credentials = call.credentials;
        cx.effects.push(Effect::Invite { message: invite.clone(), to: next_hop });
        State::Calling(Box::new(Calling {
            caller: Arc::new(Caller { from, target, next_hop, credentials, authorization: Vec::new() }),
            invite,
            auth: AuthBook::default(),
            others,
            stage: Stage::BeforeSend,
            provisional: false,
            early: Vec::new(),
            cancel: Cancel::No { ring: cx.now + call.ring_timeout },
            extensions,
            interval,
            min_se: 0,
            followed: Followed::default(),
            forwarded: false,
            reoffer: None,
        }))
    }

    pub fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }

    /// The transport has the INVITE now; true for the first time.
    pub fn sent(&mut self) -> bool {
        let first = self.stage == Stage::BeforeSend;
        if first {
            self.stage = Stage::Sent;
        }
        first
    }

    pub fn outcome(self: Box<Self>, cx: &mut Cx, outcome: Outcome) -> State {
        match outcome {
            // nothing was ever heard, so a ring timeout or a cancelled call would claim too much
            Outcome::TimedOut => self.fail(cx, FailureKind::Timeout, None),
            Outcome::Unreachable => match self.next_target(cx, None) {
                Ok(next) => next,
                Err(this) => this.fail(cx, FailureKind::Unreachable, None),
            },
            Outcome::Response(response) => match response.status().unwrap_or_default() {
                0..=199 => self.provisional(cx, response),
                200..=299 => self.success(cx, response),
                status => self.refused(cx, status, response),
            },
        }
    }

    fn provisional(mut self: Box<Self>, cx: &mut Cx, response: &Message) -> State {
        self.provisional = true;
        let status = response.status().unwrap_or_default();
        if status > 100 {
            self.stage = Stage::Early;
            self.note_forwarding(cx, response);
            let sdp = sdp_of(response);
            if self.note_early(cx, response, &sdp) {
                cx.emit(SessionEvent::Progress { status, sdp });
            }
        }
        if let Cancel::Wanted(why) = self.cancel {
            self.send_cancel(cx, why);
        }
        State::Calling(self)
    }

    /// A 2xx: ACK whatever it says, then keep it or hang it up.
    fn success(mut self: Box<Self>, cx: &mut Cx, response: &Message) -> State {
        let (mut dialog, fault, ack) = self.caller.acknowledge(cx, response);
        let tag = dialog.remote_tag().to_owned();
        cx.effects.push(Effect::Ack { tag: tag.clone(), sent: ack.clone() });
        let at = self.early.iter().position(|early| early.tag == tag);
        let early = at.map(|at| self.early.swap_remove(at));
        if let Some(early) = &early {
            dialog.follow(early.dialog.as_ref(), early.remote_cseq);
        }
        let reoffer = self.reoffer.take_if(|reoffer| from_tag(&reoffer.request) == tag);
        if let Some(kind) = self.gave_up() {
            self.reoffer = self.reoffer.take().or(reoffer);
            self.refuse_offer(cx);
            self.tell(cx, kind, None);
            return Closing::start(cx, dialog, Some(self.caller), Some(ack), Reason::Silent, HangupReason::Normal);
        }
        self.note_forwarding(cx, response);
        let (early_sdp, local) = early.map_or((None, None), |early| (early.sdp, early.local));
        let problem = match (fault, early_sdp.or_else(|| sdp_of(response))) {
            (None, Some(sdp)) => {
                self.refuse_offer(cx); // another fork's
                let timer = SessionTimer::of_answer(response, cx.now);
                let upkeep = Upkeep::new(self.interval.max(MIN_SE), response, timer);
                cx.emit(SessionEvent::Answered { sdp: sdp.clone() });
                return State::Confirmed(Box::new(Confirmed {
                    dialog,
                    caller: Some(self.caller),
                    ack: Some(ack),
                    local_sdp: local.unwrap_or_else(|| self.invite.body().to_vec()),
                    remote_sdp: sdp,
                    reanswer: None,
                    reoffer,
                    referral: None,
                    upkeep,
                }));
            }
            (None, None) => UnusableAnswer::NoSdp,
            (Some(DialogFault::Contact), _) => UnusableAnswer::NoContact,
            (Some(DialogFault::RecordRoute), _) => UnusableAnswer::BadRoute,
        };
        self.reoffer = self.reoffer.take().or(reoffer);
        self.refuse_offer(cx);
        self.tell(cx, FailureKind::BadAnswer(problem), None);
        Closing::start(cx, dialog, Some(self.caller), Some(ack), Reason::Silent, HangupReason::UnusableAnswer)
    }

    /// 300-699. After our CANCEL only the refusals of a person or a line count as news.
    fn refused(mut self: Box<Self>, cx: &mut Cx, status: u16, response: &Message) -> State {
        let kind = match (self.gave_up(), status) {
            (Some(_), 486 | 600 | 603) => FailureKind::Status(status),
            (Some(kind), _) => kind,
            (None, 401 | 407) => match self.answer_challenge(cx, response) {
                Ok(()) => return State::Calling(self),
                Err(problem) => FailureKind::Auth(problem),
            },
            (None, 503) => match self.next_target(cx, Some(503)) {
                Ok(next) => return next,
                Err(this) => return this.fail(cx, FailureKind::Status(503), Some(response)),
            },
            // RFC 4028 7.4: the same call with an interval that is taken
            (None, 422) if self.enlarge(response) => {
                self.resend(cx);
                return State::Calling(self);
            }
            (None, 300..=399) if self.redirect(cx, status, response) => return State::Calling(self),
            (None, _) => FailureKind::Status(status),
        };
        self.fail(cx, kind, Some(response))
    }

    /// RFC 3263 4.3: the next place, in a transaction of its own. Only while the call is wanted and nothing rang: who heard it ring once is not rung again.
    fn next_target(mut self: Box<Self>, cx: &mut Cx, status: Option<u16>) -> Result<State, Box<Self>> {
        if self.gave_up().is_some() || self.stage == Stage::Early {
            return Err(self);
        }
        let Some(next) = self.others.pop_front() else { return Err(self) };
        cx.emit(SessionEvent::MovedOn { from: self.caller.next_hop, to: next, status });
        Arc::make_mut(&mut self.caller).next_hop = next;
        self.invite.set("Contact", cx.contact(next));
        self.resend(cx);
        Ok(State::Calling(self))
    }

    /// A request of the far side in an early dialog.
    pub fn request(mut self: Box<Self>, cx: &mut Cx, tx: TxId, request: &Message) -> State {
        let tag = from_tag(request);
        let Some(at) = self.early.iter().position(|early| early.tag == tag) else {
            cx.answer(tx, request, 481);
            return State::Calling(self);
        };
        match request.method() {
            // it may not (15), but it says that it is gone; the INVITE gets its final response all the same
            Some(Method::Bye) => cx.answer(tx, request, 200),
            // 14.2: our own INVITE is under way
            Some(Method::Invite) => cx.answer(tx, request, 491),
            Some(Method::Update) => self.update(cx, tx, request, at),
            _ => cx.answer_plainly(tx, request),
        }
        State::Calling(self)
    }

    pub fn hangup(self: Box<Self>, cx: &mut Cx, _reason: HangupReason) -> State {
        self.give_up(cx, GiveUp::Hangup)
    }

    pub fn time(mut self: Box<Self>, cx: &mut Cx) -> State {
        if self.reoffer.as_ref().is_some_and(|reoffer| cx.now >= reoffer.until) {
            self.refuse_offer(cx);
        }
        match self.cancel {
            Cancel::No { ring } if cx.now >= ring => self.give_up(cx, GiveUp::RingTimeout),
            // 9.1: no final response, so the INVITE counts as cancelled
            Cancel::Sent { until, .. } if cx.now >= until => {
                cx.effects.push(Effect::DropInvite);
                self.fail(cx, FailureKind::CancelTimeout, None)
            }
            Cancel::No { .. } | Cancel::Wanted(_) | Cancel::Sent { .. } => State::Calling(self),
        }
    }

    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        let own = match self.cancel {
            Cancel::No { ring } => Some((ring, Timer::Ring)),
            Cancel::Wanted(_) => None,
            Cancel::Sent { until, .. } => Some((until, Timer::CancelWait)),
        };
        let offer = self.reoffer.as_ref().map(|reoffer| (reoffer.until, Timer::OfferWait));
        own.into_iter().chain(offer).min_by_key(|(at, _)| *at)
    }

    fn give_up(mut self: Box<Self>, cx: &mut Cx, why: GiveUp) -> State {
        match self.cancel {
            Cancel::No { .. } if self.stage == Stage::BeforeSend => {
                cx.effects.push(Effect::DropInvite);
                return self.fail(cx, why.into(), None);
            }
            Cancel::No { .. } if self.provisional => self.send_cancel(cx, why),
            Cancel::No { .. } => self.cancel = Cancel::Wanted(why),
            Cancel::Wanted(_) | Cancel::Sent { .. } => {}
        }
        State::Calling(self)
    }

    /// 9.1: Request-URI, Call-ID, To, From, CSeq number, Route and the top Via of the INVITE, to where the INVITE went.
    fn send_cancel(&mut self, cx: &mut Cx, why: GiveUp) {
        let mut cancel = Message::request(Method::Cancel, self.caller.target.clone());
        for (name, value) in self.invite.all_headers() {
            if ["Via", "Route", "Max-Forwards", "From", "To", "Call-ID"].iter().any(|n| n.eq_ignore_ascii_case(name)) {
                cancel.push(name, value);
            }
        }
        let number = self.invite.cseq().map_or(1, |cseq| cseq.number);
        cancel.push("CSeq", format!("{number} CANCEL"));
        cancel.push("User-Agent", cx.config.user_agent.as_str());
        cx.effects.push(Effect::Cancel { message: cancel, to: self.caller.next_hop });
        self.cancel = Cancel::Sent { why, until: cx.now + cx.config.timers.t1x64() };
    }

    fn gave_up(&self) -> Option<FailureKind> {
        match self.cancel {
            Cancel::No { .. } => None,
            Cancel::Wanted(why) | Cancel::Sent { why, .. } => Some(why.into()),
        }
    }

    fn fail(mut self: Box<Self>, cx: &mut Cx, kind: FailureKind, response: Option<&Message>) -> State {
        self.refuse_offer(cx);
        self.tell(cx, kind, response);
        State::Over
    }

    fn tell(&self, cx: &mut Cx, kind: FailureKind, response: Option<&Message>) {
        let reason_header = response.and_then(reasons);
        // `Retry-After: 18000 (comment);duration=3600` (20.33)
        let retry_after = response.and_then(|response| response.header("Retry-After")).and_then(|value| {
            let digits = value.bytes().take_while(u8::is_ascii_digit).count();
            value.get(..digits)?.parse().ok()
        });
        cx.emit(SessionEvent::Failed(Failure { stage: self.stage, kind, reason_header, retry_after }));
    }
}

/// What the INVITE offers beside itself: reliable responses (RFC 3262 4), a session timer (RFC 4028 7.1).
fn offer_extensions(invite: &mut Message, extensions: &Extensions, interval: u32) {
    let offered = [("100rel", extensions.prack != Prack::Off), ("timer", interval > 0)];
    let offered: Vec<&str> = offered.iter().filter(|(_, offered)| *offered).map(|(name, _)| *name).collect();
    if !offered.is_empty() {
        invite.push("Supported", offered.join(", "));
    }
    if extensions.prack == Prack::Required {
        invite.push("Require", "100rel");
    }
    if interval > 0 {
        invite.push("Session-Expires", interval.to_string());
    }
}

impl From<GiveUp> for FailureKind {
    fn from(why: GiveUp) -> FailureKind {
        match why {
            GiveUp::RingTimeout => FailureKind::RingTimeout,
            GiveUp::Hangup => FailureKind::Canceled,
        }
    }
}
