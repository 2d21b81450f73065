//! Complaints as files for spreadsheets, by the API and by the page: the same filters as the list, the same bytes at both addresses.

use crate::report::sheet::Kind;
use crate::web::complaints::{self as desk, FILTERS, export};
use crate::web::download;
use crate::web::lang::Lang;
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::state::WebState;
use crate::web::who::Who;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

macro_rules! exports {
    ($($(#[doc = $doc:literal])* $name:ident $path:literal $tag:literal $media:literal $kind:ident;)*) => {$(
        $(#[doc = $doc])*
        #[utoipa::path(get, path = $path, tag = $tag, security(("token" = [])), params(super::complaints::ListParams,
                ("lang" = Option<String>, Query, description = "zh or en"),
                ("unmasked" = Option<bool>, Query, description = "true: names, numbers and plates in clear, for managers; is kept in the audit log")),
            responses((status = 200, description = "The file", body = Vec<u8>, content_type = $media),
                      (status = 400, description = "A parameter that cannot be used; it is named", body = Problem, content_type = "application/problem+json"),
                      (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
                      (status = 403, description = "In clear, for managers only", body = Problem, content_type = "application/problem+json"),
                      (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
        pub async fn $name(State(state): State<WebState>, who: Who, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
            file(&state, &who, &uri, &headers, Kind::$kind).await
        }
    )*};
}

exports! {
    /// Complaints as CSV (UTF-8 with a mark), one a row.
    csv "/api/v1/complaints/export.csv" "complaints" "text/csv" Csv;
    /// Complaints and their histories as XLSX.
    xlsx "/api/v1/complaints/export.xlsx" "complaints" "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" Xlsx;
    /// Complaints as CSV, from the page.
    csv_of_page "/complaints/export.csv" "pages" "text/csv" Csv;
    /// Complaints and their histories as XLSX, from the page.
    xlsx_of_page "/complaints/export.xlsx" "pages" "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" Xlsx;
}

async fn file(state: &WebState, who: &Who, uri: &Uri, headers: &HeaderMap, kind: Kind) -> Result<Response, Problem> {
    let known: Vec<&'static str> = FILTERS.into_iter().chain(["lang", "unmasked", "limit", "skip"]).collect();
    let params = Params::read(uri, &known)?;
    let lang = Lang::of(&params, headers, &state.options().language)?;
    super::complaints::page(&params)?; // read like the list's, and not used: a file holds all
    let filter = desk::filter(&params, who, state)?;
    let tables = export::tables(state, who, &filter, lang, params.flag("unmasked")?).await?;
    let zone = state.options().zone;
    let bytes = kind.write(&tables, zone).map_err(|error| download::unwritten(&error))?;
    let day = state.clock().now().with_timezone(&zone).format("%Y-%m-%d");
    Ok(download::file(bytes, kind.media_type(), format_args!("complaints-{day}.{}", kind.ending())))
}
