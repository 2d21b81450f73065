//! The SIP user agent's sockets: one UDP socket, connections by TCP and TLS (`streams`, `tls`), and one task that owns the [`Endpoint`], feeds it messages, time and
//! commands, and hands its events to whoever owns the session.
//!
//! Decides nothing about calls. Personal data never reaches a log here: what is traced are masked start lines.

mod streams;
#[cfg(test)]
mod tests;
mod tls;

pub use tls::{Tls, TlsFiles};

use crate::net::tls_files::TlsError;
use crate::sip::endpoint::{DoorCounters, Endpoint, EndpointConfig, Errand, ErrandId, Invite, Refer, Reply};
use crate::sip::hop::{Hop, Transport};
use crate::sip::registrar::{RegistrarEvent, RegistrarUser};
use crate::sip::session::{HangupReason, IncomingInvite, SessionEvent, SessionId};
use rand::SeedableRng;
use socket2::{Domain, Protocol, Socket, Type};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket as StdSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};
use streams::{News, Streams};
use thiserror::Error;
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot, watch};

/// Receive buffer asked for: bursts of 2xx overflow the default of some 200 KiB (findings.md, case 18).
const RECEIVE_BUFFER: usize = 4 << 20;
/// The largest datagram UDP can carry.
const MAX_DATAGRAM: usize = 65_535;
/// Datagrams read in a row before commands and timers have their turn.
const BURST: usize = 64;

/// Why the transport does not start.
#[derive(Debug, Error)]
pub enum TransportError {
    /// The address is taken or not ours.
    #[error("cannot listen for SIP on {address}: {source}")]
    Bind {
        /// What was asked for.
        address: Hop,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Events of one session, in order.
pub type SessionEvents = mpsc::UnboundedReceiver<SessionEvent>;

/// What [`start_with_registrar`] gives: the handle, calls that come in, and what happens to phones.
pub type StartedWithRegistrar =
    Result<(SipHandle, mpsc::UnboundedReceiver<IncomingCall>, mpsc::UnboundedReceiver<RegistrarEvent>), TransportError>;

/// A call that came in and awaits `ring`, `accept` or `reject`.
#[derive(Debug)]
pub struct IncomingCall {
    /// The session it will be.
    pub id: SessionId,
    /// Who calls whom, and the offer.
    pub invite: IncomingInvite,
    /// What happens to it from now on.
    pub events: SessionEvents,
}

enum Command {
    Invite(Box<Invite>, oneshot::Sender<(SessionId, SessionEvents)>),
    Hangup(SessionId, HangupReason),
    Ring(SessionId, u16, Option<Vec<u8>>),
    Accept(SessionId, Vec<u8>),
    Reject(SessionId, u16),
    Refer(SessionId, Refer),
    AnswerOffer(SessionId, Option<Vec<u8>>),
    RegistrarUsers(Vec<RegistrarUser>),
    Errand(Box<Errand>, oneshot::Sender<Reply>),
    Welcome(IpAddr),
    Door(oneshot::Sender<(DoorCounters, usize)>),
}

/// Handle on the user agent; cheap to clone. The task ends when the last handle is gone and no session is left, also none whose BYE nobody waits for.
#[derive(Clone, Debug)]
pub struct SipHandle {
    commands: mpsc::UnboundedSender<Command>,
    local: SocketAddr,
    tcp: Option<SocketAddr>,
    tls: Option<SocketAddr>,
    certificates: Option<Arc<Tls>>,
    /// Closed when the task ends.
    ended: watch::Receiver<()>,
}

impl SipHandle {
    /// The address the socket is bound to.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Where connections are taken, as peers are told; none where they are not.
    pub fn local_for(&self, transport: Transport) -> Option<SocketAddr> {
        match transport {
            Transport::Udp => Some(self.local),
            Transport::Tcp => self.tcp,
            Transport::Tls => self.tls,
        }
    }

    /// Gives this handle back and waits until the user agent has ended, which it does once every other handle is gone and every BYE and CANCEL
    /// is answered or given up (at most 64·T1 = 32 s): a process that ends before that may leave a call behind that is billed (findings.md, case 1).
    pub async fn settled(self) {
        let SipHandle { commands, mut ended, .. } = self;
        drop(commands);
        while ended.changed().await.is_ok() {}
    }

    /// Sends an INVITE; `None` only when the transport's task is gone.
    pub async fn invite(&self, invite: Invite) -> Option<(SessionId, SessionEvents)> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Invite(Box::new(invite), reply)).ok()?;
        answer.await.ok()
    }

