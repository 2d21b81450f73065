//! What the process-level tests share: a home of their own, processes whose output is read as it comes, and waiting for a condition.
//!
//! Nothing here sleeps for a guess: [`until`] asks again and again, up to a bound. Every process that is started ends with its handle.
#![allow(dead_code, reason = "each test file uses its own part of it")]

pub mod db;
pub mod http;
pub mod weather;

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The repository.
pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Longest wait for something that takes a second on an idle machine.
pub const SOON: Duration = Duration::from_secs(30);

/// Asks `look` until it has something; what it was waited for is named when time is up.
pub fn until<T>(what: &str, bound: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < bound, "waited {bound:?} in vain for {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// A directory of one test with its settings file; removed with it.
pub struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    /// An empty home that the user PostgreSQL runs as can pass through.
    pub fn new() -> Home {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::Builder::new().prefix("huifang-test-").tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        Home { dir }
    }

    /// A path inside.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file and gives its path.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Settings in which everything is on loopback and the kernel chooses ports, simulated numbers are allowed at any hour, and one trunk leads to `trunk`.
    /// `more` is appended; `trunk_more` stands in the trunk's section.
    pub fn settings(&self, trunk: SocketAddr, trunk_more: &str, more: &str) -> PathBuf {
        let data = self.path("data");
        let text = format!(
            r#"
            [database]
            data_dir = "{data}"
            [sip]
            listen = "127.0.0.1:0"
            [media]
            port_min = 0
            port_max = 0
            threads = 1
            [survey]
            surveys_dir = "{ROOT}/surveys"
            prompts_dir = "{ROOT}/prompts"
            [web]
            listen = "127.0.0.1:0"
            [trunks.peer]
            address = "{trunk}"
            calls_per_second = 20.0
            {ring}
            {trunk_more}
            [dialer]
            allow = ["+86139000"]
            delay_h = 0
            window = {{ open = "00:00", close = "24:00", allow_night = true, allow_holidays = true }}
            {more}
            "#,
            data = data.display(),
            ring = if trunk_more.contains("ring_timeout_s") { "" } else { "ring_timeout_s = 5" },
        );
        self.write("huifang.toml", text)
    }
}

/// `huifang` with the settings file of a test, without anything that this process's environment would say.
pub fn huifang(settings: &Path, database_url: Option<&str>) -> Command {
    let mut command = bare();
    command.arg("--config").arg(settings);
    if let Some(url) = database_url {
        command.env("DATABASE_URL", url);
    }
    command
}

/// Runs `huifang` with the settings of a home, in which customers are called 客户 and have numbers of 138001; nobody is ever named by it.
pub fn run_masked(home: &Home, db: &db::Db, words: &[&str], code: i32) -> Finished {
    let mut command = huifang(&home.path("huifang.toml"), Some(&db.url));
    command.args(words);
    let ended = Finished::of(command);
    let told = ended.told();
    assert_eq!(ended.code(), code, "huifang {}\n{told}", words.join(" "));
    assert!(!told.contains("138001") && !told.contains("客户") && !told.contains("panicked"), "{told}");
    ended
}

/// `huifang` without settings.
pub fn bare() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_huifang"));
    command.current_dir(ROOT);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("HUIFANG_") || name == "DATABASE_URL" {
            command.env_remove(name);
        }
    }
    command
}

/// A running process: its lines are kept as they come, and it is killed when its handle goes.
pub struct Running {
    name: String,
    child: Child,
    out: Arc<Mutex<Vec<String>>>,
    err: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<()>>,
}

/// What a process left.
pub struct Finished {
    /// Its exit status.
    pub status: ExitStatus,
    /// Lines of standard output.
    pub out: Vec<String>,
    /// Lines of standard error.
    pub err: Vec<String>,
}

