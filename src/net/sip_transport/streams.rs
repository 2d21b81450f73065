//! SIP over TCP and TLS: connections by their far end, each a task of its own with a bounded queue. Opened where something is to be sent, used by both sides,
//! kept open by line breaks (RFC 5626 4.4.1), closed when nothing was said for long.
//!
//! A peer that does not read loses its connection, never our time. Nothing of a message is looked at here but where it ends.

use super::tls::Tls;
use crate::sip::hop::{Hop, Transport};
use crate::sip::message::Limits;
use crate::sip::message::stream::{Frame, Framer};
use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::either::Either;

/// Until a connection stands, its TLS handshake included.
const CONNECT: Duration = Duration::from_secs(5);
/// A peer takes what is written within this time, or is given up.
const WRITE: Duration = Duration::from_secs(5);
/// Line breaks after so long without a message, on connections that we opened.
const PING: Duration = Duration::from_secs(60);
/// Closed after so long without a message.
const IDLE: Duration = Duration::from_secs(900);
/// A connection that comes in says something within this time.
const FIRST: Duration = Duration::from_secs(30);
/// Messages that wait for one peer.
const QUEUE: usize = 256;
/// Connections that come in, at a time.
const MAX_INCOMING: usize = 500;
/// Messages of all connections that wait for the user agent; beyond that the peers wait.
const INBOX: usize = 1024;

/// What connections have to say.
pub(super) enum News {
    /// A peer connected.
    Accepted(Hop, Connection),
    /// A message came.
    Message(Hop, Vec<u8>),
    /// No connection could be had: these messages have not left.
    Unreachable(Hop, u64, Vec<Vec<u8>>),
    /// It is gone: what was written may have arrived, or not.
    Closed(Hop, u64),
}

/// The near end of a connection.
pub(super) struct Connection {
    id: u64,
    queue: mpsc::Sender<Vec<u8>>,
}

/// All connections of one user agent.
pub(super) struct Streams {
    open: HashMap<Hop, Connection>,
    shared: Shared,
    inbox: mpsc::Receiver<News>,
}

/// What each task has.
#[derive(Clone)]
struct Shared {
    news: mpsc::Sender<News>,
    tls: Option<Arc<Tls>>,
    ids: Arc<AtomicU64>,
}

impl Streams {
    pub fn new(tls: Option<Arc<Tls>>) -> Streams {
        let (news, inbox) = mpsc::channel(INBOX);
        Streams { open: HashMap::new(), shared: Shared { news, tls, ids: Arc::default() }, inbox }
    }

    /// Takes connections that come in; gives the address that it is bound to.
    pub fn listen(&self, transport: Transport, address: SocketAddr) -> io::Result<SocketAddr> {
        let listener = StdListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let bound = listener.local_addr()?;
        tokio::spawn(accept(listener, transport, self.shared.clone()));
        Ok(bound)
    }

    /// Puts a message into the queue of its connection, which is opened if there is none. Gives it back where it cannot leave.
    pub fn send(&mut self, hop: Hop, mut bytes: Vec<u8>) -> Result<(), Vec<u8>> {
        if let Some(connection) = self.open.get(&hop) {
            bytes = match connection.queue.try_send(bytes) {
                Ok(()) => return Ok(()),
                Err(mpsc::error::TrySendError::Full(bytes)) => {
                    tracing::warn!(peer = %hop, "the peer reads too slowly: connection closed");
                    self.open.remove(&hop);
                    return Err(bytes);
                }
                Err(mpsc::error::TrySendError::Closed(bytes)) => bytes,
            };
        }
        let (queue, waiting) = mpsc::channel(QUEUE);
        queue.try_send(bytes).map_err(|error| error.into_inner())?;
        let id = self.shared.next_id();
        self.open.insert(hop, Connection { id, queue });
        tokio::spawn(connect(hop, id, waiting, self.shared.clone()));
        Ok(())
    }

    pub async fn next(&mut self) -> News {
        match self.inbox.recv().await {
            Some(news) => news,
            // never: `shared` holds a sender
            None => std::future::pending().await,
        }
    }

    pub fn accepted(&mut self, hop: Hop, connection: Connection) {
        self.open.insert(hop, connection);
    }

    /// Forgets a connection, unless another one took its place.
    pub fn gone(&mut self, hop: Hop, id: u64) {
        if self.open.get(&hop).is_some_and(|connection| connection.id == id) {
            self.open.remove(&hop);
        }
    }
}

impl Shared {
    fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }
}

