//! The survey compiler's second half: looks at a compiled survey together with the prompts that exist, and says how long a call is.
//!
//! What the file says by itself is checked when it is compiled (`definition`); here nothing is played and nothing is opened.

mod length;
#[cfg(test)]
mod tests;

use crate::survey::definition::{Condition, Definition, Fact, PromptId, PromptPart, Step, StepKind, Test};
use crate::survey::speech::Slot;
pub use length::{CallLength, call_length};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

/// A call is never longer than this (domain.md: 5 to 8 minutes at most).
pub const LONGEST_CALL: Duration = Duration::from_secs(8 * 60);

/// The prompts that exist.
pub trait PromptCatalog {
    /// There is such a prompt in this language.
    fn has(&self, language: &str, id: &str) -> bool;
    /// Its length in ms.
    fn length_ms(&self, language: &str, id: &str) -> Option<u64>;
}

/// How much a finding weighs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// The survey cannot be used.
    Error,
    /// It can, but look at this.
    Warning,
    /// Good to know.
    Info,
}

/// Something found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// How much it weighs.
    pub severity: Severity,
    /// Where: `aftersales_3day, step q1, zh-CN`.
    pub place: String,
    /// What.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "info",
        };
        write!(f, "{severity}: {}: {}", self.place, self.message)
    }
}

/// Everything that is to be said about a survey and its prompts, errors first.
pub fn check(definition: &Definition, catalog: &dyn PromptCatalog) -> Vec<Finding> {
    let mut findings = Vec::new();
    for language in &definition.languages {
        missing_prompts(definition, language, catalog, &mut findings);
        lengths(definition, language, catalog, &mut findings);
    }
    for step in &definition.steps {
        unguarded_slots(definition, step, &mut findings);
    }
    unused_rules(definition, &mut findings);
    if definition.max_call > LONGEST_CALL {
        let message = format!("max_call_s is {}, a call lasts at most 8 min", definition.max_call.as_secs());
        findings.push(Finding { severity: Severity::Error, place: definition.key.clone(), message });
    }
    findings.sort_by_key(|finding| finding.severity);
    findings
}

/// Every prompt that a call in this language may play, building blocks of slots included.
pub fn used_prompts(definition: &Definition, language: &str) -> BTreeSet<PromptId> {
    prompt_uses(definition, language).into_keys().collect()
}

/// The prompts used, each with the first place that uses it.
fn prompt_uses(definition: &Definition, language: &str) -> BTreeMap<PromptId, String> {
    let mut uses = BTreeMap::new();
    let mut note = |id: &PromptId, place: &str| {
        uses.entry(id.clone()).or_insert_with(|| place.to_owned());
    };
    for id in definition.reprompt.invalid.iter().chain(&definition.reprompt.silent) {
        note(id, "reprompt");
    }
    definition.machine_message.iter().for_each(|id| note(id, "machine"));
    for step in &definition.steps {
        let place = format!("step {}", step.id);
        walk(&step.intro, &mut |part| note_part(part, language, &place, &mut note));
        walk(&step.prompts, &mut |part| note_part(part, language, &place, &mut note));
        match &step.kind {
            StepKind::Record { beep, .. } => beep.iter().for_each(|id| note(id, &place)),
            StepKind::Agent(agent) => {
                let said = agent.connect.iter().chain(&agent.hold).chain(&agent.trying);
                said.for_each(|id| note(id, &place));
            }
            StepKind::Say
            | StepKind::Choice { .. }
            | StepKind::Scale { .. }
            | StepKind::Digits { .. }
            | StepKind::End { .. } => {}
        }
    }
    uses
}

fn note_part(part: &PromptPart, language: &str, place: &str, note: &mut impl FnMut(&PromptId, &str)) {
    match part {
        PromptPart::Prompt(id) => note(id, place),
        PromptPart::Slot(slot) => slot.blocks(language).iter().for_each(|id| note(id, place)),
        PromptPart::If { .. } => {}
    }
}

/// Visits all parts of a list, also those under conditions.
pub(super) fn walk<'a>(parts: &'a [PromptPart], visit: &mut impl FnMut(&'a PromptPart)) {
    for part in parts {
        visit(part);
        if let PromptPart::If { then, otherwise, .. } = part {
            walk(then, visit);
            walk(otherwise, visit);
        }
    }
}

fn missing_prompts(definition: &Definition, language: &str, catalog: &dyn PromptCatalog, findings: &mut Vec<Finding>) {
    for (id, place) in prompt_uses(definition, language) {
        if !catalog.has(language, id.as_str()) {
            findings.push(Finding {
                severity: Severity::Error,
                place: format!("{}, {place}, {language}", definition.key),
                message: format!("the prompt `{id}` is missing"),
            });
        }
    }
}

fn lengths(definition: &Definition, language: &str, catalog: &dyn PromptCatalog, findings: &mut Vec<Finding>) {
    let length = call_length(definition, language, catalog);
    let place = format!("{}, {language}", definition.key);
    let (shortest, typical, longest) = (spell(length.shortest), spell(length.typical), spell(length.longest));
    if length.longest > definition.max_call {
        let limit = spell(definition.max_call);
        let message = format!("the longest call takes {longest}, which is over the limit of {limit}");
        findings.push(Finding { severity: Severity::Error, place: place.clone(), message });
    }
    let message = format!("a whole call takes {shortest} at least, usually {typical}, {longest} at most");
    findings.push(Finding { severity: Severity::Info, place, message });
}

fn spell(length: Duration) -> String {
    let seconds = length.as_secs();
    format!("{} min {} s", seconds / 60, seconds % 60)
}

/// A slot that may be absent, said where no condition asks for it: the sentence would have a hole.
fn unguarded_slots(definition: &Definition, step: &Step, findings: &mut Vec<Finding>) {
    let mut open = Vec::new();
    for parts in [&step.intro, &step.prompts] {
        open_slots(parts, &guarded(&step.when), &mut open);
    }
    for slot in open {
        findings.push(Finding {
            severity: Severity::Warning,
            place: format!("{}, step {}", definition.key, step.id),
            message: format!(
                "`{{{0}}}` may be unknown; say what then by {{ if = \"{0}\", then = […], else = […] }}",
                slot.name()
            ),
        });
    }
}

fn open_slots(parts: &[PromptPart], known: &[Slot], open: &mut Vec<Slot>) {
    for part in parts {
        match part {
            PromptPart::Slot(slot) if !known.contains(slot) => open.push(*slot),
            PromptPart::Slot(_) | PromptPart::Prompt(_) => {}
            PromptPart::If { conditions, then, otherwise } => {
                let inside: Vec<Slot> = known.iter().copied().chain(guarded(conditions)).collect();
                open_slots(then, &inside, open);
                open_slots(otherwise, known, open);
            }
        }
    }
}

/// The slots that can be spoken where these conditions hold.
fn guarded(conditions: &[Condition]) -> Vec<Slot> {
    let slot = |condition: &Condition| match condition {
        Condition { test: Test::Fact(Fact::Slot(slot)), negated: false } => Some(*slot),
        Condition { .. } => None,
    };
    conditions.iter().filter_map(slot).collect()
}

fn unused_rules(definition: &Definition, findings: &mut Vec<Finding>) {
    for rule in &definition.unhappy {
        let used = |step: &Step| matches!(&step.kind, StepKind::Scale { scale } if scale.name == rule.scale.name);
        if !definition.steps.iter().any(used) {
            findings.push(Finding {
                severity: Severity::Warning,
                place: format!("{}, unhappy", definition.key),
                message: format!("no question is on the scale {}", rule.scale.name),
            });
        }
    }
}
