//! What became of an attempt: SIP status, Q.850 cause and conversation → disposition → AAPOR code, blame, and whether a retry is allowed.
//!
//! One table, pure, no wildcard arms. AAPOR Standard Definitions (2016), telephone surveys of named persons. A call whose INVITE left and
//! whose fate is unknown is never redialled by the engine (architecture.md, decision 6).

use crate::sip::session::{Cause, Protocol, causes};
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! dispositions {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $aapor:literal, $retry:ident;)*) => {
        /// The outcome of one attempt.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Disposition {
            $($(#[$doc])* $name,)*
        }

        impl Disposition {
            /// Every disposition, in the order of the table.
            pub const ALL: &'static [Disposition] = &[$(Disposition::$name),*];

            /// The name in the store and in the API.
            pub fn as_str(self) -> &'static str {
                match self { $(Disposition::$name => $text,)* }
            }

            /// The AAPOR code, as `2.12`.
            pub fn aapor(self) -> &'static str {
                match self { $(Disposition::$name => $aapor,)* }
            }

            /// Whether and how the follow-up may be tried again.
            pub fn retry(self) -> Retry {
                match self { $(Disposition::$name => Retry::$retry,)* }
            }
        }
    };
}

dispositions! {
    /// Every required question was answered.
    Complete = "complete", "1.1", Never;
    /// Some questions were answered, then the call ended.
    Partial = "partial", "1.2", Never;
    /// Refused, also after one retention try.
    Refusal = "refusal", "2.11", Never;
    /// Hung up before the first answer counted.
    BreakOff = "break_off", "2.12", BreakOff;
    /// Asked for another time.
    CallBack = "call_back", "2.21", AtBookedTime;
    /// Answered, but no key was ever pressed.
    NoInput = "no_input", "3.21", BreakOff;
    /// Busy.
    Busy = "busy", "3.12", Busy;
    /// The phone rejected the call.
    Declined = "declined", "3.12", Busy;
    /// Rang, and nobody answered.
    NoAnswer = "no_answer", "3.13", NoAnswer;
    /// An answering machine took the call.
    Machine = "machine", "3.14", Machine;
    /// The phone is switched off, out of reach or not registered.
    Unreachable = "unreachable", "3.16", Unreachable;
    /// The trunk or the network had no room, or failed before it rang.
    Congestion = "congestion", "3.16", Congestion;
    /// The trunk refuses our calls (credentials, policy, media): a fault to mend, not the customer's.
    TrunkRefused = "trunk_refused", "3.16", Review;
    /// Answered, but no sound ever came.
    NoAudio = "no_audio", "3.16", Unreachable;
    /// Answered and heard, but nothing of ours ever reached the customer.
    OneWayAudio = "one_way_audio", "3.16", Unreachable;
    /// The engine was stopped while the phone rang, and took the call back.
    Interrupted = "interrupted", "3.90", NoAnswer;
    /// The INVITE left and nobody knows what became of it.
    Unknown = "unknown", "3.90", Review;
    /// Somebody else's number.
    WrongNumber = "wrong_number", "4.10", Never;
    /// A fax or a modem.
    Fax = "fax", "4.20", Never;
    /// No such number.
    InvalidNumber = "invalid_number", "4.31", Never;
}

impl fmt::Display for Disposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a follow-up may be tried again after a disposition, and by which delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The follow-up is finished.
    Never,
    /// At the time the customer booked.
    AtBookedTime,
    /// After `dialer.retry.busy_min`.
    Busy,
    /// After `dialer.retry.no_answer_min`.
    NoAnswer,
    /// After `dialer.retry.machine_min`.
    Machine,
    /// After `dialer.retry.unreachable_min`.
    Unreachable,
    /// After `dialer.retry.congestion_min`.
    Congestion,
    /// After `dialer.retry.break_off_min`.
    BreakOff,
    /// Only when a person says so.
    Review,
}

/// Who has to mend it, where something is to be mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// Nobody: a conversation, a busy phone.
    Customer,
    /// The number in the list.
    Number,
    /// The trunk or the network behind it.
    Trunk,
    /// This engine.
    Engine,
}

impl Blame {
    /// The name in the store and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Blame::Customer => "customer",
            Blame::Number => "number",
            Blame::Trunk => "trunk",
            Blame::Engine => "engine",
        }
    }
}

/// A judged attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What became of it.
    pub disposition: Disposition,
    /// Whose it is.
    pub blame: Blame,
    /// One sentence for people; never holds a number or a name.
    pub detail: String,
    /// Partial, and the call was cut before its end: the customer may be called once more to go on where it stopped. The code stays 1.2.
    pub resumable: bool,
    /// For so many seconds the far side does not want to be called again (Retry-After).
    pub retry_after: Option<u32>,
}

impl Verdict {
    /// A verdict with its sentence.
    pub fn new(disposition: Disposition, blame: Blame, detail: impl Into<String>) -> Verdict {
        Verdict { disposition, blame, detail: detail.into(), resumable: false, retry_after: None }
    }

    /// The disposition whose retry rule holds: a partial interview that can go on is called again as a break-off is.
    pub fn retried_as(&self) -> Disposition {
        if self.resumable { Disposition::BreakOff } else { self.disposition }
    }
}

/// How far an INVITE had come when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// It never left.
    BeforeSend,
    /// It left; at most 100 came back.
    Sent,
    /// A phone rang (18x).
    Ringing,
}

