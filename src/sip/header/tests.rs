//! Tests of Via, name-addr and CSeq beyond what rsip gets wrong (that table stands with the message).

use super::*;
use crate::sip::uri::Host;

#[test]
fn name_addr_takes_every_form() {
    for (text, display, uri, tag) in [
        ("<sip:a@h>", None, "sip:a@h", None),
        ("<sip:a@h>;tag=1;x", None, "sip:a@h", Some("1")),
        ("sip:a@h;tag=1", None, "sip:a@h", Some("1")),
        ("<sip:a@h;tag=no> ; Tag = 2", None, "sip:a@h;tag=no", Some("2")),
        ("Bob  Smith <sip:a@h>", Some("Bob  Smith"), "sip:a@h", None),
        ("张三<sip:a@h>", Some("张三"), "sip:a@h", None),
        ("\"\" <sip:a@h>", Some(""), "sip:a@h", None),
        ("\"a<b>,;\\\"\" < sip:a@h >", Some("a<b>,;\""), "sip:a@h", None),
        ("tel:+1;tag=x", None, "tel:+1", Some("x")),
        ("<sip:a@h>;tag=", None, "sip:a@h", None),
    ] {
        let value: NameAddr = text.parse().unwrap_or_else(|_| panic!("{text}"));
        assert_eq!(
            (value.display.as_deref(), value.uri.to_string().as_str(), value.tag()),
            (display, uri, tag),
            "{text}"
        );
        assert_eq!(value.to_string().parse(), Ok(value), "{text}");
    }
    for text in [
        "",
        "*",
        "<>",
        "<sip:a@h",
        "sip:a@h>",
        "\"x <sip:a@h>",
        "\"x\"y <sip:a@h>",
        "<sip:a@h>x",
        "<sip:a@h><sip:b@h>",
        "a;b <sip:a@h>",
    ] {
        assert_eq!(text.parse::<NameAddr>(), Err(HeaderError::Malformed("name-addr")), "{text}");
    }
}

#[test]
fn via_says_where_an_answer_goes() {
    let mut via = Via::new(Transport::Udp, Host::Name("pc33.example.cn".into()), Some(5066), "z9hG4bK1");
    assert_eq!(via.to_string(), "SIP/2.0/UDP pc33.example.cn:5066;branch=z9hG4bK1;rport");
    via.set_source("[2001:db8::7]:1024".parse().unwrap());
    assert_eq!((via.received(), via.rport()), ("2001:db8::7".parse().ok(), Some(1024)));
    assert_eq!(via.to_string().parse(), Ok(via));
    let mut plain: Via = "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1".parse().unwrap();
    plain.set_source("192.0.2.1:9999".parse().unwrap());
    assert_eq!((plain.received(), plain.wants_rport()), (None, false));
    for text in [
        "",
        "SIP/2.0/UDP",
        "SIP/2.0/UDP ",
        "SIP/2.0/UDP h:x",
        "SIP/2.0/UDP h:",
        "SIP/2.0/UDP ::1",
        "SIP/3.0/UDP h",
        "SIP/2.0/U@P h",
        "SIP/2.0/UDP a b",
    ] {
        assert_eq!(text.parse::<Via>(), Err(HeaderError::Malformed("Via")), "{text}");
    }
    assert_eq!(Via::parse_list("SIP/2.0/UDP a;branch=1,SIP/2.0/TLS b , SIP/2.0/WSS c").unwrap().len(), 3);
}

#[test]
fn cseq_is_a_number_and_a_method() {
    assert_eq!("  0009 \t INVITE ".parse::<CSeq>().unwrap().to_string(), "9 INVITE");
    assert_eq!("2147483647 FOO".parse::<CSeq>().unwrap().number, i32::MAX as u32);
    for text in ["", "1", "INVITE", "-1 INVITE", "+1 INVITE", "2147483648 INVITE", "1 INVITE x", "1 IN@VITE"] {
        assert_eq!(text.parse::<CSeq>(), Err(HeaderError::Malformed("CSeq")), "{text}");
    }
}

#[test]
fn quoting_and_unquoting_are_inverse() {
    for text in ["", "a", "a\"b\\c", "\\", "张, 三"] {
        assert_eq!(unquote(&quote(text)).as_deref(), Some(text));
    }
    for text in ["\"", "\"a", "\"a\"b", "\"a\\"] {
        assert_eq!(unquote(text), None, "{text}");
    }
}
