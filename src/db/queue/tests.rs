//! The queue: disjoint leases, what is never leased, what comes back.

use super::*;
use crate::db::attempts::{self, NewAttempt};
use crate::db::fixture::{self, at, id, lease, number};
use crate::db::state::{DoNotCallSource, StateReason};
use crate::db::{follow_ups, phones};
use sqlx::PgPool;
use sqlx::postgres::PgListener;
use std::collections::BTreeSet;

fn ids(leased: &[Leased]) -> Vec<FollowUpId> {
    leased.iter().map(|one| one.follow_up).collect()
}

async fn change(conn: &mut PgConnection, sql: &'static str) {
    sqlx::query(sql).execute(conn).await.unwrap();
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn two_nodes_lease_disjoint_sets(pool: PgPool) {
    let (mut a, mut b) = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
    for n in 1..=20 {
        fixture::owed(&mut a, n).await;
    }
    let request = |node| LeaseRequest {
        node,
        limit: 12,
        ttl: Duration::minutes(1),
        now: at(0),
        survey: Some(fixture::SURVEY),
        follow_up: None,
    };
    let (request_a, request_b) = (request("a"), request("b"));
    let (one, two) = tokio::join!(super::lease(&mut a, &request_a), super::lease(&mut b, &request_b));
    let (mut one, mut two) = (one.unwrap(), two.unwrap());
    // Whoever came second may have skipped locked rows: both ask again for the rest.
    one.extend(super::lease(&mut a, &request_a).await.unwrap());
    two.extend(super::lease(&mut b, &request_b).await.unwrap());
    let all: BTreeSet<FollowUpId> = ids(&one).into_iter().chain(ids(&two)).collect();
    assert_eq!((one.len() + two.len(), all.len()), (20, 20));
    let tokens: BTreeSet<LeaseToken> = one.iter().chain(&two).map(|leased| leased.token).collect();
    assert_eq!(tokens.len(), 20);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_lease_brings_what_the_call_needs(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    fixture::owed(&mut conn, 1).await;
    assert_eq!(ids(&lease(&mut conn, "a", -1).await), [], "not due yet");
    let leased = lease(&mut conn, "a", 0).await.pop().unwrap();
    assert_eq!((leased.number, leased.zone, leased.survey_version), (number(1), chrono_tz::Asia::Shanghai, 1));
    assert_eq!(leased.plate.unwrap().expose(), "苏A00001");
    assert_eq!((leased.advisor_number.as_deref(), leased.event), (Some("1024"), EventKind::Repair));
    assert_eq!(leased.expires_at, at(1));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_lease_ends_by_time_unless_it_is_prolonged(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    fixture::owed(&mut conn, 1).await;
    let first = lease(&mut conn, "a", 0).await.pop().unwrap();
    assert_eq!(next_due(&mut conn, at(0)).await.unwrap(), Some(at(1)));
    assert_eq!(heartbeat(&mut conn, &[first.token], at(0), Duration::minutes(5)).await.unwrap(), [first.token]);
    assert_eq!(ids(&lease(&mut conn, "b", 4).await), []);
    let second = lease(&mut conn, "b", 5).await.pop().unwrap();
    assert_eq!(heartbeat(&mut conn, &[first.token], at(5), Duration::minutes(5)).await.unwrap(), [], "taken away");
    assert!(release(&mut conn, first.follow_up, first.token, None).await.is_err());

    release(&mut conn, second.follow_up, second.token, Some(at(30))).await.unwrap();
    assert_eq!(next_due(&mut conn, at(5)).await.unwrap(), Some(at(30)));
    assert_eq!(ids(&lease(&mut conn, "b", 29).await), []);
    assert_eq!(lease(&mut conn, "b", 30).await.len(), 1);
    assert_eq!(release_all(&mut conn, "a").await.unwrap(), 0);
    assert_eq!(release_all(&mut conn, "b").await.unwrap(), 1);
    assert_eq!(lease(&mut conn, "a", 30).await.len(), 1, "free at once");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn call_backs_come_first_then_priority_then_time(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    for n in 1..=4 {
        fixture::owed(&mut conn, n).await;
    }
    let four = fixture::begun(&mut conn, "a", id(4), 4, 0).await;
    let end = crate::db::attempts::tests::end(four, attempts::Next::CallBack { at: at(10) });
    attempts::end(&mut conn, &end).await.unwrap();
    change(&mut conn, "update follow_ups set priority = 50 where id = (select id from follow_ups where state = 'waiting' order by id offset 2 limit 1)").await;
    change(&mut conn, "update follow_ups set next_attempt_at = next_attempt_at - interval '1 minute' where id = (select id from follow_ups where state = 'waiting' order by id offset 1 limit 1)").await;
    assert_eq!(ids(&lease(&mut conn, "a", 9).await), [id(3), id(2), id(1)], "the call-back is not due yet");
    release_all(&mut conn, "a").await.unwrap();
    assert_eq!(ids(&lease(&mut conn, "a", 10).await), [id(4), id(3), id(2), id(1)]);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn what_must_not_be_dialled_is_not_leased(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    for n in 1..=3 {
        fixture::owed(&mut conn, n).await;
    }
    // Blocked behind the store's back: the lease itself must see it.
    change(&mut conn, "insert into do_not_call (number, source, added_at) values ('+8613800100001', 'import', now())")
        .await;
    change(&mut conn, "update phones set wrong_at = now() where number = '+8613800100002'").await;
    assert_eq!(ids(&lease(&mut conn, "a", 0).await), [id(3)]);
    assert_eq!(ids(&lease(&mut conn, "a", 2 * 24 * 60).await), [], "at the deadline");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn one_number_is_in_one_call(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    fixture::owed(&mut conn, 1).await;
    // Another member of the household, on the same number.
    fixture::owed_on(&mut conn, 2, &number(1)).await;
    let both = lease(&mut conn, "a", 0).await;
    assert_eq!(both.len(), 2, "one batch may take both …");
    attempts::begin(&mut conn, &NewAttempt::of(&both[0], id(1), "main", at(0))).await.unwrap();
    let busy = attempts::begin(&mut conn, &NewAttempt::of(&both[1], id(2), "main", at(0))).await.unwrap_err();
    assert!(matches!(busy, attempts::BeginError::NumberInCall(_)), "… but only one call begins: {busy}");
    assert!(!format!("{busy} {busy:?}").contains("138001"));
    assert_eq!(ids(&lease(&mut conn, "b", 2).await), [], "nor is the other one leased while that call goes on");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn blocking_a_number_ends_what_waits_on_it(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    for n in 1..=2 {
        fixture::owed(&mut conn, n).await;
    }
    let leased = lease(&mut conn, "a", 0).await;
    phones::block(&mut conn, &number(1), DoNotCallSource::Api, at(0)).await.unwrap();
    phones::block(&mut conn, &number(1), DoNotCallSource::Api, at(0)).await.unwrap();
    assert!(phones::is_blocked(&mut conn, &number(1)).await.unwrap());
    assert!(!phones::is_blocked(&mut conn, &number(2)).await.unwrap());
    let row = follow_ups::get(&mut conn, id(1)).await.unwrap();
    assert_eq!((row.state, row.state_reason), (FollowUpState::Done, Some(StateReason::NumberBlocked)));
    let late = attempts::begin(&mut conn, &NewAttempt::of(&leased[0], id(1), "main", at(0))).await.unwrap_err();
    assert!(matches!(late, attempts::BeginError::NotOurs(_)), "{late}");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn what_was_not_reached_in_time_ends_with_a_reason(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    for n in 1..=2 {
        fixture::owed(&mut conn, n).await;
    }
    let attempt = fixture::begun(&mut conn, "a", id(2), 2, 0).await;
    attempts::mark_sent(&mut conn, attempt, at(0)).await.unwrap();
    attempts::end(&mut conn, &crate::db::attempts::tests::end(attempt, attempts::Next::Retry { at: at(9) }))
        .await
        .unwrap();
    let deadline = 2 * 24 * 60;
    assert_eq!(expire_overdue(&mut conn, at(deadline - 1), 10).await.unwrap(), []);
    assert_eq!(expire_overdue(&mut conn, at(deadline), 1).await.unwrap().len(), 1);
    assert_eq!(expire_overdue(&mut conn, at(deadline), 10).await.unwrap().len(), 1);
    assert_eq!(next_due(&mut conn, at(deadline)).await.unwrap(), None);
    let (never, tried) =
        (follow_ups::get(&mut conn, id(1)).await.unwrap(), follow_ups::get(&mut conn, id(2)).await.unwrap());
    assert_eq!((never.state, never.state_reason), (FollowUpState::Expired, Some(StateReason::NotReachedInTime)));
    assert_eq!((never.final_aapor.as_deref(), tried.final_aapor.as_deref()), (Some("3.11"), Some("3.12")));
    let depth = depth(&mut conn, at(deadline)).await.unwrap();
    assert_eq!(depth, [Depth { state: FollowUpState::Expired, count: 2, due: 0, leased: 0 }]);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn depth_tells_due_from_leased(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    for n in 1..=3 {
        fixture::owed(&mut conn, n).await;
    }
    let request =
        LeaseRequest { node: "a", limit: 1, ttl: Duration::minutes(1), now: at(0), survey: None, follow_up: None };
    super::lease(&mut conn, &request).await.unwrap();
    let waiting = depth(&mut conn, at(0)).await.unwrap();
    assert_eq!(waiting, [Depth { state: FollowUpState::Waiting, count: 3, due: 2, leased: 1 }]);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_row_that_cannot_be_used_stops_nobody_else(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    for n in 1..=2 {
        fixture::owed(&mut conn, n).await;
    }
    change(&mut conn, "update customers set time_zone = 'Mars/Olympus' where name = '客户1'").await;
    assert_eq!(ids(&lease(&mut conn, "a", 0).await), [id(2)]);
    let row = follow_ups::get(&mut conn, id(1)).await.unwrap();
    assert_eq!((row.state, row.state_reason), (FollowUpState::NeedsReview, Some(StateReason::BadData)));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn new_work_is_announced(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let mut listener = PgListener::connect_with(&pool).await.unwrap();
    listener.listen(CHANNEL).await.unwrap();
    fixture::owed(&mut conn, 1).await;
    listener.recv().await.unwrap();
    let leased = lease(&mut conn, "a", 0).await.pop().unwrap();
    release(&mut conn, leased.follow_up, leased.token, None).await.unwrap();
    listener.recv().await.unwrap();
}
