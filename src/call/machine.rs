//! One call, from the INVITE to its verdict: joins the SIP session, the media session and the survey flow, which never know each other. Pure, in virtual time.
//!
//! Events in by [`Machine::handle`], then [`Machine::poll_action`] until it is empty, then [`Machine::poll_timeout`]. Media starts with the 200 and never
//! before: early media is noted and not taken for an answer. Every answer leaves as an action in the moment in which it is accepted.

use super::disposition::{Blame, Disposition, Reached, Verdict, of_status};
use super::handover::whisper::{Cause, whisper};
use super::handover::{self, Handover, Patience};
use super::timeline::{Moment, TimelineEvent};
use crate::media;
use crate::sdp::{self, LocalMedia};
use crate::sip::session::{
    Cause as FarCause, EndCause, Failure, FailureKind, Forwarded, HangupReason, SessionEvent, Side, Stage, TraceLine,
};
use crate::survey::definition::{Definition, PromptId};
use crate::survey::flow::{
    Answer, ComplaintTrigger, EndedBy, Facts, Flow, FlowAction, FlowInput, Lead, Outcome, RecordingKind, RecordingRef,
};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a session that we hang up may take to end; SIP's own timers (64·T1 = 32 s) are done by then.
const HANGUP_GUARD: Duration = Duration::from_secs(40);

/// How long a customer may hold the call where nobody says anything else.
const HOLD: Duration = Duration::from_secs(120);

/// Tags of playbacks that are not the flow's begin here.
const OWN_TAGS: u64 = 1 << 32;

/// Tag of the recording of the whole call.
pub const WHOLE_CALL: u64 = u64::MAX;

/// Stands in the timeline for a key of somebody's number.
const HIDDEN: char = '•';

enum State {
    /// The INVITE is on its way.
    Calling { reached: Reached },
    /// Answered: the survey runs. `gone`: the SIP session is over already, the flow is finishing a recording.
    Talking { flow: Box<Flow>, heard: bool, gone: bool },
    /// We hang up; the verdict stands.
    HangingUp { ending: Ending, guard: Instant },
    /// Nothing more happens.
    Over,
}

/// One call.
pub struct Machine {
    definition: Arc<Definition>,
    facts: Facts,
    local: LocalMedia,
    began: Instant,
    state: State,
    /// The answer whose complaint may follow directly.
    pending_answer: Option<Answer>,
    recordings: HashMap<u64, RecordingKind>,
    /// A finished recording that no answer has claimed yet.
    unclaimed: Option<RecordingRef>,
    /// The way to a live agent, where there are any.
    handover: Option<Handover>,
    /// What made the customer unhappy first.
    cause: Option<Cause>,
    /// Who hears whom.
    ears: Ears,
    /// Playbacks that are not the flow's.
    own_tag: u64,
    /// A machine took the call and is to get a message.
    leaving: Option<answerer::Leaving>,
    /// The end of a prompt of the survey that was cut short for that, or for a hold.
    withheld: Option<u64>,
    /// The customer's side holds the call, and may do so until then.
    held_until: Option<Instant>,
    /// It did when the customer went.
    gone_on_hold: bool,
    /// How long it may.
    patience: Duration,
    /// What an UPDATE before the answer has agreed: its offer, and what we made of it.
    early: Option<(Vec<u8>, sdp::Negotiated)>,
    /// Why the far side ended it, if it said.
    far_causes: Vec<FarCause>,
    /// Codec and telephone-event at present.
    agreed: Option<(sdp::Codec, Option<u8>)>,
    actions: VecDeque<Action>,
}

impl Machine {
    /// A call whose INVITE with the offer of `local` is about to leave.
    pub fn new(definition: Arc<Definition>, facts: Facts, local: LocalMedia, now: Instant) -> Machine {
        Machine {
            definition,
            facts,
            local,
            began: now,
            state: State::Calling { reached: Reached::BeforeSend },
            pending_answer: None,
            recordings: HashMap::new(),
            unclaimed: None,
            handover: None,
            cause: None,
            ears: Ears::default(),
            own_tag: OWN_TAGS,
            leaving: None,
            withheld: None,
            held_until: None,
            gone_on_hold: false,
            patience: HOLD,
            agreed: None,
            early: None,
            far_causes: Vec::new(),
            actions: VecDeque::new(),
        }
    }

    /// Live agents are to be had.
    pub fn with_agents(self, patience: Patience) -> Machine {
        Machine { handover: Some(Handover::new(patience)), ..self }
    }

    /// A customer may hold the call for so long.
    pub fn with_hold(self, patience: Duration) -> Machine {
        Machine { patience, ..self }
    }

