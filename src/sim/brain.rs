//! How a simulated callee behaves on the line: it hears which prompt begins, waits as long as its persona would, and presses keys, speaks or hangs up. Pure, in virtual time.
//!
//! It knows the prompts as a customer knows the language; it never sees the engine's survey or its state.

use super::agent;
use super::persona::{Mind, Persona};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Something the callee does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Presses these keys.
    Keys(String),
    /// Says something after a beep.
    Speak,
    /// Says something to an agent.
    Talk,
    /// Hangs up.
    HangUp,
}

/// Keys that were pressed, and whether they were meant as the answer (a slip is not).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keyed {
    /// The prompt that was heard when they were decided on.
    pub prompt: String,
    /// The keys.
    pub keys: String,
    /// Whether they were the answer.
    pub meant: bool,
}

struct Plan {
    at: Instant,
    deed: Deed,
    keyed: Option<Keyed>,
}

/// One callee on the line.
pub struct Brain {
    mind: Mind,
    /// How often each prompt was heard.
    heard: HashMap<String, u32>,
    questions: usize,
    plans: Vec<Plan>,
    keyed: Vec<Keyed>,
    spoke: bool,
    met_agent: bool,
    /// What the next beep is for.
    beep_for: Option<&'static str>,
}

/// How long a callee speaks after the beep before it presses `#`.
const SPEECH: Duration = Duration::from_millis(1800);
/// How much longer somebody who keys late waits: past the end of the longest scale.
const LATE: Duration = Duration::from_millis(8500);

impl Brain {
    /// A callee who has just picked up.
    pub fn new(mind: Mind) -> Brain {
        Brain {
            mind,
            heard: HashMap::new(),
            questions: 0,
            plans: Vec::new(),
            keyed: Vec::new(),
            spoke: false,
            met_agent: false,
            beep_for: None,
        }
    }

    /// Everything keyed so far.
    pub fn keyed(&self) -> &[Keyed] {
        &self.keyed
    }

    /// Whether it has spoken after a beep.
    pub fn spoke(&self) -> bool {
        self.spoke
    }

    /// Whether an agent's voice was heard.
    pub fn met_agent(&self) -> bool {
        self.met_agent
    }

    /// The prompt `id` begins in the ear.
    pub fn hears(&mut self, id: &str, now: Instant) {
        let times = {
            let times = self.heard.entry(id.to_owned()).or_insert(0);
            *times += 1;
            *times
        };
        if self.mind.persona == Persona::Silent {
            return;
        }
        match id {
            "suggestion.ask" | "unhappy.statement" | "advisor.note" => self.before_beep(id, now),
            "tone.beep" => self.after_beep(now),
            agent::VOICE if !self.met_agent => self.meet(now),
            _ => self.answer(id, times, now),
        }
    }

    /// The moment of the next deed.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.plans.iter().map(|plan| plan.at).min()
    }

    /// The next deed that is due at `now`.
    pub fn poll_deed(&mut self, now: Instant) -> Option<Deed> {
        let due = self.plans.iter().enumerate().filter(|(_, plan)| plan.at <= now).min_by_key(|(_, plan)| plan.at);
        let plan = self.plans.remove(due?.0);
        self.spoke |= plan.deed == Deed::Speak;
        self.keyed.extend(plan.keyed);
        Some(plan.deed)
    }

    fn before_beep(&mut self, id: &str, now: Instant) {
        match id {
            "suggestion.ask" if !self.mind.suggests => self.press(id, "#", true, now),
            "suggestion.ask" => self.beep_for = Some("suggestion.ask"),
            "unhappy.statement" => self.beep_for = Some("unhappy.statement"),
            _ => self.beep_for = Some("advisor.note"),
        }
    }

    fn after_beep(&mut self, now: Instant) {
        let Some(prompt) = self.beep_for.take() else { return };
        self.plans.push(Plan { at: now + Duration::from_millis(400), deed: Deed::Speak, keyed: None });
        let keyed = Keyed { prompt: prompt.to_owned(), keys: "#".into(), meant: true };
        self.plans.push(Plan { at: now + SPEECH, deed: Deed::Keys("#".into()), keyed: Some(keyed) });
    }

    /// An agent speaks: answers.
    fn meet(&mut self, now: Instant) {
        self.met_agent = true;
        self.plans.push(Plan { at: now + Duration::from_millis(700), deed: Deed::Talk, keyed: None });
    }

    fn answer(&mut self, id: &str, times: u32, now: Instant) {
        use Persona::*;
        let persona = self.mind.persona;
        let key = match (id, persona) {
            ("aftersales.greeting" | "resume.greeting", WrongNumber) => "3".to_owned(),
            ("aftersales.greeting" | "resume.greeting", Family) => "2".to_owned(),
            ("aftersales.greeting" | "resume.greeting", _) => "1".to_owned(),
            ("aftersales.reason" | "aftersales.reason_nodate", Refuses | Persuaded) => "3".to_owned(),
            ("aftersales.reason" | "aftersales.reason_nodate", Later) => "2".to_owned(),
            ("aftersales.reason" | "aftersales.reason_nodate", _) => "1".to_owned(),
            ("aftersales.retention", Refuses) => "2".to_owned(),
            ("aftersales.retention", _) => "1".to_owned(),
            ("recording.ask", _) => if self.mind.agrees_to_record { "1" } else { "2" }.to_owned(),
            ("agent.offer", _) => if self.mind.takes_agent { "1" } else { "2" }.to_owned(),
            ("callback.ask", _) => self.mind.call_back.to_string(),
            ("advisor.ask", _) if self.mind.corrects_advisor.is_some() => "2".to_owned(),
            ("advisor.ask", _) => "1".to_owned(),
            ("advisor.correct", _) => format!("{}#", self.mind.corrects_advisor.clone().unwrap_or_default()),
            _ => return self.rate(id, times, now),
        };
        self.press(id, &key, true, now);
    }

    fn rate(&mut self, id: &str, times: u32, now: Instant) {
        let Some(index) = question_index(id) else { return };
        match self.mind.persona {
            Persona::BreaksOff if index == self.mind.stops_after => {
                let at = now + self.reaction();
                self.plans.push(Plan { at, deed: Deed::HangUp, keyed: None });
            }
            Persona::AsksForPerson if index == self.mind.stops_after => self.press(id, "0", true, now),
            Persona::WrongThenRight if times == 1 && index.is_multiple_of(4) => self.press(id, "8", false, now),
            _ => {
                let key = self.mind.ratings[index].to_string();
                self.press(id, &key, true, now);
            }
        }
    }

    fn press(&mut self, prompt: &str, keys: &str, meant: bool, now: Instant) {
        let mut at = now + self.reaction();
        if self.mind.persona == Persona::KeysLate && matches!(prompt, "aftersales.q2" | "aftersales.q5") {
            at += LATE;
        }
        // A second thought replaces the first one: nobody presses for a question that has passed.
        self.plans.retain(|plan| plan.deed == Deed::HangUp);
        let keyed = Keyed { prompt: prompt.to_owned(), keys: keys.to_owned(), meant };
        self.plans.push(Plan { at, deed: Deed::Keys(keys.to_owned()), keyed: Some(keyed) });
    }

    fn reaction(&mut self) -> Duration {
        let reaction = self.mind.reactions[self.questions % self.mind.reactions.len()];
        self.questions += 1;
        reaction
    }
}

