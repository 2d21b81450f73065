//! `huifang tokens add|list|revoke`: programs that ask the API. A token is shown once, when it is made.

use super::{Failure, parts};
use crate::clock::Clock;
use crate::config::Settings;
use crate::db::api_tokens::{self, NewToken, Scope, Scopes, Token};
use crate::db::audit::{self, Entry};
use crate::ids::TokenId;
use crate::web::tokens;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use secrecy::ExposeSecret;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

/// Options of `tokens`.
#[derive(clap::Args, Debug)]
pub struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// Makes a token and shows it, this once.
    Add {
        /// What it is for; the audit log and `list` name it so.
        name: String,
        /// What it opens; several with commas.
        #[arg(long, value_enum, value_delimiter = ',', required = true)]
        scope: Vec<Scope>,
        /// Days until it opens nothing any more; 0: it lasts until it is revoked.
        #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u32).range(0..=3650))]
        days: u32,
    },
    /// Shows who has a token and when it was used last; never the token.
    List {
        /// As JSON, one object a line.
        #[arg(long)]
        json: bool,
    },
    /// Takes a token back: from now on it opens nothing.
    Revoke {
        /// Its name.
        name: String,
    },
}

/// Shows or changes tokens; status 1 when one is not found or a name is taken.
pub async fn run(settings: Settings, options: Options) -> Result<(), Failure> {
    let zone = parts::zone(&settings)?;
    let store = parts::open_store(&settings).await?;
    let result = async {
        let mut conn = parts::connection(&store).await?;
        let now = Clock::System.now();
        match options.what {
            What::Add { name, scope, days } => add(&mut conn, name.trim(), Scopes::new(scope), days, now).await,
            What::List { json } => list(&mut conn, json, zone, now).await,
            What::Revoke { name } => {
                let revoked = api_tokens::revoke(&mut conn, name.trim(), now).await.map_err(Failure::start)?;
                let unknown = || Failure::Found("no live token has that name (`huifang tokens list`)".to_owned());
                let id = revoked.ok_or_else(unknown)?;
                note(&mut conn, now, "token.revoke", id, json!({})).await?;
                say!("{} opens nothing any more", name.trim());
                Ok(())
            }
        }
    };
    let result = result.await;
    let _ = store.close().await;
    result
}

async fn add(
    conn: &mut PgConnection,
    name: &str,
    scopes: Scopes,
    days: u32,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    if name.is_empty() {
        return Err(Failure::Found("a name is wanted".to_owned()));
    }
    let (token, id) = (tokens::new(), TokenId(Uuid::now_v7()));
    let expires_at = (days > 0).then(|| now + TimeDelta::days(days.into()));
    let hash = tokens::hash(&token);
    let new = NewToken { id, name, hash: &hash, scopes: &scopes, created_at: now, expires_at };
    if !api_tokens::add(conn, &new).await.map_err(Failure::start)? {
        return Err(Failure::Found("a token of that name is not revoked".to_owned()));
    }
    note(conn, now, "token.add", id, json!({ "scopes": scopes.to_string(), "expires_at": expires_at })).await?;
    eprintln!("The token of {name} ({scopes}); it is not shown again:");
    say!("{}", token.expose_secret());
    Ok(())
}

async fn list(conn: &mut PgConnection, json: bool, zone: Tz, now: DateTime<Utc>) -> Result<(), Failure> {
    for token in api_tokens::list(conn).await.map_err(Failure::start)? {
        let Token { id, name, scopes, created_at, expires_at, last_used_at, revoked_at } = token;
        if json {
            let scopes = scopes.to_string();
            say!(
                "{}",
                json!({ "id": id, "name": name, "scopes": scopes.split(", ").collect::<Vec<_>>(), "created_at": created_at,
                        "expires_at": expires_at, "last_used_at": last_used_at, "revoked_at": revoked_at })
            );
            continue;
        }
        let day = |at: DateTime<Utc>| at.with_timezone(&zone).format("%F %H:%M").to_string();
        let stands = match (revoked_at, expires_at) {
            (Some(at), _) => format!("revoked {}", day(at)),
            (None, Some(at)) if at <= now => format!("expired {}", day(at)),
            (None, Some(at)) => format!("until {}", day(at)),
            (None, None) => "until revoked".to_owned(),
        };
        let used = last_used_at.map_or_else(|| "never used".to_owned(), |at| format!("used {}", day(at)));
        say!("{name}  [{scopes}]  {stands}, {used}");
    }
    Ok(())
}

/// The command line has no user of its own: the entry says what was done, not by whom.
async fn note(
    conn: &mut PgConnection,
    at: DateTime<Utc>,
    action: &str,
    token: TokenId,
    mut detail: serde_json::Value,
) -> Result<(), Failure> {
    detail["by"] = "command line".into();
    let entry = Entry::ours(at, action, format!("token {token}"), detail);
    audit::add(conn, &entry, rand::random()).await.map_err(Failure::start)
}
