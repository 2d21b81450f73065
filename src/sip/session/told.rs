//! What a message tells beside its status: causes (Reason, RFC 3326), and that the call was forwarded (Diversion, RFC 5806; History-Info, RFC 7044).
//!
//! Numbers come out masked, texts not at all.

use crate::sip::header::{NameAddr, is_token, split_outside_quotes};
use crate::sip::message::Message;
use std::fmt;

/// Most causes that are looked at.
const MAX_CAUSES: usize = 4;

/// Whose list a cause is from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    /// ITU-T Q.850, as the telephone network says it.
    Q850,
    /// A SIP status.
    Sip,
}

/// One cause of a Reason field, without its text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cause {
    /// Its list.
    pub protocol: Protocol,
    /// Its number.
    pub number: u16,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.protocol {
            Protocol::Q850 => write!(f, "Q.850 cause {}", self.number),
            Protocol::Sip => write!(f, "SIP cause {}", self.number),
        }
    }
}

/// The causes of all Reason fields, of lists too.
pub fn causes(fields: &str) -> Vec<Cause> {
    let values = split_outside_quotes(fields, b',').unwrap_or_default();
    values.into_iter().filter_map(cause).take(MAX_CAUSES).collect()
}

/// All Reason fields as one list, as received.
pub(super) fn reasons(message: &Message) -> Option<String> {
    let all: Vec<&str> = message.headers("Reason").collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// `Q.850;cause=16;text="Terminated"`.
fn cause(value: &str) -> Option<Cause> {
    let parts = split_outside_quotes(value, b';')?;
    let mut parts = parts.into_iter().map(str::trim);
    let protocol = match parts.next()? {
        name if name.eq_ignore_ascii_case("q.850") => Protocol::Q850,
        name if name.eq_ignore_ascii_case("sip") => Protocol::Sip,
        _ => return None,
    };
    let number = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        if name.trim().eq_ignore_ascii_case("cause") { value.trim().parse().ok() } else { None }
    })?;
    Some(Cause { protocol, number })
}

/// That somebody else is, or was, rung in place of the called number. URIs are masked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Forwarded {
    /// Who forwarded last.
    pub by: Option<String>,
    /// To whom.
    pub to: Option<String>,
    /// Why, a token (`no-answer`, `user-busy`, `unconditional` …).
    pub reason: Option<String>,
}

/// What a response says of a forwarding; none where nothing does.
pub(super) fn forwarded(response: &Message) -> Option<Forwarded> {
    let diversions = list(response, "Diversion");
    let history = list(response, "History-Info");
    let last = history.last().filter(|_| history.len() > 1);
    let moved = last.is_some_and(|last| history.first().is_some_and(|first| first.uri.user() != last.uri.user()));
    // topmost: the latest (RFC 5806 5.1)
    let diverted = diversions.first();
    if !moved && diverted.is_none() && response.status() != Some(181) {
        return None;
    }
    let reason = diverted.and_then(|by| by.params.get("reason")).filter(|reason| is_token(reason)).map(str::to_owned);
    let before = history.len().checked_sub(2).and_then(|at| history.get(at)).filter(|_| moved);
    Some(Forwarded {
        by: diverted.or(before).map(|by| by.uri.masked()),
        to: last.filter(|_| moved).map(|to| to.uri.masked()),
        reason,
    })
}

/// Fields that nobody can read say nothing.
fn list(message: &Message, name: &str) -> Vec<NameAddr> {
    message.headers(name).filter_map(NameAddr::parse_list).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_read_of_lists_too_and_texts_are_not() {
        for (fields, expected) in [
            ("Q.850;cause=17;text=\"User busy, +8613900000001\"", "Q.850 cause 17"),
            (
                "SIP;cause=200;text=\"Call completed elsewhere\", q.850 ; text=x ; Cause = 26",
                "SIP cause 200, Q.850 cause 26",
            ),
            ("Preemption;cause=1, Q.850;cause=x, SIP", ""),
            ("Q.850;cause=17;text=\"open", ""),
            ("Q.850;cause=99999", ""),
        ] {
            let found: Vec<String> = causes(fields).iter().map(Cause::to_string).collect();
            assert_eq!(found.join(", "), expected, "{fields}");
        }
    }

    #[test]
    fn a_forwarding_is_read_and_masked() {
        let mut response = Message::response(180, "Ringing");
        assert_eq!(forwarded(&response), None);
        response.push("History-Info", "<sip:+8613900000001@t.example>;index=1");
        assert_eq!(forwarded(&response), None, "the call itself");
        response.push("History-Info", "<sip:+8613900000002@t.example?Reason=SIP%3Bcause%3D302>;index=1.1");
        let told = forwarded(&response).expect("forwarded");
        assert!(told.by.is_some() && told.to.is_some());
        assert!(!format!("{told:?}").contains("1390000000"), "{told:?}");
        let mut response = Message::response(200, "OK");
        response.push("Diversion", "\"A, B\" <sip:+8613900000001@t.example>;reason=no-answer;counter=1");
        let told = forwarded(&response).expect("forwarded");
        assert_eq!((told.reason.as_deref(), told.to), (Some("no-answer"), None));
        assert_eq!(forwarded(&Message::response(181, "x")).map(|told| told.by), Some(None));
    }
}
