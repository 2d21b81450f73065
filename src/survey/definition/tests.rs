//! Tests of the survey compiler: the real survey, and every kind of mistake, all of them in one go.

use super::*;

const REAL: &str = include_str!("../../../surveys/aftersales_3day.toml");

fn mistakes(text: &str) -> Vec<String> {
    match Definition::from_toml("s.toml", text) {
        Ok(_) => Vec::new(),
        Err(DefinitionErrors(list)) => list.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn the_real_survey_compiles() {
    let definition = Definition::from_toml("surveys/aftersales_3day.toml", REAL).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((definition.key.as_str(), definition.version, definition.deadline_days), ("aftersales_3day", 3, 3));
    assert_eq!(definition.complete.len(), 9);
    assert_eq!(definition.max_call, Duration::from_secs(480));
    assert_eq!(definition.language_or_default("en"), "en");
    assert_eq!(definition.language_or_default("fr"), "zh-CN");
    assert!(definition.step("q9").is_some_and(|step| step.is_question() && step.barge_in));
}

#[test]
fn the_hash_is_of_the_meaning() {
    let hash = |text: &str| Definition::from_toml("s.toml", text).map(|d| d.content_hash.clone()).unwrap_or_default();
    assert_eq!(hash(REAL), hash(&REAL.replace("timeout_s = 6 ", "timeout_s   =   6 # six\n")));
    assert_ne!(hash(REAL), hash(&REAL.replace("timeout_s = 6 ", "timeout_s = 7 ")));
    assert_eq!(hash(REAL).len(), 32);
}

/// A survey that is right but for what a test puts in.
fn survey(top: &str, steps: &str) -> String {
    format!(
        r#"key = "s"
version = 1
languages = ["en"]
title = {{ en = "S" }}
deadline_days = 3
complete = ["q"]
{top}
[on]
shutdown = "bye"
too_long = "bye"
[[step]]
id = "q"
kind = "scale"
scale = "five_point"
prompts = ["q"]
{steps}
[[step]]
id = "bye"
kind = "end"
prompts = ["bye"]
"#
    )
}

#[test]
fn the_survey_of_these_tests_is_right() {
    assert_eq!(mistakes(&survey("", "")), [""; 0]);
}

#[test]
fn every_mistake_is_found_in_one_go_with_its_line() {
    let text = r#"key = "s"
version = 1
languages = ["en"]
title = { zh-CN = "S" }
colour = "red"
deadline_days = 3
complete = ["q1", "q7"]
unhappy = [{ scale = "seven_point", at_most = 0 }]
[defaults]
retrys = 2
[on]
shutdown = "bye"
too_long = "nowhere"
[[step]]
id = "q1"
kind = "scale"
scale = "stars"
prompts = ["q1", "{colour}"]
promts = ["q1"]
[[step]]
id = "q1"
kind = "choice"
when = "sunny"
prompts = ["q2"]
options = [
  { keys = "1", value = "a", goto = "q9" },
  { keys = "1", value = "b" },
  { keys = "0", value = "c", wrong = true },
]
[[step]]
id = "odd"
kind = "say"
retries = "two"
[[step]]
id = "bye"
kind = "end"
prompts = ["bye"]
goto = "q1"
"#;
    assert_eq!(
        mistakes(text),
        [
            "s.toml:4: no title in `en`",
            "s.toml:5: unknown key `colour`",
            "s.toml:7: `complete` names `q7`, which is no step",
            "s.toml:8: no scale `seven_point` (there are: five_point, intent, one_to_ten, yes_no)",
            "s.toml:10: unknown key `defaults.retrys`",
            "s.toml:13: `on.too_long` leads to `nowhere`, which is no step",
            "s.toml:17: step q1: no scale `stars` (there are: five_point, intent, one_to_ten, yes_no)",
            "s.toml:18: step q1: no slot `{colour}` (there are: plate_tail, event_date, advisor_number)",
            "s.toml:19: step q1: unknown key `promts`",
            "s.toml:21: step q1: the id `q1` is given twice",
            "s.toml:23: step q1: the condition `sunny` names no fact (plate_tail, event_date, advisor_number, family, \
             complaint, statement, resumed, complete, lead)",
            "s.toml:26: step q1: `goto` leads to `q9`, which is no step",
            "s.toml:27: step q1: the keys `1` are given twice",
            "s.toml:28: step q1: unknown key `options.2.wrong`",
            "s.toml:28: step q1: `0`: keys cannot begin with 0, which asks for a person",
            "s.toml:33: step odd: invalid type: string \"two\", expected u32",
            "s.toml:38: step bye: `goto` does not belong to a step of the kind end",
        ]
    );
}

#[test]
fn syntax_is_named_by_its_line() {
    let list = mistakes("key = \"s\"\nversion = \n[[step]\nid = 1\n");
    assert!(list.len() >= 2 && list[0].starts_with("s.toml:2: ") && list[1].starts_with("s.toml:3: "), "{list:?}");
}

#[test]
fn what_is_missing_is_named() {
    let list = mistakes("");
    for key in ["key", "version", "title", "deadline_days", "languages", "complete", "on.shutdown", "on.too_long"] {
        assert!(list.iter().any(|m| m.starts_with(&format!("s.toml: `{key}` is missing"))), "{key}: {list:?}");
    }
    assert!(list.iter().any(|m| m.contains("no steps")));
}

#[test]
fn steps_that_are_never_reached_or_never_end() {
    let step = |text: &str| survey("", text);
    for (text, want) in [
        (
            step("goto = \"bye\"\n[[step]]\nid = \"lost\"\nkind = \"say\"\nprompts = [\"p\"]"),
            "s.toml:18: step lost: is never reached",
        ),
        (
            step(
                "[[step]]\nid = \"round\"\nkind = \"digits\"\nprompts = [\"p\"]\ngoto = \"round\"\ngive_up = \"round\"",
            ),
            "s.toml:17: step round: has no way to an end",
        ),
        (
            step("[[step]]\nid = \"again\"\nkind = \"say\"\nprompts = [\"p\"]\nwhen = \"family\"\ngoto = \"again\""),
            "s.toml:17: step again: comes back to itself without asking anything",
        ),
        (
            survey("", "goto = \"last\"").replace(
                "kind = \"end\"\nprompts = [\"bye\"]",
                "kind = \"end\"\n[[step]]\nid = \"last\"\nkind = \"say\"\nprompts = [\"p\"]",
            ),
            "s.toml:21: step last: no step comes after the last one: say where to `goto`",
        ),
    ] {
        assert!(mistakes(&text).iter().any(|mistake| mistake == want), "{text}");
    }
}

#[test]
fn what_makes_no_sense() {
    let choice = |option: &str| {
        survey(
            "",
            &format!(
                "[[step]]\nid = \"c\"\nkind = \"choice\"\nprompts = [\"p\"]\noptions = [{{ keys = \"1\", value = \"v\", {option} }}]"
            ),
        )
    };
    let step = |text: &str| survey("", &format!("[[step]]\nid = \"x\"\n{text}"));
    for (text, want) in [
        (choice("call_back = { in_hours = 2, at = \"10:00\" }"), "`call_back` is { in_hours"),
        (choice("call_back = { day_offset = 1, at = \"25:00\" }"), "`call_back` is { in_hours"),
        (choice("call_back = { in_hours = 2 }, effect = \"refusal\""), "not both"),
        (choice("effect = \"applause\""), "unknown variant `applause`"),
        (step("kind = \"choice\"\nprompts = [\"p\"]"), "a choice needs `options`"),
        (step("kind = \"digits\"\nprompts = [\"p\"]\nmin = 5\nmax = 2"), "`min` not above `max`"),
        (step("kind = \"record\"\nprompts = [\"p\"]"), "`recording` is missing"),
        (step("kind = \"say\""), "`prompts` is missing"),
        (step("kind = \"say\"\nprompts = [\"a b\"]"), "neither a prompt id nor a slot"),
        (step("kind = \"say\"\nprompts = [{ if = \"family\" }]"), "expected a prompt id, a slot"),
        (step("kind = \"say\"\nprompts = [\"p\"]\nwhen = \"q=9\""), "`q` has no answer `9`"),
        (step("kind = \"say\"\nprompts = [\"p\"]\nwhen = \"zz>=9\""), "asks for `zz`, which is no step"),
        (step("kind = \"say\"\nprompts = [\"p\"]\notherwise = \"bye\""), "means nothing without `when`"),
        (step("kind = \"dance\"\nprompts = [\"p\"]"), "unknown variant `dance`"),
        (survey("max_call_s = 5", ""), "5 s is out of range"),
        (survey("[defaults]\nretries = 50", ""), "more than 5 times"),
        (survey("unhappy = [{ scale = \"yes_no\", at_most = -3 }]", ""), "no answer on the scale yes_no"),
        (survey("unhappy = [{ scale = \"yes_no\" }]", ""), "needs `at_most` or `at_least`"),
        (survey("", "").replace("id = \"bye\"", "id = \"resume\""), "cannot be a step's id"),
        (survey("", "").replace("complete = [\"q\"]", "complete = [\"bye\"]"), "which is no question"),
    ] {
        let list = mistakes(&text);
        assert!(list.iter().any(|mistake| mistake.contains(want)), "{want}: {list:?}");
    }
}

#[test]
fn help_keys_that_could_be_an_answer_are_refused() {
    let real = include_str!("../../../surveys/sales_3day.toml");
    let choice = survey("help = { keys = \"KEYS\", goto = \"bye\" }", "");
    for (text, keys, want) in [
        (real, "**", None),
        (real, "*9", Some("`*9` is ambiguous: the step")),
        (real, "*3", Some("`*3` is ambiguous: the step identity may be answered with 3")),
        (real, "7", Some("`7` is ambiguous")),
        (real, "#", Some("help keys are `**`")),
        (real, "*0", Some("help keys are `**`")),
        (real, "0", Some("help keys are `**`")),
        (real, "***", Some("help keys are `**`")),
        (real, "", Some("help keys are `**`")),
        (choice.as_str(), "*9", None),
        (choice.as_str(), "9", None),
        (choice.as_str(), "5", Some("`5` is ambiguous: the step q may be answered with 5")),
    ] {
        let text = text.replace("keys = \"**\"", &format!("keys = \"{keys}\"")).replace("KEYS", keys);
        let list = Definition::from_toml("s.toml", &text).map_or_else(|found| found.0, |_| Vec::new());
        match want {
            None => assert_eq!(list, [], "{keys}"),
            Some(want) => assert!(list.iter().any(|m| m.message.contains(want)), "{keys}: {list:?}"),
        }
    }
}

#[test]
fn back_belongs_to_the_help_menu() {
    let text = survey("", "[[step]]\nid = \"x\"\nkind = \"say\"\nprompts = [\"p\"]\ngoto = \"back\"");
    let list = mistakes(&text);
    assert!(list.iter().any(|m| m.contains("leads `back`, but is reached without the help keys")), "{list:?}");
}

#[test]
fn what_is_required_may_depend_on_an_answer_but_on_nothing_else() {
    let list =
        mistakes(&survey("", "").replace("complete = [\"q\"]", "complete = [{ if = \"family\", then = [\"q\"] }]"));
    assert!(list.iter().any(|m| m.contains("a condition in `complete` looks at an answer")), "{list:?}");
}
