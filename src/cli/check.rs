//! `huifang check`: settings, surveys, prompts, media and database; every mistake in one go, nothing changed.

use super::{Failure, parts, post, read_settings};
use crate::call::handover::whisper;
use crate::config::Settings;
use crate::config::Srtp;
use crate::db;
use crate::db::agents::Profile;
use crate::media::prompt::PromptStore;
use crate::net::media_engine::{MediaConfig, MediaEngine};
use crate::net::prompt_files;
use crate::survey::check::{self, Severity};
use crate::survey::definition::{Definition, Effect, Step, StepKind};
use std::collections::BTreeSet;
use std::path::Path;

/// Options of `check`.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Leave the database alone (it is asked, not changed; a private one would be started).
    #[arg(long)]
    no_database: bool,
}

/// What was found, by weight.
#[derive(Default)]
struct Findings {
    errors: usize,
    warnings: usize,
}

impl Findings {
    fn error(&mut self, text: impl std::fmt::Display) {
        self.errors += 1;
        say!("error    {text}");
    }

    fn warning(&mut self, text: impl std::fmt::Display) {
        self.warnings += 1;
        say!("warning  {text}");
    }
}

/// Checks everything; status 2 when there is an error, as the engine could not start.
pub async fn run(file: Option<&Path>, options: Options) -> Result<(), Failure> {
    let mut findings = Findings::default();
    let (settings, problems) = read_settings(file);
    problems.iter().for_each(|problem| findings.error(problem));
    let readable = problems.is_empty();
    if settings.trunks.is_empty() && readable {
        findings.warning("trunks: there is no [trunks.NAME]; nobody can be called");
    }
    if settings.dialer.allow.is_empty() && readable {
        findings.warning("dialer.allow: is empty; nobody will be called");
    }
    for (name, _) in settings.trunks.iter().filter(|(_, trunk)| trunk.srtp == Srtp::Sdes) {
        findings.warning(format!("trunks.{name}.srtp: the keys go to the trunk by UDP, readable on the way: fine inside a tunnel or one's own network"));
    }
    countries(&settings, &mut findings);
    if let Err(error) = parts::trunks(&settings) {
        findings.error(error);
    }
    if let Err(error) = parts::sip_certificates(&settings) {
        findings.error(error);
    }
    if let Err(error) = parts::web_certificate(&settings) {
        findings.error(error);
    }
    if readable && let Err(error) = post::post(&settings) {
        findings.error(error);
    }
    if let Err(error) = parts::calendar(&settings) {
        findings.error(error);
    }
    let prompts = prompts(&settings, &mut findings);
    surveys(&settings, &prompts, &mut findings);
    media(&settings, &mut findings);
    if !options.no_database && readable {
        database(&settings, &mut findings).await;
    }
    match findings {
        Findings { errors: 0, warnings: 0 } => say!("Everything is in order."),
        Findings { errors: 0, warnings } => say!("{warnings} warnings, no errors."),
        Findings { errors, warnings } => {
            return Err(Failure::start(format!("{errors} errors, {warnings} warnings")));
        }
    }
    Ok(())
}

/// Country packs that read badly, or whose holidays run out within a month.
fn countries(settings: &Settings, findings: &mut Findings) {
    let soon = crate::clock::Clock::System.now().date_naive() + chrono::TimeDelta::days(30);
    match parts::packs(settings) {
        Err(error) => findings.error(error),
        Ok(packs) => {
            let ending = packs.values().filter(|pack| pack.holidays_known_until < soon);
            for pack in ending.filter(|pack| pack.country == settings.dealer.country) {
                findings.warning(format!(
                    "country pack {}: its holidays are complete up to {} only; keep it up (dialer.countries_dir)",
                    pack.country, pack.holidays_known_until
                ));
            }
        }
    }
}

fn prompts(settings: &Settings, findings: &mut Findings) -> PromptStore {
    let (store, found) = prompt_files::check(&settings.survey.prompts_dir);
    for finding in found {
        if finding.problem.is_fatal() { findings.error(finding) } else { findings.warning(finding) }
    }
    store
}

