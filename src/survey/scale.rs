//! Scales: which keys an answer has and what score each one stores. One table, from domain.md ("The questions and their scales").
//!
//! A stored score never changes its meaning: a new meaning is a new scale with a new name.

use serde::{Deserialize, Serialize};

/// Why an opinion counts as unhappy (domain.md, "Unhappy").
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnhappyReason {
    /// A rating at or below the survey's limit.
    LowScore,
    /// A repurchase intent at or beyond the survey's limit.
    LowIntent,
    /// As many "no" as the survey's limit says.
    Noes,
    /// `0` was pressed: the customer asks for a person.
    AskedForPerson,
}

/// One answer of a scale.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Point {
    /// The keys of the entry, without `#`.
    pub keys: &'static str,
    /// The score that is stored.
    pub score: i32,
    /// A name for conditions (`q1=satisfied`) and reports.
    pub label: &'static str,
}

/// A scale of answers.
#[derive(PartialEq, Eq, Debug)]
pub struct Scale {
    /// Its name in survey files.
    pub name: &'static str,
    /// Its answers, in the order in which they are read out.
    pub points: &'static [Point],
    /// Scores that count as favourable, best first: the two best of a scale (top-2-box), of yes and no the one.
    pub favourable: &'static [i32],
    /// What an unhappy answer on this scale is called.
    pub reason: UnhappyReason,
}

const fn point(keys: &'static str, score: i32, label: &'static str) -> Point {
    Point { keys, score, label }
}

/// All scales.
pub static SCALES: [Scale; 4] = [
    Scale {
        name: "five_point", // 特别满意 / 满意 / 一般 / 不满意 / 特别不满意
        points: &[
            point("1", 12, "very_satisfied"),
            point("2", 8, "satisfied"),
            point("3", 4, "ordinary"),
            point("4", 0, "dissatisfied"),
            point("5", -4, "very_dissatisfied"),
        ],
        favourable: &[12, 8],
        reason: UnhappyReason::LowScore,
    },
    Scale {
        name: "intent", // 一定会 / 可能会 / 不确定 / 可能不会 / 一定不会
        points: &[
            point("1", 1, "certainly"),
            point("2", 2, "probably"),
            point("3", 3, "unsure"),
            point("4", 4, "probably_not"),
            point("5", 5, "certainly_not"),
        ],
        favourable: &[1, 2],
        reason: UnhappyReason::LowIntent,
    },
    Scale {
        name: "one_to_ten", // stored as keyed; ten is keyed as `1` `0`
        points: &[
            point("1", 1, "1"),
            point("2", 2, "2"),
            point("3", 3, "3"),
            point("4", 4, "4"),
            point("5", 5, "5"),
            point("6", 6, "6"),
            point("7", 7, "7"),
            point("8", 8, "8"),
            point("9", 9, "9"),
            point("10", 10, "10"),
        ],
        favourable: &[10, 9],
        reason: UnhappyReason::LowScore,
    },
    Scale {
        name: "yes_no", // was this service step done? The mean of the scores is the share of yes
        points: &[point("1", 1, "yes"), point("2", 0, "no")],
        favourable: &[1],
        reason: UnhappyReason::Noes,
    },
];

impl Scale {
    /// The scale of this name.
    pub fn by_name(name: &str) -> Option<&'static Scale> {
        SCALES.iter().find(|scale| scale.name == name)
    }

    /// Its answers from the best to the worst.
    pub fn best_first(&self) -> Vec<&'static Point> {
        let mut points: Vec<&Point> = self.points.iter().collect();
        let (first, best) = (points.first().map(|point| point.score), self.favourable.first().copied());
        if first != best {
            points.reverse();
        }
        points
    }

    /// Whether a lower score is the better one (repurchase intent).
    pub fn falls(&self) -> bool {
        let best = self.best_first();
        best.first().map(|point| point.score) < best.last().map(|point| point.score)
    }

    /// The answer that these keys give.
    pub fn point(&self, keys: &str) -> Option<&'static Point> {
        self.points.iter().find(|point| point.keys == keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_the_trade() {
        let scores = |name: &str| -> Vec<(&str, i32)> {
            Scale::by_name(name).map(|s| s.points.iter().map(|p| (p.keys, p.score)).collect()).unwrap_or_default()
        };
        assert_eq!(scores("five_point"), [("1", 12), ("2", 8), ("3", 4), ("4", 0), ("5", -4)]);
        assert_eq!(scores("intent"), [("1", 1), ("2", 2), ("3", 3), ("4", 4), ("5", 5)]);
        assert_eq!(scores("one_to_ten").len(), 10);
        assert!(scores("one_to_ten").iter().all(|(keys, score)| *keys == score.to_string()));
        assert_eq!(scores("yes_no"), [("1", 1), ("2", 0)]);
        assert!(Scale::by_name("seven_point").is_none());
    }

    #[test]
    fn the_favourable_are_the_best() {
        for scale in &SCALES {
            let best: Vec<i32> = scale.best_first().iter().map(|point| point.score).collect();
            assert_eq!(scale.favourable, &best[..scale.favourable.len()], "{}", scale.name);
            assert!(scale.favourable.len() < best.len(), "{}", scale.name);
        }
        assert!(Scale::by_name("intent").is_some_and(Scale::falls));
        assert!(!Scale::by_name("five_point").is_some_and(Scale::falls));
    }
}
