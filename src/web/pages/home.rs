//! `/`: today's run as it goes, and `/events`, which keeps it moving.
//!
//! Events are server-sent events (WHATWG HTML 9.2) in finite answers: the request waits until a section has changed, gets the changed sections and ends;
//! the browser comes back after `retry` and says by `Last-Event-ID` what it has. So no answer outlives a shutdown, and a proxy that buffers does no harm.

use super::view::{self, Piece};
use super::{Frame, html, problem_page};
use crate::db::controls;
use crate::db::state::{CampaignState, FollowUpState};
use crate::phone::E164;
use crate::rates::{Group, RATES, Tally};
use crate::web::api::status::CallState;
use crate::web::lang::Lang;
use crate::web::live::{Board, Section, Snapshot, TICK};
use crate::web::params::Params;
use crate::web::people;
use crate::web::problem::Problem;
use crate::web::state::WebState;
use crate::web::terms;
use crate::web::who::Who;
use crate::web::words::Words;
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use chrono_tz::Tz;
use std::borrow::Cow;
use std::time::Duration;
use tokio::time::Instant;

/// How long an event request waits for a change.
const PATIENCE: Duration = Duration::from_secs(20);
/// How soon a browser comes back.
const RETRY_MS: u64 = 200;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    frame: Frame,
    lang: Lang,
    words: &'static Words,
    version: i64,
    away: bool,
    as_of: String,
    run: RunView,
    calls: Vec<CallView>,
    queue: QueueView,
    rates: Vec<RateRow>,
    complaints: ComplaintsView,
}

macro_rules! fragments {
    ($($name:ident = $path:literal { $($field:ident: $type:ty),* })*) => {$(
        #[derive(Template)]
        #[template(path = $path)]
        struct $name { words: &'static Words, $($field: $type),* }
    )*};
}

fragments! {
    NoticePart = "board/notice.html" { away: bool, as_of: String }
    RunPart = "board/run.html" { run: RunView }
    CallsPart = "board/calls.html" { lang: Lang, calls: Vec<CallView> }
    QueuePart = "board/queue.html" { queue: QueueView }
    RatesPart = "board/rates.html" { rates: Vec<RateRow> }
    ComplaintsPart = "board/complaints.html" { lang: Lang, complaints: ComplaintsView }
}

struct RunView {
    owed: u64,
    closed: u64,
    open: u64,
    bar: Vec<Piece>,
    outcomes: Vec<OutcomeRow>,
    attempts: u64,
    unclassified: u64,
}

struct OutcomeRow {
    tone: &'static str,
    name: Cow<'static, str>,
    count: u64,
}

struct CallView {
    follow_up: String,
    number: String,
    trunk: String,
    state: Cow<'static, str>,
    talking: bool,
    unhappy: bool,
    length: String,
    question: Option<Cow<'static, str>>,
}

struct QueueView {
    rows: Vec<QueueRow>,
    next_due: Option<String>,
    waits_for: Option<Cow<'static, str>>,
    held: Vec<HeldRow>,
}

struct HeldRow {
    campaign: Option<String>,
    words: &'static str,
    since: String,
}

struct QueueRow {
    name: Cow<'static, str>,
    count: i64,
    due: i64,
    alarm: bool,
}

struct RateRow {
    name: &'static str,
    meaning: &'static str,
    formula: String,
    percent: String,
    counted: bool,
    numerator: u64,
    denominator: u64,
    n: u64,
    width: u64,
}

struct ComplaintsView {
    open: i64,
    overdue: i64,
    rows: Vec<ComplaintRow>,
}

struct ComplaintRow {
    follow_up: String,
    name: String,
    model: Option<String>,
    reason: Cow<'static, str>,
    question: Option<Cow<'static, str>>,
    opened: String,
    contact_by: String,
    overdue: bool,
}

/// Today's run, live.
#[utoipa::path(get, path = "/", tag = "pages", security(("token" = [])),
    params(("lang" = Option<String>, Query, description = "zh or en; else the browser's, else the dealer's")),
    responses((status = 200, description = "The page", content_type = "text/html"),
              (status = 303, description = "A browser without token or session goes to the sign-in form"),
              (status = 400, description = "A parameter that cannot be used", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", content_type = "text/html"),
              (status = 503, description = "The database is away", content_type = "text/html")))]
