//! What goes on which day, what stays, and that whatever dies in the middle comes to the same end.

use super::*;
use crate::db::answers::{self, NewAnswer, NewRecording};
use crate::db::attempts::{self, AttemptEnd, Next};
use crate::db::fixture::{self, at, id};
use crate::db::retention as recordings;
use crate::db::state::RecordingKind;
use crate::dialer::retention::tests::purge;
use crate::phone::E164;
use chrono::TimeDelta;
use sqlx::PgPool;
use std::fs;

/// Follow-up `n` on this number, called at `at(0)` and done at `at(2)`, with an answer, a timeline and a recording whose file is there.
async fn called(purge: &Purge, n: u16, number: &str) -> CustomerId {
    let mut conn = purge.pool.acquire().await.unwrap();
    let owed = fixture::owed_on(&mut conn, n, &E164::from_stored(number).unwrap()).await;
    let attempt = fixture::begun(&mut conn, "a", owed.follow_up, n, 0).await;
    let new = NewAnswer {
        id: id(n),
        attempt,
        question: "q1".into(),
        keys: "2".into(),
        value: "satisfied".into(),
        score: Some(8),
        unhappy: false,
        given_at: at(1),
    };
    assert!(answers::add(&mut conn, &new).await.unwrap());
    let (kind, path) = (RecordingKind::Suggestion, format!("{n}.wav"));
    fs::write(purge.directory.join(&path), "four").unwrap();
    let new = NewRecording { id: id(n), attempt, kind, path, duration_ms: 900, recorded_at: at(1) };
    assert!(answers::add_recording(&mut conn, &new).await.unwrap());
    let end = AttemptEnd {
        attempt,
        ended_at: at(2),
        sip_status: Some(200),
        disposition: "complete".to_owned(),
        aapor: Some("1.1".to_owned()),
        blame: None,
        retry_allowed: false,
        detail: None,
        next: Next::Done,
    };
    attempts::end(&mut conn, &end).await.unwrap();
    sqlx::query("insert into attempt_events (attempt_id, seq, offset_ms, kind) values ($1, 0, 5, 'invite')")
        .bind(attempt.0)
        .execute(&mut *conn)
        .await
        .unwrap();
    owed.customer
}

