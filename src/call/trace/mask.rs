//! A SIP message as people may see it: numbers, names and keys are masked, everything else stays, at its length. Pure.
//!
//! Every run of six digits or more is taken for a number (`+86 138-0013-8000`, `%31%33…`), wherever it stands. Fields that hold no number but long digits
//! (Via, Call-ID, session ids and ports of SDP) keep them, unless they repeat digits of a number that the message names elsewhere.

use std::borrow::Cow;
use std::ops::Range;

/// A digit run so long is a number.
const NUMBER: usize = 6;
/// Fields whose digits are no number.
const PLAIN: &[&str] = &[
    "via",
    "v",
    "call-id",
    "i",
    "cseq",
    "max-forwards",
    "content-length",
    "l",
    "content-type",
    "c",
    "expires",
    "min-expires",
    "session-expires",
    "x",
    "min-se",
    "timestamp",
    "rseq",
    "rack",
    "date",
    "retry-after",
    "allow",
    "supported",
    "k",
    "require",
    "server",
    "user-agent",
    "www-authenticate",
    "proxy-authenticate",
];
/// Fields that name somebody.
const PEOPLE: &[&str] = &[
    "from",
    "f",
    "to",
    "t",
    "contact",
    "m",
    "p-asserted-identity",
    "p-preferred-identity",
    "p-called-party-id",
    "remote-party-id",
    "diversion",
    "history-info",
    "referred-by",
    "b",
    "refer-to",
    "r",
    "reply-to",
];

/// One line of a message's head; a folded one is one line (RFC 3261 7.3.1).
pub(super) struct Line<'a> {
    pub text: &'a [u8],
    pub end: &'a [u8],
    /// Field name in lower case; none for the start line and the empty line.
    pub name: Option<Cow<'a, str>>,
}

/// Head with its empty line, and body. Line breaks before the start line are part of the head (RFC 3261 7.5), not its end.
pub(super) fn head_and_body(bytes: &[u8]) -> (&[u8], &[u8]) {
    let lead = bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    let message = &bytes[lead..];
    let crlf = message.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at + 4);
    let lf = message.windows(2).position(|w| w == b"\n\n").map(|at| at + 2);
    bytes.split_at(crlf.into_iter().chain(lf).min().map_or(bytes.len(), |end| lead + end))
}

/// The lines of a head.
pub(super) fn lines(head: &[u8]) -> Vec<Line<'_>> {
    let mut found = Vec::new();
    let mut start = 0;
    while start < head.len() {
        let mut at = start;
        let next = loop {
            match head[at..].iter().position(|b| *b == b'\n') {
                None => break head.len(),
                // the next line begins with white space: it belongs to this one
                Some(n) if matches!(head.get(at + n + 1), Some(b' ' | b'\t')) && start > 0 => at += n + 1,
                Some(n) => break at + n + 1,
            }
        };
        let whole = &head[start..next];
        let text = whole.strip_suffix(b"\n").unwrap_or(whole);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let name = text.iter().position(|b| *b == b':').filter(|_| start > 0).map(|colon| &text[..colon]);
        let name = name.map(|name| String::from_utf8_lossy(name).trim().to_ascii_lowercase().into());
        found.push(Line { text, end: &whole[text.len()..], name });
        start = next;
    }
    found
}

