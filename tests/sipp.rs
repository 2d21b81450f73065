//! Calls to SIPp, a peer that nobody here wrote: how calls end, digest, keys, loss, and what a SIP phone must never be left with;
//! and hand-over to a PBX ([`handover`]).
//!
//! Each test starts its own SIPp with a scenario of its own and lets `huifang call --json` dial it. Only loopback is dialled.

mod common;
#[path = "sipp/disk.rs"]
mod disk;
#[path = "sipp/extensions.rs"]
mod extensions;
#[path = "sipp/faults.rs"]
mod faults;
#[path = "sipp/handover.rs"]
mod handover;
#[path = "sipp/ipv6.rs"]
mod ipv6;
#[path = "sipp/keys.rs"]
mod keys;
#[path = "sipp/line.rs"]
mod line;
#[path = "sipp/machines.rs"]
mod machines;
#[path = "sipp/pcap.rs"]
mod pcap;
#[path = "sipp/peer.rs"]
mod peer;
#[path = "sipp/reinvite.rs"]
mod reinvite;
#[path = "sipp/scenario.rs"]
mod scenario;
#[path = "sipp/srtp.rs"]
mod srtp;
#[path = "sipp/tcp.rs"]
mod tcp;

use common::db::Db;
use common::{Finished, Home, Running, huifang, udp_ports_of, until};
use pcap::Capture;
use peer::{Messages, Sipp};
use scenario::{Scenario, reply};
use serde_json::Value;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

/// A simulated number.
const NUMBER: &str = "13900000001";

/// What came of a call.
struct Called {
    ended: Finished,
    messages: Messages,
}

impl Called {
    /// The last line: the verdict.
    fn disposition(&self) -> String {
        let last = self.ended.json().pop().unwrap();
        last["disposition"].as_str().unwrap_or_else(|| panic!("no verdict\n{}", self.ended.told())).to_owned()
    }

    /// The moments of this kind in the timeline.
    fn moments(&self, kind: &str) -> Vec<Value> {
        self.ended.json().into_iter().filter(|line| line["kind"] == kind).collect()
    }

    fn assert(&self, disposition: &str, code: i32) {
        assert_eq!((self.disposition().as_str(), self.ended.code()), (disposition, code), "{}", self.ended.told());
    }
}

/// One call to a SIPp that plays `scenario`.
fn call(scenario: &Scenario) -> Called {
    call_with(&Home::new(), &Db::new(), scenario, &[], "", |_| {})
}

fn call_with(
    home: &Home,
    db: &Db,
    scenario: &Scenario,
    sipp: &[&str],
    trunk: &str,
    more: impl FnOnce(&mut Command),
) -> Called {
    let phone = Sipp::phone(home, scenario, sipp);
    let ended = dial(home, db, phone.address, trunk, more);
    Called { messages: phone.finish(), ended }
}

/// One call to what stands at `trunk`, whose settings have `more_settings`.
fn dial(home: &Home, db: &Db, trunk: SocketAddr, more_settings: &str, more: impl FnOnce(&mut Command)) -> Finished {
    let settings = home.settings(trunk, more_settings, "");
    let mut command = huifang(&settings, Some(&db.url));
    command.args(["call", NUMBER, "--json"]);
    more(&mut command);
    Finished::of(command)
}

fn capture(home: &Home, capture: Capture) -> std::path::PathBuf {
    home.write("keys.pcap", capture.bytes())
}

/// A phone that is picked up at once.
fn picked_up() -> Scenario {
    Scenario::called().send(reply("180 Ringing")).send(reply("200 OK").with_sdp().retransmitted()).acknowledged()
}

#[test]
fn the_customer_picks_up_and_hangs_up() {
    let called = call(&picked_up().pause(800).hang_up());
    called.assert("break_off", 0);
    assert_eq!(called.moments("ringing").len(), 1);
    assert_eq!(called.moments("remote_ended").len(), 1);
    assert_eq!(called.messages.received("BYE").len(), 0, "we do not hang up on who hung up");
}

