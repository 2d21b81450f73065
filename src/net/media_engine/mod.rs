//! The media plane: calls' RTP on threads of their own, apart from the control plane (docs/ARCHITECTURE.md; measured in the decision records).
//!
//! A media thread turns a wheel of twenty 1 ms slices ([`wheel`]); each call has a UDP socket and a [`Session`](crate::media::session::Session).
//! Commands go in and events come out by lock-free queues. Two more threads take what may block: one hands events to their owners and closes
//! sockets, one writes recordings. Never: a tokio task for a call, a lock or a file on a media thread.

mod arrival;
mod call;
mod control;
mod lane;
mod latch;
mod lease;
mod load;
mod ports;
mod realtime;
mod relook;
mod srtp;
mod stats;
mod wheel;
mod writer;

use crate::media::Codec;
use crate::media::session::{Change, Command, Event, SessionParams};
use crate::sdp::Srtp;
use lane::{CallSocket, Inbox, Lane, Message, Remote};
pub(in crate::net) use lease::PortLease;
use ports::PortPool;
pub use realtime::Granted;
pub(in crate::net) use realtime::prepare as prepare_thread;
use srtp::Protection;
pub use stats::MediaStats;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::mpsc::UnboundedSender;

/// Receive buffer of a call's socket: some seconds of RTP, should a thread stand still (the kernel may grant less).
const RECEIVE_BUFFER: usize = 512 * 1024;
/// Expedited forwarding (RFC 3246), as the byte of the IP header.
const EXPEDITED: u32 = 46 << 2;

pub use crate::config::InBand;

/// How the media plane runs.
#[derive(Clone, Debug)]
pub struct MediaConfig {
    /// Local address of the RTP sockets.
    pub bind: IpAddr,
    /// First port; 0 and 0: the kernel chooses.
    pub port_min: u16,
    /// Last port.
    pub port_max: u16,
    /// A port rests this long after a call.
    pub port_quarantine: Duration,
    /// Media threads; 0: one for each core.
    pub threads: usize,
    /// Calls that one thread takes at most; 3,000 is a core's measured budget.
    pub calls_per_thread: usize,
    /// Folder of the recordings; made if missing.
    pub recordings_dir: PathBuf,
    /// Recordings are trimmed and levelled when they end.
    pub polish: bool,
    /// When keys are looked for in the audio.
    pub in_band: InBand,
    /// Without a packet for this long a call's audio is lost.
    pub rtp_timeout: Duration,
    /// A far side that hears nothing of us for this long is told; 0: never.
    pub one_way_after: Duration,
}

impl MediaConfig {
    /// One thread, ports by the kernel, ten seconds until audio is lost, fifteen until a far side counts as deaf.
    pub fn new(bind: IpAddr, recordings_dir: PathBuf) -> MediaConfig {
        MediaConfig {
            bind,
            port_min: 0,
            port_max: 0,
            port_quarantine: Duration::from_secs(30),
            threads: 1,
            calls_per_thread: 3_000,
            recordings_dir,
            polish: false,
            in_band: InBand::Auto,
            rtp_timeout: Duration::from_secs(10),
            one_way_after: Duration::from_secs(15),
        }
    }
}

/// Why the media plane cannot start, or a call not be opened.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The range has no even port.
    #[error("the RTP port range {min}-{max} has no even port")]
    PortRange {
        /// First port.
        min: u16,
        /// Last port.
        max: u16,
    },
    /// The folder of the recordings.
    #[error("the folder of the recordings {} cannot be made: {error}", .folder.display())]
    Recordings {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The system gave no thread.
    #[error("no media thread could be started: {0}")]
    Thread(io::Error),
    /// All threads have as many calls as they may.
    #[error("the media plane is full: {calls} calls")]
    Full {
        /// The limit over all threads.
        calls: usize,
    },
    /// All ports are taken or rest.
    #[error("no RTP port is free")]
    NoPort,
    /// The system gave no socket.
    #[error("no RTP socket on {bind}: {error}")]
    Socket {
        /// Local address.
        bind: IpAddr,
        /// What the system said.
        error: io::Error,
    },
}

