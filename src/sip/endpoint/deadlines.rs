//! Every deadline of the endpoint in order of time. An owner has one entry at most, so nothing finished stays behind.

use crate::sip::session::SessionId;
use std::collections::BTreeSet;
use std::time::Instant;

use super::TxId;

/// Who waits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Owner {
    Client(TxId),
    Server(TxId),
    Session(SessionId),
    Registrar,
}

/// The ordered list.
#[derive(Default)]
pub(super) struct Deadlines(BTreeSet<(Instant, Owner)>);

impl Deadlines {
    /// Moves the owner's entry from `armed`, where the owner keeps it, to `at`.
    pub fn set(&mut self, owner: Owner, armed: &mut Option<Instant>, at: Option<Instant>) {
        if *armed == at {
            return;
        }
        if let Some(old) = armed.take() {
            self.0.remove(&(old, owner));
        }
        if let Some(new) = at {
            self.0.insert((new, owner));
            *armed = Some(new);
        }
    }

    /// The earliest.
    pub fn first(&self) -> Option<(Instant, Owner)> {
        self.0.first().copied()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}
