//! Keeps what is known of each trunk true: looks its name up, registers with it, asks whether it is there. One task for each of these that a trunk wants; what they
//! find stands in the trunk's `sip::trunk::State`, where the dialler looks before it gives the trunk a call.

use super::trunks::Trunk;
use crate::net::resolve::{Located, Resolver};
use crate::net::sip_transport::SipHandle;
use crate::sip::endpoint::{Errand, ErrandOutcome, Reply};
use crate::sip::hop::{Hop, Transport};
use crate::sip::locate::PENALTY;
use crate::sip::message::Method;
use crate::sip::registration::{Answer, Registration, Standing};
use crate::sip::uri::Uri;
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The order of a name's servers is drawn anew after so long at the latest; what is still good is not asked again.
const DRAWN_AGAIN: Duration = Duration::from_secs(15);
/// A name that leads nowhere is looked up again after so long, doubled each time.
const LOOKED_AGAIN: Duration = Duration::from_secs(2);
const LOOKED_AGAIN_MOST: Duration = Duration::from_secs(60);
/// An OPTIONS that is not answered in so long is lost, whatever comes later.
const PATIENCE: Duration = Duration::from_secs(8);
/// How long the end of a registration may take when the engine stops.
const LEAVING: Duration = Duration::from_secs(4);