/// `aftersales.q1` … `aftersales.q9` → 0 … 8.
fn question_index(id: &str) -> Option<usize> {
    let number: usize = id.strip_prefix("aftersales.q")?.parse().ok()?;
    (1..=9).contains(&number).then(|| number - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays prompts to a brain, each one as soon as the last was answered, and gives what it did.
    fn deeds(persona: Persona, prompts: &[&str]) -> Vec<Deed> {
        let mut brain = Brain::new(Mind::of_persona(persona, "+8613900000001", 3));
        let mut now = Instant::now();
        let mut deeds = Vec::new();
        for prompt in prompts {
            brain.hears(prompt, now);
            while let Some(at) = brain.poll_timeout() {
                now = at;
                deeds.extend(brain.poll_deed(now));
            }
        }
        deeds
    }

    fn keys(text: &str) -> Deed {
        Deed::Keys(text.into())
    }

    #[test]
    fn personas_do_what_they_are() {
        use Persona::*;
        let start = ["aftersales.greeting", "identity.keys", "aftersales.reason", "consent.ask"];
        assert_eq!(deeds(WrongNumber, &start[..2]), [keys("3")]);
        assert_eq!(deeds(Family, &start), [keys("2"), keys("1")]);
        assert_eq!(deeds(Silent, &start), []);
        let refusing = [&start[..], &["aftersales.retention"]].concat();
        assert_eq!(deeds(Refuses, &refusing), [keys("1"), keys("3"), keys("2")]);
        assert_eq!(deeds(Persuaded, &refusing), [keys("1"), keys("3"), keys("1")]);
        let twice = ["aftersales.q1", "reprompt.invalid", "aftersales.q1"];
        assert_eq!(deeds(WrongThenRight, &twice)[0], keys("8"));
        assert_ne!(deeds(WrongThenRight, &twice)[1], keys("8"));
        assert_eq!(deeds(Unhappy, &["unhappy.statement", "tone.beep"]), [Deed::Speak, keys("#")]);
        let questions: Vec<String> = (1..=9).map(|n| format!("aftersales.q{n}")).collect();
        let questions: Vec<&str> = questions.iter().map(String::as_str).collect();
        assert_eq!(deeds(BreaksOff, &questions[..6]).iter().filter(|d| **d == Deed::HangUp).count(), 1);
        assert_eq!(deeds(AsksForPerson, &questions[..6]).iter().filter(|d| **d == keys("0")).count(), 1);
    }

    #[test]
    fn what_was_meant_is_told_from_a_slip() {
        let mut brain = Brain::new(Mind::of_persona(Persona::WrongThenRight, "+8613900000001", 3));
        let mut now = Instant::now();
        for _ in 0..2 {
            brain.hears("aftersales.q1", now);
            now = brain.poll_timeout().unwrap();
            brain.poll_deed(now).unwrap();
        }
        assert_eq!(brain.keyed().iter().map(|k| k.meant).collect::<Vec<_>>(), [false, true]);
    }
}
