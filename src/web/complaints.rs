//! What the API and the pages of the complaint desk share: who acts, which complaints are asked for, acting. The tables of an export are in [`export`].

pub mod export;

use super::params::{self, Params};
use super::problem::Problem;
use super::state::WebState;
use super::who::Who;
use crate::complaint::{Act, Actor, Case, Cause, Level, Nature, Rank, Refused};
use crate::db::StoreError;
use crate::db::complaint_desk::{self, Complaint, Filter, Standing, Step};
use crate::db::complaint_work::{self, Doing, NotDone};
use crate::db::state::UserRole;
use crate::ids::ComplaintId;
use crate::report::period::Period;
use axum::http::StatusCode;
use uuid::Uuid;

/// Query parameters of a list.
pub const FILTERS: [&str; 10] =
    ["standing", "cause", "level", "nature", "owner", "department", "survey", "customer", "from", "to"];
/// `owner=` for complaints that nobody has.
pub const NOBODY: &str = "nobody";
/// `owner=` for one's own.
pub const ME: &str = "me";

/// Who acts.
pub fn actor(who: &Who) -> Actor {
    let rank = if who.may(UserRole::Manager) { Rank::Manager } else { Rank::Agent };
    Actor { name: who.person().to_owned(), rank }
}

/// Which complaints a query asks for.
pub fn filter(params: &Params, who: &Who, state: &WebState) -> Result<Filter, Problem> {
    let zone = state.options().zone;
    let standing = params.parsed("standing", "one of open, overdue, closed, all", |text| {
        Standing::ALL.into_iter().find(|standing| standing.as_str() == text)
    })?;
    let owner = params.text("owner").map(|owner| match owner {
        NOBODY => String::new(),
        ME => actor(who).name,
        name => name.to_owned(),
    });
    let (from, to) = (params.date("from")?, params.date("to")?);
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        return Err(Problem::parameter("from", "is after to"));
    }
    let text = |name: &'static str| match params.text(name) {
        Some(text) if text.contains('\0') => Err(Problem::parameter(name, "cannot be looked for")),
        text => Ok(text.map(str::to_owned)),
    };
    text("owner")?;
    Ok(Filter {
        standing: standing.unwrap_or_default(),
        cause: params.parsed("cause", &format!("one of {}", Cause::list()), |text| text.parse().ok())?,
        level: params.parsed("level", &format!("one of {}", Level::list()), |text| text.parse().ok())?,
        nature: params.parsed("nature", &format!("one of {}", Nature::list()), |text| text.parse().ok())?,
        owner,
        department: text("department")?,
        survey: text("survey")?,
        customer: params.parsed("customer", "a UUID", |text| text.parse::<Uuid>().ok())?.map(Into::into),
        opened_from: from.map(|day| Period { first: day, last: day }.bounds(zone).0),
        opened_to: to.map(|day| Period { first: day, last: day }.bounds(zone).1),
    })
}

/// The id of a path.
pub fn id(text: &str) -> Result<ComplaintId, Problem> {
    params::id(text).map(ComplaintId)
}

/// 404.
pub fn missing(id: ComplaintId) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("There is no complaint {id}."))
}

/// A complaint with its history.
pub async fn read(state: &WebState, id: ComplaintId) -> Result<(Complaint, Vec<Step>), Problem> {
    let found = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        let Some(complaint) = complaint_desk::get(&mut conn, id).await? else { return Ok(None) };
        Ok(Some((complaint, complaint_desk::steps(&mut conn, &[id]).await?)))
    });
    found.await?.ok_or_else(|| missing(id))
}

/// Reads for somebody; in clear only what concerns them, and not before the audit log has it.
pub async fn read_for(
    state: &WebState,
    who: &Who,
    id: ComplaintId,
    unmasked: bool,
) -> Result<(Complaint, Vec<Step>), Problem> {
    let found = read(state, id).await?;
    if unmasked {
        super::api::follow_ups::concerns(state, who, found.0.follow_up).await?;
        state.audit(who, "complaint.unmask", format!("complaint:{id}"), serde_json::json!({})).await?;
        tracing::info!(complaint = %id, "name and number were shown in clear");
    }
    Ok(found)
}

/// What somebody does with a complaint.
#[derive(Debug)]
pub struct Wish<'a> {
    /// What, all of it or nothing.
    pub acts: &'a [Act],
    /// The revision that they saw.
    pub revision: Option<i32>,
    /// The form that it comes from.
    pub form: Option<&'a str>,
}

/// Acts. The outer error is the database's or a complaint that is not there.
pub async fn act(
    state: &WebState,
    who: &Who,
    id: ComplaintId,
    wish: &Wish<'_>,
) -> Result<Result<(Case, i32), NotDone>, Problem> {
    let by = actor(who);
    let done = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        let doing = Doing {
            complaint: id,
            by: &by,
            acts: wish.acts,
            revision: wish.revision,
            form: wish.form,
            now: state.clock().now(),
            zone: state.options().zone,
        };
        match complaint_work::work(&mut conn, &doing, &mut rand::random::<[u8; 10]>).await {
            Err(NotDone::Store(error)) => Err(error),
            other => Ok(other),
        }
    });
    let done = done.await?;
    if matches!(done, Err(NotDone::Missing)) {
        return Err(missing(id));
    }
    if done.is_ok() {
        let kinds: Vec<&str> = wish.acts.iter().map(|act| act.kind().as_str()).collect();
        let kept = state.audit(who, "complaint.act", format!("complaint:{id}"), serde_json::json!({ "acts": kinds }));
        // it is done, and its history says by whom: what the audit log cannot take now must not look undone
        if kept.await.is_err() {
            tracing::error!(complaint = %id, "an act could not be written into the audit log");
        }
    }
    Ok(done)
}

/// Why something was not done, as a problem.
pub fn not_done(error: &NotDone) -> Problem {
    let status = match error {
        NotDone::Refused(refused) => match refused {
            Refused::ManagerWanted | Refused::OwnHandOver => StatusCode::FORBIDDEN,
            Refused::Closed
            | Refused::NotClosed
            | Refused::OutOfOrder(_)
            | Refused::NotAccepted
            | Refused::NothingPassed
            | Refused::Unclassified
            | Refused::RootCauseWanted
            | Refused::NothingNew
            | Refused::NotReportedBack
            | Refused::ReportedBackAlready
            | Refused::NotReviewed
            | Refused::CoolingOff => StatusCode::CONFLICT,
            Refused::NotAStep | Refused::NoteWanted | Refused::NameWanted | Refused::Text | Refused::Date => {
                StatusCode::BAD_REQUEST
            }
        },
        NotDone::Changed => StatusCode::CONFLICT,
        NotDone::Missing => StatusCode::NOT_FOUND,
        NotDone::Store(error) => return error.clone().into(),
    };
    let sentence = error.to_string();
    let mut signs = sentence.chars();
    let first = signs.next().map(|sign| sign.to_ascii_uppercase());
    Problem::new(status, first.into_iter().chain(signs).chain(['.']).collect::<String>())
}
