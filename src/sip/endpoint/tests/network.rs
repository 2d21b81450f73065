//! A network that only exists in virtual time: seeded loss, duplication, delay and hence disorder between two endpoints.

use super::scripted::epoch;
use crate::sip::endpoint::{Endpoint, EndpointConfig, IncomingPolicy};
use crate::sip::session::{SessionEvent, SessionId};
use rand::{Rng, RngExt};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How bad the network is.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// Share of datagrams lost.
    pub loss: f64,
    /// Share of datagrams that arrive twice.
    pub twice: f64,
    /// Longest delay, ms; each datagram draws its own.
    pub delay: u64,
    /// Share of datagrams with a few bytes changed, or cut short.
    pub broken: f64,
}

/// Something planned.
enum Plan<A> {
    Arrive { from: SocketAddr, to: SocketAddr, bytes: Vec<u8> },
    Act(A),
}

/// Two endpoints, the network between them, and actions planned by the test.
pub struct World<A> {
    pub sides: [Endpoint; 2],
    pub addresses: [SocketAddr; 2],
    pub now: Instant,
    pub rng: ChaCha12Rng,
    pub weather: Weather,
    plans: BTreeMap<(Instant, u64), Plan<A>>,
    count: u64,
    pub datagrams: u64,
}

/// What happened next.
pub enum Step<A> {
    /// An event of side 0 or 1.
    Event(usize, SessionId, SessionEvent),
    /// The moment of a planned action.
    Act(A),
    /// Nothing will ever happen any more.
    End,
}

impl<A> World<A> {
    pub fn new(seed: u64, weather: Weather) -> World<A> {
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        let addresses: [SocketAddr; 2] = ["192.0.2.1:5060", "192.0.2.2:5060"].map(super::scripted::address);
        let sides = addresses.map(|local| {
            let incoming = IncomingPolicy::Accept;
            let config = EndpointConfig { incoming, ..EndpointConfig::new(local, "world") };
            Endpoint::new(config, Box::new(ChaCha12Rng::seed_from_u64(rng.next_u64())))
        });
        World { sides, addresses, now: epoch(), rng, weather, plans: BTreeMap::new(), count: 0, datagrams: 0 }
    }

    /// Plans an action in so many ms.
    pub fn plan(&mut self, ms: u64, action: A) {
        self.put(ms, Plan::Act(action));
    }

    fn break_bytes(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..self.rng.random_range(1..4) {
            let at = self.rng.random_range(0..bytes.len());
            match self.rng.random_range(0..4) {
                0 => bytes[at] = self.rng.random_range(0..=255),
                1 => bytes[at] = b"\r\n;,<>\"@: 0"[self.rng.random_range(0..11)],
                2 if bytes.len() > 1 => drop(bytes.remove(at)),
                _ => bytes.truncate(at.max(1)),
            }
        }
    }

    fn put(&mut self, ms: u64, plan: Plan<A>) {
        self.count += 1;
        self.plans.insert((self.now + Duration::from_millis(ms), self.count), plan);
    }

    /// Goes to the next thing worth telling.
    pub fn step(&mut self) -> Step<A> {
        loop {
            for side in 0..2 {
                while let Some(transmit) = self.sides[side].poll_transmit() {
                    self.datagrams += 1;
                    let copies = if self.rng.random_bool(self.weather.twice) { 2 } else { 1 };
                    for _ in 0..copies {
                        if !self.rng.random_bool(self.weather.loss) {
                            let delay = self.rng.random_range(0..=self.weather.delay);
                            let (from, to) = (self.addresses[side], transmit.to.address);
                            let mut bytes = transmit.bytes.clone();
                            if self.rng.random_bool(self.weather.broken) {
                                self.break_bytes(&mut bytes);
                            }
                            self.put(delay, Plan::Arrive { from, to, bytes });
                        }
                    }
                }
                if let Some((id, event)) = self.sides[side].poll_event() {
                    return Step::Event(side, id, event);
                }
            }
            let planned = self.plans.keys().next().map(|(at, _)| *at);
            let timer = (0..2).filter_map(|side| Some((self.sides[side].poll_timeout()?.0, side))).min();
            match (planned, timer) {
                (None, None) => return Step::End,
                (planned, Some((at, side))) if planned.is_none_or(|planned| at < planned) => {
                    self.now = self.now.max(at);
                    self.sides[side].handle_timeout(self.now);
                }
                _ => {
                    let ((at, _), plan) = self.plans.pop_first().expect("there is a plan");
                    self.now = self.now.max(at);
                    match plan {
                        Plan::Act(action) => return Step::Act(action),
                        Plan::Arrive { from, to, bytes } => {
                            let side = self.addresses.iter().position(|address| *address == to);
                            // a broken Contact or Via may name anybody
                            assert!(side.is_some() || self.weather.broken > 0.0, "both know only each other");
                            if let Some(side) = side {
                                self.sides[side].handle_datagram(self.now, from, &bytes);
                            }
                        }
                    }
                }
            }
        }
    }
}
