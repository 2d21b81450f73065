//! `huifang register`: 电话回访登记表 of a survey, or 客户跟踪表, as a workbook or CSV.

use super::{Failure, parts, report};
use crate::clock::Clock;
use crate::config::Settings;
use crate::report::file;
use crate::report::period::Period;
use crate::report::register::{self, Wanted};
use crate::report::sheet::Kind;
use crate::web::lang::Lang;
use chrono::{Days, NaiveDate};
use std::path::PathBuf;

/// Options of `register`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
A row for each follow-up that ended in these days, or is open and was owed in them, with every answer in a
column of its own; `tracking`: a row for each touch, of surveys and of people. Without --from and --to: the
last seven days in the dealer's zone. Names, numbers and plates are masked but with --unmasked.")]
pub struct Options {
    /// Key of a survey (aftersales_3day …), or `tracking`.
    #[arg(value_name = "SURVEY|tracking")]
    what: String,
    /// First day (YYYY-MM-DD).
    #[arg(long, requires = "to")]
    from: Option<NaiveDate>,
    /// Last day, included; 366 days at most.
    #[arg(long, requires = "from")]
    to: Option<NaiveDate>,
    /// Where to; what ends in .csv is CSV. By default a workbook with a name made of register and days, in the directory in which the command runs.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// zh or en; by default the dealer's language.
    #[arg(long, value_parser = |text: &str| Lang::of_tag(text).ok_or("zh or en is wanted"))]
    language: Option<Lang>,
    /// Names, numbers and plates in clear.
    #[arg(long)]
    unmasked: bool,
}

/// Writes the register.
pub async fn run(settings: Settings, options: Options) -> Result<(), Failure> {
    let zone = parts::zone(&settings)?;
    let today = Period::today(Clock::System.now(), zone).last;
    let week = Period { first: today.checked_sub_days(Days::new(6)).unwrap_or(today), last: today };
    let period = report::period(options.from.zip(options.to), week)?;
    let lang = options.language.or(Lang::of_tag(&settings.dealer.language)).unwrap_or(Lang::En);
    let wanted = Wanted { what: options.what, period, zone, lang, unmasked: options.unmasked };
    let store = parts::open_store(&settings).await?;
    let sheet = async {
        let mut conn = parts::connection(&store).await?;
        register::register(&mut conn, &wanted).await.map_err(Failure::start)
    };
    let sheet = sheet.await;
    let _ = store.close().await;
    let sheet = sheet?;
    let out = options.out.unwrap_or_else(|| wanted.file_name("xlsx").into());
    let rows = sheet.rows.len();
    let kind = if out.extension().is_some_and(|ending| ending == "csv") { Kind::Csv } else { Kind::Xlsx };
    let bytes = kind.write(&[sheet], zone).map_err(Failure::start)?;
    file::save(&out, &bytes).map_err(|error| Failure::start(format!("{}: {error}", out.display())))?;
    say!("{} ({} – {}, {rows} rows)", out.display(), period.first, period.last);
    Ok(())
}
