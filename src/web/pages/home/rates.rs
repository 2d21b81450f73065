//! The rates, each with what it is made of.

use crate::rates::{RATES, Tally};
use crate::web::lang::Lang;
use crate::web::pages::view;

pub(in crate::web::pages) struct RateRow {
    pub name: &'static str,
    pub meaning: &'static str,
    pub formula: String,
    pub percent: String,
    pub counted: bool,
    pub numerator: u64,
    pub denominator: u64,
    pub n: u64,
    pub width: u64,
}

pub(in crate::web::pages) fn rates(tally: &Tally, lang: Lang) -> Vec<RateRow> {
    let row = |definition: &'static crate::rates::Definition| {
        let rate = definition.of(tally);
        RateRow {
            name: lang.pick(definition.name_zh, definition.name_en),
            meaning: lang.pick(definition.meaning_zh, definition.meaning),
            formula: definition.formula(),
            percent: view::percent(&rate, lang.words()),
            counted: rate.value.is_some(),
            numerator: rate.numerator,
            denominator: rate.denominator,
            n: rate.n,
            width: (rate.value.unwrap_or(0.0) * 1000.0) as u64,
        }
    };
    RATES.iter().filter(|definition| !definition.key.starts_with("share_")).map(row).collect()
}
