//! Calls in the browser: one WebRTC peer for each page that takes a call, G.711 over DTLS-SRTP, joined to the customer's call by a
//! [bridge](crate::media::bridge). ICE-lite on the engine's own address, so no STUN or TURN server; the page finds us by the one candidate in our answer.
//!
//! All peers run as tasks of one thread of their own, apart from the control plane (whose load would make their packets late) and from the media
//! threads (whose packets a DTLS handshake would make late). What a peer hears and says goes through the same [`Session`](crate::media::session::Session)
//! as a telephone call. Errors and logs never carry SDP, addresses or keys.

mod offer;
mod peer;

use crate::media::bridge::Port;
use crate::net::media_engine::{MediaEngine, MediaError, PortLease};
use peer::Peer;
use std::io;
use std::net::{IpAddr, UdpSocket};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use str0m::config::DtlsCert;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

/// How long the peers have to say goodbye when the engine stops.
const GOODBYE: Duration = Duration::from_millis(300);

/// How browser calls run.
#[derive(Clone, Copy, Debug)]
pub struct WebRtcConfig {
    /// Our address as the browsers see it: the one of the SDP.
    pub public_ip: IpAddr,
    /// Peers at most.
    pub peers: usize,
    /// A peer that is not connected after this is given up.
    pub setup: Duration,
    /// A page of which nothing is heard for this long is gone. Browsers send something each 2.5 s at the least (RFC 7675).
    pub silence: Duration,
}

impl WebRtcConfig {
    /// A hundred peers, 15 s to connect, 8 s of silence.
    pub fn new(public_ip: IpAddr) -> WebRtcConfig {
        WebRtcConfig { public_ip, peers: 100, setup: Duration::from_secs(15), silence: Duration::from_secs(8) }
    }
}

/// Why browser calls cannot run, or a page not be answered.
#[derive(Debug, thiserror::Error)]
pub enum WebRtcError {
    /// The system gave no thread.
    #[error("no thread for browser calls could be started: {0}")]
    Thread(io::Error),
    /// No certificate could be made.
    #[error("no DTLS certificate could be made")]
    Certificate,
    /// The page's offer cannot be used.
    #[error("the browser's offer cannot be used: {0}")]
    Offer(#[from] OfferProblem),
    /// As many peers as may be.
    #[error("no browser call is free: {peers} run")]
    Full {
        /// The limit.
        peers: usize,
    },
    /// No port or socket.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// The engine is stopping, or the peer failed at its start.
    #[error("browser calls are not to be had")]
    Stopped,
}

/// What is wrong with an offer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OfferProblem {
    /// Longer than 64 KiB.
    #[error("it is too long")]
    TooLong,
    /// No session description, or one that lacks what WebRTC needs.
    #[error("it is malformed")]
    Malformed,
    /// Something else than one audio line.
    #[error("it is not one line of audio")]
    NotOneAudio,
    /// Neither A-law nor µ-law.
    #[error("it has no G.711")]
    NoG711,
    /// Audio does not flow both ways.
    #[error("it does not send and receive")]
    OneWay,
}

/// What becomes of a browser call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WebEvent {
    /// Audio flows.
    Connected,
    /// The page pressed a key, `0`–`9`, `*`, `#`, `A`–`D`; the bridge has it already.
    Key(char),
    /// It is over; comes once, as the last.
    Ended(WebEnd),
}

/// Why a browser call ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WebEnd {
    /// The page hung up.
    HungUp,
    /// Nothing was heard of the page for [`WebRtcConfig::silence`].
    Vanished,
    /// Not connected within [`WebRtcConfig::setup`].
    NotConnected,
    /// The encryption failed.
    Failed,
    /// The [`WebLeg`] was dropped, or the engine stopped.
    Closed,
}

/// One browser call. Dropping it closes the peer.
#[derive(Debug)]
pub struct WebLeg {
    _closes: DropGuard,
}

/// Browser calls. Dropping it closes all of them.
pub struct WebRtc {
    orders: Option<UnboundedSender<Order>>,
    places: Arc<Semaphore>,
    config: WebRtcConfig,
    media: Arc<MediaEngine>,
    thread: Option<JoinHandle<()>>,
}

