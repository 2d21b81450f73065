//! Compares what simulated callees keyed with what the engine stored about them. Pure; the tables here are domain.md's, written down a second time on purpose:
//! a mistake in the survey file or in its scales must show as a difference.

use super::callee::CallReport;
use super::persona::Persona;
use std::collections::{BTreeMap, BTreeSet};

/// What the store says about one customer, by called number.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    /// Disposition of each attempt, in order.
    pub dispositions: Vec<String>,
    /// Question → (keys, score).
    pub answers: BTreeMap<String, (String, Option<i32>)>,
    /// Whether there is a complaint.
    pub complaint: bool,
    /// How many recordings there are of what was said.
    pub recordings: usize,
    /// How many whole calls are on record.
    pub on_record: usize,
    /// How many hand-overs came to a talk.
    pub talks: usize,
}

/// One difference, as a sentence without the number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch(pub String);

/// Every difference between the callees' reports and the store. `digits` of a number decide who is who.
pub fn compare(reports: &[CallReport], stored: &BTreeMap<String, Stored>) -> Vec<Mismatch> {
    let mut found = Vec::new();
    let mut called = BTreeSet::new();
    let by_digits: BTreeMap<String, &Stored> = stored.iter().map(|(number, stored)| (digits(number), stored)).collect();
    for report in reports {
        let key = digits(&report.number);
        let who = format!("{} …{}", report.persona.as_str(), key.get(key.len().saturating_sub(2)..).unwrap_or(""));
        if !called.insert(key.clone()) {
            found.push(Mismatch(format!("{who}: was called twice")));
            continue;
        }
        match by_digits.get(&key) {
            Some(stored) => compare_one(&who, report, stored, &mut found),
            None => found.push(Mismatch(format!("{who}: was called, but nothing is stored"))),
        }
    }
    for (number, stored) in stored {
        if !called.contains(&digits(number)) && !stored.dispositions.is_empty() {
            found.push(Mismatch(format!(
                "{} attempts are stored for somebody whose phone never rang",
                stored.dispositions.len()
            )));
        } else if !called.contains(&digits(number)) {
            found.push(Mismatch("somebody on the list was never called".into()));
        }
    }
    found
}

fn digits(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}

fn compare_one(who: &str, report: &CallReport, stored: &Stored, found: &mut Vec<Mismatch>) {
    let mut differ = |text: String| found.push(Mismatch(format!("{who}: {text}")));
    let disposition = expected_disposition(report.persona);
    // the talk with an agent ends the call, whatever was still to be asked
    let disposition = match report.persona {
        Persona::Unhappy if report.met_agent => "partial",
        _ => disposition,
    };
    if stored.dispositions != [disposition] {
        differ(format!("{disposition} was expected once, {:?} is stored", stored.dispositions));
    }
    let expected = expected_answers(report);
    for (question, answer) in &expected {
        match stored.answers.get(question) {
            Some(kept) if kept == answer => {}
            Some(kept) => differ(format!("{question}: keyed {answer:?}, stored {kept:?}")),
            None => differ(format!("{question}: keyed {answer:?}, nothing is stored")),
        }
    }
    for (question, kept) in stored.answers.iter().filter(|(question, _)| is_keyed(question)) {
        if !expected.contains_key(question) {
            differ(format!("{question}: stored {kept:?}, but nothing was keyed"));
        }
    }
    let complaint = matches!(report.persona, Persona::Unhappy | Persona::Persuaded | Persona::AsksForPerson);
    if stored.complaint != complaint {
        differ(format!("complaint expected: {complaint}, stored: {}", stored.complaint));
    }
    if report.met_agent != (stored.talks > 0) {
        differ(format!("heard an agent: {}, talks stored: {}", report.met_agent, stored.talks));
    }
    let agreed = report.keyed.iter().filter(|keyed| keyed.prompt == "recording.ask" && keyed.keys == "1").count();
    if agreed != stored.on_record {
        differ(format!("agreed to be recorded: {agreed}, calls on record: {}", stored.on_record));
    }
    if report.spoke != (stored.recordings > 0) {
        differ(format!("spoke: {}, recordings stored: {}", report.spoke, stored.recordings));
    }
}

/// What an attempt at this persona comes to.
fn expected_disposition(persona: Persona) -> &'static str {
    match persona {
        Persona::Satisfied
        | Persona::Unhappy
        | Persona::Family
        | Persona::KeysOverPrompt
        | Persona::KeysLate
        | Persona::WrongThenRight
        | Persona::Persuaded => "complete",
        Persona::BreaksOff | Persona::AsksForPerson => "partial",
        Persona::Refuses => "refusal",
        Persona::Later => "call_back",
        Persona::WrongNumber => "wrong_number",
        Persona::Busy => "busy",
        Persona::NoAnswer => "no_answer",
        Persona::InvalidNumber => "invalid_number",
        Persona::Silent => "no_input",
    }
}

