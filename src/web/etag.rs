//! `ETag` and `If-None-Match` (RFC 9110) on the API's reads: who has asked before gets 304 where nothing has changed. The tag is a hash of the body, so it needs nobody to
//! think of what a change is; what is asked of the database stays the same.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

/// Tags JSON answers to GET under `/api/`; what is larger than this passes untagged.
const MOST_BYTES: u64 = 8 * 1024 * 1024;

/// Tags an answer, or says that it is the same.
pub async fn tag(request: Request, next: Next) -> Response {
    let read = request.method() == Method::GET && request.uri().path().starts_with("/api/");
    let known: Vec<HeaderValue> = request.headers().get_all(header::IF_NONE_MATCH).iter().cloned().collect();
    let response = next.run(request).await;
    if !read || response.status() != StatusCode::OK || !is_small_json(&response) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, MOST_BYTES as usize).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let hash = Sha256::digest(&body);
    let tag: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{tag}\"");
    if let Ok(value) = HeaderValue::from_str(&tag) {
        parts.headers.insert(header::ETAG, value);
    }
    if known.iter().any(|known| names(known, &tag)) {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(body))
}

/// Its length is known (no stream) and it is JSON.
fn is_small_json(response: &Response) -> bool {
    use axum::body::HttpBody;
    let json = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    json && response.body().size_hint().exact().is_some_and(|length| length <= MOST_BYTES)
}

/// Whether a list of tags names this one; weak ones count as well (RFC 9110 13.1.2).
fn names(list: &HeaderValue, tag: &str) -> bool {
    let Ok(list) = list.to_str() else { return false };
    list.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_tags_is_read() {
        let names = |list: &'static str| names(&HeaderValue::from_static(list), "\"a\"");
        assert!(names("\"a\"") && names("\"b\", W/\"a\"") && names("*"));
        assert!(!names("\"b\"") && !names("a") && !names(""));
    }
}
