//! The pages: askama templates, filled here. They show the API's figures and are written without a script of their own: htmx swaps fragments.

pub mod agent;
mod agent_parts;
pub mod complaint;
pub mod complaint_form;
pub mod complaints;
pub mod follow_up;
pub mod home;
pub mod sign_in;
mod view;

use super::lang::Lang;
use super::problem::Problem;
use super::roles;
use super::state::WebState;
use super::who::Who;
use super::words::Words;
use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

/// What every page's frame shows.
pub struct Frame {
    lang: Lang,
    words: &'static Words,
    dealer: String,
    /// This page's address without the language, for the switch.
    here: String,
    /// The complaint desk is open to who looks.
    desk: bool,
    /// Where the name of the house leads.
    home: &'static str,
    /// Who is signed in.
    user: Option<String>,
    /// There is a session, to end too; this goes along with every write.
    csrf: Option<String>,
}

impl Frame {
    fn of(state: &WebState, who: &Who, lang: Lang, here: impl Into<String>) -> Frame {
        Frame {
            desk: true,
            home: roles::home(who.role()),
            user: who.name().map(str::to_owned),
            csrf: who.csrf().map(str::to_owned),
            ..Frame::open(state, lang, here)
        }
    }

    /// Of a page for people of whom nothing is known.
    fn open(state: &WebState, lang: Lang, here: impl Into<String>) -> Frame {
        Frame {
            lang,
            words: lang.words(),
            dealer: state.options().dealer.clone(),
            here: here.into(),
            desk: false,
            home: "/",
            user: None,
            csrf: None,
        }
    }
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    frame: Frame,
    words: &'static Words,
    problem: &'a Problem,
}

fn html(template: &impl Template, status: StatusCode) -> Response {
    match template.render() {
        Ok(page) => (status, Html(page)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "The page could not be written.").into_response()
        }
    }
}

/// A problem as a page for people; the status is the problem's.
fn problem_page(state: &WebState, who: &Who, lang: Lang, here: &str, problem: &Problem) -> Response {
    let frame = Frame::of(state, who, lang, here);
    html(&ProblemPage { words: frame.words, frame, problem }, problem.status_code())
}

/// The guard's refusal as a page for people.
pub(super) fn refusal(state: &WebState, who: Option<&Who>, lang: Lang, problem: &Problem) -> Response {
    let frame = match who {
        Some(who) => Frame::of(state, who, lang, roles::home(who.role())),
        None => Frame::open(state, lang, "/"),
    };
    html(&ProblemPage { words: frame.words, frame, problem }, problem.status_code())
}
