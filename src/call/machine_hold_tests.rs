//! What the far side changes in mid-call, in virtual time.

use super::*;

fn offer(direction: &str, codec: u8) -> Vec<u8> {
    format!(
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 6002 RTP/AVP {codec} 97\r\n\
         a=rtpmap:97 telephone-event/8000\r\na={direction}\r\n"
    )
    .into_bytes()
}

fn reinvite(call: &mut Call, direction: &str, codec: u8) {
    call.sip(SessionEvent::Reoffer { sdp: offer(direction, codec) });
}

fn kinds(call: &Call, wanted: &[&str]) -> Vec<&'static str> {
    call.notes.iter().map(|note| note.moment.kind()).filter(|kind| wanted.contains(kind)).collect()
}

#[test]
fn on_hold_no_time_counts_and_the_question_is_asked_again() {
    let mut call = Call::answered();
    call.keys("11"); // identity, consent
    let asked = kinds(&call, &["prompts"]).len();
    reinvite(&mut call, "sendonly", 8);
    call.hear(); // the prompt was cut short
    assert!(call.offers.iter().all(Option::is_some) && call.offers.len() == 1);
    assert!(!call.changes[0].direction.may_send());
    call.now += Duration::from_secs(100);
    assert!(call.machine.poll_timeout().expect("the end of patience") > call.now, "silence is no missed answer");
    assert_eq!(kinds(&call, &["missed", "held", "prompts"]).len(), asked + 1);
    reinvite(&mut call, "sendrecv", 8);
    assert!(call.changes[1].direction.may_send());
    assert_eq!(kinds(&call, &["held", "resumed"]), ["held", "resumed"]);
    assert_eq!(kinds(&call, &["prompts"]).len(), asked + 1, "asked again");
    call.hear();
    call.keys("1");
    assert_eq!(call.answers().len(), 1);
    assert!(kinds(&call, &["missed"]).is_empty());
}

#[test]
fn a_hold_that_lasts_too_long_ends_the_call_with_what_was_said() {
    for (keys, disposition) in [("1", Disposition::BreakOff), ("1112", Disposition::Partial)] {
        let mut call = Call::answered();
        call.keys(keys);
        reinvite(&mut call, "inactive", 8);
        call.time();
        assert_eq!(call.hung_up.len(), 1);
        call.sip(SessionEvent::Ended { by: Side::Local, cause: EndCause::Bye });
        let ending = call.over.as_ref().expect("an ending");
        assert_eq!(ending.verdict.disposition, disposition);
        assert!(ending.verdict.detail.contains("hold"), "{}", ending.verdict.detail);
    }
}

#[test]
fn a_change_of_codec_and_payload_type_is_answered_and_noted() {
    let mut call = Call::answered();
    reinvite(&mut call, "sendrecv", 0);
    let agreed = call.changes[0];
    assert_eq!((agreed.codec, agreed.telephone_event, agreed.remote.port()), (sdp::Codec::Pcmu, Some(97), 6002));
    assert_eq!(kinds(&call, &["media_changed", "held"]), ["media_changed"]);
    let answer = String::from_utf8_lossy(call.offers[0].as_deref().expect("an answer")).into_owned();
    assert!(answer.contains("m=audio 5000 RTP/AVP 0 97"), "{answer}");
    call.keys("1");
    assert!(call.hung_up.is_empty());
}

#[test]
fn what_cannot_be_taken_changes_nothing() {
    let mut call = Call::answered();
    reinvite(&mut call, "sendrecv", 18); // G.729
    call.sip(SessionEvent::Reoffer { sdp: b"nonsense".to_vec() });
    assert_eq!(call.offers, [None, None]);
    assert!(call.changes.is_empty());
    assert_eq!(kinds(&call, &["change_refused"]).len(), 2);
    call.keys("1");
    assert!(call.hung_up.is_empty());
}

#[test]
fn who_hangs_up_while_on_hold_is_gone() {
    let mut call = Call::answered();
    call.keys("1112");
    reinvite(&mut call, "sendonly", 8);
    call.sip(SessionEvent::Ended { by: Side::Remote, cause: EndCause::Bye });
    assert_eq!(call.disposition(), Disposition::Partial);
}

