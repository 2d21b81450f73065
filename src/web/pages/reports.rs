//! `/reports`: which report, of which days, as what; the answer is a file.

use super::{Frame, html};
use crate::db::{StoreError, status};
use crate::report::build::Kind;
use crate::report::file::Format;
use crate::report::register;
use crate::web::lang::Lang;
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::state::WebState;
use crate::web::terms;
use crate::web::who::Who;
use crate::web::words::{Words, managers};
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;

#[derive(Template)]
#[template(path = "reports.html")]
struct Page {
    frame: Frame,
    words: &'static Words,
    w: &'static managers::Words,
    lang: Lang,
    reports: Vec<Offer>,
    formats: Vec<&'static str>,
    registers: Vec<Register>,
    may_see_people: bool,
    from: String,
    to: String,
}

struct Register {
    key: String,
    title: String,
}

struct Offer {
    kind: &'static str,
    title: &'static str,
    from: String,
    to: String,
}

/// The reports.
#[utoipa::path(get, path = "/reports", tag = "pages", security(("token" = [])),
    params(("lang" = Option<String>, Query, description = "zh or en")),
    responses((status = 200, description = "The page", content_type = "text/html"),
              (status = 303, description = "A browser without token or session goes to the sign-in form"),
              (status = 400, description = "A parameter that cannot be used", content_type = "text/html"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", content_type = "text/html")))]
pub async fn reports(
    State(state): State<WebState>,
    who: Who,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = Params::read(&uri, &["lang"])?;
    let lang = Lang::of(&params, &headers, &state.options().language)?;
    let offer = |kind: Kind| {
        let period = kind.last(state.clock().now(), state.options().zone);
        Offer {
            kind: kind.as_str(),
            title: kind.title(lang),
            from: period.first.to_string(),
            to: period.last.to_string(),
        }
    };
    let (keys, names) = state
        .ask(async {
            let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
            Ok((register::known(&mut conn).await?, status::survey_names(&mut conn).await?))
        })
        .await?;
    let title = |key: &str| match names.iter().find(|(known, _)| known == key) {
        Some((key, named)) => terms::survey(key, named, lang).into_owned(),
        None => managers::of(lang).tracking.to_owned(),
    };
    let week = Kind::Weekly.last(state.clock().now(), state.options().zone);
    let page = Page {
        frame: Frame::of(&state, &who, lang, "/reports"),
        words: lang.words(),
        w: managers::of(lang),
        lang,
        reports: Kind::ALL.map(offer).into(),
        formats: Format::ALL.map(Format::as_str).into(),
        registers: keys.into_iter().map(|key| Register { title: title(&key), key }).collect(),
        may_see_people: who.may_see_people().is_ok(),
        from: week.first.to_string(),
        to: week.last.to_string(),
    };
    Ok(html(&page, StatusCode::OK))
}
