//! Calls with live agents: what is kept and in which order, whom the customer is with, and what a hang-up leaves.

use super::*;
use crate::call::handover::{End, Held, Input as Hand, Patience, Step, Way};
use crate::ids::{AgentId, TransferId};
use uuid::Uuid;

const PATIENCE: Patience = Patience {
    ring: Duration::from_secs(20),
    accept: Duration::from_secs(10),
    hold: Duration::from_secs(60),
    tries: 2,
};

fn held(n: u128) -> Held {
    let (transfer, agent) = (TransferId(Uuid::from_u128(n)), AgentId(Uuid::from_u128(n)));
    Held { transfer, agent, way: Way::Call, auto_answer: false }
}

/// A call whose customer is unhappy at the first question and has heard the apology.
fn unhappy() -> Call {
    let mut call = Call::new();
    call.machine = call.machine.with_agents(PATIENCE);
    call.sip(SessionEvent::InviteSent);
    call.sip(SessionEvent::Answered { sdp: ANSWER.to_vec() });
    call.keys("115");
    call.hear();
    call
}

impl Call {
    fn desk(&mut self, input: Hand) {
        self.input(Input::Agent(input));
    }

    /// Stages and ends of the tries, in order.
    fn tries(&self) -> Vec<&'static str> {
        let word = |keep: &Keep| match keep {
            Keep::Transfer(_, step) => Some(step.as_str()),
            Keep::TransferEnded(_, end) => Some(end.as_str()),
            _ => None,
        };
        self.kept.iter().filter_map(word).collect()
    }
}

#[test]
fn the_complaint_is_kept_before_anybody_is_held() {
    let mut call = unhappy();
    assert_eq!(call.agent, [AgentAction::Reserve { tried: vec![] }]);
    assert!(matches!(call.kept.last(), Some(Keep::Answer(_, Some(_)))), "{:?}", call.kept);
    call.desk(Hand::Held(held(1)));
    assert_eq!(call.tries(), ["offered"]);
    call.keys("1");
    assert_eq!(call.tries(), ["offered", "wanted"]);
    assert!(call.playing_on, "music");
    call.desk(Hand::Rings);
    call.desk(Hand::PickedUp);
    let whispered: Vec<String> = match call.agent.last() {
        Some(AgentAction::Whisper(prompts)) => prompts.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        whispered,
        ["whisper.aftersales_3day", "whisper.low_score", "whisper.minus", "digit.4", "whisper.accept"]
    );
    call.desk(Hand::Key('1'));
    assert_eq!(call.agent.iter().rev().take(2).collect::<Vec<_>>(), [&AgentAction::Join, &AgentAction::Talks]);
    assert!(!call.playing_on);
    call.desk(Hand::AgentGone);
    assert_eq!(call.agent.last(), Some(&AgentAction::Free(End::Accepted)));
    assert_eq!(call.hung_up, [HangupReason::Normal], "either side's hang-up ends both");
    call.sip(SessionEvent::Ended { by: Side::Local, cause: EndCause::Bye });
    assert_eq!(call.disposition(), Disposition::Partial);
    assert_eq!(call.tries(), ["offered", "wanted", "ringing", "answered", "accepted", "accepted"]);
    assert!(!call.over.unwrap().verdict.resumable);
}

#[test]
fn a_customer_who_hangs_up_takes_the_agent_along_at_every_stage() {
    let stages: [(&[Hand], &str); 4] = [
        (&[], "customer_gave_up"),
        (&[Hand::Rings], "customer_gave_up"),
        (&[Hand::PickedUp], "customer_gave_up"),
        (&[Hand::PickedUp, Hand::Key('1')], "accepted"),
    ];
    for (inputs, want) in stages {
        let mut call = unhappy();
        call.desk(Hand::Held(held(1)));
        call.keys("1");
        inputs.iter().for_each(|input| call.desk(input.clone()));
        call.sip(SessionEvent::Ended { by: Side::Remote, cause: EndCause::Bye });
        assert_eq!(call.tries().last(), Some(&want), "{inputs:?}");
        assert!(call.agent.contains(&AgentAction::HangUp), "{inputs:?}");
        assert_eq!(call.disposition(), Disposition::Partial);
    }
}

#[test]
fn sound_that_is_lost_in_a_talk_ends_it_for_both() {
    let mut call = unhappy();
    call.input(Input::Media(Event::FirstAudio));
    call.desk(Hand::Held(held(1)));
    call.keys("1");
    call.desk(Hand::PickedUp);
    call.desk(Hand::Key('1'));
    call.input(Input::Media(Event::AudioLost));
    assert_eq!(call.tries().last(), Some(&"accepted"));
    assert_eq!(call.agent.last(), Some(&AgentAction::Free(End::Accepted)));
}

