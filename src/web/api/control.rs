//! `/api/v1/control`: what is dialled and what is not, as `huifang pause|resume|drain` say it. It holds at once for every engine on the database.

use super::schema;
use crate::db::controls::{self, ALL, Campaign};
use crate::db::state::CampaignState;
use crate::db::{StoreError, status};
use crate::web::body;
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::state::WebState;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::Uri;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;

/// What a person says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Nothing new is dialled; live calls go on.
    Pause,
    /// Dialled again. A campaign that is paused by itself stays so when all are resumed.
    Resume,
    /// Nothing new is dialled; live calls hear their closing prompt.
    Drain,
}

impl Action {
    /// By its word; none for another one.
    pub fn of(word: &str) -> Option<Action> {
        match word {
            "pause" => Some(Action::Pause),
            "resume" => Some(Action::Resume),
            "drain" => Some(Action::Drain),
            _ => None,
        }
    }

    /// What a campaign is after it.
    pub fn state(self) -> CampaignState {
        match self {
            Action::Pause => CampaignState::Paused,
            Action::Resume => CampaignState::Running,
            Action::Drain => CampaignState::Draining,
        }
    }
}

/// What is to be done with whom.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ControlBody {
    /// What.
    action: Action,
    /// A survey's key; null or left out: all campaigns.
    #[schema(example = "aftersales_3day")]
    campaign: Option<String>,
}

/// How every campaign stands.
#[derive(Serialize, ToSchema)]
pub struct ControlView {
    /// All together, and then each survey.
    campaigns: Vec<CampaignView>,
}

/// How a campaign stands.
#[derive(Serialize, ToSchema)]
pub struct CampaignView {
    /// A survey's key; null: all campaigns.
    campaign: Option<String>,
    /// What was said of it itself.
    #[schema(schema_with = schema::campaign_state)]
    state: CampaignState,
    /// Since when; null: nobody has ever said anything.
    changed_at: Option<DateTime<Utc>>,
    /// Whether it is dialled, all considered.
    dialled: bool,
}

/// How dialling stands, for all campaigns and for each.
#[utoipa::path(get, path = "/api/v1/control", tag = "control", security(("token" = [])),
    responses((status = 200, description = "As it stands", body = ControlView),
              (status = 400, description = "A parameter that is not known", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn states(State(state): State<WebState>, uri: Uri) -> Result<Json<ControlView>, Problem> {
    Params::read(&uri, &[])?;
    let view = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        let surveys = status::survey_names(&mut conn).await?;
        view(&mut conn, &surveys).await
    });
    Ok(Json(view.await?))
}

/// Pauses, resumes or drains a campaign or all; it holds at once.
#[utoipa::path(post, path = "/api/v1/control", tag = "control", security(("token" = [])), request_body = ControlBody,
    responses((status = 200, description = "Done; how it stands now", body = ControlView),
              (status = 400, description = "No such campaign, or a body that cannot be read", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 413, description = "A body of more than 16 KiB", body = Problem, content_type = "application/problem+json"),
              (status = 415, description = "Not JSON by its Content-Type", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn control(State(state): State<WebState>, request: Request) -> Result<Json<ControlView>, Problem> {
    Params::read(request.uri(), &[])?;
    let wanted = "an object with an `action` (pause, resume or drain) and a `campaign` (a survey's key, or null)";
    let ControlBody { action, campaign } = body::read(request, wanted).await?;
    Ok(Json(change(&state, action, campaign.as_deref()).await?))
}

/// Does it, for a survey or (none) for all, and says how everything stands; a survey that nobody knows is a 400.
pub async fn change(state: &WebState, action: Action, campaign: Option<&str>) -> Result<ControlView, Problem> {
    let now = state.clock().now();
    let done = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        let surveys = status::survey_names(&mut conn).await?;
        if campaign.is_some_and(|key| surveys.iter().all(|(known, _)| known != key)) {
            return Ok(Err(surveys));
        }
        controls::set(&mut conn, campaign, action.state(), now).await?;
        view(&mut conn, &surveys).await.map(Ok)
    });
    match done.await? {
        Ok(view) => {
            tracing::info!(
                campaign = campaign.unwrap_or("all"),
                state = action.state().as_str(),
                "dialling was told by API or page"
            );
            Ok(view)
        }
        Err(surveys) => {
            let keys: Vec<&str> = surveys.iter().map(|(key, _)| key.as_str()).collect();
            let known = if keys.is_empty() { "none is published yet".to_owned() } else { keys.join(", ") };
            Err(Problem::parameter("campaign", format!("there is no such survey (known: {known}); null means all")))
        }
    }
}

async fn view(conn: &mut PgConnection, surveys: &[(String, String)]) -> Result<ControlView, StoreError> {
    let said = controls::all(conn).await?;
    let of = |key: &str| said.iter().find(|campaign| campaign.key == key);
    let state = |campaign: Option<&Campaign>| campaign.map_or(CampaignState::Running, |campaign| campaign.state);
    let all_run = state(of(ALL)) == CampaignState::Running;
    let view = |campaign: Option<&String>| {
        let row = of(campaign.map_or(ALL, String::as_str));
        CampaignView {
            campaign: campaign.cloned(),
            state: state(row),
            changed_at: row.map(|row| row.changed_at),
            dialled: all_run && state(row) == CampaignState::Running,
        }
    };
    Ok(ControlView {
        campaigns: std::iter::once(None).chain(surveys.iter().map(|(key, _)| Some(key))).map(view).collect(),
    })
}
