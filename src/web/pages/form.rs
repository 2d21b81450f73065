//! Forms as browsers send them: which fields came, and their texts.

use crate::web::problem::Problem;
use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::http::StatusCode;

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
