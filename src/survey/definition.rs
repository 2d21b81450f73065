//! Definition: a survey as the flow runs it, compiled from a survey file (TOML; docs/surveys.md) and never changed afterwards.
//!
//! [`Definition::from_toml`] finds every mistake in one go: `definition/load.rs` reads, `definition/compile.rs` gives names
//! their meaning, `definition/graph.rs` looks for steps that are never reached or never end. Prompts are not looked at here
//! (that is `check`), files are not opened here (the caller has the text).

mod agent;
mod compile;
mod condition;
pub(crate) mod graph;
mod help;
mod load;
mod names;
mod options;
mod raw;
#[cfg(test)]
mod tests;

use crate::survey::flow::{Outcome, RecordingKind};
use crate::survey::scale::{Scale, UnhappyReason};
use crate::survey::speech::Slot;
use chrono::NaiveTime;
pub use condition::{Comparison, Condition, Fact, Test};
pub use load::{DefinitionErrors, Mistake};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The id of a prompt in `prompts/<language>/manifest.toml`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PromptId(Arc<str>);

impl PromptId {
    /// The prompt of this id.
    pub fn new(id: &str) -> PromptId {
        PromptId(Arc::from(id))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PromptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for PromptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A step by its place in [`Definition::steps`].
pub type StepIndex = usize;

/// Where a step leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// To this step.
    Step(StepIndex),
    /// Back to where the questions were left for the unhappy branch.
    Resume,
    /// Back to the question at which the help keys were pressed.
    Back,
}

/// A compiled survey.
#[derive(Clone, Debug)]
pub struct Definition {
    /// Its key, as `aftersales_3day`.
    pub key: String,
    /// Its version as the file states it; what was published under it never changes.
    pub version: u32,
    /// Its name by language.
    pub titles: BTreeMap<String, String>,
    /// Languages with prompts; the first is the one to fall back to.
    pub languages: Vec<String>,
    /// Days after the event within which it is to be done.
    pub deadline_days: u32,
    /// Longest length of a whole call, closing included.
    pub max_call: Duration,
    /// 32 hex digits over the meaning of the file (comments, order of keys and blanks do not matter).
    pub content_hash: String,
    /// The steps, in the order of the file; the call begins at the first.
    pub steps: Vec<Step>,
    /// The answers that make it complete.
    pub complete: Vec<Required>,
    /// What leads to the help menu, where the survey has one.
    pub help: Option<Help>,
    /// What counts as unhappy.
    pub unhappy: Vec<UnhappyRule>,
    /// Where to go when something happens that is no answer.
    pub handlers: Handlers,
    /// Said before a question is asked again.
    pub reprompt: Reprompt,
    /// What is said to a machine after its beep; without it we hang up.
    pub machine_message: Vec<PromptId>,
}

impl Definition {
    /// The step of this id.
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }

    /// Every answer that makes the survey complete is there. `answer` gives a question's value and score, where it was answered.
    pub fn is_complete<'a>(&self, answer: impl Fn(&Step) -> Option<(&'a str, Option<i32>)>) -> bool {
        let given = |index: StepIndex| self.steps.get(index).and_then(&answer);
        let applies = |required: &Required| required.when.iter().all(|condition| condition.holds_by_answers(&given));
        let mut asked = self.complete.iter().filter(|required| applies(required)).peekable();
        asked.peek().is_some() && asked.all(|required| given(required.step).is_some())
    }

    /// A machine gets a message.
    pub fn leaves_messages(&self) -> bool {
        !self.machine_message.is_empty()
    }

    /// `wanted`, or the survey's first language where it does not speak it.
    pub fn language_or_default<'a>(&'a self, wanted: &'a str) -> &'a str {
        match self.languages.iter().find(|language| *language == wanted) {
            Some(language) => language,
            None => self.languages.first().map_or(wanted, String::as_str),
        }
    }
}

/// A question whose answer makes the survey complete.
#[derive(Clone, Debug)]
pub struct Required {
    /// The question.
    pub step: StepIndex,
    /// It is required only where all of these hold; they look at answers only.
    pub when: Vec<Condition>,
}

/// The way to the help menu.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Help {
    /// The keys.
    pub keys: HelpKeys,
    /// Where they lead.
    pub target: Target,
}

/// Keys that are no answer anywhere in the survey.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HelpKeys {
    /// One digit.
    Alone(char),
    /// `*`, and soon after it this key.
    AfterStar(char),
}

impl std::fmt::Display for HelpKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HelpKeys::Alone(key) => write!(f, "{key}"),
            HelpKeys::AfterStar(key) => write!(f, "*{key}"),
        }
    }
}

/// Prompts said before a question is asked again.
#[derive(Clone, Default, Debug)]
pub struct Reprompt {
    /// After keys that are not among the choices.
    pub invalid: Vec<PromptId>,
    /// After silence.
    pub silent: Vec<PromptId>,
}

/// Where to go when something happens that is no answer.
#[derive(Clone, Copy, Debug)]
pub struct Handlers {
    /// The first unhappy answer. None: it is noted, and the questions go on.
    pub unhappy: Option<Target>,
    /// `0` alone. None: `0` is a key like others.
    pub person: Option<Target>,
    /// So many questions in a row given up.
    pub silence: Option<(u32, Target)>,
    /// The engine stops.
    pub shutdown: Target,
    /// The call is at its longest length.
    pub too_long: Target,
}

