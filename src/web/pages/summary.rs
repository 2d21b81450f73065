//! `/summary`: the unattended run for whoever comes in the morning: one sentence, what needs a person, then the figures (docs/summary.md).

mod needs;
mod sentence;

use super::{Frame, html, problem_page, view};
use crate::db::run::{Failure, Left};
use crate::db::state::FollowUpState;
use crate::dialer::summary::Run;
use crate::rates::Rate;
use crate::rates::run::{PARTS, Part};
use crate::report::period::Period;
use crate::web::api::summary::{self as api, Read};
use crate::web::lang::Lang;
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::roles;
use crate::web::state::WebState;
use crate::web::terms;
use crate::web::who::Who;
use crate::web::words::{Words, summary as words_of};
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use needs::NeedCard;
use std::borrow::Cow;

#[derive(Template)]
#[template(path = "summary.html")]
struct Page {
    frame: Frame,
    words: &'static Words,
    w: &'static words_of::Words,
    day: String,
    today: String,
    one_day: bool,
    as_of: String,
    sentences: Vec<String>,
    needs: Vec<NeedCard>,
    heads: Vec<String>,
    facts: Vec<Facts>,
    parts: Vec<PartRow>,
    outcomes: Vec<OutcomeRow>,
    attempts: Vec<u64>,
    failures: Vec<FailureRow>,
    left: Vec<LeftRow>,
    waiting: Cow<'static, str>,
    retry: Cow<'static, str>,
    call_back: Cow<'static, str>,
    done_about: Option<String>,
    definitions: Vec<(&'static str, &'static str, &'static str)>,
}

/// Of one run, what is no part.
struct Facts {
    began: Option<String>,
    ended: Option<String>,
    live: i64,
    tried: u64,
    reached: u64,
    completion: String,
}

/// A line of the table of parts, with a figure for each run.
struct PartRow {
    name: &'static str,
    meaning: &'static str,
    tone: &'static str,
    counts: Vec<u64>,
    sum: bool,
    alarm: bool,
}

struct OutcomeRow {
    name: Cow<'static, str>,
    counts: Vec<u64>,
}

struct FailureRow {
    day: String,
    name: Cow<'static, str>,
    trunk: String,
    cause: String,
    count: i64,
}

struct LeftRow {
    day: String,
    waiting: i64,
    retry: i64,
    call_back: i64,
    all: i64,
    first: String,
}

/// What became of the run.
#[utoipa::path(get, path = "/summary", tag = "pages", security(("token" = [])),
    params(("day" = Option<String>, Query, description = "The run of this day; yesterday's and today's when left out"),
           ("lang" = Option<String>, Query, description = "zh or en")),
    responses((status = 200, description = "The page", content_type = "text/html"),
              (status = 303, description = "A browser without token or session goes to the sign-in form"),
              (status = 400, description = "A parameter that cannot be used", content_type = "text/html"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", content_type = "text/html"),
              (status = 503, description = "The database is away", content_type = "text/html")))]
pub async fn summary(
    State(state): State<WebState>,
    who: Who,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = Params::read(&uri, &["day", "lang"])?;
    let lang = Lang::of(&params, &headers, &state.options().language)?;
    let read = async {
        let day = api::day(&params, &state)?;
        Ok((day, api::read(&state, day).await?))
    };
    match read.await {
        Ok((day, read)) => Ok(html(&page(&state, &who, read, day, lang), StatusCode::OK)),
        Err(problem) => Ok(problem_page(&state, &who, lang, roles::home(who.role()), &problem)),
    }
}

fn page(state: &WebState, who: &Who, read: Read, day: Option<NaiveDate>, lang: Lang) -> Page {
    let (w, zone) = (words_of::of(lang), state.options().zone);
    let Read { runs, now, surveys } = read;
    let today = Period::today(now.at, zone).last;
    let name = |day: NaiveDate| named(day, today, w);
    let sentences = runs.iter().map(|(day, run)| sentence::of_run(&name(*day), run, now.at, zone, lang));
    let tonight = now.tonight.as_ref().filter(|tonight| tonight.due > 0);
    Page {
        frame: Frame::of(state, who, lang, "/summary"),
        words: lang.words(),
        w,
        day: day.or(runs.last().map(|(day, _)| *day)).map(|day| day.to_string()).unwrap_or_default(),
        today: today.to_string(),
        one_day: day.is_some(),
        as_of: view::full_moment(now.at, zone),
        sentences: sentences.chain([sentence::of_needs(&now.needs, lang)]).collect(),
        needs: now
            .needs
            .iter()
            .map(|need| needs::card(need, &needs::Look { who, surveys: &surveys, now: now.at, zone, lang }))
            .collect(),
        heads: runs.iter().map(|(day, _)| name(*day)).collect(),
        facts: runs.iter().map(|(_, run)| facts(run, now.at, zone, lang)).collect(),
        parts: parts(&runs, lang),
        outcomes: outcomes(&runs, lang),
        attempts: runs.iter().map(|(_, run)| run.calls.total()).collect(),
        failures: failures(&runs, lang, name),
        left: left(&now.left, now.at, zone, today, w),
        waiting: terms::state(FollowUpState::Waiting.as_str(), lang),
        retry: terms::state(FollowUpState::Retry.as_str(), lang),
        call_back: terms::state(FollowUpState::CallBack.as_str(), lang),
        done_about: tonight.and_then(|tonight| tonight.done_at).map(|at| view::moment(at, now.at, zone)),
        definitions: PARTS
            .iter()
            .map(|d| (lang.pick(d.name_zh, d.name_en), lang.pick(d.meaning_zh, d.meaning), d.formula))
            .collect(),
    }
}

