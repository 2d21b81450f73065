//! JSON bodies of requests that change something, read strictly. Only `application/json` is taken: a foreign page cannot send it without asking first (CORS), so a
//! browser on this machine is no way in. What stands in a body is never repeated: it may be a number.

use super::problem::Problem;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;

/// Bytes of a body at most.
const MOST_BYTES: usize = 16 * 1024;

/// Reads the body; `wanted` completes "The body is not …".
pub async fn read<T: DeserializeOwned>(request: Request, wanted: &str) -> Result<T, Problem> {
    read_within(request, wanted, MOST_BYTES).await
}

/// The same for a body that may have so many bytes.
pub async fn read_within<T: DeserializeOwned>(request: Request, wanted: &str, most: usize) -> Result<T, Problem> {
    let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Content-Type: application/json is wanted."));
    }
    let body = to_bytes(request.into_body(), most).await.map_err(|_| {
        let detail = format!("The body did not arrive whole, or is larger than {} KiB.", most / 1024);
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    })?;
    serde_json::from_slice(&body)
        .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, format!("The body is not {wanted}.")))
}
