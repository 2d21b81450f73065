//! `huifang survey`: publish, list, show, compare, check and draw surveys. Only `publish` writes, and a published version never changes.

use super::{Failure, parts};
use crate::config::Settings;
use crate::db::Store;
use crate::db::surveys::{self, Published, SurveyVersion};
use crate::media::prompt::PromptStore;
use crate::net::prompt_files;
use crate::survey::check::{self, Severity};
use crate::survey::definition::{Definition, PromptId};
use crate::survey::{diff, draw};
use chrono::Utc;
use sqlx::PgConnection;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Options of `survey`.
#[derive(clap::Args, Debug)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Publishes survey files under the versions that they state; from then on new follow-ups are asked these.
    Publish {
        /// Survey files (TOML).
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Lists every published version, and how the files of survey.surveys_dir compare.
    List,
    /// Prints a published version as it was published.
    Show {
        /// Key of the survey.
        key: String,
        /// Which version; the newest if not said.
        version: Option<i32>,
    },
    /// Says what changed between two published versions, question by question.
    Diff {
        /// Key of the survey.
        key: String,
        /// The older version.
        old: i32,
        /// The newer version; if not said, the file of this survey in survey.surveys_dir.
        new: Option<i32>,
    },
    /// Reads survey files like a compiler, with their prompts: every mistake, and how long the shortest, usual and longest call is.
    Check {
        /// Survey files; those of survey.surveys_dir if none is given.
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Draws the flow of a survey as SVG.
    Draw {
        /// A survey file, or the key of a published survey (its newest version is drawn).
        #[arg(value_name = "KEY|FILE")]
        survey: String,
        /// Where the drawing goes.
        #[arg(long, value_name = "FILE.svg")]
        out: PathBuf,
        /// Language of the texts; the survey's first if not said.
        #[arg(long)]
        language: Option<String>,
    },
}

/// Runs the command.
pub async fn run(settings: Settings, options: Options) -> Result<(), Failure> {
    match options.command {
        Command::Check { files } => check_files(&settings, files),
        Command::Draw { survey, out, language } => draw_one(&settings, &survey, &out, language).await,
        Command::Publish { files } => publish(&settings, &files).await,
        Command::List => list(&settings).await,
        Command::Show { key, version } => show(&settings, &key, version).await,
        Command::Diff { key, old, new } => compare(&settings, &key, old, new).await,
    }
}

/// Runs something on the store, and closes it whatever happens.
async fn with_store<T>(
    settings: &Settings,
    work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let store: Store = parts::open_store(settings).await?;
    let done = match parts::connection(&store).await {
        Ok(mut conn) => work(&mut conn).await,
        Err(failure) => Err(failure),
    };
    store.close().await.map_err(Failure::start)?;
    done
}

/// Prints everything found in a file; true where there is no error.
fn report(path: &Path, prompts: &PromptStore) -> bool {
    let survey = match parts::read_survey(path) {
        Ok(survey) => survey,
        Err(mistakes) => {
            mistakes.to_string().lines().for_each(|line| say!("error    {line}"));
            return false;
        }
    };
    let definition = &survey.definition;
    let questions = definition.steps.iter().filter(|step| step.is_question()).count();
    say!(
        "{}: {} version {}, {} steps, {questions} of them questions",
        path.display(),
        definition.key,
        definition.version,
        definition.steps.len()
    );
    let mut sound = true;
    for finding in check::check(definition, &parts::Catalog(prompts)) {
        let weight = match finding.severity {
            Severity::Error => "error  ",
            Severity::Warning => "warning",
            Severity::Info => "note   ",
        };
        sound &= finding.severity != Severity::Error;
        say!("{weight}  {}: {}", finding.place, finding.message);
    }
    sound
}

fn check_files(settings: &Settings, files: Vec<PathBuf>) -> Result<(), Failure> {
    let files = if files.is_empty() { parts::survey_files(&settings.survey.surveys_dir)? } else { files };
    let (prompts, _) = prompt_files::check(&settings.survey.prompts_dir);
    let unsound = files.iter().filter(|path| !report(path, &prompts)).count();
    match unsound {
        0 => Ok(()),
        n => Err(Failure::Found(format!("{n} of {} surveys have errors", files.len()))),
    }
}

async fn publish(settings: &Settings, files: &[PathBuf]) -> Result<(), Failure> {
    let prompts = parts::load_prompts(&settings.survey.prompts_dir)?;
    if files.iter().filter(|path| !report(path, &prompts)).count() > 0 {
        return Err(Failure::Found("nothing was published: there are errors".into()));
    }
    let surveys: Vec<parts::SurveyFile> =
        files.iter().map(|path| parts::read_survey(path)).collect::<Result<_, _>>()?;
    with_store(settings, async |conn| {
        let mut taken = 0;
        for survey in &surveys {
            let Definition { key, version, .. } = &*survey.definition;
            match survey.publish(conn, Utc::now()).await? {
                Published::New => say!("{key}: version {version} is published"),
                Published::Known => say!("{key}: this text is published already"),
                Published::Taken { newest } => {
                    taken += 1;
                    say!(
                        "{key}: not published: version {newest} is published with another text and never changes; state version = {} in the file",
                        newest + 1
                    );
                }
            }
        }
        match taken {
            0 => Ok(()),
            n => Err(Failure::Found(format!("{n} of {} surveys were not published", surveys.len()))),
        }
    })
    .await
}

async fn list(settings: &Settings) -> Result<(), Failure> {
    let files = parts::load_surveys(&settings.survey.surveys_dir).unwrap_or_default();
    let versions = with_store(settings, async |conn| surveys::all(conn).await.map_err(Failure::start)).await?;
    for SurveyVersion { survey_key, version, published_at, content, .. } in &versions {
        let newest = !versions.iter().any(|other| other.survey_key == *survey_key && other.version > *version);
        let note = match files.get(survey_key).filter(|_| newest) {
            Some(file) if file.text == *content => "newest, as in the file",
            Some(_) => "newest; the file differs",
            None if newest => "newest",
            None => "",
        };
        say!("{survey_key:<20} {version:>4}  {}  {note}", published_at.format("%F %H:%M UTC"));
    }
    for key in files.keys().filter(|key| !versions.iter().any(|version| version.survey_key == **key)) {
        say!("{key:<20}    –  not published yet");
    }
    Ok(())
}

async fn published(conn: &mut PgConnection, key: &str, version: Option<i32>) -> Result<SurveyVersion, Failure> {
    let version = match version {
        Some(version) => version,
        None => {
            let newest = surveys::newest(conn).await.map_err(Failure::start)?;
            let found = newest.into_iter().find(|(known, _)| known == key);
            found.ok_or_else(|| Failure::start(format!("no survey `{key}` is published")))?.1
        }
    };
    surveys::get(conn, key, version).await.map_err(Failure::start)
}

fn compiled(version: &SurveyVersion) -> Result<Arc<Definition>, Failure> {
    let name = format!("{}, version {}", version.survey_key, version.version);
    Definition::from_toml(&name, &version.content).map_err(Failure::start)
}

async fn show(settings: &Settings, key: &str, version: Option<i32>) -> Result<(), Failure> {
    let version = with_store(settings, async |conn| published(conn, key, version).await).await?;
    say!("{}", version.content.trim_end());
    Ok(())
}

async fn compare(settings: &Settings, key: &str, old: i32, new: Option<i32>) -> Result<(), Failure> {
    let (old, new) = with_store(settings, async |conn| {
        let old = compiled(&published(conn, key, Some(old)).await?)?;
        let new = match new {
            Some(new) => compiled(&published(conn, key, Some(new)).await?)?,
            None => {
                let file = parts::load_surveys(&settings.survey.surveys_dir)?.remove(key);
                file.ok_or_else(|| Failure::start(format!("survey.surveys_dir has no survey `{key}`")))?.definition
            }
        };
        Ok((old, new))
    })
    .await?;
    let changes = diff::diff(&old, &new);
    if changes.is_empty() {
        say!("No change in what is asked.");
    }
    changes.iter().for_each(|change| say!("{change}"));
    Ok(())
}

async fn draw_one(settings: &Settings, survey: &str, out: &Path, language: Option<String>) -> Result<(), Failure> {
    let path = Path::new(survey);
    let definition = if path.is_file() {
        parts::read_survey(path)?.definition
    } else {
        compiled(&with_store(settings, async |conn| published(conn, survey, None).await).await?)?
    };
    let (prompts, _) = prompt_files::check(&settings.survey.prompts_dir);
    let wanted = language.unwrap_or_default();
    let language = definition.language_or_default(&wanted);
    let text = |id: &PromptId| prompts.get(language, id.as_str()).map(|prompt| prompt.text().to_owned());
    let drawing = draw::svg(&definition, &text);
    std::fs::write(out, drawing).map_err(|error| Failure::start(format!("{}: {error}", out.display())))?;
    say!("{} is drawn in {}", definition.key, out.display());
    Ok(())
}
