//! The answer to a request that cannot be read (RFC 3261 8.2, 21.4.1): 400, or the status that says more, made from the fields that an answer must bear, as they came.
//!
//! Only where these are all there, and little longer than what it answers (a status line, a tag). Nothing is remembered of it.

use super::{Limits, ParseError, model};
use crate::sip::header::is_token;

/// Fields that a response copies (8.2.6.2), and whether several are copied.
const COPIED: [(&str, bool); 5] = [("Via", true), ("From", false), ("To", false), ("Call-ID", false), ("CSeq", false)];

/// The answer to `datagram`, which `error` kept from being read; `tag` goes on To. None where it is no request, an ACK, or lacks what an answer needs.
pub fn refusal(datagram: &[u8], error: ParseError, tag: &str, limits: &Limits) -> Option<Vec<u8>> {
    if datagram.len() > limits.message {
        return None;
    }
    let lead = datagram.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let head = String::from_utf8_lossy(&datagram[lead..]);
    let head = head.split("\r\n\r\n").next()?;
    let mut lines = unfolded(head).into_iter();
    let first = lines.next()?;
    let method = first.split([' ', '\t']).next()?;
    if !is_token(method) || method == "ACK" || method.to_ascii_uppercase().starts_with("SIP/") {
        return None;
    }
    let (status, reason) = status(error);
    let mut answer = format!("SIP/2.0 {status} {reason}\r\n");
    let fields = lines.as_slice().iter().filter_map(|line| line.split_once(':'));
    let fields: Vec<(&str, &str)> = fields.map(|(name, value)| (model::expand(name.trim()), value.trim())).collect();
    for (name, all) in COPIED {
        let of_name = fields.iter().filter(|(written, _)| written.eq_ignore_ascii_case(name));
        let mut values = of_name.map(|(_, value)| *value).peekable();
        if values.peek().is_none_or(|value| value.is_empty()) {
            return None;
        }
        for value in values.take(if all { usize::MAX } else { 1 }) {
            let tagged = name == "To" && !value.to_ascii_lowercase().contains("tag");
            let tag = if tagged { format!(";tag={tag}") } else { String::new() };
            answer.push_str(&format!("{name}: {value}{tag}\r\n"));
        }
    }
    answer.push_str("Content-Length: 0\r\n\r\n");
    Some(answer.into_bytes())
}

/// Lines with their continuations (7.3.1); no control character gets into an answer.
fn unfolded(head: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for raw in head.split("\r\n") {
        let plain: String = raw.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        match lines.last_mut() {
            Some(last) if raw.starts_with([' ', '\t']) => {
                last.push(' ');
                last.push_str(plain.trim());
            }
            _ => lines.push(plain),
        }
    }
    lines
}

fn status(error: ParseError) -> (u16, &'static str) {
    match error {
        ParseError::Version => (505, "Version Not Supported"),
        ParseError::TooLarge | ParseError::BodyTooLarge => (513, "Message Too Large"),
        ParseError::LineTooLong(_) | ParseError::TooManyHeaders => (513, "Message Too Large"),
        _ => (400, "Bad Request"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(text: &str, error: ParseError) -> Option<String> {
        let answer = refusal(text.as_bytes(), error, "t9", &Limits::default())?;
        Some(String::from_utf8(answer).unwrap())
    }

    #[test]
    fn an_answer_bears_what_came_and_nothing_else() {
        let text = "OPTIONS sip:a@h SIP/7.0\r\nv: SIP/2.0/UDP h1;branch=z9hG4bK1\r\nVia: SIP/2.0/UDP\r\n h2;branch=z9hG4bK2\r\nf: <sip:a@h>;tag=1\r\n\
                    To : <sip:b@h>\r\ni: c1\r\nCSeq: 5 OPTIONS\r\nX-Secret: no\r\n\r\n";
        assert_eq!(
            answered(text, ParseError::Version).unwrap(),
            "SIP/2.0 505 Version Not Supported\r\nVia: SIP/2.0/UDP h1;branch=z9hG4bK1\r\nVia: SIP/2.0/UDP h2;branch=z9hG4bK2\r\nFrom: <sip:a@h>;tag=1\r\n\
             To: <sip:b@h>;tag=t9\r\nCall-ID: c1\r\nCSeq: 5 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        assert!(answered(text, ParseError::StartLine).unwrap().starts_with("SIP/2.0 400 "));
    }

    #[test]
    fn what_lacks_a_field_and_what_wants_no_answer_gets_none() {
        let text = "INVITE sip:a@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>\r\nTo: <sip:b@h>;tag=x\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\n";
        assert!(answered(text, ParseError::Parser).unwrap().contains("To: <sip:b@h>;tag=x\r\n"));
        for lacking in ["Via", "From", "To", "Call-ID", "CSeq"] {
            assert_eq!(
                answered(&text.replace(&format!("{lacking}:"), "X-Other:"), ParseError::Parser),
                None,
                "{lacking}"
            );
        }
        assert_eq!(answered(&text.replace("INVITE sip", "ACK sip"), ParseError::Parser), None);
        assert_eq!(answered(&text.replace("INVITE sip:a@h SIP/2.0", "SIP/2.0 9999 x"), ParseError::Status), None);
        assert_eq!(answered("\r\n", ParseError::Empty), None);
    }
}