/// Question → (keys, score) as the callee meant them; the last meant keys count.
fn expected_answers(report: &CallReport) -> BTreeMap<String, (String, Option<i32>)> {
    let meant = report.keyed.iter().filter(|keyed| keyed.meant && keyed.keys != "0");
    meant
        .filter_map(|keyed| {
            let question = question_of(&keyed.prompt)?;
            let keys = keyed.keys.trim_end_matches('#').to_owned();
            let score = score_of(&question, &keys);
            Some((question, (keys, score)))
        })
        .collect()
}

/// The question that a prompt asks.
fn question_of(prompt: &str) -> Option<String> {
    Some(match prompt {
        "aftersales.greeting" | "resume.greeting" => "identity".into(),
        "aftersales.reason" | "aftersales.reason_nodate" => "consent".into(),
        "aftersales.retention" => "retention".into(),
        "recording.ask" => "call_recording".into(),
        "callback.ask" => "callback".into(),
        "agent.offer" => "unhappy_agent".into(),
        "advisor.ask" => "advisor".into(),
        "advisor.correct" => "advisor_number_keyed".into(),
        _ => prompt.strip_prefix("aftersales.").filter(|q| q.starts_with('q'))?.to_owned(),
    })
}

/// Whether a stored answer comes from keys (and not from a recording).
fn is_keyed(question: &str) -> bool {
    let named = [
        "unhappy_agent",
        "identity",
        "consent",
        "call_recording",
        "retention",
        "callback",
        "advisor",
        "advisor_number_keyed",
    ];
    named.contains(&question) || (question.starts_with('q') && question[1..].bytes().all(|b| b.is_ascii_digit()))
}

/// domain.md: Q1–Q8 five-point 12/8/4/0/−4, Q9 repurchase intent 1–5.
fn score_of(question: &str, keys: &str) -> Option<i32> {
    let key: i32 = keys.parse().ok()?;
    match question {
        "q9" => Some(key),
        _ if question.starts_with('q') => Some(16 - 4 * key),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::brain::Keyed;

    fn report(persona: Persona, keyed: &[(&str, &str)]) -> CallReport {
        let keyed = keyed.iter().map(|(p, k)| Keyed { prompt: p.to_string(), keys: k.to_string(), meant: true });
        CallReport {
            number: "+8613900000001".into(),
            persona,
            answered: true,
            keyed: keyed.collect(),
            spoke: false,
            met_agent: false,
        }
    }

    fn stored(disposition: &str, answers: &[(&str, &str, Option<i32>)]) -> BTreeMap<String, Stored> {
        let answers = answers.iter().map(|(q, k, s)| (q.to_string(), (k.to_string(), *s))).collect();
        let stored = Stored { dispositions: vec![disposition.into()], answers, ..Stored::default() };
        BTreeMap::from([("8613900000001".to_owned(), stored)])
    }

    #[test]
    fn the_same_is_no_difference() {
        let report = report(
            Persona::Refuses,
            &[("aftersales.greeting", "1"), ("aftersales.reason", "3"), ("aftersales.retention", "2")],
        );
        let stored = stored("refusal", &[("identity", "1", None), ("consent", "3", None), ("retention", "2", None)]);
        assert_eq!(compare(&[report], &stored), []);
    }

    #[test]
    fn each_kind_of_difference_is_seen() {
        let keyed = [("aftersales.q1", "1"), ("aftersales.q9", "2")];
        let right = [("q1", "1", Some(12)), ("q9", "2", Some(2))];
        let count = |reports: &[CallReport], stored: &BTreeMap<String, Stored>| compare(reports, stored).len();
        let satisfied = report(Persona::Satisfied, &keyed);
        assert_eq!(count(std::slice::from_ref(&satisfied), &stored("complete", &right)), 0);
        assert_eq!(count(std::slice::from_ref(&satisfied), &stored("partial", &right)), 1);
        assert_eq!(count(std::slice::from_ref(&satisfied), &stored("complete", &right[..1])), 1);
        assert_eq!(count(std::slice::from_ref(&satisfied), &stored("complete", &[("q1", "1", Some(8)), right[1]])), 1);
        assert_eq!(
            count(std::slice::from_ref(&satisfied), &stored("complete", &[right[0], right[1], ("q2", "1", Some(12))])),
            1
        );
        assert_eq!(count(&[satisfied.clone(), satisfied.clone()], &stored("complete", &right)), 1, "called twice");
        assert_eq!(count(&[], &stored("complete", &right)), 1, "stored, but the phone never rang");
        assert_eq!(count(&[satisfied], &BTreeMap::new()), 1, "nothing stored");
    }
}
