//! What is known of a trunk at present: where its name leads, whether our registration holds, whether it answers; and whether calls may go there. Pure but for the
//! lock that its readers and its keeper (`dialer::trunk_keeper`) share.

use super::hop::Hop;
use super::locate::Places;
use super::registration::{Answer, Standing};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// So many OPTIONS in a row must be lost until a trunk counts as down: a single one may be.
const MISSES: u32 = 2;

/// Whether a trunk answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pulse {
    /// It was not asked so far, or has lost one question.
    Unknown,
    /// It answered last time.
    Up,
    /// It does not answer.
    Down,
}

/// What is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct State {
    /// Where it is.
    pub places: Places,
    /// Why its name could not be looked up the last time.
    pub lookup: Option<String>,
    /// Our registration; none is wanted.
    pub registration: Option<Standing>,
    /// Whether it answers; it is not asked.
    pub pulse: Option<Pulse>,
    misses: u32,
}

/// Why no call may go there.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// Its name leads nowhere; why.
    #[error("its host has no address: {0}")]
    NoPlace(String),
    /// We are not registered; what came of it.
    #[error("not registered: {}", told(.0))]
    NotRegistered(Option<Answer>),
    /// It does not answer OPTIONS.
    #[error("it does not answer OPTIONS")]
    Down,
}

fn told(answer: &Option<Answer>) -> String {
    match answer {
        None => "the first answer is not in".into(),
        Some(Answer::Granted(_)) => "the registrar grants no time".into(),
        Some(Answer::TooBrief(least)) => format!("the registrar wants at least {} s", least.as_secs()),
        Some(Answer::Refused(401 | 407, _)) => "the registrar does not take the credentials".into(),
        Some(Answer::Refused(status, _)) => format!("the registrar answered {status}"),
        Some(Answer::Silent) => "the registrar does not answer".into(),
        Some(Answer::Undelivered) => "the registrar cannot be reached".into(),
    }
}

impl State {
    /// At these places so far.
    pub fn new(places: Vec<Hop>, registers: bool, is_asked: bool) -> State {
        State {
            places: Places::new(places),
            lookup: None,
            registration: registers.then_some(Standing::New),
            pulse: is_asked.then_some(Pulse::Unknown),
            misses: 0,
        }
    }

    /// Why no call may go there at `now`; none: it may.
    pub fn fault(&self, now: Instant) -> Option<Fault> {
        if self.places.is_empty() {
            return Some(Fault::NoPlace(self.lookup.clone().unwrap_or_else(|| "it was not looked up so far".into())));
        }
        match self.registration {
            Some(standing) if standing.holds(now) => {}
            Some(Standing::Registered(_)) => return Some(Fault::NotRegistered(Some(Answer::Silent))),
            Some(Standing::Failing(answer)) => return Some(Fault::NotRegistered(Some(answer))),
            Some(Standing::New | Standing::Ended) => return Some(Fault::NotRegistered(None)),
            None => {}
        }
        (self.pulse == Some(Pulse::Down)).then_some(Fault::Down)
    }

    /// It answered an OPTIONS, or did not. Any answer is a sign of life (RFC 3261 11.2 lets it be any status). True when that changes whether it is down.
    pub fn answered(&mut self, alive: bool) -> bool {
        let before = self.pulse;
        self.misses = if alive { 0 } else { self.misses + 1 };
        self.pulse = Some(match (alive, self.misses) {
            (true, _) => Pulse::Up,
            (false, MISSES..) => Pulse::Down,
            (false, _) if before == Some(Pulse::Down) => Pulse::Down,
            (false, _) => Pulse::Unknown,
        });
        (before == Some(Pulse::Down)) != (self.pulse == Some(Pulse::Down))
    }
}

/// The state of one trunk, shared by all who know the trunk.
#[derive(Clone, Debug)]
pub struct Known(Arc<Mutex<State>>);

impl Known {
    /// A state to share.
    pub fn new(state: State) -> Known {
        Known(Arc::new(Mutex::new(state)))
    }

    /// Reads something of it.
    pub fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes it.
    pub fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn place() -> Vec<Hop> {
        vec!["udp 192.0.2.1:5060".parse().unwrap()]
    }

    #[test]
    fn calls_go_where_nothing_speaks_against_it() {
        let now = Instant::now();
        let soon = now + Duration::from_secs(60);
        let with = |registration| State { registration: Some(registration), ..State::new(place(), true, false) };
        let fault = |state: &State| state.fault(now).map(|fault| fault.to_string());
        let not = |why: &str| Some(format!("not registered: {why}"));
        for (state, expected) in [
            (State::new(place(), false, false), None),
            (State::new(place(), false, true), None),
            (State::new(Vec::new(), false, false), Some("its host has no address: it was not looked up so far".into())),
            (State::new(place(), true, false), not("the first answer is not in")),
            (with(Standing::Registered(soon)), None),
            (with(Standing::Registered(now)), not("the registrar does not answer")),
            (with(Standing::Failing(Answer::Refused(403, None))), not("the registrar answered 403")),
            (with(Standing::Failing(Answer::Refused(401, None))), not("the registrar does not take the credentials")),
            (with(Standing::Failing(Answer::Undelivered)), not("the registrar cannot be reached")),
        ] {
            assert_eq!(fault(&state), expected, "{state:?}");
        }
    }

    #[test]
    fn two_lost_questions_are_a_trunk_that_is_down_and_one_answer_brings_it_back() {
        let now = Instant::now();
        let mut state = State::new(place(), false, true);
        let script = [(true, None, false), (false, None, false), (false, Some(Fault::Down), true)];
        let back = [(false, Some(Fault::Down), false), (true, None, true), (false, None, false), (true, None, false)];
        for (step, (alive, fault, changed)) in script.into_iter().chain(back).enumerate() {
            assert_eq!(state.answered(alive), changed, "step {step}");
            assert_eq!(state.fault(now), fault, "step {step}");
        }
    }
}
