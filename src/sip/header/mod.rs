//! Header fields that we read ourselves: Via, name-addr, CSeq. rsip 0.4.0 loses or rejects valid ones (several Contacts in one field, a comma in a
//! quoted display name, IPv6, white space before `;`: see findings), so its typed headers are not used.

use thiserror::Error;

mod cseq;
mod name_addr;
mod via;

pub use cseq::CSeq;
pub use name_addr::NameAddr;
pub use via::{Transport, Via};

/// Why a header field could not be read. Names the field, never shows its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// The message has no such field.
    #[error("no {0} header")]
    Missing(&'static str),
    /// The field breaks its grammar.
    #[error("malformed {0} header")]
    Malformed(&'static str),
}

/// Splits at a separator that stands outside quoted strings and angle brackets. `None` where a quote or a bracket is left open.
pub(crate) fn split_outside_quotes(text: &str, separator: u8) -> Option<Vec<&str>> {
    split(text, separator, true)
}

/// The same for fields in which angle brackets mean nothing (authentication).
pub(crate) fn split_params(text: &str, separator: u8) -> Option<Vec<&str>> {
    split(text, separator, false)
}

fn split(text: &str, separator: u8, brackets: bool) -> Option<Vec<&str>> {
    let (mut parts, mut start, mut quoted, mut escaped, mut inside) = (Vec::new(), 0, false, false, false);
    for (i, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'<' | b'>' if brackets => {
                if inside == (byte == b'<') {
                    return None;
                }
                inside = !inside;
            }
            _ if byte == separator && !inside => {
                parts.push(text.get(start..i)?);
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(text.get(start..)?);
    (!quoted && !inside).then_some(parts)
}

/// Whether every byte may stand in a token (RFC 3261, 25.1) and there is at least one.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b))
}

/// Takes the quotes and backslashes off a quoted string; other texts stay. `None` where the quotes are not balanced.
pub(crate) fn unquote(text: &str) -> Option<String> {
    let Some(inner) = text.strip_prefix('"') else { return Some(text.to_owned()) };
    let (mut out, mut chars) = (String::with_capacity(inner.len()), inner.chars());
    loop {
        match chars.next()? {
            '"' => return chars.as_str().is_empty().then_some(out),
            '\\' => out.push(chars.next()?),
            c => out.push(c),
        }
    }
}

/// Puts quotes and the backslashes they need around a text.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests;
