//! The desk over a real store: engines that want the same agents, words of pages, a store that does not answer.

use super::*;
use crate::clock::Clock;
use crate::config;
use crate::db::agent_sessions::tests::{in_call, on_duty, state};
use crate::db::agent_sessions::{self, Scope};
use crate::db::agents::{self, tests::added};
use crate::db::fixture::{SURVEY, at, id};
use crate::db::state::{AgentState, PageWord, Reach, TransferOutcome};
use crate::db::transfers::{self, NewTransfer, TransferMoment};
use crate::sip::registrar::{Binding, RegistrarEvent, RegistrarUser};
use chrono::TimeDelta;
use sqlx::PgPool;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

fn desk_with(pool: &PgPool, node: &str, settings: config::Agents) -> Arc<Desk> {
    let clock = Clock::manual(at(1));
    Arc::new(Desk::new(pool.clone(), clock, node, settings, Vec::new(), "127.0.0.1:5060".parse().unwrap()))
}

fn desk(pool: &PgPool, node: &str) -> Arc<Desk> {
    desk_with(pool, node, config::Agents::default())
}

fn wish(n: u16) -> Wish {
    let (survey, language) = (SURVEY.to_owned(), "zh-CN".to_owned());
    Wish { attempt: id(n), follow_up: id(n), customer: id(n), survey, language, tried: Vec::new() }
}

