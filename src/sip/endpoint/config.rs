//! What an endpoint is told once, and what a call is asked for with. Never read from files here: `config` does that.

use super::door::DoorConfig;
use crate::sip::auth::Credentials;
use crate::sip::header::NameAddr;
use crate::sip::hop::{Hop, Transport};
use crate::sip::message::Limits;
use crate::sip::registrar::RegistrarConfig;
use crate::sip::session::SessionId;
use crate::sip::tap::Tap;
use crate::sip::transaction::TimerConfig;
use crate::sip::uri::Uri;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// The largest request that goes by UDP where it need not, in bytes (RFC 3261 18.1.1: 200 less than the path's MTU, 1,300 where that is not known).
pub const LARGE: usize = 1300;

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
    /// The same for TCP and for TLS, where they listen at another port.
    pub local_tcp: Option<SocketAddr>,
    /// For TLS.
    pub local_tls: Option<SocketAddr>,
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
    /// What becomes of strangers; none: everybody is known.
    pub door: Option<DoorConfig>,
    /// Who is shown the whole messages of sessions; usually nobody.
    pub tap: Option<Tap>,
}

impl EndpointConfig {
    /// Settings with the RFC's timers, which refuse calls with 403.
    pub fn new(local: SocketAddr, user_agent: &str) -> EndpointConfig {
        EndpointConfig {
            local,
            local_tcp: None,
            local_tls: None,
            contact_user: None,
            user_agent: user_agent.to_owned(),
            timers: TimerConfig::default(),
            incoming: IncomingPolicy::Refuse(403),
            registrar: None,
            limits: Limits::default(),
            refer_wait: Duration::from_secs(60),
            max_server_transactions: 50_000,
            door: None,
            tap: None,
        }
    }

    /// Another port on a transport than the one of datagrams.
    pub fn set_local(&mut self, transport: Transport, port: u16) {
        let local = SocketAddr::new(self.local.ip(), port);
        match transport {
            Transport::Udp => self.local = local,
            Transport::Tcp => self.local_tcp = Some(local),
            Transport::Tls => self.local_tls = Some(local),
        }
    }

    /// Our address on a transport.
    pub fn local_for(&self, transport: Transport) -> SocketAddr {
        match transport {
            Transport::Udp => self.local,
            Transport::Tcp => self.local_tcp.unwrap_or(self.local),
            Transport::Tls => self.local_tls.unwrap_or(self.local),
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
    pub next_hop: Hop,
    /// Where it goes next if it cannot be delivered there, or is answered with 503, and nothing rang (RFC 3263 4.3): within this call, in this order.
    pub others: Vec<Hop>,
    /// An INVITE that is larger than [`LARGE`] goes by TCP instead of UDP, if a connection can be had (RFC 3261 18.1.1).
    pub large_by_tcp: bool,
    /// From, without tag.
    pub from: NameAddr,
    /// For 401 and 407.
    pub credentials: Option<Credentials>,
    /// Further header fields; those that the session makes itself are passed over.
    pub headers: Vec<(String, String)>,
    /// Which extensions are offered, and whether a redirection is followed.
    pub extensions: Extensions,
    /// Session description.
    pub offer: Vec<u8>,
    /// How long to wait for the final response before giving up.
    pub ring_timeout: Duration,
}

/// Whether provisional responses are to be reliable (RFC 3262). A reliable one is acknowledged in any case.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Prack {
    /// Not offered.
    Off,
    /// `Supported: 100rel`.
    #[default]
    Supported,
    /// `Require: 100rel`: who does not know it refuses the call (420).
    Required,
}

/// How far redirections (3xx) are followed (RFC 3261 8.1.3.4): only to the same user part, at the host that redirects or one of these.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Redirects {
    /// How many in one call; 0: a 3xx is the outcome.
    pub most: u8,
    /// Further hosts of the same trunk.
    pub hosts: Vec<IpAddr>,
}

/// What a call offers beside RFC 3261.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Extensions {
    /// Reliable provisional responses.
    pub prack: Prack,
    /// Session interval asked for (RFC 4028), seconds, at least 90; none: no timer is asked for, the far side's is taken all the same.
    pub session_expires: Option<u32>,
    /// Redirections.
    pub redirects: Redirects,
}

/// Reliable responses where the far side wants them, a timer of half an hour, no redirection.
impl Default for Extensions {
    fn default() -> Extensions {
        Extensions { prack: Prack::default(), session_expires: Some(1_800), redirects: Redirects::default() }
    }
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
    pub to: Hop,
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
