//! Moments, what the page says, the ledger.

use super::*;
use crate::db::agent_sessions::tests::{in_call, on_duty, reservation};
use crate::db::agent_sessions::{Reservation, reserve};
use crate::db::agents::tests::added;
use crate::db::attempts::{self, Next};
use crate::db::fixture::{at, id};
use crate::db::journal::{Fact, Journal};
use crate::db::state::Reach;
use sqlx::PgPool;

async fn tell(conn: &mut PgConnection, n: u16, what: TransferMoment, minutes: i64) {
    moment(conn, id(n), what, at(minutes)).await.unwrap();
}

/// A hand-over that nobody is held for: of a queue of the PBX.
fn to_queue(n: u16, attempt: AttemptId, agent: AgentId, minutes: i64) -> NewTransfer<'static> {
    NewTransfer { mode: Some(TransferMode::Refer), ..reservation(n, attempt, agent, minutes).transfer }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn each_moment_is_written_once_and_the_tries_of_a_call_are_numbered(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let agent = on_duty(&mut conn, 1).await;
    let attempt = in_call(&mut conn, 1).await;
    reserve(&mut conn, &reservation(1, attempt, agent, 1)).await.unwrap();
    let rejected = TransferMoment::Ended(TransferOutcome::Rejected);
    for minutes in [2, 9] {
        for what in [TransferMoment::Offered, TransferMoment::Wanted, TransferMoment::Ringing, rejected] {
            tell(&mut conn, 1, what, minutes).await;
        }
    }
    let nobody = NewTransfer { id: id(2), agent: None, mode: None, ..reservation(2, attempt, agent, 3).transfer };
    begin(&mut conn, &nobody).await.unwrap();
    let both = of_follow_up(&mut conn, id(1)).await.unwrap();
    let [first, second] = both.as_slice() else { panic!("{both:?}") };
    assert_eq!((first.ordinal, first.agent(), first.reserved_at), (1, Some(agent), Some(at(1))));
    assert_eq!((first.offered_at, first.wanted_at, first.ringing_at), (Some(at(2)), Some(at(2)), Some(at(2))));
    assert_eq!((first.answered_at, first.accepted_at, first.ended_at), (None, None, Some(at(2))));
    assert_eq!(first.outcome, Some(TransferOutcome::Rejected));
    assert_eq!((second.ordinal, second.agent(), second.mode, second.reserved_at), (2, None, None, None));
    assert_eq!((second.ended_at, second.outcome), (Some(at(3)), Some(TransferOutcome::NobodyFree)));
    for what in [TransferMoment::Answered, rejected] {
        assert!(moment(&mut conn, id(9), what, at(1)).await.unwrap_err().is_data_fault());
    }
    assert!(begin(&mut conn, &to_queue(3, id(9), agent, 1)).await.is_err(), "no hand-over without a call");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_true_end_replaces_an_interruption(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let agent = on_duty(&mut conn, 1).await;
    let attempt = in_call(&mut conn, 1).await;
    reserve(&mut conn, &reservation(1, attempt, agent, 1)).await.unwrap();
    interrupt(&mut conn, id(1), at(3)).await.unwrap();
    tell(&mut conn, 1, TransferMoment::Ended(TransferOutcome::Accepted), 4).await;
    interrupt(&mut conn, id(1), at(5)).await.unwrap();
    tell(&mut conn, 1, TransferMoment::Ended(TransferOutcome::Rejected), 6).await;
    let transfer = get(&mut conn, id(1)).await.unwrap();
    assert_eq!((transfer.ended_at, transfer.outcome), (Some(at(4)), Some(TransferOutcome::Accepted)));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_hand_over_without_a_hold_is_closed_after_its_call(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let queue = added(&mut conn, 1, Reach::Pbx).await;
    let attempt = in_call(&mut conn, 1).await;
    begin(&mut conn, &to_queue(1, attempt, queue, 1)).await.unwrap();
    let grace = TimeDelta::minutes(1);
    assert_eq!(close_ended(&mut conn, at(60), grace).await.unwrap(), 0, "the call goes on");
    attempts::end(&mut conn, &attempts::tests::end(attempt, Next::Review)).await.unwrap();
    let ended: DateTime<Utc> = sqlx::query_scalar("select ended_at from attempts").fetch_one(&mut *conn).await.unwrap();
    assert_eq!(close_ended(&mut conn, ended, grace).await.unwrap(), 0, "the journal may still tell");
    assert_eq!(close_ended(&mut conn, ended + grace, grace).await.unwrap(), 1);
    assert_eq!(get(&mut conn, id(1)).await.unwrap().outcome, Some(TransferOutcome::Interrupted));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn page_and_engine_talk_through_the_row(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let (agent, other) = (on_duty(&mut conn, 1).await, on_duty(&mut conn, 2).await);
    let attempt = in_call(&mut conn, 1).await;
    reserve(&mut conn, &reservation(1, attempt, agent, 1)).await.unwrap();
    let nothing = Said { word: None, offer: None, there: true };
    assert_eq!(page_word(&mut conn, id(1)).await.unwrap(), nothing);
    let mut say = async |who, word, offer| say(&mut conn, id(1), who, word, offer).await.unwrap();
    assert!(!say(other, PageWord::Take, Some("v=0")).await, "not theirs");
    assert!(say(agent, PageWord::Take, Some("v=0")).await);
    assert!(!say(agent, PageWord::Take, Some("other")).await, "taken once");
    assert!(!say(agent, PageWord::Reject, None).await);
    let mut conn = pool.acquire().await.unwrap();
    let said = page_word(&mut conn, id(1)).await.unwrap();
    assert_eq!((said.word, said.offer.as_deref()), (Some(PageWord::Take), Some("v=0")));
    assert_eq!(page_answer(&mut conn, id(1), agent).await.unwrap(), None);
    set_page_answer(&mut conn, id(1), "v=0 answer").await.unwrap();
    assert_eq!(page_answer(&mut conn, id(1), agent).await.unwrap().as_deref(), Some("v=0 answer"));
    assert!(page_answer(&mut conn, id(1), other).await.is_err());
    assert!(super::say(&mut conn, id(1), agent, PageWord::HangUp, None).await.unwrap());
    tell(&mut conn, 1, TransferMoment::Ended(TransferOutcome::Accepted), 4).await;
    assert!(!super::say(&mut conn, id(1), agent, PageWord::HangUp, None).await.unwrap(), "over");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_ledger_counts_callers_not_tries(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let agent = added(&mut conn, 1, Reach::Pbx).await;
    let after_s = 120;
    let mut n = 0;
    // Minutes of: wanted, accepted, ended (of the first try), accepted in a second try.
    for (call, (wanted, accepted, ended, second)) in [
        (1, (Some(0), Some(1), Some(9), None)),  // in time
        (2, (Some(0), Some(3), Some(9), None)),  // too late
        (3, (Some(0), None, Some(1), Some(2))),  // by the second agent, in time
        (4, (Some(0), None, Some(1), None)),     // gave up
        (5, (None, None, Some(1), None)),        // never wanted a person
        (6, (Some(9), None, None, None)),        // still waits, within the seconds
        (7, (Some(-1441), None, Some(0), None)), // the day before
    ] {
        let attempt = in_call(&mut conn, call).await;
        n += 1;
        begin(&mut conn, &to_queue(n, attempt, agent, -1500)).await.unwrap();
        for (what, minutes) in [
            (TransferMoment::Wanted, wanted),
            (TransferMoment::Accepted, accepted),
            (TransferMoment::Ended(TransferOutcome::Accepted), ended),
        ] {
            if let Some(minutes) = minutes {
                tell(&mut conn, n, what, minutes).await;
            }
        }
        if let Some(minutes) = second {
            n += 1;
            begin(&mut conn, &to_queue(n, attempt, agent, 1)).await.unwrap();
            tell(&mut conn, n, TransferMoment::Accepted, minutes).await;
        }
    }
    let shares = abandoned(&mut conn, crate::db::fixture::SURVEY, at(10), after_s).await.unwrap();
    assert_eq!((shares.day.callers, shares.day.abandoned), (4, 2));
    assert_eq!((shares.month.callers, shares.month.abandoned), (5, 3));
    let later = abandoned(&mut conn, crate::db::fixture::SURVEY, at(11), after_s).await.unwrap();
    assert_eq!((later.day.callers, later.day.abandoned), (5, 3), "who still waits has waited too long");
    assert_eq!(abandoned(&mut conn, "other", at(10), after_s).await.unwrap(), Shares::default());
    assert!(shares.day.is_above(49, 4) && !shares.day.is_above(50, 4) && !shares.day.is_above(0, 5));
    assert!(!Share::default().is_above(0, 0));

    let waits = waiting(&mut conn).await.unwrap();
    assert_eq!(waits.len(), 1);
    assert_eq!((waits[0].attempt, waits[0].since, waits[0].agent()), (id(6), at(9), Some(agent)));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_journal_brings_moments_twice_without_harm(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let agent = on_duty(&mut conn, 1).await;
    let attempt = in_call(&mut conn, 1).await;
    let Reservation { transfer, .. } = reservation(1, attempt, agent, 1);
    begin(&mut conn, &transfer).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let (journal, mut applier) = Journal::open(directory.path()).unwrap();
    let fact = |moment, minutes| Fact::Transfer { transfer: id(1), moment, at: at(minutes) };
    for minutes in [2, 3] {
        let ended = TransferMoment::Ended(TransferOutcome::CustomerGaveUp);
        journal.append(&[fact(TransferMoment::Offered, minutes), fact(ended, minutes + 1)]).unwrap();
    }
    assert_eq!(applier.drain(&pool).await.unwrap(), 2);
    let stored = get(&mut conn, id(1)).await.unwrap();
    assert_eq!((stored.offered_at, stored.ended_at), (Some(at(2)), Some(at(3))));
    assert_eq!(stored.outcome, Some(TransferOutcome::CustomerGaveUp));
}
