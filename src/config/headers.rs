//! What a trunk may add to its INVITEs: identities, privacy, headers of one's own. Nothing that the user agent makes itself, nothing that could break a message.

use super::Trunk;

/// Header fields that the user agent makes, in lower case. A test holds them against the session's own list.
pub const RESERVED: [&str; 30] = [
    "via",
    "from",
    "to",
    "call-id",
    "cseq",
    "contact",
    "max-forwards",
    "content-type",
    "content-length",
    "allow",
    "authorization",
    "proxy-authorization",
    "supported",
    "require",
    "session-expires",
    "min-se",
    "user-agent",
    "rack",
    "rseq",
    "record-route",
    "v",
    "f",
    "t",
    "i",
    "m",
    "c",
    "l",
    "k",
    "x",
    "privacy",
];

/// Values that Privacy may have (RFC 3323 4.2, RFC 3325 9.3).
const PRIVACY: [&str; 6] = ["id", "header", "session", "user", "critical", "none"];

/// Splits `Name: value`. None where it is no header field.
pub fn split(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let (name, value) = (name.trim(), value.trim());
    let token = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b));
    (token && !value.is_empty() && !value.bytes().any(|b| b.is_ascii_control())).then_some((name, value))
}

/// Every mistake, with its key. Values never show: they may be numbers.
pub(super) fn problems(trunk: &Trunk) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    for (at, line) in trunk.headers.iter().enumerate() {
        let nth = at + 1;
        match split(line) {
            None => found.push(("headers", format!("number {nth} is no header field (`Name: value` on one line)"))),
            Some((name, _)) if RESERVED.contains(&name.to_ascii_lowercase().as_str()) => {
                found.push(("headers", format!("`{name}` is made by the engine itself")));
            }
            Some(_) => {}
        }
    }
    for (key, identity) in
        [("asserted_identity", &trunk.asserted_identity), ("preferred_identity", &trunk.preferred_identity)]
    {
        let uri = |text: &String| {
            let known = ["sip:", "sips:", "tel:"].iter().any(|scheme| text.starts_with(scheme));
            known && !text.bytes().any(|b| b <= b' ' || b"<>\",;".contains(&b) && b != b';')
        };
        if identity.as_ref().is_some_and(|text| !uri(text)) {
            found.push((key, "a URI is wanted (sip:…, sips:… or tel:…)".into()));
        }
    }
    if let Some(privacy) = &trunk.privacy
        && privacy.split(';').any(|word| !PRIVACY.contains(&word.trim()))
    {
        found.push(("privacy", format!("one or more of {} are wanted, with `;` between them", PRIVACY.join(", "))));
    }
    if !(trunk.session_expires_s == 0 || (90..=86_400).contains(&trunk.session_expires_s)) {
        found.push(("session_expires_s", "0, or 90 to 86400 seconds are wanted".into()));
    }
    if trunk.redirects > 5 {
        found.push(("redirects", "at most 5 are wanted".into()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_break_a_message_is_refused_and_no_value_shows() {
        for (line, good) in [
            ("X-Account: 4711", true),
            ("X-Account : 4711", true),
            ("Via: SIP/2.0/UDP x", false),
            ("v: SIP/2.0/UDP x", false),
            ("X-A: 1\r\nVia: x", false),
            ("X A: 1", false),
            ("X-A:", false),
            ("no colon", false),
        ] {
            let trunk = Trunk { headers: vec![line.into()], ..Trunk::default() };
            assert_eq!(problems(&trunk).is_empty(), good, "{line:?}");
        }
        for (identity, privacy, keys) in [
            (Some("sip:+862100000000@trunk.example"), Some("id;critical"), &[][..]),
            (Some("tel:+862100000000"), Some("none"), &[]),
            (Some("+862100000000"), Some("ids"), &["asserted_identity", "privacy"]),
            (Some("sip:a b@c"), None, &["asserted_identity"]),
        ] {
            let trunk = Trunk {
                asserted_identity: identity.map(String::from),
                privacy: privacy.map(String::from),
                ..Trunk::default()
            };
            let found = problems(&trunk);
            assert_eq!(found.iter().map(|(key, _)| *key).collect::<Vec<_>>(), keys, "{identity:?} {privacy:?}");
            assert!(!format!("{found:?}").contains("8621"), "{found:?}");
        }
        for (seconds, good) in [(0, true), (89, false), (90, true), (86_401, false)] {
            let trunk = Trunk { session_expires_s: seconds, ..Trunk::default() };
            assert_eq!(problems(&trunk).is_empty(), good, "{seconds}");
        }
    }
}
