//! The live agent as the conversation sees it: wanted, held, offered, on the way, talked or not. Who it is and how they are rung is nothing to the flow.

use super::{AGENT_WAIT, AnswerValue, Flow, FlowAction, Outcome, State, Timer};
use crate::survey::definition::{AgentStep, Step, StepIndex, StepKind, Target};
use std::sync::Arc;
use std::time::Instant;

/// The key that takes the offer.
pub(super) const YES: &str = "1";
/// The key that turns it down.
pub(super) const NO: &str = "2";

/// How far the customer is on the way to an agent. The offer itself is asked like any question.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum AgentPhase {
    /// An agent is looked for.
    Wanted,
    /// The customer is handed over. `limit` is the end of the call as it was at `since`; it moves on meanwhile.
    Connecting { limit: Option<Instant>, since: Instant },
}

impl Flow {
    pub(super) fn want_agent(&mut self, index: StepIndex, now: Instant) {
        self.so_far.agent_wanted = true;
        self.actions.push_back(FlowAction::WantAgent);
        self.state = State::Agent { step: index, phase: AgentPhase::Wanted };
        self.set_timer(Timer::Agent, AGENT_WAIT, now);
    }

    /// Somebody is held: only now the offer is spoken.
    pub(super) fn agent_held(&mut self, now: Instant) {
        let State::Agent { step: index, phase: AgentPhase::Wanted } = self.state else { return };
        let definition = Arc::clone(&self.definition);
        let Some((step, agent)) = definition.steps.get(index).and_then(agent_of) else { return };
        self.timers.leave_step();
        if agent.ask { self.ask(index, step, now) } else { self.connect(index, agent, now) }
    }

    pub(super) fn offer_answered(
        &mut self,
        index: StepIndex,
        step: &Step,
        agent: &AgentStep,
        keys: String,
        now: Instant,
    ) {
        let yes = keys == YES;
        let value = if yes { "yes" } else { "no" };
        self.given(index, step, keys, AnswerValue::Choice { value: value.to_owned() });
        if yes { self.connect(index, agent, now) } else { self.go(agent.declined, now) }
    }

    fn connect(&mut self, index: StepIndex, agent: &AgentStep, now: Instant) {
        self.so_far.agent_wanted = false;
        let limit = self.timers.call_limit.take();
        self.timers.leave_step();
        self.state = State::Agent { step: index, phase: AgentPhase::Connecting { limit, since: now } };
        let AgentStep { connect, hold, trying, .. } = agent.clone();
        self.actions.push_back(FlowAction::Connect { connect, hold, trying });
    }

    /// Nobody is free.
    pub(super) fn nobody_free(&mut self, now: Instant) {
        if let State::Agent { phase: AgentPhase::Wanted, .. } = self.state {
            self.so_far.agent_wanted = false;
            self.no_agent(now);
        }
    }

    /// Nobody is free, or nobody could say in time: then one who is found later is let go.
    pub(super) fn no_agent(&mut self, now: Instant) {
        if let State::Agent { step, phase: AgentPhase::Wanted } = self.state {
            self.leave_agent(step, |agent| agent.no_agent, now);
        }
    }

    /// They had each other; nothing is left to be asked.
    pub(super) fn agent_talked(&mut self) {
        if let State::Agent { phase: AgentPhase::Connecting { .. }, .. } = self.state {
            self.finish(self.outcome(Outcome::Partial));
        }
    }

    /// The customer is back without having got what was promised.
    pub(super) fn agent_failed(&mut self, now: Instant) {
        if let State::Agent { step, phase: AgentPhase::Connecting { .. } } = self.state {
            self.leave_agent(step, |agent| agent.failed, now);
        }
    }

    fn leave_agent(&mut self, index: StepIndex, to: impl Fn(&AgentStep) -> Target, now: Instant) {
        let definition = Arc::clone(&self.definition);
        if let Some((_, agent)) = definition.steps.get(index).and_then(agent_of) {
            self.go(to(agent), now);
        }
    }

    /// Whatever comes next, it is not the agent: one who is held is let go, and the call's length counts again.
    pub(super) fn agent_left(&mut self, now: Instant) {
        self.agent_not_wanted();
        if let State::Agent { phase: AgentPhase::Connecting { limit, since }, .. } = self.state {
            let held = now.saturating_duration_since(since);
            self.timers.call_limit = limit.and_then(|limit| limit.checked_add(held));
        }
    }

    pub(super) fn agent_not_wanted(&mut self) {
        if std::mem::take(&mut self.so_far.agent_wanted) {
            self.actions.push_back(FlowAction::AgentNotWanted);
        }
    }
}

fn agent_of(step: &Step) -> Option<(&Step, &AgentStep)> {
    match &step.kind {
        StepKind::Agent(agent) => Some((step, agent)),
        StepKind::Say
        | StepKind::Choice { .. }
        | StepKind::Scale { .. }
        | StepKind::Digits { .. }
        | StepKind::Record { .. }
        | StepKind::End { .. } => None,
    }
}
