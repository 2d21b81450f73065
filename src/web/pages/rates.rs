//! `/rates`: the rates of follow-ups and of attempts, by hour and by day, and at which question people hang up; each with its n and its definition.

use super::form::Choice;
use super::home::rates::{RateRow, rates as rate_rows};
use super::{Frame, html, problem_page, view};
use crate::db::figures::Count;
use crate::rates::calls::{self, Calls, Kind, Question};
use crate::rates::{RATES, Rate, Tally, definition};
use crate::web::api::rates::{self as api, FILTERS, Read};
use crate::web::lang::Lang;
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::roles;
use crate::web::state::WebState;
use crate::web::terms;
use crate::web::who::Who;
use crate::web::words::{Words, rates as words_of};
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use chrono::TimeDelta;
use std::borrow::Cow;

#[derive(Template)]
#[template(path = "rates.html")]
struct Page {
    frame: Frame,
    words: &'static Words,
    w: &'static words_of::Words,
    filters: Filters,
    zone: &'static str,
    rates: Vec<RateRow>,
    follow_ups: u64,
    unclassified: u64,
    figures: Vec<Figure>,
    attempts: u64,
    kinds: Vec<KindRow>,
    hours: Vec<Group>,
    days: Vec<Group>,
    completion: Vec<Day>,
    surveys: Vec<Survey>,
    definitions: Vec<Defined>,
}

struct Filters {
    surveys: Vec<Choice>,
    advisors: Vec<Choice>,
    from: String,
    to: String,
}

struct Figure {
    name: &'static str,
    meaning: &'static str,
    value: String,
    counted: bool,
    made_of: String,
}

struct KindRow {
    name: &'static str,
    count: u64,
    share: String,
}

/// Attempts of an hour or a day.
struct Group {
    name: String,
    attempts: u64,
    person: u64,
    complete: u64,
    share: String,
    /// In per cent; none where nothing was counted.
    value: Option<f64>,
}

/// Follow-ups of a day.
struct Day {
    name: String,
    owed: u64,
    complete: u64,
    share: String,
    /// In per cent; none where nothing was counted.
    value: Option<f64>,
}

struct Survey {
    name: String,
    questions: Vec<QuestionRow>,
}

struct QuestionRow {
    name: Cow<'static, str>,
    asked: u64,
    answered: u64,
    broke_off: u64,
    share: String,
    width: u64,
}

struct Defined {
    name: &'static str,
    meaning: &'static str,
    formula: String,
    source: &'static str,
}

/// The rates for people.
#[utoipa::path(get, path = "/rates", tag = "pages", security(("token" = [])),
    params(api::RatesParams, ("lang" = Option<String>, Query, description = "zh or en")),
    responses((status = 200, description = "The page", content_type = "text/html"),
              (status = 303, description = "A browser without token or session goes to the sign-in form"),
              (status = 400, description = "A parameter that cannot be used", content_type = "text/html"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", content_type = "text/html"),
              (status = 503, description = "The database is away", content_type = "text/html")))]
pub async fn rates(State(state): State<WebState>, who: Who, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let known: Vec<&'static str> = FILTERS.into_iter().chain(["lang"]).collect();
    let params = Params::read(&uri, &known)?;
    let lang = Lang::of(&params, &headers, &state.options().language)?;
    let read = match api::read(&state, &params).await {
        Ok(read) => read,
        Err(problem) => return Ok(problem_page(&state, &who, lang, roles::home(who.role()), &problem)),
    };
    let frame = Frame::of(&state, &who, lang, "/rates");
    Ok(html(&page(frame, &read, &params, lang, state.options().zone.name()), StatusCode::OK))
}

fn page(frame: Frame, read: &Read, params: &Params, lang: Lang, zone: &'static str) -> Page {
    let w = words_of::of(lang);
    let tally = Tally::of_ends(read.follow_ups.iter().map(Count::end));
    let calls = read.calls();
    Page {
        words: lang.words(),
        w,
        filters: filters(read, params, w),
        zone,
        rates: rate_rows(&tally, lang),
        follow_ups: tally.total(),
        unclassified: tally.unclassified(),
        figures: figures(&calls, lang),
        attempts: calls.total(),
        kinds: kinds(&calls, w, lang),
        hours: groups(read.by_hour(), lang, |hour| format!("{hour}:00")),
        days: groups(read.by_day(), lang, |day| day),
        completion: completion(read, lang),
        surveys: surveys(read, lang),
        definitions: definitions(lang),
        frame,
    }
}

/// Completion of the follow-ups of each day of the period.
fn completion(read: &Read, lang: Lang) -> Vec<Day> {
    let day = |name: String| {
        let rate = definition("completion")
            .map(|d| d.of(&Tally::of_ends(read.follow_ups.iter().filter(|row| row.group == name).map(Count::end))));
        let rate = rate.unwrap_or(Rate::new(0, 0, 0));
        Day {
            name,
            owed: rate.denominator,
            complete: rate.numerator,
            share: shown(&rate, lang),
            value: percent_of(&rate),
        }
    };
    read.period.each().map(|each| day(each.to_string())).collect()
}

/// A share in a table; a dash where nothing was counted.
fn shown(rate: &Rate, lang: Lang) -> String {
    match rate.value {
        Some(_) => view::percent(rate, lang.words()),
        None => "–".to_owned(),
    }
}

