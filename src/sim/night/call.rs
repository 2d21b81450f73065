//! One call of the simulated night: the engine's own call machine, fed with what SIP and media would say, and a simulated customer at the other end. Pure, in virtual time.
//!
//! No packet, no socket: a prompt is as long as it is on the wire, a key is an event. What the call comes to is the machine's word alone.

use super::desk::Desk;
use super::population::Phone;
use crate::call::handover::{self, Patience};
use crate::call::machine::{Action, AgentAction, Ending, Input, Keep, Machine};
use crate::call::timeline::Moment;
use crate::media::amd::{self, Heard, Who};
use crate::media::dtmf::fuse::Path;
use crate::media::prompt::PromptStore;
use crate::media::recorder::RecordingEnd;
use crate::media::session::{Event, Recording};
use crate::sdp::{Codec, LocalMedia};
use crate::sim::agent;
use crate::sim::brain::{Brain, Deed, Keyed};
use crate::sim::callee::{GAP_MS, PRESS_MS, VOICE};
use crate::sip::session::{EndCause, Failure, FailureKind, SessionEvent, Side, Stage};
use crate::survey::definition::{Definition, PromptId};
use crate::survey::flow::{Answer, CallBackWish, Facts};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a phone answers with: one codec and telephone-events, as our simulated callees do.
const ANSWER: &[u8] = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n";
/// From the INVITE to the first ring or refusal, and from our BYE to its 200: a network's round trip.
const ROUND_TRIP: Duration = Duration::from_millis(50);
/// After so much of a greeting a machine is told from a person (docs/media-quality.md).
const MACHINE_TOLD: Duration = Duration::from_secs(4);

/// What all calls of a night share.
pub struct Shared {
    /// The prompts, for their lengths.
    pub prompts: Arc<PromptStore>,
    /// The survey.
    pub definition: Arc<Definition>,
    /// How patient agent and caller are; none: no live agents.
    pub patience: Option<Patience>,
}

impl Shared {
    fn length(&self, language: &str, id: &str) -> Duration {
        let prompt = self.prompts.get(language, id);
        Duration::from_millis(prompt.map_or(0, |prompt| u64::from(prompt.wire_ms())))
    }
}

/// What one call came to.
#[derive(Debug, Default)]
pub struct Came {
    /// The machine's verdict.
    pub ending: Option<Ending>,
    /// A phone rang.
    pub rang: bool,
    /// When it was answered.
    pub answered: Option<Instant>,
    /// Answers in the order in which they were accepted.
    pub answers: Vec<Answer>,
    /// A complaint was opened.
    pub complaint: bool,
    /// The call-back that was booked.
    pub booked: Option<CallBackWish>,
    /// The number is somebody else's, or never to be dialled again.
    pub blocked: bool,
    /// A live agent was asked for.
    pub wanted_agent: bool,
    /// None was free.
    pub nobody_free: bool,
    /// Customer and agent had each other.
    pub talked: bool,
    /// A message was left on a machine.
    pub message_left: bool,
    /// What the customer keyed.
    pub keyed: Vec<Keyed>,
    /// The customer said something after a beep.
    pub spoke: bool,
    /// Recordings of what was said that are kept.
    pub recordings: usize,
    /// The whole call is on record.
    pub on_record: bool,
}

enum Happens {
    Sip(SessionEvent),
    Agent(handover::Input),
    Key(char),
    Media(Event),
}

struct Playing {
    tag: u64,
    barge_in: bool,
    /// When which prompt begins, in order; those that have begun are taken out.
    begins: std::collections::VecDeque<(Instant, PromptId)>,
    ends: Instant,
}

struct Saying {
    tag: u64,
    began: Instant,
    longest: Instant,
    silence: Duration,
    silent_at: Instant,
}

/// A call under way.
pub struct Call {
    shared: Arc<Shared>,
    language: String,
    machine: Machine,
    phone: Phone,
    brain: Option<Brain>,
    plans: Vec<(Instant, Happens)>,
    playing: Option<Playing>,
    saying: Option<Saying>,
    came: Came,
    held: Option<handover::Held>,
}

