//! Reading settings: the TOML text and the environment become one table, each key is read by itself, so that every mistake is named in one go.
//!
//! Opens no file; the caller brings the text. A secret that stands in the text itself is refused, and no value of a secret key is ever repeated.

use super::Settings;
use chrono::NaiveTime;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Error as _};
use std::collections::BTreeMap;
use std::fmt;
use toml::{Table, Value};

/// One mistake: where it stands and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, `environment` or `defaults`.
    pub origin: String,
    /// The key, as `dialer.window.open`.
    pub key: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => write!(f, "{}: {}", self.origin, self.message),
            key => write!(f, "{}: {key}: {}", self.origin, self.message),
        }
    }
}

/// Every mistake of one reading, at least one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Problems(pub Vec<Problem>);

/// Keys whose values are secrets: only the environment may carry them.
const SECRET_KEYS: [&str; 4] = ["password", "secret", "token", "url"];
const PREFIX: &str = "HUIFANG__";

/// Reads settings from the text of the file `origin` (empty text: no file) and from `environment` (all variables of the process; others than ours are passed over).
pub fn parse(text: &str, origin: &str, environment: &[(String, String)]) -> Result<Settings, Problems> {
    let (settings, problems) = read(text, origin, environment);
    if problems.is_empty() { Ok(settings) } else { Err(Problems(problems)) }
}

/// The same, but gives what could be read beside the mistakes: a value that cannot be read stands at its default.
fn read(text: &str, origin: &str, environment: &[(String, String)]) -> (Settings, Vec<Problem>) {
    let mut reader = Reader { origin, from_environment: BTreeMap::new(), problems: Vec::new() };
    let mut table = match text.parse::<Table>() {
        Ok(table) => table,
        Err(error) => return (Settings::default(), vec![reader.syntax(text, &error)]),
    };
    reader.refuse_secrets(&table, "");
    reader.merge_environment(&mut table, environment);
    let settings = reader.settings(table);
    (settings, reader.problems)
}

/// Reads and judges settings: every mistake of both kinds in one go. A key that cannot be read is not judged as well.
pub fn judge(text: &str, origin: &str, environment: &[(String, String)]) -> (Settings, Vec<Problem>) {
    let (settings, mut problems) = read(text, origin, environment);
    let found = super::validate(&settings, origin);
    let unread: Vec<String> = problems.iter().map(|problem| problem.key.clone()).collect();
    problems.extend(found.into_iter().filter(|problem| !unread.contains(&problem.key)));
    (settings, problems)
}

struct Reader<'a> {
    origin: &'a str,
    /// Key → the variable that set it and its raw text.
    from_environment: BTreeMap<String, (String, String)>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn syntax(&self, text: &str, error: &toml::de::Error) -> Problem {
        let at = error.span().map_or(0, |span| span.start);
        let line = text.get(..at).unwrap_or(text).lines().count().max(1);
        Problem {
            origin: format!("{}:{line}", self.origin),
            key: String::new(),
            message: error.message().replace('\n', " "),
        }
    }

    fn problem(&mut self, key: &str, message: impl Into<String>) {
        let origin = match self.from_environment.get(key) {
            Some((variable, _)) => format!("environment {variable}"),
            None => self.origin.to_owned(),
        };
        self.problems.push(Problem { origin, key: key.to_owned(), message: message.into() });
    }

    fn refuse_secrets(&mut self, table: &Table, path: &str) {
        for (key, value) in table {
            let here = join(path, key);
            if let Value::Table(inner) = value {
                self.refuse_secrets(inner, &here);
            } else if SECRET_KEYS.contains(&key.as_str()) {
                let variable = format!("{PREFIX}{}", here.to_uppercase().replace('.', "__"));
                self.problem(&here, format!("secrets do not belong into this file; use {key}_file or {variable}"));
            }
        }
    }

    fn merge_environment(&mut self, table: &mut Table, environment: &[(String, String)]) {
        for (variable, raw) in environment {
            let path: Vec<String> = match variable.strip_prefix(PREFIX) {
                Some(rest) => rest.split("__").map(str::to_lowercase).collect(),
                None if variable == "DATABASE_URL" => vec!["database".into(), "url".into()],
                None => continue,
            };
            self.from_environment.insert(path.join("."), (variable.clone(), raw.clone()));
            if !insert(table, &path, typed(raw)) {
                self.problem(&path.join("."), "names a key inside of something that is not a section");
            }
        }
    }

    fn settings(&mut self, mut table: Table) -> Settings {
        let settings = Settings {
            dealer: self.section(&mut table, "dealer"),
            database: self.section(&mut table, "database"),
            sip: self.section(&mut table, "sip"),
            dns: self.section(&mut table, "dns"),
            trunks: self.sections(&mut table, "trunks"),
            media: self.section(&mut table, "media"),
            machines: self.section(&mut table, "machines"),
            dialer: self.section(&mut table, "dialer"),
            agents: self.section(&mut table, "agents"),
            calendar: self.section(&mut table, "calendar"),
            trace: self.section(&mut table, "trace"),
            telemetry: self.section(&mut table, "telemetry"),
            retention: self.section(&mut table, "retention"),
            reports: self.section(&mut table, "reports"),
            webhooks: self.sections(&mut table, "webhooks"),
            sms: self.section(&mut table, "sms"),
            weak_items: self.section(&mut table, "weak_items"),
            survey: self.section(&mut table, "survey"),
            web: self.section(&mut table, "web"),
        };
        for key in table.keys() {
            self.problem(key, "unknown section");
        }
        settings
    }

    fn sections<T: DeserializeOwned + Default>(&mut self, table: &mut Table, name: &str) -> BTreeMap<String, T> {
        match table.remove(name) {
            None => BTreeMap::new(),
            Some(Value::Table(inner)) => {
                inner.into_iter().map(|(key, value)| (key.clone(), self.read(value, &join(name, &key)))).collect()
            }
            Some(_) => {
                self.problem(name, format!("a section is wanted: [{name}.NAME]"));
                BTreeMap::new()
            }
        }
    }

    fn section<T: DeserializeOwned + Default>(&mut self, table: &mut Table, name: &str) -> T {
        table.remove(name).map(|value| self.read(value, name)).unwrap_or_default()
    }

    /// Reads one section; first each leaf alone, so that no mistake hides another, then all together.
    fn read<T: DeserializeOwned + Default>(&mut self, value: Value, path: &str) -> T {
        let Value::Table(mut table) = value else {
            self.problem(path, format!("a section is wanted: [{path}]"));
            return T::default();
        };
        for leaf in leaves(&table) {
            let before = self.problems.len();
            self.read_leaf::<T>(&mut table, path, &leaf);
            if self.problems.len() > before {
                remove(&mut table, &leaf);
            }
        }
        Value::Table(table).try_into().unwrap_or_else(|error: toml::de::Error| {
            self.problem(path, error.message());
            T::default()
        })
    }

    fn read_leaf<T: DeserializeOwned>(&mut self, table: &mut Table, path: &str, leaf: &[String]) {
        let key = join(path, &leaf.join("."));
        let mut alone = Table::new();
        let Some(value) = get(table, leaf).cloned() else { return };
        insert(&mut alone, leaf, value);
        match try_read::<T>(alone) {
            Ok(None) => {}
            Ok(Some(unknown)) => self.problem(&join(path, &unknown), "unknown key"),
            Err(message) => {
                // A variable's text `1001` reads as a number; where a text is wanted it is taken as one.
                if let Some((_, raw)) = self.from_environment.get(&key) {
                    let text = Value::String(raw.clone());
                    let mut alone = Table::new();
                    insert(&mut alone, leaf, text.clone());
                    if matches!(try_read::<T>(alone), Ok(None)) {
                        insert(table, leaf, text);
                        return;
                    }
                }
                self.problem(&key, message);
            }
        }
    }
}

