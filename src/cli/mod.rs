//! The commands: one file for each; parse, run, exit status (0 done, 1 the run found a failure, 2 cannot start).
#![forbid(unsafe_code)]

/// A line on standard output. Unlike `println!` it does not panic when nobody reads on (`huifang call … | head`): a call that is up goes on and ends as it should.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}

mod agents;
mod bench;
mod call;
mod callee;
mod check;
mod control;
mod customer;
mod database;
mod demo;
mod do_not_call;
mod engine;
mod follow_up;
mod import;
mod live_agents;
mod migrate;
mod outbox;
mod parts;
mod person;
mod plan;
mod post;
mod purge;
mod queue;
mod register;
mod report;
mod secret_input;
mod serve;
mod simulate;
mod summary;
mod survey;
mod tasks;
mod telemetry;
mod tokens;
mod trace;
mod trunks;
mod users;

use crate::config::{self, Settings};
use crate::db::state::CampaignState;
use clap::{Parser, Subcommand};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use telemetry::Telemetry;

/// Follow-up calls for car dealers: dials due customers over SIP, asks the survey, keeps every answer.
#[derive(Parser, Debug)]
#[command(
    name = "huifang",
    version,
    about,
    max_term_width = 110,
    after_help = "\
Settings: built-in defaults, then the file given by --config, then variables HUIFANG__SECTION__KEY
(HUIFANG__DIALER__MAX_CALLS=5). DATABASE_URL names a PostgreSQL of yours; without it a private one is
started in database.data_dir. `huifang check` names every mistake; huifang.example.toml lists every key.

Exit status: 0 done, 1 the run found a failure, 2 cannot start."
)]
struct Arguments {
    /// Settings file (TOML).
    #[arg(long, short, global = true, value_name = "FILE", env = "HUIFANG_CONFIG")]
    config: Option<PathBuf>,
    /// What is logged to standard error: error, warn, info, debug, trace, or a filter as `huifang=debug`.
    #[arg(long, global = true, value_name = "FILTER", default_value = "warn", env = "HUIFANG_LOG")]
    log: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Works a queue of simulated customers off over loopback, then checks every stored answer against what they keyed.
    Demo(demo::Options),
    /// Runs the engine: dials what is due, serves the status page; ends politely on SIGTERM.
    Serve(serve::Options),
    /// Brings the database to this version's tables.
    Migrate,
    /// Runs psql, pg_dump or another command on the database (docs/operations.md).
    Database(database::Options),
    /// Loads a list of customers who are owed a call.
    Import(import::Options),
    /// Plans what the follow-up calendar owes: surveys into the queue, manual touches for their owners. Planning twice plans nothing twice.
    Plan(plan::Options),
    /// Lists the manual touches of the calendar that are due, or closes one.
    Tasks(tasks::Options),
    /// Prints a customer's tracking table: every touch, done and planned.
    Customer(customer::Options),
    /// What is due, why the next one waits, and when tonight's work will be done.
    Queue(queue::Options),
    /// What became of the unattended run, what is left, and what needs a person.
    Summary(summary::Options),
    /// A follow-up's whole story.
    FollowUp(follow_up::Options),
    /// Ladder diagram of an attempt: which SIP messages went between whom, and when (docs/traces.md).
    Trace(trace::Options),
    /// Messages to other systems, and texts to customers: what waits, what was given up; replays, tries a webhook (docs/webhooks.md).
    Outbox(outbox::Options),
    /// A day's, a week's or a month's report as slides, workbook, tables or page.
    Report(report::Options),
    /// The register of a survey's calls (电话回访登记表), or the tracking table of customers (客户跟踪表), as a workbook.
    Register(register::Options),
    /// How well each trunk serves: ASR, ACD, post-dial delay, causes; what has fallen.
    Trunks(trunks::Options),
    /// Dials nothing new, at once and on every engine; live calls go on.
    Pause(control::Options),
    /// Dials again.
    Resume(control::Options),
    /// Dials nothing new, and asks live calls to close.
    Drain(control::Options),
    /// Puts follow-ups that were set aside for a person back into the queue.
    Release(control::Release),
    /// Removes recordings, timelines and keyed answers whose time is over, as a running engine does each hour (docs/retention.md).
    Purge(purge::Options),
    /// Everything that is held on one customer: exports it for them, or erases it but for what is counted (docs/retention.md).
    Person(person::Options),
    /// Numbers that nobody dials: add, remove, import, list.
    DoNotCall(do_not_call::Options),
    /// Who takes calls: adds, changes, lists agents; puts them on and off duty.
    Agents(agents::Options),
    /// Who signs in on the pages: adds, disables, lists users; sets passwords.
    Users(users::Options),
    /// Which programs may ask the API: adds, lists, revokes tokens.
    Tokens(tokens::Options),
    /// Places one call now and prints it as it happens; nothing is stored.
    Call(call::Options),
    /// Plays simulated customers: answers SIP calls by persona of the called number and keys like people.
    Callee(callee::Options),
    /// Checks settings, surveys, prompts, media and database; names every mistake in one go.
    Check(check::Options),
    /// Publishes, lists, shows, compares, checks and draws surveys.
    Survey(survey::Options),
    /// A night of calls in virtual time: completion, end, trunk use, agents, each with its band. Nobody is called (docs/simulator.md).
    Simulate(simulate::Options),
    /// Measures on this machine what calls cost: media, signalling, and what happens past the limit.
    Bench(bench::Options),
}