    /// Sends a request outside of every dialog and waits for its final response, at most 64·T1 = 32 s for each try; `None` only when the transport's task is gone.
    pub async fn errand(&self, errand: Errand) -> Option<Reply> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Errand(Box::new(errand), reply)).ok()?;
        answer.await.ok()
    }

    /// This address is no stranger from now on: a trunk's, whose name was looked up.
    pub fn welcome(&self, ip: IpAddr) {
        let _ = self.commands.send(Command::Welcome(ip));
    }

    /// What happened to strangers so far, and how many addresses are not heard at present.
    pub async fn door(&self) -> Option<(DoorCounters, usize)> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Door(reply)).ok()?;
        answer.await.ok()
    }

    /// Who answers there has to prove this name by TLS ([`Tls::expect`]); nothing without TLS.
    pub fn expect_name(&self, peer: SocketAddr, name: &str) -> Result<(), TlsError> {
        self.certificates.as_ref().map_or(Ok(()), |tls| tls.expect(peer, name))
    }

    /// Ends a session, whatever its stage: CANCEL, BYE or a refusal.
    pub fn hangup(&self, id: SessionId, reason: HangupReason) {
        let _ = self.commands.send(Command::Hangup(id, reason));
    }

    /// Hands the far side of an answered session over; [`SessionEvent::Refer`]s tell what came of it.
    pub fn refer(&self, id: SessionId, refer: Refer) {
        let _ = self.commands.send(Command::Refer(id, refer));
    }

    /// Answers a re-INVITE ([`SessionEvent::Reoffer`]), or refuses it.
    pub fn answer_offer(&self, id: SessionId, answer: Option<Vec<u8>>) {
        let _ = self.commands.send(Command::AnswerOffer(id, answer));
    }

    /// These and nobody else may register from now on; phones of others are unbound. Without a registrar nothing happens.
    pub fn set_registrar_users(&self, users: Vec<RegistrarUser>) {
        let _ = self.commands.send(Command::RegistrarUsers(users));
    }

    /// Answers an incoming call with 180, or 183 and early media.
    pub fn ring(&self, id: SessionId, status: u16, early_media: Option<Vec<u8>>) {
        let _ = self.commands.send(Command::Ring(id, status, early_media));
    }

    /// Answers an incoming call with 200 and this SDP.
    pub fn accept(&self, id: SessionId, answer: Vec<u8>) {
        let _ = self.commands.send(Command::Accept(id, answer));
    }

    /// Refuses an incoming call.
    pub fn reject(&self, id: SessionId, status: u16) {
        let _ = self.commands.send(Command::Reject(id, status));
    }
}

/// Where a user agent listens. An address alone is UDP.
#[derive(Clone, Debug)]
pub struct Listen {
    /// For datagrams.
    pub udp: SocketAddr,
    /// For connections.
    pub tcp: Option<SocketAddr>,
    /// For TLS.
    pub tls: Option<SocketAddr>,
    /// Certificates, for TLS in either direction.
    pub certificates: Option<Arc<Tls>>,
}

impl From<SocketAddr> for Listen {
    fn from(udp: SocketAddr) -> Listen {
        Listen { udp, tcp: None, tls: None, certificates: None }
    }
}

/// Binds `listen`, makes the endpoint from what `config` says for the bound address, and starts its task.
/// The receiver yields incoming calls, if the endpoint's policy lets any through.
pub fn start(
    listen: impl Into<Listen>,
    config: impl FnOnce(SocketAddr) -> EndpointConfig,
) -> Result<(SipHandle, mpsc::UnboundedReceiver<IncomingCall>), TransportError> {
    start_with_registrar(listen, config).map(|(handle, calls, _)| (handle, calls))
}

