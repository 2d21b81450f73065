//! Calls in which one side does not hear the other, in virtual time.

use super::*;
use crate::call::disposition::Retry;
use crate::media::quality::{Hearing, Quality};

fn hearing(call: &mut Call, hearing: Hearing) {
    call.input(Input::Media(Event::Hearing(hearing)));
}

fn hung_up_by_customer(call: &mut Call) -> Disposition {
    call.sip(SessionEvent::Ended { by: Side::Remote, cause: EndCause::Bye });
    call.disposition()
}

/// Every prompt is heard to its end, no key comes.
fn stays_silent(call: &mut Call) {
    while call.hung_up.is_empty() {
        call.hear();
        if let (true, Some(at)) = (call.hung_up.is_empty(), call.machine.poll_timeout()) {
            call.now = call.now.max(at);
            call.machine.handle_timeout(call.now);
            call.drain();
        }
    }
    call.wait();
}

#[test]
fn a_customer_who_certainly_hears_nothing_is_not_talked_to() {
    let mut call = Call::answered();
    call.input(Input::Media(Event::FirstAudio));
    hearing(&mut call, Hearing::Deaf);
    assert_eq!(call.hung_up, [HangupReason::MediaLost]);
    call.sip(SessionEvent::Ended { by: Side::Local, cause: EndCause::Bye });
    let ending = call.over.as_ref().expect("an ending");
    assert_eq!((ending.verdict.disposition, ending.verdict.blame), (Disposition::OneWayAudio, Blame::Trunk));
    assert_eq!((ending.outcome, ending.verdict.disposition.retry()), (None, Retry::Unreachable));
}

#[test]
fn a_key_proves_that_they_hear_us() {
    let mut call = Call::answered();
    call.keys("11");
    hearing(&mut call, Hearing::Doubtful);
    hearing(&mut call, Hearing::Deaf);
    assert_eq!(call.hung_up, [], "a wrong report ends no good call");
    call.keys("1");
    assert_eq!(call.answers().len(), 1);
    assert_eq!(hung_up_by_customer(&mut call), Disposition::Partial);
    let mut call = Call::answered();
    call.keys("1");
    hearing(&mut call, Hearing::Deaf);
    assert_eq!(hung_up_by_customer(&mut call), Disposition::BreakOff, "they heard us and hung up");
}

#[test]
fn a_doubt_ends_no_call_but_explains_one_without_a_key() {
    let mut call = Call::answered();
    call.input(Input::Media(Event::FirstAudio));
    call.input(Input::Media(Event::FirstSound));
    hearing(&mut call, Hearing::Doubtful);
    assert_eq!(call.hung_up, []);
    assert_eq!(hung_up_by_customer(&mut call), Disposition::OneWayAudio, "hello? hello?");
    let mut call = Call::answered();
    hearing(&mut call, Hearing::Doubtful);
    hearing(&mut call, Hearing::Heard);
    assert_eq!(hung_up_by_customer(&mut call), Disposition::BreakOff, "the doubt was settled");
    let mut call = Call::answered();
    call.input(Input::Media(Event::FirstAudio));
    hearing(&mut call, Hearing::Doubtful);
    stays_silent(&mut call);
    assert_eq!(call.hung_up, [HangupReason::Normal], "everything was tried");
    assert_eq!(call.disposition(), Disposition::OneWayAudio);
    assert_eq!(call.over.as_ref().and_then(|ending| ending.outcome), None);
}

#[test]
fn no_key_and_no_sound_say_so() {
    for (events, disposition, said) in [
        (vec![], Disposition::NoAudio, "no sound ever came"),
        (vec![Event::FirstAudio], Disposition::NoInput, "nothing but digital silence"),
        (vec![Event::FirstAudio, Event::FirstSound], Disposition::NoInput, "answered, but no key was pressed"),
    ] {
        let mut call = Call::answered();
        events.into_iter().for_each(|event| call.input(Input::Media(event)));
        stays_silent(&mut call);
        let verdict = &call.over.as_ref().expect("an ending").verdict;
        assert_eq!(verdict.disposition, disposition);
        assert!(verdict.detail.contains(said), "{}", verdict.detail);
    }
}

#[test]
fn the_quality_comes_after_the_end_and_is_kept() {
    let mut call = Call::answered();
    call.keys("1");
    hung_up_by_customer(&mut call);
    let quality = Quality { rx_packets: 900, mos_hundredths: Some(431), ..Quality::default() };
    call.machine.handle(Input::Media(Event::Quality(quality)), call.now);
    let mut after = Vec::new();
    while let Some(action) = call.machine.poll_action() {
        after.push(action);
    }
    let [Action::Note(note), Action::Keep(Keep::Quality(kept))] = &after[..] else { panic!("{after:?}") };
    assert_eq!((note.moment.kind(), *kept), ("quality", quality));
    assert!(note.moment.line().contains("MOS 4.3") && note.moment.detail()["rx_packets"] == 900);
    assert!(call.machine.is_over());
}
