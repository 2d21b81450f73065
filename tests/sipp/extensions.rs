//! What SIPp plays of the extensions: reliable ringing, UPDATE, session timers, redirection, causes, forwarding, headers of one's own (docs/sip-cases.md).

use super::common::Home;
use super::common::db::Db;
use super::scenario::{Reply, Scenario, reply};
use super::{Called, asking, call, call_as, call_with, picked_up};

const EVENTS: &str = "a=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15";

fn call_on(scenario: &Scenario, trunk: &str) -> Called {
    call_with(&Home::new(), &Db::new(), scenario, &[], trunk, |_| {})
}

fn reliable() -> Reply {
    reply("183 Session Progress").with_sdp().header("Require: 100rel").header("RSeq: 21").retransmitted()
}

#[test]
fn case_6_reliable_ringing_is_acknowledged_and_the_call_goes_on() {
    let scenario = Scenario::called().send(reliable()).prack("21 1 INVITE");
    let scenario = scenario.send(reply("200 OK").with_sdp().for_the_invite().in_dialog().retransmitted());
    let called = call_on(&scenario.acknowledged().pause(300).hang_up(), "prack = \"required\"");
    called.assert("break_off", 0);
    let invite = called.messages.received("INVITE")[0];
    assert!(invite.contains("Require: 100rel"), "{invite}");
    assert_eq!(called.moments("ringing").len(), 1);
    assert_eq!(called.messages.received("PRACK").len(), 1);
}

#[test]
fn case_14_an_update_before_the_answer_moves_the_media() {
    let scenario =
        Scenario::called().send(reliable()).prack("21 1 INVITE").update(None).update(Some(("0 101", EVENTS)));
    let scenario = scenario.send(reply("200 OK").after_a_request().with_sdp().retransmitted());
    let called = call(&scenario.acknowledged().pause(300).hang_up());
    called.assert("break_off", 0);
    assert_eq!(called.moments("answered")[0]["codec"], "PCMU", "what the UPDATE agreed\n{}", called.ended.told());
}

#[test]
fn case_11_an_update_holds_the_call() {
    let held = format!("{EVENTS}\na=sendonly");
    let scenario = picked_up().pause(300).update(Some(("8 101", &held))).pause(300).hang_up();
    let called = call(&scenario);
    called.assert("break_off", 0);
    assert_eq!(called.moments("held").len(), 1);
}

/// A 200 with a session timer.
fn timed(expires: &str, allow: &str) -> Scenario {
    let ok = reply("200 OK").with_sdp().header("Require: timer").header(&format!("Session-Expires: {expires}"));
    Scenario::called().send(ok.header(&format!("Allow: {allow}")).retransmitted()).acknowledged()
}

#[test]
fn the_engine_refreshes_by_update_or_by_reinvite() {
    let again = || reply("200 OK").in_dialog().header("Session-Expires: 4;refresher=uac");
    let update = timed("2;refresher=uac", "INVITE, ACK, BYE, UPDATE").expect("UPDATE").send(again());
    let reinvite = timed("2;refresher=uac", "INVITE, ACK, BYE").expect("INVITE").send(again().with_sdp()).expect("ACK");
    for scenario in [update, reinvite] {
        let called = call(&scenario.pause(200).hang_up());
        called.assert("break_off", 0);
        assert!(called.moments("held").is_empty() && called.moments("media_changed").is_empty());
    }
}

#[test]
fn a_phone_that_does_not_refresh_is_hung_up_on() {
    let called = call(&timed("3;refresher=uas", "INVITE, ACK, BYE").hung_up_on());
    called.assert("break_off", 0);
    let bye = called.messages.received("BYE")[0];
    assert!(bye.contains("Reason: SIP;cause=408"), "{bye}");
}

