//! Simulated callees on a real socket: each INVITE is answered by the persona of the called number, over real SIP and RTP. Says afterwards what it keyed.
//!
//! It hears prompts in the received audio (`ear`), not in the engine's state. Stops when told; never calls anybody.

use super::agent::{self, AgentReport};
use super::brain::{Brain, Deed, Keyed};
use super::ear::{Ear, EarIndex};
use super::persona::{Mind, Persona};
use super::tone::{self, ToneEar};
use crate::call::driver;
use crate::media::playout::Playlist;
use crate::media::prompt::{Prompt, PromptStore};
use crate::media::session::{Command, Event, Listener};
use crate::net::media_engine::{MediaConfig, MediaEngine, MediaHandle};
use crate::net::sip_transport::{self, IncomingCall, SipHandle};
use crate::sdp::{self, LocalMedia};
use crate::sip::endpoint::{EndpointConfig, IncomingPolicy};
use crate::sip::session::{HangupReason, SessionEvent};
use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// How long a key is held and how long the finger rests, in ms.
pub(super) const PRESS_MS: u32 = 100;
pub(super) const GAP_MS: u32 = 120;

/// What a customer says after a beep, and to an agent: any spoken prompt does for a voice.
pub(super) const VOICE: &str = "unhappy.go_on";

/// How long the last BYEs may take when the process is to end.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What one call came to, seen from the callee's side.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CallReport {
    /// The called number as the Request-URI had it (simulated numbers only).
    pub number: String,
    /// Who picked up, or did not.
    pub persona: Persona,
    /// Whether it picked up.
    pub answered: bool,
    /// Everything keyed, in order.
    pub keyed: Vec<Keyed>,
    /// Whether it said something after a beep.
    pub spoke: bool,
    /// Whether it heard a live agent.
    #[serde(default)]
    pub met_agent: bool,
}

/// One line of the process of callees.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Report {
    /// A customer's call.
    Call(CallReport),
    /// A call to an agent.
    Agent(AgentReport),
}

/// The process of callees: bound, not yet answering.
pub struct Callees {
    sip: SipHandle,
    incoming: mpsc::UnboundedReceiver<IncomingCall>,
    house: Arc<House>,
}

/// What all callees share.
pub(super) struct House {
    media: MediaEngine,
    pub(super) prompts: Arc<PromptStore>,
    ears: Arc<EarIndex>,
    seed: u64,
    /// Customers know an agent by a tone, and answer with one.
    tones: bool,
}

impl Callees {
    /// Binds `listen` (port 0: the kernel chooses).
    /// `tones`: customers know an agent by a tone, and answer with one (`sim::tone`).
    pub fn bind(listen: SocketAddr, seed: u64, tones: bool, prompts: Arc<PromptStore>) -> anyhow::Result<Callees> {
        let config =
            |local| EndpointConfig { incoming: IncomingPolicy::Accept, ..EndpointConfig::new(local, "huifang-callee") };
        let (sip, incoming) = sip_transport::start(listen, config)?;
        // Callees record nothing; the engine wants a folder all the same.
        let media = MediaEngine::start(MediaConfig::new(listen.ip(), std::env::temp_dir()))
            .context("the callees' media engine")?;
        let ears = Arc::new(EarIndex::new(&prompts));
        Ok(Callees { sip, incoming, house: Arc::new(House { media, prompts, ears, seed, tones }) })
    }

    /// Where they can be called.
    pub fn local_addr(&self) -> SocketAddr {
        self.sip.local_addr()
    }

    /// Answers calls until `stop`, which hangs up what is live; each call's report goes to `reports`.
    pub async fn run(mut self, reports: mpsc::UnboundedSender<Report>, stop: CancellationToken) {
        loop {
            let call = tokio::select! {
                call = self.incoming.recv() => call,
                () = stop.cancelled() => None,
            };
            let Some(call) = call else { break };
            let (sip, house, reports, stop) = (self.sip.clone(), self.house.clone(), reports.clone(), stop.clone());
            tokio::spawn(async move {
                let report = if call.invite.request_uri.user().is_some_and(agent::is_agent) {
                    Report::Agent(agent::answer(&sip, &house, call, stop).await)
                } else {
                    Report::Call(answer(&sip, &house, call, stop).await)
                };
                let _ = reports.send(report);
            });
        }
        drop(self.incoming);
        let _ = tokio::time::timeout(LAST_WORDS, self.sip.settled()).await;
    }
}

