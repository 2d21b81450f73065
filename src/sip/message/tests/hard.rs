//! Hard messages in the spirit of RFC 4475, made from the rules of RFC 3261: valid ones that must be read, broken ones that must be named.

use super::{parse, request};
use crate::sip::header::HeaderError::{Malformed, Missing};
use crate::sip::message::ParseError;
use crate::sip::uri::UriError;

fn usual() -> String {
    String::from_utf8(request("INVITE", "")).unwrap()
}

#[test]
fn valid_but_hard_messages_are_read() {
    let long = format!("X-Long: {}\r\n", "a".repeat(8_000));
    for (what, bytes) in [
        ("white space wherever it may stand", "INVITE sip:b@h;x=%20 SIP/2.0\r\nTO :\r\n <sip:b@h>  ;  tag  =  7\r\nFrOm   :   \"J \\\\\\\"x\"\r\n   <sip:a@h>\r\n  ;\r\n  tag = 98\r\n\
          CaLl-Id\r\n   : 1\r\nCSeq:  0009\r\n  INVITE\r\nVIA  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390skdjuw\r\ns :\r\n\r\n"
            .replace("CaLl-Id\r\n   :", "CaLl-Id:")),
        ("percent signs and semicolons in the user part", usual().replace("sip:b@192.0.2.9", "sip:sip%3Auser%40e.com;m=1@h;other")),
        ("a Request-URI of an unknown scheme", usual().replace("sip:b@192.0.2.9", "nobodyKnowsThisScheme:totallyopaquecontent")),
        ("a Request-URI with headers", usual().replace("sip:b@192.0.2.9", "sip:b@h?Route=%3Csip:x%3E")),
        ("a To of an unknown scheme", usual().replace("To: <sip:b@h>", "To: <isbn:2983792873>")),
        ("a To without brackets", usual().replace("To: <sip:b@h>", "To: sip:b@h;tag=9")),
        ("tokens as a display name", usual().replace("From: <", "From: Bob B. O'Neil <")),
        ("unknown Via transport", usual().replace("SIP/2.0/UDP", "SIP/2.0/UNKNOWN")),
        ("two equal Content-Length", usual().replace("CSeq", "Content-Length: 0\r\nl: 0\r\nCSeq")),
        ("a list of Vias with a quoted parameter", usual().replace(";branch", ";a=\"x,y;z\\\"\" , SIP/2.0/TCP h2;branch=z9hG4bK2 ;branch")),
        ("one very long line", usual().replace("CSeq", &format!("{long}CSeq"))),
        ("a method that looks like a version", String::from_utf8(request("SIP", "")).unwrap()),
        ("dates and lists that make no sense to us", usual().replace("CSeq", "Date: yesterday\r\nContact: ???\r\nCSeq")),
    ] {
        let message = parse(&bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(parse(message.to_bytes()), Ok(message), "{what}");
    }
}

#[test]
fn broken_messages_are_refused_by_name() {
    let cases: Vec<(&str, String, ParseError)> = vec![
        ("SIP/7.0", usual().replace("SIP/2.0\r\nVia", "SIP/7.0\r\nVia"), ParseError::Version),
        (
            "status of version 7",
            usual().replace("INVITE sip:b@192.0.2.9 SIP/2.0", "SIP/7.0 200 OK"),
            ParseError::Version,
        ),
        ("status 99", usual().replace("INVITE sip:b@192.0.2.9 SIP/2.0", "SIP/2.0 099 x"), ParseError::Status),
        ("status 700", usual().replace("INVITE sip:b@192.0.2.9 SIP/2.0", "SIP/2.0 700 x"), ParseError::Status),
        (
            "status of ten digits",
            usual().replace("INVITE sip:b@192.0.2.9 SIP/2.0", "SIP/2.0 4294967301 x"),
            ParseError::Status,
        ),
        ("signed status", usual().replace("INVITE sip:b@192.0.2.9 SIP/2.0", "SIP/2.0 +20 x"), ParseError::Status),
        (
            "two lengths",
            usual().replace("CSeq", "Content-Length: 0\r\nl: 1\r\nCSeq"),
            ParseError::Conflict("Content-Length"),
        ),
        ("negative length", usual().replace("CSeq", "Content-Length: -1\r\nCSeq"), ParseError::ContentLength),
        ("signed length", usual().replace("CSeq", "Content-Length: +1\r\nCSeq"), ParseError::ContentLength),
        (
            "endless length",
            usual().replace("CSeq", "Content-Length: 99999999999999999999999\r\nCSeq"),
            ParseError::ContentLength,
        ),
        ("length beyond the datagram", usual().replace("CSeq", "Content-Length: 1\r\nCSeq"), ParseError::Truncated),
        ("CSeq of another method", usual().replace("1 INVITE", "1 OPTIONS"), ParseError::CSeqMethod),
        ("CSeq in small letters", usual().replace("1 INVITE", "1 invite"), ParseError::CSeqMethod),
        ("CSeq too large", usual().replace("1 INVITE", "2147483648 INVITE"), Malformed("CSeq").into()),
        ("CSeq beyond 32 bits", usual().replace("1 INVITE", "36893488147419103232 INVITE"), Malformed("CSeq").into()),
        ("CSeq without a method", usual().replace("1 INVITE", "1"), Malformed("CSeq").into()),
        ("quote left open in To", usual().replace("To: <", "To: \"Mr. J. User <"), Malformed("To").into()),
        (
            "quote left open in From",
            usual().replace("From: <sip:a@h>;tag=1", "From: <sip:a@h>;x=\"1"),
            Malformed("From").into(),
        ),
        ("bracket left open", usual().replace("To: <sip:b@h>", "To: <sip:b@h"), Malformed("To").into()),
        ("white space in a bracketed URI", usual().replace("To: <sip:b@h>", "To: <sip:b @h>"), Malformed("To").into()),
        ("no address in To", usual().replace("To: <sip:b@h>", "To: b"), Malformed("To").into()),
        ("separators run wild in Via", usual().replace(";branch=z9hG4bK1", ";;,;,,"), Malformed("Via").into()),
        ("Via of another protocol", usual().replace("Via: SIP/2.0/UDP", "Via: HTTP/1.1/TCP"), Malformed("Via").into()),
        ("Call-ID of two words", usual().replace("x@y", "x y"), Malformed("Call-ID").into()),
        ("no Via", usual().replace("Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n", ""), Missing("Via").into()),
        ("no From", usual().replace("From: <sip:a@h>;tag=1\r\n", ""), Missing("From").into()),
        ("no To", usual().replace("To: <sip:b@h>\r\n", ""), Missing("To").into()),
        ("no Call-ID", usual().replace("Call-ID: x@y\r\n", ""), Missing("Call-ID").into()),
        ("no CSeq", usual().replace("CSeq: 1 INVITE\r\n", ""), Missing("CSeq").into()),
        ("two CSeq", usual().replace("CSeq", "CSeq: 2 INVITE\r\nCSeq"), ParseError::Conflict("CSeq")),
        ("two Call-ID", usual().replace("CSeq", "i: z\r\nCSeq"), ParseError::Conflict("Call-ID")),
        ("two From", usual().replace("CSeq", "f: <sip:c@h>;tag=2\r\nCSeq"), ParseError::Conflict("From")),
        (
            "Request-URI in brackets",
            usual().replace("sip:b@192.0.2.9", "<sip:b@192.0.2.9>"),
            ParseError::RequestUri(UriError::Character),
        ),
        (
            "Request-URI without a scheme",
            usual().replace("sip:b@192.0.2.9", "b"),
            ParseError::RequestUri(UriError::Scheme),
        ),
        ("space in the Request-URI", usual().replace("sip:b@192.0.2.9", "sip:b@192.0.2.9; lr"), ParseError::StartLine),
        ("two spaces in the request line", usual().replace("INVITE sip", "INVITE  sip"), ParseError::StartLine),
        ("space behind the version", usual().replace("SIP/2.0\r\nVia", "SIP/2.0 \r\nVia"), ParseError::StartLine),
        ("folded start line", usual().replace(" SIP/2.0\r\nVia", "\r\n SIP/2.0\r\nVia"), ParseError::StartLine),
        ("HTTP", "GET / HTTP/1.1\r\nHost: h\r\n\r\n".into(), ParseError::StartLine),
        ("method that is no token", usual().replace("INVITE sip", "INV{}TE sip"), ParseError::Method),
        ("line without a colon", usual().replace("CSeq: 1", "CSeq 1"), ParseError::Field(6)),
        ("name that is no token", usual().replace("CSeq", "X Y: 1\r\nCSeq"), ParseError::Field(6)),
        ("no name", usual().replace("CSeq", ": 1\r\nCSeq"), ParseError::Field(6)),
        ("line feed alone", usual().replace("CSeq", "X: 1\nCSeq"), ParseError::Control(6)),
        ("carriage return alone", usual().replace("x@y", "x\r@y"), ParseError::Control(5)),
        ("NUL", usual().replace("x@y", "x\0y"), ParseError::Control(5)),
        // where nothing is quoted a backslash quotes nothing (fuzz target `sip_message`)
        ("NUL behind a backslash", usual().replace("x@y", "x\\\0y"), ParseError::Control(5)),
        ("no end", usual().trim_end().to_owned(), ParseError::NoEndOfHeaders),
        ("start line only", "INVITE sip:b@h SIP/2.0\r\n\r\n".into(), Missing("From").into()),
        ("keep-alive", "\r\n\r\n".into(), ParseError::Empty),
        ("nothing", String::new(), ParseError::Empty),
    ];
    for (what, bytes, want) in cases {
        assert_eq!(parse(&bytes), Err(want), "{what}");
    }
}

#[test]
fn a_quoted_nul_is_read_and_goes_out_as_it_came() {
    for text in ["\"a \\\0\"", "\"a\r\n \\\0\"", "\"\\\\ \\\" \\\0\""] {
        let bytes = usual().replace("From: <sip:a@h>", &format!("From: {text} <sip:a@h>"));
        assert_eq!(bytes.matches('\0').count(), 1);
        let message = parse(&bytes).unwrap();
        let again = parse(message.to_bytes()).unwrap();
        assert_eq!((again.to_bytes().contains(&0), &again), (true, &message), "{text:?}");
    }
    // the backslash is itself quoted, and the string is over
    for text in ["\"a \\\\\0\"", "\"a\" \\\0"] {
        let bytes = usual().replace("From: <sip:a@h>", &format!("From: {text} <sip:a@h>"));
        assert!(matches!(parse(&bytes), Err(ParseError::Control(_))), "{text:?}");
    }
}

#[test]
fn errors_carry_nothing_of_the_message() {
    let bytes = usual().replace("sip:b@192.0.2.9", "tel:13800138000x").replace("From: <sip:a@h>", "From: \"Zhang San");
    let error = parse(bytes).unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("138") && !shown.contains("Zhang"), "{shown}");
}
