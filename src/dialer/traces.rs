//! From stored messages back to what ladder and capture file are made of. Decides nothing.

use crate::call::ladder::{self, Ladder, Seen};
use crate::call::timeline::{Moment, TimelineEvent};
use crate::call::trace::mask::mask_message;
use crate::call::trace::{Leg, Message};
use crate::db::sip_messages::Stored;
use crate::db::story::{AttemptStory, Event};
use crate::sip::hop::{Hop, Transport};

/// A stored message, masked unless `raw`; none where its addresses cannot be read.
pub fn message(stored: &Stored, raw: bool) -> Option<Message> {
    let transport =
        [Transport::Udp, Transport::Tcp, Transport::Tls].into_iter().find(|t| t.as_str() == stored.transport)?;
    Some(Message {
        at: stored.at,
        sent: stored.sent,
        local: stored.local.parse().ok()?,
        peer: Hop::new(transport, stored.peer.parse().ok()?),
        bytes: if raw { stored.bytes.clone() } else { mask_message(&stored.bytes) },
    })
}

/// The ladder of an attempt: from its messages, or from its timeline where none were kept.
pub fn ladder(story: &AttemptStory, messages: &[Stored]) -> Ladder {
    let began = story.attempt.began_at;
    let entries = if messages.is_empty() {
        let timeline: Vec<TimelineEvent> = story.timeline.iter().filter_map(moment).collect();
        ladder::of_timeline(&timeline, began)
    } else {
        let mut seen = Seen::default();
        let entry = |stored: &Stored| {
            let (leg, peer) =
                (Leg::of(&stored.leg).unwrap_or(Leg::Customer), format!("{} {}", stored.transport, stored.peer));
            ladder::entry(stored.at, leg, stored.sent, peer, &stored.bytes, &mut seen)
        };
        messages.iter().map(entry).collect()
    };
    ladder::lay_out(&entries, began)
}

/// A SIP line of the timeline.
fn moment(event: &Event) -> Option<TimelineEvent> {
    let text = |name: &str| event.detail.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    let (message, cseq, peer) = (text("message"), text("cseq"), text("peer"));
    let moment = match event.kind.as_str() {
        "sip_sent" => Moment::SipSent { message, cseq, peer },
        "sip_received" => Moment::SipReceived { message, cseq, peer },
        _ => return None,
    };
    Some(TimelineEvent { offset_ms: u64::try_from(event.offset_ms).unwrap_or(0), moment })
}
