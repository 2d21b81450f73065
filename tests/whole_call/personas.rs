//! Every persona, in good and in bad weather: what the engine keeps is what was keyed and meant.

use super::house::seeds;
use super::world::{Weather, World};
use huifang::sim::check::{Mismatch, compare};
use huifang::sim::persona::{Mind, Persona};
use std::collections::BTreeMap;

/// The call to the `n`th simulated number, whose persona is the `n`th.
fn call(n: u64, seed: u64, weather: Weather) -> World {
    let number = format!("+86139000000{n:02}");
    let mind = Mind::new(&number, seed);
    let mut world = World::new(&number, mind, seed, weather);
    world.run();
    world
}

fn mismatches(world: &World) -> Vec<Mismatch> {
    let stored = BTreeMap::from([(world.number().to_owned(), world.stored())]);
    compare(&[world.callee.report(world.number())], &stored)
}

#[test]
fn every_persona_is_understood_on_a_perfect_network() {
    for seed in seeds(3) {
        let mut personas = std::collections::BTreeSet::new();
        for n in 0..Persona::ALL.len() as u64 {
            let world = call(n, seed, Weather::PERFECT);
            assert_eq!(mismatches(&world), []);
            personas.insert(world.callee.mind.persona);
        }
        assert_eq!(personas.len(), Persona::ALL.len());
    }
}

#[test]
fn the_same_seed_is_the_same_call() {
    let weather = Weather { sip_loss: 0.2, rtp_loss: 0.05, twice: 0.1, delay: (0, 60) };
    let [first, second] = [1, 1].map(|n| call(n, 7, weather));
    assert_eq!(first.lines(), second.lines());
}

fn in_bad_weather(weather: Weather, count: u64) {
    for seed in seeds(count) {
        for n in 0..Persona::ALL.len() as u64 {
            let world = call(n, seed, weather);
            assert_eq!(mismatches(&world), []);
        }
    }
}

#[test]
fn light_loss_changes_no_answer() {
    in_bad_weather(Weather { sip_loss: 0.05, rtp_loss: 0.02, twice: 0.02, delay: (0, 60) }, 2);
}

#[test]
fn heavy_loss_changes_no_answer() {
    in_bad_weather(Weather { sip_loss: 0.2, rtp_loss: 0.05, twice: 0.2, delay: (0, 60) }, 2);
}
