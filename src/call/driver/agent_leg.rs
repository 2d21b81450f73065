//! The leg to an agent's phone: a SIP session and a media session of its own, on a task of its own. What happens on it becomes the hand-over's input.
//!
//! Decides nothing. When the call drops its handle, the leg is hung up, whatever its stage.

use super::{Line, local_media, peer};
use crate::agent::desk::Leg;
use crate::call::handover::Input;
use crate::media::bridge::Port;
use crate::media::playout::Playlist;
use crate::media::prompt::Prompt;
use crate::media::session::{Command, Event};
use crate::net::media_engine::MediaHandle;
use crate::sdp::{self, LocalMedia};
use crate::sip::endpoint::Invite;
use crate::sip::session::{Failure, FailureKind, SessionEvent, SessionId, TraceLine};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// What is to be done on the leg.
pub(super) enum Order {
    /// Play this to the agent.
    Whisper(Vec<Arc<Prompt>>),
    /// Join it with the customer's media.
    Join(Port),
    /// Part them.
    Part,
}

/// What the leg has to say.
pub(super) enum LegNews {
    /// For the hand-over.
    Input(Input),
    /// For the timeline.
    Trace(TraceLine),
    /// The session, for a REFER with Replaces.
    Session(SessionId),
    /// The customer's end of the bridge to a page.
    Port(Port),
}

/// The handle; dropped, the leg is hung up.
pub(super) struct AgentLeg {
    orders: mpsc::UnboundedSender<Order>,
}

impl AgentLeg {
    /// Rings the agent.
    pub(super) fn ring(line: Line, leg: Leg, ring: Duration, news: mpsc::UnboundedSender<LegNews>) -> AgentLeg {
        let (orders, inbox) = mpsc::unbounded_channel();
        tokio::spawn(run(line, leg, ring, inbox, news));
        AgentLeg { orders }
    }

    /// Says something to the leg; one that is over hears nothing.
    pub(super) fn order(&self, order: Order) {
        let _ = self.orders.send(order);
    }
}

async fn run(
    line: Line,
    leg: Leg,
    ring: Duration,
    mut orders: mpsc::UnboundedReceiver<Order>,
    news: mpsc::UnboundedSender<LegNews>,
) {
    let tell = |input| drop(news.send(LegNews::Input(input)));
    let (events, mut media_inbox) = mpsc::unbounded_channel();
    let media = match line.media.open(events) {
        Ok(media) => media,
        Err(error) => {
            tracing::warn!(%error, "no media for an agent's leg");
            return tell(Input::Broken);
        }
    };
    let mut local = local_media(line.public_ip, media.local_addr().port());
    let invite = Invite {
        target: leg.target,
        next_hop: leg.next_hop,
        others: Vec::new(),
        large_by_tcp: false,
        from: leg.from,
        credentials: leg.credentials,
        headers: Vec::new(),
        extensions: Default::default(),
        offer: sdp::offer(&local),
        ring_timeout: ring,
    };
    let Some((id, mut sip)) = line.sip.invite(invite).await else { return tell(Input::Broken) };
    let _ = news.send(LegNews::Session(id));
    let session = super::Leg { sip: line.sip.clone(), id };
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(order) => obey(&media, order),
                // the call does not want the leg any more; what the session still says is nobody's
                None => break,
            },
            event = sip.recv() => match event {
                Some(SessionEvent::Trace(line)) => drop(news.send(LegNews::Trace(line))),
                Some(SessionEvent::Reoffer { sdp }) => {
                    line.sip.answer_offer(id, reoffered(&mut local, &sdp, &media));
                }
                Some(event) => {
                    if let Some(input) = of_sip(event, &local, &media) {
                        tell(input);
                    }
                }
                None => {
                    tell(Input::Broken);
                    break;
                }
            },
            Some(event) = media_inbox.recv() => if let Some(input) = of_media(&event) { tell(input) },
        }
    }
    drop(session);
}

fn obey(media: &MediaHandle, order: Order) {
    match order {
        Order::Whisper(prompts) => {
            media.command(Command::Play(Playlist { tag: 1, prompts, barge_in: true, repeat: false }));
        }
        Order::Join(port) => {
            media.command(Command::Stop);
            media.command(Command::Bridge(port));
        }
        Order::Part => media.command(Command::Unbridge),
    }
}

/// The agent's phone wants something else, as a rule to hold: what we answer; none to refuse. The bridge stands, the caller hears what the phone sends.
fn reoffered(local: &mut LocalMedia, offer: &[u8], media: &MediaHandle) -> Option<Vec<u8>> {
    let (answer, agreed) = sdp::reanswer(local, offer).ok()?;
    media.change(peer(&agreed), agreed.direction.may_send(), agreed.direction.may_receive());
    Some(answer)
}

/// What a session's event means for the hand-over.
fn of_sip(event: SessionEvent, local: &LocalMedia, handle: &MediaHandle) -> Option<Input> {
    match event {
        SessionEvent::Progress { status, .. } if status > 100 => Some(Input::Rings),
        SessionEvent::Answered { sdp } => match sdp::read_answer(local, &sdp) {
            Ok(agreed) => {
                handle.start(peer(&agreed));
                Some(Input::PickedUp)
            }
            Err(error) => {
                tracing::warn!(%error, "an agent's phone answered with an SDP that cannot be used");
                Some(Input::Broken)
            }
        },
        SessionEvent::Failed(failure) => Some(of_failure(&failure)),
        SessionEvent::Ended { .. } | SessionEvent::Canceled => Some(Input::AgentGone),
        SessionEvent::Info(info) => {
            if let Some(press) = crate::media::dtmf::info::read(&info.content_type, &info.body) {
                handle.command(Command::KeyByInfo(press));
            }
            None
        }
        SessionEvent::Reanswered { sdp } => {
            if let Ok(agreed) = sdp::read_answer(local, &sdp) {
                handle.change(peer(&agreed), agreed.direction.may_send(), agreed.direction.may_receive());
            }
            None
        }
        SessionEvent::Reoffer { .. }
        | SessionEvent::Reason(_)
        | SessionEvent::Forwarded(_)
        | SessionEvent::Redirected { .. }
        | SessionEvent::MovedOn { .. }
        | SessionEvent::Progress { .. }
        | SessionEvent::InviteSent
        | SessionEvent::Incoming(_)
        | SessionEvent::Acked { .. }
        | SessionEvent::Refer(_)
        | SessionEvent::Trace(_) => None,
    }
}

/// A refusal is the agent's; what never answered is silent; the rest is the line's.
fn of_failure(failure: &Failure) -> Input {
    match failure.kind {
        FailureKind::Status(480 | 486 | 600 | 603) => Input::Refused,
        FailureKind::Status(408 | 487) | FailureKind::RingTimeout => Input::Silent,
        _ => Input::Broken,
    }
}

fn of_media(event: &Event) -> Option<Input> {
    match event {
        Event::Key { key, .. } => Some(Input::Key(*key)),
        Event::PlaybackEnded { .. } => Some(Input::WhisperEnded),
        Event::AudioLost => Some(Input::Broken),
        Event::FirstAudio
        | Event::FirstSound
        | Event::Hearing(_)
        | Event::Quality(_)
        | Event::RecordingEnded { .. }
        | Event::KeyAlso { .. }
        | Event::Answerer(_)
        | Event::KeysSent { .. }
        | Event::Heard { .. } => None,
    }
}
