//! The spool under what happens to it: the database away, the engine killed, torn and damaged lines, refused data.

use super::*;
use crate::db::answers::{self, NewAnswer};
use crate::db::complaints::NewComplaint;
use crate::db::fixture::{self, at, id};
use crate::db::state::ComplaintReason;
use crate::db::{attempts, figures, follow_ups, state, story};
use crate::ids::AttemptId;
use sqlx::PgPool;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

fn answer(n: u16, attempt: AttemptId) -> Fact {
    let (question, keys, value) = (format!("q{n}"), "1".to_owned(), "very_satisfied".to_owned());
    let given_at = at(n.into());
    Fact::Answer(NewAnswer { id: id(n), attempt, question, keys, value, score: Some(12), unhappy: false, given_at })
}

fn complaint(attempt: AttemptId) -> Fact {
    Fact::Complaint(NewComplaint {
        id: id(1),
        step: id(1),
        attempt,
        reason: ComplaintReason::LowScore,
        question: Some("q2".to_owned()),
        opened_at: at(1),
        contact_due_at: at(60),
    })
}

async fn begun(pool: &PgPool) -> AttemptId {
    let mut conn = pool.acquire().await.unwrap();
    let owed = fixture::owed(&mut conn, 1).await;
    fixture::begun(&mut conn, "a", owed.follow_up, 1, 0).await
}

async fn questions(pool: &PgPool, attempt: AttemptId) -> Vec<String> {
    let mut conn = pool.acquire().await.unwrap();
    answers::of_attempt(&mut conn, attempt).await.unwrap().into_iter().map(|a| a.question).collect()
}

/// A pool that refuses every time, as while the database is away.
async fn away(pool: &PgPool) -> PgPool {
    let closed = PgPool::connect_lazy_with((*pool.connect_options()).clone());
    closed.close().await;
    closed
}

