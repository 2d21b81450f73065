//! Parameters `;name=value` of URIs and header fields (RFC 3261, 25.1 `uri-parameter`, `generic-param`), in order and spelled as given.
//! Unknown ones are kept, nothing is decoded behind the caller's back.

use std::fmt;

/// More parameters than this in one place are no honest message; the bound keeps comparison cheap.
pub const MAX_PARAMS: usize = 64;

/// An ordered list of parameters. Names are looked up without regard to case; a value may be absent (`;lr`).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, Option<String>)>);

impl Params {
    /// No parameters.
    pub fn new() -> Params {
        Params::default()
    }

    /// Reads `;a=b;c` (the first semicolon may be missing). White space round `;` and `=` is dropped; a `;` inside quotes separates nothing.
    /// `None` where a name is missing, is no token, a quote is left open, or there are more than [`MAX_PARAMS`]. Empty parameters (`;;`) are passed over.
    pub fn parse(text: &str) -> Option<Params> {
        let mut params = Vec::new();
        for part in crate::sip::header::split_outside_quotes(text, b';')? {
            let part = part.trim_matches([' ', '\t']);
            if part.is_empty() {
                continue;
            }
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name, Some(value.trim_matches([' ', '\t']).to_owned())),
                None => (part, None),
            };
            let name = name.trim_matches([' ', '\t']);
            if name.is_empty() || name.bytes().any(|b| b <= b' ' || matches!(b, b'"' | b'<' | b'>' | b',')) {
                return None;
            }
            if params.len() == MAX_PARAMS {
                return None;
            }
            params.push((name.to_owned(), value));
        }
        Some(Params(params))
    }

    /// The raw value: `Some(None)` for a parameter without one, `None` for no such parameter.
    pub fn raw(&self, name: &str) -> Option<Option<&str>> {
        self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_deref())
    }

    /// The value, quotes still on if it has them. `None` if the parameter is absent or has no value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.raw(name).flatten()
    }

    /// Whether the parameter is there, with a value or without.
    pub fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// Sets a parameter in its place, or appends it.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        let value = value.map(str::to_owned);
        match self.0.iter_mut().find(|(n, _)| n.eq_ignore_ascii_case(name)) {
            Some(slot) => slot.1 = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Takes a parameter away.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    }

    /// All parameters in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_deref()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.0 {
            match value {
                Some(value) => write!(f, ";{name}={value}")?,
                None => write!(f, ";{name}")?,
            }
        }
        Ok(())
    }
}

/// Shows the names only: values may hold personal data (`phone-context`, private extensions).
impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}
