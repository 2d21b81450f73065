//! What the flow waits for, one slot for each kind of deadline.

use super::Timer;
use std::time::Instant;

#[derive(Debug, Default)]
pub(super) struct Timers {
    answer: Option<Instant>,
    inter_digit: Option<Instant>,
    recording_end: Option<Instant>,
    agent: Option<Instant>,
    closing: Option<Instant>,
    pub(super) call_limit: Option<Instant>,
}

impl Timers {
    pub(super) fn slot(&mut self, timer: Timer) -> &mut Option<Instant> {
        match timer {
            Timer::Answer => &mut self.answer,
            Timer::InterDigit => &mut self.inter_digit,
            Timer::RecordingEnd => &mut self.recording_end,
            Timer::Agent => &mut self.agent,
            Timer::Closing => &mut self.closing,
            Timer::CallLimit => &mut self.call_limit,
        }
    }

    pub(super) fn next(&self) -> Option<(Instant, Timer)> {
        let all = [
            (self.answer, Timer::Answer),
            (self.inter_digit, Timer::InterDigit),
            (self.recording_end, Timer::RecordingEnd),
            (self.agent, Timer::Agent),
            (self.closing, Timer::Closing),
            (self.call_limit, Timer::CallLimit),
        ];
        all.into_iter().filter_map(|(at, timer)| Some((at?, timer))).min_by_key(|(at, _)| *at)
    }

    /// Forgets what belonged to the step that is left; the length of the call goes on.
    pub(super) fn leave_step(&mut self) {
        *self = Timers { call_limit: self.call_limit, ..Timers::default() };
    }
}
