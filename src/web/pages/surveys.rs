//! `/surveys` and `/surveys/{key}`: the questionnaire standard: what is asked in which version since when, what changed, and publishing a new one after its check.

use super::form::{Fields, Given};
use super::{Frame, html, problem_page, view};
use crate::db::state::UserRole;
use crate::db::surveys::SurveyVersion;
use crate::survey::check::Severity;
use crate::survey::definition::{Definition, PromptId, Step, StepKind, UnhappyRule};
use crate::survey::standard::Refused;
use crate::survey::{describe, diff, draw};
use crate::web::lang::Lang;
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::state::WebState;
use crate::web::surveys::{self as desk, Done, Looked};
use crate::web::terms;
use crate::web::who::Who;
use crate::web::words::{Words, surveys as words};
use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use std::borrow::Cow;
use std::sync::Arc;

/// A form as it comes.
#[derive(Template)]
#[template(path = "surveys.html")]
struct ListPage {
    frame: Frame,
    words: &'static Words,
    w: &'static words::Words,
    rows: Vec<Row>,
}

struct Row {
    key: String,
    name: Cow<'static, str>,
    active: i32,
    since: String,
    versions: usize,
}

#[derive(Template)]
#[template(path = "survey.html")]
struct Page {
    frame: Frame,
    words: &'static Words,
    w: &'static words::Words,
    key: String,
    name: Cow<'static, str>,
    versions: Vec<VersionRow>,
    asked: Option<Asked>,
    may_publish: bool,
    text: String,
    report: Option<Report>,
}

struct VersionRow {
    number: i32,
    since: String,
    changed: Changed,
}

/// What a version changed.
enum Changed {
    First,
    Unread,
    List(Vec<String>),
}

/// What the active version asks.
struct Asked {
    deadline_days: u32,
    longest_min: u64,
    questions: Vec<Question>,
    unhappy: Vec<String>,
}

struct Question {
    id: String,
    name: Cow<'static, str>,
    says: Vec<(String, String)>,
    keys: Vec<String>,
}

/// What was found in a text that was sent, and what became of it.
struct Report {
    sentence: Option<String>,
    done: bool,
    findings: Vec<(&'static str, bool, String)>,
    changes: Option<Vec<String>>,
    publishable: bool,
    warned: bool,
}

/// Every survey with its active version.
#[utoipa::path(get, path = "/surveys", tag = "pages", security(("token" = [])),
    params(("lang" = Option<String>, Query, description = "zh or en")),
    responses((status = 200, description = "The page", content_type = "text/html"),
              (status = 303, description = "A browser without token or session goes to the sign-in form"),
              (status = 400, description = "A parameter that cannot be used", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", content_type = "text/html"),
              (status = 503, description = "The database is away", content_type = "text/html")))]
pub async fn surveys(
    State(state): State<WebState>,
    who: Who,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let lang = Lang::of(&Params::read(&uri, &["lang"])?, &headers, &state.options().language)?;
    let versions = match desk::all(&state).await {
        Ok(versions) => versions,
        Err(problem) => return Ok(problem_page(&state, &who, lang, "/surveys", &problem)),
    };
    let mut rows: Vec<Row> = Vec::new();
    for version in versions {
        let since = view::full_moment(version.published_at, state.options().zone);
        match rows.last_mut().filter(|row| row.key == version.survey_key) {
            Some(row) => (row.active, row.since, row.versions) = (version.version, since, row.versions + 1),
            None => {
                let name = terms::survey(&version.survey_key, "", lang);
                rows.push(Row { key: version.survey_key, name, active: version.version, since, versions: 1 });
            }
        }
    }
    let frame = Frame::of(&state, &who, lang, "/surveys");
    Ok(html(&ListPage { frame, words: lang.words(), w: words::of(lang), rows }, StatusCode::OK))
}

/// A survey: what it asks, its versions, and the form for a new one.
#[utoipa::path(get, path = "/surveys/{key}", tag = "pages", security(("token" = [])),
    params(("key" = String, Path, description = "Key of the survey"), ("lang" = Option<String>, Query, description = "zh or en")),
    responses((status = 200, description = "The page", content_type = "text/html"),
              (status = 303, description = "A browser without token or session goes to the sign-in form"),
              (status = 400, description = "A parameter that cannot be used", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", content_type = "text/html"),
              (status = 404, description = "No such survey", content_type = "text/html"),
              (status = 503, description = "The database is away", content_type = "text/html")))]
