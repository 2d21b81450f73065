//! Where calls to agents go, and where they never go.

use super::*;
use crate::config;
use crate::phone::Pii;
use chrono::Utc;

fn reacher() -> Reacher {
    let mut settings = config::Trunk { from_user: "4000".into(), ..config::Trunk::default() };
    settings.from_domain = Some("pbx.example.net".into());
    settings.address = Some("192.0.2.10:5080".parse().unwrap());
    let trunk = Trunk::new("main", None, settings);
    let allowed = vec!["198.51.100.7".parse().unwrap()];
    Reacher::new(vec![trunk], allowed, "203.0.113.5:5060".parse().unwrap(), "a")
}

fn agent(reach: Reach, uri: &str, trunk: Option<&str>) -> Profile {
    Profile {
        user: None,
        name: Pii::new("坐席".to_owned()),
        staff_number: None,
        skills: Vec::new(),
        languages: Vec::new(),
        reach,
        sip_user: None,
        sip_uri: Some(uri.to_owned()),
        trunk: trunk.map(str::to_owned),
        auto_answer: false,
        attended: false,
    }
}

fn phone(node: &str, contact: &str, source: &str) -> Binding {
    Binding {
        sip_user: "li".to_owned(),
        contact: contact.to_owned(),
        source: source.to_owned(),
        node: node.to_owned(),
        call_id: "x".to_owned(),
        cseq: 1,
        user_agent: None,
        bound_at: Utc::now(),
        expires_at: Utc::now(),
    }
}

/// Where the INVITE goes, or why none may.
fn hop(agent: &Profile) -> String {
    match reacher().way(agent, &[]) {
        Ok(Way::Sip(leg) | Way::ReferAttended(leg)) => leg.next_hop.address.to_string(),
        Ok(Way::Refer(uri)) => format!("refer {uri}"),
        Ok(Way::Page) => "page".to_owned(),
        Err(why) => format!("{why:?}"),
    }
}

#[test]
fn a_fixed_address_leads_only_where_the_house_allows() {
    for (uri, trunk, want) in [
        ("sip:201@127.0.0.1:5090", None, "127.0.0.1:5090"),
        ("sip:201@[::1]:5090", None, "[::1]:5090"),
        ("sip:201@192.0.2.10", None, "192.0.2.10:5060"),
        ("sip:201@198.51.100.7;transport=udp", None, "198.51.100.7:5060"),
        ("sip:201@198.51.100.8", None, "Host"),
        ("sip:201@pbx.example.net", None, "Host"),
        ("sip:201@pbx.example.net", Some("main"), "192.0.2.10:5080"),
        ("sip:201@192.0.2.10:9", Some("main"), "192.0.2.10:5080"),
        ("sip:201@evil.example.net", Some("main"), "Host"),
        ("sip:201@203.0.113.9", Some("main"), "Host"),
        ("sip:201@192.0.2.10", Some("other"), "NoTrunk(\"other\")"),
        // What leads elsewhere than the host says.
        ("sip:201@192.0.2.10;maddr=203.0.113.9", Some("main"), "Part"),
        ("sip:201@192.0.2.10;MADDR=203.0.113.9", None, "Part"),
        ("sip:201@192.0.2.10?Route=%3Csip:203.0.113.9%3E", None, "Part"),
        ("sip:201@192.0.2.10;transport=tcp", None, "Part"),
        ("sips:201@192.0.2.10", None, "NoUri"),
        ("tel:+8613800138000", Some("main"), "NoUri"),
        ("201", Some("main"), "NoUri"),
        ("sip:+8613800138000@192.0.2.10;user=phone", Some("main"), "192.0.2.10:5080"),
        ("sip:+19002345678@192.0.2.10;user=phone", Some("main"), "Costly(PremiumRate)"),
        ("sip:+19002345678;x=y@192.0.2.10", Some("main"), "Costly(PremiumRate)"),
    ] {
        assert_eq!(hop(&agent(Reach::Uri, uri, trunk)), want, "{uri} {trunk:?}");
        assert_eq!(reacher().check(&agent(Reach::Uri, uri, trunk)).is_ok(), want.contains(':'), "{uri} {trunk:?}");
    }
}

#[test]
fn a_queue_of_the_pbx_is_under_the_same_guard() {
    let queue = agent(Reach::Pbx, "sip:600@192.0.2.10", Some("main"));
    assert_eq!(hop(&queue), "refer sip:600@192.0.2.10");
    assert_eq!(hop(&Profile { attended: true, ..queue }), "192.0.2.10:5080");
    assert_eq!(hop(&agent(Reach::Pbx, "sip:600@203.0.113.9", Some("main"))), "Host");
    assert_eq!(hop(&agent(Reach::Browser, "", None)), "page");
}

#[test]
fn a_phone_is_called_where_it_registered_from() {
    let li = agent(Reach::Registered, "", None);
    let called = |phones: &[Binding]| match reacher().way(&li, phones) {
        Ok(Way::Sip(leg)) => format!("{} at {} from {}", leg.target, leg.next_hop.address, leg.from.uri),
        other => format!("{other:?}"),
    };
    let own = phone("a", "sip:li@10.0.0.5:5060", "192.0.2.77:40000");
    assert_eq!(
        called(std::slice::from_ref(&own)),
        "sip:li@10.0.0.5:5060 at 192.0.2.77:40000 from sip:huifang@203.0.113.5:5060"
    );
    // Another engine's phone: only where nothing stands in between.
    let natted = phone("b", "sip:li@10.0.0.6:5060", "192.0.2.78:40000");
    let open = phone("b", "sip:li@192.0.2.79", "192.0.2.79:5060");
    assert_eq!(called(std::slice::from_ref(&natted)), "Err(NoPhone)");
    assert_eq!(
        called(&[natted.clone(), open.clone()]),
        "sip:li@192.0.2.79 at 192.0.2.79:5060 from sip:huifang@203.0.113.5:5060"
    );
    assert!(called(&[open, natted, own]).contains("at 192.0.2.77:40000"), "our own comes first");
    assert_eq!(called(&[phone("a", "junk", "192.0.2.77:40000")]), "Err(NoPhone)");
    assert!(reacher().check(&li).is_ok(), "it may register later");
}

#[test]
fn errors_name_settings_and_no_address() {
    for uri in ["sip:201@203.0.113.9", "sip:+19002345678@192.0.2.10", "sip:li@192.0.2.10;maddr=1.2.3.4"] {
        let why = reacher().check(&agent(Reach::Uri, uri, None)).unwrap_err().to_string();
        assert!(!why.contains("203.0") && !why.contains("900") && !why.contains("li@"), "{why}");
    }
}
