//! The embedded default (architecture.md, decision 5): a private PostgreSQL cluster in the data directory, started from the system's binaries on a Unix socket only.
//!
//! As root it runs as an unprivileged user. Several processes may use it (an engine, and an import beside it): whoever comes first starts it, whoever leaves last stops it.
//! After `kill -9` of its users the next one finds it running and uses it. fsync stays on. Nothing here downloads anything.

use super::StoreError;
use super::setup::SetupError;
use nix::fcntl::{Flock, FlockArg};
use nix::unistd::{Gid, Uid, User, chown};
use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// Oldest PostgreSQL that is used.
const OLDEST: u32 = 14;
/// Name of database and role.
pub const NAME: &str = "huifang";
/// The longest socket path the system takes (`sun_path` without its end mark).
const SOCKET_PATH_MAX: usize = 107;
/// The socket's name: the port is part of it, and nothing listens on that port.
const SOCKET: &str = ".s.PGSQL.5432";
/// Starts are tried this often: after `kill -9` of everything the stale lock file goes away within 1–2 s.
const START_TRIES: u32 = 20;
/// A cluster that was found running is asked this often, 250 ms apart.
const CONNECT_TRIES: u32 = 120;

/// A running private cluster. [`Embedded::stop`] stops it if nobody else uses it; so does dropping it.
#[derive(Debug)]
pub struct Embedded {
    cluster: Cluster,
    /// Held shared by each user of the cluster; taken alone to stop it.
    users: Option<Flock<fs::File>>,
}

#[derive(Debug, Clone)]
struct Cluster {
    bin: PathBuf,
    /// The cluster: `<data_dir>/postgres/data`.
    data: PathBuf,
    /// Directory of the socket, the log and the locks: `<data_dir>/postgres`.
    socket: PathBuf,
    log: PathBuf,
    /// Whom it runs as, where we are root.
    owner: Option<(Uid, Gid)>,
}

impl Embedded {
    /// Starts (or finds) the cluster under `data_dir` and makes sure that its database is there. Blocking work is done off the async threads.
    pub async fn start(data_dir: &Path) -> Result<(Embedded, PgConnectOptions), SetupError> {
        let data_dir = data_dir.to_owned();
        let embedded = tokio::task::spawn_blocking(move || start(&data_dir))
            .await
            .map_err(|error| SetupError::Embedded(format!("the start was cut off: {error}")))??;
        let options = embedded.cluster.options();
        create_database(&options).await?;
        Ok((embedded, options.database(NAME)))
    }

    /// The server's process: the first line of the file that it leaves in its directory.
    pub fn postmaster(&self) -> Option<String> {
        let file = fs::read_to_string(self.cluster.data.join("postmaster.pid")).ok()?;
        file.lines().next().map(str::to_owned)
    }

    /// Stops the cluster unless another process uses it (fast: open connections are cut off, everything is written). Close the pool first.
    /// Says whether it was stopped.
    pub async fn stop(mut self) -> Result<bool, SetupError> {
        let (cluster, users) = (self.cluster.clone(), self.users.take());
        tokio::task::spawn_blocking(move || leave(&cluster, users))
            .await
            .map_err(|error| SetupError::Embedded(format!("the stop was cut off: {error}")))?
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        if let Err(error) = leave(&self.cluster, self.users.take()) {
            tracing::warn!(%error, "the embedded PostgreSQL was not stopped; the next start uses it");
        }
    }
}

/// Stops the cluster if these were its last users.
fn leave(cluster: &Cluster, users: Option<Flock<fs::File>>) -> Result<bool, SetupError> {
    let Some(users) = users else { return Ok(false) };
    let _alone = cluster.lock("start.lock", FlockArg::LockExclusive)?;
    if users.relock(FlockArg::LockExclusiveNonblock).is_err() {
        return Ok(false);
    }
    cluster.stop().map(|()| true)
}

