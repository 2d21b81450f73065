//! May this text become the newest version of a survey? What the compiler says of it, what it changes, and whether it may be published. Pure: who publishes it where is
//! not known here. The command and the pages ask the same questions here.

use super::check::{self, Finding, PromptCatalog, Severity};
use super::definition::Definition;
use super::diff::{self, Change};
use thiserror::Error;

/// What is to be said before a survey is published.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Review {
    /// What the compiler says, errors first.
    pub findings: Vec<Finding>,
    /// What changes against the active version; without one there is nothing to compare.
    pub changes: Option<Vec<Change>>,
}

/// Why it is not published.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum Refused {
    /// It cannot be asked.
    #[error("nothing was published: there are errors ({0})")]
    Errors(usize),
    /// Nobody has said that the warnings were read.
    #[error("nothing was published: there are warnings ({0}), and nobody has accepted them")]
    Warnings(usize),
}

impl Review {
    /// Looks at a survey, with the prompts that there are, and beside the version that is active.
    pub fn of(new: &Definition, active: Option<&Definition>, prompts: &dyn PromptCatalog) -> Review {
        Review { findings: check::check(new, prompts), changes: active.map(|active| diff::diff(active, new)) }
    }

    /// How many findings weigh so much.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// Whether it may be published by somebody who accepts warnings or does not. Errors are accepted by nobody.
    pub fn may_be_published(&self, accepts_warnings: bool) -> Result<(), Refused> {
        match (self.count(Severity::Error), self.count(Severity::Warning)) {
            (0, warnings) if warnings == 0 || accepts_warnings => Ok(()),
            (0, warnings) => Err(Refused::Warnings(warnings)),
            (errors, _) => Err(Refused::Errors(errors)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REAL: &str = include_str!("../../surveys/sales_3day.toml");

    /// Every prompt, or none, each of a second.
    struct Prompts(bool);

    impl PromptCatalog for Prompts {
        fn has(&self, _: &str, _: &str) -> bool {
            self.0
        }

        fn length_ms(&self, _: &str, _: &str) -> Option<u64> {
            self.0.then_some(1_000)
        }
    }

    #[test]
    fn errors_are_accepted_by_nobody_and_warnings_by_who_says_so() {
        let survey = Definition::from_toml("sales_3day", REAL).unwrap();
        let silent = Review::of(&survey, None, &Prompts(false));
        let errors = silent.count(Severity::Error);
        assert!(errors > 0 && silent.changes.is_none());
        assert_eq!(silent.may_be_published(true), Err(Refused::Errors(errors)));

        let mut spoken = Review::of(&survey, Some(&survey), &Prompts(true));
        assert_eq!(spoken.changes, Some(Vec::new()), "nothing changes against itself");
        spoken.findings.retain(|finding| finding.severity == Severity::Info);
        assert_eq!(spoken.may_be_published(false), Ok(()));
        let (place, message) = ("sales_3day".to_owned(), "look at this".to_owned());
        spoken.findings.push(Finding { severity: Severity::Warning, place, message });
        assert_eq!(spoken.may_be_published(false), Err(Refused::Warnings(1)));
        assert_eq!(spoken.may_be_published(true), Ok(()));
    }
}
