//! Duty, holds, and what ends by itself.

use super::*;
use crate::agent::state::Freed;
use crate::db::agents;
use crate::db::agents::tests::added;
use crate::db::fixture::{self, at, id};
use crate::db::state::{TransferMode, TransferOutcome};
use crate::db::transfers::{self, NewTransfer, TransferMoment};
use crate::ids::AttemptId;
use chrono::TimeDelta;
use sqlx::PgPool;

const TTL: TimeDelta = TimeDelta::minutes(1);
const WRAP_UP: TimeDelta = TimeDelta::minutes(2);

/// What an agent does; none: offline.
pub(crate) async fn state(conn: &mut PgConnection, agent: AgentId) -> Option<AgentState> {
    current(conn, agent).await.unwrap().map(|standing| standing.state)
}

/// Agent `n` at a fixed address, available since `at(0)`.
pub(crate) async fn on_duty(conn: &mut PgConnection, n: u16) -> AgentId {
    let agent = added(conn, n, Reach::Uri).await;
    wish(conn, agent, Wish::Available, at(0), at(0)).await.unwrap();
    agent
}

/// A call that goes on to customer `n`.
pub(crate) async fn in_call(conn: &mut PgConnection, n: u16) -> AttemptId {
    let owed = fixture::owed(conn, n).await;
    fixture::begun(conn, "a", owed.follow_up, n, 0).await
}

/// Hand-over `n` of a call to an agent, under lease token `n`.
pub(crate) fn reservation(n: u16, attempt: AttemptId, agent: AgentId, minutes: i64) -> Reservation<'static> {
    let mode = Some(TransferMode::Bridge);
    let transfer = NewTransfer { id: id(n), attempt, agent: Some(agent), mode, node: "a", at: at(minutes) };
    Reservation { transfer, token: id(n), ttl: TTL }
}

