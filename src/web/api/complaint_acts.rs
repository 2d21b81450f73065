//! `/api/v1/complaints/{id}/acts`: classify, step, pass on, assign, escalate, close and the rest. One address: who sends several acts wants all of them or none.

use super::schema;
use crate::complaint::{Act, Cause, Class, Level, Nature, RootCause, StepKind};
use crate::ids::ComplaintId;
use crate::web::body;
use crate::web::complaints::{self as desk, Wish};
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::state::WebState;
use crate::web::who::Who;
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Acts in one request at most.
const MOST_ACTS: usize = 8;

/// What is done.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ActsBody {
    /// The revision that you saw: where it is another by now, nothing is done (409). Without it: whatever it is.
    revision: Option<i32>,
    /// One after the other; all of it or nothing. 8 at most.
    acts: Vec<ActBody>,
}

/// One act.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub enum ActBody {
    /// One of the steps 1 to 5: listen_and_record, analyse, solution, tell_customer, act.
    Step {
        /// Which.
        #[schema(schema_with = schema::step_kind)]
        step: StepKind,
        /// What was said or done.
        note: String,
    },
    /// Step 6: is it settled? Not settled: the steps begin again from the second.
    Review {
        /// The customer says so.
        settled: bool,
        /// What they said.
        note: String,
    },
    /// Classifies; what is left out is not known.
    Classify {
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
    },
    /// Passes it on to a department; you stay responsible until it is accepted.
    PassOn {
        /// Which.
        department: String,
        /// Why.
        note: String,
    },
    /// Accepts it for the department.
    Accept {
        /// May be left out.
        #[serde(default)]
        note: String,
    },
    /// Gives it back, or takes it back.
    HandBack {
        /// Why.
        note: String,
    },
    /// Makes somebody responsible.
    Assign {
        /// Whom.
        owner: String,
        /// May be left out.
        #[serde(default)]
        note: String,
    },
    /// Moves the deadline (managers).
    Deadline {
        /// To when.
        due_at: DateTime<Utc>,
        /// Why.
        note: String,
    },
    /// Leaves the customer alone until then, 14 days at most.
    CoolOff {
        /// Until when.
        until: DateTime<Utc>,
        /// Why.
        note: String,
    },
    /// Puts it before a superior; from then on only managers review and close it.
    Escalate {
        /// Whom.
        to: String,
        /// Why.
        note: String,
    },
    /// Makes an appointment for a call-back.
    CallBack {
        /// When.
        at: DateTime<Utc>,
        /// May be left out.
        #[serde(default)]
        note: String,
    },
    /// The customer was told the result; somebody will ask them on the next day whether it is settled (`huifang tasks`).
    ReportBack {
        /// What was said.
        note: String,
    },
    /// Closes; asks for the review.
    Close {
        /// May be left out.
        #[serde(default)]
        note: String,
    },
    /// Takes a closed one up again (managers).
    Reopen {
        /// Why.
        note: String,
    },
}

impl From<ActBody> for Act {
    fn from(body: ActBody) -> Act {
        match body {
            ActBody::Step { step, note } => Act::Step(step, note),
            ActBody::Review { settled, note } => Act::Review { settled, note },
            ActBody::Classify { nature, cause, level, root_cause } => {
                Act::Classify(Class { nature, cause, level, root_cause })
            }
            ActBody::PassOn { department, note } => Act::PassOn { department, note },
            ActBody::Accept { note } => Act::Accept(note),
            ActBody::HandBack { note } => Act::HandBack(note),
            ActBody::Assign { owner, note } => Act::Assign { owner, note },
            ActBody::Deadline { due_at, note } => Act::Deadline { due_at, note },
            ActBody::CoolOff { until, note } => Act::CoolOff { until, note },
            ActBody::Escalate { to, note } => Act::Escalate { to, note },
            ActBody::CallBack { at, note } => Act::CallBack { at, note },
            ActBody::ReportBack { note } => Act::ReportBack(note),
            ActBody::Close { note } => Act::Close(note),
            ActBody::Reopen { note } => Act::Reopen(note),
        }
    }
}

/// What came of it.
#[derive(Serialize, ToSchema)]
pub struct ActedView {
    /// The complaint.
    #[schema(value_type = Uuid)]
    id: ComplaintId,
    /// Its revision now.
    revision: i32,
    /// It is closed.
    closed: bool,
    /// The last of the six steps that is finished.
    stage: u8,
    /// What is open to you now.
    #[schema(schema_with = schema::step_kinds)]
    may: Vec<StepKind>,
}

/// Classify, step, pass on, assign, escalate, close and the rest: all of it or nothing.
#[utoipa::path(post, path = "/api/v1/complaints/{id}/acts", tag = "complaints", security(("token" = [])), request_body = ActsBody,
    params(("id" = Uuid, Path, description = "Id of the complaint")),
    responses((status = 200, description = "It is done, and its history says by whom", body = ActedView),
              (status = 400, description = "A body that cannot be read, or an act that lacks something", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Only a manager may", body = Problem, content_type = "application/problem+json"),
              (status = 404, description = "No such complaint", body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "Not now: a step is missing, it is closed, or it has changed meanwhile", body = Problem, content_type = "application/problem+json"),
              (status = 413, description = "A body of more than 16 KiB", body = Problem, content_type = "application/problem+json"),
              (status = 415, description = "Not JSON by its Content-Type", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn act(
    State(state): State<WebState>,
    who: Who,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<ActedView>, Problem> {
    Params::read(request.uri(), &[])?;
    let id = desk::id(&id)?;
    let wanted = "an object with `acts` as /openapi.json describes them";
    let ActsBody { revision, acts } = body::read(request, wanted).await?;
    if acts.is_empty() || acts.len() > MOST_ACTS {
        return Err(Problem::new(StatusCode::BAD_REQUEST, format!("acts: 1 to {MOST_ACTS} are wanted.")));
    }
    let acts: Vec<Act> = acts.into_iter().map(Act::from).collect();
    match desk::act(&state, &who, id, &Wish { acts: &acts, revision, form: None }).await? {
        Ok((case, revision)) => {
            let may = case.open_to(&desk::actor(&who));
            Ok(Json(ActedView { id, revision, closed: case.closed, stage: case.stage, may }))
        }
        Err(not_done) => Err(desk::not_done(&not_done)),
    }
}
