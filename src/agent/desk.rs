//! The agents' desk of one engine: reserves an agent for a caller before anything is offered, follows what becomes of it, and gives the agent back
//! whatever happens. Over several engines: the store holds the leases, each engine keeps its own alive.

mod keep;
mod shell;

pub use super::state::Freed;
pub use keep::Registrar;
pub use shell::Desk;

use crate::ids::{AgentId, AttemptId, CustomerId, FollowUpId, ReservationToken, TransferId};
use crate::sip::auth::Credentials;
use crate::sip::header::NameAddr;
use crate::sip::hop::Hop;
use crate::sip::uri::Uri;
use std::sync::Arc;
use thiserror::Error;

/// For whom an agent is wanted.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The call.
    pub attempt: AttemptId,
    /// Its follow-up.
    pub follow_up: FollowUpId,
    /// Whose earlier agent is taken first.
    pub customer: CustomerId,
    /// Survey key; a skill.
    pub survey: String,
    /// BCP 47 tag of the caller.
    pub language: String,
    /// Agents who were tried for this caller already.
    pub tried: Vec<AgentId>,
}

/// An agent who is held for a caller.
#[derive(Debug)]
pub struct Reserved {
    /// The hand-over that begins.
    pub transfer: TransferId,
    /// Proof of the hold; none for a PBX queue, which nobody reserves. Dropped, the lease runs out by itself.
    pub hold: Option<Hold>,
    /// Who.
    pub agent: AgentId,
    /// In which language the whisper speaks.
    pub language: String,
    /// How they are reached.
    pub way: Way,
    /// Picking up takes the call.
    pub auto_answer: bool,
}

/// How an agent is reached.
#[derive(Clone, Debug)]
pub enum Way {
    /// A second call, bridged.
    Sip(Leg),
    /// The agent's page, bridged.
    Page,
    /// The caller is handed over to this URI by REFER.
    Refer(Uri),
    /// The engine calls first, then hands over with Replaces.
    ReferAttended(Leg),
}

/// The call to an agent.
#[derive(Clone, Debug)]
pub struct Leg {
    /// Request-URI and To.
    pub target: Uri,
    /// Where the INVITE goes.
    pub next_hop: Hop,
    /// From.
    pub from: NameAddr,
    /// For a trunk that asks.
    pub credentials: Option<Credentials>,
}

/// The hold on an agent: while it lives the desk keeps the lease alive. Dropped without [`Desk::free`], the lease runs out by itself.
#[derive(Debug)]
pub struct Hold {
    /// The lease.
    pub token: ReservationToken,
    /// The desk looks whether anybody still has it.
    _life: Arc<()>,
}

/// Why there is no agent.
#[derive(Debug, Error)]
pub enum NoAgent {
    /// Nobody who fits is free.
    #[error("no agent is free")]
    NobodyFree,
    /// Too many callers who wanted a person got none; nobody is offered for a while.
    #[error("too many callers waited in vain")]
    TooManyAbandoned,
    /// `agents.offer` is off, or there is no store.
    #[error("no agents are offered")]
    Off,
    /// The store does not answer.
    #[error("the agents cannot be asked for: {0}")]
    Away(#[from] crate::db::StoreError),
}

/// What the agent's page says about a hand-over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// Takes the call, with this WebRTC offer (SDP).
    Take(String),
    /// Turns it down.
    Reject,
    /// Ends it.
    HangUp,
}

#[cfg(test)]
mod tests;
