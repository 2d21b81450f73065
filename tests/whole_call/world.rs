//! One call between an engine and a callee: the network that loses, doubles and reorders, and the time that jumps to what comes next.
//!
//! Everything that holds for every call whatever the weather is checked at its end, in [`World::run`].

use super::callee::{Actor, Callee, Cue, Final, Line};
use super::engine::Engine;
use super::house::{RTP_TIMEOUT, addresses, house, ms};
use huifang::call::machine::Input;
use huifang::media::session::{Event, PACKET_LEN};
use huifang::sim::brain::Brain;
use huifang::sim::check::Stored;
use huifang::sim::persona::{Mind, Persona};
use huifang::sip::endpoint::Load;
use huifang::sip::session::{EndCause, SessionEvent};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

const ENGINE: usize = 0;
const CALLEE: usize = 1;
/// No call lasts longer: eight minutes of talk, ringing and SIP's own timers.
const LONGEST: Duration = Duration::from_secs(720);
/// From the last sound of a customer who vanished to the end: RTP timeout, timer F, the end of a recording.
pub const GONE: Duration = Duration::from_secs(20 + 32 + 4);

/// How bad the network is.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// Share of SIP datagrams lost.
    pub sip_loss: f64,
    /// Share of RTP packets lost.
    pub rtp_loss: f64,
    /// Share of both that arrive twice.
    pub twice: f64,
    /// Shortest and longest delay in ms; each datagram draws its own.
    pub delay: (u64, u64),
}

impl Weather {
    pub const PERFECT: Weather = Weather { sip_loss: 0.0, rtp_loss: 0.0, twice: 0.0, delay: (5, 5) };

    pub fn steady(delay: u64) -> Weather {
        Weather { delay: (delay, delay), ..Weather::PERFECT }
    }
}

/// What happened, for people.
pub struct Log {
    title: String,
    lines: Vec<String>,
}

impl Log {
    pub fn say(&mut self, who: &str, now: Instant, what: fmt::Arguments) {
        let at = now.saturating_duration_since(house().epoch).as_millis();
        self.lines.push(format!("{at:>7} ms  {who:<7} {what}"));
    }

    pub fn sip(&mut self, who: &str, now: Instant, event: &SessionEvent) {
        match event {
            SessionEvent::Trace(line) => {
                let way = if line.sent { "->" } else { "<-" };
                self.say(who, now, format_args!("{way} {}  ({})", line.start_line, line.cseq));
            }
            event => self.say(who, now, format_args!("{event:?}")),
        }
    }
}

enum Plan {
    Sip {
        to: usize,
        bytes: Vec<u8>,
    },
    Rtp {
        to: usize,
        bytes: Vec<u8>,
    },
    /// The writer has closed a recording's file.
    Saved(Event),
    Tick(usize),
    /// The callee hangs up, whatever it was about to do.
    HangUp,
    /// The engine is stopped.
    Shutdown,
}

pub struct World {
    pub engine: Engine,
    pub callee: Callee,
    pub now: Instant,
    pub log: Log,
    number: String,
    weather: Weather,
    rng: ChaCha8Rng,
    plans: BTreeMap<(Instant, u64), Plan>,
    count: u64,
    /// Whether the media of a side ticks.
    ticking: [bool; 2],
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("---- {}\n{}", self.log.title, self.log.lines.join("\n"));
        }
    }
}

impl World {
    /// A call to a callee of this mind; the engine rings for twelve seconds.
    pub fn new(number: &str, mind: Mind, seed: u64, weather: Weather) -> World {
        World::ringing(number, mind, seed, weather, Duration::from_secs(12))
    }

    pub fn ringing(number: &str, mind: Mind, seed: u64, weather: Weather, ring_timeout: Duration) -> World {
        let now = house().epoch;
        let title = format!("seed {seed}, {:?}, {weather:?}, rings for {ring_timeout:?}", mind.persona);
        World {
            engine: Engine::new(number, seed, ring_timeout, now),
            callee: Callee::new(mind.clone(), Actor::Brain(Box::new(Brain::new(mind))), seed),
            now,
            log: Log { title, lines: Vec::new() },
            number: number.to_owned(),
            weather,
            rng: ChaCha8Rng::seed_from_u64(seed),
            plans: BTreeMap::new(),
            count: 0,
            ticking: [false; 2],
        }
    }

