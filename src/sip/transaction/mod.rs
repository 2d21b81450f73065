//! The four transaction machines of RFC 3261 section 17 with the corrections of RFC 6026, as pure state enums.
//!
//! A machine knows states and timers only. It never sees a message: it is told what arrived (a status, a request again, an ACK,
//! a timer) and says what to do ([`ClientAction`], [`ServerAction`]). Packets, keys and the transaction user belong to the endpoint.

mod client_invite;
mod client_other;
mod server_invite;
mod server_other;
mod timer;

#[cfg(test)]
mod tests;

pub use client_invite::ClientInvite;
pub use client_other::ClientOther;
pub use server_invite::ServerInvite;
pub use server_other::ServerOther;
pub use timer::{Backoff, Timer, TimerConfig};

use std::time::Instant;

/// What a client machine is told (RFC 3261 17.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientInput {
    /// A response with this status code matched the transaction (17.1.3).
    Response(u16),
    /// The clock reached the machine's deadline.
    Time,
    /// The transport could not deliver the request (17.1.4).
    TransportError,
}

/// What a client machine wants done, in this order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientAction {
    /// Send the request again, byte for byte.
    Retransmit,
    /// Send the ACK of a final response 300-699 (17.1.1.3).
    Ack,
    /// Give the response to the transaction user.
    Pass,
    /// Tell the transaction user that nothing came in time (timer B or F).
    TimedOut,
    /// Tell the transaction user that the request could not be delivered.
    Unreachable,
    /// Forget the transaction.
    Terminate,
}

/// What a server machine is told (RFC 3261 17.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ServerInput {
    /// The same request came again.
    Request,
    /// The ACK of a final response 300-699 came (INVITE only).
    Ack,
    /// The transaction user answers with this status code.
    Respond(u16),
    /// The clock reached the machine's deadline.
    Time,
}

/// What a server machine wants done, in this order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ServerAction {
    /// Send the response that the transaction user just gave.
    Send,
    /// Send the last response again, byte for byte (nothing, if there is none yet).
    Resend,
    /// Send a 100 Trying: the transaction user was silent for 200 ms (17.2.1).
    Trying,
    /// Tell the transaction user that no ACK came (timer H).
    TimedOut,
    /// Forget the transaction.
    Terminate,
}

/// A client transaction of either kind.
#[derive(Clone, Debug)]
pub enum ClientMachine {
    /// RFC 3261 17.1.1.
    Invite(ClientInvite),
    /// RFC 3261 17.1.2.
    Other(ClientOther),
}

impl ClientMachine {
    /// One input, then the actions it asks for.
    pub fn handle(&mut self, input: ClientInput, timers: &TimerConfig, now: Instant) -> &'static [ClientAction] {
        match self {
            ClientMachine::Invite(machine) => machine.handle(input, timers, now),
            ClientMachine::Other(machine) => machine.handle(input, timers, now),
        }
    }

    /// The earliest deadline and the timer it belongs to.
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        match self {
            ClientMachine::Invite(machine) => machine.poll_timeout(),
            ClientMachine::Other(machine) => machine.poll_timeout(),
        }
    }
}

/// A server transaction of either kind.
#[derive(Clone, Debug)]
pub enum ServerMachine {
    /// RFC 3261 17.2.1, RFC 6026 7.1.
    Invite(ServerInvite),
    /// RFC 3261 17.2.2.
    Other(ServerOther),
}

impl ServerMachine {
    /// One input, then the actions it asks for.
    pub fn handle(&mut self, input: ServerInput, timers: &TimerConfig, now: Instant) -> &'static [ServerAction] {
        match self {
            ServerMachine::Invite(machine) => machine.handle(input, timers, now),
            ServerMachine::Other(machine) => machine.handle(input, timers, now),
        }
    }

    /// The earliest deadline and the timer it belongs to.
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        match self {
            ServerMachine::Invite(machine) => machine.poll_timeout(),
            ServerMachine::Other(machine) => machine.poll_timeout(),
        }
    }
}
