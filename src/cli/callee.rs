//! `huifang callee`: simulated customers as a process of their own.

use super::{Failure, parts};
use crate::sim::callee::Callees;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::sync::mpsc;

/// Options of `callee`.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// UDP address to be called at; port 0 lets the kernel choose (the first line of output tells).
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Makes the same people do the same again.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The prompts to be recognised.
    #[arg(long, value_name = "DIR", default_value = "prompts")]
    prompts: PathBuf,
    /// Customers know an agent by a tone of 440 Hz, and answer with one of 1,000 Hz: for agents whose voice they cannot know, as in a browser.
    #[arg(long)]
    tones: bool,
}

/// Prints `{"listening":"IP:PORT"}`, then one JSON object for each call that ended. Ends on SIGTERM, SIGINT or when standard output closes.
pub async fn run(options: Options) -> Result<(), Failure> {
    let prompts = parts::load_prompts(&options.prompts)?;
    let callees = Callees::bind(options.listen, options.seed, options.tones, prompts)
        .map_err(|e| Failure::start(format!("{e:#}")))?;
    print_line(&serde_json::json!({ "listening": callees.local_addr() }))?;
    let stop = parts::stop_on_signal();
    let (reports, mut inbox) = mpsc::unbounded_channel();
    let running = tokio::spawn(callees.run(reports, stop.clone()));
    while let Some(report) = inbox.recv().await {
        let line = serde_json::to_value(&report).map_err(Failure::start)?;
        if print_line(&line).is_err() {
            stop.cancel();
        }
    }
    let _ = running.await;
    Ok(())
}

fn print_line(line: &serde_json::Value) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(|error| Failure::Found(format!("standard output: {error}")))
}
