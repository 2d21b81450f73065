//! The agent's page and API over the store: who calls is there at the reservation, what is said reaches the engine, and nobody sees another's caller.

use super::desk::{Desk, UNHAPPY};
use super::pages::{events, well_formed};
use super::*;
use crate::agent::state::Freed;
use crate::db::audit;
use crate::db::state::{PageWord, TransferOutcome};
use crate::db::transfers;

struct Scene {
    router: Router,
    person: Person,
    desk: Desk,
}

async fn scene(pool: &PgPool) -> Scene {
    scene::fill(&mut pool.acquire().await.unwrap(), now()).await;
    let state = state(pool.clone(), Some("token"));
    let person = person(&state, 901, UserRole::Agent).await;
    let desk = Desk::of(pool, state.clock().clone(), person.id).await;
    Scene { router: router(state), person, desk }
}

impl Scene {
    async fn get(&self, path: &str) -> Answer {
        get_with(&self.router, path, &[("cookie", &self.person.cookie)]).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        let request = Request::post(path)
            .header(header::HOST, "localhost")
            .header("cookie", &self.person.cookie)
            .header("x-csrf", &self.person.csrf)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()));
        send(&self.router, request.unwrap()).await
    }

    async fn wish(&self, wish: &str) -> Answer {
        self.post("/api/v1/agent/state", serde_json::json!({ "state": wish })).await
    }

    fn of_transfer(&self, word: &str) -> String {
        format!("/api/v1/agent/transfers/{}/{word}", self.desk.transfer)
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn an_agent_comes_and_goes(pool: PgPool) {
    let scene = scene(&pool).await;
    assert_eq!(scene.get("/api/v1/agent").await.json()["state"], "offline");
    for (wish, state) in
        [("available", "available"), ("break", "break"), ("available", "available"), ("offline", "offline")]
    {
        let answer = scene.wish(wish).await;
        assert_eq!((answer.status, &answer.json()["state"]), (StatusCode::OK, &state.into()), "{}", answer.body);
    }
    assert_eq!(scene.wish("asleep").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(scene.post("/api/v1/agent/presence", Value::Null).await.status, StatusCode::NO_CONTENT);
    let kept = audit::newest(&mut *scene.desk.conn().await, 9).await.unwrap();
    assert_eq!(
        kept.iter().filter(|entry| entry.action == "agent.state").count(),
        4,
        "what could not be read did not happen"
    );
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn who_calls_is_on_the_page_at_the_reservation(pool: PgPool) {
    let mut scene = scene(&pool).await;
    scene.wish("available").await;
    let before = scene.get("/agent?lang=en").await;
    well_formed(&before.body);
    assert!(before.body.contains("No caller") && !before.body.contains("何雪"));
    let cursor = before.body.split("since=").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let waiting = tokio::spawn({
        let (router, cookie) = (scene.router.clone(), scene.person.cookie.clone());
        let path = format!("/agent/events?lang=en&since={cursor}");
        async move { get_with(&router, &path, &[("cookie", &cookie)]).await }
    });
    scene.desk.reserve().await;
    let news = waiting.await.unwrap();
    let names: Vec<_> = events(&news.body).into_iter().map(|(name, _)| name).collect();
    for name in ["stand", "call", "caller", "history"] {
        assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
    }
    assert!(!names.contains(&"line".to_owned()), "nobody has said yes yet");
    let caller = events(&news.body).into_iter().find(|(name, _)| name == "caller").unwrap().1;
    for word in
        ["何雪", fixture::number(UNHAPPY * 137).as_str(), "轩逸", "苏A9S118", "Low score", "Q1 Overall", "2 unhappy"]
    {
        assert!(caller.contains(word), "{word}: {caller}");
    }
    assert_eq!(caller.matches("class=\"unhappy\"").count(), 2);

    scene.desk.ring().await;
    for lang in ["zh", "en"] {
        let page = scene.get(&format!("/agent?lang={lang}")).await;
        well_formed(&page.body);
        assert!(
            page.body.contains("何雪")
                && page.body.contains("data-stage=\"ringing\"")
                && page.body.contains("data-do=\"take\"")
        );
    }
    scene.desk.end(Freed::Unused, TransferOutcome::CustomerGaveUp).await;
    assert!(!scene.get("/agent").await.body.contains("何雪"), "who was not talked to does not stay");
    let kept = audit::newest(&mut *scene.desk.conn().await, 20).await.unwrap();
    let shown: Vec<_> = kept.iter().filter(|entry| entry.action == "caller.show").collect();
    assert_eq!(shown.len(), 1, "kept once for each hand-over");
    assert_eq!(
        (shown[0].user, shown[0].object.clone()),
        (Some(scene.person.id.0), format!("transfer:{}", scene.desk.transfer))
    );
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_call_is_taken_in_the_page_and_written_up(pool: PgPool) {
    let mut scene = scene(&pool).await;
    scene.wish("available").await;
    scene.desk.reserve().await;
    scene.desk.ring().await;
    let engine = tokio::spawn({
        let (pool, transfer) = (pool.clone(), scene.desk.transfer);
        async move {
            let mut conn = pool.acquire().await.unwrap();
            loop {
                let said = transfers::page_word(&mut conn, transfer).await.unwrap();
                if said.word == Some(PageWord::Take) {
                    transfers::set_page_answer(&mut conn, transfer, "v=0 answer").await.unwrap();
                    return said.offer;
                }
                tokio::task::yield_now().await;
            }
        }
    });
    let taken = scene.post(&scene.of_transfer("take"), serde_json::json!({ "sdp": "v=0 offer" })).await;
    assert_eq!((taken.status, &taken.json()["sdp"]), (StatusCode::OK, &"v=0 answer".into()), "{}", taken.body);
    assert_eq!(engine.await.unwrap().as_deref(), Some("v=0 offer"));
    let again = scene.post(&scene.of_transfer("take"), serde_json::json!({ "sdp": "v=0 other" })).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert_eq!(
        scene.post(&scene.of_transfer("take"), serde_json::json!({ "sdp": "" })).await.status,
        StatusCode::BAD_REQUEST
    );

    scene.desk.talk().await;
    let view = scene.get("/api/v1/agent").await.json();
    assert_eq!((&view["state"], &view["transfer"]["stage"]), (&"talking".into(), &"talking".into()));
    assert_eq!(scene.post(&scene.of_transfer("hang-up"), serde_json::json!({})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(scene.desk.word().await.0, Some(PageWord::HangUp));
    scene.desk.end(Freed::Talked, TransferOutcome::Accepted).await;
    let over = scene.post(&scene.of_transfer("hang-up"), serde_json::json!({})).await;
    assert_eq!(over.status, StatusCode::NO_CONTENT, "the media told the engine first");
    let page = scene.get("/agent?lang=en").await.body;
    well_formed(&page);
    assert!(page.contains("Wrap-up done") && page.contains("何雪"), "the caller stays to be written up");
    assert_eq!(scene.wish("available").await.json()["state"], "available");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_caller_is_nobody_else_s(pool: PgPool) {
    let mut scene = scene(&pool).await;
    scene.wish("available").await;
    scene.desk.reserve().await;
    scene.desk.ring().await;
    let state = state(pool.clone(), Some("token"));
    let other = person(&state, 902, UserRole::Manager).await;
    let cookie = [("cookie", other.cookie.as_str())];
    let page = get_with(&scene.router, "/agent?lang=en", &cookie).await;
    assert!(page.status == StatusCode::OK && page.body.contains("You take no calls") && !page.body.contains("何雪"));
    well_formed(&page.body);
    for path in ["/api/v1/agent", "/agent/events"] {
        assert_eq!(get_with(&scene.router, path, &cookie).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    sqlx::query("update transfers set agent_id = null, mode = null, outcome = 'nobody_free', ended_at = reserved_at")
        .execute(&pool)
        .await
        .unwrap();
    for word in ["reject", "hang-up"] {
        assert_eq!(scene.post(&scene.of_transfer(word), Value::Null).await.status, StatusCode::CONFLICT, "{word}");
    }
    assert_eq!(scene.post("/api/v1/agent/transfers/x/reject", Value::Null).await.status, StatusCode::BAD_REQUEST);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn with_the_database_away_the_page_says_so_and_comes_back(pool: PgPool) {
    let scene = scene(&pool).await;
    scene.get("/agent").await;
    pool.close().await;
    let news = scene.get("/agent/events?lang=en").await;
    assert!(news.status == StatusCode::OK && news.body.starts_with("retry: 2000\n\n"), "{}", news.body);
    let notice = events(&news.body);
    assert!(notice.len() == 1 && notice[0].0 == "notice" && notice[0].1.contains("The call goes on"), "{notice:?}");
}
