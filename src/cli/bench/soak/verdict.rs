//! What the soak's figures say: whether memory grew, and whether files, ports or calls are left over. Pure.

use super::sample::Sample;
use crate::sim::check::Mismatch;
use serde::Serialize;
use std::fmt;

/// No simulated customer is on the line for longer: the slowest says nothing and hears every question three times.
pub const LONGEST_CALL_S: i64 = 300;
/// Samples without which nothing can be said about growth.
const ENOUGH: usize = 20;
/// Memory may be so much more in the last quarter than in the second: a tenth, and this much.
const RSS_SPARE_KIB: u64 = 8 * 1024;
/// Connections to the database are opened when they are wanted, ten at most.
const FILES_SPARE: usize = 12;
/// Differences that are named one by one.
const NAMED: usize = 10;

/// The run in figures.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figures {
    /// Lines of figures.
    pub samples: usize,
    /// Most calls at a time.
    pub most_calls: usize,
    /// The longest that a call was seen open, in seconds.
    pub oldest_call_s: i64,
    /// Resident memory before the first call.
    pub rss_before_kib: u64,
    /// The most.
    pub rss_most_kib: u64,
    /// Median of the second quarter, and of the last one; none where the run was too short to tell.
    pub rss_quarters_kib: Option<(u64, u64)>,
    /// Open files before the first call, at most, and after the last one.
    pub files: (usize, usize, usize),
    /// The same for UDP sockets.
    pub udp_sockets: (usize, usize, usize),
    /// Calls in the media threads after the last one.
    pub media_calls_after: u64,
    /// Percent of all ticks that were more than 5 ms late.
    pub late_percent: f64,
    /// The latest tick.
    pub max_late_ms: f64,
    /// Ticks left out.
    pub skipped_ticks: u64,
}

impl Figures {
    /// Counts.
    pub fn new(before: &Sample, samples: &[Sample], after: &Sample) -> Figures {
        let most = |figure: fn(&Sample) -> usize| samples.iter().map(figure).max().unwrap_or_default();
        let quarter = |from: usize| {
            let mut rss: Vec<u64> = samples[samples.len() * from / 4..samples.len() * (from + 1) / 4]
                .iter()
                .map(|sample| sample.rss_kib)
                .collect();
            rss.sort_unstable();
            rss[rss.len() / 2]
        };
        Figures {
            samples: samples.len(),
            most_calls: most(|sample| sample.open_calls),
            oldest_call_s: samples.iter().map(|sample| sample.oldest_call_s).max().unwrap_or_default(),
            rss_before_kib: before.rss_kib,
            rss_most_kib: samples.iter().map(|sample| sample.rss_kib).max().unwrap_or_default(),
            rss_quarters_kib: (samples.len() >= ENOUGH).then(|| (quarter(1), quarter(3))),
            files: (before.files, most(|sample| sample.files), after.files),
            udp_sockets: (before.udp_sockets, most(|sample| sample.udp_sockets), after.udp_sockets),
            media_calls_after: after.media_calls,
            late_percent: if after.ticks == 0 { 0.0 } else { 100.0 * after.late_ticks as f64 / after.ticks as f64 },
            max_late_ms: after.max_late_ms,
            skipped_ticks: after.skipped_ticks,
        }
    }
}

