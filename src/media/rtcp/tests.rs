//! RTCP on the wire: what is written is read, what is broken is refused.

use super::*;
use proptest::prelude::*;

const NAME: &[u8; CNAME_LEN] = b"0123456789abcdef";

fn info() -> SenderInfo {
    SenderInfo { ntp: 0x8000_0001_4000_0000, timestamp: 0xffff_ff00, packets: 250, octets: 40_000 }
}

fn block() -> Block {
    Block { ssrc: 9, fraction_lost: 64, lost: -3, highest: 0x1_0005, jitter: 17, last_sr: 0x0001_4000, delay: 65_536 }
}

fn packet(outgoing: Outgoing<'_>) -> Vec<u8> {
    let (bytes, length) = outgoing.write();
    bytes[..length].to_vec()
}

#[test]
fn what_is_written_is_read() {
    for sender in [Some(info()), None] {
        for block in [Some(block()), None] {
            for bye in [false, true] {
                let bytes = packet(Outgoing { ssrc: 7, sender, block, cname: NAME, bye });
                assert!(is_rtcp(&bytes) && bytes.len().is_multiple_of(4));
                let cname = Some(NAME.as_slice());
                assert_eq!(read(&bytes, 9), Ok(Compound { from: 7, sender, block, cname, bye }));
                assert_eq!(read(&bytes, 8).map(|compound| compound.block), Ok(None), "of another stream");
            }
        }
    }
    let bytes = packet(Outgoing { ssrc: 7, sender: None, block: Some(block()), cname: NAME, bye: false });
    let report: [u8; 16] = [0x81, 201, 0, 7, 0, 0, 0, 7, 0, 0, 0, 9, 64, 0xff, 0xff, 0xfd];
    assert_eq!(bytes[..16], report, "as RFC 3550 6.4.2 draws it");
}

#[test]
fn blocks_of_others_and_packets_of_unknown_types_are_passed_over() {
    let mut bytes = packet(Outgoing { ssrc: 7, sender: None, block: Some(block()), cname: NAME, bye: false });
    let mut two = vec![0x82, 201, 0, 13, 0, 0, 0, 7];
    two.extend_from_slice(&[3; BLOCK_LEN]);
    two.extend_from_slice(&bytes[8..8 + BLOCK_LEN]);
    two.extend_from_slice(&[0x80, 207, 0, 1, 1, 2, 3, 4]); // an extended report (RFC 3611)
    two.extend_from_slice(&[0x81, 203, 0, 1, 0, 0, 0, 8]); // somebody else leaves
    assert_eq!(read(&two, 9), Ok(Compound { from: 7, sender: None, block: Some(block()), cname: None, bye: false }));
    // an empty report and one of several chunks of names
    bytes = vec![0x80, 201, 0, 1, 0, 0, 0, 7, 0x82, 202, 0, 6];
    bytes.extend_from_slice(&[0, 0, 0, 1, 1, 2, b'a', b'b', 0, 0, 0, 0]);
    bytes.extend_from_slice(&[0, 0, 0, 7, 2, 1, b'n', 1, 1, b'c', 0, 0]);
    assert_eq!(read(&bytes, 9).map(|compound| compound.cname), Ok(Some(b"c".as_slice())));
}

#[test]
fn broken_packets_are_refused_by_name() {
    let good = packet(Outgoing { ssrc: 7, sender: Some(info()), block: Some(block()), cname: NAME, bye: true });
    let with = |place: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[place] = byte;
        bytes
    };
    for (what, bytes, error) in [
        ("nothing", vec![], RtcpError::Truncated(0)),
        ("half a header", good[..3].to_vec(), RtcpError::Truncated(3)),
        ("cut inside the names", good[..60].to_vec(), RtcpError::Truncated(60)),
        ("an old version", with(0, 0x41), RtcpError::Version(1)),
        ("more blocks than there is room for", with(0, 0x9f), RtcpError::Truncated(good.len())),
        ("a length beyond the datagram", with(3, 200), RtcpError::Truncated(good.len())),
        ("too short for a sender", with(3, 1), RtcpError::Truncated(good.len())),
        ("names first", good[52..].to_vec(), RtcpError::First(202)),
        ("a goodbye of more than it names", with(good.len() - 8, 0x82), RtcpError::Truncated(good.len())),
    ] {
        assert_eq!(read(&bytes, 9), Err(error), "{what}");
    }
}

#[test]
fn rtp_is_no_rtcp() {
    for (bytes, want) in [
        ([0x80, 200], true),
        ([0x81, 201], true),
        ([0x80, 0x80 | 72], true), // RFC 5761 4: such a payload type must not be used
        ([0x80, 8], false),
        ([0x80, 0x80 | 101], false),
        ([0x00, 200], false),
    ] {
        assert_eq!(is_rtcp(&bytes), want, "{bytes:?}");
    }
    assert!(!is_rtcp(&[0x80]));
}

proptest! {
    #[test]
    fn no_datagram_panics(bytes in prop::collection::vec(any::<u8>(), 0..120), kind in 198u8..208, words in 0u8..40) {
        let _ = read(&bytes, 0);
        let mut bytes = bytes;
        if let Some(head) = bytes.first_chunk_mut::<4>() {
            *head = [0x80 | head[0] & 0x1f, kind, 0, words];
        }
        let _ = read(&bytes, 0);
    }

    #[test]
    fn no_change_of_one_byte_panics(place in 0usize..88, byte: u8, cut in 0usize..128) {
        let mut bytes = packet(Outgoing { ssrc: 7, sender: Some(info()), block: Some(block()), cname: NAME, bye: true });
        if let Some(at) = bytes.get_mut(place) {
            *at = byte;
        }
        bytes.truncate(cut);
        let _ = read(&bytes, 9);
    }
}
