//! `/recordings/{id}`: what somebody said, for those whom it concerns, and never unseen: the audit log has it before a sound goes out. Ranges (RFC 9110 14) let a
//! player seek. Files lie flat in one directory; a name that leads out of it is not followed.

use super::api::follow_ups;
use super::problem::Problem;
use super::range::{self, Wanted};
use super::state::WebState;
use super::who::Who;
use crate::db::{StoreError, screen};
use crate::ids::RecordingId;
use crate::net::recording_files::inside;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::path::PathBuf;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, SeekFrom};

/// Bytes of a piece at most: 4 MiB are four minutes of what somebody said, two of a whole call. A player asks for the rest when it needs it.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// What somebody said, as WAV.
#[utoipa::path(get, path = "/recordings/{id}", tag = "pages", security(("token" = [])),
    params(("id" = uuid::Uuid, Path, description = "Id of the recording"),
           ("Range" = Option<String>, Header, description = "One range of bytes")),
    responses((status = 200, description = "The whole recording", content_type = "audio/wav"),
              (status = 206, description = "A piece of it, 4 MiB at most", content_type = "audio/wav"),
              (status = 400, description = "Not an id", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not handed to you, and no complaint to work on", body = Problem, content_type = "application/problem+json"),
              (status = 404, description = "No such recording, or its file is gone", body = Problem, content_type = "application/problem+json"),
              (status = 410, description = "Its time was over: retention has removed it", body = Problem, content_type = "application/problem+json"),
              (status = 416, description = "It is not that long", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn recording(
    State(state): State<WebState>,
    who: Who,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id: RecordingId = id.parse().map(RecordingId).map_err(|_| Problem::parameter("id", "is not a UUID"))?;
    let recorded = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        screen::recording(&mut conn, id).await
    });
    let missing = || Problem::new(StatusCode::NOT_FOUND, format!("There is no recording {id}."));
    let recorded = recorded.await?.ok_or_else(missing)?;
    follow_ups::concerns(&state, &who, recorded.follow_up).await?;
    if let Some(at) = recorded.purged_at {
        let day = at.with_timezone(&state.options().zone).format("%F");
        return Err(Problem::new(StatusCode::GONE, format!("The recording was removed by retention on {day}.")));
    }
    let path = state.options().recordings.as_deref().and_then(|directory| inside(directory, &recorded.path));
    let Ok((file, length)) = open(path.ok_or_else(missing)?).await else {
        tracing::warn!(recording = %id, "the file of a recording is gone");
        return Err(missing());
    };
    let range = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let Some(wanted) = range::wanted(range, length, MOST_BYTES) else {
        return Ok(beyond(length));
    };
    if wanted.first() == 0 {
        let object = format!("recording:{id}");
        state.audit(&who, "recording.play", object, json!({ "follow_up": recorded.follow_up })).await?;
    }
    let bytes = piece(file, wanted.first(), wanted.count()).await.map_err(|error| {
        tracing::warn!(recording = %id, %error, "a recording could not be read");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "The recording could not be read.")
    })?;
    Ok(answer(wanted, length, bytes))
}

const BASICS: [(HeaderName, HeaderValue); 3] = [
    (header::CONTENT_TYPE, HeaderValue::from_static("audio/wav")),
    (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

fn answer(wanted: Wanted, length: u64, bytes: Vec<u8>) -> Response {
    match wanted {
        Wanted::All(_) => (BASICS, bytes).into_response(),
        Wanted::Piece { first, last } => {
            let range = [(header::CONTENT_RANGE, format!("bytes {first}-{last}/{length}"))];
            (StatusCode::PARTIAL_CONTENT, BASICS, range, bytes).into_response()
        }
    }
}

fn beyond(length: u64) -> Response {
    let problem = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, format!("It is {length} bytes long."));
    ([(header::CONTENT_RANGE, format!("bytes */{length}"))], problem).into_response()
}

async fn open(path: PathBuf) -> std::io::Result<(File, u64)> {
    let file = File::open(path).await?;
    let about = file.metadata().await?;
    match about.is_file() {
        true => Ok((file, about.len())),
        false => Err(std::io::ErrorKind::NotFound.into()),
    }
}

async fn piece(mut file: File, first: u64, count: u64) -> std::io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(first)).await?;
    let mut bytes = Vec::with_capacity(usize::try_from(count).unwrap_or(0));
    file.take(count).read_to_end(&mut bytes).await?;
    match u64::try_from(bytes.len()) == Ok(count) {
        true => Ok(bytes),
        false => Err(std::io::ErrorKind::UnexpectedEof.into()),
    }
}
