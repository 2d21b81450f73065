//! The wire normaliser: raw datagram in, message out (RFC 3261, 7, 18.3, 25.1). Bounds everything, skips leading line breaks, unfolds, expands compact
//! names, carries bytes that are not UTF-8, cuts the body to Content-Length, and checks what rsip 0.4.0 lets pass (SIP/7.0, status 099, two lengths,
//! CSeq of another method). Then rsip parses the clean header fields into its header model.
//!
//! The start line is ours: rsip rejects unknown methods, tel and IPv6 Request-URIs and status lines without a reason, takes `invite` for INVITE, and
//! forgets the reason phrase that came. Content-Length is framing: it is used here, not kept, and written anew by `to_bytes`.

use super::{Limits, Message, Method, ParseError, StartLine, bytes, model};
use crate::sip::header::{CSeq, HeaderError, is_token};
use crate::sip::uri::{MAX_PARAMS, Params};

const BLANK: [char; 2] = [' ', '\t'];

/// The status line that rsip gets to see before the clean fields.
const RSIP_START: &str = "SIP/2.0 200 OK\r\n";

pub(super) fn parse(datagram: &[u8], limits: &Limits) -> Result<Message, ParseError> {
    if datagram.len() > limits.message {
        return Err(ParseError::TooLarge);
    }
    let blank_lead = datagram.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let datagram = &datagram[blank_lead..];
    if datagram.is_empty() {
        return Err(ParseError::Empty);
    }
    let end = find(datagram, b"\r\n\r\n").ok_or(ParseError::NoEndOfHeaders)?;
    let (head, rest) = (&datagram[..end], &datagram[end + 4..]);
    let mut lines = logical_lines(head, limits)?.into_iter();
    let start = start_line(&lines.next().unwrap_or_default())?;
    let mut clean = String::with_capacity(head.len() + RSIP_START.len() + 64);
    clean.push_str(RSIP_START);
    let mut length: Option<usize> = None;
    let mut count = 0;
    for (index, line) in lines.enumerate() {
        let (name, value) = field(&line).ok_or(ParseError::Field(index + 2))?;
        if name.eq_ignore_ascii_case("Content-Length") {
            let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
            let this = value.parse().ok().filter(|_| digits).ok_or(ParseError::ContentLength)?;
            if length.is_some_and(|before| before != this) {
                return Err(ParseError::Conflict("Content-Length"));
            }
            length = Some(this);
            continue;
        }
        count += 1;
        clean.push_str(name);
        clean.push_str(": ");
        clean.push_str(value);
        clean.push_str("\r\n");
    }
    clean.push_str("\r\n");
    let headers = rsip_headers(&clean, count)?;
    let body = match length {
        // RFC 3261, 18.3: without a length the body of a datagram reaches to its end.
        None => rest,
        Some(length) => rest.get(..length).ok_or(ParseError::Truncated)?,
    };
    if body.len() > limits.body {
        return Err(ParseError::BodyTooLarge);
    }
    let message = Message { start, headers, body: body.to_vec() };
    check(&message)?;
    Ok(message)
}

/// Header fields from clean text, by rsip.
fn rsip_headers(clean: &str, count: usize) -> Result<rsip::Headers, ParseError> {
    if count == 0 {
        return Ok(rsip::Headers::default());
    }
    match rsip::SipMessage::try_from(clean) {
        Ok(rsip::SipMessage::Response(parsed)) if parsed.headers.iter().count() == count => Ok(parsed.headers),
        Ok(_) | Err(_) => Err(ParseError::Parser),
    }
}

