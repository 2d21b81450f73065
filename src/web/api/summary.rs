//! `/api/v1/summary`: what became of the unattended run, what is left, and what needs a person (docs/summary.md). The same figures as the page and `huifang summary`.

use super::completion::DefinitionView;
use super::queue::TonightView;
use super::rates::CallsView;
use super::schema;
use super::views;
use crate::db::run::{Failure, Left, Span};
use crate::db::state::FollowUpState;
use crate::db::status;
use crate::dialer::summary::{self, Need, NeedKind, Now, Row, Run};
use crate::ids::{ComplaintId, FollowUpId};
use crate::rates::run::{PARTS, Part};
use crate::report::period::Period;
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::state::WebState;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What became of runs, and what is so now.
#[derive(Serialize, ToSchema)]
pub struct SummaryView {
    /// When it was read.
    as_of: DateTime<Utc>,
    /// Zone in which days are reckoned.
    #[schema(example = "Asia/Shanghai")]
    time_zone: &'static str,
    /// The runs, the earlier first.
    runs: Vec<RunSummaryView>,
    /// What is left now, by the day for which it stands in the queue.
    left: Vec<LeftView>,
    /// When today's work will be done; null: this server does not know the dialler's rules.
    tonight: Option<TonightView>,
    /// What needs a person, most pressing first.
    needs: Vec<NeedView>,
    /// What each part of a run is.
    definitions: Vec<DefinitionView>,
}

/// What became of one run.
#[derive(Serialize, ToSchema)]
pub struct RunSummaryView {
    /// Its day.
    day: NaiveDate,
    /// From this moment on …
    from: DateTime<Utc>,
    /// … until before this one.
    to: DateTime<Utc>,
    /// Its first INVITE; null: nothing was dialled.
    began_at: Option<DateTime<Utc>>,
    /// End of its last call.
    ended_at: Option<DateTime<Utc>>,
    /// Its calls that go on still.
    live: i64,
    /// Its follow-ups: the sum of the parts.
    follow_ups: u64,
    /// Those that were closed at its end.
    closed: u64,
    /// Those that were open.
    left: u64,
    /// Those that were called in it.
    tried: u64,
    /// Those of them where a person took a call.
    reached: u64,
    /// Follow-ups by part; `definitions` says what each is.
    parts: BTreeMap<&'static str, u64>,
    /// Its attempts.
    attempts: CallsView,
    /// Ended attempts by disposition; with those that go on they make all.
    dispositions: BTreeMap<String, u64>,
    /// What failed on our side of the line, most often first.
    failures: Vec<FailureView>,
}

/// One way to fail.
#[derive(Serialize, ToSchema)]
pub struct FailureView {
    /// Disposition.
    disposition: String,
    /// Trunk.
    trunk: String,
    /// Final SIP status.
    sip_status: Option<i16>,
    /// Q.850 cause of its Reason header.
    q850: Option<i32>,
    /// How often.
    count: i64,
}

/// Follow-ups of the queue for one day.
#[derive(Serialize, ToSchema)]
pub struct LeftView {
    /// The day, in the dealer's zone.
    #[schema(example = "2026-11-24")]
    day: String,
    /// waiting, retry or call_back.
    #[schema(schema_with = schema::follow_up_state)]
    state: FollowUpState,
    /// How many.
    count: i64,
    /// The first of them.
    first: DateTime<Utc>,
}

/// Something that needs a person.
#[derive(Serialize, ToSchema)]
pub struct NeedView {
    /// complaint_overdue, trunk_down, dialling_held, call_back_lost, will_miss, review, trunk_fallen, call_stuck, messages_failed, recordings_kept or erasure_open.
    #[schema(value_type = String, example = "review")]
    kind: NeedKind,
    /// How many.
    count: u64,
    /// So many were looked at to find them; null: all.
    looked_at: Option<u64>,
    /// The first of them.
    rows: Vec<NeedRow>,
}

/// One of them.
#[derive(Serialize, ToSchema)]
pub struct NeedRow {
    /// Its follow-up.
    #[schema(value_type = Option<Uuid>)]
    follow_up: Option<FollowUpId>,
    /// Its complaint.
    #[schema(value_type = Option<Uuid>)]
    complaint: Option<ComplaintId>,
    /// Who, masked.
    #[schema(example = "王••")]
    name: Option<String>,
    /// Their number, masked.
    #[schema(example = "+86•••••••••00")]
    number: Option<String>,
    /// Survey, campaign or trunk.
    what: Option<String>,
    /// Why.
    why: Option<String>,
    /// Its deadline, the time that was booked, or since when.
    at: Option<DateTime<Utc>>,
}

