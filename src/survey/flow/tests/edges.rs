//! What lies between the personas: waits of single keys, prompts that cannot be interrupted, lost reports, the length of a call.

use super::customer::Does::*;
use super::customer::{Does, Story, call, epoch, facts, real};
use crate::survey::flow::RECORDING_END;
use crate::survey::{Definition, EndedBy, Flow, FlowAction, FlowInput, Outcome, RecordingRef, Timer};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A small survey: a 1–10 rating first, items only below ten, yes/no steps.
const SMALL: &str = r#"
key = "small"
version = 1
languages = ["en"]
title = { en = "Small" }
deadline_days = 3
max_call_s = 120
complete = ["rating"]
unhappy = [{ scale = "one_to_ten", at_most = 6 }, { scale = "yes_no", at_most = 0, count = 2 }]
[defaults]
beep = ["tone.beep"]
[reprompt]
invalid = ["reprompt.invalid"]
[on]
person = "person"
shutdown = "end"
too_long = "end"
[[step]]
id = "hello"
kind = "say"
prompts = ["hello"]
barge_in = true
[[step]]
id = "rating"
kind = "scale"
scale = "one_to_ten"
prompts = ["rating"]
[[step]]
id = "wash"
kind = "scale"
scale = "yes_no"
when = "rating<10"
otherwise = "end"
prompts = ["wash"]
barge_in = false
[[step]]
id = "drive"
kind = "scale"
scale = "yes_no"
prompts = ["drive"]
[[step]]
id = "end"
kind = "end"
prompts = ["bye"]
[[step]]
id = "person"
kind = "record"
recording = "statement"
prompts = ["say"]
goto = "end"
"#;

