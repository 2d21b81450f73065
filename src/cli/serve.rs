//! `huifang serve`: the engine, unattended. Plans what the calendar owes, works the queue off until SIGTERM or SIGINT, then closes live calls politely, and ends.

use super::{Failure, engine, parts, plan};
use crate::clock::Clock;
use crate::config::Settings;
use crate::dialer::worker::Until;
use crate::followup::planner;
use chrono::TimeDelta;
use std::time::Duration;

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
    let rules = plan::rules(&settings, false)?;
    let running = engine::start(&settings).await?;
    let planning = tokio::spawn(planner::keep_planning(
        running.pool.clone(),
        rules,
        TimeDelta::days(settings.calendar.ahead_days.into()),
        Duration::from_secs(60 * u64::from(settings.calendar.every_min)),
        Clock::System,
        stop.clone(),
    ));
    say!("huifang is at work; its page is at http://{}/", running.page);
    running.work(until, stop).await;
    // A planning in the middle is cut off: what it has written stays, the rest is planned the next time.
    planning.abort();
    let _ = planning.await;
    running.end().await
}
