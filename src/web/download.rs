//! Answers that are files: reports, registers, exports.

use super::problem::Problem;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::fmt::Display;

/// A file that a browser saves under this name.
pub fn file(bytes: Vec<u8>, media_type: &'static str, name: impl Display) -> Response {
    let name = format!("attachment; filename=\"{name}\"");
    ([(header::CONTENT_TYPE, media_type.to_owned()), (header::CONTENT_DISPOSITION, name)], bytes).into_response()
}

/// 500: our mistake, said in the log.
pub fn unwritten(error: &dyn Display) -> Problem {
    tracing::error!(%error, "a file could not be written");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "The file could not be written.")
}
