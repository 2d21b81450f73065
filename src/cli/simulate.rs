//! `huifang simulate`: a night of calls in virtual time, by the engine's own policy, trunks, call machine and surveys; nobody is called and no database is asked.
//!
//! Reads settings, list, survey, prompts and the model of customers; the night itself is `sim::night`.

mod tell;

use super::{Failure, import, live_agents, parts};
use crate::config::Settings;
use crate::followup::calendar::{self, Occurrence};
use crate::followup::import::{ImportSettings, owed_at_once};
use crate::followup::list::{List, Reader};
use crate::phone::Pii;
use crate::sim::list;
use crate::sim::night::call::Shared;
use crate::sim::night::desk::Work;
use crate::sim::night::figures::{Night, bands};
use crate::sim::night::picture;
use crate::sim::night::population::{self, Population};
use crate::sim::night::run::{FollowUp, House, Span, run as run_night, standing};
use chrono::{DateTime, Days, NaiveDate, Utc};
use indicatif::ProgressBar;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tell::Told;

/// The survey whose prompts simulated customers know.
const SURVEY: &str = "aftersales_3day";
/// Customers of all replications together, where nobody says how many replications there are.
const WORK: u32 = 20_000;

/// Options of `simulate`.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// A list of repairs, as `huifang import --list repair` reads it.
    #[arg(long, value_name = "FILE", conflicts_with = "customers")]
    list: Option<PathBuf>,
    /// So many made-up customers instead of a list.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    customers: u32,
    /// The first day, in the dealer's zone; default: tomorrow.
    #[arg(long, value_name = "YYYY-MM-DD")]
    on: Option<NaiveDate>,
    /// So many days.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=14))]
    days: u32,
    /// So many live agents are on duty.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=500))]
    agents: u32,
    /// The same seed gives the same night.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// So many nights with other luck; default: 40 for small lists, 5 for large ones.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    replications: Option<u32>,
    /// How customers behave; default: the built-in model, population/default.toml, whose figures are assumptions.
    #[arg(long, value_name = "FILE")]
    population: Option<PathBuf>,
    /// The survey's file; default: the after-sales survey of survey.surveys_dir.
    #[arg(long, value_name = "FILE")]
    survey: Option<PathBuf>,
    /// Other settings to compare with.
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// Another version of the survey to compare with.
    #[arg(long, value_name = "FILE")]
    against_survey: Option<PathBuf>,
    /// Draw the first night here.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Print one JSON object as the last line.
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub async fn run(settings: Settings, options: Options) -> Result<(), Failure> {
    let first = Plan::new(&settings, &options, options.survey.as_deref())?;
    let nights = first.nights(&options);
    let told = Told::new(&first.house, first.span, bands(&nights), &nights);
    let against = match (&options.against, &options.against_survey) {
        (None, None) => None,
        (file, survey) => {
            let other = file.as_deref().map(|file| super::settings(Some(file))).transpose()?;
            let survey = survey.as_deref().or(options.survey.as_deref());
            let plan = Plan::new(other.as_ref().unwrap_or(&settings), &options, survey)?;
            let nights = plan.nights(&options);
            Some(Told::new(&plan.house, plan.span, bands(&nights), &nights))
        }
    };
    if let (Some(file), Some(night)) = (&options.svg, nights.first()) {
        std::fs::write(file, picture::svg(night, first.span.from))
            .map_err(|error| Failure::start(format!("--svg {}: {error}", file.display())))?;
    }
    if first.rejected > 0 {
        eprintln!("{} rows of the list are not in it: `huifang import --dry-run` names them", first.rejected);
    }
    let table = told.table(against.as_ref());
    if options.json {
        eprintln!("{table}");
        say!("{}", told.json(options.seed, against.as_ref()));
    } else {
        say!("{table}");
    }
    Ok(())
}

/// What is simulated.
pub struct Plan {
    house: House,
    list: Vec<FollowUp>,
    rejected: usize,
    span: Span,
}

impl Plan {
    fn new(settings: &Settings, options: &Options, survey: Option<&Path>) -> Result<Plan, Failure> {
        let zone = parts::zone(settings)?;
        let tomorrow = || Utc::now().with_timezone(&zone).date_naive().checked_add_days(Days::new(1));
        let on = options.on.or_else(tomorrow).ok_or_else(|| Failure::start("--on: there is no such day"))?;
        let ends = on.checked_add_days(Days::new(options.days.into()));
        let ends = ends.ok_or_else(|| Failure::start("--on: there is no such day"))?;
        let from = calendar::moment(on, settings.dialer.window.open, zone);
        let until = calendar::moment(ends, chrono::NaiveTime::MIN, zone);
        let span = Span { from, until, epoch: Instant::now() };
        let made_up = options.list.is_none();
        let house = house(settings, options, survey, made_up)?;
        let rules = import::rules(settings, true)?;
        let (list, rejected) = match &options.list {
            Some(file) => {
                let unreadable = |error: std::io::Error| Failure::start(format!("{}: {error}", file.display()));
                follow_ups(File::open(file).map_err(unreadable)?, &rules, from)?
            }
            None => follow_ups(list::customers(options.customers, options.seed, on).as_bytes(), &rules, from)?,
        };
        if list.is_empty() {
            return Err(Failure::start("the list owes no after-sales call on that day"));
        }
        Ok(Plan { house, list, rejected, span })
    }

