//! SIP on the wire: messages, framing of streams, URIs and header values, digest, and what traces keep of a message.

use super::input::Input;
use huifang::call::trace::mask::mask_message;
use huifang::call::trace::redact::redact;
use huifang::sip::auth::{Answer, Credentials, HashAlgorithm, answer_challenges, choose_challenge, ha1, verify};
use huifang::sip::header::{CSeq, NameAddr, Via};
use huifang::sip::message::stream::{Frame, Framer};
use huifang::sip::message::{Limits, Message, Method};
use huifang::sip::uri::Uri;

/// What we write of a message is longer than what came: names are written in full, and Content-Length is added.
pub const WIDE: Limits = Limits { message: 1 << 20, line: 1 << 16, headers: 512, body: 65_535 };

/// What is read is written, and read again as the same.
pub fn message(data: &[u8]) {
    let Ok(message) = Message::parse(data, &Limits::default()) else { return };
    let _ = (message.contacts(), message.record_routes(), message.routes());
    assert!(!format!("{message:?}").is_empty() && !message.start_line().contains('\n'));
    let written = message.to_bytes();
    assert_eq!(Message::parse(&written, &WIDE).as_ref(), Ok(&message), "written and read again");
    let fields = message.all_headers().count();
    assert!(written.len() <= data.len() + 32 * fields + 64, "{} bytes became {}", data.len(), written.len());
    assert!(data.windows(message.body().len().max(1)).any(|part| part == message.body()) || message.body().is_empty());
    if message.is_request() {
        let response = Message::response_to(&message, 200, "OK");
        assert_eq!(Message::parse(&response.to_bytes(), &WIDE).as_ref(), Ok(&response), "a response to it");
        assert_eq!((response.call_id(), response.cseq()), (message.call_id(), message.cseq()));
        received(message);
    }
}

/// The server writes into the topmost Via where the request came from, and must find that again.
fn received(mut message: Message) {
    let (Ok(mut via), Ok(before)) = (message.via(), message.vias()) else { return };
    let source = "[2001:db8::7]:1024".parse().expect("an address");
    via.set_source(source);
    message.replace_top_via(&via).expect("it was readable");
    let after = message.vias().expect("still readable");
    assert_eq!((after.len(), &after[1..]), (before.len(), &before[1..]));
    assert_eq!(after[0].received(), Some(source.ip()));
    assert!(!via.wants_rport() || after[0].rport() == Some(1024));
}

/// However the bytes come, the messages are the same.
pub fn stream(data: &[u8]) {
    let mut input = Input::new(data);
    let cuts: Vec<usize> = (0..4).map(|_| usize::from(input.byte()) % 64 + 1).collect();
    let bytes = input.rest();
    let limits = Limits { message: 2_000, ..Limits::default() };
    let (whole, failed) = frames(bytes, &limits, &[bytes.len().max(1)]);
    let (pieces, pieces_failed) = frames(bytes, &limits, &cuts);
    let (single, single_failed) = frames(bytes, &limits, &[1]);
    assert_eq!((&whole, failed), (&pieces, pieces_failed), "cut at {cuts:?}");
    assert_eq!((&whole, failed), (&single, single_failed), "byte by byte");
    let mut total = 0;
    for frame in &whole {
        let Frame::Message(frame) = frame else { continue };
        total += frame.len();
        assert!(frame.len() <= limits.message);
        if let Ok(message) = Message::parse(frame, &limits) {
            let head = frame.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
            assert_eq!(head + message.body().len(), frame.len(), "framing and reading agree where a message ends");
        }
    }
    assert!(total <= bytes.len());
}

