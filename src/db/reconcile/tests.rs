//! Engines that die: nothing that may have left is dialled again by itself, and answers stay.

use super::*;
use crate::db::answers::{self, NewAnswer};
use crate::db::fixture::{self, at, id, lease};
use crate::db::{follow_ups, story};
use sqlx::PgPool;

/// Complete where the survey said so or `q9` is answered.
fn judge(orphan: &Orphan) -> Verdict {
    let complete = orphan.survey_outcome.as_deref() == Some("complete")
        || orphan.answered.iter().any(|answer| answer.question == "q9");
    let (disposition, aapor) = if complete { ("complete", "1.1") } else { ("unknown", "3.90") };
    Verdict { complete, disposition: disposition.to_owned(), aapor: aapor.to_owned() }
}

async fn answer(conn: &mut PgConnection, n: u16, attempt: AttemptId, question: &str) {
    let (keys, value) = ("1".to_owned(), "1".to_owned());
    let new = NewAnswer {
        id: id(n),
        attempt,
        question: question.to_owned(),
        keys,
        value,
        score: None,
        unhappy: false,
        given_at: at(0),
    };
    assert!(answers::add(conn, &new).await.unwrap());
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn what_left_is_never_dialled_again_by_itself(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    for n in 1..=3 {
        let owed = fixture::owed(&mut conn, n).await;
        let attempt = fixture::begun(&mut conn, "a", owed.follow_up, n, 0).await;
        attempts::mark_sent(&mut conn, attempt, at(0)).await.unwrap();
    }
    answer(&mut conn, 1, id(1), "q1").await;
    answer(&mut conn, 2, id(2), "q9").await;
    attempts::survey_finished(&mut conn, id(3), "complete").await.unwrap();

    assert_eq!(
        run(&mut conn, Scope::LeaseRunOut, at(0), 10, judge).await.unwrap(),
        Reconciled::default(),
        "the lease holds"
    );
    let done = run(&mut conn, Scope::LeaseRunOut, at(1), 10, judge).await.unwrap();
    assert_eq!(done, Reconciled { requeued: vec![], completed: vec![id(2), id(3)], to_review: vec![id(1)] });
    assert_eq!(lease(&mut conn, "b", 60).await.len(), 0);
    let story = story::follow_up(&mut conn, id(1)).await.unwrap();
    assert_eq!((story.follow_up.state, story.attempts[0].answers.len()), (FollowUpState::NeedsReview, 1));
    assert!(story.attempts[0].attempt.reconciled);
    assert_eq!(run(&mut conn, Scope::LeaseRunOut, at(2), 10, judge).await.unwrap(), Reconciled::default());
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn what_never_left_comes_back_only_by_its_own_node(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    for n in 1..=2 {
        let owed = fixture::owed(&mut conn, n).await;
        fixture::begun(&mut conn, if n == 1 { "a" } else { "dead" }, owed.follow_up, n, 0).await;
    }
    let own = run(&mut conn, Scope::OwnAtStart("a"), at(0), 10, judge).await.unwrap();
    assert_eq!(
        own,
        Reconciled { requeued: vec![id(1)], ..Reconciled::default() },
        "without waiting for the lease to run out"
    );
    assert_eq!(lease(&mut conn, "a", 0).await.len(), 1);
    let row = follow_ups::get(&mut conn, id(1)).await.unwrap();
    assert_eq!((row.state, row.attempts_made), (FollowUpState::Waiting, 0));

    let others = run(&mut conn, Scope::LeaseRunOut, at(1), 10, judge).await.unwrap();
    assert_eq!(others.to_review, [id(2)], "the mark may still lie in the dead node's journal");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_journal_of_a_dead_engine_brings_the_true_end(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    for n in 1..=2 {
        let owed = fixture::owed(&mut conn, n).await;
        fixture::begun(&mut conn, "a", owed.follow_up, n, 0).await;
    }
    run(&mut conn, Scope::LeaseRunOut, at(1), 10, judge).await.unwrap();
    // A person decided about the second one before the journal turned up.
    sqlx::query("update follow_ups set state = 'retry', state_reason = null where id = $1")
        .bind(uuid(2))
        .execute(&mut *conn)
        .await
        .unwrap();
    let mut found = Vec::new();
    for n in 1..=2 {
        attempts::mark_sent(&mut conn, id(n), at(0)).await.unwrap();
        let end = attempts::tests::end(id(n), Next::Done);
        found.push(attempts::end(&mut conn, &end).await.unwrap());
        assert_eq!(attempts::end(&mut conn, &end).await.unwrap(), Ended::Before);
    }
    assert_eq!(found, [Ended::Now, Ended::FollowUpMovedOn]);
    let mut states = Vec::new();
    for n in 1..=2 {
        let row = follow_ups::get(&mut conn, id(n)).await.unwrap();
        states.push((row.state, row.attempts_made));
    }
    assert_eq!(states, [(FollowUpState::Done, 1), (FollowUpState::Retry, 1)]);
}

fn uuid(n: u16) -> Uuid {
    id(n)
}
