//! What page and API share of the day's report (客户回访汇报表): the day, its reviews, and writing one.

use super::problem::Problem;
use super::state::WebState;
use super::who::Who;
use crate::db::StoreError;
use crate::db::day_reviews::{self as rows, NewReview, Review};
use axum::http::StatusCode;
use chrono::NaiveDate;

/// Characters of an evaluation or a comment at most.
const MOST: usize = 4_000;

/// The reviews of a day, the one that stands first.
pub async fn reviews(state: &WebState, day: NaiveDate) -> Result<Vec<Review>, Problem> {
    let read = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        rows::of_day(&mut conn, day).await
    });
    read.await
}

/// A day that has begun.
pub fn day(state: &WebState, text: &str) -> Result<NaiveDate, Problem> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .map_err(|_| Problem::parameter("day", "is not a date (YYYY-MM-DD is wanted)"))?;
    match day > state.today() {
        true => Err(Problem::parameter("day", format!("{day} has not come yet"))),
        false => Ok(day),
    }
}

/// Writes a review.
pub async fn review(
    state: &WebState,
    who: &Who,
    day: NaiveDate,
    evaluation: &str,
    comment: &str,
) -> Result<(), Problem> {
    let (evaluation, comment) = (evaluation.trim(), comment.trim());
    if evaluation.is_empty() {
        return Err(Problem::parameter("evaluation", "is wanted"));
    }
    for (name, text) in [("evaluation", evaluation), ("comment", comment)] {
        if text.chars().count() > MOST || text.contains('\0') {
            return Err(Problem::parameter(name, format!("is longer than {MOST} characters, or cannot be kept")));
        }
    }
    let new = NewReview {
        id: uuid::Uuid::now_v7(),
        day,
        evaluation,
        comment,
        user: who.user(),
        person: who.person(),
        at: state.clock().now(),
    };
    let written = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        rows::add(&mut conn, &new).await
    });
    written.await?;
    state.audit_done(who, "day.review", format!("day:{day}"), serde_json::json!({})).await;
    Ok(())
}

/// 404 for a path that is no day.
pub fn day_of_path(state: &WebState, text: &str) -> Result<NaiveDate, Problem> {
    day(state, text).map_err(|problem| match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        Ok(_) => problem,
        Err(_) => Problem::new(StatusCode::NOT_FOUND, "There is no such day."),
    })
}
