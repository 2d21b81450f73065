//! Writes that are sent twice, reads that change nothing, lists page by page.

use super::*;
use crate::db::idempotency::{self, Known};
use crate::db::{fixture, phones};
use chrono::TimeDelta;
use serde_json::json;

const BLOCK: &str = "/api/v1/do-not-call";

async fn block(router: &Router, key: &str, number: &str) -> Answer {
    let request = Request::post(BLOCK)
        .header(header::HOST, "localhost")
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", key)
        .body(Body::from(json!({ "number": number }).to_string()));
    send(router, request.unwrap()).await
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_write_that_is_sent_twice_is_done_once_and_answered_the_same(pool: PgPool) {
    let router = router(state(pool.clone(), None));
    let first = block(&router, "\"k-1\"", "13800138000").await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (StatusCode::OK, ""));
    // somebody takes it off the list in between: a second write would put it back
    let number = crate::phone::E164::parse("13800138000", "CN").unwrap();
    let mut conn = pool.acquire().await.unwrap();
    assert!(phones::unblock(&mut conn, &number, now()).await.unwrap());
    let again = block(&router, "k-1", "13800138000").await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (StatusCode::OK, "true"));
    assert_eq!((again.json(), again.header("content-type")), (first.json(), first.header("content-type")));
    assert!(!phones::is_blocked(&mut conn, &number).await.unwrap(), "done once");

    let another = block(&router, "k-1", "13800138001").await;
    assert_eq!(another.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(another.header("content-type"), "application/problem+json");
    assert_eq!(block(&router, "a b", "13800138001").await.status, StatusCode::BAD_REQUEST);
    // what was refused is answered the same, too; nothing of it is in clear
    assert_eq!(block(&router, "k-2", "12").await.status, StatusCode::BAD_REQUEST);
    let refused = block(&router, "k-2", "12").await;
    assert_eq!((refused.status, refused.header("idempotency-replayed")), (StatusCode::BAD_REQUEST, "true"));
    let kept: Vec<Vec<u8>> =
        sqlx::query_scalar("select body from idempotency_keys").fetch_all(&mut *conn).await.unwrap();
    assert!(kept.iter().all(|body| !String::from_utf8_lossy(body).contains("13800138")));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn one_that_runs_or_was_cut_off_is_a_conflict(pool: PgPool) {
    let state = state(pool.clone(), None);
    let router = router(state.clone());
    // taken by a request of an engine that is still at it, or dead: the fingerprint is that of this request
    assert_eq!(block(&router, "k", "13800138000").await.status, StatusCode::OK);
    let mut conn = pool.acquire().await.unwrap();
    sqlx::query("update idempotency_keys set ended_at = null, status = null, body = null, content_type = null")
        .execute(&mut *conn)
        .await
        .unwrap();
    let running = block(&router, "k", "13800138000").await;
    assert_eq!((running.status, running.header("retry-after")), (StatusCode::CONFLICT, "1"));
    state.clock().set(now() + TimeDelta::hours(1));
    let cut_off = block(&router, "k", "13800138000").await;
    assert_eq!((cut_off.status, cut_off.header("retry-after")), (StatusCode::CONFLICT, ""));
    assert!(cut_off.json()["detail"].as_str().unwrap().contains("nobody knows"));
    assert_eq!(idempotency::begin(&mut conn, "settings", "k", b"", now()).await.unwrap(), Known::Another);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn of_a_write_that_failed_nobody_knows_and_it_is_not_done_twice(pool: PgPool) {
    let router = router(state(pool.clone(), None));
    sqlx::query("alter table do_not_call rename to gone").execute(&pool).await.unwrap();
    assert!(block(&router, "k", "13800138000").await.status.is_server_error());
    sqlx::query("alter table gone rename to do_not_call").execute(&pool).await.unwrap();
    assert_eq!(block(&router, "k", "13800138000").await.status, StatusCode::CONFLICT);
    assert_eq!(block(&router, "another", "13800138000").await.status, StatusCode::OK);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_read_that_changed_nothing_is_not_sent_again(pool: PgPool) {
    let router = morning(pool.clone()).await;
    let first = get(&router, BLOCK).await;
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() == 34, "{tag}");
    let same = get_with(&router, BLOCK, &[("if-none-match", &tag)]).await;
    assert_eq!((same.status, same.body.as_str(), same.header("etag")), (StatusCode::NOT_MODIFIED, "", tag.as_str()));
    phones::block(
        &mut pool.acquire().await.unwrap(),
        &fixture::number(4000),
        crate::db::state::DoNotCallSource::Api,
        now(),
    )
    .await
    .unwrap();
    let changed = get_with(&router, BLOCK, &[("if-none-match", &tag)]).await;
    assert_eq!(changed.status, StatusCode::OK);
    assert_ne!(changed.header("etag"), tag);
    assert_eq!(get(&router, "/").await.header("etag"), "", "pages are not tagged");
}

/// Where `Link` leads.
fn next(answer: &Answer) -> Option<String> {
    let link = answer.header("link");
    let path = link.strip_prefix('<')?.strip_suffix(">; rel=\"next\"")?;
    Some(path.to_owned())
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn follow_ups_are_listed_page_by_page_masked(pool: PgPool) {
    let router = morning(pool.clone()).await;
    let all: i64 = sqlx::query_scalar("select count(*) from follow_ups").fetch_one(&pool).await.unwrap();
    let (mut seen, mut path) = (Vec::new(), Some("/api/v1/follow-ups?limit=50".to_owned()));
    while let Some(page) = path {
        let answer = get(&router, &page).await;
        assert_eq!(answer.status, StatusCode::OK, "{page}");
        assert!(!answer.body.contains("王小明"), "masked");
        let rows = answer.json()["follow_ups"].as_array().unwrap().clone();
        assert!(rows.len() <= 50 && !rows.is_empty());
        seen.extend(rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()));
        path = next(&answer);
    }
    assert_eq!(seen.len() as i64, all);
    assert!(seen.windows(2).all(|two| two[0] > two[1]), "each once, the newest first");

    let done = get(&router, "/api/v1/follow-ups?state=done&disposition=complete&limit=1").await;
    assert_eq!(done.json()["follow_ups"][0]["final_disposition"], "complete");
    assert!(next(&done).unwrap().contains("state=done&disposition=complete"), "filters go along");
    let clear = get(&router, "/api/v1/follow-ups?unmasked=true&limit=1000").await;
    assert!(clear.body.contains("王小明"));
    let kept: i64 = sqlx::query_scalar("select count(*) from audit_log where action = 'list.unmask'")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(kept, 1);
    for bad in ["state=asleep", "after=7", "limit=0", "due_from=yesterday", "page=2"] {
        assert_eq!(get(&router, &format!("/api/v1/follow-ups?{bad}")).await.status, StatusCode::BAD_REQUEST, "{bad}");
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn leads_and_tasks_are_listed_and_a_task_is_closed_once(pool: PgPool) {
    let router = morning(pool.clone()).await;
    let mut conn = pool.acquire().await.unwrap();
    let attempt: uuid::Uuid =
        sqlx::query_scalar("select id from attempts limit 1").fetch_one(&mut *conn).await.unwrap();
    let keyed = Some(crate::phone::Pii::new("13900001234".to_owned()));
    let lead = crate::db::leads::NewLead {
        id: fixture::id(1),
        attempt: crate::ids::AttemptId(attempt),
        keyed,
        recording: None,
        given_at: now(),
    };
    assert!(crate::db::leads::add(&mut conn, &lead).await.unwrap());
    let leads = get(&router, "/api/v1/leads").await;
    assert_eq!(leads.json()["leads"].as_array().unwrap().len(), 1);
    assert!(!leads.body.contains("13900001234"));
    assert!(get(&router, "/api/v1/leads?unmasked=true").await.body.contains("13900001234"));

    let customer: uuid::Uuid =
        sqlx::query_scalar("select id from customers limit 1").fetch_one(&mut *conn).await.unwrap();
    sqlx::query(
        "insert into follow_up_tasks (id, customer_id, rule_key, subject_id, occurrence, owner_role, purpose, due_at, deadline, created_at)
         values ($1, $2, '3dc', $2, '0', 'advisor', 'care', $3, $4, $3)",
    )
    .bind(fixture::id::<crate::ids::TaskId>(1).0)
    .bind(customer)
    .bind(now() - TimeDelta::hours(2))
    .bind(now() - TimeDelta::hours(1))
    .execute(&mut *conn)
    .await
    .unwrap();
    let tasks = get(&router, "/api/v1/tasks?owner=advisor").await.json();
    let task = &tasks["tasks"][0];
    assert_eq!((&task["rule"], &task["overdue"]), (&json!("3dc"), &json!(true)));
    assert_eq!(get(&router, "/api/v1/tasks?owner=care_specialist").await.json()["tasks"], json!([]));
    let close = |state: &'static str| {
        let path = format!("/api/v1/tasks/{}/close", task["id"].as_str().unwrap());
        Request::post(path)
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(json!({ "state": state, "note": "called" }).to_string()))
            .unwrap()
    };
    assert_eq!(send(&router, close("open")).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(send(&router, close("done")).await.status, StatusCode::OK);
    assert_eq!(send(&router, close("done")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(get(&router, "/api/v1/tasks").await.json()["tasks"], json!([]));
}