/// The tasks of all trunks.
pub struct Keepers {
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Keepers {
    /// Begins. `resolver`: for trunks that are named.
    pub fn start(trunks: &[Trunk], sip: &SipHandle, resolver: Option<&Resolver>) -> Keepers {
        let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
        for trunk in trunks {
            let keeper = || Keeper { trunk: trunk.clone(), sip: sip.clone(), stop: stop.clone() };
            if let (Some(resolver), Some(_)) = (resolver, trunk.wanted()) {
                tasks.spawn(keeper().look_up(resolver.clone()));
            }
            if trunk.settings.register {
                tasks.spawn(keeper().register());
            }
            if trunk.settings.options_s > 0 {
                tasks.spawn(keeper().ask());
            }
        }
        Keepers { tasks, stop }
    }

    /// Takes registrations back and ends.
    pub async fn end(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

struct Keeper {
    trunk: Trunk,
    sip: SipHandle,
    stop: CancellationToken,
}

impl Keeper {
    /// Waits; true when it is to end.
    async fn rests(&self, time: Duration) -> bool {
        tokio::select! {
            () = self.stop.cancelled() => true,
            () = tokio::time::sleep(time) => false,
        }
    }

    /// Waits until the trunk is somewhere; none when it is to end.
    async fn place(&self) -> Option<Hop> {
        loop {
            if let Some(hop) = self.trunk.hops(Instant::now()).first() {
                return Some(*hop);
            }
            if self.rests(Duration::from_millis(200)).await {
                return None;
            }
        }
    }

    async fn look_up(self, resolver: Resolver) {
        let Some(wanted) = self.trunk.wanted() else { return };
        let (mut dice, mut wait) = (ChaCha12Rng::from_rng(&mut rand::rng()), LOOKED_AGAIN);
        let server_name = self.trunk.settings.server_name.clone().unwrap_or_else(|| wanted.host.clone());
        loop {
            let rest = match resolver.locate(&wanted, &mut dice).await {
                Ok(Located { places, good_until }) => {
                    wait = LOOKED_AGAIN;
                    for hop in places.iter().filter(|hop| hop.transport == Transport::Tls) {
                        if let Err(error) = self.sip.expect_name(hop.address, server_name.trim_end_matches('.')) {
                            tracing::error!(trunk = self.trunk.name, %error, "the trunk cannot be asked for its certificate");
                        }
                    }
                    places.iter().for_each(|hop| self.sip.welcome(hop.ip()));
                    self.found(places);
                    good_until.saturating_duration_since(Instant::now()).clamp(LOOKED_AGAIN, DRAWN_AGAIN)
                }
                Err(error) => {
                    let why = error.to_string();
                    let new = self.trunk.known.change(|state| state.lookup.replace(why.clone()) != Some(why));
                    if new {
                        tracing::warn!(trunk = self.trunk.name, %error, "the trunk's host cannot be looked up; what is known of it stays in use");
                    }
                    let rest = wait;
                    wait = (wait * 2).min(LOOKED_AGAIN_MOST);
                    rest
                }
            };
            if self.rests(rest).await {
                return;
            }
        }
    }

    fn found(&self, places: Vec<Hop>) {
        let (first, again) = self.trunk.known.change(|state| {
            let first = state.places.is_empty();
            state.places.set(places);
            (first, state.lookup.take().is_some())
        });
        if first || again {
            let places = self.trunk.hops(Instant::now()).len();
            tracing::info!(trunk = self.trunk.name, places, "the trunk's host was looked up");
        }
    }

    async fn register(self) {
        let Ok((registrar, aor, user)) = self.trunk.registration() else {
            tracing::error!(trunk = self.trunk.name, "registrar, username or from_user make no SIP address");
            return;
        };
        let wanted = Duration::from_secs(self.trunk.settings.register_expires_s.into());
        let mut registration = Registration::new(wanted, Instant::now());
        let mut series = None;
        while !registration.is_over() {
            if let Some(time) = registration.poll_order() {
                let Some(hop) = self.place().await else { return };
                let errand = Errand {
                    method: Method::Register,
                    target: registrar.clone(),
                    next_hop: hop,
                    from: aor.clone(),
                    to: aor.clone(),
                    contact: Some(user.clone()),
                    series: series.take(),
                    headers: vec![("Expires".to_owned(), time.as_secs().to_string())],
                    credentials: self.trunk.credentials.clone(),
                };
                let Some(reply) = self.wait_for(errand, time.is_zero()).await else { return };
                let answer = answer(&reply, time);
                if matches!(answer, Answer::Silent | Answer::Undelivered | Answer::Refused(503, _)) {
                    self.trunk.known.change(|state| state.places.penalise(hop, Instant::now() + PENALTY));
                }
                series = Some(reply.series);
                registration.handle(answer, Instant::now());
                self.stands(registration.standing(Instant::now()));
                continue;
            }
            let wake = registration.poll_timeout().unwrap_or_else(Instant::now);
            tokio::select! {
                () = self.stop.cancelled(), if !registration.is_leaving() => registration.stop(),
                () = tokio::time::sleep_until(wake.into()) => registration.handle_timeout(Instant::now()),
            }
        }
    }

    /// The end of a registration is not waited for as long as its beginning.
    async fn wait_for(&self, errand: Errand, leaving: bool) -> Option<Reply> {
        let reply = self.sip.errand(errand);
        if leaving { tokio::time::timeout(LEAVING, reply).await.ok()? } else { reply.await }
    }

    fn stands(&self, standing: Standing) {
        let before = self.trunk.known.change(|state| state.registration.replace(standing));
        let held = matches!(before, Some(Standing::Registered(_)));
        let trunk = &self.trunk.name;
        match standing {
            Standing::Registered(_) if !held => tracing::info!(trunk, "registered with the trunk"),
            Standing::Failing(_) if before != Some(standing) => {
                let why = self.trunk.known.read(|state| state.fault(Instant::now()));
                let why = why.map(|fault| fault.to_string()).unwrap_or_default();
                tracing::warn!(trunk, why, "no registration with the trunk; it gets no calls");
            }
            Standing::Ended => tracing::info!(trunk, "the registration with the trunk is taken back"),
            Standing::New | Standing::Registered(_) | Standing::Failing(_) => {}
        }
    }

    async fn ask(self) {
        let period = Duration::from_secs(self.trunk.settings.options_s);
        let Ok(from) = self.trunk.from() else { return };
        loop {
            let Some(hop) = self.place().await else { return };
            let Ok(target) = format!("sip:{}", hop.address).parse::<Uri>() else { return };
            let errand = Errand {
                method: Method::Options,
                target: target.clone(),
                next_hop: hop,
                from: from.uri.clone(),
                to: target,
                contact: None,
                series: None,
                headers: vec![("Accept".to_owned(), "application/sdp".to_owned())],
                credentials: None,
            };
            let reply = tokio::select! {
                () = self.stop.cancelled() => return,
                reply = tokio::time::timeout(PATIENCE, self.sip.errand(errand)) => reply,
            };
            let alive = match reply {
                Ok(Some(Reply { outcome: ErrandOutcome::Response(response), .. })) => response.status() != Some(503),
                Ok(Some(_)) | Err(_) => false,
                Ok(None) => return,
            };
            self.lives(hop, alive);
            // what was lost is asked again soon: the next question decides
            let soon = !alive && self.trunk.known.read(|state| state.fault(Instant::now()).is_none());
            if self.rests(if soon { period.min(PATIENCE) } else { period }).await {
                return;
            }
        }
    }

    fn lives(&self, hop: Hop, alive: bool) {
        let now = Instant::now();
        let changed = self.trunk.known.change(|state| {
            match alive {
                true => state.places.pardon(hop),
                false => state.places.penalise(hop, now + PENALTY),
            }
            state.answered(alive)
        });
        if changed && alive {
            tracing::info!(trunk = self.trunk.name, "the trunk answers again");
        } else if changed {
            tracing::warn!(trunk = self.trunk.name, "the trunk does not answer OPTIONS; it gets no calls");
        }
    }
}

fn answer(reply: &Reply, asked: Duration) -> Answer {
    match &reply.outcome {
        ErrandOutcome::Response(response) => Answer::of(response, reply.contact.as_deref().unwrap_or_default(), asked),
        ErrandOutcome::TimedOut => Answer::Silent,
        ErrandOutcome::Unreachable => Answer::Undelivered,
    }
}
