//! What this process has done since it started, for `/metrics`: calls by trunk and outcome, and how long trunks took. Counts what it is told; holds no figure that
//! the store has.

use crate::call::disposition::Disposition;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// Upper bounds of the classes of a delay, in ms; what is longer falls into the last one.
pub const BOUNDS_MS: [u64; 10] = [100, 250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000];

/// Delays in classes, as Prometheus counts them.
#[derive(Debug, Default)]
pub struct Delays {
    /// How many fell into each class; the last one is for what is longer than all bounds.
    classes: [AtomicU64; BOUNDS_MS.len() + 1],
    sum_ms: AtomicU64,
}

impl Delays {
    fn add(&self, ms: u64) {
        let class = BOUNDS_MS.iter().position(|bound| ms <= *bound).unwrap_or(BOUNDS_MS.len());
        self.classes[class].fetch_add(1, Relaxed);
        self.sum_ms.fetch_add(ms, Relaxed);
    }

    /// For each bound how many were no longer than it, then how many there were, then their sum in ms.
    pub fn read(&self) -> (Vec<u64>, u64, u64) {
        let mut so_far = 0;
        let mut add = |class: &AtomicU64| {
            so_far += class.load(Relaxed);
            so_far
        };
        let mut upto: Vec<u64> = self.classes.iter().map(&mut add).collect();
        let all = upto.pop().unwrap_or_default();
        (upto, all, self.sum_ms.load(Relaxed))
    }
}

/// When the stages of a call were, in ms since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stages {
    /// The INVITE left.
    pub sent: Option<u64>,
    /// It rang first.
    pub rang: Option<u64>,
    /// It was answered.
    pub answered: Option<u64>,
}

/// The counts of a process.
#[derive(Debug, Default)]
pub struct Tally {
    calls: Mutex<BTreeMap<(String, Disposition), u64>>,
    /// From the INVITE to the first 18x (post-dial delay).
    pub to_ringing: Delays,
    /// From the INVITE to the 200.
    pub to_answer: Delays,
}

impl Tally {
    /// A call has ended.
    pub fn ended(&self, trunk: &str, disposition: Disposition, stages: Stages) {
        *self
            .calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry((trunk.to_owned(), disposition))
            .or_default() += 1;
        let Some(sent) = stages.sent else { return };
        for (at, delays) in [(stages.rang, &self.to_ringing), (stages.answered, &self.to_answer)] {
            if let Some(at) = at {
                delays.add(at.saturating_sub(sent));
            }
        }
    }

    /// Calls by trunk and outcome.
    pub fn calls(&self) -> Vec<(String, Disposition, u64)> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.iter().map(|((trunk, disposition), count)| (trunk.clone(), *disposition, *count)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_and_delays_are_counted() {
        let tally = Tally::default();
        let stages = |sent, rang, answered| Stages { sent: Some(sent), rang, answered };
        tally.ended("a", Disposition::Complete, stages(10, Some(260), Some(5_010)));
        tally.ended("a", Disposition::Complete, stages(10, Some(511), None));
        tally.ended("a", Disposition::NoAnswer, stages(0, Some(90_000), None));
        tally.ended("b", Disposition::Congestion, Stages::default());
        let calls = tally.calls();
        assert_eq!(calls.iter().map(|(_, _, count)| count).sum::<u64>(), 4);
        assert!(calls.contains(&("a".to_owned(), Disposition::Complete, 2)));
        let (upto, all, sum) = tally.to_ringing.read();
        assert_eq!((upto, all, sum), (vec![0, 1, 1, 2, 2, 2, 2, 2, 2, 2], 3, 250 + 501 + 90_000));
        let (upto, all, sum) = tally.to_answer.read();
        assert_eq!((upto[5], upto[6], all, sum), (0, 1, 1, 5_000));
    }
}