/// Whose name, timeline and keys are still there, by customer.
async fn left(pool: &PgPool) -> Vec<(String, bool, String, i32)> {
    sqlx::query_as(
        "select c.name, exists (select from attempt_events e where e.attempt_id = a.id), r.keys, r.score
         from customers c join follow_ups f on f.customer_id = c.id join attempts a on a.follow_up_id = f.id join answers r on r.attempt_id = a.id
         order by c.id",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

async fn run(purge: &Purge, at: DateTime<Utc>) -> Forgotten {
    purge.run(at, &CancellationToken::new()).await.unwrap().forgotten
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn each_goes_on_its_day_and_scores_stay(pool: PgPool) {
    let folder = tempfile::tempdir().unwrap();
    let purge = purge(&pool, &folder);
    called(&purge, 1, "+8613800100001").await;
    called(&purge, 2, "+33612345678").await;
    let second = TimeDelta::seconds(1);
    let days = TimeDelta::days;
    let row = |name: &str, timeline, keys: &str| (name.to_owned(), timeline, keys.to_owned(), 8);
    let both = [row("客户1", true, "2"), row("客户2", true, "2")];
    assert_eq!(run(&purge, at(0) + days(730) - second).await, Forgotten::default());
    assert_eq!(left(&pool).await, both);
    // Elsewhere than in China: the timeline 730 days after the attempt began, the keys as long after they came, the person as long after the end of it all.
    assert_eq!(run(&purge, at(0) + days(730)).await, Forgotten { timelines: 1, ..Forgotten::default() });
    assert_eq!(left(&pool).await, [row("客户1", true, "2"), row("客户2", false, "2")]);
    assert_eq!(run(&purge, at(1) + days(730)).await, Forgotten { answers: 1, ..Forgotten::default() });
    assert_eq!(run(&purge, at(2) + days(730) - second).await, Forgotten::default());
    assert_eq!(run(&purge, at(2) + days(730)).await, Forgotten { persons: 1, ..Forgotten::default() });
    assert_eq!(left(&pool).await, [row("客户1", true, "2"), row("erased", false, "")]);
    assert_eq!(run(&purge, at(0) + days(1095) - second).await, Forgotten::default());
    assert_eq!(run(&purge, at(2) + days(1095)).await, Forgotten { timelines: 1, answers: 1, persons: 1, messages: 0 });
    assert_eq!(left(&pool).await, [row("erased", false, ""), row("erased", false, "")]);
    assert_eq!(run(&purge, at(2) + days(9000)).await, Forgotten::default());
    let kept = audit::newest(&mut pool.acquire().await.unwrap(), 20).await.unwrap();
    let said: Vec<&str> = kept.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(said.iter().filter(|action| **action == "persons.purge").count(), 4, "{said:?}");
    assert_eq!(said.iter().filter(|action| **action == "person.erase").count(), 2, "{said:?}");
    assert!(!format!("{kept:?}").contains("客户"), "ids alone");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn what_is_still_at_issue_stays(pool: PgPool) {
    let folder = tempfile::tempdir().unwrap();
    let purge = purge(&pool, &folder);
    let customer = called(&purge, 1, "+8613800100001").await;
    sqlx::query(
        "insert into complaints (id, follow_up_id, customer_id, attempt_id, reason, opened_at, contact_due_at, due_at)
         select gen_random_uuid(), f.id, f.customer_id, a.id, 'noes', a.began_at, a.began_at, a.began_at
         from follow_ups f join attempts a on a.follow_up_id = f.id",
    )
    .execute(&pool)
    .await
    .unwrap();
    let late = at(2) + TimeDelta::days(2000);
    assert_eq!(run(&purge, late).await, Forgotten::default());
    assert!(matches!(purge.erase(customer, late).await.unwrap(), Err(Hindrance::Complaint(_))));
    sqlx::query("update complaints set state = 'closed', closed_at = $1").bind(late).execute(&pool).await.unwrap();
    assert_eq!(
        run(&purge, late).await,
        Forgotten { timelines: 1, answers: 1, persons: 0, messages: 0 },
        "heard of just now"
    );
    // A new event: a customer again.
    sqlx::query("update service_events set happened_on = $1")
        .bind(late.date_naive() + TimeDelta::days(500))
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(run(&purge, late + TimeDelta::days(1100)).await.persons, 0);
    assert_eq!(run(&purge, late + TimeDelta::days(1600)).await.persons, 1);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn one_person_is_erased_and_nobody_else(pool: PgPool) {
    let folder = tempfile::tempdir().unwrap();
    let purge = purge(&pool, &folder);
    let customer = called(&purge, 1, "+8613800100001").await;
    called(&purge, 2, "+8613800100002").await;
    let done = purge.erase(customer, at(10)).await.unwrap().unwrap();
    assert_eq!((done.purged, done.bytes, done.failed.len()), (1, 4, 0));
    assert!(!purge.directory.join("1.wav").exists() && purge.directory.join("2.wav").exists());
    let row = |name: &str, timeline, keys: &str| (name.to_owned(), timeline, keys.to_owned(), 8);
    assert_eq!(left(&pool).await, [row("erased", false, ""), row("客户2", true, "2")]);
    assert_eq!(purge.erase(customer, at(11)).await.unwrap().unwrap().purged, 0, "again is no harm");
    assert_eq!(run(&purge, at(12)).await, Forgotten::default());
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn killed_anywhere_in_between_it_comes_to_the_same_end(pool: PgPool) {
    let folder = tempfile::tempdir().unwrap();
    let purge = purge(&pool, &folder);
    let mut conn = pool.acquire().await.unwrap();
    let entry = Entry::ours(at(10), "person.erase", "customer", json!({}));
    for (n, dies_after_file) in [(1, false), (2, true), (3, true)] {
        let customer = called(&purge, n, &format!("+861380010000{n}")).await;
        assert_eq!(erase::ask(&mut conn, customer, at(10), &entry, rand::random()).await.unwrap(), None);
        if dies_after_file {
            let mut transaction = pool.begin().await.unwrap();
            assert_eq!(recordings::take_of(&mut transaction, customer, at(10)).await.unwrap().len(), 1);
            fs::remove_file(purge.directory.join(format!("{n}.wav"))).unwrap();
            drop(transaction);
        }
        if n == 1 {
            // The command again, by the number, which is still there.
            assert_eq!(purge.erase(customer, at(11)).await.unwrap().unwrap().purged, 1);
        }
    }
    // The others by the hourly pass.
    let done = purge.run(at(11), &CancellationToken::new()).await.unwrap();
    assert_eq!((done.purged, done.forgotten.persons), (2, 2));
    assert!(left(&pool).await.iter().all(|(name, timeline, keys, _)| name == "erased" && !timeline && keys.is_empty()));
    assert_eq!(fs::read_dir(&purge.directory).unwrap().count(), 0);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_recording_that_a_dead_engine_brings_late_goes_with_the_next_pass(pool: PgPool) {
    let folder = tempfile::tempdir().unwrap();
    let purge = purge(&pool, &folder);
    let customer = called(&purge, 1, "+8613800100001").await;
    purge.erase(customer, at(10)).await.unwrap().unwrap();
    fs::write(purge.directory.join("late.wav"), "late").unwrap();
    let new = NewRecording {
        id: id(9),
        attempt: id(1),
        kind: RecordingKind::Statement,
        path: "late.wav".into(),
        duration_ms: 1,
        recorded_at: at(1),
    };
    assert!(answers::add_recording(&mut pool.acquire().await.unwrap(), &new).await.unwrap());
    assert_eq!(purge.run(at(11), &CancellationToken::new()).await.unwrap().purged, 1);
    assert!(!purge.directory.join("late.wav").exists());
}
