//! LISTEN: wakes a worker when work came into the queue, and pages when agents or hand-overs changed. Only a hint: who hears nothing looks by itself all the same.

use super::StoreError;
use super::queue::CHANNEL;
use sqlx::PgPool;
use sqlx::postgres::PgListener;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc};
use uuid::Uuid;

/// Wait before another try when the database is away.
const AWAY: Duration = Duration::from_secs(2);

/// Puts a token into `wake` (capacity 1 is enough) at each notification, for ever; never holds up the sender.
pub async fn listen(pool: PgPool, wake: mpsc::Sender<()>) {
    loop {
        if let Err(error) = listen_once(&pool, &wake).await {
            tracing::warn!(%error, "not listening for new work; the queue is looked at regularly all the same");
        }
        tokio::time::sleep(AWAY).await;
    }
}

async fn listen_once(pool: &PgPool, wake: &mpsc::Sender<()>) -> Result<(), StoreError> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    loop {
        listener.recv().await?;
        // A full channel has a token that was not taken yet: that is as good.
        let _ = wake.try_send(());
    }
}

/// Says on `tell` each id that comes over `channel`, for ever. After each (re)connection [`Uuid::nil`]: anything may have changed in between.
pub async fn hear(pool: PgPool, channel: &'static str, tell: broadcast::Sender<Uuid>) {
    loop {
        if let Err(error) = hear_once(&pool, channel, &tell).await {
            tracing::warn!(%error, channel, "not listening; what changes is found by looking regularly all the same");
        }
        tokio::time::sleep(AWAY).await;
    }
}

async fn hear_once(pool: &PgPool, channel: &str, tell: &broadcast::Sender<Uuid>) -> Result<(), StoreError> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(channel).await?;
    let _ = tell.send(Uuid::nil());
    loop {
        let heard = listener.recv().await?;
        // Nobody listening is no fault.
        let _ = tell.send(heard.payload().parse().unwrap_or(Uuid::nil()));
    }
}
