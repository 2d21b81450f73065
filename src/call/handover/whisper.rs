//! What an agent hears before the caller: which follow-up, what made the customer unhappy, and the key that takes the call.

use crate::survey::definition::PromptId;
use crate::survey::scale::UnhappyReason;

/// Surveys that have a whisper of their own; others are called a follow-up.
const NAMED: [&str; 3] = ["aftersales_3day", "sales_3day", "prospect"];

/// Why the caller is handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    /// What raised the complaint.
    pub reason: UnhappyReason,
    /// The score of the answer that did, where it has one.
    pub score: Option<i32>,
}

/// The prompts of the whisper.
pub fn whisper(survey: &str, cause: Option<Cause>, accept: bool) -> Vec<PromptId> {
    let kind = if NAMED.contains(&survey) { survey } else { "other" };
    let mut prompts = vec![PromptId::new(&format!("whisper.{kind}"))];
    if let Some(cause) = cause {
        match (cause.reason, cause.score) {
            (UnhappyReason::LowScore, Some(score)) => {
                prompts.push(PromptId::new("whisper.low_score"));
                prompts.extend(number(score));
            }
            (UnhappyReason::LowScore, None) => {}
            (UnhappyReason::LowIntent, _) => prompts.push(PromptId::new("whisper.low_intent")),
            (UnhappyReason::Noes, _) => prompts.push(PromptId::new("whisper.noes")),
            (UnhappyReason::AskedForPerson, _) => prompts.push(PromptId::new("whisper.asked_for_person")),
        }
    }
    if accept {
        prompts.push(PromptId::new("whisper.accept"));
    }
    prompts
}

/// Every prompt that a whisper may need.
pub fn all_prompts() -> Vec<PromptId> {
    let names = NAMED.iter().copied().chain([
        "other",
        "low_score",
        "low_intent",
        "noes",
        "asked_for_person",
        "accept",
        "minus",
    ]);
    let mut prompts: Vec<PromptId> = names.map(|name| PromptId::new(&format!("whisper.{name}"))).collect();
    prompts.extend((0..=10).chain([12]).flat_map(number));
    prompts
}

/// A score as it is read out; the scales have none that needs more than this.
fn number(score: i32) -> Vec<PromptId> {
    let minus = (score < 0).then(|| PromptId::new("whisper.minus"));
    let size = score.unsigned_abs();
    let id = if size < 10 { format!("digit.{size}") } else { format!("number.{size}") };
    minus.into_iter().chain([PromptId::new(&id)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::survey::scale::SCALES;

    fn said(survey: &str, cause: Option<Cause>, accept: bool) -> String {
        whisper(survey, cause, accept).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_whisper_names_the_follow_up_the_cause_and_the_key() {
        let low = |score| Some(Cause { reason: UnhappyReason::LowScore, score: Some(score) });
        assert_eq!(
            said("aftersales_3day", low(-4), true),
            "whisper.aftersales_3day whisper.low_score whisper.minus digit.4 whisper.accept"
        );
        assert_eq!(said("sales_3day", low(10), false), "whisper.sales_3day whisper.low_score number.10");
        let asked = Some(Cause { reason: UnhappyReason::AskedForPerson, score: None });
        assert_eq!(said("of_the_dealer", asked, true), "whisper.other whisper.asked_for_person whisper.accept");
        assert_eq!(said("prospect", None, true), "whisper.prospect whisper.accept");
    }

    #[test]
    fn every_score_of_every_scale_can_be_said() {
        let all = all_prompts();
        for score in SCALES.iter().flat_map(|scale| scale.points.iter().map(|point| point.score)) {
            assert!(number(score).iter().all(|id| all.contains(id)), "{score}");
        }
    }
}