/// A peer to be made.
struct Order {
    offer: String,
    port: Port,
    events: UnboundedSender<WebEvent>,
    socket: UdpSocket,
    reply: oneshot::Sender<Result<(String, WebLeg), WebRtcError>>,
    /// Given back when the peer is gone, the port after its socket.
    held: (PortLease, OwnedSemaphorePermit),
}

impl WebRtc {
    /// Starts the thread. Sockets come from the port range of `media`.
    pub fn start(config: WebRtcConfig, media: Arc<MediaEngine>) -> Result<WebRtc, WebRtcError> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(WebRtcError::Thread)?;
        let certificate = offer::certificate().ok_or(WebRtcError::Certificate)?;
        let (orders, taken) = unbounded_channel();
        let work = move || runtime.block_on(run(config, certificate, taken));
        let thread = std::thread::Builder::new().name("webrtc".to_owned()).spawn(work).map_err(WebRtcError::Thread)?;
        let places = Arc::new(Semaphore::new(config.peers));
        Ok(WebRtc { orders: Some(orders), places, config, media, thread: Some(thread) })
    }

    /// Answers the offer of a page; its audio goes to the other end of `port` and comes from there. The answer is complete: there are no candidates
    /// to follow. Dropping the future gives the peer up.
    pub async fn answer(
        &self,
        offer: &str,
        port: Port,
        events: UnboundedSender<WebEvent>,
    ) -> Result<(String, WebLeg), WebRtcError> {
        let full = |_| WebRtcError::Full { peers: self.config.peers };
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(full)?;
        let (socket, lease) = self.media.lend()?;
        let (reply, replied) = oneshot::channel();
        let order = Order { offer: offer.to_owned(), port, events, socket, reply, held: (lease, place) };
        let orders = self.orders.as_ref().ok_or(WebRtcError::Stopped)?;
        orders.send(order).map_err(|_| WebRtcError::Stopped)?;
        replied.await.map_err(|_| WebRtcError::Stopped)?
    }

    /// Peers that run.
    pub fn peers(&self) -> usize {
        self.config.peers - self.places.available_permits()
    }
}

impl Drop for WebRtc {
    fn drop(&mut self) {
        self.orders = None;
        self.thread.take().map(JoinHandle::join);
    }
}

/// Makes peers until nobody can order any more, then lets them say goodbye.
async fn run(config: WebRtcConfig, certificate: DtlsCert, mut orders: UnboundedReceiver<Order>) {
    let stop = CancellationToken::new();
    let mut peers = JoinSet::new();
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(order) => drop(peers.spawn(serve(config, certificate.clone(), order, stop.child_token()))),
                None => break,
            },
            Some(_) = peers.join_next() => {}
        }
    }
    stop.cancel();
    let _ = tokio::time::timeout(GOODBYE, async { while peers.join_next().await.is_some() {} }).await;
}

/// One peer, from its offer to its end. A task of its own, so that a fault in the library takes no other call with it.
async fn serve(config: WebRtcConfig, certificate: DtlsCert, order: Order, closed: CancellationToken) {
    let Order { offer, port, events, socket, reply, held } = order;
    match Peer::new(&config, certificate, &offer, socket, port) {
        Ok((peer, answer)) => {
            let leg = WebLeg { _closes: closed.clone().drop_guard() };
            // nobody waits for the answer any more: the leg comes back, is dropped, and closes the peer
            let _ = reply.send(Ok((answer, leg)));
            peer.run(closed, Ending::new(events)).await;
        }
        Err(error) => drop(reply.send(Err(error))),
    }
    drop(held);
}

/// The owner's ear, which hears of the end once, whatever happens.
struct Ending {
    events: UnboundedSender<WebEvent>,
    end: WebEnd,
}

impl Ending {
    fn new(events: UnboundedSender<WebEvent>) -> Ending {
        Ending { events, end: WebEnd::Failed }
    }

    /// Tells; the owner may be gone.
    fn tell(&self, event: WebEvent) {
        let _ = self.events.send(event);
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.tell(WebEvent::Ended(self.end));
    }
}

#[cfg(test)]
mod cost_tests;
#[cfg(test)]
mod tests;
