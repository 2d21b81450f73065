//! Why a call attempt came to nothing, as SIP knows it. What it means for the customer is decided in `call::disposition`, not here.

/// How far the INVITE had come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// No byte of the INVITE was handed to the transport.
    BeforeSend,
    /// The INVITE left; at most 100 Trying came back. Whether anything rang is unknown.
    Sent,
    /// A provisional response above 100 came.
    Early,
}

/// What is wrong with a 2xx that had to be acknowledged and hung up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnusableAnswer {
    /// No Contact with a SIP URI.
    NoContact,
    /// Neither it nor an earlier provisional response of the same dialog brought a session description.
    NoSdp,
    /// Record-Route cannot be read, so the dialog has no route.
    BadRoute,
}

/// What is wrong with a challenge (401, 407).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AuthProblem {
    /// The trunk has no credentials.
    NoCredentials,
    /// The credentials were given and not taken.
    Refused,
    /// No challenge in the response, or none with an algorithm that we know.
    Unsupported,
}

/// The kind of failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FailureKind {
    /// A final response 300-699.
    Status(u16),
    /// No response at all within 64*T1 (timer B).
    Timeout,
    /// The ring timeout passed; the INVITE was cancelled, or a late answer was hung up at once.
    RingTimeout,
    /// We hung up before there was an answer.
    Canceled,
    /// Our CANCEL brought no final response within 64*T1: the call counts as cancelled (9.1), but nobody confirmed it.
    CancelTimeout,
    /// The next hop cannot be reached (ICMP, no route).
    Unreachable,
    /// A 2xx without what a session needs; acknowledged and hung up.
    BadAnswer(UnusableAnswer),
    /// A challenge that could not be met.
    Auth(AuthProblem),
}

/// A call attempt without a session. Final.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// How far it had come.
    pub stage: Stage,
    /// What went wrong.
    pub kind: FailureKind,
    /// Reason header of the final response (RFC 3326), as received.
    pub reason_header: Option<String>,
    /// Retry-After of the final response, seconds.
    pub retry_after: Option<u32>,
}
