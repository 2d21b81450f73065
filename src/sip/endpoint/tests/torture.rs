//! The torture messages of RFC 4475 (49) and RFC 5118 (11), byte by byte from tests/fixtures: what each leads to here. A known peer sends them, to an endpoint that
//! takes calls and has a registrar. RFC section and what it asks for stand beside each; where we choose among what it allows, that is said.

use super::scripted::{address, epoch};
use crate::sip::endpoint::{Endpoint, EndpointConfig, IncomingPolicy, Transmit};
use crate::sip::message::{Limits, Message};
use crate::sip::registrar::RegistrarConfig;
use crate::sip::session::SessionEvent;
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What comes of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Comes {
    /// It is a call for us (100 by itself).
    Call,
    /// It is answered with this status.
    Answer(u16),
    /// A response that is read, and belongs to nothing.
    Read,
    /// Nothing: it is no message, and no answer to it can be made or is wanted.
    Nothing,
}
use Comes::*;

const RFC4475: [(&str, Comes); 49] = [
    // 3.1.1, valid
    ("wsinv", Answer(481)),      // 3.1.1.1: read in full; its To has the tag of no dialog of ours
    ("intmeth", Answer(501)),    // 3.1.1.2: a method that nobody knows, and a quoted NUL
    ("esc01", Call),             // 3.1.1.3
    ("escnull", Answer(401)),    // 3.1.1.4: read; first who it is
    ("esc02", Answer(501)),      // 3.1.1.5: RE%47IST%45R is no REGISTER
    ("lwsdisp", Answer(200)),    // 3.1.1.6
    ("longreq", Call),           // 3.1.1.7
    ("dblreq", Answer(401)),     // 3.1.1.8: the first is answered, what is behind it is not there
    ("semiuri", Answer(200)),    // 3.1.1.9
    ("transports", Answer(200)), // 3.1.1.10
    ("mpart01", Answer(405)),    // 3.1.1.11: read, binary parts and all; no MESSAGE is taken here
    ("unreason", Read),          // 3.1.1.12
    ("noreason", Read),          // 3.1.1.13
    // 3.1.2, invalid
    ("badinv01", Answer(400)),   // 3.1.2.1
    ("clerr", Answer(400)),      // 3.1.2.2: shorter than it says
    ("ncl", Answer(400)),        // 3.1.2.3: a negative length
    ("scalar02", Answer(400)),   // 3.1.2.4
    ("scalarlg", Nothing),       // 3.1.2.5: a response
    ("quotbal", Answer(400)),    // 3.1.2.6
    ("ltgtruri", Answer(400)),   // 3.1.2.7
    ("lwsruri", Answer(400)),    // 3.1.2.8
    ("lwsstart", Answer(400)),   // 3.1.2.9
    ("trws", Answer(400)),       // 3.1.2.10
    ("escruri", Call),           // 3.1.2.11: header fields in the Request-URI are passed over, as it allows
    ("baddate", Call),           // 3.1.2.12: a Date that is none of GMT is passed over
    ("regbadct", Answer(401)),   // 3.1.2.13: first who it is; with credentials 400 (registrar's tests)
    ("badaspec", Answer(200)),   // 3.1.2.14: blanks within the brackets are passed over, as it allows
    ("baddn", Answer(400)),      // 3.1.2.15
    ("badvers", Answer(505)),    // 3.1.2.16
    ("mismatch01", Answer(400)), // 3.1.2.17
    ("mismatch02", Answer(400)), // 3.1.2.18: 400 or 501
    ("bigcode", Nothing),        // 3.1.2.19
    // 3.2, transactions
    ("badbranch", Answer(200)), // 3.2.1: matched as RFC 2543 does it
    // 3.3, application
    ("insuf", Nothing),        // 3.3.1: without Call-ID, From and To there is nothing to answer with
    ("unkscm", Answer(416)),   // 3.3.2
    ("novelsc", Answer(416)),  // 3.3.3
    ("unksm2", Answer(401)),   // 3.3.4: first who it is
    ("bext01", Answer(420)),   // 3.3.5
    ("invut", Answer(415)),    // 3.3.6
    ("regaut01", Answer(401)), // 3.3.7: a scheme that nobody knows counts for nothing
    ("multi01", Answer(400)),  // 3.3.8
    ("mcl01", Answer(400)),    // 3.3.9
    ("bcast", Read),           // 3.3.10: a 200 of a broadcast address
    ("zeromf", Answer(483)),   // 3.3.11: an OPTIONS may be answered at its last element, too
    ("cparam01", Answer(401)), // 3.3.12
    ("cparam02", Answer(401)), // 3.3.13
    ("regescrt", Answer(401)), // 3.3.14
    ("sdp01", Answer(406)),    // 3.3.15
    // 3.4, RFC 2543
    ("inv2543", Answer(400)), // 3.4.1: without a Contact there is no way back (RFC 3261 12.1.1)
];

