//! Bad weather between the engine and its trunk: a relay for SIP datagrams on loopback that loses, delays, overtakes and doubles them, goes away for a while,
//! and forgets every dialog as a trunk does that is started anew. Only SIP goes through it; RTP goes directly, as the session descriptions say.
//!
//! It puts itself into the route (`Record-Route`, RFC 3261 16.6), so that ACK and BYE come by as well; nothing else is changed. What happens to the n-th datagram of a
//! direction is decided by the seed alone; which datagram is the n-th is not, since the processes run freely. One thread, which ends with the handle.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A datagram that is overtaken, or the second of two, comes so much later, in ms.
const LATER_MS: std::ops::Range<u64> = 30..150;

/// What happens to the datagrams of one direction.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    /// Percent that are lost.
    pub loss: u32,
    /// Percent that are overtaken by what comes after them.
    pub reorder: u32,
    /// Percent that come twice.
    pub duplicate: u32,
    /// Each takes so long.
    pub delay: Duration,
}

/// What happened in one direction.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Datagrams that came.
    pub taken: u64,
    /// Lost by the weather.
    pub lost: u64,
    /// Overtaken.
    pub late: u64,
    /// Sent twice.
    pub twice: u64,
    /// Came while the relay was away.
    pub missed: u64,
    /// Requests of dialogs that are forgotten: answered by 481.
    pub unknown: u64,
}

/// The relay.
pub struct Proxy {
    /// Where the engine finds its trunk.
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    socket: UdpSocket,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    stop: bool,
    away_until: Option<Instant>,
    /// Datagrams under way are dropped.
    flush: bool,
    /// From the trunk, from the engine.
    tallies: [Tally; 2],
    /// Called number by Call-ID, of INVITEs that the engine sent.
    calls: BTreeMap<String, String>,
    forgotten: BTreeSet<String>,
}

impl Proxy {
    /// Relays between whoever comes and `far`, with the same weather both ways.
    pub fn start(far: SocketAddr, seed: u64, weather: Weather) -> Proxy {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = socket.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let relay = Relay {
            far,
            near: None,
            own: address,
            weather,
            random: [0, 1].map(|side| ChaCha8Rng::seed_from_u64(seed * 2 + side)),
            queue: BinaryHeap::new(),
            queued: 0,
            socket: socket.try_clone().unwrap(),
            state: Arc::clone(&state),
        };
        let thread = std::thread::Builder::new().name("weather".into()).spawn(|| relay.run()).unwrap();
        Proxy { address, state, socket, thread: Some(thread) }
    }

    /// The way is closed for so long: everything is dropped, and nothing is forgotten.
    pub fn goes_away(&self, away: Duration) {
        let mut state = self.state();
        state.away_until = Some(Instant::now() + away);
        state.flush = true;
    }

    /// The trunk is started anew, which takes so long: everything is dropped, and of the dialogs that were it knows nothing afterwards (481).
    pub fn restarts(&self, away: Duration) {
        self.goes_away(away);
        let mut state = self.state();
        let calls: Vec<String> = state.calls.keys().cloned().collect();
        state.forgotten.extend(calls);
    }

    /// What happened to what came from the engine, and from the trunk.
    pub fn tallies(&self) -> (Tally, Tally) {
        let [from_trunk, from_engine] = self.state().tallies;
        (from_engine, from_trunk)
    }

