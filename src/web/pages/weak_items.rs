//! `/weak-items`: what is being mended and what is proposed; `/weak-items/{id}`: one plan with its form, its figures before and since, and its history. Forms work
//! without a script.

use super::form::{Fields, Given};
use super::satisfaction::{Shown, shown};
use super::{Frame, html, problem_page, view};
use crate::report::satisfaction::OfItem;
use crate::report::weak::{Followed, Weak};
use crate::weak_item::{Act, State as Stand, StepKind, Terms};
use crate::web::api::weak_items as api;
use crate::web::lang::Lang;
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::state::WebState;
use crate::web::terms;
use crate::web::weak_items as desk;
use crate::web::who::Who;
use crate::web::words::{Words, weak as words};
use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{Days, NaiveDate};
use std::borrow::Cow;

/// A measure has so many days when nobody says otherwise.
const USUAL_DAYS: u64 = 30;

#[derive(Template)]
#[template(path = "weak_items.html")]
struct ListPage {
    frame: Frame,
    words: &'static Words,
    w: &'static words::Words,
    lang: Lang,
    plans: Vec<PlanRow>,
    proposed: Vec<Proposal>,
    target: u8,
    due: String,
    may: bool,
}

#[derive(Template)]
#[template(path = "weak_item.html")]
struct PlanPage {
    frame: Frame,
    words: &'static Words,
    w: &'static words::Words,
    lang: Lang,
    row: PlanRow,
    measure: String,
    revision: i32,
    opened: String,
    history: Vec<Line>,
    days: u32,
    /// Who looks may change it, and it goes on.
    may: bool,
    /// It may be checked today.
    checkable: bool,
}

struct PlanRow {
    id: String,
    item: Cow<'static, str>,
    survey: Cow<'static, str>,
    target: i16,
    department: String,
    owner: String,
    due: String,
    overdue: bool,
    round: i16,
    state: &'static str,
    before: Option<Shown>,
    since: Option<Shown>,
}

struct Proposal {
    survey: String,
    question: String,
    item: Cow<'static, str>,
    named: Cow<'static, str>,
    shown: Shown,
}

struct Line {
    at: String,
    person: String,
    what: &'static str,
    note: String,
}

fn state_word(state: Stand, w: &'static words::Words) -> &'static str {
    match state {
        Stand::InProgress => w.in_progress,
        Stand::Settled => w.settled,
        Stand::Dropped => w.dropped,
    }
}

fn row(followed: &Followed, today: NaiveDate, w: &'static words::Words, lang: Lang) -> PlanRow {
    let (plan, case) = (&followed.plan, &followed.plan.case);
    PlanRow {
        id: plan.id.to_string(),
        item: terms::question(&plan.survey, &plan.question, lang),
        survey: terms::survey(&plan.survey, "", lang),
        target: case.terms.target,
        department: case.terms.department.clone(),
        owner: case.terms.owner.clone(),
        due: case.terms.due_on.to_string(),
        overdue: case.is_overdue(today),
        round: case.round,
        state: state_word(case.state, w),
        before: followed.before.as_ref().map(|scores| shown(scores, lang)),
        since: followed.since.as_ref().map(|scores| shown(scores, lang)),
    }
}

/// Plans and proposals.
#[utoipa::path(get, path = "/weak-items", tag = "pages", security(("token" = [])), params(("lang" = Option<String>, Query, description = "zh or en")),
    responses((status = 200, description = "The page", content_type = "text/html"),
              (status = 303, description = "A browser without token or session goes to the sign-in form"),
              (status = 400, description = "A parameter that cannot be used", content_type = "text/html"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", content_type = "text/html"),
              (status = 503, description = "The database is away", content_type = "text/html")))]
pub async fn list(State(state): State<WebState>, who: Who, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let lang = Lang::of(&Params::read(&uri, &["lang"])?, &headers, &state.options().language)?;
    let Weak { plans, proposed } = match api::read(&state).await {
        Ok(weak) => weak,
        Err(problem) => return Ok(problem_page(&state, &who, lang, "/", &problem)),
    };
    let (w, today) = (words::of(lang), state.today());
    let proposal = |item: OfItem| Proposal {
        item: terms::question(&item.item.survey, &item.item.question, lang),
        named: terms::survey(&item.item.survey, "", lang),
        shown: shown(&item.scores, lang),
        survey: item.item.survey,
        question: item.item.question,
    };
    let page = ListPage {
        frame: Frame::of(&state, &who, lang, "/weak-items"),
        words: lang.words(),
        w,
        lang,
        plans: plans.iter().map(|plan| row(plan, today, w, lang)).collect(),
        proposed: proposed.into_iter().map(proposal).collect(),
        target: state.options().weak.target,
        due: today.checked_add_days(Days::new(USUAL_DAYS)).unwrap_or(today).to_string(),
        may: who.may(crate::db::state::UserRole::Manager),
    };
    Ok(html(&page, StatusCode::OK))
}

/// One plan.
#[utoipa::path(get, path = "/weak-items/{id}", tag = "pages", security(("token" = [])),
    params(("id" = uuid::Uuid, Path, description = "Id of the plan"), ("lang" = Option<String>, Query, description = "zh or en")),
    responses((status = 200, description = "The page", content_type = "text/html"),
              (status = 303, description = "A browser without token or session goes to the sign-in form"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", content_type = "text/html"),
              (status = 404, description = "No such plan", content_type = "text/html"),
              (status = 503, description = "The database is away", content_type = "text/html")))]