    /// One event; drain [`Machine::poll_action`] afterwards.
    pub fn handle(&mut self, input: Input, now: Instant) {
        match input {
            Input::Sip(event) => self.sip(event, now),
            Input::Media(event) => self.media(event, now),
            Input::Agent(input) => self.agent(input, now),
            Input::AgentTrace(line) => self.trace(line, now),
            Input::SipLost => self.sip_lost(now),
            Input::Shutdown => self.shutdown(now),
        }
    }

    /// Time has come to [`Machine::poll_timeout`].
    pub fn handle_timeout(&mut self, now: Instant) {
        match &mut self.state {
            State::Talking { .. } if self.leaving.is_some() => self.machine_time(now),
            State::Talking { .. } if self.held_until.is_some() => self.hold_time(now),
            State::Talking { flow, .. } => {
                flow.handle_timeout(now);
                self.drain_flow(now);
                self.agent_time(now);
            }
            State::HangingUp { ending, guard } if now >= *guard => {
                let mut ending = ending.clone();
                if ending.verdict.disposition == Disposition::Interrupted {
                    let detail = "the call was taken back, but the trunk never said what became of it";
                    ending.verdict = Verdict::new(Disposition::Unknown, Blame::Trunk, detail);
                }
                self.over(ending, now);
            }
            State::Calling { .. } | State::HangingUp { .. } | State::Over => {}
        }
    }

