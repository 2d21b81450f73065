//! The server on a real socket: it refuses to be open to others without a token, and stops when told. And, ignored by default, a morning to look at.

use super::*;
use crate::web::{ServeError, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn it_answers_on_loopback_and_stops(pool: PgPool) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let served = tokio::spawn(serve(state(pool, None), listener, shutdown.clone()));
    let mut client = TcpStream::connect(address).await.unwrap();
    client
        .write_all(format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("alive"), "{answer}");
    shutdown.cancel();
    served.await.unwrap().unwrap();
}

#[tokio::test]
async fn without_a_token_it_does_not_serve_others() {
    let open = || TcpListener::bind("0.0.0.0:0");
    let refused = serve(state(nowhere(), None), open().await.unwrap(), CancellationToken::new()).await.unwrap_err();
    assert!(
        matches!(refused, ServeError::OpenToOthers(_)) && refused.to_string().contains("HUIFANG__WEB__TOKEN"),
        "{refused}"
    );
    let stopped = CancellationToken::new();
    stopped.cancel();
    serve(state(nowhere(), Some("token")), open().await.unwrap(), stopped).await.unwrap();
}

/// For eyes and for tests/browser: serves the morning, and lets a call end now and then, until killed. The address is printed.
/// `scripts/test-db cargo test --lib -- --ignored --nocapture a_morning_to_look_at`; `HUIFANG_LOOK_TOKEN` sets a token.
#[sqlx::test(migrator = "crate::db::MIGRATOR")]
#[ignore = "serves until killed"]
async fn a_morning_to_look_at(pool: PgPool) {
    use crate::db::attempts::{self, AttemptEnd, Next};
    use crate::db::fixture;
    let mut conn = pool.acquire().await.unwrap();
    scene::fill(&mut conn, Utc::now()).await;
    let token = std::env::var("HUIFANG_LOOK_TOKEN").ok();
    let options = state(pool.clone(), token.as_deref()).options().clone();
    let state = WebState::new(pool.clone(), Clock::System, Readiness::default(), options);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("http://{}/", listener.local_addr().unwrap());
    println!("follow-up {}", fixture::id::<crate::ids::FollowUpId>(4));
    let served = tokio::spawn(serve(state, listener, CancellationToken::new()));
    if std::env::var("HUIFANG_LOOK_MOVES").is_ok() {
        tokio::time::sleep(std::time::Duration::from_secs(12)).await;
        let end = AttemptEnd {
            attempt: fixture::id(19),
            ended_at: Utc::now(),
            sip_status: Some(404),
            disposition: "invalid_number".to_owned(),
            aapor: Some("4.31".to_owned()),
            blame: None,
            retry_allowed: false,
            detail: None,
            next: Next::Done,
        };
        attempts::end(&mut conn, &end).await.unwrap();
    }
    served.await.unwrap().unwrap();
}
