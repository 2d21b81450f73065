//! The personas of the two surveys of the sales department, each as the call that it is.

use super::customer::Does::*;
use super::customer::{Does, PROMPT, call, facts, prospect, sales};
use crate::survey::{Definition, Facts};
use std::sync::Arc;

type Script = Vec<(&'static str, Does)>;

/// Who, what they do, what comes of it, the last thing said.
type Row = (&'static str, Script, Vec<&'static str>, &'static str);

/// Identity, consent and advisor check of someone who takes part.
fn begins() -> Script {
    vec![("identity", Keys("1")), ("consent", Keys("1")), ("advisor", Keys("1"))]
}

const BEGUN: [&str; 3] = ["identity: self", "consent: yes", "advisor: correct"];

fn check(definition: &Arc<Definition>, table: Vec<Row>) {
    for (who, script, want, last_said) in table {
        let story = call(definition.clone(), facts(), &script);
        assert_eq!(story.told(), want, "{who}");
        assert_eq!(story.last_said(), last_said, "{who}");
    }
}

#[test]
fn both_have_the_common_frame() {
    for definition in [prospect(), sales()] {
        check(
            &definition,
            vec![
                (
                    "wrong number",
                    vec![("identity", Keys("3"))],
                    vec!["identity: wrong_number", "wrong number", "end: WrongNumber"],
                    "closing.wrong_number",
                ),
                (
                    "refuses twice",
                    vec![("identity", Keys("1")), ("consent", Keys("3")), ("retention", Keys("2"))],
                    vec!["identity: self", "consent: no", "retention: no", "refusal", "end: Refusal"],
                    "closing.refused",
                ),
                (
                    "later",
                    vec![("identity", Keys("1")), ("consent", Keys("2")), ("callback", Keys("3"))],
                    vec![
                        "identity: self",
                        "consent: later",
                        "callback: morning",
                        "call back 24 10:00",
                        "end: CallBack",
                    ],
                    "callback.booked",
                ),
                ("silent", vec![], vec!["end: NoInput"], "closing.silent"),
                (
                    "asks for a person",
                    vec![("identity", Over("0")), ("person_statement", Keys("#"))],
                    vec!["complaint AskedForPerson at identity", "person_statement: nothing", "end: Partial"],
                    "closing.complaint",
                ),
            ],
        );
    }
}

fn steps(noes: &[&str]) -> Script {
    let key = |step: &'static str| (step, Keys(if noes.contains(&step) { "2" } else { "1" }));
    ["s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8"].map(key).to_vec()
}

#[test]
fn a_visitor_who_was_received_well() {
    let script = [begins(), steps(&[]), vec![("suggestion", Speaks(7))]].concat();
    let story = call(prospect(), facts(), &script);
    assert_eq!(
        story.said[..5],
        [
            "prospect.greeting prospect.visitor identity.keys",
            "prospect.reason month.11 day.21 consent.ask",
            "sales.advisor_ask digit.8 digit.0 digit.2 digit.1 advisor.keys",
            "help.hint prospect.s1 scale.yes_no",
            "prospect.s2 scale.yes_no",
        ]
    );
    assert_eq!(story.facts[..3], BEGUN);
    assert!(story.facts[3..11].iter().all(|fact| fact.ends_with(": yes = 1")), "{:?}", story.facts);
    assert_eq!(story.facts[11..], ["suggestion: Suggestion of 7000 ms", "end: Complete"]);
    assert_eq!(story.last_said(), "closing.thanks");
}

#[test]
fn two_steps_left_out_are_a_complaint_one_is_not() {
    let ends = |noes: &[&str]| {
        let mut script = [begins(), steps(noes), vec![("suggestion", Keys("#"))]].concat();
        if let Some(at) = noes.get(1).and_then(|second| script.iter().position(|(step, _)| step == second)) {
            script.insert(at + 1, ("unhappy_statement", Speaks(4)));
        }
        call(prospect(), facts(), &script)
    };
    let one = ends(&["s2"]);
    assert!(one.facts.contains(&"s2: no = 0 unhappy".to_owned()));
    assert!(!one.facts.iter().any(|fact| fact.starts_with("complaint")), "{:?}", one.facts);
    assert_eq!(one.last_said(), "closing.thanks");
    let three = ends(&["s2", "s5", "s8"]);
    let from = three.facts.iter().position(|fact| fact.starts_with("s5")).unwrap();
    assert_eq!(
        three.facts[from..],
        [
            "s5: no = 0 unhappy",
            "complaint Noes at s5",
            "unhappy_statement: Statement of 4000 ms",
            "s6: yes = 1",
            "s7: yes = 1",
            "s8: no = 0 unhappy",
            "also Noes at s8",
            "suggestion: nothing",
            "end: Complete",
        ]
    );
    assert_eq!(three.last_said(), "closing.complaint");
}

#[test]
fn a_family_member_of_a_visitor_answers_only_if_they_came_along() {
    check(
        &prospect(),
        vec![
            (
                "came along",
                vec![("identity", Keys("2")), ("came_along", Keys("1")), ("consent", HangsUp)],
                vec!["identity: family", "family member", "came_along: yes", "end: BreakOff"],
                "prospect.reason month.11 day.21 consent.ask",
            ),
            (
                "stayed at home: the visitor is called at a better time",
                vec![("identity", Keys("2")), ("came_along", Keys("2")), ("callback", Keys("2"))],
                vec![
                    "identity: family",
                    "family member",
                    "came_along: no",
                    "callback: evening",
                    "call back 23 18:00",
                    "end: CallBack",
                ],
                "callback.booked",
            ),
        ],
    );
}

fn items(keys: &'static str) -> Script {
    ["i1", "i2", "i3", "i4", "i5", "i6", "i7", "i8"].map(|item| (item, Keys(keys))).to_vec()
}

#[test]
fn ten_goes_straight_to_the_reminder_and_the_delivery_day() {
    let script = [begins(), vec![("q1", Keys("10")), ("delivery_day", Keys("1"))]].concat();
    let story = call(sales(), facts(), &script);
    assert_eq!(story.facts[3..], ["q1: 10 = 10", "delivery_day: yes = 1", "end: Complete"]);
    assert_eq!(
        story.said,
        [
            "sales.greeting identity.owner_plate digit.3 digit.8 digit.6 identity.keys",
            "sales.reason month.11 day.21 consent.ask",
            "sales.advisor_ask digit.8 digit.0 digit.2 digit.1 advisor.keys",
            "help.hint sales.q1 scale.one_to_ten",
            "sales.third_party",
            "sales.delivery_day",
            "closing.thanks",
        ]
    );
}

#[test]
fn below_ten_the_items_are_asked_and_then_the_same_ending() {
    let ending = vec![("suggestion", Keys("#")), ("delivery_day", Keys("2"))];
    let story = call(sales(), facts(), &[begins(), vec![("q1", Keys("9"))], items("10"), ending].concat());
    assert_eq!(story.facts[3], "q1: 9 = 9");
    assert!(story.facts[4..12].iter().all(|fact| fact.ends_with(": 10 = 10")), "{:?}", story.facts);
    assert_eq!(story.facts[12..], ["suggestion: nothing", "delivery_day: no = 0", "end: Complete"]);
    assert_eq!(story.said[story.said.len() - 3..], ["sales.third_party", "sales.delivery_day", "closing.thanks"]);
}

#[test]
fn six_is_unhappy_and_the_delivery_day_is_needed_for_a_complete_call() {
    let begun = |rest: &[&'static str]| [&BEGUN[..], rest].concat();
    let silent = ("q1", Silent);
    check(
        &sales(),
        vec![
            (
                "six over all",
                [
                    begins(),
                    vec![("q1", Keys("6")), ("unhappy_statement", Speaks(3)), ("i1", Keys("1#")), ("i2", HangsUp)],
                ]
                .concat(),
                begun(&[
                    "q1: 6 = 6 unhappy",
                    "complaint LowScore at q1",
                    "unhappy_statement: Statement of 3000 ms",
                    "i1: 1 = 1 unhappy",
                    "also LowScore at i1",
                    "end: Partial",
                ]),
                "sales.i2",
            ),
            (
                "ten, and hangs up at the reminder",
                [begins(), vec![("q1", Keys("10")), ("delivery_day", HangsUp)]].concat(),
                begun(&["q1: 10 = 10", "end: Partial"]),
                "sales.delivery_day",
            ),
            (
                "gives no answer over all: the items are asked",
                [begins(), vec![silent, silent, silent, ("i1", Keys("8")), ("i2", HangsUp)]].concat(),
                begun(&["i1: 8 = 8", "end: Partial"]),
                "sales.i2",
            ),
        ],
    );
}

#[test]
fn without_facts_nothing_has_a_hole() {
    let bare = Facts { plate: None, event_date: None, advisor_number: None, ..facts() };
    let visitor = call(prospect(), bare.clone(), &[("identity", Keys("1")), ("consent", Keys("1")), ("s1", HangsUp)]);
    assert_eq!(visitor.said[1..], ["prospect.reason_nodate consent.ask", "help.hint prospect.s1 scale.yes_no"]);
    let buyer = call(sales(), bare, &[("identity", Keys("1")), ("consent", Keys("1")), ("q1", HangsUp)]);
    assert_eq!(buyer.said[0], "sales.greeting identity.owner identity.keys");
    assert_eq!(buyer.said[1..], ["sales.reason_nodate consent.ask", "help.hint sales.q1 scale.one_to_ten"]);
    assert_eq!(buyer.took.as_millis(), 2 * 3000 + PROMPT.as_millis() + 100);
}
