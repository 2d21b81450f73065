//! Whole nights by hand: window, caps, places, agents, seeds; and the simulated customers of the demo, judged by the demo's own table.

use super::call::Shared;
use super::desk::Work;
use super::figures::{Band, Night, bands};
use super::population::{Customer, DEFAULT, Population};
use super::run::{FollowUp, House, Span, run, run_seen, standing};
use crate::call::handover::Patience;
use crate::config;
use crate::dialer::policy::{Manners, country};
use crate::net::prompt_files;
use crate::phone::{E164, Pii};
use crate::sim::callee::CallReport;
use crate::sim::check::{Stored, compare};
use crate::sim::persona::{Mind, Persona};
use crate::survey::definition::Definition;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SEED: u64 = 7;

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn house(dialer: config::Dialer, calls: u32, agents: u32) -> House {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("surveys/aftersales_3day.toml");
    let definition = Definition::from_toml("survey", &std::fs::read_to_string(path).unwrap()).unwrap();
    let dialer = config::Dialer { allow: vec!["+86".into()], ..dialer };
    let trunk = config::Trunk { max_calls: calls, calls_per_second: 5.0, ..config::Trunk::default() };
    let patience = Patience {
        ring: Duration::from_secs(20),
        accept: Duration::from_secs(10),
        hold: Duration::from_secs(60),
        tries: 3,
    };
    let work = Work {
        agents,
        rings: Duration::from_secs(5),
        talk: Duration::from_secs(120),
        wrap_up: Duration::from_secs(60),
    };
    House {
        manners: Manners::new(&dialer, &country::packs(&[]).unwrap()),
        dialer,
        trunks: vec![standing("one", &trunk)],
        zone: chrono_tz::Asia::Shanghai,
        work,
        record_calls: true,
        shared: Arc::new(Shared {
            prompts: Arc::new(prompt_files::load(&root.join("prompts")).unwrap()),
            definition,
            patience: (agents > 0).then_some(patience),
        }),
        population: Population::parse("default", DEFAULT).unwrap(),
    }
}

/// A Monday from nine on.
fn span(hours: i64) -> Span {
    let from = utc("2026-11-23T01:00:00Z");
    Span { from, until: from + TimeDelta::hours(hours), epoch: Instant::now() }
}

fn list(count: usize) -> Vec<FollowUp> {
    let row = |n| FollowUp {
        number: E164::from_stored(&format!("+86139000{n:05}")).unwrap(),
        zone: chrono_tz::Asia::Shanghai,
        language: "zh-CN".into(),
        event_on: NaiveDate::from_ymd_opt(2026, 11, 22).unwrap(),
        plate: Some(Pii::new("沪A12386".into())),
        advisor_number: Some("208".into()),
        due_at: utc("2026-11-23T00:00:00Z"),
        deadline: utc("2026-11-25T12:00:00Z"),
    };
    (0..count).map(row).collect()
}

fn night_of(house: &House, count: usize, hours: i64, seed: u64) -> Night {
    let (list, mut rng) = (list(count), ChaCha8Rng::seed_from_u64(seed));
    let customers: Vec<Customer> =
        list.iter().map(|row| house.population.customer(row.number.as_str(), seed, &mut rng)).collect();
    run(house, &list, &customers, span(hours), &mut rng)
}

#[test]
fn the_window_closes_and_nothing_is_dialled_after_it() {
    let window = config::Window { close: chrono::NaiveTime::from_hms_opt(10, 0, 0).unwrap(), ..Default::default() };
    let house = house(config::Dialer { window, ..Default::default() }, 2, 0);
    let night = night_of(&house, 300, 15, SEED);
    let began: u32 = night.steps.iter().skip(4).map(|step| step.began).sum();
    assert!(night.attempts > 10 && night.left > 0, "{} {}", night.attempts, night.left);
    assert_eq!(began, 0, "after ten o'clock");
}

#[test]
fn places_and_caps_are_never_exceeded() {
    let house = house(config::Dialer { max_attempts_a_day: 2, ..Default::default() }, 3, 0);
    let (list, mut rng) = (list(120), ChaCha8Rng::seed_from_u64(SEED));
    let customers: Vec<Customer> =
        list.iter().map(|row| house.population.customer(row.number.as_str(), SEED, &mut rng)).collect();
    let mut calls: BTreeMap<usize, u32> = BTreeMap::new();
    let mut booked = std::collections::BTreeSet::new();
    let night = run_seen(&house, &list, &customers, span(15), &mut rng, &mut |id, came| {
        *calls.entry(id).or_default() += 1;
        if came.booked.is_some() {
            booked.insert(id);
        }
    });
    assert_eq!(night.at_once, 3, "all places are used, and no more");
    // an appointment of the customer's stands above the follow-up's cap, and under the number's
    let over: Vec<&usize> = calls.iter().filter(|(_, calls)| **calls > 2).map(|(id, _)| id).collect();
    assert!(over.iter().all(|id| booked.contains(*id)), "two attempts a day, unless a call-back was booked");
    assert!(calls.values().all(|calls| *calls <= 3), "three a day to a number, whatever was booked");
    assert_eq!(calls.values().sum::<u32>(), night.attempts);
    let ends =
        night.done + night.not_reached + night.review + night.blocked + night.refused + night.missed + night.left;
    assert_eq!(ends, 120, "everybody is somewhere");
}

