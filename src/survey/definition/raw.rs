//! The survey file as TOML states it, before names have a meaning. Unknown keys are found by `load.rs`, all of them in one go;
//! one struct serves all kinds of steps, so that a field in the wrong kind of step can be named instead of called unknown.

use crate::survey::flow::{Outcome, RecordingKind};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Everything but the steps.
#[derive(Deserialize, Default)]
pub(super) struct RawSurvey {
    pub key: Option<String>,
    pub version: Option<u32>,
    pub languages: Option<Vec<String>>,
    pub title: Option<BTreeMap<String, String>>,
    pub deadline_days: Option<u32>,
    pub max_call_s: Option<f64>,
    pub complete: Option<Vec<RawRequired>>,
    pub help: Option<RawHelp>,
    pub machine: Option<RawMachine>,
    #[serde(default)]
    pub defaults: RawDefaults,
    #[serde(default)]
    pub reprompt: RawReprompt,
    #[serde(default)]
    pub on: RawHandlers,
    #[serde(default)]
    pub unhappy: Vec<RawRule>,
}

#[derive(Deserialize, Default)]
pub(super) struct RawDefaults {
    pub barge_in: Option<bool>,
    pub timeout_s: Option<f64>,
    pub inter_digit_s: Option<f64>,
    pub retries: Option<u32>,
    pub beep: Option<Vec<String>>,
    pub silence_limit: Option<u32>,
}

#[derive(Deserialize, Default)]
pub(super) struct RawReprompt {
    #[serde(default)]
    pub invalid: Vec<String>,
    #[serde(default)]
    pub silent: Vec<String>,
}

#[derive(Deserialize, Default)]
pub(super) struct RawHandlers {
    pub unhappy: Option<String>,
    pub person: Option<String>,
    pub silence: Option<String>,
    pub shutdown: Option<String>,
    pub too_long: Option<String>,
}

