//! `/api/v1/rates`: the rates of follow-ups, what attempts came to by day and by hour of the day, and at which question people hang up. Null where nothing was counted, never 0 or 100 %.

use super::completion::{DefinitionView, definitions, unknown_survey};
use super::views::{Figures, RateView};
use crate::db::attempt_figures::{self, By, Count, Filter};
use crate::db::{figures, status};
use crate::rates::calls::{self, Calls, Kind, Mean, Question};
use crate::report::period::Period;
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

/// What the query may say, beside the language of a page.
pub const FILTERS: [&str; 4] = ["survey", "advisor", "from", "to"];

/// What the query may say.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by name through Params; this is its description")]
pub struct RatesParams {
    /// Only this survey; all when left out.
    #[param(example = "aftersales_3day")]
    survey: Option<String>,
    /// Only events of this advisor, written as `by=advisor` of `/api/v1/completion` writes them.
    #[param(example = "王顾问 (1024)")]
    advisor: Option<String>,
    /// First day, in the dealer's zone; six days before `to` when left out.
    #[param(value_type = Option<String>, format = Date, example = "2026-11-17")]
    from: Option<NaiveDate>,
    /// Last day, included; today when left out. 366 days at most.
    #[param(value_type = Option<String>, format = Date, example = "2026-11-23")]
    to: Option<NaiveDate>,
}

/// Rates of a period.
#[derive(Serialize, ToSchema)]
pub struct RatesView {
    /// The survey asked for; null for all.
    survey: Option<String>,
    /// The advisor asked for; null for all.
    advisor: Option<String>,
    /// First day.
    from: NaiveDate,
    /// Last day.
    to: NaiveDate,
    /// Zone in which days and hours are reckoned.
    #[schema(example = "Asia/Shanghai")]
    time_zone: &'static str,
    /// Follow-ups: those that ended in the period, and those that were owed in it and are open.
    follow_ups: Figures,
    /// Attempts whose INVITE left in the period.
    attempts: CallsView,
    /// The same by hour of the day at which they left, `00` to `23`; hours without an attempt are left out.
    by_hour: Vec<CallsGroup>,
    /// The same by day; days without an attempt are listed too.
    by_day: Vec<CallsGroup>,
    /// Questions in the order of the interview, of answered calls whose timeline is still kept.
    questions: Vec<QuestionView>,
    /// What each figure is: of follow-ups, then of attempts.
    definitions: Vec<DefinitionView>,
}

/// Attempts of a group.
#[derive(Serialize, ToSchema)]
pub struct CallsGroup {
    /// The hour or the day.
    #[schema(example = "09")]
    group: String,
    /// Its figures.
    #[serde(flatten)]
    calls: CallsView,
}

/// What attempts came to.
#[derive(Serialize, ToSchema)]
pub struct CallsView {
    /// Attempts in all: the kinds, the open ones and what is unclassified.
    n: u64,
    /// Those that go on.
    open: u64,
    /// Those whose disposition is not known (0 unless something is wrong).
    unclassified: u64,
    /// Complete interviews among them.
    complete: u64,
    /// Ended attempts by kind: person, machine, not_answered, no_such_number, failed.
    kinds: BTreeMap<&'static str, u64>,
    /// Shares by key; `n` counts attempts.
    rates: BTreeMap<&'static str, RateView>,
    /// Means by key: attempts per complete, lengths in s.
    means: BTreeMap<&'static str, MeanView>,
}

/// A mean with its n.
#[derive(Serialize, ToSchema)]
pub struct MeanView {
    /// Over so many.
    n: u64,
    /// The mean; null where n is 0.
    value: Option<f64>,
}

/// A question, as calls came past it.
#[derive(Serialize, ToSchema)]
pub struct QuestionView {
    /// Survey key.
    survey: String,
    /// The question.
    #[schema(example = "q1")]
    question: String,
    /// Calls in which it was asked.
    asked: u64,
    /// Of them, in which it was answered.
    answered: u64,
    /// Of them, in which the customer hung up before the end, and it was the last one asked.
    broke_off: u64,
    /// Share of those asked who hung up at it.
    break_off: RateView,
}

/// What is read of the store.
pub struct Read {
    /// The days.
    pub period: Period,
    /// Surveys, by key and name.
    pub surveys: Vec<(String, String)>,
    /// Advisors, as filters write them.
    pub advisors: Vec<String>,
    /// Follow-ups by day and disposition.
    pub follow_ups: Vec<figures::Count>,
    /// Attempts by hour.
    pub hours: Vec<Count>,
    /// Attempts by day.
    pub days: Vec<Count>,
    /// Questions.
    pub questions: Vec<Question>,
}

