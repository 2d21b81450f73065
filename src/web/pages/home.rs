//! `/`: today's run as it goes, and `/events`, which keeps it moving.
//!
//! Events are server-sent events (WHATWG HTML 9.2) in finite answers: the request waits until a section has changed, gets the changed sections and ends;
//! the browser comes back after `retry` and says by `Last-Event-ID` what it has. So no answer outlives a shutdown, and a proxy that buffers does no harm.

mod agents;
mod calls;
mod complaints;
mod control;
mod pace;
mod queue;
pub(in crate::web::pages) mod rates;
mod run;
mod trunks;

use super::{Frame, html, problem_page, view};
use crate::web::lang::Lang;
use crate::web::live::{Section, Snapshot, TICK};
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::state::WebState;
use crate::web::who::Who;
use crate::web::words::{Words, now};
use agents::{AgentsView, agents};
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use calls::{CallView, calls};
use chrono_tz::Tz;
use complaints::{ComplaintsView, complaints};
use control::{ControlView, control};
use pace::{PaceView, pace};
use queue::{QueueView, queue};
use rates::{RateRow, rates};
use run::{RunView, run};
use std::time::Duration;
use tokio::time::Instant;
use trunks::{TrunksView, trunks};

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
    n: &'static now::Words,
    version: i64,
    away: bool,
    as_of: String,
    run: RunView,
    calls: Vec<CallView>,
    queue: QueueView,
    rates: Vec<RateRow>,
    complaints: ComplaintsView,
    pace: Option<PaceView>,
    control: ControlView,
    agents: AgentsView,
    trunks: TrunksView,
}

macro_rules! fragments {
    ($($name:ident = $path:literal { $($field:ident: $type:ty),* })*) => {$(
        #[derive(Template)]
        #[template(path = $path)]
        struct $name { $($field: $type),* }
    )*};
}

fragments! {
    NoticePart = "board/notice.html" { words: &'static Words, away: bool, as_of: String }
    RunPart = "board/run.html" { words: &'static Words, run: RunView }
    CallsPart = "board/calls.html" { words: &'static Words, lang: Lang, calls: Vec<CallView> }
    QueuePart = "board/queue.html" { words: &'static Words, n: &'static now::Words, queue: QueueView }
    RatesPart = "board/rates.html" { words: &'static Words, rates: Vec<RateRow> }
    ComplaintsPart = "board/complaints.html" { words: &'static Words, lang: Lang, complaints: ComplaintsView }
    PacePart = "board/pace.html" { n: &'static now::Words, pace: Option<PaceView> }
    ControlPart = "board/control.html" { words: &'static Words, n: &'static now::Words, lang: Lang, control: ControlView }
    AgentsPart = "board/agents.html" { n: &'static now::Words, agents: AgentsView }
    TrunksPart = "board/trunks.html" { words: &'static Words, n: &'static now::Words, lang: Lang, trunks: TrunksView }
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
        complaints: complaints(board, &who, lang, zone),
        pace: pace(board, lang, zone),
        control: control(board, &who, lang, zone),
        agents: agents(board, &who, lang, zone),
        trunks: trunks(board, lang, zone),
        n: now::of(lang),
        frame: Frame::of(&state, &who, lang, "/"),
    };
    Ok(html(&page, StatusCode::OK))
}

/// Sections of the page that have changed, as server-sent events.
#[utoipa::path(get, path = "/events", tag = "pages", security(("token" = [])),
    params(("lang" = Option<String>, Query, description = "zh or en"),
           ("since" = Option<i64>, Query, description = "Version that the page has; Last-Event-ID wins"),
           ("Last-Event-ID" = Option<String>, Header, description = "As the browser sends it")),
    responses((status = 200, description = "Events notice, run, pace, control, calls, complaints, queue, agents, trunks, rates, each an HTML fragment; then the answer ends and the browser comes again", content_type = "text/event-stream"),
              (status = 400, description = "A parameter that cannot be used", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away and was never there", body = Problem, content_type = "application/problem+json")))]
pub async fn events(
    State(state): State<WebState>,
    who: Who,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
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
                push_event(&mut body, section, &snapshot, &who, lang, state.options().zone);
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

fn push_event(body: &mut String, section: Section, snapshot: &Snapshot, who: &Who, lang: Lang, zone: Tz) {
    let (board, words, n) = (&snapshot.board, lang.words(), now::of(lang));
    let fragment = match section {
        Section::Notice => NoticePart { words, away: snapshot.away, as_of: view::full_moment(board.at, zone) }.render(),
        Section::Run => RunPart { words, run: run(board, lang) }.render(),
        Section::Pace => PacePart { n, pace: pace(board, lang, zone) }.render(),
        Section::Control => ControlPart { words, n, lang, control: control(board, who, lang, zone) }.render(),
        Section::Calls => CallsPart { words, lang, calls: calls(board, lang) }.render(),
        Section::Complaints => ComplaintsPart { words, lang, complaints: complaints(board, who, lang, zone) }.render(),
        Section::Queue => QueuePart { words, n, queue: queue(board, lang, zone) }.render(),
        Section::Agents => AgentsPart { n, agents: agents(board, who, lang, zone) }.render(),
        Section::Trunks => TrunksPart { words, n, lang, trunks: trunks(board, lang, zone) }.render(),
        Section::Rates => RatesPart { words, rates: rates(&board.run_tally(), lang) }.render(),
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
