//! `/trunks`: how well each trunk serves, what its calls ended with, and what has fallen.

use super::{Frame, html, problem_page, view};
use crate::db::state::TrunkState;
use crate::db::trunk_states::Seen;
use crate::rates::trunk::{FIGURES, Figures, fallen};
use crate::web::api::trunks::{self as api, Read};
use crate::web::lang::Lang;
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::roles;
use crate::web::state::WebState;
use crate::web::terms;
use crate::web::who::Who;
use crate::web::words::{Words, signalling};
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use chrono_tz::Tz;
use std::borrow::Cow;

/// The period of the page.
const HOURS: u32 = 24;
/// Causes that a trunk shows.
const MOST_CAUSES: usize = 12;

#[derive(Template)]
#[template(path = "trunks.html")]
struct Page {
    frame: Frame,
    words: &'static Words,
    w: &'static signalling::Words,
    heads: Vec<(&'static str, &'static str)>,
    states: Vec<StateRow>,
    trunks: Vec<Trunk>,
}

struct StateRow {
    trunk: String,
    state: Cow<'static, str>,
    down: bool,
    why: Option<String>,
    places: String,
    registered_until: Option<String>,
    since: String,
    node: String,
}

struct Trunk {
    name: String,
    calls: u64,
    answered: u64,
    figures: Vec<String>,
    fallen: Vec<String>,
    causes: Vec<(i64, String, Cow<'static, str>)>,
}

/// The trunks' figures for people.
#[utoipa::path(get, path = "/trunks", tag = "pages", security(("token" = [])),
    params(("lang" = Option<String>, Query, description = "zh or en")),
    responses((status = 200, description = "The page", content_type = "text/html"),
              (status = 303, description = "A browser without token or session goes to the sign-in form"),
              (status = 400, description = "A parameter that cannot be used", content_type = "text/html"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", content_type = "text/html"),
              (status = 503, description = "The database is away", content_type = "text/html")))]
pub async fn trunks(
    State(state): State<WebState>,
    who: Who,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = Params::read(&uri, &["lang"])?;
    let lang = Lang::of(&params, &headers, &state.options().language)?;
    let read = match api::read(&state, state.clock().now(), HOURS).await {
        Ok(read) => read,
        Err(problem) => return Ok(problem_page(&state, &who, lang, roles::home(who.role()), &problem)),
    };
    let page = Page {
        frame: Frame::of(&state, &who, lang, "/trunks"),
        words: lang.words(),
        w: signalling::of(lang),
        heads: FIGURES.iter().map(|d| (lang.pick(d.name_zh, d.name_en), lang.pick(d.meaning_zh, d.meaning))).collect(),
        states: states(&read, lang, state.options().zone),
        trunks: all(read, lang),
    };
    Ok(html(&page, StatusCode::OK))
}

fn states(read: &Read, lang: Lang, zone: Tz) -> Vec<StateRow> {
    let row = |seen: &Seen| StateRow {
        trunk: seen.trunk.clone(),
        state: terms::state(seen.state.as_str(), lang),
        down: seen.state == TrunkState::Down,
        why: seen.why.clone(),
        places: seen.places.clone(),
        registered_until: seen.registered_until.map(|at| view::full_moment(at, zone)),
        since: view::full_moment(seen.since, zone),
        node: seen.node.clone(),
    };
    read.states.iter().map(row).collect()
}

fn all(read: Read, lang: Lang) -> Vec<Trunk> {
    let Read { counts, causes, trends, .. } = read;
    let (words, w) = (lang.words(), signalling::of(lang));
    let trunk = |row: crate::db::trunk_figures::TrunkCounts| {
        let Figures { asr, ner, acd_s, pdd_p50_ms, pdd_p95_ms } = Figures::of(&row.counts);
        let none = || words.nothing_counted.to_owned();
        let ms = |value: Option<u64>| value.map_or_else(none, |ms| format!("{:.1} s", ms as f64 / 1000.0));
        let acd = acd_s.map_or_else(none, |seconds| format!("{seconds:.0} s"));
        let trend = trends.iter().find(|trend| trend.trunk == row.trunk);
        let found = trend.map(|trend| fallen(&trend.now, &trend.before)).unwrap_or_default();
        let sentence = |f: crate::rates::trunk::Fallen| {
            let name = FIGURES.iter().find(|d| d.key == f.figure).map_or(f.figure, |d| lang.pick(d.name_zh, d.name_en));
            let value = |value: f64| match f.figure {
                "asr" | "ner" => format!("{:.1} %", value * 100.0),
                "acd" => format!("{value:.0} s"),
                _ => format!("{:.1} s", value / 1000.0),
            };
            let (now, before) = (value(f.now), value(f.before));
            format!("{name} {}: {now} {}, {before} {}", w.fallen, w.last_hour, w.week_before)
        };
        let mine = causes.iter().filter(|cause| cause.trunk == row.trunk).take(MOST_CAUSES);
        let causes = mine.map(|cause| {
            let status = cause.sip_status.map_or("–".to_owned(), |status| format!("SIP {status}"));
            let q850 = cause.q850.map(|cause| format!(" · Q.850 {cause}")).unwrap_or_default();
            (cause.count, format!("{status}{q850}"), terms::disposition(&cause.disposition, lang))
        });
        Trunk {
            calls: row.counts.seizures,
            answered: row.counts.answered,
            figures: vec![view::percent(&asr, words), view::percent(&ner, words), acd, ms(pdd_p50_ms), ms(pdd_p95_ms)],
            fallen: found.into_iter().map(sentence).collect(),
            causes: causes.collect(),
            name: row.trunk,
        }
    };
    counts.into_iter().map(trunk).collect()
}
