//! `/api/v1/reports/{kind}` and `/reports/{kind}`: a report as a file. Made anew for each question, out of the figures as they are now.

use crate::db::StoreError;
use crate::report::build::{self, Kind, Wanted};
use crate::report::file::{self, Format};
use crate::web::download;
use crate::web::lang::Lang;
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::state::WebState;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use chrono::NaiveDate;
use utoipa::IntoParams;

/// What the query may say.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by name through Params; this is its description")]
pub struct ReportParams {
    /// First day; without it and `to` the last such period that is over.
    #[param(value_type = Option<String>, format = Date)]
    from: Option<NaiveDate>,
    /// Last day, included; 366 days at most.
    #[param(value_type = Option<String>, format = Date)]
    to: Option<NaiveDate>,
    /// pptx, xlsx, csv, html or json; pptx when left out.
    #[param(example = "pptx")]
    format: Option<String>,
    /// zh or en.
    lang: Option<String>,
}

macro_rules! reports {
    ($($(#[doc = $doc:literal])* $name:ident $path:literal $tag:literal;)*) => {$(
        $(#[doc = $doc])*
        #[utoipa::path(get, path = $path, tag = $tag, security(("token" = [])),
            params(("kind" = String, Path, description = "daily, weekly or monthly", example = "weekly"), ReportParams),
            responses((status = 200, description = "The file", content(
                          (Vec<u8> = "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
                          (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
                          (String = "text/csv"), (String = "text/html"), (serde_json::Value = "application/json"))),
                      (status = 400, description = "A parameter that cannot be used; it is named", body = Problem, content_type = "application/problem+json"),
                      (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
                      (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
                      (status = 404, description = "No such report", body = Problem, content_type = "application/problem+json"),
                      (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
        pub async fn $name(State(state): State<WebState>, Path(kind): Path<String>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
            answer(&state, &kind, &uri, &headers).await
        }
    )*};
}

reports! {
    /// A report as a file.
    report "/api/v1/reports/{kind}" "status";
    /// A report as a file, from the page.
    report_of_page "/reports/{kind}" "pages";
}

async fn answer(state: &WebState, kind: &str, uri: &Uri, headers: &HeaderMap) -> Result<Response, Problem> {
    let Some(kind) = Kind::ALL.into_iter().find(|known| known.as_str() == kind) else {
        return Err(Problem::new(StatusCode::NOT_FOUND, "There is no such report; known are daily, weekly, monthly."));
    };
    let params = Params::read(uri, &["from", "to", "format", "lang"])?;
    let options = state.options();
    let lang = Lang::of(&params, headers, &options.language)?;
    let format = params.parsed("format", "one of pptx, xlsx, csv, html, json", Format::of)?.unwrap_or(Format::Pptx);
    let now = state.clock().now();
    let period = match (params.date("from")?, params.date("to")?) {
        (None, None) => kind.last(now, options.zone),
        _ => params.period(state.today(), 1)?,
    };
    let wanted = Wanted { kind, period, lang, dealer: options.dealer.clone(), zone: options.zone };
    let report = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        build::report(&mut conn, &wanted, now).await
    });
    let report = report.await?;
    let (zone, logo) = (options.zone, options.logo.clone());
    let writing = tokio::task::spawn_blocking(move || format.write(&report, zone, lang, logo.as_ref()));
    let ended = writing.await.map_err(|error| download::unwritten(&error))?;
    let bytes = ended.map_err(|error| download::unwritten(&error))?;
    Ok(download::file(bytes, format.media_type(), file::name(&wanted, format)))
}