    /// What is to be done next.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`Machine::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Talking { .. } if self.leaving.is_some() => self.machine_timeout(),
            State::Talking { .. } if self.held_until.is_some() => self.hold_timeout(),
            State::Talking { flow, .. } => {
                let agent = self.handover.as_ref().and_then(Handover::poll_timeout);
                flow.poll_timeout().map(|(at, _)| at).into_iter().chain(agent).min()
            }
            State::HangingUp { guard, .. } => Some(*guard),
            State::Calling { .. } | State::Over => None,
        }
    }

    /// Whether the call is over and every action was taken. Only the recording of the whole call and the quality of its media may still come.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over) && self.actions.is_empty()
    }

    fn sip(&mut self, event: SessionEvent, now: Instant) {
        match event {
            SessionEvent::InviteSent => {
                if let State::Calling { reached: reached @ Reached::BeforeSend } = &mut self.state {
                    *reached = Reached::Sent;
                    self.actions.push_back(Action::Keep(Keep::InviteSent));
                    self.note(Moment::InviteSent, now);
                }
            }
            SessionEvent::Progress { status, sdp } => self.progress(status, sdp.is_some(), now),
            SessionEvent::Answered { sdp } => self.answered(&sdp, now),
            SessionEvent::Failed(failure) => self.failed(&failure, now),
            SessionEvent::Ended { by, cause } => {
                if cause == EndCause::Expired {
                    let why = "the session timer ran out: the far side gave no sign of life".to_owned();
                    self.note(Moment::HangUp { why }, now);
                }
                self.ended(by, now);
            }
            SessionEvent::Reason(causes) => self.told_why(causes, now),
            SessionEvent::Forwarded(told) => {
                let Forwarded { by, to, reason } = *told;
                self.note(Moment::Forwarded { by, to, reason }, now);
            }
            SessionEvent::MovedOn { from, to, status } => {
                let why = status.map_or_else(|| "it could not be delivered".to_owned(), |status| status.to_string());
                self.note(Moment::MovedOn { from: from.to_string(), to: to.to_string(), why }, now);
            }
            SessionEvent::Redirected { status, to } => self.note(Moment::Redirected { status, to }, now),
            SessionEvent::Reanswered { sdp } => self.reanswered(&sdp, now),
            SessionEvent::Refer(event) => self.referred(event, now),
            SessionEvent::Reoffer { sdp } => self.reoffered(&sdp, now),
            SessionEvent::Info(body) => {
                if let Some(press) = media::dtmf::info::read(&body.content_type, &body.body) {
                    self.actions.push_back(Action::KeyByInfo(press));
                }
            }
            SessionEvent::Trace(line) => self.trace(line, now),
            // Only the called side sees these; and nobody is handed over yet.
            SessionEvent::Incoming(_) | SessionEvent::Acked { .. } | SessionEvent::Canceled => {}
        }
    }

    fn trace(&mut self, line: TraceLine, now: Instant) {
        let TraceLine { sent, start_line: message, cseq, peer } = line;
        let peer = peer.to_string();
        let moment =
            if sent { Moment::SipSent { message, cseq, peer } } else { Moment::SipReceived { message, cseq, peer } };
        self.note(moment, now);
    }

    fn progress(&mut self, status: u16, early_media: bool, now: Instant) {
        if let State::Calling { reached } = &mut self.state
            && status > 100
        {
            *reached = Reached::Ringing;
            self.note(Moment::Ringing { status, early_media }, now);
        }
    }

    fn answered(&mut self, answer: &[u8], now: Instant) {
        if !matches!(self.state, State::Calling { .. }) {
            return;
        }
        self.actions.push_back(Action::Keep(Keep::Answered));
        let early = self.early.take().filter(|(offer, _)| offer == answer).map(|(_, agreed)| Ok(agreed));
        let negotiated = match early.unwrap_or_else(|| sdp::read_answer(&self.local, answer)) {
            Ok(negotiated) => negotiated,
            Err(error) => {
                let detail = format!("the answer's SDP cannot be used: {error}");
                let verdict = Verdict::new(Disposition::TrunkRefused, Blame::Trunk, detail);
                let ending = Ending { verdict, sip_status: Some(200), outcome: None, never_left: false };
                return self.hang_up(ending, HangupReason::UnusableAnswer, now);
            }
        };
        let codec = negotiated.codec.name().to_owned();
        let srtp = negotiated.srtp.map(|keys| keys.ours.suite().name().to_owned());
        self.note(Moment::Answered { codec, telephone_event: negotiated.telephone_event, srtp }, now);
        self.agreed = Some((negotiated.codec, negotiated.telephone_event));
        self.actions.push_back(Action::StartMedia(negotiated));
        let mut flow = Box::new(Flow::new(self.definition.clone(), self.facts.clone(), now));
        flow.handle(FlowInput::Start, now);
        self.state = State::Talking { flow, heard: false, gone: false };
        self.drain_flow(now);
        if !negotiated.direction.may_send() {
            // picked up, and put on hold in the same breath
            self.actions.push_back(Action::ChangeMedia(negotiated));
            self.held(now);
        }
    }

    fn failed(&mut self, failure: &Failure, now: Instant) {
        let ending = match &self.state {
            State::Calling { .. } => of_failure(failure),
            // Whatever we wanted: an INVITE without a final response is of unknown fate.
            State::HangingUp { .. } if is_unknown(&failure.kind) => of_failure(failure),
            State::HangingUp { ending, .. } => ending.clone(),
            State::Talking { .. } | State::Over => return,
        };
        self.over(ending, now);
    }

    fn ended(&mut self, by: Side, now: Instant) {
        if by == Side::Remote {
            self.note(Moment::RemoteEnded, now);
        }
        match &mut self.state {
            State::Talking { gone, .. } => {
                *gone = true;
                self.customer_gone(now);
            }
            State::HangingUp { ending, .. } => {
                let ending = ending.clone();
                self.over(ending, now);
            }
            State::Calling { .. } | State::Over => {}
        }
    }

    fn sip_lost(&mut self, now: Instant) {
        match &self.state {
            State::Calling { reached } => {
                let detail = "the SIP transport stopped under the call";
                let disposition = match reached {
                    Reached::BeforeSend => Disposition::Congestion,
                    Reached::Sent | Reached::Ringing => Disposition::Unknown,
                };
                let verdict = Verdict::new(disposition, Blame::Engine, detail);
                self.over(Ending { verdict, sip_status: None, outcome: None, never_left: false }, now);
            }
            State::Talking { .. } | State::HangingUp { .. } => self.ended(Side::Local, now),
            State::Over => {}
        }
    }

    fn shutdown(&mut self, now: Instant) {
        match &mut self.state {
            State::Calling { .. } => {
                let verdict = Verdict::new(
                    Disposition::Interrupted,
                    Blame::Engine,
                    "the engine was stopped before the call was answered",
                );
                let ending = Ending { verdict, sip_status: None, outcome: None, never_left: false };
                self.hang_up(ending, HangupReason::Shutdown, now);
            }
            State::Talking { .. } => self.stop_talking(now),
            State::HangingUp { .. } | State::Over => {}
        }
    }

    /// A key as the timeline may show it.
    fn shown(&self, key: char) -> char {
        let personal = matches!(&self.state, State::Talking { flow, .. } if flow.keys_are_personal())
            || self.handover.as_ref().is_some_and(Handover::is_talking);
        if personal { HIDDEN } else { key }
    }

    fn media(&mut self, event: media::session::Event, now: Instant) {
        use media::session::Event;
        let input = match event {
            Event::PlaybackEnded { tag, interrupted } => {
                self.note(Moment::PromptsEnded { interrupted }, now);
                (!self.leaves(tag, now) && !self.holds(tag)).then_some(FlowInput::PlaybackEnded { tag })
            }
            // what a PBX plays to us while it holds the call is nobody's voice, and no key
            Event::Key { path: media::dtmf::fuse::Path::InBand, .. } | Event::Answerer(_)
                if self.held_until.is_some() =>
            {
                None
            }
            Event::Key { key, path, .. } => {
                self.ears.keyed = true;
                self.is_person(now);
                self.note(Moment::Key { key: self.shown(key), path: Some(path) }, now);
                Some(FlowInput::Key(key))
            }
            Event::KeyAlso { key, path } => {
                self.note(Moment::KeyAlso { key: self.shown(key), path }, now);
                None
            }
            Event::FirstAudio => {
                if let State::Talking { heard, .. } = &mut self.state {
                    *heard = true;
                }
                self.note(Moment::FirstAudio, now);
                None
            }
            Event::Answerer(heard) => {
                self.answerer(heard, now);
                None
            }
            Event::FirstSound => {
                self.ears.sound = true;
                None
            }
            Event::Hearing(hearing) => return self.hearing(hearing, now),
            Event::Quality(quality) => return self.quality(quality, now),
            Event::RecordingEnded { tag: WHOLE_CALL, recording, .. } => return self.on_record(recording, now),
            Event::RecordingEnded { tag, why, recording } => Some(self.recorded(tag, why, recording, now)),
            Event::AudioLost => {
                self.note(Moment::AudioLost, now);
                return self.audio_lost(now);
            }
            Event::KeysSent { .. } | Event::Heard { .. } => None,
        };
        if let (Some(input), State::Talking { flow, .. }) = (input, &mut self.state) {
            flow.handle(input, now);
            self.drain_flow(now);
        }
    }
}

