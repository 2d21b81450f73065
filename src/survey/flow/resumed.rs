//! A call that goes on where an earlier one stopped: what was answered then stands, if the customer had agreed to take part.

use super::{Facts, Flow, Given, SoFar};
use crate::survey::definition::{Definition, Effect, Step, StepIndex, StepKind, Target};

impl SoFar {
    /// What earlier attempts leave; nothing where the customer had not agreed yet.
    pub(super) fn after_earlier_attempts(definition: &Definition, facts: &Facts) -> SoFar {
        let mut so_far = SoFar::default();
        for (index, step) in definition.steps.iter().enumerate() {
            let Some(earlier) = facts.answered.get(&step.id) else { continue };
            let given = match &step.kind {
                StepKind::Choice { options } => {
                    let Some(option) = options.iter().find(|option| option.value == earlier.value) else { continue };
                    so_far.resumed |= option.effect == Some(Effect::Consent);
                    Given { value: option.value.clone(), score: None }
                }
                StepKind::Scale { scale } => {
                    let Some(point) = scale.point(&earlier.keys) else { continue };
                    Given { value: point.label.to_owned(), score: Some((*scale, point.score)) }
                }
                StepKind::Digits { .. } | StepKind::Record { .. } => Given { value: String::new(), score: None },
                StepKind::Say | StepKind::Agent(_) | StepKind::End { .. } => continue,
            };
            if step.once {
                so_far.answers.insert(index, given);
                so_far.earlier.insert(index, earlier.keys.clone());
            }
        }
        if !so_far.resumed {
            return SoFar::default();
        }
        so_far.consent = true;
        let scores: Vec<_> = so_far.answers.values().filter_map(|given| given.score).collect();
        // the complaint of an earlier attempt: what follows belongs to it, and the branch was entered then
        so_far.complaint =
            scores.into_iter().any(|(scale, score)| so_far.unhappy(definition, scale, score).1.is_some());
        so_far.unhappy_branch = so_far.complaint;
        so_far
    }
}

impl Flow {
    /// Where a question leads that an earlier attempt has answered.
    pub(super) fn answered_earlier(&self, index: StepIndex, step: &Step) -> Option<Target> {
        let keys = self.so_far.earlier.get(&index)?;
        match &step.kind {
            StepKind::Choice { options } => {
                let given = self.so_far.answers.get(&index)?;
                options.iter().find(|option| option.value == given.value).map(|option| option.target)
            }
            StepKind::Digits { empty, .. } if keys.is_empty() => Some(empty.unwrap_or(step.next)),
            StepKind::Scale { .. } | StepKind::Digits { .. } | StepKind::Record { .. } => Some(step.next),
            StepKind::Say | StepKind::Agent(_) | StepKind::End { .. } => None,
        }
    }
}
