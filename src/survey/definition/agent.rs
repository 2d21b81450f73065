//! Compiles a step of the kind `agent`.

use super::compile::{Compiler, prompt_ids};
use super::raw::RawStep;
use super::{AgentStep, PromptId, Target};

impl Compiler<'_, '_> {
    pub(super) fn agent(&mut self, i: usize, raw: &RawStep) -> AgentStep {
        let id = raw.id.as_str();
        let place = |key: &str| format!("step.{i}.{key}");
        let ask = raw.ask.unwrap_or(true);
        let offer = raw.prompts.as_ref().is_some_and(|prompts| !prompts.is_empty());
        if ask && !offer {
            self.mistakes.add(
                &place("prompts"),
                Some(id),
                "`prompts` is missing: the offer, as \"press 1\" and \"press 2\"",
            );
        }
        if !ask && (offer || raw.intro.is_some()) {
            let message = "nothing is offered with `ask = false`; what is said on the way to the agent is `connect`";
            self.mistakes.add(&place("prompts"), Some(id), message);
        }
        let hold = ids(raw.hold.as_deref());
        if hold.is_empty() {
            self.mistakes.add(
                &place("hold"),
                Some(id),
                "`hold` is missing: the customer would hear nothing while waiting",
            );
        }
        let mut target = |key: &str, text: Option<&str>| {
            self.target_or_next(i, id, key, text).unwrap_or_else(|| self.next_or_mistake(i, id))
        };
        let no_agent = target("no_agent", raw.no_agent.as_deref());
        let failed = raw.failed.as_deref().map_or(no_agent, |failed| target("failed", Some(failed)));
        let declined = raw.declined.as_deref().map_or(no_agent, |declined| target("declined", Some(declined)));
        for (key, to) in [("no_agent", no_agent), ("failed", failed), ("declined", declined)] {
            if to == Target::Step(i) {
                self.mistakes.add(
                    &place(key),
                    Some(id),
                    format!("`{key}` leads back to the same step: it would never end"),
                );
            }
        }
        AgentStep {
            ask,
            connect: ids(raw.connect.as_deref()),
            hold,
            trying: ids(raw.trying.as_deref()),
            no_agent,
            failed,
            declined,
        }
    }
}

fn ids(list: Option<&[String]>) -> Vec<PromptId> {
    list.map(prompt_ids).unwrap_or_default()
}
