//! `huifang serve`: the engine, unattended. Works the queue off until SIGTERM or SIGINT, then closes live calls politely, and ends.

use super::{Failure, engine, parts};
use crate::config::Settings;
use crate::dialer::worker::Until;

/// Options of `serve`.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Stop by itself when nothing is due and no call is live.
    #[arg(long)]
    until_idle: bool,
}

/// Runs engine and pages.
pub async fn run(settings: Settings, options: Options) -> Result<(), Failure> {
    if settings.trunks.is_empty() && options.until_idle {
        return Err(Failure::start("there is no [trunks.NAME] in the settings: nothing would ever be done"));
    }
    if settings.trunks.is_empty() {
        eprintln!("huifang: there is no [trunks.NAME] in the settings: nobody is called");
    }
    if settings.dialer.allow.is_empty() {
        eprintln!(
            "huifang: dialer.allow is empty: nobody is called; to call somebody add prefixes, as allow = [\"+86\"]"
        );
    }
    let stop = parts::stop_on_signal();
    let until = if options.until_idle { Until::Idle } else { Until::Stopped };
    let running = engine::start(&settings).await?;
    say!("huifang is at work; its page is at http://{}/", running.page);
    running.work(until, stop).await;
    running.end().await
}
