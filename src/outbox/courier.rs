//! Carries the outbox: takes what is due, posts it, writes what became of it. A target that is away holds up nobody else's messages; whatever dies, the row is still there.

use super::fate::{self, Care, Fate, Reply};
use super::wire::{Secret, body};
use crate::clock::Clock;
use crate::db::outbox::{self as rows, Addressee, Taken, Target};
use crate::db::state::{OutboxEvent, OutboxTarget};
use crate::db::{self, StoreError};
use crate::dialer::policy::Manners;
use crate::net::http_client::{Answer, HttpClient};
use crate::phone::E164;
use crate::template;
use chrono::{DateTime, TimeDelta, Utc};
use hyper::Uri;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgPool;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Messages on their way at a time.
const LOT: i64 = 16;
/// How long a message that was taken is one engine's: longer than a request may take.
const LEASE: TimeDelta = TimeDelta::seconds(60);
/// How often the outbox is looked at without being told.
const LOOK: Duration = Duration::from_secs(5);
/// A text later than this after the event helps nobody.
const STALE: TimeDelta = TimeDelta::days(3);

/// A system that is told.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Where.
    pub endpoint: Uri,
    /// What messages to it are signed with.
    pub secret: Secret,
    /// By which connection.
    pub http: HttpClient,
    /// Of what.
    pub events: Vec<OutboxEvent>,
}

/// The gateway for texts.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// Where.
    pub endpoint: Uri,
    /// Its token.
    pub token: Option<SecretString>,
    /// By which connection.
    pub http: HttpClient,
    /// The body of a request.
    pub body: String,
    /// Texts by survey and language.
    pub texts: BTreeMap<String, BTreeMap<String, String>>,
    /// Who signs.
    pub dealer: String,
    /// To which numbers, and at which hours.
    pub manners: Manners,
}

/// Everything that leaves.
#[derive(Clone, Debug, Default)]
pub struct Post {
    /// Systems by name.
    pub webhooks: BTreeMap<String, Webhook>,
    /// Texts.
    pub sms: Option<Gateway>,
}

impl Post {
    /// Who is told of what, as the store keeps it.
    pub fn targets(&self) -> Vec<Target> {
        let webhook = |(name, webhook): (&String, &Webhook)| Target {
            name: name.clone(),
            kind: OutboxTarget::Webhook,
            events: webhook.events.clone(),
        };
        let sms = self.sms.iter().map(|_| Target {
            name: crate::config::SMS.to_owned(),
            kind: OutboxTarget::Sms,
            events: vec![OutboxEvent::Sms],
        });
        self.webhooks.iter().map(webhook).chain(sms).collect()
    }
}

/// The one task that carries.
#[derive(Clone, Debug)]
pub struct Courier {
    /// The store.
    pub pool: PgPool,
    /// What time it is.
    pub clock: Clock,
    /// To whom.
    pub post: Arc<Post>,
}

/// What becomes of a message before anything is sent, or after.
enum Outcome {
    Settled(Fate, Answer),
    /// A text's hour has not come.
    PutOff(DateTime<Utc>),
}

