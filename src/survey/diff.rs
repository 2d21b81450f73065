//! What changed between two versions of a survey, question by question. Pure; comments and the order of keys in a file are no change.

use super::definition::{Definition, Step};
use super::describe::{self, Field};
use std::fmt;

/// One change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// A property of the whole survey.
    Head {
        /// Which.
        field: &'static str,
        /// Before.
        old: String,
        /// Now.
        new: String,
    },
    /// A step is new.
    Added {
        /// Its id.
        step: String,
        /// What it is.
        what: String,
    },
    /// A step is gone.
    Removed {
        /// Its id.
        step: String,
        /// What it was.
        what: String,
    },
    /// Steps that stay are in another order.
    Order {
        /// Before.
        old: String,
        /// Now.
        new: String,
    },
    /// A property of a step.
    Step {
        /// Its id.
        step: String,
        /// Which property.
        field: &'static str,
        /// Before.
        old: String,
        /// Now.
        new: String,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Head { field, old, new } => write!(f, "~ {field}: {old}  →  {new}"),
            Change::Added { step, what } => write!(f, "+ {step}: {what}"),
            Change::Removed { step, what } => write!(f, "- {step}: {what}"),
            Change::Order { old, new } => write!(f, "~ order: {old}  →  {new}"),
            Change::Step { step, field, old, new } => write!(f, "~ {step}, {field}: {old}  →  {new}"),
        }
    }
}

/// All changes from `old` to `new`: the head first, then the steps in the order of `new`, those that are gone at the end.
pub fn diff(old: &Definition, new: &Definition) -> Vec<Change> {
    let mut changes = Vec::new();
    for (field, old, new) in changed(&describe::head(old), &describe::head(new)) {
        changes.push(Change::Head { field, old, new });
    }
    order(old, new, &mut changes);
    for step in &new.steps {
        match old.step(&step.id) {
            None => changes.push(Change::Added { step: step.id.clone(), what: whole(new, step) }),
            Some(before) => {
                for (field, old, new) in changed(&describe::step(old, before), &describe::step(new, step)) {
                    changes.push(Change::Step { step: step.id.clone(), field, old, new });
                }
            }
        }
    }
    for step in old.steps.iter().filter(|step| new.step(&step.id).is_none()) {
        changes.push(Change::Removed { step: step.id.clone(), what: whole(old, step) });
    }
    changes
}

fn whole(definition: &Definition, step: &Step) -> String {
    let prompts = describe::step(definition, step).into_iter().find(|(field, _)| *field == "prompts");
    format!("{}, says {}", describe::kind(step), prompts.map(|(_, text)| text).unwrap_or_default())
}

/// Steps of both versions whose order is not the same.
fn order(old: &Definition, new: &Definition, changes: &mut Vec<Change>) {
    let kept = |of: &Definition, other: &Definition| -> Vec<String> {
        of.steps.iter().filter(|step| other.step(&step.id).is_some()).map(|step| step.id.clone()).collect()
    };
    let (before, now) = (kept(old, new), kept(new, old));
    let Some(first) = before.iter().zip(&now).position(|(a, b)| a != b) else { return };
    let same_end = before.iter().rev().zip(now.iter().rev()).take_while(|(a, b)| a == b).count();
    let part = |list: &[String]| list[first..list.len() - same_end].join(" ");
    changes.push(Change::Order { old: part(&before), new: part(&now) });
}

/// Fields that differ, with "nothing" where one side has none.
fn changed(old: &[Field], new: &[Field]) -> Vec<(&'static str, String, String)> {
    let of = |fields: &[Field], name: &str| {
        fields.iter().find(|(field, _)| *field == name).map_or_else(|| "nothing".to_owned(), |(_, text)| text.clone())
    };
    let gone = old.iter().filter(|(field, _)| !new.iter().any(|(other, _)| other == field));
    let names = new.iter().chain(gone).map(|(field, _)| *field);
    names.map(|name| (name, of(old, name), of(new, name))).filter(|(_, old, new)| old != new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const REAL: &str = include_str!("../../surveys/sales_3day.toml");

    fn read(text: &str) -> Arc<Definition> {
        Definition::from_toml("s.toml", text).unwrap_or_else(|mistakes| panic!("{mistakes}"))
    }

    fn changes(text: &str) -> Vec<String> {
        diff(&read(REAL), &read(text)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn comments_and_the_version_are_no_change() {
        assert_eq!(changes(&format!("# another comment\n{}", REAL.replace("version = 3", "version = 4"))), [""; 0]);
    }

    #[test]
    fn each_change_is_one_line_that_names_its_question() {
        let text = REAL
            .replace("at_most = 6", "at_most = 5")
            .replace("prompts = [\"sales.i3\"]", "prompts = [\"sales.i9\"]\nretries = 1")
            .replace("otherwise = \"third_party\"", "otherwise = \"suggestion\"");
        assert_eq!(
            changes(&text),
            [
                "~ unhappy: one_to_ten at most 6, 1 times  →  one_to_ten at most 5, 1 times",
                "~ i1, otherwise: third_party  →  suggestion",
                "~ i3, prompts: sales.i3  →  sales.i9",
                "~ i3, patience: 6 s for an answer, 1.5 s between keys, asked again 2 times  →  \
                 6 s for an answer, 1.5 s between keys, asked again 1 times",
            ]
        );
    }

    #[test]
    fn questions_come_go_and_move() {
        let text = REAL
            .replace("id = \"i8\"", "id = \"i9\"")
            .replace("\"i8\"]", "\"i9\"]")
            .replace("id = \"i2\"", "id = \"ix\"")
            .replace("id = \"i3\"", "id = \"i2\"")
            .replace("id = \"ix\"", "id = \"i3\"");
        let found = changes(&text);
        for line in [
            "~ order: i2 i3  →  i3 i2",
            "+ i9: scale one_to_ten, says sales.i8",
            "- i8: scale one_to_ten, says sales.i8",
            "~ i7, goto: i8  →  i9",
        ] {
            assert!(found.iter().any(|change| change == line), "{line}: {found:#?}");
        }
    }
}