/// The frames of a stream that comes in pieces of these lengths, and whether it failed.
fn frames(bytes: &[u8], limits: &Limits, cuts: &[usize]) -> (Vec<Frame>, bool) {
    let (mut framer, mut found, mut rest) = (Framer::new(*limits), Vec::new(), bytes);
    for cut in cuts.iter().cycle() {
        let (now, later) = rest.split_at((*cut).min(rest.len()));
        framer.push(now);
        loop {
            match framer.next_frame() {
                Ok(Some(frame)) => found.push(frame),
                Ok(None) => break,
                Err(_) => return (found, true),
            }
        }
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    (found, false)
}

/// Values of header fields: what was read shows itself as it came or reads back equal.
pub fn headers(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.split('\n');
    let (first, second) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    uris(first, second);
    if let Ok(value) = first.parse::<NameAddr>() {
        assert_eq!(value.to_string().parse().as_ref(), Ok(&value));
        let tagged = value.with_tag("new");
        assert_eq!(tagged.tag(), Some("new"));
    }
    if let Some(list) = NameAddr::parse_list(first) {
        let written: Vec<String> = list.iter().map(NameAddr::to_string).collect();
        assert_eq!(NameAddr::parse_list(&written.join(", ")), Some(list));
    }
    if let Ok(via) = first.parse::<Via>() {
        assert_eq!(via.to_string().parse().as_ref(), Ok(&via));
    }
    if let Some(list) = Via::parse_list(first) {
        let written: Vec<String> = list.iter().map(Via::to_string).collect();
        assert_eq!(Via::parse_list(&written.join(", ")), Some(list));
    }
    if let Ok(cseq) = first.parse::<CSeq>() {
        assert!(cseq.number < 1 << 31);
        assert_eq!(cseq.to_string().parse(), Ok(cseq));
    }
}

fn uris(first: &str, second: &str) {
    let escaped = Uri::escape_user(first);
    if !escaped.is_empty() {
        let uri: Uri = format!("sip:{escaped}@h").parse().expect("an escaped user part");
        assert_eq!(uri.user(), Some(escaped.as_str()));
    }
    let Ok(uri) = first.parse::<Uri>() else { return };
    assert_eq!(uri.as_str(), first, "byte for byte");
    assert!(uri.equivalent(&uri));
    let request = uri.clone().for_request();
    assert_eq!(request.as_str().parse().as_ref(), Ok(&request));
    assert_eq!(request.clone().for_request(), request);
    let mut more = uri.clone();
    more.set_param("x-new", Some("1"));
    assert!(more.as_str().parse::<Uri>().is_ok() || uri.params().iter().count() >= 64, "with a parameter more");
    let asked = uri.clone().with_header("Replaces", first);
    assert!(asked.as_str().parse::<Uri>().is_ok(), "with a header");
    if let Some(user) = uri.user().filter(|user| user.len() >= 8 && user.bytes().all(|b| b.is_ascii_digit())) {
        let host = uri.host().map(ToString::to_string).unwrap_or_default();
        assert!(host.contains(user) || !format!("{uri:?}").contains(user), "a number shows");
    }
    if let Ok(other) = second.parse::<Uri>() {
        assert_eq!(uri.equivalent(&other), other.equivalent(&uri), "one way and the other");
    }
}

/// A challenge that can be read is written and read again, and our answer to it is right by our own check; nobody else's is.
pub fn digest(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (first, second) = text.split_once('\n').unwrap_or((&text, ""));
    let uri: Uri = "sip:b@192.0.2.9".parse().expect("a URI");
    let credentials = Credentials { username: "1001".to_owned(), password: "secret".into() };
    if let Ok(challenge) = choose_challenge(&[first]) {
        assert_eq!(choose_challenge(&[&challenge.to_header()]).as_ref(), Ok(&challenge));
        let answer = answer_challenges(&[first], &credentials, &Method::Invite, &uri, b"body", "c\"n\\", 7);
        let answer = answer.expect("a challenge that was chosen");
        let hash = ha1(challenge.algorithm(), "1001", challenge.realm(), "secret");
        let verified = verify(&answer, &challenge, "1001", &hash, &Method::Invite, &uri, b"body");
        assert!(verified.is_ok_and(|verified| verified.nc == 7 || verified.nc == 0), "{verified:?}");
        let wrong = ha1(challenge.algorithm(), "1001", challenge.realm(), "guess");
        assert!(verify(&answer, &challenge, "1001", &wrong, &Method::Invite, &uri, b"body").is_err());
        assert!(verify(&answer, &challenge, "1002", &hash, &Method::Invite, &uri, b"body").is_err());
        assert!(verify(second, &challenge, "1001", &hash, &Method::Invite, &uri, b"body").is_err(), "by chance");
    }
    if let Ok(answer) = Answer::parse(first) {
        let _ = (answer.username(), answer.realm(), answer.nonce(), answer.algorithm());
        assert!(answer.nc().is_ok_and(|nc| nc > 0) || answer.nc().is_err());
    }
    let known = [HashAlgorithm::Md5 { sess: false }, HashAlgorithm::Sha256 { sess: true }];
    assert!(known.iter().all(|algorithm| !algorithm.name().is_empty()));
}

/// A trace keeps no credentials of a message that we understand, and what people see is as long as it was.
pub fn trace(data: &[u8]) {
    let kept = redact(data);
    assert_eq!(redact(&kept), kept, "once is enough");
    assert_eq!(mask_message(data).len(), data.len());
    let Ok(message) = Message::parse(data, &Limits::default()) else { return };
    let kept = Message::parse(&kept, &WIDE).expect("what is kept can be read");
    assert_eq!(kept.body().len(), message.body().len(), "Content-Length stays true");
    for name in ["Authorization", "Proxy-Authorization", "Authentication-Info", "Proxy-Authentication-Info"] {
        assert_eq!(kept.headers(name).count(), message.headers(name).count());
        assert!(kept.headers(name).all(|value| value == "removed"), "{name} is kept");
    }
    let seen = mask_message(data);
    let keys = |bytes: &[u8]| bytes.windows(9).filter(|window| window.eq_ignore_ascii_case(b"a=crypto:")).count();
    assert_eq!(keys(&seen), keys(data));
}
