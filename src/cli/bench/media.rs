//! `huifang bench media`: for each number of calls a fresh engine and fresh callees; set up, measured in the steady state, and ended by a key in each call.

use super::child::{Process, Usage};
use super::engine::{self, Mark};
use super::generator::{self, Listening, Pressed};
use super::report::{self, MediaRun};
use super::signalling::SignallingRun;
use super::{Failure, signalling};
use crate::net::rtp_farm::floor;
use std::net::SocketAddr;
use std::time::Duration;

/// Options of `bench media`.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Calls at a time; several numbers are measured one after the other.
    #[arg(long, value_delimiter = ',', default_value = "100,500,1000,2000,4000", value_parser = clap::value_parser!(u64).range(1..=20_000))]
    calls: Vec<u64>,
    /// Seconds of the steady state that are measured.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=240))]
    seconds: u64,
    /// Calls a second while they are set up.
    #[arg(long, default_value_t = 200.0, value_parser = super::above_zero)]
    rate: f64,
    /// Media threads; 0: as `huifang serve` has them on this machine.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Print one JSON object as the last line.
    #[arg(long)]
    json: bool,
}

/// The steady state begins so long after the last call was answered.
const SETTLE: Duration = Duration::from_secs(2);
/// Keys are pressed over so many ms; calls end one by one.
const PRESS_OVER_MS: u64 = 5_000;
/// The floor is measured for so long.
const FLOOR: Duration = Duration::from_secs(2);
/// How long set-ups and hang-ups without media are measured.
const SIGNAL_S: u64 = 5;
/// At this rate, the goal of the issue.
const SIGNAL_RATE: f64 = 400.0;

/// Measures and reports; status 1 when a packet was lost, a call failed or a key was not heard.
pub async fn run(options: Options) -> Result<(), Failure> {
    let mut runs = Vec::new();
    let signalled = signalling::measure(SIGNAL_RATE, SIGNAL_S, false, false).await?;
    for calls in &options.calls {
        let pairs = usize::try_from(*calls).unwrap_or(usize::MAX);
        let floor_us = tokio::task::spawn_blocking(move || floor(pairs, FLOOR)).await.map_err(Failure::start)?;
        let floor_us = floor_us.map_err(|error| Failure::start(format!("the floor cannot be measured: {error}")))?;
        let run = measure(*calls, &options, floor_us, &signalled).await?;
        if runs.is_empty() {
            report::media_head();
        }
        report::media_line(&run);
        runs.push(run);
    }
    let fault = runs.iter().find_map(MediaRun::fault);
    if options.json {
        report::last_line(&runs)?;
    }
    fault.map_or(Ok(()), |fault| Err(Failure::Found(fault)))
}

async fn measure(calls: u64, options: &Options, floor_us: f64, signalled: &SignallingRun) -> Result<MediaRun, Failure> {
    let (mut generator, callees) = start_generator(calls, false).await?;
    let mut engine = start_engine(callees, options.threads, None, false).await?;
    let empty = engine.1;
    let up: Mark = engine.0.ask(&engine::Order::Dial { calls, rate: options.rate }).await?;
    tokio::time::sleep(SETTLE).await;
    let prompts: generator::Mark = generator.ask(&generator::Order::Mark).await?;
    let before: Mark = engine.0.ask(&engine::Order::Mark).await?;
    tokio::time::sleep(Duration::from_secs(options.seconds)).await;
    let after: Mark = engine.0.ask(&engine::Order::Mark).await?;
    let steady: generator::Mark = generator.ask(&generator::Order::Mark).await?;
    let pressed: Pressed = generator.ask(&generator::Order::Press(PRESS_OVER_MS)).await?;
    let end: Mark = engine.0.ask(&engine::Order::Finish).await?;
    let keys: generator::Mark = generator.ask(&generator::Order::Mark).await?;
    engine.0.finish().await?;
    generator.finish().await?;

    let used = between(before.usage, after.usage);
    let call_seconds = up.answered as f64 * used.wall_us as f64 / 1e6;
    let cpu_ms_per_call_second = used.cpu_us as f64 / 1e3 / call_seconds;
    let others = between(prompts.usage, steady.usage);
    Ok(MediaRun {
        calls,
        seconds: used.wall_us as f64 / 1e6,
        answered: up.answered,
        failed: end.failed,
        cpu_ms_per_call_second,
        us_per_packet_pair: cpu_ms_per_call_second * 1e3 / 50.0,
        floor_us_per_packet_pair: floor_us,
        generator_cpu_ms_per_call_second: others.cpu_us as f64 / 1e3 / call_seconds,
        gap_p50_ms: steady.seen.gap.p50_ms,
        gap_p99_ms: steady.seen.gap.p99_ms,
        gap_p999_ms: steady.seen.gap.p999_ms,
        gap_max_ms: steady.seen.gap.max_ms,
        received: steady.seen.received,
        lost: steady.seen.lost,
        late_ticks: after.late_ticks - before.late_ticks,
        skipped_ticks: after.skipped_ticks - before.skipped_ticks,
        rss_kib_per_call: (before.usage.rss_kib as f64 - empty.usage.rss_kib as f64) / up.answered.max(1) as f64,
        answer_to_prompt: prompts.seen.prompt,
        key_to_silence: keys.seen.silence,
        keys_pressed: pressed.pressed,
        keys_heard: end.complete,
        cps: signalled.cps,
        cpu_ms_per_call_setup: signalled.cpu_ms_per_call_setup,
    })
}

/// The callees, and where they are called.
pub async fn start_generator(calls: u64, silent: bool) -> Result<(Process, SocketAddr), Failure> {
    let mut words = vec!["--calls".to_owned(), calls.to_string()];
    words.extend(silent.then(|| "--silent".to_owned()));
    let mut generator = Process::start("generator", &words)?;
    let Listening { listening } = generator.read().await?;
    Ok((generator, listening))
}

/// The engine without a call, and what it uses then.
pub async fn start_engine(
    callees: SocketAddr,
    threads: usize,
    due: Option<u32>,
    trace: bool,
) -> Result<(Process, Mark), Failure> {
    let mut words = vec!["--callees".to_owned(), callees.to_string(), "--threads".to_owned(), threads.to_string()];
    words.extend(due.into_iter().flat_map(|due| ["--due".to_owned(), due.to_string()]));
    words.extend(trace.then(|| "--trace".to_owned()));
    let mut engine = Process::start("engine", &words)?;
    let empty = engine.read().await?;
    Ok((engine, empty))
}

/// What was used between two marks.
pub fn between(before: Usage, after: Usage) -> Usage {
    let wall_us = (after.wall_us - before.wall_us).max(1);
    Usage { cpu_us: after.cpu_us - before.cpu_us, wall_us, rss_kib: after.rss_kib }
}
