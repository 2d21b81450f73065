//! A call that goes on where an earlier one stopped.

use super::customer::Does::*;
use super::customer::{Does, Story, call, facts, prospect, real, sales};
use crate::survey::{Definition, Earlier, Facts};
use std::sync::Arc;

/// Facts of a customer who has answered so before: `question=value:keys`.
fn after(answered: &[&str]) -> Facts {
    let earlier = |text: &&str| {
        let (question, rest) = text.split_once('=').unwrap();
        let (value, keys) = rest.split_once(':').unwrap_or((rest, ""));
        (question.to_owned(), Earlier { keys: keys.to_owned(), value: value.to_owned() })
    };
    Facts { answered: answered.iter().map(earlier).collect(), ..facts() }
}

fn again(definition: Arc<Definition>, answered: &[&str], script: &[(&'static str, Does)]) -> Story {
    call(definition, after(answered), script)
}

const BEGUN: [&str; 3] = ["identity=self:1", "consent=yes:1", "advisor=correct:1"];

#[test]
fn goes_on_at_the_first_question_without_an_answer() {
    let answered = [&BEGUN[..], &["q1=satisfied:2", "q2=ordinary:3", "q4=satisfied:2"]].concat();
    let mut script = vec![("identity", Keys("1"))];
    script.extend(["q3", "q5", "q6", "q7", "q8", "q9"].map(|question| (question, Keys("1"))));
    script.push(("suggestion", Keys("#")));
    let story = again(real(), &answered, &script);
    assert_eq!(story.said[0], "resume.greeting identity.owner_plate digit.3 digit.8 digit.6 identity.keys");
    assert_eq!(story.said[1], "aftersales.q3 scale.five_point_short", "q3 was passed over the last time");
    assert_eq!(story.said[2], "aftersales.q5 scale.five_point_short");
    assert_eq!(story.facts.last().map(String::as_str), Some("end: Complete"), "together they are all");
    assert_eq!(story.facts.len(), 1 + 6 + 1 + 1, "nothing is answered twice");
}

#[test]
fn ways_into_a_call_that_goes_on() {
    let table: &[(&str, &[&str], &str)] = &[
        (
            "after the consent only",
            &["consent=yes:1"],
            "sales.advisor_ask digit.8 digit.0 digit.2 digit.1 advisor.keys",
        ),
        ("won over the last time", &["consent=no:3", "retention=yes:1", "advisor=correct:1"], {
            "help.hint sales.q1 scale.one_to_ten"
        }),
        (
            "the advisor was another, whose number was not known",
            &["consent=yes:1", "advisor=wrong:2", "advisor_number_keyed=nothing"],
            "sales.advisor_note",
        ),
        ("items", &["consent=yes:1", "advisor=correct:1", "q1=7:7", "i1=8:8"], "sales.i2"),
        ("ten", &["consent=yes:1", "advisor=correct:1", "q1=10:10"], "sales.third_party"),
    ];
    for (when, answered, next) in table {
        let story = again(sales(), answered, &[("identity", Keys("1"))]);
        assert!(story.said[0].starts_with("resume.greeting "), "{when}");
        assert_eq!(story.said[1], *next, "{when}");
    }
}

#[test]
fn without_consent_the_call_begins_anew() {
    for answered in [&["identity=self:1"][..], &["consent=later:2", "callback=evening:2"], &["consent=no:3"]] {
        let story = again(sales(), answered, &[("identity", Keys("1")), ("consent", HangsUp)]);
        assert!(story.said[0].starts_with("sales.greeting "), "{answered:?}");
        assert_eq!(story.said[1], "sales.reason month.11 day.21 consent.ask", "{answered:?}");
    }
}

#[test]
fn who_may_be_called_once_more() {
    let begins = vec![("identity", Keys("1")), ("consent", Keys("1")), ("advisor", Keys("1"))];
    type Script = Vec<(&'static str, Does)>;
    let table: &[(&str, Script, &str, bool)] = &[
        ("hung up in the middle", vec![("q1", Keys("1")), ("q2", HangsUp)], "end: Partial", true),
        ("fell silent", vec![("q1", Keys("1"))], "end: Partial", true),
        ("the engine stopped", vec![("q1", Keys("1")), ("q2", EngineStops)], "end: Partial", true),
        ("a complaint: a person calls", vec![("q1", Keys("5")), ("unhappy_statement", HangsUp)], "end: Partial", false),
        (
            "a person was promised",
            vec![("q1", Keys("1")), ("q2", Keys("0")), ("person_statement", HangsUp)],
            "end: Partial",
            false,
        ),
    ];
    for (what, script, end, resumable) in table {
        let story = call(real(), facts(), &[begins.clone(), script.clone()].concat());
        assert_eq!(story.facts.last().map(String::as_str), Some(*end), "{what}");
        assert_eq!(story.resumable, *resumable, "{what}");
    }
    let mut all = begins;
    all.extend(["q1", "q2", "q3"].map(|question| (question, Keys("1"))));
    all.extend([("q4", Silent); 3]);
    all.extend(["q5", "q6", "q7", "q8", "q9"].map(|question| (question, Keys("1"))));
    all.push(("suggestion", Keys("#")));
    let story = call(real(), facts(), &all);
    assert_eq!((story.facts.last().map(String::as_str), story.resumable), (Some("end: Partial"), false), "asked all");
}

#[test]
fn hanging_up_at_once_takes_nothing_away_from_the_answers() {
    let answered = [&BEGUN[..], &["q1=satisfied:2"]].concat();
    let story = again(real(), &answered, &[("identity", HangsUp)]);
    assert_eq!((story.facts.as_slice(), story.resumable), (&["end: Partial".to_owned()][..], true));
}

#[test]
fn unhappy_answers_of_both_calls_count_together() {
    let begun = ["consent=yes:1", "advisor=correct:1", "s1=no:2"];
    let script = [("identity", Keys("1")), ("s2", Keys("2")), ("unhappy_statement", HangsUp)];
    let story = again(prospect(), &begun, &script);
    assert_eq!(story.facts[1..], ["s2: no = 0 unhappy", "complaint Noes at s2", "end: Partial"]);
    let answered = [&begun[..], &["s2=no:2"]].concat();
    let story = again(prospect(), &answered, &[("identity", Keys("1")), ("s3", Keys("2")), ("s4", HangsUp)]);
    assert_eq!(story.facts[1..], ["s3: no = 0 unhappy", "also Noes at s3", "end: Partial"], "one complaint");
    assert!(!story.resumable);
}

#[test]
fn answers_that_this_version_does_not_know_are_asked_again() {
    let answered = ["consent=yes:1", "advisor=perhaps:7", "q1=wonderful:9", "weather=fine:1"];
    let story = again(real(), &answered, &[("identity", Keys("1")), ("advisor", Keys("1")), ("q1", HangsUp)]);
    assert_eq!(story.said[2], "help.hint aftersales.q1 scale.five_point");
}
