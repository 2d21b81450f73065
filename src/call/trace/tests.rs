//! What is kept of whom, what is never stored, what people may see, and a capture file that tshark reads.

use super::mask::mask_message;
use super::redact::redact;
use super::*;
use crate::sip::hop::Transport;
use proptest::prelude::*;
use std::process::Command;

const T0: fn() -> Instant = Instant::now;

fn message(text: &str) -> Message {
    let at = DateTime::from_timestamp_millis(1_795_000_000_123).unwrap();
    let (local, peer) = ("192.0.2.1:5060".parse().unwrap(), "192.0.2.9:5060".parse::<SocketAddr>().unwrap());
    Message { at, sent: true, local, peer: peer.into(), bytes: text.as_bytes().to_vec() }
}

fn attempt(n: u128) -> AttemptId {
    AttemptId(uuid::Uuid::from_u128(n))
}

fn texts(rows: &[Row]) -> Vec<(AttemptId, i32, String)> {
    let text = |row: &Row| String::from_utf8_lossy(&row.message.bytes).into_owned();
    rows.iter().map(|row| (row.attempt, row.seq, text(row))).collect()
}

#[test]
fn a_session_that_is_named_late_loses_nothing() {
    let (mut book, now) = (Book::new(Keep::All), T0());
    book.message(SessionId(1), message("INVITE"), now);
    assert_eq!(book.take(), []);
    book.session(SessionId(1), attempt(1), Leg::Customer);
    book.message(SessionId(1), message("100"), now);
    assert_eq!(texts(&book.take()), [(attempt(1), 0, "INVITE".into()), (attempt(1), 1, "100".into())]);
    book.message(SessionId(9), message("nobody's"), now);
    book.ended(attempt(1), false, now);
    book.message(SessionId(1), message("200 to BYE"), now + Duration::from_secs(30));
    assert_eq!(texts(&book.take()), [(attempt(1), 2, "200 to BYE".into())]);
    book.tidy(now + LINGER);
    assert_eq!(book.load(), (0, 0, 0));
}

#[test]
fn of_those_that_went_well_nothing_is_kept() {
    let (mut book, now) = (Book::new(Keep::Failed), T0());
    for n in 1..=2 {
        book.session(SessionId(n), attempt(n.into()), Leg::Customer);
        book.message(SessionId(n), message("INVITE"), now);
    }
    assert_eq!(book.take(), [], "no verdict yet");
    book.ended(attempt(1), false, now);
    book.ended(attempt(2), true, now);
    book.message(SessionId(1), message("late"), now);
    book.message(SessionId(2), message("ACK"), now);
    assert_eq!(texts(&book.take()), [(attempt(2), 0, "INVITE".into()), (attempt(2), 1, "ACK".into())]);
    let mut cut = Book::new(Keep::Failed);
    cut.session(SessionId(3), attempt(3), Leg::Customer);
    cut.message(SessionId(3), message("INVITE"), now);
    cut.close(now);
    assert_eq!(cut.take().len(), 1, "the engine ended first");
}

#[test]
fn an_attempt_has_bounds_and_what_is_beyond_is_counted() {
    let (mut book, now) = (Book::new(Keep::All), T0());
    book.session(SessionId(1), attempt(1), Leg::Agent);
    book.session(SessionId(2), attempt(2), Leg::Customer);
    for _ in 0..MOST_MESSAGES + 5 {
        book.message(SessionId(1), message("x"), now);
    }
    let long = "y".repeat(60_000);
    for _ in 0..7 {
        book.message(SessionId(2), message(&long), now);
    }
    assert_eq!(book.take().len(), MOST_MESSAGES + 4);
    for n in 0..3_000 {
        book.message(SessionId(100 + n), message("a stranger"), now);
    }
    assert_eq!(book.load().2, MOST_STRANGERS);
    [1, 2].into_iter().for_each(|n| book.ended(attempt(n), true, now));
    book.tidy(now + LINGER);
    let mut dropped = book.take_dropped();
    dropped.sort();
    assert_eq!((dropped, book.load()), (vec![(attempt(1), 5), (attempt(2), 3)], (0, 0, 0)));
}

