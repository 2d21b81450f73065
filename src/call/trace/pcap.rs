//! SIP messages as a capture file that Wireshark reads: libpcap's classic format (24 bytes of head, LINKTYPE_RAW), IPv4 (RFC 791), IPv6 (RFC 8200), UDP (RFC 768),
//! TCP (RFC 9293). Pure. Of a TLS connection the messages are written as if it had been TCP: what was encrypted on the wire is not here.

use super::Message;
use crate::sip::hop::Transport;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

/// LINKTYPE_RAW: packets begin with their IP header.
const LINKTYPE_RAW: u32 = 101;
/// Largest packet.
const SNAPLEN: u32 = 262_144;
/// What fits into one IP packet beside its heads.
const MOST_PAYLOAD: usize = 65_000;
const UDP: u8 = 17;
const TCP: u8 = 6;

/// The file's bytes. A message whose two addresses are not of one family is left out.
pub fn write(messages: &[Message]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4, 0x0004_0002, 0, 0, SNAPLEN, LINKTYPE_RAW] {
        file.extend_from_slice(&u32::to_le_bytes(word));
    }
    // bytes that went each way on each connection so far
    let mut sent: HashMap<(SocketAddr, SocketAddr), u32> = HashMap::new();
    for message in messages {
        let (from, to) = match message.sent {
            true => (message.local, message.peer.address),
            false => (message.peer.address, message.local),
        };
        let payload = &message.bytes[..message.bytes.len().min(MOST_PAYLOAD)];
        let (protocol, segment) = match message.peer.transport {
            Transport::Udp => (UDP, udp(from, to, payload)),
            Transport::Tcp | Transport::Tls => {
                let there = sent.get(&(to, from)).copied().unwrap_or(0);
                let here = sent.entry((from, to)).or_default();
                let segment = tcp(from, to, here.wrapping_add(1), there.wrapping_add(1), payload);
                *here = here.wrapping_add(u32::try_from(payload.len()).unwrap_or(0));
                (TCP, segment)
            }
        };
        let Some(packet) = ip(from.ip(), to.ip(), protocol, segment) else { continue };
        let seconds = u32::try_from(message.at.timestamp()).unwrap_or(0);
        let length = u32::try_from(packet.len()).unwrap_or(0);
        for word in [seconds, message.at.timestamp_subsec_micros().min(999_999), length, length] {
            file.extend_from_slice(&word.to_le_bytes());
        }
        file.extend_from_slice(&packet);
    }
    file
}

fn half(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes()
}

fn udp(from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let mut segment = Vec::with_capacity(8 + payload.len());
    segment.extend_from_slice(&from.port().to_be_bytes());
    segment.extend_from_slice(&to.port().to_be_bytes());
    segment.extend_from_slice(&half(8 + payload.len()));
    segment.extend_from_slice(&[0, 0]);
    segment.extend_from_slice(payload);
    seal(&mut segment, 6, UDP, from.ip(), to.ip());
    segment
}

fn tcp(from: SocketAddr, to: SocketAddr, seq: u32, ack: u32, payload: &[u8]) -> Vec<u8> {
    let mut segment = Vec::with_capacity(20 + payload.len());
    segment.extend_from_slice(&from.port().to_be_bytes());
    segment.extend_from_slice(&to.port().to_be_bytes());
    segment.extend_from_slice(&seq.to_be_bytes());
    segment.extend_from_slice(&ack.to_be_bytes());
    // 5 words, PSH and ACK, the window; checksum and urgent pointer
    segment.extend_from_slice(&[0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend_from_slice(payload);
    seal(&mut segment, 16, TCP, from.ip(), to.ip());
    segment
}

/// Puts the checksum over pseudo-header and segment at `place`.
fn seal(segment: &mut [u8], place: usize, protocol: u8, from: IpAddr, to: IpAddr) {
    let mut sum = Sum::default();
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => [from.octets(), to.octets()].iter().for_each(|ip| sum.add(ip)),
        (IpAddr::V6(from), IpAddr::V6(to)) => [from.octets(), to.octets()].iter().for_each(|ip| sum.add(ip)),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return,
    }
    sum.add(&[0, protocol]);
    sum.add(&half(segment.len()));
    sum.add(segment);
    let checksum = match sum.done() {
        // of UDP 0 means "none" (RFC 768)
        0 if protocol == UDP => 0xffff,
        checksum => checksum,
    };
    segment[place..place + 2].copy_from_slice(&checksum.to_be_bytes());
}

fn ip(from: IpAddr, to: IpAddr, protocol: u8, segment: Vec<u8>) -> Option<Vec<u8>> {
    let mut packet = Vec::with_capacity(40 + segment.len());
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            packet.extend_from_slice(&[0x45, 0]);
            packet.extend_from_slice(&half(20 + segment.len()));
            packet.extend_from_slice(&[0, 0, 0x40, 0, 64, protocol, 0, 0]);
            packet.extend_from_slice(&from.octets());
            packet.extend_from_slice(&to.octets());
            let mut sum = Sum::default();
            sum.add(&packet);
            packet[10..12].copy_from_slice(&sum.done().to_be_bytes());
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            packet.extend_from_slice(&[0x60, 0, 0, 0]);
            packet.extend_from_slice(&half(segment.len()));
            packet.extend_from_slice(&[protocol, 64]);
            packet.extend_from_slice(&from.octets());
            packet.extend_from_slice(&to.octets());
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return None,
    }
    packet.extend_from_slice(&segment);
    Some(packet)
}

/// The Internet checksum (RFC 1071). All parts but the last are of even length.
#[derive(Default)]
struct Sum(u64);

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        for pair in bytes.chunks(2) {
            self.0 += u64::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u64::from(*low));
        }
    }

    fn done(&self) -> u16 {
        let mut sum = self.0;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(u16::try_from(sum).unwrap_or(u16::MAX))
    }
}
