//! `/complaints/{id}/form`: the part of a page in which a complaint is worked: where it stands, the six steps, the form, the history. It stands on the complaint's own
//! page and is fetched by the agent's page. What is typed is saved as a draft while it is typed; what is sent becomes an act (`crate::complaint`).

mod fields;
mod look;

pub use look::Work;

use super::form::Given;
use super::{html, problem_page};
use crate::db::StoreError;
use crate::db::complaint_desk::{self, Complaint, Step};
use crate::db::complaint_drafts::{self, Fields};
use crate::db::complaint_work::NotDone;
use crate::db::users;
use crate::web::complaints::{self as desk, Wish};
use crate::web::lang::Lang;
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::state::WebState;
use crate::web::who::Who;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Redirect, Response};
use fields::Sent;
use look::{Known, Message};

/// A form as it comes.
/// The part of the page in which a complaint is worked.
#[utoipa::path(get, path = "/complaints/{id}/form", tag = "pages", security(("token" = [])),
    params(("id" = uuid::Uuid, Path, description = "Id of the complaint"), ("lang" = Option<String>, Query, description = "zh or en")),
    responses((status = 200, description = "The fragment", content_type = "text/html"),
              (status = 400, description = "A parameter that cannot be used", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 404, description = "No such complaint", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn fragment(
    State(state): State<WebState>,
    who: Who,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = Params::read(&uri, &["lang"])?;
    let lang = Lang::of(&params, &headers, &state.options().language)?;
    let (complaint, steps) = desk::read(&state, desk::id(&id)?).await?;
    let work = work(&state, &who, &complaint, &steps, lang, None).await?;
    Ok(html(&work, StatusCode::OK))
}

/// Does what the form asks for. A script gets the fragment as it is afterwards; a browser without one the page.
#[utoipa::path(post, path = "/complaints/{id}/form", tag = "pages", security(("token" = [])),
    params(("id" = uuid::Uuid, Path, description = "Id of the complaint"), ("lang" = Option<String>, Query, description = "zh or en")),
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "The form of the fragment"),
    responses((status = 200, description = "The fragment, with what was refused in a sentence", content_type = "text/html"),
              (status = 303, description = "Without a script: done, to the page"),
              (status = 400, description = "The form cannot be read", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 404, description = "No such complaint", body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "Without a script: refused", content_type = "text/html"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn submit(
    State(state): State<WebState>,
    who: Who,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    form: Given,
) -> Result<Response, Problem> {
    let lang = Lang::of(&Params::read(&uri, &["lang"])?, &headers, &state.options().language)?;
    let id = desk::id(&id)?;
    let sent = Sent::read(form)?;
    let (complaint, _) = desk::read(&state, id).await?;
    let by = desk::actor(&who);
    let outcome = match sent.acts(&complaint.case.class, &by, state.options().zone) {
        Ok(acts) => {
            let wish = Wish { acts: &acts, revision: Some(sent.revision), form: Some(&sent.form) };
            desk::act(&state, &who, id, &wish).await?
        }
        Err(refused) => Err(NotDone::Refused(refused)),
    };
    // what was not sent with this act, or was refused, stays in the form
    let form = look::new_form();
    let typed = if outcome.is_ok() { sent.left() } else { sent.typed(&complaint.case.class) };
    save(&state, id, &by.name, &form, &typed).await?;
    let message = outcome.err().map_or(Message::Done, |error| Message::of(&error, lang));
    let scripted = headers.contains_key("hx-request");
    if !scripted {
        return Ok(match message {
            Message::Done => Redirect::to(&format!("/complaints/{id}?lang={}", lang.code())).into_response(),
            Message::Refused(sentence) => {
                let problem = Problem::new(StatusCode::CONFLICT, sentence);
                problem_page(&state, &who, lang, &format!("/complaints/{id}"), &problem)
            }
        });
    }
    let (complaint, steps) = desk::read(&state, id).await?;
    let work = work(&state, &who, &complaint, &steps, lang, Some(message)).await?;
    Ok(html(&work, StatusCode::OK))
}

/// Saves what is typed. Answers with a line for the form that says so.
#[utoipa::path(post, path = "/complaints/{id}/draft", tag = "pages", security(("token" = [])),
    params(("id" = uuid::Uuid, Path, description = "Id of the complaint"), ("lang" = Option<String>, Query, description = "zh or en")),
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "The form of the fragment"),
    responses((status = 200, description = "Saved; or nothing, where the form was sent meanwhile", content_type = "text/html"),
              (status = 400, description = "The form cannot be read", body = Problem, content_type = "application/problem+json"),
              (status = 401, description = "No or a wrong token", body = Problem, content_type = "application/problem+json"),
              (status = 404, description = "No such complaint", body = Problem, content_type = "application/problem+json"),
              (status = 503, description = "The database is away", body = Problem, content_type = "application/problem+json")))]
pub async fn draft(
    State(state): State<WebState>,
    who: Who,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    form: Given,
) -> Result<Response, Problem> {
    let lang = Lang::of(&Params::read(&uri, &["lang"])?, &headers, &state.options().language)?;
    let id = desk::id(&id)?;
    let sent = Sent::read(form)?;
    let (complaint, _) = desk::read(&state, id).await?;
    let saved = save(&state, id, &desk::actor(&who).name, &sent.form, &sent.typed(&complaint.case.class)).await?;
    let at = state.clock().now().with_timezone(&state.options().zone).format("%H:%M:%S");
    let line = if saved { format!("{} {at}", lang.desk_words().saved) } else { String::new() };
    Ok(Html(line).into_response())
}

async fn save(
    state: &WebState,
    id: crate::ids::ComplaintId,
    person: &str,
    form: &str,
    typed: &Fields,
) -> Result<bool, Problem> {
    let now = state.clock().now();
    let saved = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        complaint_drafts::save(&mut conn, id, person, form, typed, now).await
    });
    saved.await
}

/// What the fragment shows to somebody.
pub async fn work(
    state: &WebState,
    who: &Who,
    complaint: &Complaint,
    steps: &[Step],
    lang: Lang,
    message: Option<Message>,
) -> Result<Work, Problem> {
    let by = desk::actor(who);
    let known = state.ask(async {
        let mut conn = state.pool().acquire().await.map_err(StoreError::from)?;
        let draft = complaint_drafts::load(&mut conn, complaint.id, &by.name).await?;
        let users = users::list(&mut conn).await?;
        let departments = complaint_desk::departments(&mut conn).await?;
        let people = users.into_iter().filter(|user| user.disabled_at.is_none()).map(|user| user.name).collect();
        Ok(Known { draft, people, departments })
    });
    let known = known.await?;
    let (now, zone) = (state.clock().now(), state.options().zone);
    Ok(look::work(complaint, steps, known, &look::Seen { by, csrf: who.csrf(), lang, now, zone, message }))
}
