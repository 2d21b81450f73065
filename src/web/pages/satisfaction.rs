//! `/satisfaction`: what customers think, by survey, advisor, item and model, over time. Every figure with its n; where few answered, with its interval.

use super::form::Choice;
use super::{Frame, html, problem_page};
use crate::db::satisfaction::By;
use crate::rates::score::{FIGURES, Scores};
use crate::report::satisfaction::{OfItem, OfSurvey};
use crate::web::api::satisfaction::{Asked, FILTERS, Read, SatisfactionParams, choices, read};
use crate::web::lang::Lang;
use crate::web::params::{Params, with};
use crate::web::problem::Problem;
use crate::web::roles;
use crate::web::state::WebState;
use crate::web::terms;
use crate::web::who::Who;
use crate::web::words::{Words, managers};
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use std::borrow::Cow;

/// Items in a ranking.
const RANKED: usize = 10;
/// Advisors and models in a table.
const MOST_GROUPS: usize = 20;
/// How long a distribution's bar is.
const BAR: u64 = 1000;

#[derive(Template)]
#[template(path = "satisfaction.html")]
struct Page {
    frame: Frame,
    words: &'static Words,
    w: &'static managers::Words,
    lang: Lang,
    surveys: Vec<Choice>,
    advisors: Vec<Choice>,
    models: Vec<Choice>,
    from: String,
    to: String,
    filtered: bool,
    found: Vec<SurveyPart>,
    worst: Vec<ItemRow>,
    best: Vec<ItemRow>,
    per: &'static str,
    definitions: Vec<(&'static str, &'static str, &'static str)>,
}

/// Something to choose in a filter.
struct SurveyPart {
    name: Cow<'static, str>,
    overall_name: Cow<'static, str>,
    overall: Shown,
    intent: Option<(Shown, String)>,
    overall_calls: Option<String>,
    items: Vec<ItemRow>,
    advisors: Vec<(String, Shown)>,
    models: Vec<(String, Shown)>,
    trend: Vec<(String, Shown)>,
    /// Ends of the scale, for the chart.
    low: i32,
    high: i32,
}

struct ItemRow {
    survey: Cow<'static, str>,
    name: Cow<'static, str>,
    shown: Shown,
    calls: String,
}

/// Figures of some answers, written.
pub(super) struct Shown {
    pub n: u64,
    pub mean: String,
    /// For charts: the bare number.
    pub mean_value: Option<String>,
    /// `4.1 – 9.0`, where few answered.
    pub interval: Option<String>,
    pub favourable: String,
    pub favourable_interval: Option<String>,
    pub spread: Vec<Segment>,
    /// The distribution in words.
    pub told: String,
}

/// A piece of a distribution's bar.
pub(super) struct Segment {
    pub class: &'static str,
    pub x: u64,
    pub width: u64,
}

/// Writes figures.
pub(super) fn shown(scores: &Scores, lang: Lang) -> Shown {
    let none = || lang.words().nothing_counted.to_owned();
    let share = scores.favourable();
    let small = scores.is_small();
    let mean = scores.mean().map(|mean| format!("{mean:.2}"));
    Shown {
        n: scores.n(),
        mean: mean.clone().unwrap_or_else(none),
        mean_value: mean,
        interval: scores.mean_interval().filter(|_| small).map(|i| format!("{:.1} – {:.1}", i.low, i.high)),
        favourable: super::view::percent(&share, lang.words()),
        favourable_interval: share
            .interval()
            .filter(|_| small)
            .map(|i| format!("{:.0} – {:.0} %", i.low * 100.0, i.high * 100.0)),
        spread: spread(scores),
        told: told(scores, lang),
    }
}

/// The distribution as a bar of five tones from good to bad, whatever the scale.
fn spread(scores: &Scores) -> Vec<Segment> {
    const TONES: [&str; 5] = ["box0", "box1", "box2", "box3", "box4"];
    let (parts, n) = (scores.distribution(), scores.n());
    let last = (parts.len().max(2) - 1) as u64;
    let mut boxes = Vec::new();
    let mut before = 0;
    for (place, (_, count)) in (0u64..).zip(parts).filter(|(_, (_, count))| *count > 0) {
        let (x, end) = (before * BAR / n, (before + count) * BAR / n);
        let tone = usize::try_from((place * 4 + last / 2) / last).unwrap_or(4);
        boxes.push(Segment { class: TONES[tone.min(4)], x, width: end - x });
        before += count;
    }
    boxes
}

fn told(scores: &Scores, lang: Lang) -> String {
    let part = |(label, count): (&'static str, u64)| format!("{} {count}", terms::value(label, lang));
    scores.distribution().into_iter().filter(|(_, count)| *count > 0).map(part).collect::<Vec<_>>().join(" · ")
}

/// What customers think.
#[utoipa::path(get, path = "/satisfaction", tag = "pages", security(("token" = [])),
    params(SatisfactionParams, ("lang" = Option<String>, Query, description = "zh or en")),
    responses((status = 200, description = "The page", content_type = "text/html"),
              (status = 303, description = "A browser without token or session goes to the sign-in form"),
              (status = 400, description = "A parameter that cannot be used", content_type = "text/html"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", content_type = "text/html"),
              (status = 503, description = "The database is away", content_type = "text/html")))]
pub async fn satisfaction(
    State(state): State<WebState>,
    who: Who,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let known: Vec<&'static str> = FILTERS.into_iter().chain(["lang"]).collect();
    let params = Params::read(&uri, &known)?;
    let lang = Lang::of(&params, &headers, &state.options().language)?;
    match page(&state, &who, &params, lang).await {
        Ok(page) => Ok(html(&page, StatusCode::OK)),
        Err(problem) => Ok(problem_page(&state, &who, lang, roles::home(who.role()), &problem)),
    }
}

async fn page(state: &WebState, who: &Who, params: &Params, lang: Lang) -> Result<Page, Problem> {
    let asked = Asked::read(params, state)?;
    let Read { figures, surveys } = read(state, &asked).await?;
    let (advisors, models) = choices(state, &asked).await?;
    let w = managers::of(lang);
    let query = query(params);
    let named = |key: &str| {
        let name = surveys.iter().find(|(known, _)| known == key).map_or("", |(_, name)| name.as_str());
        terms::survey(key, name, lang)
    };
    let row = |item: &OfItem| ItemRow {
        survey: named(&item.item.survey),
        name: terms::question(&item.item.survey, &item.item.question, lang),
        shown: shown(&item.scores, lang),
        calls: calls_of(&query, &item.item.survey, &item.item.question),
    };
    let ranked = figures.ranked();
    // where there are few items the same would stand at both ends
    let many = RANKED.min(ranked.len() / 2);
    Ok(Page {
        frame: Frame::of(state, who, lang, "/satisfaction"),
        words: lang.words(),
        w,
        lang,
        worst: ranked.iter().take(many).map(|item| row(item)).collect(),
        best: ranked.iter().rev().take(many).map(|item| row(item)).collect(),
        found: figures.surveys.iter().map(|survey| part(survey, &query, named(&survey.key), w, lang, &row)).collect(),
        per: match figures.steps {
            By::Week => w.per_week,
            By::Month => w.per_month,
            By::Day | By::Total | By::Advisor | By::Model => w.per_day,
        },
        surveys: surveys.iter().map(|(key, _)| Choice::of(key.clone(), named(key), params.text("survey"))).collect(),
        advisors: advisors.into_iter().map(|name| Choice::of(name.clone(), name, params.text("advisor"))).collect(),
        models: models.into_iter().map(|name| Choice::of(name.clone(), name, params.text("model"))).collect(),
        from: asked.period.first.to_string(),
        to: asked.period.last.to_string(),
        filtered: FILTERS.iter().any(|name| params.text(name).is_some()),
        definitions: FIGURES
            .iter()
            .map(|d| (lang.pick(d.name_zh, d.name_en), lang.pick(d.meaning_zh, d.meaning), d.formula))
            .collect(),
    })
}

fn part(
    survey: &OfSurvey,
    query: &str,
    name: Cow<'static, str>,
    w: &'static managers::Words,
    lang: Lang,
    row: &dyn Fn(&OfItem) -> ItemRow,
) -> SurveyPart {
    let groups = |groups: &[(String, Scores)]| -> Vec<(String, Shown)> {
        let name = |group: &String| if group.is_empty() { w.unnamed.to_owned() } else { group.clone() };
        groups.iter().take(MOST_GROUPS).map(|(group, scores)| (name(group), shown(scores, lang))).collect()
    };
    let ends = survey.overall.scale().points.iter().map(|point| point.score);
    SurveyPart {
        name,
        overall_name: match &survey.overall_question {
            Some(_) => Cow::Borrowed(w.overall),
            None => Cow::Borrowed(w.all_items),
        },
        overall: shown(&survey.overall, lang),
        overall_calls: survey.overall_question.as_ref().map(|question| calls_of(query, &survey.key, question)),
        intent: survey
            .intent
            .as_ref()
            .map(|intent| (shown(&intent.scores, lang), calls_of(query, &survey.key, &intent.item.question))),
        items: survey.items.iter().map(row).collect(),
        advisors: groups(&survey.advisors),
        models: groups(&survey.models),
        trend: survey.trend.iter().map(|(day, scores)| (day.to_string(), shown(scores, lang))).collect(),
        low: ends.clone().min().unwrap_or(0),
        high: ends.max().unwrap_or(0),
    }
}

/// The filters as a query, without the survey and the language.
fn query(params: &Params) -> String {
    params.query(FILTERS.into_iter().filter(|name| *name != "survey"))
}

/// The calls behind an item.
fn calls_of(query: &str, survey: &str, question: &str) -> String {
    format!("/satisfaction/calls?{}", with(&with(query, "survey", survey), "question", question))
}
