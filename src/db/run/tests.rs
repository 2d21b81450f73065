//! The run's statements against small stores.

use super::*;
use crate::db::attempts::{self, AttemptEnd, Next};
use crate::db::fixture::{self, at, id};
use crate::ids::AttemptId;
use sqlx::PgPool;

const PERSON: [&str; 3] = ["complete", "call_back", "refusal"];

async fn sent(conn: &mut PgConnection, follow_up: u16, attempt: u16, minutes: i64) -> AttemptId {
    let attempt = fixture::begun(conn, "a", id(follow_up), attempt, minutes).await;
    attempts::mark_sent(conn, attempt, at(minutes)).await.unwrap();
    attempt
}

async fn ended(conn: &mut PgConnection, attempt: AttemptId, minutes: i64, disposition: &str, aapor: &str, next: Next) {
    let end = AttemptEnd {
        attempt,
        ended_at: at(minutes),
        sip_status: Some(503),
        disposition: disposition.to_owned(),
        aapor: Some(aapor.to_owned()),
        blame: None,
        retry_allowed: false,
        detail: Some("the trunk answered 503, Q.850 cause 34".to_owned()),
        next,
    };
    attempts::end(conn, &end).await.unwrap();
}

fn day() -> Span {
    Span { from: at(-60), to: at(100) }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_run_reads_tomorrow_as_it_does_today(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    for n in 1..=6 {
        fixture::owed(&mut conn, n).await;
    }
    let one = sent(&mut conn, 1, 1, 0).await;
    ended(&mut conn, one, 5, "complete", "1.1", Next::Done).await;
    let two = sent(&mut conn, 2, 2, 1).await;
    ended(&mut conn, two, 2, "congestion", "3.16", Next::Retry { at: at(110) }).await;
    let three = sent(&mut conn, 3, 3, 2).await;
    ended(&mut conn, three, 4, "call_back", "2.21", Next::CallBack { at: at(110) }).await;
    let four = sent(&mut conn, 4, 4, 3).await;
    ended(&mut conn, four, 6, "unknown", "3.90", Next::Review).await;
    let five = sent(&mut conn, 5, 5, 99).await;
    let want = |stand: &Stand| {
        let mut parts = Parts::default();
        for part in [Part::Complete, Part::ToRetry, Part::Booked, Part::NeedsPerson, Part::InCall, Part::Untried] {
            parts.add(part, 1);
        }
        assert_eq!(*stand, Stand { parts, tried: 5, reached: 2 });
        assert_eq!(stand.parts.total(), 6);
    };
    want(&stand(&mut conn, day(), &PERSON).await.unwrap());
    assert_eq!(times(&mut conn, day()).await.unwrap(), Times { began_at: Some(at(0)), ended_at: Some(at(6)), open: 1 });
    let failed = failures(&mut conn, day(), &["congestion", "no_audio"]).await.unwrap();
    let failed: Vec<_> = failed.iter().map(|f| (f.disposition.as_str(), f.trunk.as_str(), f.q850, f.count)).collect();
    assert_eq!(failed, [("congestion", "main", Some(34), 1)]);

    // what happens after its end is no longer of this run, but of the next one
    ended(&mut conn, five, 101, "complete", "1.1", Next::Done).await;
    let again = sent(&mut conn, 2, 6, 110).await;
    ended(&mut conn, again, 111, "refusal", "2.11", Next::Done).await;
    want(&stand(&mut conn, day(), &PERSON).await.unwrap());
    let next = stand(&mut conn, Span { from: at(100), to: at(200) }, &PERSON).await.unwrap();
    assert_eq!((next.tried, next.reached, next.parts.total()), (1, 1, 5), "all but the one that was closed before");
    assert_eq!((next.parts.count(Part::Complete), next.parts.count(Part::Refused)), (1, 1));
    let before = stand(&mut conn, Span { from: at(-200), to: at(-60) }, &PERSON).await.unwrap();
    assert_eq!(before, Stand::default(), "nobody was owed anything yet");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn what_is_left_stands_by_day_and_what_needs_a_person_is_found(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    for n in 1..=3 {
        fixture::owed(&mut conn, n).await;
    }
    let one = sent(&mut conn, 1, 1, 0).await;
    ended(&mut conn, one, 1, "busy", "3.12", Next::Retry { at: at(15 * 60) }).await; // 01:00 in Shanghai
    let two = sent(&mut conn, 2, 2, 0).await;
    ended(&mut conn, two, 1, "unknown", "3.90", Next::Review).await;
    let shanghai = chrono_tz::Asia::Shanghai;
    let found = left(&mut conn, at(30), shanghai).await.unwrap();
    let found: Vec<_> = found.iter().map(|left| (left.day.as_str(), left.state, left.count, left.first)).collect();
    assert_eq!(
        found,
        [("2026-11-18", FollowUpState::Waiting, 1, at(30)), ("2026-11-19", FollowUpState::Retry, 1, at(15 * 60)),]
    );
    let (rows, all) = review(&mut conn, 10).await.unwrap();
    assert_eq!((rows[0].follow_up, rows.len(), all), (id(2), 1, 1));
    assert_eq!(review(&mut conn, 0).await.unwrap(), (vec![], 1), "all are counted");
    sent(&mut conn, 3, 3, 40).await;
    assert_eq!(stuck(&mut conn, at(40)).await.unwrap(), []);
    assert_eq!(stuck(&mut conn, at(41)).await.unwrap(), [(id(3), at(40))]);
    assert_eq!(undone(&mut conn, at(41)).await.unwrap(), Undone::default());
    sqlx::query("update customers set erase_asked_at = $1 where id = $2")
        .bind(at(0))
        .bind(id::<uuid::Uuid>(1))
        .execute(&mut *conn)
        .await
        .unwrap();
    assert_eq!(undone(&mut conn, at(1)).await.unwrap(), Undone { recordings: 0, erasures: 1 });
    assert_eq!(undone(&mut conn, at(0)).await.unwrap(), Undone::default());
}
