//! `/agent`: the page of somebody who takes calls, and `/agent/events`, which keeps it moving.
//!
//! Events come in finite answers, as on the status page (`home`). What a page has it says itself: a hash of each section, so that any engine can go on where
//! another left off, and a reload begins anew. The request that waits is the page's sign of life too: a browser slows timers of hidden pages down, but no answers.

use super::agent_parts::{self, Section};
use super::{Frame, html, problem_page};
use crate::web::agents::{self, Desk};
use crate::web::lang::Lang;
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::state::WebState;
use crate::web::who::Who;
use crate::web::words::Words;
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;
use tokio::time::Instant;

/// How long an event request waits for a change: whoever vanished without a word (no power, no network) waits no longer than this either.
const PATIENCE: Duration = Duration::from_secs(8);
/// How often it looks by itself: answers of a call that goes on wake nobody.
const TICK: Duration = Duration::from_secs(1);
/// How often a request that waits is noted as a sign of life; `agents.page_ttl_s` is 5 at least.
const ALIVE: Duration = Duration::from_secs(3);
/// How soon a browser comes back: a call that comes in the gap is shown so much later.
const RETRY_MS: u64 = 20;
/// How soon it comes back while the database is away.
const RETRY_AWAY_MS: u64 = 2000;

#[derive(Template)]
#[template(path = "agent.html")]
struct Page {
    frame: Frame,
    lang: Lang,
    words: &'static Words,
    now: String,
    cursor: String,
    parts: Vec<(&'static str, String)>,
}

impl Page {
    fn part(&self, name: &str) -> &str {
        self.parts.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text)
    }
}

#[derive(Template)]
#[template(path = "no_agent.html")]
struct NoAgent {
    frame: Frame,
    words: &'static Words,
}

/// The page of somebody who takes calls.
#[utoipa::path(get, path = "/agent", tag = "pages", security(("token" = [])),
    params(("lang" = Option<String>, Query, description = "zh or en; else the one chosen last, the browser's, the dealer's")),
    responses((status = 200, description = "The page; for somebody who takes no calls it says so", content_type = "text/html"),
              (status = 303, description = "A browser without a session goes to the sign-in form"),
              (status = 400, description = "A parameter that cannot be used", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", content_type = "text/html"),
              (status = 503, description = "The database is away", content_type = "text/html")))]
pub async fn agent(State(state): State<WebState>, who: Who, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let lang = Lang::of(&Params::read(&uri, &["lang"])?, &headers, &state.options().language)?;
    let frame = Frame::of(&state, &who, lang, "/agent");
    let desk = match agents::agent_of(&state, &who).await {
        Ok(agent) => agents::read(&state, &agent, true).await,
        Err(problem) if problem.status == StatusCode::NOT_FOUND => {
            return Ok(html(&NoAgent { words: frame.words, frame }, StatusCode::OK));
        }
        Err(problem) => Err(problem),
    };
    let desk = match desk {
        Ok(desk) => desk,
        Err(problem) => return Ok(problem_page(&state, &who, lang, "/agent", &problem)),
    };
    let parts = agent_parts::all(&desk, lang, state.options().zone);
    note_shown(&state, &who, &desk).await;
    let (cursor, now) = (Cursor::of(&parts).to_string(), desk.at.to_rfc3339());
    let parts = parts.into_iter().map(|(section, text)| (section.name(), text)).collect();
    Ok(html(&Page { words: frame.words, frame, lang, now, cursor, parts }, StatusCode::OK))
}

/// Sections of the agent's page that have changed, as server-sent events.
#[utoipa::path(get, path = "/agent/events", tag = "pages", security(("token" = [])),
    params(("lang" = Option<String>, Query, description = "zh or en"),
           ("since" = Option<String>, Query, description = "What the page has; Last-Event-ID wins"),
           ("Last-Event-ID" = Option<String>, Header, description = "As the browser sends it")),
    responses((status = 200, description = "Events notice, stand, call, caller, said, work, history, line, each an HTML fragment; then the answer ends and the browser comes again", content_type = "text/event-stream"),
              (status = 400, description = "A parameter that cannot be used", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", body = Problem, content_type = "application/problem+json"),
              (status = 404, description = "You take no calls", body = Problem, content_type = "application/problem+json")))]
