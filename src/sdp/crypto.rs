//! Keys of SRTP in the description (SDES: RFC 4568; AES-GCM: RFC 7714, 14.1). Reads and writes `a=crypto`; never encrypts anything. A key shows neither in
//! `Debug` nor in an error.

use super::{LocalMedia, SdpError, read};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sdp_types::{Attribute, Media};
use std::fmt;

/// The longest master key and salt, in bytes.
pub const MAX_SECRET: usize = 30;
/// The length of a master key in all suites, in bytes.
const KEY: usize = 16;

/// A crypto suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// AES-GCM (RFC 7714).
    AeadAes128Gcm,
    /// AES in counter mode, tags of 80 bits (RFC 4568, 6.2.1).
    AesCm128HmacSha1_80,
    /// The same with tags of 32 bits for RTP (RFC 4568, 6.2.2).
    AesCm128HmacSha1_32,
}

impl Suite {
    /// All that we speak, the best one first.
    pub const ALL: [Suite; 3] = [Suite::AeadAes128Gcm, Suite::AesCm128HmacSha1_80, Suite::AesCm128HmacSha1_32];

    /// Its registered name.
    pub fn name(self) -> &'static str {
        match self {
            Suite::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Suite::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Suite::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
        }
    }

    /// Bytes of master key and salt.
    fn secret_len(self) -> usize {
        match self {
            Suite::AeadAes128Gcm => KEY + 12,
            Suite::AesCm128HmacSha1_80 | Suite::AesCm128HmacSha1_32 => KEY + 14,
        }
    }
}

/// A suite with master key and salt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Keying {
    suite: Suite,
    secret: [u8; MAX_SECRET],
}

impl Keying {
    /// Of as many of these bytes as the suite needs; they must come from a generator that is fit for keys.
    pub fn new(suite: Suite, mut secret: [u8; MAX_SECRET]) -> Keying {
        secret[suite.secret_len()..].fill(0);
        Keying { suite, secret }
    }

    /// The suite.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// The master key.
    pub fn key(&self) -> &[u8] {
        &self.secret[..KEY]
    }

    /// The master salt.
    pub fn salt(&self) -> &[u8] {
        &self.secret[KEY..self.suite.secret_len()]
    }
}

impl fmt::Debug for Keying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keying({})", self.suite.name())
    }
}

/// How both directions are encrypted, each with its sender's key (RFC 4568, 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Srtp {
    /// For what we send.
    pub ours: Keying,
    /// For what comes.
    pub theirs: Keying,
}

/// One `a=crypto` that can be used.
struct Line {
    tag: u32,
    keying: Keying,
}

/// Those of our keys as an offer has them, the preferred one first.
pub(super) fn offered(local: &LocalMedia) -> impl Iterator<Item = Attribute> {
    (1..).zip(&local.srtp).map(|(tag, keying)| attribute(tag, keying))
}

/// The line with this tag and key.
pub(super) fn attribute(tag: u32, keying: &Keying) -> Attribute {
    let secret = STANDARD.encode(&keying.secret[..keying.suite.secret_len()]);
    Attribute::with_value("crypto", format!("{tag} {} inline:{secret}", keying.suite.name()))
}

/// What an offer comes to: its first line of a suite that we have a key for, and the tag of the answer (RFC 4568, 5.1.2). None without SRTP.
pub(super) fn of_offer(local: &LocalMedia, media: &Media) -> Result<Option<(u32, Srtp)>, SdpError> {
    if local.srtp.is_empty() {
        return Ok(None);
    }
    let taken = lines(media).find_map(|line| {
        let ours = local.srtp.iter().find(|ours| ours.suite == line.keying.suite)?;
        Some((line.tag, Srtp { ours: *ours, theirs: line.keying }))
    });
    taken.map(Some).ok_or(SdpError::NoCommonCrypto)
}

/// What the answer to our offer comes to: exactly one line of ours by its tag (RFC 4568, 5.1.3). None without SRTP.
pub(super) fn of_answer(local: &LocalMedia, media: &Media) -> Result<Option<Srtp>, SdpError> {
    if local.srtp.is_empty() {
        return Ok(None);
    }
    let taken = lines(media).find_map(|line| {
        let (_, ours) = (1..).zip(&local.srtp).find(|(tag, _)| *tag == line.tag)?;
        (ours.suite == line.keying.suite).then_some(Srtp { ours: *ours, theirs: line.keying })
    });
    taken.map(Some).ok_or(SdpError::NoCommonCrypto)
}

/// The lines of known suites; one that asks for what we do not do counts as not there.
fn lines(media: &Media) -> impl Iterator<Item = Line> {
    read::values(&media.attributes, "crypto").filter_map(line)
}

/// `tag suite inline:key||salt[|lifetime] [parameters]` (RFC 4568, 9.1). A lifetime is longer than any call; an MKI and a second key are not done; of the
/// parameters those may be passed over that say so, and the window's size.
fn line(value: &str) -> Option<Line> {
    let mut words = value.split_ascii_whitespace();
    let tag = words.next()?.parse().ok()?;
    let name = words.next()?;
    let suite = Suite::ALL.into_iter().find(|suite| suite.name().eq_ignore_ascii_case(name))?;
    let mut parts = words.next()?.strip_prefix("inline:")?.split('|');
    let secret = STANDARD.decode(parts.next()?).ok()?;
    let unusual =
        parts.any(|part| part.contains(':')) || words.any(|word| !word.starts_with(['-']) && !word.starts_with("WSH="));
    if unusual || secret.len() != suite.secret_len() {
        return None;
    }
    let mut whole = [0; MAX_SECRET];
    whole[..secret.len()].copy_from_slice(&secret);
    Some(Line { tag, keying: Keying { suite, secret: whole } })
}

