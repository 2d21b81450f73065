//! What is left of an erased customer: figures, and nothing that says who it was.

use super::*;
use crate::db::answers::{self, NewAnswer, NewRecording};
use crate::db::attempts::{self, AttemptEnd, Next};
use crate::db::audit::Entry;
use crate::db::complaints::{self, NewComplaint};
use crate::db::fixture::{self, Owed, at, id};
use crate::db::imports;
use crate::db::queue;
use crate::db::state::{ComplaintReason, DoNotCallSource, RecordingKind};
use crate::db::{person, phones};
use serde_json::{Value, json};
use sqlx::PgPool;

fn entry() -> Entry {
    Entry::ours(at(100), "person.erase", "customer 1", json!({ "by": "a test" }))
}

async fn asked(conn: &mut PgConnection, customer: CustomerId) -> Option<Hindrance> {
    ask(conn, customer, at(100), &entry(), rand::random()).await.unwrap()
}

async fn answer(conn: &mut PgConnection, n: u16, question: &str, keys: &str, value: &str, score: Option<i32>) {
    let new = NewAnswer {
        id: id(n),
        attempt: id(1),
        question: question.into(),
        keys: keys.into(),
        value: value.into(),
        score,
        unhappy: false,
        given_at: at(2),
    };
    assert!(answers::add(conn, &new).await.unwrap());
}

async fn ended(conn: &mut PgConnection, attempt: AttemptId) {
    let end = AttemptEnd {
        attempt,
        ended_at: at(9),
        sip_status: Some(200),
        disposition: "complete".to_owned(),
        aapor: Some("1.1".to_owned()),
        blame: None,
        retry_allowed: false,
        detail: Some("talked".to_owned()),
        next: Next::Done,
    };
    attempts::end(conn, &end).await.unwrap();
}

/// Customer 1, called and questioned, with a timeline, a lead and a recording.
async fn called(conn: &mut PgConnection) -> Owed {
    let owed = fixture::owed(conn, 1).await;
    let attempt = fixture::begun(conn, "a", owed.follow_up, 1, 0).await;
    answer(conn, 1, "q1", "1", "very_satisfied", Some(12)).await;
    answer(conn, 2, "advisor", "1024", "1024", None).await;
    answer(conn, 3, "safe_way", "1", "yes", None).await;
    let (kind, path) = (RecordingKind::Suggestion, "1.wav".to_owned());
    let new = NewRecording { id: id(1), attempt, kind, path, duration_ms: 900, recorded_at: at(3) };
    assert!(answers::add_recording(conn, &new).await.unwrap());
    for statement in [
        "insert into attempt_events (attempt_id, seq, offset_ms, kind, detail) select id, 0, 5, 'key', '{\"key\": \"13900001111\"}' from attempts",
        "insert into leads (id, follow_up_id, attempt_id, keyed, given_at) select gen_random_uuid(), follow_up_id, id, '13900001111', now() from attempts",
        "update customers set birthday = '1980-02-03', region = 'Gulou', source = 'friend', owner = 'Li'",
    ] {
        sqlx::query(statement).execute(&mut *conn).await.unwrap();
    }
    owed
}

/// All that the store holds on them, as text, but ids.
async fn held(conn: &mut PgConnection, customer: CustomerId) -> String {
    let all = person::everything(conn, customer).await.unwrap();
    serde_json::to_string(&all).unwrap()
}

