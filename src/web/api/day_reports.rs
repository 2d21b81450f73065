//! `/api/v1/day-reports/{day}/reviews`: what supervisors say of a day's follow-ups. The figures are those of `/api/v1/reports/daily`.

use crate::db::day_reviews::Review;
use crate::web::body;
use crate::web::day_report as desk;
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::state::WebState;
use crate::web::who::Who;
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::Uri;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The reviews of a day.
#[derive(Serialize, ToSchema)]
pub struct ReviewsView {
    /// The day, in the dealer's zone.
    day: NaiveDate,
    /// The one that stands first.
    reviews: Vec<ReviewView>,
}

/// A review.
#[derive(Serialize, ToSchema)]
pub struct ReviewView {
    /// What the day was like.
    evaluation: String,
    /// What is to be done; may be empty.
    comment: String,
    /// Who wrote it.
    person: String,
    /// When.
    written_at: DateTime<Utc>,
}

impl From<Review> for ReviewView {
    fn from(Review { evaluation, comment, person, written_at }: Review) -> ReviewView {
        ReviewView { evaluation, comment, person, written_at }
    }
}

/// A review to be written.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewBody {
    /// What the day was like.
    #[schema(min_length = 1, max_length = 4000)]
    evaluation: String,
    /// What is to be done.
    #[serde(default)]
    #[schema(max_length = 4000)]
    comment: String,
}

/// What supervisors say of a day.
#[utoipa::path(get, path = "/api/v1/day-reports/{day}/reviews", tag = "status", security(("token" = [])),
    params(("day" = NaiveDate, Path, description = "the day, in the dealer's zone", example = "2026-11-23")),
    responses((status = 200, description = "Its reviews", body = ReviewsView),
              (status = 400, description = "A day that has not come", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 404, description = "No day", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn reviews(
    State(state): State<WebState>,
    Path(day): Path<String>,
    uri: Uri,
) -> Result<Json<ReviewsView>, Problem> {
    Params::read(&uri, &[])?;
    let day = desk::day_of_path(&state, &day)?;
    let reviews = desk::reviews(&state, day).await?;
    Ok(Json(ReviewsView { day, reviews: reviews.into_iter().map(Into::into).collect() }))
}

/// Says something of a day. The newest review stands; what was written before stays as its history.
#[utoipa::path(post, path = "/api/v1/day-reports/{day}/reviews", tag = "control", security(("token" = [])), request_body = ReviewBody,
    params(("day" = NaiveDate, Path, description = "the day, in the dealer's zone", example = "2026-11-23")),
    responses((status = 200, description = "It stands", body = ReviewsView),
              (status = 400, description = "A day that has not come, or a body that cannot be used", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 404, description = "No day", body = Problem, content_type = "application/problem+json"),
              (status = 413, description = "A body of more than 16 KiB", body = Problem, content_type = "application/problem+json"),
              (status = 415, description = "Not JSON by its Content-Type", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn review(
    State(state): State<WebState>,
    who: Who,
    Path(day): Path<String>,
    request: Request,
) -> Result<Json<ReviewsView>, Problem> {
    Params::read(request.uri(), &[])?;
    let day = desk::day_of_path(&state, &day)?;
    let body: ReviewBody = body::read(request, "an object with an `evaluation` and perhaps a `comment`").await?;
    desk::review(&state, &who, day, &body.evaluation, &body.comment).await?;
    let reviews = desk::reviews(&state, day).await?;
    Ok(Json(ReviewsView { day, reviews: reviews.into_iter().map(Into::into).collect() }))
}