#[cfg(test)]
mod tests {
    use super::super::tests::local;
    use super::super::{answer, offer, read_answer, reanswer};
    use super::*;

    fn keyed(fill: u8) -> LocalMedia {
        LocalMedia { srtp: Suite::ALL.map(|suite| Keying::new(suite, [fill; MAX_SECRET])).to_vec(), ..local() }
    }

    #[test]
    fn lines_are_read_as_rfc_4568_writes_them() {
        let key = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";
        for (what, value, want) in [
            ("plain", format!("1 AES_CM_128_HMAC_SHA1_80 inline:{key}"), Some(1)),
            ("with a lifetime", format!("7 AES_CM_128_HMAC_SHA1_32 inline:{key}|2^20"), Some(7)),
            ("with a window", format!("2 AES_CM_128_HMAC_SHA1_80 inline:{key} WSH=128"), Some(2)),
            ("what may be passed over", format!("2 AES_CM_128_HMAC_SHA1_80 inline:{key} -NEW=1"), Some(2)),
            ("with an MKI", format!("1 AES_CM_128_HMAC_SHA1_80 inline:{key}|2^20|1:4"), None),
            ("two keys", format!("1 AES_CM_128_HMAC_SHA1_80 inline:{key}|2^20;inline:{key}"), None),
            ("not encrypted", format!("1 AES_CM_128_HMAC_SHA1_80 inline:{key} UNENCRYPTED_SRTP"), None),
            ("another suite", format!("1 F8_128_HMAC_SHA1_80 inline:{key}"), None),
            ("too long a key for it", format!("1 AEAD_AES_128_GCM inline:{key}"), None),
            ("too short a key", "1 AES_CM_128_HMAC_SHA1_80 inline:AAAA".to_owned(), None),
            ("no base64", "1 AES_CM_128_HMAC_SHA1_80 inline:????".to_owned(), None),
            ("no tag", format!("AES_CM_128_HMAC_SHA1_80 inline:{key}"), None),
            ("nothing", String::new(), None),
        ] {
            assert_eq!(line(&value).map(|line| line.tag), want, "{what}");
        }
    }

    #[test]
    fn both_sides_come_to_the_same_keys() {
        let (caller, callee) = (keyed(1), keyed(2));
        let offer = offer(&caller);
        let text = String::from_utf8(offer.clone()).unwrap();
        assert!(text.contains("RTP/SAVP") && text.matches("a=crypto:").count() == 3, "{text}");
        let (answered, at_callee) = answer(&callee, &offer).unwrap();
        assert_eq!(String::from_utf8(answered.clone()).unwrap().matches("a=crypto:1 AEAD_AES_128_GCM").count(), 1);
        let (near, far) = (read_answer(&caller, &answered).unwrap().srtp.unwrap(), at_callee.srtp.unwrap());
        assert_eq!((near.ours, near.theirs), (far.theirs, far.ours));
        assert_eq!(near.ours.suite(), Suite::AeadAes128Gcm);

        // the second suite only, and a later offer with it: our key stays what it was
        let second = LocalMedia { srtp: vec![callee.srtp[1]], ..callee.clone() };
        let (answered, _) = answer(&second, &offer).unwrap();
        assert_eq!(read_answer(&caller, &answered).unwrap().srtp.unwrap().ours, caller.srtp[1]);
        let mut caller = caller;
        let (_, again) = reanswer(&mut caller, &super::super::offer(&second)).unwrap();
        assert_eq!(again.srtp.unwrap(), Srtp { ours: caller.srtp[1], theirs: second.srtp[0] });
    }

    #[test]
    fn who_wants_keys_takes_no_plain_media_and_the_other_way_round() {
        let (plain, secured) = (local(), keyed(1));
        assert_eq!(answer(&plain, &offer(&secured)).unwrap_err(), SdpError::Transport);
        assert_eq!(answer(&secured, &offer(&plain)).unwrap_err(), SdpError::Transport);
        let none = String::from_utf8(offer(&secured)).unwrap().replace("a=crypto:", "a=x-");
        assert_eq!(answer(&secured, none.as_bytes()).unwrap_err(), SdpError::NoCommonCrypto);
        assert_eq!(read_answer(&secured, none.as_bytes()).unwrap_err(), SdpError::NoCommonCrypto);
        // an answer with a tag that we gave to another suite
        let swapped = String::from_utf8(offer(&secured))
            .unwrap()
            .replace("crypto:1 AEAD", "crypto:9 AEAD")
            .replace("crypto:2", "crypto:3");
        let swapped = swapped.lines().filter(|l| !l.contains("HMAC_SHA1_32")).collect::<Vec<_>>().join("\r\n");
        assert_eq!(read_answer(&secured, swapped.as_bytes()).unwrap_err(), SdpError::NoCommonCrypto);
    }

    #[test]
    fn no_key_shows() {
        let shown = format!("{:?}", keyed(0x41));
        assert!(
            shown.contains("Keying(AEAD_AES_128_GCM)") && !shown.contains("65") && !shown.contains("AAAA"),
            "{shown}"
        );
    }
}
