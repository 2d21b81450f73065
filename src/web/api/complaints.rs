//! `/api/v1/complaints`: the complaint desk: lists, one complaint with its history, and what people do with it. Names, numbers and plates are masked
//! unless `unmasked=true` is asked for; that is kept in the audit log.

use super::{schema, views};
use crate::complaint::{Case, Cause, Level, Nature, RootCause, StepKind};
use crate::db::StoreError;
use crate::db::complaint_desk::{self, Complaint, Step};
use crate::db::state::{ComplaintReason, ComplaintState, EventKind};
use crate::ids::{AttemptId, ComplaintId, CustomerId, FollowUpId};
use crate::web::complaints::{self as desk, FILTERS};
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::state::WebState;
use crate::web::who::Who;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::Uri;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// Complaints that are listed where nobody says how many.
const USUAL: i64 = 50;
/// Complaints that are listed at most.
const MOST: i64 = 200;

/// Which complaints are asked for.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query; `Params` reads it")]
pub struct ListParams {
    /// `open` (without it), `overdue`, `closed` or `all`. Open and overdue ones come by their deadline, others the newest first.
    standing: Option<String>,
    /// Cause.
    cause: Option<String>,
    /// Level.
    level: Option<String>,
    /// Nature.
    nature: Option<String>,
    /// Name of who is responsible; `me`; `nobody`.
    owner: Option<String>,
    /// Department that has it, or that it was passed on to.
    department: Option<String>,
    /// Survey key.
    survey: Option<String>,
    /// Whose.
    customer: Option<uuid::Uuid>,
    /// Opened on this day of the dealer's zone or after.
    from: Option<NaiveDate>,
    /// Opened on this day or before.
    to: Option<NaiveDate>,
    /// At most so many; 50 without it, 200 at most.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
    /// After so many.
    #[param(minimum = 0)]
    skip: Option<i64>,
}

/// Reads `limit` and `skip`.
pub(super) fn page(params: &Params) -> Result<(i64, i64), Problem> {
    let limit = params.parsed("limit", "a number from 1 to 200", |text| {
        text.parse().ok().filter(|limit| (1..=MOST).contains(limit))
    })?;
    Ok((limit.unwrap_or(USUAL), params.skip()?))
}

/// A list.
#[derive(Serialize, ToSchema)]
pub struct DeskListView {
    /// How many there are in all.
    total: i64,
    /// The ones asked for.
    complaints: Vec<DeskComplaintView>,
}

/// A complaint.
#[derive(Serialize, ToSchema)]
pub struct DeskComplaintView {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: ComplaintId,
    /// Where it arose.
    #[schema(value_type = Uuid)]
    follow_up_id: FollowUpId,
    /// In which call.
    #[schema(value_type = Uuid)]
    attempt_id: AttemptId,
    /// Whose.
    #[schema(value_type = Uuid)]
    customer_id: CustomerId,
    /// The customer's name, masked unless asked otherwise.
    #[schema(example = "王••")]
    name: String,
    /// Number, masked unless asked otherwise.
    number: String,
    /// Plate, masked unless asked otherwise.
    plate: Option<String>,
    /// Model.
    model: Option<String>,
    /// What it is about.
    #[schema(schema_with = schema::event_kind)]
    event: EventKind,
    /// The day of that.
    event_on: NaiveDate,
    /// Survey key.
    survey: String,
    /// The event's advisor.
    advisor: Option<String>,
    /// Why.
    #[schema(schema_with = schema::complaint_reason)]
    reason: ComplaintReason,
    /// The question whose answer caused it.
    question: Option<String>,
    /// Where it stands.
    #[schema(schema_with = schema::complaint_state)]
    state: ComplaintState,
    /// Past its deadline, or past the first contact's without one.
    overdue: bool,
    /// When it was opened.
    opened_at: DateTime<Utc>,
    /// When it was closed.
    closed_at: Option<DateTime<Utc>>,
    /// When it is due.
    due_at: DateTime<Utc>,
    /// First contact by a person at the latest.
    contact_due_at: DateTime<Utc>,
    /// When a person first talked to the customer.
    contacted_at: Option<DateTime<Utc>>,
    /// 1 is the first time through the steps.
    round: u16,
    /// The last of the six steps that was finished in this round.
    #[schema(minimum = 1, maximum = 6)]
    stage: u8,
    /// The step that comes next; null: all six are done.
    #[schema(value_type = Option<String>)]
    next_step: Option<StepKind>,
    /// The customer was told the result in this round.
    reported_back: bool,
    /// Nature.
    #[schema(schema_with = schema::nature_or_null)]
    nature: Option<Nature>,
    /// Cause.
    #[schema(schema_with = schema::cause_or_null)]
    cause: Option<Cause>,
    /// Level.
    #[schema(schema_with = schema::level)]
    level: Level,
    /// Root cause.
    #[schema(schema_with = schema::root_cause_or_null)]
    root_cause: Option<RootCause>,
    /// Who is responsible.
    owner: Option<String>,
    /// The department that has it.
    department: Option<String>,
    /// The department it was passed on to, which has not accepted it yet.
    passed_to: Option<String>,
    /// The customer is left alone until then.
    cooling_off_until: Option<DateTime<Utc>>,
    /// The superior it was put before last.
    escalated_to: Option<String>,
    /// When the customer is to be called.
    call_back_at: Option<DateTime<Utc>>,
    /// Grows with each act.
    revision: i32,
}

