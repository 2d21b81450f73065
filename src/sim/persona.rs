//! Who a simulated callee is: the persona of a called number, and what it has made up its mind to answer. Pure and reproducible: number and seed decide all.
//!
//! Personas are the demo's and the tests' customers. Nothing of the engine depends on them.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What kind of customer picks up, or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Persona {
    /// Answers everything, content.
    Satisfied,
    /// Dissatisfied over all: a complaint with a spoken statement, then the rest of the questions.
    Unhappy,
    /// Hangs up after a few answers.
    BreaksOff,
    /// Does not want to be asked, twice.
    Refuses,
    /// Asks for another time.
    Later,
    /// Is somebody else.
    WrongNumber,
    /// A family member who answers in the customer's place.
    Family,
    /// Busy: 486.
    Busy,
    /// Rings and rings.
    NoAnswer,
    /// No such number: 404.
    InvalidNumber,
    /// Picks up and never presses a key.
    Silent,
    /// Keys as soon as a question begins.
    KeysOverPrompt,
    /// Lets some prompts end, then takes its time.
    KeysLate,
    /// Presses a key that is no answer, then the right one.
    WrongThenRight,
    /// Refuses once, then is won over; will surely not come back.
    Persuaded,
    /// Asks for a person in the middle.
    AsksForPerson,
}

impl Persona {
    /// Every persona, in the order of the numbers.
    pub const ALL: [Persona; 16] = [
        Persona::Satisfied,
        Persona::Unhappy,
        Persona::BreaksOff,
        Persona::Refuses,
        Persona::Later,
        Persona::WrongNumber,
        Persona::Family,
        Persona::Busy,
        Persona::NoAnswer,
        Persona::InvalidNumber,
        Persona::Silent,
        Persona::KeysOverPrompt,
        Persona::KeysLate,
        Persona::WrongThenRight,
        Persona::Persuaded,
        Persona::AsksForPerson,
    ];

    /// The persona behind a called number: its digits, modulo the number of personas.
    pub fn of_number(number: &str) -> Persona {
        let digits = number.bytes().filter(u8::is_ascii_digit);
        let rest = digits.fold(0usize, |rest, digit| (rest * 10 + usize::from(digit - b'0')) % Persona::ALL.len());
        Persona::ALL[rest]
    }

    /// The name, as reports show it.
    pub fn as_str(self) -> &'static str {
        match self {
            Persona::Satisfied => "satisfied",
            Persona::Unhappy => "unhappy",
            Persona::BreaksOff => "breaks_off",
            Persona::Refuses => "refuses",
            Persona::Later => "later",
            Persona::WrongNumber => "wrong_number",
            Persona::Family => "family",
            Persona::Busy => "busy",
            Persona::NoAnswer => "no_answer",
            Persona::InvalidNumber => "invalid_number",
            Persona::Silent => "silent",
            Persona::KeysOverPrompt => "keys_over_prompt",
            Persona::KeysLate => "keys_late",
            Persona::WrongThenRight => "wrong_then_right",
            Persona::Persuaded => "persuaded",
            Persona::AsksForPerson => "asks_for_person",
        }
    }
}

/// What a callee has made up its mind to do, for one number and seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mind {
    /// Who it is.
    pub persona: Persona,
    /// How long the phone rings before it is picked up.
    pub rings: Duration,
    /// Keys for Q1 to Q9 (five-point, the last one repurchase intent).
    pub ratings: [char; 9],
    /// The choice among the call-back times.
    pub call_back: char,
    /// After how many ratings it breaks off, or asks for a person.
    pub stops_after: usize,
    /// Whether it has something to suggest.
    pub suggests: bool,
    /// Whether the advisor that the dealer has on record is the right one; if not, the staff number to key.
    pub corrects_advisor: Option<String>,
    /// Reaction times, one for each question in turn.
    pub reactions: Vec<Duration>,
    /// Takes the offer of a live agent.
    pub takes_agent: bool,
    /// Agrees that the call is recorded.
    pub agrees_to_record: bool,
}

impl Mind {
    /// Makes up the mind of the callee at `number`.
    pub fn new(number: &str, seed: u64) -> Mind {
        Mind::of_persona(Persona::of_number(number), number, seed)
    }

    /// Makes up the mind of a callee of a given persona.
    pub fn of_persona(persona: Persona, number: &str, seed: u64) -> Mind {
        let digits = number.bytes().filter(u8::is_ascii_digit);
        let own = digits.fold(seed, |mix, digit| mix.wrapping_mul(31).wrapping_add(u64::from(digit)));
        let mut rng = ChaCha8Rng::seed_from_u64(own);
        let mut ratings = std::array::from_fn(|_| char::from(b'1' + rng.random_range(0..3u8)));
        match persona {
            Persona::Unhappy => {
                ratings[0] = char::from(b'4' + rng.random_range(0..2u8));
                ratings[rng.random_range(1..8usize)] = '5';
            }
            Persona::Persuaded => ratings[8] = '5',
            _ => {}
        }
        let slow = if persona == Persona::KeysOverPrompt { 250..600 } else { 600..1600u64 };
        Mind {
            persona,
            rings: Duration::from_millis(rng.random_range(200..1500)),
            ratings,
            call_back: char::from(b'1' + rng.random_range(0..4u8)),
            stops_after: rng.random_range(2..6),
            suggests: rng.random_bool(0.5),
            corrects_advisor: rng.random_bool(0.25).then(|| format!("{:03}", rng.random_range(100..999u32))),
            reactions: (0..32).map(|_| Duration::from_millis(rng.random_range(slow.clone()))).collect(),
            takes_agent: rng.random_bool(0.75),
            agrees_to_record: rng.random_bool(0.5),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_and_seed_decide_everything() {
        assert_eq!(
            Mind::new("+8613900000016", 7),
            Mind::new("8613900000016", 7),
            "how the trunk writes it is no matter"
        );
        assert_eq!(Mind::new("+8613900000016", 7), Mind::new("+8613900000016", 7));
        assert_ne!(Mind::new("+8613900000016", 7), Mind::new("+8613900000016", 8));
    }

    #[test]
    fn sixteen_numbers_in_a_row_are_sixteen_personas() {
        let seen: std::collections::BTreeSet<_> =
            (0..16).map(|n| Persona::of_number(&format!("+86139000000{n:02}"))).collect();
        assert_eq!(seen.len(), Persona::ALL.len());
    }

    #[test]
    fn minds_fit_their_persona() {
        for n in 0..100 {
            let number = format!("+86139000000{n:02}");
            assert!(matches!(Mind::of_persona(Persona::Unhappy, &number, 1).ratings[0], '4' | '5'));
            assert_eq!(Mind::of_persona(Persona::Persuaded, &number, 1).ratings[8], '5');
            assert!(Mind::of_persona(Persona::Satisfied, &number, 1).ratings.iter().all(|r| ('1'..='3').contains(r)));
        }
    }
}