impl Courier {
    /// Carries until told to stop; what is on its way is brought to its end.
    pub async fn keep(self, stop: CancellationToken) {
        let (tell, mut told) = broadcast::channel(16);
        let listening = tokio::spawn(db::wake::hear(self.pool.clone(), rows::CHANNEL, tell));
        while !stop.is_cancelled() {
            match self.round().await {
                Ok(0) => {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        _ = told.recv() => {}
                        () = tokio::time::sleep(LOOK) => {}
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "messages to others wait for the database");
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = tokio::time::sleep(LOOK) => {}
                    }
                }
            }
        }
        listening.abort();
    }

    /// Sends what is due, a lot; how many that were.
    pub async fn round(&self) -> Result<usize, StoreError> {
        let names: Vec<String> = self.post.targets().into_iter().map(|target| target.name).collect();
        let mut conn = self.pool.acquire().await?;
        let lost = rows::give_up_lost_texts(&mut conn, self.clock.now()).await?;
        if lost > 0 {
            tracing::error!(
                texts = lost,
                "an engine ended while it sent texts: nobody knows whether they went out (`huifang outbox`)"
            );
        }
        let taken = rows::take(&mut conn, &names, self.clock.now(), LEASE, LOT).await?;
        drop(conn);
        let count = taken.len();
        let mut lot = JoinSet::new();
        for message in taken {
            let own = self.clone();
            lot.spawn(async move { own.carry(message).await });
        }
        // Each is brought to its end, whatever becomes of another. What could not be written is taken again when its lease is over.
        let mut all = Ok(count);
        while let Some(done) = lot.join_next().await {
            if let Err(error) = done.unwrap_or_else(|broken| Err(StoreError::Away(broken.to_string()))) {
                all = Err(error);
            }
        }
        all
    }

    async fn carry(&self, taken: Taken) -> Result<(), StoreError> {
        let outcome = match (self.post.webhooks.get(&taken.target), &self.post.sms) {
            (Some(webhook), _) => self.tell(webhook, &taken).await,
            (None, Some(gateway)) => self.text(gateway, &taken).await?,
            (None, None) => return Ok(()),
        };
        let mut conn = self.pool.acquire().await?;
        let (fate, answer) = match outcome {
            Outcome::PutOff(at) => return rows::put_off(&mut conn, &taken, at).await,
            Outcome::Settled(fate, answer) => (fate, answer),
        };
        let error = answer.error.as_deref();
        match fate {
            Fate::Sent => tracing::debug!(message = %taken.id, target = taken.target, "sent"),
            Fate::Again(_) => {
                tracing::warn!(message = %taken.id, target = taken.target, tries = taken.tries, error, "not taken yet")
            }
            Fate::Failed => {
                tracing::error!(message = %taken.id, target = taken.target, error, "given up (`huifang outbox replay`)")
            }
            Fate::Unknown => {
                tracing::error!(message = %taken.id, error, "nobody knows whether this text went out (`huifang outbox`)")
            }
        }
        rows::settle(&mut conn, &taken, fate, answer.status, error, self.clock.now()).await
    }

    async fn tell(&self, webhook: &Webhook, taken: &Taken) -> Outcome {
        let body = body(taken.event.as_str(), taken.happened_at, &taken.payload);
        let answer = post_signed(webhook, taken.id, body, self.clock.now()).await;
        Outcome::Settled(fate::after(Care::UntilTaken, answer.reply, taken.tries, rand::random()), answer)
    }

    async fn text(&self, gateway: &Gateway, taken: &Taken) -> Result<Outcome, StoreError> {
        let never = |why: &str| {
            let answer = Answer { reply: Reply::NotReached, status: None, error: Some(why.to_owned()) };
            Ok(Outcome::Settled(Fate::Failed, answer))
        };
        let now = self.clock.now();
        let Some(follow_up) = taken.follow_up_id else { return never("it belongs to no follow-up") };
        let to = rows::addressee(&mut *self.pool.acquire().await?, follow_up).await?;
        if to.blocked {
            return never("the number is on the do-not-call list or wrong, or the customer is forgotten");
        }
        if now - taken.happened_at > STALE {
            return never("it is too late for it");
        }
        let Some(template) = gateway.template(&to) else {
            return never("sms.texts has no text for this survey and language");
        };
        let Ok(number) = E164::from_stored(&to.number) else { return never("the number cannot be used") };
        match gateway.when(&number, &to, now) {
            When::Never(why) => return never(&why),
            When::At(at) if at > now => return Ok(Outcome::PutOff(at)),
            When::At(_) => {}
        }
        let answer = gateway.send(&number, &gateway.fill(template, &to), taken.id).await;
        Ok(Outcome::Settled(fate::after(Care::NeverTwice, answer.reply, taken.tries, rand::random()), answer))
    }
}

/// When a text may go out.
enum When {
    At(DateTime<Utc>),
    Never(String),
}

impl Gateway {
    /// In the customer's language, or else in the only one that there is.
    fn template(&self, to: &Addressee) -> Option<&str> {
        let texts = self.texts.get(&to.survey_key)?;
        let only = || texts.values().next().filter(|_| texts.len() == 1);
        texts.get(&to.language).or_else(only).map(String::as_str)
    }

    /// The allow-list and the hours are those of calls.
    fn when(&self, number: &E164, to: &Addressee, now: DateTime<Utc>) -> When {
        if let Some(refusal) = self.manners.refuses(number) {
            return When::Never(refusal.to_string());
        }
        let Ok(zone) = to.time_zone.parse() else { return When::Never("there is no such time zone".to_owned()) };
        let next = self.manners.rules(number).window.next(now, zone);
        next.map_or_else(|| When::Never("the calling window never opens".to_owned()), When::At)
    }

    fn fill(&self, template: &str, to: &Addressee) -> String {
        let date = to.happened_on.to_string();
        let values = [
            ("dealer", self.dealer.as_str()),
            ("name", &to.name),
            ("model", &to.model),
            ("plate", &to.plate),
            ("date", &date),
        ];
        template::fill(template, &values)
    }

    async fn send(&self, number: &E164, text: &str, id: Uuid) -> Answer {
        let id = id.to_string();
        let body = template::fill_json(&self.body, &[("number", number.as_str()), ("text", text), ("id", &id)]);
        let mut headers = headers();
        let token = self.token.as_ref().map(|token| format!("Bearer {}", token.expose_secret()));
        if let Some(Ok(mut value)) = token.as_deref().map(HeaderValue::from_str) {
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        put(&mut headers, "idempotency-key", &id);
        self.http.post(&self.endpoint, headers, body.into_bytes()).await
    }
}

/// Posts one signed message (`webhook-id`, `webhook-timestamp`, `webhook-signature`).
pub async fn post_signed(webhook: &Webhook, id: Uuid, body: Vec<u8>, now: DateTime<Utc>) -> Answer {
    let timestamp = now.timestamp();
    let mut headers = headers();
    put(&mut headers, "webhook-id", &id.to_string());
    put(&mut headers, "webhook-timestamp", &timestamp.to_string());
    put(&mut headers, "webhook-signature", &webhook.secret.sign(id, timestamp, &body));
    webhook.http.post(&webhook.endpoint, headers, body).await
}

fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("huifang/", env!("CARGO_PKG_VERSION"))));
    headers
}

fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    // ids, numbers and base64 are always good values
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

#[cfg(test)]
mod tests;
