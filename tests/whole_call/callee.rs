//! The callee's side of a call: what `sim::callee` does around brain and ear, in virtual time; or a script in the brain's place.

use super::house::{LANGUAGE, addresses, house, local_media, session};
use super::world::Log;
use huifang::media::playout::Playlist;
use huifang::media::session::{Command, Event, Session};
use huifang::sdp;
use huifang::sim::brain::{Brain, Deed};
use huifang::sim::callee::CallReport;
use huifang::sim::ear::Ear;
use huifang::sim::persona::{Mind, Persona};
use huifang::sip::endpoint::{Endpoint, EndpointConfig, IncomingPolicy};
use huifang::sip::session::{EndCause, HangupReason, SessionEvent, SessionId, Side};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// As the simulated callees press (`sim::callee`).
const PRESS_MS: u32 = 100;
const GAP_MS: u32 = 120;

/// When a callee hears `prompt` for the `nth` time, it does `deed` so much later.
#[derive(Clone, Debug)]
pub struct Line {
    pub prompt: &'static str,
    pub nth: u32,
    pub after: Duration,
    pub deed: Deed,
}

/// Whoever has the phone in the hand.
pub enum Actor {
    Brain(Box<Brain>),
    Script { lines: Vec<Line>, heard: HashMap<String, u32>, plans: Vec<(Instant, Deed)> },
}

impl Actor {
    pub fn script(lines: Vec<Line>) -> Actor {
        Actor::Script { lines, heard: HashMap::new(), plans: Vec::new() }
    }

    fn hears(&mut self, id: &str, now: Instant) {
        match self {
            Actor::Brain(brain) => brain.hears(id, now),
            Actor::Script { lines, heard, plans } => {
                let times = heard.entry(id.to_owned()).or_insert(0);
                *times += 1;
                let lines = lines.iter().filter(|line| line.prompt == id && line.nth == *times);
                plans.extend(lines.map(|line| (now + line.after, line.deed.clone())));
            }
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Actor::Brain(brain) => brain.poll_timeout(),
            Actor::Script { plans, .. } => plans.iter().map(|(at, _)| *at).min(),
        }
    }

    fn poll_deed(&mut self, now: Instant) -> Option<Deed> {
        match self {
            Actor::Brain(brain) => brain.poll_deed(now),
            Actor::Script { plans, .. } => {
                let due = plans.iter().position(|(at, _)| *at <= now)?;
                Some(plans.remove(due).1)
            }
        }
    }
}

/// After what the callee falls off the earth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cue {
    /// The INVITE reaches it; it never answers even that.
    Invited,
    /// It rings.
    Rings,
    /// It picks up.
    PicksUp,
    /// It hears this.
    Hears(&'static str),
}

/// How the callee's SIP session ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Final {
    Canceled,
    Ended(Side, EndCause),
}

pub struct Callee {
    pub sip: Endpoint,
    pub media: Option<Session>,
    pub mind: Mind,
    pub actor: Actor,
    pub incoming: usize,
    pub answered: bool,
    pub acked: bool,
    pub finals: Vec<Final>,
    /// When it picks up.
    pub picks_up: Option<Instant>,
    pub vanish: Option<(Cue, Duration)>,
    /// From then on it is gone.
    pub gone_at: Option<Instant>,
    id: Option<SessionId>,
    offer: Vec<u8>,
    seed: u64,
}

impl Callee {
    pub fn new(mind: Mind, actor: Actor, seed: u64) -> Callee {
        let incoming = IncomingPolicy::Accept;
        let config = EndpointConfig { incoming, ..EndpointConfig::new(addresses(1).0, "huifang-callee") };
        Callee {
            sip: Endpoint::new(config, Box::new(ChaCha8Rng::seed_from_u64(seed ^ 0xc))),
            media: None,
            mind,
            actor,
            incoming: 0,
            answered: false,
            acked: false,
            finals: Vec::new(),
            picks_up: None,
            vanish: None,
            gone_at: None,
            id: None,
            offer: Vec::new(),
            seed,
        }
    }

    /// What `huifang callee` would report.
    pub fn report(&self, number: &str) -> CallReport {
        let Actor::Brain(brain) = &self.actor else { panic!("a script has no report") };
        CallReport {
            number: number.into(),
            persona: self.mind.persona,
            answered: self.answered,
            keyed: brain.keyed().to_vec(),
            spoke: brain.spoke(),
            met_agent: brain.met_agent(),
        }
    }

