//! The survey as a graph: which step can follow which. Finds steps that are never reached, steps with no way to an end,
//! circles in which nobody is asked anything, and ways back from the help menu outside of it.

use super::load::Mistakes;
use super::{Definition, Step, StepIndex, StepKind, Target};

/// All steps that can directly follow a step. Coming back from the unhappy branch counts as going to whatever can follow a scale question;
/// the way back from the help menu is left out.
pub(crate) fn successors(definition: &Definition, index: StepIndex) -> Vec<StepIndex> {
    let targets = definition.steps.get(index).map(targets).unwrap_or_default();
    let mut found: Vec<StepIndex> = targets.into_iter().flat_map(|target| resolve(definition, target)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Everything that a step can lead to.
pub(crate) fn targets(step: &Step) -> Vec<Target> {
    let mut targets = Vec::new();
    if !step.when.is_empty() {
        targets.push(step.otherwise);
    }
    match &step.kind {
        StepKind::Say | StepKind::Record { .. } => targets.push(step.next),
        StepKind::Choice { options } => {
            targets.extend(options.iter().map(|option| option.target));
            targets.push(step.give_up);
        }
        StepKind::Scale { .. } => targets.extend([step.next, step.give_up]),
        StepKind::Digits { empty, .. } => {
            targets.extend([step.next, step.give_up]);
            targets.extend(*empty);
        }
        StepKind::Agent(agent) => {
            targets.extend([agent.no_agent, agent.failed]);
            targets.extend(agent.ask.then_some(agent.declined));
        }
        StepKind::End { .. } => {}
    }
    targets
}

fn resolve(definition: &Definition, target: Target) -> Vec<StepIndex> {
    match target {
        Target::Step(index) => vec![index],
        // to a question that is reached anyway: it leads nowhere new
        Target::Back => Vec::new(),
        Target::Resume => definition
            .steps
            .iter()
            .filter(|step| matches!(step.kind, StepKind::Scale { .. }))
            .filter_map(|step| match step.next {
                Target::Step(index) => Some(index),
                Target::Resume | Target::Back => None,
            })
            .collect(),
    }
}

/// Where a call can go without an answer: the beginning and the handlers.
fn roots(definition: &Definition) -> Vec<StepIndex> {
    let handlers = &definition.handlers;
    let targets = [
        Some(Target::Step(0)),
        handlers.unhappy,
        handlers.person,
        handlers.silence.map(|(_, target)| target),
        Some(handlers.shutdown),
        Some(handlers.too_long),
    ];
    targets.into_iter().flatten().flat_map(|target| resolve(definition, target)).collect()
}

pub(super) fn check(definition: &Definition, mistakes: &mut Mistakes<'_>) {
    let count = definition.steps.len();
    let edges: Vec<Vec<StepIndex>> = (0..count).map(|i| successors(definition, i)).collect();
    let help: Vec<StepIndex> =
        definition.help.map(|help| resolve(definition, help.target)).into_iter().flatten().collect();
    let without_help = closure(&edges, roots(definition));
    let reached = closure(&edges, roots(definition).into_iter().chain(help).collect());
    let goes_back = |i: &StepIndex| definition.steps.get(*i).is_some_and(|s| targets(s).contains(&Target::Back));
    let mut reverse = vec![Vec::new(); count];
    for (from, to) in edges.iter().enumerate().flat_map(|(from, list)| list.iter().map(move |to| (from, *to))) {
        if let Some(list) = reverse.get_mut(to) {
            list.push(from);
        }
    }
    let is_end = |i: &StepIndex| definition.steps.get(*i).is_some_and(|s| matches!(s.kind, StepKind::End { .. }));
    let ending = closure(&reverse, (0..count).filter(|i| is_end(i) || goes_back(i)).collect());
    for (i, step) in definition.steps.iter().enumerate() {
        let place = format!("step.{i}.id");
        if !reached.get(i).copied().unwrap_or(false) {
            mistakes.add(&place, Some(&step.id), "is never reached");
        } else if !ending.get(i).copied().unwrap_or(false) {
            mistakes.add(&place, Some(&step.id), "has no way to an end");
        } else if goes_back(&i) && without_help.get(i).copied().unwrap_or(false) {
            mistakes.add(
                &place,
                Some(&step.id),
                "leads `back`, but is reached without the help keys: there is nothing to go back to",
            );
        }
        if matches!(step.kind, StepKind::Say) && circles_unasked(definition, &edges, i) {
            mistakes.add(&place, Some(&step.id), "comes back to itself without asking anything");
        }
    }
}

/// Which steps can be reached from `from`.
fn closure(edges: &[Vec<StepIndex>], from: Vec<StepIndex>) -> Vec<bool> {
    let mut seen = vec![false; edges.len()];
    let mut open = from;
    while let Some(i) = open.pop() {
        match seen.get_mut(i) {
            Some(mark) if !*mark => *mark = true,
            _ => continue,
        }
        open.extend(edges.get(i).into_iter().flatten().copied());
    }
    seen
}

/// A say step from which steps that ask nothing lead back to it.
fn circles_unasked(definition: &Definition, edges: &[Vec<StepIndex>], start: StepIndex) -> bool {
    let asks_nothing = |i: &StepIndex| definition.steps.get(*i).is_some_and(|s| matches!(s.kind, StepKind::Say));
    let says: Vec<Vec<StepIndex>> =
        edges.iter().map(|list| list.iter().copied().filter(asks_nothing).collect()).collect();
    let first = says.get(start).cloned().unwrap_or_default();
    closure(&says, first).get(start).copied().unwrap_or(false)
}
