//! The live calls of one engine: their tasks, their trunks, their leases, and the tokens by which they are asked to close or are cut.
//!
//! Decides nothing; the loop (`worker`) does.

use super::launch::{self, Launched, Way};
use super::trunks::{Choice, Trunks};
use super::worker::Engine;
use crate::db::queue::Leased;
use crate::ids::LeaseToken;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Tokens of the leases under live calls.
#[derive(Clone, Default)]
pub(super) struct Tokens(Arc<Mutex<Vec<LeaseToken>>>);

impl Tokens {
    pub(super) fn all(&self) -> Vec<LeaseToken> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    fn add(&self, token: LeaseToken) {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(token);
    }

    fn remove(&self, token: LeaseToken) {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).retain(|held| *held != token);
    }
}

/// The live calls.
pub(super) struct Floor {
    pub(super) trunks: Trunks,
    calls: JoinSet<Launched>,
    /// Trunk and lease of each task, also for one that panicked.
    names: HashMap<tokio::task::Id, (String, LeaseToken)>,
    tokens: Tokens,
    stop: CancellationToken,
    /// By survey: its calls are asked to close.
    closing: HashMap<String, CancellationToken>,
    /// All calls are cut.
    cut: CancellationToken,
}

/// A trunk that had no room, and for how long it is left alone.
pub(super) type Congested = Option<(String, Duration)>;

impl Floor {
    pub(super) fn new(trunks: Trunks, tokens: Tokens, stop: CancellationToken) -> Floor {
        let (calls, names, closing) = (JoinSet::new(), HashMap::new(), HashMap::new());
        Floor { trunks, calls, names, tokens, stop, closing, cut: CancellationToken::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Starts the call on a trunk that takes it now.
    pub(super) fn launch(&mut self, engine: Arc<Engine>, leased: Leased, tried: &[String], index: usize) {
        let others = self.trunks.has_other(&leased.number, index, tried);
        let (trunk, interval) = self.trunks.start(index, Instant::now());
        let close = self.closing.entry(leased.survey.clone()).or_insert_with(|| self.stop.child_token()).clone();
        let way = Way { interval, others, close, cut: self.cut.clone(), trunk };
        let (name, token) = (way.trunk.name.clone(), leased.token);
        self.tokens.add(token);
        let task = self.calls.spawn(launch::launch(engine, leased, way));
        self.names.insert(task.id(), (name, token));
    }

    /// The trunk for a leased follow-up.
    pub(super) fn choose(&self, leased: &Leased, tried: &[String]) -> Choice {
        self.trunks.choose(&leased.number, tried, Instant::now())
    }

    /// Asks the live calls of these surveys to close; those of the others may be launched again.
    pub(super) fn drain(&mut self, surveys: &BTreeSet<String>, all: bool) {
        for (survey, token) in &self.closing {
            if all || surveys.contains(survey) {
                token.cancel();
            }
        }
        self.closing.retain(|_, token| !token.is_cancelled());
    }

    /// Cuts every call that is still live.
    pub(super) fn cut(&self) {
        self.cut.cancel();
    }

    /// Waits for the end of a call; none when none is live.
    pub(super) async fn next_ended(&mut self) -> Option<Congested> {
        let (id, launched) = match self.calls.join_next_with_id().await? {
            Ok((id, launched)) => (id, Some(launched)),
            Err(panicked) => {
                tracing::error!(error = %panicked, "a call's task broke; its attempt is closed by housekeeping");
                (panicked.id(), None)
            }
        };
        let (trunk, token) = self.names.remove(&id)?;
        self.trunks.end(&trunk);
        self.tokens.remove(token);
        let now = Instant::now();
        let congested = match launched {
            Some(Launched::Called { disposition, congested }) => {
                tracing::info!(%disposition, "a call ended");
                if !congested {
                    self.trunks.carried(&trunk);
                }
                congested
            }
            Some(Launched::NotCalled { congested }) => congested,
            Some(Launched::NoRoom(why)) => {
                self.trunks.refused(&trunk, why, now);
                false
            }
            None => false,
        };
        let pause = if congested { self.trunks.congested(&trunk, now) } else { None };
        Some(pause.map(|pause| (trunk, pause)))
    }
}
