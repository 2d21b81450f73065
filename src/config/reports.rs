//! `[reports]`: what is made by itself, and how decks look.

use serde::Deserialize;
use std::path::PathBuf;

/// `[weak_items]`: which items are proposed for improvement.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default)]
pub struct WeakItems {
    /// Favourable share that is aimed at, in percent.
    pub target: u8,
    /// Over so many days.
    pub days: u32,
}

impl Default for WeakItems {
    fn default() -> Self {
        WeakItems { target: 80, days: 90 }
    }
}

/// `[reports]`
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Reports {
    /// Where reports are put that a running engine makes by itself; none: it makes none.
    pub folder: Option<PathBuf>,
    /// Which: `daily`, `weekly`, `monthly`.
    pub kinds: Vec<String>,
    /// As what: `pptx`, `xlsx`, `csv`, `html`, `json`.
    pub formats: Vec<String>,
    /// Hour of the dealer's day before which none is made.
    pub hour: u32,
    /// The dealer's logo on the first slide (PNG or JPEG).
    pub logo_file: Option<PathBuf>,
}

impl Default for Reports {
    fn default() -> Self {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Reports {
            folder: None,
            kinds: words(&["daily", "weekly", "monthly"]),
            formats: words(&["pptx", "xlsx"]),
            hour: 7,
            logo_file: None,
        }
    }
}
