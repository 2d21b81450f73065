//! Questions answered by speech: prompt, tone, recording, and what becomes of it.
//!
//! `#` ends it (before anything was said: nothing), `*` before the recording asks again, `0` asks for a person; other keys mean
//! nothing, and do not silence the prompt: so it is played without the media session's barge-in, and silenced from here. A recording that was begun is always waited for, up to [`super::RECORDING_END`], so that what was said is kept
//! even when the customer hangs up in the middle.

use super::{AnswerValue, EndedBy, Flow, FlowAction, Lead, RECORDING_END, RecordingKind, RecordingRef, State, Timer};
use crate::survey::definition::{Step, StepIndex, StepKind, Target};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the report of the `#` that ended a recording may come after the report of its end.
const HASH_OWED: Duration = Duration::from_millis(500);

/// Where a recording question stands, with the tag of what runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// The prompt plays.
    Prompt(u64),
    /// The tone plays.
    Beep(u64),
    /// It records.
    Active(u64),
    /// It was told to stop; its end is awaited.
    Stopping(u64),
}

/// What follows the recording.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum After {
    /// The next step.
    Next,
    /// The person branch.
    Person,
    /// A closing.
    Go(Target),
    /// Nothing: the customer is gone.
    Hangup,
}

impl Flow {
    pub(super) fn ask_to_speak(&mut self, index: StepIndex, step: &Step, kind: RecordingKind, now: Instant) {
        self.actions.push_back(FlowAction::Asked { question: step.id.clone() });
        if kind == RecordingKind::Statement {
            self.so_far.statement = true;
        }
        match self.play(self.compose(&step.prompts), false) {
            Some(tag) => {
                self.state = State::Recording { step: index, phase: Phase::Prompt(tag), since: now, after: After::Next }
            }
            None => self.beep(index, now),
        }
    }

    /// After the prompt the tone, after the tone the recording.
    pub(super) fn recording_goes_on(&mut self, now: Instant) {
        match self.state {
            State::Recording { step, phase: Phase::Prompt(_), .. } => self.beep(step, now),
            State::Recording { step, phase: Phase::Beep(_), .. } => self.record(step, now),
            _ => {}
        }
    }

    fn beep(&mut self, index: StepIndex, now: Instant) {
        let definition = Arc::clone(&self.definition);
        let Some(StepKind::Record { beep, .. }) = definition.steps.get(index).map(|step| &step.kind) else { return };
        match self.play(beep.clone(), false) {
            Some(tag) => {
                self.state = State::Recording { step: index, phase: Phase::Beep(tag), since: now, after: After::Next }
            }
            None => self.record(index, now),
        }
    }

    fn record(&mut self, index: StepIndex, now: Instant) {
        let definition = Arc::clone(&self.definition);
        let Some(StepKind::Record { kind, max, silence_end, .. }) = definition.steps.get(index).map(|step| &step.kind)
        else {
            return;
        };
        self.last_tag += 1;
        let tag = self.last_tag;
        self.actions.push_back(FlowAction::Record { tag, kind: *kind, max: *max, silence_end: *silence_end });
        self.state = State::Recording { step: index, phase: Phase::Active(tag), since: now, after: After::Next };
        self.set_timer(Timer::RecordingEnd, *max + RECORDING_END, now);
    }

    pub(super) fn key_while_recording(&mut self, key: char, now: Instant) {
        let State::Recording { step: index, phase, .. } = self.state else { return };
        let definition = Arc::clone(&self.definition);
        let Some(step) = definition.steps.get(index) else { return };
        if matches!(phase, Phase::Prompt(_)) && !step.barge_in {
            return;
        }
        let person = definition.handlers.person.is_some() && !self.so_far.person_branch;
        match (key, phase) {
            (_, Phase::Stopping(_)) => {}
            ('0', _) if person => self.end_recording(After::Person, now),
            ('#' | '0', _) => self.end_recording(After::Next, now),
            ('*', Phase::Prompt(_) | Phase::Beep(_)) => {
                self.silence();
                match self.play(self.compose(&step.prompts), false) {
                    Some(tag) => {
                        self.state =
                            State::Recording { step: index, phase: Phase::Prompt(tag), since: now, after: After::Next };
                    }
                    None => self.beep(index, now),
                }
            }
            _ => {}
        }
    }

