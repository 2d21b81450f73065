//! `/sign-in`: the token once in a form, then a session cookie (HttpOnly, SameSite=Strict) that holds random bits and says nothing about the token.

use super::{Frame, html};
use crate::web::guard::{self, COOKIE};
use crate::web::lang::Lang;
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::state::{SESSION, WebState};
use crate::web::words::Words;
use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use utoipa::ToSchema;

/// What the form sends.
#[derive(Deserialize, ToSchema)]
pub struct SignIn {
    /// The configured token.
    token: String,
    /// Path to go to.
    #[serde(default)]
    next: String,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    frame: Frame,
    words: &'static Words,
    next: String,
    wrong: bool,
}

/// The sign-in form.
#[utoipa::path(get, path = "/sign-in", tag = "pages",
    params(("lang" = Option<String>, Query, description = "zh or en"), ("next" = Option<String>, Query, description = "Path to go to afterwards")),
    responses((status = 200, description = "The form", content_type = "text/html"),
              (status = 303, description = "No token is configured, or you are signed in: to the page"),
              (status = 400, description = "A parameter that cannot be used", body = Problem, content_type = "application/problem+json")))]
pub async fn form(State(state): State<WebState>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let params = Params::read(&uri, &["lang", "next"])?;
    let lang = Lang::of(&params, &headers, &state.options().language)?;
    let next = own_path(params.text("next").unwrap_or("/"));
    if !state.has_token() || guard::session(&headers).is_some_and(|id| state.signed_in(id)) {
        return Ok(Redirect::to(next).into_response());
    }
    Ok(page(&state, lang, next, false))
}

/// Signs in.
#[utoipa::path(post, path = "/sign-in", tag = "pages",
    request_body(content = SignIn, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Signed in: to the page, with the cookie"),
              (status = 400, description = "The form cannot be read", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "Not the token; the form again", content_type = "text/html"),
              (status = 403, description = "Sent by another site", body = Problem, content_type = "application/problem+json")))]
pub async fn submit(
    State(state): State<WebState>,
    headers: HeaderMap,
    form: Result<Form<SignIn>, FormRejection>,
) -> Result<Response, Problem> {
    same_site(&headers)?;
    let Ok(Form(SignIn { token, next })) = form else {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "The form cannot be read: `token` is wanted."));
    };
    let next = own_path(&next);
    if state.has_token() && !state.token_is(token.trim()) {
        tracing::warn!("a sign-in with a wrong token");
        let lang = Lang::of(&Params::default(), &headers, &state.options().language)?;
        return Ok(page(&state, lang, next, true));
    }
    let mut response = Redirect::to(next).into_response();
    if state.has_token() {
        set_cookie(&mut response, &state.sign_in(), SESSION.num_seconds());
    }
    Ok(response)
}

/// Ends the session.
#[utoipa::path(post, path = "/sign-out", tag = "pages",
    responses((status = 303, description = "To the sign-in form"),
              (status = 403, description = "Sent by another site", body = Problem, content_type = "application/problem+json")))]
pub async fn sign_out(State(state): State<WebState>, headers: HeaderMap) -> Result<Response, Problem> {
    same_site(&headers)?;
    if let Some(id) = guard::session(&headers) {
        state.sign_out(id);
    }
    let mut response = Redirect::to("/sign-in").into_response();
    set_cookie(&mut response, "", 0);
    Ok(response)
}

fn page(state: &WebState, lang: Lang, next: &str, wrong: bool) -> Response {
    let mut frame = Frame::of(state, lang, "/sign-in");
    frame.can_sign_out = false;
    let status = if wrong { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
    html(&SignInPage { words: frame.words, frame, next: next.to_owned(), wrong }, status)
}

fn set_cookie(response: &mut Response, id: &str, seconds: i64) {
    let cookie = format!("{COOKIE}={id}; HttpOnly; SameSite=Strict; Path=/; Max-Age={seconds}");
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
}

/// A path of ours, nothing that leads to another site.
fn own_path(path: &str) -> &str {
    let ours = path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.?=&".contains(&byte));
    if ours { path } else { "/" }
}

/// Browsers say where a form comes from (Fetch Metadata); another site may not sign anybody in or out.
fn same_site(headers: &HeaderMap) -> Result<(), Problem> {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    match site {
        None | Some(b"same-origin" | b"none") => Ok(()),
        Some(_) => Err(Problem::new(StatusCode::FORBIDDEN, "This form was sent by another site.")),
    }
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn the_way_back_stays_here() {
        for (path, want) in [
            ("/", "/"),
            ("/follow-ups/0192", "/follow-ups/0192"),
            ("//evil.example", "/"),
            ("https://evil.example", "/"),
            ("/\\evil.example", "/"),
            ("/a\r\nSet-Cookie: x", "/"),
            ("", "/"),
        ] {
            assert_eq!(own_path(path), want, "{path}");
        }
    }
}
