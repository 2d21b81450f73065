//! What names in a survey file stand for: steps that a `goto` leads to, facts and answers in conditions, prompts and slots.

use super::compile::{BACK, Compiler, RESUME};
use super::condition::{self, Written};
use super::raw::{OneOrMany, RawKind, RawPrompt, RawStep};
use super::{Comparison, Condition, Fact, PromptId, PromptPart, Target, Test};
use crate::survey::scale::Scale;
use crate::survey::speech::Slot;

impl Compiler<'_, '_> {
    pub(super) fn target(&mut self, place: &str, step: &str, text: &str) -> Option<Target> {
        if text == RESUME {
            return Some(Target::Resume);
        }
        if text == BACK {
            return Some(Target::Back);
        }
        let found = self.ids.get(text).copied();
        if found.is_none() {
            let key = place.rsplit('.').next().unwrap_or_default();
            self.mistakes.add(place, Some(step), format!("`{key}` leads to `{text}`, which is no step"));
        }
        found.map(Target::Step)
    }

    /// Where `key` leads if it is given (a wrong one is a mistake), else the next step of the file if there is one.
    pub(super) fn target_or_next(&mut self, i: usize, id: &str, key: &str, text: Option<&str>) -> Option<Target> {
        match text {
            Some(text) => Some(self.target(&format!("step.{i}.{key}"), id, text).unwrap_or(Target::Step(i))),
            None => (i + 1 < self.raw.len()).then_some(Target::Step(i + 1)),
        }
    }

    pub(super) fn next_or_mistake(&mut self, i: usize, id: &str) -> Target {
        if i + 1 < self.raw.len() {
            return Target::Step(i + 1);
        }
        self.mistakes.add(&format!("step.{i}.id"), Some(id), "no step comes after the last one: say where to `goto`");
        Target::Step(i)
    }

    pub(super) fn conditions(&mut self, place: &str, step: &str, raw: Option<&OneOrMany>) -> Vec<Condition> {
        let list = raw.map(OneOrMany::list).unwrap_or_default();
        list.iter().filter_map(|text| self.condition(place, step, text)).collect()
    }

    fn condition(&mut self, place: &str, step: &str, text: &str) -> Option<Condition> {
        let problem = match condition::parse(text) {
            Written::Fact { name, negated } => match Fact::by_name(name) {
                Some(fact) => return Some(Condition { test: Test::Fact(fact), negated }),
                None => {
                    "names no fact (plate_tail, event_date, advisor_number, family, complaint, statement, resumed, complete, lead)".to_owned()
                }
            },
            Written::Answer { step: asked, comparison, value } => match self.ids.get(asked).copied() {
                None => format!("asks for `{asked}`, which is no step"),
                Some(index) => match self.raw.get(index).copied().flatten() {
                    Some(raw) if !can_give(raw, comparison, value) => {
                        format!("can never be decided: `{asked}` has no answer `{value}`")
                    }
                    _ => {
                        let test = Test::Answer { step: index, comparison, value: value.to_owned() };
                        return Some(Condition { test, negated: false });
                    }
                },
            },
        };
        self.mistakes.add(place, Some(step), format!("the condition `{text}` {problem}"));
        None
    }

    pub(super) fn prompts(&mut self, place: &str, step: &str, raw: &[RawPrompt]) -> Vec<PromptPart> {
        let mut parts = Vec::new();
        for prompt in raw {
            match prompt {
                RawPrompt::Plain(text) => match text.strip_prefix('{').and_then(|t| t.strip_suffix('}')) {
                    None if text.is_empty() || text.contains(['{', '}', ' ']) => {
                        self.mistakes.add(place, Some(step), format!("`{text}` is neither a prompt id nor a slot"));
                    }
                    None => parts.push(PromptPart::Prompt(PromptId::new(text))),
                    Some(name) => match Slot::by_name(name) {
                        Some(slot) => parts.push(PromptPart::Slot(slot)),
                        None => {
                            let known = Slot::ALL.map(Slot::name).join(", ");
                            self.mistakes.add(place, Some(step), format!("no slot `{{{name}}}` (there are: {known})"));
                        }
                    },
                },
                RawPrompt::If(raw) => parts.push(PromptPart::If {
                    conditions: self.conditions(place, step, Some(&raw.conditions)),
                    then: self.prompts(place, step, &raw.then),
                    otherwise: self.prompts(place, step, &raw.otherwise),
                }),
            }
        }
        parts
    }
}

/// The question can be answered so that the comparison can hold or not.
fn can_give(raw: &RawStep, comparison: Comparison, value: &str) -> bool {
    match raw.kind {
        RawKind::Choice => {
            !comparison.is_by_score() && raw.options.iter().flatten().any(|option| option.value == value)
        }
        RawKind::Scale => {
            let Some(scale) = raw.scale.as_deref().and_then(Scale::by_name) else { return true };
            let score = value.parse::<i32>();
            let label = scale.points.iter().any(|point| point.label == value);
            if comparison.is_by_score() {
                score.is_ok()
            } else {
                label || score.is_ok_and(|s| scale.points.iter().any(|p| p.score == s))
            }
        }
        RawKind::Agent => !comparison.is_by_score() && ["yes", "no"].contains(&value),
        RawKind::Say | RawKind::Digits | RawKind::Record | RawKind::End => false,
    }
}
