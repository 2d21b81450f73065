//! Whole SIP messages of an attempt: which session is whose, how much is kept, and of which attempts. Pure: messages and time in, rows out.

pub mod mask;
pub mod pcap;
pub mod redact;

#[cfg(test)]
mod tests;

use crate::ids::AttemptId;
use crate::sip::hop::Hop;
use crate::sip::session::SessionId;
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Messages that are kept of one attempt: some thirty times what a call has.
pub const MOST_MESSAGES: usize = 250;
/// Bytes that are kept of one attempt.
pub const MOST_BYTES: usize = 256 << 10;
/// A session whose call has not said so far whose it is. It does so within a millisecond; a call that nobody owns never does.
const UNKNOWN: Duration = Duration::from_secs(10);
/// Messages that are held for such a session.
const MOST_UNKNOWN: usize = 20;
/// Sessions without a call at a time.
const MOST_STRANGERS: usize = 2_000;
/// After its end an attempt may still have messages: the last BYE is repeated for 64·T1 (RFC 3261 17.1.2.2).
const LINGER: Duration = Duration::from_secs(40);

/// Which leg of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Leg {
    /// To the customer, over a trunk.
    Customer,
    /// To the agent's phone.
    Agent,
}

impl Leg {
    /// The word in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Leg::Customer => "customer",
            Leg::Agent => "agent",
        }
    }

    /// The leg of a word.
    pub fn of(text: &str) -> Option<Leg> {
        [Leg::Customer, Leg::Agent].into_iter().find(|leg| leg.as_str() == text)
    }
}

/// A message that was caught.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// When.
    pub at: DateTime<Utc>,
    /// True: sent by us.
    pub sent: bool,
    /// Our address.
    pub local: SocketAddr,
    /// The other end.
    pub peer: Hop,
    /// The message.
    pub bytes: Vec<u8>,
}

/// Shows nothing of the content.
impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let way = if self.sent { "to" } else { "from" };
        write!(f, "{} bytes {way} {}", self.bytes.len(), self.peer)
    }
}

/// A message with its place in its attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Of which attempt.
    pub attempt: AttemptId,
    /// 0 is its first.
    pub seq: i32,
    /// On which leg.
    pub leg: Leg,
    /// The message, without credentials and keys.
    pub message: Message,
}

/// Of which attempts messages are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Of those that went wrong.
    Failed,
    /// Of all.
    All,
}

#[derive(Default)]
struct Attempt {
    seq: i32,
    bytes: usize,
    dropped: u32,
    /// Messages that wait for the verdict.
    held: Vec<Row>,
    /// When it ended, and whether it is kept.
    ended: Option<(Instant, bool)>,
}

/// The attempts whose messages are being caught.
pub struct Book {
    keep: Keep,
    sessions: HashMap<SessionId, (AttemptId, Leg)>,
    strangers: HashMap<SessionId, (Instant, Vec<Message>)>,
    attempts: HashMap<AttemptId, Attempt>,
    ready: Vec<Row>,
    dropped: Vec<(AttemptId, u32)>,
}

impl Book {
    /// An empty book.
    pub fn new(keep: Keep) -> Book {
        Book {
            keep,
            sessions: HashMap::new(),
            strangers: HashMap::new(),
            attempts: HashMap::new(),
            ready: Vec::new(),
            dropped: Vec::new(),
        }
    }

    /// A message of a session.
    pub fn message(&mut self, session: SessionId, message: Message, now: Instant) {
        if let Some((attempt, leg)) = self.sessions.get(&session).copied() {
            return self.note(attempt, leg, message);
        }
        if self.strangers.len() >= MOST_STRANGERS && !self.strangers.contains_key(&session) {
            return;
        }
        let (_, held) = self.strangers.entry(session).or_insert_with(|| (now, Vec::new()));
        if held.len() < MOST_UNKNOWN {
            held.push(message);
        }
    }

    /// The session is a leg of this attempt.
    pub fn session(&mut self, session: SessionId, attempt: AttemptId, leg: Leg) {
        self.sessions.insert(session, (attempt, leg));
        self.attempts.entry(attempt).or_default();
        for message in self.strangers.remove(&session).map(|(_, held)| held).unwrap_or_default() {
            self.note(attempt, leg, message);
        }
    }

    /// The attempt is over.
    pub fn ended(&mut self, attempt: AttemptId, went_wrong: bool, now: Instant) {
        // one that never had a session has nothing to keep
        let Some(open) = self.attempts.get_mut(&attempt) else { return };
        let kept = went_wrong || self.keep == Keep::All;
        open.ended = Some((now, kept));
        let held = std::mem::take(&mut open.held);
        if kept {
            self.ready.extend(held);
        }
    }

    /// Forgets what is long over.
    pub fn tidy(&mut self, now: Instant) {
        self.strangers.retain(|_, (since, _)| now.saturating_duration_since(*since) < UNKNOWN);
        let dropped = &mut self.dropped;
        self.attempts.retain(|id, attempt| match attempt.ended {
            Some((at, kept)) if now.saturating_duration_since(at) >= LINGER => {
                if kept && attempt.dropped > 0 {
                    dropped.push((*id, attempt.dropped));
                }
                false
            }
            _ => true,
        });
        let attempts = &self.attempts;
        self.sessions.retain(|_, (attempt, _)| attempts.contains_key(attempt));
    }

    /// Closes everything: an attempt without a verdict went wrong.
    pub fn close(&mut self, now: Instant) {
        let open: Vec<AttemptId> = self.attempts.iter().filter(|(_, a)| a.ended.is_none()).map(|(id, _)| *id).collect();
        open.into_iter().for_each(|id| self.ended(id, true, now));
        self.tidy(now + LINGER);
    }

    /// What may be written.
    pub fn take(&mut self) -> Vec<Row> {
        std::mem::take(&mut self.ready)
    }

    /// Attempts that had more messages than are kept, with how many.
    pub fn take_dropped(&mut self) -> Vec<(AttemptId, u32)> {
        std::mem::take(&mut self.dropped)
    }

    /// Attempts, sessions and strangers that are held.
    pub fn load(&self) -> (usize, usize, usize) {
        (self.attempts.len(), self.sessions.len(), self.strangers.len())
    }

    fn note(&mut self, attempt: AttemptId, leg: Leg, message: Message) {
        let Some(open) = self.attempts.get_mut(&attempt) else { return };
        if matches!(open.ended, Some((_, false))) {
            return;
        }
        let full = usize::try_from(open.seq).unwrap_or(0) >= MOST_MESSAGES;
        if full || open.bytes + message.bytes.len() > MOST_BYTES {
            open.dropped += 1;
            return;
        }
        let message = Message { bytes: redact::redact(&message.bytes), ..message };
        open.bytes += message.bytes.len();
        let row = Row { attempt, seq: open.seq, leg, message };
        open.seq += 1;
        match self.keep == Keep::All || open.ended.is_some() {
            true => self.ready.push(row),
            false => open.held.push(row),
        }
    }
}
