//! A process of a benchmark, seen from the one that conducts it: a line of JSON in, a line of JSON out. And the other half: what such a process has of itself.

use super::Failure;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::process::Stdio;
use std::time::Instant;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;

/// A process of the benchmark. Killed when dropped.
pub struct Process {
    name: &'static str,
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts `huifang bench WORDS…`.
    pub fn start(name: &'static str, words: &[String]) -> Result<Process, Failure> {
        let program = std::env::current_exe().map_err(Failure::start)?;
        let mut command = Command::new(program);
        command.args(["bench", name]).args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| Failure::start(format!("bench {name}: {error}")))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Failure::start(format!("bench {name}: no pipes")));
        };
        Ok(Process { name, child, input, output: BufReader::new(output).lines() })
    }

    /// Its next line.
    pub async fn read<T: DeserializeOwned>(&mut self) -> Result<T, Failure> {
        let fault = |what: String| Failure::Found(format!("bench {}: {what}", self.name));
        match self.output.next_line().await {
            Ok(Some(line)) => serde_json::from_str(&line).map_err(|error| fault(format!("{error} in {line}"))),
            Ok(None) => Err(fault("the process ended before it was told to".to_owned())),
            Err(error) => Err(fault(error.to_string())),
        }
    }

    /// Tells it something and waits for its answer.
    pub async fn ask<T: DeserializeOwned>(&mut self, order: &impl Serialize) -> Result<T, Failure> {
        let mut line = serde_json::to_string(order).map_err(Failure::start)?;
        line.push('\n');
        let told = self.input.write_all(line.as_bytes()).await;
        told.map_err(|error| Failure::Found(format!("bench {}: {error}", self.name)))?;
        self.read().await
    }

    /// Closes its input and waits until it has ended.
    pub async fn finish(self) -> Result<(), Failure> {
        let Process { name, mut child, input, .. } = self;
        drop(input);
        match child.wait().await {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Failure::Found(format!("bench {name}: {status}"))),
            Err(error) => Err(Failure::Found(format!("bench {name}: {error}"))),
        }
    }
}

/// What a process has used up to a moment.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Usage {
    /// CPU of the process, user and system, in µs.
    pub cpu_us: i64,
    /// Time since its start, in µs.
    pub wall_us: i64,
    /// Resident memory in KiB.
    pub rss_kib: u64,
}

impl Usage {
    /// This process since `start`.
    pub fn now(start: Instant) -> Usage {
        let cpu_us = getrusage(UsageWho::RUSAGE_SELF)
            .map(|usage| usage.user_time().num_microseconds() + usage.system_time().num_microseconds())
            .unwrap_or_default();
        Usage { cpu_us, wall_us: start.elapsed().as_micros() as i64, rss_kib: rss_kib() }
    }
}

/// Resident memory of this process.
pub fn rss_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or_default()
}

/// The orders that come on standard input; they end when the conductor is gone or has closed the pipe.
pub struct Orders(mpsc::UnboundedReceiver<String>);

/// Reads standard input on a thread of its own.
pub fn orders() -> Orders {
    let (tell, told) = mpsc::unbounded_channel();
    std::thread::spawn(move || std::io::stdin().lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
    Orders(told)
}

impl Orders {
    /// The next one.
    pub async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Failure> {
        let Some(line) = self.0.recv().await else { return Ok(None) };
        serde_json::from_str(&line).map(Some).map_err(|error| Failure::start(format!("standard input: {error}")))
    }
}

/// A line for the conductor.
pub fn reply(value: &impl Serialize) -> Result<(), Failure> {
    let line = serde_json::to_string(value).map_err(Failure::start)?;
    say!("{line}");
    Ok(())
}