    /// So many made-up customers on a Monday, everything else as the settings say.
    pub fn made_up(settings: &Settings, customers: u32, seed: u64) -> Result<Plan, Failure> {
        let on = NaiveDate::from_ymd_opt(2026, 11, 23);
        let options = Options {
            list: None,
            customers,
            on,
            days: 2,
            agents: 0,
            seed,
            replications: Some(1),
            population: None,
            survey: None,
            against: None,
            against_survey: None,
            svg: None,
            json: false,
        };
        Plan::new(settings, &options, None)
    }

    fn nights(&self, options: &Options) -> Vec<Night> {
        let customers = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        let replications = options.replications.unwrap_or((WORK / customers.max(1)).clamp(5, 40));
        let bar =
            if std::io::stderr().is_terminal() { ProgressBar::new(replications.into()) } else { ProgressBar::hidden() };
        let nights = (0..replications).map(|n| {
            bar.inc(1);
            self.night(options.seed, n)
        });
        let nights = nights.collect();
        bar.finish_and_clear();
        nights
    }

    /// One night: its generator depends on the seed and on which of the replications it is.
    pub fn night(&self, seed: u64, replication: u32) -> Night {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(replication.into());
        let own = seed.wrapping_add(u64::from(replication) << 32);
        let customers: Vec<_> =
            self.list.iter().map(|row| self.house.population.customer(row.number.as_str(), own, &mut rng)).collect();
        run_night(&self.house, &self.list, &customers, self.span, &mut rng)
    }
}

fn house(settings: &Settings, options: &Options, survey: Option<&Path>, made_up: bool) -> Result<House, Failure> {
    let text = options.population.as_ref().map(|file| {
        let text = std::fs::read_to_string(file);
        text.map(|text| (file.display().to_string(), text))
            .map_err(|error| Failure::start(format!("{}: {error}", file.display())))
    });
    let (origin, text) =
        text.transpose()?.unwrap_or_else(|| ("the built-in model".to_owned(), population::DEFAULT.to_owned()));
    let population = Population::parse(&origin, &text).map_err(Failure::start)?;
    let definition = match survey {
        Some(file) => parts::read_survey(file)?.definition,
        None => {
            let mut surveys = parts::load_surveys(&settings.survey.surveys_dir)?;
            let survey = surveys.remove(SURVEY);
            survey.ok_or_else(|| Failure::start(format!("survey.surveys_dir: there is no `{SURVEY}`")))?.definition
        }
    };
    if definition.key != SURVEY {
        let key = &definition.key;
        return Err(Failure::start(format!("survey {key}: simulated customers know the prompts of `{SURVEY}` only")));
    }
    if settings.trunks.is_empty() {
        return Err(Failure::start("trunks: there is no [trunks.NAME]; nobody can be called (--config FILE)"));
    }
    let mut dialer = settings.dialer.clone();
    if made_up {
        dialer.allow.push(format!("+86{}", list::PREFIX));
    }
    let manners = crate::dialer::policy::Manners::new(&dialer, &parts::packs(settings)?);
    let agents = (options.agents > 0 && settings.agents.offer).then(|| live_agents::patience(&settings.agents));
    Ok(House {
        manners,
        dialer,
        trunks: settings.trunks.iter().map(|(name, trunk)| standing(name, trunk)).collect(),
        zone: parts::zone(settings)?,
        work: Work {
            agents: options.agents,
            rings: Duration::from_secs(population.agents.rings_s),
            talk: Duration::from_secs(population.agents.talk_s),
            wrap_up: Duration::from_secs(settings.agents.wrap_up_s),
        },
        record_calls: settings.media.record_calls,
        shared: std::sync::Arc::new(Shared {
            prompts: parts::load_prompts(&settings.survey.prompts_dir)?,
            definition,
            patience: agents,
        }),
        population,
    })
}

/// What a list of repairs owes, by the importer's own reader and the calendar's rules; and how many rows owe nothing.
fn follow_ups(
    input: impl Read + Send,
    rules: &ImportSettings,
    now: DateTime<Utc>,
) -> Result<(Vec<FollowUp>, usize), Failure> {
    let mut reader = Reader::new(List::Repair, input, rules.defaults.clone()).map_err(Failure::start)?;
    let (mut list, mut rejected) = (Vec::new(), 0);
    while let Some(row) = reader.next(now).map_err(Failure::start)? {
        let Ok(row) = row else {
            rejected += 1;
            continue;
        };
        let owed = owed_at_once(rules, List::Repair).filter(|(_, survey)| *survey == SURVEY);
        let spans = owed.filter_map(|(rule, _)| rule.touch(Occurrence::Nth(0), row.happened, rules.delay, row.zone));
        let Some(span) = spans.into_iter().find(|span| span.deadline > now) else {
            rejected += 1;
            continue;
        };
        let plate: Pii<String> = row.plate;
        list.push(FollowUp {
            number: row.number,
            zone: row.zone,
            language: row.language,
            event_on: row.happened.on,
            plate: Some(plate),
            advisor_number: row.staff_number,
            due_at: span.due_at,
            deadline: span.deadline,
        });
    }
    Ok((list, rejected))
}
