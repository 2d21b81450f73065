//! Forms as browsers send them: which fields came, and their texts. And what a list in a form offers.

use crate::web::problem::Problem;
use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::http::StatusCode;
use std::borrow::Cow;

/// One of a list in a form.
pub struct Choice {
    /// What is sent.
    pub value: Cow<'static, str>,
    /// What is shown.
    pub name: Cow<'static, str>,
    /// Whether it is chosen.
    pub chosen: bool,
}

impl Choice {
    /// One of a list of which `chosen` is chosen.
    pub fn of(value: impl Into<Cow<'static, str>>, name: impl Into<Cow<'static, str>>, chosen: Option<&str>) -> Choice {
        let value = value.into();
        Choice { chosen: chosen == Some(&*value), value, name: name.into() }
    }
}

/// What a handler takes.
pub type Given = Result<Form<Vec<(String, String)>>, FormRejection>;

/// The fields that came.
pub struct Fields(Vec<(String, String)>);

/// 400.
pub fn unreadable() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "The form cannot be read.")
}

impl Fields {
    /// Reads them.
    pub fn of(form: Given) -> Result<Fields, Problem> {
        let Form(fields) = form.map_err(|_| unreadable())?;
        Ok(Fields(fields))
    }

    /// A field as it was typed; none: it did not come.
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A field without the blanks around it; nothing where it did not come.
    pub fn text(&self, name: &str) -> &str {
        self.raw(name).unwrap_or_default().trim()
    }
}
