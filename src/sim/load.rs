//! The called side of a benchmark: picks up every call at once, and lets [`Farm`] carry the media. No persona, no ear: load and measuring device.

use crate::net::rtp_farm::Farm;
use crate::net::sip_transport::{self, IncomingCall, SipHandle};
use crate::sdp::{self, LocalMedia};
use crate::sip::endpoint::{EndpointConfig, IncomingPolicy};
use crate::sip::session::SessionEvent;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Calls that share one socket of the farm.
const CALLS_A_SOCKET: usize = 250;

/// Picks up whatever rings.
pub struct Answerer {
    sip: SipHandle,
    incoming: mpsc::UnboundedReceiver<IncomingCall>,
    farm: Arc<Farm>,
    /// Whether calls have media at all.
    media: bool,
}

impl Answerer {
    /// Binds `listen` (port 0: the kernel chooses) for `calls` calls at a time.
    pub fn bind(listen: SocketAddr, calls: usize, media: bool) -> anyhow::Result<Answerer> {
        // thousands of calls a second, each remembered for 32 s (RFC 3261 17.2, RFC 6026): no limit is to be the measure
        let config = |local| EndpointConfig {
            incoming: IncomingPolicy::Accept,
            max_server_transactions: usize::MAX,
            ..EndpointConfig::new(local, "huifang-bench")
        };
        let (sip, incoming) = sip_transport::start(listen, config)?;
        let farm = Arc::new(Farm::start(listen.ip(), calls.div_ceil(CALLS_A_SOCKET))?);
        Ok(Answerer { sip, incoming, farm, media })
    }

    /// Where it can be called.
    pub fn local_addr(&self) -> SocketAddr {
        self.sip.local_addr()
    }

    /// The other end of all media.
    pub fn farm(&self) -> Arc<Farm> {
        self.farm.clone()
    }

    /// Picks up until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        for place in 0.. {
            let call = tokio::select! {
                call = self.incoming.recv() => call,
                () = stop.cancelled() => None,
            };
            let Some(call) = call else { return };
            let (sip, farm) = (self.sip.clone(), self.farm.clone());
            tokio::spawn(answer(sip, farm, call, place, self.media));
        }
    }
}

async fn answer(sip: SipHandle, farm: Arc<Farm>, mut call: IncomingCall, place: usize, media: bool) {
    let addresses = farm.addresses();
    let socket = place % addresses.len();
    let local = LocalMedia {
        addr: addresses[socket].ip(),
        port: addresses[socket].port(),
        codecs: vec![sdp::Codec::Pcma],
        telephone_event: Some(101),
        ptime_ms: 20,
        srtp: Vec::new(),
        session_id: 1,
        version: 1,
    };
    let (answer, agreed) = match sdp::answer(&local, &call.invite.offer) {
        Ok(agreed) => agreed,
        Err(error) => {
            tracing::warn!(%error, "a call of the benchmark cannot be taken");
            return sip.reject(call.id, 488);
        }
    };
    sip.accept(call.id, answer);
    if media {
        farm.add(socket, agreed.remote, agreed.telephone_event.unwrap_or(101));
    }
    while let Some(event) = call.events.recv().await {
        if matches!(event, SessionEvent::Ended { .. } | SessionEvent::Failed(_) | SessionEvent::Canceled) {
            break;
        }
    }
    if media {
        farm.remove(agreed.remote);
    }
}
