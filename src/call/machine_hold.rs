//! What the far side changes in mid-call by a re-INVITE, for [`Machine`]: hold and resume, codec, address, payload types (RFC 3264 8).
//!
//! On hold nobody hears us: prompts stop and no time counts. When the call is taken back, a question that is answered by keys is asked again; a step that
//! says or records something goes on where it was cut.

use super::super::disposition::is_networks;
use super::*;

impl Machine {
    /// A new offer: answered if it can be, refused otherwise, and then everything stays as it was. Before the answer (an early UPDATE) it is agreed and noted:
    /// the media begin with the 200.
    pub(super) fn reoffered(&mut self, offer: &[u8], now: Instant) {
        if matches!(self.state, State::Calling { .. }) {
            let answered = sdp::reanswer(&mut self.local, offer).ok();
            let answer = answered.map(|(answer, agreed)| {
                self.early = Some((offer.to_vec(), agreed));
                answer
            });
            return self.actions.push_back(Action::AnswerOffer(answer));
        }
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
        self.media_changed(agreed, now);
    }

    /// The far side answered our refresh with other media than it had.
    pub(super) fn reanswered(&mut self, answer: &[u8], now: Instant) {
        if !matches!(self.state, State::Talking { gone: false, .. }) {
            return;
        }
        match sdp::read_answer(&self.local, answer) {
            Ok(agreed) => self.media_changed(agreed, now),
            Err(error) => self.note(Moment::ChangeRefused { why: error.to_string() }, now),
        }
    }

    fn media_changed(&mut self, agreed: sdp::Negotiated, now: Instant) {
        let agreement = Some((agreed.codec, agreed.telephone_event));
        if self.agreed != agreement {
            self.agreed = agreement;
            let codec = agreed.codec.name().to_owned();
            self.note(Moment::MediaChanged { codec, telephone_event: agreed.telephone_event }, now);
        }
        let may_send = agreed.direction.may_send();
        self.actions.push_back(Action::ChangeMedia(agreed));
        match (may_send, self.held_until) {
            (false, None) => self.held(now),
            (true, Some(_)) => self.resumed(now),
            (false, Some(_)) | (true, None) => {}
        }
    }

    /// Why the far side ends it, for the timeline and the verdict.
    pub(super) fn told_why(&mut self, causes: Vec<FarCause>, now: Instant) {
        self.note(Moment::Reason { causes: causes.iter().map(FarCause::to_string).collect() }, now);
        self.far_causes = causes;
    }

    /// A conversation that the network cut is no break-off of the customer's.
    pub(super) fn explain(&mut self, ending: &mut Ending) {
        let causes = std::mem::take(&mut self.far_causes);
        if causes.is_empty() {
            return;
        }
        let told: Vec<String> = causes.iter().map(FarCause::to_string).collect();
        ending.verdict.detail.push_str(&format!("; the far side's BYE says {}", told.join(", ")));
        let cut = causes.into_iter().any(is_networks);
        if cut && matches!(ending.verdict.disposition, Disposition::BreakOff | Disposition::NoInput) {
            ending.verdict.blame = Blame::Trunk;
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