/// Judges a final status 300–699 and the causes from `Reason` (RFC 3326): a Q.850 cause wins where it says more (RFC 3398 gives the pairs), then a SIP
/// cause behind a status that says little (480, 500, 503).
pub fn of_status(status: u16, reason: Option<&str>, reached: Reached) -> Verdict {
    let found = reason.map(causes).unwrap_or_default();
    let of = |protocol| move |cause: &&Cause| cause.protocol == protocol;
    let q850 = found.iter().find(of(Protocol::Q850)).map(|cause| cause.number);
    let sip = found.iter().find(of(Protocol::Sip)).map(|cause| cause.number);
    let behind = sip.filter(|cause| matches!(status, 480 | 500 | 503) && (400..=699).contains(cause));
    let (disposition, blame) =
        q850.and_then(of_cause).unwrap_or_else(|| of_sip_status(behind.unwrap_or(status), reached));
    let told: String = found.iter().map(|cause| format!(", {cause}")).collect();
    let moved = if (300..=399).contains(&status) { " (elsewhere), which is not followed" } else { "" };
    Verdict::new(disposition, blame, format!("the trunk answered {status}{moved}{told}"))
}

fn of_sip_status(status: u16, reached: Reached) -> (Disposition, Blame) {
    match status {
        486 | 600 => (Disposition::Busy, Blame::Customer),
        603 | 607 | 608 => (Disposition::Declined, Blame::Customer),
        408 | 487 => (Disposition::NoAnswer, Blame::Customer),
        480 if reached == Reached::Ringing => (Disposition::NoAnswer, Blame::Customer),
        480 | 430 => (Disposition::Unreachable, Blame::Customer),
        404 | 410 | 484 | 604 => (Disposition::InvalidNumber, Blame::Number),
        500..=599 if reached == Reached::Ringing => (Disposition::NoAnswer, Blame::Trunk),
        500..=599 => (Disposition::Congestion, Blame::Trunk),
        _ => (Disposition::TrunkRefused, Blame::Trunk),
    }
}

/// Whether a cause in a BYE says that the network cut the call, not a person.
pub fn is_networks(cause: Cause) -> bool {
    match cause.protocol {
        Protocol::Q850 => matches!(cause.number, 27 | 38 | 41 | 42 | 44 | 47 | 102),
        Protocol::Sip => matches!(cause.number, 408 | 500..=599),
    }
}

fn of_cause(cause: u16) -> Option<(Disposition, Blame)> {
    Some(match cause {
        1 | 22 | 28 => (Disposition::InvalidNumber, Blame::Number),
        17 => (Disposition::Busy, Blame::Customer),
        21 => (Disposition::Declined, Blame::Customer),
        19 => (Disposition::NoAnswer, Blame::Customer),
        18 | 20 | 27 => (Disposition::Unreachable, Blame::Customer),
        34 | 38 | 41 | 42 | 44 | 47 => (Disposition::Congestion, Blame::Trunk),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Disposition::*;

    #[test]
    fn status_and_stage_give_outcome_retry_and_blame() {
        use Reached::*;
        for (status, reason, reached, disposition, retry, blame) in [
            (486, None, Ringing, Busy, Retry::Busy, Blame::Customer),
            (600, None, Sent, Busy, Retry::Busy, Blame::Customer),
            (603, None, Ringing, Declined, Retry::Busy, Blame::Customer),
            (404, None, Sent, InvalidNumber, Retry::Never, Blame::Number),
            (484, None, Sent, InvalidNumber, Retry::Never, Blame::Number),
            (480, None, Sent, Unreachable, Retry::Unreachable, Blame::Customer),
            (480, None, Ringing, NoAnswer, Retry::NoAnswer, Blame::Customer),
            (408, None, Ringing, NoAnswer, Retry::NoAnswer, Blame::Customer),
            (503, None, Sent, Congestion, Retry::Congestion, Blame::Trunk),
            (500, None, Ringing, NoAnswer, Retry::NoAnswer, Blame::Trunk),
            (403, None, Sent, TrunkRefused, Retry::Review, Blame::Trunk),
            (302, None, Sent, TrunkRefused, Retry::Review, Blame::Trunk),
            (488, None, Sent, TrunkRefused, Retry::Review, Blame::Trunk),
            (480, Some("Q.850;cause=17;text=\"User busy\""), Sent, Busy, Retry::Busy, Blame::Customer),
            (503, Some("Q.850 ; cause=1"), Sent, InvalidNumber, Retry::Never, Blame::Number),
            (486, Some("SIP;cause=200"), Sent, Busy, Retry::Busy, Blame::Customer),
            (503, Some("Q.850;cause=16"), Sent, Congestion, Retry::Congestion, Blame::Trunk),
            (480, Some("SIP;cause=200, Q.850;cause=17"), Sent, Busy, Retry::Busy, Blame::Customer),
            (503, Some("SIP;cause=486;text=\"x\""), Sent, Busy, Retry::Busy, Blame::Customer),
            (500, Some("SIP;cause=200"), Sent, Congestion, Retry::Congestion, Blame::Trunk),
        ] {
            let verdict = of_status(status, reason, reached);
            assert_eq!(
                (verdict.disposition, verdict.disposition.retry(), verdict.blame),
                (disposition, retry, blame),
                "{status} {reason:?} {reached:?}"
            );
            assert!(!verdict.detail.contains('+'), "{}", verdict.detail);
        }
    }

    #[test]
    fn whatever_nobody_knows_is_never_redialled() {
        assert_eq!(Unknown.retry(), Retry::Review);
    }

    #[test]
    fn names_are_unique() {
        let names: std::collections::BTreeSet<_> = Disposition::ALL.iter().map(|d| d.as_str()).collect();
        assert_eq!(names.len(), Disposition::ALL.len());
    }
}
