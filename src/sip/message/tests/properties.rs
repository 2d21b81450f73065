//! Properties: no bytes whatever make a parser panic, and what is written is read back equal.

use super::parse;
use crate::sip::auth::{Challenge, Credentials, HashAlgorithm, choose_challenge, tests::verify_password};
use crate::sip::header::{CSeq, NameAddr, Via};
use crate::sip::message::{Message, Method};
use crate::sip::uri::Uri;
use proptest::prelude::*;

/// Pieces that the grammar gives a meaning, among arbitrary text.
fn pieces() -> impl Strategy<Value = String> {
    let special = prop::sample::select(vec![
        "sip:",
        "tel:+1",
        "<",
        ">",
        "\"",
        "\\",
        ";",
        "=",
        ",",
        "@",
        "[",
        "]",
        "::1",
        "%2B",
        " ",
        "SIP/2.0/UDP ",
        "h",
        ":5060",
        "?",
        "tag",
        "*",
        "Digest ",
        "realm=\"",
        "nonce=",
        "qop=\"auth,auth-int\"",
        "algorithm=SHA-256",
        "é",
        "\u{10ff80}",
    ]);
    prop::collection::vec(prop_oneof![4 => special.prop_map(str::to_owned), 1 => any::<String>()], 0..16)
        .prop_map(|parts| parts.concat())
}

fn request() -> impl Strategy<Value = Message> {
    let methods = prop::sample::select(vec!["INVITE", "ACK", "BYE", "OPTIONS", "FOO", "subscribe"]);
    let uris = prop::sample::select(vec!["sip:a%2Bb;c@[::1]:5060;lr", "tel:+1-2", "sips:x.y@h?z=1", "urn:service:sos"]);
    let name = prop_oneof![
        "[a-zA-Z][a-zA-Z0-9-]{0,12}",
        prop::sample::select(vec!["Route", "s", "Via", "Subscription-State", "MIME-VERSION"]).prop_map(str::to_owned)
    ];
    let more = prop::collection::vec((name, any::<String>()), 0..8);
    (methods, uris, any::<u32>(), "[!-~]{1,20}", more, prop::collection::vec(any::<u8>(), 0..64)).prop_map(
        |(method, uri, number, call_id, more, body)| {
            let method: Method = method.parse().unwrap();
            let mut message = Message::request(method.clone(), uri.parse().unwrap());
            message.push("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1");
            message.push("From", "\"a, b\" <sip:a@h>;tag=1");
            message.push("To", "sip:b@h");
            message.push("Call-ID", call_id);
            message.push("CSeq", CSeq { number: number >> 1, method }.to_string());
            for (name, value) in more {
                if !["from", "f", "to", "t", "call-id", "i", "cseq"].contains(&name.to_ascii_lowercase().as_str()) {
                    message.push(&name, value);
                }
            }
            message.set_body("application/octet-stream", body);
            message
        },
    )
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        let _ = parse(bytes);
    }

    #[test]
    fn damaged_messages_never_panic(message in request(), at in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in any::<prop::sample::Index>()) {
        let mut bytes = message.to_bytes();
        for (index, byte) in at {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        if let Ok(message) = parse(&bytes) {
            let _ = (message.contacts(), message.record_routes(), message.routes(), message.vias());
            prop_assert_eq!(parse(message.to_bytes()), Ok(message));
        }
        let _ = parse(&bytes[..cut.index(bytes.len())]);
    }

    #[test]
    fn what_is_written_is_read_back(message in request()) {
        prop_assert_eq!(parse(message.to_bytes()), Ok(message));
    }

    #[test]
    fn uris_show_themselves_as_they_came(text in pieces()) {
        if let Ok(uri) = text.parse::<Uri>() {
            prop_assert_eq!(uri.to_string(), &text[..]);
            prop_assert!(uri.equivalent(&uri));
            let mut written = uri.clone();
            written.set_param("x-new", Some("1"));
            prop_assert!(written.as_str().parse::<Uri>().is_ok());
        }
    }

    #[test]
    fn header_values_survive_a_round(text in pieces()) {
        if let Ok(value) = text.parse::<NameAddr>() {
            prop_assert_eq!(value.to_string().parse(), Ok(value));
        }
        if let Ok(via) = text.parse::<Via>() {
            prop_assert_eq!(via.to_string().parse(), Ok(via));
        }
        let _ = (NameAddr::parse_list(&text), Via::parse_list(&text), text.parse::<CSeq>());
    }

    #[test]
    fn challenges_never_panic(text in pieces()) {
        let _ = choose_challenge(&[&text]);
        let _ = choose_challenge(&[&format!("Digest realm=\"r\",nonce=\"n\",{text}")]);
        let challenge = Challenge::new("r", "n", HashAlgorithm::Md5 { sess: false }).with_qop(false, false);
        let credentials = Credentials { username: "u".into(), password: "p".into() };
        let answer = format!("Digest realm=\"r\",nonce=\"n\",username=u,uri=\"sip:h\",response=0,{text}");
        for value in [&text, &answer] {
            prop_assert!(verify_password(value, &challenge, &credentials, &Method::Invite, &"sip:h".parse().unwrap(), b"").is_err());
        }
    }
}
