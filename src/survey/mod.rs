//! Surveys (回访问卷): definition, flow, keys, scales and the survey compiler. Pure: takes time as an argument,
//! knows nothing of SIP, RTP or the store.
//!
//! The way through: a survey file (TOML, docs/surveys.md) is read by [`Definition::from_toml`] and looked at by
//! [`check::check`]; one [`Flow`] for each call turns keys and ended prompts into prompts to play and answers to store.
#![forbid(unsafe_code)]

pub mod check;
pub mod definition;
pub mod describe;
pub mod diff;
pub mod draw;
pub mod flow;
pub mod keys;
pub mod scale;
pub mod speech;
pub mod standard;

pub use definition::{Definition, DefinitionErrors, Mistake, PromptId};
pub use flow::{
    Answer, AnswerValue, CallBackWish, ComplaintTrigger, Earlier, EndedBy, Facts, Flow, FlowAction, FlowInput, Lead,
    Miss, Outcome, RecordingKind, RecordingRef, Timer,
};
pub use scale::{Scale, UnhappyReason};
