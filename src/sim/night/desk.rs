//! The agents of the simulated night: who is free, who is held, who writes up. Pure; each agent takes one caller at a time, and no more callers are held than agents are there.

use crate::call::handover::{End, Held, Way};
use crate::ids::{AgentId, TransferId};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How agents work.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// How many are on duty.
    pub agents: u32,
    /// How long the page rings.
    pub rings: Duration,
    /// How long a talk takes.
    pub talk: Duration,
    /// Writing up after it.
    pub wrap_up: Duration,
}

/// The desk.
pub struct Desk {
    work: Work,
    /// Free from this moment on, by agent; who is held is not in it.
    free: BTreeMap<u32, Instant>,
    held: Vec<(u32, Instant)>,
    serial: u64,
    busy: Duration,
    most: usize,
}

impl Desk {
    /// All are free.
    pub fn new(work: Work, now: Instant) -> Desk {
        let free = (0..work.agents).map(|agent| (agent, now)).collect();
        Desk { work, free, held: Vec::new(), serial: 0, busy: Duration::ZERO, most: 0 }
    }

    /// Holds a free agent who was not tried yet.
    pub fn reserve(&mut self, tried: &[AgentId], now: Instant) -> Option<Held> {
        let is_free = |(agent, since): &(&u32, &Instant)| **since <= now && !tried.contains(&id(**agent));
        let agent = *self.free.iter().filter(is_free).min_by_key(|(_, since)| **since)?.0;
        self.free.remove(&agent);
        self.held.push((agent, now));
        self.most = self.most.max(self.held.len());
        self.serial += 1;
        let transfer = TransferId::from_parts(self.serial, [0; 10]);
        Some(Held { transfer, agent: id(agent), way: Way::Page, auto_answer: true })
    }

    /// The hold on an agent ends: after a talk they write up, else they are free at once.
    pub fn free(&mut self, held: &Held, end: End, now: Instant) {
        let Some(index) = self.held.iter().position(|(agent, _)| id(*agent) == held.agent) else { return };
        let (agent, since) = self.held.swap_remove(index);
        let until = if end == End::Accepted { now + self.work.wrap_up } else { now };
        self.busy += until.saturating_duration_since(since);
        self.free.insert(agent, until);
    }

    /// How long the page rings.
    pub fn rings(&self) -> Duration {
        self.work.rings
    }

    /// How long a talk takes.
    pub fn talks(&self) -> Duration {
        self.work.talk
    }

    /// How long agents were held or wrote up, all together.
    pub fn busy(&self) -> Duration {
        self.busy
    }

    /// The most who were held at once.
    pub fn most(&self) -> usize {
        self.most
    }
}

fn id(agent: u32) -> AgentId {
    AgentId::from_parts(u64::from(agent) + 1, [0; 10])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_callers_are_held_than_agents_are_there() {
        let now = Instant::now();
        let work = Work {
            agents: 2,
            rings: Duration::from_secs(5),
            talk: Duration::from_secs(60),
            wrap_up: Duration::from_secs(30),
        };
        let mut desk = Desk::new(work, now);
        let (one, two) = (desk.reserve(&[], now).unwrap(), desk.reserve(&[], now).unwrap());
        assert_ne!(one.agent, two.agent);
        assert_eq!(desk.reserve(&[], now), None);
        desk.free(&one, End::Accepted, now);
        assert_eq!(desk.reserve(&[], now + Duration::from_secs(29)), None, "writes up");
        let again = desk.reserve(&[], now + Duration::from_secs(30)).unwrap();
        assert_eq!(again.agent, one.agent);
        desk.free(&two, End::Declined, now);
        assert_eq!(desk.reserve(&[two.agent], now), None, "was tried already");
        assert_eq!((desk.reserve(&[], now).unwrap().agent, desk.most()), (two.agent, 2));
        assert_eq!(desk.busy(), Duration::from_secs(30));
    }
}
