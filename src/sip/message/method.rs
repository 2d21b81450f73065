//! Request methods (RFC 3261, 7.1 and its extensions). Methods are case-sensitive; unknown ones are kept, where rsip 0.4.0 rejects them.

use crate::sip::header::is_token;
use std::fmt;
use std::str::FromStr;

/// A request method.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Method {
    /// RFC 3261
    Invite,
    /// RFC 3261
    Ack,
    /// RFC 3261
    Bye,
    /// RFC 3261
    Cancel,
    /// RFC 3261
    Options,
    /// RFC 3261
    Register,
    /// RFC 3262
    Prack,
    /// RFC 3311
    Update,
    /// RFC 6086
    Info,
    /// RFC 3515
    Refer,
    /// RFC 6665
    Notify,
    /// RFC 6665
    Subscribe,
    /// RFC 3428
    Message,
    /// RFC 3903
    Publish,
    /// Any other token, spelled as it came.
    Other(String),
}

/// The text is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no valid method")]
pub struct BadMethod;

const KNOWN: [(Method, &str); 14] = [
    (Method::Invite, "INVITE"),
    (Method::Ack, "ACK"),
    (Method::Bye, "BYE"),
    (Method::Cancel, "CANCEL"),
    (Method::Options, "OPTIONS"),
    (Method::Register, "REGISTER"),
    (Method::Prack, "PRACK"),
    (Method::Update, "UPDATE"),
    (Method::Info, "INFO"),
    (Method::Refer, "REFER"),
    (Method::Notify, "NOTIFY"),
    (Method::Subscribe, "SUBSCRIBE"),
    (Method::Message, "MESSAGE"),
    (Method::Publish, "PUBLISH"),
];

impl Method {
    /// The method as it stands on the wire.
    pub fn as_str(&self) -> &str {
        if let Method::Other(token) = self {
            return token;
        }
        KNOWN.iter().find(|(method, _)| method == self).map_or("", |(_, name)| name)
    }
}

impl FromStr for Method {
    type Err = BadMethod;

    fn from_str(token: &str) -> Result<Method, BadMethod> {
        if let Some((method, _)) = KNOWN.iter().find(|(_, name)| *name == token) {
            return Ok(method.clone());
        }
        if is_token(token) { Ok(Method::Other(token.to_owned())) } else { Err(BadMethod) }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
