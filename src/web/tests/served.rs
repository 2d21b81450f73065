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

/// Serves the morning with a token or without; gives the address.
async fn serve_morning(pool: &PgPool, token: Option<&str>) -> (std::net::SocketAddr, CancellationToken) {
    let mut conn = pool.acquire().await.unwrap();
    scene::fill(&mut conn, Utc::now()).await;
    // what engines say of their trunks counts for a minute: said of a later moment, it stays for as long as somebody looks
    scene::floor(&mut conn, Utc::now(), Utc::now() + chrono::TimeDelta::hours(4)).await;
    drop(conn);
    let options = state(pool.clone(), token).options().clone();
    let state = WebState::new(pool.clone(), Clock::System, Readiness::default(), options);
    state.show_queue(outlook_rules());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(serve(state, listener, stop.clone()));
    (address, stop)
}

/// The ringing call of the morning ends: no such number.
async fn a_call_ends(pool: &PgPool) {
    use crate::db::attempts::{self, AttemptEnd, Next};
    let end = AttemptEnd {
        attempt: crate::db::fixture::id(19),
        ended_at: Utc::now(),
        sip_status: Some(404),
        disposition: "invalid_number".to_owned(),
        aapor: Some("4.31".to_owned()),
        blame: None,
        retry_allowed: false,
        detail: None,
        next: Next::Done,
    };
    attempts::end(&mut pool.acquire().await.unwrap(), &end).await.unwrap();
}

/// tests/browser/status_page.mjs drives Chromium; the call ends when the script has seen the page alive.
#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_page_in_a_real_browser(pool: PgPool) {
    use tokio::io::{AsyncBufReadExt, BufReader};
    let (address, stop) = serve_morning(&pool, None).await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser/status_page.mjs");
    let temporary = tempfile::tempdir().unwrap();
    let mut browser = tokio::process::Command::new("node")
        .env("TMPDIR", temporary.path())
        .args(["--experimental-websocket", script, &format!("http://{address}/")])
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("node is installed (scripts/test sees to it)");
    let mut lines = BufReader::new(browser.stdout.take().unwrap()).lines();
    let mut said = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.contains("a call's clock goes on") {
            a_call_ends(&pool).await;
        }
        said.push(line);
    }
    assert!(browser.wait().await.unwrap().success(), "{}", said.join("\n"));
    assert!(said.len() >= 10, "the script went to its end: {}", said.join("\n"));
    stop.cancel();
}

/// For eyes: serves the morning until killed. The address is printed.
/// `scripts/test-db cargo test --lib -- --ignored --nocapture a_morning_to_look_at`; `HUIFANG_LOOK_TOKEN` sets a token.
#[sqlx::test(migrator = "crate::db::MIGRATOR")]
#[ignore = "serves until killed"]
async fn a_morning_to_look_at(pool: PgPool) {
    let token = std::env::var("HUIFANG_LOOK_TOKEN").ok();
    let (address, stop) = serve_morning(&pool, token.as_deref()).await;
    println!("http://{address}/");
    println!("follow-up {}", crate::db::fixture::id::<crate::ids::FollowUpId>(4));
    stop.cancelled().await;
}
