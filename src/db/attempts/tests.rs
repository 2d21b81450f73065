//! Attempts: committed before they leave, ended once, replayed without harm.

use super::*;
use crate::db::fixture::{self, at, id};
use crate::db::{call_backs, follow_ups, phones, story};
use sqlx::PgPool;

/// An end with a disposition that fits `next`.
pub(crate) fn end(attempt: AttemptId, next: Next) -> AttemptEnd {
    let (disposition, aapor) = match &next {
        Next::Done => ("complete", "1.1"),
        Next::Retry { .. } | Next::CallBack { .. } | Next::NotReached { .. } | Next::Review => ("no_answer", "3.12"),
    };
    AttemptEnd {
        attempt,
        ended_at: at(5),
        sip_status: Some(200),
        disposition: disposition.to_owned(),
        aapor: Some(aapor.to_owned()),
        blame: Some("customer".to_owned()),
        retry_allowed: true,
        detail: Some("the callee hung up".to_owned()),
        next,
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn an_attempt_is_begun_sent_answered_and_ended(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let owed = fixture::owed(&mut conn, 1).await;
    let attempt = fixture::begun(&mut conn, "a", owed.follow_up, 1, 0).await;
    let row = follow_ups::get(&mut conn, owed.follow_up).await.unwrap();
    assert_eq!((row.state, row.attempts_made, row.survey_version), (FollowUpState::InCall, 0, Some(1)));
    for _ in 0..2 {
        mark_sent(&mut conn, attempt, at(0)).await.unwrap();
        super::answered(&mut conn, attempt, at(1)).await.unwrap();
        survey_finished(&mut conn, attempt, "complete").await.unwrap();
    }
    let end = end(attempt, Next::Done);
    assert_eq!(super::end(&mut conn, &end).await.unwrap(), Ended::Now);
    assert_eq!(super::end(&mut conn, &end).await.unwrap(), Ended::Before, "a replay");
    let row = follow_ups::get(&mut conn, owed.follow_up).await.unwrap();
    assert_eq!((row.state, row.attempts_made, row.final_aapor.as_deref()), (FollowUpState::Done, 1, Some("1.1")));
    assert_eq!((row.closed_at, row.lease_node), (Some(at(5)), None));
    let attempt = story::attempt(&mut conn, attempt).await.unwrap().attempt;
    assert_eq!(
        (attempt.ordinal, attempt.answered_at, attempt.survey_outcome.as_deref()),
        (1, Some(at(1)), Some("complete"))
    );
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn no_attempt_begins_without_a_lease_that_holds(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let owed = fixture::owed(&mut conn, 1).await;
    let leased = fixture::lease(&mut conn, "a", 0).await.pop().unwrap();
    let good = NewAttempt::of(&leased, id(1), "main", at(0));
    for (what, bad) in [
        ("another token", NewAttempt { token: id(9), ..good.clone() }),
        ("run out", NewAttempt { began_at: at(1), ..good.clone() }),
        ("another follow-up", NewAttempt { follow_up: id(9), ..good.clone() }),
    ] {
        let error = begin(&mut conn, &bad).await.unwrap_err();
        assert!(matches!(error, BeginError::NotOurs(_)), "{what}: {error}");
    }
    assert_eq!(begin(&mut conn, &good).await.unwrap(), 1);
    let twice = begin(&mut conn, &NewAttempt { id: id(2), ..good.clone() }).await.unwrap_err();
    assert!(matches!(twice, BeginError::NotOurs(_)), "{twice}");
    assert_eq!(story::attempts_of(&mut conn, owed.follow_up).await.unwrap().len(), 1, "nothing half-done");

    super::end(&mut conn, &end(id(1), Next::Retry { at: at(10) })).await.unwrap();
    crate::db::surveys::publish_next(&mut conn, fixture::SURVEY, "售后三日回访", "new", at(11)).await.unwrap();
    let again = fixture::lease(&mut conn, "a", 10).await.pop().unwrap();
    assert_eq!((again.survey_version, again.state), (1, FollowUpState::Retry), "pinned by the first attempt");
    let other = NewAttempt { survey_version: 2, ..NewAttempt::of(&again, id(3), "main", at(10)) };
    assert!(matches!(begin(&mut conn, &other).await.unwrap_err(), BeginError::NotOurs(_)));
    assert_eq!(begin(&mut conn, &NewAttempt::of(&again, id(3), "main", at(10))).await.unwrap(), 2);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_next_state_is_what_the_end_says(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    for (n, next, state, next_at) in [
        (1, Next::Retry { at: at(60) }, FollowUpState::Retry, at(60)),
        (2, Next::CallBack { at: at(90) }, FollowUpState::CallBack, at(90)),
        (3, Next::Review, FollowUpState::NeedsReview, at(0)),
    ] {
        let owed = fixture::owed(&mut conn, n).await;
        let attempt = fixture::begun(&mut conn, "a", owed.follow_up, n, 0).await;
        let booking = call_backs::NewCallBack { id: id(n), attempt, call_at: next_at, booked_at: at(1) };
        call_backs::book(&mut conn, &booking).await.unwrap();
        assert_eq!(super::end(&mut conn, &end(attempt, next)).await.unwrap(), Ended::Now);
        let row = follow_ups::get(&mut conn, owed.follow_up).await.unwrap();
        assert_eq!((row.state, row.next_attempt_at, row.final_disposition), (state, next_at, None));
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_wrong_number_ends_what_else_waits_for_that_customer_only(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let owed = fixture::owed(&mut conn, 1).await;
    fixture::owed_on(&mut conn, 2, &fixture::number(1)).await;
    let attempt = fixture::begun(&mut conn, "a", owed.follow_up, 1, 0).await;
    // The same customer's second car.
    let second = fixture::row(3, &fixture::number(1), "客户1", "苏A99999");
    crate::db::imports::load(&mut conn, "repair_list", None, &[second], at(0)).await.unwrap();
    for _ in 0..2 {
        phones::mark_wrong(&mut conn, attempt, at(2)).await.unwrap();
    }
    let mut states = Vec::new();
    for n in 1..=3 {
        states.push(follow_ups::get(&mut conn, id(n)).await.unwrap().state);
    }
    assert_eq!(states, [FollowUpState::InCall, FollowUpState::Waiting, FollowUpState::Done]);
    assert!(phones::mark_wrong(&mut conn, id(99), at(2)).await.is_err());
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn what_names_no_attempt_is_refused_by_name(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let nobody: AttemptId = id(9);
    let errors = [
        mark_sent(&mut conn, nobody, at(0)).await.unwrap_err(),
        super::answered(&mut conn, nobody, at(0)).await.unwrap_err(),
        survey_finished(&mut conn, nobody, "complete").await.unwrap_err(),
        super::end(&mut conn, &end(nobody, Next::Done)).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.to_string(), format!("attempts {nobody}: there is none"));
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn what_was_answered_in_part_stays_partial_when_nobody_is_reached_any_more(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    for (n, last, final_one) in [
        (1, Some(("invalid_number", "4.31")), ("partial", "1.2")),
        (2, Some(("complete", "1.1")), ("complete", "1.1")),
        (3, Some(("refusal", "2.11")), ("refusal", "2.11")),
        (4, None, ("partial", "1.2")),
    ] {
        let owed = fixture::owed(&mut conn, n).await;
        let first = fixture::begun(&mut conn, "a", owed.follow_up, n * 10, 0).await;
        let partial = AttemptEnd {
            disposition: "partial".to_owned(),
            aapor: Some("1.2".to_owned()),
            ..end(first, Next::Retry { at: at(10) })
        };
        super::end(&mut conn, &partial).await.unwrap();
        let second = fixture::begun(&mut conn, "a", owed.follow_up, n * 10 + 1, 10).await;
        let next = if last.is_some() { Next::Done } else { Next::Retry { at: at(20) } };
        let (disposition, aapor) = last.unwrap_or(("no_answer", "3.12"));
        let ended =
            AttemptEnd { disposition: disposition.to_owned(), aapor: Some(aapor.to_owned()), ..end(second, next) };
        super::end(&mut conn, &ended).await.unwrap();
        crate::db::queue::expire_overdue(&mut conn, at(2 * 24 * 60), 10).await.unwrap();
        let row = follow_ups::get(&mut conn, owed.follow_up).await.unwrap();
        let found = (row.final_disposition.as_deref(), row.final_aapor.as_deref());
        assert_eq!(found, (Some(final_one.0), Some(final_one.1)), "{n}");
        let kept = story::attempt(&mut conn, second).await.unwrap().attempt.disposition;
        assert_eq!(kept.as_deref(), Some(disposition), "the attempt keeps its own");
    }
}
