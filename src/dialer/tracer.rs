//! SIP messages of attempts into the store, beside the calls: the endpoint's tap hands each message to a bounded queue and never waits; one task asks the book
//! (`call::trace`) which are kept, and writes them in lots. What finds no room, or no database for too long, is dropped and counted: a trace is no result.

use crate::call::trace::{Book, Keep, Leg, Message, Row};
use crate::db::sip_messages::{self, NewMessage};
use crate::ids::AttemptId;
use crate::sip::session::SessionId;
use crate::sip::tap::{Caught, Tap};
use chrono::Utc;
use sqlx::PgPool;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Messages that may wait for the task: more than a second of 500 calls a second.
const QUEUE: usize = 8_192;
/// How often a lot is written.
const LOT: Duration = Duration::from_secs(1);
/// Messages of one statement.
const MANY: usize = 500;
/// Messages that wait while the database is away: some 10 MB.
const MOST_WAITING: usize = 10_000;

enum News {
    Session(SessionId, AttemptId, Leg),
    Ended(AttemptId, bool),
}

/// What calls tell; cheap to clone. The task ends when every one of these and the tap are gone.
#[derive(Clone, Debug)]
pub struct Tracer(mpsc::UnboundedSender<News>);

impl Tracer {
    /// The session is a leg of this attempt.
    pub fn session(&self, session: SessionId, attempt: AttemptId, leg: Leg) {
        let _ = self.0.send(News::Session(session, attempt, leg));
    }

    /// The attempt is over, and whether it went wrong.
    pub fn ended(&self, attempt: AttemptId, went_wrong: bool) {
        let _ = self.0.send(News::Ended(attempt, went_wrong));
    }
}

/// The task that writes.
pub struct Writer {
    book: Book,
    messages: mpsc::Receiver<(SessionId, Message)>,
    news: mpsc::UnboundedReceiver<News>,
    lost: Arc<AtomicU64>,
    waiting: Vec<Row>,
}

/// A tap for the endpoint, a handle for calls, and the task between them and the store.
pub fn tracer(keep: Keep) -> (Tap, Tracer, Writer) {
    let (queue, messages) = mpsc::channel(QUEUE);
    let (tell, news) = mpsc::unbounded_channel();
    let lost = Arc::new(AtomicU64::new(0));
    let missed = lost.clone();
    let tap = Tap::new(move |caught: &Caught<'_>| {
        let Ok(place) = queue.try_reserve() else {
            missed.fetch_add(1, Relaxed);
            return;
        };
        let Caught { session, sent, local, peer, bytes } = *caught;
        place.send((session, Message { at: Utc::now(), sent, local, peer, bytes: bytes.to_vec() }));
    });
    (tap, Tracer(tell), Writer { book: Book::new(keep), messages, news, lost, waiting: Vec::new() })
}

impl Writer {
    /// Writes until nobody is left who could say anything.
    pub async fn run(mut self, pool: PgPool) {
        let mut lot = tokio::time::interval(LOT);
        lot.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut open, mut calls) = (true, true);
        while open || calls {
            tokio::select! {
                message = self.messages.recv(), if open => match message {
                    Some((session, message)) => self.book.message(session, message, Instant::now()),
                    None => open = false,
                },
                news = self.news.recv(), if calls => match news {
                    Some(News::Session(session, attempt, leg)) => self.book.session(session, attempt, leg),
                    Some(News::Ended(attempt, went_wrong)) => self.book.ended(attempt, went_wrong, Instant::now()),
                    None => calls = false,
                },
                _ = lot.tick() => self.write(&pool).await,
            }
        }
        self.book.close(Instant::now());
        self.write(&pool).await;
    }

    async fn write(&mut self, pool: &PgPool) {
        self.book.tidy(Instant::now());
        self.waiting.extend(self.book.take());
        let dropped = self.book.take_dropped();
        let lost = self.lost.swap(0, Relaxed);
        if lost > 0 {
            tracing::warn!(lost, "SIP messages are missing from traces: more came than could be looked at");
        }
        if self.waiting.is_empty() && dropped.is_empty() {
            return;
        }
        while !self.waiting.is_empty() {
            let many = self.waiting.len().min(MANY);
            let lot: Vec<NewMessage<'_>> = self.waiting[..many].iter().map(stored).collect();
            let written = async { sip_messages::add(&mut *pool.acquire().await?, &lot).await };
            match written.await {
                Ok(()) => drop(self.waiting.drain(..many)),
                Err(error) if error.is_data_fault() => {
                    tracing::error!(%error, messages = many, "SIP messages were refused by the store; their traces have gaps");
                    self.waiting.drain(..many);
                }
                Err(error) => {
                    let over = self.waiting.len().saturating_sub(MOST_WAITING);
                    self.waiting.drain(..over);
                    tracing::warn!(%error, dropped = over, "SIP messages cannot be written; calls go on");
                    break;
                }
            }
        }
        for (attempt, count) in dropped {
            let count = i32::try_from(count).unwrap_or(i32::MAX);
            let told = async { sip_messages::dropped(&mut *pool.acquire().await?, attempt, count).await };
            if let Err(error) = told.await {
                tracing::warn!(%attempt, %error, "how many SIP messages of an attempt were not kept is not written");
            }
        }
    }
}

fn stored(row: &Row) -> NewMessage<'_> {
    let Row { attempt, seq, leg, message } = row;
    NewMessage {
        attempt: *attempt,
        seq: *seq,
        at: message.at,
        leg: leg.as_str(),
        sent: message.sent,
        transport: message.peer.transport.as_str(),
        local: message.local.to_string(),
        peer: message.peer.address.to_string(),
        bytes: &message.bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::fixture::{self, id};
    use crate::sip::hop::{Hop, Transport};

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn what_the_tap_is_shown_stands_in_the_store(pool: PgPool) {
        let mut conn = pool.acquire().await.unwrap();
        let owed = fixture::owed(&mut conn, 1).await;
        let attempt = fixture::begun(&mut conn, "a", owed.follow_up, 1, 0).await;
        let (tap, tracer, writer) = tracer(Keep::Failed);
        let local = "192.0.2.1:5060".parse().unwrap();
        let peer = Hop::new(Transport::Tcp, "[2001:db8::9]:5060".parse().unwrap());
        let show = |session, sent, bytes: &[u8]| tap.show(&Caught { session, sent, local, peer, bytes });
        show(SessionId(1), true, b"INVITE x\r\nAuthorization: Digest secret\r\n\r\n");
        tracer.session(SessionId(1), attempt, Leg::Customer);
        show(SessionId(1), false, b"SIP/2.0 503 No\r\n\r\n");
        show(SessionId(2), true, b"nobody's");
        tracer.ended(attempt, true);
        drop((tap, tracer));
        writer.run(pool.clone()).await;
        let stored = sip_messages::of_attempt(&mut conn, id(1)).await.unwrap();
        let told: Vec<_> =
            stored.iter().map(|s| (s.sent, s.transport.as_str(), String::from_utf8_lossy(&s.bytes))).collect();
        assert_eq!(
            told,
            [
                (true, "tcp", "INVITE x\r\nAuthorization: removed\r\n\r\n".into()),
                (false, "tcp", "SIP/2.0 503 No\r\n\r\n".into())
            ]
        );
        assert_eq!(stored[1].peer, "[2001:db8::9]:5060");
    }
}
