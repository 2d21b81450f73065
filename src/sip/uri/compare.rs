//! Comparison of URIs (RFC 3261, 19.1.4): what dialogs and registrations call the same URI. Never used for the byte-for-byte rule.

use super::{Params, Scheme, Uri};

/// Parameters that must stand in both URIs or in neither.
const STRICT: [&str; 5] = ["transport", "user", "ttl", "method", "maddr"];

impl Uri {
    /// Whether both name the same resource by RFC 3261, 19.1.4: user and password with regard to case, the rest without; an escape equals its
    /// character unless that is reserved; `transport`, `user`, `ttl`, `method`, `maddr` must be in both or neither, others count only where both have them.
    pub fn equivalent(&self, other: &Uri) -> bool {
        if self.scheme != other.scheme {
            return false;
        }
        match &self.scheme {
            Scheme::Other(_) => self.text == other.text,
            Scheme::Tel => {
                let digits = |uri: &Uri| -> String {
                    let number = uri.user().unwrap_or_default();
                    number.chars().filter(|c| !matches!(c, '-' | '.' | '(' | ')')).collect()
                };
                digits(self).eq_ignore_ascii_case(&digits(other)) && same_params(&self.params, &other.params)
            }
            Scheme::Sip | Scheme::Sips => {
                let plain = |text: Option<&str>| text.map(unescape_unreserved);
                plain(self.user()) == plain(other.user())
                    && plain(self.password()) == plain(other.password())
                    && self.host == other.host
                    && self.port == other.port
                    && same_params(&self.params, &other.params)
                    && same_headers(self.headers(), other.headers())
            }
        }
    }
}

fn same_params(a: &Params, b: &Params) -> bool {
    let agree = |name: &str| match (a.raw(name), b.raw(name)) {
        (Some(x), Some(y)) => match (x, y) {
            (Some(x), Some(y)) => unescape_unreserved(x).eq_ignore_ascii_case(&unescape_unreserved(y)),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        },
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => !STRICT.iter().any(|strict| strict.eq_ignore_ascii_case(name)),
    };
    a.iter().all(|(name, _)| agree(name)) && b.iter().all(|(name, _)| agree(name))
}

fn same_headers(a: Option<&str>, b: Option<&str>) -> bool {
    let sorted = |text: Option<&str>| {
        let mut parts: Vec<String> = text
            .unwrap_or_default()
            .split('&')
            .filter(|part| !part.is_empty())
            .map(|part| match part.split_once('=') {
                Some((name, value)) => format!("{}={}", name.to_ascii_lowercase(), unescape_unreserved(value)),
                None => part.to_ascii_lowercase(),
            })
            .collect();
        parts.sort_unstable();
        parts
    };
    sorted(a) == sorted(b)
}

/// Decodes escapes of characters outside `reserved` (RFC 3261, 25.1), so that `%61` and `a` compare equal while `%3B` and `;` do not.
fn unescape_unreserved(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = bytes.get(i + 1..i + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        let value = hex.filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        let value = value.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match value.filter(|_| bytes[i] == b'%') {
            Some(value) if value.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&value) => {
                out.push(value);
                i += 3;
            }
            Some(value) => {
                out.extend_from_slice(format!("%{value:02X}").as_bytes());
                i += 3;
            }
            None => {
                out.push(bytes[i]);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
