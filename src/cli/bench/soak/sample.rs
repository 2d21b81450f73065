//! One line of the soak's figures: what this process holds, and how the media threads kept their time since the line before.

use super::super::super::engine::Running;
use super::Open;
use std::collections::BTreeSet;
use std::time::Instant;

/// The figures of one moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    /// Seconds since the beginning.
    pub second: u64,
    /// Attempts that are open in the store.
    pub open_calls: usize,
    /// How long the longest of them has been open, in seconds.
    pub oldest_call_s: i64,
    /// Calls in the media threads.
    pub media_calls: u64,
    /// Resident memory.
    pub rss_kib: u64,
    /// Open file descriptors.
    pub files: usize,
    /// UDP sockets among them: SIP, and one or two of each call.
    pub udp_sockets: usize,
    /// Ticks of calls so far, 50 a second each.
    pub ticks: u64,
    /// Those more than 5 ms late, so far.
    pub late_ticks: u64,
    /// Those left out, so far.
    pub skipped_ticks: u64,
    /// Percent of the ticks since the line before that were late.
    pub late_percent: f64,
    /// The latest tick so far.
    pub max_late_ms: f64,
}

impl Sample {
    /// The names of the columns.
    pub const HEAD: &str =
        "second,open_calls,oldest_call_s,media_calls,rss_kib,files,udp_sockets,late_percent,max_late_ms,skipped_ticks";

    /// This process, now; `before` is the line before.
    pub fn now(began: Instant, running: &Running, open: Open, before: Option<&Sample>) -> Sample {
        let stats = running.media_stats();
        let before = before.copied().unwrap_or_default();
        let ticks = stats.ticks.saturating_sub(before.ticks);
        let late = stats.late_ticks.saturating_sub(before.late_ticks);
        let (files, udp_sockets) = files();
        Sample {
            second: began.elapsed().as_secs(),
            open_calls: open.calls,
            oldest_call_s: open.oldest_s,
            media_calls: stats.calls,
            rss_kib: super::super::child::rss_kib(),
            files,
            udp_sockets,
            ticks: stats.ticks,
            late_ticks: stats.late_ticks,
            skipped_ticks: stats.skipped_ticks,
            late_percent: if ticks == 0 { 0.0 } else { 100.0 * late as f64 / ticks as f64 },
            max_late_ms: stats.max_late_us as f64 / 1000.0,
        }
    }

    /// Its line in the CSV file.
    pub fn line(&self) -> String {
        let Sample { second, open_calls, oldest_call_s, media_calls, rss_kib, files, udp_sockets, .. } = self;
        let Sample { late_percent, max_late_ms, skipped_ticks, .. } = self;
        format!(
            "{second},{open_calls},{oldest_call_s},{media_calls},{rss_kib},{files},{udp_sockets},{late_percent:.3},{max_late_ms:.1},{skipped_ticks}"
        )
    }
}

/// Open file descriptors of this process, and how many of them are UDP sockets (`proc(5)`).
fn files() -> (usize, usize) {
    let entries = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let links: Vec<_> = entries.filter_map(|entry| std::fs::read_link(entry.path()).ok()).collect();
    let tables = ["/proc/net/udp", "/proc/net/udp6"].map(|name| std::fs::read_to_string(name).unwrap_or_default());
    let rows = tables.iter().flat_map(|table| table.lines().skip(1));
    let inodes: BTreeSet<&str> = rows.filter_map(|row| row.split_whitespace().nth(9)).collect();
    let is_udp = |link: &std::path::PathBuf| {
        let name = link.to_string_lossy();
        name.strip_prefix("socket:[")
            .and_then(|rest| rest.strip_suffix(']'))
            .is_some_and(|inode| inodes.contains(inode))
    };
    (links.len(), links.iter().filter(|link| is_udp(link)).count())
}
