//! `huifang bench overload`: more calls than the engine carries. What it takes keeps its quality, the rest is not even dialled.

use super::child::Process;
use super::engine::{Mark, Order};
use super::generator::{self, Pressed};
use super::media::{start_engine, start_generator};
use super::{Failure, report};
use crate::net::rtp_farm::Spread;
use serde::Serialize;
use std::time::Duration;

/// Options of `bench overload`.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Calls that are wanted: one and a half times what the machine carries, so that some must be refused.
    #[arg(long, default_value_t = 6000, value_parser = clap::value_parser!(u64).range(1..=20_000))]
    calls: u64,
    /// Calls a second.
    #[arg(long, default_value_t = 200.0, value_parser = super::above_zero)]
    rate: f64,
    /// Seconds that are measured once all were dialled or refused.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=240))]
    seconds: u64,
    /// Media threads; 0: as `huifang serve` has them on this machine.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Print one JSON object as the last line.
    #[arg(long)]
    json: bool,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct OverloadRun {
    /// Calls that were wanted.
    pub calls: u64,
    /// Calls that were placed and answered.
    pub taken: u64,
    /// Calls that were not placed, because the media plane had enough to do.
    pub refused: u64,
    /// Calls that failed.
    pub failed: u64,
    /// Gaps at the receiver while calls were still being placed.
    pub gap_while_dialling: Spread,
    /// Gaps at the receiver afterwards.
    pub gap_afterwards: Spread,
    /// Packets that never came.
    pub lost: u64,
    /// Calls in which a key was pressed in the end.
    pub keys_pressed: u64,
    /// Calls whose question a key answered.
    pub keys_heard: u64,
}

/// Measures and reports; status 1 when nothing was refused, or a packet or a key was lost.
pub async fn run(options: Options) -> Result<(), Failure> {
    let run = measure(&options).await?;
    report::overload(&run);
    if options.json {
        report::last_line(std::slice::from_ref(&run))?;
    }
    if run.refused == 0 {
        return Err(Failure::Found("every call was taken: this was no overload; ask for more with --calls".to_owned()));
    }
    if run.lost > 0 || run.failed > 0 || run.keys_heard < run.keys_pressed {
        let OverloadRun { lost, failed, keys_pressed, keys_heard, .. } = run;
        let fault = format!("{lost} packets lost, {failed} calls failed, {keys_heard} of {keys_pressed} keys heard");
        return Err(Failure::Found(fault));
    }
    Ok(())
}

async fn measure(options: &Options) -> Result<OverloadRun, Failure> {
    let (mut generator, callees) = start_generator(options.calls, false).await?;
    let (mut engine, _): (Process, Mark) = start_engine(callees, options.threads, None, false).await?;
    let up: Mark = engine.ask(&Order::Dial { calls: options.calls, rate: options.rate }).await?;
    let dialling: generator::Mark = generator.ask(&generator::Order::Mark).await?;
    tokio::time::sleep(Duration::from_secs(options.seconds)).await;
    let after: generator::Mark = generator.ask(&generator::Order::Mark).await?;
    let pressed: Pressed = generator.ask(&generator::Order::Press(5_000)).await?;
    let end: Mark = engine.ask(&Order::Finish).await?;
    engine.finish().await?;
    generator.finish().await?;
    Ok(OverloadRun {
        calls: options.calls,
        taken: up.answered,
        refused: up.refused,
        failed: end.failed,
        gap_while_dialling: dialling.seen.gap,
        gap_afterwards: after.seen.gap,
        lost: dialling.seen.lost + after.seen.lost,
        keys_pressed: pressed.pressed,
        keys_heard: end.complete,
    })
}
