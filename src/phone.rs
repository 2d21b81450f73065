//! Phone numbers in E.164, and personal data that shows itself only when asked: `Debug` and `Display` are masked by the type, not by discipline.
//!
//! Numbering plans come from the `phonenumber` crate (Google's metadata). Nothing here decides whether a number may be dialled: that is `dialer::policy`.
#![forbid(unsafe_code)]

use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;

/// A number in E.164 (`+` and up to 15 digits). Shows as `+86•••••••01`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct E164(String);

/// Why a text is not a phone number. Never carries the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PhoneError {
    /// No numbering plan reads it as a number.
    #[error("not a phone number")]
    NotANumber,
    /// It reads as a number, but the numbering plan has none like it.
    #[error("no such number in the numbering plan")]
    Invalid,
    /// The default country is not an ISO 3166 two-letter code the numbering plan knows.
    #[error("unknown default country (ISO 3166 two letters are wanted, as CN)")]
    Country,
}

impl E164 {
    /// Reads a number as people write it (`138 0013 8000`, `0086-138…`, `+1 (415) …`); `country` (ISO 3166, two letters) stands for a number without `+`.
    pub fn parse(text: &str, country: &str) -> Result<E164, PhoneError> {
        let country = country.parse().map_err(|_| PhoneError::Country)?;
        let number = phonenumber::parse(Some(country), text.trim()).map_err(|_| PhoneError::NotANumber)?;
        if !number.is_valid() {
            return Err(PhoneError::Invalid);
        }
        Ok(E164(number.format().mode(phonenumber::Mode::E164).to_string()))
    }

    /// Takes a text that is E.164 already (`+` and 3 to 15 digits), as it comes from the store; asks no numbering plan.
    pub fn from_stored(text: &str) -> Result<E164, PhoneError> {
        let digits = text.strip_prefix('+').ok_or(PhoneError::NotANumber)?;
        let well_formed = (3..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        if well_formed { Ok(E164(text.to_owned())) } else { Err(PhoneError::NotANumber) }
    }

    /// The number unmasked. For the wire and the store only, never for a log or an error text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits as they are dialled within the number's own country (`013…`-style where the plan has a trunk prefix).
    pub fn national(&self) -> String {
        let written = match phonenumber::parse(None, &self.0) {
            Ok(number) => number.format().mode(phonenumber::Mode::National).to_string(),
            Err(_) => self.0.clone(),
        };
        written.chars().filter(char::is_ascii_digit).collect()
    }

    /// The country of its numbering plan (ISO 3166, two letters); none where no plan knows it.
    pub fn country(&self) -> Option<String> {
        let number = phonenumber::parse(None, &self.0).ok()?;
        number.country().id().map(|id| id.as_ref().to_owned())
    }

    /// What the numbering plan says about its cost.
    pub fn kind(&self) -> NumberKind {
        use phonenumber::Type;
        let Ok(number) = phonenumber::parse(None, &self.0) else { return NumberKind::Unknown };
        match number.number_type(&phonenumber::metadata::DATABASE) {
            Type::FixedLine | Type::Mobile | Type::FixedLineOrMobile | Type::Voip | Type::TollFree => {
                NumberKind::Ordinary
            }
            Type::PremiumRate => NumberKind::PremiumRate,
            Type::SharedCost => NumberKind::SharedCost,
            Type::PersonalNumber => NumberKind::Personal,
            Type::Pager
            | Type::Uan
            | Type::Emergency
            | Type::Voicemail
            | Type::ShortCode
            | Type::StandardRate
            | Type::Carrier
            | Type::NoInternational => NumberKind::Special,
            Type::Unknown => NumberKind::Unknown,
        }
    }

    /// The number masked: the first three characters and the last two stay.
    pub fn masked(&self) -> String {
        mask(&self.0)
    }
}

/// What a numbering plan says about the cost of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberKind {
    /// A fixed, mobile or free number.
    Ordinary,
    /// Premium rate: the called side earns.
    PremiumRate,
    /// Shared cost.
    SharedCost,
    /// A personal number, which forwards at the caller's cost.
    Personal,
    /// Service, pager, voicemail and emergency numbers.
    Special,
    /// The plan has no such number.
    Unknown,
}

