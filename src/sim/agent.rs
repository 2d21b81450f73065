//! Simulated agents' phones: real SIP and RTP, beside the simulated callees and at the same address. The user part says how the agent is: `agent…` takes calls,
//! `agent-busy…` refuses them, `agent-away…` never picks up, `agent-mute…` picks up and presses nothing.
//!
//! An agent who takes a call waits for the whisper, presses the key, says something, listens for the customer's voice, and hangs up. It knows nothing of the engine.

use super::callee::{House, pick_up, until_canceled};
use crate::media::playout::Playlist;
use crate::media::session::{Command, Event};
use crate::net::media_engine::MediaHandle;
use crate::net::sip_transport::{IncomingCall, SipHandle};
use crate::sip::session::{HangupReason, SessionEvent};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// What begins the user part of an agent's URI.
pub const PREFIX: &str = "agent";
/// What an agent says: a prompt that customers are never played in a talk.
pub const VOICE: &str = "help.warranty";
/// How long an agent's phone rings.
const RINGS: Duration = Duration::from_millis(700);
/// How long after the accept prompt begins the key is pressed.
const REACTION: Duration = Duration::from_millis(500);
/// How long the customer is listened for, and how long after their first word the agent hangs up.
const PATIENCE: Duration = Duration::from_secs(20);
const FAREWELL: Duration = Duration::from_millis(2500);

/// What one call to an agent came to, seen from the agent's side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentReport {
    /// The user part that was called.
    pub agent: String,
    /// The phone was picked up.
    pub answered: bool,
    /// The prompts of the whisper that were recognised, in order.
    pub whispered: Vec<String>,
    /// The accept key was pressed.
    pub took: bool,
    /// The customer's voice was heard.
    pub heard_customer: bool,
}

/// Whether a called user is an agent.
pub fn is_agent(user: &str) -> bool {
    user.starts_with(PREFIX)
}

pub(super) async fn answer(
    sip: &SipHandle,
    house: &House,
    mut call: IncomingCall,
    stop: CancellationToken,
) -> AgentReport {
    let agent = call.invite.request_uri.user().unwrap_or_default().to_owned();
    let mut report = AgentReport { answered: false, whispered: Vec::new(), took: false, heard_customer: false, agent };
    if report.agent.starts_with("agent-busy") {
        sip.reject(call.id, 486);
        return report;
    }
    sip.ring(call.id, 180, None);
    let away = report.agent.starts_with("agent-away");
    let ringing = async {
        if away {
            until_canceled(&mut call).await;
        } else {
            let _ = tokio::time::timeout(RINGS, until_canceled(&mut call)).await;
        }
    };
    tokio::select! {
        () = ringing => {}
        () = stop.cancelled() => sip.reject(call.id, 480),
    }
    if away || stop.is_cancelled() {
        return report;
    }
    let (events, inbox) = mpsc::unbounded_channel();
    match pick_up(house, &call, events) {
        Ok((media, answer)) => {
            sip.accept(call.id, answer);
            report.answered = true;
            talk(sip, house, call, &media, inbox, &mut report, stop).await;
        }
        Err(error) => {
            tracing::warn!(%error, "a simulated agent could not pick up");
            sip.reject(call.id, 488);
        }
    }
    report
}

async fn talk(
    sip: &SipHandle,
    house: &House,
    mut call: IncomingCall,
    media: &MediaHandle,
    mut inbox: mpsc::UnboundedReceiver<Event>,
    report: &mut AgentReport,
    stop: CancellationToken,
) {
    let mute = report.agent.starts_with("agent-mute");
    let mut press = None;
    let mut leave = Instant::now() + PATIENCE * 3;
    loop {
        let wake = press.unwrap_or(leave).min(leave);
        tokio::select! {
            event = call.events.recv() => match event {
                Some(SessionEvent::Ended { .. } | SessionEvent::Failed(_) | SessionEvent::Canceled) | None => return,
                Some(_) => {}
            },
            () = stop.cancelled() => return sip.hangup(call.id, HangupReason::Normal),
            Some(event) = inbox.recv() => if let Event::Heard { prompt, at } = event {
                if prompt == "whisper.accept" && !mute {
                    press = Some(at + REACTION);
                }
                if prompt.starts_with("whisper.") {
                    report.whispered.push(prompt);
                } else if report.took && prompt == super::callee::VOICE && !report.heard_customer {
                    report.heard_customer = true;
                    leave = at + FAREWELL;
                }
            },
            () = tokio::time::sleep_until(wake.into()) => {
                if press.take().is_some_and(|at| at <= Instant::now()) {
                    report.took = true;
                    media.command(Command::SendKeys { keys: "1".into(), press_ms: 100, gap_ms: 100 });
                    say(house, media);
                    leave = Instant::now() + PATIENCE;
                } else if Instant::now() >= leave {
                    sip.hangup(call.id, HangupReason::Normal);
                    leave += PATIENCE;
                }
            }
        }
    }
}

/// Speaks; the customer hears it once the two are joined.
fn say(house: &House, media: &MediaHandle) {
    let prompts = house.prompts.iter().find(|prompt| prompt.id() == VOICE).cloned().into_iter().collect();
    media.command(Command::Enqueue(Playlist { tag: 0, prompts, barge_in: false, repeat: true }));
}
