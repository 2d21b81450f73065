//! Compiles the raw file: looks up names, fills in defaults, and refuses what makes no sense. Every mistake is collected;
//! a step that is wrong in one field is compiled with a stand-in, so that the rest of it is still looked at.

use super::load::{Mistakes, ReadStep};
use super::options;
use super::raw::{
    RawHandlers, RawKind, RawMachine, RawMachineAction, RawOutcome, RawRequired, RawRule, RawStep, RawSurvey,
};
use super::{
    ChoiceOption, Definition, EndOutcome, Fact, Handlers, PromptId, Reprompt, Required, Step, StepKind, Target, Test,
    UnhappyRule, graph, help,
};
use crate::survey::flow::Outcome;
use crate::survey::scale::Scale;
use std::collections::HashMap;
use std::time::Duration;

/// The name of the way back from the unhappy branch; no step may be called so.
pub(super) const RESUME: &str = "resume";
/// The name of the way back from the help menu.
pub(super) const BACK: &str = "back";

/// What the whole survey says about its questions.
struct Defaults {
    barge_in: bool,
    timeout: Duration,
    inter_digit: Duration,
    retries: u32,
    beep: Vec<PromptId>,
    silence_limit: u32,
}

pub(super) struct Compiler<'m, 'a> {
    pub mistakes: &'m mut Mistakes<'a>,
    pub ids: HashMap<String, usize>,
    pub raw: Vec<Option<&'m RawStep>>,
}

pub(super) fn compile(
    survey: Option<RawSurvey>,
    steps: &[ReadStep],
    content_hash: String,
    mistakes: &mut Mistakes<'_>,
) -> Option<Definition> {
    let whole = survey.is_some();
    let survey = survey.unwrap_or_default();
    let mut compiler = Compiler::new(steps, mistakes);
    if whole {
        compiler.required_keys(&survey);
    }
    let defaults = compiler.defaults(&survey);
    let compiled: Vec<Option<Step>> =
        steps.iter().enumerate().map(|(i, step)| Some(compiler.step(i, step.raw.as_ref()?, &defaults))).collect();
    let complete: Vec<Required> =
        survey.complete.iter().flatten().enumerate().flat_map(|(i, raw)| compiler.complete(i, raw)).collect();
    let unhappy: Vec<UnhappyRule> =
        survey.unhappy.iter().enumerate().filter_map(|(i, rule)| compiler.rule(i, rule)).collect();
    let handlers = compiler.handlers(&survey.on, defaults.silence_limit, whole);
    let max_call = match survey.max_call_s {
        Some(s) => compiler.seconds("max_call_s", None, s, 30.0..=3600.0),
        None => Duration::from_secs(480),
    };
    let definition = Definition {
        key: survey.key?,
        version: survey.version?,
        titles: survey.title?,
        languages: survey.languages?,
        deadline_days: survey.deadline_days?,
        max_call,
        content_hash,
        steps: compiled.into_iter().collect::<Option<Vec<_>>>().filter(|steps| !steps.is_empty())?,
        complete,
        help: survey.help.as_ref().and_then(|help| compiler.help(help)),
        unhappy,
        handlers: handlers?,
        reprompt: Reprompt {
            invalid: prompt_ids(&survey.reprompt.invalid),
            silent: prompt_ids(&survey.reprompt.silent),
        },
        machine_message: compiler.machine_message(survey.machine.as_ref()),
    };
    help::check(&definition, compiler.mistakes);
    graph::check(&definition, compiler.mistakes);
    Some(definition)
}

