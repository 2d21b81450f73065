//! `/api/v1/weak-items`: plans with what they have done, and items that are proposed.

use super::satisfaction::ScoresView;
use crate::db::StoreError;
use crate::db::weak_items as rows;
use crate::report::satisfaction::OfItem;
use crate::report::weak::{self, Followed, Weak};
use crate::weak_item::{Act, Terms};
use crate::web::body;
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::state::WebState;
use crate::web::weak_items as desk;
use crate::web::who::Who;
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, Uri};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Plans and proposals.
#[derive(Serialize, ToSchema)]
pub struct WeakView {
    /// Favourable share below which an item is proposed, in percent.
    target: u8,
    /// Over so many days.
    days: u32,
    /// Open ones by due date, then those that have ended.
    plans: Vec<PlanView>,
    /// Items below the target without an open plan, the weakest first.
    proposed: Vec<ProposedView>,
}

/// An item that is proposed.
#[derive(Serialize, ToSchema)]
pub struct ProposedView {
    survey: String,
    question: String,
    #[serde(flatten)]
    scores: ScoresView,
}

/// A plan.
#[derive(Serialize, ToSchema)]
pub struct PlanView {
    id: String,
    survey: String,
    question: String,
    /// in_progress, settled or dropped.
    #[schema(example = "in_progress")]
    state: &'static str,
    round: i16,
    #[serde(flatten)]
    terms: TermsBody,
    opened_by: String,
    opened_at: DateTime<Utc>,
    closed_at: Option<DateTime<Utc>>,
    /// Goes along with each act.
    revision: i32,
    /// The item in the days before the plan was made; null where it is asked no more.
    before: Option<ScoresView>,
    /// The item since, until the plan ended.
    since: Option<ScoresView>,
    /// What was done, in order; only of a single plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<Vec<StepView>>,
}

/// A line of a history.
#[derive(Serialize, ToSchema)]
pub struct StepView {
    /// open, change, check or drop.
    #[schema(example = "check")]
    kind: &'static str,
    person: String,
    note: String,
    at: DateTime<Utc>,
}

/// What a plan says.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TermsBody {
    /// Favourable share that is aimed at, in percent.
    #[schema(minimum = 1, maximum = 100)]
    target: i16,
    department: String,
    measure: String,
    owner: String,
    due_on: NaiveDate,
}

/// A new plan.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenBody {
    survey: String,
    question: String,
    terms: TermsBody,
}

/// Something that is done with a plan.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WeakActBody {
    /// The revision that you saw: where it is another by now, nothing is done (409).
    revision: Option<i32>,
    /// What is done.
    act: WeakAct,
}

/// What is done.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum WeakAct {
    /// Changes what it says.
    Change {
        /// All of it.
        terms: TermsBody,
    },
    /// Checks whether it helped; on the due date or later, by somebody else than the owner.
    Check {
        /// It helped.
        settled: bool,
        /// What was found.
        note: String,
        /// When the next round is due, where it did not.
        again: Option<NaiveDate>,
    },
    /// Gives it up.
    Drop {
        /// Why.
        note: String,
    },
}

/// The id of a new plan.
#[derive(Serialize, ToSchema)]
pub struct OpenedView {
    id: String,
}

impl From<TermsBody> for Terms {
    fn from(TermsBody { target, department, measure, owner, due_on }: TermsBody) -> Terms {
        Terms { target, department, measure, owner, due_on }
    }
}

fn view(followed: Followed, history: Option<Vec<StepView>>) -> PlanView {
    let Followed { plan, before, since } = followed;
    let Terms { target, department, measure, owner, due_on } = plan.case.terms;
    PlanView {
        id: plan.id.to_string(),
        survey: plan.survey,
        question: plan.question,
        state: plan.case.state.as_str(),
        round: plan.case.round,
        terms: TermsBody { target, department, measure, owner, due_on },
        opened_by: plan.opened_by,
        opened_at: plan.opened_at,
        closed_at: plan.closed_at,
        revision: plan.revision,
        before: before.as_ref().map(ScoresView::from),
        since: since.as_ref().map(ScoresView::from),
        history,
    }
}