#[test]
fn who_answers_on_hold_is_asked_when_the_call_is_taken_back() {
    let mut call = Call::new();
    call.sip(SessionEvent::InviteSent);
    call.sip(SessionEvent::Answered { sdp: offer("sendonly", 8) });
    assert_eq!(kinds(&call, &["answered", "held"]), ["answered", "held"]);
    assert_eq!((call.started, call.changes.len()), (1, 1));
    assert!(!call.changes[0].direction.may_send(), "nothing leaves");
    let said = kinds(&call, &["prompts"]).len();
    call.hear();
    call.now += Duration::from_secs(60);
    assert!(call.machine.poll_timeout().expect("the end of patience") > call.now, "no time counts");
    reinvite(&mut call, "sendrecv", 8);
    assert!(kinds(&call, &["prompts"]).len() > said, "asked from the beginning");
    call.keys("1");
    assert!(call.hung_up.is_empty());
}

#[test]
fn the_music_of_a_hold_is_neither_a_key_nor_a_machine() {
    use crate::media::amd::{Heard, Verdict, Who};
    use crate::media::dtmf::fuse::Path;
    use crate::media::session::Event;
    let mut call = Call::answered();
    call.keys("11");
    reinvite(&mut call, "sendonly", 8);
    call.input(Input::Media(Event::Key { key: '5', at: call.now, path: Path::InBand }));
    let verdict = Verdict { who: Who::Machine, confidence: 90, why: "talks on", mailbox: true, after_ms: 4_000 };
    call.input(Input::Media(Event::Answerer(Heard::Verdict(verdict))));
    assert!(call.hung_up.is_empty() && call.answers().is_empty());
    assert!(kinds(&call, &["answerer"]).is_empty());
    reinvite(&mut call, "sendrecv", 8);
    call.hear();
    call.keys("1");
    assert_eq!(call.answers().len(), 1);
}

#[test]
fn an_update_before_the_answer_is_agreed_and_its_media_begin_with_the_200() {
    let mut call = Call::new();
    call.sip(SessionEvent::InviteSent);
    call.sip(SessionEvent::Progress { status: 183, sdp: None });
    reinvite(&mut call, "sendrecv", 0);
    assert!(call.offers.iter().all(Option::is_some) && call.offers.len() == 1);
    assert_eq!((call.started, call.changes.len()), (0, 0), "early media are no answer");
    call.sip(SessionEvent::Answered { sdp: offer("sendrecv", 0) });
    assert_eq!(call.started, 1);
    let answered = call.notes.iter().find(|note| note.moment.kind() == "answered").expect("answered");
    assert!(answered.moment.line().contains("PCMU, keys by RFC 4733 as payload 97"), "{}", answered.moment.line());
}

#[test]
fn an_answer_to_our_refresh_may_change_the_address() {
    let mut call = Call::answered();
    call.sip(SessionEvent::Reanswered { sdp: ANSWER.to_vec() });
    assert_eq!(call.changes.len(), 1);
    call.sip(SessionEvent::Reanswered { sdp: b"v=0\r\n".to_vec() });
    assert_eq!((call.changes.len(), kinds(&call, &["change_refused"]).len()), (1, 1));
}

#[test]
fn what_the_far_side_says_of_its_bye_stands_in_the_verdict() {
    for (cause, blame) in [(16, Blame::Customer), (41, Blame::Trunk)] {
        let mut call = Call::answered();
        let causes = vec![FarCause { protocol: crate::sip::session::Protocol::Q850, number: cause }];
        call.sip(SessionEvent::Reason(causes));
        call.sip(SessionEvent::Ended { by: Side::Remote, cause: EndCause::Bye });
        let verdict = &call.over.as_ref().expect("an ending").verdict;
        assert_eq!((verdict.disposition, verdict.blame), (Disposition::BreakOff, blame));
        assert!(verdict.detail.ends_with(&format!("says Q.850 cause {cause}")), "{}", verdict.detail);
        assert_eq!(kinds(&call, &["reason"]).len(), 1);
    }
}
