//! `Idempotency-Key` (IETF draft-ietf-httpapi-idempotency-key-header-07) on writes of the API: a client that does not know whether its request arrived sends it again
//! under the same key and gets the same answer; the write is done once. Keys belong to their caller and are kept for a day.
//!
//! The key is taken before the write and the answer kept after it. An engine that dies in between leaves a key of which nobody knows: the same again is a 409 that says so.

use super::problem::Problem;
use super::state::WebState;
use super::who::Who;
use crate::db::StoreError;
use crate::db::idempotency::{self, Answer, Known};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use sha2::{Digest, Sha256};

/// The request's header.
pub const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer was kept from before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Characters of a key at most.
const LONGEST: usize = 255;
/// Bytes of a request at most: a list (`api::imports`) is the largest there is.
const MOST_BYTES: usize = 32 * 1024 * 1024;
/// Bytes of an answer at most.
const MOST_ANSWER: usize = 4 * 1024 * 1024;
/// A write that is not over after so long was cut off.
const CUT_OFF: TimeDelta = TimeDelta::minutes(5);

/// Answers a write that came before, or lets it through and keeps its answer. Requests without a key pass.
pub async fn once(State(state): State<WebState>, request: Request, next: Next) -> Response {
    // What an agent's page says is no use later, and its answers hold a call's keys (SDP): nothing of it is kept.
    let path = request.uri().path();
    let write = !request.method().is_safe() && path.starts_with("/api/") && !path.starts_with("/api/v1/agent/");
    let (Some(given), true) = (request.headers().get(KEY), write) else { return next.run(request).await };
    let Some(key) = read(given) else {
        let wanted =
            format!("Idempotency-Key is wanted as 1 to {LONGEST} visible characters, in quotation marks or without.");
        return Problem::new(StatusCode::BAD_REQUEST, wanted).into_response();
    };
    let Some(who) = request.extensions().get::<Who>().cloned() else { return Problem::token_wanted().into_response() };
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MOST_BYTES).await else {
        return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "The body did not arrive whole, or is larger than 32 MiB.")
            .into_response();
    };
    let write = Write { caller: who.caller(), key, fingerprint: fingerprint(&parts, &body) };
    match write.begin(&state).await {
        Err(problem) => problem.into_response(),
        Ok(Known::New) => {
            let request = Request::from_parts(parts, Body::from(body));
            // On a task of its own: whoever hangs up now does not cut the write off.
            let done = tokio::spawn(async move { write.run(&state, request, next).await });
            done.await.unwrap_or_else(|_| {
                Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "The request broke.").into_response()
            })
        }
        Ok(known) => answered_before(known, state.clock().now()),
    }
}

struct Write {
    caller: String,
    key: String,
    fingerprint: Vec<u8>,
}

impl Write {
    async fn begin(&self, state: &WebState) -> Result<Known, Problem> {
        let begun = state.ask(async {
            let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
            idempotency::begin(&mut conn, &self.caller, &self.key, &self.fingerprint, state.clock().now()).await
        });
        begun.await
    }

    async fn run(self, state: &WebState, request: Request, next: Next) -> Response {
        let (parts, body) = next.run(request).await.into_parts();
        let body = to_bytes(body, MOST_ANSWER).await.unwrap_or_default();
        let kept = state.ask(async {
            let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
            let refused = [StatusCode::TOO_MANY_REQUESTS, StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
            if refused.contains(&parts.status) {
                return idempotency::give_back(&mut conn, &self.caller, &self.key).await;
            }
            // It may have failed after the write: the key stays taken, and the same again is told that nobody knows.
            if parts.status.is_server_error() {
                return Ok(());
            }
            let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let answer = Answer {
                status: parts.status.as_u16(),
                content_type: content_type.map(str::to_owned),
                body: body.to_vec(),
            };
            idempotency::end(&mut conn, &self.caller, &self.key, &answer, state.clock().now()).await
        });
        if kept.await.is_err() {
            tracing::error!("the answer to a write with an Idempotency-Key could not be kept; the same again is a 409");
        }
        Response::from_parts(parts, Body::from(body))
    }
}

fn answered_before(known: Known, now: chrono::DateTime<chrono::Utc>) -> Response {
    match known {
        Known::Answered(answer) => {
            let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
            let mut response = (status, answer.body).into_response();
            let kind = answer.content_type.and_then(|kind| HeaderValue::from_str(&kind).ok());
            response.headers_mut().remove(header::CONTENT_TYPE);
            if let Some(kind) = kind {
                response.headers_mut().insert(header::CONTENT_TYPE, kind);
            }
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
            response
        }
        Known::Another => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "This Idempotency-Key came with another request; each write wants one of its own.",
        )
        .into_response(),
        Known::Begun(since) if now - since > CUT_OFF => Problem::new(
            StatusCode::CONFLICT,
            "A request with this Idempotency-Key was cut off: nobody knows whether it was done. Look, and use another key if it was not.",
        )
        .into_response(),
        Known::Begun(_) | Known::New => {
            let running = "A request with this Idempotency-Key is being worked on.";
            let mut response = Problem::new(StatusCode::CONFLICT, running).into_response();
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            response
        }
    }
}

/// A key: a string of structured fields (RFC 9651), or the same without quotation marks.
fn read(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?.trim();
    let inside = text.strip_prefix('"').map_or(Some(text), |rest| rest.strip_suffix('"'))?;
    let good = |byte: u8| byte.is_ascii_graphic() && !b"\"\\".contains(&byte);
    ((1..=LONGEST).contains(&inside.len()) && inside.bytes().all(good)).then(|| inside.to_owned())
}

fn fingerprint(parts: &axum::http::request::Parts, body: &Bytes) -> Vec<u8> {
    let mut hash = Sha256::new();
    let kind = parts.headers.get(header::CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    for part in [parts.method.as_str().as_bytes(), target.as_bytes(), kind, body] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_with_and_without_quotation_marks() {
        for (text, wanted) in [
            ("8e03978e-40d5-43dd-bc93-6894a57f9324", Some("8e03978e-40d5-43dd-bc93-6894a57f9324")),
            ("\"a-b\"", Some("a-b")),
            ("\"\"", None),
            ("\"a", None),
            ("a b", None),
            ("a\"b", None),
        ] {
            assert_eq!(read(&HeaderValue::from_static(text)).as_deref(), wanted, "{text}");
        }
        assert_eq!(read(&HeaderValue::from_str(&"x".repeat(256)).unwrap()), None);
    }
}
