//! Messages that cross: both hang up at once, an answer meets its CANCEL. Both sides agree on what happened, and no call lives on.

use super::callee::{Final, Line};
use super::house::{length, ms, seeds};
use super::world::{Weather, World};
use huifang::sim::brain::Deed;
use huifang::sim::persona::{Mind, Persona};
use huifang::sip::session::{EndCause, Side};
use std::collections::BTreeSet;
use std::time::Duration;

/// Says that the number is wrong, and hangs up so long after the closing was heard to begin.
fn hangs_up_after(after: Duration, weather: Weather) -> World {
    let lines = vec![
        Line { prompt: "aftersales.greeting", nth: 1, after: ms(100), deed: Deed::Keys("3".into()) },
        Line { prompt: "closing.wrong_number", nth: 1, after, deed: Deed::HangUp },
    ];
    let mut world = World::scripted(lines, ms(300), 1, weather);
    world.run();
    assert_eq!(world.engine.disposition(), "wrong_number");
    world
}

#[test]
fn both_hang_up_in_the_same_moment() {
    let delay = 40;
    let mut ends = BTreeSet::new();
    // the callee hears the closing later than the engine plays it, and recognises it within some frames
    for step in 0..60 {
        let after = length("closing.wrong_number") - ms(300) + ms(10 * step);
        let world = hangs_up_after(after, Weather::steady(delay));
        let [Final::Ended(by, EndCause::Bye)] = world.callee.finals[..] else { panic!("{:?}", world.callee.finals) };
        let both = world.lines().iter().filter(|line| line.contains("-> BYE")).count();
        ends.insert((by == Side::Local, both));
    }
    let glare = (true, 2);
    assert_eq!(ends, BTreeSet::from([(true, 1), glare, (false, 1)]), "each way it can go was seen");
}

#[test]
fn both_hang_up_in_bad_weather() {
    for seed in seeds(6) {
        let weather = Weather { sip_loss: 0.2, rtp_loss: 0.0, twice: 0.2, delay: (0, 60) };
        for step in [0, 3, 6] {
            let after = length("closing.wrong_number") - ms(120) + ms(40 * step) + ms(seed);
            hangs_up_after(after, weather);
        }
    }
}

/// The engine gives up ringing after `gives_up`; the callee picks up `rings` after it began to ring.
fn rings(gives_up: Duration, rings: Duration, seed: u64, weather: Weather) -> World {
    let number = "+8613900000005";
    let mind = Mind { rings, ..Mind::of_persona(Persona::WrongNumber, number, seed) };
    let mut world = World::ringing(number, mind, seed, weather, gives_up);
    world.run();
    let (engine, callee) = (&world.engine, &world.callee);
    match engine.disposition().as_str() {
        "wrong_number" => assert!(callee.answered && callee.acked, "the engine talked to somebody"),
        "no_answer" => {
            assert!(engine.answers.is_empty() && engine.outcomes.is_empty());
            match (callee.answered, &callee.finals[..]) {
                // never rang at all, or gave up in time
                (false, [] | [Final::Canceled]) => {}
                // answered too late: acknowledged and hung up
                (true, [Final::Ended(Side::Remote, EndCause::Bye)]) => {}
                (_, finals) => panic!("no answer here, {finals:?} there"),
            }
        }
        other => panic!("{other}"),
    }
    world
}

#[test]
fn an_answer_that_crosses_the_cancel_leaves_no_ghost() {
    let delay = 30;
    let mut seen = BTreeSet::new();
    for step in 0..100 {
        let world = rings(Duration::from_secs(3), ms(2700 + 5 * step), 1, Weather::steady(delay));
        seen.insert((world.engine.disposition(), world.callee.answered));
    }
    let expected = [("no_answer", false), ("no_answer", true), ("wrong_number", true)];
    assert_eq!(seen, expected.map(|(text, answered)| (text.to_owned(), answered)).into());
}

#[test]
fn an_answer_that_crosses_the_cancel_in_bad_weather_leaves_no_ghost() {
    let weather = Weather { sip_loss: 0.2, rtp_loss: 0.05, twice: 0.2, delay: (0, 60) };
    for seed in seeds(6) {
        for step in 0..6 {
            rings(Duration::from_secs(3), ms(2850 + 30 * step), seed * 100 + step, weather);
        }
    }
}
