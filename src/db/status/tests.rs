//! Each query against rows that one small story leaves.

use super::*;
use crate::db::answers::{self, NewAnswer};
use crate::db::attempts::{self, AttemptEnd, Next};
use crate::db::call_backs::{self, NewCallBack};
use crate::db::complaints::{self, NewComplaint};
use crate::db::fixture::{self, at, begun, id, owed};
use crate::db::story::{self, Event};
use sqlx::PgPool;

async fn end(conn: &mut PgConnection, attempt: u16, minutes: i64, disposition: &str, aapor: &str, next: Next) {
    let end = AttemptEnd {
        attempt: id(attempt),
        ended_at: at(minutes),
        sip_status: Some(200),
        disposition: disposition.to_owned(),
        aapor: Some(aapor.to_owned()),
        blame: None,
        retry_allowed: false,
        detail: None,
        next,
    };
    attempts::end(conn, &end).await.unwrap();
}

fn answer(n: u16, question: &str, unhappy: bool) -> NewAnswer {
    NewAnswer {
        id: id(n),
        attempt: id(1),
        question: question.to_owned(),
        keys: "4".to_owned(),
        value: "dissatisfied".to_owned(),
        score: Some(0),
        unhappy,
        given_at: at(n.into()),
    }
}

fn complaint(n: u16, due: i64) -> NewComplaint {
    NewComplaint {
        id: id(n),
        step: Uuid::from_u128(n.into()),
        attempt: id(n),
        reason: ComplaintReason::LowScore,
        question: Some("q1".to_owned()),
        opened_at: at(n.into()),
        contact_due_at: at(due),
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn live_calls_are_the_open_attempts(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    for n in 1..=3 {
        let owed = owed(&mut conn, n).await;
        begun(&mut conn, "a", owed.follow_up, n, n.into()).await;
    }
    attempts::mark_sent(&mut conn, id(1), at(1)).await.unwrap();
    attempts::answered(&mut conn, id(1), at(2)).await.unwrap();
    attempts::mark_sent(&mut conn, id(3), at(3)).await.unwrap();
    end(&mut conn, 3, 4, "busy", "3.12", Next::Retry { at: at(30) }).await;
    answers::add(&mut conn, &answer(5, "q1", false)).await.unwrap();
    answers::add(&mut conn, &answer(6, "q2", true)).await.unwrap();
    let calls = live_calls(&mut conn, 10).await.unwrap();
    assert_eq!(
        calls.iter().map(|call| call.attempt).collect::<Vec<_>>(),
        [id(1), id(2)],
        "the longest first, ended ones not at all"
    );
    assert_eq!(
        (calls[0].answered_at, calls[0].unhappy, calls[0].last_question.as_deref()),
        (Some(at(2)), true, Some("q2"))
    );
    assert_eq!((calls[1].invite_sent_at, calls[1].unhappy, calls[1].last_question.as_deref()), (None, false, None));
    assert_eq!(
        (&calls[0].number, calls[0].ordinal, calls[0].survey.as_str()),
        (&fixture::number(1), 1, fixture::SURVEY)
    );
    let asked =
        Event { seq: 0, offset_ms: 1, kind: "asked".to_owned(), detail: serde_json::json!({ "question": "q3" }) };
    story::add_events(&mut conn, id(1), &[asked]).await.unwrap();
    assert_eq!(
        live_calls(&mut conn, 1).await.unwrap()[0].last_question.as_deref(),
        Some("q3"),
        "what is asked comes before what was answered"
    );
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_run_is_what_ended_that_day_and_what_is_still_owed(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    for n in 1..=3 {
        let owed = owed(&mut conn, n).await;
        if n < 3 {
            begun(&mut conn, "a", owed.follow_up, n, n.into()).await;
            attempts::mark_sent(&mut conn, id(n), at(n.into())).await.unwrap();
        }
    }
    end(&mut conn, 1, 5, "complete", "1.1", Next::Done).await;
    end(&mut conn, 2, 50, "refusal", "2.11", Next::Done).await;
    let count = |disposition: Option<&str>, aapor: Option<&str>| RunCount {
        disposition: disposition.map(str::to_owned),
        aapor: aapor.map(str::to_owned),
        count: 1,
    };
    let complete = count(Some("complete"), Some("1.1"));
    assert_eq!(run(&mut conn, at(0), at(10)).await.unwrap(), [complete, count(None, None)]);
    assert_eq!(
        run(&mut conn, at(40), at(60)).await.unwrap(),
        [count(Some("refusal"), Some("2.11")), count(None, None)],
        "owed since earlier days"
    );
    assert_eq!(run(&mut conn, at(-60), at(0)).await.unwrap(), [], "nothing was owed yet");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn open_complaints_are_listed_newest_first_with_their_steps(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    for n in 1..=3 {
        let owed = owed(&mut conn, n).await;
        begun(&mut conn, "a", owed.follow_up, n, n.into()).await;
        complaints::open(&mut conn, &complaint(n, 60)).await.unwrap();
    }
    sqlx::query("update complaints set state = 'closed', closed_at = opened_at where id = $1")
        .bind(id::<Uuid>(2))
        .execute(&mut *conn)
        .await
        .unwrap();
    let open = open_complaints(&mut conn, 10).await.unwrap();
    assert_eq!(open.iter().map(|row| row.follow_up).collect::<Vec<_>>(), [id(3), id(1)]);
    assert_eq!(
        (open[1].name.expose().as_str(), open[1].model.as_deref(), open[1].reason),
        ("客户1", Some("轿车"), ComplaintReason::LowScore)
    );
    assert_eq!(format!("{:?}", open[0].name), "•••");
    let steps = complaint_steps(&mut conn, id(1)).await.unwrap();
    assert_eq!(
        steps,
        [Step { kind: StepKind::ListenAndRecord, done_at: at(1), person: None, note: "low_score (q1)".to_owned() }]
    );
    assert_eq!(complaint_steps(&mut conn, id(9)).await.unwrap(), []);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_follow_up_knows_whom_it_is_about(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let owed = owed(&mut conn, 1).await;
    let about = subject(&mut conn, owed.follow_up).await.unwrap().unwrap();
    assert_eq!(
        (about.name.expose().as_str(), &about.number, about.number_wrong),
        ("客户1", &fixture::number(1), false)
    );
    assert_eq!(
        (about.event, about.advisor.as_deref(), about.survey_name.as_str()),
        (EventKind::Repair, Some("王顾问"), "售后三日回访")
    );
    assert!(!format!("{about:?}").contains("客户1"), "Debug shows nothing personal");
    assert_eq!(subject(&mut conn, id(9)).await.unwrap(), None);
    begun(&mut conn, "a", owed.follow_up, 1, 0).await;
    let new = NewCallBack { id: id(1), attempt: id(1), call_at: at(120), booked_at: at(2) };
    call_backs::book(&mut conn, &new).await.unwrap();
    assert_eq!(
        call_backs(&mut conn, owed.follow_up).await.unwrap(),
        [Booked { attempt: id(1), call_at: at(120), booked_at: at(2) }]
    );
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn surveys_have_names_and_migrations_are_counted(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(survey_names(&mut conn).await.unwrap(), []);
    owed(&mut conn, 1).await;
    assert_eq!(survey_names(&mut conn).await.unwrap(), [(fixture::SURVEY.to_owned(), "售后三日回访".to_owned())]);
    assert_eq!(missing_migrations(&mut conn).await.unwrap(), Vec::<i64>::new());
    sqlx::query("delete from _sqlx_migrations where version = 2").execute(&mut *conn).await.unwrap();
    assert_eq!(missing_migrations(&mut conn).await.unwrap(), [2]);
}