    /// Ends the question: at once where nothing was recorded yet, else when the recording has ended.
    pub(super) fn end_recording(&mut self, then: After, now: Instant) {
        let State::Recording { step, phase, after, .. } = &mut self.state else { return };
        let step = *step;
        match *phase {
            Phase::Prompt(_) | Phase::Beep(_) => {
                if then != After::Hangup {
                    self.silence();
                }
                // only `#` and silence say "nothing"; whoever asks for a person or is gone has not answered
                let answer = (then == After::Next).then_some(AnswerValue::Nothing);
                self.recorded(step, answer, then, now);
            }
            Phase::Active(tag) => {
                *phase = Phase::Stopping(tag);
                *after = then;
                self.actions.push_back(FlowAction::StopRecording);
                self.set_timer(Timer::RecordingEnd, RECORDING_END, now);
            }
            // a hang-up while it stops: nothing else can follow any more
            Phase::Stopping(_) => {
                if *after != After::Hangup && then != After::Next {
                    *after = then;
                }
            }
        }
    }

    pub(super) fn recording_ended(
        &mut self,
        ended: u64,
        recording: Option<RecordingRef>,
        duration_ms: u64,
        ended_by: EndedBy,
        now: Instant,
    ) {
        let State::Recording { step, phase, since, after } = self.state else { return };
        match phase {
            Phase::Active(tag) | Phase::Stopping(tag) if tag == ended => {}
            Phase::Active(_) | Phase::Stopping(_) | Phase::Prompt(_) | Phase::Beep(_) => return,
        }
        if ended_by == EndedBy::Key && matches!(phase, Phase::Active(_)) {
            self.hash_owed = now.checked_add(HASH_OWED);
        }
        let Some(StepKind::Record { kind, silence_end, min, .. }) = self.definition.steps.get(step).map(|s| &s.kind)
        else {
            return;
        };
        // where silence ended it, only time tells how long there was speech: a phone may send nothing while its owner is silent
        let spoken = match ended_by {
            EndedBy::Silence => now.saturating_duration_since(since).saturating_sub(*silence_end),
            EndedBy::Key | EndedBy::MaxLength | EndedBy::Stopped | EndedBy::Failed => {
                Duration::from_millis(duration_ms)
            }
        };
        let value = match recording {
            Some(recording) if spoken >= *min => {
                AnswerValue::Recording { recording_kind: *kind, recording, duration_ms }
            }
            _ => AnswerValue::Nothing,
        };
        self.recorded(step, Some(value), after, now);
    }

    /// The end of a recording never came.
    pub(super) fn recording_lost(&mut self, now: Instant) {
        match self.state {
            State::Recording { phase: Phase::Active(_), .. } => self.end_recording(After::Next, now),
            State::Recording { step, phase: Phase::Stopping(_), after, .. } => self.recorded(step, None, after, now),
            _ => {}
        }
    }

    fn recorded(&mut self, index: StepIndex, value: Option<AnswerValue>, after: After, now: Instant) {
        let definition = Arc::clone(&self.definition);
        let Some(step) = definition.steps.get(index) else { return };
        match value {
            Some(AnswerValue::Recording { recording_kind: RecordingKind::Lead, recording, duration_ms }) => {
                self.lead(Lead::Spoken { recording, duration_ms });
            }
            // no friend's number: that is no answer to a question
            Some(AnswerValue::Nothing) if matches!(step.kind, StepKind::Record { kind: RecordingKind::Lead, .. }) => {}
            Some(value) => self.given(index, step, String::new(), value),
            None => {}
        }
        match after {
            After::Next => self.go(step.next, now),
            After::Person => self.person_asked(index, now),
            After::Go(target) => self.go(target, now),
            After::Hangup => self.finish(self.outcome_of_hangup(index)),
        }
    }
}