pub async fn survey(
    State(state): State<WebState>,
    who: Who,
    Path(key): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let lang = Lang::of(&Params::read(&uri, &["lang"])?, &headers, &state.options().language)?;
    match page(&state, &who, &key, lang, None).await {
        Ok(page) => Ok(html(&page, StatusCode::OK)),
        Err(problem) => Ok(problem_page(&state, &who, lang, "/surveys", &problem)),
    }
}

/// Checks or publishes what the form holds.
#[utoipa::path(post, path = "/surveys/{key}", tag = "pages", security(("token" = [])),
    params(("key" = String, Path, description = "Key of the survey"), ("lang" = Option<String>, Query, description = "zh or en")),
    request_body(content = String, content_type = "application/x-www-form-urlencoded",
        description = "`content` (the survey file), `do` (check or publish), `accept` (yes: warnings were read), `csrf` (with a session)"),
    responses((status = 200, description = "The page with the report, and what was done or refused in a sentence", content_type = "text/html"),
              (status = 400, description = "The form cannot be read, or is another survey's", content_type = "text/html"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role, or without the session's token", body = Problem, content_type = "application/problem+json"),
              (status = 404, description = "No such survey", content_type = "text/html"),
              (status = 503, description = "The database is away, or no engine with prompts runs here", content_type = "text/html")))]
pub async fn submit(
    State(state): State<WebState>,
    who: Who,
    Path(key): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    form: Given,
) -> Result<Response, Problem> {
    let lang = Lang::of(&Params::read(&uri, &["lang"])?, &headers, &state.options().language)?;
    match act(&state, &who, &key, lang, form).await {
        Ok(page) => Ok(html(&page, StatusCode::OK)),
        Err(problem) => Ok(problem_page(&state, &who, lang, "/surveys", &problem)),
    }
}

async fn act(state: &WebState, who: &Who, key: &str, lang: Lang, form: Given) -> Result<Page, Problem> {
    let fields = Fields::of(form)?;
    // browsers send line ends as CR LF, files have LF: the same text must stay the same
    let text = fields.raw("content").unwrap_or_default().replace("\r\n", "\n");
    if text.len() > desk::MOST_BYTES {
        return Err(Problem::parameter("content", "is larger than 128 KiB"));
    }
    let w = words::of(lang);
    let report = match fields.raw("do") {
        Some("check") => Report::of(&desk::look(state, key, &text).await?, w),
        Some("publish") => match desk::publish(state, who, key, &text, fields.raw("accept") == Some("yes")).await? {
            Done::New(version) => Report::told(format!("{} {version}", w.done), true),
            Done::Known(version) => Report::told(format!("{} {version}", w.known), true),
            Done::Taken(newest) => Report::told(format!("{} {newest}", w.taken), false),
            Done::Unreadable(looked) => Report::of(&looked, w),
            Done::Refused(refused, looked) => {
                let sentence = match refused {
                    Refused::Errors(_) => w.has_errors,
                    Refused::Warnings(_) => w.has_warnings,
                };
                Report { sentence: Some(sentence.to_owned()), ..Report::of(&looked, w) }
            }
        },
        _ => return Err(Problem::parameter("do", "is check or publish")),
    };
    page(state, who, key, lang, Some((text, report))).await
}

impl Report {
    fn told(sentence: String, done: bool) -> Report {
        Report {
            sentence: Some(sentence),
            done,
            findings: Vec::new(),
            changes: None,
            publishable: false,
            warned: false,
        }
    }

    fn of(looked: &Looked, w: &'static words::Words) -> Report {
        match looked {
            Err(errors) => Report {
                findings: errors.0.iter().map(|mistake| (w.error, true, mistake.to_string())).collect(),
                ..Report::told(w.cannot_read.to_owned(), false)
            },
            Ok((_, review)) => {
                let name = |severity: Severity| match severity {
                    Severity::Error => w.error,
                    Severity::Warning => w.warning,
                    Severity::Info => w.info,
                };
                let finding = |found: &crate::survey::check::Finding| {
                    let bad = found.severity != Severity::Info;
                    (name(found.severity), bad, format!("{}: {}", found.place, found.message))
                };
                let changes = review.changes.as_ref();
                Report {
                    sentence: None,
                    done: false,
                    findings: review.findings.iter().map(finding).collect(),
                    changes: changes.map(|changes| changes.iter().map(ToString::to_string).collect()),
                    publishable: review.count(Severity::Error) == 0,
                    warned: review.count(Severity::Warning) > 0,
                }
            }
        }
    }
}

