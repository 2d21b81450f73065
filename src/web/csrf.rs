//! Writes that come with a cookie must show that our own page sent them: by the session's token in `X-CSRF` or in a form field `csrf`, and by what the browser
//! says of the sender (Fetch Metadata). Behind the `SameSite=Strict` cookie this is the second and the third lock.

use super::problem::Problem;
use super::state::same;
use super::who::Who;
use axum::Form;
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};

/// Bytes of a form at most.
const MOST_BYTES: usize = 256 * 1024;

/// Lets a request pass that changes nothing, or that our own page sent; gives it back whole.
pub async fn check(who: &Who, request: Request) -> Result<Request, Problem> {
    if request.method().is_safe() {
        return Ok(request);
    }
    own_site(request.headers())?;
    let Some(wanted) = who.csrf() else { return Ok(request) };
    let (given, request) = match request.headers().get("x-csrf") {
        Some(given) => (given.to_str().unwrap_or_default().to_owned(), request),
        None if is_form(request.headers()) => from_form(request).await?,
        None => (String::new(), request),
    };
    if same(wanted.as_bytes(), given.as_bytes()) {
        return Ok(request);
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "The session's token is missing or not the one wanted (`X-CSRF`, or `csrf` in a form): load the page again.",
    ))
}

/// Browsers say where a request comes from (Fetch Metadata); another site may send nothing that changes something.
pub fn own_site(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get("sec-fetch-site").map(|value| value.as_bytes()) {
        None | Some(b"same-origin" | b"none") => Ok(()),
        Some(_) => Err(Problem::new(StatusCode::FORBIDDEN, "This was sent by another site.")),
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    media_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// The form's field, and the request with its body as it came.
async fn from_form(request: Request) -> Result<(String, Request), Problem> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MOST_BYTES).await.map_err(|_| {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "The form did not arrive whole, or is larger than 256 KiB.")
    })?;
    let copy = Request::from_parts(parts.clone(), Body::from(body.clone()));
    let fields = Form::<Vec<(String, String)>>::from_request(copy, &()).await.map(|Form(fields)| fields);
    let given = fields.unwrap_or_default().into_iter().find(|(name, _)| name == "csrf").map(|(_, value)| value);
    Ok((given.unwrap_or_default(), Request::from_parts(parts, Body::from(body))))
}
