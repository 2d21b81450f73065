//! Conditions of survey files: `plate_tail`, `!statement`, `identity=family`, `q1>=10`.
//!
//! A comparison with a question that was not answered does not hold, except `!=`.

use crate::survey::speech::Slot;

/// Something that holds or not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Condition {
    /// What is looked at.
    pub test: Test,
    /// Written with `!` in front.
    pub negated: bool,
}

impl Condition {
    /// Whether it holds by the answers alone; a condition that asks for a fact of the call does not (the compiler refuses it where only answers are known).
    pub fn holds_by_answers<'a>(&self, given: &impl Fn(usize) -> Option<(&'a str, Option<i32>)>) -> bool {
        match &self.test {
            Test::Answer { step, comparison, value } => comparison.holds(given(*step), value) != self.negated,
            Test::Fact(_) => false,
        }
    }
}

/// What a condition looks at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Test {
    /// A fact of the call.
    Fact(Fact),
    /// An answer.
    Answer {
        /// The step, by its place in the definition.
        step: usize,
        /// How to compare.
        comparison: Comparison,
        /// With what: an option's value, a scale point's label, or a score.
        value: String,
    },
}

/// A fact of the call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fact {
    /// The slot can be spoken.
    Slot(Slot),
    /// A family member answers.
    Family,
    /// A complaint was raised in this call.
    Complaint,
    /// The customer's statement was asked for in this call.
    Statement,
    /// An earlier attempt broke off after the customer had agreed: the call goes on where it stopped.
    Resumed,
    /// Every answer that makes the survey complete is there.
    Complete,
    /// A lead was noted in this call.
    Lead,
    /// The dealer wants whole calls on record (`media.record_calls`).
    RecordCalls,
}

/// How an answer is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`, by score
    Less,
    /// `<=`, by score
    AtMost,
    /// `>`, by score
    More,
    /// `>=`, by score
    AtLeast,
}

impl Comparison {
    /// Compares by score, so that only scale questions have it.
    pub fn is_by_score(self) -> bool {
        !matches!(self, Comparison::Equal | Comparison::NotEqual)
    }

    /// Whether an answer (its value and score), if it was given, compares so with `value`.
    pub fn holds(self, given: Option<(&str, Option<i32>)>, value: &str) -> bool {
        let Some((answer, score)) = given else { return self == Comparison::NotEqual };
        let scores = score.zip(value.parse::<i32>().ok());
        let by_score = |compare: fn(&i32, &i32) -> bool| scores.is_some_and(|(score, limit)| compare(&score, &limit));
        let equal = answer == value || by_score(i32::eq);
        match self {
            Comparison::Equal => equal,
            Comparison::NotEqual => !equal,
            Comparison::Less => by_score(i32::lt),
            Comparison::AtMost => by_score(i32::le),
            Comparison::More => by_score(i32::gt),
            Comparison::AtLeast => by_score(i32::ge),
        }
    }
}

impl Fact {
    /// The fact of this name.
    pub fn by_name(name: &str) -> Option<Fact> {
        match name {
            "family" => Some(Fact::Family),
            "complaint" => Some(Fact::Complaint),
            "statement" => Some(Fact::Statement),
            "resumed" => Some(Fact::Resumed),
            "complete" => Some(Fact::Complete),
            "lead" => Some(Fact::Lead),
            "record_calls" => Some(Fact::RecordCalls),
            slot => Slot::by_name(slot).map(Fact::Slot),
        }
    }
}

/// A condition as it is written, before the step's name is looked up.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Written<'a> {
    Fact { name: &'a str, negated: bool },
    Answer { step: &'a str, comparison: Comparison, value: &'a str },
}

/// Takes the text of a condition apart.
pub(super) fn parse(text: &str) -> Written<'_> {
    let operators = [
        ("!=", Comparison::NotEqual),
        ("<=", Comparison::AtMost),
        (">=", Comparison::AtLeast),
        ("=", Comparison::Equal),
        ("<", Comparison::Less),
        (">", Comparison::More),
    ];
    for (sign, comparison) in operators {
        if let Some((step, value)) = text.split_once(sign) {
            return Written::Answer { step: step.trim(), comparison, value: value.trim() };
        }
    }
    match text.trim().strip_prefix('!') {
        Some(name) => Written::Fact { name: name.trim(), negated: true },
        None => Written::Fact { name: text.trim(), negated: false },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_come_apart() {
        for (text, want) in [
            ("plate_tail", Written::Fact { name: "plate_tail", negated: false }),
            ("! statement", Written::Fact { name: "statement", negated: true }),
            ("identity=family", Written::Answer { step: "identity", comparison: Comparison::Equal, value: "family" }),
            ("q1 >= 10", Written::Answer { step: "q1", comparison: Comparison::AtLeast, value: "10" }),
            ("q1!=10", Written::Answer { step: "q1", comparison: Comparison::NotEqual, value: "10" }),
            ("q1<10", Written::Answer { step: "q1", comparison: Comparison::Less, value: "10" }),
        ] {
            assert_eq!(parse(text), want, "{text}");
        }
    }
}