/// What is read of the store.
pub struct Read {
    /// The runs with their days, the earlier first.
    pub runs: Vec<(NaiveDate, Run)>,
    /// What is so now.
    pub now: Now,
    /// Surveys, by key and name.
    pub surveys: Vec<(String, String)>,
}

/// The day of the query; none: yesterday and today. A day that has not come is refused.
pub fn day(params: &Params, state: &WebState) -> Result<Option<NaiveDate>, Problem> {
    let today = state.today();
    match params.date("day")? {
        Some(day) if day > today => {
            Err(Problem::parameter("day", format!("{day} has not come yet (today is {today})")))
        }
        day => Ok(day),
    }
}

/// Reads the run of a day, or of yesterday and today.
pub async fn read(state: &WebState, day: Option<NaiveDate>) -> Result<Read, Problem> {
    let (now, zone) = (state.clock().now(), state.options().zone);
    let today = Period::today(now, zone).last;
    let days = match day {
        Some(day) => vec![day],
        None => today.pred_opt().into_iter().chain([today]).collect(),
    };
    state
        .ask(async {
            let mut conn = state.pool().acquire().await?;
            let mut runs = Vec::with_capacity(days.len());
            for day in days {
                let (from, to) = Period { first: day, last: day }.bounds(zone);
                runs.push((day, summary::run(&mut conn, Span { from, to }, zone).await?));
            }
            let now = summary::now(&mut conn, state.outlook_rules(), zone, now).await?;
            Ok(Read { runs, now, surveys: status::survey_names(&mut conn).await? })
        })
        .await
}

/// The unattended run, from start to end.
#[utoipa::path(get, path = "/api/v1/summary", tag = "status", security(("token" = [])),
    params(("day" = Option<NaiveDate>, Query, description = "The run of this day in the dealer's zone; yesterday's and today's when left out")),
    responses((status = 200, description = "What became of it", body = SummaryView),
              (status = 400, description = "A parameter that cannot be used; it is named", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn summary(State(state): State<WebState>, uri: Uri) -> Result<Json<SummaryView>, Problem> {
    let params = Params::read(&uri, &["day"])?;
    let Read { runs, now, .. } = read(&state, day(&params, &state)?).await?;
    let left = now.left.into_iter().map(|Left { day, state, count, first }| LeftView { day, state, count, first });
    Ok(Json(SummaryView {
        as_of: now.at,
        time_zone: state.options().zone.name(),
        runs: runs.into_iter().map(run_view).collect(),
        left: left.collect(),
        tonight: now.tonight.map(Into::into),
        needs: now.needs.into_iter().map(need_view).collect(),
        definitions: PARTS.iter().map(Into::into).collect(),
    }))
}

fn run_view((day, run): (NaiveDate, Run)) -> RunSummaryView {
    let failure = |Failure { disposition, trunk, sip_status, q850, count }| FailureView {
        disposition,
        trunk,
        sip_status,
        q850,
        count,
    };
    RunSummaryView {
        day,
        from: run.span.from,
        to: run.span.to,
        began_at: run.times.began_at,
        ended_at: run.times.ended_at,
        live: run.times.open,
        follow_ups: run.parts.total(),
        closed: run.parts.closed(),
        left: run.parts.left(),
        tried: run.tried,
        reached: run.reached,
        parts: Part::ALL.into_iter().map(|part| (part.as_str(), run.parts.count(part))).collect(),
        attempts: (&run.calls).into(),
        dispositions: run.dispositions.into_iter().filter_map(|(word, count)| Some((word?, count))).collect(),
        failures: run.failures.into_iter().map(failure).collect(),
    }
}

fn need_view(Need { kind, count, looked_at, rows }: Need) -> NeedView {
    let row = |Row { follow_up, complaint, name, number, what, why, at }: Row| NeedRow {
        follow_up,
        complaint,
        name: name.map(|name| views::name(&name, false)),
        number,
        what,
        why,
        at,
    };
    NeedView { kind, count, looked_at, rows: rows.into_iter().map(row).collect() }
}
