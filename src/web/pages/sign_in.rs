//! `/sign-in`: name and password, or the token, once in a form; then a session cookie (HttpOnly, SameSite=Strict, Secure behind TLS) that holds random bits and
//! says nothing about either.

use super::{Frame, html};
use crate::db::state::UserRole;
use crate::db::user_sessions::SignedIn;
use crate::db::{StoreError, users};
use crate::web::guard::{self, COOKIE};
use crate::web::lang::Lang;
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::state::{WebState, same};
use crate::web::via::Via;
use crate::web::who::Who;
use crate::web::words::Words;
use crate::web::{csrf, password, roles, sessions};
use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

/// What the form sends: a name and a password, or the token.
#[derive(Deserialize, ToSchema)]
pub struct SignIn {
    /// Who.
    #[serde(default)]
    name: String,
    /// Their password.
    #[serde(default)]
    #[schema(value_type = String)]
    password: SecretString,
    /// The configured token.
    #[serde(default)]
    token: String,
    /// Path to go to.
    #[serde(default)]
    next: String,
}

/// What ends a session.
#[derive(Deserialize, ToSchema)]
pub struct SignOut {
    /// The session's token, as the page has it.
    #[serde(default)]
    csrf: String,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    frame: Frame,
    words: &'static Words,
    next: String,
    name: String,
    fault: Option<&'static str>,
    by_token: bool,
}

/// Why somebody is not let in.
#[derive(Clone, Copy)]
enum Fault {
    Password,
    Token,
    TooOften(i64),
}

