//! The personas of the simulated callees, each as the call that it is.

use super::customer::Does::*;
use super::customer::{Does, Story, call, facts, real, real_call};
use crate::survey::Facts;

type Script = Vec<(&'static str, Does)>;

const ITEMS: [&str; 9] = ["q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8", "q9"];

/// Identity, consent and advisor check of someone who takes part.
fn begins() -> Script {
    vec![("identity", Keys("1")), ("consent", Keys("1")), ("advisor", Keys("1"))]
}

/// Answers these questions with these keys.
fn answers(questions: &[&'static str], keys: &'static str) -> Script {
    questions.iter().map(|question| (*question, Keys(keys))).collect()
}

fn play(parts: &[Script]) -> Story {
    real_call(&parts.concat())
}

#[test]
fn satisfied() {
    let story = play(&[begins(), answers(&ITEMS[..8], "1"), vec![("q9", Keys("1")), ("suggestion", Speaks(7))]]);
    assert_eq!(
        story.facts,
        [
            "identity: self",
            "consent: yes",
            "advisor: correct",
            "q1: very_satisfied = 12",
            "q2: very_satisfied = 12",
            "q3: very_satisfied = 12",
            "q4: very_satisfied = 12",
            "q5: very_satisfied = 12",
            "q6: very_satisfied = 12",
            "q7: very_satisfied = 12",
            "q8: very_satisfied = 12",
            "q9: certainly = 1",
            "suggestion: Suggestion of 7000 ms",
            "end: Complete",
        ]
    );
    assert_eq!(
        story.said,
        [
            "aftersales.greeting identity.owner_plate digit.3 digit.8 digit.6 identity.keys",
            "aftersales.reason month.11 day.21 consent.ask",
            "advisor.ask digit.8 digit.0 digit.2 digit.1 advisor.keys",
            "help.hint aftersales.q1 scale.five_point",
            "aftersales.q2 scale.five_point_short",
            "aftersales.q3 scale.five_point_short",
            "aftersales.q4 scale.five_point_short",
            "aftersales.q5 scale.five_point_short",
            "aftersales.q6 scale.five_point_short",
            "aftersales.q7 scale.five_point_short",
            "aftersales.q8 scale.five_point_short",
            "aftersales.q9 scale.intent",
            "suggestion.ask",
            "tone.beep",
            "closing.thanks",
        ]
    );
}

#[test]
fn with_little_known_the_wording_has_no_holes() {
    let bare = Facts { plate: None, event_date: None, advisor_number: None, ..facts() };
    let story = call(real(), bare, &[("identity", Keys("1")), ("consent", Keys("1")), ("q1", HangsUp)]);
    assert_eq!(story.facts, ["identity: self", "consent: yes", "end: BreakOff"]);
    assert_eq!(
        story.said,
        [
            "aftersales.greeting identity.owner identity.keys",
            "aftersales.reason_nodate consent.ask",
            "help.hint aftersales.q1 scale.five_point",
        ]
    );
}

#[test]
fn unhappy_at_the_first_question() {
    let story = play(&[
        begins(),
        vec![("q1", Keys("5")), ("unhappy_statement", Speaks(12)), ("q2", Keys("4"))],
        answers(&ITEMS[2..8], "2"),
        vec![("q9", Keys("5")), ("suggestion", Keys("#"))],
    ]);
    assert_eq!(
        story.facts[3..],
        [
            "q1: very_dissatisfied = -4 unhappy",
            "complaint LowScore at q1",
            "unhappy_statement: Statement of 12000 ms",
            "q2: dissatisfied = 0 unhappy",
            "also LowScore at q2",
            "q3: satisfied = 8",
            "q4: satisfied = 8",
            "q5: satisfied = 8",
            "q6: satisfied = 8",
            "q7: satisfied = 8",
            "q8: satisfied = 8",
            "q9: certainly_not = 5 unhappy",
            "also LowIntent at q9",
            "suggestion: nothing",
            "end: Complete",
        ]
    );
    assert_eq!(
        story.said[3..10],
        [
            "help.hint aftersales.q1 scale.five_point",
            "unhappy.apology",
            "unhappy.no_agent",
            "unhappy.statement",
            "tone.beep",
            "unhappy.go_on",
            "aftersales.q2 scale.five_point_short",
        ]
    );
    assert_eq!(story.said.last().map(String::as_str), Some("closing.complaint"));
}

#[test]
fn unhappy_at_the_last_question_says_nothing() {
    let story = play(&[
        begins(),
        answers(&ITEMS[..8], "3"),
        vec![("q9", Keys("4")), ("unhappy_statement", Keys("#")), ("suggestion", FallsSilent(3))],
    ]);
    assert_eq!(
        story.facts[11..],
        [
            "q9: probably_not = 4 unhappy",
            "complaint LowIntent at q9",
            "unhappy_statement: nothing",
            "suggestion: Suggestion of 7000 ms",
            "end: Complete",
        ]
    );
    assert_eq!(story.said.last().map(String::as_str), Some("closing.complaint"));
}

#[test]
fn breaks_off_in_the_middle() {
    let story = play(&[begins(), answers(&ITEMS[..4], "2"), vec![("q5", HangsUp)]]);
    assert_eq!(story.facts[6..], ["q4: satisfied = 8", "end: Partial"]);
}

#[test]
fn hangs_up_while_speaking_and_what_was_said_is_kept() {
    let story = play(&[begins(), vec![("q1", Keys("5")), ("unhappy_statement", SpeaksAndHangsUp(9))]]);
    assert_eq!(
        story.facts[3..],
        [
            "q1: very_dissatisfied = -4 unhappy",
            "complaint LowScore at q1",
            "unhappy_statement: Statement of 9000 ms",
            "end: Partial",
        ]
    );
}

/// Who, what they do, what comes of it, what is said last.
type Short = (&'static str, &'static [(&'static str, Does)], &'static [&'static str], &'static str);

#[test]
fn short_calls() {
    let table: &[Short] = &[
        (
            "refuses",
            &[("identity", Keys("1")), ("consent", Keys("3")), ("retention", Keys("2"))],
            &["identity: self", "consent: no", "retention: no", "refusal", "end: Refusal"],
            "closing.refused",
        ),
        (
            "refuses by hanging up at the retention try",
            &[("identity", Keys("1")), ("consent", Keys("3")), ("retention", HangsUp)],
            &["identity: self", "consent: no", "end: Refusal"],
            "aftersales.retention",
        ),
        (
            "refuses, is persuaded, then leaves",
            &[("identity", Keys("1")), ("consent", Keys("3")), ("retention", Keys("1")), ("advisor", HangsUp)],
            &["identity: self", "consent: no", "retention: yes", "end: BreakOff"],
            "advisor.ask digit.8 digit.0 digit.2 digit.1 advisor.keys",
        ),
        (
            "later: in two hours (the call is ten seconds old)",
            &[("identity", Keys("1")), ("consent", Keys("2")), ("callback", Keys("1"))],
            &["identity: self", "consent: later", "callback: two_hours", "call back 23 12:00", "end: CallBack"],
            "callback.booked",
        ),
        (
            "later: this evening",
            &[("identity", Keys("1")), ("consent", Keys("2")), ("callback", Keys("2"))],
            &["identity: self", "consent: later", "callback: evening", "call back 23 18:00", "end: CallBack"],
            "callback.booked",
        ),
        (
            "later: tomorrow morning",
            &[("identity", Keys("1")), ("consent", Keys("2")), ("callback", Keys("3"))],
            &["identity: self", "consent: later", "callback: morning", "call back 24 10:00", "end: CallBack"],
            "callback.booked",
        ),
        (
            "later: tomorrow afternoon",
            &[("identity", Keys("1")), ("consent", Keys("2")), ("callback", Keys("4"))],
            &["identity: self", "consent: later", "callback: afternoon", "call back 24 15:00", "end: CallBack"],
            "callback.booked",
        ),
        (
            "wrong number",
            &[("identity", Keys("3"))],
            &["identity: wrong_number", "wrong number", "end: WrongNumber"],
            "closing.wrong_number",
        ),
        (
            "family member, who then leaves",
            &[("identity", Keys("2")), ("consent", HangsUp)],
            &["identity: family", "family member", "end: BreakOff"],
            "aftersales.reason month.11 day.21 consent.ask",
        ),
        ("hangs up at the greeting", &[("identity", HangsUp)], &["end: BreakOff"], {
            "aftersales.greeting identity.owner_plate digit.3 digit.8 digit.6 identity.keys"
        }),
        ("silent", &[], &["end: NoInput"], "closing.silent"),
        ("silent at the consent", &[("identity", Keys("1"))], &["identity: self", "end: NoInput"], "closing.silent"),
    ];
    for (who, script, facts, last_said) in table {
        let story = real_call(script);
        assert_eq!(story.told(), *facts, "{who}");
        assert_eq!(story.said.last().map(String::as_str), Some(*last_said), "{who}");
    }
}

#[test]
fn silent_is_asked_three_times_and_left_in_peace() {
    let story = real_call(&[]);
    let identity = "identity.owner_plate digit.3 digit.8 digit.6 identity.keys";
    assert_eq!(
        story.said,
        [
            &format!("aftersales.greeting {identity}"),
            &format!("reprompt.silent {identity}"),
            &format!("reprompt.silent {identity}"),
            "closing.silent",
        ]
    );
    assert_eq!(story.took.as_secs(), 3 * (2 + 6) + 2, "the answer timeout counts from the end of the prompt");
}

#[test]
fn falls_silent_after_some_questions() {
    let story = play(&[begins(), answers(&ITEMS[..2], "1")]);
    assert_eq!(
        story.facts[4..],
        [
            "q2: very_satisfied = 12",
            "missed q3 Silent",
            "missed q3 Silent",
            "missed q3 Silent, gave up",
            "missed q4 Silent",
            "missed q4 Silent",
            "missed q4 Silent, gave up",
            "end: Partial",
        ]
    );
    assert_eq!(story.said.last().map(String::as_str), Some("closing.silent"));
}

#[test]
fn skips_one_question_and_the_call_is_partial() {
    let story = play(&[
        begins(),
        answers(&ITEMS[..3], "1"),
        vec![("q4", Silent), ("q4", Silent), ("q4", Silent)],
        answers(&ITEMS[4..], "1"),
        vec![("suggestion", Keys("#"))],
    ]);
    assert!(story.facts.contains(&"missed q4 Silent, gave up".to_owned()));
    assert_eq!(story.facts.last().map(String::as_str), Some("end: Partial"));
    assert_eq!(story.said.last().map(String::as_str), Some("closing.thanks"));
}

#[test]
fn keys_over_every_prompt() {
    let mut script = vec![("identity", Over("1")), ("consent", Over("1")), ("advisor", Over("1"))];
    script.extend(ITEMS.iter().map(|question| (*question, Over("2"))));
    script.push(("suggestion", Over("#")));
    let story = real_call(&script);
    assert_eq!(story.facts.len(), 3 + 9 + 1 + 1);
    assert_eq!(story.facts.last().map(String::as_str), Some("end: Complete"));
    assert_eq!(story.took.as_millis(), 13 * 500 + 2000, "half a second for each, and the closing");
}

#[test]
fn keys_late_count_for_the_question_that_is_asked_again() {
    let story = play(&[begins(), vec![("q1", Late("4")), ("unhappy_statement", Speaks(2)), ("q2", HangsUp)]]);
    assert_eq!(story.facts[3..6], ["missed q1 Silent", "q1: dissatisfied = 0 unhappy", "complaint LowScore at q1"]);
    assert_eq!(story.said[4], "reprompt.silent aftersales.q1 scale.five_point");
}

#[test]
fn keys_wrong_then_right() {
    let story = play(&[begins(), vec![("q1", Keys("7")), ("q1", Over("9")), ("q1", Keys("1")), ("q2", HangsUp)]]);
    assert_eq!(story.facts[3..], ["missed q1 Invalid", "missed q1 Invalid", "q1: very_satisfied = 12", "end: Partial"]);
    assert_eq!(story.said[4], "reprompt.invalid aftersales.q1 scale.five_point");
}

#[test]
fn star_repeats_the_question_and_is_no_miss() {
    let story = play(&[
        vec![("identity", Keys("1")), ("consent", Keys("*")), ("consent", Keys("*")), ("consent", Keys("*"))],
        vec![("consent", Keys("1")), ("advisor", Keys("1")), ("q1", Keys("*")), ("q1", HangsUp)],
    ]);
    assert_eq!(story.facts, ["identity: self", "consent: yes", "advisor: correct", "end: BreakOff"]);
    let consent = "aftersales.reason month.11 day.21 consent.ask";
    assert_eq!(story.said[1..5], [consent, consent, consent, consent]);
    assert_eq!(
        story.said[6..],
        ["help.hint aftersales.q1 scale.five_point", "help.hint aftersales.q1 scale.five_point"]
    );
}

#[test]
fn zero_asks_for_a_person() {
    let story = play(&[begins(), answers(&ITEMS[..2], "1"), vec![("q3", Keys("0")), ("person_statement", Speaks(5))]]);
    assert_eq!(
        story.facts[4..],
        [
            "q2: very_satisfied = 12",
            "complaint AskedForPerson at q3",
            "person_statement: Statement of 5000 ms",
            "end: Partial",
        ]
    );
    assert_eq!(
        story.said[6..],
        ["person.requested", "unhappy.no_agent", "unhappy.statement", "tone.beep", "closing.complaint"]
    );
}

#[test]
fn zero_at_other_places() {
    let everything = [begins(), answers(&ITEMS, "1"), vec![("suggestion", Keys("0")), ("person_statement", Speaks(5))]];
    let table: &[(&str, Script, &[&str])] = &[
        (
            "at the greeting",
            vec![("identity", Over("0")), ("person_statement", Keys("#"))],
            &["complaint AskedForPerson at identity", "person_statement: nothing", "end: Partial"],
        ),
        (
            "after an unhappy answer, instead of the statement: it is not asked for twice",
            [begins(), vec![("q1", Keys("5")), ("unhappy_statement", Keys("0"))]].concat(),
            &[
                "identity: self",
                "consent: yes",
                "advisor: correct",
                "q1: very_dissatisfied = -4 unhappy",
                "complaint LowScore at q1",
                "also AskedForPerson at unhappy_statement",
                "end: Partial",
            ],
        ),
    ];
    for (when, script, facts) in table {
        assert_eq!(real_call(script).told(), *facts, "{when}");
    }
    let story = real_call(&everything.concat());
    assert_eq!(
        story.facts[12..],
        ["complaint AskedForPerson at suggestion", "person_statement: Statement of 5000 ms", "end: Complete"]
    );
}

#[test]
fn the_advisor_was_another() {
    let begin = vec![("identity", Keys("1")), ("consent", Keys("1")), ("advisor", Keys("2"))];
    let table: &[(&str, Script, &[&str])] = &[
        ("keys the number", vec![("advisor_number_keyed", Keys("8033#"))], &["advisor_number_keyed: digits 8033"]),
        ("forgets the hash", vec![("advisor_number_keyed", Keys("8033"))], &["advisor_number_keyed: digits 8033"]),
        (
            "does not know it, says the name",
            vec![("advisor_number_keyed", Keys("#")), ("advisor_note", Speaks(3))],
            &["advisor_number_keyed: nothing", "advisor_note: AdvisorNote of 3000 ms"],
        ),
        (
            "does not know it, says nothing",
            vec![("advisor_number_keyed", Over("#")), ("advisor_note", Silent)],
            &["advisor_number_keyed: nothing", "advisor_note: nothing"],
        ),
    ];
    for (how, script, facts) in table {
        let story = play(&[begin.clone(), script.clone(), vec![("q1", HangsUp)]]);
        let want = [&["identity: self", "consent: yes", "advisor: wrong"], *facts, &["end: BreakOff"]].concat();
        assert_eq!(story.told(), want, "{how}");
    }
}

#[test]
fn the_engine_stops_in_the_middle() {
    let story = play(&[begins(), answers(&ITEMS[..2], "1"), vec![("q3", EngineStops)]]);
    assert_eq!(story.facts.last().map(String::as_str), Some("end: Partial"));
    assert_eq!(story.said.last().map(String::as_str), Some("drain.closing"), "called again to go on");
    let story = play(&[begins(), answers(&ITEMS, "1"), vec![("suggestion", EngineStops)]]);
    assert_eq!(story.facts.last().map(String::as_str), Some("end: Complete"));
    assert_eq!(story.said.last().map(String::as_str), Some("closing.thanks"), "nothing is left to ask");
    let story = play(&[begins(), vec![("q1", Keys("4")), ("unhappy_statement", EngineStops)]]);
    assert_eq!(story.facts.last().map(String::as_str), Some("end: Partial"));
    assert_eq!(story.said.last().map(String::as_str), Some("closing.complaint"));
}
