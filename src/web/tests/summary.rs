//! The summary of a run: its parts make the whole and agree with the store, what needs a person is found and led to, and a run reads the next day as it did on its own.

use super::*;
use crate::db::controls;
use crate::db::state::CampaignState;
use crate::rates::run::Part;
use chrono::TimeDelta;
use serde_json::json;

async fn filled(pool: &PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    scene::fill(&mut conn, now()).await;
    scene::floor(&mut conn, now(), now()).await;
}

fn at(pool: &PgPool, later: TimeDelta) -> Router {
    let options = state(pool.clone(), None).options().clone();
    let state = WebState::new(pool.clone(), Clock::manual(now() + later), Readiness::default(), options);
    state.show_queue(outlook_rules());
    router(state)
}

/// The sum of the figures of an object.
fn sum(of: &Value) -> u64 {
    of.as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum()
}

/// The parts of a run make the whole, and so do its attempts, however they are parted.
fn reconciles(run: &Value) {
    let follow_ups = run["follow_ups"].as_u64().unwrap();
    assert_eq!(sum(&run["parts"]), follow_ups, "{run}");
    assert_eq!(run["closed"].as_u64().unwrap() + run["left"].as_u64().unwrap(), follow_ups, "{run}");
    let closed: u64 = Part::ALL
        .into_iter()
        .filter(|part| part.is_closed())
        .map(|part| run["parts"][part.as_str()].as_u64().unwrap())
        .sum();
    assert_eq!(run["closed"].as_u64(), Some(closed), "{run}");
    let attempts = run["attempts"]["n"].as_u64().unwrap();
    let open = run["attempts"]["open"].as_u64().unwrap();
    assert_eq!(
        sum(&run["attempts"]["kinds"]) + run["attempts"]["unclassified"].as_u64().unwrap() + open,
        attempts,
        "{run}"
    );
    assert_eq!(sum(&run["dispositions"]) + open, attempts, "{run}");
    assert_eq!(run["live"].as_u64(), Some(open), "{run}");
    let failed: u64 =
        run["failures"].as_array().unwrap().iter().map(|failure| failure["count"].as_u64().unwrap()).sum();
    assert_eq!(run["attempts"]["kinds"]["failed"].as_u64(), Some(failed), "{run}");
    assert!(run["reached"].as_u64() <= run["tried"].as_u64() && run["tried"].as_u64() <= Some(follow_ups), "{run}");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_parts_make_the_whole_and_agree_with_the_store(pool: PgPool) {
    filled(&pool).await;
    let told = get(&at(&pool, TimeDelta::zero()), "/api/v1/summary").await.json();
    let runs = told["runs"].as_array().unwrap();
    assert_eq!((&runs[0]["day"], &runs[1]["day"]), (&"2026-11-22".into(), &"2026-11-23".into()));
    runs.iter().for_each(reconciles);
    assert_eq!((&runs[0]["follow_ups"], &runs[0]["began_at"]), (&0.into(), &Value::Null), "nobody was owed anything");
    let run = &runs[1];
    assert_eq!(
        run["parts"],
        json!({ "complete": 5, "partial": 2, "refused": 1, "wrong_number": 2, "not_reached": 0,
                "booked": 1, "to_retry": 4, "untried": 5, "in_call": 3, "needs_person": 1 })
    );
    assert_eq!((&run["follow_ups"], &run["tried"], &run["reached"]), (&24.into(), &19.into(), &10.into()));
    assert_eq!(run["began_at"], "2026-11-22T23:47:00Z");
    let failures = run["failures"].as_array().unwrap();
    assert_eq!(
        (failures.len(), &failures[0]["disposition"], &failures[0]["trunk"]),
        (1, &"unknown".into(), &"main".into())
    );
    // what is left is the queue
    let left: i64 = told["left"].as_array().unwrap().iter().map(|left| left["count"].as_i64().unwrap()).sum();
    assert_eq!(left, 10);
    // and the board of now tells the same
    let status = get(&at(&pool, TimeDelta::zero()), "/api/v1/status").await.json();
    assert_eq!((&status["today"]["owed"], &status["today"]["closed"]), (&run["follow_ups"], &run["closed"]));
    assert_eq!(status["today"]["attempts"], run["attempts"]["n"]);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_run_reads_the_next_day_as_it_did(pool: PgPool) {
    filled(&pool).await;
    let path = "/api/v1/summary?day=2026-11-23";
    let before = get(&at(&pool, TimeDelta::zero()), path).await.json()["runs"][0].clone();
    let mut conn = pool.acquire().await.unwrap();
    // the next morning the one that waited longest is closed
    sqlx::query("update follow_ups set state = 'expired', closed_at = $1, final_disposition = 'not_reached_in_time', final_aapor = '3.90' where id = $2")
        .bind(now() + TimeDelta::hours(24))
        .bind(fixture::id::<uuid::Uuid>(20))
        .execute(&mut *conn)
        .await
        .unwrap();
    let router = at(&pool, TimeDelta::hours(25));
    let after = get(&router, path).await.json()["runs"][0].clone();
    assert_eq!(before, after);
    let told = get(&router, "/api/v1/summary").await.json();
    assert_eq!(told["runs"][0], before, "yesterday's");
    reconciles(&told["runs"][1]);
    assert_eq!(told["runs"][1]["parts"]["not_reached"], 1);
    assert_eq!(told["runs"][1]["follow_ups"], 14, "what was open at the end of the day before");
}

fn kinds(told: &Value) -> Vec<(&str, u64)> {
    let needs = told["needs"].as_array().unwrap();
    needs.iter().map(|need| (need["kind"].as_str().unwrap(), need["count"].as_u64().unwrap())).collect()
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn what_needs_a_person_is_found(pool: PgPool) {
    filled(&pool).await;
    let told = get(&at(&pool, TimeDelta::zero()), "/api/v1/summary").await.json();
    assert_eq!(
        kinds(&told),
        [("complaint_overdue", 1), ("trunk_down", 1), ("call_back_lost", 1), ("review", 1)],
        "booked for 12:30, in the midday rest: it is kept an hour too late"
    );
    let need = |told: &Value, kind: &str| {
        told["needs"].as_array().unwrap().iter().find(|need| need["kind"] == kind).cloned().unwrap()
    };
    let lost = need(&told, "call_back_lost");
    assert_eq!(
        (&lost["rows"][0]["at"], &lost["rows"][0]["follow_up"]),
        (&"2026-11-23T04:30:00Z".into(), &fixture::id::<crate::ids::FollowUpId>(15).to_string().into())
    );
    assert_eq!(need(&told, "trunk_down")["rows"][0]["why"], "it answers no OPTIONS");
    assert_eq!(need(&told, "review")["rows"][0]["name"], "林••", "masked");

    let mut conn = pool.acquire().await.unwrap();
    controls::set(&mut conn, None, CampaignState::Paused, now()).await.unwrap();
    let held = get(&at(&pool, TimeDelta::zero()), "/api/v1/summary").await.json();
    assert_eq!(need(&held, "dialling_held")["count"], 10, "all that wait");
    controls::set(&mut conn, None, CampaignState::Running, now()).await.unwrap();

    // at night, with their deadline before the window opens: nobody calls them any more
    sqlx::query("update follow_ups set deadline = $1 where state = 'waiting'")
        .bind(now() + TimeDelta::hours(15))
        .execute(&mut *conn)
        .await
        .unwrap();
    let night = get(&at(&pool, TimeDelta::hours(14)), "/api/v1/summary").await.json();
    assert_eq!(need(&night, "will_miss")["count"], 5);
    assert_eq!(need(&night, "will_miss")["looked_at"], 10);
    assert_eq!(need(&night, "call_stuck")["count"], 3, "calls that never ended");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_page_is_read_in_a_minute(pool: PgPool) {
    filled(&pool).await;
    let router = at(&pool, TimeDelta::zero());
    for (lang, words) in [
        (
            "zh",
            [
                "昨天：没有应回访的客户。",
                "今天（截至目前）：应回访 24 位，完整完成 5 位，部分完成 2 位，拒访 1 位，错号 2 位；还有 14 位未结束。07:47 开始拨打，3 通仍在进行。",
                "有 4 类事项需要人处理，见下。",
                "线路不可用",
                "林••",
                "20.8 %",
            ],
        ),
        (
            "en",
            [
                "Yesterday: nobody was owed a call.",
                "Today so far: 24 owed a call, 5 complete, 2 partial, 1 refused, 2 wrong numbers; 14 are still open. Calls since 07:47, 3 going on.",
                "4 things need a person: see below.",
                "A trunk is down",
                "林••",
                "20.8 %",
            ],
        ),
    ] {
        let page = get(&router, &format!("/summary?lang={lang}")).await;
        assert_eq!(page.status, StatusCode::OK);
        for word in words {
            assert!(page.body.contains(word), "{lang}: {word}");
        }
        assert!(page.body.contains("/complaints?standing=overdue&") && page.body.contains("href=\"/trunks?lang="));
        assert!(!page.body.contains("林娜") && !page.body.contains(fixture::number(16 * 137).as_str()));
    }
    let one = get(&router, "/summary?day=2026-11-23&lang=en").await.body;
    assert!(one.contains("Today so far: 24") && !one.contains("Yesterday:"));
    for (query, says) in [
        ("day=2026-11-24", "has not come yet"),
        ("day=tomorrow", "is not a date"),
        ("from=2026-11-24", "`from` is not a parameter here"),
    ] {
        let answer = get(&router, &format!("/api/v1/summary?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        assert!(answer.json()["detail"].as_str().unwrap().contains(says), "{query}: {}", answer.body);
        assert_eq!(get(&router, &format!("/summary?{query}")).await.status, StatusCode::BAD_REQUEST, "{query}");
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn an_empty_store_needs_nobody(pool: PgPool) {
    let router = router(state(pool, None));
    let page = get(&router, "/summary?lang=en").await.body;
    assert!(page.contains("Nothing needs a person.") && page.contains("Today so far: nobody was owed a call."));
    assert!(!page.contains("0.0 %") && !page.contains("100.0 %"));
    let told = get(&router, "/api/v1/summary").await.json();
    told["runs"].as_array().unwrap().iter().for_each(reconciles);
    assert_eq!((&told["needs"], &told["left"]), (&json!([]), &json!([])));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn who_was_set_aside_is_set_going_on_the_page_that_the_summary_leads_to(pool: PgPool) {
    filled(&pool).await;
    let state = state(pool.clone(), Some("token"));
    let router = router(state.clone());
    let manager = person(&state, 7, UserRole::Manager).await;
    let watcher = person(&state, 8, UserRole::ReadOnly).await;
    let cookie = [("cookie", manager.cookie.as_str())];
    let path = format!("/follow-ups/{}", fixture::id::<crate::ids::FollowUpId>(16));
    assert!(get_with(&router, "/summary", &cookie).await.body.contains(&path), "the summary leads there");
    let page = get_with(&router, &path, &cookie).await.body;
    assert!(page.contains(&format!("{path}/release?lang=zh")) && page.contains("恢复拨打"));
    let seen = get_with(&router, &path, &[("cookie", watcher.cookie.as_str())]).await.body;
    assert!(!seen.contains("/release"), "who only watches has no button");

    let stand = async || {
        let row = crate::db::follow_ups::get(&mut pool.acquire().await.unwrap(), fixture::id(16)).await.unwrap();
        (row.state.as_str(), row.deadline)
    };
    let (release, csrf) = (format!("{path}/release?lang=zh"), &manager.csrf);
    for (form, status) in [
        ("".to_owned(), StatusCode::FORBIDDEN),
        (format!("within_h=soon&csrf={csrf}"), StatusCode::BAD_REQUEST),
        (format!("within_h=0&csrf={csrf}"), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(post_form(&router, &release, &cookie, &form).await.status, status, "{form}");
    }
    assert_eq!(stand().await.0, "needs_review");
    let done = post_form(&router, &release, &cookie, &format!("within_h=72&csrf={csrf}")).await;
    assert_eq!((done.status, done.header("location")), (StatusCode::SEE_OTHER, format!("{path}?lang=zh").as_str()));
    assert_eq!(stand().await, ("retry", now() + TimeDelta::hours(72)));
    let again = post_form(&router, &release, &cookie, &format!("csrf={csrf}")).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "{}", again.body);
    let kept = crate::db::audit::newest(&mut pool.acquire().await.unwrap(), 10).await.unwrap();
    let kept = kept.iter().find(|entry| entry.action == "follow_up.release").unwrap();
    assert_eq!((kept.user, &kept.detail["within_h"]), (Some(manager.id.0), &72.into()));
}
