//! `huifang serve`: the engine, unattended. Plans what the calendar owes, works the queue off until SIGTERM or SIGINT, then closes live calls politely, and ends.

use super::{Failure, engine, parts, plan, post, report};
use crate::clock::Clock;
use crate::config::Settings;
use crate::db::outbox;
use crate::dialer::worker::Until;
use crate::followup::planner;
use crate::outbox::courier::{Courier, Post};
use chrono::TimeDelta;
use sqlx::PgPool;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

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
    let reports = report::schedule(&settings)?;
    let post = post::post(&settings)?;
    let running = engine::start(&settings).await?;
    let making = settings
        .reports
        .folder
        .is_some()
        .then(|| tokio::spawn(reports.keep(running.pool.clone(), Clock::System, stop.clone())));
    let courier = courier(&running.pool, post, &stop).await?;
    let planning = tokio::spawn(planner::keep_planning(
        running.pool.clone(),
        rules,
        TimeDelta::days(settings.calendar.ahead_days.into()),
        Duration::from_secs(60 * u64::from(settings.calendar.every_min)),
        Clock::System,
        stop.clone(),
    ));
    let scheme = if settings.web.certificate_file.is_some() { "https" } else { "http" };
    if scheme == "http" && !running.page.ip().is_loopback() && settings.web.trusted_proxies.is_empty() {
        eprintln!(
            "huifang: passwords and names of customers go over the network in the clear: set web.certificate_file, or a proxy with TLS and web.trusted_proxies"
        );
    }
    say!("huifang is at work; its page is at {scheme}://{}/", running.page);
    running.work(until, stop).await;
    // A planning in the middle is cut off: what it has written stays, the rest is planned the next time.
    planning.abort();
    making.iter().for_each(|making| making.abort());
    let _ = planning.await;
    // What is on its way is brought to its end; the rest is in the store.
    courier.0.cancel();
    let _ = courier.1.await;
    running.end().await
}

/// Says who is told of what, and starts what carries it. With nobody to tell nothing is queued; what was queued before waits.
async fn courier(
    pool: &PgPool,
    post: Post,
    stop: &CancellationToken,
) -> Result<(CancellationToken, JoinHandle<()>), Failure> {
    let mut conn = pool.acquire().await.map_err(Failure::start)?;
    outbox::set_targets(&mut conn, &post.targets(), Clock::System.now()).await.map_err(Failure::start)?;
    let own = stop.child_token();
    let courier = Courier { pool: pool.clone(), clock: Clock::System, post: Arc::new(post) };
    Ok((own.clone(), tokio::spawn(courier.keep(own))))
}
