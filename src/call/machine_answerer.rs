//! Who took the call, for [`Machine`]: what the classifier beside the prompts says, and what the campaign wants of a machine: hang up, or a message after its beep.
//!
//! Nobody waits for it, and a key makes everything right again: then it was a person, and the survey goes on.

use super::*;
use crate::media::amd::{Heard, Verdict as Answerer, Who};

/// A greeting that goes on for longer is left alone.
const GREETING: Duration = Duration::from_secs(40);

/// On the way to leave a message on a machine.
#[derive(Clone, Copy, Debug)]
pub(super) enum Leaving {
    /// The machine greets.
    Waiting { until: Instant },
    /// We speak.
    Speaking { tag: u64 },
}

impl Machine {
    pub(super) fn answerer(&mut self, heard: Heard, now: Instant) {
        match heard {
            Heard::Verdict(answerer) => self.took(answerer, now),
            Heard::Turn { .. } => {
                if let Some(Leaving::Waiting { .. }) = self.leaving {
                    self.speak_to_machine(now);
                }
            }
        }
    }

    fn took(&mut self, answerer: Answerer, now: Instant) {
        let Answerer { who, confidence, why, mailbox, .. } = answerer;
        self.note(Moment::Answerer { who, confidence, why: why.to_owned() }, now);
        // who pressed a key, or talks to an agent, is a person
        let person = self.ears.keyed || self.handover.as_ref().is_some_and(Handover::is_talking);
        if person || !matches!(self.state, State::Talking { gone: false, .. }) {
            return;
        }
        match who {
            Who::Machine if mailbox && !self.definition.machine_message.is_empty() && !self.facts.message_left => {
                self.leaving = Some(Leaving::Waiting { until: now + GREETING });
                self.actions.push_back(Action::StopPlayback);
            }
            Who::Machine => self.end_as(Disposition::Machine, format!("a machine took the call: {why}"), now),
            Who::Fax => self.end_as(Disposition::Fax, format!("a fax took the call: {why}"), now),
            Who::Human | Who::Screened | Who::Unknown => {}
        }
    }

    fn speak_to_machine(&mut self, now: Instant) {
        self.own_tag += 1;
        let (tag, prompts) = (self.own_tag, self.definition.machine_message.clone());
        self.leaving = Some(Leaving::Speaking { tag });
        self.note(Moment::Prompts { prompts: prompts.iter().map(ToString::to_string).collect() }, now);
        self.actions.push_back(Action::Play { tag, prompts, barge_in: true });
    }

    /// While a message is being left the survey rests. True when the end of this playback is nothing for it.
    pub(super) fn leaves(&mut self, tag: u64, now: Instant) -> bool {
        match self.leaving {
            None => false,
            Some(Leaving::Speaking { tag: ours }) if ours == tag => {
                self.note(Moment::MessageLeft, now);
                self.end_as(Disposition::Machine, "a machine took the call, and the message was left".to_owned(), now);
                true
            }
            Some(_) => {
                // the survey's own prompt, cut short: it learns that if a person comes to the phone
                self.withheld.get_or_insert(tag);
                true
            }
        }
    }

    /// A key: it was a person after all.
    pub(super) fn is_person(&mut self, now: Instant) {
        if self.leaving.take().is_none() {
            return;
        }
        self.actions.push_back(Action::StopPlayback);
        if let (Some(tag), State::Talking { flow, .. }) = (self.withheld.take(), &mut self.state) {
            flow.handle(FlowInput::PlaybackEnded { tag }, now);
        }
    }

    /// When [`Machine::machine_time`] is due; then the survey's own times do not count.
    pub(super) fn machine_timeout(&self) -> Option<Instant> {
        match self.leaving? {
            Leaving::Waiting { until } => Some(until),
            Leaving::Speaking { .. } => None,
        }
    }

    pub(super) fn machine_time(&mut self, now: Instant) {
        if self.machine_timeout().is_some_and(|until| now >= until) {
            let detail = "a machine took the call, and its greeting had no end";
            self.end_as(Disposition::Machine, detail.to_owned(), now);
        }
    }

    fn end_as(&mut self, disposition: Disposition, detail: String, now: Instant) {
        let verdict = Verdict::new(disposition, Blame::Customer, detail);
        let ending = Ending { verdict, sip_status: Some(200), outcome: None, never_left: false };
        self.hang_up(ending, HangupReason::Normal, now);
    }
}

/// The machine hung up before we had spoken.
pub(super) fn cut_off() -> Verdict {
    Verdict::new(
        Disposition::Machine,
        Blame::Customer,
        "a machine took the call and ended it before the message was left",
    )
}
