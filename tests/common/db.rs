//! A database of one test on the server that `DATABASE_URL` names (`scripts/test-db` starts one), dropped with its handle.

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::runtime::Runtime;

/// The database.
pub struct Db {
    /// `DATABASE_URL` for a process that is to use it.
    pub url: String,
    /// The server, and our database on it, where it is ours to drop.
    ours: Option<(String, String)>,
    runtime: Runtime,
}

impl Db {
    /// An empty database.
    pub fn new() -> Db {
        let server = std::env::var("DATABASE_URL")
            .expect("these tests want a PostgreSQL server: run them by scripts/test-db cargo nextest run");
        let name = format!("huifang_test_{}", uuid::Uuid::now_v7().simple());
        let (front, _) = server.rsplit_once('/').expect("DATABASE_URL ends with /DATABASE");
        let db = Db { url: format!("{front}/{name}"), ours: Some((server, name)), runtime: runtime() };
        db.on_server("create database");
        db
    }

    /// A database that is somebody else's.
    pub fn at(url: &str) -> Db {
        Db { url: url.to_owned(), ours: None, runtime: runtime() }
    }

    /// Runs something on a connection of its own.
    pub fn with<T>(&self, work: impl AsyncFnOnce(&mut PgConnection) -> T) -> T {
        self.runtime.block_on(async {
            let mut conn = PgConnection::connect(&self.url).await.unwrap();
            let done = work(&mut conn).await;
            conn.close().await.unwrap();
            done
        })
    }

    /// The rows of a query, each as one text with `|` between its columns; the query casts to text.
    pub fn rows(&self, sql: &str) -> Vec<String> {
        let sql = format!("select array_to_string(row, '|') from ({sql}) as rows (row)");
        self.with(async |conn| sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(conn).await.unwrap())
    }

    /// One number.
    pub fn count(&self, sql: &str) -> i64 {
        self.with(async |conn| sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(conn).await.unwrap())
    }

    /// A connection that stays, for locks.
    pub fn connection(&self) -> PgConnection {
        self.runtime.block_on(PgConnection::connect(&self.url)).unwrap()
    }

    /// Runs statements on a connection that stays.
    pub fn on(&self, conn: &mut PgConnection, sql: &str) {
        self.runtime.block_on(sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn)).unwrap();
    }

    fn on_server(&self, statement: &str) {
        let Some((server, name)) = &self.ours else { return };
        let sql = AssertSqlSafe(format!("{statement} {name}"));
        self.runtime.block_on(async {
            let mut conn = PgConnection::connect(server).await.unwrap();
            sqlx::raw_sql(sql).execute(&mut conn).await.unwrap();
            conn.close().await.unwrap();
        });
    }
}

impl Drop for Db {
    fn drop(&mut self) {
        // After a failure the engine may still be connected, and its database is worth a look.
        if !std::thread::panicking() {
            let engines = "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
            self.ours.is_some().then(|| self.count(engines));
            self.on_server("drop database");
        }
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