impl Running {
    /// Starts it.
    pub fn start(name: &str, mut command: Command) -> Running {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let (out, err) = (Arc::default(), Arc::default());
        let readers = vec![
            follow(child.stdout.take().unwrap(), Arc::clone(&out)),
            follow(child.stderr.take().unwrap(), Arc::clone(&err)),
        ];
        Running { name: name.to_owned(), child, out, err, readers }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Lines of standard output so far.
    pub fn lines(&self) -> Vec<String> {
        self.out.lock().unwrap().clone()
    }

    /// Waits for a line of standard output.
    pub fn line(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let began = Instant::now();
        loop {
            let found = self.out.lock().unwrap().iter().find(|line| wanted(line)).cloned();
            if let Some(line) = found {
                return line;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && began.elapsed() < SOON, "{}: no {what}\n{}", self.name, self.told());
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let id = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        nix::sys::signal::kill(id, signal).unwrap();
    }

    /// Waits for its end.
    pub fn finish(mut self, bound: Duration) -> Finished {
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(began.elapsed() < bound, "{} has not ended after {bound:?}\n{}", self.name, self.told());
            std::thread::park_timeout(Duration::from_millis(20));
        };
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        let take = |lines: &Mutex<Vec<String>>| lines.lock().unwrap().clone();
        Finished { status, out: take(&self.out), err: take(&self.err) }
    }

    /// Ends it as `kill -9` does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Both outputs so far.
    pub fn told(&self) -> String {
        let text = |lines: &Mutex<Vec<String>>| lines.lock().unwrap().join("\n");
        format!("standard output:\n{}\nstandard error:\n{}", text(&self.out), text(&self.err))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Finished {
    /// Runs a command to its end.
    pub fn of(command: Command) -> Finished {
        Running::start("huifang", command).finish(SOON * 2)
    }

    /// Its exit code; 0 to 255, or -1 after a signal.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or(-1)
    }

    /// Both outputs, for assertions' messages.
    pub fn told(&self) -> String {
        format!("{}\nstandard output:\n{}\nstandard error:\n{}", self.status, self.out.join("\n"), self.err.join("\n"))
    }

    /// Standard output, line by line, as JSON.
    pub fn json(&self) -> Vec<serde_json::Value> {
        let parse =
            |line: &String| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}\n{}", self.told()));
        self.out.iter().map(parse).collect()
    }
}

fn follow(stream: impl Read + Send + 'static, lines: Arc<Mutex<Vec<String>>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            lines.lock().unwrap().push(String::from_utf8_lossy(&line).into_owned());
        }
    })
}

/// A process of simulated callees and where it listens.
pub struct Callees {
    /// Where it is called.
    pub address: SocketAddr,
    process: Running,
}

impl Callees {
    /// Starts it.
    pub fn start(seed: u64) -> Callees {
        Callees::start_with(seed, &[])
    }

    /// Starts it with more options.
    pub fn start_with(seed: u64, more: &[&str]) -> Callees {
        let mut command = bare();
        command.args(["callee", "--seed", &seed.to_string(), "--prompts", &format!("{ROOT}/prompts")]).args(more);
        let mut process = Running::start("callee", command);
        let first = process.line("address", |line| line.contains("listening"));
        let first: serde_json::Value = serde_json::from_str(&first).unwrap();
        Callees { address: first["listening"].as_str().unwrap().parse().unwrap(), process }
    }

    /// Ends it by SIGTERM; the called numbers in the order in which their calls ended, with whether they picked up.
    pub fn finish(self) -> Vec<(String, bool)> {
        let report = |report: &serde_json::Value| {
            (report["number"].as_str().unwrap().to_owned(), report["answered"].as_bool().unwrap())
        };
        self.reports().iter().map(report).collect()
    }

    /// Ends it by SIGTERM; what customers and agents saw, in the order in which their calls ended.
    pub fn reports(self) -> Vec<serde_json::Value> {
        self.process.signal(nix::sys::signal::Signal::SIGTERM);
        let ended = self.process.finish(SOON);
        assert_eq!(ended.code(), 0, "{}", ended.told());
        ended.json().split_off(1)
    }

    /// Ends it as `kill -9` does.
    pub fn kill(self) {
        self.process.kill();
    }
}

/// A UDP port of loopback that nobody has just now.
pub fn free_udp_port() -> u16 {
    std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// Whether somebody has bound this UDP port of loopback.
pub fn udp_is_bound(port: u16) -> bool {
    udp_table().iter().any(|(bound, _)| *bound == port)
}

/// The UDP ports that a process has bound.
pub fn udp_ports_of(process: u32) -> Vec<u16> {
    let Ok(entries) = std::fs::read_dir(format!("/proc/{process}/fd")) else { return Vec::new() };
    let links = entries.flatten().filter_map(|entry| std::fs::read_link(entry.path()).ok());
    let sockets: Vec<String> = links.map(|link| link.to_string_lossy().into_owned()).collect();
    let table = udp_table();
    let own = table.iter().filter(|(_, inode)| sockets.contains(&format!("socket:[{inode}]")));
    own.map(|(port, _)| *port).collect()
}

/// Port and inode of every UDP socket, also of those that serve both IP versions (`proc(5)`).
fn udp_table() -> Vec<(u16, String)> {
    let table = |name: &str| std::fs::read_to_string(name).unwrap_or_default();
    let row = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let port = fields.get(1)?.rsplit(':').next()?;
        Some((u16::from_str_radix(port, 16).ok()?, fields.get(9)?.to_string()))
    };
    let tables = [table("/proc/net/udp"), table("/proc/net/udp6")];
    tables.iter().flat_map(|table| table.lines().skip(1)).filter_map(row).collect()
}
