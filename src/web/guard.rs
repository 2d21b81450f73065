//! Who may ask. With a token: `Authorization: Bearer` (RFC 6750) or a signed-in session. Without one: this machine only, and only under
//! a loopback name, so that a foreign page cannot reach us through a name it controls (DNS rebinding).

use super::problem::Problem;
use super::state::WebState;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use std::net::IpAddr;

/// Name of the session cookie.
pub const COOKIE: &str = "huifang_session";

/// Refuses foreign `Host` names where no token stands guard.
pub async fn host(State(state): State<WebState>, request: Request, next: Next) -> Response {
    if !state.has_token() && !is_loopback_host(request.headers(), request.uri().host()) {
        return Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "Without a token this server answers only under localhost, 127.0.0.1 or [::1].",
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

/// Wants the token on API and pages; a browser without one is sent to the sign-in form.
pub async fn token(State(state): State<WebState>, request: Request, next: Next) -> Response {
    if !state.has_token() || may(&state, request.headers()) {
        return next.run(request).await;
    }
    let wants_page = request.method() == Method::GET
        && !request.uri().path().starts_with("/api/")
        && request.headers().get(header::ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"text/html"));
    if wants_page {
        let next = request.uri().path();
        return Redirect::to(&format!("/sign-in?next={next}")).into_response();
    }
    Problem::token_wanted().into_response()
}

fn may(state: &WebState, headers: &HeaderMap) -> bool {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        return bearer(value.as_bytes()).is_some_and(|given| state.token_is(given));
    }
    session(headers).is_some_and(|id| state.signed_in(id))
}

fn bearer(value: &[u8]) -> Option<&str> {
    let (scheme, token) = std::str::from_utf8(value).ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The session id that a request carries.
pub fn session(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
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
