//! What can go wrong in the store. Never carries a row's values, a number or a password: of PostgreSQL's errors the code, the place and the
//! message are kept and the DETAIL line (which quotes keys) is dropped.

use sqlx::error::DatabaseError;
use sqlx::postgres::PgDatabaseError;
use thiserror::Error;

/// A store function that did not do its work.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StoreError {
    /// The database cannot be asked now (connection lost, shutting down, out of connections, a serialisation conflict): the same again may succeed.
    #[error("the database is away: {0}")]
    Away(String),
    /// The database answered, and said no.
    #[error("the database refused ({code}, {place}): {message}")]
    Refused {
        /// SQLSTATE, or `client` where the client library refused.
        code: String,
        /// Constraint or table, as far as PostgreSQL named one.
        place: String,
        /// PostgreSQL's message line.
        message: String,
    },
    /// A statement did not touch exactly the row it was meant for.
    #[error("{table} {id}: {problem}")]
    Row {
        /// The table.
        table: &'static str,
        /// The row's id.
        id: String,
        /// What was expected of it.
        problem: &'static str,
    },
}

impl StoreError {
    /// An error about one row.
    pub fn row(table: &'static str, id: impl ToString, problem: &'static str) -> StoreError {
        StoreError::Row { table, id: id.to_string(), problem }
    }

    /// The constraint this error names, if it names one.
    pub fn constraint(&self) -> Option<&str> {
        match self {
            StoreError::Refused { place, .. } => Some(place),
            StoreError::Away(_) | StoreError::Row { .. } => None,
        }
    }

    /// True where trying the same statement again can never help, because the data itself is at fault (SQLSTATE classes 22 and 23, or a row that is not there).
    pub fn is_data_fault(&self) -> bool {
        match self {
            StoreError::Away(_) => false,
            StoreError::Refused { code, .. } => code.starts_with("22") || code.starts_with("23"),
            StoreError::Row { .. } => true,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> StoreError {
        match error {
            sqlx::Error::Database(refusal) => from_database(refusal.as_ref()),
            sqlx::Error::PoolTimedOut => StoreError::Away("no connection came free in time".to_owned()),
            sqlx::Error::PoolClosed => StoreError::Away("the connection pool is closed".to_owned()),
            sqlx::Error::WorkerCrashed => StoreError::Away("the connection broke".to_owned()),
            sqlx::Error::Io(io) => StoreError::Away(io.to_string()),
            sqlx::Error::Protocol(text) => StoreError::Away(text),
            // Decoding and the like: our mistake, said without the value.
            other => StoreError::Refused {
                code: "client".to_owned(),
                place: column_of(&other),
                message: "a value does not have the expected type or is not one of the known texts".to_owned(),
            },
        }
    }
}

fn column_of(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::ColumnDecode { index, .. } => index.clone(),
        sqlx::Error::ColumnNotFound(name) => name.clone(),
        sqlx::Error::RowNotFound => "no row".to_owned(),
        _ => "statement".to_owned(),
    }
}

fn from_database(refusal: &dyn DatabaseError) -> StoreError {
    let code = refusal.code().unwrap_or_default().into_owned();
    let message = refusal.message().to_owned();
    // 08 connection, 53 out of resources, 57P shutting down, 58 system, 40 conflict, 55P03 lock not available, 25006 read-only (standby during a switch-over)
    let passing = ["08", "53", "57P", "58", "40", "55P03", "25006"].iter().any(|class| code.starts_with(class));
    if passing {
        return StoreError::Away(format!("{message} ({code})"));
    }
    let table = refusal.try_downcast_ref::<PgDatabaseError>().and_then(|pg| pg.table());
    let place = refusal.constraint().or(table).unwrap_or("statement").to_owned();
    StoreError::Refused { code, place, message }
}