#[test]
fn without_agents_the_call_back_is_promised_as_ever() {
    let mut call = Call::answered();
    call.keys("115");
    call.hear();
    assert_eq!(call.agent, []);
    call.hear(); // nobody is free
    call.hear(); // the statement's prompt
    call.hear(); // the tone
    assert!(call.recording.is_some());
}

#[test]
fn an_agent_who_is_held_too_late_is_freed() {
    let mut call = unhappy();
    call.sip(SessionEvent::Ended { by: Side::Remote, cause: EndCause::Bye });
    assert!(call.over.is_some());
    call.machine.handle(Input::Agent(Hand::Held(held(1))), call.now);
    let freed = std::iter::from_fn(|| call.machine.poll_action())
        .any(|action| matches!(action, Action::Agent(AgentAction::Free(End::Interrupted))));
    assert!(freed);
}

#[test]
fn an_engine_that_stops_lets_the_two_talk_on_and_closes_what_waits() {
    let talking = |call: &mut Call| {
        call.desk(Hand::Held(held(1)));
        call.keys("1");
        call.desk(Hand::PickedUp);
        call.desk(Hand::Key('1'));
    };
    let mut call = unhappy();
    talking(&mut call);
    call.input(Input::Shutdown);
    assert!(call.hung_up.is_empty() && call.tries().last() == Some(&Step::Accepted.as_str()));
    call.desk(Hand::AgentGone);
    assert_eq!(call.hung_up, [HangupReason::Normal]);

    let mut call = unhappy();
    call.desk(Hand::Held(held(1)));
    call.keys("1");
    call.input(Input::Shutdown);
    assert_eq!(call.tries().last(), Some(&"interrupted"));
    call.hear(); // the closing
    assert_eq!(call.hung_up, [HangupReason::Normal]);
}

#[test]
fn a_pbx_that_takes_the_customer_ends_the_call_and_one_that_refuses_gives_them_back() {
    use crate::sip::session::ReferEvent;
    let refer = Held { way: Way::Refer, ..held(1) };
    let mut call = unhappy();
    call.desk(Hand::Held(refer));
    call.keys("1");
    assert_eq!(call.agent.last(), Some(&AgentAction::Refer { attended: false }));
    for event in [ReferEvent::Accepted, ReferEvent::Progress(180), ReferEvent::Done(200)] {
        call.sip(SessionEvent::Refer(event));
    }
    assert_eq!(call.tries(), ["offered", "wanted", "ringing", "answered", "accepted", "accepted"]);
    assert_eq!(call.hung_up, [HangupReason::Normal]);

    for event in [ReferEvent::Refused(603), ReferEvent::Done(503), ReferEvent::Lost] {
        let mut call = unhappy();
        call.desk(Hand::Held(refer));
        call.keys("1");
        call.sip(SessionEvent::Refer(event));
        call.desk(Hand::NobodyFree);
        assert_eq!(call.tries().last(), Some(&"pbx_refused"), "{event:?}");
        assert!(call.hung_up.is_empty(), "the customer is still there");
    }
}

fn hold(call: &mut Call) {
    let hold = String::from_utf8_lossy(ANSWER).into_owned() + "a=sendonly\r\n";
    call.sip(SessionEvent::Reoffer { sdp: hold.into_bytes() });
}

/// The customer's phone holds while an agent's rings: what the agent waits for still comes to its end.
#[test]
fn a_customer_on_hold_leaves_no_agent_ringing_for_ever() {
    let mut call = unhappy();
    call.desk(Hand::Held(held(1)));
    call.keys("1");
    call.desk(Hand::Rings);
    hold(&mut call);
    let at = call.machine.poll_timeout().expect("somebody waits");
    assert!(at <= call.now + PATIENCE.ring, "the ring has its end");
    call.time();
    assert_eq!(call.tries().last(), Some(&"no_answer"));
}

#[test]
fn who_talks_to_an_agent_may_hold_for_long() {
    let mut call = unhappy();
    call.desk(Hand::Held(held(1)));
    call.keys("1");
    call.desk(Hand::Rings);
    call.desk(Hand::PickedUp);
    call.desk(Hand::Key('1'));
    hold(&mut call);
    for _ in 0..3 {
        assert!(call.machine.poll_timeout().is_some(), "the next look");
        call.time();
    }
    assert!(call.hung_up.is_empty());
}
