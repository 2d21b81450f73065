//! The process of simulated callees beside the demo: started, asked where it listens, and read out at the end.

use crate::cli::Failure;
use crate::sim::agent::AgentReport;
use crate::sim::callee::{CallReport, Report};
use std::io::{BufRead, BufWriter, Seek, Write};
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;

/// How long the process may take for its last reports.
const LAST_REPORTS: Duration = Duration::from_secs(10);

/// `huifang callee` as a child; it ends with us.
pub struct Callees {
    /// Where it is called.
    pub address: SocketAddr,
    child: Child,
    reports: JoinHandle<Result<Vec<Report>, String>>,
}

/// What the process has to say at the end.
#[derive(Debug, Default)]
pub struct Reports {
    /// Of the customers.
    pub calls: Vec<CallReport>,
    /// Of the agents.
    pub agents: Vec<AgentReport>,
}

impl Callees {
    /// Starts the process on a port of the kernel's choice.
    pub async fn start(seed: u64) -> Result<Callees, Failure> {
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            Failure::start(format!("the callees' process: {what}: {error}"))
        };
        let program = std::env::current_exe().map_err(|error| failed("this program's path", &error))?;
        let mut child = Command::new(program)
            .args(["callee", "--listen", "127.0.0.1:0", "--seed", &seed.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            // A Ctrl-C is for the demo; it tells the callees itself.
            .process_group(0)
            .spawn()
            .map_err(|error| failed("it does not start", &error))?;
        let out = child.stdout.take().ok_or_else(|| failed("no output", &"not captured"))?;
        let mut lines = BufReader::new(out).lines();
        let first = lines.next_line().await.map_err(|error| failed("no output", &error))?;
        let first = first.ok_or_else(|| failed("it ended at once", &"see above"))?;
        let address = listening(&first).ok_or_else(|| failed("its first line is not an address", &first))?;
        Ok(Callees { address, child, reports: tokio::spawn(read(lines)) })
    }

    /// Ends the process and gives its reports.
    pub async fn finish(mut self) -> Result<Reports, Failure> {
        if let Some(id) = self.child.id().and_then(|id| i32::try_from(id).ok()) {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), nix::sys::signal::Signal::SIGTERM);
        }
        let lost = |why: &str| Failure::Found(format!("the callees' reports: {why}"));
        let reports =
            tokio::time::timeout(LAST_REPORTS, &mut self.reports).await.map_err(|_| lost("none came in time"))?;
        let reports = reports.map_err(|_| lost("the reader broke"))?.map_err(|why| lost(&why))?;
        let _ = self.child.wait().await;
        let mut all = Reports::default();
        for report in reports {
            match report {
                Report::Call(report) => all.calls.push(report),
                Report::Agent(report) => all.agents.push(report),
            }
        }
        Ok(all)
    }
}

fn listening(line: &str) -> Option<SocketAddr> {
    serde_json::from_str::<serde_json::Value>(line).ok()?.get("listening")?.as_str()?.parse().ok()
}

/// Keeps the reports in a file that has no name until the process ends: of a soak's tens of thousands this process, whose memory is measured, would else hold all.
async fn read(mut lines: Lines<BufReader<ChildStdout>>) -> Result<Vec<Report>, String> {
    let file = tempfile::tempfile().map_err(|error| error.to_string())?;
    let mut spool = BufWriter::new(file);
    while let Some(line) = lines.next_line().await.map_err(|error| error.to_string())? {
        writeln!(spool, "{line}").map_err(|error| error.to_string())?;
    }
    let mut file = spool.into_inner().map_err(|error| error.to_string())?;
    file.rewind().map_err(|error| error.to_string())?;
    let lines = std::io::BufReader::new(file).lines();
    lines.map(|line| serde_json::from_str(&line.map_err(|e| e.to_string())?).map_err(|e| e.to_string())).collect()
}
