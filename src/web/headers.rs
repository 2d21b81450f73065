//! Headers that every response carries: no script but our own files, no framing, no sniffing, nothing kept by caches but assets. And the language that somebody chose.

use super::lang::{COOKIE, Lang};
use super::via::Via;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;

const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     media-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const ALWAYS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// A chosen language is kept for a year.
const A_YEAR_S: u32 = 365 * 24 * 60 * 60;

/// The language that somebody chose on a page, as its switch leads there; not what a page asks for its own fragments.
fn chosen(request: &Request) -> Option<Lang> {
    if request.method() != Method::GET
        || (request.headers().contains_key("hx-request") && !request.headers().contains_key("hx-boosted"))
    {
        return None;
    }
    let query = request.uri().query().unwrap_or_default();
    query.split('&').find_map(|pair| pair.strip_prefix("lang=")).and_then(Lang::of_tag)
}

/// Sets them; `Cache-Control: no-store` where the handler said nothing of its own.
pub async fn secure(request: Request, next: Next) -> Response {
    let chosen = chosen(&request);
    let tls = request.extensions().get::<Via>().is_some_and(|via| via.tls);
    let mut response = next.run(request).await;
    // Also on the way to the sign-in form: the page behind it comes without the parameter.
    let redirects = response.status().is_redirection();
    let headers = response.headers_mut();
    let is_page = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if let Some(lang) = chosen.filter(|_| is_page || redirects)
        && let Ok(cookie) =
            HeaderValue::from_str(&format!("{COOKIE}={}; SameSite=Lax; Path=/; Max-Age={A_YEAR_S}", lang.code()))
    {
        headers.append(header::SET_COOKIE, cookie);
    }
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if tls {
        // RFC 6797 7.2: never over plain HTTP. Without includeSubDomains: the rest of the dealer's domain is not ours.
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