/// The message with numbers, names and keys masked; as long as it was.
pub fn mask_message(bytes: &[u8]) -> Vec<u8> {
    let (head, body) = head_and_body(bytes);
    let mut out = Vec::with_capacity(bytes.len());
    let mut plain: Vec<Range<usize>> = Vec::new();
    let mut numbers: Vec<Vec<u8>> = Vec::new();
    let mut keys = false;
    for Line { text, end, name } in lines(head) {
        let start = out.len();
        out.extend_from_slice(text);
        let value = start + name.as_ref().map_or(0, |_| text.iter().position(|b| *b == b':').unwrap_or(0) + 1);
        match name.as_deref() {
            Some(name) if PLAIN.contains(&name) => {
                keys |=
                    matches!(name, "content-type" | "c") && text.to_ascii_lowercase().windows(4).any(|w| w == b"dtmf");
                plain.push(value..out.len());
            }
            name => {
                if name.is_some_and(|name| PEOPLE.contains(&name)) {
                    hide_names(&mut out[value..]);
                }
                numbers.extend(hide_numbers(&mut out[value..], |_| true));
            }
        }
        out.extend_from_slice(end);
    }
    let sdp = body.starts_with(b"v=");
    for line in body.split_inclusive(|b| *b == b'\n') {
        let start = out.len();
        out.extend_from_slice(line);
        match line {
            [b'v' | b'o' | b'c' | b'b' | b't' | b'm' | b'a', b'=', ..] if sdp => plain.push(start..out.len()),
            _ if keys => out[start..].iter_mut().filter(|b| is_key(**b)).for_each(|b| *b = b'x'),
            _ => numbers.extend(hide_numbers(&mut out[start..], |_| true)),
        }
    }
    let known: Vec<&[u8]> = numbers.iter().map(|number| &number[number.len().saturating_sub(7)..]).collect();
    for range in plain {
        hide_numbers(&mut out[range], |run| known.iter().any(|tail| run.windows(tail.len()).any(|w| w == *tail)));
    }
    out
}

fn is_key(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'*' | b'#')
}

/// A digit at `at`, plain or escaped, and how long it is.
fn digit(text: &[u8], at: usize) -> Option<(u8, usize)> {
    match &text[at..] {
        [d, ..] if d.is_ascii_digit() => Some((*d, 1)),
        [b'%', b'3', d, ..] if d.is_ascii_digit() => Some((*d, 3)),
        _ => None,
    }
}

/// How long the IPv4 address is that begins here, if one does and nobody is called so.
fn ipv4(text: &[u8], at: usize) -> Option<usize> {
    let rest = &text[at..];
    let length = rest.iter().position(|b| !b.is_ascii_digit() && *b != b'.').unwrap_or(rest.len());
    let address = std::str::from_utf8(&rest[..length]).ok()?;
    address.parse::<std::net::Ipv4Addr>().ok()?;
    (rest.get(length) != Some(&b'@')).then_some(length)
}

/// Masks each number of which `which` says so; gives the digits of those that it masked.
fn hide_numbers(text: &mut [u8], which: impl Fn(&[u8]) -> bool) -> Vec<Vec<u8>> {
    let mut masked = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if let Some(length) = ipv4(text, at) {
            at += length;
            continue;
        }
        let Some((first, length)) = digit(text, at) else {
            at += 1;
            continue;
        };
        let (mut digits, mut end) = (vec![first], at + length);
        let mut places: Vec<_> = std::iter::once(at..end).collect();
        loop {
            let gap = text[end..].iter().take_while(|b| b"-. ()".contains(b)).count();
            let Some((next, length)) = (gap <= 2).then(|| digit(text, end + gap)).flatten() else { break };
            digits.push(next);
            places.push(end + gap..end + gap + length);
            end += gap + length;
        }
        if digits.len() >= NUMBER && which(&digits) {
            let shown = if digits.len() >= 8 { 2 } else { 0 };
            let last = places.len() - shown;
            for place in &places[shown..last] {
                text[place.clone()].fill(b'x');
            }
            masked.push(digits);
        }
        at = end;
    }
    masked
}

/// Masks display names: quoted, or before an angle bracket (RFC 3261 20.10).
fn hide_names(value: &mut [u8]) {
    let brackets = value.contains(&b'<');
    let (mut quoted, mut angle, mut params, mut at) = (false, false, false, 0);
    while at < value.len() {
        let byte = value[at];
        match byte {
            b'\\' if quoted => {
                let end = (at + 2).min(value.len());
                value[at..end].fill(b'x');
                at += 1;
            }
            b'"' => quoted = !quoted,
            _ if quoted => value[at] = b'x',
            b'<' => angle = true,
            b'>' => (angle, params) = (false, true),
            b',' if !angle => params = false,
            _ if brackets && !angle && !params && (byte.is_ascii_alphanumeric() || !byte.is_ascii()) => {
                value[at] = b'x'
            }
            _ => {}
        }
        at += 1;
    }
}
