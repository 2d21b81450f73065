//! Non-INVITE server transaction: RFC 3261 17.2.2 (figure 8).

use super::timer::{Timer, TimerConfig};
use super::{ServerAction, ServerInput};
use std::time::Instant;

/// State of a non-INVITE server transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerOther {
    reliable: bool,
    state: State,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum State {
    /// The user has said nothing; repetitions are absorbed.
    Trying,
    /// A provisional response is out.
    Proceeding,
    /// The final response is out. Timer J.
    Completed {
        j: Instant,
    },
    Terminated,
}

impl ServerOther {
    /// The request has just come.
    pub fn new(reliable: bool) -> Self {
        ServerOther { reliable, state: State::Trying }
    }

    /// One input, then the actions it asks for.
    pub fn handle(&mut self, input: ServerInput, timers: &TimerConfig, now: Instant) -> &'static [ServerAction] {
        match self.state {
            State::Trying => self.open(input, timers, now, &[]),
            State::Proceeding => self.open(input, timers, now, &[ServerAction::Resend]),
            State::Completed { j } => self.completed(input, now, j),
            State::Terminated => &[],
        }
    }

    /// The earliest deadline and the timer it belongs to.
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        match self.state {
            State::Completed { j } => Some((j, Timer::J)),
            State::Trying | State::Proceeding | State::Terminated => None,
        }
    }

    /// Trying and Proceeding differ only in what a repeated request gets.
    fn open(
        &mut self,
        input: ServerInput,
        timers: &TimerConfig,
        now: Instant,
        again: &'static [ServerAction],
    ) -> &'static [ServerAction] {
        match input {
            ServerInput::Request => again,
            ServerInput::Respond(100..=199) => {
                self.state = State::Proceeding;
                &[ServerAction::Send]
            }
            ServerInput::Respond(_) => {
                self.state = State::Completed { j: now + TimerConfig::linger(self.reliable, timers.t1x64()) };
                &[ServerAction::Send]
            }
            ServerInput::Ack | ServerInput::Time => &[],
        }
    }

    fn completed(&mut self, input: ServerInput, now: Instant, j: Instant) -> &'static [ServerAction] {
        match input {
            ServerInput::Request => &[ServerAction::Resend],
            ServerInput::Time if now >= j => {
                self.state = State::Terminated;
                &[ServerAction::Terminate]
            }
            ServerInput::Time | ServerInput::Ack | ServerInput::Respond(_) => &[],
        }
    }
}
