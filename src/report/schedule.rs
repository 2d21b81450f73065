//! Reports made by themselves: each period's into a folder, once it is over and the hour has come. A report whose file is there is made already, whichever engine made it;
//! one that an outage has kept from being made is made afterwards. A folder that is away, or a database, is told and tried again.

use super::build::{self, Kind, Wanted};
use super::file::{self, Format, Logo};
use super::model::Report;
use crate::clock::Clock;
use crate::db::{StoreError, outbox};
use crate::web::lang::Lang;
use chrono::{DateTime, Timelike, Utc};
use chrono_tz::Tz;
use serde_json::json;
use sqlx::PgPool;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often it looks.
const AGAIN: Duration = Duration::from_secs(600);

/// What is made.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Where it goes.
    pub folder: PathBuf,
    /// Which reports.
    pub kinds: Vec<Kind>,
    /// In which formats.
    pub formats: Vec<Format>,
    /// Not before this hour of the dealer's day.
    pub hour: u32,
    /// In which language.
    pub lang: Lang,
    /// Whose.
    pub dealer: String,
    /// The dealer's zone.
    pub zone: Tz,
    /// On the first slide.
    pub logo: Option<Logo>,
}

impl Schedule {
    /// Makes what is due until told to stop.
    pub async fn keep(self, pool: PgPool, clock: Clock, stop: CancellationToken) {
        loop {
            // the formats of one period stand together: its figures are read once
            for due in self.due(clock.now()).chunk_by(|one, next| one.0.kind == next.0.kind) {
                self.make_all(&pool, due, clock.now()).await;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(AGAIN) => {}
            }
        }
    }

    /// Reports of the last periods that are not there yet.
    pub fn due(&self, now: DateTime<Utc>) -> Vec<(Wanted, Format)> {
        if now.with_timezone(&self.zone).hour() < self.hour {
            return Vec::new();
        }
        let wanted = |kind: &Kind| Wanted {
            kind: *kind,
            period: kind.last(now, self.zone),
            lang: self.lang,
            dealer: self.dealer.clone(),
            zone: self.zone,
        };
        let all = self
            .kinds
            .iter()
            .map(wanted)
            .flat_map(|wanted| self.formats.iter().map(move |format| (wanted.clone(), *format)));
        all.filter(|(wanted, format)| !self.folder.join(file::name(wanted, *format)).exists()).collect()
    }

    /// Makes a period's reports. What cannot be made is told, and the others are.
    async fn make_all(&self, pool: &PgPool, due: &[(Wanted, Format)], now: DateTime<Utc>) {
        let Some((wanted, _)) = due.first() else { return };
        let report = match self.build(pool, wanted, now).await {
            Ok(report) => Arc::new(report),
            Err(error) => {
                tracing::error!(report = wanted.kind.as_str(), %error, "a report could not be made; tried again in ten minutes");
                return;
            }
        };
        for (wanted, format) in due {
            match self.write(report.clone(), wanted, *format).await {
                Ok(path) => {
                    tracing::info!(path = %path.display(), "a report was made");
                    if let Err(error) = tell(pool, wanted, &path, now).await {
                        tracing::error!(%error, "nobody was told that a report was made");
                    }
                }
                Err(error) => {
                    tracing::error!(report = file::name(wanted, *format), %error, "a report could not be made; tried again in ten minutes")
                }
            }
        }
    }

    async fn build(&self, pool: &PgPool, wanted: &Wanted, now: DateTime<Utc>) -> Result<Report, StoreError> {
        let mut conn = pool.acquire().await?;
        build::report(&mut conn, wanted, now).await
    }

    /// Writes one into the folder.
    async fn write(&self, report: Arc<Report>, wanted: &Wanted, format: Format) -> anyhow::Result<PathBuf> {
        let (zone, lang, logo, path) =
            (self.zone, self.lang, self.logo.clone(), self.folder.join(file::name(wanted, format)));
        let work = move || -> anyhow::Result<PathBuf> {
            let bytes = format.write(&report, zone, lang, logo.as_ref())?;
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            file::save(&path, &bytes)?;
            Ok(path)
        };
        tokio::task::spawn_blocking(work).await?
    }
}

/// Tells other systems (`[webhooks]`) that a report is there.
async fn tell(pool: &PgPool, wanted: &Wanted, path: &Path, now: DateTime<Utc>) -> Result<(), StoreError> {
    let name = path.file_name().map(|name| name.to_string_lossy());
    let data =
        json!({ "kind": wanted.kind.as_str(), "first": wanted.period.first, "last": wanted.period.last, "file": name });
    outbox::report_made(&mut *pool.acquire().await?, &data, now).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(folder: PathBuf) -> Schedule {
        Schedule {
            folder,
            kinds: Kind::ALL.to_vec(),
            formats: vec![Format::Json],
            hour: 7,
            lang: Lang::En,
            dealer: "x".to_owned(),
            zone: chrono_tz::Asia::Shanghai,
            logo: None,
        }
    }

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn each_period_is_made_once_and_not_before_its_hour(pool: PgPool) {
        let folder = tempfile::tempdir().unwrap();
        let schedule = schedule(folder.path().join("reports"));
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        assert!(schedule.due(at("2026-11-22T22:59:00Z")).is_empty(), "06:59 in Shanghai");
        let now = at("2026-11-22T23:00:00Z");
        let names = |now| -> Vec<String> {
            schedule.due(now).iter().map(|(wanted, format)| file::name(wanted, *format)).collect()
        };
        assert_eq!(
            names(now),
            ["huifang-daily-2026-11-22.json", "huifang-weekly-2026-11-16.json", "huifang-monthly-2026-10-01.json"]
        );
        for due in schedule.due(now).chunk_by(|one, next| one.0.kind == next.0.kind) {
            schedule.make_all(&pool, due, now).await;
        }
        assert!(schedule.due(now).is_empty(), "made");
        assert_eq!(names(at("2026-11-24T01:00:00Z")), ["huifang-daily-2026-11-23.json"]);
        let text = std::fs::read_to_string(schedule.folder.join("huifang-weekly-2026-11-16.json")).unwrap();
        let report: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&report["from"], &report["to"]), (&"2026-11-16".into(), &"2026-11-22".into()));
    }
}
