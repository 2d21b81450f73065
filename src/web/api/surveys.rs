//! `/api/v1/surveys`: the questionnaire standard: what is published, and publishing after a check. A published version never changes.

use crate::survey::check::Severity;
use crate::web::body;
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::state::WebState;
use crate::web::surveys::{self as desk, Done, Looked, MOST_BYTES};
use crate::web::who::Who;
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, Uri};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is published.
#[derive(Serialize, ToSchema)]
pub struct SurveyList {
    /// By key.
    surveys: Vec<SurveyView>,
}

/// A survey.
#[derive(Serialize, ToSchema)]
pub struct SurveyView {
    /// Its key.
    #[schema(example = "aftersales_3day")]
    key: String,
    /// The version that new follow-ups are asked: the newest.
    active: i32,
    /// Every version, newest first.
    versions: Vec<VersionView>,
}

/// A published version.
#[derive(Serialize, ToSchema)]
pub struct VersionView {
    /// Its number.
    version: i32,
    /// Since when it is published.
    published_at: DateTime<Utc>,
    /// Hex SHA-256 of the text.
    content_hash: String,
}

/// A published version with its text.
#[derive(Serialize, ToSchema)]
pub struct VersionText {
    /// Key of the survey.
    key: String,
    /// Its number.
    version: i32,
    /// Since when it is published.
    published_at: DateTime<Utc>,
    /// Hex SHA-256 of the text.
    content_hash: String,
    /// The survey file (TOML) as published.
    content: String,
}

/// A text to look at or to publish.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SurveyBody {
    /// The survey file (TOML).
    content: String,
    /// Publish although there are warnings; errors are never passed over.
    #[serde(default)]
    accept_warnings: bool,
}

/// What is to be said of a text.
#[derive(Serialize, ToSchema)]
pub struct SurveyReport {
    /// The version that it states; null: it cannot be read.
    version: Option<u32>,
    /// Whether it may be published: no errors. Warnings must be accepted.
    publishable: bool,
    /// What was found, errors first.
    findings: Vec<FindingView>,
    /// What it changes of the active version; null where there is none, or the text cannot be read.
    changes: Option<Vec<String>>,
}

/// Something found.
#[derive(Serialize, ToSchema)]
pub struct FindingView {
    /// `error`, `warning` or `info`.
    severity: &'static str,
    /// Where.
    place: String,
    /// What.
    message: String,
}

/// What became of publishing.
#[derive(Serialize, ToSchema)]
pub struct SurveyPublished {
    /// The version.
    version: u32,
    /// False: this text was published already.
    new: bool,
}

const WANTED: &str = "an object with `content` (the survey file) and, where it is published, `accept_warnings`";

/// The words of the API for how much a finding weighs.
pub fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

fn report(looked: &Looked) -> SurveyReport {
    match looked {
        Ok((definition, review)) => SurveyReport {
            version: Some(definition.version),
            publishable: review.count(Severity::Error) == 0,
            findings: review
                .findings
                .iter()
                .map(|found| FindingView {
                    severity: severity(found.severity),
                    place: found.place.clone(),
                    message: found.message.clone(),
                })
                .collect(),
            changes: review.changes.as_ref().map(|changes| changes.iter().map(ToString::to_string).collect()),
        },
        Err(errors) => {
            let found = errors.0.iter().map(|mistake| FindingView {
                severity: severity(Severity::Error),
                place: "file".to_owned(),
                message: mistake.to_string(),
            });
            SurveyReport { version: None, publishable: false, findings: found.collect(), changes: None }
        }
    }
}

