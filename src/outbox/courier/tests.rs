//! A real server on loopback plays the other side: what it is sent, how it is signed, and what its answers make of a message.

use super::*;
use crate::config;
use crate::db::fixture::{self, at};
use crate::db::outbox::Filter;
use crate::db::state::OutboxState;
use crate::dialer::policy::country::packs;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Mutex;
use tokio::net::TcpListener;

/// What came, and what is answered to it; then 200.
#[derive(Clone, Default)]
struct Other {
    came: Arc<Mutex<Vec<(HeaderMap, Value)>>>,
    answers: Arc<Mutex<VecDeque<u16>>>,
}

impl Other {
    async fn start(answers: &[u16]) -> (Other, Uri) {
        let other = Other { answers: Arc::new(Mutex::new(answers.iter().copied().collect())), ..Other::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = format!("http://{}/in", listener.local_addr().unwrap()).parse().unwrap();
        let app = Router::new().route("/in", post(take)).with_state(other.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (other, at)
    }

    fn came(&self) -> Vec<(HeaderMap, Value)> {
        self.came.lock().unwrap().clone()
    }
}

async fn take(State(other): State<Other>, headers: HeaderMap, body: Bytes) -> StatusCode {
    other.came.lock().unwrap().push((headers, serde_json::from_slice(&body).unwrap()));
    let answer = other.answers.lock().unwrap().pop_front().unwrap_or(200);
    StatusCode::from_u16(answer).unwrap()
}

const SECRET: &str = "a secret that is long enough";

fn webhook(endpoint: Uri) -> Webhook {
    let secret = Secret::parse(SECRET).unwrap();
    Webhook { endpoint, secret, http: HttpClient::new(None).unwrap(), events: vec![OutboxEvent::Report] }
}

fn gateway(endpoint: Uri) -> Gateway {
    let dialer = config::Dialer { allow: vec!["+86138".to_owned()], ..config::Dialer::default() };
    let text = [("zh-CN".to_owned(), "{dealer}：{name}您好，您的{model}（{date}）".to_owned())];
    Gateway {
        endpoint,
        token: Some(SecretString::from("gateway-token")),
        http: HttpClient::new(None).unwrap(),
        body: config::Sms::default().body,
        texts: [(fixture::SURVEY.to_owned(), text.into())].into(),
        dealer: "东方".to_owned(),
        manners: Manners::new(&dialer, &packs(&[]).unwrap()),
    }
}

async fn courier(pool: &PgPool, post: Post, now: DateTime<Utc>) -> Courier {
    let mut conn = pool.acquire().await.unwrap();
    rows::set_targets(&mut conn, &post.targets(), at(0)).await.unwrap();
    Courier { pool: pool.clone(), clock: Clock::manual(now), post: Arc::new(post) }
}

async fn states(pool: &PgPool) -> Vec<(OutboxState, i32, Option<String>)> {
    let all = rows::list(&mut pool.acquire().await.unwrap(), &Filter { limit: 10, ..Filter::default() }).await.unwrap();
    all.into_iter().map(|message| (message.state, message.tries, message.last_error)).collect()
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_webhook_is_sent_until_it_is_taken_each_time_under_the_same_id(pool: PgPool) {
    let (other, endpoint) = Other::start(&[500]).await;
    let courier =
        courier(&pool, Post { webhooks: [("dms".to_owned(), webhook(endpoint))].into(), sms: None }, at(0)).await;
    rows::report_made(&mut pool.acquire().await.unwrap(), &json!({ "kind": "daily" }), at(0)).await.unwrap();
    assert_eq!(courier.round().await.unwrap(), 1);
    assert_eq!(states(&pool).await, [(OutboxState::Waiting, 1, Some("it answered 500".to_owned()))]);
    assert_eq!(courier.round().await.unwrap(), 0, "not before the pause is over");
    courier.clock.set(at(1));
    assert_eq!(courier.round().await.unwrap(), 1);
    assert_eq!(states(&pool).await, [(OutboxState::Sent, 2, None)]);
    assert_eq!(courier.round().await.unwrap(), 0);

    let came = other.came();
    let header = |n: usize, name: &str| came[n].0[name].to_str().unwrap().to_owned();
    assert_eq!(came.len(), 2);
    assert_eq!(header(0, "webhook-id"), header(1, "webhook-id"));
    let wanted = json!({ "type": "report", "timestamp": "2026-11-18T02:00:00.000Z", "data": { "kind": "daily" } });
    assert_eq!(came[1].1, wanted);
    let signed = Secret::parse(SECRET).unwrap().sign(
        header(1, "webhook-id").parse().unwrap(),
        at(1).timestamp(),
        wanted.to_string().as_bytes(),
    );
    assert_eq!(
        (header(1, "webhook-signature"), header(1, "webhook-timestamp")),
        (signed, at(1).timestamp().to_string())
    );
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn one_that_is_away_holds_up_nobody_else(pool: PgPool) {
    let (other, endpoint) = Other::start(&[]).await;
    let nobody = "http://127.0.0.1:9/in".parse().unwrap();
    let webhooks = [("away".to_owned(), webhook(nobody)), ("there".to_owned(), webhook(endpoint))].into();
    let courier = courier(&pool, Post { webhooks, sms: None }, at(0)).await;
    rows::report_made(&mut pool.acquire().await.unwrap(), &json!({}), at(0)).await.unwrap();
    assert_eq!(courier.round().await.unwrap(), 2);
    assert_eq!(other.came().len(), 1);
    let mut states = states(&pool).await;
    states.sort_by_key(|(state, ..)| *state);
    assert_eq!(states[0].0, OutboxState::Waiting);
    assert!(states[0].2.as_ref().unwrap().starts_with("it cannot be reached: "), "{states:?}");
    assert_eq!(states[1].0, OutboxState::Sent);
}

/// 10:00 in Shanghai.
fn morning() -> DateTime<Utc> {
    at(0)
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_text_says_who_and_what_and_goes_out_once_within_the_hours(pool: PgPool) {
    let (other, endpoint) = Other::start(&[]).await;
    let night = morning() + TimeDelta::hours(14);
    let courier = courier(&pool, Post { sms: Some(gateway(endpoint)), ..Post::default() }, night).await;
    let mut conn = pool.acquire().await.unwrap();
    let owed = fixture::owed(&mut conn, 1).await;
    rows::put_text(&mut conn, owed.follow_up, night).await.unwrap();
    courier.round().await.unwrap();
    assert_eq!((states(&pool).await, other.came().len()), (vec![(OutboxState::Waiting, 0, None)], 0), "at midnight");
    courier.clock.set(morning() + TimeDelta::hours(24));
    courier.round().await.unwrap();
    assert_eq!(states(&pool).await, [(OutboxState::Sent, 1, None)]);
    let came = other.came();
    assert_eq!(came.len(), 1);
    assert_eq!(came[0].0["authorization"], "Bearer gateway-token");
    assert_eq!(came[0].0["idempotency-key"].to_str().unwrap(), came[0].1["id"].as_str().unwrap());
    assert_eq!(came[0].1["to"], fixture::number(1).as_str());
    assert_eq!(came[0].1["text"], "东方：客户1您好，您的轿车（2026-11-17）");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_text_is_never_sent_twice_for_a_guess_nor_to_whom_nobody_may_call(pool: PgPool) {
    let (other, endpoint) = Other::start(&[502, 400]).await;
    let mut own = gateway(endpoint);
    let sms = Some(own.clone());
    let courier = courier(&pool, Post { sms, ..Post::default() }, morning()).await;
    let mut conn = pool.acquire().await.unwrap();
    for (n, wanted, came) in [(1, OutboxState::Unknown, 1), (2, OutboxState::Failed, 2)] {
        let owed = fixture::owed(&mut conn, n).await;
        rows::put_text(&mut conn, owed.follow_up, morning() + TimeDelta::seconds(n.into())).await.unwrap();
        courier.clock.set(morning() + TimeDelta::minutes(n.into()));
        courier.round().await.unwrap();
        assert_eq!((states(&pool).await[0].0, other.came().len()), (wanted, came));
    }
    // the do-not-call list, and the allow-list
    let owed = fixture::owed(&mut conn, 3).await;
    crate::db::phones::block(&mut conn, &fixture::number(3), crate::db::state::DoNotCallSource::Api, at(0))
        .await
        .unwrap();
    rows::put_text(&mut conn, owed.follow_up, morning() + TimeDelta::seconds(3)).await.unwrap();
    courier.clock.set(morning() + TimeDelta::minutes(3));
    courier.round().await.unwrap();
    let told = states(&pool).await.remove(0);
    assert_eq!((told.0, other.came().len()), (OutboxState::Failed, 2));
    assert!(told.2.unwrap().contains("do-not-call"));
    own.manners = Manners::new(&config::Dialer::default(), &packs(&[]).unwrap());
    let strict = Courier { post: Arc::new(Post { sms: Some(own), ..Post::default() }), ..courier };
    let owed = fixture::owed(&mut conn, 4).await;
    rows::put_text(&mut conn, owed.follow_up, morning() + TimeDelta::seconds(4)).await.unwrap();
    strict.clock.set(morning() + TimeDelta::minutes(4));
    strict.round().await.unwrap();
    let told = states(&pool).await.remove(0);
    assert_eq!((told.0, other.came().len()), (OutboxState::Failed, 2));
    assert!(told.2.unwrap().contains("dialer.allow"));
}
