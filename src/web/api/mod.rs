//! The API's routes, one file each, and the head of the OpenAPI document. Errors are problem documents.

pub mod agent;
pub mod complaint_acts;
pub mod complaint_export;
pub mod complaints;
pub mod completion;
pub mod control;
pub mod day_reports;
pub mod do_not_call;
pub mod document;
pub mod follow_ups;
pub mod health;
pub mod imports;
pub mod lists;
pub mod outbox;
mod paging;
pub mod queue;
pub mod rates;
pub mod registers;
pub mod reports;
pub mod satisfaction;
mod schema;
pub mod status;
pub mod summary;
pub mod surveys;
pub mod trunks;
pub(super) mod views;
pub mod weak_items;

use super::problem::Problem;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

/// Head of the document; the paths come from the router.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "huifang status API",
        description = "What the follow-up call engine does now and has done: live calls, queue, rates, and the story of each follow-up. \
                       Names and numbers are masked unless `unmasked=true` is asked for.",
        license(name = "Apache-2.0 OR MIT", identifier = "Apache-2.0 OR MIT")
    ),
    components(schemas(Problem)),
    tags(
        (name = "health", description = "For supervisors and load balancers; never behind the token"),
        (name = "status", description = "What is going on"),
        (name = "agent", description = "What somebody who takes calls does; by the session of their user"),
        (name = "control", description = "What is dialled and what is not"),
        (name = "complaints", description = "The complaint desk: what is open, and what people do about it"),
        (name = "lists", description = "Lists of customers who are owed a call"),
        (name = "surveys", description = "The questionnaire standard: versions, and publishing after a check"),
        (name = "pages", description = "HTML for people")
    ),
    modifiers(&Token)
)]
pub struct ApiDoc;

struct Token;

impl Modify for Token {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("Wanted when `web.token` is configured; without it the server listens on loopback only."))
            .build();
        openapi.components.get_or_insert_default().add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}
