//! `/healthz` and `/readyz`, for supervisors and load balancers. They tell no figures and ask for no token.

use crate::db;
use crate::web::problem::Problem;
use crate::web::readiness::Part;
use crate::web::state::WebState;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// The process is alive.
#[derive(Serialize, ToSchema)]
pub struct Health {
    /// Always `alive`.
    #[schema(example = "alive")]
    status: &'static str,
    /// Version of the engine.
    version: &'static str,
}

/// Alive: the process answers. Asks nothing of the database.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "Alive", body = Health)))]
pub async fn healthz() -> Json<Health> {
    Json(Health { status: "alive", version: env!("CARGO_PKG_VERSION") })
}

/// Whether work can be done.
#[derive(Serialize, ToSchema)]
pub struct Ready {
    /// True when every part is.
    ready: bool,
    /// The database, and the parts that the engine has announced.
    parts: Vec<PartView>,
}

/// One part.
#[derive(Serialize, ToSchema)]
pub struct PartView {
    /// Its name.
    #[schema(example = "database")]
    name: String,
    /// Whether it is up.
    ready: bool,
    /// Why not, in one sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// Ready: the database answers and is migrated, and every part of the engine is up.
#[utoipa::path(get, path = "/readyz", tag = "health",
    responses((status = 200, description = "Ready", body = Ready), (status = 503, description = "Not ready; the parts say why", body = Ready)))]
pub async fn readyz(State(state): State<WebState>) -> Response {
    let mut parts = vec![database(&state).await];
    parts.extend(state.readiness().parts().into_iter().map(|(name, part)| match part {
        Part::Ready => PartView { name, ready: true, detail: None },
        Part::Starting => PartView { name, ready: false, detail: Some("is starting".into()) },
        Part::Failed(why) => PartView { name, ready: false, detail: Some(why) },
    }));
    let ready = parts.iter().all(|part| part.ready);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Ready { ready, parts })).into_response()
}

async fn database(state: &WebState) -> PartView {
    let missing = state.ask(async {
        let mut conn = state.pool().acquire().await?;
        db::status::missing_migrations(&mut conn).await
    });
    let detail = match missing.await {
        Ok(missing) if missing.is_empty() => None,
        Ok(missing) => Some(format!("{} migrations are missing: run `huifang migrate`", missing.len())),
        Err(problem) if problem == Problem::database_away() => Some("does not answer".to_owned()),
        Err(_) => Some("has no tables yet: run `huifang migrate`".to_owned()),
    };
    PartView { name: "database".into(), ready: detail.is_none(), detail }
}
