//! Who may do what, in one table. Every route that is not open to everybody stands here with the least role that may ask it, the scope that an API token must have for
//! it, and the name under which the audit log keeps it. What does not stand here is refused: a route that somebody forgot is closed, not open. A test walks all routes and all roles.
//!
//! A new route: `routes!(…)` in `web/mod.rs`, and a line here.

use crate::db::api_tokens::Scope;
use crate::db::state::UserRole::{self, Admin, Agent, Manager, ReadOnly};

/// A route behind the guard.
#[derive(Clone, Copy, Debug)]
pub struct Closed {
    /// HTTP method.
    pub method: &'static str,
    /// Path as the router writes it.
    pub path: &'static str,
    /// Who may ask: this role and those above it.
    pub least: UserRole,
    /// Those who only watch may ask too: a read, in which people are masked whoever asks.
    pub watched: bool,
    /// What an API token must have for it.
    pub scope: Scope,
    /// How the audit log names a request that was answered well; none: not kept, or the handler keeps it because it depends on the request.
    pub audit: Option<&'static str>,
    /// Answers people with HTML: refusals come as a page or lead to the sign-in form.
    pub page: bool,
}

const fn api(method: &'static str, path: &'static str, least: UserRole) -> Closed {
    Closed { method, path, least, watched: false, scope: usual(method), audit: None, page: false }
}

const fn kept(method: &'static str, path: &'static str, least: UserRole, action: &'static str) -> Closed {
    Closed { method, path, least, watched: false, scope: usual(method), audit: Some(action), page: false }
}

const fn page(path: &'static str, least: UserRole) -> Closed {
    Closed { method: "GET", path, least, watched: false, scope: Scope::Read, audit: None, page: true }
}

/// Reads want `read`, writes `operate`, but where the line says otherwise.
const fn usual(method: &str) -> Scope {
    match method.as_bytes() {
        b"GET" => Scope::Read,
        _ => Scope::Operate,
    }
}

impl Closed {
    const fn wants(self, scope: Scope) -> Closed {
        Closed { scope, ..self }
    }

    /// Open to those who only watch as well.
    const fn watched(self) -> Closed {
        Closed { watched: true, ..self }
    }

    /// Whether somebody of this role may ask.
    pub fn admits(&self, role: UserRole) -> bool {
        role >= self.least || (self.watched && role == ReadOnly)
    }
}