    pub fn cue(&mut self, cue: Cue, now: Instant) {
        if let Some((_, after)) = self.vanish.take_if(|(wanted, _)| *wanted == cue) {
            self.gone_at = Some(now + after);
        }
    }

    pub fn settle(&mut self, now: Instant, log: &mut Log) -> bool {
        let mut moved = false;
        while let Some((id, event)) = self.sip.poll_event() {
            moved = true;
            log.sip("callee", now, &event);
            self.on_sip(id, event, now);
        }
        while let Some(event) = self.media.as_mut().and_then(Session::poll_event) {
            moved = true;
            if let Event::Heard { prompt, at } = event {
                log.say("callee", now, format_args!("hears {prompt}"));
                self.actor.hears(&prompt, at);
                let known = self.vanish.filter(|(cue, _)| matches!(cue, Cue::Hears(id) if *id == prompt));
                if let Some((cue, _)) = known {
                    self.cue(cue, now);
                }
            }
        }
        if self.picks_up.is_some_and(|at| at <= now) {
            moved = true;
            self.pick_up(now);
        }
        while let Some(deed) = self.media.is_some().then(|| self.actor.poll_deed(now)).flatten() {
            moved = true;
            log.say("callee", now, format_args!("{deed:?}"));
            self.act(deed, now);
        }
        moved
    }

    fn on_sip(&mut self, id: SessionId, event: SessionEvent, now: Instant) {
        match event {
            SessionEvent::Incoming(invite) => {
                self.incoming += 1;
                self.id = Some(id);
                self.offer = invite.offer;
                match self.mind.persona {
                    Persona::Busy => self.sip.reject(now, id, 486, Vec::new()),
                    Persona::InvalidNumber => self.sip.reject(now, id, 404, Vec::new()),
                    Persona::NoAnswer => self.sip.ring(now, id, 180, None),
                    _ => {
                        self.sip.ring(now, id, 180, None);
                        self.picks_up = Some(now + self.mind.rings);
                    }
                }
                self.cue(Cue::Rings, now);
            }
            SessionEvent::Acked { .. } => self.acked = true,
            SessionEvent::Canceled => self.ended(Final::Canceled),
            SessionEvent::Ended { by, cause } => self.ended(Final::Ended(by, cause)),
            SessionEvent::Trace(_)
            | SessionEvent::Reanswered { .. }
            | SessionEvent::Reason(_)
            | SessionEvent::Forwarded(_)
            | SessionEvent::Redirected { .. }
            | SessionEvent::Refer(_)
            | SessionEvent::Info(_) => {}
            SessionEvent::Reoffer { .. } => panic!("nobody sends a re-INVITE here"),
            SessionEvent::InviteSent
            | SessionEvent::Progress { .. }
            | SessionEvent::Answered { .. }
            | SessionEvent::MovedOn { .. }
            | SessionEvent::Failed(_) => panic!("a caller's event: {event:?}"),
        }
    }

    fn ended(&mut self, how: Final) {
        self.finals.push(how);
        self.picks_up = None;
        self.media = None;
    }

    fn pick_up(&mut self, now: Instant) {
        self.picks_up = None;
        let Some(id) = self.id else { return };
        let (answer, agreed) = sdp::answer(&local_media(1), &self.offer).expect("an offer that can be answered");
        let mut media = session(1, &agreed, self.seed, now);
        media.handle(Command::Listen(Box::new(Ear::new(house().ears.clone()))), now);
        self.media = Some(media);
        self.answered = true;
        self.sip.accept(now, id, answer);
        self.cue(Cue::PicksUp, now);
    }

    /// Hangs up an answered call.
    pub fn hang_up(&mut self, now: Instant, log: &mut Log) {
        if self.media.is_some() {
            log.say("callee", now, format_args!("{:?}", Deed::HangUp));
            self.act(Deed::HangUp, now);
        }
    }

    fn act(&mut self, deed: Deed, now: Instant) {
        let command = match deed {
            Deed::Keys(keys) => Command::SendKeys { keys, press_ms: PRESS_MS, gap_ms: GAP_MS },
            Deed::Speak | Deed::Talk => {
                let prompts = house().prompts.get(LANGUAGE, "unhappy.go_on").cloned().into_iter().collect();
                Command::Play(Playlist { tag: 0, prompts, barge_in: false, repeat: false })
            }
            Deed::HangUp => {
                return self.id.into_iter().for_each(|id| self.sip.hangup(now, id, HangupReason::Normal));
            }
        };
        if let Some(media) = &mut self.media {
            media.handle(command, now);
        }
    }
}
