//! The surveys of a running engine: what was published before its start, and what is published while it runs.

use super::worker::Engine;
use crate::db::queue::Leased;
use crate::db::{StoreError, surveys};
use crate::media::prompt::PromptStore;
use crate::survey::check::{self, PromptCatalog};
use crate::survey::definition::Definition;
use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

/// The prompts as the survey compiler asks for them.
pub struct Catalog<'a>(pub &'a PromptStore);

impl PromptCatalog for Catalog<'_> {
    fn has(&self, language: &str, id: &str) -> bool {
        self.0.get(language, id).is_some()
    }

    fn length_ms(&self, language: &str, id: &str) -> Option<u64> {
        self.0.get(language, id).map(|prompt| prompt.length_ms().into())
    }
}

/// Surveys by key and published version; one that is published while the engine runs is read when the first follow-up asks for it.
pub struct Surveys(RwLock<BTreeMap<(String, i32), Arc<Definition>>>);

impl From<BTreeMap<(String, i32), Arc<Definition>>> for Surveys {
    fn from(surveys: BTreeMap<(String, i32), Arc<Definition>>) -> Surveys {
        Surveys(RwLock::new(surveys))
    }
}

impl Surveys {
    /// A survey in a version, if it was read.
    pub fn get(&self, survey: &str, version: i32) -> Option<Arc<Definition>> {
        let surveys = self.0.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        surveys.get(&(survey.to_owned(), version)).cloned()
    }

    fn add(&self, survey: &str, version: i32, definition: Arc<Definition>) {
        let mut surveys = self.0.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        surveys.insert((survey.to_owned(), version), definition);
    }
}

impl Engine {
    /// Reads the survey of a follow-up where it was published after this engine's start; one that cannot be read is put off.
    pub(super) async fn read_survey(&self, leased: &Leased) -> Result<(), StoreError> {
        let (key, version) = (&leased.survey, leased.survey_version);
        if self.surveys.get(key, version).is_some() {
            return Ok(());
        }
        let published = surveys::get(&mut *self.pool.acquire().await?, key, version).await?;
        // Prompts are in memory since the start: one that came with this version needs a restart.
        let spoken = |definition: &Definition| {
            let has = |language: &String| {
                let used = check::used_prompts(definition, language);
                used.iter().all(|id| self.line.prompts.get(language, id.as_str()).is_some())
            };
            definition.languages.iter().all(has)
        };
        if let Ok(definition) = published.definition()
            && spoken(&definition)
        {
            tracing::info!(survey = key, version, "a version that was published meanwhile");
            self.surveys.add(key, version, definition);
        }
        Ok(())
    }
}
