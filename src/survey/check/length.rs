//! How long a call is, from the real lengths of its prompts.
//!
//! - shortest: the quickest way on which everything required is answered, every prompt heard in full, a key at once after it;
//! - typical: a contented customer who is the one wanted, agrees, takes the first option each time and has no suggestion;
//! - longest: the longest way, everything heard in full once, each answer at the last moment, each recording used up, and the
//!   unhappy branch once. Re-prompts and repetitions are not in it: the flow cuts a call at `max_call` in any case.

use super::PromptCatalog;
use crate::survey::definition::{
    Condition, Definition, Fact, PromptId, PromptPart, Step, StepIndex, StepKind, Target, Test, graph,
};
use crate::survey::scale::{Point, Scale};
use std::collections::HashMap;
use std::time::Duration;

/// Estimated lengths of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CallLength {
    /// The quickest whole call.
    pub shortest: Duration,
    /// The usual one.
    pub typical: Duration,
    /// The longest without re-prompts.
    pub longest: Duration,
}

/// How long after the end of a prompt the usual customer presses a key.
const USUAL_KEY_MS: u64 = 1500;

/// Lengths of a call in one language; a prompt that does not exist counts nothing.
pub fn call_length(definition: &Definition, language: &str, catalog: &dyn PromptCatalog) -> CallLength {
    let estimate = Estimate { definition, language, catalog };
    let (_, shortest) = estimate.best(0, &mut HashMap::new(), &mut Vec::new(), Want::Shortest);
    let (_, straight) = estimate.best(0, &mut HashMap::new(), &mut Vec::new(), Want::Longest);
    let branch = definition.handlers.unhappy.filter(|_| !definition.unhappy.is_empty());
    let unhappy = branch.map_or(0, |target| match target {
        Target::Step(step) => estimate.best(step, &mut HashMap::new(), &mut Vec::new(), Want::LongestToResume).1,
        Target::Resume | Target::Back => 0,
    });
    CallLength {
        shortest: Duration::from_millis(shortest),
        typical: Duration::from_millis(estimate.typical()),
        longest: Duration::from_millis(straight + unhappy),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Want {
    Shortest,
    Longest,
    /// Only as far as the way back to the questions.
    LongestToResume,
}

/// Required answers on the way, and its length in ms.
type Way = (usize, u64);

struct Estimate<'a> {
    definition: &'a Definition,
    language: &'a str,
    catalog: &'a dyn PromptCatalog,
}

impl Estimate<'_> {
    /// The best way from a step to an end. A way that comes back to itself is not followed round.
    fn best(&self, at: StepIndex, known: &mut HashMap<StepIndex, Way>, on_way: &mut Vec<StepIndex>, want: Want) -> Way {
        if let Some(way) = known.get(&at) {
            return *way;
        }
        let Some(step) = self.definition.steps.get(at) else { return (0, 0) };
        on_way.push(at);
        let mut best: Option<Way> = None;
        let here = (usize::from(self.is_required(at)), self.at_step(step, want));
        for (next, through) in self.ways_on(at, step, want) {
            if next.is_some_and(|next| on_way.contains(&next)) {
                continue;
            }
            let rest = next.map_or((0, 0), |next| self.best(next, known, on_way, want));
            let way = if through { (rest.0 + here.0, rest.1 + here.1) } else { rest };
            let better = match (best, want) {
                (None, _) => true,
                (Some(old), Want::Shortest) => way.0 > old.0 || (way.0 == old.0 && way.1 < old.1),
                (Some(old), Want::Longest | Want::LongestToResume) => way.1 > old.1,
            };
            if better {
                best = Some(way);
            }
        }
        on_way.pop();
        let way = best.unwrap_or(here);
        known.insert(at, way);
        way
    }

    /// Always needed for a complete call; what is needed under a condition only is left out, so that the shortest call is one without it.
    fn is_required(&self, at: StepIndex) -> bool {
        self.definition.complete.iter().any(|required| required.step == at && required.when.is_empty())
    }

    /// Where the step leads, and whether it is gone through or passed over. None is the end, or the way back to the questions.
    fn ways_on(&self, at: StepIndex, step: &Step, want: Want) -> Vec<(Option<StepIndex>, bool)> {
        let mut ways = Vec::new();
        if !step.when.is_empty()
            && let Target::Step(passed) = step.otherwise
        {
            ways.push((Some(passed), false));
        }
        match (&step.kind, step.next, want) {
            (StepKind::End { .. }, ..) => ways.push((None, true)),
            (StepKind::Say | StepKind::Record { .. }, Target::Resume, Want::LongestToResume) => ways.push((None, true)),
            _ => ways.extend(graph::successors(self.definition, at).into_iter().map(|next| (Some(next), true))),
        }
        ways
    }

    /// Time spent at a step, ms.
    fn at_step(&self, step: &Step, want: Want) -> u64 {
        let longest = want != Want::Shortest;
        let said = self.said(&step.intro, longest) + self.said(&step.prompts, longest);
        let waited = match &step.kind {
            StepKind::Say | StepKind::End { .. } => 0,
            StepKind::Choice { .. } | StepKind::Scale { .. } if longest => ms(step.timeout),
            StepKind::Digits { max, .. } if longest => {
                ms(step.timeout) + ms(step.inter_digit) * u64::try_from(*max).unwrap_or(0)
            }
            StepKind::Record { beep, max, .. } if longest => self.prompts(beep) + ms(*max),
            // the talk itself is no part of the survey's length
            StepKind::Agent(agent) if longest && agent.ask => ms(step.timeout),
            StepKind::Choice { .. }
            | StepKind::Scale { .. }
            | StepKind::Digits { .. }
            | StepKind::Record { .. }
            | StepKind::Agent(_) => 0,
        };
        said + waited
    }

    /// A prompt list with the longer, or the shorter, of what conditions leave open.
    fn said(&self, parts: &[PromptPart], longest: bool) -> u64 {
        let part = |part: &PromptPart| match part {
            PromptPart::Prompt(id) => self.prompts(std::slice::from_ref(id)),
            PromptPart::Slot(slot) => {
                let blocks = slot.blocks(self.language);
                let mean = self.prompts(&blocks) / u64::try_from(blocks.len()).unwrap_or(1).max(1);
                mean * slot.usual_blocks()
            }
            PromptPart::If { then, otherwise, .. } => {
                let (then, otherwise) = (self.said(then, longest), self.said(otherwise, longest));
                if longest { then.max(otherwise) } else { then.min(otherwise) }
            }
        };
        parts.iter().map(part).sum()
    }

    fn prompts(&self, ids: &[PromptId]) -> u64 {
        ids.iter().filter_map(|id| self.catalog.length_ms(self.language, id.as_str())).sum()
    }

    /// Walks the way of the usual customer.
    fn typical(&self) -> u64 {
        let mut given: HashMap<StepIndex, (String, Option<i32>)> = HashMap::new();
        let (mut at, mut total) = (Target::Step(0), 0);
        for _ in 0..self.definition.steps.len() * 2 {
            let Target::Step(index) = at else { break };
            let Some(step) = self.definition.steps.get(index) else { break };
            if !step.when.iter().all(|condition| usually(condition, &given)) {
                at = step.otherwise;
                continue;
            }
            total += self.said(&step.intro, true) + self.said(&step.prompts, true);
            total += if step.is_question() { USUAL_KEY_MS } else { 0 };
            at = match &step.kind {
                StepKind::End { .. } => break,
                StepKind::Choice { options } => options.first().map_or(step.next, |option| {
                    given.insert(index, (option.value.clone(), None));
                    option.target
                }),
                StepKind::Scale { scale } => {
                    if let Some(point) = self.contented(scale) {
                        given.insert(index, (point.label.to_owned(), Some(point.score)));
                    }
                    step.next
                }
                StepKind::Say | StepKind::Digits { .. } | StepKind::Record { .. } => step.next,
                StepKind::Agent(agent) => agent.no_agent,
            };
        }
        total
    }

    /// The middle one of the answers that are not unhappy.
    fn contented(&self, scale: &'static Scale) -> Option<&'static Point> {
        let unhappy = |point: &Point| self.definition.unhappy.iter().any(|rule| rule.holds(scale, point.score));
        let points: Vec<&Point> = scale.points.iter().filter(|point| !unhappy(point)).collect();
        points.get(points.len() / 2).copied()
    }
}

/// Whether a condition holds for the usual customer: facts are known, nothing went wrong.
fn usually(condition: &Condition, given: &HashMap<StepIndex, (String, Option<i32>)>) -> bool {
    let holds = match &condition.test {
        Test::Fact(Fact::Slot(_)) => true,
        Test::Fact(Fact::Family | Fact::Complaint | Fact::Statement | Fact::Resumed | Fact::Complete) => false,
        Test::Fact(Fact::Lead | Fact::RecordCalls) => false,
        Test::Answer { step, comparison, value } => {
            comparison.holds(given.get(step).map(|(v, s)| (v.as_str(), *s)), value)
        }
    };
    holds != condition.negated
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
