//! Figures of satisfaction from counted scores: mean, spread, share of favourable answers, and how far each can be trusted where few have answered.
//!
//! Source: the scales of domain.md; Student's t for the interval of a mean; E. B. Wilson (1927) for that of a share, which stays between 0 and 1 and is honest at 0 of 3.
//! Pure. Nothing is ever 0 or 100 % where nobody answered (that is `None`), and every figure carries its n.
#![forbid(unsafe_code)]

use super::{FigureDefinition, Rate};
use crate::survey::scale::Scale;
use serde::Serialize;
use std::collections::BTreeMap;

/// Below so many answers a figure is shown with its interval and as one to be careful with.
pub const SMALL: u64 = 30;
/// Two-sided 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// All figures of satisfaction, in the order in which pages and reports show them.
pub const FIGURES: &[FigureDefinition] = &[
    FigureDefinition {
        key: "n",
        name_en: "Answers (n)",
        name_zh: "样本数 (n)",
        meaning: "Answers that were given; of a question that was answered again in a later call only the last one.",
        meaning_zh: "已作答的数量；同一问题在后续通话中再次作答的，只计最后一次。",
        formula: "count",
        source: "domain.md, questions and scales",
    },
    FigureDefinition {
        key: "mean",
        name_en: "Mean score",
        name_zh: "平均分",
        meaning: "Mean of the stored scores: five-point 12, 8, 4, 0, −4; 1 to 10 as keyed; repurchase intent 1 (certainly) to 5; yes 1, no 0.",
        meaning_zh: "所存分值的平均：五分制 12/8/4/0/−4；十分制按键值；复购意向 1（一定会）至 5；是 1、否 0。",
        formula: "Σ score / n",
        source: "domain.md, questions and scales",
    },
    FigureDefinition {
        key: "favourable",
        name_en: "Favourable (top-2-box)",
        name_zh: "满意率 (Top 2)",
        meaning: "Share of the two best answers of the scale; of yes and no the share of yes.",
        meaning_zh: "量表中最好的两个选项所占比例；是/否题为“是”的比例。",
        formula: "n(two best) / n",
        source: "market research: top-2-box",
    },
    FigureDefinition {
        key: "intent",
        name_en: "Repurchase intent",
        name_zh: "复购意向",
        meaning: "Share of those who will certainly or probably come back.",
        meaning_zh: "回答“一定会”或“可能会”再次光临的比例。",
        formula: "n(certainly, probably) / n",
        source: "domain.md, repurchase intent; top-2-box",
    },
    FigureDefinition {
        key: "interval",
        name_en: "95 % interval",
        name_zh: "95 % 置信区间",
        meaning: "Where the figure of all such customers probably lies; shown where fewer than 30 have answered, and in the API always.",
        meaning_zh: "总体真实值可能所在的范围；样本不足 30 时显示，接口始终提供。",
        formula: "mean ± t(0.975, n − 1) · s / √n; share: Wilson",
        source: "Student 1908; Wilson 1927",
    },
];

/// From where to where.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// How often each score was given on one scale.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    scale: &'static Scale,
    counts: BTreeMap<i32, u64>,
}

impl Scores {
    /// Nothing counted yet.
    pub fn new(scale: &'static Scale) -> Scores {
        Scores { scale, counts: BTreeMap::new() }
    }

    /// Scores with their counts; a score that the scale does not have is of another scale and is left out: [`Scores::add`] says so.
    pub fn of(scale: &'static Scale, counts: impl IntoIterator<Item = (i32, u64)>) -> Scores {
        let mut scores = Scores::new(scale);
        for (score, count) in counts {
            scores.add(score, count);
        }
        scores
    }

    /// Counts `count` more answers of `score`; false where the scale has no such score.
    pub fn add(&mut self, score: i32, count: u64) -> bool {
        let known = self.scale.points.iter().any(|point| point.score == score);
        if known {
            let slot = self.counts.entry(score).or_default();
            *slot = slot.saturating_add(count);
        }
        known
    }

    /// Counts in what another one counted on the same scale.
    pub fn merge(&mut self, other: &Scores) {
        for (score, count) in &other.counts {
            self.add(*score, *count);
        }
    }

    /// The scale.
    pub fn scale(&self) -> &'static Scale {
        self.scale
    }

    /// Answers.
    pub fn n(&self) -> u64 {
        self.counts.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Whether few have answered.
    pub fn is_small(&self) -> bool {
        self.n() < SMALL
    }

    /// How often an answer was given.
    pub fn count(&self, score: i32) -> u64 {
        self.counts.get(&score).copied().unwrap_or(0)
    }

    /// Each answer's label and count, from the best to the worst, those that nobody gave too.
    pub fn distribution(&self) -> Vec<(&'static str, u64)> {
        self.scale.best_first().iter().map(|point| (point.label, self.count(point.score))).collect()
    }

    /// Mean score.
    pub fn mean(&self) -> Option<f64> {
        let n = self.n();
        let sum: f64 = self.counts.iter().map(|(score, count)| f64::from(*score) * *count as f64).sum();
        (n > 0).then(|| sum / n as f64)
    }

    /// 95 % interval of the mean, within the scale; none for fewer than two answers.
    pub fn mean_interval(&self) -> Option<Interval> {
        let (n, mean) = (self.n(), self.mean()?);
        if n < 2 {
            return None;
        }
        let squares = self.counts.iter().map(|(score, count)| (f64::from(*score) - mean).powi(2) * *count as f64);
        let deviation = (squares.sum::<f64>() / (n - 1) as f64).sqrt();
        let half = student(n - 1) * deviation / (n as f64).sqrt();
        let ends = self.scale.points.iter().map(|point| f64::from(point.score));
        let (low, high) = ends.fold((f64::MAX, f64::MIN), |(low, high), end| (low.min(end), high.max(end)));
        Some(Interval { low: (mean - half).max(low), high: (mean + half).min(high) })
    }

    /// Share of favourable answers.
    pub fn favourable(&self) -> Rate {
        let above = self.scale.favourable.iter().map(|score| self.count(*score)).sum();
        Rate::new(above, self.n(), self.n())
    }
}

impl Rate {
    /// 95 % interval of a share (Wilson); none where nothing was counted.
    pub fn interval(&self) -> Option<Interval> {
        let (n, p) = (self.denominator as f64, self.value?);
        let (square, below) = (Z * Z, 1.0 + Z * Z / n);
        let centre = (p + square / (2.0 * n)) / below;
        let half = Z / below * (p * (1.0 - p) / n + square / (4.0 * n * n)).sqrt();
        Some(Interval { low: (centre - half).max(0.0), high: (centre + half).min(1.0) })
    }
}

/// The 97.5 % point of Student's t. Exact to a thousandth: a table for few degrees of freedom, the Cornish-Fisher series beyond.
fn student(freedom: u64) -> f64 {
    const FEW: [f64; 8] = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306];
    let few = usize::try_from(freedom.saturating_sub(1)).ok().and_then(|place| FEW.get(place));
    if let Some(exact) = few {
        return *exact;
    }
    let v = freedom as f64;
    let (z3, z5, z7) = (Z.powi(3), Z.powi(5), Z.powi(7));
    let second = (5.0 * z5 + 16.0 * z3 + 3.0 * Z) / (96.0 * v * v);
    let third = (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * Z) / (384.0 * v * v * v);
    Z + (z3 + Z) / (4.0 * v) + second + third
}

#[cfg(test)]
mod tests;