pub async fn plan(
    State(state): State<WebState>,
    who: Who,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let lang = Lang::of(&Params::read(&uri, &["lang"])?, &headers, &state.options().language)?;
    let (followed, steps) = match api::one(&state, &id).await {
        Ok(found) => found,
        Err(problem) => return Ok(problem_page(&state, &who, lang, "/weak-items", &problem)),
    };
    let (w, today, zone) = (words::of(lang), state.today(), state.options().zone);
    let line = |step: crate::db::weak_items::Step| Line {
        at: view::full_moment(step.done_at, zone),
        person: step.person,
        what: match step.kind {
            StepKind::Open => w.opened,
            StepKind::Change => w.changed,
            StepKind::Check => w.checked,
            StepKind::Drop => w.given_up,
        },
        note: step.note,
    };
    let goes_on = followed.plan.case.state == Stand::InProgress;
    let page = PlanPage {
        frame: Frame::of(&state, &who, lang, format!("/weak-items/{id}")),
        words: lang.words(),
        w,
        lang,
        row: row(&followed, today, w, lang),
        measure: followed.plan.case.terms.measure.clone(),
        revision: followed.plan.revision,
        opened: view::full_moment(followed.plan.opened_at, zone),
        history: steps.into_iter().map(line).collect(),
        days: state.options().weak.days,
        may: goes_on && who.may(crate::db::state::UserRole::Manager),
        checkable: followed.plan.case.is_due(today),
    };
    Ok(html(&page, StatusCode::OK))
}

/// What the forms of plans hold.
struct Sent(Fields);

impl Sent {
    fn of(form: Given) -> Result<Sent, Problem> {
        Fields::of(form).map(Sent)
    }

    fn text(&self, name: &str) -> &str {
        self.0.text(name)
    }

    fn day(&self, name: &'static str) -> Result<NaiveDate, Problem> {
        self.text(name).parse().map_err(|_| Problem::parameter(name, "is not a date (YYYY-MM-DD is wanted)"))
    }

    fn terms(&self) -> Result<Terms, Problem> {
        let target =
            self.text("target").parse().map_err(|_| Problem::parameter("target", "is not a number of percent"))?;
        let text = |name: &str| self.text(name).to_owned();
        Ok(Terms {
            target,
            department: text("department"),
            measure: text("measure"),
            owner: text("owner"),
            due_on: self.day("due_on")?,
        })
    }

    fn act(&self) -> Result<Act, Problem> {
        let note = self.text("note").to_owned();
        match self.text("act") {
            "change" => Ok(Act::Change(self.terms()?)),
            "settled" => Ok(Act::Check { settled: true, note, again: None }),
            "unsettled" => Ok(Act::Check { settled: false, note, again: Some(self.day("again")?) }),
            "drop" => Ok(Act::Drop { note }),
            _ => Err(Problem::parameter("act", "is none of change, settled, unsettled, drop")),
        }
    }
}

/// Makes a plan.
#[utoipa::path(post, path = "/weak-items", tag = "pages", security(("token" = [])), params(("lang" = Option<String>, Query, description = "zh or en")),
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "survey, question, target, department, measure, owner, due_on; `csrf` (with a session)"),
    responses((status = 303, description = "Made, to the plan's page"),
              (status = 400, description = "What cannot be used is named", content_type = "text/html"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role, or without the session's token", body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "One for this item is open already", content_type = "text/html"),
              (status = 503, description = "The database is away", content_type = "text/html")))]
pub async fn open(
    State(state): State<WebState>,
    who: Who,
    uri: Uri,
    headers: HeaderMap,
    form: Given,
) -> Result<Response, Problem> {
    let lang = Lang::of(&Params::read(&uri, &["lang"])?, &headers, &state.options().language)?;
    let made = async {
        let fields = Sent::of(form)?;
        desk::open(&state, &who, fields.text("survey"), fields.text("question"), fields.terms()?).await
    };
    match made.await {
        Ok(id) => Ok(Redirect::to(&format!("/weak-items/{id}?lang={}", lang.code())).into_response()),
        Err(problem) => Ok(problem_page(&state, &who, lang, "/weak-items", &problem)),
    }
}

/// Changes, checks or drops a plan.
#[utoipa::path(post, path = "/weak-items/{id}", tag = "pages", security(("token" = [])),
    params(("id" = uuid::Uuid, Path, description = "Id of the plan"), ("lang" = Option<String>, Query, description = "zh or en")),
    request_body(content = String, content_type = "application/x-www-form-urlencoded",
        description = "`act`: change (with the plan's fields), settled or unsettled (with note, again), drop (with note); revision; `csrf` (with a session)"),
    responses((status = 303, description = "Done, to the plan's page"),
              (status = 400, description = "What cannot be used is named", content_type = "text/html"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role, or without the session's token", body = Problem, content_type = "application/problem+json"),
              (status = 404, description = "No such plan", content_type = "text/html"),
              (status = 409, description = "Ended, too early, one's own work, or changed by somebody else meanwhile", content_type = "text/html"),
              (status = 503, description = "The database is away", content_type = "text/html")))]
pub async fn act(
    State(state): State<WebState>,
    who: Who,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    form: Given,
) -> Result<Response, Problem> {
    let lang = Lang::of(&Params::read(&uri, &["lang"])?, &headers, &state.options().language)?;
    let done = async {
        let fields = Sent::of(form)?;
        let seen = fields.text("revision").parse().map_err(|_| Problem::parameter("revision", "is not a number"))?;
        desk::act(&state, &who, desk::id(&id)?, Some(seen), fields.act()?).await
    };
    match done.await {
        Ok(()) => Ok(Redirect::to(&format!("/weak-items/{id}?lang={}", lang.code())).into_response()),
        Err(problem) => Ok(problem_page(&state, &who, lang, &format!("/weak-items/{id}"), &problem)),
    }
}
