//! A webhook's body and signature, by the Standard Webhooks specification (version 1): the receiver reckons HMAC-SHA256 over `id.timestamp.body` with the shared
//! secret and compares. The id is the same at each try, so that a message that came twice is known.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, Utc};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use thiserror::Error;
use uuid::Uuid;

/// Fewest bytes of a secret.
const SHORTEST: usize = 24;
/// Secrets in base64 begin with this.
const PREFIX: &str = "whsec_";

/// A secret that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadSecret {
    /// Guessed too easily.
    #[error("a webhook's secret has at least {SHORTEST} bytes (`openssl rand -base64 32` makes one)")]
    Short,
    /// `whsec_` and then no base64.
    #[error("after `{PREFIX}` base64 is wanted")]
    NoBase64,
}

/// What messages are signed with. Never shown.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// Reads one: base64 after `whsec_`, or any text as it stands.
    pub fn parse(text: &str) -> Result<Secret, BadSecret> {
        let bytes = match text.strip_prefix(PREFIX) {
            Some(encoded) => STANDARD.decode(encoded).map_err(|_| BadSecret::NoBase64)?,
            None => text.as_bytes().to_vec(),
        };
        if bytes.len() < SHORTEST { Err(BadSecret::Short) } else { Ok(Secret(bytes)) }
    }

    /// `webhook-signature` of a message sent at `timestamp` (s since 1970).
    pub fn sign(&self, id: Uuid, timestamp: i64, body: &[u8]) -> String {
        // HMAC takes keys of any length (RFC 2104)
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The body: what happened, when, and of what (ids, words, times).
pub fn body(event: &str, happened_at: DateTime<Utc>, data: &Value) -> Vec<u8> {
    let at = happened_at.to_rfc3339_opts(SecondsFormat::Millis, true);
    json!({ "type": event, "timestamp": at, "data": data }).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_signed_as_the_specification_has_it() {
        // reckoned with `openssl dgst -sha256 -mac HMAC`, not with this code
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let id = Uuid::from_u128(7);
        let signed = secret.sign(id, 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,DpjDiUQtqY4KpU+ttsaMN4ufTzLZ/I1uCUwqulcoqnM=");
        assert_ne!(secret.sign(id, 1_614_265_331, br#"{"test": 2432232314}"#), signed, "the moment is signed, too");
    }

    #[test]
    fn a_short_secret_is_refused_and_none_is_shown() {
        assert_eq!(Secret::parse("letmein").unwrap_err(), BadSecret::Short);
        assert_eq!(Secret::parse("whsec_a").unwrap_err(), BadSecret::NoBase64);
        let secret = Secret::parse("a text that is long enough for it").unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }

    #[test]
    fn the_body_says_what_when_and_of_what() {
        let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let body = body("complaint", at, &json!({ "complaint": 1 }));
        let wanted = r#"{"data":{"complaint":1},"timestamp":"2023-11-14T22:13:20.000Z","type":"complaint"}"#;
        assert_eq!(String::from_utf8(body).unwrap(), wanted);
    }
}