/// For a chart; cut as the text beside it.
fn percent_of(rate: &Rate) -> Option<f64> {
    rate.value.map(|value| (value * 1000.0).floor() / 10.0)
}

fn filters(read: &Read, params: &Params, w: &words_of::Words) -> Filters {
    let choices = |all: Vec<(String, String)>, chosen: Option<&str>| {
        let any = Choice { value: "".into(), name: w.all.into(), chosen: chosen.is_none() };
        let one = |(value, name): (String, String)| Choice::of(value, name, chosen);
        std::iter::once(any).chain(all.into_iter().map(one)).collect()
    };
    let advisors = read.advisors.iter().map(|advisor| (advisor.clone(), advisor.clone()));
    Filters {
        surveys: choices(read.surveys.clone(), params.text("survey")),
        advisors: choices(advisors.collect(), params.text("advisor")),
        from: read.period.first.to_string(),
        to: read.period.last.to_string(),
    }
}

fn figures(calls: &Calls, lang: Lang) -> Vec<Figure> {
    let (figures, words) = (calls.figures(), lang.words());
    let row = |definition: &'static crate::rates::FigureDefinition| {
        let (value, counted, made_of) = match (figures.rate(definition.key), figures.mean(definition.key)) {
            (Some(rate), _) => (
                view::percent(&rate, words),
                rate.value.is_some(),
                format!("{} / {} · n = {}", rate.numerator, rate.denominator, rate.n),
            ),
            (None, Some(mean)) => {
                let value = mean.value.map(|value| match definition.key {
                    "attempts_per_complete" => format!("{value:.2}"),
                    _ => view::length(TimeDelta::milliseconds((value * 1000.0) as i64)),
                });
                let counted = value.is_some();
                (value.unwrap_or_else(|| words.nothing_counted.to_owned()), counted, format!("n = {}", mean.n))
            }
            // the break-off of each question stands in its own table
            (None, None) => return None,
        };
        Some(Figure {
            name: lang.pick(definition.name_zh, definition.name_en),
            meaning: lang.pick(definition.meaning_zh, definition.meaning),
            value,
            counted,
            made_of,
        })
    };
    calls::FIGURES.iter().filter_map(row).collect()
}

fn kinds(calls: &Calls, w: &'static words_of::Words, lang: Lang) -> Vec<KindRow> {
    let of = |name, count| KindRow {
        name,
        count,
        share: view::percent(&Rate::new(count, calls.total(), calls.total()), lang.words()),
    };
    let name = |kind| match kind {
        Kind::Person => w.person,
        Kind::Machine => w.machine,
        Kind::NotAnswered => w.not_answered,
        Kind::NoSuchNumber => w.no_such_number,
        Kind::Failed => w.failed,
    };
    let mut rows: Vec<KindRow> = Kind::ALL.into_iter().map(|kind| of(name(kind), calls.count(kind))).collect();
    rows.extend((calls.open() > 0).then(|| of(w.open, calls.open())));
    rows.extend((calls.unclassified() > 0).then(|| of(w.unclassified, calls.unclassified())));
    rows
}

fn groups(
    groups: std::collections::BTreeMap<String, Calls>,
    lang: Lang,
    name: impl Fn(String) -> String,
) -> Vec<Group> {
    let group = |(key, calls): (String, Calls)| {
        let rate = calls.figures().complete_of_attempts;
        Group {
            name: name(key),
            attempts: calls.total(),
            person: calls.count(Kind::Person),
            complete: calls.complete(),
            share: shown(&rate, lang),
            value: percent_of(&rate),
        }
    };
    groups.into_iter().map(group).collect()
}

fn surveys(read: &Read, lang: Lang) -> Vec<Survey> {
    let row = |question: &Question| {
        let rate = question.break_off();
        QuestionRow {
            name: terms::question(&question.survey, &question.question, lang),
            asked: question.asked,
            answered: question.answered,
            broke_off: question.broke_off,
            share: view::percent(&rate, lang.words()),
            width: (rate.value.unwrap_or(0.0) * 1000.0) as u64,
        }
    };
    let mut surveys: Vec<(&str, Survey)> = Vec::new();
    for question in &read.questions {
        match surveys.last_mut() {
            Some((key, survey)) if *key == question.survey => survey.questions.push(row(question)),
            _ => {
                let named = read.surveys.iter().find(|(key, _)| *key == question.survey);
                let name = named.map_or_else(|| question.survey.clone(), |(_, name)| name.clone());
                surveys.push((&question.survey, Survey { name, questions: vec![row(question)] }));
            }
        }
    }
    surveys.into_iter().map(|(_, survey)| survey).collect()
}

fn definitions(lang: Lang) -> Vec<Defined> {
    let rates = RATES.iter().map(|definition| Defined {
        name: lang.pick(definition.name_zh, definition.name_en),
        meaning: lang.pick(definition.meaning_zh, definition.meaning),
        formula: definition.formula(),
        source: definition.source,
    });
    let calls = calls::FIGURES.iter().map(|definition| Defined {
        name: lang.pick(definition.name_zh, definition.name_en),
        meaning: lang.pick(definition.meaning_zh, definition.meaning),
        formula: definition.formula.to_owned(),
        source: definition.source,
    });
    rates.chain(calls).collect()
}
