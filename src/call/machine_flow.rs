//! The conversation's half of [`Machine`]: what the survey flow wants done, and what its end means.

use super::*;
use crate::media::recorder::RecordingEnd;
use crate::media::session::Recording;
use crate::survey::flow::AnswerValue;
use crate::survey::scale::UnhappyReason;

/// A recording of a whole call is no longer: a survey takes eight minutes, a talk with an agent rarely more than half an hour.
const LONGEST_RECORD: Duration = Duration::from_secs(3_600);

impl Machine {
    /// Takes everything that the flow wants done.
    pub(super) fn drain_flow(&mut self, now: Instant) {
        while let State::Talking { flow, .. } = &mut self.state {
            let Some(action) = flow.poll_action() else { break };
            self.flow_action(action, now);
        }
        self.flush_answer(None);
        if let Some(unclaimed) = self.unclaimed.take() {
            self.actions.push_back(Action::Discard(unclaimed));
        }
    }

    fn flow_action(&mut self, action: FlowAction, now: Instant) {
        // A complaint follows directly on the answer that caused it: both are kept in one piece.
        let action = match action {
            FlowAction::Complaint(trigger) => return self.complaint(trigger, now),
            other => other,
        };
        self.flush_answer(None);
        match action {
            FlowAction::Play { tag, prompts, barge_in } => {
                self.note(Moment::Prompts { prompts: prompts.iter().map(ToString::to_string).collect() }, now);
                self.actions.push_back(Action::Play { tag, prompts, barge_in });
            }
            FlowAction::StopPlayback => self.actions.push_back(Action::StopPlayback),
            FlowAction::Record { tag, kind, max, silence_end } => {
                self.recordings.insert(tag, kind);
                self.actions.push_back(Action::Record { tag, kind, max, silence_end });
            }
            FlowAction::RecordCall => {
                self.note(Moment::OnRecord, now);
                self.actions.push_back(Action::RecordCall { tag: WHOLE_CALL, longest: LONGEST_RECORD });
            }
            FlowAction::StopRecording => self.actions.push_back(Action::StopRecording),
            FlowAction::Asked { question } => {
                self.note(Moment::Asked { question }, now);
                self.tell_handover(handover::Input::Offered, now);
            }
            FlowAction::WantAgent => self.want_agent(now),
            FlowAction::AgentNotWanted => self.tell_handover(handover::Input::NotWanted, now),
            FlowAction::Connect { connect, hold, trying } => {
                self.tell_handover(handover::Input::Connect(handover::Waiting { connect, hold, trying }), now);
            }
            FlowAction::Missed { question, why, gave_up } => {
                self.note(Moment::Missed { question, why, gave_up }, now);
            }
            FlowAction::Answer(answer) => self.answer(answer, now),
            FlowAction::Complaint(trigger) => self.complaint(trigger, now),
            FlowAction::ComplaintNote(trigger) => {
                self.note(Moment::ComplaintNote(trigger.clone()), now);
                if trigger.reason == UnhappyReason::AskedForPerson {
                    self.cause = Some(Cause { reason: trigger.reason, score: None });
                }
                self.actions.push_back(Action::Keep(Keep::ComplaintNote(trigger)));
            }
            FlowAction::CallBack(wish) => {
                self.note(Moment::CallBack { local: wish.local.format("%Y-%m-%d %H:%M").to_string() }, now);
                self.actions.push_back(Action::Keep(Keep::CallBack(wish)));
            }
            FlowAction::WrongNumber => {
                self.note(Moment::WrongNumber, now);
                self.actions.push_back(Action::Keep(Keep::WrongNumber));
            }
            FlowAction::FamilyMember => self.note(Moment::FamilyMember, now),
            FlowAction::Refusal => self.note(Moment::Refusal, now),
            FlowAction::DoNotCall => {
                self.note(Moment::DoNotCall, now);
                self.actions.push_back(Action::Keep(Keep::DoNotCall));
            }
            FlowAction::Lead(lead) => {
                if let Lead::Spoken { .. } = &lead {
                    self.unclaimed = None;
                }
                self.note(Moment::Lead, now);
                self.actions.push_back(Action::Keep(Keep::Lead(lead)));
            }
            FlowAction::Finish(outcome) => self.finish(outcome, now),
        }
    }

    fn answer(&mut self, answer: Answer, now: Instant) {
        let Answer { question, keys, value, score, unhappy } = answer.clone();
        if let AnswerValue::Recording { recording_kind: kind, recording, duration_ms } = value {
            self.unclaimed = None;
            self.actions.push_back(Action::Keep(Keep::Recording { kind, recording, duration_ms }));
        }
        self.note(Moment::Answer { question, keys, score, unhappy }, now);
        self.pending_answer = Some(answer);
    }

    fn complaint(&mut self, trigger: ComplaintTrigger, now: Instant) {
        self.note(Moment::Complaint(trigger.clone()), now);
        let score = self.pending_answer.as_ref().and_then(|answer| answer.score);
        self.cause = Some(Cause { reason: trigger.reason, score });
        if self.pending_answer.is_some() {
            self.flush_answer(Some(trigger));
        } else {
            self.actions.push_back(Action::Keep(Keep::Complaint(trigger)));
        }
    }