impl<'m, 'a> Compiler<'m, 'a> {
    fn new(steps: &'m [ReadStep], mistakes: &'m mut Mistakes<'a>) -> Self {
        let mut ids = HashMap::new();
        for (i, step) in steps.iter().enumerate() {
            let Some(id) = &step.id else { continue };
            let place = format!("step.{i}.id");
            if id == RESUME || id == BACK || Fact::by_name(id).is_some() {
                mistakes.add(&place, Some(id), format!("`{id}` has a meaning of its own and cannot be a step's id"));
            } else if id.is_empty() || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                mistakes.add(&place, Some(id), "an id is made of letters, digits and _");
            }
            if ids.insert(id.clone(), i).is_some() {
                mistakes.add(&place, Some(id), format!("the id `{id}` is given twice"));
            }
        }
        Compiler { mistakes, ids, raw: steps.iter().map(|step| step.raw.as_ref()).collect() }
    }

    /// What a machine is told: nothing where we hang up.
    fn machine_message(&mut self, machine: Option<&RawMachine>) -> Vec<PromptId> {
        let Some(machine) = machine else { return Vec::new() };
        match (machine.action, machine.message.is_empty()) {
            (RawMachineAction::HangUp, false) => {
                self.mistakes.add("machine.message", None, "a message is only left with action = \"leave_message\"");
            }
            (RawMachineAction::LeaveMessage, true) => {
                self.mistakes.add("machine.action", None, "leave_message needs a message: its prompts");
            }
            (RawMachineAction::HangUp, true) | (RawMachineAction::LeaveMessage, false) => {}
        }
        prompt_ids(&machine.message)
    }

    fn required_keys(&mut self, survey: &RawSurvey) {
        for (key, missing) in [
            ("key", survey.key.is_none()),
            ("version", survey.version.is_none()),
            ("title", survey.title.is_none()),
            ("deadline_days", survey.deadline_days.is_none()),
            ("languages", survey.languages.as_ref().is_none_or(Vec::is_empty)),
            ("complete", survey.complete.as_ref().is_none_or(Vec::is_empty)),
        ] {
            if missing {
                self.mistakes.add(key, None, format!("`{key}` is missing"));
            }
        }
        for language in survey.languages.iter().flatten() {
            if survey.title.as_ref().is_some_and(|titles| !titles.contains_key(language)) {
                self.mistakes.add("title", None, format!("no title in `{language}`"));
            }
        }
    }

    fn defaults(&mut self, survey: &RawSurvey) -> Defaults {
        let raw = &survey.defaults;
        Defaults {
            barge_in: raw.barge_in.unwrap_or(true),
            timeout: self.seconds("defaults.timeout_s", None, raw.timeout_s.unwrap_or(6.0), 1.0..=60.0),
            inter_digit: self.seconds("defaults.inter_digit_s", None, raw.inter_digit_s.unwrap_or(1.5), 0.3..=20.0),
            retries: self.retries("defaults.retries", None, raw.retries.unwrap_or(2)),
            beep: prompt_ids(raw.beep.as_deref().unwrap_or_default()),
            silence_limit: raw.silence_limit.unwrap_or(2),
        }
    }

    fn step(&mut self, i: usize, raw: &RawStep, defaults: &Defaults) -> Step {
        let id = raw.id.as_str();
        let place = |key: &str| format!("step.{i}.{key}");
        for (field, _) in raw.special_fields().iter().filter(|(f, there)| *there && !raw.kind.fields().contains(f)) {
            self.mistakes.add(
                &place(field),
                Some(id),
                format!("`{field}` does not belong to a step of the kind {}", raw.kind.name()),
            );
        }
        let next = self.target_or_next(i, id, "goto", raw.goto.as_deref());
        let when = self.conditions(&place("when"), id, raw.when.as_ref());
        if raw.otherwise.is_some() && when.is_empty() {
            self.mistakes.add(&place("otherwise"), Some(id), "`otherwise` means nothing without `when`");
        }
        let prompts = self.prompts(&place("prompts"), id, raw.prompts.as_deref().unwrap_or_default());
        if prompts.is_empty() && !matches!(raw.kind, RawKind::End | RawKind::Agent) {
            self.mistakes.add(&place("prompts"), Some(id), "`prompts` is missing: the step would say nothing");
        }
        let kind = self.kind(i, raw, next, defaults);
        let seconds = |c: &mut Self, key: &str, value: Option<f64>, default: Duration, range| match value {
            Some(s) => c.seconds(&place(key), Some(id), s, range),
            None => default,
        };
        Step {
            otherwise: match raw.otherwise {
                Some(_) => self.target_or_next(i, id, "otherwise", raw.otherwise.as_deref()).unwrap_or(Target::Step(i)),
                None if when.is_empty() => next.unwrap_or(Target::Step(i)),
                None => self.next_or_mistake(i, id),
            },
            when,
            intro: self.prompts(&place("intro"), id, raw.intro.as_deref().unwrap_or_default()),
            prompts,
            barge_in: raw.barge_in.unwrap_or(defaults.barge_in && raw.kind != RawKind::Say),
            timeout: seconds(self, "timeout_s", raw.timeout_s, defaults.timeout, 1.0..=60.0),
            inter_digit: seconds(self, "inter_digit_s", raw.inter_digit_s, defaults.inter_digit, 0.3..=20.0),
            retries: raw.retries.map_or(defaults.retries, |n| self.retries(&place("retries"), Some(id), n)),
            give_up: match (&raw.give_up, next) {
                _ if raw.kind == RawKind::Agent => match &kind {
                    StepKind::Agent(agent) => agent.declined,
                    _ => Target::Step(i),
                },
                (None, Some(next)) => next,
                (None, None) if raw.kind != RawKind::Choice => Target::Step(i), // said already: no way on
                (give_up, _) => self.target_or_next(i, id, "give_up", give_up.as_deref()).unwrap_or(Target::Step(i)),
            },
            next: match (raw.kind, next) {
                (RawKind::End | RawKind::Agent, _) => Target::Step(i), // never used
                (RawKind::Choice, next) => next.unwrap_or(Target::Step(i)), // options and give_up lead on
                (_, Some(next)) => next,
                (_, None) => self.next_or_mistake(i, id),
            },
            once: raw.once.unwrap_or(raw.kind == RawKind::Scale),
            on_hangup: raw.on_hangup,
            kind,
            id: id.to_owned(),
        }
    }

    fn kind(&mut self, i: usize, raw: &RawStep, next: Option<Target>, defaults: &Defaults) -> StepKind {
        let id = raw.id.as_str();
        let place = |key: &str| format!("step.{i}.{key}");
        match raw.kind {
            RawKind::Say => StepKind::Say,
            RawKind::Choice => StepKind::Choice { options: self.options(i, raw, next) },
            RawKind::Scale => {
                let scale = self.scale(&place("scale"), Some(id), raw.scale.as_deref().unwrap_or_default());
                StepKind::Scale { scale: scale.unwrap_or(&crate::survey::scale::SCALES[0]) }
            }
            RawKind::Digits => {
                let (min, max) = (raw.min.unwrap_or(1), raw.max.unwrap_or(12));
                if min == 0 || min > max || max > 32 {
                    self.mistakes.add(
                        &place("min"),
                        Some(id),
                        "`min` and `max` must be 1 to 32, `min` not above `max`",
                    );
                }
                let empty = raw.empty.as_deref().and_then(|t| self.target(&place("empty"), id, t));
                StepKind::Digits { min, max, empty, lead: raw.lead.unwrap_or(false) }
            }
            RawKind::Record => {
                let beep = raw.beep.as_deref().map_or_else(|| defaults.beep.clone(), prompt_ids);
                if raw.recording.is_none() {
                    let message = "`recording` is missing: suggestion, statement, advisor_note or lead";
                    self.mistakes.add(&place("recording"), Some(id), message);
                }
                StepKind::Record {
                    kind: raw.recording.unwrap_or(crate::survey::flow::RecordingKind::Suggestion),
                    beep,
                    max: self.seconds(&place("max_s"), Some(id), raw.max_s.unwrap_or(60.0), 1.0..=300.0),
                    silence_end: self.seconds(&place("silence_s"), Some(id), raw.silence_s.unwrap_or(4.0), 1.0..=30.0),
                    min: self.seconds(&place("min_s"), Some(id), raw.min_s.unwrap_or(1.0), 0.0..=10.0),
                }
            }
            RawKind::Agent => StepKind::Agent(Box::new(self.agent(i, raw))),
            RawKind::End => StepKind::End { outcome: self.outcome(i, raw) },
        }
    }

    fn outcome(&mut self, i: usize, raw: &RawStep) -> EndOutcome {
        let fixed = match raw.outcome {
            Some(RawOutcome::Complete) => Outcome::Complete,
            Some(RawOutcome::Partial) => Outcome::Partial,
            Some(RawOutcome::BreakOff) => Outcome::BreakOff,
            Some(RawOutcome::Refusal) => Outcome::Refusal,
            Some(RawOutcome::CallBack) => Outcome::CallBack,
            Some(RawOutcome::WrongNumber) => Outcome::WrongNumber,
            Some(RawOutcome::NoInput) => Outcome::NoInput,
            Some(RawOutcome::ByAnswers) | None => {
                return EndOutcome::ByAnswers(raw.if_none.unwrap_or(Outcome::BreakOff));
            }
        };
        if raw.if_none.is_some() {
            let message = "`if_none` belongs to the outcome by_answers";
            self.mistakes.add(&format!("step.{i}.if_none"), Some(&raw.id), message);
        }
        EndOutcome::Fixed(fixed)
    }

    fn options(&mut self, i: usize, raw: &RawStep, next: Option<Target>) -> Vec<ChoiceOption> {
        let list = raw.options.as_deref().unwrap_or_default();
        if list.is_empty() {
            self.mistakes.add(&format!("step.{i}.options"), Some(&raw.id), "a choice needs `options`");
        }
        let options: Vec<ChoiceOption> = list
            .iter()
            .enumerate()
            .map(|(n, option)| {
                let place = format!("step.{i}.options.{n}");
                let goto = option.goto.as_deref().and_then(|t| self.target(&format!("{place}.goto"), &raw.id, t));
                ChoiceOption {
                    keys: option.keys.clone(),
                    value: option.value.clone(),
                    effect: options::effect(&place, &raw.id, option, self.mistakes),
                    target: match (&option.goto, next) {
                        (None, Some(next)) => next,
                        (None, None) => self.next_or_mistake(i, &raw.id),
                        (Some(_), _) => goto.unwrap_or(Target::Step(i)),
                    },
                }
            })
            .collect();
        options::check_keys(i, &raw.id, &options, self.mistakes);
        options
    }

    fn rule(&mut self, i: usize, raw: &RawRule) -> Option<UnhappyRule> {
        let place = format!("unhappy.{i}");
        let scale = self.scale(&format!("{place}.scale"), None, &raw.scale);
        if raw.at_most.is_none() && raw.at_least.is_none() {
            self.mistakes.add(&place, None, "an unhappy rule needs `at_most` or `at_least`");
        }
        let (from, to) = (raw.at_least.unwrap_or(i32::MIN), raw.at_most.unwrap_or(i32::MAX));
        let scale = scale?;
        if !scale.points.iter().any(|point| (from..=to).contains(&point.score)) {
            self.mistakes.add(&place, None, format!("no answer on the scale {} falls under this rule", scale.name));
        }
        let count = raw.count.unwrap_or(1);
        if count == 0 {
            self.mistakes.add(&format!("{place}.count"), None, "`count` must be at least 1");
        }
        Some(UnhappyRule { scale, from, to, count })
    }

    fn handlers(&mut self, raw: &RawHandlers, silence_limit: u32, whole: bool) -> Option<Handlers> {
        for (key, missing) in [("shutdown", raw.shutdown.is_none()), ("too_long", raw.too_long.is_none())] {
            if missing && whole {
                self.mistakes.add("on", None, format!("`on.{key}` is missing: a call must have a polite way out"));
            }
        }
        let mut target = |key: &str, id: &Option<String>| {
            let id = id.as_deref()?;
            let place = format!("on.{key}");
            match self.ids.get(id) {
                Some(step) => Some(Target::Step(*step)),
                None => {
                    self.mistakes.add(&place, None, format!("`{place}` leads to `{id}`, which is no step"));
                    None
                }
            }
        };
        let silence = target("silence", &raw.silence);
        Some(Handlers {
            unhappy: target("unhappy", &raw.unhappy),
            person: target("person", &raw.person),
            silence: silence.filter(|_| silence_limit > 0).map(|target| (silence_limit, target)),
            shutdown: target("shutdown", &raw.shutdown)?,
            too_long: target("too_long", &raw.too_long)?,
        })
    }

    fn complete(&mut self, i: usize, raw: &RawRequired) -> Vec<Required> {
        let place = format!("complete.{i}");
        let (ids, when) = match raw {
            RawRequired::One(id) => (std::slice::from_ref(id), Vec::new()),
            RawRequired::If(raw) => (raw.then.as_slice(), self.conditions(&place, "complete", Some(&raw.conditions))),
        };
        if when.iter().any(|condition| matches!(condition.test, Test::Fact(_))) {
            self.mistakes.add(&place, None, "a condition in `complete` looks at an answer, as `q1!=10`");
        }
        let steps: Vec<usize> = ids.iter().filter_map(|id| self.required(&place, id)).collect();
        steps.into_iter().map(|step| Required { step, when: when.clone() }).collect()
    }

    fn required(&mut self, place: &str, id: &str) -> Option<usize> {
        let Some(step) = self.ids.get(id).copied() else {
            self.mistakes.add(place, None, format!("`complete` names `{id}`, which is no step"));
            return None;
        };
        let question =
            self.raw.get(step).copied().flatten().is_none_or(|raw| !matches!(raw.kind, RawKind::Say | RawKind::End));
        if !question {
            self.mistakes.add(place, None, format!("`complete` names `{id}`, which is no question"));
        }
        Some(step)
    }

    fn scale(&mut self, place: &str, step: Option<&str>, name: &str) -> Option<&'static Scale> {
        let scale = Scale::by_name(name);
        if scale.is_none() {
            let known = crate::survey::scale::SCALES.each_ref().map(|s| s.name).join(", ");
            let message = if name.is_empty() { "`scale` is missing".to_owned() } else { format!("no scale `{name}`") };
            self.mistakes.add(place, step, format!("{message} (there are: {known})"));
        }
        scale
    }

    fn seconds(
        &mut self,
        place: &str,
        step: Option<&str>,
        value: f64,
        range: std::ops::RangeInclusive<f64>,
    ) -> Duration {
        if range.contains(&value) {
            return Duration::from_secs_f64(value);
        }
        let message = format!("{value} s is out of range ({} to {} s)", range.start(), range.end());
        self.mistakes.add(place, step, message);
        Duration::from_secs(1)
    }

    fn retries(&mut self, place: &str, step: Option<&str>, value: u32) -> u32 {
        if value > 5 {
            self.mistakes.add(place, step, "asking again more than 5 times is harassment");
        }
        value.min(5)
    }
}

pub(super) fn prompt_ids(list: &[String]) -> Vec<PromptId> {
    list.iter().map(|id| PromptId::new(id)).collect()
}
