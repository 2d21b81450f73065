//! `/api/v1/follow-ups`, `/api/v1/leads` and `/api/v1/tasks`: lists for programs, page by page. Names, numbers and plates are masked unless `unmasked=true` is asked for;
//! that is kept in the audit log.

use super::paging::Page;
use super::{schema, views};
use crate::db::StoreError;
use crate::db::lists::{self, Listed, ListedLead, Wanted};
use crate::db::state::{FollowUpState, StateReason, TaskState};
use crate::db::tasks::{self, Task};
use crate::followup::calendar::rule::Role;
use crate::ids::{FollowUpId, LeadId, TaskId};
use crate::phone::mask;
use crate::web::body;
use crate::web::params::{self, Params};
use crate::web::problem::Problem;
use crate::web::state::WebState;
use crate::web::who::Who;
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Which follow-ups.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query; `Params` reads it")]
pub struct FollowUpsParams {
    /// Only those in this state.
    #[param(schema_with = schema::follow_up_state)]
    state: Option<FollowUpState>,
    /// Only of this survey.
    survey: Option<String>,
    /// Only those that ended with this disposition.
    disposition: Option<String>,
    /// Only of this advisor's events.
    advisor: Option<String>,
    /// Owed on this day of the dealer's zone or after.
    due_from: Option<NaiveDate>,
    /// Owed on this day or before.
    due_to: Option<NaiveDate>,
    /// The last id of the page before.
    after: Option<Uuid>,
    /// At most so many, the newest first; 100 without it, 1000 at most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<i64>,
    /// Names and numbers in clear; kept in the audit log.
    unmasked: Option<bool>,
}

/// A page of follow-ups.
#[derive(Serialize, ToSchema)]
pub struct FollowUpsView {
    /// The newest first.
    follow_ups: Vec<ListedView>,
}

/// A follow-up.
#[derive(Serialize, ToSchema)]
pub struct ListedView {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: FollowUpId,
    /// Survey key.
    survey: String,
    /// Where it stands.
    #[schema(schema_with = schema::follow_up_state)]
    state: FollowUpState,
    /// Why, where the state does not say it.
    #[schema(schema_with = schema::state_reason)]
    state_reason: Option<StateReason>,
    /// When the call became owed.
    due_at: DateTime<Utc>,
    /// When it may be dialled next; null when it is not in the queue.
    next_attempt_at: Option<DateTime<Utc>>,
    /// Not dialled from this moment on.
    deadline: DateTime<Utc>,
    /// INVITEs that left.
    attempts_made: i32,
    /// The disposition it ended with.
    final_disposition: Option<String>,
    /// AAPOR code of that.
    final_aapor: Option<String>,
    /// When it ended.
    closed_at: Option<DateTime<Utc>>,
    /// Customer, masked unless asked otherwise.
    #[schema(example = "王••")]
    name: String,
    /// Number, masked unless asked otherwise.
    #[schema(example = "+86•••••••••00")]
    number: String,
    /// Advisor of the event.
    advisor: Option<String>,
}

impl ListedView {
    fn of(row: Listed, unmasked: bool) -> ListedView {
        let queued = matches!(row.state, FollowUpState::Waiting | FollowUpState::Retry | FollowUpState::CallBack);
        ListedView {
            id: row.id,
            survey: row.survey,
            state: row.state,
            state_reason: row.state_reason,
            due_at: row.due_at,
            next_attempt_at: queued.then_some(row.next_attempt_at),
            deadline: row.deadline,
            attempts_made: row.attempts_made,
            final_disposition: row.final_disposition,
            final_aapor: row.final_aapor,
            closed_at: row.closed_at,
            name: views::name(&row.name, unmasked),
            number: views::number(&row.number, unmasked),
            advisor: row.advisor,
        }
    }
}