async fn events(conn: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar("select from_state || ' ' || to_state || ' ' || why from agent_events order by id")
        .fetch_all(conn)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_call_from_reservation_to_wrap_up(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let agent = on_duty(&mut conn, 1).await;
    let attempt = in_call(&mut conn, 1).await;
    assert_eq!(idle(&mut conn, at(1)).await.unwrap().len(), 1);
    assert!(reserve(&mut conn, &reservation(1, attempt, agent, 1)).await.unwrap());
    assert!(!reserve(&mut conn, &reservation(2, attempt, agent, 1)).await.unwrap(), "one hold");
    assert_eq!(idle(&mut conn, at(1)).await.unwrap().len(), 0);
    assert_eq!(transfers::open_of_agent(&mut conn, agent).await.unwrap().unwrap().ordinal, 1);
    assert!(ringing(&mut conn, id(1), at(1)).await.unwrap());
    assert!(ringing(&mut conn, id(1), at(1)).await.unwrap(), "said twice");
    wish(&mut conn, agent, Wish::Break, at(1), at(1)).await.unwrap();
    assert!(talking(&mut conn, id(1), at(2)).await.unwrap());
    let standing = current(&mut conn, agent).await.unwrap().unwrap();
    assert_eq!(
        (standing.state, standing.next_state, standing.transfer()),
        (AgentState::Talking, Some(NextState::Break), Some(id(1)))
    );
    assert!(free(&mut conn, id(1), Freed::Talked, WRAP_UP, at(5)).await.unwrap());
    assert!(!free(&mut conn, id(1), Freed::Talked, WRAP_UP, at(5)).await.unwrap(), "freed once");
    assert_eq!(current(&mut conn, agent).await.unwrap().unwrap().wrap_up_until, Some(at(7)));
    let done = reap(&mut conn, Scope::LeaseRunOut, WRAP_UP, TTL, at(7)).await.unwrap();
    assert_eq!(done, Reaped { wrapped_up: 1, ..Reaped::default() });
    assert_eq!(
        events(&mut conn).await,
        [
            "offline available on_duty",
            "available reserved reserved",
            "reserved ringing ringing",
            "ringing talking talking",
            "talking wrap_up talked",
            "wrap_up break wrap_up_over"
        ]
    );
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_hold_lives_by_heartbeats_and_ends_without(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let (one, two) = (on_duty(&mut conn, 1).await, on_duty(&mut conn, 2).await);
    let attempt = in_call(&mut conn, 1).await;
    reserve(&mut conn, &reservation(1, attempt, one, 1)).await.unwrap();
    reserve(&mut conn, &reservation(2, attempt, two, 1)).await.unwrap();
    talking(&mut conn, id(2), at(1)).await.unwrap();
    assert_eq!(heartbeat(&mut conn, &[id(1), id(9)], at(1), TTL * 9).await.unwrap(), [id(1)]);
    let done = reap(&mut conn, Scope::LeaseRunOut, WRAP_UP, TTL, at(3)).await.unwrap();
    assert_eq!(done, Reaped { released: 1, ..Reaped::default() });
    assert_eq!(
        (state(&mut conn, one).await, state(&mut conn, two).await),
        (Some(AgentState::Reserved), Some(AgentState::WrapUp))
    );
    assert_eq!(transfers::get(&mut conn, id(2)).await.unwrap().outcome, Some(TransferOutcome::Interrupted));
    assert_eq!(heartbeat(&mut conn, &[id(2)], at(3), TTL).await.unwrap(), []);
    assert!(!free(&mut conn, id(2), Freed::Unused, WRAP_UP, at(3)).await.unwrap());
    // A node that starts knows that whatever it held is over.
    let done = reap(&mut conn, Scope::OwnAtStart("b"), WRAP_UP, TTL, at(3)).await.unwrap();
    assert_eq!(done, Reaped::default());
    let done = reap(&mut conn, Scope::OwnAtStart("a"), WRAP_UP, TTL, at(3)).await.unwrap();
    assert_eq!((done.released, state(&mut conn, one).await), (1, Some(AgentState::Available)));
    assert_eq!(transfers::get(&mut conn, id(1)).await.unwrap().outcome, Some(TransferOutcome::Interrupted));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_page_that_is_closed_ends_duty_and_ring_but_not_a_talk(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let (one, two) = (added(&mut conn, 1, Reach::Browser).await, added(&mut conn, 2, Reach::Browser).await);
    let attempt = in_call(&mut conn, 1).await;
    for (n, agent) in [(1, one), (2, two)] {
        wish(&mut conn, agent, Wish::Available, at(0), at(2)).await.unwrap();
        assert!(present(&mut conn, agent, at(3)).await.unwrap());
        assert!(present(&mut conn, agent, at(1)).await.unwrap(), "an older one takes nothing back");
        reserve(&mut conn, &reservation(n, attempt, agent, 1)).await.unwrap();
        ringing(&mut conn, id(n), at(1)).await.unwrap();
        heartbeat(&mut conn, &[id(n)], at(1), TTL * 30).await.unwrap();
    }
    talking(&mut conn, id(2), at(1)).await.unwrap();
    let done = reap(&mut conn, Scope::LeaseRunOut, WRAP_UP, TTL, at(3)).await.unwrap();
    assert_eq!(done, Reaped { absent: 1, ..Reaped::default() });
    assert_eq!((state(&mut conn, one).await, state(&mut conn, two).await), (None, Some(AgentState::Talking)));
    assert!(!talking(&mut conn, id(1), at(3)).await.unwrap());
    assert!(!transfers::page_word(&mut conn, id(1)).await.unwrap().there);
    assert!(transfers::page_word(&mut conn, id(2)).await.unwrap().there);
    assert_eq!(transfers::get(&mut conn, id(1)).await.unwrap().outcome, None, "its engine lives and ends it");
    assert!(!present(&mut conn, one, at(9)).await.unwrap(), "a page left open puts nobody on duty");
    free(&mut conn, id(2), Freed::Talked, WRAP_UP, at(4)).await.unwrap();
    reap(&mut conn, Scope::LeaseRunOut, WRAP_UP, TTL, at(4)).await.unwrap();
    assert_eq!(state(&mut conn, two).await, None);
    // A page that says goodbye is believed at once.
    wish(&mut conn, one, Wish::Available, at(5), at(9)).await.unwrap();
    gone(&mut conn, one, at(5)).await.unwrap();
    gone(&mut conn, one, at(5)).await.unwrap();
    assert_eq!(state(&mut conn, one).await, None);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn who_may_go_on_duty(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let (uri, queue) = (added(&mut conn, 1, Reach::Uri).await, added(&mut conn, 2, Reach::Pbx).await);
    let mut told = async |agent, to| match wish(&mut conn, agent, to, at(0), at(9)).await {
        Ok(()) => String::new(),
        Err(error) => error.to_string(),
    };
    assert_eq!(told(uri, Wish::Offline).await, "nothing to change");
    assert_eq!(told(uri, Wish::Break).await, "");
    assert_eq!(told(uri, Wish::Available).await, "");
    assert_eq!(told(queue, Wish::Available).await, "a queue of the PBX is always on duty");
    assert!(told(id(9), Wish::Available).await.ends_with("there is none"));
    agents::disable(&mut conn, uri, true, at(1)).await.unwrap();
    let idle: Vec<AgentId> = idle(&mut conn, at(1)).await.unwrap().iter().map(|idle| idle.agent.id).collect();
    assert_eq!(idle, [queue], "who is disabled is not asked");
    assert!(matches!(wish(&mut conn, uri, Wish::Available, at(1), at(9)).await, Err(DutyError::Disabled)));
    wish(&mut conn, uri, Wish::Offline, at(1), at(9)).await.unwrap();
    assert_eq!(roster(&mut conn).await.unwrap().len(), 1);
    assert!(agents::list(&mut conn, false).await.unwrap().iter().all(|agent| agent.id == queue));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn two_engines_that_reserve_at_once_never_hold_the_same_agent(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let mut calls = Vec::new();
    for n in 1..=8 {
        on_duty(&mut conn, n).await;
        calls.push(in_call(&mut conn, n).await);
    }
    // Every call wants every agent, in the same order, from connections of their own.
    let tries = calls.into_iter().enumerate().map(|(i, attempt)| {
        let pool = pool.clone();
        tokio::spawn(async move {
            let mut conn = pool.acquire().await.unwrap();
            for n in 1..=8u16 {
                let number = u16::try_from(i).unwrap() * 8 + n;
                if reserve(&mut conn, &reservation(number, attempt, id(n), 1)).await.unwrap() {
                    return Some(n);
                }
            }
            None
        })
    });
    let mut held = Vec::new();
    for task in tries.collect::<Vec<_>>() {
        held.extend(task.await.unwrap());
    }
    let count = held.len();
    held.sort_unstable();
    held.dedup();
    assert_eq!(held.len(), count, "nobody twice");
    let stored: i64 = sqlx::query_scalar("select count(*) from agent_sessions where state = 'reserved'")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    assert_eq!(usize::try_from(stored).unwrap(), count);
    let begun: i64 = sqlx::query_scalar("select count(*) from transfers").fetch_one(&mut *conn).await.unwrap();
    assert_eq!(begun, stored, "no hand-over without its agent");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn two_pages_that_go_on_duty_at_once_are_one_agent(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let agent = added(&mut conn, 1, Reach::Browser).await;
    let mut other = pool.acquire().await.unwrap();
    let (one, two) = tokio::join!(
        wish(&mut conn, agent, Wish::Available, at(0), at(1)),
        wish(&mut other, agent, Wish::Available, at(0), at(1))
    );
    one.unwrap();
    two.unwrap();
    assert_eq!(events(&mut conn).await, ["offline available on_duty"]);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_customers_earlier_agent_is_known(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let (one, two) = (on_duty(&mut conn, 1).await, on_duty(&mut conn, 2).await);
    let attempt = in_call(&mut conn, 1).await;
    assert_eq!(earlier_agent(&mut conn, id(1)).await.unwrap(), None);
    reserve(&mut conn, &reservation(1, attempt, one, 1)).await.unwrap();
    transfers::moment(&mut conn, id(1), TransferMoment::Ended(TransferOutcome::NoAnswer), at(2)).await.unwrap();
    assert_eq!(earlier_agent(&mut conn, id(1)).await.unwrap(), None, "they never talked");
    reserve(&mut conn, &reservation(2, attempt, two, 2)).await.unwrap();
    transfers::moment(&mut conn, id(2), TransferMoment::Accepted, at(3)).await.unwrap();
    assert_eq!(earlier_agent(&mut conn, id(1)).await.unwrap(), Some(two));
    assert_eq!(transfers::last_talk_of(&mut conn, two).await.unwrap().unwrap().id, id(2));
}
