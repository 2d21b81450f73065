//! Live agents as `serve` and `demo` run them: the desk with its loop, and browser calls; started before the dialling, ended after the last call.

use super::{Failure, parts};
use crate::agent::desk::{Desk, Registrar};
use crate::call::driver::{Agents, Line};
use crate::call::handover::Patience;
use crate::clock::Clock;
use crate::config::{self, Settings};
use crate::dialer::trunks::Trunk;
use crate::net::webrtc::{WebRtc, WebRtcConfig};
use sqlx::PgPool;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The running desk.
pub struct LiveAgents {
    /// How calls reach agents.
    pub agents: Agents,
    keeping: JoinHandle<()>,
    stop: CancellationToken,
}

impl LiveAgents {
    /// Frees agents whom an earlier run of this node held, and starts the desk's loop.
    pub async fn start(
        settings: &Settings,
        pool: &PgPool,
        trunks: &[Trunk],
        line: &Line,
        registrar: Registrar,
    ) -> Result<LiveAgents, Failure> {
        let local = SocketAddr::new(line.public_ip, line.sip.local_addr().port());
        let (set, node) = (settings.agents.clone(), parts::node(settings));
        let patience = patience(&set);
        let desk = Arc::new(Desk::new(pool.clone(), Clock::System, &node, set, trunks.to_vec(), local));
        let taken = desk.take_over().await;
        taken.map_err(|error| Failure::start(format!("agents of an earlier run: {error}")))?;
        let web = WebRtc::start(WebRtcConfig::new(line.public_ip), line.media.clone()).map_err(Failure::start)?;
        let stop = CancellationToken::new();
        let keeping = tokio::spawn(desk.clone().keep(Some(registrar), stop.clone()));
        Ok(LiveAgents { agents: Agents { desk, web: Arc::new(web), patience }, keeping, stop })
    }

    /// Ends the loop, after the last call.
    pub async fn end(self) {
        self.stop.cancel();
        if let Err(error) = self.keeping.await {
            tracing::error!(%error, "the agents' desk broke");
        }
    }
}

pub fn patience(agents: &config::Agents) -> Patience {
    Patience {
        ring: Duration::from_secs(agents.ring_s),
        accept: Duration::from_secs(agents.accept_s),
        hold: Duration::from_secs(agents.hold_max_s),
        tries: agents.max_tries,
    }
}