/// Routes that nobody needs to sign in for: they are not behind the guard. Here so that the test can see that nothing else is open.
#[cfg(test)]
pub const OPEN: &[(&str, &str)] = &[
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/openapi.json"),
    ("GET", "/assets/{name}"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("POST", "/sign-out"),
];

/// All others.
pub const CLOSED: &[Closed] = &[
    page("/", Manager).watched(),
    api("GET", "/events", Manager).watched(),
    page("/follow-ups/{id}", Agent).watched(),
    api("GET", "/recordings/{id}", Agent).wants(Scope::Personal),
    page("/attempts/{id}", Manager).watched(),
    api("POST", "/control", Manager),
    api("POST", "/follow-ups/{id}/release", Manager),
    page("/summary", Manager).watched(),
    page("/rates", Manager).watched(),
    page("/trunks", Manager).watched(),
    page("/surveys", Manager).watched(),
    page("/surveys/{key}", Manager).watched(),
    api("POST", "/surveys/{key}", Manager),
    api("GET", "/surveys/{key}/drawing.svg", Manager).watched(),
    api("GET", "/api/v1/surveys", Manager).watched(),
    api("GET", "/api/v1/surveys/{key}/versions/{n}", Manager).watched(),
    api("POST", "/api/v1/surveys/{key}/check", Manager),
    api("POST", "/api/v1/surveys/{key}/publish", Manager),
    api("GET", "/api/v1/trunks", Manager).watched(),
    api("GET", "/api/v1/follow-ups", Manager).watched(),
    api("GET", "/api/v1/leads", Manager),
    api("GET", "/api/v1/tasks", Manager),
    kept("POST", "/api/v1/tasks/{id}/close", Manager, "task.close"),
    api("GET", "/api/v1/outbox", Manager),
    kept("POST", "/api/v1/outbox/{id}/replay", Manager, "outbox.replay"),
    page("/agent", Agent),
    api("GET", "/agent/events", Agent),
    api("GET", "/api/v1/agent", Agent),
    kept("POST", "/api/v1/agent/state", Agent, "agent.state"),
    api("POST", "/api/v1/agent/presence", Agent),
    kept("POST", "/api/v1/agent/transfers/{id}/take", Agent, "transfer.take"),
    kept("POST", "/api/v1/agent/transfers/{id}/reject", Agent, "transfer.reject"),
    kept("POST", "/api/v1/agent/transfers/{id}/hang-up", Agent, "transfer.hang_up"),
    api("GET", "/metrics", Manager).watched(),
    api("GET", "/api/v1/status", Manager).watched(),
    api("GET", "/api/v1/completion", Manager).watched(),
    api("GET", "/api/v1/summary", Manager).watched(),
    api("GET", "/api/v1/rates", Manager).watched(),
    api("GET", "/api/v1/satisfaction", Manager).watched(),
    api("GET", "/api/v1/reports/{kind}", Manager).watched(),
    api("GET", "/reports/{kind}", Manager).watched(),
    api("GET", "/api/v1/registers/{what}", Manager).watched(),
    api("GET", "/registers/{what}", Manager).watched(),
    page("/reports", Manager).watched(),
    page("/day-report", Manager).watched(),
    api("POST", "/day-report", Manager),
    api("GET", "/api/v1/day-reports/{day}/reviews", Manager).watched(),
    api("POST", "/api/v1/day-reports/{day}/reviews", Manager),
    page("/weak-items", Manager).watched(),
    page("/weak-items/{id}", Manager).watched(),
    api("POST", "/weak-items", Manager),
    api("POST", "/weak-items/{id}", Manager),
    api("GET", "/api/v1/weak-items", Manager).watched(),
    api("GET", "/api/v1/weak-items/{id}", Manager).watched(),
    api("POST", "/api/v1/weak-items", Manager),
    api("POST", "/api/v1/weak-items/{id}/acts", Manager),
    page("/satisfaction", Manager).watched(),
    page("/satisfaction/calls", Manager).watched(),
    api("GET", "/api/v1/queue", Manager).watched(),
    api("GET", "/api/v1/follow-ups/{id}", Agent).watched(),
    kept("POST", "/api/v1/imports", Manager, "list.import").wants(Scope::Import),
    page("/complaints", Agent),
    page("/complaints/{id}", Agent),
    api("GET", "/complaints/{id}/form", Agent),
    api("POST", "/complaints/{id}/form", Agent),
    api("POST", "/complaints/{id}/draft", Agent),
    api("GET", "/complaints/export.csv", Manager),
    api("GET", "/complaints/export.xlsx", Manager),
    api("GET", "/api/v1/complaints", Agent),
    api("GET", "/api/v1/complaints/{id}", Agent),
    api("POST", "/api/v1/complaints/{id}/acts", Agent),
    api("GET", "/api/v1/complaints/export.csv", Manager),
    api("GET", "/api/v1/complaints/export.xlsx", Manager),
    api("GET", "/api/v1/control", Manager).watched(),
    kept("POST", "/api/v1/control", Manager, "control.change"),
    api("GET", "/api/v1/do-not-call", Manager),
    kept("POST", "/api/v1/do-not-call", Manager, "do_not_call.add"),
    kept("DELETE", "/api/v1/do-not-call", Admin, "do_not_call.remove").wants(Scope::Admin),
];

/// The line of a route; HEAD is asked as GET.
pub fn closed(method: &str, path: &str) -> Option<&'static Closed> {
    let method = if method == "HEAD" { "GET" } else { method };
    CLOSED.iter().find(|route| route.method == method && route.path == path)
}

/// Whether somebody of this role may look at a page.
pub fn admits(page: &str, role: UserRole) -> bool {
    closed("GET", page).is_some_and(|route| route.admits(role))
}

/// Where somebody goes who has just signed in and asked for nothing.
pub fn home(role: UserRole) -> &'static str {
    match role {
        Agent => "/agent",
        ReadOnly | Manager | Admin => "/",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_has_what_those_below_it_have() {
        assert!(ReadOnly < Agent && Agent < Manager && Manager < Admin);
    }

    #[test]
    fn who_only_watches_asks_for_nothing_but_reads() {
        let watched: Vec<_> = CLOSED.iter().filter(|route| route.admits(ReadOnly)).collect();
        assert!(watched.iter().all(|route| route.method == "GET" && route.scope == Scope::Read), "{watched:?}");
        assert!(CLOSED.iter().all(|route| route.least > ReadOnly), "`watched` opens a route to them, nothing else");
    }

    #[test]
    fn a_route_stands_once() {
        let all = CLOSED.iter().map(|route| (route.method, route.path)).chain(OPEN.iter().copied());
        let mut all: Vec<_> = all.collect();
        all.sort();
        let before = all.len();
        all.dedup();
        assert_eq!(all.len(), before);
    }

    #[test]
    fn what_the_log_calls_them_is_what_the_store_takes() {
        for action in CLOSED.iter().filter_map(|route| route.audit) {
            assert!(action.bytes().all(|byte| byte.is_ascii_lowercase() || b"_.".contains(&byte)), "{action}");
        }
    }
}
