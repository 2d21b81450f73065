//! Non-INVITE client transaction: RFC 3261 17.1.2 (figure 6).

use super::timer::{Backoff, Timer, TimerConfig, earlier};
use super::{ClientAction, ClientInput};
use std::time::Instant;

/// State of a non-INVITE client transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientOther {
    reliable: bool,
    state: State,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum State {
    /// The request is out. Timers E (unreliable only) and F.
    Trying {
        e: Option<Backoff>,
        f: Instant,
    },
    /// A provisional response came; E goes on at T2.
    Proceeding {
        e: Option<Backoff>,
        f: Instant,
    },
    /// The final response came. Timer K absorbs its repetitions.
    Completed {
        k: Instant,
    },
    Terminated,
}

impl ClientOther {
    /// The request has just been given to the transport (17.1.2.2).
    pub fn new(timers: &TimerConfig, reliable: bool, now: Instant) -> Self {
        let e = (!reliable).then(|| Backoff::start(now, timers.t1));
        ClientOther { reliable, state: State::Trying { e, f: now + timers.t1x64() } }
    }

    /// One input, then the actions it asks for.
    pub fn handle(&mut self, input: ClientInput, timers: &TimerConfig, now: Instant) -> &'static [ClientAction] {
        match self.state {
            State::Trying { e, f } => self.trying(input, timers, now, e, f),
            State::Proceeding { e, f } => self.proceeding(input, timers, now, e, f),
            State::Completed { k } => self.completed(input, now, k),
            State::Terminated => &[],
        }
    }

    /// The earliest deadline and the timer it belongs to.
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        match self.state {
            State::Trying { e, f } | State::Proceeding { e, f } => {
                Some(earlier(e.map(|e| (e.at, Timer::E)), (f, Timer::F)))
            }
            State::Completed { k } => Some((k, Timer::K)),
            State::Terminated => None,
        }
    }

    fn trying(
        &mut self,
        input: ClientInput,
        timers: &TimerConfig,
        now: Instant,
        e: Option<Backoff>,
        f: Instant,
    ) -> &'static [ClientAction] {
        match input {
            ClientInput::Response(100..=199) => {
                self.state = State::Proceeding { e, f };
                &[ClientAction::Pass]
            }
            ClientInput::Response(_) => self.complete(timers, now),
            ClientInput::Time if now >= f => self.give_up(),
            // timer E: doubles up to T2
            ClientInput::Time => match e {
                Some(e) if now >= e.at => {
                    self.state = State::Trying { e: Some(e.next(now, Some(timers.t2))), f };
                    &[ClientAction::Retransmit]
                }
                _ => &[],
            },
            ClientInput::TransportError => self.unreachable(),
        }
    }

    fn proceeding(
        &mut self,
        input: ClientInput,
        timers: &TimerConfig,
        now: Instant,
        e: Option<Backoff>,
        f: Instant,
    ) -> &'static [ClientAction] {
        match input {
            ClientInput::Response(100..=199) => &[ClientAction::Pass],
            ClientInput::Response(_) => self.complete(timers, now),
            ClientInput::Time if now >= f => self.give_up(),
            // timer E is T2 from here on
            ClientInput::Time => match e {
                Some(e) if now >= e.at => {
                    self.state = State::Proceeding { e: Some(Backoff::start(now, timers.t2)), f };
                    &[ClientAction::Retransmit]
                }
                _ => &[],
            },
            ClientInput::TransportError => self.unreachable(),
        }
    }

    fn completed(&mut self, input: ClientInput, now: Instant, k: Instant) -> &'static [ClientAction] {
        match input {
            ClientInput::Time if now >= k => {
                self.state = State::Terminated;
                &[ClientAction::Terminate]
            }
            ClientInput::Time | ClientInput::Response(_) | ClientInput::TransportError => &[],
        }
    }

    fn complete(&mut self, timers: &TimerConfig, now: Instant) -> &'static [ClientAction] {
        self.state = State::Completed { k: now + TimerConfig::linger(self.reliable, timers.t4) };
        &[ClientAction::Pass]
    }

    fn give_up(&mut self) -> &'static [ClientAction] {
        self.state = State::Terminated;
        &[ClientAction::TimedOut, ClientAction::Terminate]
    }

    fn unreachable(&mut self) -> &'static [ClientAction] {
        self.state = State::Terminated;
        &[ClientAction::Unreachable, ClientAction::Terminate]
    }
}
