//! Whether the two sides of [`Machine`]'s call hear each other: what the media session says of it, and what is made of that. Keys prove that the customer
//! hears us, so nothing said here ends a call in which one was pressed.

use super::*;
use crate::media::quality::{Hearing, Quality};

/// What is known of both ears.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ears {
    /// The far side's, as its reports say.
    pub(super) far: Hearing,
    /// Something more than digital silence came.
    pub(super) sound: bool,
    /// A key was pressed.
    pub(super) keyed: bool,
}

impl Machine {
    /// Whether the far side hears us has changed. One that certainly does not is no use to talk to, unless it has answered: then it is its report that is wrong.
    pub(super) fn hearing(&mut self, hearing: Hearing, now: Instant) {
        self.ears.far = hearing;
        self.note(Moment::Hearing { hearing: hearing.as_str().to_owned() }, now);
        let talks = self.handover.as_ref().is_some_and(Handover::is_talking);
        if hearing == Hearing::Deaf && self.is_talking() && !self.ears.keyed && !talks {
            let verdict = one_way(hearing);
            let ending = Ending { verdict, sip_status: Some(200), outcome: None, never_left: false };
            self.hang_up(ending, HangupReason::MediaLost, now);
        }
    }

    fn is_talking(&self) -> bool {
        matches!(self.state, State::Talking { gone: false, .. })
    }

    /// The verdict over a conversation: one in which no key came may be none, because one side was not to be heard.
    pub(super) fn verdict_of(&self, outcome: Outcome) -> Verdict {
        if self.leaving.is_some() {
            return answerer::cut_off();
        }
        let (disposition, detail) = disposition_of(outcome);
        if self.gone_on_hold {
            let detail = format!("{detail}; the customer's side had put the call on hold");
            return Verdict::new(disposition, Blame::Customer, detail);
        }
        let keyless = matches!(outcome, Outcome::NoInput | Outcome::BreakOff) && !self.ears.keyed;
        let heard = matches!(&self.state, State::Talking { heard: true, .. });
        match (keyless, self.ears.far) {
            (true, far @ (Hearing::Deaf | Hearing::Doubtful)) => one_way(far),
            // the peer lived, by its reports or by comfort noise, and not one packet of audio came in all the time
            (true, Hearing::Heard) if disposition == Disposition::NoInput && !heard => no_audio(),
            (true, Hearing::Heard) if disposition == Disposition::NoInput && !self.ears.sound => {
                let detail = "answered, but no key was pressed, and nothing but digital silence came: a muted phone";
                Verdict::new(disposition, Blame::Customer, detail)
            }
            (_, Hearing::Deaf | Hearing::Doubtful | Hearing::Heard) => {
                Verdict::new(disposition, Blame::Customer, detail)
            }
        }
    }

    /// How good the media were: told when they are closed, so after everything else.
    pub(super) fn quality(&mut self, quality: Quality, now: Instant) {
        self.note(Moment::Quality(quality), now);
        self.actions.push_back(Action::Keep(Keep::Quality(quality)));
    }
}

pub(super) fn no_audio() -> Verdict {
    let detail = "answered, but no sound ever came from the customer's side";
    Verdict::new(Disposition::NoAudio, Blame::Trunk, detail)
}

fn one_way(far: Hearing) -> Verdict {
    let detail = match far {
        Hearing::Deaf => "answered, but the far side's reports say that nothing of ours reaches the customer",
        Hearing::Doubtful | Hearing::Heard => {
            "answered and no key came, and the far side's reports know nothing of our sound: the customer hears nothing"
        }
    };
    Verdict::new(Disposition::OneWayAudio, Blame::Trunk, detail)
}
