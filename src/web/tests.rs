//! The router asked as a client would ask it, over databases of their own. No socket but where the socket is the point.

mod agent;
mod agent_page;
mod auth;
mod complaints;
mod control;
mod day_report;
mod desk;
mod imports;
mod managers;
mod masked;
mod month;
mod now;
mod pages;
mod rates;
mod recordings;
mod registers;
mod repeats;
mod reports;
mod roles;
mod routes;
mod scene;
mod served;
mod sign_in;
mod signalling;
mod summary;
mod surveys;
mod tls;
mod tokens;
mod weak_items;

use super::{Limits, Options, Readiness, WebState, guard, router, sessions};
use crate::clock::Clock;
use crate::config::Settings;
use crate::db::fixture;
use crate::db::state::UserRole;
use crate::db::users::{self, NewUser};
use crate::dialer::outlook;
use crate::dialer::policy::{Manners, country};
use crate::ids::UserId;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgPool;
use tower::ServiceExt;

/// 10:30 in Shanghai.
fn now() -> DateTime<Utc> {
    "2026-11-23T02:30:00Z".parse().unwrap()
}

fn state(pool: PgPool, token: Option<&str>) -> WebState {
    let options = Options {
        dealer: "金陵汽车".to_owned(),
        zone: chrono_tz::Asia::Shanghai,
        language: "zh-CN".to_owned(),
        weak: crate::report::weak::Rule { target: 80, days: 90 },
        logo: None,
        country: "CN".to_owned(),
        token: token.map(|token| token.to_owned().into()),
        recordings: None,
        page_ttl: chrono::TimeDelta::seconds(15),
        trusted_proxies: vec!["192.0.2.7".parse().unwrap()],
        limits: Limits { token_per_min: 600, address_per_min: 1200 },
    };
    let state = WebState::new(pool, Clock::manual(now()), Readiness::default(), options);
    state.show_queue(outlook_rules());
    state
}

/// China's hours; all of China may be called.
fn outlook_rules() -> outlook::Rules {
    let mut settings = Settings::default();
    settings.dialer.allow = vec!["+86".to_owned()];
    let manners = Manners::new(&settings.dialer, &country::packs(&[]).unwrap());
    outlook::Rules::new(&settings, manners, chrono_tz::Asia::Shanghai)
}

/// The router over a morning's data.
async fn morning(pool: PgPool) -> Router {
    scene::fill(&mut pool.acquire().await.unwrap(), now()).await;
    router(state(pool, None))
}

/// A pool whose database nobody serves: every question fails at once.
fn nowhere() -> PgPool {
    let options = sqlx::postgres::PgConnectOptions::new().host("127.0.0.1").port(1).username("nobody");
    sqlx::postgres::PgPoolOptions::new()
        .acquire_timeout(std::time::Duration::from_millis(200))
        .connect_lazy_with(options)
}

/// Somebody who is signed in.
struct Person {
    /// `name=value` of their cookie.
    cookie: String,
    /// What their writes send along.
    csrf: String,
    /// Their user.
    id: UserId,
}

/// A user of this role with an open session. The password is nobody's.
async fn person(state: &WebState, n: u16, role: UserRole) -> Person {
    let id: UserId = fixture::id(n);
    let new =
        NewUser { id, name: format!("{role} {n}"), password_hash: "$argon2id$none".into(), role, created_at: now() };
    assert!(users::add(&mut state.pool().acquire().await.unwrap(), &new).await.unwrap());
    let cookie = sessions::open(state, Some(id)).await.unwrap();
    let session = sessions::find(state, &cookie).await.unwrap().unwrap();
    Person { cookie: format!("{}={cookie}", guard::COOKIE), csrf: session.csrf, id }
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 1 << 24).await.unwrap();
    Answer { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&body).into_owned() }
}

async fn get(router: &Router, path: &str) -> Answer {
    send(router, Request::get(path).header(header::HOST, "localhost:8080").body(Body::empty()).unwrap()).await
}

async fn get_with(router: &Router, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::get(path).header(header::HOST, "localhost:8080");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(router, request.body(Body::empty()).unwrap()).await
}

/// A request with a JSON body, or what claims to be one.
async fn send_json(router: &Router, method: &str, path: &str, media_type: &str, body: &str) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "localhost:8080")
        .header(header::CONTENT_TYPE, media_type)
        .body(Body::from(body.to_owned()));
    send(router, request.unwrap()).await
}

async fn post_form(router: &Router, path: &str, headers: &[(&str, &str)], form: &str) -> Answer {
    let mut request = Request::post(path)
        .header(header::HOST, "localhost:8080")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(router, request.body(Body::from(form.to_owned())).unwrap()).await
}

/// Runs a script of tests/browser in Chromium; what it said. `HUIFANG_SHOTS` names a directory for its pictures.
async fn in_a_browser(script: &str, arguments: &[&str]) -> String {
    let temporary = tempfile::tempdir().unwrap();
    let script = format!("{}/tests/browser/{script}", env!("CARGO_MANIFEST_DIR"));
    let ran = tokio::process::Command::new("node")
        .env("TMPDIR", temporary.path())
        .args(["--experimental-websocket", &script])
        .args(arguments)
        .args(std::env::var_os("HUIFANG_SHOTS"))
        .kill_on_drop(true)
        .output()
        .await
        .expect("node is installed (scripts/test sees to it)");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    said
}