const RFC5118: [(&str, Comes); 11] = [
    ("ipv6-good", Answer(401)),                     // 4.1
    ("ipv6-bad", Answer(400)),                      // 4.2: without brackets
    ("port-ambiguous", Answer(401)),                // 4.3: the port is a part of the address
    ("port-unambiguous", Answer(401)),              // 4.4
    ("via-received-param-with-delim", Answer(481)), // 4.5: both are read
    ("via-received-param-no-delim", Answer(481)),
    ("ipv6-in-sdp", Call),                   // 4.6
    ("mult-ip-in-header", Answer(481)),      // 4.7
    ("mult-ip-in-sdp", Call),                // 4.8
    ("ipv4-mapped-ipv6", Call),              // 4.9
    ("ipv6-bug-abnf-3-colons", Answer(400)), // 4.10: three colons are no address
];

fn folder(set: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(set)
}

fn endpoint() -> Endpoint {
    let registrar = Some(RegistrarConfig::new("example.com"));
    let incoming = IncomingPolicy::Accept;
    let config = EndpointConfig { incoming, registrar, ..EndpointConfig::new(address("192.0.2.1:5060"), "t") };
    Endpoint::new(config, Box::new(ChaCha12Rng::seed_from_u64(7)))
}

/// The statuses that go out, as bytes: an answer to a broken message bears broken fields, too.
fn statuses(endpoint: &mut Endpoint) -> Vec<u16> {
    let sent = std::iter::from_fn(|| endpoint.poll_transmit());
    let status = |sent: Transmit| std::str::from_utf8(sent.bytes.get(8..11)?).ok()?.parse().ok();
    sent.filter_map(status).collect()
}

fn comes_of(bytes: &[u8]) -> Comes {
    let (mut endpoint, now) = (endpoint(), epoch());
    endpoint.handle_datagram(now, address("192.0.2.9:5060"), bytes);
    endpoint.handle_timeout(now + Duration::from_millis(250));
    let statuses = statuses(&mut endpoint);
    let events: Vec<_> = std::iter::from_fn(|| endpoint.poll_event()).collect();
    let call = events.iter().any(|(_, event)| matches!(event, SessionEvent::Incoming(_)));
    match statuses[..] {
        [100] if call => Call,
        [status] if !call => Answer(status),
        [] if Message::parse(bytes, &Limits::default()).is_ok() => Read,
        [] => Nothing,
        _ => panic!("{statuses:?}"),
    }
}

#[test]
fn each_message_leads_to_what_its_rfc_says() {
    for (set, table) in [("rfc4475", &RFC4475[..]), ("rfc5118", &RFC5118[..])] {
        let mut wrong = Vec::new();
        for (name, expected) in table {
            let bytes = std::fs::read(folder(set).join(format!("{name}.dat"))).expect("a message");
            let comes = comes_of(&bytes);
            if comes != *expected {
                wrong.push(format!(
                    "{name}: {comes:?}, not {expected:?} ({:?})",
                    Message::parse(&bytes, &Limits::default()).err()
                ));
            }
        }
        assert_eq!(wrong, [""; 0], "{set}");
        let there: BTreeSet<String> = std::fs::read_dir(folder(set))
            .expect("a folder")
            .flatten()
            .filter_map(|entry| entry.file_name().to_string_lossy().strip_suffix(".dat").map(str::to_owned))
            .collect();
        assert_eq!(there, table.iter().map(|(name, _)| (*name).to_owned()).collect(), "no message is left out");
    }
}

/// Cut anywhere, or with any one byte changed, a message leads to no panic, and to no answer that is much longer than what came.
#[test]
fn broken_torture_breaks_nothing() {
    for set in ["rfc4475", "rfc5118"] {
        for entry in std::fs::read_dir(folder(set)).expect("a folder").flatten() {
            let bytes = std::fs::read(entry.path()).expect("a message");
            if bytes.starts_with(b"The ") {
                continue;
            }
            let (mut endpoint, now) = (endpoint(), epoch());
            for at in (0..bytes.len()).step_by(7) {
                let mut other = bytes.clone();
                other[at] = other[at].wrapping_add(1 + (at % 250) as u8);
                for broken in [&bytes[..at], &other[..]] {
                    endpoint.handle_datagram(now, address("192.0.2.9:5060"), broken);
                    while endpoint.poll_event().is_some() {}
                    let length: usize =
                        std::iter::from_fn(|| endpoint.poll_transmit()).map(|sent| sent.bytes.len()).sum();
                    assert!(length <= broken.len() + 700, "{length} bytes for {}: {:?}", broken.len(), entry.path());
                }
            }
        }
    }
}
