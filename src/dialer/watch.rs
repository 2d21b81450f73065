//! Watches the trunks: when a figure of one falls below the trunk's own past (`rates::trunk`), the log says so once, and once when it is well again. And tells the
//! store what this engine knows of each, for pages and commands.

use super::trunks::Trunk;
use super::worker::Engine;
use crate::db::state::TrunkState;
use crate::db::trunk_states::{self, Seen};
use crate::db::{StoreError, trunk_figures};
use crate::rates::trunk::fallen;
use crate::sip::endpoint::DoorCounters;
use crate::sip::registration::Standing;
use crate::sip::trunk::Pulse;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How often it looks: the judgement is over an hour.
const AGAIN: Duration = Duration::from_secs(300);
/// How often the store is told of the trunks' states.
const TOLD: Duration = Duration::from_secs(5);
/// How often the log tells of strangers at most.
const STRANGERS: Duration = Duration::from_secs(60);

impl Engine {
    /// Looks until told to stop.
    pub(super) async fn watch_trunks(self: Arc<Self>, stop: CancellationToken) {
        let mut known = BTreeSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(AGAIN) => {}
            }
            match self.trunks_fallen().await {
                Ok(found) => known = tell(&known, found),
                Err(error) => tracing::warn!(%error, "the trunks' figures cannot be read"),
            }
        }
    }

    /// Tells the store what is known of the trunks, until told to stop.
    pub(super) async fn tell_trunks(self: Arc<Self>, trunks: Vec<Trunk>, stop: CancellationToken) {
        let mut strangers = (Instant::now(), DoorCounters::default());
        loop {
            self.tell_of_strangers(&mut strangers).await;
            let now = self.clock.now();
            let seen: Vec<Seen> = trunks.iter().map(|trunk| seen(trunk, &self.node, now)).collect();
            let told = async { trunk_states::put(&mut *self.pool.acquire().await?, &seen, now).await };
            if let Err::<(), StoreError>(error) = told.await {
                tracing::debug!(%error, "the trunks' states are not told");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(TOLD) => {}
            }
        }
    }

    /// Once a minute at most the log says what strangers have tried.
    async fn tell_of_strangers(&self, (told, before): &mut (Instant, DoorCounters)) {
        if told.elapsed() < STRANGERS {
            return;
        }
        *told = Instant::now();
        let Some((counters, banned_now)) = self.line.sip.door().await else { return };
        let since = std::mem::replace(before, counters);
        let (dropped, refused) = (counters.dropped - since.dropped, counters.refused - since.refused);
        if dropped + refused > 0 {
            let bans = counters.bans - since.bans;
            tracing::info!(dropped, refused, bans, banned_now, "SIP messages of strangers (docs/hardening.md)");
        }
    }

    async fn trunks_fallen(&self) -> Result<BTreeSet<(String, &'static str)>, StoreError> {
        let trends = trunk_figures::trends(&mut *self.pool.acquire().await?, self.clock.now()).await?;
        let of = |trend: trunk_figures::Trend| {
            let found = fallen(&trend.now, &trend.before);
            found.into_iter().map(move |fallen| (trend.trunk.clone(), fallen.figure))
        };
        Ok(trends.into_iter().flat_map(of).collect())
    }
}

/// What is known of a trunk at `at`.
fn seen(trunk: &Trunk, node: &str, at: DateTime<Utc>) -> Seen {
    let now = Instant::now();
    let (fault, registration, pulse) = trunk.known.read(|state| (state.fault(now), state.registration, state.pulse));
    let until = match registration {
        Some(Standing::Registered(until)) => Some(until.saturating_duration_since(now)),
        _ => None,
    };
    let state = match (&fault, until, pulse) {
        (Some(_), ..) => TrunkState::Down,
        (None, Some(_), _) | (None, _, Some(Pulse::Up)) => TrunkState::Up,
        (None, None, _) => TrunkState::Unknown,
    };
    let places: Vec<String> = trunk.hops(now).iter().map(ToString::to_string).collect();
    Seen {
        node: node.to_owned(),
        trunk: trunk.name.clone(),
        state,
        why: fault.map(|fault| fault.to_string()),
        places: places.join(", "),
        registered_until: until.and_then(|until| Some(at + TimeDelta::from_std(until).ok()?)),
        since: at,
        seen_at: at,
    }
}

/// Says what has changed.
fn tell(
    known: &BTreeSet<(String, &'static str)>,
    found: BTreeSet<(String, &'static str)>,
) -> BTreeSet<(String, &'static str)> {
    for (trunk, figure) in found.difference(known) {
        tracing::error!(
            trunk,
            figure,
            "a trunk's figure has fallen below its own of the last seven days; `huifang trunks` tells more"
        );
    }
    for (trunk, figure) in known.difference(&found) {
        tracing::info!(trunk, figure, "a trunk's figure is as before, or it has too few calls to say");
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fell_is_known_until_it_is_well_again() {
        let fell: BTreeSet<_> = [("main".to_owned(), "asr")].into();
        let known = tell(&BTreeSet::new(), fell.clone());
        assert_eq!(known, fell);
        assert_eq!(tell(&known, BTreeSet::new()), BTreeSet::new());
    }
}
