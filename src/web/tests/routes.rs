//! The API: each route's figures against the morning in `scene`, every bad parameter named, and a document that lists what the router has.

use super::*;
use crate::db::fixture;
use crate::ids::FollowUpId;
use crate::web::{Part, openapi, roles};

fn follow_up(n: u16) -> String {
    fixture::id::<FollowUpId>(n).to_string()
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn status_tells_calls_queue_and_today(pool: PgPool) {
    let router = morning(pool).await;
    let answer = get(&router, "/api/v1/status").await;
    assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::OK, "no-store"));
    let json = answer.json();
    let calls = json["live_calls"].as_array().unwrap();
    let states: Vec<_> =
        calls.iter().map(|call| (call["state"].as_str().unwrap(), call["last_question"].as_str())).collect();
    assert_eq!(states, [("talking", Some("q2")), ("talking", Some("q4")), ("dialling", None)]);
    assert_eq!((&calls[0]["follow_up_id"], &calls[0]["trunk"]), (&follow_up(18).into(), &"main".into()));
    assert_eq!(calls[0]["number"], fixture::number(18 * 137).masked());
    let depth = |state: &str| {
        let row = json["queue"].as_array().unwrap().iter().find(|row| row["state"] == state).unwrap();
        (row["count"].as_u64().unwrap(), row["due"].as_u64().unwrap())
    };
    assert_eq!((depth("waiting"), depth("retry"), depth("call_back")), ((5, 5), (4, 0), (1, 0)));
    assert_eq!(
        (depth("in_call"), depth("needs_review"), depth("done"), depth("expired")),
        ((3, 0), (1, 0), (10, 0), (0, 0))
    );
    assert_eq!(json["next_due"], "2026-11-22T23:30:00Z");
    assert_eq!(json["today"]["outcomes"]["complete"], 5);
    assert_eq!(
        (&json["today"]["attempts"], &json["today"]["owed"], &json["today"]["closed"]),
        (&19.into(), &24.into(), &10.into())
    );
    assert_eq!(json["complaints"], serde_json::json!({ "open": 3, "overdue": 1 }));
    for n in 1..=24 {
        assert!(!answer.body.contains(fixture::number(n * 137).as_str()), "a number in clear");
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn rates_come_with_what_they_are_made_of(pool: PgPool) {
    let router = morning(pool).await;
    let json =
        get(&router, "/api/v1/completion?survey=aftersales_3day&from=2026-11-22&to=2026-11-23&by=day").await.json();
    let rate = |key: &str| json["total"]["rates"][key].clone();
    // I 5, P 2, R 1, NE 2 are closed; 14 are open
    let completion = rate("completion");
    assert_eq!(
        (&completion["numerator"], &completion["denominator"], &completion["n"]),
        (&5.into(), &24.into(), &24.into())
    );
    assert!((completion["value"].as_f64().unwrap() - 5.0 / 24.0).abs() < 1e-9);
    assert_eq!(rate("rr1"), serde_json::json!({ "numerator": 5, "denominator": 8, "n": 24, "value": 0.625 }));
    assert_eq!((&json["total"]["open"], &json["total"]["dispositions"]["partial"]), (&14.into(), &2.into()));
    let groups: Vec<_> = json["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| (group["group"].as_str().unwrap(), group["n"].as_u64().unwrap()))
        .collect();
    assert_eq!(groups, [("2026-11-22", 0), ("2026-11-23", 24)]);
    for rate in json["groups"][0]["rates"].as_object().unwrap().values() {
        assert_eq!(
            *rate,
            serde_json::json!({ "numerator": 0, "denominator": 0, "n": 0, "value": null }),
            "nothing was counted that day"
        );
    }
    assert_eq!(json["definitions"][1]["formula"], "I / (I + P + R + NC + O + UH + UO)");

    let advisors = get(&router, "/api/v1/completion?by=advisor").await.json();
    let sum: u64 = advisors["groups"].as_array().unwrap().iter().map(|group| group["n"].as_u64().unwrap()).sum();
    assert_eq!((advisors["groups"].as_array().unwrap().len(), sum), (3, 24));
    assert_eq!((&advisors["from"], &advisors["to"]), (&"2026-11-17".into(), &"2026-11-23".into()));
    let surveys = get(&router, "/api/v1/completion?by=survey").await.json();
    assert_eq!((&surveys["groups"][0]["group"], &surveys["survey"]), (&fixture::SURVEY.into(), &Value::Null));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_follow_up_is_told_whole_and_masked(pool: PgPool) {
    let router = morning(pool).await;
    let path = format!("/api/v1/follow-ups/{}", follow_up(4));
    let answer = get(&router, &path).await;
    let json = answer.json();
    assert_eq!(
        (&json["state"], &json["final_aapor"], &json["next_attempt_at"]),
        (&"done".into(), &"1.1".into(), &Value::Null)
    );
    assert_eq!((&json["subject"]["name"], &json["subject"]["plate"]), (&"刘••".into(), &"••N07".into()));
    let attempt = &json["attempts"][0];
    assert_eq!((attempt["answers"].as_array().unwrap().len(), attempt["answers"][2]["score"].as_i64()), (11, Some(0)));
    assert_eq!(attempt["recordings"][0]["kind"], "suggestion");
    assert_eq!((attempt["media"]["mos"].as_f64(), attempt["media"]["rx_lost"].as_i64()), (Some(4.19), Some(120)));
    assert_eq!(
        attempt["timeline"][3],
        serde_json::json!({ "offset_ms": 1204, "kind": "ringing", "detail": { "status": 180, "early_media": false } })
    );
    assert_eq!(
        (&json["complaint"]["question"], &json["complaint"]["steps"][0]["kind"]),
        (&"q1".into(), &"listen_and_record".into())
    );
    assert!(!answer.body.contains("刘洋") && !answer.body.contains(fixture::number(4 * 137).as_str()));

    let clear = get(&router, &format!("{path}?unmasked=true")).await.json();
    assert_eq!(
        (&clear["subject"]["name"], &clear["subject"]["number"]),
        (&"刘洋".into(), &fixture::number(4 * 137).as_str().into())
    );
    let booked = get(&router, &format!("/api/v1/follow-ups/{}", follow_up(15))).await.json();
    assert_eq!(booked["call_backs"][0]["call_at"], "2026-11-23T04:30:00Z");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn what_cannot_be_used_is_named(pool: PgPool) {
    let router = morning(pool).await;
    for (path, status, parameter, words) in [
        ("/api/v1/completion?from=yesterday", 400, "from", "`yesterday` is not a date"),
        ("/api/v1/completion?to=2026-02-30", 400, "to", "is not a date"),
        ("/api/v1/completion?from=%2B99999-01-01", 400, "from", "is not a date"),
        ("/api/v1/completion?from=2026-11-23&to=2026-11-01", 400, "from", "is after to"),
        ("/api/v1/completion?from=2020-01-01", 400, "from", "366 at most"),
        ("/api/v1/completion?by=month", 400, "by", "one of day, advisor, survey"),
        ("/api/v1/completion?survey=sales", 400, "survey", "known: aftersales_3day"),
        ("/api/v1/completion?survey=a%00b", 400, "survey", "no such survey"),
        ("/api/v1/completion?by=day&by=day", 400, "by", "given twice"),
        ("/api/v1/completion?per=day", 400, "", "`per` is not a parameter here"),
        ("/api/v1/completion?from=%ff", 400, "from", "is not a date"),
        ("/api/v1/status?x=1", 400, "", "`x` is not a parameter here"),
        ("/api/v1/follow-ups/17", 400, "id", "is not a UUID"),
        ("/api/v1/follow-ups/0192f0c1-2d3e-7a4b-8c5d-6e7f80912a3b?unmasked=yes", 400, "unmasked", "true or false"),
        ("/api/v1/follow-ups/0192f0c1-2d3e-7a4b-8c5d-6e7f80912a3b", 404, "", "no follow-up 0192f0c1"),
        ("/?lang=fr", 400, "lang", "zh or en"),
        ("/events?since=x", 400, "since", "version number"),
        ("/api/v2/status", 404, "", "/openapi.json"),
        ("/assets/../Cargo.toml", 404, "", ""),
        ("/assets/none.css", 404, "", "no such file"),
    ] {
        let answer = get(&router, path).await;
        let json = answer.json();
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (status, "application/problem+json"),
            "{path}"
        );
        assert_eq!(json["parameter"].as_str().unwrap_or_default(), parameter, "{path}");
        assert_eq!((json["status"].as_u64(), json["type"].as_str()), (Some(status.into()), Some("about:blank")));
        assert!(json["detail"].as_str().unwrap().contains(words), "{path}: {json}");
    }
    let wrong_method = post_form(&router, "/api/v1/status", &[], "").await;
    assert_eq!(
        (wrong_method.status, wrong_method.json()["status"].as_u64()),
        (StatusCode::METHOD_NOT_ALLOWED, Some(405))
    );
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn ready_means_every_part(pool: PgPool) {
    let readiness = Readiness::expecting(&["dialer"]);
    let options = state(pool.clone(), None).options().clone();
    let router = router(WebState::new(pool.clone(), Clock::manual(now()), readiness.clone(), options));
    let ready = async |router: &Router| {
        let answer = get(router, "/readyz").await;
        (answer.status.as_u16(), answer.json())
    };
    let (status, json) = ready(&router).await;
    assert_eq!(
        (status, &json["parts"][0]["ready"], &json["parts"][1]["detail"]),
        (503, &true.into(), &"is starting".into())
    );
    readiness.set("dialer", Part::Ready);
    assert_eq!(ready(&router).await.0, 200);
    readiness.set("dialer", Part::Failed("the trunk does not answer".into()));
    assert_eq!(ready(&router).await.1["parts"][1]["detail"], "the trunk does not answer");
    readiness.set("dialer", Part::Ready);
    sqlx::query("delete from _sqlx_migrations where version = 3").execute(&pool).await.unwrap();
    assert_eq!(ready(&router).await.1["parts"][0]["detail"], "1 migrations are missing: run `huifang migrate`");
    sqlx::query("drop table _sqlx_migrations").execute(&pool).await.unwrap();
    assert_eq!(
        ready(&router).await,
        (
            503,
            serde_json::json!({ "ready": false, "parts": [
        { "name": "database", "ready": false, "detail": "has no tables yet: run `huifang migrate`" }, { "name": "dialer", "ready": true }] })
        )
    );
}

#[tokio::test]
async fn with_the_database_away_every_question_is_a_503_and_the_process_lives() {
    let router = router(state(nowhere(), None));
    for path in
        ["/api/v1/status", "/api/v1/completion", "/api/v1/follow-ups/0192f0c1-2d3e-7a4b-8c5d-6e7f80912a3b", "/events"]
    {
        let answer = get(&router, path).await;
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "5"), "{path}");
        assert!(answer.json()["detail"].as_str().unwrap().contains("does not answer"), "{path}");
    }
    for path in ["/", "/follow-ups/0192f0c1-2d3e-7a4b-8c5d-6e7f80912a3b"] {
        let answer = get(&router, path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (503, "text/html; charset=utf-8"),
            "{path}"
        );
        assert!(answer.body.contains("数据库"), "{path}");
    }
    assert_eq!(get(&router, "/readyz").await.json()["parts"][0]["detail"], "does not answer");
    assert_eq!(get(&router, "/healthz").await.json()["status"], "alive");
}

/// Nobody registers a route beside the documented way, and each documented one is there.
#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_document_lists_every_route(pool: PgPool) {
    let document = openapi();
    let mut listed: Vec<String> = Vec::new();
    for (path, item) in &document.paths.paths {
        let operations = [
            ("GET", &item.get),
            ("POST", &item.post),
            ("PUT", &item.put),
            ("DELETE", &item.delete),
            ("PATCH", &item.patch),
        ];
        listed.extend(
            operations
                .iter()
                .filter(|(_, operation)| operation.is_some())
                .map(|(method, _)| format!("{method} {path}")),
        );
    }
    listed.sort();
    let closed = roles::CLOSED.iter().map(|route| format!("{} {}", route.method, route.path));
    let mut want: Vec<String> =
        closed.chain(roles::OPEN.iter().map(|(method, path)| format!("{method} {path}"))).collect();
    want.sort();
    assert_eq!(listed, want, "what is served and what has a role are the same");
    let source = include_str!("../mod.rs");
    assert_eq!(
        source.matches("routes!(").count(),
        document.paths.paths.len(),
        "by routes! in web/mod.rs, path by path"
    );
    for other_way in [".route(", ".nest(", ".nest_service(", ".route_service("] {
        assert!(!source.contains(other_way), "{other_way}: a route that the document would not list");
    }

    let router = morning(pool).await;
    for route in &want {
        let (method, path) = route.split_once(' ').unwrap();
        // follow-up 4 has the complaint 4
        let path = path.replace("{id}", &follow_up(4)).replace("{name}", "huifang.css");
        let request =
            Request::builder().method(method).uri(&path).header(header::HOST, "localhost").body(Body::empty()).unwrap();
        let answer = send(&router, request).await;
        assert_ne!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{route}");
        assert!(!answer.body.contains("There is nothing at"), "{route}: {}", answer.body);
        let item = document.paths.paths.iter().find(|(known, _)| route.ends_with(&format!(" {known}"))).unwrap().1;
        let operation = match method {
            "GET" => &item.get,
            "DELETE" => &item.delete,
            _ => &item.post,
        };
        let operation = operation.as_ref().unwrap();
        assert!(
            operation.responses.responses.contains_key(answer.status.as_str()),
            "{route}: {} is not described",
            answer.status
        );
        assert!(operation.summary.is_some() && operation.tags.is_some(), "{route}");
    }
    let served = get(&router, "/openapi.json").await.json();
    assert_eq!(
        (&served["openapi"], &served["components"]["securitySchemes"]["token"]["scheme"]),
        (&"3.1.0".into(), &"bearer".into())
    );
    let states = &served["components"]["schemas"]["FollowUpView"]["properties"]["state"]["enum"];
    assert_eq!(states[0], "waiting");
    assert!(served["paths"]["/api/v1/status"]["get"]["responses"]["503"].is_object());
}