fn start(data_dir: &Path) -> Result<Embedded, SetupError> {
    let bin = newest_binaries(&places())?;
    let data_dir = std::path::absolute(data_dir).map_err(|e| SetupError::io("find", data_dir, &e))?;
    let base = data_dir.join("postgres");
    let cluster = Cluster {
        bin,
        data: base.join("data"),
        socket: base.clone(),
        log: base.join("server.log"),
        owner: if Uid::effective().is_root() { Some(unprivileged()?) } else { None },
    };
    let longest = cluster.socket.join(SOCKET);
    if longest.as_os_str().len() > SOCKET_PATH_MAX {
        return Err(SetupError::Embedded(format!(
            "the data directory's path is too long for a Unix socket ({} bytes of {SOCKET_PATH_MAX}): choose a shorter data_dir than {}",
            longest.as_os_str().len(),
            data_dir.display()
        )));
    }
    DirBuilder::new().recursive(true).create(&data_dir).map_err(|e| SetupError::io("make", &data_dir, &e))?;
    if !base.exists() {
        DirBuilder::new().mode(0o700).create(&base).map_err(|e| SetupError::io("make", &base, &e))?;
    }
    cluster.own(&base)?;
    let _alone = cluster.lock("start.lock", FlockArg::LockExclusive)?;
    let users = cluster.lock("users.lock", FlockArg::LockShared)?;
    if !cluster.data.join("PG_VERSION").exists() {
        cluster.init()?;
    }
    cluster.check_version()?;
    cluster.start()?;
    Ok(Embedded { cluster, users: Some(users) })
}

/// Where PostgreSQL's server programs may be: the distributions' places, then the directories of PATH.
fn places() -> Vec<PathBuf> {
    let mut all = Vec::new();
    for (parent, tail) in
        [("/usr/lib/postgresql", "bin"), ("/usr", "bin"), ("/opt/homebrew/opt", "bin"), ("/usr/local/opt", "bin")]
    {
        let Ok(entries) = fs::read_dir(parent) else { continue };
        let versions = entries.flatten().filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            parent == "/usr/lib/postgresql" || name.starts_with("pgsql-") || name.starts_with("postgresql")
        });
        all.extend(versions.map(|entry| entry.path().join(tail)));
    }
    all.push("/usr/local/pgsql/bin".into());
    if let Some(path) = std::env::var_os("PATH") {
        all.extend(std::env::split_paths(&path));
    }
    all
}

/// The directory of PostgreSQL's programs that the private cluster runs with.
pub fn binaries() -> Result<PathBuf, SetupError> {
    newest_binaries(&places())
}

/// The directory of the newest PostgreSQL among `places`.
fn newest_binaries(places: &[PathBuf]) -> Result<PathBuf, SetupError> {
    let mut found: Vec<(u32, &PathBuf)> = Vec::new();
    for dir in places {
        let complete = ["initdb", "pg_ctl", "postgres"].iter().all(|name| dir.join(name).is_file());
        if complete && let Some(version) = version_of(&dir.join("postgres")) {
            found.push((version, dir));
        }
    }
    match found.iter().max_by_key(|(version, _)| *version) {
        Some((version, dir)) if *version >= OLDEST => Ok((*dir).clone()),
        Some((version, dir)) => Err(SetupError::Embedded(format!(
            "PostgreSQL {version} in {} is too old ({OLDEST} or newer is wanted): apt-get install postgresql, or set DATABASE_URL",
            dir.display()
        ))),
        None => Err(SetupError::Embedded(
            "no PostgreSQL server is installed: apt-get install postgresql, or set DATABASE_URL to one that runs elsewhere".to_owned(),
        )),
    }
}

/// Major version, from `postgres (PostgreSQL) 15.14 (Debian …)`.
fn version_of(postgres: &Path) -> Option<u32> {
    let output = Command::new(postgres).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().find_map(|word| word.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok())
}

/// Whom to run the server as where we are root, which PostgreSQL refuses to run as.
fn unprivileged() -> Result<(Uid, Gid), SetupError> {
    for name in ["postgres", "nobody"] {
        if let Ok(Some(user)) = User::from_name(name) {
            return Ok((user.uid, user.gid));
        }
    }
    Err(SetupError::Embedded(
        "as root, PostgreSQL must run as another user, and there is neither `postgres` nor `nobody`: start huifang as an ordinary user".to_owned(),
    ))
}

impl Cluster {
    fn options(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass().socket(&self.socket).username(NAME).database("postgres")
    }

