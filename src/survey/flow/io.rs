//! What goes into a flow and what comes out of it. Plain data; the call machine turns actions into media commands and journal facts.

use crate::phone::Pii;
use crate::survey::definition::PromptId;
use crate::survey::scale::UnhappyReason;
use chrono::{NaiveDate, NaiveDateTime};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// What is known about this follow-up before the call.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The customer's language, as the survey names it (`zh-CN`); one that the survey has not falls back to its first.
    pub language: String,
    /// The car's plate as it was imported.
    pub plate: Option<Pii<String>>,
    /// The day of the repair, delivery or visit, in the dealer's calendar.
    pub event_date: Option<NaiveDate>,
    /// The advisor's staff number.
    pub advisor_number: Option<String>,
    /// The customer's local time when the flow is made; call-backs are reckoned from it.
    pub now_local: NaiveDateTime,
    /// Answers of earlier attempts under the same version of the survey, by question; the latest of each. Empty at the first attempt.
    pub answered: BTreeMap<String, Earlier>,
    /// An earlier attempt left a message on a machine: there is no second one.
    pub message_left: bool,
    /// The dealer wants whole calls on record: those are asked who have not agreed (`record_calls` in conditions).
    pub record_calls: bool,
}

/// An answer of an earlier attempt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Earlier {
    /// The entry as keyed, without `#`.
    pub keys: String,
    /// An option's name or the label of a scale's point; of other answers it means nothing here.
    pub value: String,
}

/// One thing that happened.
#[derive(Clone, PartialEq, Debug)]
pub enum FlowInput {
    /// The call was answered and media runs: begin.
    Start,
    /// A key was pressed (`0`–`9`, `*`, `#`; anything else is ignored).
    Key(char),
    /// The playback with this tag ended, heard to the end or silenced by a key.
    PlaybackEnded {
        /// The tag of the [`FlowAction::Play`].
        tag: u64,
    },
    /// The recording with this tag ended, by itself or after [`FlowAction::StopRecording`].
    RecordingEnded {
        /// The tag of the [`FlowAction::Record`].
        tag: u64,
        /// Where it lies; `None` where nothing was kept.
        recording: Option<RecordingRef>,
        /// Its length in ms.
        duration_ms: u64,
        /// Why it ended.
        ended_by: EndedBy,
    },
    /// An agent is held for the customer.
    AgentHeld,
    /// Nobody is free.
    NoAgent,
    /// Customer and agent have talked; the call is over.
    AgentTalked,
    /// Nobody took the call, or the agent's line broke; the customer is still there.
    AgentFailed,
    /// The customer's side holds the call: nobody hears us, so no time counts.
    Held,
    /// It takes the call back: what was asked is asked again.
    Resumed,
    /// The customer is gone (BYE, lost session, lost audio).
    RemoteHangup,
    /// The engine is to stop: close politely and soon.
    Shutdown,
}

/// Why a recording ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// A key, where the media session itself watches for one. The flow needs no such help (it sends `StopRecording` at `#`); a `#` that follows at once is not taken twice.
    Key,
    /// The customer said nothing (more) for the `silence_end` of the [`FlowAction::Record`].
    Silence,
    /// It reached its longest length.
    MaxLength,
    /// [`FlowAction::StopRecording`].
    Stopped,
    /// The audio or the file was lost.
    Failed,
}

/// A recording, as the media engine names it (a path relative to the recordings directory).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordingRef(pub String);

/// What a recording holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingKind {
    /// The open suggestion (建议).
    Suggestion,
    /// What an unhappy customer, or one who asked for a person, has to say. Belongs to the complaint.
    Statement,
    /// The name of the right advisor. Belongs to the advisor correction.
    AdvisorNote,
    /// Name and number of somebody who plans to buy a car. Belongs to the lead.
    Lead,
}

impl RecordingKind {
    /// Its word in survey files, in the timeline and in the names of files.
    pub fn as_str(self) -> &'static str {
        match self {
            RecordingKind::Suggestion => "suggestion",
            RecordingKind::Statement => "statement",
            RecordingKind::AdvisorNote => "advisor_note",
            RecordingKind::Lead => "lead",
        }
    }
}