impl Call {
    /// Dials at `now`: the INVITE leaves, and what the phone will do is decided already. `ring_timeout` as the trunk has it.
    pub fn new(shared: Arc<Shared>, facts: Facts, phone: Phone, ring_timeout: Duration, now: Instant) -> Call {
        let language = facts.language.clone();
        let mut machine = Machine::new(shared.definition.clone(), facts, local(), now);
        if let Some(patience) = shared.patience {
            machine = machine.with_agents(patience);
        }
        machine.handle(Input::Sip(SessionEvent::InviteSent), now);
        let mut call = Call {
            shared,
            language,
            machine,
            brain: None,
            plans: Vec::new(),
            playing: None,
            saying: None,
            came: Came::default(),
            held: None,
            phone,
        };
        call.dial(ring_timeout, now);
        call
    }

    fn dial(&mut self, ring_timeout: Duration, now: Instant) {
        let ring = || Happens::Sip(SessionEvent::Progress { status: 180, sdp: None });
        let failed = |stage, kind| {
            Happens::Sip(SessionEvent::Failed(Failure { stage, kind, reason_header: None, retry_after: None }))
        };
        let first = now + ROUND_TRIP;
        match &self.phone {
            Phone::Refuses(status) => self.plans.push((first, failed(Stage::Sent, FailureKind::Status(*status)))),
            Phone::Silent => {
                self.plans.push((first, ring()));
                self.plans.push((now + ring_timeout, failed(Stage::Early, FailureKind::RingTimeout)));
            }
            Phone::PickedUp { rings, .. } | Phone::Machine { rings } if first + *rings >= now + ring_timeout => {
                self.plans.push((first, ring()));
                self.plans.push((now + ring_timeout, failed(Stage::Early, FailureKind::RingTimeout)));
            }
            Phone::PickedUp { rings, .. } | Phone::Machine { rings } => {
                self.plans.push((first, ring()));
                let up = first + *rings;
                self.plans.push((up, Happens::Sip(SessionEvent::Answered { sdp: ANSWER.to_vec() })));
            }
        }
    }

    /// The next moment at which something happens; none when it is over.
    pub fn next(&self) -> Option<Instant> {
        if self.machine.is_over() {
            return None;
        }
        let playing = self.playing.as_ref().map(|p| p.begins.front().map_or(p.ends, |(at, _)| *at));
        let saying = self.saying.as_ref().map(|s| s.silent_at.min(s.longest));
        let plans = self.plans.iter().map(|(at, _)| *at);
        let brain = self.brain.as_ref().and_then(Brain::poll_timeout);
        plans.chain(self.machine.poll_timeout()).chain(playing).chain(saying).chain(brain).min()
    }

    /// What the call came to.
    pub fn end(self) -> Came {
        self.came
    }

    /// Everything that is due at `now`.
    pub fn step(&mut self, now: Instant, desk: &mut Desk) {
        self.play(now, desk);
        self.record(now, desk);
        while let Some(index) = due(&self.plans, now) {
            let (_, happens) = self.plans.remove(index);
            self.happens(happens, now, desk);
        }
        while let Some(deed) = self.brain.as_mut().and_then(|brain| brain.poll_deed(now)) {
            self.deed(deed, now);
        }
        if self.machine.poll_timeout().is_some_and(|at| at <= now) {
            self.machine.handle_timeout(now);
            self.drain(now, desk);
        }
    }

    fn tell(&mut self, input: Input, now: Instant, desk: &mut Desk) {
        self.machine.handle(input, now);
        self.drain(now, desk);
    }

    fn happens(&mut self, happens: Happens, now: Instant, desk: &mut Desk) {
        let input = match happens {
            Happens::Sip(event) => {
                self.came.rang |= matches!(event, SessionEvent::Progress { .. });
                if let SessionEvent::Ended { .. } = event {
                    self.remember();
                    self.plans.clear();
                    self.playing = None;
                }
                Input::Sip(event)
            }
            Happens::Agent(input) => Input::Agent(input),
            Happens::Media(event) => Input::Media(event),
            Happens::Key(key) => {
                // a key silences the prompt, and is told after that
                if self.playing.as_ref().is_some_and(|playing| playing.barge_in) {
                    self.cut(now, desk);
                }
                Input::Media(Event::Key { key, at: now, path: Path::Rfc4733 })
            }
        };
        self.tell(input, now, desk);
    }

