//! SIP, SIPS and tel URIs (RFC 3261, 19.1 and 25.1; RFC 3966), and any other scheme as opaque text. Our own parser: rsip 0.4.0 loses the user of
//! `sip:john.doe@h`, reads `tel:+7900` as host and port, and fails on IPv6, `?headers` and unknown transports (findings).
//!
//! A URI that was parsed shows itself byte for byte as it came, `%2B`, `;` in the user part, letter case and all, because a peer's Contact must be
//! given back exactly. Never decodes on its own. `Debug` masks the user part: it is a phone number more often than not.

use std::fmt;
use std::str::FromStr;
use thiserror::Error;

mod compare;
mod host;
mod params;

pub use host::Host;
pub use params::{MAX_PARAMS, Params};

/// The scheme of a URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:`
    Tel,
    /// Any other, in lower case. The rest of such a URI is not looked into.
    Other(String),
}

/// Why a text is not a URI. Never carries the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UriError {
    /// No scheme, or one that is no token.
    #[error("no URI scheme")]
    Scheme,
    /// White space, a control character, a quote or an angle bracket inside.
    #[error("a character that no URI may hold")]
    Character,
    /// The user part is empty.
    #[error("empty user part")]
    User,
    /// The host is missing or is no host name or address.
    #[error("no valid host")]
    Host,
    /// The port is not a number up to 65535.
    #[error("no valid port")]
    Port,
    /// A parameter without a name.
    #[error("no valid parameters")]
    Params,
    /// The number of a tel URI is empty or holds other than digits and separators.
    #[error("no valid telephone number")]
    Number,
}

/// A URI. `==` compares the text byte for byte; [`Uri::equivalent`] follows RFC 3261, 19.1.4.
#[derive(Clone)]
pub struct Uri {
    text: String,
    scheme: Scheme,
    user: Option<String>,
    password: Option<String>,
    host: Option<Host>,
    port: Option<u16>,
    params: Params,
    headers: Option<String>,
}

impl Uri {
    /// A `sip:` URI from its parts. In `user`, what a user part may not hold is escaped; a `%` stands for an escape already there
    /// ([`Uri::escape_user`] escapes it too).
    pub fn sip(user: Option<&str>, host: Host, port: Option<u16>) -> Uri {
        let user = user.filter(|user| !user.is_empty()).map(|user| escape(user, "%"));
        let (scheme, params) = (Scheme::Sip, Params::new());
        let mut uri =
            Uri { text: String::new(), scheme, user, password: None, host: Some(host), port, params, headers: None };
        uri.rewrite();
        uri
    }

    /// Escapes what a user part may not hold plainly (RFC 3261, 25.1 `user`).
    pub fn escape_user(text: &str) -> String {
        escape(text, "")
    }

    /// The scheme.
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// Whether it is a `sip:` or `sips:` URI.
    pub fn is_sip(&self) -> bool {
        matches!(self.scheme, Scheme::Sip | Scheme::Sips)
    }

    /// The user part, escapes untouched; of a `tel:` URI the number as written.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The password after the user (deprecated by RFC 3261, kept for the byte-for-byte rule).
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// The host; `None` for `tel:` and opaque URIs.
    pub fn host(&self) -> Option<&Host> {
        self.host.as_ref()
    }

    /// The port, if one is written.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The URI parameters.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// What stands after `?`, raw.
    pub fn headers(&self) -> Option<&str> {
        self.headers.as_deref()
    }

    /// The transport parameter, raw (`udp`, `tcp`, unknown ones too).
    pub fn transport(&self) -> Option<&str> {
        self.params.get("transport")
    }

    /// Whether the `lr` parameter is there: a loose router (RFC 3261, 16.12).
    pub fn is_loose_router(&self) -> bool {
        self.params.has("lr")
    }

    /// Sets a parameter; the URI is then written anew from its parts, without characters that no URI may hold.
    pub fn set_param(&mut self, name: &str, value: Option<&str>) {
        self.params.set(name, value);
        self.rewrite();
    }

