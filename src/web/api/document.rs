//! `/openapi.json`: the document that the router itself writes.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "status",
    responses((status = 200, description = "OpenAPI 3.1 document", content_type = "application/json", body = serde_json::Value)))]
pub async fn openapi_json() -> Response {
    let body = crate::web::openapi().to_json().unwrap_or_default();
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}