    /// A call to somebody who follows a script, picking up after `rings`.
    pub fn scripted(lines: Vec<Line>, rings: Duration, seed: u64, weather: Weather) -> World {
        let number = "+8613900000000";
        let mind = Mind { rings, ..Mind::of_persona(Persona::Satisfied, number, seed) };
        let mut world = World::new(number, mind, seed, weather);
        world.log.title += &format!(", {lines:?}");
        world.callee.actor = Actor::script(lines);
        world
    }

    /// The callee vanishes so long after the cue.
    pub fn vanishing(mut self, cue: Cue, after: Duration) -> World {
        self.log.title += &format!(", vanishes {after:?} after {cue:?}");
        self.callee.vanish = Some((cue, after));
        self
    }

    /// The callee hangs up so long after the INVITE, if it has picked up by then.
    pub fn hanging_up(mut self, after: Duration) -> World {
        self.log.title += &format!(", hangs up after {after:?}");
        self.plan(after, Plan::HangUp);
        self
    }

    /// The engine is stopped so long after the INVITE.
    pub fn stopping(mut self, after: Duration) -> World {
        self.log.title += &format!(", the engine stops after {after:?}");
        self.plan(after, Plan::Shutdown);
        self
    }

    /// What the store would say of the call.
    pub fn stored(&self) -> Stored {
        Stored {
            dispositions: self.engine.endings.iter().map(|_| self.engine.disposition()).collect(),
            answers: self.engine.answers.clone(),
            complaint: self.engine.complaints > 0,
            recordings: self.engine.recordings,
            on_record: 0,
            talks: 0,
        }
    }

    pub fn number(&self) -> &str {
        &self.number
    }

    pub fn lines(&self) -> &[String] {
        &self.log.lines
    }

    /// Lives the call to its end, until no timer is left, and checks what holds for every call.
    pub fn run(&mut self) {
        loop {
            self.settle();
            let Some(next) = self.next() else { break };
            self.now = self.now.max(next);
            assert!(self.now.saturating_duration_since(house().epoch) < LONGEST, "the call never ends");
            self.fire();
        }
        self.check();
    }

    fn callee_gone(&self) -> bool {
        self.callee.gone_at.is_some_and(|at| at <= self.now)
    }

    fn next(&self) -> Option<Instant> {
        let engine = [self.engine.sip.poll_timeout().map(|(at, _)| at), self.engine.machine.poll_timeout()];
        let acts = self.callee.media.as_ref().and_then(|_| self.callee.actor.poll_timeout());
        let callee = [self.callee.sip.poll_timeout().map(|(at, _)| at), acts, self.callee.picks_up];
        let callee = callee.into_iter().flatten().filter(|_| !self.callee_gone());
        let planned = self.plans.keys().next().map(|(at, _)| *at);
        engine.into_iter().flatten().chain(callee).chain(planned).min()
    }

    /// Lets happen what is due.
    fn fire(&mut self) {
        let now = self.now;
        while let Some(entry) = self.plans.first_entry().filter(|entry| entry.key().0 <= now) {
            match entry.remove() {
                Plan::Sip { to, bytes } => self.arrive(to, &bytes),
                Plan::Rtp { to, bytes } => {
                    let media = if to == ENGINE { &mut self.engine.media } else { &mut self.callee.media };
                    if let Some(media) = media {
                        media.receive(&bytes, now).expect("RTP as our own sessions send it");
                    }
                }
                Plan::Saved(event) => self.engine.input(Input::Media(event), now, &mut self.log),
                Plan::Tick(side) => self.tick(side),
                Plan::HangUp => self.callee.hang_up(now, &mut self.log),
                Plan::Shutdown => self.engine.input(Input::Shutdown, now, &mut self.log),
            }
            self.settle();
        }
        if self.engine.machine.poll_timeout().is_some_and(|at| at <= now) {
            self.engine.machine.handle_timeout(now);
        }
        self.engine.sip.handle_timeout(now);
        if !self.callee_gone() {
            self.callee.sip.handle_timeout(now);
        }
    }

    fn arrive(&mut self, to: usize, bytes: &[u8]) {
        let from = addresses(1 - to).0;
        if to == ENGINE {
            return self.engine.sip.handle_datagram(self.now, from, bytes);
        }
        self.callee.cue(Cue::Invited, self.now);
        if !self.callee_gone() {
            self.callee.sip.handle_datagram(self.now, from, bytes);
        }
    }

