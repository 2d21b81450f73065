//! Lists by the API: loaded once, bad rows named and not repeated, foreign pages kept out.

use super::*;
use crate::db::{figures, fixture, surveys};
use crate::followup::calendar::Offset;
use crate::followup::calendar::rule::Calendar;
use crate::followup::import::ImportSettings;
use crate::followup::list::Defaults;
use std::sync::Arc;

const LIST: &str = "姓名,手机号,维修日期\n张三,13800138000,2026-11-22\n李四,1380,2026-11-22\n";

/// With the built-in calendar.
pub fn settings() -> ImportSettings {
    ImportSettings {
        defaults: Defaults {
            country: "CN".to_owned(),
            language: "zh-CN".to_owned(),
            languages: vec!["zh-CN".to_owned()],
            zone: chrono_tz::Asia::Shanghai,
        },
        calendar: Arc::new(Calendar::built_in().unwrap()),
        delay: Offset::hours(24),
        dry_run: false,
    }
}

async fn taking_lists(pool: &PgPool) -> Router {
    let state = state(pool.clone(), None);
    state.take_lists(settings());
    let mut conn = pool.acquire().await.unwrap();
    surveys::publish_next(&mut conn, fixture::SURVEY, "售后三日回访", "a = 1", now()).await.unwrap();
    router(state)
}

async fn post(router: &Router, query: &str, media_type: &str, list: &[u8]) -> Answer {
    let request = Request::post(format!("/api/v1/imports?{query}"))
        .header(header::HOST, "localhost:8080")
        .header(header::CONTENT_TYPE, media_type)
        .body(Body::from(list.to_vec()));
    send(router, request.unwrap()).await
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_list_is_loaded_once_and_bad_rows_are_named(pool: PgPool) {
    let router = taking_lists(&pool).await;
    let totals = async || figures::totals(&mut pool.acquire().await.unwrap()).await.unwrap();
    let dry = post(&router, "list=repair&dry_run=true", "text/csv; charset=utf-8", LIST.as_bytes()).await;
    assert_eq!((dry.status, dry.json()["rows_loaded"].as_u64()), (StatusCode::OK, Some(1)));
    assert_eq!(totals().await.customers, 0);

    let json = post(&router, "list=repair&file_name=a.csv", "text/csv", LIST.as_bytes()).await.json();
    assert_eq!((&json["rows_read"], &json["rows_loaded"], &json["rows_rejected"]), (&2.into(), &1.into(), &1.into()));
    let reject =
        serde_json::json!({ "line": 3, "column": "手机号 (phone)", "reason": "no such number in the numbering plan" });
    assert_eq!(json["rejects"], serde_json::json!([reject]));
    assert!(!json.to_string().contains("李四"));
    let again = post(&router, "list=repair", "application/octet-stream", LIST.as_bytes()).await.json();
    assert_eq!((&again["rows_known"], totals().await.follow_ups), (&1.into(), 1));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn what_is_no_list_is_refused_in_a_sentence(pool: PgPool) {
    let router = taking_lists(&pool).await;
    for (query, media_type, body, status, says) in [
        ("", "text/csv", LIST, 400, "list: is missing"),
        ("list=party", "text/csv", LIST, 400, "list: `party` is not one of"),
        ("list=repair", "text/plain", LIST, 415, "Content-Type: one of text/csv"),
        ("list=repair", "multipart/form-data", LIST, 415, "Content-Type"),
        ("list=repair", "text/csv", "a,b\n1,2\n", 400, "column 姓名 (name) is missing"),
        ("list=showroom", "text/csv", "姓名,手机号,到店日期\n", 400, "survey prospect is not published"),
    ] {
        let answer = post(&router, query, media_type, body.as_bytes()).await;
        assert_eq!(answer.status.as_u16(), status, "{query} {media_type}");
        assert!(answer.json()["detail"].as_str().unwrap().contains(says), "{}", answer.body);
    }
    let deaf = super::router(state(pool, None));
    assert_eq!(post(&deaf, "list=repair", "text/csv", LIST.as_bytes()).await.status.as_u16(), 503);
}
