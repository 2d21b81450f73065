//! Whatever may happen to a call, at any moment: bad weather, a callee that hangs up or vanishes, an engine that is stopped.
//!
//! Nothing is kept that was not keyed and meant; the verdict fits what was kept; both sides end.

use super::callee::Cue;
use super::house::{ms, seeds};
use super::world::{Weather, World};
use huifang::sim::check::{Mismatch, compare};
use huifang::sim::persona::{Mind, Persona};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::BTreeMap;

fn call(seed: u64) -> World {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let number = format!("+8613900{seed:06}");
    let persona = Persona::ALL[rng.random_range(0..Persona::ALL.len())];
    let mind = Mind::of_persona(persona, &number, seed);
    let weather = Weather {
        sip_loss: rng.random_range(0.0..0.3),
        rtp_loss: rng.random_range(0.0..0.05),
        twice: rng.random_range(0.0..0.3),
        delay: (0, rng.random_range(0..60)),
    };
    let at = ms(rng.random_range(0..40_000));
    let world = World::ringing(&number, mind, seed, weather, ms(rng.random_range(500..3000)));
    match rng.random_range(0..5) {
        0 => world.vanishing(Cue::PicksUp, at),
        1 => world.vanishing(Cue::Rings, ms(rng.random_range(0..4000))),
        2 => world.stopping(at),
        3 => world.stopping(ms(rng.random_range(0..4000))),
        _ => world.hanging_up(at),
    }
}

/// Differences that are none when a call may break off anywhere: what was keyed, but did not arrive any more, and what follows from that.
fn may_be(mismatch: &Mismatch) -> bool {
    let Mismatch(text) = mismatch;
    text.ends_with("nothing is stored")
        || ["was expected once", "complaint expected: true", "spoke: true"].iter().any(|part| text.contains(part))
}

/// The one question with an entry of several keys.
const DIGITS: &str = "advisor_number_keyed";

/// Whoever vanishes within an entry of several keys leaves its beginning: the pause between two keys ends it, long before anybody can know that he is gone.
fn cut_short(world: &World) -> bool {
    let keyed = world.callee.report(world.number()).keyed;
    let meant = keyed.iter().rfind(|keyed| keyed.prompt == "advisor.correct");
    let kept = world.engine.answers.get(DIGITS);
    let begins = meant.zip(kept).is_some_and(|(meant, (keys, _))| !keys.is_empty() && meant.keys.starts_with(keys));
    world.callee.gone_at.is_some() && begins
}

#[test]
fn nothing_is_kept_that_was_not_keyed_and_meant() {
    let mut dispositions = BTreeMap::<String, usize>::new();
    for seed in 0..seeds(4).end * 16 {
        let mut world = call(seed);
        world.run();
        let stored = world.stored();
        let report = world.callee.report(world.number());
        let found = compare(&[report], &BTreeMap::from([(world.number().to_owned(), stored.clone())]));
        let cut = cut_short(&world);
        let wrong = found.iter().filter(|mismatch| !(may_be(mismatch) || cut && mismatch.0.contains(DIGITS)));
        let wrong: Vec<_> = wrong.collect();
        assert!(wrong.is_empty(), "{wrong:?}");

        let disposition = world.engine.disposition();
        let rated = stored.answers.values().filter(|(_, score)| score.is_some()).count();
        assert_eq!(disposition == "complete", rated == 9, "{disposition} with {rated} ratings");
        assert!(
            rated == 0 || ["partial", "complete"].contains(&disposition.as_str()),
            "{disposition}, {rated} ratings"
        );
        let (_, ending) = &world.engine.endings[0];
        assert_eq!(
            ending.outcome,
            world.engine.outcomes.first().copied(),
            "what was written before the hang-up stands"
        );
        assert!(world.callee.answered || stored.answers.is_empty());
        *dispositions.entry(disposition).or_default() += 1;
    }
    println!("{dispositions:?}");
}
