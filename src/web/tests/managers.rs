//! The managers' figures over a month of made-up calls: what pages and API say is what SQL counts, and a real browser draws it.

use super::*;
use crate::web::serve;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

async fn month(pool: &PgPool) -> Router {
    month::fill(&mut pool.acquire().await.unwrap(), now(), 160).await;
    router(state(pool.clone(), None))
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn satisfaction_is_what_sql_counts(pool: PgPool) {
    let router = month(&pool).await;
    let json = get(&router, "/api/v1/satisfaction?survey=aftersales_3day").await.json();
    assert_eq!(
        (&json["from"], &json["to"], &json["trend_by"]),
        (&"2026-10-25".into(), &"2026-11-23".into(), &"day".into())
    );
    let survey = &json["surveys"][0];
    let rows: Vec<(String, i64, f64, i64)> = sqlx::query_as(
        "select question, count(*), avg(score)::float8, count(*) filter (where score in (8, 12)) from answers
         where survey_key = 'aftersales_3day' and question <> 'q9' and score is not null group by 1 order by 1",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(rows.len(), 8);
    for (question, n, mean, best) in rows {
        let items = survey["items"].as_array().unwrap();
        let shown = match question.as_str() {
            "q1" => &survey["overall"],
            _ => items.iter().find(|item| item["question"] == question.as_str()).unwrap(),
        };
        assert_eq!(
            (shown["n"].as_i64(), shown["favourable"]["numerator"].as_i64()),
            (Some(n), Some(best)),
            "{question}"
        );
        assert!((shown["mean"].as_f64().unwrap() - mean).abs() < 1e-9, "{question}");
        let ends = shown["mean_interval"].as_array().unwrap();
        assert!(ends[0].as_f64().unwrap() < mean && mean < ends[1].as_f64().unwrap());
    }
    let of = |key: &str| survey[key].as_array().unwrap().iter().map(|group| group["n"].as_u64().unwrap()).sum::<u64>();
    let n = survey["overall"]["n"].as_u64().unwrap();
    assert_eq!([of("advisors"), of("models"), of("trend")], [n; 3], "the parts are the whole");
    assert_eq!(survey["intent"]["scale"], "intent");

    let none = get(&router, "/api/v1/satisfaction?from=2026-01-01&to=2026-01-02").await.json();
    assert_eq!(none["surveys"], serde_json::json!([]), "no figure where nobody answered");
    for (query, named) in
        [("survey=nothing", "no such survey"), ("from=yesterday", "from"), ("by=day", "`by` is not a parameter")]
    {
        let answer = get(&router, &format!("/api/v1/satisfaction?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(answer.body.contains(named), "{}", answer.body);
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_figure_leads_to_its_calls_and_nobody_is_named(pool: PgPool) {
    let router = month(&pool).await;
    let page = get(&router, "/satisfaction?lang=en&advisor=%E5%AD%99%E9%A1%BE%E9%97%AE%20(1025)").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    for words in ["Weakest items", "Sales, 3 days", "Showroom visit", "95 % interval", "data-series"] {
        assert!(page.body.contains(words), "{words}");
    }
    let link = page.body.split("href=\"").find(|rest| rest.starts_with("/satisfaction/calls?")).unwrap();
    let link = link.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
    let calls = get(&router, &link).await;
    assert_eq!(calls.status, StatusCode::OK, "{link}: {}", calls.body);
    assert!(calls.body.contains("/follow-ups/") && !calls.body.contains("先生</a>"), "masked");
    let none = get(&router, "/satisfaction/calls?survey=aftersales_3day&question=identity&lang=en").await;
    assert!(none.body.contains("No scored answer"), "{}", none.body);
    let zh = get(&router, "/satisfaction?lang=zh").await;
    assert!(zh.body.contains("最弱的项目") && zh.body.contains("满意率"));
}

/// tests/browser/managers_pages.mjs drives Chromium over the managers' pages.
#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn in_a_real_browser(pool: PgPool) {
    let (address, stop) = serve_month(&pool, 160).await;
    let said = in_a_browser("managers_pages.mjs", &[&format!("http://{address}/")]).await;
    assert!(said.lines().count() >= 8, "{said}");
    stop.cancel();
}

async fn serve_month(pool: &PgPool, calls: u16) -> (std::net::SocketAddr, CancellationToken) {
    month::fill(&mut pool.acquire().await.unwrap(), Utc::now(), calls).await;
    let options = state(pool.clone(), None).options().clone();
    let state = WebState::new(pool.clone(), Clock::System, Readiness::default(), options);
    state.show_queue(outlook_rules());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    tokio::spawn(serve(state, listener, stop.clone()));
    (address, stop)
}

/// For eyes: serves a month of 600 calls until killed. The address is printed.
/// `scripts/test-db cargo test --lib -- --ignored --nocapture a_month_to_look_at`
#[sqlx::test(migrator = "crate::db::MIGRATOR")]
#[ignore = "serves until killed"]
async fn a_month_to_look_at(pool: PgPool) {
    let (address, stop) = serve_month(&pool, 600).await;
    println!("http://{address}/");
    stop.cancelled().await;
}
