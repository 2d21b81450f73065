//! `huifang migrate`: brings the database to this version's tables.

use super::{Failure, parts};
use crate::config::Settings;

/// Runs the migrations that are missing.
pub async fn run(settings: Settings) -> Result<(), Failure> {
    let store = parts::open_store(&settings).await?;
    say!("The database is at this version's tables.");
    store.close().await.map_err(Failure::start)
}