    /// How many calls the engine placed to each number: different Call-IDs, whether they arrived or not.
    pub fn calls(&self) -> BTreeMap<String, usize> {
        let mut calls = BTreeMap::new();
        self.state().calls.values().for_each(|number| *calls.entry(number.clone()).or_default() += 1);
        calls
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state().stop = true;
        // wakes the thread
        let _ = self.socket.send_to(b"", self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A datagram under way: due, place in line, whither, what. The soonest is the greatest.
type Waiting = Reverse<(Instant, u64, SocketAddr, Vec<u8>)>;

/// The thread's own.
struct Relay {
    far: SocketAddr,
    near: Option<SocketAddr>,
    own: SocketAddr,
    weather: Weather,
    random: [ChaCha8Rng; 2],
    queue: BinaryHeap<Waiting>,
    queued: u64,
    socket: UdpSocket,
    state: Arc<Mutex<State>>,
}

impl Relay {
    fn run(mut self) {
        let mut buffer = vec![0; 65_535];
        loop {
            let next = self.deliver();
            let wait = next.map(|at| at.saturating_duration_since(Instant::now()).max(Duration::from_millis(1)));
            self.socket.set_read_timeout(wait).unwrap();
            let came = self.socket.recv_from(&mut buffer);
            if self.state.lock().unwrap().stop {
                return;
            }
            if let Ok((length, from)) = came {
                self.take(buffer[..length].to_vec(), from);
            }
        }
    }

    /// Sends what is due; when the next one is.
    fn deliver(&mut self) -> Option<Instant> {
        if std::mem::take(&mut self.state.lock().unwrap().flush) {
            self.queue.clear();
        }
        while let Some(Reverse((at, ..))) = self.queue.peek() {
            if *at > Instant::now() {
                return Some(*at);
            }
            if let Some(Reverse((_, _, to, bytes))) = self.queue.pop() {
                let _ = self.socket.send_to(&bytes, to);
            }
        }
        None
    }

    fn take(&mut self, bytes: Vec<u8>, from: SocketAddr) {
        let now = Instant::now();
        let from_engine = from != self.far;
        let side = usize::from(from_engine);
        if from_engine {
            self.near = Some(from);
        }
        let Some(to) = (if from_engine { Some(self.far) } else { self.near }) else { return };
        // drawn for every datagram, so that each has its own fate whatever became of the others
        let Weather { loss, reorder, duplicate, delay } = self.weather;
        let random = &mut self.random[side];
        let [lost, late, twice] = [loss, reorder, duplicate].map(|percent| random.random_range(0..100) < percent);
        let [hold, again] = [(); 2].map(|()| Duration::from_millis(random.random_range(LATER_MS)));

        let state = Arc::clone(&self.state);
        let mut state = state.lock().unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let call = header(&text, "Call-ID").unwrap_or_default().to_owned();
        let begins = text.starts_with("INVITE ") && !header(&text, "To").is_some_and(|to| to.contains("tag="));
        if from_engine && begins {
            state.calls.insert(call.clone(), called(&text));
        }
        state.tallies[side].taken += 1;
        if state.away_until.is_some_and(|until| now < until) {
            state.tallies[side].missed += 1;
            return;
        }
        if lost {
            state.tallies[side].lost += 1;
            return;
        }
        let in_dialog = !text.starts_with("SIP/2.0 ") && header(&text, "To").is_some_and(|to| to.contains("tag="));
        if in_dialog && state.forgotten.contains(&call) {
            state.tallies[side].unknown += 1;
            // nobody answers an ACK
            if !text.starts_with("ACK ") {
                let _ = self.socket.send_to(unknown(&text).as_bytes(), from);
            }
            return;
        }
        state.tallies[side].late += u64::from(late);
        state.tallies[side].twice += u64::from(twice);
        drop(state);
        let bytes = if begins { recorded(&bytes, self.own) } else { bytes };
        let due = now + delay + if late { hold } else { Duration::ZERO };
        if twice {
            self.put(due + again, to, bytes.clone());
        }
        self.put(due, to, bytes);
    }

    fn put(&mut self, due: Instant, to: SocketAddr, bytes: Vec<u8>) {
        self.queued += 1;
        self.queue.push(Reverse((due, self.queued, to, bytes)));
    }
}

/// The first header of this name.
fn header<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    headers(text, name).next()
}

fn headers<'a>(text: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let lines = text.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.split_once(':'));
    lines.filter(move |(field, _)| field.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// The user of the Request-URI.
fn called(text: &str) -> String {
    let uri = text.split_whitespace().nth(1).unwrap_or_default();
    uri.trim_start_matches("sip:").split('@').next().unwrap_or_default().to_owned()
}

/// The INVITE with the relay in its route.
fn recorded(bytes: &[u8], own: SocketAddr) -> Vec<u8> {
    let line = bytes.windows(2).position(|pair| pair == b"\r\n").map_or(bytes.len(), |at| at + 2);
    let route = format!("Record-Route: <sip:{own};lr>\r\n");
    [&bytes[..line], route.as_bytes(), &bytes[line..]].concat()
}

/// "Call/Transaction Does Not Exist" (RFC 3261 21.4.19).
fn unknown(request: &str) -> String {
    let mut answer = String::from("SIP/2.0 481 Call/Transaction Does Not Exist\r\n");
    for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
        headers(request, name).for_each(|value| answer.push_str(&format!("{name}: {value}\r\n")));
    }
    answer.push_str("Content-Length: 0\r\n\r\n");
    answer
}
