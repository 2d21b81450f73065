//! Reads a survey file: syntax, unknown keys and wrong types, each with its line, all in one go; steps one by one, so that one
//! broken step does not hide the mistakes of the others.

use super::raw::{RawStep, RawSurvey};
use super::{Definition, compile};
use std::fmt;
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer, ValueDeserializer};

/// One mistake in a survey file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistake {
    /// The file, as the caller named it.
    pub file: String,
    /// The line, from 1, where it is known.
    pub line: Option<usize>,
    /// The step, where it is in one.
    pub step: Option<String>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(step) = &self.step {
            write!(f, ": step {step}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// All mistakes of a survey file, in the order of its lines.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DefinitionErrors(pub Vec<Mistake>);

impl fmt::Display for DefinitionErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, mistake) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            mistake.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for DefinitionErrors {}

impl Definition {
    /// Compiles the text of a survey file; `file` is its name in mistakes.
    pub fn from_toml(file: &str, text: &str) -> Result<Arc<Definition>, DefinitionErrors> {
        let (tree, syntax) = DeTable::parse_recoverable(text);
        let mut mistakes = Mistakes { file, text, tree: tree.get_ref(), list: Vec::new() };
        for error in syntax {
            mistakes.add_error(None, &error);
        }
        if !mistakes.list.is_empty() {
            return Err(mistakes.finish());
        }
        let survey = read_survey(&tree, &mut mistakes);
        let steps = read_steps(&tree, &mut mistakes);
        let definition = compile::compile(survey, &steps, content_hash(text), &mut mistakes);
        match (mistakes.list.is_empty(), definition) {
            (true, Some(definition)) => Ok(Arc::new(definition)),
            _ => Err(mistakes.finish()),
        }
    }
}

/// Collects mistakes, and knows on which line a key stands.
pub(super) struct Mistakes<'a> {
    file: &'a str,
    text: &'a str,
    tree: &'a DeTable<'a>,
    list: Vec<Mistake>,
}

impl Mistakes<'_> {
    /// A mistake at a place: keys and places in lists joined by dots, as `step.3.goto`.
    pub fn add(&mut self, place: &str, step: Option<&str>, message: impl Into<String>) {
        let line = self.line_of(place);
        self.push(line, step, message.into());
    }

    fn add_error(&mut self, step: Option<&str>, error: &toml::de::Error) {
        let line = error.span().map(|span| self.line_at(span.start));
        self.push(line, step, error.message().to_owned());
    }

    fn push(&mut self, line: Option<usize>, step: Option<&str>, message: String) {
        self.list.push(Mistake { file: self.file.to_owned(), line, step: step.map(str::to_owned), message });
    }

    fn line_at(&self, offset: usize) -> usize {
        1 + self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
    }

    /// The line of the innermost key of a place that the file has.
    fn line_of(&self, place: &str) -> Option<usize> {
        let mut parts = place.split('.');
        let (key, mut value) = self.tree.get_key_value(parts.next()?)?;
        let mut offset = key.span().start;
        for part in parts {
            match value.get_ref() {
                DeValue::Table(table) => match table.get_key_value(part) {
                    Some((key, inner)) => (offset, value) = (key.span().start, inner),
                    None => break,
                },
                DeValue::Array(array) => match part.parse::<usize>().ok().and_then(|i| array.get(i)) {
                    Some(inner) => (offset, value) = (inner.span().start, inner),
                    None => break,
                },
                _ => break,
            }
        }
        Some(self.line_at(offset))
    }

    fn finish(mut self) -> DefinitionErrors {
        self.list.sort_by_key(|mistake| mistake.line.unwrap_or(0));
        DefinitionErrors(self.list)
    }
}

fn read_survey(tree: &Spanned<DeTable<'_>>, mistakes: &mut Mistakes<'_>) -> Option<RawSurvey> {
    let mut rest = tree.clone();
    rest.get_mut().remove("step");
    let mut unknown = Vec::new();
    let survey: Result<RawSurvey, _> =
        serde_ignored::deserialize(Deserializer::from(rest), |path| unknown.push(path.to_string()));
    for path in unknown {
        mistakes.add(&plain(&path), None, format!("unknown key `{}`", plain(&path)));
    }
    survey.map_err(|error| mistakes.add_error(None, &error)).ok()
}

/// The steps; one that cannot be read keeps its place and its id.
pub(super) struct ReadStep {
    pub id: Option<String>,
    pub raw: Option<RawStep>,
}

fn read_steps(tree: &Spanned<DeTable<'_>>, mistakes: &mut Mistakes<'_>) -> Vec<ReadStep> {
    let Some(value) = tree.get_ref().get("step") else {
        mistakes.add("step", None, "no steps: a survey needs at least one [[step]]");
        return Vec::new();
    };
    let DeValue::Array(array) = value.get_ref() else {
        mistakes.add("step", None, "steps are written as [[step]]");
        return Vec::new();
    };
    array.iter().enumerate().map(|(i, step)| read_step(i, step, mistakes)).collect()
}

fn read_step(index: usize, step: &Spanned<DeValue<'_>>, mistakes: &mut Mistakes<'_>) -> ReadStep {
    let id = step.get_ref().get("id").and_then(|id| id.get_ref().as_str()).map(str::to_owned);
    let name = id.clone().unwrap_or_else(|| format!("number {}", index + 1));
    let mut unknown = Vec::new();
    let raw: Result<RawStep, _> =
        serde_ignored::deserialize(ValueDeserializer::from(step.clone()), |path| unknown.push(path.to_string()));
    for path in unknown {
        let path = plain(&path);
        mistakes.add(&format!("step.{index}.{path}"), Some(&name), format!("unknown key `{path}`"));
    }
    let raw = raw.map_err(|error| mistakes.add_error(Some(&name), &error)).ok();
    ReadStep { id, raw }
}

/// Paths of serde_ignored mark an `Option` by `?`; keys alone are wanted.
fn plain(path: &str) -> String {
    path.split('.').filter(|part| *part != "?").collect::<Vec<_>>().join(".")
}

/// 128 bits of FNV-1a over the parsed content with its keys in order: tells versions apart, guards against no forger.
fn content_hash(text: &str) -> String {
    let canonical = text.parse::<toml::Table>().ok().and_then(|table| serde_json::to_string(&table).ok());
    let hash = canonical.unwrap_or_default().bytes().fold(0x6c62272e07bb014262b821756295c58d_u128, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(0x0000000001000000000000000000013b)
    });
    format!("{hash:032x}")
}
