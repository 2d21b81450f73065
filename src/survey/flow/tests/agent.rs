//! The live agent in a conversation: offered only when held, accepted, declined, silent, gone; and what the talk leaves.

use super::customer::Does::*;
use super::customer::{Desk, Does, PROMPT, Story, call_with, facts, real};
use std::time::Duration;

type Script = Vec<(&'static str, Does)>;

/// Somebody who is unhappy at the first question and does this at the offer.
fn unhappy(at_offer: Option<Does>, more: Script) -> Script {
    let begins = vec![("identity", Keys("1")), ("consent", Keys("1")), ("advisor", Keys("1")), ("q1", Keys("5"))];
    begins.into_iter().chain(at_offer.map(|does| ("unhappy_agent", does))).chain(more).collect()
}

fn play(desk: Desk, script: &[(&'static str, Does)]) -> Story {
    call_with(desk, real(), facts(), script)
}

/// What is told from the complaint on.
fn from_complaint(story: &Story) -> Vec<&str> {
    story.told().into_iter().skip_while(|line| !line.starts_with("complaint")).collect()
}

#[test]
fn an_agent_is_offered_once_held_and_the_talk_ends_the_call() {
    let story = play(Desk::Talks(300), &unhappy(Some(Keys("1")), vec![]));
    assert_eq!(
        from_complaint(&story),
        [
            "complaint LowScore at q1",
            "unhappy_agent: yes",
            "connect: agent.connect hold.music agent.still_trying",
            "end: Partial"
        ]
    );
    assert_eq!(story.last_said(), "agent.offer");
    assert!(!story.resumable, "a person has called");
}

#[test]
fn nobody_free_is_never_offered() {
    for desk in [Desk::Empty, Desk::Away] {
        let story = play(desk, &unhappy(None, vec![("unhappy_statement", Speaks(5)), ("q2", HangsUp)]));
        let mut told = from_complaint(&story);
        // a desk that never says is given up, and told so
        told.retain(|line| *line != "agent let go");
        assert_eq!(
            told,
            ["complaint LowScore at q1", "unhappy_statement: Statement of 5000 ms", "end: Partial"],
            "{desk:?}"
        );
        assert!(!story.said.iter().any(|said| said.contains("agent.offer")));
        assert!(story.said.iter().any(|said| said == "unhappy.no_agent"));
    }
}

#[test]
fn who_declines_or_says_nothing_is_promised_a_call_back() {
    for at_offer in [Keys("2"), Silent] {
        let more = vec![("unhappy_statement", Speaks(4)), ("q2", HangsUp)];
        let story = play(Desk::Talks(60), &unhappy(Some(at_offer), more));
        let told = from_complaint(&story);
        assert!(told.contains(&"agent let go"), "{at_offer:?} {told:?}");
        assert!(story.said.iter().any(|said| said == "agent.call_back"), "{:?}", story.said);
        assert!(!told.iter().any(|line| line.starts_with("connect")), "{told:?}");
    }
}

#[test]
fn a_zero_at_the_offer_is_a_yes() {
    let story = play(Desk::Talks(60), &unhappy(Some(Keys("0")), vec![]));
    assert!(from_complaint(&story).contains(&"unhappy_agent: yes"));
}

#[test]
fn nobody_who_takes_the_call_leaves_the_questions_to_go_on() {
    let more = vec![("unhappy_statement", FallsSilent(6)), ("q2", Keys("1")), ("q3", HangsUp)];
    let story = play(Desk::Fails(40), &unhappy(Some(Keys("1")), more));
    assert_eq!(
        from_complaint(&story),
        [
            "complaint LowScore at q1",
            "unhappy_agent: yes",
            "connect: agent.connect hold.music agent.still_trying",
            "unhappy_statement: Statement of 10000 ms",
            "q2: very_satisfied = 12",
            "end: Partial"
        ]
    );
    let after: Vec<&String> = story.said.iter().skip_while(|said| *said != "agent.offer").skip(1).take(3).collect();
    assert_eq!(after, ["agent.failed", "agent.call_back", "unhappy.statement"]);
}

#[test]
fn who_asks_for_a_person_is_connected_without_being_asked_again() {
    let begins = [("identity", Keys("1")), ("consent", Keys("1")), ("advisor", Keys("1")), ("q1", Keys("0"))];
    let story = play(Desk::Talks(30), &begins);
    assert_eq!(
        from_complaint(&story),
        ["complaint AskedForPerson at q1", "connect: agent.connect hold.music agent.still_trying", "end: Partial"]
    );
    let story = play(Desk::Fails(30), &[&begins[..], &[("person_statement", Speaks(3))]].concat());
    assert!(story.said.iter().any(|said| said == "agent.failed agent.call_back"), "{:?}", story.said);
    assert_eq!(story.last_said(), "closing.complaint");
}

#[test]
fn the_length_of_a_call_stands_still_while_customer_and_agent_have_each_other() {
    let an_hour = 3600;
    let more = vec![("unhappy_statement", Speaks(4)), ("q2", Keys("1")), ("q3", HangsUp)];
    let story = play(Desk::Fails(an_hour), &unhappy(Some(Keys("1")), more));
    assert!(story.told().contains(&"q2: very_satisfied = 12"), "the call was not cut: {:?}", story.told());
    assert!(story.took > Duration::from_secs(an_hour) + PROMPT);
}

#[test]
fn hanging_up_at_the_offer_lets_the_agent_go() {
    let story = play(Desk::Talks(30), &unhappy(Some(HangsUp), vec![]));
    assert_eq!(from_complaint(&story), ["complaint LowScore at q1", "agent let go", "end: Partial"]);
}