/// The other side of a call, as negotiated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peer {
    /// Where its SDP wants the media.
    pub remote: SocketAddr,
    /// Where it wants RTCP; the same address where RTP and RTCP share a port.
    pub rtcp: SocketAddr,
    /// The codec that we send.
    pub codec: Codec,
    /// Audio in one packet that it wants, in ms; 10, 20, 30 and 40 are served, else 20.
    pub packet_ms: u32,
    /// Payload type of the telephone-events that we send.
    pub telephone_event: Option<u8>,
    /// Payload type in which we offered to receive them.
    pub receive_telephone_event: Option<u8>,
    /// Payload type of comfort noise, where it is not the static 13.
    pub comfort_noise: Option<u8>,
    /// The keys, where the media are encrypted.
    pub srtp: Option<Srtp>,
}

/// For the thread that hands out events.
enum Notice {
    Event(UnboundedSender<Event>, Event),
    /// A call's socket, to be closed, and its port, to rest.
    Retired(CallSocket),
    Stop,
}

/// Where the media threads put what others shall do.
struct Outlets {
    notices: Inbox<Notice>,
    writer: Inbox<writer::Job>,
}

struct Shared {
    config: MediaConfig,
    lanes: Vec<Lane>,
    outlets: Outlets,
    ports: Mutex<PortPool>,
    next_call: AtomicU64,
}

impl Shared {
    fn ports(&self) -> MutexGuard<'_, PortPool> {
        self.ports.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// The media plane. Dropping it closes all calls and ends its threads; recordings are finished first.
pub struct MediaEngine {
    shared: Arc<Shared>,
    granted: Vec<Granted>,
    media_threads: Vec<JoinHandle<()>>,
    writer: Option<JoinHandle<()>>,
    events: Option<JoinHandle<()>>,
}

impl MediaEngine {
    /// Starts the threads.
    pub fn start(mut config: MediaConfig) -> Result<MediaEngine, MediaError> {
        let (min, max) = (config.port_min, config.port_max);
        let ports = PortPool::new(min, max, config.port_quarantine);
        if ports.size() == Some(0) {
            return Err(MediaError::PortRange { min, max });
        }
        let folder = config.recordings_dir.clone();
        std::fs::create_dir_all(&folder).map_err(|error| MediaError::Recordings { folder, error })?;
        if config.threads == 0 {
            config.threads = std::thread::available_parallelism().map_or(1, usize::from);
        }
        let shared = Arc::new(Shared {
            lanes: (0..config.threads).map(|_| Lane::new()).collect(),
            outlets: Outlets { notices: Inbox::new(), writer: Inbox::new() },
            ports: Mutex::new(ports),
            next_call: AtomicU64::new(0),
            config,
        });
        // from here on an error drops the engine, which ends the threads that run
        let (granted, media_threads) = (Vec::new(), Vec::new());
        let mut engine = MediaEngine { shared, granted, media_threads, writer: None, events: None };
        engine.start_threads().map_err(MediaError::Thread)?;
        Ok(engine)
    }

    fn start_threads(&mut self) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let events = spawn("media-events", move || hand_out(&shared))?;
        self.shared.outlets.notices.received_by(events.thread().clone());
        self.events = Some(events);
        let shared = Arc::clone(&self.shared);
        let writer = move || {
            let Outlets { notices, writer } = &shared.outlets;
            writer::run(writer, notices, &shared.config.recordings_dir, shared.config.polish);
        };
        let writer = spawn("media-writer", writer)?;
        self.shared.outlets.writer.received_by(writer.thread().clone());
        self.writer = Some(writer);
        for index in 0..self.shared.lanes.len() {
            let shared = Arc::clone(&self.shared);
            let (tell, told) = mpsc::channel();
            let media = spawn(&format!("media-{index}"), move || {
                let _ = tell.send(realtime::prepare(index));
                wheel::Wheel::new(&shared.lanes[index], &shared.outlets).run();
            })?;
            self.shared.lanes[index].inbox.received_by(media.thread().clone());
            self.media_threads.push(media);
            self.granted.extend(told.recv());
        }
        Ok(())
    }

