//! How well a trunk serves: answer-seizure ratio, network effectiveness, duration, post-dial delay, in ONE table of definitions; and when one has fallen. Pure.
//!
//! Source: ITU-T E.411 (ASR), E.425 (NER); post-dial delay as RFC 6076 4.3 measures it, to the first 18x.

use super::{FigureDefinition, Rate};
use serde::Serialize;

/// What was counted on one trunk in a period: attempts whose INVITE left and that have ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Attempts.
    pub seizures: u64,
    /// Of them answered.
    pub answered: u64,
    /// Answered, busy, not answered, declined or switched off: the network did its part.
    pub delivered: u64,
    /// From answer to end, all together, in ms.
    pub talked_ms: u64,
    /// Attempts whose post-dial delay is known.
    pub rang: u64,
    /// Half of them rang sooner, in ms.
    pub pdd_p50_ms: Option<u64>,
    /// 95 of 100 rang sooner, in ms.
    pub pdd_p95_ms: Option<u64>,
}

/// All figures, in the order in which pages show them.
pub const FIGURES: &[FigureDefinition] = &[
    FigureDefinition {
        key: "asr",
        name_en: "ASR",
        name_zh: "接通率 ASR",
        meaning: "Answered calls among all whose INVITE left.",
        meaning_zh: "已发出的呼叫中被接听的比例。",
        formula: "answered / seizures",
        source: "ITU-T E.411",
    },
    FigureDefinition {
        key: "ner",
        name_en: "NER",
        name_zh: "网络有效率 NER",
        meaning: "Calls that the network brought to the phone, whatever the customer did then.",
        meaning_zh: "网络成功送达的呼叫比例（接听、忙、无人接、拒接、关机）。",
        formula: "(answered + busy + declined + no answer + unreachable phone) / seizures",
        source: "ITU-T E.425",
    },
    FigureDefinition {
        key: "acd",
        name_en: "ACD",
        name_zh: "平均通话时长 ACD",
        meaning: "Mean length of an answered call, in seconds.",
        meaning_zh: "已接听呼叫的平均时长（秒）。",
        formula: "time from answer to end / answered",
        source: "the trade",
    },
    FigureDefinition {
        key: "pdd_p50",
        name_en: "Post-dial delay, median",
        name_zh: "拨号后延迟（中位）",
        meaning: "From INVITE to the first 18x: half of the calls rang sooner.",
        meaning_zh: "从 INVITE 到首个 18x 的中位时间。",
        formula: "percentile 50 of (first 18x − INVITE)",
        source: "RFC 6076 4.3",
    },
    FigureDefinition {
        key: "pdd_p95",
        name_en: "Post-dial delay, 95 %",
        name_zh: "拨号后延迟（95%）",
        meaning: "From INVITE to the first 18x: 95 of 100 calls rang sooner.",
        meaning_zh: "95% 的呼叫在该时间内振铃。",
        formula: "percentile 95 of (first 18x − INVITE)",
        source: "RFC 6076 4.3",
    },
];

/// The figures of a period.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Answer-seizure ratio.
    pub asr: Rate,
    /// Network effectiveness ratio.
    pub ner: Rate,
    /// Mean length of an answered call in s; none without one.
    pub acd_s: Option<f64>,
    /// Median post-dial delay in ms.
    pub pdd_p50_ms: Option<u64>,
    /// Its 95th percentile in ms.
    pub pdd_p95_ms: Option<u64>,
}

impl Figures {
    /// Of these counts.
    pub fn of(counts: &Counts) -> Figures {
        let Counts { seizures, answered, delivered, talked_ms, pdd_p50_ms, pdd_p95_ms, .. } = *counts;
        Figures {
            asr: Rate::new(answered, seizures, seizures),
            ner: Rate::new(delivered, seizures, seizures),
            acd_s: (answered > 0).then(|| talked_ms as f64 / 1000.0 / answered as f64),
            pdd_p50_ms,
            pdd_p95_ms,
        }
    }
}

/// Calls of the last hour that a judgement needs.
pub const LEAST_NOW: u64 = 20;
/// Calls of the seven days before that it needs.
pub const LEAST_BEFORE: u64 = 100;
/// A share has fallen when it is lower by so much …
const LEAST_DROP: f64 = 0.10;
/// … and by so many standard deviations of a share of so few calls.
const SIGMAS: f64 = 3.0;