/// The sign-in form.
#[utoipa::path(get, path = "/sign-in", tag = "pages",
    params(("lang" = Option<String>, Query, description = "zh or en"), ("next" = Option<String>, Query, description = "Path to go to afterwards")),
    responses((status = 200, description = "The form", content_type = "text/html"),
              (status = 303, description = "Nobody needs to sign in, or you are: to the page"),
              (status = 400, description = "A parameter that cannot be used", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn form(State(state): State<WebState>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let params = Params::read(&uri, &["lang", "next"])?;
    let lang = Lang::of(&params, &headers, &state.options().language)?;
    let next = own_path(params.text("next").unwrap_or("/"));
    if state.guarded().await == Some(false) {
        return Ok(Redirect::to(next).into_response());
    }
    if let Some(cookie) = guard::session(&headers)
        && sessions::find(&state, cookie).await?.is_some()
    {
        return Ok(Redirect::to(next).into_response());
    }
    Ok(page(&state, lang, next, "", None))
}

/// Signs in.
#[utoipa::path(post, path = "/sign-in", tag = "pages",
    request_body(content = SignIn, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Signed in: to the page, with the cookie"),
              (status = 400, description = "The form cannot be read", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "Not the password, or not the token; the form again", content_type = "text/html"),
              (status = 403, description = "Sent by another site", body = Problem, content_type = "application/problem+json"),
              (status = 429, description = "Wrong too often; Retry-After says how long to wait", content_type = "text/html"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn submit(
    State(state): State<WebState>,
    via: Via,
    headers: HeaderMap,
    form: Result<Form<SignIn>, FormRejection>,
) -> Result<Response, Problem> {
    csrf::own_site(&headers)?;
    let given = form.ok().map(|Form(form)| form).filter(|form| !form.name.is_empty() || !form.token.is_empty());
    let Some(SignIn { name, password, token, next }) = given else {
        let wanted = "The form cannot be read: `name` and `password`, or `token` is wanted.";
        return Err(Problem::new(StatusCode::BAD_REQUEST, wanted));
    };
    let next = own_path(&next);
    if state.guarded().await == Some(false) {
        return Ok(Redirect::to(next).into_response());
    }
    let name = name.trim();
    let who = match token.is_empty() {
        true => by_password(&state, name, password).await?,
        false => by_token(&state, token.trim()),
    };
    let user = match who {
        Ok(user) => user,
        Err(fault) => {
            tracing::warn!("a sign-in was refused");
            let lang = Lang::of(&Params::default(), &headers, &state.options().language)?;
            return Ok(page(&state, lang, next, name, Some(fault)));
        }
    };
    let cookie = sessions::open(&state, user.as_ref().map(|user| user.id)).await?;
    let role = user.as_ref().map_or(UserRole::Admin, |user| user.role);
    if let Some(session) = sessions::find(&state, &cookie).await? {
        state
            .audit(&Who::session(session).at(via), "session.begin", "session", serde_json::json!({ "role": role }))
            .await?;
    }
    let mut response = Redirect::to(if next == "/" { roles::home(role) } else { next }).into_response();
    set_cookie(&mut response, via, &cookie, sessions::LASTS.num_seconds());
    Ok(response)
}

/// Ends the session.
#[utoipa::path(post, path = "/sign-out", tag = "pages",
    request_body(content = SignOut, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "To the sign-in form"),
              (status = 403, description = "Sent by another site, or without the session's token", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn sign_out(
    State(state): State<WebState>,
    via: Via,
    headers: HeaderMap,
    form: Result<Form<SignOut>, FormRejection>,
) -> Result<Response, Problem> {
    csrf::own_site(&headers)?;
    if let Some(cookie) = guard::session(&headers)
        && let Some(session) = sessions::find(&state, cookie).await?
    {
        let given = form.map(|Form(form)| form.csrf).unwrap_or_default();
        if !same(session.csrf.as_bytes(), given.as_bytes()) {
            return Err(Problem::forbidden("The session's token is missing (`csrf`): load the page again."));
        }
        sessions::close(&state, cookie).await?;
        state.audit(&Who::session(session).at(via), "session.end", "session", serde_json::json!({})).await?;
    }
    let mut response = Redirect::to("/sign-in").into_response();
    set_cookie(&mut response, via, "", 0);
    Ok(response)
}

async fn by_password(
    state: &WebState,
    name: &str,
    given: SecretString,
) -> Result<Result<Option<SignedIn>, Fault>, Problem> {
    let now = state.clock().now().timestamp();
    let wait = state.throttle().wait(name, now);
    if wait > 0 {
        return Ok(Err(Fault::TooOften(wait)));
    }
    state.throttle().tried(name, now);
    let found = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        users::credentials(&mut conn, name).await
    });
    let found = found.await?;
    let stored = found.as_ref().map(|found| found.password_hash.clone());
    let right = password::is(stored, given).await;
    match found.filter(|_| right) {
        Some(found) => {
            state.throttle().right(name);
            Ok(Ok(Some(SignedIn { id: found.user, name: found.name, role: found.role })))
        }
        None => Ok(Err(Fault::Password)),
    }
}

/// The token has 256 bits or is its administrator's fault; wrong ones are slowed down all the same, all together.
fn by_token(state: &WebState, given: &str) -> Result<Option<SignedIn>, Fault> {
    const NAME: &str = "\0token";
    let now = state.clock().now().timestamp();
    let wait = state.throttle().wait(NAME, now);
    if wait > 0 {
        return Err(Fault::TooOften(wait));
    }
    if state.token_is(given) {
        return Ok(None);
    }
    state.throttle().tried(NAME, now);
    Err(Fault::Token)
}

fn page(state: &WebState, lang: Lang, next: &str, name: &str, fault: Option<Fault>) -> Response {
    let frame = Frame::open(state, lang, "/sign-in");
    let words = frame.words;
    let (status, text) = match fault {
        None => (StatusCode::OK, None),
        Some(Fault::Password) => (StatusCode::UNAUTHORIZED, Some(words.password_wrong)),
        Some(Fault::Token) => (StatusCode::UNAUTHORIZED, Some(words.token_wrong)),
        Some(Fault::TooOften(_)) => (StatusCode::TOO_MANY_REQUESTS, Some(words.wrong_too_often)),
    };
    let (next, name) = (next.to_owned(), name.chars().take(100).collect());
    let mut response = html(&SignInPage { words, frame, next, name, fault: text, by_token: state.has_token() }, status);
    if let Some(Fault::TooOften(seconds)) = fault {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// `Secure` where the browser reached us, or a trusted proxy before us, by TLS: over plain HTTP on loopback a browser would drop the cookie.
fn set_cookie(response: &mut Response, via: Via, id: &str, seconds: i64) {
    let secure = if via.tls { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={id}; HttpOnly; SameSite=Strict; Path=/; Max-Age={seconds}{secure}");
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