/// An unhappy rule: answers on a scale within a range, so many of them.
#[derive(Clone, Debug)]
pub struct UnhappyRule {
    /// The scale.
    pub scale: &'static Scale,
    /// Lowest score that is unhappy.
    pub from: i32,
    /// Highest score that is unhappy.
    pub to: i32,
    /// How many such answers raise the complaint.
    pub count: u32,
}

impl UnhappyRule {
    /// The score on this scale falls under the rule.
    pub fn holds(&self, scale: &Scale, score: i32) -> bool {
        self.scale.name == scale.name && (self.from..=self.to).contains(&score)
    }

    /// What it is called.
    pub fn reason(&self) -> UnhappyReason {
        self.scale.reason
    }
}

/// One step.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its id; for questions also the key of the answer.
    pub id: String,
    /// All must hold, else the step is passed over to `otherwise`.
    pub when: Vec<Condition>,
    /// Where to go when `when` does not hold.
    pub otherwise: Target,
    /// Said once before `prompts`, and again when `*` asks for it, but not before a re-prompt.
    pub intro: Vec<PromptPart>,
    /// What it says.
    pub prompts: Vec<PromptPart>,
    /// A key silences the prompt and counts. Without it keys are dropped while the prompt is heard for the first time.
    pub barge_in: bool,
    /// How long to wait for an answer after the end of the prompt.
    pub timeout: Duration,
    /// How long to wait for a further key of an entry that could go on.
    pub inter_digit: Duration,
    /// How often to ask again.
    pub retries: u32,
    /// Where to go after that.
    pub give_up: Target,
    /// Where to go from here.
    pub next: Target,
    /// An answer that an earlier attempt got stands: the question is not asked again. True of every question with a scale.
    pub once: bool,
    /// The outcome when the customer hangs up at this step and nothing is scored yet; else by the general rule.
    pub on_hangup: Option<Outcome>,
    /// What kind of step.
    pub kind: StepKind,
}

impl Step {
    /// It may wait for keys or speech.
    pub fn is_question(&self) -> bool {
        !matches!(self.kind, StepKind::Say | StepKind::End { .. })
    }
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum StepKind {
    /// Says something.
    Say,
    /// Asks for one of a list of options.
    Choice {
        /// The options.
        options: Vec<ChoiceOption>,
    },
    /// Asks for an answer on a scale; the only kind that has a score.
    Scale {
        /// The scale.
        scale: &'static Scale,
    },
    /// Asks for a number.
    Digits {
        /// Fewest digits.
        min: usize,
        /// Most digits.
        max: usize,
        /// Where `#` alone leads, where it is allowed.
        empty: Option<Target>,
        /// It is the number of somebody who plans to buy a car: no answer, but a lead.
        lead: bool,
    },
    /// Records the customer after a tone.
    Record {
        /// What it is for.
        kind: RecordingKind,
        /// The tone.
        beep: Vec<PromptId>,
        /// Longest length.
        max: Duration,
        /// Ends after so much silence.
        silence_end: Duration,
        /// Anything shorter is nothing.
        min: Duration,
    },
    /// Holds a live agent for the customer, offers the talk, and hands the customer over. The prompts are the offer: 1 yes, 2 no.
    Agent(Box<AgentStep>),
    /// Says goodbye and hangs up.
    End {
        /// The outcome.
        outcome: EndOutcome,
    },
}

/// The offer of a live agent. Nothing of it is said before an agent is held. After the talk the call is over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AgentStep {
    /// The customer is asked first; else they have asked for a person already, and are connected at once.
    pub ask: bool,
    /// Said while the agent is rung.
    pub connect: Vec<PromptId>,
    /// Played after it, over and over, until somebody takes the call.
    pub hold: Vec<PromptId>,
    /// Said when another agent is tried.
    pub trying: Vec<PromptId>,
    /// Where to go when nobody is free.
    pub no_agent: Target,
    /// Where to go when nobody took the call.
    pub failed: Target,
    /// Where to go when the customer would rather not.
    pub declined: Target,
}

/// The outcome of an end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndOutcome {
    /// Always this one.
    Fixed(Outcome),
    /// Complete if all that is required was answered, partial if anything was scored, else this one.
    ByAnswers(Outcome),
}

/// One option of a choice.
#[derive(Clone, Debug)]
pub struct ChoiceOption {
    /// The keys of the entry.
    pub keys: String,
    /// Its name in answers and conditions.
    pub value: String,
    /// What else it means.
    pub effect: Option<Effect>,
    /// Where it leads.
    pub target: Target,
}

/// What an option means beside being the answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// The customer agrees to take part.
    Consent,
    /// A family member answers.
    Family,
    /// Wrong number.
    WrongNumber,
    /// Refusal.
    Refusal,
    /// Never call again.
    DoNotCall,
    /// The customer agrees that the whole call is recorded.
    RecordCall,
    /// A call-back is booked.
    CallBack(CallBackRule),
}

/// When a call-back is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallBackRule {
    /// So many hours from now.
    InHours(u32),
    /// So many days from today, at this time; a time that is past, or less than half an hour away, moves to the next day.
    OnDay {
        /// 0 is today.
        day_offset: u32,
        /// Local time.
        at: NaiveTime,
    },
}

/// A part of a prompt list.
#[derive(Clone, Debug)]
pub enum PromptPart {
    /// A prompt.
    Prompt(PromptId),
    /// A composed one.
    Slot(Slot),
    /// One of two lists.
    If {
        /// All must hold.
        conditions: Vec<Condition>,
        /// Said if they hold.
        then: Vec<PromptPart>,
        /// Said otherwise.
        otherwise: Vec<PromptPart>,
    },
}
