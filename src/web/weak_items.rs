//! What page and API share of the weak items: who acts, and an act from wish to row. A plan changes only if it still stands as whoever acts saw it.

use super::problem::Problem;
use super::state::WebState;
use super::who::Who;
use crate::db::StoreError;
use crate::db::weak_items::{self as rows, By, Plan};
use crate::ids::WeakItemId;
use crate::report::items;
use crate::weak_item::{Act, Case, Refused, Terms};
use axum::http::StatusCode;

fn refused(refused: &Refused) -> Problem {
    match refused {
        Refused::Field(name, why) => Problem::parameter(name, *why),
        Refused::Ended | Refused::TooEarly | Refused::OwnWork => {
            Problem::new(StatusCode::CONFLICT, format!("Nothing was done: {refused}."))
        }
    }
}

/// The id in an address.
pub fn id(text: &str) -> Result<WeakItemId, Problem> {
    let none = || Problem::new(StatusCode::NOT_FOUND, "There is no such plan.");
    uuid::Uuid::try_parse(text).map(WeakItemId).map_err(|_| none())
}

/// A plan.
pub async fn plan(state: &WebState, id: WeakItemId) -> Result<Plan, Problem> {
    let found = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        rows::get(&mut conn, id).await
    });
    found.await?.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "There is no such plan."))
}

/// Makes a plan for an item.
pub async fn open(
    state: &WebState,
    who: &Who,
    survey: &str,
    question: &str,
    terms: Terms,
) -> Result<WeakItemId, Problem> {
    let case = Case::open(terms, state.today()).map_err(|error| refused(&error))?;
    let by = By { person: who.person(), at: state.clock().now() };
    let id = WeakItemId(uuid::Uuid::now_v7());
    let done = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        if items::of_store(&mut conn).await?.get(survey, question).is_none() {
            return Ok(Err(Problem::parameter("question", "no published survey of this key scores such a question")));
        }
        Ok(Ok(rows::open(&mut conn, id, (survey, question), &case, by).await?))
    });
    let id = done.await??.ok_or_else(|| Problem::new(StatusCode::CONFLICT, "A plan for this item is open already."))?;
    keep(state, who, "weak_item.open", id, serde_json::json!({ "survey": survey, "question": question })).await;
    Ok(id)
}

/// The audit log.
async fn keep(state: &WebState, who: &Who, action: &str, id: WeakItemId, detail: serde_json::Value) {
    state.audit_done(who, action, id.to_string(), detail).await;
}

/// Does something with a plan; `seen`: the revision that whoever acts has seen.
pub async fn act(state: &WebState, who: &Who, id: WeakItemId, seen: Option<i32>, act: Act) -> Result<(), Problem> {
    let faster =
        || Problem::new(StatusCode::CONFLICT, "Nothing was done: somebody else has changed the plan meanwhile.");
    let plan = plan(state, id).await?;
    if seen.is_some_and(|seen| seen != plan.revision) {
        return Err(faster());
    }
    let mut case = plan.case.clone();
    let entry = case.act(act, who.person(), state.today()).map_err(|error| refused(&error))?;
    let by = By { person: who.person(), at: state.clock().now() };
    let done = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        rows::change(&mut conn, &plan, &case, &entry, by).await
    });
    done.await?.then_some(()).ok_or_else(faster)?;
    keep(state, who, "weak_item.act", id, serde_json::json!({ "kind": entry.kind })).await;
    Ok(())
}