async fn outcomes(pool: &PgPool) -> Vec<Option<TransferOutcome>> {
    sqlx::query_scalar("select outcome from transfers order by id").fetch_all(pool).await.unwrap()
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn two_engines_that_reserve_at_once_get_different_agents(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    for n in 1..=5 {
        on_duty(&mut conn, n).await;
    }
    for n in 1..=8 {
        in_call(&mut conn, n).await;
    }
    let desks = [desk(&pool, "a"), desk(&pool, "b")];
    let asked = (1..=8u16).map(|n| {
        let desk = desks[usize::from(n % 2)].clone();
        tokio::spawn(async move { desk.reserve(&wish(n)).await })
    });
    let (mut held, mut nobody) = (Vec::new(), 0);
    for task in asked.collect::<Vec<_>>() {
        match task.await.unwrap() {
            Ok(reserved) => held.push(reserved),
            Err(NoAgent::NobodyFree) => nobody += 1,
            Err(error) => panic!("{error}"),
        }
    }
    let agents: BTreeSet<AgentId> = held.iter().map(|reserved| reserved.agent).collect();
    assert_eq!((held.len(), agents.len(), nobody), (5, 5, 3), "everybody who is free, nobody twice");
    let told = outcomes(&pool).await;
    assert_eq!(told.iter().filter(|outcome| **outcome == Some(TransferOutcome::NobodyFree)).count(), 3);
    assert_eq!(told.iter().filter(|outcome| outcome.is_none()).count(), 5);
    assert_eq!(desks[0].held().len() + desks[1].held().len(), 5);
    drop(held);
    assert_eq!(desks[0].held().len() + desks[1].held().len(), 0, "a hold that is dropped is not kept alive");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_earlier_agent_then_the_longest_idle_then_the_queue(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    added(&mut conn, 9, Reach::Pbx).await;
    // Who came on duty first is idle longest.
    for (n, minute) in [(1, 0), (2, -5), (3, -3)] {
        let agent = added(&mut conn, n, Reach::Uri).await;
        agent_sessions::wish(&mut conn, agent, agent_sessions::Wish::Available, at(minute), at(minute)).await.unwrap();
    }
    let attempt = in_call(&mut conn, 1).await;
    let before = NewTransfer {
        agent: Some(id(3)),
        mode: Some(crate::db::state::TransferMode::Bridge),
        ..agent_sessions::tests::reservation(1, attempt, id(3), -2).transfer
    };
    transfers::begin(&mut conn, &before).await.unwrap();
    transfers::moment(&mut conn, id(1), TransferMoment::Accepted, at(-1)).await.unwrap();
    let desk = desk(&pool, "a");
    let mut tried = Vec::new();
    let mut holds = Vec::new();
    for want in [3, 2, 1, 9] {
        let wish = Wish { tried: tried.clone(), ..wish(1) };
        let reserved = desk.reserve(&wish).await.unwrap();
        assert_eq!(reserved.agent, id(want));
        match (&reserved.way, want) {
            (Way::Refer(uri), 9) => assert_eq!(uri.to_string(), "sip:9@127.0.0.1"),
            (Way::Sip(leg), _) => assert_eq!(leg.next_hop, "127.0.0.1:5060".parse().unwrap()),
            (way, _) => panic!("{way:?}"),
        }
        assert_eq!(reserved.hold.is_some(), want != 9, "a queue is not held");
        tried.push(reserved.agent);
        holds.push(reserved.hold);
    }
    let wish = Wish { tried, ..wish(1) };
    assert!(matches!(desk.reserve(&wish).await, Err(NoAgent::NobodyFree)));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn nobody_is_offered_where_too_many_waited_in_vain(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    on_duty(&mut conn, 1).await;
    for n in 1..=2 {
        in_call(&mut conn, n).await;
    }
    let settings = config::Agents { abandoned_min_callers: 1, ..config::Agents::default() };
    let desk = desk_with(&pool, "a", settings.clone());
    let first = desk.reserve(&wish(1)).await.unwrap();
    transfers::moment(&mut conn, first.transfer, TransferMoment::Wanted, at(0)).await.unwrap();
    let gave_up = TransferMoment::Ended(TransferOutcome::CustomerGaveUp);
    transfers::moment(&mut conn, first.transfer, gave_up, at(1)).await.unwrap();
    desk.free(first.hold.unwrap(), Freed::Unused).await;
    assert!(matches!(desk.reserve(&wish(2)).await, Err(NoAgent::TooManyAbandoned)));
    let further = Wish { tried: vec![id(7)], ..wish(2) };
    let held = desk.reserve(&further).await.unwrap();
    desk.free(held.hold.unwrap(), Freed::Unused).await;
    let off = desk_with(&pool, "a", config::Agents { offer: false, ..settings });
    assert!(matches!(off.reserve(&wish(2)).await, Err(NoAgent::Off)));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_store_that_is_gone_is_said_so(pool: PgPool) {
    let gone = PgPool::connect_lazy_with((*pool.connect_options()).clone());
    let desk = desk(&gone, "a");
    gone.close().await;
    assert!(matches!(desk.reserve(&wish(1)).await, Err(NoAgent::Away(_))));
    assert!(!desk.answer_page(id(1), "v=0".to_owned()).await);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn what_a_slow_store_was_not_told_it_is_told_later(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let agent = on_duty(&mut conn, 1).await;
    in_call(&mut conn, 1).await;
    let desk = desk(&pool, "a");
    let reserved = desk.reserve(&wish(1)).await.unwrap();
    let hold = reserved.hold.unwrap();
    assert!(desk.ringing(&hold).await);
    // Somebody holds the row: no statement gets through.
    let mut tx = pool.begin().await.unwrap();
    sqlx::query("select from agent_sessions for update").execute(&mut *tx).await.unwrap();
    assert!(desk.talking(&hold).await, "the call goes on");
    desk.free(hold, Freed::Talked).await;
    tx.rollback().await.unwrap();
    assert_eq!(state(&mut conn, agent).await, Some(AgentState::Ringing));
    desk.tell_late().await.unwrap();
    assert_eq!(state(&mut conn, agent).await, Some(AgentState::WrapUp));
    let events: Vec<String> =
        sqlx::query_scalar("select to_state from agent_events order by id").fetch_all(&mut *conn).await.unwrap();
    assert_eq!(events, ["available", "reserved", "ringing", "talking", "wrap_up"]);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn words_of_the_page_come_to_the_call_wherever_it_is(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let agent = added(&mut conn, 1, Reach::Browser).await;
    agent_sessions::wish(&mut conn, agent, agent_sessions::Wish::Available, at(0), at(5)).await.unwrap();
    in_call(&mut conn, 1).await;
    let desk = desk(&pool, "a");
    let stop = CancellationToken::new();
    let keeping = tokio::spawn(desk.clone().keep(None, stop.clone()));
    let reserved = desk.reserve(&wish(1)).await.unwrap();
    assert!(matches!(reserved.way, Way::Page));
    let waiting = tokio::spawn({
        let desk = desk.clone();
        async move { desk.next_word(reserved.transfer, None).await }
    });
    assert!(transfers::say(&mut conn, reserved.transfer, agent, PageWord::Take, Some("v=0")).await.unwrap());
    let take = waiting.await.unwrap();
    assert_eq!(take, Word::Take("v=0".to_owned()));
    assert!(desk.answer_page(reserved.transfer, "v=0 ours".to_owned()).await);
    let answer = transfers::page_answer(&mut conn, reserved.transfer, agent).await.unwrap();
    assert_eq!(answer.as_deref(), Some("v=0 ours"));
    assert!(transfers::say(&mut conn, reserved.transfer, agent, PageWord::HangUp, None).await.unwrap());
    assert_eq!(desk.next_word(reserved.transfer, Some(&take)).await, Word::HangUp);
    stop.cancel();
    keeping.await.unwrap();
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_page_that_is_closed_in_the_ring_hangs_up(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let agent = added(&mut conn, 1, Reach::Browser).await;
    agent_sessions::wish(&mut conn, agent, agent_sessions::Wish::Available, at(0), at(5)).await.unwrap();
    in_call(&mut conn, 1).await;
    let desk = desk(&pool, "a");
    let reserved = desk.reserve(&wish(1)).await.unwrap();
    let hold = reserved.hold.unwrap();
    assert!(desk.ringing(&hold).await);
    agent_sessions::gone(&mut conn, agent, at(2)).await.unwrap();
    assert_eq!(desk.next_word(reserved.transfer, None).await, Word::HangUp);
    assert!(!desk.talking(&hold).await, "the agent is not this call's any more");
    desk.free(hold, Freed::Rejected).await;
    assert_eq!(state(&mut conn, agent).await, None);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn phones_come_into_the_store_and_passwords_to_the_registrar(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let agent = added(&mut conn, 1, Reach::Registered).await;
    let desk = desk(&pool, "a");
    let (reports, events) = mpsc::unbounded_channel();
    let (told, mut users) = mpsc::unbounded_channel();
    let told = Mutex::new(told);
    let users_of = Box::new(move |users: Vec<RegistrarUser>| drop(told.lock().unwrap().send(users)));
    let stop = CancellationToken::new();
    let registrar = Registrar { events, users: users_of };
    let mut listener = sqlx::postgres::PgListener::connect_with(&pool).await.unwrap();
    listener.listen(agent_sessions::CHANNEL).await.unwrap();
    let keeping = tokio::spawn(desk.clone().keep(Some(registrar), stop.clone()));
    let first = users.recv().await.unwrap();
    assert_eq!(first.iter().map(|user| user.user.as_str()).collect::<Vec<_>>(), ["agent1"]);
    let phone = Binding {
        user: "agent1".to_owned(),
        contact: "sip:agent1@127.0.0.1:5091".parse().unwrap(),
        source: "udp 127.0.0.1:5091".parse().unwrap(),
        expires_in: Duration::from_secs(300),
        call_id: "x".to_owned(),
        cseq: 1,
        user_agent: None,
    };
    reports.send(RegistrarEvent::Bound(phone.clone())).unwrap();
    assert_eq!(listener.recv().await.unwrap().payload(), agent.to_string());
    assert_eq!(state(&mut conn, agent).await, Some(AgentState::Available));
    in_call(&mut conn, 1).await;
    let reserved = desk.reserve(&wish(1)).await.unwrap();
    let Way::Sip(leg) = &reserved.way else { panic!("{:?}", reserved.way) };
    assert_eq!((leg.target.clone(), leg.next_hop), (phone.contact.clone(), phone.source));
    desk.free(reserved.hold.unwrap(), Freed::Unused).await;
    reports.send(RegistrarEvent::Unbound { user: phone.user, contact: phone.contact }).unwrap();
    while state(&mut conn, agent).await.is_some() {
        listener.recv().await.unwrap();
    }
    stop.cancel();
    keeping.await.unwrap();
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn an_engine_that_starts_again_frees_what_it_held(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let agent = on_duty(&mut conn, 1).await;
    in_call(&mut conn, 1).await;
    let held = desk(&pool, "a").reserve(&wish(1)).await.unwrap();
    desk(&pool, "b").take_over().await.unwrap();
    assert_eq!(state(&mut conn, agent).await, Some(AgentState::Reserved), "another engine's");
    desk(&pool, "a").take_over().await.unwrap();
    assert_eq!(state(&mut conn, agent).await, Some(AgentState::Available));
    assert_eq!(outcomes(&pool).await, [Some(TransferOutcome::Interrupted)]);
    drop(held);
    let none = agent_sessions::reap(&mut conn, Scope::LeaseRunOut, TimeDelta::zero(), TimeDelta::zero(), at(9)).await;
    assert_eq!(none.unwrap(), agent_sessions::Reaped::default());
    assert_eq!(agents::list(&mut conn, false).await.unwrap().len(), 1);
}

/// Run with `--release` for a release build: `scripts/test-db cargo test --lib reserving_among_200_agents -- --ignored --nocapture`.
#[sqlx::test(migrator = "crate::db::MIGRATOR")]
#[ignore = "a measurement"]
async fn reserving_among_200_agents(pool: PgPool) {
    use sqlx::postgres::PgListener;
    use std::time::Instant;
    let mut conn = pool.acquire().await.unwrap();
    for n in 1..=200 {
        on_duty(&mut conn, n).await;
    }
    for n in 1..=200 {
        in_call(&mut conn, n).await;
    }
    let mut listener = PgListener::connect_with(&pool).await.unwrap();
    listener.listen(agent_sessions::CHANNEL).await.unwrap();
    let desk = desk(&pool, "a");
    let (mut reserved, mut told) = (Vec::new(), Vec::new());
    for n in 1..=200 {
        let began = Instant::now();
        let held = desk.reserve(&wish(n)).await.unwrap();
        reserved.push(began.elapsed());
        while listener.recv().await.unwrap().payload() != held.transfer.to_string() {}
        told.push(began.elapsed());
        desk.free(held.hold.unwrap(), Freed::Unused).await;
    }
    let began = Instant::now();
    agent_sessions::reap(&mut conn, Scope::LeaseRunOut, TimeDelta::zero(), TimeDelta::zero(), at(1)).await.unwrap();
    let idle_reap = began.elapsed();
    for times in [&mut reserved, &mut told] {
        times.sort_unstable();
    }
    let at = |times: &[Duration], percent: usize| times[times.len() * percent / 100 - 1];
    println!("reserved: p50 {:?}, p99 {:?}", at(&reserved, 50), at(&reserved, 99));
    println!("the page is told: p50 {:?}, p99 {:?}; nothing to reap: {idle_reap:?}", at(&told, 50), at(&told, 99));
}
