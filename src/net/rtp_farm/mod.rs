//! The other end of very many calls, as cheap as it can be: few sockets, one thread, packets by the batch, times of arrival by the kernel. It is the load and the
//! measuring device of `huifang bench`; the engine's own media plane is `media_engine`.

mod batch;
mod floor;
mod tally;

pub use floor::floor;
pub use tally::{Seen, Spread};

use crate::media::Codec;
use crate::media::dtmf::rfc4733;
use crate::media::rtp::{HEADER_LEN, SendStream};
use crate::media::{FRAME_MS, FRAME_SAMPLES};
use batch::{Batch, Outgoing};
use nix::sys::socket::SockaddrStorage;
use nix::time::{ClockId, clock_gettime};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tally::{Ear, Tally};

/// Slices of 1 ms in one packet's time.
const SLICES: usize = FRAME_MS as usize;
/// How long a key is held, in ms.
const PRESS_MS: u32 = 100;
/// The key that is pressed.
const KEY: &str = "1";
/// Packet of G.711.
const PACKET: usize = HEADER_LEN + FRAME_SAMPLES;

enum Order {
    /// Send to and listen to this peer from now on; the 200 leaves now.
    Add {
        socket: usize,
        remote: SocketAddr,
        telephone_event: u8,
    },
    Remove(SocketAddr),
    /// Every call presses a key, spread over this time; how many were told to.
    Press(Duration, mpsc::Sender<u64>),
    Take(mpsc::Sender<Seen>),
    Stop,
}

/// The farm. Dropping it ends its thread.
pub struct Farm {
    orders: mpsc::Sender<Order>,
    addresses: Vec<SocketAddr>,
    thread: Option<JoinHandle<()>>,
}

impl Farm {
    /// Binds `sockets` sockets on `bind` and starts the thread.
    pub fn start(bind: IpAddr, sockets: usize) -> io::Result<Farm> {
        let sockets = (0..sockets.max(1)).map(|_| batch::bind(bind)).collect::<io::Result<Vec<UdpSocket>>>()?;
        let addresses = sockets.iter().map(UdpSocket::local_addr).collect::<io::Result<_>>()?;
        let (orders, inbox) = mpsc::channel();
        let run = move || Thread::new(sockets, inbox).run();
        let thread = std::thread::Builder::new().name("rtp-farm".to_owned()).spawn(run)?;
        Ok(Farm { orders, addresses, thread: Some(thread) })
    }

    /// Where calls can send to; a call belongs to one of them.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// A call on the socket `socket` with a peer that sends from `remote`. To be called when the 200 leaves.
    pub fn add(&self, socket: usize, remote: SocketAddr, telephone_event: u8) {
        self.tell(Order::Add { socket, remote, telephone_event });
    }

    /// The call with this peer is over.
    pub fn remove(&self, remote: SocketAddr) {
        self.tell(Order::Remove(remote));
    }

    /// Each call presses a key once, spread over `over`; how many will.
    pub fn press(&self, over: Duration) -> u64 {
        let (reply, answer) = mpsc::channel();
        self.tell(Order::Press(over, reply));
        answer.recv().unwrap_or_default()
    }

    /// What was seen since this was last asked.
    pub fn take(&self) -> Seen {
        let (reply, answer) = mpsc::channel();
        self.tell(Order::Take(reply));
        answer.recv().unwrap_or_default()
    }

    fn tell(&self, order: Order) {
        // the thread lives as long as this
        let _ = self.orders.send(order);
    }
}

impl Drop for Farm {
    fn drop(&mut self) {
        self.tell(Order::Stop);
        self.thread.take().map(JoinHandle::join);
    }
}

/// A call.
struct Call {
    socket: usize,
    to: SockaddrStorage,
    slice: usize,
    stream: SendStream,
    telephone_event: u8,
    key: Option<rfc4733::Sender>,
    press_at: Option<Instant>,
    ear: Ear,
}

struct Thread {
    sockets: Vec<UdpSocket>,
    inbox: mpsc::Receiver<Order>,
    calls: HashMap<SocketAddr, Call>,
    /// Peers by the slice in which they are sent to.
    slices: [Vec<SocketAddr>; SLICES],
    batch: Batch,
    tally: Tally,
    /// What everybody says.
    voice: [u8; FRAME_SAMPLES],
}

impl Thread {
    fn new(sockets: Vec<UdpSocket>, inbox: mpsc::Receiver<Order>) -> Thread {
        let voice = std::array::from_fn(|n| Codec::Pcma.encode(murmur(n)));
        let (calls, slices) = (HashMap::new(), Default::default());
        Thread { sockets, inbox, calls, slices, batch: Batch::default(), tally: Tally::default(), voice }
    }