async fn connect(hop: Hop, id: u64, mut waiting: mpsc::Receiver<Vec<u8>>, shared: Shared) {
    let opened = async {
        let stream = TcpStream::connect(hop.address).await?;
        stream.set_nodelay(true)?;
        match (hop.transport, &shared.tls) {
            (Transport::Tls, Some(tls)) => Ok(Secured::Right(Box::new(tls.connect(hop.address, stream).await?.into()))),
            (Transport::Tls, None) => Err(io::Error::other("TLS is not set up")),
            (Transport::Tcp | Transport::Udp, _) => Ok(Secured::Left(stream)),
        }
    };
    let why = match timeout(CONNECT, opened).await {
        Ok(Ok(stream)) => return serve(stream, hop, id, waiting, &shared.news, true).await,
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no connection within {} s", CONNECT.as_secs()),
    };
    tracing::warn!(peer = %hop, why, "no SIP connection");
    // closed first, so that nothing comes in that nobody takes out
    waiting.close();
    let unsent = std::iter::from_fn(|| waiting.try_recv().ok()).collect();
    let _ = shared.news.send(News::Unreachable(hop, id, unsent)).await;
}

/// TCP, or TLS over it.
type Secured = Either<TcpStream, Box<tokio_rustls::TlsStream<TcpStream>>>;

async fn accept(listener: TcpListener, transport: Transport, shared: Shared) {
    let room = Arc::new(Semaphore::new(MAX_INCOMING));
    while !shared.news.is_closed() {
        let Ok(permit) = room.clone().acquire_owned().await else { return };
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // out of descriptors, or a peer that was gone at once
                tracing::debug!(%error, "a SIP connection could not be taken");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (hop, shared) = (Hop::new(transport, peer), shared.clone());
        tokio::spawn(async move {
            let _permit = permit;
            let _ = stream.set_nodelay(true);
            let id = shared.next_id();
            let (queue, waiting) = mpsc::channel(QUEUE);
            let opened = match (transport, &shared.tls) {
                (Transport::Tls, Some(tls)) => match timeout(CONNECT, tls.accept(stream)).await {
                    Ok(Ok(stream)) => Secured::Right(Box::new(stream.into())),
                    Ok(Err(error)) => return tracing::debug!(peer = %hop, %error, "TLS handshake failed"),
                    Err(_) => return tracing::debug!(peer = %hop, "TLS handshake took too long"),
                },
                _ => Secured::Left(stream),
            };
            if shared.news.send(News::Accepted(hop, Connection { id, queue })).await.is_err() {
                return;
            }
            serve(opened, hop, id, waiting, &shared.news, false).await;
        });
    }
}

/// Reads and writes until one side has enough.
async fn serve(
    stream: impl AsyncRead + AsyncWrite,
    hop: Hop,
    id: u64,
    waiting: mpsc::Receiver<Vec<u8>>,
    news: &mpsc::Sender<News>,
    ours: bool,
) {
    match talk(stream, hop, waiting, news, ours).await {
        Ok(()) => tracing::debug!(peer = %hop, "SIP connection closed"),
        Err(why) => tracing::debug!(peer = %hop, why, "SIP connection closed"),
    }
    let _ = news.send(News::Closed(hop, id)).await;
}

async fn talk(
    stream: impl AsyncRead + AsyncWrite,
    hop: Hop,
    mut waiting: mpsc::Receiver<Vec<u8>>,
    news: &mpsc::Sender<News>,
    ours: bool,
) -> Result<(), String> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut framer = Framer::new(Limits::default());
    let mut chunk = vec![0u8; 8192];
    let began = Instant::now();
    let (mut idle, mut ping) = (began + if ours { IDLE } else { FIRST }, began + PING);
    loop {
        let wake = if ours { idle.min(ping) } else { idle };
        tokio::select! {
            message = waiting.recv() => match message {
                Some(bytes) => {
                    write(&mut writer, &bytes).await?;
                    (idle, ping) = (Instant::now() + IDLE, Instant::now() + PING);
                }
                None => {
                    let _ = timeout(WRITE, writer.shutdown()).await;
                    return Ok(());
                }
            },
            read = reader.read(&mut chunk) => {
                let length = read.map_err(|error| error.to_string())?;
                if length == 0 {
                    return Ok(());
                }
                framer.push(&chunk[..length]);
                while let Some(frame) = framer.next_frame().map_err(|error| format!("the peer sends {error}"))? {
                    match frame {
                        Frame::Ping => {
                            write(&mut writer, b"\r\n").await?;
                            idle = Instant::now() + IDLE;
                        }
                        Frame::Message(bytes) => {
                            (idle, ping) = (Instant::now() + IDLE, Instant::now() + PING);
                            news.send(News::Message(hop, bytes)).await.map_err(|_| "the user agent has ended")?;
                        }
                    }
                }
            },
            () = sleep_until(wake) => {
                if Instant::now() >= idle {
                    return Ok(());
                }
                write(&mut writer, b"\r\n\r\n").await?;
                ping = Instant::now() + PING;
            }
        }
    }
}

async fn write(writer: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Result<(), String> {
    let written = async {
        writer.write_all(bytes).await?;
        writer.flush().await
    };
    match timeout(WRITE, written).await {
        Ok(written) => written.map_err(|error| error.to_string()),
        Err(_) => Err("the peer does not read".to_owned()),
    }
}
