//! People sign in by name and password: once for all engines, slowed down when wrong, out at once when disabled; and what they do is kept.

use super::*;
use crate::db::audit;
use crate::db::complaints::{self, NewComplaint};
use crate::db::state::ComplaintReason;
use crate::ids::FollowUpId;
use crate::web::password;
use chrono::Duration;

const PASSWORD: &str = "right+as+rain";

async fn add_user(pool: &PgPool, n: u16, name: &str, role: UserRole) {
    let password_hash = password::hash("right as rain".into()).await.unwrap();
    let new = NewUser { id: fixture::id(n), name: name.to_owned(), password_hash, role, created_at: now() };
    assert!(users::add(&mut pool.acquire().await.unwrap(), &new).await.unwrap());
}

async fn sign_in(router: &Router, name: &str, password: &str) -> Answer {
    post_form(router, "/sign-in", &[], &format!("name={name}&password={password}")).await
}

fn cookie_of(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_first_user_closes_the_door(pool: PgPool) {
    let state = state(pool.clone(), None);
    let router = router(state.clone());
    assert_eq!(get(&router, "/").await.status, StatusCode::OK, "nobody needs to sign in yet");
    add_user(&pool, 1, "王芳", UserRole::Manager).await;
    assert_eq!(get(&router, "/").await.status, StatusCode::UNAUTHORIZED);
    let html = ("accept", "text/html");
    assert_eq!(get_with(&router, "/", &[html]).await.header("location"), "/sign-in?next=/");
    let form = get_with(&router, "/sign-in?lang=en", &[html]).await;
    assert!(form.body.contains("name=\"password\"") && !form.body.contains("name=\"token\""), "no token is configured");
    assert!(form.header("set-cookie").starts_with("huifang_lang=en; "), "the choice is kept");
    let chosen = get_with(&router, "/sign-in", &[html, ("cookie", "huifang_lang=en")]).await;
    assert!(chosen.body.contains("<html lang=\"en\">"));

    let signed_in = sign_in(&router, "%E7%8E%8B%E8%8A%B3", PASSWORD).await;
    assert_eq!((signed_in.status, signed_in.header("location")), (StatusCode::SEE_OTHER, "/"));
    let cookie = signed_in.header("set-cookie");
    assert!(cookie.contains("; HttpOnly; SameSite=Strict; Path=/; Max-Age=43200") && !cookie.contains("Secure"));
    let page = get_with(&router, "/", &[("cookie", &cookie_of(&signed_in))]).await;
    assert!(
        page.body.contains("王芳") && page.body.contains("hx-headers='{\"X-CSRF\":\""),
        "who, and what writes need"
    );
    // Another engine on the same database knows them too, and under any name: it is guarded.
    let other = super::router(super::state(pool.clone(), None));
    let request = Request::get("/api/v1/status").header(header::HOST, "huifang.dealer.example");
    let request = request.header("cookie", cookie_of(&signed_in)).body(Body::empty()).unwrap();
    assert_eq!(send(&other, request).await.status, StatusCode::OK);
    let form = format!("name=%E7%8E%8B%E8%8A%B3&password={PASSWORD}");
    let said = post_form(&router, "/sign-in", &[("x-forwarded-proto", "https")], &form).await;
    assert!(
        !said.header("set-cookie").contains("Secure"),
        "nobody whom we trust says so (web/tests/tls.rs has who does)"
    );
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn wrong_ones_are_told_nothing_and_wait(pool: PgPool) {
    add_user(&pool, 1, "li", UserRole::Agent).await;
    let state = state(pool.clone(), None);
    let router = router(state.clone());
    for name in ["li", "nobody"] {
        let wrong = sign_in(&router, name, "wrong").await;
        assert_eq!(wrong.status, StatusCode::UNAUTHORIZED, "{name}");
        assert!(wrong.body.contains("用户名或密码不正确") && wrong.header("set-cookie").is_empty());
    }
    for _ in 1..5 {
        assert_eq!(sign_in(&router, "li", "wrong").await.status, StatusCode::UNAUTHORIZED);
    }
    let slowed = sign_in(&router, "LI", PASSWORD).await;
    assert_eq!((slowed.status, slowed.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "1"));
    state.clock().set(now() + Duration::seconds(1));
    let right = sign_in(&router, "Li", PASSWORD).await;
    assert_eq!((right.status, right.header("location")), (StatusCode::SEE_OTHER, "/agent"), "an agent's home");
    users::disable(&mut pool.acquire().await.unwrap(), fixture::id(1), now()).await.unwrap();
    let out = get_with(&router, "/follow-ups/x", &[("cookie", &cookie_of(&right))]).await;
    assert_eq!(out.status, StatusCode::UNAUTHORIZED, "at once");
    assert_eq!(sign_in(&router, "li", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn another_token_ends_the_sessions_of_the_old_one(pool: PgPool) {
    let router_with = |token: &str| router(state(pool.clone(), Some(token)));
    let signed_in = post_form(&router_with("first token"), "/sign-in", &[], "token=first+token").await;
    let cookie = cookie_of(&signed_in);
    assert_eq!(get_with(&router_with("first token"), "/", &[("cookie", &cookie)]).await.status, StatusCode::OK);
    assert_eq!(get_with(&router_with("second"), "/", &[("cookie", &cookie)]).await.status, StatusCode::UNAUTHORIZED);
    let stored: String = sqlx::query_scalar("select token_hash from user_sessions").fetch_one(&pool).await.unwrap();
    assert!(!cookie.contains(&stored));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn what_people_do_is_kept(pool: PgPool) {
    let state = state(pool.clone(), Some("token"));
    let router = router(state.clone());
    let mut conn = pool.acquire().await.unwrap();
    let owed = fixture::owed(&mut conn, 7).await;
    let (manager, agent) = (person(&state, 1, UserRole::Manager).await, person(&state, 2, UserRole::Agent).await);
    let path = format!("/api/v1/follow-ups/{}?unmasked=true", owed.follow_up);
    assert_eq!(get_with(&router, &path, &[("cookie", &agent.cookie)]).await.status, StatusCode::FORBIDDEN);
    let seen = get_with(&router, &path, &[("cookie", &manager.cookie)]).await;
    assert!(seen.body.contains(fixture::number(7).as_str()));
    let attempt = fixture::begun(&mut conn, "a", owed.follow_up, 1, 0).await;
    let complaint = NewComplaint {
        id: fixture::id(1),
        step: uuid::Uuid::from_u128(1),
        attempt,
        reason: ComplaintReason::AskedForPerson,
        question: None,
        opened_at: now(),
        contact_due_at: now(),
    };
    complaints::open(&mut conn, &complaint).await.unwrap();
    state.clock().set(now() + Duration::seconds(1));
    let seen = get_with(&router, &path, &[("cookie", &agent.cookie)]).await;
    assert_eq!(seen.status, StatusCode::OK, "there is a complaint to work on");

    state.clock().set(now() + Duration::seconds(2));
    let pause = Request::post("/api/v1/control")
        .header(header::HOST, "localhost")
        .header("cookie", &manager.cookie)
        .header("x-csrf", &manager.csrf)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(r#"{"action":"pause"}"#));
    assert_eq!(send(&router, pause.unwrap()).await.status, StatusCode::OK);
    let kept = audit::newest(&mut conn, 10).await.unwrap();
    let kept: Vec<_> = kept.iter().map(|entry| (entry.action.as_str(), entry.object.as_str(), entry.user)).collect();
    let follow_up = format!("follow_up:{}", FollowUpId::from(owed.follow_up.0));
    assert_eq!(
        kept,
        [
            ("control.change", "/api/v1/control", Some(manager.id.0)),
            ("follow_up.unmask", follow_up.as_str(), Some(agent.id.0)),
            ("follow_up.unmask", follow_up.as_str(), Some(manager.id.0)),
        ]
    );
}

#[tokio::test]
async fn a_form_s_hidden_field_is_as_good_as_the_header() {
    let who = crate::web::Who::session(crate::db::user_sessions::Session { user: None, csrf: "secret".to_owned() });
    let form = |body: &str| {
        Request::post("/")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded; charset=utf-8")
            .body(Body::from(body.to_owned()))
            .unwrap()
    };
    let passed = crate::web::csrf::check(&who, form("a=1&csrf=secret&b=2")).await.unwrap();
    let body = to_bytes(passed.into_body(), 1000).await.unwrap();
    assert_eq!(&body[..], b"a=1&csrf=secret&b=2", "the handler gets it whole");
    for wrong in ["", "csrf=", "csrf=Secret", "a=csrf%3Dsecret", "csrf=x&csrf=secret", "csrf=secret%"] {
        let refused = crate::web::csrf::check(&who, form(wrong)).await;
        assert_eq!(refused.err().map(|problem| problem.status), Some(403), "{wrong}");
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn who_was_here_goes_on_seeing_the_last_figures(pool: PgPool) {
    let state = state(pool.clone(), None);
    let router = router(state.clone());
    let manager = person(&state, 1, UserRole::Manager).await;
    let cookie = [("cookie", manager.cookie.as_str())];
    assert_eq!(get_with(&router, "/", &cookie).await.status, StatusCode::OK);
    pool.close().await;
    assert_eq!(get_with(&router, "/", &cookie).await.status, StatusCode::OK, "the last known ones");
    let stranger = get_with(&router, "/", &[("cookie", "huifang_session=1"), ("accept", "text/html")]).await;
    assert_eq!((stranger.status.as_u16(), stranger.body.contains("数据库")), (503, true));
    state.clock().set(now() + Duration::minutes(6));
    assert_eq!(get_with(&router, "/", &cookie).await.status.as_u16(), 503, "not for ever");
}