#[test]
fn the_engine_speaks_and_hangs_up() {
    let home = Home::new();
    let keys = capture(&home, Capture::new().silence(600).keys("3", 300).silence(400));
    let called = call_with(&home, &Db::new(), &picked_up().play(&keys).hung_up_on(), &[], "", |_| {});
    called.assert("wrong_number", 0);
    assert_eq!(called.messages.received("BYE").len(), 1);
    assert_eq!(called.moments("remote_ended").len(), 0);
}

#[test]
fn a_phone_without_a_sound_is_given_up() {
    let called = call_with(&Home::new(), &Db::new(), &picked_up().hung_up_on(), &[], "", |command| {
        command.env("HUIFANG__MEDIA__RTP_TIMEOUT_S", "2");
    });
    called.assert("no_audio", 1);
    assert_eq!(called.moments("audio_lost").len(), 1);
}

#[test]
fn a_refused_call_is_acknowledged_and_judged() {
    let (home, db) = (Home::new(), Db::new());
    for (line, disposition) in
        [("486 Busy Here", "busy"), ("404 Not Found", "invalid_number"), ("503 Service Unavailable", "congestion")]
    {
        let refused = Scenario::called().send(reply("100 Trying")).refused(reply(line));
        let called = call_with(&home, &db, &refused, &[], "", |_| {});
        called.assert(disposition, 1);
        assert_eq!(called.messages.received("ACK").len(), 1);
    }
}

#[test]
fn a_phone_that_nobody_answers_is_cancelled() {
    let rings = Scenario::called()
        .send(reply("180 Ringing"))
        .expect("CANCEL")
        .send(reply("200 OK"))
        .refused(reply("487 Request Terminated").for_the_invite());
    let called = call(&rings);
    called.assert("no_answer", 1);
    assert_eq!(called.messages.received("CANCEL").len(), 1);
}

#[test]
fn an_answer_that_crosses_the_cancel_is_acknowledged_and_hung_up() {
    let crosses = Scenario::called()
        .send(reply("180 Ringing"))
        .expect("CANCEL")
        .send(reply("200 OK"))
        .send(reply("200 OK").for_the_invite().with_sdp().retransmitted())
        .expect("ACK")
        .hung_up_on();
    let called = call(&crosses);
    called.assert("no_answer", 1);
    assert!(called.moments("answered").is_empty(), "nobody talks to a call that was given up");
}

#[test]
fn a_bye_that_is_lost_at_the_very_end_is_sent_again() {
    let deaf = Scenario::called()
        .send(reply("180 Ringing"))
        .expect("CANCEL")
        .send(reply("200 OK"))
        .send(reply("200 OK").for_the_invite().with_sdp())
        .expect("ACK")
        .pause(250)
        .hung_up_on();
    // The first BYE comes during the pause, which ignores it.
    let called = call_with(&Home::new(), &Db::new(), &deaf, &["-pause_msg_ign"], "", |_| {});
    called.assert("no_answer", 1);
    assert!(called.messages.received("BYE").len() >= 2);
}

/// A phone behind a trunk that asks for credentials with `line` and `challenge`.
fn asking(line: &'static str, challenge: &str) -> Scenario {
    Scenario::called().refused(reply(line).header(challenge))
}

/// Calls it as line1001 with `password`.
fn call_as(scenario: &Scenario, password: &str) -> Called {
    let called = call_with(&Home::new(), &Db::new(), scenario, &[], "username = \"line1001\"", |command| {
        command.env("HUIFANG__TRUNKS__PEER__PASSWORD", password);
    });
    let told = called.ended.told();
    assert!(!told.contains(password) && !told.contains("response="), "credentials never show: {told}");
    called
}