fn segments(dir: &Path) -> Vec<(String, u64)> {
    let mut all: Vec<(String, u64)> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().extension().is_some_and(|ext| ext == "seg"))
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len()))
        .collect();
    all.sort();
    all
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_whole_call_lands_in_order_and_once(pool: PgPool) {
    let attempt = begun(&pool).await;
    let dir = TempDir::new().unwrap();
    let (journal, mut applier) = Journal::open(dir.path()).unwrap();
    let facts = [
        vec![Fact::AttemptSent { attempt, at: at(0) }],
        vec![Fact::AttemptAnswered { attempt, at: at(1) }],
        vec![answer(1, attempt)],
        vec![answer(2, attempt), complaint(attempt)],
        vec![Fact::SurveyFinished { attempt, outcome: "complete".to_owned() }],
        vec![Fact::AttemptEnded(attempts::tests::end(attempt, attempts::Next::Done))],
    ];
    // The file is read back by a second journal too: all of it is applied twice.
    let copy = TempDir::new().unwrap();
    let (twin, mut twin_applier) = Journal::open(copy.path()).unwrap();
    for record in &facts {
        journal.append(record).unwrap();
        twin.append(record).unwrap();
    }
    assert_eq!(journal.backlog().records, 6);
    assert_eq!(applier.drain(&pool).await.unwrap(), 6);
    assert_eq!(applier.step(&pool).await.unwrap(), Step::Idle);
    assert_eq!(journal.backlog().records, 0);
    journal.settled().await;
    assert_eq!(segments(dir.path()), [("0000000001.seg".to_owned(), 0)], "truncated when applied");

    let mut conn = pool.acquire().await.unwrap();
    let before = story::follow_up(&mut conn, id(1)).await.unwrap();
    assert_eq!(before.follow_up.state, state::FollowUpState::Done);
    assert_eq!((before.follow_up.attempts_made, before.attempts[0].answers.len()), (1, 2));
    assert!(before.complaint.is_some());
    assert_eq!(twin_applier.drain(&pool).await.unwrap(), 6);
    assert_eq!(story::follow_up(&mut conn, id(1)).await.unwrap(), before, "a replay changes nothing");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn while_the_database_is_away_nothing_is_lost_or_reordered(pool: PgPool) {
    let attempt = begun(&pool).await;
    let dir = TempDir::new().unwrap();
    let (journal, mut applier) = Journal::open(dir.path()).unwrap();
    let away = away(&pool).await;
    for n in 1..=3 {
        journal.append(&[answer(n, attempt)]).unwrap();
        let error = applier.step(&away).await.unwrap_err();
        assert!(matches!(error, StepError::Store(crate::db::StoreError::Away(_))), "{error}");
    }
    assert_eq!(journal.backlog().records, 3);
    // The loop of the running engine: it gives back what it could not apply when it is stopped, and brings it to the disk.
    let stop = CancellationToken::new();
    stop.cancel();
    let applier = applier.run(away, stop).await;
    journal.append(&[answer(4, attempt)]).unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn(applier.run(pool.clone(), stop.clone()));
    journal.settled().await;
    journal.append(&[answer(5, attempt)]).unwrap();
    journal.settled().await;
    stop.cancel();
    running.await.unwrap();
    assert_eq!(questions(&pool, attempt).await, ["q1", "q2", "q3", "q4", "q5"]);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn what_a_killed_engine_left_is_replayed_without_its_torn_line(pool: PgPool) {
    let attempt = begun(&pool).await;
    let dir = TempDir::new().unwrap();
    let (journal, applier) = Journal::open(dir.path()).unwrap();
    for n in 1..=3 {
        journal.append(&[answer(n, attempt)]).unwrap();
    }
    drop((journal, applier));
    let file = dir.path().join("0000000001.seg");
    let mut bytes = fs::read(&file).unwrap();
    bytes.truncate(bytes.len() - 5);
    // Damage in the first line too: it is skipped, the second stands.
    let middle = bytes.iter().position(|b| *b == b'{').unwrap() + 20;
    bytes[middle] ^= 1;
    fs::write(&file, &bytes).unwrap();

    let (journal, mut applier) = Journal::open(dir.path()).unwrap();
    assert_eq!(journal.backlog().records, 1);
    journal.append(&[answer(4, attempt)]).unwrap();
    assert_eq!(applier.drain(&pool).await.unwrap(), 2);
    assert_eq!(questions(&pool, attempt).await, ["q2", "q4"]);
    assert_eq!(segments(dir.path()), [("0000000002.seg".to_owned(), 0)]);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn killed_between_applying_and_truncating_it_applies_again_without_harm(pool: PgPool) {
    let attempt = begun(&pool).await;
    let dir = TempDir::new().unwrap();
    let (journal, mut applier) = Journal::open(dir.path()).unwrap();
    journal.append(&[Fact::AttemptSent { attempt, at: at(0) }, answer(1, attempt)]).unwrap();
    let file = dir.path().join("0000000001.seg");
    let before = fs::read(&file).unwrap();
    applier.drain(&pool).await.unwrap();
    drop((journal, applier));
    fs::write(&file, before).unwrap();
    let (_journal, mut applier) = Journal::open(dir.path()).unwrap();
    assert_eq!(applier.drain(&pool).await.unwrap(), 1);
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(follow_ups::get(&mut conn, id(1)).await.unwrap().attempts_made, 1);
    assert_eq!(figures::totals(&mut conn).await.unwrap().answers, 1);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_record_the_store_refuses_is_put_aside_and_the_rest_goes_on(pool: PgPool) {
    let attempt = begun(&pool).await;
    let dir = TempDir::new().unwrap();
    let (journal, mut applier) = Journal::open(dir.path()).unwrap();
    journal.append(&[answer(1, attempt)]).unwrap();
    // The second fact names no attempt: the whole record is refused, its first fact too.
    journal.append(&[answer(2, attempt), answer(3, id(999))]).unwrap();
    journal.append(&[answer(4, attempt)]).unwrap();
    assert_eq!(applier.drain(&pool).await.unwrap(), 3);
    assert_eq!(questions(&pool, attempt).await, ["q1", "q4"]);
    let refused = fs::read_to_string(dir.path().join("refused.log")).unwrap();
    assert_eq!(refused.lines().count(), 1);
    assert_eq!(serde_json::from_str::<Vec<Fact>>(&refused).unwrap(), [answer(2, attempt), answer(3, id(999))]);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn segments_that_grew_full_are_applied_in_order_and_removed(pool: PgPool) {
    let attempt = begun(&pool).await;
    let dir = TempDir::new().unwrap();
    let (journal, mut applier) = Journal::open(dir.path()).unwrap();
    let big = |seq| Fact::Events {
        attempt,
        events: vec![story::Event {
            seq,
            offset_ms: 0,
            kind: "note".to_owned(),
            detail: serde_json::json!({ "text": "x".repeat(3 << 20) }),
        }],
    };
    for seq in 0..7 {
        journal.append(&[big(seq)]).unwrap();
    }
    assert_eq!(segments(dir.path()).len(), 4);
    assert_eq!(applier.drain(&pool).await.unwrap(), 7);
    assert_eq!(segments(dir.path()), [("0000000004.seg".to_owned(), 0)]);
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(story::attempt(&mut conn, attempt).await.unwrap().timeline.len(), 7);
}

#[test]
fn one_engine_for_one_journal_and_nobody_else_reads_it() {
    let base = TempDir::new().unwrap();
    let dir = base.path().join("journal");
    let (journal, _applier) = Journal::open(&dir).unwrap();
    let second = Journal::open(&dir).unwrap_err();
    assert!(second.to_string().contains("another huifang runs"), "{second}");
    journal.append(&[answer(1, id(1))]).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&dir), mode(&dir.join("0000000001.seg"))), (0o700, 0o600));
}
