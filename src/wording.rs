//! Words of the trade as enums: each variant is one text, the same in files, in the store and in the API. Pure.

use thiserror::Error;

/// A word that is none of those that there are.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("one of these is wanted: {0}")]
pub struct UnknownWord(pub(crate) String);

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "&'static str")]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The word in files and in the store.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }

            /// The words that there are, as errors list them.
            pub fn list() -> String {
                $name::ALL.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(", ")
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl From<$name> for &'static str {
            fn from(one: $name) -> &'static str {
                one.as_str()
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::wording::UnknownWord;
            fn from_str(text: &str) -> Result<$name, $crate::wording::UnknownWord> {
                let found = $name::ALL.iter().copied().find(|one| one.as_str() == text);
                found.ok_or_else(|| $crate::wording::UnknownWord($name::list()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::wording::UnknownWord;
            fn try_from(text: String) -> Result<$name, $crate::wording::UnknownWord> {
                text.parse()
            }
        }
    )*};
}

pub(crate) use words;