/// Reads `table` as `T`; gives the first key that `T` does not know, or the message of what does not fit.
fn try_read<T: DeserializeOwned>(table: Table) -> Result<Option<String>, String> {
    let mut unknown = None;
    let read = serde_ignored::deserialize::<_, _, T>(Value::Table(table), |path| {
        unknown.get_or_insert(path.to_string().replace(".?", ""));
    });
    read.map(|_| unknown).map_err(|error| error.message().trim().replace('\n', " "))
}

fn typed(raw: &str) -> Value {
    let parsed = format!("value = {raw}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
    parsed.unwrap_or_else(|| Value::String(raw.to_owned()))
}

fn leaves(table: &Table) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (key, value) in table {
        match value {
            Value::Table(inner) if !inner.is_empty() => {
                found.extend(leaves(inner).into_iter().map(|mut rest| {
                    rest.insert(0, key.clone());
                    rest
                }));
            }
            _ => found.push(vec![key.clone()]),
        }
    }
    found
}

fn get<'t>(table: &'t Table, path: &[String]) -> Option<&'t Value> {
    let (last, parents) = path.split_last()?;
    parents.iter().try_fold(table, |table, key| table.get(key)?.as_table())?.get(last)
}

fn remove(table: &mut Table, path: &[String]) {
    let Some((last, parents)) = path.split_last() else { return };
    let parent = parents.iter().try_fold(table, |table, key| table.get_mut(key)?.as_table_mut());
    parent.map(|parent| parent.remove(last));
}

/// Puts `value` at `path`; false where a parent is not a table.
fn insert(table: &mut Table, path: &[String], value: Value) -> bool {
    let Some((last, parents)) = path.split_last() else { return false };
    let mut at = table;
    for key in parents {
        match at.entry(key.clone()).or_insert_with(|| Value::Table(Table::new())) {
            Value::Table(inner) => at = inner,
            _ => return false,
        }
    }
    at.insert(last.clone(), value);
    true
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// `HH:MM`.
pub(super) fn hour_minute<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<NaiveTime, D::Error> {
    let text = String::deserialize(deserializer)?;
    NaiveTime::parse_from_str(&text, "%H:%M").map_err(|_| D::Error::custom("a time is wanted, as \"09:00\""))
}

/// `HH:MM`, and `24:00` as the last instant of the day.
pub(super) fn hour_minute_end<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<NaiveTime, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text == "24:00" {
        return Ok(super::END_OF_DAY);
    }
    NaiveTime::parse_from_str(&text, "%H:%M")
        .map_err(|_| D::Error::custom("a time is wanted, as \"20:00\" or \"24:00\""))
}