    fn run(mut self) {
        // its times of arrival are the kernel's; lateness of the thread itself only bunches what it sends. Not on the core of the engine's first media thread
        super::media_engine::prepare_thread(1);
        let (start, mut slice) = (Instant::now(), 0u64);
        while self.read_orders() {
            let now = Instant::now();
            self.receive();
            self.send((slice % SLICES as u64) as usize, now);
            slice += 1;
            let due = start + Duration::from_millis(slice);
            match due.checked_duration_since(Instant::now()) {
                Some(left) => std::thread::sleep(left),
                // what was missed is left out, not made up for: a burst would measure ourselves
                None => slice = slice.max(start.elapsed().as_millis() as u64),
            }
        }
    }

    fn read_orders(&mut self) -> bool {
        while let Ok(order) = self.inbox.try_recv() {
            match order {
                Order::Add { socket, remote, telephone_event } => self.add(socket, remote, telephone_event),
                Order::Remove(remote) => {
                    if let Some(call) = self.calls.remove(&remote) {
                        self.slices[call.slice].retain(|other| *other != remote);
                    }
                }
                Order::Press(over, reply) => {
                    let step = over / u32::try_from(self.calls.len().max(1)).unwrap_or(u32::MAX);
                    let mut at = Instant::now();
                    for call in self.calls.values_mut() {
                        call.press_at = Some(at);
                        at += step;
                    }
                    let _ = reply.send(self.calls.len() as u64);
                }
                Order::Take(reply) => drop(reply.send(self.tally.take())),
                Order::Stop => return false,
            }
        }
        true
    }

    fn add(&mut self, socket: usize, remote: SocketAddr, telephone_event: u8) {
        let emptiest = (0..SLICES).min_by_key(|slice| self.slices[*slice].len()).unwrap_or(0);
        let mut ear = Ear::default();
        ear.answered(realtime_ns());
        let call = Call {
            socket: socket % self.sockets.len(),
            to: SockaddrStorage::from(remote),
            slice: emptiest,
            stream: SendStream::new(rand::random(), rand::random(), rand::random()),
            telephone_event,
            key: None,
            press_at: None,
            ear,
        };
        self.slices[emptiest].push(remote);
        self.calls.insert(remote, call);
    }

    fn receive(&mut self) {
        let Thread { sockets, calls, batch, tally, .. } = self;
        for socket in sockets.iter() {
            batch.receive(socket, |from, datagram, ns| {
                if let Some(call) = calls.get_mut(&from) {
                    tally.packet(&mut call.ear, datagram, ns);
                }
            });
        }
    }

    fn send(&mut self, slice: usize, now: Instant) {
        let mut waiting: Vec<Vec<Outgoing>> = vec![Vec::new(); self.sockets.len()];
        for remote in &self.slices[slice] {
            let Some(call) = self.calls.get_mut(remote) else { continue };
            waiting[call.socket].push(call.next_packet(&self.voice, now));
        }
        for (socket, packets) in self.sockets.iter().zip(waiting) {
            self.batch.send(socket, &packets);
        }
    }
}

impl Call {
    fn next_packet(&mut self, voice: &[u8; FRAME_SAMPLES], now: Instant) -> Outgoing {
        let clock = self.stream.timestamp();
        self.stream.advance(FRAME_SAMPLES as u32);
        if self.press_at.take_if(|at| now >= *at).is_some() {
            self.key = Some(rfc4733::Sender::new(KEY, PRESS_MS, 0, FRAME_MS));
            self.ear.pressed(realtime_ns());
        }
        let step = self.key.as_mut().map(|key| key.step(clock));
        let mut bytes = [0; PACKET];
        let length = match step {
            Some(rfc4733::Step::Packet { marker, timestamp, payload }) => {
                let header = self.stream.next_header(self.telephone_event, marker, timestamp);
                bytes[..HEADER_LEN].copy_from_slice(&header.to_bytes());
                bytes[HEADER_LEN..HEADER_LEN + 4].copy_from_slice(&payload.to_bytes());
                HEADER_LEN + 4
            }
            Some(rfc4733::Step::Pause | rfc4733::Step::Done) | None => {
                let header = self.stream.next_header(Codec::Pcma.payload_type(), false, clock);
                bytes[..HEADER_LEN].copy_from_slice(&header.to_bytes());
                bytes[HEADER_LEN..].copy_from_slice(voice);
                PACKET
            }
        };
        Outgoing { bytes, length, to: self.to }
    }
}

/// Something like a voice: not silence, and no tone.
fn murmur(n: usize) -> i16 {
    let mixed = (n as u32).wrapping_mul(2_654_435_761).rotate_left(13);
    (mixed % 1200) as i16 - 600
}

/// The clock of the kernel's time stamps.
fn realtime_ns() -> i64 {
    clock_gettime(ClockId::CLOCK_REALTIME).map(|now| now.tv_sec() * 1_000_000_000 + now.tv_nsec()).unwrap_or_default()
}
