//! Whole calls on record: asked where the dealer wants it, begun by a yes and by nothing else.

use super::customer::Does::*;
use super::customer::{Does, Story, call, facts, prospect, real, sales};
use crate::survey::Facts;

fn wanted() -> Facts {
    Facts { record_calls: true, ..facts() }
}

fn asked(does: Does) -> Story {
    let script = [("identity", Keys("1")), ("consent", Keys("1")), ("call_recording", does), ("advisor", HangsUp)];
    call(real(), wanted(), &script)
}

#[test]
fn only_a_yes_puts_the_call_on_record() {
    for (does, on_record, answered) in [
        (Keys("1"), 1, Some("call_recording: yes")),
        (Over("1"), 1, Some("call_recording: yes")),
        (Keys("2"), 0, Some("call_recording: no")),
        (Keys("7"), 0, None),
        (Silent, 0, None),
        (HangsUp, 0, None),
    ] {
        let story = asked(does);
        let told = story.told();
        assert_eq!(told.iter().filter(|line| **line == "on record").count(), on_record, "{does:?}: {told:?}");
        let answer = told.iter().find(|line| line.starts_with("call_recording")).copied();
        assert_eq!(answer, answered, "{does:?}");
    }
}

#[test]
fn it_comes_after_the_agreement_to_take_part_and_the_call_goes_on_either_way() {
    for (survey, ask) in [(real(), "advisor.ask"), (sales(), "sales.advisor_ask"), (prospect(), "sales.advisor_ask")] {
        for key in ["1", "2"] {
            let script =
                [("identity", Keys("1")), ("consent", Keys("1")), ("call_recording", Keys(key)), ("advisor", HangsUp)];
            let story = call(survey.clone(), wanted(), &script);
            let place = story.said.iter().position(|said| said == "recording.ask").expect("it is asked");
            assert_eq!(place, 2, "{:?}", story.said);
            assert!(story.last_said().starts_with(ask), "{:?}", story.said);
        }
    }
}

#[test]
fn who_does_not_want_it_is_not_asked() {
    let script = [("identity", Keys("1")), ("consent", Keys("1")), ("advisor", HangsUp)];
    let story = call(real(), facts(), &script);
    assert!(story.said.iter().all(|said| said != "recording.ask"), "{:?}", story.said);
}
