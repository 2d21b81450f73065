//! The day's report and what a supervisor says of it: on the page, in the files, kept as it was written.

use super::*;
use serde_json::json;

const DAY: &str = "2026-11-22";

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_supervisor_reviews_a_day_and_what_was_written_stays(pool: PgPool) {
    month::fill(&mut pool.acquire().await.unwrap(), now(), 160).await;
    let state = state(pool.clone(), Some("token"));
    let router = router(state.clone());
    let manager = person(&state, 1, UserRole::Manager).await;
    let watcher = person(&state, 2, UserRole::ReadOnly).await;
    let page = format!("/day-report?day={DAY}&lang=zh");
    let before = get_with(&router, &page, &[("cookie", &manager.cookie)]).await;
    assert!(before.status == StatusCode::OK && before.body.contains("尚未审阅") && before.body.contains("<textarea"));
    let watched = get_with(&router, &page, &[("cookie", &watcher.cookie)]).await;
    assert!(watched.status == StatusCode::OK && !watched.body.contains("<textarea"), "who only watches writes nothing");

    let send_form = |person: &Person, evaluation: &'static str, comment: &'static str| {
        let body = format!("csrf={}&day={DAY}&evaluation={evaluation}&comment={comment}", person.csrf);
        Request::post("/day-report?lang=zh")
            .header(header::HOST, "localhost")
            .header("cookie", &person.cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .unwrap()
    };
    assert_eq!(send(&router, send_form(&watcher, "x", "")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(send(&router, send_form(&manager, "", "")).await.status, StatusCode::BAD_REQUEST);
    let written = send(&router, send_form(&manager, "Quiet+day", "Call+Q5+again")).await;
    assert_eq!(
        (written.status, written.header("location")),
        (StatusCode::SEE_OTHER, "/day-report?day=2026-11-22&lang=zh")
    );
    let path = format!("/api/v1/day-reports/{DAY}/reviews");
    let by_api = Request::post(&path)
        .header(header::HOST, "localhost")
        .header(header::AUTHORIZATION, "Bearer token")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(json!({ "evaluation": "Busy day <b>" }).to_string()));
    let answer = send(&router, by_api.unwrap()).await.json();
    let said: Vec<_> = answer["reviews"].as_array().unwrap().iter().map(|one| one["evaluation"].clone()).collect();
    assert_eq!(said, [json!("Busy day <b>"), json!("Quiet day")]);

    let after = get_with(&router, &page, &[("cookie", &watcher.cookie)]).await.body;
    assert!(after.contains("Busy day &#60;b&#62;") && after.contains("Quiet day") && after.contains("Call Q5 again"));
    let report = format!("/api/v1/reports/daily?from={DAY}&to={DAY}&format=json&lang=en");
    let report = get_with(&router, &report, &[("cookie", &watcher.cookie)]).await.json();
    let section = report["sections"].as_array().unwrap().iter().find(|one| one["key"] == "review").unwrap().clone();
    assert_eq!(section["tables"][0]["rows"][0][2], "Busy day <b>", "what stands goes into the report");
    assert_eq!(section["tables"][0]["rows"].as_array().unwrap().len(), 1);
    let changed = sqlx::query("update day_reviews set evaluation = 'x'").execute(&pool).await;
    assert!(changed.is_err(), "what was written stays");
    let kept: i64 = sqlx::query_scalar("select count(*) from audit_log where action = 'day.review'")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(kept, 2);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_day_that_is_none_or_has_not_come_is_named(pool: PgPool) {
    let router = router(state(pool, None));
    for day in ["tomorrow", "2026-11-24"] {
        assert_eq!(get(&router, &format!("/day-report?day={day}")).await.status, StatusCode::BAD_REQUEST, "{day}");
    }
    assert_eq!(get(&router, "/api/v1/day-reports/tomorrow/reviews").await.status, StatusCode::NOT_FOUND);
    assert_eq!(get(&router, "/api/v1/day-reports/2026-11-24/reviews").await.status, StatusCode::BAD_REQUEST);
    assert!(
        get(&router, "/day-report?lang=en").await.body.contains("Nobody has reviewed"),
        "yesterday without figures"
    );
}
