//! What every handler needs: the pool, the clock, the dealer, the token, and who is signed in. Never shows the token.

use super::agents::News;
use super::live::Live;
use super::problem::Problem;
use super::rate::{Limits, Rates};
use super::readiness::Readiness;
use super::sessions::Sessions;
use super::throttle::Throttle;
use super::who::Who;
use crate::clock::Clock;
use crate::db::{StoreError, api_tokens, audit, users};
use crate::dialer::outlook;
use crate::dialer::trunks::Trunk;
use crate::dialer::worker::Engine;
use crate::followup::import::ImportSettings;
use crate::media::prompt::PromptStore;
use crate::report::period::Period;
use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgPool;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long a page or an API call waits for the database before it says 503.
const DATABASE_PATIENCE: Duration = Duration::from_secs(5);
/// How long it is asked whether there are users, before pages are held back until the database answers.
const USERS_PATIENCE: Duration = Duration::from_secs(2);

/// Not asked yet whether there are users.
const UNKNOWN: u8 = 0;
/// There were none when it was asked last.
const NONE: u8 = 1;
/// There are; it stays so, rows of users and tokens are never deleted.
const SOME: u8 = 2;

/// What the pages are told about the dealer and about who may look.
#[derive(Clone, Debug)]
pub struct Options {
    /// The dealer's name as the page shows it.
    pub dealer: String,
    /// The dealer's zone: days of reports and times on pages.
    pub zone: Tz,
    /// Language where neither address nor browser names one (`zh-CN`, `en`).
    pub language: String,
    /// What counts as a weak item.
    pub weak: crate::report::weak::Rule,
    /// The dealer's logo, for reports.
    pub logo: Option<crate::report::file::Logo>,
    /// ISO 3166 country of numbers that come without `+`.
    pub country: String,
    /// Bearer token; none and no user = loopback only.
    pub token: Option<SecretString>,
    /// Where recordings lie; none: none are played.
    pub recordings: Option<PathBuf>,
    /// So long an agent's page counts as open after its last sign of life.
    pub page_ttl: TimeDelta,
    /// Whose word counts on where a request comes from, and by which protocol.
    pub trusted_proxies: Vec<IpAddr>,
    /// How often one may ask.
    pub limits: Limits,
}

/// Handle that all handlers share; cheap to clone.
#[derive(Clone)]
pub struct WebState(Arc<Inner>);

struct Inner {
    pool: PgPool,
    clock: Clock,
    options: Options,
    readiness: Readiness,
    live: Live,
    users: AtomicU8,
    sessions: Sessions,
    throttle: Throttle,
    token_rates: Rates<Uuid>,
    address_rates: Rates<IpAddr>,
    news: News,
    closing: CancellationToken,
    imports: OnceLock<ImportSettings>,
    outlook: OnceLock<outlook::Rules>,
    prompts: OnceLock<Arc<PromptStore>>,
    measured: OnceLock<(Arc<Engine>, Vec<Trunk>)>,
}

impl WebState {
    /// State over a pool; `readiness` is what `/readyz` asks beside the database.
    pub fn new(pool: PgPool, clock: Clock, readiness: Readiness, options: Options) -> WebState {
        WebState(Arc::new(Inner {
            pool,
            clock,
            token_rates: Rates::new(options.limits.token_per_min),
            address_rates: Rates::new(options.limits.address_per_min),
            options,
            readiness,
            live: Live::default(),
            users: AtomicU8::new(UNKNOWN),
            sessions: Sessions::default(),
            throttle: Throttle::default(),
            news: News::default(),
            closing: CancellationToken::new(),
            imports: OnceLock::new(),
            outlook: OnceLock::new(),
            prompts: OnceLock::new(),
            measured: OnceLock::new(),
        }))
    }

    /// Takes lists from now on, by these settings; the first ones count.
    pub fn take_lists(&self, settings: ImportSettings) {
        let _ = self.0.imports.set(settings);
    }

    /// How lists are read; none: they are not taken.
    pub(super) fn import_settings(&self) -> Option<&ImportSettings> {
        self.0.imports.get()
    }

    /// Says from now on what comes next and why it waits, by these rules; the first ones count.
    pub fn show_queue(&self, rules: outlook::Rules) {
        let _ = self.0.outlook.set(rules);
    }

    /// Who is dialled when; none: this server does not know.
    pub(super) fn outlook_rules(&self) -> Option<&outlook::Rules> {
        self.0.outlook.get()
    }

    /// Checks surveys against these prompts from now on, which are those that the engine speaks; the first ones count.
    pub fn speak(&self, prompts: Arc<PromptStore>) {
        let _ = self.0.prompts.set(prompts);
    }

    /// What can be spoken; none: this server does not know.
    pub(super) fn prompts(&self) -> Option<&Arc<PromptStore>> {
        self.0.prompts.get()
    }

    /// Measures this engine and its trunks for `/metrics`; the first ones count.
    pub fn measure(&self, engine: Arc<Engine>, trunks: Vec<Trunk>) {
        let _ = self.0.measured.set((engine, trunks));
    }

    /// The engine that is measured; none: this server has none.
    pub(super) fn measured(&self) -> Option<&(Arc<Engine>, Vec<Trunk>)> {
        self.0.measured.get()
    }

