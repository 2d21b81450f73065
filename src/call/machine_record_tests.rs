//! Whole calls on record, in virtual time: begun by the customer's yes, ended by the call.

use super::*;

/// Identity and consent; the question whether it may be recorded is next.
fn asked() -> Call {
    let mut call = Call::with("", |facts| facts.record_calls = true).picked_up();
    call.keys("11");
    assert_eq!(call.on_record, None, "nothing before the yes");
    call
}

fn ended(call: &mut Call, recording: Recording) {
    let tag = call.on_record.expect("it is recorded");
    call.machine.handle(Input::Media(Event::RecordingEnded { tag, why: RecordingEnd::Closed, recording }), call.now);
    while let Some(action) = call.machine.poll_action() {
        match action {
            Action::Keep(keep) => call.kept.push(keep),
            Action::Note(event) => call.notes.push(event),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_recording_is_kept_though_it_ends_after_the_call() {
    let mut call = asked();
    call.keys("1");
    assert!(call.on_record.is_some());
    call.sip(SessionEvent::Ended { by: Side::Remote, cause: EndCause::Bye });
    assert!(call.machine.is_over());
    ended(&mut call, Recording::Saved { file: "whole.wav".into(), duration_ms: 9_000 });
    let kept = Keep::CallOnRecord { recording: RecordingRef("whole.wav".into()), duration_ms: 9_000 };
    assert_eq!(call.kept.last(), Some(&kept));
    let kinds: Vec<&str> = call.notes.iter().map(|note| note.moment.kind()).collect();
    assert!(kinds.contains(&"on_record"));
    assert_eq!(kinds.last(), Some(&"call_recorded"));
    assert!(call.machine.is_over(), "and nothing more");
}

#[test]
fn a_full_disk_costs_the_recording_and_the_timeline_says_why() {
    let mut call = asked();
    call.keys("1");
    ended(&mut call, Recording::Failed { error: "No space left on device".into() });
    assert!(!call.kept.iter().any(|keep| matches!(keep, Keep::CallOnRecord { .. })));
    let line = call.notes.last().unwrap().moment.line();
    assert_eq!(line, "the whole call could not be recorded: No space left on device");
    call.keys("1");
    assert!(call.hung_up.is_empty() && call.over.is_none(), "the call goes on");
}

#[test]
fn a_no_records_nothing() {
    let mut call = asked();
    call.keys("2");
    assert_eq!(call.on_record, None);
    assert!(call.hung_up.is_empty());
}
