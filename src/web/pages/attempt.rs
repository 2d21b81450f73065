//! `/attempts/{id}`: what went over the wire in one attempt: the ladder, the media, the timeline, the messages. Always masked; in clear only by `huifang trace --raw`.

use super::view;
use super::{Frame, html, problem_page};
use crate::call::ladder::Names;
use crate::call::trace::mask::mask_message;
use crate::db::story::AttemptStory;
use crate::db::{sip_messages, story};
use crate::dialer::traces;
use crate::ids::AttemptId;
use crate::web::lang::Lang;
use crate::web::params::{self, Params};
use crate::web::problem::Problem;
use crate::web::roles;
use crate::web::state::WebState;
use crate::web::terms;
use crate::web::who::Who;
use crate::web::words::{Words, signalling};
use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use std::borrow::Cow;

#[derive(Template)]
#[template(path = "attempt.html")]
struct Page {
    frame: Frame,
    words: &'static Words,
    w: &'static signalling::Words,
    follow_up: String,
    ordinal: i32,
    number: String,
    trunk: String,
    began: String,
    disposition: Option<Cow<'static, str>>,
    detail: Option<String>,
    media: Option<String>,
    kept: bool,
    missing: i32,
    arrows: usize,
    ladder: String,
    timeline: Vec<(String, Cow<'static, str>, String)>,
    messages: Vec<(String, String)>,
}

/// The signalling of one attempt for people.
#[utoipa::path(get, path = "/attempts/{id}", tag = "pages", security(("token" = [])),
    params(("id" = uuid::Uuid, Path, description = "Id of the attempt"),
           ("lang" = Option<String>, Query, description = "zh or en")),
    responses((status = 200, description = "The page", content_type = "text/html"),
              (status = 303, description = "A browser without token or session goes to the sign-in form"),
              (status = 400, description = "A parameter that cannot be used", content_type = "text/html"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "Not for your role", content_type = "text/html"),
              (status = 404, description = "No such attempt", content_type = "text/html"),
              (status = 503, description = "The database is away", content_type = "text/html")))]
pub async fn attempt(
    State(state): State<WebState>,
    who: Who,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = Params::read(&uri, &["lang"])?;
    let lang = Lang::of(&params, &headers, &state.options().language)?;
    let page = match read(&state, &who, &id, lang).await {
        Ok(page) => page,
        Err(problem) => return Ok(problem_page(&state, &who, lang, roles::home(who.role()), &problem)),
    };
    Ok(html(&page, StatusCode::OK))
}

async fn read(state: &WebState, who: &Who, id: &str, lang: Lang) -> Result<Page, Problem> {
    let id = AttemptId(params::id(id)?);
    let read = state.ask(async {
        let mut conn = state.pool().acquire().await?;
        let story = match story::attempt(&mut conn, id).await {
            Ok(story) => story,
            Err(crate::db::StoreError::Row { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let messages = sip_messages::of_attempt(&mut conn, id).await?;
        let missing = sip_messages::missing(&mut conn, id).await?;
        Ok(Some((story, messages, missing)))
    });
    let none = || Problem::new(StatusCode::NOT_FOUND, format!("There is no attempt {id}."));
    let (story, stored, missing) = read.await?.ok_or_else(none)?;
    let (zone, w) = (state.options().zone, signalling::of(lang));
    let drawn = traces::ladder(&story, &stored);
    let names = Names { trunk: w.trunk, us: w.us, agent: w.agent, again: w.again };
    let ladder = drawn.svg(&names, zone);
    let messages = stored.iter().map(|stored| {
        let way = if stored.sent { w.to } else { w.from };
        let at = stored.at.with_timezone(&zone).format("%H:%M:%S%.3f");
        let text = String::from_utf8_lossy(&mask_message(&stored.bytes)).into_owned();
        (format!("{at} {way} {} {}", stored.transport, stored.peer), text)
    });
    let messages = messages.collect();
    let AttemptStory { attempt, quality, timeline, .. } = story;
    let timeline = timeline.into_iter().filter(|event| event.kind != "quality" && !event.kind.starts_with("sip_"));
    Ok(Page {
        frame: Frame::of(state, who, lang, format!("/attempts/{id}")),
        words: lang.words(),
        w,
        follow_up: attempt.follow_up_id.to_string(),
        ordinal: attempt.ordinal,
        number: attempt.number.masked(),
        trunk: attempt.trunk,
        began: view::full_moment(attempt.began_at, zone),
        disposition: attempt.disposition.map(|disposition| terms::disposition(&disposition, lang)),
        detail: attempt.detail,
        media: quality.map(|quality| view::media(&quality, lang.words())),
        kept: !stored.is_empty(),
        missing,
        arrows: drawn.arrows.len(),
        ladder,
        timeline: timeline
            .map(|event| {
                let particulars = view::particulars(&event.detail, |_, _| None);
                (view::offset(event.offset_ms), terms::moment(&event.kind, lang), particulars)
            })
            .collect(),
        messages,
    })
}
