//! INVITE client transaction: RFC 3261 17.1.1 (figure 5) with the Accepted state of RFC 6026 7.2.
//!
//! It never builds the ACK of a 2xx: that is the transaction user's.

use super::timer::{Backoff, Timer, TimerConfig, earlier};
use super::{ClientAction, ClientInput};
use std::time::Instant;

/// State of an INVITE client transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientInvite {
    reliable: bool,
    state: State,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum State {
    /// The request is out, nothing came back. Timers A (unreliable only) and B run.
    Calling {
        a: Option<Backoff>,
        b: Instant,
    },
    /// A provisional response came. No timer: the session's patience decides.
    Proceeding,
    /// A final response 300-699 came and was acknowledged. Timer D.
    Completed {
        d: Instant,
    },
    /// A 2xx came (RFC 6026). Timer M.
    Accepted {
        m: Instant,
    },
    Terminated,
}

impl ClientInvite {
    /// The request has just been given to the transport (17.1.1.2).
    pub fn new(timers: &TimerConfig, reliable: bool, now: Instant) -> Self {
        let a = (!reliable).then(|| Backoff::start(now, timers.t1));
        ClientInvite { reliable, state: State::Calling { a, b: now + timers.t1x64() } }
    }

    /// One input, then the actions it asks for.
    pub fn handle(&mut self, input: ClientInput, timers: &TimerConfig, now: Instant) -> &'static [ClientAction] {
        match self.state {
            State::Calling { a, b } => self.calling(input, timers, now, a, b),
            State::Proceeding => self.proceeding(input, timers, now),
            State::Completed { d } => self.completed(input, now, d),
            State::Accepted { m } => self.accepted(input, now, m),
            State::Terminated => &[],
        }
    }

    /// Nothing has come yet, so the request may be repeated and no CANCEL may be sent (RFC 3261 9.1).
    pub fn is_calling(&self) -> bool {
        matches!(self.state, State::Calling { .. })
    }

    /// A final response came (Completed, Accepted) or the transaction is over: the request itself is not needed any more.
    pub fn is_final(&self) -> bool {
        matches!(self.state, State::Completed { .. } | State::Accepted { .. } | State::Terminated)
    }

    /// The earliest deadline and the timer it belongs to.
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        match self.state {
            State::Calling { a, b } => Some(earlier(a.map(|a| (a.at, Timer::A)), (b, Timer::B))),
            State::Completed { d } => Some((d, Timer::D)),
            State::Accepted { m } => Some((m, Timer::M)),
            State::Proceeding | State::Terminated => None,
        }
    }

    fn calling(
        &mut self,
        input: ClientInput,
        timers: &TimerConfig,
        now: Instant,
        a: Option<Backoff>,
        b: Instant,
    ) -> &'static [ClientAction] {
        match input {
            ClientInput::Response(status) => self.response(status, timers, now),
            // timer B, 17.1.1.2
            ClientInput::Time if now >= b => {
                self.state = State::Terminated;
                &[ClientAction::TimedOut, ClientAction::Terminate]
            }
            // timer A: doubles each time, without a cap, 17.1.1.2
            ClientInput::Time => match a {
                Some(a) if now >= a.at => {
                    self.state = State::Calling { a: Some(a.next(now, None)), b };
                    &[ClientAction::Retransmit]
                }
                _ => &[],
            },
            ClientInput::TransportError => {
                self.state = State::Terminated;
                &[ClientAction::Unreachable, ClientAction::Terminate]
            }
        }
    }

    fn proceeding(&mut self, input: ClientInput, timers: &TimerConfig, now: Instant) -> &'static [ClientAction] {
        match input {
            ClientInput::Response(status) => self.response(status, timers, now),
            // nothing of ours is on its way in this state
            ClientInput::Time | ClientInput::TransportError => &[],
        }
    }

    /// Calling and Proceeding treat responses alike (figure 5).
    fn response(&mut self, status: u16, timers: &TimerConfig, now: Instant) -> &'static [ClientAction] {
        match status {
            100..=199 => {
                self.state = State::Proceeding;
                &[ClientAction::Pass]
            }
            // RFC 6026 7.2
            200..=299 => {
                self.state = State::Accepted { m: now + timers.t1x64() };
                &[ClientAction::Pass]
            }
            _ => {
                self.state = State::Completed { d: now + TimerConfig::linger(self.reliable, timers.t1x64()) };
                &[ClientAction::Ack, ClientAction::Pass]
            }
        }
    }

    fn completed(&mut self, input: ClientInput, now: Instant, d: Instant) -> &'static [ClientAction] {
        match input {
            // 17.1.1.2: each repetition is acknowledged, none is passed on
            ClientInput::Response(300..) => &[ClientAction::Ack],
            // A forking proxy forwards every 2xx, even after a final of its own (16.7 step 5): it must not become a ghost.
            ClientInput::Response(200..=299) => &[ClientAction::Pass],
            ClientInput::Response(_) => &[],
            ClientInput::Time if now >= d => self.terminate(),
            ClientInput::Time => &[],
            // the final response is known; the peer will repeat it if it misses the ACK
            ClientInput::TransportError => &[],
        }
    }

    fn accepted(&mut self, input: ClientInput, now: Instant, m: Instant) -> &'static [ClientAction] {
        match input {
            // RFC 6026 7.2: every 2xx goes up, the user repeats the ACK or meets a fork
            ClientInput::Response(200..=299) => &[ClientAction::Pass],
            ClientInput::Response(_) | ClientInput::TransportError => &[],
            ClientInput::Time if now >= m => self.terminate(),
            ClientInput::Time => &[],
        }
    }

    fn terminate(&mut self) -> &'static [ClientAction] {
        self.state = State::Terminated;
        &[ClientAction::Terminate]
    }
}