/// The same for an endpoint that may have a registrar ([`EndpointConfig::registrar`]). The last receiver yields what happens to phones; it may be
/// dropped.
pub fn start_with_registrar(
    listen: impl Into<Listen>,
    config: impl FnOnce(SocketAddr) -> EndpointConfig,
) -> StartedWithRegistrar {
    let Listen { udp, tcp, tls, certificates } = listen.into();
    let failed =
        |transport, address| move |source| TransportError::Bind { address: Hop::new(transport, address), source };
    let socket = bind(udp).map_err(failed(Transport::Udp, udp))?;
    let local = socket.local_addr().map_err(failed(Transport::Udp, udp))?;
    let streams = Streams::new(certificates.clone());
    let mut config = config(local);
    for (transport, listen) in [(Transport::Tcp, tcp), (Transport::Tls, tls)] {
        let Some(listen) = listen else { continue };
        let bound = streams.listen(transport, listen).map_err(failed(transport, listen))?;
        config.set_local(transport, bound.port());
    }
    let (tcp, tls) = (config.local_tcp, config.local_tls);
    let endpoint = Endpoint::new(config, Box::new(rand_chacha::ChaCha12Rng::from_rng(&mut rand::rng())));
    let (commands, inbox) = mpsc::unbounded_channel();
    let (incoming, calls) = mpsc::unbounded_channel();
    let (end, ended) = watch::channel(());
    let (phones, registrations) = mpsc::unbounded_channel();
    let agent = Agent {
        endpoint,
        socket,
        streams,
        sessions: HashMap::new(),
        errands: HashMap::new(),
        incoming,
        phones,
        _end: end,
    };
    tokio::spawn(agent.run(inbox));
    Ok((SipHandle { commands, local, tcp, tls, certificates, ended }, calls, registrations))
}

fn bind(listen: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(listen), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.set_nonblocking(true)?;
    socket.bind(&listen.into())?;
    errors::ask_for(&socket, listen)?;
    UdpSocket::from_std(StdSocket::from(socket))
}

struct Agent {
    endpoint: Endpoint,
    socket: UdpSocket,
    streams: Streams,
    sessions: HashMap<SessionId, mpsc::UnboundedSender<SessionEvent>>,
    errands: HashMap<ErrandId, oneshot::Sender<Reply>>,
    incoming: mpsc::UnboundedSender<IncomingCall>,
    phones: mpsc::UnboundedSender<RegistrarEvent>,
    _end: watch::Sender<()>,
}

