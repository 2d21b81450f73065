//! Says in words what a compiled survey holds: for comparing versions and for drawing. Texts for people; nothing reads them back.

use super::check::walk;
use super::definition::{
    CallBackRule, Comparison, Condition, Definition, Effect, EndOutcome, Fact, PromptId, PromptPart, Required, Step,
    StepKind, Target, Test, UnhappyRule,
};
use super::flow::Outcome;
use std::time::Duration;

/// A property and what it says.
pub type Field = (&'static str, String);

/// What is said of the whole survey.
pub fn head(definition: &Definition) -> Vec<Field> {
    let handlers = &definition.handlers;
    let target = |to: Option<Target>| to.map_or_else(|| "nothing".to_owned(), |to| target(definition, to));
    let titles: Vec<String> = definition.titles.iter().map(|(language, title)| format!("{language} {title}")).collect();
    let silence = handlers.silence.map_or_else(
        || "nothing".to_owned(),
        |(limit, to)| format!("after {limit} questions: {}", self::target(definition, to)),
    );
    let help = definition.help.map(|help| format!("{} → {}", help.keys, self::target(definition, help.target)));
    vec![
        ("title", titles.join(", ")),
        ("languages", definition.languages.join(", ")),
        ("deadline_days", definition.deadline_days.to_string()),
        ("max_call_s", seconds(definition.max_call)),
        ("complete", joined(definition.complete.iter().map(|required| self::required(definition, required)))),
        ("unhappy", joined(definition.unhappy.iter().map(rule))),
        ("help", help.unwrap_or_else(|| "none".to_owned())),
        ("on.unhappy", target(handlers.unhappy)),
        ("on.person", target(handlers.person)),
        ("on.silence", silence),
        ("on.shutdown", target(Some(handlers.shutdown))),
        ("on.too_long", target(Some(handlers.too_long))),
        ("reprompt.invalid", ids(&definition.reprompt.invalid)),
        ("reprompt.silent", ids(&definition.reprompt.silent)),
    ]
}

/// What is said of a step.
pub fn step(definition: &Definition, step: &Step) -> Vec<Field> {
    let mut fields = vec![("kind", kind(step))];
    if !step.when.is_empty() {
        fields.push(("when", conditions(definition, &step.when)));
        fields.push(("otherwise", target(definition, step.otherwise)));
    }
    fields.push(("intro", prompts(definition, &step.intro)));
    fields.push(("prompts", prompts(definition, &step.prompts)));
    match &step.kind {
        StepKind::Say | StepKind::Scale { .. } => {}
        StepKind::Choice { options } => {
            let option = |o: &super::definition::ChoiceOption| {
                let effect = o.effect.map(|effect| format!(" ({})", self::effect(effect))).unwrap_or_default();
                format!("{} {}{effect} → {}", o.keys, o.value, target(definition, o.target))
            };
            fields.push(("options", joined(options.iter().map(option))));
        }
        StepKind::Digits { min, max, empty, .. } => {
            fields.push(("digits", format!("{min} to {max}")));
            fields.push(("empty", empty.map_or_else(|| "not allowed".to_owned(), |to| target(definition, to))));
        }
        StepKind::Record { beep, max, silence_end, min, .. } => {
            fields.push(("beep", ids(beep)));
            let (max, silence, min) = (seconds(*max), seconds(*silence_end), seconds(*min));
            fields.push(("length", format!("at most {max} s, ends after {silence} s of silence, at least {min} s")));
        }
        StepKind::Agent(agent) => {
            let asked = if agent.ask { "asked first" } else { "connected at once" };
            fields.push(("agent", asked.to_owned()));
            fields.push(("connect", ids(&agent.connect)));
            fields.push(("hold", ids(&agent.hold)));
            fields.push(("trying", ids(&agent.trying)));
            fields.push(("no_agent", target(definition, agent.no_agent)));
            fields.push(("failed", target(definition, agent.failed)));
            fields.push(("declined", target(definition, agent.declined)));
        }
        StepKind::End { outcome } => fields.push(("outcome", end_outcome(*outcome))),
    }
    if step.is_question() {
        fields.push(("once", step.once.to_string()));
        let patience = format!(
            "{} s for an answer, {} s between keys, asked again {} times",
            seconds(step.timeout),
            seconds(step.inter_digit),
            step.retries
        );
        fields.push(("patience", patience));
        fields.push(("give_up", target(definition, step.give_up)));
    }
    if !matches!(step.kind, StepKind::End { .. }) {
        fields.push(("barge_in", step.barge_in.to_string()));
    }
    if !matches!(step.kind, StepKind::End { .. } | StepKind::Choice { .. } | StepKind::Agent(_)) {
        fields.push(("goto", target(definition, step.next)));
    }
    if let Some(outcome) = step.on_hangup {
        fields.push(("on_hangup", self::outcome(outcome).to_owned()));
    }
    fields
}

/// What kind of step it is.
pub fn kind(step: &Step) -> String {
    match &step.kind {
        StepKind::Say => "say".to_owned(),
        StepKind::Choice { .. } => "choice".to_owned(),
        StepKind::Scale { scale } => format!("scale {}", scale.name),
        StepKind::Digits { lead: true, .. } => "digits, a lead's number".to_owned(),
        StepKind::Digits { lead: false, .. } => "digits".to_owned(),
        StepKind::Record { kind, .. } => format!("record {}", kind.as_str()),
        StepKind::Agent(agent) if agent.ask => "live agent, if the customer likes".to_owned(),
        StepKind::Agent(_) => "live agent".to_owned(),
        StepKind::End { .. } => "end".to_owned(),
    }
}

/// Where something leads.
pub fn target(definition: &Definition, target: Target) -> String {
    match target {
        Target::Step(index) => definition.steps.get(index).map_or_else(|| "?".to_owned(), |step| step.id.clone()),
        Target::Resume => "resume".to_owned(),
        Target::Back => "back".to_owned(),
    }
}

/// Conditions of which all must hold.
pub fn conditions(definition: &Definition, list: &[Condition]) -> String {
    let one = |condition: &Condition| {
        let test = match &condition.test {
            Test::Fact(fact) => fact_name(*fact).to_owned(),
            Test::Answer { step, comparison, value } => {
                let sign = match comparison {
                    Comparison::Equal => "=",
                    Comparison::NotEqual => "!=",
                    Comparison::Less => "<",
                    Comparison::AtMost => "<=",
                    Comparison::More => ">",
                    Comparison::AtLeast => ">=",
                };
                format!("{}{sign}{value}", target(definition, Target::Step(*step)))
            }
        };
        format!("{}{test}", if condition.negated { "!" } else { "" })
    };
    list.iter().map(one).collect::<Vec<_>>().join(" and ")
}

/// The outcome of an end.
pub fn end_outcome(end: EndOutcome) -> String {
    match end {
        EndOutcome::Fixed(fixed) => outcome(fixed).to_owned(),
        EndOutcome::ByAnswers(if_none) => format!("by answers, else {}", outcome(if_none)),
    }
}

/// The first prompt id that a step says, whatever holds; for a drawing's text.
pub fn first_prompt(step: &Step) -> Option<&PromptId> {
    let mut first = None;
    walk(&step.prompts, &mut |part| {
        if let PromptPart::Prompt(id) = part {
            first.get_or_insert(id);
        }
    });
    first
}

fn fact_name(fact: Fact) -> &'static str {
    match fact {
        Fact::Slot(slot) => slot.name(),
        Fact::Family => "family",
        Fact::Complaint => "complaint",
        Fact::Statement => "statement",
        Fact::Resumed => "resumed",
        Fact::Complete => "complete",
        Fact::Lead => "lead",
        Fact::RecordCalls => "record_calls",
    }
}

