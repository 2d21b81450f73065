//! Who may ask. With a token or users: `Authorization: Bearer` (RFC 6750) or a signed-in session, and the role that `roles` wants. Without either: this machine
//! only, and only under a loopback name, so that a foreign page cannot reach us through a name it controls (DNS rebinding).

use super::lang::Lang;
use super::pages;
use super::problem::Problem;
use super::roles::{self, Closed};
use super::state::WebState;
use super::via::{self, Via};
use super::who::Who;
use super::{csrf, sessions, tokens};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use std::net::IpAddr;

/// Name of the session cookie.
pub const COOKIE: &str = "huifang_session";

/// So many requests' worth of its address's minute is gone with a wrong token.
const WRONG_TOKEN_COSTS: u32 = 20;

/// Refuses foreign `Host` names where nobody needs to sign in.
pub async fn host(State(state): State<WebState>, request: Request, next: Next) -> Response {
    if !is_loopback_host(request.headers(), request.uri().host()) && state.guarded().await != Some(true) {
        return Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "Without a token or a user this server answers only under localhost, 127.0.0.1 or [::1].",
        )
        .into_response();
    }
    next.run(request).await
}

fn is_loopback_host(headers: &HeaderMap, in_target: Option<&str>) -> bool {
    let in_header = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let Some(host) = in_target.or(in_header) else { return false };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _port)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Lets in who has the role that the route wants, tells the handler who it is, and keeps in the audit log what `roles` says.
pub async fn entry(State(state): State<WebState>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str).unwrap_or_default();
    let Some(route) = roles::closed(request.method().as_str(), route) else {
        tracing::error!(route, "a route without a role; it is closed");
        return Problem::forbidden("Nobody may ask this.").into_response();
    };
    let asked = Asked::of(&state, &request, route);
    let via = request.extensions().get::<Via>().copied().unwrap_or_default();
    let who = match who(&state, request.headers(), via).await {
        Ok(Some(who)) => who,
        Ok(None) => return asked.sign_in_first(),
        Err(problem) => return asked.refused(&state, None, &problem),
    };
    if let Err(problem) = who.may_ask(route) {
        return asked.not_for(&state, &who, &problem);
    }
    let mut request = match csrf::check(&who, request).await {
        Ok(request) => request,
        Err(problem) => return problem.into_response(),
    };
    request.extensions_mut().insert(who.clone());
    let response = next.run(request).await;
    if let Some(action) = route.audit
        && response.status().is_success()
    {
        state.audit_done(&who, action, asked.path, serde_json::json!({})).await;
    }
    response
}

/// Who sends a request: the token's holder, somebody with a session, or (where nobody needs to sign in) whoever is at this machine.
async fn who(state: &WebState, headers: &HeaderMap, via: Via) -> Result<Option<Who>, Problem> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        // A wrong token is not healed by a session.
        return by_bearer(state, bearer(value.as_bytes()), via).await;
    }
    if let Some(cookie) = session(headers)
        && let Some(session) = sessions::find(state, cookie).await?
    {
        return Ok(Some(Who::session(session).at(via)));
    }
    match state.guarded().await {
        Some(true) => Ok(None),
        Some(false) => Ok(Some(Who::local().at(via))),
        None => Err(Problem::database_away()),
    }
}

/// The holder of a token: that of the settings, or one of `api_tokens`. A wrong one costs its sender as much as many requests.
async fn by_bearer(state: &WebState, given: Option<&str>, via: Via) -> Result<Option<Who>, Problem> {
    let who = match given {
        Some(given) if state.token_is(given) => Some(Who::token()),
        Some(given) => tokens::find(state, given).await?.map(Who::api_token),
        None => None,
    };
    let Some(who) = who else {
        via::charge(state, via, WRONG_TOKEN_COSTS).map_err(Problem::too_often)?;
        return Ok(None);
    };
    let key = who.token_id().map_or(uuid::Uuid::nil(), |token| token.0);
    let now = state.clock().now().timestamp_micros();
    state.token_rates().take(key, 1, now).map_err(Problem::too_often)?;
    Ok(Some(who.at(via)))
}

/// What was asked, as far as a refusal needs it.
struct Asked {
    path: String,
    page: bool,
    html: bool,
    lang: Lang,
}

impl Asked {
    fn of(state: &WebState, request: &Request, route: &Closed) -> Asked {
        let accept = request.headers().get(header::ACCEPT);
        let html =
            request.method() == Method::GET && accept.is_some_and(|accept| accept.as_bytes().starts_with(b"text/html"));
        Asked {
            path: request.uri().path().to_owned(),
            page: route.page,
            html: route.page && html,
            lang: Lang::wished(request.headers(), &state.options().language),
        }
    }

    fn sign_in_first(&self) -> Response {
        match self.html {
            true => Redirect::to(&format!("/sign-in?next={}", self.path)).into_response(),
            false => Problem::token_wanted().into_response(),
        }
    }

    fn not_for(&self, state: &WebState, who: &Who, problem: &Problem) -> Response {
        let home = roles::home(who.role());
        if self.html && self.path == "/" && home != "/" {
            return Redirect::to(home).into_response();
        }
        match self.html {
            true => self.refused(state, Some(who), problem),
            false => problem.clone().into_response(),
        }
    }

    fn refused(&self, state: &WebState, who: Option<&Who>, problem: &Problem) -> Response {
        match self.page {
            true => pages::refusal(state, who, self.lang, problem),
            false => problem.clone().into_response(),
        }
    }
}

fn bearer(value: &[u8]) -> Option<&str> {
    let (scheme, token) = std::str::from_utf8(value).ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// What the session's cookie of a request holds.
pub fn session(headers: &HeaderMap) -> Option<&str> {
    cookie(headers, COOKIE)
}

/// What a cookie of a request holds.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_loopback_names_are_loopback_names() {
        for (host, want) in [
            ("localhost", true),
            ("LOCALHOST:8080", true),
            ("127.0.0.1:8080", true),
            ("127.8.9.1", true),
            ("[::1]:8080", true),
            ("[::1]", true),
            ("evil.example", false),
            ("localhost.evil.example:8080", false),
            ("127.0.0.1.evil.example", false),
            ("192.168.1.4:8080", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
            assert_eq!(is_loopback_host(&headers, None), want, "{host}");
        }
        assert!(!is_loopback_host(&HeaderMap::new(), None));
        assert!(!is_loopback_host(&HeaderMap::new(), Some("evil.example")));
    }

    #[test]
    fn the_session_is_found_among_other_cookies() {
        let mut headers = HeaderMap::new();
        headers
            .append(header::COOKIE, HeaderValue::from_static("a=b; huifang_session_old=x; huifang_session=abc; c=d"));
        assert_eq!(session(&headers), Some("abc"));
    }
}