#[path = "machine_agent.rs"]
mod agent;
#[path = "machine_answerer.rs"]
mod answerer;
#[path = "machine_ear.rs"]
mod ear;
#[path = "machine_flow.rs"]
mod flow;
#[path = "machine_hold.rs"]
mod hold;
#[path = "machine_io.rs"]
mod io;
use ear::Ears;
pub use flow::disposition_of;
pub use io::{Action, AgentAction, Ending, Input, Keep};

/// Whether nobody confirmed what became of the INVITE.
fn is_unknown(kind: &FailureKind) -> bool {
    match kind {
        FailureKind::Timeout | FailureKind::CancelTimeout => true,
        FailureKind::Status(_)
        | FailureKind::RingTimeout
        | FailureKind::Canceled
        | FailureKind::Unreachable
        | FailureKind::BadAnswer(_)
        | FailureKind::Auth(_) => false,
    }
}

/// Judges a call that was never answered.
fn of_failure(failure: &Failure) -> Ending {
    let reached = match failure.stage {
        Stage::BeforeSend => Reached::BeforeSend,
        Stage::Sent => Reached::Sent,
        Stage::Early => Reached::Ringing,
    };
    let (verdict, sip_status) = match &failure.kind {
        FailureKind::Status(status) => (of_status(*status, failure.reason_header.as_deref(), reached), Some(*status)),
        FailureKind::RingTimeout => (no_answer(reached), None),
        FailureKind::Canceled => {
            let detail = "the engine gave the call up before it was answered";
            (Verdict::new(Disposition::Interrupted, Blame::Engine, detail), None)
        }
        FailureKind::Unreachable => {
            let detail = "the trunk's address cannot be reached (ICMP or no route)";
            (Verdict::new(Disposition::Congestion, Blame::Trunk, detail), None)
        }
        FailureKind::Timeout => {
            let detail = "the trunk did not answer the INVITE in 32 s; whether a phone rang is not known";
            (Verdict::new(Disposition::Unknown, Blame::Trunk, detail), None)
        }
        FailureKind::CancelTimeout => {
            let detail = "it rang, and the trunk never confirmed that the call was taken back";
            (Verdict::new(Disposition::Unknown, Blame::Trunk, detail), None)
        }
        FailureKind::Auth(_) => {
            let detail = "the trunk asks for credentials that it does not accept";
            (Verdict::new(Disposition::TrunkRefused, Blame::Trunk, detail), None)
        }
        FailureKind::BadAnswer(what) => {
            let detail = format!("the trunk answered with a 200 that cannot be used: {what:?}");
            (Verdict::new(Disposition::TrunkRefused, Blame::Trunk, detail), Some(200))
        }
    };
    let verdict = Verdict { retry_after: failure.retry_after, ..verdict };
    Ending { verdict, sip_status, outcome: None, never_left: reached == Reached::BeforeSend }
}

fn no_answer(reached: Reached) -> Verdict {
    let detail = match reached {
        Reached::Ringing => "rang until the ring timeout, nobody answered",
        Reached::BeforeSend | Reached::Sent => "the ring timeout passed before a phone rang",
    };
    Verdict::new(Disposition::NoAnswer, Blame::Customer, detail)
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
