//! What every handler needs: the pool, the clock, the dealer, the token, and who is signed in. Never shows the token.

use super::live::Live;
use super::problem::Problem;
use super::readiness::Readiness;
use crate::clock::Clock;
use crate::dialer::outlook;
use crate::followup::import::ImportSettings;
use chrono_tz::Tz;
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgPool;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long a page or an API call waits for the database before it says 503.
const DATABASE_PATIENCE: Duration = Duration::from_secs(5);
/// How long a sign-in lasts.
pub const SESSION: chrono::Duration = chrono::Duration::hours(12);
/// Sign-ins kept at the same time; the oldest goes first.
const MOST_SESSIONS: usize = 1000;

/// What the pages are told about the dealer and about who may look.
#[derive(Clone, Debug)]
pub struct Options {
    /// The dealer's name as the page shows it.
    pub dealer: String,
    /// The dealer's zone: days of reports and times on pages.
    pub zone: Tz,
    /// Language where neither address nor browser names one (`zh-CN`, `en`).
    pub language: String,
    /// ISO 3166 country of numbers that come without `+`.
    pub country: String,
    /// Bearer token; none = loopback only.
    pub token: Option<SecretString>,
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
    sessions: Mutex<HashMap<String, i64>>,
    closing: CancellationToken,
    imports: OnceLock<ImportSettings>,
    outlook: OnceLock<outlook::Rules>,
}

impl WebState {
    /// State over a pool; `readiness` is what `/readyz` asks beside the database.
    pub fn new(pool: PgPool, clock: Clock, readiness: Readiness, options: Options) -> WebState {
        WebState(Arc::new(Inner {
            pool,
            clock,
            options,
            readiness,
            live: Live::default(),
            sessions: Mutex::default(),
            closing: CancellationToken::new(),
            imports: OnceLock::new(),
            outlook: OnceLock::new(),
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

    /// Opens a session: 256 random bits as hex, which say nothing about the token.
    pub(super) fn sign_in(&self) -> String {
        let bits: [u8; 32] = rand::random();
        let id: String = bits.iter().map(|byte| format!("{byte:02x}")).collect();
        let now = self.0.clock.now();
        let mut sessions = self.sessions();
        sessions.retain(|_, until| *until > now.timestamp());
        if sessions.len() >= MOST_SESSIONS
            && let Some(oldest) = sessions.iter().min_by_key(|(_, until)| **until).map(|(id, _)| id.clone())
        {
            sessions.remove(&oldest);
        }
        sessions.insert(id.clone(), (now + SESSION).timestamp());
        id
    }

    pub(super) fn signed_in(&self, id: &str) -> bool {
        let now = self.0.clock.now().timestamp();
        self.sessions().get(id).is_some_and(|until| *until > now)
    }

    pub(super) fn sign_out(&self, id: &str) {
        self.sessions().remove(id);
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

    fn sessions(&self) -> MutexGuard<'_, HashMap<String, i64>> {
        self.0.sessions.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Compares without an early exit: how long it takes tells the length, never a byte.
fn same(expected: &[u8], given: &[u8]) -> bool {
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