/// A question that makes the survey complete, or several that do so only under a condition.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a question, or { if = …, then = [questions] }")]
pub(super) enum RawRequired {
    One(String),
    If(RawRequiredIf),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRequiredIf {
    #[serde(rename = "if")]
    pub conditions: OneOrMany,
    pub then: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct RawHelp {
    pub keys: String,
    pub goto: String,
}

#[derive(Deserialize)]
pub(super) struct RawMachine {
    pub action: RawMachineAction,
    #[serde(default)]
    pub message: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawMachineAction {
    HangUp,
    LeaveMessage,
}

#[derive(Deserialize)]
pub(super) struct RawRule {
    pub scale: String,
    pub at_most: Option<i32>,
    pub at_least: Option<i32>,
    pub count: Option<u32>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawKind {
    Say,
    Choice,
    Scale,
    Digits,
    Record,
    Agent,
    End,
}

#[derive(Deserialize)]
pub(super) struct RawStep {
    pub id: String,
    pub kind: RawKind,
    pub when: Option<OneOrMany>,
    pub otherwise: Option<String>,
    pub intro: Option<Vec<RawPrompt>>,
    pub prompts: Option<Vec<RawPrompt>>,
    pub goto: Option<String>,
    pub barge_in: Option<bool>,
    pub timeout_s: Option<f64>,
    pub inter_digit_s: Option<f64>,
    pub retries: Option<u32>,
    pub give_up: Option<String>,
    pub on_hangup: Option<Outcome>,
    pub once: Option<bool>,
    pub lead: Option<bool>,
    pub options: Option<Vec<RawOption>>,
    pub scale: Option<String>,
    pub min: Option<usize>,
    pub max: Option<usize>,
    pub empty: Option<String>,
    pub recording: Option<RecordingKind>,
    pub beep: Option<Vec<String>>,
    pub max_s: Option<f64>,
    pub silence_s: Option<f64>,
    pub min_s: Option<f64>,
    pub ask: Option<bool>,
    pub connect: Option<Vec<String>>,
    pub hold: Option<Vec<String>>,
    pub trying: Option<Vec<String>>,
    pub no_agent: Option<String>,
    pub failed: Option<String>,
    pub declined: Option<String>,
    pub outcome: Option<RawOutcome>,
    pub if_none: Option<Outcome>,
}

impl RawStep {
    /// The fields that are not common to all steps, and whether they are there.
    pub fn special_fields(&self) -> [(&'static str, bool); 29] {
        [
            ("intro", self.intro.is_some()),
            ("goto", self.goto.is_some()),
            ("barge_in", self.barge_in.is_some()),
            ("timeout_s", self.timeout_s.is_some()),
            ("inter_digit_s", self.inter_digit_s.is_some()),
            ("retries", self.retries.is_some()),
            ("give_up", self.give_up.is_some()),
            ("on_hangup", self.on_hangup.is_some()),
            ("once", self.once.is_some()),
            ("lead", self.lead.is_some()),
            ("options", self.options.is_some()),
            ("scale", self.scale.is_some()),
            ("min", self.min.is_some()),
            ("max", self.max.is_some()),
            ("empty", self.empty.is_some()),
            ("recording", self.recording.is_some()),
            ("beep", self.beep.is_some()),
            ("max_s", self.max_s.is_some()),
            ("silence_s", self.silence_s.is_some()),
            ("min_s", self.min_s.is_some()),
            ("ask", self.ask.is_some()),
            ("connect", self.connect.is_some()),
            ("hold", self.hold.is_some()),
            ("trying", self.trying.is_some()),
            ("no_agent", self.no_agent.is_some()),
            ("failed", self.failed.is_some()),
            ("declined", self.declined.is_some()),
            ("outcome", self.outcome.is_some()),
            ("if_none", self.if_none.is_some()),
        ]
    }
}

impl RawKind {
    /// Its name in survey files.
    pub fn name(self) -> &'static str {
        match self {
            RawKind::Say => "say",
            RawKind::Choice => "choice",
            RawKind::Scale => "scale",
            RawKind::Digits => "digits",
            RawKind::Record => "record",
            RawKind::Agent => "agent",
            RawKind::End => "end",
        }
    }

    /// The special fields that this kind of step may have.
    pub fn fields(self) -> &'static [&'static str] {
        match self {
            RawKind::Say => &["goto", "barge_in", "on_hangup"],
            RawKind::Choice => &[
                "intro",
                "goto",
                "barge_in",
                "timeout_s",
                "inter_digit_s",
                "retries",
                "give_up",
                "on_hangup",
                "once",
                "options",
            ],
            RawKind::Scale => {
                &["intro", "goto", "barge_in", "timeout_s", "inter_digit_s", "retries", "give_up", "on_hangup", "scale"]
            }
            RawKind::Digits => &[
                "intro",
                "goto",
                "barge_in",
                "timeout_s",
                "inter_digit_s",
                "retries",
                "give_up",
                "on_hangup",
                "once",
                "lead",
                "min",
                "max",
                "empty",
            ],
            RawKind::Record => {
                &["goto", "barge_in", "on_hangup", "once", "recording", "beep", "max_s", "silence_s", "min_s"]
            }
            RawKind::Agent => &[
                "intro",
                "barge_in",
                "timeout_s",
                "retries",
                "on_hangup",
                "ask",
                "connect",
                "hold",
                "trying",
                "no_agent",
                "failed",
                "declined",
            ],
            RawKind::End => &["outcome", "if_none"],
        }
    }
}

#[derive(Deserialize)]
pub(super) struct RawOption {
    pub keys: String,
    pub value: String,
    pub effect: Option<RawEffect>,
    pub call_back: Option<RawCallBack>,
    pub goto: Option<String>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawEffect {
    Consent,
    Family,
    WrongNumber,
    Refusal,
    DoNotCall,
    RecordCall,
}

#[derive(Deserialize)]
pub(super) struct RawCallBack {
    pub in_hours: Option<u32>,
    pub day_offset: Option<u32>,
    pub at: Option<String>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawOutcome {
    ByAnswers,
    Complete,
    Partial,
    BreakOff,
    Refusal,
    CallBack,
    WrongNumber,
    NoInput,
}

/// One condition, or a list of which all must hold.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected a condition (\"plate_tail\", \"!statement\", \"identity=family\") or a list of them"
)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub fn list(&self) -> &[String] {
        match self {
            OneOrMany::One(one) => std::slice::from_ref(one),
            OneOrMany::Many(many) => many,
        }
    }
}

/// One entry of a prompt list.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected a prompt id, a slot like \"{event_date}\", or { if = …, then = […], else = […] }"
)]
pub(super) enum RawPrompt {
    Plain(String),
    If(RawIf),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawIf {
    #[serde(rename = "if")]
    pub conditions: OneOrMany,
    pub then: Vec<RawPrompt>,
    #[serde(rename = "else", default)]
    pub otherwise: Vec<RawPrompt>,
}
