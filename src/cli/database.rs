//! `huifang database -- COMMAND`: runs PostgreSQL's own programs (psql, pg_dump, pg_restore) or a script on the database of the settings. The private cluster is started for
//! it where no engine has, and stopped afterwards.

use super::{Failure, parts};
use crate::config::Settings;
use crate::db::embedded;
use secrecy::ExposeSecret;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// Options of `database`.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// The command and its words; it finds the database by DATABASE_URL (yours) or PGHOST, PGUSER and PGDATABASE (the private one), and our directories by
    /// HUIFANG_DATA_DIR, HUIFANG_RECORDINGS_DIR and HUIFANG_JOURNAL_DIR.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Runs it; status 1 where it ends with another status than 0.
pub async fn run(settings: Settings, options: Options) -> Result<(), Failure> {
    // A signal is for the command; we wait for it and close the cluster.
    let _stop = parts::stop_on_signal();
    let store = parts::connect(&settings).await?;
    let told = told(&settings, &options).await;
    let closed = store.close().await;
    told?;
    closed.map(drop).map_err(Failure::start)
}

async fn told(settings: &Settings, options: &Options) -> Result<(), Failure> {
    let [program, words @ ..] = &options.command[..] else { return Err(Failure::start("a command is wanted")) };
    let mut command = Command::new(program);
    command.args(words);
    let database = &settings.database;
    match parts::secret(database.url.as_ref(), database.url_file.as_deref(), "database.url_file")? {
        Some(url) => drop(command.env("DATABASE_URL", url.expose_secret())),
        None => {
            let socket = absolute(&database.data_dir)?.join("postgres");
            command.env_remove("DATABASE_URL").env("PGHOST", socket);
            command.env("PGUSER", embedded::NAME).env("PGDATABASE", embedded::NAME);
        }
    }
    // pg_dump must not be older than the server: the newest that is installed comes first.
    if let Ok(bin) = embedded::binaries() {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let places = [bin].into_iter().chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(places).map_err(Failure::start)?);
    }
    command.env("HUIFANG_DATA_DIR", absolute(&database.data_dir)?);
    command.env("HUIFANG_RECORDINGS_DIR", absolute(&parts::recordings_dir(settings))?);
    command.env("HUIFANG_JOURNAL_DIR", absolute(&parts::journal_dir(settings))?);
    let status = command.status().await.map_err(|error| Failure::start(format!("{program}: {error}")))?;
    match status.success() {
        true => Ok(()),
        false => Err(Failure::Found(format!("{program}: {status}"))),
    }
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::start(format!("{}: {error}", path.display())))
}