async fn answer(sip: &SipHandle, house: &House, mut call: IncomingCall, stop: CancellationToken) -> CallReport {
    let number = call.invite.request_uri.user().unwrap_or_default().to_owned();
    let mind = Mind::new(&number, house.seed);
    let persona = mind.persona;
    let mut report = CallReport { number, persona, answered: false, keyed: Vec::new(), spoke: false, met_agent: false };
    match persona {
        Persona::Busy => sip.reject(call.id, 486),
        Persona::InvalidNumber => sip.reject(call.id, 404),
        Persona::NoAnswer => {
            sip.ring(call.id, 180, None);
            tokio::select! {
                () = until_canceled(&mut call) => {}
                () = stop.cancelled() => sip.reject(call.id, 480),
            }
        }
        _ => {
            sip.ring(call.id, 180, None);
            let ringing = tokio::time::timeout(mind.rings, until_canceled(&mut call)).await;
            if ringing.is_err() {
                report.answered = true;
                let brain = talk(sip, house, call, mind, stop).await;
                report.keyed = brain.keyed().to_vec();
                report.spoke = brain.spoke();
                report.met_agent = brain.met_agent();
            }
        }
    }
    report
}

/// Waits for the caller to give up.
pub(super) async fn until_canceled(call: &mut IncomingCall) {
    while let Some(event) = call.events.recv().await {
        if matches!(event, SessionEvent::Canceled | SessionEvent::Ended { .. } | SessionEvent::Failed(_)) {
            return;
        }
    }
}

async fn talk(sip: &SipHandle, house: &House, mut call: IncomingCall, mind: Mind, stop: CancellationToken) -> Brain {
    let mut brain = Brain::new(mind);
    let (events, mut inbox) = mpsc::unbounded_channel();
    let agreed = match pick_up(house, &call, events) {
        Ok(agreed) => agreed,
        Err(error) => {
            tracing::warn!(%error, "a simulated callee could not pick up");
            sip.reject(call.id, 488);
            return brain;
        }
    };
    let (media, answer) = agreed;
    sip.accept(call.id, answer);
    loop {
        let now = Instant::now();
        while let Some(deed) = brain.poll_deed(now) {
            match deed {
                Deed::Keys(keys) => {
                    media.command(Command::SendKeys { keys, press_ms: PRESS_MS, gap_ms: GAP_MS });
                }
                Deed::Talk if house.tones => play(&media, vec![tone::answer()]),
                Deed::Speak | Deed::Talk => speak(house, &media),
                Deed::HangUp => sip.hangup(call.id, HangupReason::Normal),
            }
        }
        let wake = brain.poll_timeout().unwrap_or_else(|| now + Duration::from_secs(3600));
        tokio::select! {
            event = call.events.recv() => match event {
                Some(SessionEvent::Ended { .. } | SessionEvent::Failed(_) | SessionEvent::Canceled) | None => {
                    return brain;
                }
                Some(_) => {}
            },
            () = stop.cancelled() => {
                sip.hangup(call.id, HangupReason::Normal);
                return brain;
            }
            Some(event) = inbox.recv() => if let Event::Heard { prompt, at } = event { brain.hears(&prompt, at) },
            () = tokio::time::sleep_until(wake.into()) => {}
        }
    }
}

/// Opens the media of a call and agrees on its SDP.
pub(super) fn pick_up(
    house: &House,
    call: &IncomingCall,
    events: mpsc::UnboundedSender<Event>,
) -> anyhow::Result<(MediaHandle, Vec<u8>)> {
    let media = house.media.open(events)?;
    let local = LocalMedia {
        addr: media.local_addr().ip(),
        port: media.local_addr().port(),
        codecs: vec![sdp::Codec::Pcma, sdp::Codec::Pcmu],
        telephone_event: Some(101),
        ptime_ms: 20,
        // a phone does as it is asked
        srtp: if sdp::is_secured(&call.invite.offer) { driver::keys() } else { Vec::new() },
        session_id: 1,
        version: 1,
    };
    let (answer, agreed) = sdp::answer(&local, &call.invite.offer)?;
    media.start(driver::peer(&agreed));
    let ear = Ear::new(house.ears.clone());
    let listener: Box<dyn Listener> = if house.tones { Box::new(ToneEar::new(ear)) } else { Box::new(ear) };
    media.command(Command::Listen(listener));
    Ok((media, answer))
}

/// Says something.
fn speak(house: &House, media: &MediaHandle) {
    play(media, house.prompts.iter().find(|prompt| prompt.id() == VOICE).cloned().into_iter().collect());
}

fn play(media: &MediaHandle, prompts: Vec<Arc<Prompt>>) {
    media.command(Command::Play(Playlist { tag: 0, prompts, barge_in: false, repeat: false }));
}
