//! Style and scripts, embedded in the binary. htmx, its SSE extension and Chart.js are vendored as published (assets/*.LICENSE: 0BSD, MIT). No build step.

use super::problem::Problem;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::hash::{DefaultHasher, Hash, Hasher};

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

const ASSETS: [(&str, &str, &str); 10] = [
    ("huifang.css", CSS, include_str!("../../assets/huifang.css")),
    ("chart-4.6.1.min.js", JS, include_str!("../../assets/chart-4.6.1.min.js")),
    ("charts.js", JS, include_str!("../../assets/charts.js")),
    ("complaint.js", JS, include_str!("../../assets/complaint.js")),
    ("huifang.js", JS, include_str!("../../assets/huifang.js")),
    ("agent.js", JS, include_str!("../../assets/agent.js")),
    ("agent-call.js", JS, include_str!("../../assets/agent-call.js")),
    ("huifang.svg", SVG, include_str!("../../assets/huifang.svg")),
    ("htmx-2.0.11.min.js", JS, include_str!("../../assets/htmx-2.0.11.min.js")),
    ("htmx-ext-sse-2.2.4.min.js", JS, include_str!("../../assets/htmx-ext-sse-2.2.4.min.js")),
];

/// A file that pages use.
#[utoipa::path(get, path = "/assets/{name}", tag = "pages", params(("name" = String, Path, description = "File name")),
    responses((status = 200, description = "The file", content_type = "text/css"), (status = 304, description = "You have it already"),
              (status = 404, description = "No such file", body = Problem, content_type = "application/problem+json")))]
pub async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some((_, kind, text)) = ASSETS.iter().find(|(known, _, _)| *known == name) else {
        return Problem::new(StatusCode::NOT_FOUND, "There is no such file.").into_response();
    };
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let tag = format!("\"{:016x}\"", hasher.finish());
    let caching = [
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::ETAG, HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""))),
    ];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    (caching, [(header::CONTENT_TYPE, HeaderValue::from_static(kind))], *text).into_response()
}
