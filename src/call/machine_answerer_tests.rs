//! Calls that a machine or a fax takes, in virtual time.

use super::*;
use crate::call::disposition::Retry;
use crate::media::amd::{Heard, Verdict as Answerer, Who};

const MESSAGE: &str = "\n[machine]\naction = \"leave_message\"\nmessage = [\"closing.thanks\"]\n";

fn took(call: &mut Call, who: Who) {
    let verdict = Answerer { who, confidence: 85, why: "so it seems", mailbox: who == Who::Machine, after_ms: 4_000 };
    call.input(Input::Media(Event::Answerer(Heard::Verdict(verdict))));
}

fn turn(call: &mut Call) {
    call.input(Input::Media(Event::Answerer(Heard::Turn { beep: true })));
}

fn ended(call: &mut Call) -> (Disposition, Option<Outcome>, String) {
    call.sip(SessionEvent::Ended { by: Side::Local, cause: EndCause::Bye });
    let ending = call.over.clone().expect("an ending");
    (ending.verdict.disposition, ending.outcome, ending.verdict.detail)
}

fn noted(call: &Call, kind: &str) -> usize {
    call.notes.iter().filter(|note| note.moment.kind() == kind).count()
}

#[test]
fn a_machine_is_hung_up_on_and_called_again_later() {
    let mut call = Call::answered();
    took(&mut call, Who::Machine);
    assert_eq!(call.hung_up, [HangupReason::Normal]);
    let (disposition, outcome, _) = ended(&mut call);
    assert_eq!((disposition, outcome, disposition.retry()), (Disposition::Machine, None, Retry::Machine));
    assert_eq!(noted(&call, "answerer"), 1);
}

#[test]
fn a_fax_is_never_called_again() {
    let mut call = Call::answered();
    took(&mut call, Who::Fax);
    let (disposition, ..) = ended(&mut call);
    assert_eq!((disposition, disposition.aapor(), disposition.retry()), (Disposition::Fax, "4.20", Retry::Never));
}

#[test]
fn whoever_is_no_machine_is_asked_on() {
    for who in [Who::Human, Who::Screened, Who::Unknown] {
        let mut call = Call::answered();
        took(&mut call, who);
        call.keys("111");
        assert_eq!((call.hung_up.len(), call.answers().len()), (0, 1), "{who:?}");
    }
}

#[test]
fn who_pressed_a_key_is_a_person_whatever_sounds_later() {
    let mut call = Call::answered();
    call.keys("1");
    took(&mut call, Who::Machine);
    took(&mut call, Who::Fax);
    assert!(call.hung_up.is_empty());
}

#[test]
fn a_message_is_left_after_the_beep() {
    let mut call = Call::of(MESSAGE, false).picked_up();
    took(&mut call, Who::Machine);
    call.hear(); // the survey's prompt was cut short
    assert!(call.hung_up.is_empty(), "the greeting is heard to its end");
    let asked = noted(&call, "prompts");
    turn(&mut call);
    assert_eq!(noted(&call, "prompts"), asked + 1);
    turn(&mut call);
    assert_eq!(noted(&call, "prompts"), asked + 1, "said once");
    call.hear();
    assert_eq!((call.hung_up.len(), noted(&call, "message_left")), (1, 1));
    let (disposition, _, detail) = ended(&mut call);
    assert_eq!((disposition, detail.contains("left")), (Disposition::Machine, true), "{detail}");
}

#[test]
fn there_is_one_message_for_a_follow_up() {
    let mut call = Call::of(MESSAGE, true).picked_up();
    took(&mut call, Who::Machine);
    assert_eq!(ended(&mut call).0, Disposition::Machine);
    assert_eq!(noted(&call, "message_left"), 0);
}

#[test]
fn a_person_who_takes_the_phone_from_the_machine_is_asked() {
    for speaking in [false, true] {
        let mut call = Call::of(MESSAGE, false).picked_up();
        took(&mut call, Who::Machine);
        call.hear();
        if speaking {
            turn(&mut call);
        }
        call.keys("111");
        assert_eq!((call.hung_up.len(), call.answers().len()), (0, 1), "the keys were answers");
    }
}

#[test]
fn a_machine_that_hangs_up_or_talks_for_ever_is_a_machine() {
    let mut call = Call::of(MESSAGE, false).picked_up();
    took(&mut call, Who::Machine);
    call.sip(SessionEvent::Ended { by: Side::Remote, cause: EndCause::Bye });
    assert_eq!(call.disposition(), Disposition::Machine);

    let mut call = Call::of(MESSAGE, false).picked_up();
    took(&mut call, Who::Machine);
    let until = call.machine.poll_timeout().expect("not for ever");
    assert!(until <= call.now + Duration::from_secs(60));
    call.now = until;
    call.machine.handle_timeout(call.now);
    call.drain();
    assert_eq!(ended(&mut call).0, Disposition::Machine);
}