/// Cuts the head at CRLF and joins continuation lines by one space (RFC 3261, 7.3.1).
fn logical_lines(head: &[u8], limits: &Limits) -> Result<Vec<String>, ParseError> {
    let mut lines: Vec<String> = Vec::new();
    let mut rest = head;
    let mut quotes = Quotes::default();
    loop {
        let end = find(rest, b"\r\n").unwrap_or(rest.len());
        let raw = &rest[..end];
        let number = lines.len() + 1;
        let text = bytes::decode(raw);
        let folded = text.starts_with(BLANK);
        if !folded {
            quotes = Quotes::default();
        }
        if quotes.stray_control(raw) {
            return Err(ParseError::Control(number));
        }
        match lines.last_mut() {
            Some(_) if folded && number == 2 => return Err(ParseError::StartLine),
            Some(last) if folded => {
                last.truncate(last.trim_end_matches(BLANK).len());
                last.push(' ');
                last.push_str(text.trim_matches(BLANK));
            }
            _ => lines.push(text),
        }
        if lines.last().is_some_and(|line| line.len() > limits.line) {
            return Err(ParseError::LineTooLong(lines.len()));
        }
        if lines.len() > limits.headers + 1 {
            return Err(ParseError::TooManyHeaders);
        }
        match rest.get(end + 2..) {
            Some(after) => rest = after,
            None => return Ok(lines),
        }
    }
}

/// Where a header field's text stands among its quotes, over continuation lines.
#[derive(Default)]
struct Quotes {
    open: bool,
    escaped: bool,
}

impl Quotes {
    /// Reads on; whether there is a CR or LF alone, or a NUL that is no quoted-pair of a quoted string (RFC 3261 25.1).
    fn stray_control(&mut self, line: &[u8]) -> bool {
        line.iter().any(|byte| {
            let pair = std::mem::take(&mut self.escaped);
            match byte {
                b'\r' | b'\n' => return true,
                0 => return !pair,
                b'\\' => self.escaped = self.open && !pair,
                b'"' if !pair => self.open = !self.open,
                _ => {}
            }
            false
        })
    }
}

/// `name: value` with white space before the colon allowed (`HCOLON`); the name expanded.
fn field(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let name = name.trim_end_matches(BLANK);
    is_token(name).then(|| (model::expand(name), value.trim_matches(BLANK)))
}

fn start_line(line: &str) -> Result<StartLine, ParseError> {
    let (first, rest) = line.split_once(' ').ok_or(ParseError::StartLine)?;
    if first.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("SIP/")) {
        version(first)?;
        let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        let digits = code.len() == 3 && code.bytes().all(|b| b.is_ascii_digit());
        let status = code.parse().ok().filter(|code| digits && (100..700).contains(code));
        let status = status.ok_or(ParseError::Status)?;
        return Ok(StartLine::Response { status, reason: reason.trim_matches(BLANK).to_owned() });
    }
    let (uri, last) = rest.split_once(' ').ok_or(ParseError::StartLine)?;
    // not another version, but blanks behind it (RFC 4475 3.1.2.10)
    if last.ends_with(BLANK) {
        return Err(ParseError::StartLine);
    }
    if !last.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("SIP/")) {
        return Err(ParseError::StartLine);
    }
    version(last)?;
    let method: Method = first.parse().map_err(|_| ParseError::Method)?;
    Ok(StartLine::Request { method, uri: uri.parse().map_err(ParseError::RequestUri)? })
}

/// Only SIP/2.0; the letters in either case (RFC 3261, 7.1).
fn version(text: &str) -> Result<(), ParseError> {
    if text.eq_ignore_ascii_case("SIP/2.0") { Ok(()) } else { Err(ParseError::Version) }
}

/// The fields without which nothing can be answered or matched (RFC 3261, 8.1.1): there, once, and well-formed.
fn check(message: &Message) -> Result<(), ParseError> {
    for name in ["From", "To", "Call-ID", "CSeq"] {
        let mut values = message.headers(name);
        let first = values.next().ok_or(HeaderError::Missing(name))?;
        if values.any(|other| other != first) {
            return Err(ParseError::Conflict(name));
        }
    }
    let via = message.via()?;
    message.from()?;
    let to = message.to()?;
    if message.is_request() {
        // who answers writes `received` and a tag (RFC 3261 18.2.1, 8.2.6.2), and must be able to read that again
        let full = |params: &Params| params.iter().count() >= MAX_PARAMS;
        for (name, params) in [("Via", &via.params), ("To", &to.params)] {
            if full(params) {
                return Err(HeaderError::Malformed(name).into());
            }
        }
    }
    message.call_id()?;
    let cseq: CSeq = message.cseq()?;
    if message.method().is_some_and(|method| *method != cseq.method) {
        return Err(ParseError::CSeqMethod);
    }
    Ok(())
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
