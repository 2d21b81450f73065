//! `huifang person export|erase`: everything that is held on one customer, for them to have; and all of it gone, but what is counted.

use super::{Failure, parts};
use crate::clock::Clock;
use crate::config::Settings;
use crate::db::audit::{self, Entry};
use crate::db::erase::{self, Hindrance};
use crate::db::state::DoNotCallSource;
use crate::db::{customers, person, phones};
use crate::dialer::retention::{Failed, Purge};
use crate::ids::CustomerId;
use crate::net::recording_files::inside;
use crate::phone::E164;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Options of `person`.
#[derive(clap::Args, Debug)]
pub struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// Writes everything that is held on a customer: person.json, and their recordings.
    Export {
        /// Phone number as people write it, or the customer's id.
        #[arg(value_name = "NUMBER|ID")]
        who: String,
        /// Directory to write to: a new or an empty one.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Says what would be erased; with --yes names, number, plate, voice and timelines go, scores and outcomes stay.
    Erase {
        /// Phone number as people write it, or the customer's id.
        #[arg(value_name = "NUMBER|ID")]
        who: String,
        /// Do it.
        #[arg(long)]
        yes: bool,
        /// Put the number on the do-not-call list first, where it stays: a later list would bring the customer back.
        #[arg(long)]
        do_not_call: bool,
    },
}

/// Exports or erases; status 1 where there is no such customer, or something stands in the way.
pub async fn run(settings: Settings, options: Options) -> Result<(), Failure> {
    let store = parts::open_store(&settings).await?;
    let result = async {
        let mut conn = parts::connection(&store).await?;
        let now = Clock::System.now();
        match options.what {
            What::Export { who, out } => {
                let customer = find(&mut conn, &settings, &who).await?;
                export(&mut conn, customer, &parts::recordings_dir(&settings), &out, now).await
            }
            What::Erase { who, yes, do_not_call } => {
                let customer = find(&mut conn, &settings, &who).await?;
                let purge = parts::purge(&settings, &store.pool, format!("user {}", parts::user()))?;
                match yes {
                    false => look(&mut conn, customer, now).await,
                    true => erase(&mut conn, &purge, customer, do_not_call, now).await,
                }
            }
        }
    };
    let result = result.await;
    let _ = store.close().await;
    result
}

/// The customer who is meant. A number that a household shares names nobody: each has their own data.
async fn find(conn: &mut PgConnection, settings: &Settings, who: &str) -> Result<CustomerId, Failure> {
    if let Ok(id) = who.parse::<Uuid>() {
        let known = person::exists(conn, CustomerId(id)).await.map_err(Failure::start)?;
        return known.then_some(CustomerId(id)).ok_or_else(|| Failure::Found(format!("there is no customer {id}")));
    }
    let number = E164::parse(who, &settings.dealer.country).map_err(Failure::start)?;
    match customers::on_number(conn, &number).await.map_err(Failure::start)?[..] {
        [] => Err(Failure::Found("no customer has this number".to_owned())),
        [customer] => Ok(customer),
        ref several => {
            let ids: Vec<String> = several.iter().map(ToString::to_string).collect();
            let count = ids.len();
            Err(Failure::Found(format!(
                "{count} customers share this number: name the one who is meant by id (`huifang customer NUMBER` shows who is who)\n  {}",
                ids.join("\n  ")
            )))
        }
    }
}

