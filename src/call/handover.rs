//! Handing a caller over to a live agent: hold one, ring, whisper, join, or hand over by REFER; the next one if that fails; and an end for every try. Pure.
//!
//! Inputs by [`Handover::handle`], then drain [`Handover::poll_action`]; [`Handover::poll_timeout`] and [`Handover::handle_timeout`] are its clock.
//! It knows agents by their ids only: what a leg is and where it leads is the driver's, who the customer is nobody's here. Every try that was begun by
//! [`Input::Held`] ends with exactly one [`Action::End`], whatever happens; the complaint never depends on any of it.

use crate::ids::{AgentId, TransferId};
use crate::survey::definition::PromptId;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

mod action;
#[cfg(test)]
mod tests;
pub mod whisper;

pub use action::{Action, End, Result, Step};

/// The key by which an agent takes the call.
pub const ACCEPT: char = '1';
/// How long the end of a whisper is awaited before the agent's time to press the key begins all the same.
const WHISPER_END: Duration = Duration::from_secs(20);
/// How long the page's media may take to connect.
const PAGE_CONNECTS: Duration = Duration::from_secs(10);
/// How long a PBX may take to say what became of a REFER.
const REFER_ENDS: Duration = Duration::from_secs(60);

/// How patient agent and caller are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How long an agent's phone or page may ring.
    pub ring: Duration,
    /// How long the agent has to press the accept key, from the end of the whisper.
    pub accept: Duration,
    /// How long the caller is held in all.
    pub hold: Duration,
    /// Agents tried for one caller.
    pub tries: u32,
}

/// How an agent is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A second call that is bridged.
    Call,
    /// The page, bridged.
    Page,
    /// REFER.
    Refer,
    /// A second call first, then REFER with Replaces.
    ReferAttended,
}

/// An agent who is held for this caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The try.
    pub transfer: TransferId,
    /// Who.
    pub agent: AgentId,
    /// How they are reached.
    pub way: Way,
    /// Picking up takes the call; there is no accept key.
    pub auto_answer: bool,
}

/// What the caller hears on the way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Said first.
    pub connect: Vec<PromptId>,
    /// Then played over and over.
    pub hold: Vec<PromptId>,
    /// Said when another agent is tried.
    pub trying: Vec<PromptId>,
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The conversation wants an agent.
    Wanted,
    /// One is held.
    Held(Held),
    /// Nobody is free.
    NobodyFree,
    /// The held one was offered to the caller.
    Offered,
    /// The caller said yes, or had asked for a person.
    Connect(Waiting),
    /// The caller would rather not.
    NotWanted,
    /// The caller is gone.
    CallerGone,
    /// The engine stops: no new talk begins.
    Stop,
    /// The agent's phone rings.
    Rings,
    /// The agent's phone was picked up, or the page takes the call.
    PickedUp,
    /// The page's media are connected.
    Connected,
    /// The agent said no: a refusal, or on the page.
    Refused,
    /// The agent's phone did not answer.
    Silent,
    /// The leg could not be made, or broke.
    Broken,
    /// The agent hung up.
    AgentGone,
    /// A key of the agent's.
    Key(char),
    /// The whisper was heard.
    WhisperEnded,
    /// The PBX works on the REFER.
    ReferAccepted,
    /// The caller is in the PBX's hands.
    ReferDone,
    /// The PBX would not, could not, or did not say.
    ReferFailed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Nobody is wanted.
    Idle,
    /// An agent is looked for.
    Reserving,
    /// Held, while the caller is asked.
    Held(Held),
    /// The phone or the page rings.
    Ringing(Held, Instant),
    /// Picked up; the whisper plays, or the page connects. Without the key by then: not taken.
    Accepting(Held, Instant),
    /// The two have each other.
    Talking(Held),
    /// The PBX was asked to take the caller.
    Referring(Held, Instant),
    /// The PBX has said that it will.
    Taking(Held, Instant),
}

/// The hand-over of one caller.
#[derive(Debug)]
pub struct Handover {
    patience: Patience,
    state: State,
    /// The caller waits since then, and hears this.
    waiting: Option<(Instant, Waiting)>,
    tried: Vec<AgentId>,
    stopped: bool,
    actions: VecDeque<Action>,
}

impl Handover {
    /// Nobody is wanted yet.
    pub fn new(patience: Patience) -> Handover {
        Handover {
            patience,
            state: State::Idle,
            waiting: None,
            tried: Vec::new(),
            stopped: false,
            actions: VecDeque::new(),
        }
    }

