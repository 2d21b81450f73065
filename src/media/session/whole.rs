//! The whole call on record, both ways, beside everything else that the session does ([`CallRecorder`]).

use super::{Codec, Session};
use crate::media::call_recorder::CallRecorder;
use crate::media::recorder::RecordingEnd;
use crate::media::samples_in;
use crate::media::session::RecordingOutput;
use std::collections::VecDeque;
use std::time::Duration;

/// A recording of the whole call, and what of it the writer has not taken yet.
#[derive(Default)]
pub(super) struct Whole {
    recorder: Option<Box<CallRecorder>>,
    output: VecDeque<RecordingOutput>,
}

impl Session {
    /// Records both ways from now on; a second order while it does so means nothing.
    pub(super) fn record_call(&mut self, tag: u64, name: Option<String>, longest: Duration) {
        if self.whole.recorder.is_none() {
            self.whole.output.push_back(RecordingOutput::Started { tag, name });
            self.whole.recorder = Some(Box::new(CallRecorder::new(tag, samples_in(longest))));
        }
    }

    pub(super) fn put_on_record(&mut self, codec: Codec, timestamp: u32, payload: &[u8]) {
        if let Some(recorder) = &mut self.whole.recorder {
            recorder.heard(timestamp, payload.iter().map(|byte| codec.decode(*byte)));
        }
    }

    /// This went out in a tick of so many samples; nothing of it: silence did, or a key.
    pub(super) fn put_sent_on_record(&mut self, audio: &[u8], samples: usize) {
        let Some(recorder) = &mut self.whole.recorder else { return };
        let codec = self.params.codec;
        let silence = std::iter::repeat_n(0, samples.saturating_sub(audio.len()));
        recorder.sent(audio.iter().map(|byte| codec.decode(*byte)).chain(silence));
        self.whole.output.extend(recorder.take_chunk().map(RecordingOutput::Samples));
        if recorder.is_full() {
            self.end_call_recording(RecordingEnd::MaxDuration);
        }
    }

    pub(super) fn end_call_recording(&mut self, why: RecordingEnd) {
        let Some(recorder) = self.whole.recorder.take() else { return };
        let rest = recorder.finish();
        if !rest.is_empty() {
            self.whole.output.push_back(RecordingOutput::Samples(rest));
        }
        self.whole.output.push_back(RecordingOutput::Ended(why));
    }

    /// The next thing for the writer of the whole call's recording.
    pub fn poll_call_recording(&mut self) -> Option<RecordingOutput> {
        self.whole.output.pop_front()
    }
}

#[cfg(test)]
mod tests;
