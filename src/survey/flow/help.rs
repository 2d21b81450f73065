//! The help keys: from any question that can be answered by keys, or whose recording has not begun, to the help menu. The question is asked again afterwards.

use super::{Flow, Phase, State};
use crate::survey::definition::HelpKeys;
use std::time::{Duration, Instant};

/// How soon after `*` the second of the help keys must come.
pub const HELP_KEYS: Duration = Duration::from_secs(2);

impl Flow {
    /// This key completes the help keys. `*` has asked for the question again before.
    pub(super) fn help_keyed(&mut self, key: char, now: Instant) -> bool {
        let Some(help) = self.definition.help else { return false };
        let listens = match &self.state {
            State::Asking { playing, interruptible, .. } => playing.is_none() || *interruptible,
            State::Recording { phase: Phase::Prompt(_), step, .. } => {
                self.definition.steps.get(*step).is_some_and(|step| step.barge_in)
            }
            State::Recording { phase: Phase::Beep(_), .. } => true,
            State::Recording { .. }
            | State::Saying { .. }
            | State::Agent { .. }
            | State::Idle
            | State::Closing { .. }
            | State::Done => false,
        };
        if !listens {
            return false;
        }
        let star = self.star.take().filter(|at| now.saturating_duration_since(*at) <= HELP_KEYS);
        let whole = match help.keys {
            HelpKeys::Alone(wanted) => key == wanted,
            HelpKeys::AfterStar(wanted) => key == wanted && star.is_some(),
        };
        if key == '*' && !whole {
            self.star = Some(now);
        }
        whole
    }

    /// Leaves the question for the help menu; from within the menu it begins anew, and the question stays the same.
    pub(super) fn help(&mut self, now: Instant) {
        let (State::Asking { step, .. } | State::Recording { step, .. }) = &self.state else { return };
        let asked = *step;
        let Some(help) = self.definition.help else { return };
        self.so_far.asked_help_at.get_or_insert(asked);
        self.silence();
        self.go(help.target, now);
    }
}