/// Follow-ups, newest first, page by page.
#[utoipa::path(get, path = "/api/v1/follow-ups", tag = "status", security(("token" = [])), params(FollowUpsParams),
    responses((status = 200, description = "A page; `Link: …; rel=\"next\"` leads to the next one", body = FollowUpsView),
              (status = 400, description = "A parameter that cannot be used", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn follow_ups(State(state): State<WebState>, who: Who, uri: Uri) -> Result<Response, Problem> {
    let known = ["state", "survey", "disposition", "advisor", "due_from", "due_to", "after", "limit", "unmasked"];
    let params = Params::read(&uri, &known)?;
    let page = Page::read(&params)?;
    let unmasked = unmasked(&state, &who, &params, "follow_ups").await?;
    let text = |name: &str| params.text(name).map(str::to_owned);
    let zone = state.options().zone;
    let day = |day: NaiveDate| crate::report::period::Period { first: day, last: day }.bounds(zone);
    let wanted = Wanted {
        state: params.parsed("state", "a state of follow-ups", FollowUpState::of)?,
        survey: text("survey"),
        disposition: text("disposition"),
        advisor: text("advisor"),
        due_from: params.date("due_from")?.map(|date| day(date).0),
        due_before: params.date("due_to")?.map(|date| day(date).1),
        after: page.after,
        limit: page.fetch(),
    };
    let rows = state
        .ask(async {
            let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
            lists::follow_ups(&mut conn, &wanted).await
        })
        .await?;
    let view = |rows: Vec<Listed>| FollowUpsView {
        follow_ups: rows.into_iter().map(|row| ListedView::of(row, unmasked)).collect(),
    };
    Ok(page.answer(&params, "/api/v1/follow-ups", rows, |row| row.id.0, view))
}

/// Which page.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query; `Params` reads it")]
pub struct PageParams {
    /// The last id of the page before.
    after: Option<Uuid>,
    /// At most so many, the newest first; 100 without it, 1000 at most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<i64>,
    /// Numbers in clear; kept in the audit log.
    unmasked: Option<bool>,
}

/// A page of leads.
#[derive(Serialize, ToSchema)]
pub struct LeadsView {
    /// The newest first.
    leads: Vec<LeadView>,
}

/// Somebody who plans to buy a car, as a customer named them.
#[derive(Serialize, ToSchema)]
pub struct LeadView {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: LeadId,
    /// In whose call it was given.
    #[schema(value_type = Uuid)]
    follow_up: FollowUpId,
    /// The number as keyed, masked unless asked otherwise; null where it was said and not keyed.
    keyed: Option<String>,
    /// Whether there is a recording that names them: it stands with the follow-up.
    recorded: bool,
    /// When.
    given_at: DateTime<Utc>,
}

/// Leads, newest first, page by page.
#[utoipa::path(get, path = "/api/v1/leads", tag = "status", security(("token" = [])), params(PageParams),
    responses((status = 200, description = "A page; `Link: …; rel=\"next\"` leads to the next one", body = LeadsView),
              (status = 400, description = "A parameter that cannot be used", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn leads(State(state): State<WebState>, who: Who, uri: Uri) -> Result<Response, Problem> {
    let params = Params::read(&uri, &["after", "limit", "unmasked"])?;
    let page = Page::read(&params)?;
    let unmasked = unmasked(&state, &who, &params, "leads").await?;
    let rows = state
        .ask(async {
            let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
            lists::leads(&mut conn, page.after, page.fetch()).await
        })
        .await?;
    let lead = |row: ListedLead| LeadView {
        id: row.id,
        follow_up: row.follow_up,
        keyed: match row.keyed.expose().as_str() {
            "" => None,
            keyed if unmasked => Some(keyed.to_owned()),
            keyed => Some(mask(keyed)),
        },
        recorded: row.recorded,
        given_at: row.given_at,
    };
    let view = |rows: Vec<ListedLead>| LeadsView { leads: rows.into_iter().map(lead).collect() };
    Ok(page.answer(&params, "/api/v1/leads", rows, |row| row.id.0, view))
}

/// Which tasks.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query; `Params` reads it")]
pub struct TasksParams {
    /// Only this role's: `sales_manager`, `advisor`, `service_advisor`, `care_specialist`.
    owner: Option<String>,
    /// At most so many, those due first in front; 100 without it, 1000 at most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<i64>,
    /// Names, numbers and plates in clear; kept in the audit log.
    unmasked: Option<bool>,
}

/// Manual touches that are due.
#[derive(Serialize, ToSchema)]
pub struct TasksView {
    /// Those due first in front. Closed ones leave the list.
    tasks: Vec<TaskView>,
}

/// A manual touch of the calendar.
#[derive(Serialize, ToSchema)]
pub struct TaskView {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: TaskId,
    /// Key of the calendar's rule.
    rule: String,
    /// The role that makes it.
    owner: String,
    /// What for.
    purpose: String,
    /// From when on.
    due_at: DateTime<Utc>,
    /// After this it is overdue.
    deadline: DateTime<Utc>,
    /// Whether it is.
    overdue: bool,
    /// Customer, masked unless asked otherwise.
    name: String,
    /// Number, masked unless asked otherwise; null where none may be called.
    number: Option<String>,
    /// Plate, masked unless asked otherwise; may be empty.
    plate: String,
    /// Model; may be empty.
    model: String,
    /// Advisor; may be empty.
    advisor: String,
}

impl TaskView {
    fn of(task: Task, unmasked: bool, now: DateTime<Utc>) -> TaskView {
        TaskView {
            id: task.id,
            rule: task.rule_key.clone(),
            owner: task.owner_role.as_str().to_owned(),
            purpose: task.purpose.as_str().to_owned(),
            due_at: task.due_at,
            deadline: task.deadline,
            overdue: task.deadline <= now,
            name: views::name(&task.name, unmasked),
            number: task.number.as_ref().map(|number| views::number(&number.0, unmasked)),
            plate: views::plate(&task.plate, unmasked),
            model: task.model.clone(),
            advisor: task.advisor.expose().clone(),
        }
    }
}

/// Manual touches that are due now.
#[utoipa::path(get, path = "/api/v1/tasks", tag = "status", security(("token" = [])), params(TasksParams),
    responses((status = 200, description = "What is due", body = TasksView),
              (status = 400, description = "A parameter that cannot be used", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn tasks(State(state): State<WebState>, who: Who, uri: Uri) -> Result<Json<TasksView>, Problem> {
    let params = Params::read(&uri, &["owner", "limit", "unmasked"])?;
    let page = Page::read(&params)?;
    let unmasked = unmasked(&state, &who, &params, "tasks").await?;
    let now = state.clock().now();
    let owner =
        params.parsed("owner", &format!("one of {}", Role::list()), |text| Role::try_from(text.to_owned()).ok())?;
    let wanted = tasks::Wanted { owner, until: now, limit: page.limit };
    let rows = state
        .ask(async {
            let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
            tasks::open(&mut conn, &wanted).await
        })
        .await?;
    Ok(Json(TasksView { tasks: rows.into_iter().map(|task| TaskView::of(task, unmasked, now)).collect() }))
}

/// How a touch is closed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseBody {
    /// `done` or `skipped`.
    #[schema(schema_with = schema::task_end)]
    state: TaskState,
    /// What came of it, or why.
    note: Option<String>,
}

/// What became of it.
#[derive(Serialize, ToSchema)]
pub struct ClosedView {
    /// The task.
    #[schema(value_type = Uuid)]
    id: TaskId,
    /// Where it stands.
    #[schema(schema_with = schema::task_state)]
    state: TaskState,
}

/// Closes a manual touch as done or skipped.
#[utoipa::path(post, path = "/api/v1/tasks/{id}/close", tag = "control", security(("token" = [])), request_body = CloseBody,
    params(("id" = Uuid, Path, description = "The task")),
    responses((status = 200, description = "It is closed", body = ClosedView),
              (status = 400, description = "No id of a task, or a body that cannot be read", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 404, description = "There is no such open task", body = Problem, content_type = "application/problem+json"),
              (status = 413, description = "A body of more than 16 KiB", body = Problem, content_type = "application/problem+json"),
              (status = 415, description = "Not JSON by its Content-Type", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn close_task(
    State(state): State<WebState>,
    who: Who,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<ClosedView>, Problem> {
    Params::read(request.uri(), &[])?;
    let id = TaskId(params::id(&id)?);
    let body: CloseBody =
        body::read(request, "an object with a `state`, done or skipped, and perhaps a `note`").await?;
    if body.state == TaskState::Open {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "`state` is done or skipped."));
    }
    let now = state.clock().now();
    let closed = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        match tasks::close(&mut conn, id, body.state, who.name(), body.note.as_deref(), now).await {
            Err(StoreError::Row { .. }) => Ok(false),
            other => other.map(|()| true),
        }
    });
    match closed.await? {
        true => Ok(Json(ClosedView { id, state: body.state })),
        false => Err(Problem::new(StatusCode::NOT_FOUND, "There is no such open task.")),
    }
}

/// Whether people are shown in clear: asked for, allowed, and kept in the audit log before.
async fn unmasked(state: &WebState, who: &Who, params: &Params, list: &str) -> Result<bool, Problem> {
    if !params.flag("unmasked")? {
        return Ok(false);
    }
    who.may_see_people()?;
    state.audit(who, "list.unmask", list.to_owned(), json!({})).await?;
    Ok(true)
}
