//! Weak items from the proposal to the check, by page and API, over a month of made-up calls in which the fourth step of each survey is a weak one.

use super::*;
use chrono::Days;
use serde_json::json;

async fn month(pool: &PgPool) -> (Router, WebState) {
    month::fill(&mut pool.acquire().await.unwrap(), now(), 400).await;
    let state = state(pool.clone(), Some("token"));
    (router(state.clone()), state)
}

async fn send(router: &Router, person: &Person, uri: &str, body: &Value) -> (StatusCode, Value) {
    let request = Request::post(uri)
        .header("host", "127.0.0.1")
        .header("cookie", &person.cookie)
        .header("x-csrf", &person.csrf)
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()));
    let response = router.clone().oneshot(request.unwrap()).await.unwrap();
    let status = response.status();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

fn plan(owner: &str, due: &str) -> Value {
    let terms =
        json!({ "target": 80, "department": "service", "measure": "price before work", "owner": owner, "due_on": due });
    json!({ "survey": "aftersales_3day", "question": "q4", "terms": terms })
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn from_the_proposal_to_the_check(pool: PgPool) {
    let (router, state) = month(&pool).await;
    let (maker, checker) = (person(&state, 1, UserRole::Manager).await, person(&state, 2, UserRole::Admin).await);
    let headers = [("cookie", maker.cookie.as_str())];
    let weak = get_with(&router, "/api/v1/weak-items", &headers).await.json();
    let proposed: Vec<&str> =
        weak["proposed"].as_array().unwrap().iter().filter_map(|item| item["question"].as_str()).collect();
    assert!(proposed.contains(&"q4") && !proposed.contains(&"q2"), "{proposed:?}");

    for (body, status) in [
        (plan("王", "2026-11-22"), StatusCode::BAD_REQUEST),
        (plan(" ", "2026-12-22"), StatusCode::BAD_REQUEST),
        (json!({ "survey": "aftersales_3day" }), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(send(&router, &maker, "/api/v1/weak-items", &body).await.0, status, "{body}");
    }
    let (status, made) = send(&router, &maker, "/api/v1/weak-items", &plan("王", "2026-11-24")).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!(
        send(&router, &maker, "/api/v1/weak-items", &plan("李", "2026-12-24")).await.0,
        StatusCode::CONFLICT,
        "one is open"
    );
    let uri = format!("/api/v1/weak-items/{}", made["id"].as_str().unwrap());
    let shown = get_with(&router, &uri, &headers).await.json();
    let (n, good): (i64, i64) = sqlx::query_as(
        "select count(*), count(*) filter (where score in (8, 12)) from answers where survey_key = 'aftersales_3day' and question = 'q4'",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(
        (shown["before"]["n"].as_i64(), shown["before"]["favourable"]["numerator"].as_i64()),
        (Some(n), Some(good))
    );
    assert_eq!((&shown["since"]["n"], &shown["since"]["mean"]), (&0.into(), &Value::Null), "nobody has answered since");
    let after = get_with(&router, "/api/v1/weak-items", &headers).await.json();
    assert!(!after["proposed"].as_array().unwrap().iter().any(|item| item["question"] == "q4"), "it is being mended");

    let acts = format!("{uri}/acts");
    let check = json!({ "revision": 0, "act": { "kind": "check", "settled": true, "note": "better" } });
    assert_eq!(send(&router, &checker, &acts, &check).await.0, StatusCode::CONFLICT, "too early");
    // past midnight, and everybody has signed in again
    state.clock().set(now() + chrono::TimeDelta::days(1));
    let (maker, checker) = (person(&state, 3, UserRole::Manager).await, person(&state, 4, UserRole::Admin).await);
    let again = now().date_naive().checked_add_days(Days::new(40)).unwrap();
    let next =
        json!({ "revision": 0, "act": { "kind": "check", "settled": false, "note": "no better", "again": again } });
    let (status, next_round) = send(&router, &checker, &acts, &next).await;
    assert_eq!(
        (status, &next_round["round"], &next_round["revision"]),
        (StatusCode::OK, &2.into(), &1.into()),
        "{next_round}"
    );
    assert_eq!(send(&router, &checker, &acts, &next).await.0, StatusCode::CONFLICT, "seen before somebody changed it");
    let drop = json!({ "act": { "kind": "drop", "note": "asked no more" } });
    let (_, dropped) = send(&router, &maker, &acts, &drop).await;
    let kinds: Vec<&str> =
        dropped["history"].as_array().unwrap().iter().filter_map(|step| step["kind"].as_str()).collect();
    assert_eq!((&dropped["state"], kinds), (&"dropped".into(), vec!["open", "check", "drop"]));
    let kept: i64 =
        sqlx::query_scalar("select count(*) from audit_log where action in ('weak_item.open', 'weak_item.act')")
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!(kept, 3, "what was done stands in the audit log, what was refused does not");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_forms_do_the_same(pool: PgPool) {
    let (router, state) = month(&pool).await;
    let maker = person(&state, 1, UserRole::Manager).await;
    let watcher = person(&state, 2, UserRole::ReadOnly).await;
    let headers = [("cookie", maker.cookie.as_str())];
    let list = get_with(&router, "/weak-items?lang=en", &headers).await;
    assert!(list.body.contains("Make a plan") && list.body.contains("Q4"), "{}", list.body);
    let watched = get_with(&router, "/weak-items?lang=en", &[("cookie", watcher.cookie.as_str())]).await;
    assert!(
        watched.status == StatusCode::OK && !watched.body.contains("Make a plan"),
        "who only watches makes no plan"
    );

    let post = async |uri: &str, fields: &str| {
        let request = Request::post(uri)
            .header("host", "127.0.0.1")
            .header("cookie", &maker.cookie)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(format!("csrf={}&{fields}", maker.csrf)));
        let response = router.clone().oneshot(request.unwrap()).await.unwrap();
        let to = response.headers().get(header::LOCATION).map(|to| to.to_str().unwrap().to_owned());
        (response.status(), to)
    };
    let fields = "survey=aftersales_3day&question=q4&target=75&department=d&owner=o&due_on=2026-12-01&measure=m";
    let (status, to) = post("/weak-items?lang=zh", fields).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let page = get_with(&router, &to.unwrap(), &headers).await;
    assert!(
        page.body.contains("整改措施") && page.body.contains("75 %") && !page.body.contains("settled"),
        "not due yet: {}",
        page.body
    );
    let id = page
        .body
        .split("action=\"")
        .find(|rest| rest.starts_with("/weak-items/"))
        .unwrap()
        .split('?')
        .next()
        .unwrap()
        .to_owned();
    assert_eq!(post(&id, "revision=0&act=drop&note=").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(post(&id, "revision=0&act=drop&note=x").await.0, StatusCode::SEE_OTHER);
    assert_eq!(post(&id, "revision=1&act=drop&note=x").await.0, StatusCode::CONFLICT, "it has ended");
}