/// A complaint with its history.
#[derive(Serialize, ToSchema)]
pub struct DeskDetailView {
    /// The complaint.
    #[serde(flatten)]
    complaint: DeskComplaintView,
    /// What was done, first to last.
    steps: Vec<DeskStepView>,
    /// What is open to you now.
    #[schema(schema_with = schema::step_kinds)]
    may: Vec<StepKind>,
}

/// An entry of a history.
#[derive(Serialize, ToSchema)]
pub struct DeskStepView {
    /// What was done.
    #[schema(schema_with = schema::step_kind)]
    kind: StepKind,
    /// When.
    done_at: DateTime<Utc>,
    /// Who; null for the engine.
    person: Option<String>,
    /// In their words.
    note: String,
    /// What was set, by field.
    detail: BTreeMap<String, String>,
}

/// Complaints: open, overdue, by cause, level, owner.
#[utoipa::path(get, path = "/api/v1/complaints", tag = "complaints", security(("token" = [])), params(ListParams),
    responses((status = 200, description = "The list", body = DeskListView),
              (status = 400, description = "A parameter that cannot be used; it is named", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn list(State(state): State<WebState>, who: Who, uri: Uri) -> Result<Json<DeskListView>, Problem> {
    let known: Vec<&'static str> = FILTERS.into_iter().chain(["limit", "skip"]).collect();
    let params = Params::read(&uri, &known)?;
    let filter = desk::filter(&params, &who, &state)?;
    let (limit, skip) = page(&params)?;
    let now = state.clock().now();
    let (total, found) = state
        .ask(async {
            let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
            let total = complaint_desk::count(&mut conn, &filter, now).await?;
            Ok((total, complaint_desk::list(&mut conn, &filter, now, limit, skip).await?))
        })
        .await?;
    let complaints = found.into_iter().map(|complaint| view(complaint, now, false)).collect();
    Ok(Json(DeskListView { total, complaints }))
}

/// One complaint with its history and what is open to you.
#[utoipa::path(get, path = "/api/v1/complaints/{id}", tag = "complaints", security(("token" = [])),
    params(("id" = Uuid, Path, description = "Id of the complaint"),
           ("unmasked" = Option<bool>, Query, description = "true: name, number and plate in clear; is kept in the audit log")),
    responses((status = 200, description = "The complaint", body = DeskDetailView),
              (status = 400, description = "A parameter that cannot be used; it is named", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 404, description = "No such complaint", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn complaint(
    State(state): State<WebState>,
    who: Who,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<DeskDetailView>, Problem> {
    let unmasked = Params::read(&uri, &["unmasked"])?.flag("unmasked")?;
    let (complaint, steps) = desk::read_for(&state, &who, desk::id(&id)?, unmasked).await?;
    let may = complaint.case.open_to(&desk::actor(&who));
    let step = |Step { complaint: _, kind, done_at, person, note, detail }| DeskStepView {
        kind,
        done_at,
        person,
        note,
        detail,
    };
    Ok(Json(DeskDetailView {
        complaint: view(complaint, state.clock().now(), unmasked),
        steps: steps.into_iter().map(step).collect(),
        may,
    }))
}

fn view(complaint: Complaint, now: DateTime<Utc>, unmasked: bool) -> DeskComplaintView {
    let (overdue, next_step) = (complaint.case.is_overdue(now), complaint.case.next_step());
    let Case {
        closed,
        round,
        stage,
        reported_back,
        class,
        owner,
        department,
        passed,
        due_at,
        contact_due_at,
        contacted_at,
        cooling_off_until,
        escalated_to,
        call_back_at,
    } = complaint.case;
    DeskComplaintView {
        id: complaint.id,
        follow_up_id: complaint.follow_up,
        attempt_id: complaint.attempt,
        customer_id: complaint.customer,
        name: views::name(&complaint.name, unmasked),
        number: views::number(&complaint.number, unmasked),
        plate: complaint.plate.map(|plate| views::plate(&plate, unmasked)),
        model: complaint.model,
        event: complaint.event,
        event_on: complaint.event_on,
        survey: complaint.survey,
        advisor: complaint.advisor,
        reason: complaint.reason,
        question: complaint.question,
        state: if closed { ComplaintState::Closed } else { ComplaintState::Open },
        overdue,
        opened_at: complaint.opened_at,
        closed_at: complaint.closed_at,
        due_at,
        contact_due_at,
        contacted_at,
        round,
        stage,
        next_step,
        reported_back,
        nature: class.nature,
        cause: class.cause,
        level: class.level,
        root_cause: class.root_cause,
        owner,
        department,
        passed_to: passed.map(|passed| passed.department),
        cooling_off_until,
        escalated_to,
        call_back_at,
        revision: complaint.revision,
    }
}
