//! What a hand-over wants done and what it tells. Plain data.

use super::Held;
use crate::ids::{AgentId, TransferId};
use crate::survey::definition::PromptId;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Hold an agent who was not tried; [`super::Input::Held`] or [`super::Input::NobodyFree`] comes back.
    Reserve {
        /// Agents who were tried for this caller.
        tried: Vec<AgentId>,
    },
    /// Ring this agent.
    Ring(Held),
    /// The caller hears this, and music after it.
    Hold {
        /// Said once.
        say: Vec<PromptId>,
        /// Then played over and over.
        music: Vec<PromptId>,
    },
    /// The agent, who has picked up, hears who it is about; [`super::Input::WhisperEnded`] comes back.
    Whisper {
        /// The accept key is asked for.
        accept: bool,
    },
    /// Join caller and agent.
    Join,
    /// Part them again: the caller is back with the engine.
    Part,
    /// Hand the caller over by REFER.
    Refer {
        /// With Replaces of the agent's leg.
        attended: bool,
    },
    /// End the agent's leg, whatever its stage.
    HangUpAgent,
    /// This happened on the way.
    Step(TransferId, Step),
    /// This try is over and its agent free.
    End(TransferId, End),
    /// What the conversation has been waiting for.
    Result(Result),
}

/// A stage of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The caller was offered the talk.
    Offered,
    /// The caller wants it, and waits.
    Wanted,
    /// The agent's phone or page rings.
    Ringing,
    /// It was picked up.
    Answered,
    /// The agent took the call: they talk.
    Accepted,
}

/// How a try ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// They talked.
    Accepted,
    /// The agent turned it down.
    Rejected,
    /// The agent did not react.
    NoAnswer,
    /// The caller hung up while waiting.
    CallerGaveUp,
    /// The agent's phone, page or line broke.
    AgentFailed,
    /// The PBX refused, failed, or did not say.
    PbxRefused,
    /// The caller would rather not.
    Declined,
    /// The engine stopped, or nobody waited any more.
    Interrupted,
}

/// What the conversation goes on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Result {
    /// An agent is held: they can be offered.
    Held,
    /// There is none.
    NobodyFree,
    /// They talked, or the caller is in the PBX's hands; this call is over.
    Talked,
    /// Nobody took the call; the caller is still there.
    Failed,
}

impl Step {
    /// Its name, as the store and the timeline write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Step::Offered => "offered",
            Step::Wanted => "wanted",
            Step::Ringing => "ringing",
            Step::Answered => "answered",
            Step::Accepted => "accepted",
        }
    }
}

impl End {
    /// Its name, as the store and the timeline write it.
    pub fn as_str(self) -> &'static str {
        match self {
            End::Accepted => "accepted",
            End::Rejected => "rejected",
            End::NoAnswer => "no_answer",
            End::CallerGaveUp => "customer_gave_up",
            End::AgentFailed => "agent_failed",
            End::PbxRefused => "pbx_refused",
            End::Declined => "declined",
            End::Interrupted => "interrupted",
        }
    }
}
