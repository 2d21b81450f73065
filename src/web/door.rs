//! Where connections come in: plain, or by TLS. Handshakes run beside each other, so that one who says nothing keeps nobody waiting, and are given up after a while.

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes at the same time; whoever comes then waits.
const HANDSHAKES: usize = 256;

/// A connection.
pub type Stream = Either<TcpStream, TlsStream<TcpStream>>;

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Their address.
    pub address: IpAddr,
    /// The connection is encrypted.
    pub tls: bool,
}

/// Takes connections.
pub enum Door {
    /// As they come.
    Plain(TcpListener),
    /// After their handshake.
    Tls {
        /// Those whose handshake is done.
        done: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
        /// Where we listen.
        local: SocketAddr,
        /// What takes and shakes hands.
        task: JoinHandle<()>,
    },
}

impl Door {
    /// Opens it; with a configuration by TLS alone.
    pub fn open(listener: TcpListener, tls: Option<Arc<ServerConfig>>) -> io::Result<Door> {
        let Some(config) = tls else { return Ok(Door::Plain(listener)) };
        let local = listener.local_addr()?;
        let (send, done) = mpsc::channel(HANDSHAKES);
        Ok(Door::Tls { done, local, task: tokio::spawn(shake_hands(listener, TlsAcceptor::from(config), send)) })
    }
}

async fn shake_hands(
    mut listener: TcpListener,
    acceptor: TlsAcceptor,
    send: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    let room = Arc::new(Semaphore::new(HANDSHAKES));
    loop {
        let Ok(permit) = room.clone().acquire_owned().await else { return };
        // axum's own: it waits a second where the system has no files left, and never ends.
        let (tcp, peer) = Listener::accept(&mut listener).await;
        let (acceptor, send) = (acceptor.clone(), send.clone());
        tokio::spawn(async move {
            match tokio::time::timeout(HANDSHAKE, acceptor.accept(tcp)).await {
                Ok(Ok(stream)) => drop(send.send((stream, peer)).await),
                Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                Err(_) => tracing::debug!("a TLS handshake was not finished in time"),
            }
            drop(permit);
        });
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Door::Tls { task, .. } = self {
            task.abort();
        }
    }
}

impl Listener for Door {
    type Io = Stream;
    type Addr = Peer;

    async fn accept(&mut self) -> (Stream, Peer) {
        match self {
            Door::Plain(listener) => {
                let (tcp, peer) = Listener::accept(listener).await;
                (Either::Left(tcp), Peer { address: peer.ip(), tls: false })
            }
            Door::Tls { done, .. } => match done.recv().await {
                Some((stream, peer)) => (Either::Right(stream), Peer { address: peer.ip(), tls: true }),
                // The task ends only with us.
                None => std::future::pending().await,
            },
        }
    }

    fn local_addr(&self) -> io::Result<Peer> {
        Ok(match self {
            Door::Plain(listener) => Peer { address: listener.local_addr()?.ip(), tls: false },
            Door::Tls { local, .. } => Peer { address: local.ip(), tls: true },
        })
    }
}

impl Connected<IncomingStream<'_, Door>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Peer {
        *stream.remote_addr()
    }
}