const INVITE: &str = "INVITE sip:+8613800138000@192.0.2.9:50600;user=phone SIP/2.0\r\n\
Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776asdhds123456\r\n\
From: \"Dealer\" <sip:02587654321@192.0.2.1>;tag=88\r\n\
To: <tel:+86-138-0013-8000>\r\n\
P-Asserted-Identity: Liu Yang <sip:%2B8613800138000@carrier.example>, \"刘\" <tel:13800138000>\r\n\
Call-ID: 20261127123456789@192.0.2.1\r\n\
CSeq: 1234567 INVITE\r\n\
X-Account: %31%33%38%30%30%31%33%38%30%30%30\r\n\
Authorization: Digest username=\"1001\",\r\n nonce=\"abc\", response=\"deadbeef\"\r\n\
proxy-authorization : Digest response=\"cafe\"\r\n\
Content-Type: application/sdp\r\n\
Content-Length: 180\r\n\r\n\
v=0\r\no=- 1234567890 1 IN IP4 192.0.2.1\r\ns=call of 13800138000\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
m=audio 20001 RTP/SAVP 8 101\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0\r\na=x-13800138000\r\n";

#[test]
fn credentials_and_keys_are_never_stored() {
    let stored = String::from_utf8(redact(INVITE.as_bytes())).unwrap();
    for secret in ["1001", "deadbeef", "cafe", "nonce", "c2VjcmV0"] {
        assert!(!stored.contains(secret), "{secret}: {stored}");
    }
    assert!(stored.contains("\r\nAuthorization: removed\r\nproxy-authorization: removed\r\nContent-Type"), "{stored}");
    assert!(stored.contains("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:xxxxxxxx\r\na=x"), "{stored}");
    let challenge = b"SIP/2.0 401 Unauthorized\r\nWWW-Authenticate: Digest nonce=\"n\"\r\n\r\n".as_slice();
    assert_eq!(redact(challenge), challenge, "a challenge is no secret");
    assert_eq!(redact(b""), b"");
    assert_eq!(redact(b"no SIP \xff at all"), b"no SIP \xff at all");
    assert_eq!(redact(b"BYE x\nauthorization: y\n\nk=clear:z"), b"BYE x\nauthorization: removed\n\nk=xxxxxxx");
}

/// A datagram may begin with line breaks (RFC 3261 7.5); they once passed for an empty head, and everything behind them for a body (fuzz target `sip_trace`).
#[test]
fn line_breaks_before_a_message_hide_nothing() {
    for lead in ["\r\n", "\r\n\r\n", "\n\n", "\r\n\r\n\r\n\r\n"] {
        let behind = |text: &[u8]| [lead.as_bytes(), text].concat();
        assert_eq!(redact(&behind(INVITE.as_bytes())), behind(&redact(INVITE.as_bytes())), "{lead:?}");
        assert_eq!(mask_message(&behind(INVITE.as_bytes())), behind(&mask_message(INVITE.as_bytes())), "{lead:?}");
    }
}

#[test]
fn people_see_no_number_and_no_name() {
    let shown = String::from_utf8(mask_message(INVITE.as_bytes())).unwrap();
    assert_eq!(shown.len(), INVITE.len(), "the length stays, so Content-Length is true");
    for line in [
        "INVITE sip:+86xxxxxxxxx00@192.0.2.9:50600;user=phone SIP/2.0",
        "From: \"xxxxxx\" <sip:02xxxxxxx21@192.0.2.1>;tag=88",
        "To: <tel:+86-xxx-xxxx-xx00>",
        "P-Asserted-Identity: xxx xxxx <sip:%2B86xxxxxxxxx00@carrier.example>, \"xxx\" <tel:13xxxxxxx00>",
        "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776asdhds123456",
        "Call-ID: 20261127123456789@192.0.2.1",
        "CSeq: 1234567 INVITE",
        "X-Account: %31%33xxxxxxxxxxxxxxxxxxxxx%30%30",
        "o=- 1234567890 1 IN IP4 192.0.2.1",
        "s=call of 13xxxxxxx00",
        "m=audio 20001 RTP/SAVP 8 101",
        "a=x-13xxxxxxx00",
    ] {
        assert!(shown.contains(&format!("{line}\r\n")), "{line}\n{shown}");
    }
    let keys = "INFO sip:a@h SIP/2.0\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=5\r\nDuration=160\r\n";
    assert!(mask_message(keys.as_bytes()).ends_with(b"Signal=x\r\nDuration=xxx\r\n"));
}

fn written(number: &str, how: u8) -> String {
    let digits = number.trim_start_matches('+');
    match how % 6 {
        0 => number.to_owned(),
        1 => digits.to_owned(),
        2 => format!("0{}", &digits[2..]),
        3 => format!("{}-{}-{}", &digits[..3], &digits[3..7], &digits[7..]),
        4 => digits.bytes().map(|b| format!("%{b:02X}")).collect(),
        _ => format!("({}) {}.{}", &digits[..3], &digits[3..7], &digits[7..]),
    }
}

