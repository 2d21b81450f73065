//! What benchmarks print: a table for people, and one JSON object as the last line.

use super::Failure;
use super::overload::OverloadRun;
use super::signalling::SignallingRun;
use crate::net::rtp_farm::Spread;
use serde::Serialize;

/// One measurement of `bench media`. Times are ms unless the name says otherwise; CPU is the engine's process, by the kernel's accounting.
#[derive(Clone, Debug, Serialize)]
pub struct MediaRun {
    /// Calls that were asked for.
    pub calls: u64,
    /// Length of the steady state.
    pub seconds: f64,
    /// Calls that were answered.
    pub answered: u64,
    /// Calls that failed, or ended without an outcome.
    pub failed: u64,
    /// CPU for one second of one call: 50 packets sent, 50 received.
    pub cpu_ms_per_call_second: f64,
    /// The same for one packet sent and one received.
    pub us_per_packet_pair: f64,
    /// What the kernel alone takes for that, in a tight loop over as many sockets.
    pub floor_us_per_packet_pair: f64,
    /// CPU of the callees' process.
    pub generator_cpu_ms_per_call_second: f64,
    /// Gap between two packets of a call at the receiver, median.
    pub gap_p50_ms: f64,
    /// 99 of 100 are below.
    pub gap_p99_ms: f64,
    /// 999 of 1,000 are below.
    pub gap_p999_ms: f64,
    /// The largest.
    pub gap_max_ms: f64,
    /// Packets at the receiver.
    pub received: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Ticks more than 5 ms late.
    pub late_ticks: u64,
    /// Ticks left out.
    pub skipped_ticks: u64,
    /// Resident memory of the engine for each call.
    pub rss_kib_per_call: f64,
    /// From the 200 to the first packet with sound.
    pub answer_to_prompt: Spread,
    /// From the first packet of a key to the first packet of silence.
    pub key_to_silence: Spread,
    /// Calls in which a key was pressed.
    pub keys_pressed: u64,
    /// Calls whose question a key answered.
    pub keys_heard: u64,
    /// Set-ups and hang-ups a second without media.
    pub cps: f64,
    /// CPU for each of them.
    pub cpu_ms_per_call_setup: f64,
}

impl MediaRun {
    /// What went wrong, if anything did.
    pub fn fault(&self) -> Option<String> {
        let MediaRun { calls, answered, failed, lost, keys_pressed, keys_heard, .. } = self;
        if answered < calls || *failed > 0 {
            return Some(format!("{calls} calls: {answered} answered, {failed} failed"));
        }
        if *lost > 0 {
            return Some(format!("{calls} calls: {lost} packets lost"));
        }
        (keys_heard < keys_pressed).then(|| format!("{calls} calls: {keys_pressed} keys pressed, {keys_heard} heard"))
    }
}

/// The head of the table.
pub fn media_head() {
    say!(
        "{:>6} {:>8} {:>7} {:>7} {:>8} {:>8} {:>8} {:>8} {:>6} {:>9} {:>9} {:>9} {:>11}",
        "calls",
        "CPU",
        "a pair",
        "floor",
        "gap p50",
        "p99",
        "p99.9",
        "max",
        "lost",
        "KiB/call",
        "prompt",
        "silence",
        "keys heard"
    );
}

/// A line of it.
pub fn media_line(run: &MediaRun) {
    say!(
        "{:>6} {:>5.3} ms {:>4.2} µs {:>4.2} µs {:>8.2} {:>8.2} {:>8.2} {:>8.2} {:>6} {:>9.1} {:>9.1} {:>9.1} {:>11}",
        run.calls,
        run.cpu_ms_per_call_second,
        run.us_per_packet_pair,
        run.floor_us_per_packet_pair,
        run.gap_p50_ms,
        run.gap_p99_ms,
        run.gap_p999_ms,
        run.gap_max_ms,
        run.lost,
        run.rss_kib_per_call,
        run.answer_to_prompt.p99_ms,
        run.key_to_silence.p99_ms,
        format!("{}/{}", run.keys_heard, run.keys_pressed),
    );
}

/// The result of `bench signalling`.
pub fn signalling(run: &SignallingRun) {
    let SignallingRun { calls, failed, cps, cpu_ms_per_call_setup, database_cpu_ms_per_call_setup } = run;
    let database =
        database_cpu_ms_per_call_setup.map(|ms| format!(", and {ms:.3} ms of PostgreSQL")).unwrap_or_default();
    say!(
        "{calls} calls set up, answered and hung up, {failed} failed: {cps:.0} a second, {cpu_ms_per_call_setup:.3} ms CPU each{database}"
    );
}

/// The result of `bench overload`.
pub fn overload(run: &OverloadRun) {
    say!("{} calls wanted, {} taken, {} not dialled, {} failed", run.calls, run.taken, run.refused, run.failed);
    for (when, gap) in [("while dialling", &run.gap_while_dialling), ("afterwards", &run.gap_afterwards)] {
        say!(
            "gaps {when:>14}: p50 {:.2} ms, p99 {:.2}, p99.9 {:.2}, max {:.2}",
            gap.p50_ms,
            gap.p99_ms,
            gap.p999_ms,
            gap.max_ms
        );
    }
    say!("{} packets lost, {} of {} keys heard", run.lost, run.keys_heard, run.keys_pressed);
}

/// The last line: the last run's figures, and all of them as `runs`.
pub fn last_line<T: Serialize>(runs: &[T]) -> Result<(), Failure> {
    let mut object = runs.last().map(serde_json::to_value).transpose().map_err(Failure::start)?.unwrap_or_default();
    if let Some(map) = object.as_object_mut() {
        map.insert("runs".to_owned(), serde_json::to_value(runs).map_err(Failure::start)?);
    }
    say!("{object}");
    Ok(())
}
