//! shim
use chrono_tz::Tz;
use tokio_util::sync::CancellationToken;
pub enum Part {
    Starting,
    Ready,
    Failed(String),
}
#[derive(Clone, Default)]
pub struct Readiness;
impl Readiness {
    pub fn expecting(_: &[&str]) -> Readiness {
        Readiness
    }
    pub fn set(&self, _: &str, _: Part) {}
}
pub struct Options {
    pub dealer: String,
    pub zone: Tz,
    pub language: String,
    pub token: Option<secrecy::SecretString>,
}
pub struct WebState;
impl WebState {
    pub fn new(_: sqlx::PgPool, _: crate::clock::Clock, _: Readiness, _: Options) -> WebState {
        WebState
    }
}
pub async fn serve(_: WebState, _: tokio::net::TcpListener, stop: CancellationToken) -> Result<(), std::io::Error> {
    stop.cancelled().await;
    Ok(())
}
