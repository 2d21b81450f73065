//! SIPp as a process beside the engine: started on a port that was free, awaited, and judged by its exit status; its log and its messages are shown when it fails.

use super::common::{Home, Running, SOON, free_udp_port, udp_is_bound};
use super::scenario::Scenario;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// Tries on another port, should somebody have been quicker.
const TRIES: u32 = 5;

/// A SIPp that plays a scenario once.
pub struct Sipp {
    /// Where it is called.
    pub address: SocketAddr,
    process: Running,
    messages: PathBuf,
    errors: PathBuf,
}

impl Sipp {
    /// A phone on loopback, ready to be called.
    pub fn phone(home: &Home, scenario: &Scenario, options: &[&str]) -> Sipp {
        for _ in 0..TRIES {
            let mut sipp = Sipp::start(home, scenario, options);
            let ready = super::common::until("SIPp to listen", SOON, || {
                (sipp.process.has_ended() || is_bound(sipp.address.port(), options.contains(&"t1")))
                    .then(|| !sipp.process.has_ended())
            });
            if ready {
                return sipp;
            }
            let ended = sipp.process.finish(SOON).told();
            assert!(ended.contains("bind"), "SIPp does not start: {ended}");
        }
        panic!("SIPp found no port in {TRIES} tries");
    }

    /// A caller that plays its scenario against `peer`.
    pub fn caller(home: &Home, scenario: &Scenario, peer: SocketAddr) -> Sipp {
        Sipp::start(home, scenario, &["-s", "+8613900000001", &peer.to_string()])
    }

    fn start(home: &Home, scenario: &Scenario, options: &[&str]) -> Sipp {
        let port = free_udp_port();
        let media = free_udp_port() & !1;
        let file = home.write(&format!("scenario-{port}.xml"), scenario.xml());
        let (messages, errors) = (home.path(&format!("messages-{port}.log")), home.path(&format!("errors-{port}.log")));
        let mut command = Command::new("sipp");
        command.current_dir(home.path("")).arg("-sf").arg(file);
        command.args(["-i", "127.0.0.1", "-p", &port.to_string(), "-mi", "127.0.0.1", "-mp", &media.to_string()]);
        command.args([
            "-m",
            "1",
            "-timeout",
            "50",
            "-timeout_error",
            "-nostdin",
            "-skip_rlimit",
            "-trace_msg",
            "-trace_err",
        ]);
        command.arg("-message_file").arg(&messages).arg("-error_file").arg(&errors);
        command.args(options);
        let installed = Command::new("sipp").arg("-v").output();
        assert!(installed.is_ok(), "SIPp is not installed: apt-get install sip-tester (scripts/test does it)");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Sipp { address, process: Running::start("sipp", command), messages, errors }
    }

    /// Waits until its scenario is over, which must have gone as written; gives the messages.
    pub fn finish(self) -> Messages {
        let ended = self.process.finish(Duration::from_secs(60));
        let text = std::fs::read(&self.messages).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let errors = std::fs::read_to_string(&self.errors).unwrap_or_default();
        let screen = ended.err.join("\n");
        assert!(
            ended.code() == 0,
            "SIPp ended with {}: its scenario did not go as written (raw sockets for RTP want root or CAP_NET_RAW)\nerrors:\n{errors}\n{screen}\nmessages:\n{text}",
            ended.status
        );
        Messages(text)
    }
}

/// Whether it listens there, by datagrams or for connections.
fn is_bound(port: u16, tcp: bool) -> bool {
    if !tcp {
        return udp_is_bound(port);
    }
    // proc(5): local_address in hexadecimal, state 0A is LISTEN
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let listening = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        fields.get(1).is_some_and(|local| local.ends_with(&format!(":{port:04X}"))) && fields.get(3) == Some(&"0A")
    };
    table.lines().any(listening)
}

/// Everything that SIPp sent and received.
pub struct Messages(pub String);

impl Messages {
    /// The messages from the engine that begin so.
    pub fn received(&self, start: &str) -> Vec<&str> {
        let blocks = self.0.split("-----------------------------------------------").map(str::trim);
        let received = blocks.filter_map(|block| {
            let (head, message) = block.split_once("\n\n")?;
            head.contains("received").then_some(message)
        });
        received.filter(|message| message.starts_with(start)).collect()
    }
}