#[test]
fn a_422_is_one_attempt_with_a_larger_interval() {
    let scenario =
        Scenario::called().refused(reply("422 Session Interval Too Small").header("Min-SE: 2400")).invite("");
    let called = call(&scenario.send(reply("200 OK").with_sdp().retransmitted()).acknowledged().hang_up());
    called.assert("break_off", 0);
    let invites = called.messages.received("INVITE");
    assert!(invites[0].contains("Session-Expires: 1800") && invites[1].contains("Session-Expires: 2400"));
    assert_eq!(called.moments("invite_sent").len(), 1);
}

#[test]
fn a_redirection_is_the_outcome_unless_it_leads_to_the_same_number_at_the_trunk() {
    let abroad = Scenario::called()
        .refused(reply("302 Moved Temporarily").contact("sip:+88213900000001@[local_ip]:[local_port]"));
    for trunk in ["", "redirects = 3"] {
        let called = call_on(&abroad, trunk);
        called.assert("trunk_refused", 1);
        assert_eq!(called.messages.received("INVITE").len(), 1);
    }
    let moved = reply("302 Moved Temporarily").contact("sip:+8613900000001@[local_ip]:[local_port];x=1");
    let scenario = Scenario::called().refused(moved).invite("").send(reply("200 OK").with_sdp().retransmitted());
    let called = call_on(&scenario.acknowledged().hang_up(), "redirects = 1");
    called.assert("break_off", 0);
    assert_eq!(called.moments("redirected").len(), 1);
    assert!(called.messages.received("INVITE")[1].starts_with("INVITE sip:+8613900000001@127.0.0.1"));
}

#[test]
fn case_8_a_stale_nonce_is_answered_anew() {
    let challenge = |nonce: &str, stale: &str| {
        format!(
            r#"Proxy-Authenticate: Digest realm="trunk.invalid", nonce="{nonce}", algorithm=MD5, qop="auth"{stale}"#
        )
    };
    let line = "407 Proxy Authentication Required";
    let stale = reply(line).header(&challenge("2b", ", stale=true"));
    let scenario = asking(line, &challenge("1a", "")).invite("").refused(stale).invite("");
    let scenario = scenario.send(reply("200 OK").with_sdp().retransmitted()).acknowledged().hang_up();
    let called = call_as(&scenario, "a secret");
    called.assert("break_off", 0);
    assert!(called.messages.received("INVITE")[2].contains("nonce=\"2b\""));
}

#[test]
fn why_a_call_ended_and_that_it_was_forwarded_stand_in_the_timeline() {
    let refused =
        Scenario::called().refused(reply("480 Temporarily Unavailable").header("Reason: Q.850;cause=17;text=\"busy\""));
    call(&refused).assert("busy", 1);
    let diversion = "Diversion: <sip:+8613900000001@trunk.invalid>;reason=no-answer";
    let scenario = Scenario::called().send(reply("180 Ringing").header(diversion));
    let scenario = scenario.send(reply("200 OK").with_sdp().retransmitted()).acknowledged();
    let called = call(&scenario.hang_up_because("Q.850;cause=41;text=\"+8613900000001\""));
    called.assert("break_off", 0);
    assert_eq!(called.moments("forwarded")[0]["reason"], "no-answer");
    assert_eq!(called.moments("reason")[0]["causes"][0], "Q.850 cause 41");
    assert!(!called.ended.told().contains("+8613900000001"), "{}", called.ended.told());
}

#[test]
fn case_16_the_trunks_own_headers_are_all_sent() {
    let trunk = r#"
        headers = ["X-Tag: 1", "X-Tag: 2"]
        asserted_identity = "sip:+862100000000@dealer.invalid"
        privacy = "id""#;
    let called = call_on(&Scenario::called().refused(reply("486 Busy Here")), trunk);
    called.assert("busy", 1);
    let invite = called.messages.received("INVITE")[0];
    for field in ["X-Tag: 1", "X-Tag: 2", "P-Asserted-Identity: <sip:+862100000000@dealer.invalid>", "Privacy: id"] {
        assert!(invite.contains(field), "{field} in\n{invite}");
    }
}
