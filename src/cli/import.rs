//! `huifang import --list repair FILE`: loads a list; good rows load, each bad one is named by line and reason and written to a file of rejects.

use super::{Failure, parts};
use crate::clock::Clock;
use crate::config::Settings;
use crate::followup::import::{self, ImportSettings, Rejects, Summary};
use crate::followup::list::{Defaults, Reject};
use chrono::TimeDelta;
use indicatif::{ProgressBar, ProgressStyle};
use sqlx::PgConnection;
use std::fs::{self, File};
use std::io::{self, BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

/// The survey that a list's rows are owed.
const SURVEY: &str = "aftersales_3day";

/// Options of `import`.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// What the list is.
    #[arg(long, value_enum)]
    list: List,
    /// The list: CSV in UTF-8 with a header of Chinese or English column names.
    file: PathBuf,
    /// Read and check everything, load nothing.
    #[arg(long)]
    dry_run: bool,
    /// Where rejected rows go; default: beside FILE, as FILE.rejects.csv.
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
}

/// Kinds of lists.
#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum List {
    /// Repairs and maintenance from the dealer-management system: name, model, repair date, phone, plate, service advisor.
    Repair,
}

/// Loads the list; status 1 when rows were rejected.
pub async fn run(settings: Settings, options: Options) -> Result<(), Failure> {
    let List::Repair = options.list;
    let unreadable = |error: io::Error| Failure::start(format!("{}: {error}", options.file.display()));
    let file = File::open(&options.file).map_err(unreadable)?;
    let bar = bar(file.metadata().map_err(unreadable)?.len());
    let rejects_path = options.rejects.clone().unwrap_or_else(|| beside(&options.file));
    let rules = rules(&settings, options.dry_run)?;
    let name = options.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();

    let store = parts::open_store(&settings).await?;
    let result = async {
        let mut conn = parts::connection(&store).await?;
        super::engine::publish_files(&store.pool, &settings, &Clock::System).await?;
        let rejects = OnDemand { path: rejects_path.clone(), file: None };
        let report = |reject: &Reject| bar.suspend(|| eprintln!("{}: {reject}", options.file.display()));
        load(&mut conn, bar.wrap_read(BufReader::new(file)), &name, rejects, &rules, report).await
    };
    let result = result.await;
    bar.finish_and_clear();
    let _ = store.close().await;
    conclude(&result?, &rejects_path, options.dry_run)
}

/// Loads a list into the store.
pub async fn load(
    conn: &mut PgConnection,
    input: impl Read + Send,
    name: &str,
    rejects: impl Write + Send,
    rules: &ImportSettings,
    report: impl FnMut(&Reject) + Send,
) -> Result<Summary, Failure> {
    let mut random = rand::random::<[u8; 10]>;
    let rejects = Rejects::new(rejects);
    let loaded = import::run(conn, input, name, rejects, rules, &Clock::System, &mut random, report, |_| {}).await;
    loaded.map_err(Failure::start)
}

/// What the settings say about lists.
pub fn rules(settings: &Settings, dry_run: bool) -> Result<ImportSettings, Failure> {
    let survey = parts::load_surveys(&settings.survey.surveys_dir)?.remove(SURVEY);
    let survey = survey.ok_or_else(|| Failure::start(format!("there is no survey `{SURVEY}`")))?;
    Ok(ImportSettings {
        defaults: Defaults {
            country: settings.dealer.country.clone(),
            language: settings.dealer.language.clone(),
            languages: survey.definition.languages.clone(),
            zone: parts::zone(settings)?,
        },
        survey: SURVEY.to_owned(),
        delay: TimeDelta::hours(i64::try_from(settings.dialer.delay_h).unwrap_or(i64::from(u16::MAX))),
        dry_run,
    })
}

fn conclude(summary: &Summary, rejects: &Path, dry_run: bool) -> Result<(), Failure> {
    let counts = summary.counts;
    let would = if dry_run { " (dry run: nothing was loaded)" } else { "" };
    say!(
        "{} rows read, {} loaded, {} known already, {} rejected{would}",
        counts.read,
        counts.loaded,
        counts.known,
        counts.rejected
    );
    if summary.blocked > 0 {
        say!("{} of the loaded rows will not be called: wrong number or do-not-call", summary.blocked);
    }
    match counts.rejected {
        0 => Ok(()),
        n => Err(Failure::Found(format!("{n} rows were rejected; they are in {}", rejects.display()))),
    }
}

fn bar(bytes: u64) -> ProgressBar {
    let bar = if io::stderr().is_terminal() { ProgressBar::new(bytes) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{elapsed_precise} [{bar:30}] {bytes}/{total_bytes}  {eta}") {
        bar.set_style(style);
    }
    bar
}

fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".rejects.csv");
    name.into()
}

/// A file that is made when the first byte is written: a list without bad rows leaves none behind. It holds personal data, so only its owner may read it.
struct OnDemand {
    path: PathBuf,
    file: Option<File>,
}

impl Write for OnDemand {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        use std::os::unix::fs::OpenOptionsExt;
        match &mut self.file {
            Some(file) => file.write(bytes),
            None if bytes.is_empty() => Ok(0),
            None => {
                let file =
                    fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.path)?;
                self.file.insert(file).write(bytes)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}
