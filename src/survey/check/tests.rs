//! Tests of the checks, on the real survey.

use super::*;
use std::sync::Arc;

/// Every prompt in every language, three seconds each, but for those left out.
struct Prompts {
    without: &'static [(&'static str, &'static str)],
    ms: u64,
}

impl PromptCatalog for Prompts {
    fn has(&self, language: &str, id: &str) -> bool {
        !self.without.contains(&(language, id))
    }

    fn length_ms(&self, language: &str, id: &str) -> Option<u64> {
        self.has(language, id).then_some(if id.contains('.') && id.len() < 10 { 500 } else { self.ms })
    }
}

const ALL: Prompts = Prompts { without: &[], ms: 3000 };

fn definition(text: &str) -> Arc<Definition> {
    Definition::from_toml("s.toml", text).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

const REAL: &str = include_str!("../../../surveys/aftersales_3day.toml");

fn found(text: &str, catalog: &Prompts) -> Vec<String> {
    let severe = |finding: &&Finding| finding.severity < Severity::Info;
    check(&definition(text), catalog).iter().filter(severe).map(ToString::to_string).collect()
}

#[test]
fn the_real_survey_uses_exactly_the_prompts_that_are_made_for_it() {
    let mut want: BTreeSet<String> = [
        "aftersales.greeting identity.owner identity.owner_plate identity.keys identity.family",
        "aftersales.reason aftersales.reason_nodate consent.ask aftersales.retention callback.ask callback.booked",
        "recording.ask advisor.ask advisor.keys advisor.correct advisor.note",
        "scale.five_point scale.five_point_short scale.intent suggestion.ask tone.beep",
        "unhappy.apology unhappy.no_agent unhappy.statement unhappy.go_on person.requested",
        "agent.offer agent.connect agent.still_trying agent.failed agent.call_back hold.music",
        "reprompt.invalid reprompt.silent resume.greeting drain.closing help.hint help.menu help.privacy help.warranty",
        "help.lead_ask help.lead_note help.lead_thanks help.too_many help.dnc_done",
        "closing.thanks closing.complaint closing.silent closing.wrong_number closing.refused",
    ]
    .iter()
    .flat_map(|line| line.split(' ').map(str::to_owned))
    .collect();
    want.extend((1..=9).map(|n| format!("aftersales.q{n}")));
    want.extend((0..=9).map(|n| format!("digit.{n}")));
    want.extend(('A'..='Z').map(|letter| format!("letter.{letter}")));
    want.extend((1..=12).map(|n| format!("month.{n}")));
    want.extend((1..=31).map(|n| format!("day.{n}")));
    for language in ["zh-CN", "en"] {
        let used: BTreeSet<String> =
            used_prompts(&definition(REAL), language).iter().map(|id| id.as_str().to_owned()).collect();
        assert_eq!(used, want, "{language}");
    }
}

#[test]
fn the_real_survey_is_in_order() {
    assert_eq!(found(REAL, &ALL), [""; 0]);
}

#[test]
fn missing_prompts_are_named_by_step_and_language() {
    let some = Prompts { without: &[("en", "aftersales.q3"), ("zh-CN", "letter.K"), ("en", "tone.beep")], ms: 3000 };
    assert_eq!(
        found(REAL, &some),
        [
            "error: aftersales_3day, step identity, zh-CN: the prompt `letter.K` is missing",
            "error: aftersales_3day, step q3, en: the prompt `aftersales.q3` is missing",
            "error: aftersales_3day, step advisor_note, en: the prompt `tone.beep` is missing",
        ]
    );
}

#[test]
fn a_slot_that_may_be_absent_wants_another_wording() {
    let text = REAL.replace("when = \"advisor_number\"\notherwise = \"q1\"\n", "");
    assert_eq!(
        found(&text, &ALL),
        ["warning: aftersales_3day, step advisor: `{advisor_number}` may be unknown; say what then by \
          { if = \"advisor_number\", then = […], else = […] }"]
    );
}

#[test]
fn how_long_a_call_is() {
    let length = call_length(&definition(REAL), "en", &ALL);
    let seconds = [length.shortest, length.typical, length.longest].map(|d| d.as_secs());
    // shortest: greeting, owner, keys; reason, ask; nine questions of two prompts; suggestion; thanks
    assert_eq!(seconds[0], 9 + 6 + 9 * 6 + 3 + 3);
    assert!(seconds[0] < seconds[1] && seconds[1] < seconds[2], "{seconds:?}");
    assert!((90..150).contains(&seconds[1]), "{seconds:?}");
    assert!((300..480).contains(&seconds[2]), "{seconds:?}");
}

#[test]
fn a_survey_that_is_too_long_is_refused() {
    let slow = Prompts { without: &[], ms: 12_000 };
    let list = found(REAL, &slow);
    assert_eq!(list.len(), 2, "one for each language: {list:?}");
    assert!(list[0].contains("which is over the limit of 8 min 0 s"), "{list:?}");
    let long = found(&REAL.replace("max_call_s = 480", "max_call_s = 900"), &ALL);
    assert_eq!(long, ["error: aftersales_3day: max_call_s is 900, a call lasts at most 8 min"]);
}

#[test]
fn a_rule_for_no_question_is_named() {
    let text = REAL.replace("{ scale = \"intent\", at_least = 4 },", "{ scale = \"one_to_ten\", at_most = 6 },");
    assert_eq!(found(&text, &ALL), ["warning: aftersales_3day, unhappy: no question is on the scale one_to_ten"]);
}
