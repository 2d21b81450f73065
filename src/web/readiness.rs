//! What `/readyz` knows of the engine: named parts that the serve command says are ready or not. Asks nobody, starts nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// How one part stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Announced, not up yet.
    Starting,
    /// Up.
    Ready,
    /// Not up, and why, in one sentence without personal data.
    Failed(String),
}

/// Shared by the parts of the engine that report and the page that tells; cheap to clone. A handle without parts is ready.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Mutex<BTreeMap<String, Part>>>);

impl Readiness {
    /// A handle that waits for these parts.
    pub fn expecting(parts: &[&str]) -> Readiness {
        let readiness = Readiness::default();
        for part in parts {
            readiness.set(part, Part::Starting);
        }
        readiness
    }

    /// Says how a part stands.
    pub fn set(&self, part: &str, state: Part) {
        self.lock().insert(part.to_owned(), state);
    }

    /// All parts, by name.
    pub fn parts(&self) -> BTreeMap<String, Part> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Part>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
