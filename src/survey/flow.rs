//! Flow: the machine that asks one customer one survey. Pure: inputs and times in, actions and the next deadline out.
//!
//! Use: [`Flow::new`] when the call is answered, `handle(FlowInput::Start)`, then after every `handle` and `handle_timeout`
//! drain [`Flow::poll_action`] and look at [`Flow::poll_timeout`]. The last action is [`FlowAction::Finish`]; nothing follows it.
//!
//! Rules that are decided here (docs/surveys.md says them to people who write surveys):
//! - An answer is emitted at the moment it is accepted; a complaint directly after the answer that caused it.
//! - Keys count while a question can be heard to be asked: during an interruptible prompt and after any prompt. During a
//!   prompt that cannot be interrupted they are dropped, because an answer to a question nobody has heard yet is no answer;
//!   a re-prompt can always be interrupted. A key during an interruptible `say` ends it and counts for the next question.
//! - An entry that is not ended when the customer hangs up is no answer. A recording in progress is kept.
//! - Outcome of a hang-up: everything required answered → complete; anything scored, or a person promised → partial; else
//!   break-off, or what the step says by `on_hangup` (the retention try: refusal).
//! - The help keys lead to the help menu from every question and back to it; not while a recording runs.
//! - Answers of earlier attempts stand where the customer had agreed to take part: those questions are passed over as if they had just
//!   been answered (`resumed.rs`), and count for completeness and for what makes the customer unhappy.
//! - A live agent is offered only once one is held. Until then, and while the customer is on the way to the agent, keys mean nothing here;
//!   a wish for a person while one is offered is a yes. The length of the call stands still while customer and agent have each other.
//! - An input that does not belong to the state is ignored. No input panics; the whole call has an upper bound of
//!   `max_call` plus [`RECORDING_END`].

mod agent;
mod answers;
mod asking;
mod help;
mod io;
mod recording;
mod resumed;
#[cfg(test)]
mod tests;
mod timers;
mod wording;

use crate::survey::definition::{Definition, EndOutcome, PromptId, Step, StepIndex, StepKind, Target};
use crate::survey::keys::Collector;
use crate::survey::scale::Scale;
use agent::AgentPhase;
pub use io::*;
use recording::{After, Phase};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use timers::Timers;

/// How long the end of a recording is awaited after it was told to stop.
pub const RECORDING_END: Duration = Duration::from_secs(3);
/// How long it may take to find out whether an agent is free. The customer hears nothing meanwhile.
pub const AGENT_WAIT: Duration = Duration::from_secs(3);
/// How long the end of the closing prompt is awaited; the part of `max_call` that is kept for it.
pub const CLOSING: Duration = Duration::from_secs(15);

/// One customer's survey.
#[derive(Debug)]
pub struct Flow {
    definition: Arc<Definition>,
    facts: Facts,
    created: Instant,
    state: State,
    timers: Timers,
    actions: VecDeque<FlowAction>,
    last_tag: u64,
    /// Steps entered since the last input: more than the survey has means that it turns in a circle.
    hops: usize,
    /// The media session has ended a recording by `#` itself: the key's own report is still to come, until then at most.
    hash_owed: Option<Instant>,
    so_far: SoFar,
    /// When `*` was pressed: the help keys may begin with it.
    star: Option<Instant>,
}

/// What is known of the conversation so far.
#[derive(Debug, Default)]
struct SoFar {
    answers: HashMap<StepIndex, Given>,
    consent: bool,
    family: bool,
    complaint: bool,
    /// The statement was asked for.
    statement: bool,
    /// The unhappy branch was entered.
    unhappy_branch: bool,
    /// The person branch was entered.
    person_branch: bool,
    /// Where the unhappy branch comes back to.
    resume: Option<Target>,
    /// The question at which the help keys were pressed.
    asked_help_at: Option<StepIndex>,
    /// A lead was noted.
    lead: bool,
    /// The customer has agreed that the call is recorded.
    on_record: bool,
    /// Questions that an earlier attempt has answered, and their keys.
    earlier: HashMap<StepIndex, String>,
    /// An earlier attempt had the customer's consent.
    resumed: bool,
    /// The conversation stops before its end: hung up, fallen silent, or the engine stops.
    cut: bool,
    /// An outcome that an answer has settled (wrong number, refusal, call-back).
    settled: Option<Outcome>,
    given_up_in_a_row: u32,
    /// An agent is held, or being looked for, and the customer is not on the way to them.
    agent_wanted: bool,
}

