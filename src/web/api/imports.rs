//! `POST /api/v1/imports`: loads a list as `huifang import` does. The body is the file itself. The answer names bad rows by line, column and reason, and repeats
//! nothing of what stands in them.
//!
//! Only media types that a foreign page cannot send without asking first (CORS) are taken: a browser on this machine is no way in.

use crate::db::imports::Counts;
use crate::followup::import::{self, ImportError, ImportSettings, Rejects};
use crate::followup::list::{List, Reject};
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::state::WebState;
use axum::Json;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

/// Bytes of a list at most.
const MOST_BYTES: usize = 32 * 1024 * 1024;
/// Bad rows that are named; further ones are only counted.
const MOST_NAMED: usize = 1000;
/// What a list may come as.
const MEDIA_TYPES: [&str; 3] =
    ["text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "application/octet-stream"];

/// What may be asked.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query; `Params` reads it")]
pub struct ImportParams {
    /// What the list is: `showroom`, `delivery` or `repair`.
    #[param(example = "repair")]
    list: String,
    /// Name of the file, as the store remembers it.
    file_name: Option<String>,
    /// Read and check everything, load nothing.
    dry_run: Option<bool>,
}

/// What an import came to.
#[derive(Serialize, ToSchema)]
pub struct ImportView {
    /// True: nothing was loaded, `rows_loaded` is what would be.
    dry_run: bool,
    /// Rows read.
    rows_read: u64,
    /// Rows that were new.
    rows_loaded: u64,
    /// Rows that were known already.
    rows_known: u64,
    /// Rows that cannot be used.
    rows_rejected: u64,
    /// Surveys of loaded rows that are closed already: wrong number, or do-not-call.
    blocked: u64,
    /// The rows that cannot be used, 1000 at most.
    rejects: Vec<RejectView>,
}

/// A row that cannot be used.
#[derive(Serialize, ToSchema)]
pub struct RejectView {
    /// Line (row of the sheet); 1 is the header.
    line: u64,
    /// Column at fault, where it is one column's.
    #[schema(example = "手机号 (phone)")]
    column: Option<String>,
    /// Why.
    #[schema(example = "is empty")]
    reason: String,
}

/// Load a list
///
/// Importing a list twice creates nothing twice. Manual touches of the calendar are planned by the running engine a little later.
#[utoipa::path(post, path = "/api/v1/imports", tag = "lists", params(ImportParams), security(("token" = [])),
    request_body(content = Vec<u8>, description = "The list: CSV (UTF-8 or GB18030) or XLSX", content_type = "text/csv"),
    responses((status = 200, description = "Good rows are loaded, bad ones are named", body = ImportView),
              (status = 400, description = "A parameter that cannot be used, or a file that is no such list", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 413, description = "The file is larger than 32 MiB", body = Problem, content_type = "application/problem+json"),
              (status = 415, description = "Neither CSV nor XLSX by its Content-Type", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away, or this server takes no lists", body = Problem, content_type = "application/problem+json")))]
pub async fn imports(State(state): State<WebState>, request: Request) -> Result<Json<ImportView>, Problem> {
    let params = Params::read(request.uri(), &["list", "file_name", "dry_run"])?;
    let list = params.parsed("list", "one of showroom, delivery, repair", |text| {
        [List::Showroom, List::Delivery, List::Repair].into_iter().find(|list| list.as_str() == text)
    })?;
    let list = list.ok_or_else(|| Problem::parameter("list", "is missing: one of showroom, delivery, repair"))?;
    let dry_run = params.flag("dry_run")?;
    let file_name: String = params.text("file_name").unwrap_or("api").chars().take(200).collect();
    let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !MEDIA_TYPES.iter().any(|known| known.eq_ignore_ascii_case(media_type)) {
        let wanted = format!("Content-Type: one of {} is wanted.", MEDIA_TYPES.join(", "));
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, wanted));
    }
    let Some(rules) = state.import_settings() else {
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "This server takes no lists."));
    };
    let rules = ImportSettings { dry_run, ..rules.clone() };
    let body = to_bytes(request.into_body(), MOST_BYTES).await.map_err(|_| {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "The list did not arrive whole, or is larger than 32 MiB.")
    })?;
    let mut conn = state.pool().acquire().await.map_err(|error| Problem::from(crate::db::StoreError::from(error)))?;
    let mut rejects = Vec::new();
    let summary = import::run(
        &mut conn,
        list,
        &body[..],
        &file_name,
        Rejects::new(std::io::sink()),
        &rules,
        state.clock(),
        &mut rand::random::<[u8; 10]>,
        |reject: &Reject| {
            if rejects.len() < MOST_NAMED {
                let column = reject.column.map(|column| column.to_string());
                rejects.push(RejectView { line: reject.line, column, reason: reject.reason.to_string() });
            }
        },
        |_| {},
    )
    .await
    .map_err(problem)?;
    let Counts { read, loaded, known, rejected } = summary.counts;
    Ok(Json(ImportView {
        dry_run,
        rows_read: read,
        rows_loaded: loaded,
        rows_known: known,
        rows_rejected: rejected,
        blocked: summary.blocked,
        rejects,
    }))
}

fn problem(error: ImportError) -> Problem {
    match error {
        ImportError::List(error) => Problem::new(StatusCode::BAD_REQUEST, error.to_string()),
        error @ ImportError::Survey(_) => Problem::new(StatusCode::BAD_REQUEST, error.to_string()),
        ImportError::Store(error) => error.into(),
        error @ ImportError::Rejects(_) => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}
