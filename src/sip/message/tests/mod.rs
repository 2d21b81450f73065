//! Tests of the message: read, written, changed. The hard messages and the properties are in files of their own.

use super::*;

mod hard;
mod properties;
mod rsip_faults;

/// A request of this kind, complete by RFC 3261, 8.1.1, with these lines put behind the usual ones.
pub(super) fn request(method: &str, more: &str) -> Vec<u8> {
    format!(
        "{method} sip:b@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n\
         Call-ID: x@y\r\nCSeq: 1 {method}\r\n{more}\r\n"
    )
    .into_bytes()
}

pub(super) fn parse(bytes: impl AsRef<[u8]>) -> Result<Message, ParseError> {
    Message::parse(bytes.as_ref(), &Limits::default())
}

#[test]
fn what_is_built_is_read_again() {
    let mut message = Message::request(Method::Invite, "sip:+8613800138000@192.0.2.9".parse().unwrap());
    message.push("v", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1");
    message.push("From", "<sip:a@h>;tag=1");
    message.push("To", "<sip:b@h>");
    message.push("Call-ID", "x@y");
    message.push("CSeq", "1 INVITE");
    message.push("X-Follow-Up", "018f");
    message.set_body("application/sdp", b"v=0\r\n\xff\0".to_vec());
    let bytes = message.to_bytes();
    assert!(bytes.starts_with(b"INVITE sip:+8613800138000@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP"));
    assert!(bytes.ends_with(b"Content-Length: 7\r\n\r\nv=0\r\n\xff\0"));
    assert_eq!(parse(bytes), Ok(message));
}

#[test]
fn headers_keep_their_order_and_change_in_place() {
    let mut message =
        parse(request("INVITE", "Route: <sip:one>\r\nX-A: 1\r\nROUTE: <sip:two>\r\nX-A: 2\r\nSubject:\r\n")).unwrap();
    assert_eq!(message.headers("route").collect::<Vec<_>>(), ["<sip:one>", "<sip:two>"]);
    assert_eq!(message.header("Subject"), Some(""));
    message.set("x-a", "3");
    message.push_front("Via", "SIP/2.0/UDP top;branch=z9hG4bK0");
    message.remove("ROUTE");
    message.set("s", "new");
    let names: Vec<&str> = message.all_headers().map(|(name, _)| name).collect();
    assert_eq!(names, ["Via", "Via", "From", "To", "Call-ID", "CSeq", "x-a", "Subject"]);
    assert_eq!(message.headers("X-A").collect::<Vec<_>>(), ["3"]);
    assert_eq!(message.via().unwrap().host.to_string(), "top");
    assert_eq!(message.vias().unwrap().len(), 2);
    let mut via = message.via().unwrap();
    via.set_source("203.0.113.5:1024".parse().unwrap());
    message.replace_top_via(&via).unwrap();
    assert_eq!(message.headers("Via").next(), Some("SIP/2.0/UDP top;branch=z9hG4bK0;received=203.0.113.5"));
    assert_eq!(message.vias().unwrap().len(), 2);
}

#[test]
fn a_response_takes_over_what_matches_it_to_its_request() {
    let more = "Via: SIP/2.0/UDP second;branch=z9hG4bK2\r\nSubject: not this\r\n";
    let response = Message::response_to(&parse(request("OPTIONS", more)).unwrap(), 200, "OK");
    let bytes = String::from_utf8(response.to_bytes()).unwrap();
    let want = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: x@y\r\n\
                CSeq: 1 OPTIONS\r\nVia: SIP/2.0/UDP second;branch=z9hG4bK2\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(bytes, want);
    assert_eq!((response.status(), response.reason_phrase(), response.method()), (Some(200), "OK", None));
}

#[test]
fn no_value_can_add_a_field() {
    let mut message = Message::response(200, "OK\r\nX-Evil: 1");
    message.push("X-Name", "Li\r\nX-Evil: 1\r\n\r\nbody");
    message.push("X-Evil\r\nX-More", "1");
    message.push("Content-Length", "99");
    let bytes = String::from_utf8(message.to_bytes()).unwrap();
    assert_eq!(bytes, "SIP/2.0 200 OK  X-Evil: 1\r\nX-Name: Li  X-Evil: 1    body\r\nContent-Length: 0\r\n\r\n");
}

#[test]
fn nothing_personal_shows_itself() {
    let bytes = "INVITE sip:+8613800138000:pw@h;phone-context=13800138000?Subject=13800138000 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n\
                 From: \"Zhang San\" <sip:13800138000@h>;tag=1\r\nTo: <tel:+8613800138000>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\
                 Authorization: Digest username=\"13800138000\", response=\"secret\"\r\nSubject: 13800138000\r\n\r\n13800138000";
    let message = parse(bytes).unwrap();
    let shown = format!(
        "{message:?} {} {:?} {:?} {:?}",
        message.start_line(),
        message.uri(),
        message.from().unwrap(),
        message.to().unwrap()
    );
    for secret in ["13800138000", "Zhang", "secret", "pw"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    assert_eq!(message.start_line(), "INVITE sip:+86•••••••••00@h SIP/2.0");
    assert_eq!(Message::response(404, "No 13800138000 in 2026").start_line(), "SIP/2.0 404 No ••••••••••• in 2026");
}

#[test]
fn every_bound_holds() {
    let limits = Limits { message: 400, line: 100, headers: 8, body: 10 };
    let parse = |bytes: &[u8]| Message::parse(bytes, &limits).map(|_| ());
    assert_eq!(parse(&request("BYE", "")), Ok(()));
    assert_eq!(parse(&request("BYE", &format!("X: {}\r\n", "x".repeat(97)))), Ok(()));
    assert_eq!(parse(&request("BYE", &format!("X: {}\r\n", "x".repeat(98)))), Err(ParseError::LineTooLong(7)));
    assert_eq!(
        parse(&request("BYE", &format!("X: x\r\n{}", " xxxxxxxxx\r\n".repeat(10)))),
        Err(ParseError::LineTooLong(7))
    );
    assert_eq!(parse(&request("BYE", &"X: x\r\n".repeat(4))), Err(ParseError::TooManyHeaders));
    assert_eq!(parse(&request("BYE", "\r\n12345678901")), Err(ParseError::BodyTooLarge));
    assert_eq!(parse(&request("BYE", &"X: x\r\n".repeat(60))), Err(ParseError::TooLarge));
}

#[test]
fn a_message_of_60_kilobytes_is_read() {
    let mut bytes = request("MESSAGE", "");
    bytes.extend(std::iter::repeat_n(7, 60_000));
    assert_eq!(parse(bytes).unwrap().body().len(), 60_000);
}

/// Of 64 parameters none is left for `received`: the answer then went to 0.0.0.0 (fuzz target `sip_message`).
#[test]
fn a_request_leaves_room_for_what_its_answer_adds() {
    let list = |count: usize| (0..count).map(|n| format!(";p{n}")).collect::<String>();
    let with = |from: &str, count: usize| {
        let text = String::from_utf8(request("OPTIONS", "")).unwrap();
        text.replace(from, &format!("{from}{}", list(count)))
    };
    for (field, name, most) in [(";branch=z9hG4bK1", "Via", 62), ("To: <sip:b@h>", "To", 63)] {
        let message = parse(with(field, most)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut via = message.via().unwrap();
        via.set_source("203.0.113.5:1024".parse().unwrap());
        assert_eq!(via.to_string().parse().as_ref(), Ok(&via), "{name}");
        let to = message.to().unwrap().with_tag("x");
        assert_eq!(to.to_string().parse().as_ref(), Ok(&to), "{name}");
        assert_eq!(parse(with(field, most + 1)), Err(HeaderError::Malformed(name).into()), "{name}");
    }
}
