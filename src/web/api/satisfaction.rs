//! `/api/v1/satisfaction`: what customers think in a period, each figure with its n and its interval. Null where nobody answered.

use super::completion::unknown_survey;
use super::views::{FigureView, RateView};
use crate::db::satisfaction::{self as rows, By, Filter};
use crate::db::{StoreError, status};
use crate::rates::score::{FIGURES, Scores};
use crate::report::period::Period;
use crate::report::satisfaction::{self as report, OfItem, OfSurvey, Satisfaction};
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

/// Days that are looked at when none are given.
const USUAL_DAYS: u64 = 30;
/// Names of the filters, as page and API take them.
pub const FILTERS: [&str; 5] = ["survey", "from", "to", "advisor", "model"];

/// What the query may say.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by name through Params; this is its description")]
pub struct SatisfactionParams {
    /// Only this survey; all when left out.
    #[param(example = "aftersales_3day")]
    survey: Option<String>,
    /// First day, in the dealer's zone; 29 days before `to` when left out.
    #[param(value_type = Option<String>, format = Date, example = "2026-11-01")]
    from: Option<NaiveDate>,
    /// Last day, included; today when left out. 366 days at most.
    #[param(value_type = Option<String>, format = Date, example = "2026-11-30")]
    to: Option<NaiveDate>,
    /// Only events of this advisor, written as in `advisors`.
    advisor: Option<String>,
    /// Only events with a car of this model.
    model: Option<String>,
}

/// What was asked for, read.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The days.
    pub period: Period,
    survey: Option<String>,
    advisor: Option<String>,
    model: Option<String>,
    zone: chrono_tz::Tz,
}

impl Asked {
    /// Reads the filters.
    pub fn read(params: &Params, state: &WebState) -> Result<Asked, Problem> {
        let zone = state.options().zone;
        let period = params.period(state.today(), USUAL_DAYS)?;
        let text = |name| params.text(name).map(str::to_owned);
        Ok(Asked { period, survey: text("survey"), advisor: text("advisor"), model: text("model"), zone })
    }

    /// As the store takes it.
    pub fn filter(&self) -> Filter<'_> {
        let (from, to) = self.period.bounds(self.zone);
        let Asked { survey, advisor, model, zone, .. } = self;
        Filter {
            from,
            to,
            survey: survey.as_deref(),
            advisor: advisor.as_deref(),
            model: model.as_deref(),
            zone: *zone,
        }
    }
}

/// What page and API show.
pub struct Read {
    /// The figures.
    pub figures: Satisfaction,
    /// Keys and names of all surveys.
    pub surveys: Vec<(String, String)>,
}

/// Reads what was asked for.
pub async fn read(state: &WebState, asked: &Asked) -> Result<Read, Problem> {
    let filter = asked.filter();
    let read = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        let surveys = status::survey_names(&mut conn).await?;
        if filter.survey.is_some_and(|wanted| surveys.iter().all(|(key, _)| key != wanted)) {
            return Ok(Err(surveys));
        }
        let figures = report::read(&mut conn, &filter, report::steps(asked.period.days())).await?;
        Ok(Ok(Read { figures, surveys }))
    });
    read.await?.map_err(|known| unknown_survey(&known))
}

/// Advisors and models that can be chosen.
pub async fn choices(state: &WebState, asked: &Asked) -> Result<(Vec<String>, Vec<String>), Problem> {
    let read = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        rows::choices(&mut conn, &asked.filter()).await
    });
    read.await
}

/// What customers think.
#[derive(Serialize, ToSchema)]
pub struct SatisfactionView {
    /// First day.
    from: NaiveDate,
    /// Last day.
    to: NaiveDate,
    /// Zone in which the days are reckoned.
    #[schema(example = "Asia/Shanghai")]
    time_zone: &'static str,
    /// What the steps of `trend` are: day, week (by its Monday) or month (by its first day).
    #[schema(example = "day")]
    trend_by: &'static str,
    /// By survey; those of which nobody answered anything are left out.
    surveys: Vec<SurveyView>,
    /// What each figure is.
    definitions: Vec<FigureView>,
}

