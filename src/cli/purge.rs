//! `huifang purge`: removes recordings, timelines and keyed answers whose time is over, as a running engine does each hour, or says which would go; and names files that no recording has.

use super::{Failure, parts};
use crate::clock::Clock;
use crate::config::Settings;
use crate::db::retention::Due;
use crate::dialer::forget::Forgotten;
use crate::dialer::retention::{Failed, Orphans, Purge, PurgeError, Purged};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

/// Options of `purge`.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Say what would go, remove nothing.
    #[arg(long)]
    dry_run: bool,
    /// Remove also files older than a day that no recording has.
    #[arg(long)]
    orphans: bool,
    /// Count a recording that another engine made as removed where its file is not in this recordings directory: that engine is gone for good, or all share one directory.
    #[arg(long)]
    missing: bool,
    /// Print one JSON object instead of the lists.
    #[arg(long)]
    json: bool,
}

/// What the command did or would do.
#[derive(Serialize)]
struct Report {
    dry_run: bool,
    /// What would go; empty where it went.
    due: Vec<Due>,
    #[serde(flatten)]
    purged: Purged,
    orphans: Orphans,
    orphans_removed: u64,
}

/// Purges, or says what would be purged; status 1 when a file could not be removed.
pub async fn run(settings: Settings, options: Options) -> Result<(), Failure> {
    let zone = parts::zone(&settings)?;
    let stop = parts::stop_on_signal();
    let store = parts::open_store(&settings).await?;
    let report = async {
        let mut purge = parts::purge(&settings, &store.pool, format!("user {}", parts::user()))?;
        purge.missing = options.missing;
        work(&purge, &options, Clock::System.now(), &stop).await.map_err(Failure::start)
    };
    let report = report.await;
    let _ = store.close().await;
    let report = report?;
    for Failed { what, why } in &report.purged.failed {
        eprintln!("recording {what}: its file cannot be removed or finished: {why}");
    }
    match options.json {
        true => say!("{}", serde_json::to_string(&report).unwrap_or_default()),
        false => print(&report, zone),
    }
    match report.purged.failed.len() {
        0 => Ok(()),
        failed => Err(Failure::Found(format!("files that could not be removed or finished: {failed}"))),
    }
}

async fn work(
    purge: &Purge,
    options: &Options,
    now: DateTime<Utc>,
    stop: &CancellationToken,
) -> Result<Report, PurgeError> {
    let (due, mut purged) = match options.dry_run {
        true => {
            let (due, held) = purge.look(now).await?;
            let traces = purge.traces_due(now).await?;
            (due, Purged { held, traces, ..Purged::default() })
        }
        false => (Vec::new(), purge.run(now, stop).await?),
    };
    let orphans = purge.orphans(now).await?;
    let mut orphans_removed = 0;
    if options.orphans && !options.dry_run && !stop.is_cancelled() {
        let (removed, failed) = purge.remove_orphans(&orphans.files, now).await?;
        orphans_removed = removed;
        purged.failed.extend(failed);
    }
    Ok(Report { dry_run: options.dry_run, due, purged, orphans, orphans_removed })
}

fn print(report: &Report, zone: Tz) {
    let day = |at: DateTime<Utc>| at.with_timezone(&zone).format("%F").to_string();
    for due in &report.due {
        say!("{}  {:<12} made {}, kept until {}", due.id, due.kind, day(due.recorded_at), day(due.keep_until));
    }
    let Purged { purged, bytes, held, elsewhere, traces, .. } = report.purged;
    match report.dry_run {
        true => say!("Recordings whose time is over: {} (dry run: nothing was removed)", report.due.len()),
        false => say!("Recordings removed: {purged} ({:.1} MB)", bytes as f64 / 1e6),
    }
    if report.purged.salvaged > 0 {
        say!("Recordings that an engine left unfinished, and that are kept now: {}", report.purged.salvaged);
    }
    if !report.dry_run {
        let Forgotten { timelines, answers, persons, messages } = report.purged.forgotten;
        say!("Timelines removed: {timelines}, keyed answers: {answers}, customers erased: {persons}");
        say!("Messages to others removed that had been sent: {messages}");
    }
    match report.dry_run {
        true => say!("SIP messages whose time is over: {traces}"),
        false => say!("SIP messages removed: {traces}"),
    }
    if held > 0 {
        say!("Held by an open complaint: {held}");
    }
    if elsewhere > 0 {
        say!("Made by other engines and not in this directory: {elsewhere} (theirs to remove; see --missing)");
    }
    let Orphans { files, in_journal } = &report.orphans;
    match report.orphans_removed {
        0 if files.is_empty() => {}
        0 => {
            say!("Files that no recording has: {} (--orphans removes them)", files.len());
            files.iter().for_each(|file| say!("  {file}"));
        }
        removed => say!("Files that no recording had, removed: {removed}"),
    }
    if *in_journal > 0 {
        say!(
            "Files that only the journal knows: {in_journal} (stored when the engine starts; refused ones stand in refused.log)"
        );
    }
}