async fn export(
    conn: &mut PgConnection,
    customer: CustomerId,
    recordings: &Path,
    out: &Path,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let told = |error: io::Error| Failure::start(format!("{}: {error}", out.display()));
    DirBuilder::new().recursive(true).mode(0o700).create(out).map_err(told)?;
    if fs::read_dir(out).map_err(told)?.next().is_some() {
        return Err(Failure::start(format!("{}: is not empty; a new or an empty directory is wanted", out.display())));
    }
    let mut data = person::everything(conn, customer).await.map_err(Failure::start)?;
    let voices = person::recordings(conn, customer).await.map_err(Failure::start)?;
    // What goes out is written down before it goes.
    let rows: usize = data.values().filter_map(Value::as_array).map(Vec::len).sum();
    let detail = json!({ "by": format!("user {}", parts::user()), "rows": rows, "recordings": voices.len() });
    let entry = Entry::ours(now, "person.export", format!("customer {customer}"), detail);
    audit::add(conn, &entry, rand::random()).await.map_err(Failure::start)?;

    let folder = out.join("recordings");
    DirBuilder::new().mode(0o700).create(&folder).map_err(told)?;
    let mut missing = Vec::new();
    for (id, path) in &voices {
        let copied = inside(recordings, path).map(|from| copy(&from, &folder.join(format!("{id}.wav"))));
        match copied {
            Some(Ok(())) => {}
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => return Err(told(error)),
            Some(Err(_)) | None => missing.push(id.to_string()),
        }
    }
    data.insert(
        "about".to_owned(),
        json!({ "customer": customer, "exported_at": now, "format": 1, "recordings_missing": missing }),
    );
    let text = serde_json::to_string_pretty(&data).map_err(Failure::start)?;
    write(&out.join("person.json"), text.as_bytes()).map_err(told)?;
    say!("{rows} rows and {} recordings of customer {customer} are in {}", voices.len() - missing.len(), out.display());
    match missing.is_empty() {
        true => Ok(()),
        false => Err(Failure::Found(format!(
            "recordings that are not in this recordings directory (another engine's?): {}",
            missing.join(", ")
        ))),
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    write(to, &fs::read(from)?)
}

/// Writes a new file that only its owner reads.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

async fn look(conn: &mut PgConnection, customer: CustomerId, now: DateTime<Utc>) -> Result<(), Failure> {
    let data: Map<String, Value> = person::everything(conn, customer).await.map_err(Failure::start)?;
    say!("Customer {customer}: rows that would lose what says who it is (dry run: nothing was changed, --yes does it)");
    for (table, rows) in data.iter().filter(|(table, _)| !["audit_log", "do_not_call"].contains(&table.as_str())) {
        match rows.as_array().map_or(0, Vec::len) {
            0 => {}
            count => say!("  {table:<22} {count}"),
        }
    }
    let listed = data.get("do_not_call").and_then(Value::as_array).is_some_and(|rows| !rows.is_empty());
    say!(
        "On the do-not-call list: {}",
        if listed { "yes, and stays there" } else { "no (--do-not-call puts it there)" }
    );
    match erase::look(conn, customer, now).await.map_err(Failure::start)? {
        None => Ok(()),
        Some(hindrance) => Err(refusal(&hindrance)),
    }
}

async fn erase(
    conn: &mut PgConnection,
    purge: &Purge,
    customer: CustomerId,
    do_not_call: bool,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    if let Some(hindrance) = erase::look(conn, customer, now).await.map_err(Failure::start)? {
        return Err(refusal(&hindrance));
    }
    if do_not_call {
        for phone in customers::track(conn, customer).await.map_err(Failure::start)?.phones {
            // Erased before, and asked again: its numbers are nobody's.
            let number = phone.number.0;
            if !number.as_str().starts_with("+999") {
                phones::block(conn, &number, DoNotCallSource::Api, now).await.map_err(Failure::start)?;
            }
        }
    }
    let done = match purge.erase(customer, now).await.map_err(Failure::start)? {
        Ok(done) => done,
        Err(hindrance) => return Err(refusal(&hindrance)),
    };
    say!("Customer {customer} is erased; recordings removed: {} ({:.1} MB)", done.purged, done.bytes as f64 / 1e6);
    if done.elsewhere > 0 {
        say!("Recordings on other engines' disks: {} (each goes with that engine's next hourly pass)", done.elsewhere);
    }
    for Failed { what, why } in &done.failed {
        eprintln!("recording {what}: its file cannot be removed: {why}");
    }
    match done.failed.len() {
        0 => Ok(()),
        failed => Err(Failure::Found(format!(
            "files that could not be removed: {failed} (tried again each hour, and by `huifang person erase {customer} --yes`)"
        ))),
    }
}

fn refusal(hindrance: &Hindrance) -> Failure {
    Failure::Found(match hindrance {
        Hindrance::Unknown => "there is no such customer".to_owned(),
        Hindrance::Live(attempt) => {
            format!("a call to them is going on (attempt {attempt}): try again when it is over")
        }
        Hindrance::Leased => "an engine is about to call them: try again in a minute".to_owned(),
        Hindrance::Complaint(id) => {
            format!(
                "complaint {id} of theirs is open: what it needs is kept until it is closed (docs/retention.md, legal hold)"
            )
        }
    })
}