    fn play(&mut self, now: Instant, desk: &mut Desk) {
        while let Some(playing) = &mut self.playing {
            match playing.begins.front() {
                Some((at, _)) if *at <= now => {
                    let Some((at, id)) = playing.begins.pop_front() else { break };
                    if let Some(brain) = &mut self.brain {
                        brain.hears(&id.to_string(), at);
                    }
                }
                None if playing.ends <= now => {
                    let tag = playing.tag;
                    self.playing = None;
                    self.tell(Input::Media(Event::PlaybackEnded { tag, interrupted: false }), now, desk);
                }
                _ => break,
            }
        }
    }

    fn cut(&mut self, now: Instant, desk: &mut Desk) {
        if let Some(Playing { tag, .. }) = self.playing.take() {
            self.tell(Input::Media(Event::PlaybackEnded { tag, interrupted: true }), now, desk);
        }
    }

    fn record(&mut self, now: Instant, desk: &mut Desk) {
        let Some(saying) = &self.saying else { return };
        let why = match () {
            () if now >= saying.longest => RecordingEnd::MaxDuration,
            () if now >= saying.silent_at => RecordingEnd::Silence,
            () => return,
        };
        self.recorded(why, now, desk);
    }

    fn recorded(&mut self, why: RecordingEnd, now: Instant, desk: &mut Desk) {
        let Some(saying) = self.saying.take() else { return };
        let duration_ms = u64::try_from((now - saying.began).as_millis()).unwrap_or(u64::MAX);
        let recording = Recording::Saved { file: "simulated.wav".to_owned(), duration_ms };
        self.tell(Input::Media(Event::RecordingEnded { tag: saying.tag, why, recording }), now, desk);
    }

    fn deed(&mut self, deed: Deed, now: Instant) {
        match deed {
            Deed::Keys(keys) => {
                let apart = Duration::from_millis(u64::from(PRESS_MS + GAP_MS));
                self.plans.extend(keys.chars().zip(0..).map(|(key, n)| (now + apart * n, Happens::Key(key))));
            }
            Deed::Speak => {
                let length = self.shared.length(&self.language, VOICE);
                if let Some(saying) = &mut self.saying {
                    saying.silent_at = now + length + saying.silence;
                }
            }
            // what is said to an agent changes nothing for the machine
            Deed::Talk => {}
            Deed::HangUp => self
                .plans
                .push((now + ROUND_TRIP, Happens::Sip(SessionEvent::Ended { by: Side::Remote, cause: EndCause::Bye }))),
        }
    }

    fn drain(&mut self, now: Instant, desk: &mut Desk) {
        while let Some(action) = self.machine.poll_action() {
            self.act(action, now, desk);
        }
    }

    fn act(&mut self, action: Action, now: Instant, desk: &mut Desk) {
        match action {
            Action::StartMedia(_) => self.picked_up(now),
            Action::Play { tag, prompts, barge_in } => {
                self.cut(now, desk);
                self.playing = Some(self.playlist(tag, prompts, barge_in, now));
            }
            Action::StopPlayback => self.cut(now, desk),
            Action::Record { tag, max, silence_end, .. } => {
                let silent_at = now + silence_end;
                self.saying = Some(Saying { tag, began: now, longest: now + max, silence: silence_end, silent_at });
            }
            Action::StopRecording => self.recorded(RecordingEnd::Stopped, now, desk),
            Action::HangUp(_) => {
                let ended = SessionEvent::Ended { by: Side::Local, cause: EndCause::Bye };
                self.remember();
                self.plans.push((now + ROUND_TRIP, Happens::Sip(ended)));
            }
            Action::Agent(action) => self.agent(action, now, desk),
            Action::Keep(keep) => self.keep(keep),
            Action::Over(ending) => self.came.ending = Some(ending),
            Action::Note(event) => self.came.message_left |= matches!(event.moment, Moment::MessageLeft),
            // its end is the call's
            Action::RecordCall { .. } => self.came.on_record = true,
            // Hold music has no end; nobody changes the media here.
            Action::PlayOn { .. }
            | Action::Discard(_)
            | Action::ChangeMedia(_)
            | Action::AnswerOffer(_)
            | Action::KeyByInfo(_) => {}
        }
    }

    /// The customer is off the phone.
    fn remember(&mut self) {
        if let Some(brain) = self.brain.take() {
            self.came.keyed = brain.keyed().to_vec();
            self.came.spoke = brain.spoke();
        }
    }