    fn flush_answer(&mut self, complaint: Option<ComplaintTrigger>) {
        if let Some(answer) = self.pending_answer.take() {
            self.actions.push_back(Action::Keep(Keep::Answer(answer, complaint)));
        }
    }

    pub(super) fn recorded(&mut self, tag: u64, why: RecordingEnd, recording: Recording, now: Instant) -> FlowInput {
        let (recording, duration_ms, failed) = match recording {
            Recording::Saved { file, duration_ms } => (Some(RecordingRef(file)), duration_ms, None),
            Recording::Empty => (None, 0, None),
            Recording::Failed { error } => (None, 0, Some(error)),
        };
        if let Some(kind) = self.recordings.remove(&tag) {
            self.note(Moment::Recorded { recording: kind, duration_ms, failed }, now);
        }
        self.unclaimed = recording.clone();
        FlowInput::RecordingEnded { tag, recording, duration_ms, ended_by: ended_by(why) }
    }

    /// The recording of the whole call has ended, as a rule with the call.
    pub(super) fn on_record(&mut self, recording: Recording, now: Instant) {
        let (duration_ms, failed) = match recording {
            Recording::Saved { file, duration_ms } => {
                self.actions.push_back(Action::Keep(Keep::CallOnRecord { recording: RecordingRef(file), duration_ms }));
                (duration_ms, None)
            }
            Recording::Empty => (0, None),
            Recording::Failed { error } => (0, Some(error)),
        };
        self.note(Moment::CallRecorded { duration_ms, failed }, now);
    }

    /// No sound for too long: the customer is gone without a BYE, or never was to be heard.
    pub(super) fn audio_lost(&mut self, now: Instant) {
        let State::Talking { heard, .. } = &self.state else { return };
        if *heard {
            return self.customer_gone(now);
        }
        let ending = Ending { verdict: ear::no_audio(), sip_status: Some(200), outcome: None, never_left: false };
        self.hang_up(ending, HangupReason::MediaLost, now);
    }

    fn finish(&mut self, outcome: Outcome, now: Instant) {
        self.actions.push_back(Action::Keep(Keep::Outcome(outcome)));
        let verdict = self.verdict_of(outcome);
        let resumable =
            outcome == Outcome::Partial && matches!(&self.state, State::Talking { flow, .. } if flow.resumable());
        let verdict = Verdict { resumable, ..verdict };
        // who was not to be heard had no conversation
        let conversation = !matches!(verdict.disposition, Disposition::OneWayAudio | Disposition::NoAudio);
        let outcome = conversation.then_some(outcome);
        let ending = Ending { verdict, sip_status: Some(200), outcome, never_left: false };
        self.hang_up(ending, HangupReason::Normal, now);
    }

    pub(super) fn hang_up(&mut self, ending: Ending, reason: HangupReason, now: Instant) {
        self.tell_handover(handover::Input::CallerGone, now);
        if matches!(self.state, State::Talking { gone: true, .. }) {
            return self.over(ending, now);
        }
        self.note(Moment::HangUp { why: ending.verdict.detail.clone() }, now);
        self.actions.push_back(Action::HangUp(reason));
        self.state = State::HangingUp { ending, guard: now + HANGUP_GUARD };
    }

    pub(super) fn over(&mut self, mut ending: Ending, now: Instant) {
        self.explain(&mut ending);
        self.tell_handover(handover::Input::CallerGone, now);
        let disposition = ending.verdict.disposition.to_string();
        self.note(Moment::Ended { disposition, detail: ending.verdict.detail.clone() }, now);
        self.actions.push_back(Action::Over(ending));
        self.state = State::Over;
    }

    pub(super) fn note(&mut self, moment: Moment, now: Instant) {
        let offset_ms = now.saturating_duration_since(self.began).as_millis() as u64;
        self.actions.push_back(Action::Note(TimelineEvent { offset_ms, moment }));
    }
}

/// What a conversation's outcome is as a disposition, with its sentence.
pub fn disposition_of(outcome: Outcome) -> (Disposition, &'static str) {
    match outcome {
        Outcome::Complete => (Disposition::Complete, "every required question was answered"),
        Outcome::Partial => (Disposition::Partial, "some questions were answered"),
        Outcome::BreakOff => (Disposition::BreakOff, "the call ended before a question was answered"),
        Outcome::Refusal => (Disposition::Refusal, "the customer does not want to be asked"),
        Outcome::CallBack => (Disposition::CallBack, "the customer asked for another time"),
        Outcome::WrongNumber => (Disposition::WrongNumber, "the number is somebody else's"),
        Outcome::NoInput => (Disposition::NoInput, "answered, but no key was pressed"),
    }
}

fn ended_by(why: RecordingEnd) -> EndedBy {
    match why {
        RecordingEnd::Key(_) => EndedBy::Key,
        RecordingEnd::Silence => EndedBy::Silence,
        RecordingEnd::MaxDuration => EndedBy::MaxLength,
        RecordingEnd::Stopped => EndedBy::Stopped,
        RecordingEnd::Closed => EndedBy::Failed,
    }
}