    /// What the kernel granted to each media thread.
    pub fn granted(&self) -> &[Granted] {
        &self.granted
    }

    /// Opens a call: binds its socket, so that the port can be offered. Its events go to `events`.
    pub fn open(&self, events: UnboundedSender<Event>) -> Result<MediaHandle, MediaError> {
        let (config, lanes) = (&self.shared.config, &self.shared.lanes);
        let lane = self.reserve().ok_or(MediaError::Full { calls: config.calls_per_thread * lanes.len() })?;
        let release = |error| {
            lanes[lane].calls.fetch_sub(1, Ordering::Relaxed);
            error
        };
        let (port, socket) = self.shared.bind_port().map_err(release)?;
        let local = match socket.local_addr() {
            Ok(local) => local,
            Err(error) => {
                self.shared.ports().give_back(Instant::now(), port);
                return Err(release(MediaError::Socket { bind: config.bind, error }));
            }
        };
        let call = self.shared.next_call.fetch_add(1, Ordering::Relaxed);
        lanes[lane].inbox.send(Message::Open { call, socket: CallSocket { socket, control: None, port }, events });
        Ok(MediaHandle { shared: Arc::clone(&self.shared), lane, call, local })
    }

    /// Whether another customer may be called: some thread has a place and keeps its time. (A second leg of a running call only needs a place.)
    pub fn has_room(&self) -> bool {
        let limit = self.shared.config.calls_per_thread;
        let room = |lane: &Lane| lane.calls.load(Ordering::Relaxed) < limit && !lane.strained.load(Ordering::Relaxed);
        self.shared.lanes.iter().any(room)
    }

    /// A place on the thread that has the fewest calls, one that keeps its time first.
    fn reserve(&self) -> Option<usize> {
        let limit = self.shared.config.calls_per_thread;
        let load = |lane: &Lane| (lane.strained.load(Ordering::Relaxed), lane.calls.load(Ordering::Relaxed));
        let (index, lane) = self.shared.lanes.iter().enumerate().min_by_key(|(_, lane)| load(lane))?;
        let add = |calls: usize| (calls < limit).then_some(calls + 1);
        lane.calls.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).ok().map(|_| index)
    }

    /// The counters now.
    pub fn stats(&self) -> MediaStats {
        let mut stats = MediaStats::default();
        for lane in &self.shared.lanes {
            stats.add(&lane.counters);
            stats.calls += lane.calls.load(Ordering::Relaxed) as u64;
        }
        stats
    }
}

impl Drop for MediaEngine {
    fn drop(&mut self) {
        self.shared.lanes.iter().for_each(|lane| lane.inbox.send(Message::Stop));
        self.media_threads.drain(..).for_each(|thread| drop(thread.join()));
        // in the order in which they put in: what the others put in last is before these
        self.shared.outlets.writer.send(writer::Job::Stop);
        self.writer.take().map(JoinHandle::join);
        self.shared.outlets.notices.send(Notice::Stop);
        self.events.take().map(JoinHandle::join);
    }
}

/// One call's media. Dropping it closes the call.
pub struct MediaHandle {
    shared: Arc<Shared>,
    lane: usize,
    call: u64,
    local: SocketAddr,
}

impl MediaHandle {
    /// The socket's address, for the SDP.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Media flow from now on, to and from `peer`. A second start is ignored.
    pub fn start(&self, peer: Peer) {
        let params = SessionParams {
            codec: peer.codec,
            packet_ms: peer.packet_ms,
            in_band: match self.shared.config.in_band {
                InBand::Auto => peer.telephone_event.is_none(),
                InBand::Always => true,
                InBand::Never => false,
            },
            telephone_event: peer.telephone_event,
            receive_telephone_event: peer.receive_telephone_event,
            comfort_noise: peer.comfort_noise,
            ssrc: rand::random(),
            first_sequence: rand::random(),
            first_timestamp: rand::random(),
            rtp_timeout: self.shared.config.rtp_timeout,
            one_way_after: self.shared.config.one_way_after,
            ntp: ntp_now(),
        };
        let remote = Remote { rtp: peer.remote, rtcp: peer.rtcp };
        let control = if peer.rtcp == peer.remote { None } else { self.shared.bind_next(self.local) };
        let protection = peer.srtp.map(|keys| Box::new(Protection::new(keys)));
        self.tell(Message::Start { call: self.call, remote, control, protection, params });
    }

