//! What a session tells the call layer. Each session ends with exactly one of `Failed`, `Ended`, `Canceled`; only `Trace` may follow.

use crate::sip::header::NameAddr;
use crate::sip::hop::Hop;
use crate::sip::uri::Uri;
use std::fmt;

use super::failure::Failure;
use super::told::{Cause, Forwarded};

/// Names a session within its endpoint; never given twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SessionId(pub(crate) u64);

/// Who did it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// We.
    Local,
    /// The far side.
    Remote,
}

/// How a session ended that had been answered (or, called side, was refused by us).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndCause {
    /// A BYE, answered with 2xx or met by the far side's own.
    Bye,
    /// Our BYE was answered with this failure; the session is over all the same (RFC 3261 15.1.1).
    ByeRefused(u16),
    /// Our BYE was never answered (timer F).
    ByeTimeout,
    /// Our BYE could not be delivered.
    ByeUnreachable,
    /// Our 2xx to an INVITE or a re-INVITE was never acknowledged within 64*T1; a BYE was sent (13.3.1.4, 14.2).
    NoAck,
    /// Called side: we refused the INVITE with this status.
    Rejected(u16),
    /// The session timer ran out: no refresh came, or ours was not answered; a BYE was sent (RFC 4028 10).
    Expired,
}

/// Why we hang up. Shows in a Reason header where that helps the far side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HangupReason {
    /// The call has done what it was for, or is not wanted any more.
    Normal,
    /// The session description in the answer cannot be used.
    UnusableAnswer,
    /// No media for too long.
    MediaLost,
    /// The engine stops.
    Shutdown,
    /// The session timer ran out.
    SessionExpired,
}

impl HangupReason {
    /// Reason header value (RFC 3326), if there is something to say.
    pub(crate) fn header(self) -> Option<&'static str> {
        match self {
            HangupReason::Normal | HangupReason::Shutdown => None,
            HangupReason::UnusableAnswer => Some("SIP;cause=488;text=\"Not Acceptable Here\""),
            HangupReason::MediaLost => Some("SIP;cause=408;text=\"No Media\""),
            HangupReason::SessionExpired => Some("SIP;cause=408;text=\"Session Timer Expired\""),
        }
    }
}

/// An INVITE for us.
#[derive(Clone, PartialEq, Eq)]
pub struct IncomingInvite {
    /// From, with tag.
    pub from: NameAddr,
    /// To, without tag.
    pub to: NameAddr,
    /// Request-URI: which number was called.
    pub request_uri: Uri,
    /// Session description; empty if the caller leaves the offer to us.
    pub offer: Vec<u8>,
    /// Every header as received.
    pub headers: Vec<(String, String)>,
}

impl fmt::Debug for IncomingInvite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        write!(f, "IncomingInvite {{ {:?}, offer: {} bytes, headers: {names:?} }}", self.request_uri, self.offer.len())
    }
}

/// What came of [`Endpoint::refer`](crate::sip::endpoint::Endpoint::refer). `Done`, `Refused` and `Lost` are final, and exactly one of them follows, unless
/// the session ends before. A far side that was handed over hangs up by a BYE of its own, before its last NOTIFY or after it, or waits for ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReferEvent {
    /// The far side tries it (2xx, or a NOTIFY that overtook it).
    Accepted,
    /// It tells of a provisional response from where it was sent, 100-199.
    Progress(u16),
    /// It tells of the final response, 200-699: a 2xx is success.
    Done(u16),
    /// It will not: the final response to REFER, 300-699. From ourselves 481 where there is no confirmed dialog to refer in or to replace,
    /// and 491 while another REFER is under way.
    Refused(u16),
    /// Nobody knows: no response in time, or accepted and then no final NOTIFY within [`EndpointConfig::refer_wait`](crate::sip::endpoint::EndpointConfig::refer_wait).
    Lost,
}

/// One message of the session, for the attempt's timeline. Header values other than CSeq never appear.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraceLine {
    /// True: sent by us. False: received.
    pub sent: bool,
    /// The start line, user parts masked.
    pub start_line: String,
    /// CSeq, number and method.
    pub cseq: String,
    /// Where it went or came from.
    pub peer: Hop,
}

