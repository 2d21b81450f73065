//! The live agent's half of [`Machine`]: what the hand-over wants done becomes actions, what it comes to becomes the flow's input.

use super::*;
use crate::sip::session::ReferEvent;

impl Machine {
    pub(super) fn want_agent(&mut self, now: Instant) {
        match self.handover {
            Some(_) => self.tell_handover(handover::Input::Wanted, now),
            None => self.handed_over(handover::Result::NobodyFree, now),
        }
    }

    /// What the desk or the agent's leg says. Once the customer is gone only a late hold is still of interest: it is freed.
    pub(super) fn agent(&mut self, input: handover::Input, now: Instant) {
        self.tell_handover(input, now);
        self.drain_flow(now);
    }

    pub(super) fn agent_time(&mut self, now: Instant) {
        if let Some(handover) = &mut self.handover {
            handover.handle_timeout(now);
        }
        self.drain_handover(now);
        self.drain_flow(now);
    }

    pub(super) fn tell_handover(&mut self, input: handover::Input, now: Instant) {
        if let Some(handover) = &mut self.handover {
            handover.handle(input, now);
        }
        self.drain_handover(now);
    }

    /// The customer is gone: an agent who is on the way, or talks, is told first.
    pub(super) fn customer_gone(&mut self, now: Instant) {
        // from here on the flow's own times count: it may be waiting for the end of a recording
        self.gone_on_hold |= self.held_until.take().is_some();
        self.tell_handover(handover::Input::CallerGone, now);
        if let State::Talking { flow, .. } = &mut self.state {
            flow.handle(FlowInput::RemoteHangup, now);
        }
        self.drain_flow(now);
    }

    /// The engine stops. Customer and agent who have each other may go on; they are cut only when the time to drain is over.
    pub(super) fn stop_talking(&mut self, now: Instant) {
        self.tell_handover(handover::Input::Stop, now);
        if self.handover.as_ref().is_some_and(Handover::is_talking) {
            return;
        }
        if let State::Talking { flow, .. } = &mut self.state {
            flow.handle(FlowInput::Shutdown, now);
        }
        self.drain_flow(now);
    }

    /// What the PBX says about the customer whom it was asked to take.
    pub(super) fn referred(&mut self, event: ReferEvent, now: Instant) {
        let input = match event {
            ReferEvent::Accepted => handover::Input::ReferAccepted,
            ReferEvent::Progress(_) => return,
            ReferEvent::Done(200..=299) => handover::Input::ReferDone,
            ReferEvent::Done(_) | ReferEvent::Refused(_) | ReferEvent::Lost => handover::Input::ReferFailed,
        };
        self.agent(input, now);
    }

    fn drain_handover(&mut self, now: Instant) {
        while let Some(action) = self.handover.as_mut().and_then(Handover::poll_action) {
            self.handover_action(action, now);
        }
    }

    fn handover_action(&mut self, action: handover::Action, now: Instant) {
        use handover::Action as Wish;
        match action {
            Wish::Reserve { tried } => self.wish(AgentAction::Reserve { tried }),
            Wish::Ring(held) => self.wish(AgentAction::Ring(held)),
            Wish::Hold { say, music } => self.hold(say, music, now),
            Wish::Whisper { accept } => {
                let prompts = whisper(&self.definition.key, self.cause, accept);
                self.wish(AgentAction::Whisper(prompts));
            }
            Wish::Join => {
                self.actions.push_back(Action::StopPlayback);
                self.wish(AgentAction::Join);
            }
            Wish::Part => self.wish(AgentAction::Part),
            Wish::Refer { attended } => self.wish(AgentAction::Refer { attended }),
            Wish::HangUpAgent => self.wish(AgentAction::HangUp),
            Wish::Step(transfer, step) => {
                self.note(Moment::Transfer { step: step.as_str().to_owned() }, now);
                self.actions.push_back(Action::Keep(Keep::Transfer(transfer, step)));
                match step {
                    handover::Step::Ringing => self.wish(AgentAction::Rings),
                    handover::Step::Accepted => self.wish(AgentAction::Talks),
                    handover::Step::Offered | handover::Step::Wanted | handover::Step::Answered => {}
                }
            }
            Wish::End(transfer, end) => {
                self.note(Moment::TransferEnded { outcome: end.as_str().to_owned() }, now);
                self.actions.push_back(Action::Keep(Keep::TransferEnded(transfer, end)));
                self.wish(AgentAction::Free(end));
            }
            Wish::Result(result) => self.handed_over(result, now),
        }
    }

    fn wish(&mut self, action: AgentAction) {
        self.actions.push_back(Action::Agent(action));
    }

    fn hold(&mut self, say: Vec<PromptId>, music: Vec<PromptId>, now: Instant) {
        let prompts = say.iter().chain(&music).map(ToString::to_string).collect();
        self.note(Moment::Prompts { prompts }, now);
        self.own_tag += 2;
        self.actions.push_back(Action::Play { tag: self.own_tag - 1, prompts: say, barge_in: false });
        self.actions.push_back(Action::PlayOn { tag: self.own_tag, prompts: music });
    }

    fn handed_over(&mut self, result: handover::Result, now: Instant) {
        let input = match result {
            handover::Result::Held => FlowInput::AgentHeld,
            handover::Result::NobodyFree => {
                self.note(Moment::NoAgent, now);
                FlowInput::NoAgent
            }
            handover::Result::Talked => FlowInput::AgentTalked,
            handover::Result::Failed => FlowInput::AgentFailed,
        };
        if let State::Talking { flow, .. } = &mut self.state {
            flow.handle(input, now);
        }
    }
}