fn prompts(definition: &Definition, parts: &[PromptPart]) -> String {
    let part = |part: &PromptPart| match part {
        PromptPart::Prompt(id) => id.to_string(),
        PromptPart::Slot(slot) => format!("{{{}}}", slot.name()),
        PromptPart::If { conditions, then, otherwise } => format!(
            "[if {}: {}; else: {}]",
            self::conditions(definition, conditions),
            prompts(definition, then),
            prompts(definition, otherwise)
        ),
    };
    if parts.is_empty() { "nothing".to_owned() } else { parts.iter().map(part).collect::<Vec<_>>().join(" ") }
}

fn required(definition: &Definition, required: &Required) -> String {
    let id = target(definition, Target::Step(required.step));
    if required.when.is_empty() { id } else { format!("{id} if {}", conditions(definition, &required.when)) }
}

fn rule(rule: &UnhappyRule) -> String {
    let range = match (rule.from, rule.to) {
        (i32::MIN, to) => format!("at most {to}"),
        (from, i32::MAX) => format!("at least {from}"),
        (from, to) => format!("{from} to {to}"),
    };
    format!("{} {range}, {} times", rule.scale.name, rule.count)
}

fn effect(effect: Effect) -> String {
    match effect {
        Effect::Consent => "consent".to_owned(),
        Effect::Family => "family".to_owned(),
        Effect::WrongNumber => "wrong number".to_owned(),
        Effect::Refusal => "refusal".to_owned(),
        Effect::DoNotCall => "do not call".to_owned(),
        Effect::RecordCall => "record the call".to_owned(),
        Effect::CallBack(CallBackRule::InHours(hours)) => format!("call back in {hours} h"),
        Effect::CallBack(CallBackRule::OnDay { day_offset, at }) => {
            format!("call back on day +{day_offset} at {}", at.format("%H:%M"))
        }
    }
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Complete => "complete",
        Outcome::Partial => "partial",
        Outcome::BreakOff => "break_off",
        Outcome::Refusal => "refusal",
        Outcome::CallBack => "call_back",
        Outcome::WrongNumber => "wrong_number",
        Outcome::NoInput => "no_input",
    }
}

fn ids(list: &[PromptId]) -> String {
    if list.is_empty() { "nothing".to_owned() } else { joined(list.iter().map(ToString::to_string)) }
}

fn joined(list: impl Iterator<Item = String>) -> String {
    list.collect::<Vec<_>>().join(", ")
}

fn seconds(duration: Duration) -> String {
    format!("{}", duration.as_secs_f64())
}
