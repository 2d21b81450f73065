//! Media descriptions and packets: SDP, RTP with telephone-events, RTCP, keys in SIP INFO.

use super::input::Input;
use huifang::media::dtmf::rfc4733::{EventPayload, Receiver, event_code};
use huifang::media::rtcp::{self, Outgoing};
use huifang::media::rtp::{self, Header};
use huifang::sdp::{Codec, Keying, LocalMedia, Negotiated, Suite, answer, is_secured, read_answer, reanswer};

fn local(kind: u8) -> LocalMedia {
    let srtp = Suite::ALL.map(|suite| Keying::new(suite, [7; huifang::sdp::MAX_SECRET]));
    LocalMedia {
        addr: if kind & 1 == 0 { "192.0.2.1" } else { "2001:db8::1" }.parse().expect("an address"),
        port: 4000,
        codecs: if kind & 2 == 0 { vec![Codec::Pcma, Codec::Pcmu] } else { vec![Codec::Pcmu] },
        telephone_event: (kind & 4 == 0).then_some(101),
        ptime_ms: if kind & 8 == 0 { 20 } else { 30 },
        srtp: if kind & 16 == 0 { Vec::new() } else { srtp.to_vec() },
        session_id: 7,
        version: 1,
    }
}

/// An offer is answered line by line, and the offerer reads the same out of the answer; what is read out of an answer is what we offered.
pub fn sdp(data: &[u8]) {
    let mut input = Input::new(data);
    let local = local(input.byte());
    let peers = input.rest();
    if let Ok(negotiated) = read_answer(&local, peers) {
        sound(&local, &negotiated);
        assert_eq!(negotiated.receive_payload_type, negotiated.codec.payload_type());
        assert_eq!(is_secured(peers), !local.srtp.is_empty());
    }
    let mut later = local.clone();
    let again = reanswer(&mut later, peers);
    assert_eq!(later.version, if again.is_ok() { 2 } else { 1 });
    let Ok((written, negotiated)) = answer(&local, peers) else {
        assert!(again.is_err());
        return;
    };
    sound(&local, &negotiated);
    assert_eq!(negotiated.receive_payload_type, negotiated.payload_type);
    assert_eq!(again.map(|(_, negotiated)| negotiated).as_ref(), Ok(&negotiated));
    let text = String::from_utf8_lossy(&written);
    let taken: Vec<bool> = text.lines().filter_map(port).map(|port| port != "0").collect();
    assert_eq!(taken.iter().filter(|taken| **taken).count(), 1, "one line is taken");
    if taken[0] && local.srtp.is_empty() {
        let offerer =
            LocalMedia { addr: "192.0.2.77".parse().expect("an address"), telephone_event: Some(96), ..local.clone() };
        let read = read_answer(&offerer, &written).expect("our answer");
        assert_eq!((read.codec, read.payload_type), (negotiated.codec, negotiated.payload_type));
        assert_eq!(read.telephone_event, negotiated.telephone_event);
        assert_eq!((read.remote.ip(), read.remote.port()), (local.addr, local.port));
        let (ours, theirs) = (negotiated.direction, read.direction);
        assert!(!ours.may_send() || theirs.may_receive(), "{ours:?} and {theirs:?}");
        assert!(!ours.may_receive() || theirs.may_send() || negotiated.remote.ip().is_unspecified());
    }
}

/// The port of an m= line.
fn port(line: &str) -> Option<&str> {
    line.strip_prefix("m=")?.split(' ').nth(1)
}

/// What both agree on can be used.
fn sound(local: &LocalMedia, negotiated: &Negotiated) {
    assert!(local.codecs.contains(&negotiated.codec));
    assert!(negotiated.remote.port() != 0 && !negotiated.remote.ip().is_multicast());
    assert!(negotiated.rtcp.port() != 0 && !negotiated.rtcp.ip().is_multicast());
    let types = [Some(negotiated.payload_type), negotiated.telephone_event, negotiated.comfort_noise];
    assert!(types.into_iter().flatten().all(|number| number < 128));
    assert!(negotiated.telephone_event.is_none() || local.telephone_event.is_some());
    assert_ne!(negotiated.telephone_event, Some(negotiated.payload_type), "audio and keys told apart");
    assert!((1..=200).contains(&negotiated.ptime_ms));
    assert_eq!(negotiated.srtp.is_some(), !local.srtp.is_empty());
    assert!(!negotiated.remote.ip().is_unspecified() || !negotiated.direction.may_send());
}

/// A packet is its header and its payload; a press is reported once however often its packets come.
pub fn rtp(data: &[u8]) {
    if let Ok(packet) = rtp::read(data) {
        let written = [&packet.header.to_bytes(), packet.payload].concat();
        assert_eq!(rtp::read(&written), Ok(packet));
        assert!(packet.payload.len() + rtp::HEADER_LEN <= data.len());
    }
    let (mut input, mut receiver, mut told) = (Input::new(data), Receiver::default(), 0);
    let mut packets = 0;
    while !input.is_empty() && packets < 200 {
        packets += 1;
        let [flags, step] = [input.byte(), input.byte()];
        let header = Header {
            marker: flags & 1 != 0,
            payload_type: 101,
            sequence: packets,
            timestamp: u32::from(step) * if flags & 2 == 0 { 160 } else { 65_535 },
            ssrc: u32::from(flags & 4),
        };
        let payload = input.piece(usize::from(flags >> 3 & 7));
        let key = receiver.receive(&header, payload);
        told += usize::from(key.is_some());
        assert!(key.is_none_or(|key| event_code(key).is_some()));
        assert_eq!(receiver.receive(&header, payload), None, "the same packet again");
        if let Some(event) = EventPayload::read(payload) {
            assert_eq!(EventPayload::read(&event.to_bytes()), Some(event));
        }
    }
    assert!(told <= usize::from(packets));
}

/// What is read of a report is written, and read again as the same.
pub fn rtcp(data: &[u8]) {
    let mut input = Input::new(data);
    let ours = u32::from(input.word()) << 16 | u32::from(input.word());
    let datagram = input.rest();
    let Ok(compound) = rtcp::read(datagram, ours) else { return };
    assert!(rtcp::is_rtcp(datagram), "it would not have come here");
    assert!(compound.block.is_none_or(|block| block.ssrc == ours));
    assert!(compound.cname.is_none_or(|name| name.len() <= 255));
    let cname = b"0123456789abcdef";
    let (ssrc, sender, block, bye) = (compound.from, compound.sender, compound.block, compound.bye);
    let (bytes, length) = Outgoing { ssrc, sender, block, cname, bye }.write();
    assert!(length <= rtcp::MAX_LEN && length % 4 == 0);
    let again = rtcp::read(&bytes[..length], ours).expect("our own report");
    assert_eq!((again.from, again.sender, again.block, again.bye), (ssrc, sender, block, bye));
    assert_eq!(again.cname, Some(cname.as_slice()));
}

/// A key that a body names is one.
pub fn info(data: &[u8]) {
    let (kind, body) = data.split_at(data.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1));
    let kind = String::from_utf8_lossy(kind);
    for content_type in ["application/dtmf", "application/dtmf-relay", kind.trim_end()] {
        let Some(press) = huifang::media::dtmf::info::read(content_type, body) else { continue };
        assert!(event_code(press.key).is_some() && press.held_ms <= 60_000);
        assert!(!format!("{press:?}").contains(['*', '#']));
    }
}
