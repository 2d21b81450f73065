//! Keys at every 20 ms around the edges of a question: each press counts once, for the question that is being asked when it arrives.

use super::callee::Line;
use super::house::{length, ms};
use super::world::{Weather, World};
use huifang::call::timeline::Moment;
use huifang::sim::brain::Deed;
use std::collections::BTreeSet;
use std::time::Duration;

fn press(prompt: &'static str, nth: u32, after: Duration, keys: &str) -> Line {
    Line { prompt, nth, after, deed: Deed::Keys(keys.into()) }
}

/// Comes to Q1 and then does `more`; hangs up when it has heard two seconds of `last`.
fn call(more: &[Line], last: &'static str, seed: u64, weather: Weather) -> World {
    let mut lines = vec![
        press("aftersales.greeting", 1, ms(60), "1"),
        press("aftersales.reason", 1, ms(60), "1"),
        press("advisor.ask", 1, ms(60), "1"),
        Line { prompt: last, nth: 1, after: ms(2000), deed: Deed::HangUp },
    ];
    lines.extend_from_slice(more);
    let mut world = World::scripted(lines, ms(300), seed, weather);
    world.run();
    world
}

/// Question and keys of the rated answers, by the timeline, each checked against the question that was asked last.
fn rated(world: &World) -> Vec<(String, String)> {
    let mut asked = String::new();
    let mut pressed = 0;
    let mut rated = Vec::new();
    for (_, moment) in &world.engine.moments {
        match moment {
            Moment::Asked { question } => asked.clone_from(question),
            Moment::Key { .. } => pressed += 1,
            Moment::Answer { question, keys, score, .. } => {
                assert_eq!(*question, asked, "an answer is to the question that was asked last");
                if score.is_some() {
                    rated.push((question.clone(), keys.clone()));
                }
            }
            _ => {}
        }
    }
    let sent: usize = world.lines().iter().filter(|line| line.contains("Keys(")).count();
    assert_eq!(pressed, sent, "every press arrived once");
    let kept: Vec<(String, String)> = world
        .engine
        .answers
        .iter()
        .filter(|(_, (_, score))| score.is_some())
        .map(|(q, (k, _))| (q.clone(), k.clone()))
        .collect();
    assert_eq!(rated, kept, "what the timeline says was kept");
    rated
}

fn answers(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(question, keys)| (question.to_string(), keys.to_string())).collect()
}

/// The weather of these tests: none, and one that tears a press apart.
const WEATHERS: [Weather; 2] =
    [Weather::PERFECT, Weather { sip_loss: 0.0, rtp_loss: 0.05, twice: 0.1, delay: (0, 60) }];

#[test]
fn around_the_start_of_a_question() {
    // the second key goes out behind the first one, which answers Q1: before, while and after Q2 begins
    for (seed, after) in (0..400).step_by(20).enumerate() {
        for weather in WEATHERS {
            let more = [press("aftersales.q1", 1, ms(1000), "2"), press("aftersales.q1", 1, ms(1000 + after), "3")];
            let world = call(&more, "aftersales.q3", seed as u64, weather);
            assert_eq!(rated(&world), answers(&[("q1", "2"), ("q2", "3")]), "{after} ms later");
        }
    }
}

#[test]
fn around_the_end_of_a_question() {
    let end = length("aftersales.q1") + length("scale.five_point");
    let mut silenced = BTreeSet::new();
    for (seed, offset) in (0..600).step_by(20).enumerate() {
        for weather in WEATHERS {
            let after = end - ms(300) + ms(offset);
            let world = call(&[press("aftersales.q1", 1, after, "2")], "aftersales.q2", seed as u64, weather);
            assert_eq!(rated(&world), answers(&[("q1", "2")]), "{offset} ms");
            // greeting, reason and advisor are three; the fourth end is that of Q1
            let mut ends = world.engine.moments.iter().filter_map(|(_, moment)| match moment {
                Moment::PromptsEnded { interrupted } => Some(*interrupted),
                _ => None,
            });
            silenced.insert(ends.nth(3).expect("Q1 was played"));
        }
    }
    assert_eq!(silenced, [false, true].into(), "both sides of the edge were seen");
}

#[test]
fn around_the_moment_in_which_a_question_is_asked_again_or_given_up() {
    let prompt = length("aftersales.q1") + length("scale.five_point");
    let wait = Duration::from_secs(6);
    let (mut seen, mut asked_again) = (BTreeSet::new(), BTreeSet::new());
    for (seed, offset) in (0..400).step_by(20).enumerate() {
        let after = prompt + wait - ms(200) + ms(offset);
        // asked for the first time, and then again
        let again = call(&[press("aftersales.q1", 1, after, "2")], "aftersales.q2", seed as u64, WEATHERS[0]);
        assert_eq!(rated(&again), answers(&[("q1", "2")]), "{offset} ms");
        asked_again.insert(again.engine.moments.iter().any(|(_, moment)| matches!(moment, Moment::Missed { .. })));
        // asked for the third time, and then Q2
        let last = call(&[press("aftersales.q1", 3, after, "2")], "aftersales.q3", seed as u64, WEATHERS[0]);
        let [(question, keys)] = &rated(&last)[..] else { panic!("counted once") };
        assert_eq!(keys, "2");
        seen.insert(question.clone());
    }
    assert_eq!(seen, ["q1", "q2"].map(str::to_owned).into(), "both sides of the edge were seen");
    assert_eq!(asked_again, [false, true].into(), "both sides of the edge were seen");
}

#[test]
fn around_what_is_said_between_two_questions() {
    // an unhappy Q1; the next key comes before, while and after the apology begins: it silences it and counts for no rating
    for (seed, after) in (0..400).step_by(20).enumerate() {
        let more = [press("aftersales.q1", 1, ms(500), "5"), press("aftersales.q1", 1, ms(500 + after), "3")];
        let world = call(&more, "aftersales.q2", seed as u64, WEATHERS[0]);
        assert_eq!(rated(&world), answers(&[("q1", "5")]), "{after} ms later");
        assert_eq!(world.engine.complaints, 1);
    }
}