/// What is wrong; `open` attempts are still open in the store.
pub fn faults(figures: &Figures, open: usize, mismatches: &[Mismatch]) -> Vec<String> {
    let mut found = Vec::new();
    if let Some((early, late)) = figures.rss_quarters_kib
        && late > early + early / 10 + RSS_SPARE_KIB
    {
        found.push(format!("memory grew from {early} KiB in the second quarter to {late} KiB in the last"));
    }
    if open > 0 {
        found.push(format!("{open} calls are still open in the store"));
    }
    if figures.oldest_call_s > LONGEST_CALL_S {
        found.push(format!(
            "a call was open for {} s: no customer stays longer than {LONGEST_CALL_S} s",
            figures.oldest_call_s
        ));
    }
    if figures.media_calls_after > 0 {
        found.push(format!("{} calls are left in the media threads", figures.media_calls_after));
    }
    let (before, _, after) = figures.udp_sockets;
    if after > before {
        found.push(format!("{} UDP sockets of calls are left open", after - before));
    }
    let (before, _, after) = figures.files;
    if after > before + FILES_SPARE {
        found.push(format!("open files grew from {before} to {after}"));
    }
    if !mismatches.is_empty() {
        let named: Vec<&str> = mismatches.iter().take(NAMED).map(|Mismatch(text)| text.as_str()).collect();
        found.push(format!(
            "{} differences between what was keyed and what is stored: {}",
            mismatches.len(),
            named.join("; ")
        ));
    }
    found
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { samples, most_calls, oldest_call_s, rss_before_kib, rss_most_kib, late_percent, .. } = self;
        writeln!(f, "{samples} lines of figures; {most_calls} calls at most, the longest {oldest_call_s} s")?;
        write!(f, "memory: {rss_before_kib} KiB before the first call, {rss_most_kib} KiB at most")?;
        match self.rss_quarters_kib {
            Some((early, late)) => writeln!(f, "; median of the second quarter {early}, of the last {late}")?,
            None => writeln!(f, "; too short a run to tell whether it grows")?,
        }
        let (files, sockets) = (self.files, self.udp_sockets);
        writeln!(
            f,
            "open files: {} before, {} at most, {} after; UDP sockets: {}, {}, {}",
            files.0, files.1, files.2, sockets.0, sockets.1, sockets.2
        )?;
        write!(
            f,
            "ticks more than 5 ms late: {late_percent:.3} %, the latest {:.1} ms, left out {}",
            self.max_late_ms, self.skipped_ticks
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run in which nothing happened but that memory stood at `rss`.
    fn run(rss: impl Fn(usize) -> u64) -> (Sample, Vec<Sample>, Sample) {
        let still = Sample { files: 30, udp_sockets: 1, rss_kib: rss(0), ..Sample::default() };
        let busy = |n| Sample { files: 230, udp_sockets: 201, open_calls: 200, rss_kib: rss(n), ..Sample::default() };
        (still, (0..40).map(busy).collect(), still)
    }

    fn told((before, samples, after): &(Sample, Vec<Sample>, Sample)) -> Vec<String> {
        faults(&Figures::new(before, samples, after), 0, &[])
    }

    #[test]
    fn what_comes_and_goes_is_no_fault() {
        assert_eq!(told(&run(|_| 100_000)), Vec::<String>::new());
        // up at the beginning, as pools fill, and then to and fro
        assert_eq!(
            told(&run(|n| if n < 10 { 60_000 + 4_000 * n as u64 } else { 100_000 + 3_000 * (n as u64 % 3) })),
            Vec::<String>::new()
        );
    }

    #[test]
    fn what_grows_and_what_stays_is_named() {
        assert!(told(&run(|n| 100_000 + 1_500 * n as u64))[0].starts_with("memory grew from 12"));
        let mut left = run(|_| 100_000);
        left.2 = Sample { files: 60, udp_sockets: 4, media_calls: 2, ..left.2 };
        left.1[7].oldest_call_s = 301;
        let found = told(&left).join("\n");
        for words in ["open for 301 s", "2 calls are left in the media", "3 UDP sockets", "from 30 to 60"] {
            assert!(found.contains(words), "{words} in {found}");
        }
        let (before, samples, after) = run(|_| 100_000);
        let figures = Figures::new(&before, &samples, &after);
        let found = faults(&figures, 2, &[Mismatch("satisfied …01: was called twice".into())]).join("\n");
        assert!(found.contains("2 calls are still open") && found.contains("called twice"), "{found}");
    }

    #[test]
    fn a_short_run_says_nothing_about_growth() {
        let (before, samples, after) = run(|n| 100_000 + 100_000 * n as u64);
        assert_eq!(faults(&Figures::new(&before, &samples[..ENOUGH - 1], &after), 0, &[]), Vec::<String>::new());
        assert_eq!(Figures::new(&before, &[], &after).most_calls, 0);
    }
}
