//! `/api/v1/completion`: every rate of the table in `rates`, by day, advisor or survey. Null where nothing was counted, never 0 or 100 %.

use super::views::Figures;
use crate::db::figures::{self, By};
use crate::db::status;
use crate::rates::RATES;
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::state::WebState;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use chrono::NaiveDate;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// Days that are looked at when none are given: today and the six before it.
const USUAL_DAYS: u64 = 7;

/// What the query may say.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by name through Params; this is its description")]
pub struct CompletionParams {
    /// Only this survey; all when left out.
    #[param(example = "aftersales_3day")]
    survey: Option<String>,
    /// First day, in the dealer's zone; six days before `to` when left out.
    #[param(value_type = Option<String>, format = Date, example = "2026-11-17")]
    from: Option<NaiveDate>,
    /// Last day, included; today when left out. 366 days at most.
    #[param(value_type = Option<String>, format = Date, example = "2026-11-23")]
    to: Option<NaiveDate>,
    /// What the groups are; `day` when left out.
    #[param(inline)]
    by: Option<GroupedBy>,
}

/// What groups are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupedBy {
    /// Day in the dealer's zone; days without a follow-up are listed too.
    Day,
    /// Advisor of the event.
    Advisor,
    /// Survey.
    Survey,
}

/// Completion and rates of a period.
#[derive(Serialize, ToSchema)]
pub struct Completion {
    /// The survey asked for; null for all.
    survey: Option<String>,
    /// First day.
    from: NaiveDate,
    /// Last day.
    to: NaiveDate,
    /// Zone in which the days are reckoned.
    #[schema(example = "Asia/Shanghai")]
    time_zone: &'static str,
    /// What the groups are.
    by: GroupedBy,
    /// The whole period. A follow-up belongs to the day on which it ended; while it is open, to the day on which it was owed.
    total: Figures,
    /// The groups, in order.
    groups: Vec<GroupView>,
    /// What each rate is.
    definitions: Vec<DefinitionView>,
}

/// One group.
#[derive(Serialize, ToSchema)]
pub struct GroupView {
    /// The day, the advisor (empty where the list names none), or the survey.
    #[schema(example = "2026-11-23")]
    group: String,
    /// Its figures.
    #[serde(flatten)]
    figures: Figures,
}

/// What a rate is.
#[derive(Serialize, ToSchema)]
pub struct DefinitionView {
    /// Its key in `rates`.
    key: &'static str,
    /// English name.
    name: &'static str,
    /// Chinese name.
    name_zh: &'static str,
    /// What it says.
    meaning: &'static str,
    /// Of follow-ups: I complete, P partial, R refusal and break-off, NC non-contact, O other, UH and UO unknown, NE not eligible, open: not ended.
    #[schema(example = "I / (I + P + R + O)")]
    formula: String,
    /// Where the definition comes from.
    source: &'static str,
}

/// Completion and rates, each with numerator, denominator and n.
#[utoipa::path(get, path = "/api/v1/completion", tag = "status", params(CompletionParams), security(("token" = [])),
    responses((status = 200, description = "Figures of the period", body = Completion),
              (status = 400, description = "A parameter that cannot be used; it is named", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn completion(State(state): State<WebState>, uri: Uri) -> Result<Json<Completion>, Problem> {
    let params = Params::read(&uri, &["survey", "from", "to", "by"])?;
    let by = params.parsed("by", "one of day, advisor, survey", grouped_by)?.unwrap_or(GroupedBy::Day);
    let zone = state.options().zone;
    let period = params.period(state.today(), USUAL_DAYS)?;
    let survey = params.text("survey");
    let (from, to) = period.bounds(zone);
    let counts = state
        .ask(async {
            let mut conn = state.pool().acquire().await?;
            let known = status::survey_names(&mut conn).await?;
            if survey.is_some_and(|wanted| known.iter().all(|(key, _)| key != wanted)) {
                return Ok(Err(known));
            }
            let period = figures::Period { from, to, survey, zone };
            figures::dispositions(&mut conn, &period, by.into()).await.map(Ok)
        })
        .await?
        .map_err(|known| unknown_survey(&known))?;
    let mut groups: BTreeMap<String, Vec<figures::Count>> = BTreeMap::new();
    if by == GroupedBy::Day {
        groups.extend(period.each().map(|day| (day.to_string(), Vec::new())));
    }
    let total = Figures::of(counts.iter());
    for count in counts {
        groups.entry(count.group.clone()).or_default().push(count);
    }
    Ok(Json(Completion {
        survey: survey.map(str::to_owned),
        from: period.first,
        to: period.last,
        time_zone: zone.name(),
        by,
        total,
        groups: groups
            .into_iter()
            .map(|(group, counts)| GroupView { group, figures: Figures::of(counts.iter()) })
            .collect(),
        definitions: definitions(),
    }))
}

fn grouped_by(text: &str) -> Option<GroupedBy> {
    match text {
        "day" => Some(GroupedBy::Day),
        "advisor" => Some(GroupedBy::Advisor),
        "survey" => Some(GroupedBy::Survey),
        _ => None,
    }
}

impl From<GroupedBy> for By {
    fn from(by: GroupedBy) -> By {
        match by {
            GroupedBy::Day => By::Day,
            GroupedBy::Advisor => By::Advisor,
            GroupedBy::Survey => By::Survey,
        }
    }
}

/// 400 for a survey that nobody knows.
pub(in crate::web) fn unknown_survey(known: &[(String, String)]) -> Problem {
    let keys: Vec<&str> = known.iter().map(|(key, _)| key.as_str()).collect();
    let known =
        if keys.is_empty() { "none is published yet".to_owned() } else { format!("known: {}", keys.join(", ")) };
    Problem::parameter("survey", format!("there is no such survey ({known})"))
}

impl From<&'static crate::rates::FigureDefinition> for DefinitionView {
    fn from(definition: &'static crate::rates::FigureDefinition) -> DefinitionView {
        DefinitionView {
            key: definition.key,
            name: definition.name_en,
            name_zh: definition.name_zh,
            meaning: definition.meaning,
            formula: definition.formula.to_owned(),
            source: definition.source,
        }
    }
}

/// What each rate of follow-ups is.
pub(super) fn definitions() -> Vec<DefinitionView> {
    let view = |definition: &'static crate::rates::Definition| DefinitionView {
        key: definition.key,
        name: definition.name_en,
        name_zh: definition.name_zh,
        meaning: definition.meaning,
        formula: definition.formula(),
        source: definition.source,
    };
    RATES.iter().map(view).collect()
}
