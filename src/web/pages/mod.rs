//! The pages: askama templates, filled here. They show the API's figures and are written without a script of their own: htmx swaps fragments.

pub mod agent;
mod agent_parts;
pub mod attempt;
pub mod complaint;
pub mod complaint_form;
pub mod complaints;
pub mod control;
pub mod day_report;
pub mod follow_up;
mod form;
pub mod home;
mod nav;
pub mod rates;
pub mod release;
pub mod reports;
pub mod satisfaction;
pub mod satisfaction_calls;
pub mod sign_in;
pub mod summary;
pub mod surveys;
pub mod trunks;
mod view;
pub mod weak_items;

use super::lang::Lang;
use super::problem::Problem;
use super::roles;
use super::state::WebState;
use super::who::Who;
use super::words::Words;
use crate::db::state::UserRole;
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
    /// Who looks works with people: the complaint desk, the agent's page and recordings are open to them.
    works: bool,
    /// The pages that who looks may see, for the head of each page.
    nav: Vec<nav::Link>,
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
            works: who.may(UserRole::Agent),
            nav: nav::of(who.role(), lang),
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
            works: false,
            nav: Vec::new(),
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