#[test]
fn no_more_callers_talk_than_agents_are_there_and_more_agents_leave_fewer_alone() {
    let with = |agents| {
        let house = house(config::Dialer::default(), 60, agents);
        let (list, mut rng) = (list(60), ChaCha8Rng::seed_from_u64(SEED));
        let unhappy = |row: &FollowUp| Mind::of_persona(Persona::Unhappy, row.number.as_str(), SEED);
        let customers: Vec<Customer> = list.iter().map(|row| Customer::Callee(Arc::new(unhappy(row)))).collect();
        run(&house, &list, &customers, span(15), &mut rng)
    };
    let (one, many) = (with(1), with(60));
    assert_eq!(one.agents_most, 1);
    assert!(one.nobody_free > 0 && many.nobody_free == 0, "{} {}", one.nobody_free, many.nobody_free);
    assert!(one.talks < many.talks, "{} {}", one.talks, many.talks);
    assert_eq!((one.complaints, many.complaints), (60, 60), "a complaint never depends on the agent");
}

#[test]
fn the_same_seed_gives_the_same_night_and_another_one_another() {
    let house = house(config::Dialer::default(), 10, 1);
    let of = |seed| {
        let night = night_of(&house, 80, 15, seed);
        (night.figures(), night.attempts_by, night.steps)
    };
    assert_eq!(of(1), of(1));
    assert_ne!(of(1), of(2));
}

#[test]
fn more_places_never_end_later() {
    let ends = |calls| -> Band {
        let house = house(config::Dialer { max_attempts_a_day: 1, max_attempts: 1, ..Default::default() }, calls, 0);
        let nights: Vec<Night> = (0..5).map(|seed| night_of(&house, 100, 15, seed)).collect();
        bands(&nights).into_iter().find(|(name, _)| *name == "hours").unwrap().1.unwrap()
    };
    let (few, more, many) = (ends(2), ends(4), ends(20));
    assert!(few.mean > more.mean && more.mean > many.mean, "{few:?} {more:?} {many:?}");
}

#[test]
fn whoever_becomes_due_while_all_places_are_taken_is_called_later() {
    let house = house(config::Dialer { max_attempts: 1, ..Default::default() }, 1, 0);
    let mut list = list(3);
    let first = list[0].due_at + TimeDelta::minutes(60);
    for (row, seconds) in list.iter_mut().zip([0, 1, 2]) {
        row.due_at = first + TimeDelta::seconds(seconds);
    }
    let mind = |row: &FollowUp| Arc::new(Mind::of_persona(Persona::Satisfied, row.number.as_str(), SEED));
    let customers: Vec<Customer> = list.iter().map(|row| Customer::Callee(mind(row))).collect();
    let night = run(&house, &list, &customers, span(15), &mut ChaCha8Rng::seed_from_u64(SEED));
    assert_eq!((night.attempts, night.at_once, night.done), (3, 1, 3));
}

#[test]
fn an_empty_allow_list_calls_nobody() {
    let mut house = house(config::Dialer::default(), 10, 0);
    house.dialer.allow.clear();
    let night = night_of(&house, 10, 2, SEED);
    assert_eq!((night.attempts, night.left), (0, 10));
}

/// The table of `sim::check` is domain.md's, written down apart from the survey; the demo holds the engine's store to it, and this test the simulator.
#[test]
fn two_hundred_simulated_callees_come_to_what_the_demos_table_wants() {
    let house = house(config::Dialer::default(), 200, 0);
    let list = list(200);
    let customers: Vec<Customer> = list.iter().map(|row| Customer::callee(row.number.as_str(), SEED)).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let (mut reports, mut stored) = (Vec::new(), BTreeMap::new());
    // twenty minutes: nobody's second turn comes in them
    let span = Span { until: span(0).from + TimeDelta::minutes(20), ..span(0) };
    let night = run_seen(&house, &list, &customers, span, &mut rng, &mut |id, came| {
        let number = list[id].number.as_str().to_owned();
        let answers = came.answers.iter().map(|a| (a.question.clone(), (a.keys.clone(), a.score)));
        let kept = Stored {
            dispositions: vec![came.ending.as_ref().unwrap().verdict.disposition.as_str().to_owned()],
            answers: answers.collect(),
            complaint: came.complaint,
            recordings: came.recordings,
            on_record: usize::from(came.on_record),
            talks: usize::from(came.talked),
        };
        reports.push(CallReport {
            persona: Persona::of_number(&number),
            answered: came.answered.is_some(),
            keyed: came.keyed.clone(),
            spoke: came.spoke,
            met_agent: came.talked,
            number: number.clone(),
        });
        stored.insert(number, kept);
    });
    let mismatches = compare(&reports, &stored);
    assert!(mismatches.is_empty(), "{mismatches:#?}");
    assert_eq!((reports.len(), night.attempts), (200, 200));
    assert!(night.answers > 1000, "{}", night.answers);
}
