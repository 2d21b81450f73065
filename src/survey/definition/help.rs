//! The help keys of a survey: which they are, and that no question could take them for an answer.
//!
//! `**` (the star twice) is clear in every survey. `*` and a digit, or a digit alone, are allowed where no question has an answer
//! that begins with the digit (after `*`: somebody who repeats a question and answers at once), or that may hold it (alone).

use super::compile::Compiler;
use super::load::Mistakes;
use super::raw::RawHelp;
use super::{Definition, Help, HelpKeys, StepKind};

impl Compiler<'_, '_> {
    pub(super) fn help(&mut self, raw: &RawHelp) -> Option<Help> {
        let mut keys = raw.keys.chars();
        let keys = match (keys.next(), keys.next(), keys.next()) {
            (Some(key @ '1'..='9'), None, None) => Some(HelpKeys::Alone(key)),
            (Some('*'), Some(key @ ('*' | '1'..='9')), None) => Some(HelpKeys::AfterStar(key)),
            _ => {
                let message =
                    format!("`{}`: help keys are `**`, or `*` and a digit from 1, or one digit from 1", raw.keys);
                self.mistakes.add("help.keys", None, message);
                None
            }
        };
        let target = self.target("help.goto", "help", &raw.goto);
        Some(Help { keys: keys?, target: target? })
    }
}

/// Refuses help keys that could be an answer.
pub(super) fn check(definition: &Definition, mistakes: &mut Mistakes<'_>) {
    let Some(help) = definition.help else { return };
    let (digit, alone) = match help.keys {
        HelpKeys::AfterStar('*') => return,
        HelpKeys::AfterStar(digit) => (digit, false),
        HelpKeys::Alone(digit) => (digit, true),
    };
    let clashes = |entry: &str| if alone { entry.contains(digit) } else { entry.starts_with(digit) };
    let clash = definition.steps.iter().find(|step| match &step.kind {
        StepKind::Choice { options } => options.iter().any(|option| clashes(&option.keys)),
        StepKind::Scale { scale } => scale.points.iter().any(|point| clashes(point.keys)),
        StepKind::Digits { .. } => true,
        StepKind::Agent(agent) => agent.ask && ["1", "2"].into_iter().any(clashes),
        StepKind::Say | StepKind::Record { .. } | StepKind::End { .. } => false,
    });
    if let Some(step) = clash {
        let message = format!(
            "`{}` is ambiguous: the step {} may be answered with {digit}; `**` is always clear",
            help.keys, step.id
        );
        mistakes.add("help.keys", None, message);
    }
}