#[test]
fn a_401_is_answered_with_a_digest_that_sipp_accepts() {
    for challenge in [
        r#"WWW-Authenticate: Digest realm="trunk.invalid", nonce="4b5a6978""#,
        r#"WWW-Authenticate: Digest realm="trunk.invalid", nonce="4b5a6978", algorithm=MD5, qop="auth,auth-int""#,
    ] {
        let asks = asking("401 Unauthorized", challenge).expect_authorized("line1001", "a secret");
        let asks = asks.send(reply("200 OK").with_sdp().retransmitted()).acknowledged().hang_up();
        call_as(&asks, "a secret").assert("break_off", 0);
    }
}

#[test]
fn a_407_is_answered_with_the_digest_of_rfc_2617() {
    // SIPp verifies `Authorization` only: this one is reckoned anew from what SIPp received.
    let challenge = r#"Proxy-Authenticate: Digest realm="trunk.invalid", nonce="0f1e2d3c", algorithm=MD5, qop="auth""#;
    let asks = asking("407 Proxy Authentication Required", challenge).invite("");
    let asks = asks.send(reply("200 OK").with_sdp().retransmitted()).acknowledged().hang_up();
    let called = call_as(&asks, "a secret");
    called.assert("break_off", 0);
    let invite = called.messages.received("INVITE")[1];
    let header = invite.lines().find_map(|line| line.strip_prefix("Proxy-Authorization: Digest ")).unwrap();
    let field = |name: &str| {
        let pairs = header.split(',').filter_map(|pair| pair.trim().split_once('='));
        let found = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value.trim_matches('"').to_owned()).next();
        found.unwrap_or_else(|| panic!("no {name} in {header}"))
    };
    assert_eq!(format!("INVITE {} SIP/2.0", field("uri")), invite.lines().next().unwrap().trim());
    let secret = md5("line1001:trunk.invalid:a secret");
    let request = md5(&format!("INVITE:{}", field("uri")));
    let middle = ["nonce", "nc", "cnonce", "qop"].map(field).join(":");
    assert_eq!(field("response"), md5(&format!("{secret}:{middle}:{request}")));
}

/// By coreutils: another hand than the engine's.
fn md5(text: &str) -> String {
    let script = Command::new("sh").args(["-c", "printf %s \"$0\" | md5sum", text]).output().unwrap();
    String::from_utf8(script.stdout).unwrap()[..32].to_owned()
}

#[test]
fn wrong_credentials_are_given_once_and_no_more() {
    let challenge = r#"WWW-Authenticate: Digest realm="trunk.invalid", nonce="77aa""#;
    let asks = asking("401 Unauthorized", challenge).invite("").refused(reply("401 Unauthorized").header(challenge));
    let called = call_as(&asks, "not the one");
    called.assert("trunk_refused", 1);
    assert_eq!(called.messages.received("INVITE").len(), 2);
}

#[test]
fn a_whole_survey_is_keyed_by_rfc_4733() {
    let home = Home::new();
    // Identity, consent, Q1 to Q9, and `#` at the suggestion; each key goes over the prompt.
    let keys = capture(&home, Capture::new().silence(600).keys("11112311232#", 400).silence(1000));
    let called = call_with(&home, &Db::new(), &picked_up().play(&keys).hung_up_on(), &[], "", |_| {});
    called.assert("complete", 0);
    let pressed: String = called.moments("key").iter().filter_map(|key| key["key"].as_str()).collect();
    assert_eq!(pressed, "11112311232#", "one event for each press");
    let answers = called.moments("answer");
    let line =
        |a: &Value| format!("{} {} {}", a["question"].as_str().unwrap(), a["keys"].as_str().unwrap(), a["score"]);
    let answers: Vec<String> = answers.iter().map(line).collect();
    let want = ["identity 1 null", "consent 1 null", "q1 1 12", "q2 1 12", "q3 2 8", "q4 3 4", "q5 1 12", "q6 1 12"];
    let want = [&want[..], &["q7 2 8", "q8 3 4", "q9 2 2", "suggestion  null"]].concat();
    assert_eq!(answers, want);
    assert!(called.moments("complaint").is_empty());
}