/// One thing to do.
#[derive(Clone, PartialEq, Debug)]
pub enum FlowAction {
    /// Play these prompts without a gap, in place of whatever plays.
    Play {
        /// Comes back in [`FlowInput::PlaybackEnded`].
        tag: u64,
        /// Never empty.
        prompts: Vec<PromptId>,
        /// Any key silences it at once. Without it the flow may still take keys, and then sends `StopPlayback` itself.
        barge_in: bool,
    },
    /// Silence what plays. Sent also when the media session has silenced it already by barge-in; then it means nothing.
    StopPlayback,
    /// Record the customer.
    Record {
        /// Comes back in [`FlowInput::RecordingEnded`].
        tag: u64,
        /// What it will hold.
        kind: RecordingKind,
        /// Longest length.
        max: Duration,
        /// End it when the customer has said nothing (more) for so long.
        silence_end: Duration,
    },
    /// End the recording; [`FlowInput::RecordingEnded`] is awaited for up to [`super::RECORDING_END`].
    StopRecording,
    /// The customer has agreed: the whole call is on record from now on, until it is over. At most once.
    RecordCall,
    /// A question begins (for the timeline and the live page). Not sent again for repetitions.
    Asked {
        /// Its step id.
        question: String,
    },
    /// Silence, or keys that mean nothing here (for the timeline).
    Missed {
        /// The step id.
        question: String,
        /// Which of the two.
        why: Miss,
        /// The question is given up; else it is asked again.
        gave_up: bool,
    },
    /// An answer, at the moment in which it is accepted.
    Answer(Answer),
    /// The first unhappy opinion or wish for a person in this call; directly after the answer that caused it. At most once.
    Complaint(ComplaintTrigger),
    /// A further one; belongs to the same complaint.
    ComplaintNote(ComplaintTrigger),
    /// The customer chose when to be called again; directly after its answer.
    CallBack(CallBackWish),
    /// The number is not the customer's; never dial it again for them.
    WrongNumber,
    /// A family member answers in the customer's place.
    FamilyMember,
    /// The customer refused (拒访); nobody calls again for this event.
    Refusal,
    /// The customer wants never to be called again: the number goes on the do-not-call list.
    DoNotCall,
    /// The customer recommends somebody who plans to buy a car.
    Lead(Lead),
    /// An agent is wanted: [`FlowInput::AgentHeld`] or [`FlowInput::NoAgent`] is awaited for up to [`super::AGENT_WAIT`].
    WantAgent,
    /// The agent is not wanted (any more).
    AgentNotWanted,
    /// The customer said yes, or had asked for a person: hand over. [`FlowInput::AgentTalked`] or [`FlowInput::AgentFailed`] is awaited without a limit.
    Connect {
        /// Said while the agent is rung.
        connect: Vec<PromptId>,
        /// Played after it, over and over.
        hold: Vec<PromptId>,
        /// Said when another agent is tried.
        trying: Vec<PromptId>,
    },
    /// The last action: hang up now (the closing prompt has been heard; after a remote hang-up there is nothing left to do).
    Finish(Outcome),
}

/// Why a question got no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Miss {
    /// No key within the answer timeout.
    Silent,
    /// An entry that is not among the choices.
    Invalid,
}

/// An accepted answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// The step id.
    pub question: String,
    /// The entry as keyed, without `#`; empty for recordings and the empty entry.
    pub keys: String,
    /// What it means.
    pub value: AnswerValue,
    /// The score on the question's scale; only scale steps have one.
    pub score: Option<i32>,
    /// Unhappy by the survey's rules.
    pub unhappy: bool,
}

/// What an answer means.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum AnswerValue {
    /// An option of a choice step (`self`, `later`), or the label of a scale's point (`satisfied`).
    Choice {
        /// Its name.
        value: String,
    },
    /// Keyed digits.
    Digits {
        /// The digits.
        digits: String,
    },
    /// A voice recording.
    Recording {
        /// What it holds.
        recording_kind: RecordingKind,
        /// Where it lies.
        recording: RecordingRef,
        /// Its length in ms.
        duration_ms: u64,
    },
    /// Asked, and deliberately nothing: `#` at once, or nothing said.
    Nothing,
}

impl AnswerValue {
    /// As it is stored: the word, the digits, the recording's file.
    pub fn stored(&self) -> &str {
        match self {
            AnswerValue::Choice { value } => value,
            AnswerValue::Digits { digits } => digits,
            AnswerValue::Recording { recording, .. } => &recording.0,
            AnswerValue::Nothing => "nothing",
        }
    }
}

/// How somebody who plans to buy a car can be reached (潜在客户). It is no answer to a question and is kept apart from them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Lead {
    /// The number as keyed: digits, not yet read by a numbering plan.
    Keyed(Pii<String>),
    /// Name and number are in a recording.
    Spoken {
        /// Where it lies.
        recording: RecordingRef,
        /// Its length in ms.
        duration_ms: u64,
    },
}

/// What raised a complaint, or adds to one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ComplaintTrigger {
    /// The step at which it happened.
    pub question: Option<String>,
    /// Why.
    pub reason: UnhappyReason,
}

/// When the customer wants to be called again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CallBackWish {
    /// In the customer's local time; whether it lies in the calling window is the dialer's question.
    pub local: NaiveDateTime,
}

/// How the conversation ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every answer that the survey requires was given.
    Complete,
    /// Consent and at least one scored answer, but not all that are required; or a person was asked for.
    Partial,
    /// Ended before any scored answer.
    BreakOff,
    /// A second no to taking part, or hanging up at the retention try.
    Refusal,
    /// Booked for later.
    CallBack,
    /// Not the customer's number.
    WrongNumber,
    /// Nobody pressed anything.
    NoInput,
}

/// What the flow waits for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Timer {
    /// An answer, counted from the end of the prompt.
    Answer,
    /// A further key of an entry that could go on.
    InterDigit,
    /// The end of a recording that was told to stop, or that is over its length.
    RecordingEnd,
    /// Whether an agent is free.
    Agent,
    /// The end of the closing prompt.
    Closing,
    /// The longest length of a call.
    CallLimit,
}