impl NumberKind {
    /// True for what may cost more than a call, and has no customer behind it.
    pub fn is_costly(self) -> bool {
        match self {
            NumberKind::Ordinary | NumberKind::Unknown => false,
            NumberKind::PremiumRate | NumberKind::SharedCost | NumberKind::Personal | NumberKind::Special => true,
        }
    }
}

impl fmt::Display for NumberKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NumberKind::Ordinary => "ordinary",
            NumberKind::PremiumRate => "premium-rate",
            NumberKind::SharedCost => "shared-cost",
            NumberKind::Personal => "personal",
            NumberKind::Special => "special service",
            NumberKind::Unknown => "unknown",
        })
    }
}

/// Masks all but the first three and the last two characters; short texts are masked whole.
pub fn mask(text: &str) -> String {
    let count = text.chars().count();
    text.chars().enumerate().map(|(i, c)| if count > 7 && (i < 3 || i >= count - 2) { c } else { '•' }).collect()
}

impl fmt::Debug for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl fmt::Display for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl TryFrom<String> for E164 {
    type Error = PhoneError;
    fn try_from(text: String) -> Result<E164, PhoneError> {
        E164::from_stored(&text)
    }
}

impl From<E164> for String {
    fn from(number: E164) -> String {
        number.0
    }
}

/// Personal data (a name, a plate). Shows as `•••`.
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pii<T>(T);

impl<T> Pii<T> {
    /// Wraps personal data.
    pub fn new(value: T) -> Pii<T> {
        Pii(value)
    }

    /// The data unmasked. For the store and the pages that a signed-in person sees, never for a log or an error text.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> From<T> for Pii<T> {
    fn from(value: T) -> Pii<T> {
        Pii(value)
    }
}

impl<T> fmt::Debug for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("•••")
    }
}

impl<T> fmt::Display for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("•••")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_write_them_become_e164() {
        for (text, country, want) in [
            ("138 0013 8000", "CN", Ok("+8613800138000")),
            ("0086-138-0013-8000", "CN", Ok("+8613800138000")),
            ("+1 (415) 555-2671", "CN", Ok("+14155552671")),
            ("010-6552 9988", "CN", Ok("+861065529988")),
            ("12", "CN", Err(PhoneError::Invalid)),
            ("张三", "CN", Err(PhoneError::NotANumber)),
            ("138 0013 8000", "中国", Err(PhoneError::Country)),
        ] {
            assert_eq!(E164::parse(text, country).as_ref().map(E164::as_str).map_err(|e| *e), want, "{text}");
        }
    }

    #[test]
    fn national_dialling_follows_the_plan() {
        for (number, want) in
            [("+8613800138000", "13800138000"), ("+861065529988", "01065529988"), ("+14155552671", "4155552671")]
        {
            assert_eq!(E164::from_stored(number).unwrap().national(), want);
        }
    }

    #[test]
    fn plans_know_country_and_cost() {
        for (number, country, costly) in [
            ("+8613800138000", Some("CN"), false),
            ("+14155552671", Some("US"), false),
            ("+442079460018", Some("GB"), false),
            ("+19002345678", Some("US"), true),
            ("+449098790123", Some("GB"), true),
        ] {
            let number = E164::from_stored(number).unwrap();
            assert_eq!(number.country().as_deref(), country, "{number}");
            assert_eq!(number.kind().is_costly(), costly, "{number} {:?}", number.kind());
        }
    }

    #[test]
    fn nothing_personal_shows_itself() {
        let number = E164::parse("138 0013 8000", "CN").unwrap();
        assert_eq!(format!("{number} {number:?}"), "+86•••••••••00 +86•••••••••00");
        assert_eq!(format!("{:?} {}", Pii::new("张三"), Pii::new("张三")), "••• •••");
        assert_eq!(mask("12345"), "•••••");
    }
}