/// A day by name where it has one.
fn named(day: NaiveDate, today: NaiveDate, w: &words_of::Words) -> String {
    if day == today {
        w.today.to_owned()
    } else if Some(day) == today.pred_opt() {
        w.yesterday.to_owned()
    } else {
        day.to_string()
    }
}

fn facts(run: &Run, now: DateTime<Utc>, zone: Tz, lang: Lang) -> Facts {
    let moment = |at| view::moment(at, now, zone);
    let total = run.parts.total();
    Facts {
        began: run.times.began_at.map(moment),
        ended: run.times.ended_at.map(moment),
        live: run.times.open,
        tried: run.tried,
        reached: run.reached,
        completion: match total {
            0 => "–".to_owned(),
            _ => view::percent(&Rate::new(run.parts.count(Part::Complete), total, total), lang.words()),
        },
    }
}

/// The parts of each run, what was closed and what was open together, and the whole.
fn parts(runs: &[(NaiveDate, Run)], lang: Lang) -> Vec<PartRow> {
    let w = words_of::of(lang);
    let part = |part: Part| {
        let definition = part.definition();
        let counts: Vec<u64> = runs.iter().map(|(_, run)| run.parts.count(part)).collect();
        PartRow {
            name: lang.pick(definition.name_zh, definition.name_en),
            meaning: lang.pick(definition.meaning_zh, definition.meaning),
            tone: tone(part),
            alarm: part == Part::NeedsPerson && counts.iter().any(|count| *count > 0),
            counts,
            sum: false,
        }
    };
    let sum = |name, of: fn(&Run) -> u64| PartRow {
        name,
        meaning: "",
        tone: "",
        counts: runs.iter().map(|(_, run)| of(run)).collect(),
        sum: true,
        alarm: false,
    };
    let (closed, open): (Vec<Part>, Vec<Part>) = Part::ALL.into_iter().partition(|part| part.is_closed());
    let mut rows: Vec<PartRow> = closed.into_iter().map(part).collect();
    rows.push(sum(w.closed, |run| run.parts.closed()));
    rows.extend(open.into_iter().map(part));
    rows.push(sum(w.left_open, |run| run.parts.left()));
    rows.push(sum(w.all, |run| run.parts.total()));
    rows
}

fn tone(part: Part) -> &'static str {
    match part {
        Part::Complete => "complete",
        Part::Partial => "partial",
        Part::Refused => "refusal",
        Part::WrongNumber => "dead",
        Part::NotReached => "away",
        Part::NeedsPerson => "odd",
        Part::Booked | Part::ToRetry | Part::Untried | Part::InCall => "open",
    }
}

/// Attempts by disposition, a column for each run; what goes on stands last.
fn outcomes(runs: &[(NaiveDate, Run)], lang: Lang) -> Vec<OutcomeRow> {
    let mut words: Vec<(&Option<String>, u64)> = Vec::new();
    for (word, count) in runs.iter().flat_map(|(_, run)| &run.dispositions) {
        match words.iter_mut().find(|(known, _)| *known == word) {
            Some((_, sum)) => *sum += count,
            None => words.push((word, *count)),
        }
    }
    words.sort_by_key(|(word, count)| (word.is_none(), std::cmp::Reverse(*count)));
    let row = |word: &Option<String>| OutcomeRow {
        name: match word {
            Some(word) => terms::disposition(word, lang),
            None => words_of::of(lang).going_on.into(),
        },
        counts: runs
            .iter()
            .map(|(_, run)| run.dispositions.iter().find(|(known, _)| known == word).map_or(0, |(_, count)| *count))
            .collect(),
    };
    words.into_iter().map(|(word, _)| row(word)).collect()
}

fn failures(runs: &[(NaiveDate, Run)], lang: Lang, name: impl Fn(NaiveDate) -> String) -> Vec<FailureRow> {
    let row = |day: NaiveDate, failure: &Failure| {
        let status = failure.sip_status.map(|status| format!("SIP {status}"));
        let q850 = failure.q850.map(|cause| format!("Q.850 {cause}"));
        let causes: Vec<String> = status.into_iter().chain(q850).collect();
        FailureRow {
            day: name(day),
            name: terms::disposition(&failure.disposition, lang),
            trunk: failure.trunk.clone(),
            cause: if causes.is_empty() { "–".to_owned() } else { causes.join(" · ") },
            count: failure.count,
        }
    };
    runs.iter().flat_map(|(day, run)| run.failures.iter().map(|failure| row(*day, failure))).collect()
}

fn left(left: &[Left], now: DateTime<Utc>, zone: Tz, today: NaiveDate, w: &words_of::Words) -> Vec<LeftRow> {
    let mut days: Vec<(&str, Vec<&Left>)> = Vec::new();
    for row in left {
        match days.last_mut() {
            Some((day, rows)) if *day == row.day => rows.push(row),
            _ => days.push((&row.day, vec![row])),
        }
    }
    let row = |(day, rows): (&str, Vec<&Left>)| {
        let of = |state| rows.iter().filter(|row| row.state == state).map(|row| row.count).sum();
        let first = rows.iter().map(|row| row.first).min().unwrap_or(now);
        LeftRow {
            day: if day == today.to_string() { w.just_today.to_owned() } else { day.to_owned() },
            waiting: of(FollowUpState::Waiting),
            retry: of(FollowUpState::Retry),
            call_back: of(FollowUpState::CallBack),
            all: rows.iter().map(|row| row.count).sum(),
            first: view::moment(first, now, zone),
        }
    };
    days.into_iter().map(row).collect()
}