/// What a survey's customers think.
#[derive(Serialize, ToSchema)]
pub struct SurveyView {
    /// Survey key.
    survey: String,
    /// The question that is the overall rating; null where the survey has none, and all items together are it.
    overall_question: Option<String>,
    /// The overall rating.
    overall: ScoresView,
    /// Will they come back? Null where the survey does not ask.
    intent: Option<ItemView>,
    /// Items in the order in which they are asked.
    items: Vec<ItemView>,
    /// The overall rating by advisor (empty: none named), most answers first.
    advisors: Vec<GroupScores>,
    /// The overall rating by model.
    models: Vec<GroupScores>,
    /// The overall rating over time.
    trend: Vec<GroupScores>,
}

/// An item's figures.
#[derive(Serialize, ToSchema)]
pub struct ItemView {
    /// Name of the question.
    question: String,
    /// Its figures.
    #[serde(flatten)]
    scores: ScoresView,
}

/// The figures of an advisor, a model, or a step of the trend.
#[derive(Serialize, ToSchema)]
pub struct GroupScores {
    /// Which.
    group: String,
    /// Its figures.
    #[serde(flatten)]
    scores: ScoresView,
}

/// Figures of some answers on one scale.
#[derive(Serialize, ToSchema)]
pub struct ScoresView {
    /// Name of the scale.
    #[schema(example = "five_point")]
    scale: &'static str,
    /// Answers.
    n: u64,
    /// Fewer than 30 have answered.
    small: bool,
    /// Mean score; null where nobody answered.
    mean: Option<f64>,
    /// 95 % interval of the mean; null below two answers.
    mean_interval: Option<[f64; 2]>,
    /// Share of favourable answers.
    favourable: RateView,
    /// 95 % interval of that share; null where nobody answered.
    favourable_interval: Option<[f64; 2]>,
    /// Answers by meaning.
    distribution: BTreeMap<&'static str, u64>,
}

impl From<&Scores> for ScoresView {
    fn from(scores: &Scores) -> ScoresView {
        let ends = |interval: crate::rates::score::Interval| [interval.low, interval.high];
        let share = scores.favourable();
        ScoresView {
            scale: scores.scale().name,
            n: scores.n(),
            small: scores.is_small(),
            mean: scores.mean(),
            mean_interval: scores.mean_interval().map(ends),
            favourable_interval: share.interval().map(ends),
            favourable: share.into(),
            distribution: scores.distribution().into_iter().collect(),
        }
    }
}

impl From<&OfItem> for ItemView {
    fn from(item: &OfItem) -> ItemView {
        ItemView { question: item.item.question.clone(), scores: (&item.scores).into() }
    }
}

impl From<&OfSurvey> for SurveyView {
    fn from(survey: &OfSurvey) -> SurveyView {
        let groups = |groups: &[(String, Scores)]| -> Vec<GroupScores> {
            groups.iter().map(|(group, scores)| GroupScores { group: group.clone(), scores: scores.into() }).collect()
        };
        let step = |(day, scores): &(NaiveDate, Scores)| GroupScores { group: day.to_string(), scores: scores.into() };
        SurveyView {
            survey: survey.key.clone(),
            overall_question: survey.overall_question.clone(),
            overall: (&survey.overall).into(),
            intent: survey.intent.as_ref().map(ItemView::from),
            items: survey.items.iter().map(ItemView::from).collect(),
            advisors: groups(&survey.advisors),
            models: groups(&survey.models),
            trend: survey.trend.iter().map(step).collect(),
        }
    }
}

/// Satisfaction, with n and intervals.
#[utoipa::path(get, path = "/api/v1/satisfaction", tag = "status", params(SatisfactionParams), security(("token" = [])),
    responses((status = 200, description = "Figures of the period", body = SatisfactionView),
              (status = 400, description = "A parameter that cannot be used; it is named", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn satisfaction(State(state): State<WebState>, uri: Uri) -> Result<Json<SatisfactionView>, Problem> {
    let params = Params::read(&uri, &FILTERS)?;
    let asked = Asked::read(&params, &state)?;
    let read = read(&state, &asked).await?;
    Ok(Json(SatisfactionView {
        from: asked.period.first,
        to: asked.period.last,
        time_zone: asked.zone.name(),
        trend_by: match read.figures.steps {
            By::Week => "week",
            By::Month => "month",
            By::Day | By::Total | By::Advisor | By::Model => "day",
        },
        surveys: read.figures.surveys.iter().map(SurveyView::from).collect(),
        definitions: FIGURES.iter().map(FigureView::from).collect(),
    }))
}