/// Reads the figures that the query asks for.
pub async fn read(state: &WebState, params: &Params) -> Result<Read, Problem> {
    let zone = state.options().zone;
    let period = params.period(state.today(), USUAL_DAYS)?;
    let (survey, advisor) = (params.text("survey"), params.text("advisor"));
    let (from, to) = period.bounds(zone);
    state
        .ask(async {
            let mut conn = state.pool().acquire().await?;
            let surveys = status::survey_names(&mut conn).await?;
            if survey.is_some_and(|wanted| surveys.iter().all(|(key, _)| key != wanted)) {
                return Ok(Err(unknown_survey(&surveys)));
            }
            let advisors = figures::advisors(&mut conn).await?;
            if advisor.is_some_and(|wanted| advisors.iter().all(|known| known != wanted)) {
                return Ok(Err(Problem::parameter("advisor", "no event names such an advisor")));
            }
            let of_follow_ups = figures::Period { from, to, survey, zone };
            let filter = Filter { from, to, survey, advisor, zone };
            Ok(Ok(Read {
                period,
                surveys,
                advisors,
                follow_ups: figures::dispositions_of(&mut conn, &of_follow_ups, advisor, figures::By::Day).await?,
                hours: attempt_figures::counts(&mut conn, &filter, By::Hour).await?,
                days: attempt_figures::counts(&mut conn, &filter, By::Day).await?,
                questions: attempt_figures::questions(&mut conn, &filter).await?,
            }))
        })
        .await?
}

impl Read {
    /// All attempts of the period.
    pub fn calls(&self) -> Calls {
        Calls::of(self.days.iter().map(Count::ended))
    }

    /// Attempts by hour of the day, of hours that had one.
    pub fn by_hour(&self) -> BTreeMap<String, Calls> {
        grouped(&self.hours)
    }

    /// Attempts by day, of all days.
    pub fn by_day(&self) -> BTreeMap<String, Calls> {
        let mut days: BTreeMap<String, Calls> =
            self.period.each().map(|day| (day.to_string(), Calls::default())).collect();
        days.extend(grouped(&self.days));
        days
    }
}

fn grouped(counts: &[Count]) -> BTreeMap<String, Calls> {
    let mut groups: BTreeMap<String, Calls> = BTreeMap::new();
    for count in counts {
        groups.entry(count.group.clone()).or_default().add(&count.ended());
    }
    groups
}

/// Rates, each with what it was made of.
#[utoipa::path(get, path = "/api/v1/rates", tag = "status", params(RatesParams), security(("token" = [])),
    responses((status = 200, description = "Figures of the period", body = RatesView),
              (status = 400, description = "A parameter that cannot be used; it is named", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn rates(State(state): State<WebState>, uri: Uri) -> Result<Json<RatesView>, Problem> {
    let params = Params::read(&uri, &FILTERS)?;
    let read = read(&state, &params).await?;
    let group = |(group, calls): (String, Calls)| CallsGroup { group, calls: (&calls).into() };
    Ok(Json(RatesView {
        survey: params.text("survey").map(str::to_owned),
        advisor: params.text("advisor").map(str::to_owned),
        from: read.period.first,
        to: read.period.last,
        time_zone: state.options().zone.name(),
        follow_ups: Figures::of(read.follow_ups.iter()),
        attempts: (&read.calls()).into(),
        by_hour: read.by_hour().into_iter().map(group).collect(),
        by_day: read.by_day().into_iter().map(group).collect(),
        questions: read.questions.iter().map(Into::into).collect(),
        definitions: definitions().into_iter().chain(calls::FIGURES.iter().map(Into::into)).collect(),
    }))
}

impl From<&Calls> for CallsView {
    fn from(calls: &Calls) -> CallsView {
        let figures = calls.figures();
        let keys = || calls::FIGURES.iter().map(|definition| definition.key);
        let mean = |Mean { n, value }| MeanView { n, value };
        CallsView {
            n: calls.total(),
            open: calls.open(),
            unclassified: calls.unclassified(),
            complete: calls.complete(),
            kinds: Kind::ALL.into_iter().map(|kind| (kind.as_str(), calls.count(kind))).collect(),
            rates: keys().filter_map(|key| Some((key, figures.rate(key)?.into()))).collect(),
            means: keys().filter_map(|key| Some((key, mean(figures.mean(key)?)))).collect(),
        }
    }
}

impl From<&Question> for QuestionView {
    fn from(question: &Question) -> QuestionView {
        QuestionView {
            survey: question.survey.clone(),
            question: question.question.clone(),
            asked: question.asked,
            answered: question.answered,
            broke_off: question.broke_off,
            break_off: question.break_off().into(),
        }
    }
}