/// An answer as conditions see it.
#[derive(Clone, Debug)]
struct Given {
    value: String,
    score: Option<(&'static Scale, i32)>,
}

impl Given {
    /// Value and score.
    fn known(&self) -> (&str, Option<i32>) {
        (&self.value, self.score.map(|(_, score)| score))
    }
}

#[derive(Debug)]
enum State {
    /// Before `Start`.
    Idle,
    Saying {
        step: StepIndex,
        tag: u64,
        barge_in: bool,
    },
    Asking {
        step: StepIndex,
        /// What plays, until it has ended.
        playing: Option<u64>,
        /// Keys count while it plays.
        interruptible: bool,
        misses: u32,
        collector: Collector,
    },
    Recording {
        step: StepIndex,
        phase: Phase,
        /// When the phase began; for a recording that stops, when it began to record.
        since: Instant,
        after: After,
    },
    Agent {
        step: StepIndex,
        phase: AgentPhase,
    },
    Closing {
        tag: u64,
        outcome: Outcome,
    },
    Done,
}

impl Flow {
    /// A flow at its beginning. Nothing happens before [`FlowInput::Start`].
    pub fn new(definition: Arc<Definition>, mut facts: Facts, now: Instant) -> Flow {
        facts.language = definition.language_or_default(&facts.language).to_owned();
        let so_far = SoFar::after_earlier_attempts(&definition, &facts);
        Flow {
            definition,
            facts,
            created: now,
            state: State::Idle,
            timers: Timers::default(),
            actions: VecDeque::new(),
            last_tag: 0,
            hops: 0,
            hash_owed: None,
            so_far,
            star: None,
        }
    }

    /// The language that is spoken: the one asked for, or the survey's first.
    pub fn language(&self) -> &str {
        &self.facts.language
    }

    /// The step at which the conversation is, for live pages.
    pub fn step(&self) -> Option<&str> {
        let (State::Saying { step, .. }
        | State::Asking { step, .. }
        | State::Recording { step, .. }
        | State::Agent { step, .. }) = &self.state
        else {
            return None;
        };
        self.definition.steps.get(*step).map(|step| step.id.as_str())
    }

    /// The customer agreed to take part (a break-off before that is nearer to a refusal, AAPOR 2.1).
    pub fn consented(&self) -> bool {
        self.so_far.consent
    }

    /// After a [`Outcome::Partial`]: the customer hung up, fell silent or was cut off by the engine's stop, and may be called once more to go on
    /// where it stopped. Never after a complaint or a wish for a person: then a person calls.
    pub fn resumable(&self) -> bool {
        self.so_far.cut && !self.so_far.complaint && !self.so_far.person_branch
    }

    /// What is keyed now is somebody's number: it must not show in a timeline.
    pub fn keys_are_personal(&self) -> bool {
        let State::Asking { step, .. } = &self.state else { return false };
        self.definition.steps.get(*step).is_some_and(|step| matches!(step.kind, StepKind::Digits { lead: true, .. }))
    }

    /// [`FlowAction::Finish`] was emitted.
    pub fn is_finished(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// The next action, oldest first.
    pub fn poll_action(&mut self) -> Option<FlowAction> {
        self.actions.pop_front()
    }

    /// The earliest deadline and what it is for.
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        self.timers.next()
    }

    /// Takes one input.
    pub fn handle(&mut self, input: FlowInput, now: Instant) {
        self.hops = 0;
        match input {
            FlowInput::Start => self.start(now),
            FlowInput::Key(key) => self.key(key, now),
            FlowInput::PlaybackEnded { tag } => self.playback_ended(tag, now),
            FlowInput::RecordingEnded { tag, recording, duration_ms, ended_by } => {
                self.recording_ended(tag, recording, duration_ms, ended_by, now);
            }
            FlowInput::AgentHeld => self.agent_held(now),
            FlowInput::NoAgent => self.nobody_free(now),
            FlowInput::AgentTalked => self.agent_talked(),
            FlowInput::AgentFailed => self.agent_failed(now),
            FlowInput::Held => self.timers.leave_step(),
            FlowInput::Resumed => self.ask_again(now),
            FlowInput::RemoteHangup => self.remote_hangup(now),
            FlowInput::Shutdown => match self.state {
                State::Idle => self.finish(Outcome::BreakOff),
                _ => {
                    self.so_far.cut = true;
                    self.close_at(self.definition.handlers.shutdown, now);
                }
            },
        }
    }

