//! `/complaints`: the complaint desk for agents and managers: what is open and overdue, by cause, level and who is responsible. Names are masked here.

use super::form::Choice;
use super::view;
use super::{Frame, html, problem_page};
use crate::complaint::{Cause, Level, StepKind};
use crate::db::StoreError;
use crate::db::complaint_desk::{self, Complaint, Filter, Standing, Summary};
use crate::db::state::UserRole;
use crate::web::complaints::{self as desk, FILTERS, ME, NOBODY};
use crate::web::lang::Lang;
use crate::web::params::{Params, with};
use crate::web::people;
use crate::web::problem::Problem;
use crate::web::roles;
use crate::web::state::WebState;
use crate::web::terms;
use crate::web::who::Who;
use crate::web::words::{Words, complaints as desk_words};
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use std::borrow::Cow;

/// Complaints on a page.
const PER_PAGE: i64 = 50;

#[derive(Template)]
#[template(path = "complaints.html")]
struct Page {
    frame: Frame,
    words: &'static Words,
    w: &'static desk_words::Words,
    lang: Lang,
    tiles: Vec<Tile>,
    standings: Vec<Choice>,
    causes: Vec<Choice>,
    levels: Vec<Choice>,
    owners: Vec<Choice>,
    from: String,
    to: String,
    filtered: bool,
    /// Nothing but what is open was asked for.
    plain: bool,
    may_export: bool,
    /// The query of the list as asked, for the exports.
    query: String,
    rows: Vec<Row>,
    total: i64,
    first: i64,
    last: i64,
    previous: Option<String>,
    next: Option<String>,
}

/// A figure that leads to its list.
struct Tile {
    name: &'static str,
    count: i64,
    query: &'static str,
    alarm: bool,
}

struct Row {
    id: String,
    name: String,
    model: Option<String>,
    reason: Cow<'static, str>,
    question: Option<Cow<'static, str>>,
    cause: Option<Cow<'static, str>>,
    level: Option<Cow<'static, str>>,
    stage: u8,
    step: Cow<'static, str>,
    closed: bool,
    owner: Option<String>,
    department: Option<String>,
    passed: bool,
    opened: String,
    due: String,
    overdue: bool,
}

