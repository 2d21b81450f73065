//! What a simulated night came to, and what many of them say together: the mean, and the band in which nine of ten lie. Pure.

use super::call::Came;
use crate::call::disposition::Disposition;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// Minutes of one step of the picture.
pub const STEP_MIN: i64 = 15;

/// A quarter of an hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Step {
    /// Calls that began.
    pub began: u32,
    /// The most at once, seen when a call began.
    pub at_once: u32,
    /// Complete interviews.
    pub complete: u32,
    /// Due and waiting, seen last.
    pub due: usize,
}

/// One night.
#[derive(Clone, Debug)]
pub struct Night {
    from: DateTime<Utc>,
    /// The dealer's zone.
    pub zone: Tz,
    /// Follow-ups.
    pub customers: usize,
    /// INVITEs.
    pub attempts: u32,
    /// By what attempts came to.
    pub attempts_by: BTreeMap<Disposition, u32>,
    /// Follow-ups that are finished.
    pub done: usize,
    /// No attempt is left, or none before the deadline.
    pub not_reached: usize,
    /// The deadline passed in the queue.
    pub missed: usize,
    /// A person has to look.
    pub review: usize,
    /// Wrong or do-not-call numbers.
    pub blocked: usize,
    /// Numbers that are not dialled.
    pub refused: usize,
    /// Still in the queue.
    pub left: usize,
    /// The most calls at once.
    pub at_once: u32,
    /// All calls together.
    pub call_time: Duration,
    /// When the last call ended.
    pub last: Option<DateTime<Utc>>,
    /// Complaints.
    pub complaints: u32,
    /// Answers.
    pub answers: usize,
    /// Calls in which an agent was asked for.
    pub wanted: u32,
    /// Calls in which nobody was free.
    pub nobody_free: u32,
    /// Talks with agents.
    pub talks: u32,
    /// How long agents were held and wrote up.
    pub agents_busy: Duration,
    /// The most agents held at once.
    pub agents_most: usize,
    /// By quarter of an hour from the beginning.
    pub steps: Vec<Step>,
}

impl Night {
    pub(super) fn new(customers: usize, from: DateTime<Utc>, zone: Tz) -> Night {
        Night {
            from,
            zone,
            customers,
            attempts: 0,
            attempts_by: BTreeMap::new(),
            done: 0,
            not_reached: 0,
            missed: 0,
            review: 0,
            blocked: 0,
            refused: 0,
            left: 0,
            at_once: 0,
            call_time: Duration::ZERO,
            last: None,
            complaints: 0,
            answers: 0,
            wanted: 0,
            nobody_free: 0,
            talks: 0,
            agents_busy: Duration::ZERO,
            agents_most: 0,
            steps: Vec::new(),
        }
    }

    fn step(&mut self, at: DateTime<Utc>) -> Option<&mut Step> {
        let index = usize::try_from((at - self.from).num_minutes() / STEP_MIN).ok()?;
        if self.steps.len() <= index {
            self.steps.resize(index + 1, Step::default());
        }
        self.steps.get_mut(index)
    }

    pub(super) fn began(&mut self, at: DateTime<Utc>, live: u32, due: usize) {
        self.attempts += 1;
        self.at_once = self.at_once.max(live);
        if let Some(step) = self.step(at) {
            step.began += 1;
            step.at_once = step.at_once.max(live);
            step.due = due;
        }
    }

    pub(super) fn ended(&mut self, came: &Came, disposition: Disposition, at: DateTime<Utc>, took: Duration) {
        *self.attempts_by.entry(disposition).or_default() += 1;
        self.call_time += took;
        self.last = self.last.max(Some(at));
        self.complaints += u32::from(came.complaint);
        self.answers += came.answers.len();
        self.wanted += u32::from(came.wanted_agent);
        self.nobody_free += u32::from(came.nobody_free);
        self.talks += u32::from(came.talked);
        if let (Disposition::Complete, Some(step)) = (disposition, self.step(at)) {
            step.complete += 1;
        }
    }

    fn of(&self, disposition: Disposition) -> f64 {
        f64::from(self.attempts_by.get(&disposition).copied().unwrap_or_default())
    }

