//! The callees' process of a benchmark.

use super::Failure;
use super::child::{self, Usage};
use crate::cli::parts;
use crate::net::rtp_farm::Seen;
use crate::sim::load::Answerer;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Options of `bench generator`.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Address to be called at.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Calls at a time.
    #[arg(long, default_value_t = 1000)]
    calls: usize,
    /// Answer without any media.
    #[arg(long)]
    silent: bool,
}

/// The first line: where it listens.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Listening {
    /// Of the SIP socket.
    pub listening: SocketAddr,
}

/// What it can be told.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Say what was used and seen since the last mark.
    Mark,
    /// Every call presses a key once, within so many ms.
    Press(u64),
}

/// The answer to [`Order::Mark`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Mark {
    /// Of the process so far.
    pub usage: Usage,
    /// Since the last mark.
    pub seen: Seen,
}

/// The answer to [`Order::Press`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Pressed {
    /// So many calls press a key.
    pub pressed: u64,
}

/// Works until its input is closed.
pub async fn run(options: Options) -> Result<(), Failure> {
    let start = Instant::now();
    let answerer = Answerer::bind(options.listen, options.calls, !options.silent).map_err(Failure::start)?;
    child::reply(&Listening { listening: answerer.local_addr() })?;
    let farm = answerer.farm();
    let stop = parts::stop_on_signal();
    let running = tokio::spawn(answerer.run(stop.clone()));
    let mut orders = child::orders();
    while let Some(order) = orders.next().await? {
        match order {
            Order::Mark => child::reply(&Mark { usage: Usage::now(start), seen: farm.take() })?,
            Order::Press(ms) => child::reply(&Pressed { pressed: farm.press(Duration::from_millis(ms)) })?,
        }
    }
    stop.cancel();
    let _ = running.await;
    Ok(())
}