pub async fn home(State(state): State<WebState>, who: Who, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let params = Params::read(&uri, &["lang"])?;
    let lang = Lang::of(&params, &headers, &state.options().language)?;
    let snapshot = match state.live().snapshot(&state).await {
        Ok(snapshot) => snapshot,
        Err(problem) => return Ok(problem_page(&state, &who, lang, "/", &problem)),
    };
    let (board, zone) = (&snapshot.board, state.options().zone);
    let page = Home {
        lang,
        words: lang.words(),
        version: snapshot.version(),
        away: snapshot.away,
        as_of: view::full_moment(board.at, zone),
        run: run(board, lang),
        calls: calls(board, lang),
        queue: queue(board, lang, zone),
        rates: rates(&board.run_tally(), lang),
        complaints: complaints(board, lang, zone),
        frame: Frame::of(&state, &who, lang, "/"),
    };
    Ok(html(&page, StatusCode::OK))
}

/// Sections of the page that have changed, as server-sent events.
#[utoipa::path(get, path = "/events", tag = "pages", security(("token" = [])),
    params(("lang" = Option<String>, Query, description = "zh or en"),
           ("since" = Option<i64>, Query, description = "Version that the page has; Last-Event-ID wins"),
           ("Last-Event-ID" = Option<String>, Header, description = "As the browser sends it")),
    responses((status = 200, description = "Events notice, run, calls, queue, rates, complaints, each an HTML fragment; then the answer ends and the browser comes again", content_type = "text/event-stream"),
              (status = 400, description = "A parameter that cannot be used", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away and was never there", body = Problem, content_type = "application/problem+json")))]
pub async fn events(State(state): State<WebState>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let params = Params::read(&uri, &["lang", "since"])?;
    let lang = Lang::of(&params, &headers, &state.options().language)?;
    let since: Option<i64> = params.parsed("since", "a version number", |text| text.parse().ok())?;
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    let since = last.or(since).unwrap_or(0);
    let closing = state.closing();
    let until = Instant::now() + PATIENCE;
    let mut body = format!("retry: {RETRY_MS}\n\n");
    loop {
        let snapshot = state.live().snapshot(&state).await?;
        if snapshot.version() > since {
            for section in snapshot.after(since) {
                push_event(&mut body, section, &snapshot, lang, state.options().zone);
            }
            break;
        }
        if Instant::now() >= until {
            body.push_str(": nothing new\n\n");
            break;
        }
        tokio::select! {
            () = tokio::time::sleep(TICK) => {}
            () = closing.cancelled() => break,
        }
    }
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"))], body).into_response())
}

fn push_event(body: &mut String, section: Section, snapshot: &Snapshot, lang: Lang, zone: Tz) {
    let (board, words) = (&snapshot.board, lang.words());
    let fragment = match section {
        Section::Notice => NoticePart { words, away: snapshot.away, as_of: view::full_moment(board.at, zone) }.render(),
        Section::Run => RunPart { words, run: run(board, lang) }.render(),
        Section::Calls => CallsPart { lang, words, calls: calls(board, lang) }.render(),
        Section::Queue => QueuePart { words, queue: queue(board, lang, zone) }.render(),
        Section::Rates => RatesPart { words, rates: rates(&board.run_tally(), lang) }.render(),
        Section::Complaints => ComplaintsPart { lang, words, complaints: complaints(board, lang, zone) }.render(),
    };
    match fragment {
        Ok(fragment) => {
            body.push_str(&format!("id: {}\nevent: {}\n", snapshot.version(), section.name()));
            for line in fragment.lines() {
                body.push_str("data: ");
                body.push_str(line);
                body.push('\n');
            }
            body.push('\n');
        }
        Err(error) => tracing::error!(%error, section = section.name(), "a fragment could not be written"),
    }
}

fn run(board: &Board, lang: Lang) -> RunView {
    let tally = board.run_tally();
    let mut parts: Vec<(&'static str, u64)> = Vec::new();
    for group in Group::ALL {
        let (tone, count) = (terms::tone(Some(group)), tally.count(group));
        match parts.iter_mut().find(|(known, _)| *known == tone) {
            Some((_, sum)) => *sum += count,
            None => parts.push((tone, count)),
        }
    }
    // what is still open stays at the end of the bar
    parts.insert(parts.len() - 1, (terms::tone(None), tally.unclassified()));
    let mut rows: Vec<(usize, OutcomeRow)> = Vec::new();
    for row in &board.run {
        let Some(disposition) = &row.disposition else { continue };
        let tone = terms::tone(row.aapor.as_deref().and_then(Group::of_code));
        let place = parts.iter().position(|(known, _)| *known == tone).unwrap_or(parts.len());
        let count = u64::try_from(row.count).unwrap_or(0);
        rows.push((place, OutcomeRow { tone, name: terms::disposition(disposition, lang), count }));
    }
    rows.sort_by(|(a, one), (b, other)| a.cmp(b).then(other.count.cmp(&one.count)));
    RunView {
        owed: tally.total(),
        closed: tally.closed(),
        open: tally.count(Group::Open),
        bar: view::bar(&parts),
        outcomes: rows.into_iter().map(|(_, row)| row).collect(),
        attempts: board.attempts.iter().map(|row| u64::try_from(row.count).unwrap_or(0)).sum(),
        unclassified: tally.unclassified(),
    }
}

fn calls(board: &Board, lang: Lang) -> Vec<CallView> {
    let view = |call: &crate::db::status::LiveCall| {
        let state = CallState::of(call);
        CallView {
            follow_up: call.follow_up.to_string(),
            number: E164::masked(&call.number),
            trunk: call.trunk.clone(),
            state: terms::state(state.as_str(), lang),
            talking: state == CallState::Talking,
            unhappy: call.unhappy,
            length: view::length(board.at - call.answered_at.unwrap_or(call.began_at)),
            question: call.last_question.as_ref().map(|question| terms::question(&call.survey, question, lang)),
        }
    };
    board.calls.iter().map(view).collect()
}

fn queue(board: &Board, lang: Lang, zone: Tz) -> QueueView {
    let open = board.depth.iter().filter(|depth| match depth.state {
        FollowUpState::Waiting
        | FollowUpState::Retry
        | FollowUpState::CallBack
        | FollowUpState::InCall
        | FollowUpState::NeedsReview => depth.count > 0,
        FollowUpState::Done | FollowUpState::Expired => false,
    });
    let mut rows: Vec<(FollowUpState, QueueRow)> = open
        .map(|depth| {
            let name = terms::state(depth.state.as_str(), lang);
            let alarm = depth.state == FollowUpState::NeedsReview;
            (depth.state, QueueRow { name, count: depth.count, due: depth.due, alarm })
        })
        .collect();
    rows.sort_by_key(|(state, _)| *state);
    let words = lang.words();
    let moment = |at| if at <= board.at { words.due_now.to_owned() } else { view::moment(at, board.at, zone) };
    let next_due = match &board.next {
        Some(next) => Some(next.dialled_from.map_or_else(|| words.not_by_itself.to_owned(), moment)),
        None => board.next_due.map(moment),
    };
    let held = board.campaigns.iter().filter_map(|campaign| {
        let words = match campaign.state {
            CampaignState::Running => return None,
            CampaignState::Paused => words.dialling_paused,
            CampaignState::Draining => words.dialling_drained,
        };
        let key = (campaign.key != controls::ALL).then(|| campaign.key.clone());
        Some(HeldRow { campaign: key, words, since: view::moment(campaign.changed_at, board.at, zone) })
    });
    QueueView {
        next_due,
        waits_for: board.next.as_ref().map(|next| terms::wait(&next.waits_for, lang)),
        held: held.collect(),
        rows: rows.into_iter().map(|(_, row)| row).collect(),
    }
}

fn rates(tally: &Tally, lang: Lang) -> Vec<RateRow> {
    let row = |definition: &'static crate::rates::Definition| {
        let rate = definition.of(tally);
        RateRow {
            name: lang.pick(definition.name_zh, definition.name_en),
            meaning: lang.pick(definition.meaning_zh, definition.meaning),
            formula: definition.formula(),
            percent: view::percent(&rate, lang.words()),
            counted: rate.value.is_some(),
            numerator: rate.numerator,
            denominator: rate.denominator,
            n: rate.n,
            width: (rate.value.unwrap_or(0.0) * 1000.0) as u64,
        }
    };
    RATES.iter().filter(|definition| !definition.key.starts_with("share_")).map(row).collect()
}

fn complaints(board: &Board, lang: Lang, zone: Tz) -> ComplaintsView {
    let row = |complaint: &crate::db::status::RecentComplaint| ComplaintRow {
        follow_up: complaint.follow_up.to_string(),
        name: people::masked_name(&complaint.name),
        model: complaint.model.clone(),
        reason: terms::reason(complaint.reason.as_str(), lang),
        question: complaint.question.as_ref().map(|question| terms::question(&complaint.survey, question, lang)),
        opened: view::moment(complaint.opened_at, board.at, zone),
        contact_by: view::moment(complaint.due_at, board.at, zone),
        overdue: complaint.is_overdue(board.at),
    };
    ComplaintsView {
        open: board.complaint_counts.0,
        overdue: board.complaint_counts.1,
        rows: board.complaints.iter().map(row).collect(),
    }
}