    /// Hours from the beginning to the last hang-up.
    fn hours(&self) -> Option<f64> {
        self.last.map(|last| (last - self.from).num_seconds() as f64 / 3600.0)
    }

    /// The figures, in the order of the table. None where nothing was counted.
    pub fn figures(&self) -> Vec<(&'static str, Option<f64>)> {
        let share = |part: f64, whole: f64| (whole > 0.0).then(|| 100.0 * part / whole);
        let customers = self.customers as f64;
        let seconds = self.hours().map(|hours| hours * 3600.0);
        vec![
            ("customers", Some(customers)),
            ("attempts", Some(f64::from(self.attempts))),
            ("complete", Some(self.of(Disposition::Complete))),
            ("completion_percent", share(self.of(Disposition::Complete), customers)),
            ("partial", Some(self.of(Disposition::Partial))),
            ("refusal", Some(self.of(Disposition::Refusal))),
            ("not_reached", Some(self.not_reached as f64)),
            ("deadline_missed", Some(self.missed as f64)),
            ("left", Some(self.left as f64)),
            ("hours", self.hours()),
            ("calls_at_once_most", Some(f64::from(self.at_once))),
            ("calls_at_once_mean", seconds.filter(|s| *s > 0.0).map(|s| self.call_time.as_secs_f64() / s)),
            ("call_seconds_mean", (self.attempts > 0).then(|| self.call_time.as_secs_f64() / f64::from(self.attempts))),
            ("complaints", Some(f64::from(self.complaints))),
            ("agent_wanted", Some(f64::from(self.wanted))),
            ("agent_talks", Some(f64::from(self.talks))),
            ("agent_nobody_free_percent", share(f64::from(self.nobody_free), f64::from(self.wanted))),
            ("agent_hours", Some(self.agents_busy.as_secs_f64() / 3600.0)),
        ]
    }
}

/// One figure over all replications.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Band {
    /// Replications in which it was counted.
    pub n: usize,
    /// The mean.
    pub mean: f64,
    /// One of twenty is below.
    pub low: f64,
    /// One of twenty is above.
    pub high: f64,
}

impl Band {
    /// Of these values; none of no value.
    pub fn of(mut values: Vec<f64>) -> Option<Band> {
        values.sort_by(f64::total_cmp);
        let n = values.len();
        // nearest rank
        let rank = |percent: usize| (n * percent).div_ceil(100).max(1) - 1;
        let (low, high) = (*values.get(rank(5))?, *values.get(rank(95))?);
        Some(Band { n, mean: values.iter().sum::<f64>() / n as f64, low, high })
    }
}

/// The figures of many nights, in the order of [`Night::figures`].
pub fn bands(nights: &[Night]) -> Vec<(&'static str, Option<Band>)> {
    let all: Vec<Vec<(&'static str, Option<f64>)>> = nights.iter().map(Night::figures).collect();
    let Some(first) = all.first() else { return Vec::new() };
    let of = |index: usize| all.iter().filter_map(|figures| figures.get(index)?.1).collect();
    first.iter().enumerate().map(|(index, (name, _))| (*name, Band::of(of(index)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_holds_nine_of_ten_and_nothing_has_none() {
        let band = Band::of((1..=100).rev().map(f64::from).collect()).unwrap();
        assert_eq!(band, Band { n: 100, mean: 50.5, low: 5.0, high: 95.0 });
        assert_eq!(Band::of(vec![3.0]), Some(Band { n: 1, mean: 3.0, low: 3.0, high: 3.0 }));
        assert_eq!(Band::of(Vec::new()), None);
    }

    #[test]
    fn a_share_of_nobody_is_no_share() {
        let night = Night::new(0, "2026-11-23T03:00:00Z".parse().unwrap(), chrono_tz::UTC);
        let figures: BTreeMap<_, _> = night.figures().into_iter().collect();
        for none in
            ["completion_percent", "hours", "calls_at_once_mean", "call_seconds_mean", "agent_nobody_free_percent"]
        {
            assert_eq!(figures[none], None, "{none}");
        }
    }
}
