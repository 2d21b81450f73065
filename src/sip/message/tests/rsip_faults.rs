//! What rsip 0.4.0 gets wrong by itself (findings): one test for each, against the normaliser and our own parsers.

use super::{parse, request};
use crate::sip::header::{NameAddr, Transport, Via};
use crate::sip::message::{Message, Method};
use crate::sip::uri::{Host, Scheme, Uri};

#[test]
fn folded_headers_are_joined() {
    let message = parse(request("INVITE", "Subject: one\r\n two\r\n\t three \r\nX-Empty:\r\n later\r\n")).unwrap();
    assert_eq!(message.header("Subject"), Some("one two three"));
    assert_eq!(message.header("X-Empty"), Some("later"));
}

#[test]
fn compact_names_are_expanded() {
    let bytes = "INVITE sip:b@h SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z9hG4bK1\r\nf: <sip:a@h>;tag=1\r\nT: <sip:b@h>\r\ni: x\r\nCSeq: 1 INVITE\r\n\
                 m : <sip:a@h>\r\nc: text/plain\r\nk: timer\r\nx: 90\r\nl: 2\r\n\r\nhi";
    let message = parse(bytes).unwrap();
    let names: Vec<&str> = message.all_headers().map(|(name, _)| name).collect();
    let want = ["Via", "From", "To", "Call-ID", "CSeq", "Contact", "Content-Type", "Supported", "Session-Expires"];
    assert_eq!(names, want);
    assert_eq!(message.body(), b"hi");
}

#[test]
fn ipv6_stands_in_uris_and_via() {
    let uri: Uri = "sip:a@[2001:db8::9]:5070;lr".parse().unwrap();
    assert_eq!((uri.host().unwrap().ip(), uri.port()), ("2001:db8::9".parse().ok(), Some(5070)));
    let via: Via = "SIP/2.0/UDP [2001:db8::1]:5061;branch=z9hG4bK1;received=[2001:db8::2]".parse().unwrap();
    assert_eq!((via.host.ip(), via.port), ("2001:db8::1".parse().ok(), Some(5061)));
    assert_eq!(via.received(), "2001:db8::2".parse().ok());
}

#[test]
fn a_tel_uri_is_a_number() {
    let uri: Uri = "tel:+7900;ext=1".parse().unwrap();
    assert_eq!((uri.scheme(), uri.user(), uri.host(), uri.port()), (&Scheme::Tel, Some("+7900"), None, None));
    let bytes = String::from_utf8(request("INVITE", "")).unwrap().replace("sip:b@192.0.2.9", "tel:+7900");
    assert_eq!(parse(bytes).unwrap().uri().unwrap().user(), Some("+7900"));
}

#[test]
fn a_user_with_a_dot_is_a_user() {
    let uri: Uri = "sip:john.doe@h".parse().unwrap();
    assert_eq!((uri.user(), uri.host()), (Some("john.doe"), Some(&Host::Name("h".into()))));
}

#[test]
fn uri_headers_do_not_stick_to_the_host() {
    let uri: Uri = "sip:a@h?Subject=x&Replaces=y".parse().unwrap();
    assert_eq!((uri.host().unwrap().to_string().as_str(), uri.headers()), ("h", Some("Subject=x&Replaces=y")));
    assert_eq!(uri.for_request().to_string(), "sip:a@h");
}

#[test]
fn an_unknown_transport_is_kept() {
    let uri: Uri = "sip:a@h;transport=foo".parse().unwrap();
    assert_eq!(uri.transport(), Some("foo"));
    let via: Via = "SIP/2.0/foo h;branch=z9hG4bK1".parse().unwrap();
    assert_eq!(via.transport, Transport::Other("foo".into()));
    assert_eq!(via.to_string(), "SIP/2.0/foo h;branch=z9hG4bK1");
}

#[test]
fn white_space_before_a_via_parameter_loses_nothing() {
    let via: Via = "SIP / 2.0 / UDP   h : 5060 ;ttl=1 ; branch = z9hG4bK1 ;rport".parse().unwrap();
    assert_eq!(
        (via.port, via.branch(), via.params.get("ttl"), via.wants_rport()),
        (Some(5060), Some("z9hG4bK1"), Some("1"), true)
    );
}

