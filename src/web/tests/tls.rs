//! Pages by TLS on a real socket: who it is, what only TLS gets, a certificate that changes under it, and clients who say nothing. And what a proxy may say.

use super::*;
use crate::net::tls_files::{self, Certificate};
use crate::web::door::Peer;
use crate::web::serve_by;
use axum::extract::ConnectInfo;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_util::sync::CancellationToken;

fn fixture_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

/// A client that trusts our test CA alone.
fn client() -> TlsConnector {
    let mut roots = RootCertStore::empty();
    for certificate in tls_files::certificates(&fixture_file("ca.crt")).unwrap() {
        roots.add(certificate).unwrap();
    }
    let builder = ClientConfig::builder_with_provider(tls_files::provider()).with_safe_default_protocol_versions();
    TlsConnector::from(Arc::new(builder.unwrap().with_root_certificates(roots).with_no_client_auth()))
}

/// An answer, and the certificate that the server showed.
async fn ask(address: std::net::SocketAddr, request: &str) -> (String, Vec<u8>) {
    let tcp = TcpStream::connect(address).await.unwrap();
    let mut stream = client().connect("localhost".try_into().unwrap(), tcp).await.unwrap();
    let request = format!("{request}\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let shown = stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
    (answer, shown)
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn pages_by_tls_with_a_certificate_that_changes(pool: PgPool) {
    let folder = tempfile::tempdir().unwrap();
    let (file, key) = (folder.path().join("web.crt"), folder.path().join("web.key"));
    let put = |name: &str| {
        std::fs::copy(fixture_file(&format!("{name}.key")), &key).unwrap();
        std::fs::copy(fixture_file(&format!("{name}.crt")), &file).unwrap();
        let then = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(name.len() as u64 + 1_000_000);
        if name == "one" {
            std::fs::File::options().write(true).open(&file).unwrap().set_modified(then).unwrap();
        }
    };
    put("one");
    let certificate = Certificate::load(&file, &key).unwrap();
    let tls = certificate.server_config(&["http/1.1"]).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let served = tokio::spawn(serve_by(state(pool, Some("token")), listener, Some(tls), stop.clone()));

    let silent = TcpStream::connect(address).await.unwrap();
    let (answer, one) = ask(address, "GET /healthz HTTP/1.1").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "one who says nothing holds nobody up: {answer}");
    assert!(answer.contains("strict-transport-security: max-age=31536000"), "{answer}");
    let sign_in = "POST /sign-in HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 0";
    let (answer, _) = ask(address, &format!("{sign_in}\r\nX-Nothing: 1")).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");

    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut told = Vec::new();
    let _ = plain.read_to_end(&mut told).await;
    assert!(!String::from_utf8_lossy(&told).contains("HTTP/1.1"), "nothing in the clear");

    put("two");
    assert!(certificate.look_again().unwrap());
    let (answer, two) = ask(address, "GET /healthz HTTP/1.1").await;
    assert!(answer.starts_with("HTTP/1.1 200") && one != two);
    drop(silent);
    stop.cancel();
    served.await.unwrap().unwrap();
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn only_over_tls_cookies_are_secure_and_browsers_told_to_stay(pool: PgPool) {
    let router = router(state(pool, Some("token")));
    let sign_in = async |peer: &str, tls: bool, said: Option<&str>| {
        let mut request = Request::post("/sign-in")
            .header(header::HOST, "huifang.dealer.example")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(said) = said {
            request = request.header("x-forwarded-proto", said);
        }
        let mut request = request.body(Body::from("token=token")).unwrap();
        request.extensions_mut().insert(ConnectInfo(Peer { address: peer.parse().unwrap(), tls }));
        let answer = send(&router, request).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        let secure = answer.header("set-cookie").ends_with("; Secure");
        assert_eq!(!answer.header("strict-transport-security").is_empty(), secure);
        secure
    };
    assert!(!sign_in("198.51.100.1", false, None).await);
    assert!(!sign_in("198.51.100.1", false, Some("https")).await, "a stranger's word");
    assert!(sign_in("198.51.100.1", true, None).await);
    assert!(sign_in("192.0.2.7", false, Some("https")).await, "a trusted proxy's");
    assert!(!sign_in("192.0.2.7", true, Some("http")).await, "its client came in the clear");
}
