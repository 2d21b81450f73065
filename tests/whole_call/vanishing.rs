//! The callee falls off the earth and answers nothing any more: the engine ends by itself, keeps what it has, and calls nobody again on a guess.

use super::callee::Cue;
use super::house::{RTP_TIMEOUT, ms};
use super::world::{GONE, Weather, World};
use huifang::call::disposition::Retry;
use huifang::call::timeline::Moment;
use huifang::sim::persona::{Mind, Persona};
use std::time::Duration;

fn vanishes(persona: Persona, cue: Cue, after: Duration, weather: Weather) -> World {
    let number = "+8613900000000";
    let mind = Mind { suggests: true, corrects_advisor: None, ..Mind::of_persona(persona, number, 1) };
    let mut world = World::new(number, mind, 1, weather).vanishing(cue, after);
    world.run();
    world
}

/// None, and some.
const WEATHERS: [Weather; 2] =
    [Weather::PERFECT, Weather { sip_loss: 0.05, rtp_loss: 0.05, twice: 0.05, delay: (0, 60) }];

#[test]
fn in_the_middle_of_the_call_the_audio_times_out() {
    use Persona::*;
    for (persona, cue, disposition) in [
        (Satisfied, Cue::Hears("aftersales.greeting"), "break_off"),
        (Satisfied, Cue::Hears("aftersales.reason"), "break_off"),
        (Refuses, Cue::Hears("aftersales.retention"), "refusal"),
        (Satisfied, Cue::Hears("aftersales.q1"), "break_off"),
        (Satisfied, Cue::Hears("aftersales.q2"), "partial"),
        (Satisfied, Cue::Hears("suggestion.ask"), "complete"),
        (Unhappy, Cue::Hears("unhappy.apology"), "partial"),
        (Later, Cue::Hears("callback.booked"), "call_back"),
        (WrongNumber, Cue::Hears("closing.wrong_number"), "wrong_number"),
    ] {
        for weather in WEATHERS {
            let world = vanishes(persona, cue, ms(40), weather);
            assert_eq!(world.engine.disposition(), disposition, "{persona:?} {cue:?}");
            let gone = world.callee.gone_at.expect("it vanished");
            assert!(world.engine.endings[0].0 <= gone + GONE);
        }
    }
}

#[test]
fn a_statement_that_was_begun_is_kept() {
    let beep_and_speech = ms(1400);
    let world = vanishes(Persona::Unhappy, Cue::Hears("tone.beep"), beep_and_speech, Weather::PERFECT);
    assert_eq!(world.engine.disposition(), "partial");
    assert_eq!((world.engine.recordings, world.engine.complaints), (1, 1));
}

#[test]
fn right_after_picking_up_there_never_was_any_audio() {
    for weather in WEATHERS {
        let world = vanishes(Persona::Satisfied, Cue::PicksUp, ms(5), Weather { sip_loss: 0.0, ..weather });
        let heard = world.engine.moments.iter().any(|(_, moment)| *moment == Moment::FirstAudio);
        match world.engine.disposition().as_str() {
            "no_audio" => assert!(!heard),
            // the 200 itself was lost with its sender
            "no_answer" => assert!(world.engine.outcomes.is_empty()),
            other => assert!(heard && other == "break_off", "{other}"),
        }
        let (over, ending) = &world.engine.endings[0];
        assert!(*over <= world.callee.gone_at.expect("it vanished") + RTP_TIMEOUT + GONE);
        assert_ne!(ending.verdict.disposition.retry(), Retry::Never);
    }
}

#[test]
fn before_any_answer_nobody_knows_and_nobody_dials_again_by_himself() {
    for weather in WEATHERS {
        let world = vanishes(Persona::Satisfied, Cue::Invited, ms(0), weather);
        let (_, ending) = &world.engine.endings[0];
        assert!(!ending.never_left);
        assert_eq!(world.engine.disposition(), "unknown");
        assert_eq!(ending.verdict.disposition.retry(), Retry::Review);
    }
}

#[test]
fn while_it_rings_it_is_unknown_and_nobody_redials() {
    for weather in WEATHERS {
        let world = vanishes(Persona::Satisfied, Cue::Rings, ms(100), weather);
        assert_eq!(world.engine.disposition(), "unknown", "the CANCEL was never confirmed");
        assert!(world.engine.answers.is_empty());
    }
}
