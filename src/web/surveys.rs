//! What page and API of the questionnaire standard share: what is published, what is to be said of a new text, and publishing it by the rules of `huifang survey publish`.

use super::problem::Problem;
use super::state::WebState;
use super::who::Who;
use crate::db::StoreError;
use crate::db::surveys::{self, Published, SurveyVersion};
use crate::dialer::surveys::Catalog;
use crate::survey::definition::{Definition, DefinitionErrors};
use crate::survey::standard::{Refused, Review};
use axum::http::StatusCode;
use std::sync::Arc;

/// Bytes of a survey file at most.
pub const MOST_BYTES: usize = 128 * 1024;

/// A text that was looked at: what it asks and what is to be said of it, or why it cannot be read.
pub type Looked = Result<(Arc<Definition>, Review), DefinitionErrors>;

/// What became of publishing.
pub enum Done {
    /// It is the newest version now.
    New(u32),
    /// It was already.
    Known(u32),
    /// Another text has that version, or one above it.
    Taken(i32),
    /// It may not be published.
    Refused(Refused, Looked),
    /// It cannot be read.
    Unreadable(Looked),
}

/// All that was published, by key and version.
pub async fn all(state: &WebState) -> Result<Vec<SurveyVersion>, Problem> {
    let read = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        surveys::all(&mut conn).await
    });
    read.await
}

/// The versions of a survey, newest first; 404 where there is none.
pub async fn of(state: &WebState, key: &str) -> Result<Vec<SurveyVersion>, Problem> {
    let mut versions = all(state).await?;
    versions.retain(|version| version.survey_key == key);
    versions.reverse();
    match versions.is_empty() {
        true => Err(Problem::new(StatusCode::NOT_FOUND, "No version of such a survey is published.")),
        false => Ok(versions),
    }
}

/// Looks at a text that is to become the newest version of `key`.
pub async fn look(state: &WebState, key: &str, text: &str) -> Result<Looked, Problem> {
    let Some(prompts) = state.prompts() else {
        let unknown = "This server has no engine with prompts, so it cannot say whether a survey can be spoken.";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, unknown));
    };
    let definition = match Definition::from_toml(key, text) {
        Ok(definition) => definition,
        Err(errors) => return Ok(Err(errors)),
    };
    if definition.key != key {
        return Err(Problem::parameter("content", "is another survey: its `key` is not the one of the address"));
    }
    let versions = all(state).await?;
    let active =
        versions.iter().rev().find(|version| version.survey_key == key).and_then(|version| version.definition().ok());
    let review = Review::of(&definition, active.as_deref(), &Catalog(prompts));
    Ok(Ok((definition, review)))
}

/// Publishes a text, if it may be; the audit log keeps who did.
pub async fn publish(state: &WebState, who: &Who, key: &str, text: &str, accepts: bool) -> Result<Done, Problem> {
    let (definition, review) = match look(state, key, text).await? {
        Ok(looked) => looked,
        unreadable @ Err(_) => return Ok(Done::Unreadable(unreadable)),
    };
    if let Err(refused) = review.may_be_published(accepts) {
        return Ok(Done::Refused(refused, Ok((definition, review))));
    }
    if i32::try_from(definition.version).is_err() {
        return Err(Problem::parameter("content", "states a `version` that is too large"));
    }
    let now = state.clock().now();
    let published = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        surveys::publish_stated(&mut conn, &definition, text, now).await
    });
    let version = definition.version;
    match published.await? {
        Published::Known => Ok(Done::Known(version)),
        Published::Taken { newest } => Ok(Done::Taken(newest)),
        Published::New => {
            let detail = serde_json::json!({ "version": version, "warnings_accepted": accepts });
            state.audit_done(who, "survey.publish", key.to_owned(), detail).await;
            tracing::info!(survey = key, version, "a survey was published by API or page");
            Ok(Done::New(version))
        }
    }
}
