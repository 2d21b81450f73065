//! What the far side changes in mid-call by a re-INVITE, for [`Machine`]: hold and resume, codec, address, payload types (RFC 3264 8).
//!
//! On hold nobody hears us: prompts stop and no time counts. When the call is taken back, a question that is answered by keys is asked again; a step that
//! says or records something goes on where it was cut.

use super::*;

impl Machine {
    /// A new offer: answered if it can be, refused otherwise, and then everything stays as it was.
    pub(super) fn reoffered(&mut self, offer: &[u8], now: Instant) {
        if !matches!(self.state, State::Talking { gone: false, .. }) {
            return self.actions.push_back(Action::AnswerOffer(None));
        }
        let (answer, agreed) = match sdp::reanswer(&mut self.local, offer) {
            Ok(answered) => answered,
            Err(error) => {
                self.note(Moment::ChangeRefused { why: error.to_string() }, now);
                return self.actions.push_back(Action::AnswerOffer(None));
            }
        };
        self.actions.push_back(Action::AnswerOffer(Some(answer)));
        let agreement = Some((agreed.codec, agreed.telephone_event));
        if self.agreed != agreement {
            self.agreed = agreement;
            let codec = agreed.codec.name().to_owned();
            self.note(Moment::MediaChanged { codec, telephone_event: agreed.telephone_event }, now);
        }
        self.actions.push_back(Action::ChangeMedia(agreed));
        match (agreed.direction.may_send(), self.held_until) {
            (false, None) => self.held(now),
            (true, Some(_)) => self.resumed(now),
            (false, Some(_)) | (true, None) => {}
        }
    }

    pub(super) fn held(&mut self, now: Instant) {
        self.note(Moment::Held, now);
        self.held_until = Some(now + self.patience);
        // customer and agent know what holding is
        if self.handover.as_ref().is_some_and(Handover::is_talking) {
            return;
        }
        self.actions.push_back(Action::StopPlayback);
        if let State::Talking { flow, .. } = &mut self.state {
            flow.handle(FlowInput::Held, now);
        }
    }

    fn resumed(&mut self, now: Instant) {
        self.note(Moment::Resumed, now);
        self.held_until = None;
        let withheld = self.withheld.take();
        if let State::Talking { flow, .. } = &mut self.state {
            flow.handle(FlowInput::Resumed, now);
            // a step that asks nothing goes on where it stopped; of a question this is an old playback, which means nothing
            if let Some(tag) = withheld {
                flow.handle(FlowInput::PlaybackEnded { tag }, now);
            }
        }
        self.drain_flow(now);
    }

    /// While the call is held, the end of a playback is kept for later.
    pub(super) fn holds(&mut self, tag: u64) -> bool {
        let held = self.held_until.is_some();
        if held {
            self.withheld.get_or_insert(tag);
        }
        held
    }

    /// The end of patience, or what the hand-over waits for: an agent who rings is not left ringing.
    pub(super) fn hold_timeout(&self) -> Option<Instant> {
        let agent = self.handover.as_ref().and_then(Handover::poll_timeout);
        self.held_until.into_iter().chain(agent).min()
    }

    /// Held for too long: as if the customer had gone. Customer and agent may hold as long as they like.
    pub(super) fn hold_time(&mut self, now: Instant) {
        if self.held_until.is_none_or(|until| now < until) {
            return self.agent_time(now);
        }
        if self.handover.as_ref().is_some_and(Handover::is_talking) {
            self.held_until = Some(now + self.patience);
            return self.agent_time(now);
        }
        self.customer_gone(now);
    }
}