    /// Fires every timer that is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.hops = 0;
        while let Some((at, timer)) = self.timers.next() {
            if at > now {
                return;
            }
            *self.timers.slot(timer) = None;
            match timer {
                Timer::Answer => self.missed(Miss::Silent, now),
                Timer::InterDigit => self.entry_ended(now),
                Timer::RecordingEnd => self.recording_lost(now),
                Timer::Agent => self.no_agent(now),
                Timer::Closing => self.closing_ended(),
                Timer::CallLimit => self.close_at(self.definition.handlers.too_long, now),
            }
        }
    }

    fn start(&mut self, now: Instant) {
        if !matches!(self.state, State::Idle) {
            return;
        }
        self.set_timer(Timer::CallLimit, self.definition.max_call.saturating_sub(CLOSING), now);
        self.go(Target::Step(0), now);
    }

    fn key(&mut self, key: char, now: Instant) {
        if key == '#' && self.hash_owed.take().is_some_and(|until| now <= until) {
            return;
        }
        if self.help_keyed(key, now) {
            return self.help(now);
        }
        match &self.state {
            State::Saying { step, barge_in: true, .. } => {
                let step = *step;
                self.silence();
                self.leave(step, now);
                self.key(key, now);
            }
            State::Asking { .. } => self.key_while_asking(key, now),
            State::Recording { .. } => self.key_while_recording(key, now),
            State::Saying { .. } | State::Agent { .. } | State::Idle | State::Closing { .. } | State::Done => {}
        }
    }

    fn playback_ended(&mut self, ended: u64, now: Instant) {
        match &self.state {
            State::Saying { step, tag, .. } if *tag == ended => self.leave(*step, now),
            State::Asking { playing: Some(tag), .. } if *tag == ended => self.question_heard(now),
            State::Recording { phase: Phase::Prompt(tag) | Phase::Beep(tag), .. } if *tag == ended => {
                self.recording_goes_on(now);
            }
            State::Closing { tag, .. } if *tag == ended => self.closing_ended(),
            _ => {}
        }
    }

    fn remote_hangup(&mut self, now: Instant) {
        self.so_far.cut |= !matches!(self.state, State::Closing { .. });
        match &self.state {
            State::Recording { .. } => self.end_recording(After::Hangup, now),
            State::Closing { outcome, .. } => self.finish(*outcome),
            State::Idle => self.finish(Outcome::BreakOff),
            State::Saying { step, .. } | State::Asking { step, .. } | State::Agent { step, .. } => {
                self.finish(self.outcome_of_hangup(*step));
            }
            State::Done => {}
        }
    }

    /// Leaves whatever is asked and closes politely; a recording in progress is kept first.
    fn close_at(&mut self, target: Target, now: Instant) {
        match &self.state {
            State::Recording { .. } => self.end_recording(After::Go(target), now),
            State::Saying { .. } | State::Asking { .. } | State::Agent { .. } => {
                self.silence();
                self.go(target, now);
            }
            State::Idle | State::Closing { .. } | State::Done => {}
        }
    }

    /// From a step that has done its work to what follows it.
    fn leave(&mut self, step: StepIndex, now: Instant) {
        match self.definition.steps.get(step).map(|step| step.next) {
            Some(next) => self.go(next, now),
            None => self.finish(self.outcome(Outcome::BreakOff)),
        }
    }

