//! CSeq (RFC 3261, 20.16): the sequence number, below 2^31, and the method. Never guesses a method.

use crate::sip::message::Method;
use std::fmt;
use std::str::FromStr;

use super::HeaderError;

/// A CSeq value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CSeq {
    /// Sequence number, less than 2^31 (RFC 3261, 8.1.1.5).
    pub number: u32,
    /// The method, equal to that of the request.
    pub method: Method,
}

impl FromStr for CSeq {
    type Err = HeaderError;

    fn from_str(text: &str) -> Result<CSeq, HeaderError> {
        const BAD: HeaderError = HeaderError::Malformed("CSeq");
        let mut parts = text.split([' ', '\t']).filter(|part| !part.is_empty());
        let (number, method) = (parts.next().ok_or(BAD)?, parts.next().ok_or(BAD)?);
        if parts.next().is_some() || !number.bytes().all(|b| b.is_ascii_digit()) {
            return Err(BAD);
        }
        let number = number.parse().ok().filter(|n| *n < 1 << 31).ok_or(BAD)?;
        Ok(CSeq { number, method: method.parse().map_err(|_| BAD)? })
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}