impl Agent {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Command>) {
        let mut buffer = vec![0u8; MAX_DATAGRAM];
        let mut open = true;
        // Sessions that nobody owns any more may still owe somebody a BYE.
        while open || self.endpoint.load().sessions > 0 {
            self.flush();
            let deadline = self.endpoint.poll_timeout().map(|(at, _)| at);
            let wake = deadline.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
            tokio::select! {
                command = inbox.recv(), if open => match command {
                    Some(command) => self.command(command),
                    None => open = false,
                },
                news = self.streams.next() => self.news(news),
                ready = self.socket.readable() => if ready.is_ok() { self.receive(&mut buffer) },
                () = tokio::time::sleep_until(wake.into()) => self.endpoint.handle_timeout(Instant::now()),
            }
        }
        self.flush();
    }

    fn command(&mut self, command: Command) {
        let now = Instant::now();
        match command {
            Command::Invite(invite, reply) => {
                let id = self.endpoint.invite(now, *invite);
                let (events, receiver) = mpsc::unbounded_channel();
                self.sessions.insert(id, events);
                if reply.send((id, receiver)).is_err() {
                    self.endpoint.hangup(now, id, HangupReason::Normal);
                }
            }
            Command::Hangup(id, reason) => self.endpoint.hangup(now, id, reason),
            Command::Ring(id, status, sdp) => self.endpoint.ring(now, id, status, sdp),
            Command::Accept(id, sdp) => self.endpoint.accept(now, id, sdp),
            Command::Reject(id, status) => self.endpoint.reject(now, id, status, Vec::new()),
            Command::Refer(id, refer) => self.endpoint.refer(now, id, refer),
            Command::AnswerOffer(id, answer) => self.endpoint.answer_offer(now, id, answer),
            Command::Welcome(ip) => self.endpoint.welcome(ip),
            // who asked may not wait any more
            Command::Door(reply) => drop(reply.send(self.endpoint.door(now))),
            Command::Errand(errand, reply) => {
                let id = self.endpoint.errand(now, *errand);
                self.errands.insert(id, reply);
            }
            Command::RegistrarUsers(users) => self.endpoint.set_registrar_users(&users),
        }
    }

    fn news(&mut self, news: News) {
        let now = Instant::now();
        match news {
            News::Accepted(hop, connection) => self.streams.accepted(hop, connection),
            News::Message(hop, bytes) => self.endpoint.handle_datagram(now, hop, &bytes),
            News::Unreachable(hop, id, unsent) => {
                self.streams.gone(hop, id);
                for bytes in unsent {
                    self.endpoint.handle_undelivered(now, &bytes);
                }
            }
            News::Closed(hop, id) => {
                self.streams.gone(hop, id);
                self.endpoint.handle_broken(hop);
            }
        }
    }

    fn receive(&mut self, buffer: &mut [u8]) {
        for _ in 0..BURST {
            match self.socket.try_recv_from(buffer) {
                Ok((length, from)) => self.endpoint.handle_datagram(Instant::now(), from, &buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.unreachable(),
            }
        }
    }

    /// Sends what the endpoint wants sent and delivers what it has to say.
    fn flush(&mut self) {
        loop {
            let mut idle = true;
            while let Some(transmit) = self.endpoint.poll_transmit() {
                idle = false;
                if transmit.to.transport.is_reliable() {
                    if let Err(bytes) = self.streams.send(transmit.to, transmit.bytes) {
                        self.endpoint.handle_undelivered(Instant::now(), &bytes);
                    }
                    continue;
                }
                match self.socket.try_send_to(&transmit.bytes, transmit.to.address) {
                    Ok(_) => {}
                    // A full send buffer is a lost datagram: the transaction's timers send it again.
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    // An ICMP error of an earlier datagram shows here and this one did not leave: collect it, send again.
                    Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                        self.unreachable();
                        let _ = self.socket.try_send_to(&transmit.bytes, transmit.to.address);
                    }
                    Err(error) => {
                        tracing::warn!(peer = %transmit.to, %error, "a SIP message could not be sent");
                        self.endpoint.handle_unreachable(Instant::now(), transmit.to);
                    }
                }
            }
            while let Some((id, event)) = self.endpoint.poll_event() {
                idle = false;
                self.deliver(id, event);
            }
            while let Some((id, reply)) = self.endpoint.poll_reply() {
                // who asked may not wait any more
                self.errands.remove(&id).map(|asked| asked.send(reply));
            }
            while let Some(event) = self.endpoint.poll_registrar_event() {
                // Whoever wants to know listens; calls do not depend on it.
                let _ = self.phones.send(event);
            }
            if idle {
                return;
            }
        }
    }

    fn deliver(&mut self, id: SessionId, event: SessionEvent) {
        if let SessionEvent::Incoming(invite) = event {
            let (events, receiver) = mpsc::unbounded_channel();
            self.sessions.insert(id, events);
            if self.incoming.send(IncomingCall { id, invite: *invite, events: receiver }).is_err() {
                self.endpoint.reject(Instant::now(), id, 480, Vec::new());
            }
            return;
        }
        let last = matches!(event, SessionEvent::Failed(_) | SessionEvent::Ended { .. } | SessionEvent::Canceled);
        let Some(owner) = self.sessions.get(&id) else { return };
        if owner.send(event).is_err() {
            // The owner is gone: nobody listens to this call any more, so it must not stay up.
            self.endpoint.hangup(Instant::now(), id, HangupReason::Normal);
            self.sessions.remove(&id);
        } else if last {
            self.sessions.remove(&id);
        }
    }

    /// Collects ICMP errors and tells the endpoint which peers are not there.
    fn unreachable(&mut self) {
        while let Some(peer) = errors::next(&self.socket) {
            self.endpoint.handle_unreachable(Instant::now(), peer);
        }
    }
}

/// ICMP errors of an unconnected UDP socket (`ip(7)`, `IP_RECVERR`): the kernel queues them with the address that the datagram went to.
mod errors {
    use nix::sys::socket::{MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
    use socket2::Socket;
    use std::io::{self, IoSliceMut};
    use std::net::SocketAddr;
    use std::os::fd::AsRawFd;
    use tokio::net::UdpSocket;

    pub(super) fn ask_for(socket: &Socket, listen: SocketAddr) -> io::Result<()> {
        match listen {
            SocketAddr::V4(_) => setsockopt(socket, sockopt::Ipv4RecvErr, &true)?,
            SocketAddr::V6(_) => setsockopt(socket, sockopt::Ipv6RecvErr, &true)?,
        }
        Ok(())
    }

    /// Where the next queued error's datagram was sent to.
    pub(super) fn next(socket: &UdpSocket) -> Option<SocketAddr> {
        let mut payload = [0u8; 64];
        let mut parts = [IoSliceMut::new(&mut payload)];
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        let message = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, None, flags).ok()?;
        crate::net::socket_addr(&message.address?)
    }
}
