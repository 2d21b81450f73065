//! `/api/v1/registers/{what}`: 电话回访登记表 of a survey, and 客户跟踪表, as a workbook or CSV. Masked unless asked otherwise; each is kept in the audit log.

use crate::db::StoreError;
use crate::report::register::{self, NoRegister, Wanted};
use crate::report::sheet::Kind;
use crate::web::download;
use crate::web::lang::Lang;
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::state::WebState;
use crate::web::who::Who;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use chrono::NaiveDate;
use utoipa::IntoParams;

/// Of which days, as what.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query; `Params` reads it")]
pub struct RegisterParams {
    /// First day in the dealer's zone; without it the last 7 days. Follow-ups that ended in these days, and open ones that were owed in them.
    #[param(value_type = Option<String>, format = Date)]
    from: Option<NaiveDate>,
    /// Last day, included; 366 days at most.
    #[param(value_type = Option<String>, format = Date)]
    to: Option<NaiveDate>,
    /// xlsx or csv; xlsx when left out.
    #[param(example = "xlsx")]
    format: Option<String>,
    /// zh or en.
    lang: Option<String>,
    /// true: names, numbers and plates in clear, for managers.
    unmasked: Option<bool>,
}

macro_rules! registers {
    ($($(#[doc = $doc:literal])* $name:ident $path:literal $tag:literal;)*) => {$(
        $(#[doc = $doc])*
        #[utoipa::path(get, path = $path, tag = $tag, security(("token" = [])),
            params(("what" = String, Path, description = "key of a survey, or tracking", example = "aftersales_3day"), RegisterParams),
            responses((status = 200, description = "The file", content(
                          (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"), (String = "text/csv"))),
                      (status = 400, description = "A parameter that cannot be used; it is named", body = Problem, content_type = "application/problem+json"),
                      (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
                      (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
                      (status = 404, description = "No such register", body = Problem, content_type = "application/problem+json"),
                      (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
        pub async fn $name(State(state): State<WebState>, who: Who, Path(what): Path<String>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
            answer(&state, &who, what, &uri, &headers).await
        }
    )*};
}

registers! {
    /// A register as a file.
    register "/api/v1/registers/{what}" "status";
    /// A register as a file, from the page.
    register_of_page "/registers/{what}" "pages";
}

async fn answer(
    state: &WebState,
    who: &Who,
    what: String,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let params = Params::read(uri, &["from", "to", "format", "lang", "unmasked"])?;
    let options = state.options();
    let lang = Lang::of(&params, headers, &options.language)?;
    let kind = params.parsed("format", "one of xlsx, csv", |text| {
        [Kind::Xlsx, Kind::Csv].into_iter().find(|kind| kind.ending() == text)
    })?;
    let kind = kind.unwrap_or(Kind::Xlsx);
    let period = params.period(state.today(), 7)?;
    let unmasked = params.flag("unmasked")?;
    if unmasked {
        who.may_see_people()?;
    }
    let wanted = Wanted { what, period, zone: options.zone, lang, unmasked };
    let read = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        match register::register(&mut conn, &wanted).await {
            Err(NoRegister::Store(error)) => Err(error),
            other => Ok(other),
        }
    });
    let sheet = read.await?.map_err(|error| {
        let status =
            if matches!(error, NoRegister::Unknown(_)) { StatusCode::NOT_FOUND } else { StatusCode::BAD_REQUEST };
        Problem::new(status, format!("{error}."))
    })?;
    let detail =
        serde_json::json!({ "from": period.first, "to": period.last, "rows": sheet.rows.len(), "unmasked": unmasked });
    state.audit(who, "register.export", format!("register:{}", wanted.what), detail).await?;
    let name = wanted.file_name(kind.ending());
    let bytes = kind.write(&[sheet], wanted.zone).map_err(|error| download::unwritten(&error))?;
    Ok(download::file(bytes, kind.media_type(), name))
}
