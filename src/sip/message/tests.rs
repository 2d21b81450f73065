//! Tests of the wire normaliser and the message: what rsip gets wrong by itself, and what no parser may let pass.

use super::*;

const INVITE: &str = "INVITE sip:+8613800138000@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP [2001:db8::1]:5060 ;branch=z9hG4bK1;rport\r\nf: \"Wang, Li\" <sip:a@h>;tag=1\r\n\
t: sip:b@h\r\ni: x@y\r\nCSeq: 1 INVITE\r\nX-Own: kept\r\n one\r\nm: <sip:a%2Bb;x@h>, \"c, d\" <sip:e@h>\r\nl: 3\r\n\r\nabcdef";

#[test]
fn a_hard_invite_is_read_and_written_again() {
    let message = Message::parse(INVITE.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(message.method(), Some(&Method::Invite));
    assert_eq!(message.body(), b"abc");
    assert_eq!(message.header("x-own"), Some("kept one"));
    assert_eq!(message.via().unwrap().branch(), Some("z9hG4bK1"));
    assert_eq!(message.from().unwrap().display.as_deref(), Some("Wang, Li"));
    assert_eq!(message.to().unwrap().tag(), None);
    assert_eq!(message.contacts().unwrap().len(), 2);
    assert_eq!(message.contacts().unwrap()[0].uri.to_string(), "sip:a%2Bb;x@h");
    assert_eq!(message.cseq().unwrap().to_string(), "1 INVITE");
    assert_eq!(Message::parse(&message.to_bytes(), &Limits::default()).unwrap(), message);
    assert!(!format!("{message:?}").contains("13800138"));
}
