//! Tokens of programs: what each scope opens over all routes, who it was in the audit log, and how often one may ask.

use super::*;
use crate::db::api_tokens::{self, NewToken, Scope, Scopes};
use crate::db::audit;
use crate::web::door::Peer;
use crate::web::roles::CLOSED;
use crate::web::tokens;
use axum::extract::ConnectInfo;
use chrono::TimeDelta;
use secrecy::ExposeSecret;

const NOBODY: &str = "0192f0c1-2d3e-7a4b-8c5d-6e7f80912a3b";

/// `Bearer …` of a new token.
async fn token(pool: &PgPool, n: u16, scopes: &[Scope], expires_at: Option<DateTime<Utc>>) -> String {
    let (secret, scopes) = (tokens::new(), Scopes::new(scopes.to_vec()));
    let (name, hash) = (format!("program {n}"), tokens::hash(&secret));
    let new = NewToken { id: fixture::id(n), name: &name, hash: &hash, scopes: &scopes, created_at: now(), expires_at };
    assert!(api_tokens::add(&mut pool.acquire().await.unwrap(), &new).await.unwrap());
    format!("Bearer {}", secret.expose_secret())
}

/// Asks as if from this address.
async fn ask(router: &Router, method: &str, path: &str, from: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header(header::HOST, "huifang.dealer.example");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = if method == "GET" { Body::empty() } else { Body::from("{}") };
    let mut request = request.body(body).unwrap();
    request.extensions_mut().insert(ConnectInfo(Peer { address: from.parse().unwrap(), tls: false }));
    send(router, request).await
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_scope_opens_its_routes_and_no_others(pool: PgPool) {
    let state = state(pool.clone(), None);
    let router = router(state.clone());
    let mut all = Vec::new();
    for (n, scope) in (1..).zip(Scope::ALL) {
        all.push((scope, token(&pool, n, &[scope], None).await));
    }
    state.closing().cancel();
    for route in CLOSED {
        let path: Vec<_> =
            route.path.split('/').map(|part| if part.starts_with('{') { NOBODY } else { part }).collect();
        let (method, path) = (route.method, path.join("/"));
        for (scope, bearer) in &all {
            let status = ask(&router, method, &path, "127.0.0.1", &[("authorization", bearer)]).await.status;
            let open = [Scope::Admin, route.scope].contains(scope);
            assert_ne!(status, StatusCode::UNAUTHORIZED, "{method} {path} with {scope}");
            assert_eq!(status != StatusCode::FORBIDDEN, open, "{method} {path} with {scope}: {status}");
        }
        assert_eq!(
            ask(&router, method, &path, "127.0.0.1", &[]).await.status,
            StatusCode::UNAUTHORIZED,
            "{method} {path}: with a token in the store nobody is let in unasked"
        );
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn people_in_clear_want_a_scope_of_their_own_and_are_kept_with_who_and_where(pool: PgPool) {
    scene::fill(&mut pool.acquire().await.unwrap(), now()).await;
    let state = state(pool.clone(), None);
    let router = router(state.clone());
    let read = token(&pool, 1, &[Scope::Read], None).await;
    let both = token(&pool, 2, &[Scope::Read, Scope::Personal], None).await;
    let follow_up: crate::ids::FollowUpId = fixture::id(1);
    let masked = format!("/api/v1/follow-ups/{follow_up}");
    let clear = format!("{masked}?unmasked=true");
    let get =
        async |path: &str, bearer: &str| ask(&router, "GET", path, "198.51.100.9", &[("authorization", bearer)]).await;
    let seen = get(&masked, &read).await;
    assert!(seen.status == StatusCode::OK && !seen.body.contains("王小明"));
    for path in [&clear, "/api/v1/complaints/export.csv?unmasked=true"] {
        let refused = get(path, &read).await;
        assert_eq!((refused.status, refused.body.contains("王小明")), (StatusCode::FORBIDDEN, false), "{path}");
        assert!(refused.body.contains("scope personal"), "{}", refused.body);
    }
    assert!(get(&clear, &both).await.body.contains("王小明"));
    let kept = audit::newest(&mut pool.acquire().await.unwrap(), 9).await.unwrap();
    assert_eq!(kept.len(), 1, "what was refused was not seen");
    assert_eq!(
        (kept[0].action.as_str(), kept[0].token, kept[0].address.as_deref()),
        ("follow_up.unmask", Some(fixture::id(2)), Some("198.51.100.9"))
    );
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn what_expired_was_revoked_or_is_none_opens_nothing(pool: PgPool) {
    let state = state(pool.clone(), None);
    let router = router(state.clone());
    let short = token(&pool, 1, &[Scope::Read], Some(now() + TimeDelta::minutes(1))).await;
    let revoked = token(&pool, 2, &[Scope::Admin], None).await;
    let status =
        async |bearer: &str| ask(&router, "GET", "/api/v1/status", "127.0.0.1", &[("authorization", bearer)]).await;
    assert_eq!((status(&short).await.status, status(&revoked).await.status), (StatusCode::OK, StatusCode::OK));
    api_tokens::revoke(&mut pool.acquire().await.unwrap(), "Program 2", now()).await.unwrap();
    state.clock().set(now() + TimeDelta::minutes(1));
    let cut = &short[..short.len() - 1];
    let other = format!("{cut}{}", if short.ends_with('0') { '1' } else { '0' });
    for wrong in [&short, &revoked, cut, &other, "Bearer huifang_", "Bearer"] {
        let refused = status(wrong).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        assert!(!refused.body.contains(&short[20..40]));
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn who_asks_too_often_waits(pool: PgPool) {
    let mut options = state(pool.clone(), Some("token")).options().clone();
    options.limits = Limits { token_per_min: 30, address_per_min: 60 };
    let state = WebState::new(pool.clone(), Clock::manual(now()), Readiness::default(), options);
    let router = router(state.clone());
    let mine = token(&pool, 1, &[Scope::Read], None).await;
    let get = async |from: &str, bearer: &str| {
        ask(&router, "GET", "/api/v1/control", from, &[("authorization", bearer)]).await
    };
    for _ in 0..30 {
        assert_eq!(get("127.0.0.1", &mine).await.status, StatusCode::OK);
    }
    let slowed = get("127.0.0.1", &mine).await;
    assert_eq!((slowed.status, slowed.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "2"));
    assert_eq!((slowed.header("content-type"), &slowed.json()["status"]), ("application/problem+json", &429.into()));
    assert_eq!(get("127.0.0.1", "Bearer token").await.status, StatusCode::OK, "another token");
    state.clock().set(now() + TimeDelta::seconds(2));
    assert_eq!(get("127.0.0.1", &mine).await.status, StatusCode::OK);

    // An address: whatever it asks, but health; and a wrong token costs twenty.
    for _ in 0..2 {
        assert_eq!(get("198.51.100.1", "Bearer wrong").await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(get("198.51.100.1", "Bearer wrong").await.status, StatusCode::TOO_MANY_REQUESTS);
    for _ in 0..17 {
        assert_eq!(ask(&router, "GET", "/sign-in", "198.51.100.1", &[]).await.status, StatusCode::OK);
    }
    assert_eq!(get("198.51.100.1", "Bearer token").await.status, StatusCode::TOO_MANY_REQUESTS, "the right one too");
    assert_eq!(ask(&router, "GET", "/healthz", "198.51.100.1", &[]).await.status, StatusCode::OK);
    assert_eq!(get("198.51.100.2", "Bearer token").await.status, StatusCode::OK, "another address");
    let behind = [("x-forwarded-for", "203.0.113.77"), ("authorization", "Bearer token")];
    let proxied = ask(&router, "GET", "/api/v1/control", "192.0.2.7", &behind).await;
    assert_eq!(proxied.status, StatusCode::OK, "counted for the client, not for the proxy");
    for _ in 0..100 {
        assert_eq!(ask(&router, "GET", "/sign-in", "127.0.0.1", &[]).await.status, StatusCode::OK);
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn other_sites_read_nothing(pool: PgPool) {
    let router = router(state(pool, Some("token")));
    let origin = ("origin", "https://evil.example");
    let asked =
        [origin, ("access-control-request-method", "POST"), ("access-control-request-headers", "authorization")];
    for path in ["/api/v1/status", "/api/v1/control", "/", "/healthz", "/openapi.json"] {
        let preflight = ask(&router, "OPTIONS", path, "127.0.0.1", &asked).await;
        assert_eq!(preflight.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        let read = ask(&router, "GET", path, "127.0.0.1", &[origin, ("authorization", "Bearer token")]).await;
        for answer in [preflight, read] {
            let cors = answer.headers.keys().filter(|name| name.as_str().starts_with("access-control-"));
            assert_eq!(cors.count(), 0, "{path}");
            assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
            assert_eq!(answer.header("referrer-policy"), "same-origin");
        }
    }
}