    /// One of PostgreSQL's programs, as the cluster's owner, in the cluster's directory (which that user can reach).
    fn program(&self, name: &str) -> Command {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new(self.bin.join(name));
        command.current_dir(&self.socket).stdin(Stdio::null()).env("LC_ALL", "C");
        for variable in ["PGDATA", "PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGOPTIONS", "PGSERVICE"] {
            command.env_remove(variable);
        }
        if let Some((uid, gid)) = self.owner {
            command.uid(uid.as_raw()).gid(gid.as_raw()).env("HOME", &self.socket);
        }
        command
    }

    fn lock(&self, name: &str, how: FlockArg) -> Result<Flock<fs::File>, SetupError> {
        let path = self.socket.join(name);
        let opened = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = opened.map_err(|e| SetupError::io("open", &path, &e))?;
        Flock::lock(file, how).map_err(|(_, error)| SetupError::io("lock", &path, &error.into()))
    }

    fn run(&self, mut command: Command, what: &str) -> Result<Output, SetupError> {
        command.output().map_err(|error| SetupError::Embedded(format!("{what} could not be run: {error}")))
    }

    /// Gives the cluster's directory to its owner, and sees that they can get there.
    fn own(&self, base: &Path) -> Result<(), SetupError> {
        let Some((uid, gid)) = self.owner else { return Ok(()) };
        chown(base, Some(uid), Some(gid)).map_err(|e| SetupError::io("give away", base, &e.into()))?;
        fs::set_permissions(base, Permissions::from_mode(0o700)).map_err(|e| SetupError::io("close", base, &e))?;
        let mut test = Command::new(self.bin.join("postgres"));
        use std::os::unix::process::CommandExt;
        test.arg("--version")
            .current_dir(base)
            .uid(uid.as_raw())
            .gid(gid.as_raw())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let reachable = test.status().map_err(|error| unreachable_dir(base, &error.to_string()))?;
        if reachable.success() { Ok(()) } else { Err(unreachable_dir(base, "no access")) }
    }

    fn init(&self) -> Result<(), SetupError> {
        // An initdb that was killed leaves a directory without PG_VERSION's siblings; initdb itself refuses a directory that is not empty.
        let fresh = self.socket.join("data.new");
        if fresh.exists() {
            fs::remove_dir_all(&fresh).map_err(|e| SetupError::io("clear", &fresh, &e))?;
        }
        let mut command = self.program("initdb");
        command.arg("-D").arg(&fresh).args(["-U", NAME, "--auth=peer", "--encoding=UTF8", "--locale=C.UTF-8"]);
        let output = self.run(command, "initdb")?;
        if !output.status.success() {
            return Err(SetupError::Embedded(format!("initdb failed: {}", last_line(&output.stderr))));
        }
        // Who may reach the socket's directory (0700: the owner, and root) may connect.
        let hba = fresh.join("pg_hba.conf");
        fs::write(&hba, "local all all trust\n").map_err(|e| SetupError::io("write", &hba, &e))?;
        let conf = fresh.join("postgresql.conf");
        fs::write(&conf, "include 'huifang.conf'\n").map_err(|e| SetupError::io("write", &conf, &e))?;
        fs::rename(&fresh, &self.data).map_err(|e| SetupError::io("put in place", &self.data, &e))
    }

    /// The binaries must be of the version that made the cluster.
    fn check_version(&self) -> Result<(), SetupError> {
        let path = self.data.join("PG_VERSION");
        let made_by = fs::read_to_string(&path).map_err(|e| SetupError::io("read", &path, &e))?;
        let ours = version_of(&self.bin.join("postgres"));
        match made_by.trim().parse::<u32>() {
            Ok(version) if Some(version) == ours => Ok(()),
            Ok(version) => Err(SetupError::Embedded(format!(
                "the cluster in {} was made by PostgreSQL {version}, which is not the one installed now: install postgresql-{version}, or move the data by pg_upgrade",
                self.data.display()
            ))),
            Err(_) => Err(SetupError::Embedded(format!("{} is not a PostgreSQL cluster", self.data.display()))),
        }
    }

