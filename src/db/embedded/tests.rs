//! The private cluster, for real: in a temporary directory, from this machine's PostgreSQL.

use super::*;
use crate::db::{Store, StoreSettings, connect, migrate};
use tempfile::TempDir;

/// A directory that an unprivileged user may pass through, as a data directory must be.
fn data_dir() -> TempDir {
    let dir = tempfile::Builder::new().prefix("hf").tempdir().unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    dir
}

async fn store(dir: &Path) -> Result<Store, SetupError> {
    connect(&StoreSettings { database_url: None, data_dir: dir.to_owned(), max_connections: 3 }).await
}

fn server_pid(dir: &Path) -> i32 {
    let pid = fs::read_to_string(dir.join("postgres/data/postmaster.pid")).unwrap();
    pid.lines().next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn it_starts_keeps_what_was_written_and_stops_with_its_last_user() {
    let dir = data_dir();
    let first = store(dir.path()).await.unwrap();
    assert!(first.is_embedded());
    migrate(&first.pool).await.unwrap();
    let fsync: String = sqlx::query_scalar("show fsync").fetch_one(&first.pool).await.unwrap();
    let listens: String = sqlx::query_scalar("show listen_addresses").fetch_one(&first.pool).await.unwrap();
    assert_eq!((fsync.as_str(), listens.as_str()), ("on", ""));
    let mode = fs::metadata(dir.path().join("postgres")).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "nobody else reaches the socket");

    let second = store(dir.path()).await.unwrap();
    let pid = server_pid(dir.path());
    sqlx::query("insert into surveys (key, name, created_at) values ('kept', 'kept', now())")
        .execute(&first.pool)
        .await
        .unwrap();
    first.close().await.unwrap();
    let kept: i64 = sqlx::query_scalar("select count(*) from surveys").fetch_one(&second.pool).await.unwrap();
    assert_eq!((kept, server_pid(dir.path())), (1, pid), "the second user has it still");
    second.close().await.unwrap();
    assert!(!dir.path().join("postgres/data/postmaster.pid").exists(), "stopped with the last one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_a_killed_engine_left_running_is_used_and_what_was_killed_recovers() {
    let dir = data_dir();
    let (embedded, options) = Embedded::start(dir.path()).await.unwrap();
    let pool = sqlx::PgPool::connect_with(options).await.unwrap();
    sqlx::query("create table kept (n int)").execute(&pool).await.unwrap();
    sqlx::query("insert into kept values (7)").execute(&pool).await.unwrap();
    pool.close().await;
    // The engine dies without a word: its locks go, PostgreSQL stays.
    let mut embedded = embedded;
    drop(embedded.users.take());
    drop(embedded);
    let pid = server_pid(dir.path());
    let store = super::tests::store(dir.path()).await.unwrap();
    assert_eq!(server_pid(dir.path()), pid);

    // Now PostgreSQL too is killed, with its lock file left behind.
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
    let Store { pool, .. } = &store;
    pool.close().await;
    let again = super::tests::store(dir.path()).await.unwrap();
    let kept: i32 = sqlx::query_scalar("select n from kept").fetch_one(&again.pool).await.unwrap();
    assert_eq!(kept, 7);
    drop(store);
    again.close().await.unwrap();
}

#[tokio::test]
async fn a_path_that_is_too_long_or_cannot_be_reached_is_said_clearly() {
    let dir = data_dir();
    let long = dir.path().join("x".repeat(100));
    let error = Embedded::start(&long).await.unwrap_err().to_string();
    assert!(error.contains("choose a shorter data_dir"), "{error}");
    assert!(!long.exists(), "nothing half-done");

    if Uid::effective().is_root() {
        let closed = dir.path().join("root");
        DirBuilder::new().mode(0o700).create(&closed).unwrap();
        let error = Embedded::start(&closed.join("data")).await.unwrap_err().to_string();
        assert!(error.contains("choose a data_dir that others may pass through"), "{error}");
    }
}

#[test]
fn the_newest_version_is_taken_and_an_old_one_or_none_is_refused() {
    let dir = TempDir::new().unwrap();
    let mut places = Vec::new();
    for version in ["9.6.24", "13.4"] {
        let bin = dir.path().join(version);
        fs::create_dir(&bin).unwrap();
        for name in ["initdb", "pg_ctl", "postgres"] {
            fs::write(bin.join(name), format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version} (Debian)'\n")).unwrap();
            fs::set_permissions(bin.join(name), Permissions::from_mode(0o755)).unwrap();
        }
        places.push(bin);
    }
    let none = newest_binaries(&[dir.path().to_owned()]).unwrap_err().to_string();
    assert!(none.contains("apt-get install postgresql"), "{none}");
    let old = newest_binaries(&places).unwrap_err().to_string();
    assert!(old.contains("PostgreSQL 13 in") && old.contains("apt-get install postgresql"), "{old}");
    places.extend(super::places());
    let real = newest_binaries(&places).unwrap();
    assert!(version_of(&real.join("postgres")).unwrap() >= OLDEST);
}

#[tokio::test]
async fn a_cluster_of_another_version_is_not_touched() {
    let dir = data_dir();
    let data = dir.path().join("postgres/data");
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("PG_VERSION"), "11\n").unwrap();
    let error = Embedded::start(dir.path()).await.unwrap_err().to_string();
    assert!(error.contains("made by PostgreSQL 11") && error.contains("install postgresql-11"), "{error}");
}