/// The complaint desk.
#[utoipa::path(get, path = "/complaints", tag = "pages", security(("token" = [])),
    params(crate::web::api::complaints::ListParams, ("lang" = Option<String>, Query, description = "zh or en")),
    responses((status = 200, description = "The page", content_type = "text/html"),
              (status = 303, description = "A browser without token or session goes to the sign-in form"),
              (status = 400, description = "A parameter that cannot be used", content_type = "text/html"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", content_type = "text/html")))]
pub async fn complaints(
    State(state): State<WebState>,
    who: Who,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let known: Vec<&'static str> = FILTERS.into_iter().chain(["lang", "skip"]).collect();
    let params = Params::read(&uri, &known)?;
    let lang = Lang::of(&params, &headers, &state.options().language)?;
    match page(&state, &who, &params, lang).await {
        Ok(page) => Ok(html(&page, StatusCode::OK)),
        Err(problem) => Ok(problem_page(&state, &who, lang, roles::home(who.role()), &problem)),
    }
}

async fn page(state: &WebState, who: &Who, params: &Params, lang: Lang) -> Result<Page, Problem> {
    let filter = desk::filter(params, who, state)?;
    let (skip, now, zone) = (params.skip()?, state.clock().now(), state.options().zone);
    let (summary, total, found, owners) = state
        .ask(async {
            let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
            let summary = complaint_desk::summary(&mut conn, now).await?;
            let total = complaint_desk::count(&mut conn, &filter, now).await?;
            let found = complaint_desk::list(&mut conn, &filter, now, PER_PAGE, skip).await?;
            Ok((summary, total, found, complaint_desk::owners(&mut conn).await?))
        })
        .await?;
    let w = lang.desk_words();
    let last = skip + i64::try_from(found.len()).unwrap_or(0);
    // without page and language
    let query = params.query(FILTERS.into_iter());
    let turn = |skip: i64| format!("?{}", with(&query, "skip", &skip.to_string()));
    let row = |complaint: Complaint| Row {
        overdue: complaint.case.is_overdue(now),
        id: complaint.id.to_string(),
        name: people::masked_name(&complaint.name),
        model: complaint.model,
        reason: terms::reason(complaint.reason.as_str(), lang),
        question: complaint.question.map(|question| terms::question(&complaint.survey, &question, lang)),
        cause: complaint.case.class.cause.map(|cause| terms::class(cause.as_str(), lang)),
        level: Some(complaint.case.class.level)
            .filter(|level| *level != Level::Ordinary)
            .map(|level| terms::class(level.as_str(), lang)),
        stage: complaint.case.stage,
        step: StepKind::of_number(complaint.case.stage)
            .map_or(Cow::Borrowed(""), |kind| terms::act(kind.as_str(), lang)),
        closed: complaint.case.closed,
        owner: complaint.case.owner,
        passed: complaint.case.passed.is_some(),
        department: complaint.case.passed.map(|passed| passed.department).or(complaint.case.department),
        opened: view::moment(complaint.opened_at, now, zone),
        due: view::moment(complaint.closed_at.unwrap_or(complaint.case.due_at), now, zone),
    };
    let frame = Frame::of(state, who, lang, "/complaints");
    Ok(Page {
        words: frame.words,
        w,
        lang,
        tiles: tiles(summary, w),
        standings: standings(&filter, w),
        causes: choices(Cause::ALL.iter().map(|cause| cause.as_str()), params.text("cause"), lang),
        levels: choices(Level::ALL.iter().map(|level| level.as_str()), params.text("level"), lang),
        owners: owner_choices(owners, params.text("owner"), w),
        from: params.text("from").unwrap_or_default().to_owned(),
        to: params.text("to").unwrap_or_default().to_owned(),
        filtered: FILTERS.iter().any(|name| *name != "standing" && params.text(name).is_some()),
        plain: filter == Filter::default(),
        may_export: who.may(UserRole::Manager),
        rows: found.into_iter().map(row).collect(),
        total,
        first: if last > skip { skip + 1 } else { 0 },
        last,
        previous: (skip > 0).then(|| turn((skip - PER_PAGE).max(0))),
        next: (last < total).then(|| turn(skip + PER_PAGE)),
        query,
        frame,
    })
}

fn tiles(summary: Summary, w: &'static desk_words::Words) -> Vec<Tile> {
    let Summary { open, overdue, untouched, serious, unowned, passed } = summary;
    let tile = |name, count, query, alarm| Tile { name, count, query, alarm: alarm && count > 0 };
    vec![
        tile(w.open, open, "standing=open", false),
        tile(w.overdue, overdue, "standing=overdue", true),
        tile(w.untouched, untouched, "standing=untouched", false),
        tile(w.serious, serious, "level=serious", true),
        tile(w.unowned, unowned, "owner=nobody", false),
        tile(w.passed, passed, "standing=passed", false),
    ]
}

fn standings(filter: &Filter, w: &'static desk_words::Words) -> Vec<Choice> {
    let name = |standing| match standing {
        Standing::Open => w.open,
        Standing::Overdue => w.overdue,
        Standing::Untouched => w.untouched,
        Standing::Passed => w.passed,
        Standing::Closed => w.closed,
        Standing::All => w.all,
    };
    let choice = |standing: Standing| Choice {
        value: Cow::Borrowed(standing.as_str()),
        name: Cow::Borrowed(name(standing)),
        chosen: filter.standing == standing,
    };
    Standing::ALL.map(choice).into()
}

fn choices(words: impl Iterator<Item = &'static str>, chosen: Option<&str>, lang: Lang) -> Vec<Choice> {
    words.map(|word| Choice::of(word, terms::class(word, lang), chosen)).collect()
}

fn owner_choices(owners: Vec<String>, chosen: Option<&str>, w: &'static desk_words::Words) -> Vec<Choice> {
    let mut all = vec![(Cow::Borrowed(ME), Cow::Borrowed(w.me)), (Cow::Borrowed(NOBODY), Cow::Borrowed(w.nobody))];
    all.extend(owners.into_iter().map(|owner| (Cow::Owned(owner.clone()), Cow::Owned(owner))));
    all.into_iter().map(|(value, name)| Choice::of(value, name, chosen)).collect()
}
