//! Who the customers of the simulated night are: by which share phones are picked up at which hour, by whom, and how fast they key. Pure: read from TOML, drawn by a generator that is an argument.
//!
//! The figures of `population/default.toml` are assumptions, and say so.

use crate::sim::persona::{Mind, Persona};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The built-in model.
pub const DEFAULT: &str = include_str!("../../../population/default.toml");

/// What a phone does when it is called.
#[derive(Clone, Debug)]
pub enum Phone {
    /// Answers with this status.
    Refuses(u16),
    /// Rings on.
    Silent,
    /// A person picks up.
    PickedUp {
        /// After so long.
        rings: Duration,
        /// Who.
        mind: Arc<Mind>,
    },
    /// A machine picks up.
    Machine {
        /// After so long.
        rings: Duration,
    },
}

/// Why a model cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{origin}: {what}")]
pub struct BadPopulation {
    origin: String,
    what: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    reached: BTreeMap<String, f64>,
    unreached: Unreached,
    numbers: Numbers,
    people: BTreeMap<Persona, f64>,
    times: Times,
    agents: AgentTimes,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unreached {
    busy: f64,
    declined: f64,
    unreachable: f64,
    machine: f64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Numbers {
    invalid: f64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Times {
    rings_s: [u64; 2],
    reaction_ms: [u64; 2],
}

/// How agents take calls.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentTimes {
    /// Seconds that the page rings.
    pub rings_s: u64,
    /// Seconds of a talk.
    pub talk_s: u64,
}

/// A model.
#[derive(Clone, Debug)]
pub struct Population {
    reached: [f64; 24],
    unreached: Unreached,
    numbers: Numbers,
    people: Vec<(Persona, f64)>,
    times: Times,
    /// The agents.
    pub agents: AgentTimes,
}

/// What one customer is, over all calls of a night.
#[derive(Clone, Debug)]
pub enum Customer {
    /// The number does not exist.
    Invalid,
    /// This one, when reached.
    Person(Arc<Mind>),
    /// The simulated callee that `sim::callee` plays at this number, at every call the same.
    Callee(Arc<Mind>),
}

impl Customer {
    /// Who picks up in the demo.
    pub fn callee(number: &str, seed: u64) -> Customer {
        Customer::Callee(Arc::new(Mind::new(number, seed)))
    }
}

/// As `sim::callee` answers.
fn callee(mind: &Arc<Mind>) -> Phone {
    match mind.persona {
        Persona::Busy => Phone::Refuses(486),
        Persona::InvalidNumber => Phone::Refuses(404),
        Persona::NoAnswer => Phone::Silent,
        _ => Phone::PickedUp { rings: mind.rings, mind: mind.clone() },
    }
}

impl Population {
    /// Reads a model; `origin` names it in errors.
    pub fn parse(origin: &str, text: &str) -> Result<Population, BadPopulation> {
        let bad = |what: String| BadPopulation { origin: origin.to_owned(), what };
        let raw: Raw = toml::from_str(text).map_err(|error| bad(error.to_string().trim().replace('\n', " ")))?;
        let Unreached { busy, declined, unreachable, machine } = raw.unreached;
        let shares = [
            ("unreached.busy", busy),
            ("unreached.declined", declined),
            ("unreached.unreachable", unreachable),
            ("unreached.machine", machine),
            ("unreached, all together", busy + declined + unreachable + machine),
            ("numbers.invalid", raw.numbers.invalid),
        ];
        let hours = raw.reached.values().map(|share| ("reached", *share));
        if let Some((key, share)) = shares.into_iter().chain(hours).find(|(_, share)| !(0.0..=1.0).contains(share)) {
            return Err(bad(format!("{key}: {share} is no share (0 to 1)")));
        }
        let never_up = [Persona::Busy, Persona::NoAnswer, Persona::InvalidNumber];
        if let Some(persona) = never_up.iter().find(|persona| raw.people.contains_key(persona)) {
            return Err(bad(format!("people.{}: does not pick up; see [unreached] and [numbers]", persona.as_str())));
        }
        let sum: f64 = raw.people.values().sum();
        if raw.people.values().any(|share| *share < 0.0) || sum <= 0.0 || !sum.is_finite() {
            return Err(bad("people: shares from 0 on are wanted, and not all 0".to_owned()));
        }
        for (key, [least, most]) in [("rings_s", raw.times.rings_s), ("reaction_ms", raw.times.reaction_ms)] {
            if least > most || most > 3_600_000 {
                return Err(bad(format!("times.{key}: the least and the most are wanted, in this order")));
            }
        }
        Ok(Population {
            reached: by_hour(&raw.reached).map_err(bad)?,
            unreached: raw.unreached,
            numbers: raw.numbers,
            people: raw.people.into_iter().map(|(persona, share)| (persona, share / sum)).collect(),
            times: raw.times,
            agents: raw.agents,
        })
    }

    /// Who is at `number`.
    pub fn customer(&self, number: &str, seed: u64, rng: &mut ChaCha8Rng) -> Customer {
        if rng.random_bool(self.numbers.invalid) {
            return Customer::Invalid;
        }
        let mut rest = rng.random::<f64>();
        let drawn = self.people.iter().find(|(_, share)| {
            rest -= share;
            rest < 0.0
        });
        let persona = drawn.or(self.people.last()).map_or(Persona::Satisfied, |(persona, _)| *persona);
        let mut mind = Mind::of_persona(persona, number, seed);
        let [least, most] = self.times.reaction_ms;
        for reaction in &mut mind.reactions {
            *reaction = Duration::from_millis(rng.random_range(least..=most));
        }
        Customer::Person(Arc::new(mind))
    }

    /// What the phone of a customer does at this local hour.
    pub fn phone(&self, customer: &Customer, hour: u32, rng: &mut ChaCha8Rng) -> Phone {
        let mind = match customer {
            Customer::Invalid => return Phone::Refuses(404),
            Customer::Callee(mind) => return callee(mind),
            Customer::Person(mind) => mind,
        };
        let [least, most] = self.times.rings_s;
        let rings = Duration::from_millis(rng.random_range(least * 1000..=most * 1000));
        let reached = self.reached.get(hour as usize).copied().unwrap_or_default();
        if rng.random_bool(reached) {
            return Phone::PickedUp { rings, mind: mind.clone() };
        }
        let Unreached { busy, declined, unreachable, machine } = self.unreached;
        let draw = rng.random::<f64>();
        match draw {
            _ if draw < busy => Phone::Refuses(486),
            _ if draw < busy + declined => Phone::Refuses(603),
            _ if draw < busy + declined + unreachable => Phone::Refuses(480),
            _ if draw < busy + declined + unreachable + machine => Phone::Machine { rings },
            _ => Phone::Silent,
        }
    }
}

fn by_hour(reached: &BTreeMap<String, f64>) -> Result<[f64; 24], String> {
    let mut hours = [None; 24];
    for (hour, share) in reached {
        let place = hour.parse::<usize>().ok().and_then(|hour| hours.get_mut(hour));
        *place.ok_or_else(|| format!("reached: `{hour}` is no hour (0 to 23)"))? = Some(*share);
    }
    if hours[0].is_none() {
        return Err("reached: the hour \"0\" is wanted".to_owned());
    }
    let mut last = 0.0;
    Ok(hours.map(|share| {
        last = share.unwrap_or(last);
        last
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn mistakes_are_named() {
        for (from, to, named) in [
            ("busy = 0.15", "busy = 1.5", "unreached.busy"),
            ("\"0\" = 0.05", "\"24\" = 0.05", "`24` is no hour"),
            ("satisfied = 0.50", "busy = 0.50", "people.busy"),
            ("satisfied = 0.50", "happy = 0.50", "happy"),
            ("rings_s = [3, 20]", "rings_s = [20, 3]", "times.rings_s"),
            ("invalid = 0.02", "invalid = 0.02\nwrong = 1", "wrong"),
        ] {
            let error = Population::parse("mine.toml", &DEFAULT.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.starts_with("mine.toml: ") && error.contains(named), "{error}");
        }
    }

    #[test]
    fn shares_are_what_is_drawn() {
        let model = Population::parse("default", DEFAULT).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let person = Customer::Person(Arc::new(Mind::of_persona(Persona::Satisfied, "+8613900000001", 1)));
        let draws = 20_000;
        let up = |hour, rng: &mut ChaCha8Rng| {
            (0..draws).filter(|_| matches!(model.phone(&person, hour, rng), Phone::PickedUp { .. })).count() as f64
                / f64::from(draws)
        };
        assert!((up(11, &mut rng) - 0.42).abs() < 0.02, "11 has the share of 10");
        assert!((up(3, &mut rng) - 0.05).abs() < 0.01);
        let invalid = (0..draws).filter(|_| matches!(model.customer("+86139", 1, &mut rng), Customer::Invalid)).count();
        assert!((300..500).contains(&invalid), "{invalid}");
    }
}