/// Why a command ends with another status than 0.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Status 1: it ran and found something wrong; the text says what.
    #[error("{0}")]
    Found(String),
    /// Status 2: it cannot start.
    #[error("{0}")]
    CannotStart(String),
}

impl Failure {
    /// Cannot start, because of `why`.
    pub fn start(why: impl ToString) -> Failure {
        Failure::CannotStart(why.to_string())
    }
}

/// Reads the command line and runs it.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    match start(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("huifang: {failure}");
            match failure {
                Failure::Found(_) => ExitCode::from(1),
                Failure::CannotStart(_) => ExitCode::from(2),
            }
        }
    }
}

fn start(arguments: Arguments) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::start(format!("no threads: {error}")))?;
    let file = arguments.config;
    // Only the engine has spans to tell of, and where to is in its settings.
    let telemetry = match &arguments.command {
        Command::Serve(_) => {
            let _inside = runtime.enter();
            Telemetry::open(&settings(file.as_deref())?.telemetry)?
        }
        _ => None,
    };
    log_to_stderr(&arguments.log, telemetry.as_ref())?;
    raise_file_limit();
    let done = runtime.block_on(async move {
        match arguments.command {
            Command::Demo(options) => demo::run(options).await,
            Command::Serve(options) => serve::run(settings(file.as_deref())?, options).await,
            Command::Migrate => migrate::run(settings(file.as_deref())?).await,
            Command::Database(options) => database::run(settings(file.as_deref())?, options).await,
            Command::Import(options) => import::run(settings(file.as_deref())?, options).await,
            Command::Plan(options) => plan::run(settings(file.as_deref())?, options).await,
            Command::Tasks(options) => tasks::run(settings(file.as_deref())?, options).await,
            Command::Customer(options) => customer::run(settings(file.as_deref())?, options).await,
            Command::Queue(options) => queue::run(settings(file.as_deref())?, options).await,
            Command::Summary(options) => summary::run(settings(file.as_deref())?, options).await,
            Command::FollowUp(options) => follow_up::run(settings(file.as_deref())?, options).await,
            Command::Trace(options) => trace::run(settings(file.as_deref())?, options).await,
            Command::Outbox(options) => outbox::run(settings(file.as_deref())?, options).await,
            Command::Report(options) => report::run(settings(file.as_deref())?, options).await,
            Command::Register(options) => register::run(settings(file.as_deref())?, options).await,
            Command::Trunks(options) => trunks::run(settings(file.as_deref())?, options).await,
            Command::Pause(options) => control::run(settings(file.as_deref())?, options, CampaignState::Paused).await,
            Command::Resume(options) => control::run(settings(file.as_deref())?, options, CampaignState::Running).await,
            Command::Drain(options) => control::run(settings(file.as_deref())?, options, CampaignState::Draining).await,
            Command::Release(options) => control::release(settings(file.as_deref())?, options).await,
            Command::Purge(options) => purge::run(settings(file.as_deref())?, options).await,
            Command::Person(options) => person::run(settings(file.as_deref())?, options).await,
            Command::DoNotCall(options) => do_not_call::run(settings(file.as_deref())?, options).await,
            Command::Agents(options) => agents::run(settings(file.as_deref())?, options).await,
            Command::Users(options) => users::run(settings(file.as_deref())?, options).await,
            Command::Tokens(options) => tokens::run(settings(file.as_deref())?, options).await,
            Command::Call(options) => call::run(settings(file.as_deref())?, options).await,
            Command::Callee(options) => callee::run(options).await,
            Command::Survey(options) => survey::run(settings(file.as_deref())?, options).await,
            Command::Simulate(options) => simulate::run(settings(file.as_deref())?, options).await,
            Command::Check(options) => check::run(file.as_deref(), options).await,
            Command::Bench(options) => bench::run(options).await,
        }
    });
    if let Some(telemetry) = telemetry {
        telemetry.end();
    }
    done
}

/// Every call has a socket: as many open files as the system lets this process have, not the 1,024 that a shell gives.
fn raise_file_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && let Err(error) = setrlimit(Resource::RLIMIT_NOFILE, hard, hard)
    {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

fn log_to_stderr(filter: &str, telemetry: Option<&Telemetry>) -> Result<(), Failure> {
    let filter = tracing_subscriber::EnvFilter::try_new(filter)
        .map_err(|error| Failure::start(format!("--log {filter}: {error}")))?;
    let colours = std::io::stderr().is_terminal();
    telemetry::log(filter, colours, telemetry);
    Ok(())
}

/// The settings as this process sees them; every mistake in one text.
fn settings(file: Option<&Path>) -> Result<Settings, Failure> {
    let (settings, problems) = read_settings(file);
    if problems.is_empty() {
        return Ok(settings);
    }
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    Err(Failure::start(format!("the settings cannot be used\n  {}", lines.join("\n  "))))
}

/// Reads and judges the settings; what could not be read stands at its default.
fn read_settings(file: Option<&Path>) -> (Settings, Vec<config::Problem>) {
    let origin = file.map_or_else(|| "settings".to_owned(), |file| file.display().to_string());
    let text = match file.map(std::fs::read_to_string).transpose() {
        Ok(text) => text.unwrap_or_default(),
        Err(error) => {
            let problem = config::Problem { origin, key: String::new(), message: format!("cannot be read: {error}") };
            return (Settings::default(), vec![problem]);
        }
    };
    // Variables that are not Unicode cannot be ours: all our names are ASCII, and a value that is not text fits no key.
    let environment: Vec<(String, String)> =
        std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect();
    config::judge(&text, &origin, &environment)
}
