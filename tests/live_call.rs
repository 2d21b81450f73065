//! The whole way from an unhappy customer to an agent's page: `huifang serve`, simulated customers on real SIP and RTP, and a real Chromium that takes the call
//! over WebRTC. tests/browser/live_call.mjs drives the browser and says what it found.

mod common;
#[allow(dead_code, reason = "shared with tests/kill.rs")]
#[path = "kill/night.rs"]
mod night;

use common::db::Db;
use common::{Callees, Finished, Home, ROOT, SOON};
use huifang::sim::callee::Report;
use huifang::sim::tone::AGENT_HZ;
use night::Night;
use nix::sys::signal::Signal;
use std::f64::consts::TAU;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// The tail of a number whose persona asks for a person (number modulo 16).
const ASKS_FOR_PERSON: &str = "00015";

fn told(night: &Night, words: &[&str]) {
    let mut command = night.huifang();
    command.args(words);
    let ended = Finished::of(command);
    assert_eq!(ended.code(), 0, "huifang {}\n{}", words.join(" "), ended.told());
}

/// The agent's voice: ten seconds of a tone, which Chromium plays over and over.
fn voice(path: &Path) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(path, spec).unwrap();
    for n in 0..480_000u32 {
        wav.write_sample((8_192.0 * (TAU * AGENT_HZ * f64::from(n) / 48_000.0).sin()) as i16).unwrap();
    }
    wav.finalize().unwrap();
}

#[test]
fn an_unhappy_customer_is_taken_in_a_real_browser() {
    let (home, db) = (Home::new(), Db::new());
    let callees = Callees::start_with(7, &["--tones"]);
    let night = Night::new(&home, Some(&db.url), callees.address, "max_calls = 1");
    let password = home.write("password", "right as rain\n");
    told(&night, &["migrate"]);
    told(&night, &["users", "add", "li.na", "--role", "agent", "--password-file", password.to_str().unwrap()]);
    told(&night, &["agents", "add", "--name", "李娜", "--reach", "browser", "--user", "li.na"]);

    let engine = night.serve(&[]);
    let lines = engine.lines();
    let page = lines.iter().find_map(|line| Some(line.split_once("http://")?.1.trim_end_matches('/')));
    let page = format!("http://{}/", page.expect("the page's address"));
    let wav = home.path("agent.wav");
    voice(&wav);
    let mut script = Command::new("node");
    script.arg("--experimental-websocket").arg(format!("{ROOT}/tests/browser/live_call.mjs")).arg(page).arg(wav);
    script.args(std::env::var_os("HUIFANG_TEST_SHOTS"));
    // What the browser's children leave goes with the home.
    script.env("TMPDIR", home.path("")).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut browser = script.spawn().expect("node");
    let mut answers = browser.stdin.take().unwrap();
    let mut told_by_browser = Vec::new();
    for line in BufReader::new(browser.stdout.take().unwrap()).lines().map_while(Result::ok) {
        if line == "DO dial" {
            night.import(&[ASKS_FOR_PERSON]);
            writeln!(answers, "done").unwrap();
        }
        told_by_browser.push(line);
    }
    let status = browser.wait().unwrap();
    assert!(status.success(), "{}", told_by_browser.join("\n"));

    engine.signal(Signal::SIGTERM);
    let ended = engine.finish(SOON * 2);
    assert_eq!(ended.code(), 0, "{}", ended.told());
    let transfers = db.rows("select array[mode, outcome] from transfers");
    assert_eq!(transfers, ["bridge|accepted"]);
    assert_eq!(
        db.rows(
            "select array[f.final_disposition, c.reason] from follow_ups f join complaints c on c.follow_up_id = f.id"
        ),
        ["partial|asked_for_person"]
    );
    // both sides spoke RTCP, and what was measured reached the store although the call was over by then
    let heard = db.rows("select array[rx_packets > 200, rx_lost < rx_packets / 20, not rx_silent, tx_lost_permille < 50, mos_hundredths > 350]::text[] from attempts");
    assert_eq!(heard, ["true|true|true|true|true"]);
    let last = db.rows("select array[kind, detail ->> 'rx_packets'] from attempt_events where kind = 'quality'");
    assert_eq!(last.len(), 1);
    let reports: Vec<Report> =
        callees.reports().into_iter().map(|report| serde_json::from_value(report).unwrap()).collect();
    assert!(matches!(&reports[..], [Report::Call(call)] if call.met_agent), "the customer heard the tone: {reports:?}");
}
