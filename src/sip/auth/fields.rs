//! `auth-param` lists (RFC 3261, 25.1): `Digest name=value, name="quoted \" value"`. Quotes and backslashes come off; names compare without case.

use crate::sip::header::{is_token, split_params, unquote};

/// One scheme with its parameters.
pub(super) struct Fields<'a> {
    pub scheme: &'a str,
    params: Vec<(&'a str, Option<String>)>,
}

impl<'a> Fields<'a> {
    /// Reads a header value. It should hold one scheme; servers that borrow from HTTP join several by commas. `None` where quotes stay open.
    pub fn parse_all(value: &'a str) -> Option<Vec<Fields<'a>>> {
        let mut all: Vec<Fields<'a>> = Vec::new();
        for part in split_params(value, b',')? {
            let part = part.trim_matches([' ', '\t']);
            if part.is_empty() {
                continue;
            }
            let first = part.find([' ', '\t', '=', '"']).unwrap_or(part.len());
            let (word, rest) = part.split_at(first);
            let rest = rest.trim_start_matches([' ', '\t']);
            if rest.starts_with('=') || rest.starts_with('"') {
                all.last_mut()?.params.push(param(part));
            } else {
                let params = if rest.is_empty() { Vec::new() } else { vec![param(rest)] };
                all.push(Fields { scheme: word, params });
            }
        }
        Some(all)
    }

    /// The value of a parameter; `Err` where it is there but malformed, or there twice with different values.
    pub fn get(&self, name: &str) -> Result<Option<&str>, ()> {
        let mut values = self.params.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_deref());
        let Some(first) = values.next() else { return Ok(None) };
        if values.any(|other| other != first) { Err(()) } else { first.ok_or(()).map(Some) }
    }
}

fn param(text: &str) -> (&str, Option<String>) {
    let Some((name, value)) = text.split_once('=') else { return (text.trim(), None) };
    let (name, value) = (name.trim_matches([' ', '\t']), value.trim_matches([' ', '\t']));
    let value = if value.starts_with('"') { unquote(value) } else { (!value.contains('"')).then(|| value.to_owned()) };
    (name, value.filter(|_| is_token(name)))
}