    /// Customer and agent have each other.
    pub fn is_talking(&self) -> bool {
        matches!(self.state, State::Talking(_))
    }

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`Handover::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Ringing(_, until)
            | State::Accepting(_, until)
            | State::Referring(_, until)
            | State::Taking(_, until) => Some(*until),
            State::Idle | State::Reserving | State::Held(_) | State::Talking(_) => None,
        }
    }

    /// One input; what does not belong to the state is passed over.
    pub fn handle(&mut self, input: Input, now: Instant) {
        match input {
            Input::Wanted => self.wanted(),
            Input::Held(held) => self.held(held, now),
            Input::NobodyFree => self.nobody_free(),
            Input::Offered => self.offered(),
            Input::Connect(waiting) => self.connect(waiting, now),
            Input::NotWanted => self.let_go(End::Declined),
            Input::CallerGone => self.caller_gone(),
            Input::Stop => self.stop(),
            Input::Rings => self.rings(),
            Input::PickedUp => self.picked_up(now),
            Input::Connected => self.connected(),
            Input::Refused => self.agent_failed(End::Rejected, now),
            Input::Silent => self.agent_failed(End::NoAnswer, now),
            Input::Broken => self.agent_failed(End::AgentFailed, now),
            Input::AgentGone => self.agent_gone(now),
            Input::Key(key) => self.key(key),
            Input::WhisperEnded => self.whisper_ended(now),
            Input::ReferAccepted => self.refer_accepted(),
            Input::ReferDone => self.refer_done(),
            Input::ReferFailed => self.refer_failed(now),
        }
    }

    /// Time has come to [`Handover::poll_timeout`].
    pub fn handle_timeout(&mut self, now: Instant) {
        match self.state.clone() {
            State::Ringing(_, until) if now >= until => self.agent_failed(End::NoAnswer, now),
            State::Accepting(held, until) if now >= until => {
                let why = if held.way == Way::Page { End::AgentFailed } else { End::NoAnswer };
                self.agent_failed(why, now);
            }
            State::Referring(_, until) | State::Taking(_, until) if now >= until => self.refer_failed(now),
            _ => {}
        }
    }

    // ---- before the ring

    fn wanted(&mut self) {
        if matches!(self.state, State::Idle) && !self.stopped {
            self.reserve();
        } else if self.stopped {
            self.actions.push_back(Action::Result(Result::NobodyFree));
        }
    }

    fn reserve(&mut self) {
        self.state = State::Reserving;
        self.actions.push_back(Action::Reserve { tried: self.tried.clone() });
    }

    fn held(&mut self, held: Held, now: Instant) {
        match (&self.state, &self.waiting) {
            (State::Reserving, None) => {
                self.state = State::Held(held);
                self.actions.push_back(Action::Result(Result::Held));
            }
            (State::Reserving, Some((_, waiting))) => {
                let waiting = waiting.clone();
                self.step(held, Step::Wanted);
                self.actions.push_back(Action::Hold { say: waiting.trying, music: waiting.hold });
                self.ring(held, now);
            }
            // too late: nobody waits for it any more
            _ => self.end(held, End::Interrupted),
        }
    }

    fn nobody_free(&mut self) {
        if matches!(self.state, State::Reserving) {
            self.state = State::Idle;
            let result = if self.waiting.take().is_some() { Result::Failed } else { Result::NobodyFree };
            self.actions.push_back(Action::Result(result));
        }
    }

    fn offered(&mut self) {
        if let State::Held(held) = self.state {
            self.step(held, Step::Offered);
        }
    }

    fn connect(&mut self, waiting: Waiting, now: Instant) {
        let State::Held(held) = self.state else { return };
        self.step(held, Step::Wanted);
        self.actions.push_back(Action::Hold { say: waiting.connect.clone(), music: waiting.hold.clone() });
        self.waiting = Some((now, waiting));
        self.ring(held, now);
    }

    fn ring(&mut self, held: Held, now: Instant) {
        self.tried.push(held.agent);
        if held.way == Way::Refer {
            return self.refer(held, now);
        }
        self.actions.push_back(Action::Ring(held));
        self.state = State::Ringing(held, now + self.patience.ring);
        // the page rings from the moment on in which it shows the caller
        if held.way == Way::Page {
            self.step(held, Step::Ringing);
        }
    }

    /// Nobody is wanted any more, at any stage before the talk.
    fn let_go(&mut self, why: End) {
        self.waiting = None;
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Held(held) => self.end(held, why),
            State::Ringing(held, _) | State::Accepting(held, _) | State::Talking(held) => {
                self.actions.push_back(Action::HangUpAgent);
                self.end(held, why);
            }
            State::Referring(held, _) | State::Taking(held, _) => {
                if held.way == Way::ReferAttended {
                    self.actions.push_back(Action::HangUpAgent);
                }
                self.end(held, why);
            }
            // whoever is held a moment later is freed in `held`
            State::Reserving | State::Idle => {}
        }
    }

    fn caller_gone(&mut self) {
        // A PBX that has accepted and ends our call without a last NOTIFY has the caller, for all that SIP can tell.
        if let State::Taking(..) = self.state {
            self.refer_done();
            return;
        }
        let why = if self.is_talking() { End::Accepted } else { End::CallerGaveUp };
        self.let_go(why);
    }

    /// A talk goes on until it ends or is cut; whoever only waits is told honestly.
    fn stop(&mut self) {
        self.stopped = true;
        if !self.is_talking() {
            let waited = self.waiting.is_some();
            let wanted = !matches!(self.state, State::Idle);
            self.let_go(End::Interrupted);
            if wanted {
                self.actions.push_back(Action::Result(if waited { Result::Failed } else { Result::NobodyFree }));
            }
        }
    }

    // ---- the agent's side

    fn rings(&mut self) {
        if let State::Ringing(held, _) = self.state {
            self.step(held, Step::Ringing);
        }
    }

    fn picked_up(&mut self, now: Instant) {
        let State::Ringing(held, _) = self.state else { return };
        self.step(held, Step::Answered);
        match held.way {
            Way::ReferAttended => self.refer(held, now),
            Way::Page => self.state = State::Accepting(held, now + PAGE_CONNECTS),
            Way::Call if held.auto_answer => {
                // the whisper is heard first, so that nobody says hello into it
                self.actions.push_back(Action::Whisper { accept: false });
                self.state = State::Accepting(held, now + WHISPER_END);
            }
            Way::Call | Way::Refer => {
                self.actions.push_back(Action::Whisper { accept: true });
                self.state = State::Accepting(held, now + WHISPER_END + self.patience.accept);
            }
        }
    }

    fn whisper_ended(&mut self, now: Instant) {
        match self.state {
            State::Accepting(held, _) if held.auto_answer && held.way == Way::Call => self.join(held),
            State::Accepting(held, _) if held.way == Way::Call => {
                self.state = State::Accepting(held, now + self.patience.accept);
            }
            _ => {}
        }
    }

    fn key(&mut self, key: char) {
        if let State::Accepting(held, _) = self.state
            && held.way == Way::Call
            && key == ACCEPT
        {
            self.join(held);
        }
    }

    fn connected(&mut self) {
        if let State::Accepting(held, _) = self.state
            && held.way == Way::Page
        {
            self.join(held);
        }
    }

    fn join(&mut self, held: Held) {
        self.step(held, Step::Accepted);
        self.actions.push_back(Action::Join);
        self.state = State::Talking(held);
    }

    fn agent_gone(&mut self, now: Instant) {
        match self.state {
            State::Talking(held) => {
                self.state = State::Idle;
                self.waiting = None;
                self.end(held, End::Accepted);
                self.actions.push_back(Action::Result(Result::Talked));
            }
            State::Accepting(..) | State::Ringing(..) => self.agent_failed(End::Rejected, now),
            // the PBX takes the consulted leg over and ends our side of it
            State::Referring(..) | State::Taking(..) | State::Idle | State::Reserving | State::Held(_) => {}
        }
    }

    /// This one did not take the call: the next one, or a promise to call back.
    fn agent_failed(&mut self, why: End, now: Instant) {
        let (held, talked) = match self.state {
            State::Ringing(held, _)
            | State::Accepting(held, _)
            | State::Referring(held, _)
            | State::Taking(held, _) => (held, false),
            State::Talking(held) => (held, true),
            State::Idle | State::Reserving | State::Held(_) => return,
        };
        self.state = State::Idle;
        self.actions.push_back(Action::HangUpAgent);
        if talked {
            self.actions.push_back(Action::Part);
        }
        self.end(held, why);
        self.next_or_failed(talked, now);
    }

    fn next_or_failed(&mut self, talked: bool, now: Instant) {
        let left = self.waiting.as_ref().map_or(Duration::ZERO, |(since, _)| {
            self.patience.hold.saturating_sub(now.saturating_duration_since(*since))
        });
        let more = u32::try_from(self.tried.len()).is_ok_and(|tried| tried < self.patience.tries);
        if more && !talked && !self.stopped && left >= self.patience.ring {
            return self.reserve();
        }
        self.waiting = None;
        self.actions.push_back(Action::Result(Result::Failed));
    }

    // ---- REFER

    fn refer(&mut self, held: Held, now: Instant) {
        self.actions.push_back(Action::Refer { attended: held.way == Way::ReferAttended });
        self.state = State::Referring(held, now + REFER_ENDS);
    }

    fn refer_accepted(&mut self) {
        let State::Referring(held, until) = self.state else { return };
        self.state = State::Taking(held, until);
        if held.way == Way::Refer {
            self.step(held, Step::Ringing);
        }
    }

    fn refer_done(&mut self) {
        let (State::Referring(held, _) | State::Taking(held, _)) = self.state else { return };
        if held.way == Way::Refer {
            self.step(held, Step::Answered);
        } else {
            self.actions.push_back(Action::HangUpAgent);
        }
        self.step(held, Step::Accepted);
        self.state = State::Idle;
        self.waiting = None;
        self.end(held, End::Accepted);
        self.actions.push_back(Action::Result(Result::Talked));
    }

    fn refer_failed(&mut self, now: Instant) {
        if let State::Referring(held, _) | State::Taking(held, _) = self.state {
            self.state = State::Idle;
            if held.way == Way::ReferAttended {
                self.actions.push_back(Action::HangUpAgent);
            }
            self.end(held, End::PbxRefused);
            self.next_or_failed(false, now);
        }
    }

    // ---- what is told

    fn step(&mut self, held: Held, step: Step) {
        self.actions.push_back(Action::Step(held.transfer, step));
    }

    fn end(&mut self, held: Held, end: End) {
        self.actions.push_back(Action::End(held.transfer, end));
    }
}
