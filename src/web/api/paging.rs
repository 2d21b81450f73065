//! Lists that grow, page by page: newest first, `limit` at most, `after` the last of the page before; `Link: …; rel="next"` (RFC 8288) leads on while there is more.
//! What comes in between shifts nothing, because a page begins where the one before ended.

use crate::web::params::Params;
use crate::web::problem::Problem;
use axum::Json;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use uuid::Uuid;

/// Rows of a page where nobody says how many.
const USUAL: i64 = 100;
/// Rows of a page at most.
const MOST: i64 = 1000;

/// Which page is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Rows.
    pub limit: i64,
    /// The last of the page before.
    pub after: Option<Uuid>,
}

impl Page {
    /// Reads `limit` and `after`.
    pub fn read(params: &Params) -> Result<Page, Problem> {
        let limit = params.parsed("limit", "a number from 1 to 1000", |text| {
            text.parse().ok().filter(|limit: &i64| (1..=MOST).contains(limit))
        })?;
        let after = params.parsed("after", "an id of this list", |text| text.parse().ok())?;
        Ok(Page { limit: limit.unwrap_or(USUAL), after })
    }

    /// One row more than the page has says whether there is another page.
    pub fn fetch(&self) -> i64 {
        self.limit + 1
    }

    /// Answers with the page: cuts the row too many off, and leads on where there was one.
    pub fn answer<T, V: Serialize>(
        &self,
        params: &Params,
        path: &str,
        mut rows: Vec<T>,
        id: impl Fn(&T) -> Uuid,
        view: impl FnOnce(Vec<T>) -> V,
    ) -> Response {
        let more = rows.len() as i64 > self.limit;
        rows.truncate(usize::try_from(self.limit).unwrap_or(usize::MAX));
        let mut headers = HeaderMap::new();
        if let Some(last) = rows.last().filter(|_| more) {
            let link = format!("<{path}?{}>; rel=\"next\"", params.but("after", &id(last).to_string()));
            if let Ok(link) = HeaderValue::from_str(&link) {
                headers.insert(header::LINK, link);
            }
        }
        (headers, Json(view(rows))).into_response()
    }
}
