//! What is made of an attempt whose engine died: complete if its answers say so, else a person decides. Pure; never a retry (architecture.md, decision 6).

use crate::call::disposition::{Disposition, Retry};
use crate::db::reconcile::{Orphan, Verdict};
use crate::survey::definition::{Definition, Step};

/// Judges an orphan by what the survey ended with, else by which questions were answered. `definition` is the survey it was asked, where it can still be read.
pub fn judge(orphan: &Orphan, definition: Option<&Definition>) -> Verdict {
    let ended = orphan.survey_outcome.as_deref();
    let finished = Disposition::ALL.iter().copied().find(|d| Some(d.as_str()) == ended && d.retry() == Retry::Never);
    let answer = |step: &Step| {
        let given = orphan.answered.iter().find(|answer| answer.question == step.id)?;
        Some((given.value.as_str(), given.score))
    };
    let answered_all = definition.is_some_and(|definition| definition.is_complete(answer));
    let disposition = match finished {
        Some(finished) => finished,
        None if answered_all => Disposition::Complete,
        None => Disposition::Unknown,
    };
    Verdict {
        complete: disposition.retry() == Retry::Never,
        disposition: disposition.to_string(),
        aapor: disposition.aapor().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::answers::Latest;
    use crate::ids::{AttemptId, FollowUpId};
    use std::sync::Arc;

    fn survey() -> Arc<Definition> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/surveys/aftersales_3day.toml");
        Definition::from_toml(path, &std::fs::read_to_string(path).unwrap()).unwrap()
    }

    fn latest(question: &str) -> Latest {
        Latest { question: question.to_owned(), keys: "1".into(), value: "very_satisfied".into(), score: Some(12) }
    }

    #[test]
    fn nothing_is_redialled_and_nothing_complete_is_thrown_away() {
        let all: Vec<String> = (1..=9).map(|n| format!("q{n}")).collect();
        for (outcome, answered, complete, disposition) in [
            (None, &all[..0], false, "unknown"),
            (None, &all[..8], false, "unknown"),
            (None, &all[..], true, "complete"),
            (Some("complete"), &all[..], true, "complete"),
            (Some("refusal"), &all[..0], true, "refusal"),
            (Some("wrong_number"), &all[..0], true, "wrong_number"),
            (Some("partial"), &all[..2], true, "partial"),
            (Some("call_back"), &all[..0], false, "unknown"),
            (Some("break_off"), &all[..0], false, "unknown"),
        ] {
            let orphan = Orphan {
                attempt: AttemptId::from_parts(1, [1; 10]),
                follow_up: FollowUpId::from_parts(1, [2; 10]),
                node: "n".into(),
                survey: "aftersales_3day".into(),
                survey_version: 1,
                answered_at: None,
                survey_outcome: outcome.map(String::from),
                answered: answered.iter().map(|question| latest(question)).collect(),
            };
            let verdict = judge(&orphan, Some(&survey()));
            assert_eq!(
                (verdict.complete, verdict.disposition.as_str()),
                (complete, disposition),
                "{outcome:?} {answered:?}"
            );
        }
    }
}
