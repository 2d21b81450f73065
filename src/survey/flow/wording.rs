//! What a step says in this call: slots filled from the facts, conditions decided by what is known so far.

use super::{Flow, Given};
use crate::survey::definition::{Condition, Fact, PromptId, PromptPart, Test};

impl Flow {
    /// The prompts of a list, its slots filled and its conditions decided.
    pub(super) fn compose(&self, parts: &[PromptPart]) -> Vec<PromptId> {
        let mut prompts = Vec::new();
        for part in parts {
            match part {
                PromptPart::Prompt(id) => prompts.push(id.clone()),
                PromptPart::Slot(slot) => {
                    prompts.extend(slot.speak(&self.facts, &self.facts.language).unwrap_or_default())
                }
                PromptPart::If { conditions, then, otherwise } => {
                    prompts.extend(self.compose(if self.all_hold(conditions) { then } else { otherwise }));
                }
            }
        }
        prompts
    }

    pub(super) fn all_hold(&self, conditions: &[Condition]) -> bool {
        conditions.iter().all(|condition| self.holds(&condition.test) != condition.negated)
    }

    fn holds(&self, test: &Test) -> bool {
        match test {
            Test::Fact(Fact::Slot(slot)) => slot.speak(&self.facts, &self.facts.language).is_some(),
            Test::Fact(Fact::Family) => self.so_far.family,
            Test::Fact(Fact::Complaint) => self.so_far.complaint,
            Test::Fact(Fact::Statement) => self.so_far.statement,
            Test::Fact(Fact::Resumed) => self.so_far.resumed,
            Test::Fact(Fact::Complete) => self.is_complete(),
            Test::Fact(Fact::Lead) => self.so_far.lead,
            Test::Fact(Fact::RecordCalls) => self.facts.record_calls,
            Test::Answer { step, comparison, value } => {
                comparison.holds(self.so_far.answers.get(step).map(Given::known), value)
            }
        }
    }
}
