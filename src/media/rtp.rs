//! RTP packets (RFC 3550 5.1): reading with every bound checked, and writing the fixed header. Knows no payload format; never keeps a packet.
//! Timestamps are ticks of the 8 kHz clock (RFC 3551).

use rtp_rs::{RtpReader, RtpReaderError};

/// Bytes of the fixed header, as we always write it: no CSRC, no extension, no padding.
pub const HEADER_LEN: usize = 12;

/// A packet that was read: its header and, without extension and padding, its payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packet<'a> {
    /// The fields of the fixed header.
    pub header: Header,
    /// The payload.
    pub payload: &'a [u8],
}

/// The fields of the fixed header that matter here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// The marker bit: the first packet of a talkspurt, or of a key press.
    pub marker: bool,
    /// Payload type, 0–127.
    pub payload_type: u8,
    /// Sequence number; wraps.
    pub sequence: u16,
    /// 8 kHz ticks; wraps.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
}

/// Why a datagram is no RTP packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RtpError {
    /// Shorter than its headers say.
    #[error("datagram of {0} bytes ends inside the RTP headers")]
    Truncated(usize),
    /// Not version 2 (STUN, DTLS and noise land here).
    #[error("RTP version {0}")]
    Version(u8),
    /// The padding count is zero or larger than the packet.
    #[error("RTP padding of {0} bytes")]
    Padding(u8),
}

/// Reads one datagram (RFC 3550 5.1, 5.3.1).
pub fn read(datagram: &[u8]) -> Result<Packet<'_>, RtpError> {
    let reader = RtpReader::new(datagram).map_err(|error| match error {
        RtpReaderError::BufferTooShort(_) | RtpReaderError::HeadersTruncated { .. } => {
            RtpError::Truncated(datagram.len())
        }
        RtpReaderError::UnsupportedVersion(version) => RtpError::Version(version),
        RtpReaderError::PaddingLengthInvalid(count) => RtpError::Padding(count),
    })?;
    let header = Header {
        marker: reader.mark(),
        payload_type: reader.payload_type(),
        sequence: u16::from(reader.sequence_number()),
        timestamp: reader.timestamp(),
        ssrc: reader.ssrc(),
    };
    Ok(Packet { header, payload: reader.payload() })
}

impl Header {
    /// The header as it goes on the wire.
    pub fn to_bytes(self) -> [u8; HEADER_LEN] {
        let mut out = [0; HEADER_LEN];
        out[0] = 0x80;
        out[1] = u8::from(self.marker) << 7 | (self.payload_type & 0x7f);
        out[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        out[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        out[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        out
    }
}

/// Ticks from `from` to `to` on a clock that wraps; negative when `to` is the earlier one.
pub fn ticks_between(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from) as i32
}

/// The counters of the stream that we send: SSRC, sequence number and clock (RFC 3550 5.1).
#[derive(Clone, Copy, Debug)]
pub struct SendStream {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
}

impl SendStream {
    /// A stream that starts at these, which the caller draws at random.
    pub fn new(ssrc: u32, first_sequence: u16, first_timestamp: u32) -> SendStream {
        SendStream { ssrc, sequence: first_sequence, timestamp: first_timestamp }
    }

    /// The clock now, in ticks.
    pub fn timestamp(&self) -> u32 {
        self.timestamp
    }

    /// Moves the clock; it runs on whether a packet was sent or not.
    pub fn advance(&mut self, ticks: u32) {
        self.timestamp = self.timestamp.wrapping_add(ticks);
    }

    /// The header of the next packet, stamped `timestamp` (the clock, or the start of a key press).
    pub fn next_header(&mut self, payload_type: u8, marker: bool, timestamp: u32) -> Header {
        let header = Header { marker, payload_type, sequence: self.sequence, timestamp, ssrc: self.ssrc };
        self.sequence = self.sequence.wrapping_add(1);
        header
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header() -> Header {
        Header { marker: true, payload_type: 101, sequence: 0xfffe, timestamp: 0x8000_0001, ssrc: 0xdead_beef }
    }

    #[test]
    fn what_is_written_is_read() {
        let mut bytes = header().to_bytes().to_vec();
        bytes.extend_from_slice(&[1, 2, 3, 4]);
        assert_eq!(read(&bytes), Ok(Packet { header: header(), payload: &[1, 2, 3, 4] }));
        assert_eq!(bytes[..4], [0x80, 0xe5, 0xff, 0xfe]);
    }

    #[test]
    fn csrc_extension_and_padding_are_cut_off() {
        let mut bytes = header().to_bytes().to_vec();
        bytes[0] = 0x80 | 0x20 | 0x10 | 2; // padding, extension, two CSRC
        bytes.extend_from_slice(&[9; 8]); // CSRC
        bytes.extend_from_slice(&[0xbe, 0xde, 0, 1, 7, 7, 7, 7]); // extension of one word
        bytes.extend_from_slice(&[42, 43]);
        bytes.extend_from_slice(&[0, 0, 3]); // padding
        assert_eq!(read(&bytes).map(|packet| packet.payload), Ok(&[42u8, 43][..]));
    }

    #[test]
    fn malformed_datagrams_are_refused() {
        let good = header().to_bytes();
        let with = |first: u8, tail: &[u8]| {
            let mut bytes = good.to_vec();
            bytes[0] = first;
            bytes.extend_from_slice(tail);
            bytes
        };
        let cases: [(Vec<u8>, RtpError); 8] = [
            (vec![], RtpError::Truncated(0)),
            (good[..11].to_vec(), RtpError::Truncated(11)),
            (with(0x00, &[]), RtpError::Version(0)),
            (with(0xc0, &[]), RtpError::Version(3)),
            (with(0x8f, &[0; 4]), RtpError::Truncated(16)), // fifteen CSRC announced
            (with(0x90, &[0, 0, 0xff, 0xff]), RtpError::Truncated(16)), // extension longer than the datagram
            (with(0xa0, &[1, 0]), RtpError::Padding(0)),
            (with(0xa0, &[1, 200]), RtpError::Padding(200)),
        ];
        for (bytes, error) in cases {
            assert_eq!(read(&bytes), Err(error), "{bytes:02x?}");
        }
    }

    #[test]
    fn a_stream_wraps() {
        let mut stream = SendStream::new(7, u16::MAX, u32::MAX - 79);
        let first = stream.next_header(8, true, stream.timestamp());
        stream.advance(160);
        let second = stream.next_header(8, false, stream.timestamp());
        assert_eq!((first.sequence, second.sequence), (u16::MAX, 0));
        assert_eq!(second.timestamp, 80);
        assert_eq!(ticks_between(first.timestamp, second.timestamp), 160);
        assert_eq!(ticks_between(second.timestamp, first.timestamp), -160);
    }

    proptest! {
        #[test]
        fn no_datagram_panics(bytes in proptest::collection::vec(any::<u8>(), 0..80), first in 0x80u8..0xc0) {
            let _ = read(&bytes);
            let mut bytes = bytes;
            if let Some(byte) = bytes.first_mut() {
                *byte = first;
            }
            if let Ok(packet) = read(&bytes) {
                prop_assert!(packet.payload.len() + HEADER_LEN <= bytes.len());
            }
        }
    }
}