/// Every published survey.
#[utoipa::path(get, path = "/api/v1/surveys", tag = "surveys", security(("token" = [])),
    responses((status = 200, description = "What is published", body = SurveyList),
              (status = 400, description = "A parameter that is not known", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn list(State(state): State<WebState>, uri: Uri) -> Result<Json<SurveyList>, Problem> {
    Params::read(&uri, &[])?;
    let mut surveys: Vec<SurveyView> = Vec::new();
    for row in desk::all(&state).await? {
        let (key, number) = (row.survey_key, row.version);
        let view = VersionView { version: number, published_at: row.published_at, content_hash: row.content_hash };
        match surveys.last_mut().filter(|survey| survey.key == key) {
            Some(survey) => {
                survey.active = number;
                survey.versions.insert(0, view);
            }
            None => surveys.push(SurveyView { key, active: number, versions: vec![view] }),
        }
    }
    Ok(Json(SurveyList { surveys }))
}

/// A version as it was published.
#[utoipa::path(get, path = "/api/v1/surveys/{key}/versions/{n}", tag = "surveys", security(("token" = [])),
    params(("key" = String, Path, description = "Key of the survey"), ("n" = i32, Path, description = "Number of the version")),
    responses((status = 200, description = "The version", body = VersionText),
              (status = 400, description = "A parameter that cannot be used", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 404, description = "No such version", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn version(
    State(state): State<WebState>,
    Path((key, n)): Path<(String, String)>,
    uri: Uri,
) -> Result<Json<VersionText>, Problem> {
    Params::read(&uri, &[])?;
    let n: i32 = n.parse().map_err(|_| Problem::parameter("n", "is not a number of a version"))?;
    let found = desk::of(&state, &key).await?.into_iter().find(|row| row.version == n);
    let row = found.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "This version is not published."))?;
    Ok(Json(VersionText {
        key,
        version: n,
        published_at: row.published_at,
        content_hash: row.content_hash,
        content: row.content,
    }))
}

/// Looks at a text like `huifang survey check`, and says what it would change. Writes nothing.
#[utoipa::path(post, path = "/api/v1/surveys/{key}/check", tag = "surveys", security(("token" = [])), request_body = SurveyBody,
    params(("key" = String, Path, description = "Key of the survey")),
    responses((status = 200, description = "The report, also of a text that cannot be read", body = SurveyReport),
              (status = 400, description = "Another survey's text, or a body that cannot be read", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 413, description = "A body of more than 128 KiB", body = Problem, content_type = "application/problem+json"),
              (status = 415, description = "Not JSON by its Content-Type", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away, or no engine with prompts runs here", body = Problem, content_type = "application/problem+json")))]
pub async fn check(
    State(state): State<WebState>,
    Path(key): Path<String>,
    request: Request,
) -> Result<Json<SurveyReport>, Problem> {
    Params::read(request.uri(), &[])?;
    let SurveyBody { content, .. } = body::read_within(request, WANTED, MOST_BYTES).await?;
    Ok(Json(report(&desk::look(&state, &key, &content).await?)))
}

/// Publishes a text under the version that it states; new follow-ups are asked it from then on.
#[utoipa::path(post, path = "/api/v1/surveys/{key}/publish", tag = "surveys", security(("token" = [])), request_body = SurveyBody,
    params(("key" = String, Path, description = "Key of the survey")),
    responses((status = 200, description = "Published, or was already", body = SurveyPublished),
              (status = 400, description = "Another survey's text, or a body that cannot be read", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "Errors, warnings that nobody accepted, or a version that has another text", body = Problem, content_type = "application/problem+json"),
              (status = 413, description = "A body of more than 128 KiB", body = Problem, content_type = "application/problem+json"),
              (status = 415, description = "Not JSON by its Content-Type", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away, or no engine with prompts runs here", body = Problem, content_type = "application/problem+json")))]
pub async fn publish(
    State(state): State<WebState>,
    who: Who,
    Path(key): Path<String>,
    request: Request,
) -> Result<Json<SurveyPublished>, Problem> {
    Params::read(request.uri(), &[])?;
    let SurveyBody { content, accept_warnings } = body::read_within(request, WANTED, MOST_BYTES).await?;
    let conflict = |detail: String| Err(Problem::new(StatusCode::CONFLICT, detail));
    match desk::publish(&state, &who, &key, &content, accept_warnings).await? {
        Done::New(version) => Ok(Json(SurveyPublished { version, new: true })),
        Done::Known(version) => Ok(Json(SurveyPublished { version, new: false })),
        Done::Taken(newest) => conflict(format!("Version {newest} is published with another text and never changes.")),
        Done::Refused(refused, _) => conflict(format!("{refused}; `check` names them.")),
        Done::Unreadable(_) => conflict("The text is no survey that can be read; `check` names every mistake.".into()),
    }
}
