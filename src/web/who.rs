//! Who asks: as the guard has found out, for handlers to take (`who: Who`) and for pages to show.

use super::problem::Problem;
use crate::db::state::UserRole;
use crate::db::user_sessions::{Session, SignedIn};
use crate::ids::UserId;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

/// Somebody who was let in.
#[derive(Clone)]
pub struct Who {
    role: UserRole,
    user: Option<SignedIn>,
    csrf: Option<String>,
}

impl Who {
    /// The API's token, sent along: may everything, and no page can send it unasked.
    pub(super) fn token() -> Who {
        Who { role: UserRole::Admin, user: None, csrf: None }
    }

    /// Somebody at this machine, where there is neither token nor user.
    pub(super) fn local() -> Who {
        Who::token()
    }

    /// Somebody with a cookie.
    pub(super) fn session(session: Session) -> Who {
        let role = session.user.as_ref().map_or(UserRole::Admin, |user| user.role);
        Who { role, user: session.user, csrf: Some(session.csrf) }
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

    /// What they are called where something that they did is shown; none where [`Self::user`] is none.
    pub fn name(&self) -> Option<&str> {
        self.user.as_ref().map(|user| user.name.as_str())
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
