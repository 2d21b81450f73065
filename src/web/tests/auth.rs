//! With a token nothing of a customer is told without it; without one only this machine's own names are answered.

use super::*;
use crate::db::fixture;
use crate::ids::FollowUpId;

const TOKEN: &str = "correct horse battery staple";

fn closed_paths() -> [String; 9] {
    let id: FollowUpId = fixture::id(1);
    [
        "/",
        "/events",
        "/api/v1/status",
        "/api/v1/completion",
        "/api/v1/queue",
        "/api/v1/control",
        "/api/v1/do-not-call",
        &format!("/api/v1/follow-ups/{id}"),
        &format!("/follow-ups/{id}"),
    ]
    .map(str::to_owned)
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn without_the_token_nothing_is_told(pool: PgPool) {
    scene::fill(&mut pool.acquire().await.unwrap(), now()).await;
    let router = router(state(pool, Some(TOKEN)));
    let bearer = format!("Bearer {TOKEN}");
    for path in closed_paths() {
        for wrong in
            ["", "Bearer", "Bearer ", "Bearer wrong", "Bearer correct horse battery stapl", "Basic eDp5", TOKEN]
        {
            let answer = get_with(&router, &path, &[("authorization", wrong)]).await;
            assert_eq!(
                (answer.status, answer.header("www-authenticate")),
                (StatusCode::UNAUTHORIZED, "Bearer realm=\"huifang\""),
                "{path} {wrong}"
            );
            assert_eq!(answer.json()["status"], 401);
        }
        let plain = get(&router, &path).await;
        assert_eq!(plain.status, StatusCode::UNAUTHORIZED, "{path}");
        for right in [bearer.as_str(), "bearer correct horse battery staple"] {
            let answer = get_with(&router, &path, &[("authorization", right)]).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}");
        }
    }
    for path in ["/healthz", "/readyz", "/openapi.json", "/assets/huifang.css", "/sign-in"] {
        assert_eq!(get(&router, path).await.status, StatusCode::OK, "{path}");
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_browser_signs_in_once(pool: PgPool) {
    let state = state(pool, Some(TOKEN));
    let router = router(state.clone());
    let html = ("accept", "text/html,application/xhtml+xml");
    let sent_away = get_with(&router, "/follow-ups/abc", &[html]).await;
    assert_eq!(
        (sent_away.status, sent_away.header("location")),
        (StatusCode::SEE_OTHER, "/sign-in?next=/follow-ups/abc")
    );
    let form = get_with(&router, "/sign-in?next=/follow-ups/abc&lang=en", &[html]).await;
    assert!(form.body.contains("name=\"next\" value=\"/follow-ups/abc\"") && form.body.contains("Access token"));

    let wrong = post_form(&router, "/sign-in", &[], "token=wrong&next=/").await;
    assert_eq!((wrong.status, wrong.header("set-cookie")), (StatusCode::UNAUTHORIZED, ""));
    assert!(wrong.body.contains("令牌不正确") && !wrong.body.contains("wrong&"));
    assert_eq!(post_form(&router, "/sign-in", &[], "nothing=1").await.status, StatusCode::BAD_REQUEST);
    let foreign =
        post_form(&router, "/sign-in", &[("sec-fetch-site", "cross-site")], "token=correct+horse+battery+staple").await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);

    let right = post_form(
        &router,
        "/sign-in",
        &[("sec-fetch-site", "same-origin")],
        "token=correct+horse+battery+staple&next=//evil.example",
    )
    .await;
    assert_eq!((right.status, right.header("location")), (StatusCode::SEE_OTHER, "/"));
    let cookie = right.header("set-cookie").to_owned();
    assert!(cookie.contains("; HttpOnly; SameSite=Strict; Path=/") && !cookie.contains("horse"), "{cookie}");
    let session = cookie.split(';').next().unwrap();
    for path in ["/", "/api/v1/status"] {
        assert_eq!(get_with(&router, path, &[("cookie", session)]).await.status, StatusCode::OK, "{path}");
        assert_eq!(
            get_with(&router, path, &[("cookie", &session[..session.len() - 1])]).await.status,
            StatusCode::UNAUTHORIZED
        );
        // a wrong token is not healed by a session
        assert_eq!(
            get_with(&router, path, &[("cookie", session), ("authorization", "Bearer x")]).await.status,
            StatusCode::UNAUTHORIZED
        );
    }
    assert_eq!(get_with(&router, "/sign-in", &[("cookie", session)]).await.status, StatusCode::SEE_OTHER);

    state.clock().set(now() + chrono::Duration::hours(13));
    assert_eq!(get_with(&router, "/", &[("cookie", session)]).await.status, StatusCode::UNAUTHORIZED, "sessions end");
    state.clock().set(now());
    let sign_out = async |form: String| post_form(&router, "/sign-out", &[("cookie", session)], &form).await;
    assert_eq!(sign_out("csrf=0".to_owned()).await.status, StatusCode::FORBIDDEN, "somebody else's form");
    let page = get_with(&router, "/", &[("cookie", session)]).await.body;
    let csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let out = sign_out(format!("csrf={csrf}")).await;
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(get_with(&router, "/", &[("cookie", session)]).await.status, StatusCode::UNAUTHORIZED, "signed out");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn without_a_token_a_foreign_name_is_refused_everywhere(pool: PgPool) {
    let open = router(state(pool.clone(), None));
    for path in ["/", "/api/v1/status", "/healthz", "/sign-in", "/assets/huifang.css"] {
        let answer = get_with(&open, path, &[]).await;
        assert_ne!(answer.status, StatusCode::MISDIRECTED_REQUEST, "{path}");
        let request = Request::get(path).header(header::HOST, "rebound.example:8080").body(Body::empty()).unwrap();
        assert_eq!(send(&open, request).await.status, StatusCode::MISDIRECTED_REQUEST, "{path}");
    }
    let nameless = Request::get("/").body(Body::empty()).unwrap();
    assert_eq!(send(&open, nameless).await.status, StatusCode::MISDIRECTED_REQUEST);
    let guarded = router(state(pool, Some(TOKEN)));
    let request = Request::get("/")
        .header(header::HOST, "huifang.dealer.example")
        .header("authorization", format!("Bearer {TOKEN}"));
    assert_eq!(send(&guarded, request.body(Body::empty()).unwrap()).await.status, StatusCode::OK);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn every_answer_is_wrapped(pool: PgPool) {
    let router = router(state(pool, None));
    for path in ["/", "/api/v1/status", "/nowhere", "/assets/huifang.css"] {
        let answer = get(&router, path).await;
        let policy = answer.header("content-security-policy").to_owned();
        assert!(
            policy.contains("script-src 'self'")
                && policy.contains("frame-ancestors 'none'")
                && !policy.contains("unsafe"),
            "{path}"
        );
        assert_eq!(
            (answer.header("x-content-type-options"), answer.header("x-frame-options")),
            ("nosniff", "DENY"),
            "{path}"
        );
    }
    assert_eq!(get(&router, "/").await.header("cache-control"), "no-store");
    let css = get(&router, "/assets/huifang.css").await;
    assert_eq!(css.header("cache-control"), "no-cache");
    let again = get_with(&router, "/assets/huifang.css", &[("if-none-match", css.header("etag"))]).await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
}