async fn page(
    state: &WebState,
    who: &Who,
    key: &str,
    lang: Lang,
    sent: Option<(String, Report)>,
) -> Result<Page, Problem> {
    let versions = desk::of(state, key).await?;
    let read: Vec<(&SurveyVersion, Option<Arc<Definition>>)> =
        versions.iter().map(|version| (version, version.definition().ok())).collect();
    let rows = read.iter().enumerate().map(|(place, (version, definition))| VersionRow {
        number: version.version,
        since: view::full_moment(version.published_at, state.options().zone),
        changed: match (definition, read.get(place + 1)) {
            (_, None) => Changed::First,
            (Some(new), Some((_, Some(old)))) => {
                Changed::List(diff::diff(old, new).iter().map(ToString::to_string).collect())
            }
            (_, Some(_)) => Changed::Unread,
        },
    });
    let active = read.first().and_then(|(_, definition)| definition.as_deref());
    let (text, report) = match sent {
        Some((text, report)) => (text, Some(report)),
        None => (String::new(), None),
    };
    Ok(Page {
        frame: Frame::of(state, who, lang, format!("/surveys/{key}")),
        words: lang.words(),
        w: words::of(lang),
        name: terms::survey(key, "", lang),
        key: key.to_owned(),
        versions: rows.collect(),
        asked: active.map(|definition| asked(state, definition, lang)),
        may_publish: who.may(UserRole::Manager),
        text,
        report,
    })
}

/// What a prompt says in a language, where this server knows the prompts.
fn said(state: &WebState, language: &str, id: &PromptId) -> Option<String> {
    state.prompts()?.get(language, id.as_str()).map(|prompt| prompt.text().to_owned())
}

fn asked(state: &WebState, definition: &Definition, lang: Lang) -> Asked {
    let question = |step: &Step| {
        let says = |language: &String| {
            let text = said(state, language, describe::first_prompt(step)?)?;
            Some((language.clone(), text))
        };
        Question {
            id: step.id.clone(),
            name: terms::question(&definition.key, &step.id, lang),
            says: definition.languages.iter().filter_map(says).collect(),
            keys: keys(step, lang),
        }
    };
    Asked {
        deadline_days: definition.deadline_days,
        longest_min: definition.max_call.as_secs().div_ceil(60),
        questions: definition.steps.iter().filter(|step| step.is_question()).map(question).collect(),
        unhappy: definition.unhappy.iter().map(|rule| unhappy(rule, lang)).collect(),
    }
}

/// The answers of a question: key, meaning, and the score where there is one.
fn keys(step: &Step, lang: Lang) -> Vec<String> {
    match &step.kind {
        StepKind::Scale { scale } => scale
            .points
            .iter()
            .map(|point| format!("{} {} → {}", point.keys, terms::value(point.label, lang), point.score))
            .collect(),
        StepKind::Choice { options } => {
            options.iter().map(|option| format!("{} {}", option.keys, terms::value(&option.value, lang))).collect()
        }
        StepKind::Say
        | StepKind::Digits { .. }
        | StepKind::Record { .. }
        | StepKind::Agent(_)
        | StepKind::End { .. } => Vec::new(),
    }
}

/// The answers that a rule counts, and how many it takes.
fn unhappy(rule: &UnhappyRule, lang: Lang) -> String {
    let counted = rule.scale.points.iter().filter(|point| (rule.from..=rule.to).contains(&point.score));
    let list: Vec<_> = counted.map(|point| format!("{} ({})", terms::value(point.label, lang), point.score)).collect();
    format!("{} × {}", list.join(" · "), rule.count)
}

/// The flow of the active version as a drawing.
#[utoipa::path(get, path = "/surveys/{key}/drawing.svg", tag = "pages", security(("token" = [])),
    params(("key" = String, Path, description = "Key of the survey"), ("lang" = Option<String>, Query, description = "zh or en")),
    responses((status = 200, description = "The drawing", content_type = "image/svg+xml"),
              (status = 400, description = "A parameter that cannot be used", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 404, description = "No such survey, or one that this huifang cannot read", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn drawing(
    State(state): State<WebState>,
    Path(key): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let lang = Lang::of(&Params::read(&uri, &["lang"])?, &headers, &state.options().language)?;
    let versions = desk::of(&state, &key).await?;
    let definition = versions.first().and_then(|version| version.definition().ok());
    let definition = definition.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, words::EN.unreadable))?;
    let language = definition.language_or_default(lang.tag());
    let svg = draw::svg(&definition, &|id: &PromptId| said(&state, language, id));
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], svg).into_response())
}
