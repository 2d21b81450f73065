//! The leg to an agent's page: waits for what the agent says there, answers the page's WebRTC offer, and tells the hand-over.
//!
//! The page may be served by another process: what it says comes by the store (`agent::desk`), the media come straight to this one.
//! Decides nothing. When the call drops its handle, the peer is closed.

use super::agent_leg::LegNews;
use crate::agent::desk::{Desk, Word};
use crate::call::handover::Input;
use crate::ids::TransferId;
use crate::media::bridge;
use crate::net::webrtc::{WebEnd, WebEvent, WebLeg, WebRtc};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

/// The handle; dropped, the page's media are closed.
pub(super) struct PageLeg {
    _end: DropGuard,
}

impl PageLeg {
    /// The page shows the caller (the desk has told it); follows what the agent does.
    pub(super) fn ring(
        desk: Arc<Desk>,
        web: Arc<WebRtc>,
        transfer: TransferId,
        news: mpsc::UnboundedSender<LegNews>,
    ) -> PageLeg {
        let end = CancellationToken::new();
        let ended = end.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = follow(desk, web, transfer, news) => {}
                () = ended.cancelled() => {}
            }
        });
        PageLeg { _end: end.drop_guard() }
    }
}

async fn follow(desk: Arc<Desk>, web: Arc<WebRtc>, transfer: TransferId, news: mpsc::UnboundedSender<LegNews>) {
    let tell = |input| drop(news.send(LegNews::Input(input)));
    let (events, mut inbox) = mpsc::unbounded_channel();
    let mut heard: Option<Word> = None;
    let mut leg: Option<WebLeg> = None;
    loop {
        tokio::select! {
            word = desk.next_word(transfer, heard.as_ref()) => {
                match &word {
                    Word::Take(offer) => {
                        let (ours, page) = bridge::pair();
                        match web.answer(offer, page, events.clone()).await {
                            Ok((answer, new)) => {
                                leg = Some(new);
                                let _ = news.send(LegNews::Port(ours));
                                tell(Input::PickedUp);
                                desk.answer_page(transfer, answer).await;
                            }
                            Err(error) => {
                                tracing::warn!(%error, "an agent's page could not be answered");
                                tell(Input::Broken);
                            }
                        }
                    }
                    Word::Reject => tell(Input::Refused),
                    Word::HangUp => tell(Input::AgentGone),
                }
                heard = Some(word);
            }
            Some(event) = inbox.recv() => match event {
                WebEvent::Connected => tell(Input::Connected),
                WebEvent::Key(key) => tell(Input::Key(key)),
                WebEvent::Ended(why) => {
                    drop(leg.take());
                    if let Some(input) = of_end(why) {
                        tell(input);
                    }
                }
            },
        }
    }
}

/// A page that closed the call has hung up; one that fell silent, or never came through, is broken; what we closed says nothing.
fn of_end(why: WebEnd) -> Option<Input> {
    match why {
        WebEnd::HungUp => Some(Input::AgentGone),
        WebEnd::Vanished | WebEnd::NotConnected | WebEnd::Failed => Some(Input::Broken),
        WebEnd::Closed => None,
    }
}