#[test]
fn a_repeated_200_is_acknowledged_again() {
    let twice = Scenario::called()
        .send(reply("200 OK").with_sdp())
        .acknowledged()
        .send(reply("200 OK").with_sdp().for_the_invite().in_dialog())
        .pause(500)
        .hang_up();
    // SIPp takes a second ACK for a fault of ours, unless it comes during a pause that ignores what comes.
    let called = call_with(&Home::new(), &Db::new(), &twice, &["-pause_msg_ign"], "", |_| {});
    called.assert("break_off", 0);
    assert_eq!(called.messages.received("ACK").len(), 2);
    assert_eq!(called.moments("answered").len(), 1);
}

#[test]
fn an_answer_without_media_is_acknowledged_and_hung_up() {
    let called = call(&Scenario::called().send(reply("200 OK").retransmitted()).expect("ACK").hung_up_on());
    called.assert("trunk_refused", 1);
}

#[test]
fn a_contact_comes_back_byte_for_byte() {
    let contact = "sip:%2B8613900000001;phone-context=a%3bb;x=1@[local_ip]:[local_port];ob;line=%41c";
    let back = r"sip:%2B8613900000001;phone-context=a%3bb;x=1@127\.0\.0\.1:[0-9]+;ob;line=%41c SIP/2\.0";
    let scenario = Scenario::called()
        .send(reply("180 Ringing").contact(contact))
        .send(reply("200 OK").with_sdp().contact(contact))
        .expect_like("ACK", &format!("^ACK {back}"));
    let home = Home::new();
    let keys = capture(&home, Capture::new().silence(600).keys("3", 300).silence(400));
    let scenario = scenario.play(&keys).expect_like("BYE", &format!("^BYE {back}")).send(reply("200 OK").in_dialog());
    call_with(&home, &Db::new(), &scenario, &[], "", |_| {}).assert("wrong_number", 0);
}

#[test]
fn early_media_is_no_answer() {
    let early = Scenario::called()
        .send(reply("183 Session Progress").with_sdp())
        .pause(1000)
        .send(reply("200 OK").with_sdp().retransmitted())
        .acknowledged()
        .pause(300)
        .hang_up();
    let called = call(&early);
    called.assert("break_off", 0);
    let ringing = called.moments("ringing");
    assert_eq!((ringing.len(), &ringing[0]["early_media"]), (1, &Value::Bool(true)));
    let at = |kind: &str| called.moments(kind)[0]["offset_ms"].as_u64().unwrap();
    assert!(at("prompts") >= at("ringing") + 900, "nothing is said before the 200");
}

#[test]
fn who_calls_the_engine_is_refused_and_who_asks_is_answered() {
    let (home, db) = (Home::new(), Db::new());
    let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
    let mut command = huifang(&home.settings(nobody, "", ""), Some(&db.url));
    command.arg("serve");
    let mut engine = Running::start("serve", command);
    engine.line("page's address", |line| line.contains("at work"));
    let port = until("the SIP socket", common::SOON, || udp_ports_of(engine.id()).pop());
    let sip = SocketAddr::from((Ipv4Addr::LOCALHOST, port));

    let options = Sipp::caller(&home, &Scenario::caller("OPTIONS", false).expect_response(200), sip).finish();
    let answer = options.received("SIP/2.0 200")[0].to_owned();
    assert!(answer.contains("Allow:") && answer.contains("INVITE"), "{answer}");

    let invite = Scenario::caller("INVITE", true).expect_response(403).acknowledge_refusal();
    Sipp::caller(&home, &invite, sip).finish();

    engine.signal(nix::sys::signal::Signal::SIGTERM);
    let ended = engine.finish(common::SOON);
    assert_eq!(ended.code(), 0, "{}", ended.told());
}