    /// The far side wants something else by a re-INVITE. The length of packets stays: it is a wish (RFC 8866 6.4), and the call has its place in the wheel.
    pub fn change(&self, peer: Peer, may_send: bool, may_receive: bool) {
        let Peer { remote, rtcp, codec, telephone_event, receive_telephone_event, comfort_noise, srtp, .. } = peer;
        if let Some(keys) = srtp {
            self.tell(Message::Rekey { call: self.call, keys });
        }
        // an unspecified address is the hold of RFC 2543: nothing is sent there
        if !remote.ip().is_unspecified() {
            self.tell(Message::Move { call: self.call, remote: Remote { rtp: remote, rtcp } });
        }
        let change = Change { codec, telephone_event, receive_telephone_event, comfort_noise, may_send, may_receive };
        self.command(Command::Change(change));
    }

    /// A command for the session; before the start it waits for it.
    pub fn command(&self, command: Command) {
        self.tell(Message::Command { call: self.call, command });
    }

    /// Ends the media before the handle goes: once the call's events end, the last one has said how good the media were.
    pub fn close(&self) {
        self.tell(Message::Close { call: self.call });
    }

    fn tell(&self, message: Message) {
        self.shared.lanes[self.lane].inbox.send(message);
    }
}

impl Drop for MediaHandle {
    fn drop(&mut self) {
        self.close();
        self.shared.lanes[self.lane].calls.fetch_sub(1, Ordering::Relaxed);
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work)
}

/// Hands events to their owners, and closes sockets.
fn hand_out(shared: &Shared) {
    loop {
        match shared.outlets.notices.wait() {
            Notice::Event(owner, event) => drop(owner.send(event)), // the owner may be gone
            Notice::Retired(CallSocket { socket, control, port }) => {
                drop((socket, control));
                shared.ports().give_back(Instant::now(), port);
            }
            Notice::Stop => return,
        }
    }
}

/// The wall clock in the format of NTP: seconds since 1900, and 2⁻³² seconds (RFC 3550 4).
fn ntp_now() -> u64 {
    const UNIX_EPOCH: u64 = 2_208_988_800;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    ((now.as_secs() + UNIX_EPOCH) << 32) | ((u64::from(now.subsec_nanos()) << 32) / 1_000_000_000)
}

/// How often another port is asked for when somebody was quicker.
const BIND_TRIES: u32 = 16;

/// Binds a socket for media. A port that the kernel chooses is asked for by name then: a socket keeps only a port that was asked for when it is
/// disconnected (`relook`).
fn bind(address: IpAddr, port: u16) -> io::Result<UdpSocket> {
    if port != 0 {
        return bind_to(address, port);
    }
    let mut bound = Err(io::ErrorKind::AddrInUse.into());
    for _ in 0..BIND_TRIES {
        let port = UdpSocket::bind((address, 0))?.local_addr()?.port();
        bound = bind_to(address, port);
        if !bound.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse) {
            break;
        }
    }
    bound
}

fn bind_to(address: IpAddr, port: u16) -> io::Result<UdpSocket> {
    let domain = socket2::Domain::for_address(SocketAddr::new(address, port));
    let socket = socket2::Socket::new(domain, socket2::Type::DGRAM, Some(socket2::Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    // wishes; media flow without them
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    let _ = if address.is_ipv4() { socket.set_tos_v4(EXPEDITED) } else { socket.set_tclass_v6(EXPEDITED) };
    socket.bind(&SocketAddr::new(address, port).into())?;
    let socket = socket.into();
    arrival::ask(&socket);
    Ok(socket)
}

#[cfg(test)]
mod bridge_tests;
#[cfg(test)]
mod control_tests;
#[cfg(test)]
mod peer_tests;
#[cfg(test)]
mod record_tests;
#[cfg(test)]
mod tests;