    fn picked_up(&mut self, now: Instant) {
        self.came.answered = Some(now);
        let soon = now + ROUND_TRIP;
        self.plans.push((soon, Happens::Media(Event::FirstAudio)));
        self.plans.push((soon, Happens::Media(Event::FirstSound)));
        match &self.phone {
            Phone::PickedUp { mind, .. } => self.brain = Some(Brain::new(mind.as_ref().clone())),
            Phone::Machine { .. } => {
                let verdict = amd::Verdict {
                    who: Who::Machine,
                    confidence: 90,
                    why: "simulated",
                    mailbox: true,
                    after_ms: 4_000,
                };
                let told = now + MACHINE_TOLD;
                self.plans.push((told, Happens::Media(Event::Answerer(Heard::Verdict(verdict)))));
                let turn = Heard::Turn { beep: true };
                self.plans.push((told + MACHINE_TOLD, Happens::Media(Event::Answerer(turn))));
            }
            Phone::Refuses(_) | Phone::Silent => {}
        }
    }

    fn playlist(&self, tag: u64, prompts: Vec<PromptId>, barge_in: bool, now: Instant) -> Playing {
        let mut at = now;
        let mut begins = std::collections::VecDeque::with_capacity(prompts.len());
        for id in prompts {
            let length = self.shared.length(&self.language, &id.to_string());
            begins.push_back((at, id));
            at += length;
        }
        Playing { tag, barge_in, begins, ends: at }
    }

    fn agent(&mut self, action: AgentAction, now: Instant, desk: &mut Desk) {
        use handover::Input as Said;
        match action {
            AgentAction::Reserve { tried } => {
                self.came.wanted_agent = true;
                let said = match desk.reserve(&tried, now) {
                    Some(held) => {
                        self.held = Some(held);
                        Said::Held(held)
                    }
                    None => {
                        self.came.nobody_free = true;
                        Said::NobodyFree
                    }
                };
                self.plans.push((now, Happens::Agent(said)));
            }
            AgentAction::Ring(_) => {
                let up = now + desk.rings();
                self.plans.push((up, Happens::Agent(Said::PickedUp)));
                self.plans.push((up + ROUND_TRIP, Happens::Agent(Said::Connected)));
            }
            AgentAction::Talks => {
                self.came.talked = true;
                if let Some(brain) = &mut self.brain {
                    brain.hears(agent::VOICE, now);
                }
                self.plans.push((now + desk.talks(), Happens::Agent(Said::AgentGone)));
            }
            AgentAction::HangUp => self.plans.retain(|(_, happens)| !matches!(happens, Happens::Agent(_))),
            AgentAction::Free(end) => {
                if let Some(held) = self.held.take() {
                    desk.free(&held, end, now);
                }
            }
            AgentAction::Whisper(_)
            | AgentAction::Join
            | AgentAction::Part
            | AgentAction::Refer { .. }
            | AgentAction::Rings => {}
        }
    }

    fn keep(&mut self, keep: Keep) {
        match keep {
            Keep::Answer(answer, complaint) => {
                self.came.complaint |= complaint.is_some();
                self.came.answers.push(answer);
            }
            Keep::Complaint(_) => self.came.complaint = true,
            Keep::CallBack(wish) => self.came.booked = Some(wish),
            Keep::WrongNumber | Keep::DoNotCall => self.came.blocked = true,
            Keep::Recording { .. } => self.came.recordings += 1,
            Keep::InviteSent
            | Keep::Answered
            | Keep::ComplaintNote(_)
            | Keep::CallOnRecord { .. }
            | Keep::Lead(_)
            | Keep::Transfer(..)
            | Keep::TransferEnded(..)
            | Keep::Outcome(_)
            | Keep::Quality(_) => {}
        }
    }
}

/// The first of the plans that are due, in the order in which they are to happen.
fn due(plans: &[(Instant, Happens)], now: Instant) -> Option<usize> {
    let due = plans.iter().enumerate().filter(|(_, (at, _))| *at <= now);
    due.min_by_key(|(index, (at, _))| (*at, *index)).map(|(index, _)| index)
}

fn local() -> LocalMedia {
    LocalMedia {
        addr: IpAddr::V4(Ipv4Addr::LOCALHOST),
        port: 5000,
        codecs: vec![Codec::Pcma, Codec::Pcmu],
        telephone_event: Some(101),
        ptime_ms: 20,
        srtp: Vec::new(),
        session_id: 1,
        version: 1,
    }
}