pub async fn events(
    State(state): State<WebState>,
    who: Who,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = Params::read(&uri, &["lang", "since"])?;
    let lang = Lang::of(&params, &headers, &state.options().language)?;
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let has = Cursor::read(last.or(params.text("since")).unwrap_or_default());
    let (closing, until) = (state.closing(), Instant::now() + PATIENCE);
    // Heard from before the first look: what happens in between wakes the second one.
    let mut news = state.agent_news().hear(&state);
    let mut body = format!("retry: {RETRY_MS}\n\n");
    let agent = agents::agent_of(&state, &who).await;
    let mut alive_until = Instant::now();
    loop {
        let is_alive = Instant::now() >= alive_until;
        if is_alive {
            alive_until = Instant::now() + ALIVE;
        }
        let desk = match &agent {
            Ok(agent) => agents::read(&state, agent, is_alive).await,
            Err(problem) => Err(problem.clone()),
        };
        let desk = match desk {
            Ok(desk) => desk,
            Err(problem) if problem.status == StatusCode::SERVICE_UNAVAILABLE => {
                body = format!("retry: {RETRY_AWAY_MS}\n\n");
                push_event(&mut body, &has, "notice", &agent_parts::away(lang));
                break;
            }
            Err(problem) => return Err(problem),
        };
        let parts = agent_parts::all(&desk, lang, state.options().zone);
        let now = Cursor::of(&parts);
        if now != has {
            let news: Vec<_> = parts.iter().filter(|(section, _)| now.hash(*section) != has.hash(*section)).collect();
            if news.iter().any(|(section, text)| section.is_personal() && !text.is_empty()) {
                note_shown(&state, &who, &desk).await;
            }
            news.into_iter().for_each(|(section, text)| push_event(&mut body, &now, section.name(), text));
            break;
        }
        if Instant::now() >= until {
            body.push_str(": nothing new\n\n");
            break;
        }
        let transfer = desk.transfer.as_ref().map(|transfer| transfer.id);
        tokio::select! {
            () = agents::changed(&mut news, desk.agent.id, transfer) => {}
            () = tokio::time::sleep(TICK) => {}
            () = closing.cancelled() => break,
        }
    }
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"))], body).into_response())
}

/// The audit log has who was shown to whom, once for each hand-over. A caller who waits does not wait for it: where it fails, the log says so.
async fn note_shown(state: &WebState, who: &Who, desk: &Desk) {
    let Some(transfer) = &desk.transfer else { return };
    let detail = serde_json::json!({ "follow_up": transfer.follow_up_id });
    if state.audit_once(who, "caller.show", format!("transfer:{}", transfer.id), detail).await.is_err() {
        tracing::error!(transfer = %transfer.id, "who was shown to an agent could not be written into the audit log");
    }
}

fn push_event(body: &mut String, now: &Cursor, name: &str, fragment: &str) {
    body.push_str(&format!("id: {now}\nevent: {name}\n"));
    // An empty fragment is news too: it empties the section.
    for line in fragment.lines().chain(fragment.is_empty().then_some("")) {
        body.push_str("data: ");
        body.push_str(line);
        body.push('\n');
    }
    body.push('\n');
}

/// What a page has: a hash of each section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Cursor([u64; Section::ALL.len()]);

impl Cursor {
    fn of(parts: &[(Section, String)]) -> Cursor {
        let mut hashes = [0; Section::ALL.len()];
        for ((_, text), slot) in parts.iter().zip(&mut hashes) {
            let mut hasher = DefaultHasher::new();
            text.hash(&mut hasher);
            *slot = hasher.finish();
        }
        Cursor(hashes)
    }

    /// As a browser gives it back; what cannot be read has nothing.
    fn read(text: &str) -> Cursor {
        let mut hashes = [0; Section::ALL.len()];
        for (part, slot) in text.split('-').zip(&mut hashes) {
            *slot = u64::from_str_radix(part, 16).unwrap_or(0);
        }
        Cursor(hashes)
    }

    fn hash(&self, section: Section) -> Option<u64> {
        Section::ALL.iter().position(|known| *known == section).and_then(|place| self.0.get(place)).copied()
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, hash) in self.0.iter().enumerate() {
            write!(f, "{}{hash:x}", if i > 0 { "-" } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_what_it_has() {
        let parts: Vec<_> = Section::ALL.into_iter().map(|section| (section, section.name().to_owned())).collect();
        let cursor = Cursor::of(&parts);
        assert_eq!(Cursor::read(&cursor.to_string()), cursor);
        for nonsense in ["", "-", "zz-1", &"1-".repeat(100)] {
            assert_ne!(Cursor::read(nonsense), cursor, "{nonsense}");
        }
        let mut other = parts.clone();
        other[2].1.push('!');
        let changed: Vec<_> =
            Section::ALL.into_iter().filter(|s| Cursor::of(&other).hash(*s) != cursor.hash(*s)).collect();
        assert_eq!(changed, [Section::ALL[2]]);
    }

    #[test]
    fn an_empty_section_is_an_event_too() {
        let mut body = String::new();
        push_event(&mut body, &Cursor::default(), "call", "");
        assert!(body.ends_with("event: call\ndata: \n\n"), "{body}");
    }
}
