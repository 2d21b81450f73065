//! Pieces that several answers share: a rate, figures of a group, and masking.

use crate::db::figures::Count;
use crate::phone::{E164, Pii};
use crate::rates::{FigureDefinition, Group, RATES, Rate, Tally};
use crate::web::people;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A rate with what it was made from.
#[derive(Serialize, ToSchema)]
pub struct RateView {
    /// Follow-ups above the line.
    numerator: u64,
    /// Follow-ups below the line.
    denominator: u64,
    /// Follow-ups looked at, those that the rate leaves out too.
    n: u64,
    /// 0 to 1; null when nothing was counted.
    #[schema(minimum = 0, maximum = 1)]
    value: Option<f64>,
}

impl From<Rate> for RateView {
    fn from(rate: Rate) -> RateView {
        let Rate { numerator, denominator, n, value } = rate;
        RateView { numerator, denominator, n, value }
    }
}

/// Counts and rates of one group of follow-ups.
#[derive(Serialize, ToSchema)]
pub struct Figures {
    /// Follow-ups in the group.
    n: u64,
    /// Those without a final disposition yet.
    open: u64,
    /// Those whose code is not in AAPOR's list (0 unless something is wrong).
    unclassified: u64,
    /// Closed follow-ups by final disposition.
    dispositions: BTreeMap<String, u64>,
    /// Rates by key; `definitions` says what they are.
    rates: BTreeMap<&'static str, RateView>,
}

impl Figures {
    /// Figures of these counts together.
    pub fn of<'a>(counts: impl Iterator<Item = &'a Count> + Clone) -> Figures {
        let number = |count: &Count| u64::try_from(count.count).unwrap_or(0);
        let tally = Tally::of_ends(counts.clone().map(Count::end));
        let mut dispositions = BTreeMap::new();
        for count in counts {
            if let Some(disposition) = &count.disposition {
                *dispositions.entry(disposition.clone()).or_default() += number(count);
            }
        }
        Figures {
            n: tally.total(),
            open: tally.count(Group::Open),
            unclassified: tally.unclassified(),
            dispositions,
            rates: RATES.iter().map(|definition| (definition.key, definition.of(&tally).into())).collect(),
        }
    }
}

/// A number, masked unless asked otherwise.
pub fn number(number: &E164, unmasked: bool) -> String {
    if unmasked { number.as_str().to_owned() } else { number.masked() }
}

/// A name, masked unless asked otherwise.
pub fn name(name: &Pii<String>, unmasked: bool) -> String {
    if unmasked { name.expose().clone() } else { people::masked_name(name) }
}

/// A plate, masked unless asked otherwise.
pub fn plate(plate: &Pii<String>, unmasked: bool) -> String {
    if unmasked { plate.expose().clone() } else { people::masked_plate(plate) }
}

/// What a figure is.
#[derive(Serialize, ToSchema)]
pub struct FigureView {
    /// Its key.
    key: &'static str,
    /// English name.
    name: &'static str,
    /// Chinese name.
    name_zh: &'static str,
    /// What it says.
    meaning: &'static str,
    /// How it is reckoned.
    formula: &'static str,
    /// Where the definition comes from.
    source: &'static str,
}

impl From<&'static FigureDefinition> for FigureView {
    fn from(figure: &'static FigureDefinition) -> FigureView {
        FigureView {
            key: figure.key,
            name: figure.name_en,
            name_zh: figure.name_zh,
            meaning: figure.meaning,
            formula: figure.formula,
            source: figure.source,
        }
    }
}
