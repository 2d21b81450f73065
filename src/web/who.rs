//! Who asks: as the guard has found out, for handlers to take (`who: Who`) and for pages to show.

use super::problem::Problem;
use super::roles::Closed;
use super::via::Via;
use crate::db::api_tokens::{Scope, Token};
use crate::db::state::UserRole;
use crate::db::user_sessions::{Session, SignedIn};
use crate::ids::{TokenId, UserId};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use std::net::IpAddr;

/// Somebody who was let in.
#[derive(Clone)]
pub struct Who {
    role: UserRole,
    user: Option<SignedIn>,
    csrf: Option<String>,
    token: Option<Token>,
    address: Option<IpAddr>,
}

impl Who {
    /// The token of the settings, sent along: may everything, and no page can send it unasked.
    pub(super) fn token() -> Who {
        Who { role: UserRole::Admin, user: None, csrf: None, token: None, address: None }
    }

    /// Somebody at this machine, where there is neither token nor user.
    pub(super) fn local() -> Who {
        Who::token()
    }

    /// Somebody with a cookie.
    pub(super) fn session(session: Session) -> Who {
        let role = session.user.as_ref().map_or(UserRole::Admin, |user| user.role);
        Who { role, user: session.user, csrf: Some(session.csrf), token: None, address: None }
    }

    /// A token of `api_tokens`, sent along. Its scopes say what it may; inside of a handler it stands where managers stand.
    pub(super) fn api_token(token: Token) -> Who {
        let role = if token.scopes.allow(Scope::Admin) { UserRole::Admin } else { UserRole::Manager };
        Who { role, user: None, csrf: None, token: Some(token), address: None }
    }

    /// The same, asking from where the request came from.
    pub(super) fn at(self, via: Via) -> Who {
        Who { address: via.address, ..self }
    }

    /// Whether they may ask this; else what would be needed.
    pub(super) fn may_ask(&self, route: &Closed) -> Result<(), Problem> {
        let (role, least) = (self.role, route.least);
        match &self.token {
            Some(token) if token.scopes.allow(route.scope) => Ok(()),
            Some(token) => {
                let (wanted, has) = (route.scope, &token.scopes);
                Err(Problem::forbidden(format!("This wants a token with the scope {wanted}; yours has: {has}.")))
            }
            None if route.admits(role) => Ok(()),
            None => Err(Problem::forbidden(format!("This is for the role {least}; you are signed in as {role}."))),
        }
    }

    /// Whether they may see people in clear, where they may see them at all: a token wants a scope for that, and who only watches never does.
    pub fn may_see_people(&self) -> Result<(), Problem> {
        match &self.token {
            Some(token) if !token.scopes.allow(Scope::Personal) => {
                Err(Problem::forbidden("Names and numbers in clear want a token with the scope personal."))
            }
            None if !self.may(UserRole::Agent) => {
                Err(Problem::forbidden(format!("The role {} sees nobody in clear.", self.role)))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Which of `api_tokens`; none: it was no such token.
    pub fn token_id(&self) -> Option<TokenId> {
        self.token.as_ref().map(|token| token.id)
    }

    /// Whose keys of repeated writes are meant (`idempotency`).
    pub fn caller(&self) -> String {
        match (&self.token, &self.user) {
            (Some(token), _) => format!("token {}", token.id),
            (None, Some(user)) => format!("user {}", user.id),
            (None, None) => "settings".to_owned(),
        }
    }

    /// Where they ask from, as far as the server knows it.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// What they may do.
    pub fn role(&self) -> UserRole {
        self.role
    }

    /// Whether they may do what this role may.
    pub fn may(&self, least: UserRole) -> bool {
        self.role >= least
    }

    /// Which user; none for the token, and where nobody needs to sign in.
    pub fn user(&self) -> Option<UserId> {
        self.user.as_ref().map(|user| user.id)
    }

    /// What they are called where something that they did is shown: a user's name or that of an API token; none where it was neither.
    pub fn name(&self) -> Option<&str> {
        let token = self.token.as_ref().map(|token| token.name.as_str());
        self.user.as_ref().map(|user| user.name.as_str()).or(token)
    }

    /// What they are called in a history, where they must be called something: the token of the settings, and whoever needs not sign in, stand for its administrator.
    pub fn person(&self) -> &str {
        self.name().unwrap_or("admin")
    }

    /// What every write of their session must send along, in a header `X-CSRF` or a form field `csrf`; none: nothing is wanted.
    pub fn csrf(&self) -> Option<&str> {
        self.csrf.as_deref()
    }
}

impl<S: Sync> FromRequestParts<S> for Who {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Who, Problem> {
        parts.extensions.get::<Who>().cloned().ok_or_else(Problem::token_wanted)
    }
}