    fn is_running(&self) -> Result<bool, SetupError> {
        let mut command = self.program("pg_ctl");
        command.arg("status").arg("-D").arg(&self.data);
        // pg_ctl: 0 runs, 3 does not run, 4 no such cluster.
        Ok(self.run(command, "pg_ctl status")?.status.success())
    }

    /// Starts it unless it runs.
    fn start(&self) -> Result<(), SetupError> {
        self.write_settings()?;
        let mut why = String::new();
        for attempt in 0..START_TRIES {
            if attempt > 0 {
                std::thread::sleep(Duration::from_millis(500));
            }
            if self.is_running()? {
                // A process that was just killed counts as running for a moment: only the socket tells.
                if UnixStream::connect(self.socket.join(SOCKET)).is_ok() {
                    return Ok(());
                }
                "it runs, but its socket does not answer".clone_into(&mut why);
                continue;
            }
            let mut command = self.program("pg_ctl");
            command.arg("start").arg("-w").args(["-t", "60", "-s"]).arg("-D").arg(&self.data).arg("-l").arg(&self.log);
            // The server outlives pg_ctl and would hold a pipe open: no pipes.
            command.stdout(Stdio::null()).stderr(Stdio::null());
            let status =
                command.status().map_err(|error| SetupError::Embedded(format!("pg_ctl could not be run: {error}")))?;
            if status.success() {
                return Ok(());
            }
            why = fs::read(&self.log).map(|log| last_line(&log)).unwrap_or_default();
        }
        Err(SetupError::Embedded(format!("PostgreSQL does not start: {why} (see {})", self.log.display())))
    }

    /// Written at each start: the data directory may have been moved.
    fn write_settings(&self) -> Result<(), SetupError> {
        let socket = self.socket.to_string_lossy().replace('"', "\"\"").replace('\'', "''");
        let settings = format!(
            "listen_addresses = ''\nunix_socket_directories = '\"{socket}\"'\nunix_socket_permissions = 0700\nport = 5432\n\
             max_connections = 100\nfsync = on\ntimezone = 'UTC'\nlog_timezone = 'UTC'\nlc_messages = 'C'\njit = off\n"
        );
        let path = self.data.join("huifang.conf");
        fs::write(&path, settings).map_err(|e| SetupError::io("write", &path, &e))
    }

    fn stop(&self) -> Result<(), SetupError> {
        let mut command = self.program("pg_ctl");
        command.arg("stop").args(["-m", "fast", "-w", "-t", "60", "-s"]).arg("-D").arg(&self.data);
        let output = self.run(command, "pg_ctl stop")?;
        if output.status.success() || !self.is_running()? {
            return Ok(());
        }
        Err(SetupError::Embedded(format!("pg_ctl stop failed: {}", last_line(&output.stderr))))
    }
}

async fn create_database(options: &PgConnectOptions) -> Result<(), SetupError> {
    let failed = |error: StoreError| SetupError::Embedded(format!("its database could not be made: {error}"));
    let mut tries = 0;
    let mut conn = loop {
        match PgConnection::connect_with(options).await.map_err(StoreError::from) {
            Ok(conn) => break conn,
            // One that was found running may still be recovering.
            Err(StoreError::Away(_)) if tries < CONNECT_TRIES => tokio::time::sleep(Duration::from_millis(250)).await,
            Err(error) => return Err(failed(error)),
        }
        tries += 1;
    };
    let found: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(NAME)
        .fetch_one(&mut conn)
        .await
        .map_err(|error| failed(error.into()))?;
    if !found {
        let made = sqlx::query("create database huifang").execute(&mut conn).await.map_err(StoreError::from);
        match made {
            // Another process was quicker.
            Ok(_) => {}
            Err(StoreError::Refused { code, .. }) if code == "42P04" || code == "23505" => {}
            Err(error) => return Err(failed(error)),
        }
    }
    conn.close().await.map_err(|error| failed(error.into()))
}

fn unreachable_dir(base: &Path, why: &str) -> SetupError {
    SetupError::Embedded(format!(
        "the user that PostgreSQL runs as cannot reach {} ({why}): choose a data_dir that others may pass through (as /var/lib/huifang), not one under /root",
        base.display()
    ))
}

fn last_line(output: &[u8]) -> String {
    String::from_utf8_lossy(output)
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("no message")
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests;