fn small() -> Arc<Definition> {
    Definition::from_toml("small.toml", SMALL).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn small_call(script: &[(&'static str, Does)]) -> Story {
    call(small(), facts(), script)
}

#[test]
fn on_a_scale_to_ten_only_the_one_waits() {
    let table: &[(&str, Does, &[&str], u64)] = &[
        ("ten in time", Keys("10"), &["rating: 10 = 10", "end: Complete"], 2000 + 2000 + 1000 + 300 + 2000),
        ("nine at once", Keys("9"), &["rating: 9 = 9", "end: Complete"], 2000 + 3000 + 2 * 24_000 + 2000),
        ("one, and no more", Keys("1"), &["rating: 1 = 1 unhappy", "complaint LowScore at rating", "end: Complete"], {
            2000 + 3000 + 1500 + 2 * 24_000 + 2000
        }),
        ("one and hash", Keys("1#"), &["rating: 1 = 1 unhappy", "complaint LowScore at rating", "end: Complete"], {
            2000 + 3000 + 300 + 2 * 24_000 + 2000
        }),
    ];
    for (what, does, facts, took) in table {
        let story = small_call(&[("rating", *does)]);
        assert_eq!(story.told(), *facts, "{what}");
        assert_eq!(story.took.as_millis(), u128::from(*took), "{what}");
    }
}

#[test]
fn a_one_and_a_zero_too_far_apart_are_two_entries() {
    // the next prompt cannot be interrupted, so that the stray zero falls on it and asks for nobody
    let story = small_call(&[("rating", Slow("10")), ("wash", Keys("1")), ("drive", Keys("1"))]);
    assert_eq!(
        story.facts,
        ["rating: 1 = 1 unhappy", "complaint LowScore at rating", "wash: yes = 1", "drive: yes = 1", "end: Complete"]
    );
}

#[test]
fn fifteen_is_no_answer() {
    let story = small_call(&[("rating", Keys("15")), ("rating", Over("10"))]);
    assert_eq!(story.facts, ["missed rating Invalid", "rating: 10 = 10", "end: Complete"]);
    assert_eq!(story.said[2], "reprompt.invalid rating");
}

#[test]
fn two_noes_make_a_complaint_one_does_not() {
    let one = small_call(&[("rating", Keys("8")), ("wash", Keys("2")), ("drive", Keys("1"))]);
    assert_eq!(one.facts[1..], ["wash: no = 0 unhappy", "drive: yes = 1", "end: Complete"]);
    let two = small_call(&[("rating", Keys("8")), ("wash", Keys("2")), ("drive", Keys("2"))]);
    assert_eq!(
        two.facts[1..],
        ["wash: no = 0 unhappy", "drive: no = 0 unhappy", "complaint Noes at drive", "end: Complete"]
    );
}

#[test]
fn keys_over_a_prompt_that_cannot_be_interrupted_are_dropped_but_not_over_its_re_prompt() {
    let story = small_call(&[("rating", Keys("8")), ("wash", Over("1")), ("wash", Over("2")), ("drive", Keys("1"))]);
    assert_eq!(story.facts[1..], ["missed wash Silent", "wash: no = 0 unhappy", "drive: yes = 1", "end: Complete"]);
}

/// Drains the actions, and gives the tag of the last playback or recording.
fn drain(flow: &mut Flow) -> (Vec<FlowAction>, u64) {
    let actions: Vec<FlowAction> = std::iter::from_fn(|| flow.poll_action()).collect();
    let tag = actions.iter().rev().find_map(|action| match action {
        FlowAction::Play { tag, .. } | FlowAction::Record { tag, .. } => Some(*tag),
        _ => None,
    });
    (actions, tag.unwrap_or(0))
}

fn started(definition: Arc<Definition>) -> (Flow, Instant, u64) {
    let now = epoch();
    let mut flow = Flow::new(definition, facts(), now);
    flow.handle(FlowInput::Start, now);
    let (_, tag) = drain(&mut flow);
    (flow, now, tag)
}

#[test]
fn a_key_over_an_interruptible_announcement_counts_for_the_question_after_it() {
    let (mut flow, now, _) = started(small());
    flow.handle(FlowInput::Key('9'), now);
    let (actions, _) = drain(&mut flow);
    let answers: Vec<&FlowAction> = actions.iter().filter(|a| matches!(a, FlowAction::Answer(_))).collect();
    assert_eq!(answers.len(), 1, "{actions:?}");
    assert_eq!(flow.step(), Some("wash"));
}

/// A flow in the middle of the recording of the small survey's person branch.
fn recording() -> (Flow, Instant, u64) {
    let (mut flow, now, hello) = started(small());
    flow.handle(FlowInput::PlaybackEnded { tag: hello }, now);
    flow.handle(FlowInput::Key('0'), now);
    for _ in ["prompt", "tone"] {
        let (_, tag) = drain(&mut flow);
        flow.handle(FlowInput::PlaybackEnded { tag }, now);
    }
    let (actions, tag) = drain(&mut flow);
    assert!(matches!(actions.last(), Some(FlowAction::Record { .. })), "{actions:?}");
    (flow, now, tag)
}

#[test]
fn a_recording_whose_end_is_never_reported_does_not_hold_the_call() {
    let (mut flow, now, _) = recording();
    flow.handle(FlowInput::Key('#'), now);
    assert_eq!(drain(&mut flow).0, [FlowAction::StopRecording]);
    let (at, timer) = flow.poll_timeout().unwrap();
    assert_eq!((at - now, timer), (RECORDING_END, Timer::RecordingEnd));
    flow.handle(FlowInput::Key('1'), at);
    flow.handle_timeout(at);
    assert!(matches!(drain(&mut flow).0.first(), Some(FlowAction::Play { .. })), "the closing");
    flow.handle(FlowInput::RemoteHangup, at);
    assert_eq!(drain(&mut flow).0, [FlowAction::Finish(Outcome::BreakOff)]);
}

#[test]
fn who_hangs_up_after_a_person_was_promised_is_not_a_break_off() {
    let (mut flow, now, _) = recording();
    flow.handle(FlowInput::RemoteHangup, now);
    assert_eq!(drain(&mut flow).0, [FlowAction::StopRecording]);
    flow.handle_timeout(now + RECORDING_END);
    assert_eq!(drain(&mut flow).0, [FlowAction::Finish(Outcome::Partial)]);
}

#[test]
fn a_hash_that_the_media_session_has_used_already_is_not_used_again() {
    let definition = real();
    let (mut flow, now, mut tag) = started(definition);
    let mut said = Vec::new();
    for key in ['1', '1', '1', '1', '1', '1', '1', '1', '1', '1', '1', '5'] {
        flow.handle(FlowInput::Key(key), now);
        (said, tag) = drain(&mut flow);
    }
    assert!(said.iter().any(|a| matches!(a, FlowAction::Complaint(_))));
    flow.handle(FlowInput::PlaybackEnded { tag }, now); // the apology
    drain(&mut flow);
    flow.handle(FlowInput::NoAgent, now);
    (_, tag) = drain(&mut flow);
    for _ in ["no agent", "statement", "tone"] {
        flow.handle(FlowInput::PlaybackEnded { tag }, now);
        (_, tag) = drain(&mut flow);
    }
    let recording = Some(RecordingRef("a.wav".into()));
    flow.handle(FlowInput::RecordingEnded { tag, recording, duration_ms: 5000, ended_by: EndedBy::Key }, now);
    (_, tag) = drain(&mut flow);
    flow.handle(FlowInput::Key('#'), now + Duration::from_millis(20));
    flow.handle(FlowInput::PlaybackEnded { tag }, now);
    drain(&mut flow);
    assert_eq!(flow.step(), Some("suggestion"));
    flow.handle(FlowInput::Key('#'), now + Duration::from_secs(1));
    let (actions, _) = drain(&mut flow);
    assert!(actions.iter().any(|a| matches!(a, FlowAction::Answer(answer) if answer.question == "suggestion")));
}

#[test]
fn what_does_not_belong_here_is_ignored() {
    let now = epoch();
    let mut flow = Flow::new(small(), facts(), now);
    flow.handle(FlowInput::Key('1'), now);
    flow.handle(FlowInput::PlaybackEnded { tag: 1 }, now);
    assert!(flow.poll_action().is_none() && flow.poll_timeout().is_none());
    flow.handle(FlowInput::Start, now);
    let (_, hello) = drain(&mut flow);
    flow.handle(FlowInput::Start, now);
    flow.handle(FlowInput::PlaybackEnded { tag: hello + 7 }, now);
    flow.handle(
        FlowInput::RecordingEnded { tag: hello, recording: None, duration_ms: 0, ended_by: EndedBy::Failed },
        now,
    );
    assert_eq!(drain(&mut flow).0, [], "a stranger's tag, a recording that was never begun, a second start");
    flow.handle(FlowInput::RemoteHangup, now);
    assert_eq!(drain(&mut flow).0, [FlowAction::Finish(Outcome::BreakOff)]);
    flow.handle(FlowInput::Key('1'), now);
    flow.handle(FlowInput::RemoteHangup, now);
    flow.handle(FlowInput::Shutdown, now);
    flow.handle_timeout(now + Duration::from_secs(3600));
    assert_eq!(drain(&mut flow).0, []);
}

#[test]
fn a_call_never_lasts_longer_than_its_limit() {
    let script: Vec<(&'static str, Does)> = (0..60).map(|_| ("rating", Keys("*"))).collect();
    let story = small_call(&script);
    assert_eq!(story.said.last().map(String::as_str), Some("bye"));
    assert!(story.took <= Duration::from_secs(120), "{:?}", story.took);
    assert_eq!(story.facts, ["end: BreakOff"]);
}
