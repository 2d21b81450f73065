//! Errors as RFC 9457 problem documents: one clear sentence, the parameter at fault where there is one. Never a row's value, a query or a token.

use crate::db::StoreError;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// A problem document (RFC 9457), served as `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: the status says what kind it is.
    #[serde(rename = "type")]
    #[schema(example = "about:blank")]
    pub kind: &'static str,
    /// HTTP status.
    #[schema(example = 400)]
    pub status: u16,
    /// The status in words.
    #[schema(example = "Bad Request")]
    pub title: &'static str,
    /// What is wrong and what would be right, in one sentence.
    #[schema(example = "from: `yesterday` is not a date (YYYY-MM-DD is wanted)")]
    pub detail: String,
    /// The parameter of query or path, or the field of a JSON body, at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "from")]
    pub parameter: Option<&'static str>,
    /// Seconds to wait before the same is asked again (`Retry-After`).
    #[serde(skip)]
    pub retry_after: Option<u32>,
}

impl Problem {
    /// A problem of this status.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Problem {
        Problem {
            kind: "about:blank",
            status: status.as_u16(),
            title: status.canonical_reason().unwrap_or("Error"),
            detail: detail.into(),
            parameter: None,
            retry_after: None,
        }
    }

    /// 400 for a parameter; the detail begins with its name.
    pub fn parameter(name: &'static str, message: impl AsRef<str>) -> Problem {
        let detail = format!("{name}: {}", message.as_ref());
        Problem { parameter: Some(name), ..Problem::new(StatusCode::BAD_REQUEST, detail) }
    }

    /// 503: the database does not answer.
    pub fn database_away() -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "The database does not answer at the moment; try again.")
    }

    /// 429: more often than `web.…_requests_per_min` allows.
    pub fn too_often(seconds: u32) -> Problem {
        let detail = format!("You ask too often: wait {seconds} s.");
        Problem { retry_after: Some(seconds), ..Problem::new(StatusCode::TOO_MANY_REQUESTS, detail) }
    }

    /// 401.
    pub fn token_wanted() -> Problem {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "A token is wanted: send `Authorization: Bearer …` or sign in on the page.",
        )
    }

    /// 403.
    pub fn forbidden(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::FORBIDDEN, detail)
    }

    /// The status as a type.
    pub fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        match error {
            StoreError::Away(reason) => {
                tracing::warn!(%reason, "the database is away");
                Problem::database_away()
            }
            // 22021, 22P05: a NUL in a text, which PostgreSQL does not store
            StoreError::Refused { code, .. } if code == "22021" || code == "22P05" => {
                Problem::new(StatusCode::BAD_REQUEST, "A text holds a character that cannot be stored (NUL).")
            }
            refused @ (StoreError::Refused { .. } | StoreError::Row { .. }) => {
                tracing::error!(error = %refused, "a question of the status pages failed");
                Problem::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "The database refused a question of this page; the log says more.",
                )
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status_code();
        let body = serde_json::to_string(&self).unwrap_or_default();
        let mut response =
            (status, [(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))], body)
                .into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"huifang\""));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        } else if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

/// Fallback: no such path.
pub async fn not_found(uri: Uri) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        format!("There is nothing at {}; /openapi.json lists what there is.", uri.path()),
    )
}

/// Fallback: the path is there, the method is not.
pub async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("{} does not take {method}.", uri.path()))
}