#[test]
fn several_contacts_stand_in_one_header() {
    let more = "Contact: \"Wang, Li\" <sip:a%2Bb;x=1@h;lr>;q=0.5, sip:c@h;expires=9\r\nContact: <sip:d@h>\r\n";
    let contacts = parse(request("REGISTER", more)).unwrap().contacts().unwrap();
    let shown: Vec<String> = contacts.iter().map(NameAddr::to_string).collect();
    assert_eq!(shown, ["\"Wang, Li\" <sip:a%2Bb;x=1@h;lr>;q=0.5", "<sip:c@h>;expires=9", "<sip:d@h>"]);
}

#[test]
fn a_quoted_display_name_may_hold_anything() {
    let value: NameAddr = r#""A, \"B\" <c>; \\ d" <sip:a@h>;tag=x"#.parse().unwrap();
    assert_eq!(value.display.as_deref(), Some(r#"A, "B" <c>; \ d"#));
    assert_eq!(value.tag(), Some("x"));
    assert_eq!(value.to_string().parse(), Ok(value));
}

#[test]
fn the_body_is_cut_to_content_length_and_written_byte_for_byte() {
    let mut bytes = request("MESSAGE", "Content-Length: 5\r\n");
    bytes.extend_from_slice(b"\xff\0\r\n\x80rest");
    let message = parse(bytes).unwrap();
    assert_eq!(message.body(), b"\xff\0\r\n\x80");
    assert!(message.to_bytes().ends_with(b"\r\n\r\n\xff\0\r\n\x80"));
}

#[test]
fn bytes_that_are_not_utf_8_come_back_as_they_were() {
    for name in [&b"J\xfcrgen"[..], b"\xd5\xc5\xc8\xfd", b"\xf4\x8f\xbf\xbf\xfe", "张三".as_bytes(), b"\xe5\xbc"] {
        let mut bytes = request("INVITE", "");
        bytes.truncate(bytes.len() - 2);
        bytes.extend_from_slice(&[b"Subject: ", name, b"\r\nContact: \"", name, b"\" <sip:a@h>\r\n\r\n"].concat());
        let message = parse(&bytes).unwrap();
        let written = message.to_bytes();
        let found = written.windows(name.len()).filter(|window| *window == name).count();
        assert_eq!(found, 2, "{name:x?}");
        let contact = message.contacts().unwrap().remove(0);
        let mut again = Message::response(200, "OK");
        again.push("Contact", contact.to_string());
        assert!(again.to_bytes().windows(name.len()).any(|window| window == name), "{name:x?}");
    }
}

#[test]
fn leading_line_breaks_are_skipped() {
    let bytes = [b"\r\n\r\n\n".to_vec(), request("INVITE", "")].concat();
    assert!(parse(bytes).is_ok());
}

#[test]
fn a_status_line_needs_no_reason() {
    for (line, reason) in
        [("SIP/2.0 200", ""), ("SIP/2.0 200 ", ""), ("sip/2.0 200 Own words  here", "Own words  here")]
    {
        let text = String::from_utf8(request("BYE", "")).unwrap();
        let message = parse(text.replace("BYE sip:b@192.0.2.9 SIP/2.0", line)).unwrap();
        assert_eq!((message.status(), message.reason_phrase()), (Some(200), reason), "{line:?}");
    }
}

#[test]
fn unknown_methods_are_kept_and_letter_case_counts() {
    for name in ["FOO", "invite", "!interesting-Method0123456789_*+`.%indeed'~"] {
        let message = parse(request(name, "")).unwrap();
        assert_eq!(message.method(), Some(&Method::Other(name.into())));
        assert_eq!(message.cseq().unwrap().method.as_str(), name);
    }
}

#[test]
fn custom_headers_are_all_kept() {
    let message =
        parse(request("INVITE", "X-One: 1\r\nP-Asserted-Identity: <tel:+86>\r\nx-one: 2\r\nDiversion: <sip:q@h>\r\n"))
            .unwrap();
    let own: Vec<(&str, &str)> = message.all_headers().skip(5).collect();
    assert_eq!(own, [("X-One", "1"), ("P-Asserted-Identity", "<tel:+86>"), ("x-one", "2"), ("Diversion", "<sip:q@h>")]);
    assert_eq!(parse(message.to_bytes()), Ok(message));
}
