//! The help keys: what a caller may bring up, and the way back to the question.

use super::customer::Does::*;
use super::customer::{Does, Story, call, facts, prospect, real, sales};

type Script = Vec<(&'static str, Does)>;

fn begins() -> Script {
    vec![("identity", Keys("1")), ("consent", Keys("1")), ("advisor", Keys("1"))]
}

/// In the after-sales survey, from the second question on.
fn at_q2(script: Script) -> Story {
    call(real(), facts(), &[begins(), vec![("q1", Keys("1"))], script].concat())
}

#[test]
fn every_survey_has_the_menu_and_comes_back() {
    for (definition, question) in [(real(), "q1"), (prospect(), "s1"), (sales(), "q1")] {
        let script = vec![(question, Keys("*")), (question, Over("*")), ("help", Keys("1")), (question, HangsUp)];
        let story = call(definition, facts(), &[begins(), script].concat());
        let said: Vec<&str> = story.said[3..].iter().map(String::as_str).collect();
        let asked = said[0];
        assert_eq!(said, [asked, asked, "help.menu", "help.privacy", asked], "the first star repeats");
        assert_eq!(story.facts.last().map(String::as_str), Some("end: BreakOff"));
    }
}

#[test]
fn what_a_caller_brings_up() {
    let help = ("q2", Keys("**"));
    let table: &[(&str, Script, &[&str], &[&str])] = &[
        ("privacy", vec![help, ("help", Keys("1")), ("q2", HangsUp)], &["help: privacy"], &["help.privacy"]),
        ("warranty", vec![help, ("help", Keys("4")), ("q2", HangsUp)], &["help: warranty"], &["help.warranty"]),
        ("nothing", vec![help, ("help", Keys("9")), ("q2", HangsUp)], &["help: back"], &[]),
        ("says nothing", vec![help, ("help", Silent), ("help", Silent), ("help", Silent), ("q2", HangsUp)], &[], {
            &["reprompt.silent help.menu", "reprompt.silent help.menu"]
        }),
        (
            "a friend's number",
            vec![help, ("help", Keys("2")), ("lead_number", Keys("13900001234#")), ("q2", HangsUp)],
            &["help: lead", "lead 13900001234"],
            &["help.lead_ask", "help.lead_thanks"],
        ),
        (
            "a friend's name",
            vec![help, ("help", Keys("2")), ("lead_number", Keys("#")), ("lead_note", Speaks(5)), ("q2", HangsUp)],
            &["help: lead", "lead of 5000 ms"],
            &["help.lead_ask", "help.lead_note", "tone.beep", "help.lead_thanks"],
        ),
        (
            "a friend, but after all not",
            vec![help, ("help", Keys("2")), ("lead_number", Keys("#")), ("lead_note", Silent), ("q2", HangsUp)],
            &["help: lead"],
            &["help.lead_ask", "help.lead_note", "tone.beep"],
        ),
        (
            "too many calls, goes on",
            vec![help, ("help", Keys("3")), ("too_many", Keys("1")), ("q2", HangsUp)],
            &["help: too_many", "too_many: go_on"],
            &["help.too_many"],
        ),
    ];
    let asked = "aftersales.q2 scale.five_point_short";
    for (what, script, facts, said) in table {
        let story = at_q2(script.clone());
        let want: Vec<&str> = facts.iter().copied().chain(["end: Partial"]).collect();
        assert_eq!(story.told()[4..], want, "{what}");
        let want = [&[asked, asked, "help.menu"], *said, &[asked]].concat();
        assert_eq!(story.said[4..], want, "{what}: back at the question");
    }
}

#[test]
fn too_many_calls_may_end_the_call() {
    let help = ("q2", Over("**"));
    let later = at_q2(vec![help, ("help", Over("3")), ("too_many", Over("2")), ("callback", Over("4"))]);
    assert_eq!(later.told()[5..], ["too_many: later", "callback: afternoon", "call back 24 15:00", "end: CallBack"]);
    let never = at_q2(vec![help, ("help", Over("3")), ("too_many", Over("3"))]);
    assert_eq!(never.told()[5..], ["too_many: never", "never again", "end: Refusal"]);
    assert_eq!(never.last_said(), "help.dnc_done");
    let at_the_start = [("identity", Over("**")), ("help", Over("3")), ("too_many", Over("3"))];
    assert_eq!(call(real(), facts(), &at_the_start).facts.last().map(String::as_str), Some("end: Refusal"));
    let all = ["q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8", "q9"].map(|question| (question, Over("1")));
    let end = vec![("suggestion", Over("**")), ("help", Over("3")), ("too_many", Over("3"))];
    let complete = call(real(), facts(), &[begins(), all.to_vec(), end].concat());
    assert_eq!(complete.facts[complete.facts.len() - 2..], ["never again", "end: Complete"], "answered all before");
}

#[test]
fn two_stars_too_far_apart_repeat_twice() {
    let story = at_q2(vec![("q2", Keys("*")), ("q2", Keys("*")), ("q2", HangsUp)]);
    assert_eq!(story.said[4..], ["aftersales.q2 scale.five_point_short"; 3]);
}

#[test]
fn help_within_help_keeps_the_question() {
    let story =
        at_q2(vec![("q2", Over("**")), ("help", Over("**")), ("help", Silent), ("help", Over("9")), ("q2", HangsUp)]);
    assert_eq!(story.last_said(), "aftersales.q2 scale.five_point_short");
    assert!(story.facts.contains(&"help: back".to_owned()), "{:?}", story.facts);
}

#[test]
fn the_statement_of_an_unhappy_customer_is_asked_again_after_help_and_the_questions_go_on() {
    let story = at_q2(vec![
        ("q2", Keys("5")),
        ("unhappy_statement", Over("**")),
        ("help", Over("1")),
        ("unhappy_statement", Speaks(3)),
        ("q3", HangsUp),
    ]);
    assert_eq!(story.last_said(), "aftersales.q3 scale.five_point_short");
    assert!(story.facts.contains(&"unhappy_statement: Statement of 3000 ms".to_owned()), "{:?}", story.facts);
}