fn surveys(settings: &Settings, prompts: &PromptStore, findings: &mut Findings) {
    let files = match parts::survey_files(&settings.survey.surveys_dir) {
        Ok(files) => files,
        Err(error) => return findings.error(error),
    };
    if files.is_empty() {
        findings.error(format!("{}: there is no survey file (*.toml)", settings.survey.surveys_dir.display()));
    }
    let mut used: BTreeSet<(String, String)> = BTreeSet::new();
    let mut whispers: BTreeSet<(String, String)> = BTreeSet::new();
    let mut offered: BTreeSet<(String, String)> = BTreeSet::new();
    for path in &files {
        match parts::read_survey(path) {
            Err(error) => findings.error(error),
            Ok(survey) => {
                for finding in check::check(&survey.definition, &parts::Catalog(prompts)) {
                    let text = format!("{}: {}: {}", path.display(), finding.place, finding.message);
                    match finding.severity {
                        Severity::Error => findings.error(text),
                        Severity::Warning => findings.warning(text),
                        Severity::Info => say!("note     {text}"),
                    }
                }
                if settings.media.record_calls && !asks_to_record(&survey.definition) {
                    findings.warning(format!("{}: media.record_calls is on, and this survey never asks whether it may: its calls are not recorded", path.display()));
                }
                let offers_agents = survey.definition.steps.iter().any(|step| matches!(step.kind, StepKind::Agent(_)));
                for language in &survey.definition.languages {
                    let ids = check::used_prompts(&survey.definition, language);
                    used.extend(ids.into_iter().map(|id| (language.clone(), id.to_string())));
                    offered.extend(OFFERED.iter().map(|id| (language.clone(), (*id).to_owned())));
                    if offers_agents {
                        whispers
                            .extend(whisper::all_prompts().into_iter().map(|id| (language.clone(), id.to_string())));
                    }
                }
            }
        }
    }
    for (language, id) in whispers.iter().filter(|(language, id)| prompts.get(language, id).is_none()) {
        let directory = settings.survey.prompts_dir.display();
        findings
            .warning(format!("{directory}/{language}/{id}.wav is missing: agents would hear less of whom they get"));
    }
    used.extend(whispers);
    used.extend(offered);
    for prompt in prompts.iter() {
        if !used.contains(&(prompt.language().to_owned(), prompt.id().to_owned())) {
            let directory = settings.survey.prompts_dir.display();
            findings.warning(format!("{directory}/{}/{}.wav: no survey uses it", prompt.language(), prompt.id()));
        }
    }
}

/// Prompts that come with huifang for whoever wants them: a message for machines (docs/machines.md).
const OFFERED: &[&str] = &["machine.message"];

fn asks_to_record(definition: &Definition) -> bool {
    let asks = |step: &Step| match &step.kind {
        StepKind::Choice { options } => options.iter().any(|option| option.effect == Some(Effect::RecordCall)),
        _ => false,
    };
    definition.steps.iter().any(asks)
}

fn media(settings: &Settings, findings: &mut Findings) {
    let threads = MediaConfig { threads: 1, ..MediaConfig::new(settings.sip.listen.ip(), std::env::temp_dir()) };
    match MediaEngine::start(threads) {
        Err(error) => findings.error(format!("media: {error}")),
        Ok(engine) if engine.granted().iter().any(|granted| !granted.fifo) => findings.warning(
            "media: the kernel does not grant real-time priority (CAP_SYS_NICE, LimitRTPRIO); voice may stutter when the machine is busy",
        ),
        Ok(_) => {}
    }
    let folder = parts::recordings_dir(settings);
    // the folder is made at the start; what matters is where
    let place = folder.ancestors().find(|place| place.exists());
    if let Some(free) = place.and_then(free_bytes).filter(|free| *free < LOW_DISK) {
        let mib = free / (1 << 20);
        findings.warning(format!(
            "media.recordings_dir: only {mib} MiB are free for recordings (1 MiB a minute, 2 of a whole call); one that does not fit is not kept"
        ));
    }
}

/// A day's recordings of some hundred calls.
const LOW_DISK: u64 = 1 << 30;

fn free_bytes(place: &Path) -> Option<u64> {
    let stat = nix::sys::statvfs::statvfs(place).ok()?;
    Some(stat.blocks_available() as u64 * stat.fragment_size() as u64)
}

/// Agents who are on the list and could not be called.
async fn agents(settings: &Settings, pool: &sqlx::PgPool, findings: &mut Findings) {
    let all = async { db::agents::list(&mut *pool.acquire().await?, false).await };
    // Trunks that make no sense are named already.
    let Ok(reacher) = super::agents::reacher(settings) else { return };
    match all.await {
        Err(error) => findings.error(format!("database: {error}")),
        Ok(all) => {
            for agent in all {
                if let Err(why) = reacher.check(&Profile::of(&agent)) {
                    findings.error(format!("agents: {} ({}): {why}", agent.id, agent.reach));
                }
            }
        }
    }
}

async fn database(settings: &Settings, findings: &mut Findings) {
    match parts::connect(settings).await {
        Err(error) => findings.error(error),
        Ok(store) => {
            match db::pending_migrations(&store.pool).await {
                Ok(0) => agents(settings, &store.pool, findings).await,
                Ok(missing) => {
                    findings.warning(format!("database: {missing} migrations are missing; run `huifang migrate`"))
                }
                Err(error) => findings.error(format!("database: {error}")),
            }
            if let Err(error) = store.close().await {
                findings.warning(format!("database: {error}"));
            }
        }
    }
}
