//! `huifang bench signalling`: INVITE, 200, ACK, BYE, 200, at a steady rate or as fast as it goes; the user agent alone, without media.

use super::child::Process;
use super::engine::{Order, Signalled};
use super::stored::Stored;
use super::{Failure, media, report};
use serde::Serialize;

/// Options of `bench signalling`.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Calls a second; 0: as fast as 100 at a time go.
    #[arg(long, default_value_t = 400.0)]
    rate: f64,
    /// For so many seconds.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// With the database: each call is leased, let through the gate and kept by the journal, in a private cluster that is made for it.
    #[arg(long)]
    database: bool,
    /// With the database, and every SIP message goes into it.
    #[arg(long, requires = "database")]
    trace: bool,
    /// Print one JSON object as the last line.
    #[arg(long)]
    json: bool,
}

/// What was measured.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SignallingRun {
    /// Calls that were set up, answered and hung up.
    pub calls: u64,
    /// Calls that failed.
    pub failed: u64,
    /// Calls a second, over all of it.
    pub cps: f64,
    /// CPU of the engine's process for each.
    pub cpu_ms_per_call_setup: f64,
    /// CPU of PostgreSQL for each; none without the database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_cpu_ms_per_call_setup: Option<f64>,
}

/// Measures and reports; status 1 when a call failed.
pub async fn run(options: Options) -> Result<(), Failure> {
    if options.database && options.rate <= 0.0 {
        return Err(Failure::start("--database needs a --rate above 0: the queue has to be filled before"));
    }
    let run = measure(options.rate, options.seconds, options.database, options.trace).await?;
    report::signalling(&run);
    if options.json {
        report::last_line(&[run])?;
    }
    if run.failed > 0 { Err(Failure::Found(format!("{} calls failed", run.failed))) } else { Ok(()) }
}

/// A fresh engine and fresh callees.
pub async fn measure(rate: f64, seconds: u64, database: bool, trace: bool) -> Result<SignallingRun, Failure> {
    let (generator, callees) = media::start_generator(1, true).await?;
    let (mut engine, _): (Process, _) =
        media::start_engine(callees, 1, database.then(|| Stored::due(rate, seconds)), trace).await?;
    let Signalled { done, failed, cpu_us, wall_us, database_cpu_us } =
        engine.ask(&Order::Signal { rate, seconds }).await?;
    engine.finish().await?;
    generator.finish().await?;
    Ok(SignallingRun {
        calls: done,
        failed,
        cps: done as f64 / (wall_us as f64 / 1e6),
        cpu_ms_per_call_setup: cpu_us as f64 / 1e3 / done.max(1) as f64,
        database_cpu_ms_per_call_setup: database.then(|| database_cpu_us as f64 / 1e3 / done.max(1) as f64),
    })
}