    /// Enters a step, or the first after it whose conditions hold and which has something to say.
    fn go(&mut self, target: Target, now: Instant) {
        self.timers.leave_step();
        self.agent_left(now);
        let definition = Arc::clone(&self.definition);
        let mut target = target;
        loop {
            let index = match target {
                Target::Step(index) => Some(index),
                Target::Resume => match self.so_far.resume.take() {
                    Some(Target::Step(index)) => Some(index),
                    Some(Target::Resume | Target::Back) | None => None,
                },
                Target::Back => self.so_far.asked_help_at.take(),
            };
            self.hops += 1;
            let step = index.and_then(|index| Some((index, definition.steps.get(index)?)));
            let Some((index, step)) = step.filter(|_| self.hops <= definition.steps.len() * 2 + 8) else {
                return self.finish(self.outcome(Outcome::BreakOff));
            };
            // what help has interrupted is asked again, whatever has changed meanwhile
            if target != Target::Back {
                if !self.all_hold(&step.when) {
                    target = step.otherwise;
                    continue;
                }
                if let Some(next) = self.answered_earlier(index, step) {
                    target = next;
                    continue;
                }
            }
            match &step.kind {
                StepKind::Say => match self.play(self.compose(&step.prompts), step.barge_in) {
                    Some(tag) => return self.state = State::Saying { step: index, tag, barge_in: step.barge_in },
                    None => target = step.next,
                },
                StepKind::Choice { .. } | StepKind::Scale { .. } | StepKind::Digits { .. } => {
                    return self.ask(index, step, now);
                }
                StepKind::Record { kind, .. } => return self.ask_to_speak(index, step, *kind, now),
                StepKind::Agent(_) => return self.want_agent(index, now),
                StepKind::End { outcome } => return self.end(step, *outcome, now),
            }
        }
    }

    fn end(&mut self, step: &Step, outcome: EndOutcome, now: Instant) {
        let outcome = match outcome {
            EndOutcome::Fixed(outcome) => outcome,
            EndOutcome::ByAnswers(if_none) => self.outcome(if_none),
        };
        self.timers = Timers::default();
        match self.play(self.compose(&step.prompts), false) {
            Some(tag) => {
                self.state = State::Closing { tag, outcome };
                self.set_timer(Timer::Closing, CLOSING, now);
            }
            None => self.finish(outcome),
        }
    }

    fn closing_ended(&mut self) {
        if let State::Closing { outcome, .. } = self.state {
            self.finish(outcome);
        }
    }

    fn finish(&mut self, outcome: Outcome) {
        if !self.is_finished() {
            self.agent_not_wanted();
            self.state = State::Done;
            self.timers = Timers::default();
            self.actions.push_back(FlowAction::Finish(outcome));
        }
    }

    /// The outcome as the answers stand; `if_none` where nothing is scored.
    fn outcome(&self, if_none: Outcome) -> Outcome {
        if let Some(settled) = self.so_far.settled {
            settled
        } else if self.is_complete() {
            Outcome::Complete
        } else if self.so_far.answers.values().any(|given| given.score.is_some()) {
            Outcome::Partial
        } else {
            if_none
        }
    }

    /// Everything that the survey requires was answered, in this attempt or an earlier one.
    fn is_complete(&self) -> bool {
        let indexes: HashMap<&str, &Given> = self
            .so_far
            .answers
            .iter()
            .filter_map(|(index, given)| Some((self.definition.steps.get(*index)?.id.as_str(), given)))
            .collect();
        self.definition.is_complete(|step| indexes.get(step.id.as_str()).map(|given| given.known()))
    }

    fn outcome_of_hangup(&self, step: StepIndex) -> Outcome {
        let said = self.definition.steps.get(step).and_then(|step| step.on_hangup);
        // whoever was promised a person is called by a person, not by the engine again
        let promised = self.so_far.person_branch.then_some(Outcome::Partial);
        self.outcome(promised.or(said).unwrap_or(Outcome::BreakOff))
    }

    /// Plays, unless there is nothing to play.
    fn play(&mut self, prompts: Vec<PromptId>, barge_in: bool) -> Option<u64> {
        if prompts.is_empty() {
            return None;
        }
        self.last_tag += 1;
        self.actions.push_back(FlowAction::Play { tag: self.last_tag, prompts, barge_in });
        Some(self.last_tag)
    }

    /// Silences what plays, and forgets that it does.
    fn silence(&mut self) {
        let plays = match &mut self.state {
            State::Saying { .. } => true,
            State::Asking { playing, .. } => playing.take().is_some(),
            State::Recording { phase, .. } => matches!(phase, Phase::Prompt(_) | Phase::Beep(_)),
            State::Agent { .. } | State::Idle | State::Closing { .. } | State::Done => false,
        };
        if plays {
            self.actions.push_back(FlowAction::StopPlayback);
        }
    }

    fn set_timer(&mut self, timer: Timer, after: Duration, now: Instant) {
        *self.timers.slot(timer) = now.checked_add(after);
    }
}
