//! What is said to the dialler by the API, and what it says of the queue: at once, masked, and closed to foreign pages.

use super::*;
use crate::db::state::{CampaignState, FollowUpState};
use crate::db::{controls, fixture, follow_ups, phones};
use chrono::TimeDelta;
use serde_json::json;

const JSON: &str = "application/json";

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_queue_is_told_as_the_command_tells_it(pool: PgPool) {
    let router = morning(pool.clone()).await;
    let answer = get(&router, "/api/v1/queue?next=50").await;
    let mut conn = pool.acquire().await.unwrap();
    let command = outlook::look(&mut conn, &outlook_rules(), now(), 50).await.unwrap();
    assert_eq!(answer.json(), serde_json::to_value(&command).unwrap(), "the same figures under the same names");

    let next = answer.json()["next"].as_array().unwrap().clone();
    assert_eq!(next.len(), 10, "5 wait, 4 are to be retried, 1 is booked");
    assert_eq!(next[0]["waits_for"], "nothing but room on a trunk, and an engine at work");
    assert_eq!(next[0]["dialled_from"], "2026-11-23T02:30:00Z");
    let booked = next.iter().find(|next| next["state"] == "call_back").unwrap();
    assert_eq!(
        (&booked["waits_for"], &booked["dialled_from"]),
        (&"the customer booked this time".into(), &"2026-11-23T05:30:00Z".into()),
        "booked for 12:30, in the midday rest: from 13:30 on"
    );
    assert_eq!(get(&router, "/api/v1/queue?next=0").await.json()["next"], json!([]));
    for n in 1..=24 {
        assert!(!answer.body.contains(fixture::number(n * 137).as_str()), "a number in clear");
    }
    for path in ["/api/v1/queue?next=-1", "/api/v1/queue?next=201", "/api/v1/do-not-call?limit=0"] {
        assert_eq!(get(&router, path).await.status, StatusCode::BAD_REQUEST, "{path}");
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn who_is_put_off_into_the_night_is_dialled_in_the_morning(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    scene::fill(&mut conn, now()).await;
    let rules = outlook_rules();
    let night = now() + TimeDelta::hours(13); // 23:30 in Shanghai
    let next = outlook::next(&mut conn, &rules.manners, night, 1).await.unwrap().remove(0);
    assert_eq!(next.waits_for, "the calling window is closed");
    let opens = rules.manners.country("CN").window.next(night, rules.zone);
    assert_eq!((next.dialled_from, opens.is_some_and(|opens| opens > night)), (opens, true));
    // put off to a moment at which the window is closed: the moment after it counts
    sqlx::query("update follow_ups set next_attempt_at = $1 where state = 'waiting'")
        .bind(night)
        .execute(&mut *conn)
        .await
        .unwrap();
    let rows = outlook::next(&mut conn, &rules.manners, now(), 50).await.unwrap();
    let waiting = rows.iter().find(|row| row.follow_up.state == FollowUpState::Waiting).unwrap();
    assert_eq!((waiting.waits_for.as_str(), waiting.dialled_from), ("it is not due yet", opens));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn dialling_is_paused_drained_and_resumed(pool: PgPool) {
    let router = morning(pool.clone()).await;
    let states = async || get(&router, "/api/v1/control").await.json()["campaigns"].clone();
    let fresh = json!([
        { "campaign": null, "state": "running", "changed_at": null, "dialled": true },
        { "campaign": "aftersales_3day", "state": "running", "changed_at": null, "dialled": true },
    ]);
    assert_eq!(states().await, fresh);
    for (body, all, own, dialled) in [
        (r#"{"action":"pause"}"#, "paused", "running", false),
        (r#"{"action":"drain","campaign":"aftersales_3day"}"#, "paused", "draining", false),
        (r#"{"action":"resume","campaign":null}"#, "running", "draining", false),
        (r#"{"action":"resume","campaign":"aftersales_3day"}"#, "running", "running", true),
    ] {
        let answer = send_json(&router, "POST", "/api/v1/control", "application/json; charset=utf-8", body).await;
        assert_eq!(answer.status, StatusCode::OK, "{body}: {}", answer.body);
        let now = states().await;
        assert_eq!(answer.json()["campaigns"], now, "{body}");
        assert_eq!((&now[0]["state"], &now[1]["state"]), (&all.into(), &own.into()), "{body}");
        assert_eq!((&now[1]["dialled"], &now[0]["changed_at"]), (&dialled.into(), &"2026-11-23T02:30:00Z".into()));
    }
    send_json(&router, "POST", "/api/v1/control", JSON, r#"{"action":"pause"}"#).await;
    let stored = controls::all(&mut pool.acquire().await.unwrap()).await.unwrap();
    assert_eq!((stored[0].key.as_str(), stored[0].state), (controls::ALL, CampaignState::Paused));
    let queue = get(&router, "/api/v1/queue?next=1").await.json();
    assert_eq!(
        (&queue["next"][0]["waits_for"], &queue["next"][0]["dialled_from"], &queue["tonight"]["due"]),
        (&"its campaign is paused".into(), &Value::Null, &0.into())
    );
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_number_is_put_on_the_list_and_taken_off_masked(pool: PgPool) {
    let router = morning(pool.clone()).await;
    let (number, path) = (fixture::number(20 * 137), "/api/v1/do-not-call");
    let as_people_write = json!({ "number": number.as_str().trim_start_matches("+86") }).to_string();
    for _ in 0..2 {
        let added = send_json(&router, "POST", path, JSON, &as_people_write).await;
        assert_eq!(
            (added.status, added.json()),
            (StatusCode::OK, json!({ "number": number.masked(), "listed": true }))
        );
    }
    let mut conn = pool.acquire().await.unwrap();
    assert!(phones::is_blocked(&mut conn, &number).await.unwrap());
    let ended = follow_ups::get(&mut conn, fixture::id(20)).await.unwrap();
    assert_eq!(ended.state, FollowUpState::Done, "what waited on it has ended");
    let listed = get(&router, path).await;
    let entry = json!({ "number": number.masked(), "source": "api", "added_at": "2026-11-23T02:30:00Z" });
    assert_eq!(listed.json(), json!({ "entries": [entry] }));

    let removed = send_json(&router, "DELETE", path, JSON, &as_people_write).await;
    assert_eq!(
        (removed.status, removed.json()),
        (StatusCode::OK, json!({ "number": number.masked(), "listed": false }))
    );
    let again = send_json(&router, "DELETE", path, JSON, &as_people_write).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    for answer in [&listed, &removed, &again] {
        assert!(!answer.body.contains(number.as_str().trim_start_matches('+')), "{}", answer.body);
    }
    assert!(!phones::is_blocked(&mut conn, &number).await.unwrap());
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn what_cannot_be_used_changes_nothing_and_is_not_repeated(pool: PgPool) {
    let router = morning(pool.clone()).await;
    let (control, list) = ("/api/v1/control", "/api/v1/do-not-call");
    let secret = "13800138000";
    let pause = r#"{"action":"pause"}"#;
    for (method, path, media_type, body, status, says) in [
        ("POST", control, "text/plain", pause, 415, "application/json is wanted"),
        ("POST", control, "application/x-www-form-urlencoded", "action=pause", 415, "application/json"),
        ("POST", control, JSON, r#"{"action":"stop"}"#, 400, "pause, resume or drain"),
        ("POST", control, JSON, r#"{"action":"pause","campain":"x"}"#, 400, "The body is not"),
        ("POST", control, JSON, r#"{"action":"pause","campaign":"*"}"#, 400, "campaign: there is no such survey"),
        ("POST", control, JSON, r#"{"action":"pause","campaign":"sales"}"#, 400, "known: aftersales_3day"),
        ("POST", "/api/v1/control?dry_run=true", JSON, pause, 400, "not a parameter here"),
        ("POST", list, "text/plain", r#"{"number":"13800138000"}"#, 415, "application/json"),
        ("POST", list, JSON, r#"{"number":13800138000}"#, 400, "`number` as text"),
        ("POST", list, JSON, r#"{"13800138000":1}"#, 400, "`number` as text"),
        ("POST", list, JSON, r#"{"number":"138001380001380"}"#, 400, "number: "),
        ("DELETE", list, "text/plain", r#"{"number":"13800138000"}"#, 415, "application/json"),
        ("DELETE", list, JSON, "", 400, "`number` as text"),
    ] {
        let answer = send_json(&router, method, path, media_type, body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (status, "application/problem+json"),
            "{method} {path} {body}: {}",
            answer.body
        );
        assert!(answer.json()["detail"].as_str().unwrap().contains(says), "{body}: {}", answer.body);
        assert!(!answer.body.contains(secret), "{}", answer.body);
    }
    let large = format!("{{\"number\":\"{}\"}}", "1".repeat(20_000));
    assert_eq!(send_json(&router, "POST", list, JSON, &large).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(controls::all(&mut conn).await.unwrap(), []);
    assert_eq!(phones::blocked(&mut conn, 10).await.unwrap(), []);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn nothing_is_changed_without_the_token(pool: PgPool) {
    let router = router(state(pool.clone(), Some("a token")));
    for (method, path, body) in [
        ("POST", "/api/v1/control", r#"{"action":"pause"}"#),
        ("POST", "/api/v1/do-not-call", r#"{"number":"13800138000"}"#),
        ("DELETE", "/api/v1/do-not-call", r#"{"number":"13800138000"}"#),
    ] {
        assert_eq!(send_json(&router, method, path, JSON, body).await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(controls::all(&mut conn).await.unwrap(), []);
    assert_eq!(phones::blocked(&mut conn, 10).await.unwrap(), []);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_page_says_why_the_next_one_waits_and_whether_dialling_is_paused(pool: PgPool) {
    let router_at = |at: TimeDelta| {
        let options = state(pool.clone(), None).options().clone();
        let state = WebState::new(pool.clone(), Clock::manual(now() + at), Readiness::default(), options);
        state.show_queue(outlook_rules());
        router(state)
    };
    let mut conn = pool.acquire().await.unwrap();
    scene::fill(&mut conn, now()).await;
    let day = router_at(TimeDelta::zero());
    let page = get(&day, "/?lang=en").await.body;
    assert!(page.contains("Waits for: nothing but room on a trunk") && page.contains("<b>due now</b>"), "{page}");
    assert!(!page.contains("Dialling is"));
    let night = router_at(TimeDelta::hours(13));
    assert!(get(&night, "/?lang=en").await.body.contains("Waits for: the calling window is closed"));
    assert!(get(&night, "/").await.body.contains("等待原因: 不在允许拨打的时段"));

    for (state, en, zh) in [
        (CampaignState::Paused, "Dialling is paused", "拨打已暂停"),
        (CampaignState::Draining, "Dialling is drained", "拨打正在收尾"),
    ] {
        controls::set(&mut conn, None, state, now()).await.unwrap();
        let router = router_at(TimeDelta::zero());
        let page = get(&router, "/?lang=en").await.body;
        assert!(page.contains(en) && page.contains("not before a person changes something"), "{page}");
        assert!(get(&router, "/").await.body.contains(zh));
    }
    let events = get(&router_at(TimeDelta::zero()), "/events?lang=en&since=0").await.body;
    assert!(events.contains("event: queue") && events.contains("Dialling is drained"));
    controls::set(&mut conn, None, CampaignState::Running, now()).await.unwrap();
    controls::set(&mut conn, Some(fixture::SURVEY), CampaignState::Paused, now()).await.unwrap();
    let page = get(&router_at(TimeDelta::zero()), "/?lang=en").await.body;
    assert!(page.contains("</b> · aftersales_3day · since"), "{page}");
}
