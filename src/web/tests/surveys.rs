//! The questionnaire standard by page and API: what is active, what changed, and publishing after a check by those who may.

use super::pages::well_formed;
use super::*;
use crate::db::{audit, surveys};
use crate::net::prompt_files;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

const REAL: &str = include_str!("../../../surveys/sales_3day.toml");

/// The survey's text in another version, and to be done within so many days.
fn text(version: u32, days: u32) -> String {
    let line = |line: &str| match line.split_once(" = ") {
        Some(("version", _)) => format!("version = {version}"),
        Some(("deadline_days", _)) => format!("deadline_days = {days}"),
        _ => line.to_owned(),
    };
    REAL.lines().map(line).collect::<Vec<_>>().join("\n") + "\n"
}

/// An unhappy rule for no question is a warning.
fn warned(version: u32, days: u32) -> String {
    let rule = "at_most = 6 }]";
    let text = text(version, days);
    assert!(text.contains(rule));
    text.replace(rule, "at_most = 6 }, { scale = \"intent\", at_least = 4 }]")
}

/// A server that knows the real prompts and has version 1 of the survey.
async fn server(pool: &PgPool) -> WebState {
    let mut conn = pool.acquire().await.unwrap();
    surveys::publish(&mut conn, "sales_3day", "销售三日回访", 1, &text(1, 3), now()).await.unwrap();
    let state = state(pool.clone(), Some("token"));
    let (prompts, _) = prompt_files::check(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/prompts")));
    state.speak(Arc::new(prompts));
    state
}

async fn post_json(router: &Router, path: &str, body: Value) -> Answer {
    let request = Request::post(path)
        .header(header::HOST, "localhost:8080")
        .header(header::AUTHORIZATION, "Bearer token")
        .header(header::CONTENT_TYPE, "application/json");
    send(router, request.body(Body::from(body.to_string())).unwrap()).await
}

/// A field of a form as a browser sends it.
fn field(name: &str, value: &str) -> String {
    crate::web::params::with("", name, value)
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_version_is_checked_and_then_published_by_the_api(pool: PgPool) {
    let router = router(server(&pool).await);
    let (check, publish) = ("/api/v1/surveys/sales_3day/check", "/api/v1/surveys/sales_3day/publish");
    let report = post_json(&router, check, json!({ "content": text(2, 5) })).await;
    assert_eq!(report.status, StatusCode::OK, "{}", report.body);
    let report = report.json();
    assert_eq!((&report["version"], &report["publishable"]), (&2.into(), &true.into()), "{report}");
    assert_eq!(report["changes"], json!(["~ deadline_days: 3  →  5"]));

    let broken = post_json(&router, check, json!({ "content": "key = 1" })).await.json();
    assert_eq!((&broken["version"], &broken["publishable"]), (&Value::Null, &false.into()));
    assert_eq!(broken["findings"][0]["severity"], "error");
    let other = post_json(&router, "/api/v1/surveys/prospect/check", json!({ "content": text(2, 5) })).await;
    assert_eq!((other.status, &other.json()["parameter"]), (StatusCode::BAD_REQUEST, &"content".into()));

    for (content, status) in
        [("key = 1".to_owned(), 409), (text(1, 5), 409), (text(2, 5), 200), (text(2, 5), 200), (text(2, 6), 409)]
    {
        let answer = post_json(&router, publish, json!({ "content": content })).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
    }
    let bearer = [("authorization", "Bearer token")];
    let list = get_with(&router, "/api/v1/surveys", &bearer).await.json();
    assert_eq!((&list["surveys"][0]["active"], &list["surveys"][0]["versions"][1]["version"]), (&2.into(), &1.into()));
    let kept = get_with(&router, "/api/v1/surveys/sales_3day/versions/2", &bearer).await.json();
    assert_eq!(kept["content"], text(2, 5));
    for (n, status) in [("3", StatusCode::NOT_FOUND), ("two", StatusCode::BAD_REQUEST)] {
        let path = format!("/api/v1/surveys/sales_3day/versions/{n}");
        assert_eq!(get_with(&router, &path, &bearer).await.status, status);
    }
    let log = audit::newest(&mut pool.acquire().await.unwrap(), 10).await.unwrap();
    let published: Vec<_> = log.iter().filter(|entry| entry.action == "survey.publish").collect();
    assert_eq!(published.len(), 1, "the one that was new");
    assert_eq!((published[0].object.as_str(), &published[0].detail["version"]), ("sales_3day", &2.into()));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_page_publishes_with_warnings_only_when_they_are_accepted(pool: PgPool) {
    let state = server(&pool).await;
    let router = router(state.clone());
    let manager = person(&state, 1, UserRole::Manager).await;
    let headers = [("cookie", manager.cookie.as_str()), ("x-csrf", &manager.csrf)];
    // a browser sends the lines of a form with CR LF
    let content = field("content", &warned(2, 5).replace('\n', "\r\n"));
    let send = async |more: &str| {
        let page = post_form(&router, "/surveys/sales_3day?lang=en", &headers, &format!("{content}&{more}")).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        well_formed(&page.body);
        page.body
    };
    let checked = send("do=check").await;
    for words in ["warning", "I have read the warnings", "deadline_days: 3"] {
        assert!(checked.contains(words), "{words}: {checked}");
    }
    assert!(send("do=publish").await.contains("Not published: there are warnings"));
    assert!(send("do=publish&accept=yes").await.contains("Published: version 2"));
    let stored = surveys::get(&mut pool.acquire().await.unwrap(), "sales_3day", 2).await.unwrap();
    assert_eq!(stored.content, warned(2, 5), "as in the file");

    let list = get_with(&router, "/surveys?lang=zh", &headers[..1]).await;
    well_formed(&list.body);
    assert!(list.body.contains("问卷标准") && list.body.contains("销售三日回访"), "{}", list.body);
    let drawn = get_with(&router, "/surveys/sales_3day/drawing.svg", &headers[..1]).await;
    assert_eq!((drawn.status, drawn.header(header::CONTENT_TYPE)), (StatusCode::OK, "image/svg+xml"));
    well_formed(&drawn.body);
    let nobody = get_with(&router, "/surveys/nothing", &headers[..1]).await;
    assert_eq!(nobody.status, StatusCode::NOT_FOUND);

    let watcher = person(&state, 2, UserRole::ReadOnly).await;
    let seen = get_with(&router, "/surveys/sales_3day?lang=en", &[("cookie", &watcher.cookie)]).await;
    assert_eq!(seen.status, StatusCode::OK);
    assert!(!seen.body.contains("textarea"), "who only watches is offered nothing to send");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn what_cannot_be_read_or_judged_is_said(pool: PgPool) {
    // the morning's survey has a text that this compiler does not take, and this server has no prompts
    let router = morning(pool).await;
    let page = get(&router, "/surveys/aftersales_3day?lang=en").await;
    assert_eq!(page.status, StatusCode::OK);
    well_formed(&page.body);
    let form = format!("{}&do=check", field("content", &text(2, 5)));
    let unknown = post_form(&router, "/surveys/sales_3day?lang=en", &[], &form).await;
    assert_eq!(unknown.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(unknown.body.contains("no engine with prompts"), "{}", unknown.body);
}