/// Plans and proposals.
#[utoipa::path(get, path = "/api/v1/weak-items", tag = "status", security(("token" = [])),
    responses((status = 200, description = "Plans and proposals", body = WeakView),
              (status = 400, description = "A parameter that cannot be used; it is named", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn list(State(state): State<WebState>, uri: Uri) -> Result<Json<WeakView>, Problem> {
    Params::read(&uri, &[])?;
    let rule = state.options().weak;
    let Weak { plans, proposed } = read(&state).await?;
    let of = |item: OfItem| ProposedView {
        scores: (&item.scores).into(),
        survey: item.item.survey,
        question: item.item.question,
    };
    Ok(Json(WeakView {
        target: rule.target,
        days: rule.days,
        plans: plans.into_iter().map(|plan| view(plan, None)).collect(),
        proposed: proposed.into_iter().map(of).collect(),
    }))
}

/// Plans and proposals as they stand.
pub async fn read(state: &WebState) -> Result<Weak, Problem> {
    let (rule, zone, now) = (state.options().weak, state.options().zone, state.clock().now());
    let read = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        weak::read(&mut conn, rule, zone, now).await
    });
    read.await
}

/// One plan with its figures and its history.
pub async fn one(state: &WebState, id: &str) -> Result<(Followed, Vec<rows::Step>), Problem> {
    let plan = desk::plan(state, desk::id(id)?).await?;
    let (rule, zone, now) = (state.options().weak, state.options().zone, state.clock().now());
    let read = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        let steps = rows::steps(&mut conn, plan.id).await?;
        Ok((weak::one(&mut conn, plan, rule, zone, now).await?, steps))
    });
    read.await
}

/// One plan with its history.
#[utoipa::path(get, path = "/api/v1/weak-items/{id}", tag = "status", security(("token" = [])), params(("id" = uuid::Uuid, Path, description = "Id of the plan")),
    responses((status = 200, description = "The plan", body = PlanView),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 404, description = "No such plan", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn plan(State(state): State<WebState>, Path(id): Path<String>) -> Result<Json<PlanView>, Problem> {
    let (followed, steps) = one(&state, &id).await?;
    let step = |step: rows::Step| StepView {
        kind: step.kind.as_str(),
        person: step.person,
        note: step.note,
        at: step.done_at,
    };
    Ok(Json(view(followed, Some(steps.into_iter().map(step).collect()))))
}

/// Makes a plan for an item.
#[utoipa::path(post, path = "/api/v1/weak-items", tag = "status", security(("token" = [])), request_body = OpenBody,
    responses((status = 201, description = "Made", body = OpenedView),
              (status = 400, description = "What cannot be used is named", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "One for this item is open already", body = Problem, content_type = "application/problem+json"),
              (status = 413, description = "The body is larger than 16 KiB", body = Problem, content_type = "application/problem+json"),
              (status = 415, description = "No JSON", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn open(
    State(state): State<WebState>,
    who: Who,
    request: Request,
) -> Result<(StatusCode, Json<OpenedView>), Problem> {
    let OpenBody { survey, question, terms } = body::read(request, "a plan: survey, question, terms").await?;
    let id = desk::open(&state, &who, &survey, &question, terms.into()).await?;
    Ok((StatusCode::CREATED, Json(OpenedView { id: id.to_string() })))
}

/// Changes, checks or drops a plan.
#[utoipa::path(post, path = "/api/v1/weak-items/{id}/acts", tag = "status", security(("token" = [])), request_body = WeakActBody,
    params(("id" = uuid::Uuid, Path, description = "Id of the plan")),
    responses((status = 200, description = "Done: the plan as it stands", body = PlanView),
              (status = 400, description = "What cannot be used is named", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 404, description = "No such plan", body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "Ended, too early, one's own work, or changed by somebody else meanwhile", body = Problem, content_type = "application/problem+json"),
              (status = 413, description = "The body is larger than 16 KiB", body = Problem, content_type = "application/problem+json"),
              (status = 415, description = "No JSON", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn act(
    State(state): State<WebState>,
    who: Who,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<PlanView>, Problem> {
    let WeakActBody { revision, act } = body::read(request, "an act: change, check or drop").await?;
    let act = match act {
        WeakAct::Change { terms } => Act::Change(terms.into()),
        WeakAct::Check { settled, note, again } => Act::Check { settled, note, again },
        WeakAct::Drop { note } => Act::Drop { note },
    };
    desk::act(&state, &who, desk::id(&id)?, revision, act).await?;
    plan(State(state), Path(id)).await
}