/// What happened in a session.
#[derive(Clone, PartialEq, Eq)]
pub enum SessionEvent {
    /// Caller: the INVITE was handed to the transport for the first time.
    InviteSent,
    /// Caller: a provisional response above 100; a session description in it is early media.
    Progress {
        /// 101-199.
        status: u16,
        /// Session description.
        sdp: Option<Vec<u8>>,
    },
    /// Caller: a 2xx with Contact and a session description. The ACK is queued. The call layer reads the description
    /// and hangs up with [`HangupReason::UnusableAnswer`] if it cannot be used.
    Answered {
        /// The answer (the first description of this dialog, RFC 3261 13.2.1).
        sdp: Vec<u8>,
    },
    /// Caller: final, no session.
    Failed(Failure),
    /// An answered session is over, or (called side) we refused the INVITE.
    Ended {
        /// Who ended it.
        by: Side,
        /// How.
        cause: EndCause,
    },
    /// Called side: a call for us.
    Incoming(Box<IncomingInvite>),
    /// Called side: the ACK of our 2xx came; with a session description if the INVITE had none.
    Acked {
        /// The answer to our offer.
        sdp: Option<Vec<u8>>,
    },
    /// Called side: the caller gave up before we answered.
    Canceled,
    /// Either side: what came of handing the far side over. The session goes on.
    Refer(ReferEvent),
    /// Either side: a re-INVITE or UPDATE whose description changes something (14.2, RFC 3311 5.2); of the caller's side also before the answer. It waits for [`Endpoint::answer_offer`](crate::sip::endpoint::Endpoint::answer_offer);
    /// who does not answer in some seconds has refused it.
    Reoffer {
        /// The offer.
        sdp: Vec<u8>,
    },
    /// Our refresh by re-INVITE was answered with another description than the far side had: it counts from now on.
    Reanswered {
        /// The answer to our present description.
        sdp: Vec<u8>,
    },
    /// Why the far side ends it (Reason of its BYE or CANCEL); `Ended` or `Canceled` follows.
    Reason(Vec<Cause>),
    /// Caller: the call was forwarded elsewhere before it was answered; told once.
    Forwarded(Box<Forwarded>),
    /// Caller: the INVITE could not be delivered at one place, or was answered there with 503, and goes to the next one (RFC 3263 4.3).
    MovedOn {
        /// Where it did not get through.
        from: Hop,
        /// Where it goes.
        to: Hop,
        /// 503; none: not delivered.
        status: Option<u16>,
    },
    /// Caller: a 3xx was followed within its limits.
    Redirected {
        /// 300-399.
        status: u16,
        /// The new target, masked.
        to: String,
    },
    /// Either side: an INFO with a body of a type that is taken (keys). The SIP core does not read it.
    Info(InfoBody),
    /// A message sent or received, repetitions too.
    Trace(TraceLine),
}

/// The body of an INFO.
#[derive(Clone, PartialEq, Eq)]
pub struct InfoBody {
    /// Its type, without parameters, in lower case.
    pub content_type: String,
    /// At most [`MAX_INFO`](super::MAX_INFO) bytes.
    pub body: Vec<u8>,
}

impl fmt::Debug for InfoBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Info({}, {} bytes)", self.content_type, self.body.len())
    }
}

impl fmt::Debug for SessionEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = |sdp: &Option<Vec<u8>>| sdp.as_ref().map_or(0, Vec::len);
        match self {
            SessionEvent::InviteSent => write!(f, "InviteSent"),
            SessionEvent::Progress { status, sdp } => write!(f, "Progress({status}, {} bytes)", bytes(sdp)),
            SessionEvent::Answered { sdp } => write!(f, "Answered({} bytes)", sdp.len()),
            SessionEvent::Failed(failure) => write!(f, "{failure:?}"),
            SessionEvent::Ended { by, cause } => write!(f, "Ended({by:?}, {cause:?})"),
            SessionEvent::Incoming(incoming) => write!(f, "{incoming:?}"),
            SessionEvent::Acked { sdp } => write!(f, "Acked({} bytes)", bytes(sdp)),
            SessionEvent::Canceled => write!(f, "Canceled"),
            SessionEvent::Refer(event) => write!(f, "Refer({event:?})"),
            SessionEvent::Reoffer { sdp } => write!(f, "Reoffer({} bytes)", sdp.len()),
            SessionEvent::Reanswered { sdp } => write!(f, "Reanswered({} bytes)", sdp.len()),
            SessionEvent::Reason(causes) => write!(f, "Reason({causes:?})"),
            SessionEvent::Forwarded(told) => write!(f, "{told:?}"),
            SessionEvent::MovedOn { from, to, status } => write!(f, "MovedOn({from} to {to}, {status:?})"),
            SessionEvent::Redirected { status, to } => write!(f, "Redirected({status}, {to})"),
            SessionEvent::Info(body) => write!(f, "{body:?}"),
            SessionEvent::Trace(line) => write!(f, "{line:?}"),
        }
    }
}