async fn figures(conn: &mut PgConnection) -> Value {
    sqlx::query_scalar(
        "select jsonb_build_object(
             'scores', (select jsonb_agg(jsonb_build_array(question, score, unhappy, given_at) order by question) from answers),
             'words', (select jsonb_agg(value order by question) from answers where value ~ '^[a-z]'),
             'ends', (select jsonb_agg(jsonb_build_array(disposition, aapor, began_at, ended_at)) from attempts),
             'follow_ups', (select jsonb_agg(jsonb_build_array(state, final_aapor, closed_at)) from follow_ups),
             'cars', (select jsonb_agg(model) from vehicles), 'events', (select jsonb_agg(jsonb_build_array(kind, happened_on, advisor_id)) from service_events))
         - 'erased'",
    )
    .fetch_one(conn)
    .await
    .unwrap()
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn nothing_says_who_it_was_and_every_figure_stays(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let owed = called(&mut conn).await;
    ended(&mut conn, id(1)).await;
    phones::block(&mut conn, &fixture::number(1), DoNotCallSource::Keypad, at(10)).await.unwrap();
    let new = NewComplaint {
        id: id(1),
        step: id(1),
        attempt: id(1),
        reason: ComplaintReason::LowScore,
        question: None,
        opened_at: at(5),
        contact_due_at: at(60),
    };
    assert!(complaints::open(&mut conn, &new).await.unwrap());
    assert_eq!(asked(&mut conn, owed.customer).await, Some(Hindrance::Complaint(id(1))), "a claim is being worked on");
    sqlx::query("update complaints set state = 'closed', closed_at = now()").execute(&mut *conn).await.unwrap();
    let before = figures(&mut conn).await;
    let told = held(&mut conn, owed.customer).await;
    for secret in ["客户1", fixture::number(1).as_str(), "苏A00001", "13900001111", "1980-02-03", "Gulou"] {
        assert!(told.contains(secret), "{secret}");
    }

    assert_eq!(asked(&mut conn, owed.customer).await, None);
    assert_eq!(unfinished(&mut conn, 9).await.unwrap(), [owed.customer]);
    finish(&mut conn, owed.customer, at(101)).await.unwrap();
    let after = held(&mut conn, owed.customer).await;
    for secret in ["客户", "1380010", "苏A", "13900001111", "1980", "Gulou", "friend", "1024", "\"Li\""] {
        assert!(!after.contains(secret), "{secret}: {after}");
    }
    let mut expected = before.clone();
    let words = expected["words"].as_array_mut().unwrap();
    words.insert(0, "erased".into()); // the advisor's number was no word of a scale
    assert_eq!(figures(&mut conn).await, expected);
    let history: Vec<(String, String)> =
        sqlx::query_as("select kind, note from complaint_steps").fetch_all(&mut *conn).await.unwrap();
    assert_eq!(history, [("listen_and_record".to_owned(), "erased".to_owned())]);
    let edit = sqlx::query("update complaint_steps set note = 'x'").execute(&mut *conn).await;
    assert!(edit.is_err(), "history is as closed as before");
    assert!(phones::is_blocked(&mut conn, &fixture::number(1)).await.unwrap(), "never again stays never again");
    assert!(unfinished(&mut conn, 9).await.unwrap().is_empty());

    // Again is no harm, and one entry is enough.
    assert_eq!(asked(&mut conn, owed.customer).await, None);
    finish(&mut conn, owed.customer, at(200)).await.unwrap();
    let kept = audit::newest(&mut conn, 9).await.unwrap();
    assert_eq!(kept.iter().filter(|entry| entry.action == "person.erase").count(), 1);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn nobody_is_erased_in_mid_call_and_nobody_called_afterwards(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let owed = fixture::owed(&mut conn, 1).await;
    let other = fixture::owed(&mut conn, 2).await;
    assert_eq!(asked(&mut conn, id(7)).await, Some(Hindrance::Unknown));
    let attempt = fixture::begun(&mut conn, "a", owed.follow_up, 1, 99).await;
    assert_eq!(asked(&mut conn, owed.customer).await, Some(Hindrance::Live(attempt)));
    assert_eq!(look(&mut conn, owed.customer, at(100)).await.unwrap(), Some(Hindrance::Live(attempt)));
    ended(&mut conn, attempt).await;
    assert_eq!(asked(&mut conn, owed.customer).await, None);

    let leased = fixture::lease(&mut conn, "a", 100).await;
    assert_eq!(leased.iter().map(|leased| leased.follow_up).collect::<Vec<_>>(), [other.follow_up]);
    assert_eq!(asked(&mut conn, other.customer).await, Some(Hindrance::Leased), "about to be called");
    queue::release_all(&mut conn, "a").await.unwrap();
    assert_eq!(asked(&mut conn, other.customer).await, None);
    assert!(fixture::lease(&mut conn, "a", 101).await.is_empty(), "asked is enough");
    assert!(finish(&mut conn, id(7), at(101)).await.is_err());

    // The same list once more between the two steps: what it brings is ended too.
    let mut again = fixture::row(3, &fixture::number(2), "客户2", "苏A00002");
    again.happened_on = again.happened_on.succ_opt().unwrap();
    imports::load(&mut conn, "repair_list", None, &[again], at(101)).await.unwrap();
    finish(&mut conn, other.customer, at(102)).await.unwrap();
    let open: i64 = sqlx::query_scalar("select count(*) from follow_ups f join customers c on c.id = f.customer_id where c.erased_at is not null and f.closed_at is null")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    assert_eq!(open, 0);
}
