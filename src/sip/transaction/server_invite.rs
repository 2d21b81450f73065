//! INVITE server transaction: RFC 3261 17.2.1 (figure 7) with the Accepted state of RFC 6026 7.1.
//!
//! It never repeats a 2xx by itself: that is the transaction user's (RFC 3261 13.3.1.4).

use super::timer::{Backoff, Timer, TimerConfig, earlier};
use super::{ServerAction, ServerInput};
use std::time::{Duration, Instant};

/// The user's grace before the transaction says 100 itself (17.2.1).
const TRYING_AFTER: Duration = Duration::from_millis(200);

/// State of an INVITE server transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerInvite {
    reliable: bool,
    state: State,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum State {
    /// No final response yet. `trying` runs until the user says anything.
    Proceeding {
        trying: Option<Instant>,
    },
    /// A final response 300-699 is out. Timers G (unreliable only) and H.
    Completed {
        g: Option<Backoff>,
        h: Instant,
    },
    /// Its ACK came. Timer I absorbs further ones.
    Confirmed {
        i: Instant,
    },
    /// A 2xx is out (RFC 6026). Timer L.
    Accepted {
        l: Instant,
    },
    Terminated,
}

impl ServerInvite {
    /// The INVITE has just come.
    pub fn new(reliable: bool, now: Instant) -> Self {
        ServerInvite { reliable, state: State::Proceeding { trying: Some(now + TRYING_AFTER) } }
    }

    /// One input, then the actions it asks for.
    pub fn handle(&mut self, input: ServerInput, timers: &TimerConfig, now: Instant) -> &'static [ServerAction] {
        match self.state {
            State::Proceeding { trying } => self.proceeding(input, timers, now, trying),
            State::Completed { g, h } => self.completed(input, timers, now, g, h),
            State::Confirmed { i } => self.confirmed(input, now, i),
            State::Accepted { l } => self.accepted(input, now, l),
            State::Terminated => &[],
        }
    }

    /// No final response has been given: a CANCEL still has an effect (9.2).
    pub fn is_proceeding(&self) -> bool {
        matches!(self.state, State::Proceeding { .. })
    }

    /// No repetition of the response will be asked for.
    pub fn needs_no_response(&self) -> bool {
        matches!(self.state, State::Confirmed { .. } | State::Accepted { .. } | State::Terminated)
    }

    /// The earliest deadline and the timer it belongs to.
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        match self.state {
            State::Proceeding { trying } => trying.map(|at| (at, Timer::Trying)),
            State::Completed { g, h } => Some(earlier(g.map(|g| (g.at, Timer::G)), (h, Timer::H))),
            State::Confirmed { i } => Some((i, Timer::I)),
            State::Accepted { l } => Some((l, Timer::L)),
            State::Terminated => None,
        }
    }

    fn proceeding(
        &mut self,
        input: ServerInput,
        timers: &TimerConfig,
        now: Instant,
        trying: Option<Instant>,
    ) -> &'static [ServerAction] {
        match input {
            ServerInput::Request => &[ServerAction::Resend],
            ServerInput::Respond(100..=199) => {
                self.state = State::Proceeding { trying: None };
                &[ServerAction::Send]
            }
            // RFC 6026 7.1
            ServerInput::Respond(200..=299) => {
                self.state = State::Accepted { l: now + timers.t1x64() };
                &[ServerAction::Send]
            }
            ServerInput::Respond(_) => {
                let g = (!self.reliable).then(|| Backoff::start(now, timers.t1));
                self.state = State::Completed { g, h: now + timers.t1x64() };
                &[ServerAction::Send]
            }
            ServerInput::Time if trying.is_some_and(|at| now >= at) => {
                self.state = State::Proceeding { trying: None };
                &[ServerAction::Trying]
            }
            ServerInput::Time | ServerInput::Ack => &[],
        }
    }

    fn completed(
        &mut self,
        input: ServerInput,
        timers: &TimerConfig,
        now: Instant,
        g: Option<Backoff>,
        h: Instant,
    ) -> &'static [ServerAction] {
        match input {
            ServerInput::Request => &[ServerAction::Resend],
            ServerInput::Ack => {
                self.state = State::Confirmed { i: now + TimerConfig::linger(self.reliable, timers.t4) };
                &[]
            }
            ServerInput::Time if now >= h => {
                self.state = State::Terminated;
                &[ServerAction::TimedOut, ServerAction::Terminate]
            }
            // timer G: doubles up to T2
            ServerInput::Time => match g {
                Some(g) if now >= g.at => {
                    self.state = State::Completed { g: Some(g.next(now, Some(timers.t2))), h };
                    &[ServerAction::Resend]
                }
                _ => &[],
            },
            // any further final response of the user is discarded
            ServerInput::Respond(_) => &[],
        }
    }

    fn confirmed(&mut self, input: ServerInput, now: Instant, i: Instant) -> &'static [ServerAction] {
        match input {
            ServerInput::Time if now >= i => self.terminate(),
            ServerInput::Time | ServerInput::Request | ServerInput::Ack | ServerInput::Respond(_) => &[],
        }
    }

    fn accepted(&mut self, input: ServerInput, now: Instant, l: Instant) -> &'static [ServerAction] {
        match input {
            ServerInput::Time if now >= l => self.terminate(),
            // the user's own repetition of its 2xx
            ServerInput::Respond(200..=299) => &[ServerAction::Send],
            // repeated INVITEs are absorbed; an ACK for a 2xx belongs to the dialog
            ServerInput::Time | ServerInput::Request | ServerInput::Ack | ServerInput::Respond(_) => &[],
        }
    }

    fn terminate(&mut self) -> &'static [ServerAction] {
        self.state = State::Terminated;
        &[ServerAction::Terminate]
    }
}
