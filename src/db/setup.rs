//! Coming to a database that is ready: the one that `DATABASE_URL` names, or the embedded one; then its migrations. No error shows a password.

use super::embedded::Embedded;
use super::{MIGRATOR, StoreError};
use secrecy::{ExposeSecret, SecretString};
use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;
use thiserror::Error;

/// How long a connection is waited for.
const ACQUIRE: Duration = Duration::from_secs(10);

/// Where the store is.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// A PostgreSQL that runs elsewhere; none: the embedded one.
    pub database_url: Option<SecretString>,
    /// Directory of the embedded cluster.
    pub data_dir: PathBuf,
    /// Connections at most.
    pub max_connections: u32,
}

/// Why there is no store. One sentence that says what to do.
#[derive(Debug, Error)]
pub enum SetupError {
    /// The URL cannot be read. It is not shown: it may hold a password.
    #[error("DATABASE_URL is not a PostgreSQL URL (postgres://USER:PASSWORD@HOST/DATABASE is wanted)")]
    Url,
    /// Nobody answers there, or they let us not in.
    #[error("cannot connect to the database {place}: {why}")]
    Connect {
        /// Host, port and database.
        place: String,
        /// What PostgreSQL or the system said.
        why: String,
    },
    /// The embedded cluster.
    #[error("embedded PostgreSQL: {0}")]
    Embedded(String),
    /// The database was migrated by a newer huifang.
    #[error(
        "the database is newer than this huifang (it has migration {0}): start the newer huifang, or restore a backup from before"
    )]
    Newer(i64),
    /// A migration that was applied is not the one compiled in.
    #[error("migration {0} of the database differs from this huifang's: it belongs to another build")]
    Differs(i64),
    /// A migration failed; it left nothing behind.
    #[error("migrating the database failed: {0}")]
    Migrate(String),
}

impl SetupError {
    pub(super) fn io(what: &str, path: &Path, error: &std::io::Error) -> SetupError {
        SetupError::Embedded(format!("cannot {what} {}: {error}", path.display()))
    }
}

/// A pool of connections, and the embedded cluster where that is what they lead to.
#[derive(Debug)]
pub struct Store {
    /// The connections.
    pub pool: PgPool,
    embedded: Option<Embedded>,
}

impl Store {
    /// Closes the connections and stops the embedded cluster, unless another process uses it.
    pub async fn close(self) -> Result<(), SetupError> {
        self.pool.close().await;
        match self.embedded {
            Some(embedded) => embedded.stop().await.map(drop),
            None => Ok(()),
        }
    }

    /// The process of the embedded cluster's server.
    pub fn postmaster(&self) -> Option<String> {
        self.embedded.as_ref()?.postmaster()
    }

    /// True where the store is the embedded cluster.
    pub fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }
}

/// Connects, starting the embedded cluster where no URL is given. One connection is made at once, so that a wrong URL is known now.
pub async fn connect(settings: &StoreSettings) -> Result<Store, SetupError> {
    let (embedded, options) = match &settings.database_url {
        Some(url) => (None, options_of(url.expose_secret()).ok_or(SetupError::Url)?),
        None => {
            let (embedded, options) = Embedded::start(&settings.data_dir).await?;
            (Some(embedded), options)
        }
    };
    let options = options.application_name("huifang");
    // Not by the pool: it would ask a refusing server again and again, and then not say why.
    let first = tokio::time::timeout(ACQUIRE, PgConnection::connect_with(&options))
        .await
        .unwrap_or(Err(sqlx::Error::PoolTimedOut));
    let closed = match first {
        Ok(conn) => conn.close().await,
        Err(error) => Err(error),
    };
    closed.map_err(|error| SetupError::Connect { place: place(&options), why: reason(error) })?;
    let pool = PgPoolOptions::new()
        .max_connections(settings.max_connections.max(1))
        .acquire_timeout(ACQUIRE)
        .connect_lazy_with(options);
    Ok(Store { pool, embedded })
}

/// The options' own reader takes a URL of any scheme.
fn options_of(url: &str) -> Option<PgConnectOptions> {
    let ours = url.starts_with("postgres://") || url.starts_with("postgresql://");
    PgConnectOptions::from_str(url).ok().filter(|_| ours)
}

/// Brings the tables up to this binary's state. Several engines may do so at once (an advisory lock holds the others back).
pub async fn migrate(pool: &PgPool) -> Result<(), SetupError> {
    MIGRATOR.run(pool).await.map_err(|error| match error {
        MigrateError::VersionMissing(version) => SetupError::Newer(version),
        MigrateError::VersionMismatch(version) => SetupError::Differs(version),
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            SetupError::Migrate(StoreError::from(error).to_string())
        }
        other => SetupError::Migrate(other.to_string()),
    })
}

/// How many migrations of this binary the database does not have yet. Changes nothing.
pub async fn pending_migrations(pool: &PgPool) -> Result<usize, SetupError> {
    let failed = |error: sqlx::Error| SetupError::Migrate(StoreError::from(error).to_string());
    let known: bool = sqlx::query_scalar("select to_regclass('_sqlx_migrations') is not null")
        .fetch_one(pool)
        .await
        .map_err(failed)?;
    let applied: Vec<i64> = match known {
        true => sqlx::query_scalar("select version from _sqlx_migrations where success")
            .fetch_all(pool)
            .await
            .map_err(failed)?,
        false => Vec::new(),
    };
    Ok(MIGRATOR.iter().filter(|migration| !applied.contains(&migration.version)).count())
}

fn place(options: &PgConnectOptions) -> String {
    let host = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    };
    format!("{} on {host}", options.get_database().unwrap_or("(default)"))
}

fn reason(error: sqlx::Error) -> String {
    match StoreError::from(error) {
        StoreError::Away(why) => why,
        StoreError::Refused { message, .. } => message,
        row @ StoreError::Row { .. } => row.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str) -> StoreSettings {
        StoreSettings { database_url: Some(SecretString::from(url)), data_dir: PathBuf::new(), max_connections: 2 }
    }

    #[tokio::test]
    async fn a_wrong_url_is_one_sentence_without_its_password() {
        for url in ["mysql://a:geheim@h/d", "geheim", "postgres://a:geheim@127.0.0.1:1/d", "postgres://a:geheim@[::1/d"]
        {
            let settings = settings(url);
            let error = connect(&settings).await.unwrap_err();
            let text = format!("{error} {error:?} {settings:?}");
            assert!(!text.contains("no connection came free"), "the true reason is named: {text}");
            assert!(!text.contains("geheim") && !text.contains('\n'), "{text}");
        }
    }

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn a_database_that_is_newer_is_left_alone(pool: PgPool) {
        migrate(&pool).await.unwrap();
        sqlx::query(
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (9999, 'later', true, '', 0)",
        )
        .execute(&pool)
        .await
        .unwrap();
        let error = migrate(&pool).await.unwrap_err();
        assert!(
            error.to_string().starts_with("the database is newer than this huifang (it has migration 9999)"),
            "{error}"
        );
    }

    #[sqlx::test(migrations = false)]
    async fn several_engines_migrate_at_once(pool: PgPool) {
        let (a, b, c) = tokio::join!(migrate(&pool), migrate(&pool), migrate(&pool));
        for result in [a, b, c] {
            result.unwrap();
        }
    }
}