    /// Whether a token is wanted.
    pub fn has_token(&self) -> bool {
        self.0.options.token.is_some()
    }

    pub(super) fn pool(&self) -> &PgPool {
        &self.0.pool
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub(super) fn options(&self) -> &Options {
        &self.0.options
    }

    pub(super) fn readiness(&self) -> &Readiness {
        &self.0.readiness
    }

    pub(super) fn live(&self) -> &Live {
        &self.0.live
    }

    pub(super) fn closing(&self) -> CancellationToken {
        self.0.closing.clone()
    }

    /// True for the configured token; takes the same time for every wrong text of one length.
    pub(super) fn token_is(&self, given: &str) -> bool {
        match &self.0.options.token {
            Some(token) => same(token.expose_secret().as_bytes(), given.as_bytes()),
            None => false,
        }
    }

    /// Whether people must sign in: a token is set, or there are users or API tokens. None: the database was never there to say.
    pub(super) async fn guarded(&self) -> Option<bool> {
        let known = self.0.users.load(Ordering::Relaxed);
        if self.has_token() || known == SOME {
            return Some(true);
        }
        let asked = async {
            let mut conn = self.pool().acquire().await.map_err(StoreError::from)?;
            Ok::<_, StoreError>(users::any(&mut conn).await? || api_tokens::any(&mut conn).await?)
        };
        match tokio::time::timeout(USERS_PATIENCE, asked).await {
            Ok(Ok(any)) => {
                self.0.users.store(if any { SOME } else { NONE }, Ordering::Relaxed);
                Some(any)
            }
            Ok(Err(_)) | Err(_) => (known == NONE).then_some(false),
        }
    }

    pub(super) fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    /// What wakes agents' pages.
    pub(super) fn agent_news(&self) -> &News {
        &self.0.news
    }

    /// How often each token asks.
    pub(super) fn token_rates(&self) -> &Rates<Uuid> {
        &self.0.token_rates
    }

    /// The day in the dealer's zone.
    pub(super) fn today(&self) -> NaiveDate {
        Period::today(self.clock().now(), self.options().zone).last
    }

    /// How often each address asks.
    pub(super) fn address_rates(&self) -> &Rates<IpAddr> {
        &self.0.address_rates
    }

    pub(super) fn throttle(&self) -> &Throttle {
        &self.0.throttle
    }

    /// Keeps in the audit log what somebody saw or changed. What must not happen unseen waits for this and does not happen where it fails.
    pub(super) async fn audit(
        &self,
        who: &Who,
        action: &str,
        object: impl Into<String>,
        detail: serde_json::Value,
    ) -> Result<(), Problem> {
        let entry = self.entry(who, action, object.into(), detail);
        let kept = self.ask(async {
            let mut conn = self.pool().acquire().await.map_err(StoreError::from)?;
            audit::add(&mut conn, &entry, rand::random()).await
        });
        kept.await
    }

    /// The same for what is done already: what cannot be kept now must not look undone.
    pub(super) async fn audit_done(
        &self,
        who: &Who,
        action: &str,
        object: impl Into<String>,
        detail: serde_json::Value,
    ) {
        if self.audit(who, action, object, detail).await.is_err() {
            tracing::error!(action, "what was done could not be written into the audit log");
        }
    }

    /// Keeps it once for all that one person does so to one thing.
    pub(super) async fn audit_once(
        &self,
        who: &Who,
        action: &str,
        object: impl Into<String>,
        detail: serde_json::Value,
    ) -> Result<(), Problem> {
        let entry = self.entry(who, action, object.into(), detail);
        let kept = self.ask(async {
            let mut conn = self.pool().acquire().await.map_err(StoreError::from)?;
            audit::add_once(&mut conn, &entry, rand::random()).await
        });
        kept.await
    }

    fn entry(&self, who: &Who, action: &str, object: String, detail: serde_json::Value) -> audit::Entry {
        audit::Entry {
            at: self.clock().now(),
            user: who.user().map(|user| user.0),
            token: who.token_id().map(|token| token.0),
            address: who.address().map(|address| address.to_string()),
            action: action.to_owned(),
            object,
            detail,
        }
    }

    /// Runs one question to the database; away or too slow becomes a 503.
    pub(super) async fn ask<T>(
        &self,
        question: impl Future<Output = Result<T, crate::db::StoreError>>,
    ) -> Result<T, Problem> {
        match tokio::time::timeout(DATABASE_PATIENCE, question).await {
            Ok(answer) => answer.map_err(Problem::from),
            Err(_) => Err(Problem::database_away()),
        }
    }
}

/// Compares without an early exit: how long it takes tells the length, never a byte.
pub(super) fn same(expected: &[u8], given: &[u8]) -> bool {
    let mut different = u8::from(expected.len() != given.len());
    for (i, byte) in given.iter().enumerate() {
        let other = expected.get(i).copied().unwrap_or(!byte);
        different |= std::hint::black_box(byte ^ other);
    }
    std::hint::black_box(different) == 0
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn only_the_same_bytes_are_the_same() {
        for (a, b, want) in [
            ("secret", "secret", true),
            ("secret", "secreT", false),
            ("secret", "secre", false),
            ("secret", "secrets", false),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(same(a.as_bytes(), b.as_bytes()), want, "{a} {b}");
        }
    }
}