proptest! {
    /// Wherever a number stands and however it is written, no five of its digits in a row are left, plain or behind separators.
    #[test]
    fn no_digits_of_a_number_survive(
        number in "\\+86(13|15|18)[0-9]{9}",
        hows in prop::collection::vec(any::<u8>(), 8),
        noise in "[ -~]{0,40}",
    ) {
        let message = |number: &str, n: &dyn Fn(usize) -> String| format!(
            "INVITE sip:{}@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK-{}\r\nFrom: \"{}\" <sip:{}@h>;tag=1\r\nTo: <tel:{}>\r\n\
             Contact: <sip:{}@192.0.2.1:5060>\r\nCall-ID: {}@h\r\nX-Note: {noise}\r\nContent-Length: 9\r\n\r\nv=0\r\na=who:{}\r\ns={noise}\r\n",
            n(0), number, n(1), n(2), n(3), n(4), number, n(5),
        );
        let plain = |text: &str| {
            let digits = (0..10).fold(text.to_owned(), |text, digit| text.replace(&format!("%3{digit}"), &digit.to_string()));
            digits.chars().filter(|c| !"-. ()".contains(*c)).collect::<String>()
        };
        let digits = number.trim_start_matches('+');
        let text = message(digits, &|i| written(&number, hows[i]));
        let shown = mask_message(text.as_bytes());
        prop_assert_eq!(shown.len(), text.len());
        let shown = plain(&String::from_utf8_lossy(&shown));
        // what addresses and the noise hold by themselves is no part of the number
        let around = plain(&message("x", &|_| "x".to_owned()));
        for window in digits.as_bytes().windows(5) {
            let window = std::str::from_utf8(window).unwrap();
            prop_assert!(!shown.contains(window) || around.contains(window), "{} in {}", window, shown);
        }
    }

    #[test]
    fn any_bytes_are_masked_and_redacted(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert_eq!(mask_message(&bytes).len(), bytes.len());
        redact(&bytes);
    }
}

fn captured() -> Vec<Message> {
    let text = |first: &str| {
        format!(
            "{first}\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        )
    };
    let mut messages = Vec::new();
    for (transport, local, peer) in [
        (Transport::Udp, "192.0.2.1:5060", "192.0.2.9:5060"),
        (Transport::Tcp, "192.0.2.1:40001", "192.0.2.9:5060"),
        (Transport::Udp, "[2001:db8::1]:5060", "[2001:db8::9]:5060"),
        (Transport::Tcp, "[2001:db8::1]:40001", "[2001:db8::9]:5060"),
    ] {
        let peer = Hop::new(transport, peer.parse().unwrap());
        for (sent, first) in [(true, "OPTIONS sip:b@h SIP/2.0"), (false, "SIP/2.0 200 OK")] {
            let local = local.parse().unwrap();
            messages.push(Message { sent, local, peer, ..message(&text(first)) });
        }
    }
    messages
}

#[test]
fn tshark_reads_the_capture_and_finds_its_checksums_right() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("call.pcap");
    std::fs::write(&file, pcap::write(&captured())).unwrap();
    let checks = ["ip.check_checksum:TRUE", "udp.check_checksum:TRUE", "tcp.check_checksum:TRUE"];
    let mut tshark = Command::new("tshark");
    tshark.arg("-n").arg("-r").arg(&file).args(checks.iter().flat_map(|check| ["-o", check]));
    tshark.args("-T fields -e sip.Method -e sip.Status-Code -e ip.checksum.status -e udp.checksum.status -e tcp.checksum.status".split(' '));
    let output = tshark.output().expect("tshark is installed (scripts/need)");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<&str> = told.lines().collect();
    let four = |ip: &str, udp: &str, tcp: &str| {
        [format!("OPTIONS\t\t{ip}\t{udp}\t{tcp}"), format!("\t200\t{ip}\t{udp}\t{tcp}")]
    };
    let want = [four("1", "1", ""), four("1", "", "1"), four("", "1", ""), four("", "", "1")].concat();
    assert_eq!(lines, want, "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn what_cannot_be_one_packet_is_left_out() {
    let mixed = Message { local: "[::1]:5060".parse().unwrap(), ..message("x") };
    assert_eq!(pcap::write(&[mixed]).len(), 24);
    let long = message(&"x".repeat(70_000));
    assert_eq!(pcap::write(&[long]).len(), 24 + 16 + 20 + 8 + 65_000);
}
