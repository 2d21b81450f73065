//! `huifang do-not-call add|remove|import|list`: the numbers that nobody dials. Shown masked, always.

use super::{Failure, parts};
use crate::clock::Clock;
use crate::config::Settings;
use crate::db::phones;
use crate::db::state::DoNotCallSource;
use crate::phone::E164;
use sqlx::PgConnection;
use std::path::PathBuf;

/// Options of `do-not-call`.
#[derive(clap::Args, Debug)]
pub struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// Puts numbers on the list; whatever waits on them ends.
    Add {
        /// As people write them; without + of the dealer's country.
        #[arg(required = true)]
        numbers: Vec<String>,
    },
    /// Takes a number off the list; what ended because of it stays ended.
    Remove {
        /// As people write it.
        number: String,
    },
    /// Puts the numbers of a file on the list: the first column of each line; lines that begin with # count for nothing.
    Import {
        /// Text or CSV, UTF-8.
        file: PathBuf,
    },
    /// Shows the list, newest first, masked.
    List {
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: i64,
        /// As JSON, one object a line.
        #[arg(long)]
        json: bool,
    },
}

/// Changes or shows the list; status 1 when a number could not be read or was not on it.
pub async fn run(settings: Settings, options: Options) -> Result<(), Failure> {
    let store = parts::open_store(&settings).await?;
    let result = async {
        let mut conn = parts::connection(&store).await?;
        let country = &settings.dealer.country;
        match options.what {
            What::Add { numbers } => {
                let numbered = numbers.iter().enumerate().map(|(i, text)| (i + 1, text.as_str()));
                add(&mut conn, numbered, country, DoNotCallSource::Api, "argument").await
            }
            What::Import { file } => {
                let text = std::fs::read_to_string(&file)
                    .map_err(|error| Failure::start(format!("{}: {error}", file.display())))?;
                let text = text.trim_start_matches('\u{feff}');
                let first = |line: &'_ str| {
                    line.split([',', ';', '\t']).next().map(|cell| cell.trim().trim_matches('"').to_owned())
                };
                let cells: Vec<(usize, String)> =
                    text.lines().enumerate().filter_map(|(i, line)| Some((i + 1, first(line)?))).collect();
                let wanted = cells.iter().filter(|(_, cell)| !cell.is_empty() && !cell.starts_with('#'));
                let header = |(line, cell): &&(usize, String)| *line == 1 && !cell.bytes().any(|b| b.is_ascii_digit());
                let numbered = wanted.filter(|entry| !header(entry)).map(|(line, cell)| (*line, cell.as_str()));
                add(&mut conn, numbered, country, DoNotCallSource::Import, "line").await
            }
            What::Remove { number } => {
                let number = E164::parse(&number, country).map_err(Failure::start)?;
                match phones::unblock(&mut conn, &number, Clock::System.now()).await.map_err(Failure::start)? {
                    true => {
                        say!("{number} is off the do-not-call list");
                        Ok(())
                    }
                    false => Err(Failure::Found(format!("{number} was not on the do-not-call list"))),
                }
            }
            What::List { limit, json } => list(&mut conn, limit, json).await,
        }
    };
    let result = result.await;
    let _ = store.close().await;
    result
}

async fn add<'a>(
    conn: &mut PgConnection,
    numbers: impl Iterator<Item = (usize, &'a str)>,
    country: &str,
    source: DoNotCallSource,
    place: &str,
) -> Result<(), Failure> {
    let (mut added, mut wrong) = (0, 0);
    for (at, text) in numbers {
        match E164::parse(text, country) {
            Ok(number) => {
                phones::block(conn, &number, source, Clock::System.now()).await.map_err(Failure::start)?;
                added += 1;
            }
            Err(error) => {
                eprintln!("{place} {at}: {error}");
                wrong += 1;
            }
        }
    }
    say!("{added} numbers are on the do-not-call list now");
    if wrong == 0 { Ok(()) } else { Err(Failure::Found(format!("{wrong} numbers could not be read"))) }
}

async fn list(conn: &mut PgConnection, limit: i64, json: bool) -> Result<(), Failure> {
    for entry in phones::blocked(conn, limit).await.map_err(Failure::start)? {
        if json {
            say!("{}", serde_json::to_value(&entry).unwrap_or_default());
        } else {
            say!("{}  {:<8} {}", entry.number, entry.source, entry.added_at.format("%F %H:%M UTC"));
        }
    }
    Ok(())
}
