//! `huifang plan`: plans what the follow-up calendar owes, once; `serve` does the same regularly.

use super::{Failure, engine, parts};
use crate::clock::Clock;
use crate::config::Settings;
use crate::followup::calendar::moment;
use crate::followup::planner::{self, PlanSettings, Planned};
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use sqlx::PgConnection;

/// Options of `plan`.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Plan what becomes due up to the end of this day (of the dealer), as 2026-12-31; default: [calendar] ahead_days from now.
    #[arg(long, value_name = "DATE")]
    until: Option<NaiveDate>,
    /// Say what would be planned, plan nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Plans once and says how much.
pub async fn run(settings: Settings, options: Options) -> Result<(), Failure> {
    parts::calendar(&settings)?;
    let store = parts::open_store(&settings).await?;
    let planned = async {
        engine::publish_files(&store.pool, &settings, &Clock::System).await?;
        let mut conn = parts::connection(&store).await?;
        plan(&mut conn, &settings, options.until, options.dry_run).await
    };
    let planned = planned.await;
    let _ = store.close().await;
    print(&planned?, options.dry_run);
    Ok(())
}

/// Plans up to the end of a day, or as far ahead as the settings say.
pub async fn plan(
    conn: &mut PgConnection,
    settings: &Settings,
    until: Option<NaiveDate>,
    dry_run: bool,
) -> Result<Planned, Failure> {
    let now = Utc::now();
    let until = match until {
        None => now + TimeDelta::days(settings.calendar.ahead_days.into()),
        Some(day) => end_of(day, settings)?,
    };
    let rules = rules(settings, dry_run)?;
    planner::run(conn, &rules, now, until, &mut rand::random::<[u8; 10]>).await.map_err(Failure::start)
}

/// What the settings say about planning.
pub fn rules(settings: &Settings, dry_run: bool) -> Result<PlanSettings, Failure> {
    Ok(PlanSettings { calendar: parts::calendar(settings)?, delay: parts::delay(settings), dry_run })
}

/// The end of a day at the dealer's.
pub fn end_of(day: NaiveDate, settings: &Settings) -> Result<DateTime<Utc>, Failure> {
    let next = day.succ_opt().ok_or_else(|| Failure::start("the date is too far ahead"))?;
    Ok(moment(next, NaiveTime::MIN, parts::zone(settings)?))
}

/// Says what was planned.
pub fn print(planned: &Planned, dry_run: bool) {
    let would = if dry_run { " (dry run: nothing was planned)" } else { "" };
    say!("{} touches planned{would}", planned.total());
    for (rule, count) in &planned.by_rule {
        say!("  {rule:<22} {count:>7}");
    }
    for survey in &planned.unpublished {
        say!("  {survey:<22} is not published: what the calendar owes of it was not planned");
    }
}
