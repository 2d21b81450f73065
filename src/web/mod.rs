//! Status API and pages (axum). Asks `db`, decides nothing: no figure is made here that `rates` does not define, no SQL is written here.
//!
//! Everything that is served is registered through `utoipa_axum::routes!`, so that `/openapi.json` cannot miss a route.
#![forbid(unsafe_code)]

mod agents;
pub mod api;
mod assets;
mod body;
mod complaints;
mod csrf;
mod day_report;
mod door;
mod download;
mod etag;
mod guard;
mod headers;
mod idempotency;
pub(crate) mod lang;
mod live;
mod metrics;
mod pages;
mod params;
pub mod password;
mod people;
mod problem;
mod range;
mod rate;
mod readiness;
mod recordings;
mod roles;
mod sessions;
mod state;
mod surveys;
pub(crate) mod terms;
mod throttle;
pub mod tokens;
mod via;
mod weak_items;
mod who;
mod words;

pub use problem::Problem;
pub use rate::Limits;
pub use readiness::{Part, Readiness};
pub use state::{Options, WebState};
pub use who::Who;

use crate::spans;
use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use axum::{Router, middleware};
use door::{Door, Peer};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use tower_http::trace::TraceLayer;
use tracing::field::Empty;
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Why the server did not run.
#[derive(Debug, Error)]
pub enum ServeError {
    /// Without a token or a user nobody but this machine may ask.
    #[error(
        "{0} is not loopback, and nobody needs to sign in: add a user (`huifang users add`), or set HUIFANG__WEB__TOKEN or web.token_file, or listen on 127.0.0.1"
    )]
    OpenToOthers(SocketAddr),
    /// The listening socket broke.
    #[error("the web server stopped: {0}")]
    Socket(#[from] std::io::Error),
}

/// Serves until `shutdown`; open requests are finished first (live pages are let go at once). The caller binds, and reports a port in use.
pub async fn serve(state: WebState, listener: TcpListener, shutdown: CancellationToken) -> Result<(), ServeError> {
    serve_by(state, listener, None, shutdown).await
}

/// The same, with a configuration by TLS alone.
pub async fn serve_by(
    state: WebState,
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() && state.guarded().await != Some(true) {
        return Err(ServeError::OpenToOthers(address));
    }
    let closing = state.closing();
    let stop = async move {
        shutdown.cancelled().await;
        closing.cancel();
    };
    tracing::info!(%address, tls = tls.is_some(), "status page and API are up");
    let app = router(state).into_make_service_with_connect_info::<Peer>();
    Ok(axum::serve(Door::open(listener, tls)?, app).with_graceful_shutdown(stop).await?)
}

/// All routes with their guards.
pub fn router(state: WebState) -> Router {
    let (router, _) = documented(state.clone()).split_for_parts();
    router
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(middleware::from_fn_with_state(state.clone(), guard::host))
        .layer(middleware::from_fn_with_state(state.clone(), via::limit))
        .layer(middleware::from_fn(headers::secure))
        .layer(middleware::from_fn_with_state(state.clone(), via::find_out))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_response(answered))
        .with_state(state)
}

/// A request's span: the route as it stands in the table, never the address with its ids and questions.
fn span(request: &Request) -> tracing::Span {
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str).unwrap_or("(no route)");
    let method = request.method().as_str();
    tracing::info_span!(target: spans::TARGET, "request", otel.name = format!("{method} {route}"), otel.kind = "server",
        http.request.method = method, http.route = route, http.response.status_code = Empty)
}

fn answered<B>(response: &Response<B>, _took: Duration, span: &tracing::Span) {
    span.record("http.response.status_code", response.status().as_u16());
}

/// The OpenAPI document, made from the routes themselves.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let (_, api) = routes_of(None).split_for_parts();
    api
}

fn documented(state: WebState) -> OpenApiRouter<WebState> {
    routes_of(Some(state))
}

