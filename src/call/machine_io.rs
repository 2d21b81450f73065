//! What goes into a call's machine and what comes out of it. Plain data; the driver turns actions into commands and journal facts.

use super::super::disposition::Verdict;
use super::super::handover;
use super::super::timeline::TimelineEvent;
use crate::ids::{AgentId, TransferId};
use crate::media;
use crate::media::dtmf::info::Press;
use crate::media::quality::Quality;
use crate::sdp::Negotiated;
use crate::sip::session::{HangupReason, SessionEvent, TraceLine};
use crate::survey::definition::PromptId;
use crate::survey::flow::{Answer, CallBackWish, ComplaintTrigger, Lead, Outcome, RecordingKind, RecordingRef};
use std::time::Duration;

/// What happens to a call.
#[derive(Debug)]
pub enum Input {
    /// The SIP session says something.
    Sip(SessionEvent),
    /// The media session says something.
    Media(media::session::Event),
    /// The agents' desk or the agent's leg says something.
    Agent(handover::Input),
    /// A SIP message of the agent's leg.
    AgentTrace(TraceLine),
    /// The SIP side is gone without a word (the transport stopped).
    SipLost,
    /// The engine is to stop: close politely.
    Shutdown,
}

/// What is to be done.
#[derive(Debug)]
pub enum Action {
    /// Start the media session with what was agreed.
    StartMedia(Negotiated),
    /// The media go on as was agreed anew.
    ChangeMedia(Negotiated),
    /// Answer the far side's re-INVITE with this, or refuse it.
    AnswerOffer(Option<Vec<u8>>),
    /// Play these prompts in place of what plays.
    Play {
        /// Comes back with the end of the playback.
        tag: u64,
        /// Prompt ids in the customer's language.
        prompts: Vec<PromptId>,
        /// A key silences it.
        barge_in: bool,
    },
    /// Play these over and over after what plays.
    PlayOn {
        /// Its tag.
        tag: u64,
        /// Prompt ids in the customer's language.
        prompts: Vec<PromptId>,
    },
    /// Silence what plays.
    StopPlayback,
    /// Record the customer.
    Record {
        /// Comes back with the end of the recording.
        tag: u64,
        /// What it will hold.
        kind: RecordingKind,
        /// Longest length.
        max: Duration,
        /// End it after so much silence.
        silence_end: Duration,
    },
    /// End the recording.
    StopRecording,
    /// Record both ways until the call is over.
    RecordCall {
        /// Comes back with the end of the recording.
        tag: u64,
        /// Longest length.
        longest: Duration,
    },
    /// Nothing was said in this recording: its file is not wanted.
    Discard(RecordingRef),
    /// Something about the agent.
    Agent(AgentAction),
    /// A key came by SIP INFO: the media session knows whether it is a new one.
    KeyByInfo(Press),
    /// End the SIP session, whatever its stage.
    HangUp(HangupReason),
    /// Keep this; it must not be lost.
    Keep(Keep),
    /// Note this in the timeline.
    Note(TimelineEvent),
    /// The call is over; nothing follows.
    Over(Ending),
}

/// What is to be done about the agent and their leg.
#[derive(Clone, Debug, PartialEq)]
pub enum AgentAction {
    /// Hold one; [`handover::Input::Held`] or [`handover::Input::NobodyFree`] comes back.
    Reserve {
        /// Agents who were tried already.
        tried: Vec<AgentId>,
    },
    /// Ring the one who is held.
    Ring(handover::Held),
    /// Play this to the agent; [`handover::Input::WhisperEnded`] comes back.
    Whisper(Vec<PromptId>),
    /// Join the two.
    Join,
    /// Part them.
    Part,
    /// Hand the customer over by REFER.
    Refer {
        /// With Replaces of the agent's leg.
        attended: bool,
    },
    /// End the agent's leg.
    HangUp,
    /// The desk is to know: it rings.
    Rings,
    /// The desk is to know: they talk.
    Talks,
    /// The agent is free again.
    Free(handover::End),
}

/// What must not be lost.
#[derive(Clone, Debug, PartialEq)]
pub enum Keep {
    /// The INVITE left: it counts as an attempt.
    InviteSent,
    /// The call was answered.
    Answered,
    /// An answer, with the complaint that it opens, if it does.
    Answer(Answer, Option<ComplaintTrigger>),
    /// A complaint without an answer of its own.
    Complaint(ComplaintTrigger),
    /// A further reason for the complaint of this call.
    ComplaintNote(ComplaintTrigger),
    /// A recording.
    Recording {
        /// What it holds.
        kind: RecordingKind,
        /// The file.
        recording: RecordingRef,
        /// Its length in ms.
        duration_ms: u64,
    },
    /// The recording of the whole call.
    CallOnRecord {
        /// The file.
        recording: RecordingRef,
        /// Its length in ms.
        duration_ms: u64,
    },
    /// When the customer wants to be called again.
    CallBack(CallBackWish),
    /// Somebody else's number.
    WrongNumber,
    /// Never to be called again.
    DoNotCall,
    /// Somebody who plans to buy a car; a spoken one comes with its recording.
    Lead(Lead),
    /// A stage of a hand-over.
    Transfer(TransferId, handover::Step),
    /// The end of a try to hand over.
    TransferEnded(TransferId, handover::End),
    /// What the conversation came to; written before we hang up.
    Outcome(Outcome),
    /// How good the media were.
    Quality(Quality),
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Ending {
    /// What became of it.
    pub verdict: Verdict,
    /// The final SIP status, where there was one.
    pub sip_status: Option<u16>,
    /// What the conversation came to, where there was one.
    pub outcome: Option<Outcome>,
    /// No byte of the INVITE left: it was no attempt.
    pub never_left: bool,
}
