//! From, To, Contact, Route, Record-Route values (RFC 3261, 20.10 and 25.1): `"name" <uri>;params` or a bare URI, whose `;` then belong to the field.
//! Never shows a display name or a number in `Debug`.

use crate::sip::uri::{Params, Uri};
use std::fmt;
use std::str::FromStr;

use super::{HeaderError, is_token, quote, split_outside_quotes, unquote};

/// A display name, a URI, and the parameters of the header field (`tag`, `expires`, …).
#[derive(Clone, PartialEq, Eq)]
pub struct NameAddr {
    /// The display name without quotes and backslashes.
    pub display: Option<String>,
    /// The URI.
    pub uri: Uri,
    /// Header parameters, behind the `>`.
    pub params: Params,
}

impl NameAddr {
    /// A value with a URI only.
    pub fn new(uri: Uri) -> NameAddr {
        NameAddr { display: None, uri, params: Params::new() }
    }

    /// The tag (RFC 3261, 19.3).
    pub fn tag(&self) -> Option<&str> {
        self.params.get("tag").filter(|tag| !tag.is_empty())
    }

    /// The same value with this tag.
    pub fn with_tag(mut self, tag: &str) -> NameAddr {
        self.params.set("tag", Some(tag));
        self
    }

    /// Reads a comma-separated list, as Contact, Route and Record-Route have it. Empty elements are passed over.
    pub fn parse_list(text: &str) -> Option<Vec<NameAddr>> {
        let parts = split_outside_quotes(text, b',')?;
        parts.into_iter().filter(|part| !part.trim().is_empty()).map(|part| part.parse().ok()).collect()
    }

    fn parse(text: &str) -> Option<NameAddr> {
        let text = text.trim_matches([' ', '\t']);
        // Checks that quotes and brackets are balanced.
        split_outside_quotes(text, b'\0')?;
        let Some(open) = outer_bracket(text) else {
            let (uri, params) = text.split_at(text.find(';').unwrap_or(text.len()));
            let uri = uri.trim_end_matches([' ', '\t']).parse().ok()?;
            return Some(NameAddr { display: None, uri, params: Params::parse(params)? });
        };
        let (display, rest) = (text.get(..open)?.trim_matches([' ', '\t']), text.get(open + 1..)?);
        let display = match display {
            "" => None,
            quoted if quoted.starts_with('"') => Some(unquote(quoted)?),
            tokens if tokens.contains(['"', ';', ',']) => return None,
            tokens => Some(tokens.to_owned()),
        };
        let (uri, params) = rest.split_once('>')?;
        let params = params.trim_start_matches([' ', '\t']);
        if !params.is_empty() && !params.starts_with(';') {
            return None;
        }
        let uri = uri.trim_matches([' ', '\t']).parse().ok()?;
        Some(NameAddr { display, uri, params: Params::parse(params)? })
    }
}

/// Where the `<` stands that is not inside a quoted display name.
fn outer_bracket(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (i, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'<' if !quoted => return Some(i),
            _ => {}
        }
    }
    None
}

impl FromStr for NameAddr {
    type Err = HeaderError;

    fn from_str(text: &str) -> Result<NameAddr, HeaderError> {
        NameAddr::parse(text).ok_or(HeaderError::Malformed("name-addr"))
    }
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.display {
            Some(name) if is_token(name) => write!(f, "{name} ")?,
            Some(name) => write!(f, "{} ", quote(name))?,
            None => {}
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

impl fmt::Debug for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.display.is_some() {
            f.write_str("\"•••\" ")?;
        }
        write!(f, "<{:?}>{:?}", self.uri, self.params)
    }
}