/// Open routes, and those behind the guard (`roles` says who may ask which); without a state there is no guard to build (documents only).
fn routes_of(state: Option<WebState>) -> OpenApiRouter<WebState> {
    let open = OpenApiRouter::with_openapi(api::ApiDoc::openapi())
        .routes(routes!(api::health::healthz))
        .routes(routes!(api::health::readyz))
        .routes(routes!(api::document::openapi_json))
        .routes(routes!(assets::asset))
        .routes(routes!(pages::sign_in::form, pages::sign_in::submit))
        .routes(routes!(pages::sign_in::sign_out));
    let closed = OpenApiRouter::new()
        .routes(routes!(metrics::metrics))
        .routes(routes!(api::status::status))
        .routes(routes!(api::completion::completion))
        .routes(routes!(api::satisfaction::satisfaction))
        .routes(routes!(api::reports::report))
        .routes(routes!(api::registers::register))
        .routes(routes!(api::registers::register_of_page))
        .routes(routes!(api::weak_items::list, api::weak_items::open))
        .routes(routes!(api::weak_items::plan))
        .routes(routes!(api::weak_items::act))
        .routes(routes!(pages::weak_items::list, pages::weak_items::open))
        .routes(routes!(pages::weak_items::plan, pages::weak_items::act))
        .routes(routes!(api::reports::report_of_page))
        .routes(routes!(pages::reports::reports))
        .routes(routes!(pages::day_report::day_report, pages::day_report::review))
        .routes(routes!(api::day_reports::reviews, api::day_reports::review))
        .routes(routes!(pages::satisfaction::satisfaction))
        .routes(routes!(pages::satisfaction_calls::calls))
        .routes(routes!(api::follow_ups::follow_up))
        .routes(routes!(api::imports::imports))
        .routes(routes!(api::queue::queue))
        .routes(routes!(api::control::states, api::control::control))
        .routes(routes!(api::do_not_call::list, api::do_not_call::add, api::do_not_call::remove))
        .routes(routes!(api::complaints::list))
        .routes(routes!(api::complaints::complaint))
        .routes(routes!(api::complaint_acts::act))
        .routes(routes!(api::complaint_export::csv))
        .routes(routes!(api::complaint_export::xlsx))
        .routes(routes!(api::complaint_export::csv_of_page))
        .routes(routes!(api::complaint_export::xlsx_of_page))
        .routes(routes!(pages::complaints::complaints))
        .routes(routes!(pages::complaint::complaint))
        .routes(routes!(pages::complaint_form::fragment, pages::complaint_form::submit))
        .routes(routes!(pages::complaint_form::draft))
        .routes(routes!(pages::home::home))
        .routes(routes!(pages::home::events))
        .routes(routes!(pages::control::submit))
        .routes(routes!(pages::release::submit))
        .routes(routes!(pages::summary::summary))
        .routes(routes!(api::summary::summary))
        .routes(routes!(pages::rates::rates))
        .routes(routes!(api::rates::rates))
        .routes(routes!(pages::follow_up::follow_up))
        .routes(routes!(pages::attempt::attempt))
        .routes(routes!(pages::trunks::trunks))
        .routes(routes!(pages::surveys::surveys))
        .routes(routes!(pages::surveys::survey, pages::surveys::submit))
        .routes(routes!(pages::surveys::drawing))
        .routes(routes!(api::surveys::list))
        .routes(routes!(api::surveys::version))
        .routes(routes!(api::surveys::check))
        .routes(routes!(api::surveys::publish))
        .routes(routes!(api::trunks::trunks))
        .routes(routes!(api::lists::follow_ups))
        .routes(routes!(api::lists::leads))
        .routes(routes!(api::lists::tasks))
        .routes(routes!(api::lists::close_task))
        .routes(routes!(api::outbox::list))
        .routes(routes!(api::outbox::replay))
        .routes(routes!(recordings::recording))
        .routes(routes!(pages::agent::agent))
        .routes(routes!(pages::agent::events))
        .routes(routes!(api::agent::agent))
        .routes(routes!(api::agent::set_state))
        .routes(routes!(api::agent::presence))
        .routes(routes!(api::agent::take))
        .routes(routes!(api::agent::reject))
        .routes(routes!(api::agent::hang_up));
    let closed = match state {
        Some(state) => closed
            .route_layer(middleware::from_fn(etag::tag))
            .route_layer(middleware::from_fn_with_state(state.clone(), idempotency::once))
            .route_layer(middleware::from_fn_with_state(state, guard::entry)),
        None => closed,
    };
    open.merge(closed)
}

#[cfg(test)]
mod tests;
