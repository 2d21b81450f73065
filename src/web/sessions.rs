//! Sessions of signed-in people: kept in the store for all engines, by the hash of their cookie. What this engine has seen of late it remembers, so that
//! pages go on showing the last known figures while the database is away.

use super::problem::Problem;
use super::state::WebState;
use crate::db::StoreError;
use crate::db::user_sessions::{self, NewSession, Session};
use crate::ids::UserId;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard};

/// How long a sign-in lasts.
pub const LASTS: TimeDelta = TimeDelta::hours(12);
/// So long a session that was seen counts while the database cannot be asked.
const REMEMBERED: TimeDelta = TimeDelta::minutes(5);
/// Sessions that are remembered; with more all are forgotten, and asked for again.
const MOST: usize = 1000;

/// What this engine has seen of sessions.
#[derive(Default)]
pub struct Sessions(Mutex<HashMap<String, (Session, DateTime<Utc>)>>);

/// Hex of the bytes.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// 256 random bits as hex.
pub(super) fn random() -> String {
    hex(&rand::random::<[u8; 32]>())
}

pub(super) fn hash(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    hex(&hasher.finalize())
}

/// What the session of a cookie may be stored under: for a user, and for the token that is configured now.
fn hashes(state: &WebState, cookie: &str) -> (String, Option<String>) {
    let token = state.options().token.as_ref();
    (hash(&[cookie]), token.map(|token| hash(&[cookie, token.expose_secret()])))
}

/// Opens a session, for a user or (none) for somebody who knows the token; gives what the cookie holds.
pub async fn open(state: &WebState, user: Option<UserId>) -> Result<String, Problem> {
    let (cookie, csrf, now) = (random(), random(), state.clock().now());
    let token_hash = match (user, hashes(state, &cookie)) {
        (None, (_, Some(of_token))) => of_token,
        (_, (of_user, _)) => of_user,
    };
    let new = NewSession { token_hash: &token_hash, user, csrf: &csrf, began_at: now, expires_at: now + LASTS };
    state
        .ask(async {
            let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
            user_sessions::open(&mut conn, &new).await
        })
        .await?;
    Ok(cookie)
}

/// The session of a cookie; none: it has ended, or never was. A user's role and whether they may still sign in are as of now.
pub async fn find(state: &WebState, cookie: &str) -> Result<Option<Session>, Problem> {
    let (of_user, of_token) = hashes(state, cookie);
    let now = state.clock().now();
    let found = state
        .ask(async {
            let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
            let known: Vec<&str> =
                [Some(&of_user), of_token.as_ref()].into_iter().flatten().map(String::as_str).collect();
            user_sessions::find(&mut conn, &known, now).await
        })
        .await;
    let mut seen = state.sessions().lock();
    match found {
        Ok(Some(session)) => {
            if seen.len() >= MOST {
                seen.clear();
            }
            seen.insert(of_user, (session.clone(), now));
            Ok(Some(session))
        }
        Ok(None) => {
            seen.remove(&of_user);
            Ok(None)
        }
        Err(away) => match seen.get(&of_user).filter(|(_, at)| now - *at < REMEMBERED) {
            Some((session, _)) => Ok(Some(session.clone())),
            None => Err(away),
        },
    }
}

/// Ends the session of a cookie.
pub async fn close(state: &WebState, cookie: &str) -> Result<(), Problem> {
    let (of_user, of_token) = hashes(state, cookie);
    state.sessions().lock().remove(&of_user);
    let known: Vec<&str> = [Some(&of_user), of_token.as_ref()].into_iter().flatten().map(String::as_str).collect();
    let closed = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        user_sessions::close(&mut conn, &known).await
    });
    closed.await
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, (Session, DateTime<Utc>)>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
