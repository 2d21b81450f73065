//! Questions answered by keys: asking, repeating, waiting, giving up.

use super::{Flow, FlowAction, Miss, State, Timer};
use crate::survey::definition::{Step, StepIndex, StepKind};
use crate::survey::keys::{Collected, Collector, Entries};
use std::sync::Arc;
use std::time::Instant;

impl Flow {
    pub(super) fn ask(&mut self, index: StepIndex, step: &Step, now: Instant) {
        self.actions.push_back(FlowAction::Asked { question: step.id.clone() });
        let mut prompts = self.compose(&step.intro);
        prompts.extend(self.compose(&step.prompts));
        let playing = self.play(prompts, step.barge_in);
        let collector = Collector::new(entries(step), self.definition.handlers.person.is_some());
        self.state = State::Asking { step: index, playing, interruptible: step.barge_in, misses: 0, collector };
        if playing.is_none() {
            self.set_timer(Timer::Answer, step.timeout, now);
        }
    }

    /// The prompt was heard to its end, or a key has silenced it: now the customer has time to answer.
    pub(super) fn question_heard(&mut self, now: Instant) {
        let definition = Arc::clone(&self.definition);
        let State::Asking { step, playing, collector, .. } = &mut self.state else { return };
        *playing = None;
        let pending = collector.is_pending();
        if let Some(step) = definition.steps.get(*step).filter(|_| !pending) {
            self.set_timer(Timer::Answer, step.timeout, now);
        }
    }

    pub(super) fn key_while_asking(&mut self, key: char, now: Instant) {
        let State::Asking { playing, interruptible, collector, .. } = &mut self.state else { return };
        if playing.is_some() && !*interruptible {
            return;
        }
        match collector.press(key) {
            Collected::Nothing => {}
            collected => {
                self.silence();
                self.timers.leave_step();
                self.collected(collected, now);
            }
        }
    }

    /// No further key came in time.
    pub(super) fn entry_ended(&mut self, now: Instant) {
        if let State::Asking { collector, .. } = &mut self.state {
            let collected = collector.timeout();
            self.collected(collected, now);
        }
    }

    fn collected(&mut self, collected: Collected, now: Instant) {
        let State::Asking { step: index, .. } = self.state else { return };
        let definition = Arc::clone(&self.definition);
        let Some(step) = definition.steps.get(index) else { return };
        match collected {
            Collected::Nothing => {}
            Collected::Pending => self.set_timer(Timer::InterDigit, step.inter_digit, now),
            Collected::Accepted(keys) => self.accept(index, step, keys, now),
            Collected::Empty => self.accept(index, step, String::new(), now),
            Collected::Repeat => self.repeat(step, now),
            // who asks for a person while one is offered has said yes
            Collected::Person if matches!(step.kind, StepKind::Agent(_)) => {
                self.accept(index, step, super::agent::YES.to_owned(), now);
            }
            Collected::Person => self.person_asked(index, now),
            Collected::Invalid => self.missed(Miss::Invalid, now),
        }
    }

    /// The present question from its beginning; nothing was missed.
    pub(super) fn ask_again(&mut self, now: Instant) {
        let definition = Arc::clone(&self.definition);
        let State::Asking { step: index, .. } = &self.state else { return };
        if let Some(step) = definition.steps.get(*index) {
            self.repeat(step, now);
        }
    }

    /// `*`: the whole question again, as at first; no miss, and the customer has heard it, so that keys count.
    fn repeat(&mut self, step: &Step, now: Instant) {
        let mut prompts = self.compose(&step.intro);
        prompts.extend(self.compose(&step.prompts));
        self.play_again(prompts, step, now);
    }

    /// Silence or invalid keys: ask again, or give up.
    pub(super) fn missed(&mut self, why: Miss, now: Instant) {
        let definition = Arc::clone(&self.definition);
        let State::Asking { step: index, misses, .. } = &mut self.state else { return };
        let Some(step) = definition.steps.get(*index) else { return };
        *misses += 1;
        let gave_up = *misses > step.retries;
        self.actions.push_back(FlowAction::Missed { question: step.id.clone(), why, gave_up });
        if !gave_up {
            let mut prompts = match why {
                Miss::Silent => definition.reprompt.silent.clone(),
                Miss::Invalid => definition.reprompt.invalid.clone(),
            };
            prompts.extend(self.compose(&step.prompts));
            return self.play_again(prompts, step, now);
        }
        self.so_far.given_up_in_a_row += 1;
        match definition.handlers.silence {
            Some((limit, target)) if self.so_far.given_up_in_a_row >= limit => {
                self.so_far.cut = true;
                self.go(target, now);
            }
            _ => self.go(step.give_up, now),
        }
    }

    fn play_again(&mut self, prompts: Vec<crate::survey::definition::PromptId>, step: &Step, now: Instant) {
        self.timers.leave_step();
        let tag = self.play(prompts, true);
        if let State::Asking { playing, interruptible, collector, .. } = &mut self.state {
            *playing = tag;
            *interruptible = true;
            collector.clear();
        }
        if tag.is_none() {
            self.set_timer(Timer::Answer, step.timeout, now);
        }
    }
}

/// The valid entries of a question.
fn entries(step: &Step) -> Entries {
    match &step.kind {
        StepKind::Choice { options } => Entries::OneOf(options.iter().map(|option| option.keys.clone()).collect()),
        StepKind::Scale { scale } => Entries::OneOf(scale.points.iter().map(|point| point.keys.to_owned()).collect()),
        StepKind::Digits { min, max, empty, .. } => Entries::Digits { min: *min, max: *max, empty: empty.is_some() },
        StepKind::Agent(_) => Entries::OneOf(vec![super::agent::YES.to_owned(), super::agent::NO.to_owned()]),
        StepKind::Say | StepKind::Record { .. } | StepKind::End { .. } => Entries::OneOf(Vec::new()),
    }
}