    /// The URI with one header more behind its `?` (RFC 3261, 19.1.1), as Refer-To carries Replaces. What the value may not hold plainly is escaped.
    /// Only SIP URIs have headers; another one stays as it is.
    pub fn with_header(mut self, name: &str, value: &str) -> Uri {
        if !self.is_sip() {
            return self;
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!~*'()[]/?:+$".contains(&byte);
        let header = format!("{name}={}", escape_all_but(value, plain));
        self.headers = Some(match self.headers.take() {
            Some(others) if !others.is_empty() => format!("{others}&{header}"),
            Some(_) | None => header,
        });
        self.rewrite();
        self
    }

    /// Takes a parameter away.
    pub fn remove_param(&mut self, name: &str) {
        if self.params.has(name) {
            self.params.remove(name);
            self.rewrite();
        }
    }

    /// Takes the `?headers` and the `method` parameter away, which may not stand in a Request-URI (RFC 3261, 19.1.1, table 1).
    pub fn for_request(mut self) -> Uri {
        if self.headers.is_some() || self.params.has("method") {
            self.headers = None;
            self.params.remove("method");
            self.rewrite();
        }
        self
    }

    /// The URI as text, unmasked: for the wire only.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The URI with its user part (of a tel URI the number) masked, without password and headers; for traces and logs.
    pub fn masked(&self) -> String {
        let user = self.user.as_deref().map(crate::phone::mask);
        match (&self.scheme, &self.host) {
            (Scheme::Other(scheme), _) => format!("{scheme}:•••"),
            (Scheme::Tel, _) | (_, None) => format!("tel:{}", user.unwrap_or_default()),
            (Scheme::Sip | Scheme::Sips, Some(host)) => {
                let scheme = if self.scheme == Scheme::Sips { "sips" } else { "sip" };
                let user = user.map(|user| format!("{user}@")).unwrap_or_default();
                let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
                format!("{scheme}:{user}{host}{port}")
            }
        }
    }

    fn rewrite(&mut self) {
        let mut text = String::new();
        match &self.scheme {
            Scheme::Sip => text.push_str("sip:"),
            Scheme::Sips => text.push_str("sips:"),
            Scheme::Tel => text.push_str("tel:"),
            // An opaque URI has no parts to be written from.
            Scheme::Other(_) => return,
        }
        text.push_str(self.user.as_deref().unwrap_or_default());
        if let Some(password) = &self.password {
            text.push(':');
            text.push_str(password);
        }
        if let Some(host) = &self.host {
            if self.user.is_some() {
                text.push('@');
            }
            text.push_str(&host.to_string());
        }
        if let Some(port) = self.port {
            text.push_str(&format!(":{port}"));
        }
        text.push_str(&self.params.to_string());
        if let Some(headers) = &self.headers {
            text.push('?');
            text.push_str(headers);
        }
        text.retain(|c| !forbidden(c));
        self.text = text;
    }
}

/// White space, controls, quotes and angle brackets.
fn forbidden(c: char) -> bool {
    c <= ' ' || c == '\u{7f}' || matches!(c, '<' | '>' | '"')
}

/// Escapes all but what RFC 3261, 25.1 `user` allows and these characters.
fn escape(text: &str, also: &str) -> String {
    escape_all_but(text, |byte| {
        byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&byte) || also.as_bytes().contains(&byte)
    })
}

fn escape_all_but(text: &str, plain: impl Fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

impl FromStr for Uri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Uri, UriError> {
        if text.chars().any(forbidden) {
            return Err(UriError::Character);
        }
        let (scheme, rest) = text.split_once(':').ok_or(UriError::Scheme)?;
        let token = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
        if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.bytes().all(token) {
            return Err(UriError::Scheme);
        }
        let scheme = match scheme.to_ascii_lowercase() {
            s if s == "sip" => Scheme::Sip,
            s if s == "sips" => Scheme::Sips,
            s if s == "tel" => Scheme::Tel,
            other => Scheme::Other(other),
        };
        let text = text.to_owned();
        let (params, headers) = (Params::new(), None);
        let blank = Uri { text, scheme, user: None, password: None, host: None, port: None, params, headers };
        match blank.scheme {
            Scheme::Sip | Scheme::Sips => parse_sip(blank, rest),
            Scheme::Tel => parse_tel(blank, rest),
            Scheme::Other(_) if rest.is_empty() => Err(UriError::Host),
            Scheme::Other(_) => Ok(blank),
        }
    }
}

/// `[user[:password]@]host[:port]*(;param)[?headers]`. An `@` ends the user part wherever it stands, since none may stand unescaped in it.
fn parse_sip(mut uri: Uri, rest: &str) -> Result<Uri, UriError> {
    let rest = match rest.split_once('@') {
        None => rest,
        Some((userinfo, rest)) => {
            let (user, password) = match userinfo.split_once(':') {
                Some((user, password)) => (user, Some(password.to_owned())),
                None => (userinfo, None),
            };
            if user.is_empty() {
                return Err(UriError::User);
            }
            uri.user = Some(user.to_owned());
            uri.password = password;
            rest
        }
    };
    let (rest, headers) = match rest.split_once('?') {
        Some((rest, headers)) => (rest, Some(headers.to_owned())),
        None => (rest, None),
    };
    let (hostport, params) = rest.split_at(rest.find(';').unwrap_or(rest.len()));
    let end = if hostport.starts_with('[') { hostport.find(']').map(|i| i + 1) } else { hostport.find(':') };
    let (host, port) = hostport.split_at(end.unwrap_or(hostport.len()));
    uri.host = Some(Host::parse(host).ok_or(UriError::Host)?);
    uri.port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        None => return Err(UriError::Host),
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => Some(digits.parse().map_err(|_| UriError::Port)?),
        Some(_) => return Err(UriError::Port),
    };
    uri.params = Params::parse(params).ok_or(UriError::Params)?;
    uri.headers = headers;
    Ok(uri)
}

/// RFC 3966: digits, `*#`, hex letters of local numbers, and visual separators; then parameters.
fn parse_tel(mut uri: Uri, rest: &str) -> Result<Uri, UriError> {
    let (number, params) = rest.split_at(rest.find(';').unwrap_or(rest.len()));
    let digits = number.strip_prefix('+').unwrap_or(number);
    let allowed = |b: u8| b.is_ascii_hexdigit() || matches!(b, b'*' | b'#' | b'-' | b'.' | b'(' | b')');
    let has_digit = digits.bytes().any(|b| b.is_ascii_hexdigit() || matches!(b, b'*' | b'#'));
    if !has_digit || !digits.bytes().all(allowed) {
        return Err(UriError::Number);
    }
    uri.user = Some(number.to_owned());
    uri.params = Params::parse(params).ok_or(UriError::Params)?;
    Ok(uri)
}

impl PartialEq for Uri {
    fn eq(&self, other: &Uri) -> bool {
        self.text == other.text
    }
}

impl Eq for Uri {}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

#[cfg(test)]
mod tests;