    fn tick(&mut self, side: usize) {
        let gone = side == CALLEE && self.callee_gone();
        let media = if side == ENGINE { &mut self.engine.media } else { &mut self.callee.media };
        let Some(media) = media.as_mut().filter(|_| !gone) else {
            self.ticking[side] = false;
            return;
        };
        let mut packet = [0; PACKET_LEN];
        let length = media.tick(self.now, &mut packet);
        self.send(self.weather.rtp_loss, |bytes| Plan::Rtp { to: 1 - side, bytes }, packet[..length].to_vec());
        self.plan(ms(20), Plan::Tick(side));
    }

    /// Until nothing moves any more at this moment.
    fn settle(&mut self) {
        loop {
            while let Some(transmit) = self.engine.sip.poll_transmit() {
                assert_eq!(transmit.to.address, addresses(CALLEE).0);
                self.send(self.weather.sip_loss, |bytes| Plan::Sip { to: CALLEE, bytes }, transmit.bytes);
            }
            let mut moved = self.engine.settle(self.now, &mut self.log);
            while let Some(event) = self.engine.saved.pop_front() {
                self.plan(ms(8), Plan::Saved(event));
            }
            if !self.callee_gone() {
                while let Some(transmit) = self.callee.sip.poll_transmit() {
                    assert_eq!(transmit.to.address, addresses(ENGINE).0);
                    self.send(self.weather.sip_loss, |bytes| Plan::Sip { to: ENGINE, bytes }, transmit.bytes);
                }
                moved |= self.callee.settle(self.now, &mut self.log);
            }
            for (side, runs) in [self.engine.media.is_some(), self.callee.media.is_some()].into_iter().enumerate() {
                if runs && !self.ticking[side] && !(side == CALLEE && self.callee_gone()) {
                    self.ticking[side] = true;
                    let phase = ms(self.rng.random_range(0..20));
                    self.plan(phase, Plan::Tick(side));
                }
            }
            if !moved {
                return;
            }
        }
    }

    fn send(&mut self, loss: f64, plan: impl Fn(Vec<u8>) -> Plan, bytes: Vec<u8>) {
        let copies = if self.rng.random_bool(self.weather.twice) { 2 } else { 1 };
        for _ in 0..copies {
            let (shortest, longest) = self.weather.delay;
            let delay = self.rng.random_range(shortest..=longest);
            if !self.rng.random_bool(loss) {
                self.plan(ms(delay), plan(bytes.clone()));
            }
        }
    }

    fn plan(&mut self, after: Duration, plan: Plan) {
        self.count += 1;
        self.plans.insert((self.now + after, self.count), plan);
    }

    /// What holds for every call.
    fn check(&mut self) {
        let (engine, callee) = (&self.engine, &self.callee);
        assert_eq!(engine.endings.len(), 1, "the engine's call is over exactly once");
        assert_eq!(engine.finals, 1, "the engine's SIP session ended exactly once");
        assert!(engine.machine.is_over() && engine.media.is_none());
        assert_eq!(engine.sip.load(), Load::default(), "nothing is left in the engine's endpoint");
        assert!(engine.outcomes.len() <= 1 && engine.complaints <= 1);
        assert!(callee.incoming <= 1, "one call is one call");
        let (at, _) = &engine.endings[0];
        match callee.gone_at {
            Some(gone) => assert!(*at <= gone.max(house().epoch) + GONE + RTP_TIMEOUT),
            None => {
                assert_eq!(callee.sip.load(), Load::default(), "nothing is left in the callee's endpoint");
                assert_eq!(callee.finals.len(), callee.incoming, "the callee's session ended exactly once");
                self.check_no_ghost();
            }
        }
    }

    /// Whoever picked up was acknowledged, or hung up upon; nobody sits on a line that the engine has forgotten.
    fn check_no_ghost(&self) {
        if !self.callee.answered {
            return;
        }
        let Some(Final::Ended(_, cause)) = self.callee.finals.first().copied() else {
            panic!("picked up, but {:?}", self.callee.finals)
        };
        // a BYE may overtake its ACK, or the ACK be lost for good: then the BYE ended the call
        assert!(self.callee.acked || cause == EndCause::Bye, "never acknowledged: {cause:?}");
        assert_ne!(cause, EndCause::NoAck);
    }
}
