//! `huifang report`: a day's, a week's or a month's report as slides, workbook, tables, page or JSON.

use super::{Failure, parts};
use crate::clock::Clock;
use crate::config::Settings;
use crate::report::build::{self, Kind, Wanted};
use crate::report::file::{self, Format, Logo};
use crate::report::period::Period;
use crate::report::schedule::Schedule;
use crate::web::lang::Lang;
use chrono::NaiveDate;
use std::path::PathBuf;

/// Options of `report`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Without --from and --to: yesterday, the last week from Monday to Sunday, or the last month that is over, in the dealer's zone.
Names and numbers of customers do not stand in reports; advisors' names do.")]
pub struct Options {
    /// Which report.
    #[arg(value_enum)]
    kind: Kind,
    /// First day (YYYY-MM-DD).
    #[arg(long, requires = "to")]
    from: Option<NaiveDate>,
    /// Last day, included; 366 days at most.
    #[arg(long, requires = "from")]
    to: Option<NaiveDate>,
    /// As what; by default what the ending of --out says, else pptx.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Where to; `-` is standard output. By default a name made of kind and period, in the directory in which the command runs.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// zh or en; by default the dealer's language.
    #[arg(long, value_parser = |text: &str| Lang::of_tag(text).ok_or("zh or en is wanted"))]
    language: Option<Lang>,
}

/// Writes the report.
pub async fn run(settings: Settings, options: Options) -> Result<(), Failure> {
    let now = Clock::System.now();
    let schedule = schedule(&settings)?;
    let period = period(options.from.zip(options.to), options.kind.last(now, schedule.zone))?;
    let lang = options.language.unwrap_or(schedule.lang);
    let by_ending = options.out.as_ref().and_then(|out| Format::of(out.extension()?.to_str()?));
    let format = options.format.or(by_ending).unwrap_or(Format::Pptx);
    let wanted = Wanted { kind: options.kind, period, lang, dealer: schedule.dealer.clone(), zone: schedule.zone };
    let store = parts::open_store(&settings).await?;
    let report = async {
        let mut conn = parts::connection(&store).await?;
        build::report(&mut conn, &wanted, now).await.map_err(Failure::start)
    };
    let report = report.await;
    let _ = store.close().await;
    let bytes = format.write(&report?, schedule.zone, lang, schedule.logo.as_ref()).map_err(Failure::start)?;
    let out = options.out.unwrap_or_else(|| file::name(&wanted, format).into());
    if out.as_os_str() == "-" {
        use std::io::Write;
        return std::io::stdout()
            .write_all(&bytes)
            .map_err(|error| Failure::start(format!("standard output: {error}")));
    }
    file::save(&out, &bytes).map_err(|error| Failure::start(format!("{}: {error}", out.display())))?;
    say!("{} ({} – {}, {} bytes)", out.display(), period.first, period.last, bytes.len());
    Ok(())
}

/// The days from `--from` to `--to`, or else the usual ones.
pub fn period(given: Option<(NaiveDate, NaiveDate)>, usual: Period) -> Result<Period, Failure> {
    let period = given.map_or(usual, |(first, last)| Period { first, last });
    match period.days() {
        1..=366 => Ok(period),
        _ => Err(Failure::start(format!("--from {} --to {}: 1 to 366 days are wanted", period.first, period.last))),
    }
}

/// The dealer's logo, where the settings name one.
pub fn logo(settings: &Settings) -> Result<Option<Logo>, Failure> {
    let Some(path) = &settings.reports.logo_file else { return Ok(None) };
    let bytes = std::fs::read(path)
        .map_err(|error| Failure::start(format!("reports.logo_file {}: {error}", path.display())))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Some(Logo { bytes, name }))
}

/// What the settings say of reports; its folder is empty where none are made by themselves.
pub fn schedule(settings: &Settings) -> Result<Schedule, Failure> {
    let own = &settings.reports;
    Ok(Schedule {
        folder: own.folder.clone().unwrap_or_default(),
        kinds: Kind::ALL.into_iter().filter(|kind| own.kinds.iter().any(|word| word == kind.as_str())).collect(),
        formats: own.formats.iter().filter_map(|word| Format::of(word)).collect(),
        hour: own.hour,
        lang: Lang::of_tag(&settings.dealer.language).unwrap_or(Lang::En),
        dealer: settings.dealer.name.clone(),
        zone: parts::zone(settings)?,
        logo: logo(settings)?,
    })
}