/// A figure that is worse than the trunk's own.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fallen {
    /// Its key in [`FIGURES`].
    pub figure: &'static str,
    /// What it is now: a share, seconds, or milliseconds.
    pub now: f64,
    /// What it was.
    pub before: f64,
}

/// Judges the last hour by the seven days before it, on one trunk. Too few calls, on either side: nothing is said. ASR and NER fall by ten points and three
/// standard deviations, ACD to half, the post-dial delay rises to twice and by a second.
pub fn fallen(now: &Counts, before: &Counts) -> Vec<Fallen> {
    if now.seizures < LEAST_NOW || before.seizures < LEAST_BEFORE {
        return Vec::new();
    }
    let (present, usual) = (Figures::of(now), Figures::of(before));
    let mut found = Vec::new();
    for (figure, here, there) in [("asr", present.asr, usual.asr), ("ner", present.ner, usual.ner)] {
        let (Some(here), Some(there)) = (here.value, there.value) else { continue };
        let deviation = (there * (1.0 - there) / now.seizures as f64).sqrt();
        if there - here >= LEAST_DROP.max(SIGMAS * deviation) {
            found.push(Fallen { figure, now: here, before: there });
        }
    }
    if let (Some(here), Some(there)) = (present.acd_s, usual.acd_s)
        && now.answered >= LEAST_NOW
        && here < there / 2.0
    {
        found.push(Fallen { figure: "acd", now: here, before: there });
    }
    if let (Some(here), Some(there)) = (present.pdd_p50_ms, usual.pdd_p50_ms)
        && now.rang >= LEAST_NOW
        && here > 2 * there
        && here > there + 1_000
    {
        found.push(Fallen { figure: "pdd_p50", now: here as f64, before: there as f64 });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(seizures: u64, answered: u64, delivered: u64, talked_s: u64, pdd: u64) -> Counts {
        let (talked_ms, rang) = (talked_s * 1000, delivered);
        let (pdd_p50_ms, pdd_p95_ms) = (Some(pdd), Some(pdd * 2));
        Counts { seizures, answered, delivered, talked_ms, rang, pdd_p50_ms, pdd_p95_ms }
    }

    #[test]
    fn figures_are_what_they_are_defined_as() {
        let figures = Figures::of(&counts(8, 4, 6, 100, 900));
        assert_eq!((figures.asr.value, figures.ner.value, figures.acd_s), (Some(0.5), Some(0.75), Some(25.0)));
        let nothing = Figures::of(&Counts::default());
        assert_eq!((nothing.asr.value, nothing.acd_s, nothing.pdd_p50_ms), (None, None, None));
    }

    #[test]
    fn a_trunk_is_judged_by_its_own_past_and_never_by_few_calls() {
        let usual = counts(1_000, 500, 900, 30_000, 1_200);
        for (now, want) in [
            (counts(100, 50, 90, 3_000, 1_200), vec![]),
            (counts(100, 40, 90, 2_400, 1_200), vec![]), // ten points, but within three deviations
            (counts(100, 34, 90, 2_040, 1_200), vec!["asr"]),
            (counts(19, 0, 0, 0, 9_000), vec![]), // too few
            (counts(100, 20, 40, 1_200, 1_200), vec!["asr", "ner"]),
            (counts(100, 50, 90, 1_400, 1_200), vec!["acd"]),
            (counts(100, 50, 90, 3_000, 2_500), vec!["pdd_p50"]),
            (counts(100, 50, 90, 3_000, 2_300), vec![]),
            (counts(20, 0, 0, 0, 9_000), vec!["asr", "ner"]),
        ] {
            let found: Vec<&str> = fallen(&now, &usual).iter().map(|fallen| fallen.figure).collect();
            assert_eq!(found, want, "{now:?}");
        }
        assert_eq!(fallen(&counts(100, 0, 0, 0, 0), &counts(99, 90, 90, 90, 90)), [], "no past to judge by");
        assert!(FIGURES.iter().any(|figure| figure.key == "pdd_p50"));
    }
}
