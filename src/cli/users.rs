//! `huifang users list|add|disable|password`: who signs in on the pages.

use super::{Failure, parts, secret_input};
use crate::clock::Clock;
use crate::config::Settings;
use crate::db::audit;
use crate::db::state::UserRole;
use crate::db::users::{self, NewUser, User};
use crate::ids::UserId;
use crate::web::password;
use secrecy::SecretString;
use sqlx::PgConnection;
use std::path::PathBuf;
use uuid::Uuid;

/// Options of `users`.
#[derive(clap::Args, Debug)]
pub struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// Shows who signs in.
    List {
        /// As JSON, one object a line.
        #[arg(long)]
        json: bool,
    },
    /// Adds somebody; the password is asked for.
    Add {
        /// What they sign in as.
        name: String,
        /// What they may do.
        #[arg(long, value_enum)]
        role: Role,
        /// A file that holds the password; default: it is asked for, or read from standard input.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// They sign in no more, and are signed out everywhere.
    Disable {
        /// What they sign in as.
        name: String,
    },
    /// Sets a new password; they are signed out everywhere.
    Password {
        /// What they sign in as.
        name: String,
        /// A file that holds it; default: it is asked for, or read from standard input.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
}

/// What somebody may do on the pages.
#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum Role {
    /// Sees how the run goes, people masked; changes nothing, hears nobody.
    ReadOnly,
    /// Takes calls, works complaints.
    Agent,
    /// Sees and steers everything of the dealer's.
    Manager,
    /// The same, and users and agents.
    Admin,
}

impl From<Role> for UserRole {
    fn from(role: Role) -> UserRole {
        match role {
            Role::ReadOnly => UserRole::ReadOnly,
            Role::Agent => UserRole::Agent,
            Role::Manager => UserRole::Manager,
            Role::Admin => UserRole::Admin,
        }
    }
}

/// Shows or changes users; status 1 when one is not found, a name is taken, or a password is none.
pub async fn run(settings: Settings, options: Options) -> Result<(), Failure> {
    let store = parts::open_store(&settings).await?;
    let result = async {
        let mut conn = parts::connection(&store).await?;
        match options.what {
            What::List { json } => list(&mut conn, json).await,
            What::Add { name, role, password_file } => add(&mut conn, name, role.into(), password_file).await,
            What::Disable { name } => {
                let user = find(&mut conn, &name).await?;
                users::disable(&mut conn, user.id, Clock::System.now()).await.map_err(Failure::start)?;
                note(&mut conn, "user.disable", user.id).await?;
                say!("{} signs in no more", user.name);
                Ok(())
            }
            What::Password { name, password_file } => {
                let user = find(&mut conn, &name).await?;
                let hash = new_password(&user.name, password_file).await?;
                users::set_password(&mut conn, user.id, &hash).await.map_err(Failure::start)?;
                note(&mut conn, "user.password", user.id).await?;
                say!("{} has a new password", user.name);
                Ok(())
            }
        }
    };
    let result = result.await;
    let _ = store.close().await;
    result
}

async fn list(conn: &mut PgConnection, json: bool) -> Result<(), Failure> {
    for user in users::list(conn).await.map_err(Failure::start)? {
        let User { id, name, role, created_at, disabled_at } = user;
        if json {
            say!(
                "{}",
                serde_json::json!({ "id": id, "name": name, "role": role, "created_at": created_at, "disabled_at": disabled_at })
            );
        } else {
            let word = if disabled_at.is_some() { "disabled" } else { role.as_str() };
            say!("{id}  {word:<9} {name}");
        }
    }
    Ok(())
}

async fn add(conn: &mut PgConnection, name: String, role: UserRole, file: Option<PathBuf>) -> Result<(), Failure> {
    let name = name.trim().to_owned();
    if name.is_empty() {
        return Err(Failure::Found("a name is wanted".to_owned()));
    }
    if users::by_name(conn, &name).await.map_err(Failure::start)?.is_some() {
        return Err(Failure::Found("there is a user of that name".to_owned()));
    }
    let (id, password_hash) = (UserId(Uuid::now_v7()), new_password(&name, file).await?);
    let new = NewUser { id, name: name.clone(), password_hash, role, created_at: Clock::System.now() };
    if !users::add(conn, &new).await.map_err(Failure::start)? {
        return Err(Failure::Found("there is a user of that name".to_owned()));
    }
    note(conn, "user.add", id).await?;
    say!("{name} signs in now as {role}");
    Ok(())
}

/// A password that may be taken, as it is stored.
async fn new_password(name: &str, file: Option<PathBuf>) -> Result<SecretString, Failure> {
    let new = secret_input::password("Password", file).await?;
    password::judge(name, &new).map_err(|why| Failure::Found(why.to_string()))?;
    password::hash(new).await.map_err(Failure::start)
}

async fn find(conn: &mut PgConnection, name: &str) -> Result<User, Failure> {
    let found = users::by_name(conn, name).await.map_err(Failure::start)?;
    found.ok_or_else(|| Failure::Found("there is no user of that name (`huifang users list`)".to_owned()))
}

/// The command line has no user of its own: the entry says what was done, not by whom.
async fn note(conn: &mut PgConnection, action: &str, user: UserId) -> Result<(), Failure> {
    let detail = serde_json::json!({ "by": "command line" });
    let (at, object) = (Clock::System.now(), format!("user {user}"));
    let entry = audit::Entry::ours(at, action, object, detail);
    audit::add(conn, &entry, rand::random()).await.map_err(Failure::start)
}
