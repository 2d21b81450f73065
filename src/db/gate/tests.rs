//! The gate: what a number has been through, and limits that hold over engines.

use super::*;
use crate::db::attempts::tests::end;
use crate::db::attempts::{Next, mark_sent};
use crate::db::fixture::{self, at, id, number};
use crate::db::queue::Leased;
use sqlx::PgPool;

async fn knock(
    conn: &mut PgConnection,
    leased: &Leased,
    attempt: u16,
    minutes: i64,
    max_calls: u32,
    all: u32,
) -> Gate<()> {
    let limits = Limits {
        max_calls,
        interval: TimeDelta::seconds(30),
        all_calls: all,
        day_start: at(-120),
        number: &leased.number,
    };
    let trunk = if attempt < 50 { "main" } else { "other" };
    let new = NewAttempt::of(leased, id(attempt), trunk, at(minutes));
    begin(conn, &new, &limits, |_| Ok(())).await.unwrap()
}

async fn open_attempts(conn: &mut PgConnection) -> i64 {
    sqlx::query_scalar("select count(*) from attempts where ended_at is null").fetch_one(conn).await.unwrap()
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_trunks_limits_hold_over_engines(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    for n in 1..=5 {
        fixture::owed(&mut conn, n).await;
    }
    open_lines(&mut conn, &["main".into(), "other".into()], at(-1)).await.unwrap();
    open_lines(&mut conn, &["main".into()], at(100)).await.unwrap();
    let leased = fixture::lease(&mut conn, "a", 0).await;
    assert_eq!(knock(&mut conn, &leased[0], 1, 0, 2, 0).await, Gate::Begun(vec![at(0)]));
    assert_eq!(knock(&mut conn, &leased[1], 2, 0, 2, 0).await, Gate::Paced(at(0) + TimeDelta::seconds(30)));
    let soon = fixture::lease(&mut conn, "b", 5).await; // the leases of the others ran out
    assert_eq!(knock(&mut conn, &soon[0], 3, 5, 2, 0).await, Gate::Begun(vec![at(5)]));
    assert_eq!(knock(&mut conn, &soon[1], 4, 5, 2, 0).await, Gate::Paced(at(5) + TimeDelta::seconds(30)));
    assert_eq!(open_attempts(&mut conn).await, 2, "a refusal leaves no attempt");

    let later = fixture::lease(&mut conn, "b", 10).await;
    assert_eq!(knock(&mut conn, &later[0], 5, 10, 2, 0).await, Gate::Full);
    assert_eq!(knock(&mut conn, &later[0], 51, 10, 2, 2).await, Gate::Full, "all trunks together");
    hold(&mut conn, "other", at(20)).await.unwrap();
    hold(&mut conn, "other", at(15)).await.unwrap();
    assert_eq!(knock(&mut conn, &later[0], 52, 10, 2, 0).await, Gate::Held(at(20)));
    assert_eq!(open_attempts(&mut conn).await, 2);
    let again = fixture::lease(&mut conn, "b", 20).await;
    assert_eq!(knock(&mut conn, &again[0], 53, 20, 2, 3).await, Gate::Begun(vec![at(20)]));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn engines_at_once_pass_one_by_one(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    for n in 1..=8 {
        fixture::owed(&mut conn, n).await;
    }
    open_lines(&mut conn, &["main".into()], at(-1)).await.unwrap();
    let leased = fixture::lease(&mut conn, "a", 0).await;
    let tasks: Vec<_> = leased
        .into_iter()
        .zip(1..)
        .map(|(leased, n)| {
            let pool = pool.clone();
            tokio::spawn(async move {
                let limits = Limits {
                    max_calls: 3,
                    interval: TimeDelta::zero(),
                    all_calls: 0,
                    day_start: at(-120),
                    number: &leased.number,
                };
                let new = NewAttempt::of(&leased, id(n), "main", at(0));
                begin(&mut pool.acquire().await.unwrap(), &new, &limits, |_| Ok::<_, ()>(())).await.unwrap()
            })
        })
        .collect();
    let mut begun = 0;
    for task in tasks {
        match task.await.unwrap() {
            Gate::Begun(_) => begun += 1,
            other => assert_eq!(other, Gate::Full),
        }
    }
    assert_eq!((begun, open_attempts(&mut conn).await), (3, 3));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_judge_sees_what_the_number_has_been_through(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let one = fixture::owed(&mut conn, 1).await;
    let two = fixture::owed_on(&mut conn, 2, &number(1)).await;
    open_lines(&mut conn, &["main".into()], at(-1)).await.unwrap();
    for (n, minutes, sent) in [(1, 0, true), (2, 10, true), (3, 20, false)] {
        let attempt = fixture::begun(&mut conn, "a", one.follow_up, n, minutes).await;
        if sent {
            mark_sent(&mut conn, attempt, at(minutes)).await.unwrap();
        }
        attempts::end(&mut conn, &end(attempt, Next::Retry { at: at(minutes) })).await.unwrap();
    }
    let told = contact(&mut conn, &number(1), two.follow_up, None, at(5), at(30)).await.unwrap();
    let want = Contact { number_today: 1, number_30_days: 2, other_attempt: Some(at(10)), ..Contact::default() };
    assert_eq!(told, want, "what never left does not count");
    let own = contact(&mut conn, &number(1), one.follow_up, None, at(5), at(30)).await.unwrap();
    assert_eq!((own.follow_up, own.follow_up_today, own.other_attempt), (2, 1, None));

    sqlx::query("update attempts set answered_at = $1, survey_outcome = 'complete' where ordinal = 1")
        .bind(at(1))
        .execute(&mut *conn)
        .await
        .unwrap();
    let told = contact(&mut conn, &number(1), two.follow_up, None, at(5), at(30)).await.unwrap();
    assert!(told.other_conversation.is_some());
    assert!(minutes_since(&mut conn, at(0), at(30)).await.unwrap() >= 1);
    assert_eq!(minutes_since(&mut conn, at(2), at(30)).await.unwrap(), 0);

    let leased = fixture::lease(&mut conn, "b", 40).await;
    let leased = leased.iter().find(|leased| leased.follow_up == two.follow_up).unwrap();
    let limits =
        Limits { max_calls: 9, interval: TimeDelta::zero(), all_calls: 0, day_start: at(5), number: &leased.number };
    let new = NewAttempt::of(leased, id(9), "main", at(40));
    let denied = begin(&mut conn, &new, &limits, |contact| Err(contact.clone())).await.unwrap();
    assert_eq!(denied, Gate::Denied(told), "its own attempt is not in it");
    assert_eq!(open_attempts(&mut conn).await, 0);
}
