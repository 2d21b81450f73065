//! Runs a call's errands to the agents' desk, in order and beside the call: holding an agent, saying that it rings or that they talk, giving the agent back.
//!
//! Decides nothing. When the call is gone, what is still to be done is done, and a hold that nobody gave back is given back.

use crate::agent::desk::{Desk, Freed, Hold, NoAgent, Reserved, Way, Wish};
use crate::call::handover::{self, End, Held, Input};
use crate::ids::AgentId;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Something to be said at the desk.
pub(super) enum Errand {
    /// Hold somebody who was not tried.
    Reserve(Vec<AgentId>),
    /// It rings.
    Rings,
    /// They talk.
    Talks,
    /// The agent is free.
    Free(End),
}

/// What comes back.
pub(super) enum News {
    /// Somebody is held; how they are reached.
    Held(Held, Box<Way>, String),
    /// Nobody is to be had.
    Nobody,
}

/// Does errands until the call drops its side.
pub(super) async fn run(
    desk: Arc<Desk>,
    mut wish: Wish,
    mut errands: mpsc::UnboundedReceiver<Errand>,
    news: mpsc::UnboundedSender<News>,
) {
    let mut hold: Option<Hold> = None;
    let mut talked = false;
    while let Some(errand) = errands.recv().await {
        match errand {
            Errand::Reserve(tried) => {
                wish.tried = tried;
                let told = match desk.reserve(&wish).await {
                    Ok(Reserved { transfer, hold: new, agent, language, way, auto_answer }) => {
                        (hold, talked) = (new, false);
                        News::Held(Held { transfer, agent, way: kind(&way), auto_answer }, Box::new(way), language)
                    }
                    Err(no) => {
                        if let NoAgent::Away(error) = &no {
                            tracing::warn!(%error, "no agent could be asked for; a call-back is promised");
                        }
                        News::Nobody
                    }
                };
                // a call that has gone meanwhile needs nobody: its errands end, and the hold with them
                let _ = news.send(told);
            }
            Errand::Rings => {
                if let Some(hold) = &hold {
                    desk.ringing(hold).await;
                }
            }
            Errand::Talks => {
                talked = true;
                if let Some(hold) = &hold {
                    desk.talking(hold).await;
                }
            }
            Errand::Free(end) => {
                if let Some(hold) = hold.take() {
                    desk.free(hold, freed(end)).await;
                }
            }
        }
    }
    // the call was cut
    if let Some(hold) = hold {
        desk.free(hold, if talked { Freed::Talked } else { Freed::Unused }).await;
    }
}

/// What comes back, as the hand-over takes it.
pub(super) fn input(news: &News) -> Input {
    match news {
        News::Held(held, ..) => Input::Held(*held),
        News::Nobody => Input::NobodyFree,
    }
}

fn kind(way: &Way) -> handover::Way {
    match way {
        Way::Sip(_) => handover::Way::Call,
        Way::Page => handover::Way::Page,
        Way::Refer(_) => handover::Way::Refer,
        Way::ReferAttended(_) => handover::Way::ReferAttended,
    }
}

fn freed(end: End) -> Freed {
    match end {
        End::Accepted => Freed::Talked,
        End::Rejected => Freed::Rejected,
        End::NoAnswer => Freed::RangOut,
        End::AgentFailed => Freed::Broken,
        End::CallerGaveUp | End::Declined | End::Interrupted | End::PbxRefused => Freed::Unused,
    }
}
