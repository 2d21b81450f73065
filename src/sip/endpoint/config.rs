//! What an endpoint is told once, and what a call is asked for with. Never read from files here: `config` does that.

use crate::sip::auth::Credentials;
use crate::sip::header::NameAddr;
use crate::sip::message::Limits;
use crate::sip::registrar::RegistrarConfig;
use crate::sip::session::SessionId;
use crate::sip::transaction::TimerConfig;
use crate::sip::uri::Uri;
use std::net::SocketAddr;
use std::time::Duration;

/// What happens to an INVITE that nobody asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IncomingPolicy {
    /// It is refused with this status (300-699).
    Refuse(u16),
    /// It becomes a session: [`SessionEvent::Incoming`](crate::sip::session::SessionEvent::Incoming).
    Accept,
}

/// Settings of an endpoint.
#[derive(Clone, Debug)]
pub struct EndpointConfig {
    /// Our address: `sent-by` in Via and host of Contact.
    pub local: SocketAddr,
    /// User part of Contact, escaped already; none if the address is enough.
    pub contact_user: Option<String>,
    /// User-Agent and Server.
    pub user_agent: String,
    /// T1, T2, T4.
    pub timers: TimerConfig,
    /// What to do with calls for us.
    pub incoming: IncomingPolicy,
    /// Lets phones register; without it REGISTER is answered with 405.
    pub registrar: Option<RegistrarConfig>,
    /// Bounds for a datagram.
    pub limits: Limits,
    /// How long after a REFER was accepted the far side may take to tell what came of it.
    pub refer_wait: Duration,
    /// Most server transactions at a time; requests beyond that are dropped unanswered.
    pub max_server_transactions: usize,
}

impl EndpointConfig {
    /// Settings with the RFC's timers, which refuse calls with 403.
    pub fn new(local: SocketAddr, user_agent: &str) -> EndpointConfig {
        EndpointConfig {
            local,
            contact_user: None,
            user_agent: user_agent.to_owned(),
            timers: TimerConfig::default(),
            incoming: IncomingPolicy::Refuse(403),
            registrar: None,
            limits: Limits::default(),
            refer_wait: Duration::from_secs(60),
            max_server_transactions: 50_000,
        }
    }
}

/// A call to place.
#[derive(Clone, Debug)]
pub struct Invite {
    /// Request-URI and To.
    pub target: Uri,
    /// Where the INVITE goes: the trunk's address, or the source of a registered phone's binding. If `target` names another IP address than this one,
    /// the requests that follow keep to it too, as long as no proxy records a route: a phone behind NAT is nowhere else.
    pub next_hop: SocketAddr,
    /// From, without tag.
    pub from: NameAddr,
    /// For 401 and 407.
    pub credentials: Option<Credentials>,
    /// Further header fields; those that the session makes itself are passed over.
    pub headers: Vec<(String, String)>,
    /// Session description.
    pub offer: Vec<u8>,
    /// How long to wait for the final response before giving up.
    pub ring_timeout: Duration,
}

/// Whom the far side of a session is handed over to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refer {
    /// Refer-To: whom the far side shall call.
    pub to: Uri,
    /// Attended (RFC 3891): the far side takes the place of ours in this answered session of the same endpoint. The session stays ours until
    /// its own far side hangs up.
    pub replaces: Option<SessionId>,
}

/// A datagram to send.
#[derive(Clone, PartialEq, Eq)]
pub struct Transmit {
    /// Where to.
    pub to: SocketAddr,
    /// What.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Transmit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Transmit({} bytes to {})", self.bytes.len(), self.to)
    }
}

/// What came in and belonged nowhere. Counts since the start.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counters {
    /// Datagrams that are no SIP message that we go on with.
    pub malformed: u64,
    /// Responses to no transaction of ours, dropped.
    pub unknown_responses: u64,
    /// 2xx to INVITE without a call, acknowledged and hung up.
    pub stray_answers: u64,
    /// Requests dropped because too many transactions were open.
    pub overload: u64,
}

/// How much the endpoint holds. All zero when every call is over, no phone is registered and every timer has run.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Load {
    /// Sessions, with dialogs being put away.
    pub sessions: usize,
    /// Client transactions.
    pub clients: usize,
    /// Server transactions.
    pub servers: usize,
    /// Entries of all lookup maps together.
    pub keys: usize,
    /// Armed deadlines.
    pub deadlines: usize,
}
