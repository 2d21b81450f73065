//! RTCP (RFC 3550 6): sender and receiver reports, the CNAME of SDES and BYE, read with every bound checked and written without an allocation.
//! Keeps no packet and no statistics (`quality` does). Of the crates, `rtcp-types` was looked at: what we need of its 4,100 lines is this file, and
//! a wrapper that leaves out the rest would be as long.

/// Room that a compound packet of ours needs at most.
pub const MAX_LEN: usize = 128;
/// Bytes of our CNAME.
pub const CNAME_LEN: usize = 16;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const BYE: u8 = 203;
/// Bytes of a report block, and of what a sender says of itself.
const BLOCK_LEN: usize = 24;
const SENDER_LEN: usize = 20;
/// The SDES item that names a participant.
const CNAME: u8 = 1;

/// What a sender says of its stream (RFC 3550 6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SenderInfo {
    /// Wall clock, NTP format: seconds since 1900 and 2⁻³² seconds.
    pub ntp: u64,
    /// The same moment in 8 kHz ticks of the stream.
    pub timestamp: u32,
    /// Packets sent so far.
    pub packets: u32,
    /// Bytes of payload sent so far.
    pub octets: u32,
}

/// What a receiver says of a stream (RFC 3550 6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Block {
    /// Of which stream.
    pub ssrc: u32,
    /// Lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Lost so far; below zero with duplicates. 24 bits on the wire.
    pub lost: i32,
    /// Highest sequence number received; the upper half counts the wraps.
    pub highest: u32,
    /// Interarrival jitter in 8 kHz ticks.
    pub jitter: u32,
    /// The middle 32 bits of the NTP time of the last sender report; 0 without one.
    pub last_sr: u32,
    /// Since that report came, in 1/65,536 s.
    pub delay: u32,
}

/// A compound packet as it was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Compound<'a> {
    /// Who sends it.
    pub from: u32,
    /// Of its own stream, if it sends one.
    pub sender: Option<SenderInfo>,
    /// Of the stream that was asked about.
    pub block: Option<Block>,
    /// The sender's name.
    pub cname: Option<&'a [u8]>,
    /// The sender leaves.
    pub bye: bool,
}

/// Why a datagram is no RTCP packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RtcpError {
    /// A length that goes beyond the datagram, or a packet too short for what it announces.
    #[error("datagram of {0} bytes ends inside an RTCP packet")]
    Truncated(usize),
    /// Not version 2.
    #[error("RTCP version {0}")]
    Version(u8),
    /// A compound packet begins with a report (RFC 3550 6.1).
    #[error("RTCP begins with packet type {0}")]
    First(u8),
}

/// Whether a datagram on a port that RTP shares is RTCP (RFC 5761 4).
pub fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram, [first, 192..=223, ..] if first >> 6 == 2)
}

/// Reads a compound packet; of the report blocks the one about `ours`. Types that are not known are passed over.
pub fn read(datagram: &[u8], ours: u32) -> Result<Compound<'_>, RtcpError> {
    let truncated = RtcpError::Truncated(datagram.len());
    let mut compound: Option<Compound<'_>> = None;
    let mut rest = datagram;
    while compound.is_none() || !rest.is_empty() {
        let [first, kind, high, low] = *rest.first_chunk::<4>().ok_or(truncated)?;
        if first >> 6 != 2 {
            return Err(RtcpError::Version(first >> 6));
        }
        let length = 4 * (usize::from(u16::from_be_bytes([high, low])) + 1);
        let (packet, next) = rest.split_at_checked(length).ok_or(truncated)?;
        let (count, body) = (usize::from(first & 0x1f), &packet[4..]);
        match (kind, &mut compound) {
            (SENDER_REPORT | RECEIVER_REPORT, None) => {
                compound = Some(report(kind, count, body, ours).ok_or(truncated)?);
            }
            (_, None) => return Err(RtcpError::First(kind)),
            // more than 31 sources make further reports
            (SENDER_REPORT | RECEIVER_REPORT, Some(whole)) => {
                let more = report(kind, count, body, ours).ok_or(truncated)?;
                whole.block = whole.block.or(more.block);
            }
            (SOURCE_DESCRIPTION, Some(whole)) => whole.cname = whole.cname.or(cname(body, whole.from)),
            (BYE, Some(whole)) => {
                let sources = body.get(..4 * count).ok_or(truncated)?;
                whole.bye |= sources.chunks_exact(4).any(|source| word(source) == Some(whole.from));
            }
            (_, Some(_)) => {}
        }
        rest = next;
    }
    compound.ok_or(truncated)
}

fn report(kind: u8, count: usize, body: &[u8], ours: u32) -> Option<Compound<'static>> {
    let from = word(body)?;
    let (sender, blocks) = if kind == SENDER_REPORT {
        let info = body.get(4..4 + SENDER_LEN)?;
        let ntp = u64::from(word(info)?) << 32 | u64::from(word(&info[4..])?);
        let (timestamp, packets, octets) = (word(&info[8..])?, word(&info[12..])?, word(&info[16..])?);
        (Some(SenderInfo { ntp, timestamp, packets, octets }), body.get(4 + SENDER_LEN..)?)
    } else {
        (None, body.get(4..)?)
    };
    let block = blocks.get(..count * BLOCK_LEN)?.chunks_exact(BLOCK_LEN).find(|block| word(block) == Some(ours));
    Some(Compound { from, sender, block: block.and_then(read_block), cname: None, bye: false })
}

fn read_block(bytes: &[u8]) -> Option<Block> {
    let loss = word(&bytes[4..])?;
    Some(Block {
        ssrc: word(bytes)?,
        fraction_lost: (loss >> 24) as u8,
        lost: (loss << 8) as i32 >> 8, // the sign is in bit 23
        highest: word(&bytes[8..])?,
        jitter: word(&bytes[12..])?,
        last_sr: word(&bytes[16..])?,
        delay: word(&bytes[20..])?,
    })
}

/// The name of `of` in the chunks of an SDES packet; one that is cut short counts as not there.
fn cname(mut chunks: &[u8], of: u32) -> Option<&[u8]> {
    while let Some(source) = word(chunks) {
        let mut items = &chunks[4..];
        while let [kind, length, text @ ..] = items {
            if *kind == 0 {
                break;
            }
            let text = text.get(..usize::from(*length))?;
            if *kind == CNAME && source == of {
                return Some(text);
            }
            items = &items[2 + text.len()..];
        }
        // the list ends with a zero byte, filled up to the next word
        let read = chunks.len() - items.len();
        chunks = chunks.get((read / 4 + 1) * 4..)?;
    }
    None
}

fn word(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

/// A compound packet to be sent: a sender report, or a receiver report where nothing is sent, then the CNAME, then BYE when leaving.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Our SSRC.
    pub ssrc: u32,
    /// Of our stream, if we have sent since the last report.
    pub sender: Option<SenderInfo>,
    /// Of the stream that we hear.
    pub block: Option<Block>,
    /// Our name (RFC 7022).
    pub cname: &'a [u8; CNAME_LEN],
    /// We leave.
    pub bye: bool,
}

impl Outgoing<'_> {
    /// The packet and its length.
    pub fn write(&self) -> ([u8; MAX_LEN], usize) {
        let mut out = Writer { bytes: [0; MAX_LEN], length: 0 };
        let kind = if self.sender.is_some() { SENDER_REPORT } else { RECEIVER_REPORT };
        let blocks = usize::from(self.block.is_some());
        let words = 1 + self.sender.map_or(0, |_| SENDER_LEN / 4) + blocks * BLOCK_LEN / 4;
        out.header(blocks, kind, words);
        out.word(self.ssrc);
        if let Some(SenderInfo { ntp, timestamp, packets, octets }) = self.sender {
            [(ntp >> 32) as u32, ntp as u32, timestamp, packets, octets].into_iter().for_each(|word| out.word(word));
        }
        if let Some(block) = self.block {
            let loss =
                u32::from(block.fraction_lost) << 24 | (block.lost.clamp(-0x80_0000, 0x7f_ffff) as u32 & 0xff_ffff);
            [block.ssrc, loss, block.highest, block.jitter, block.last_sr, block.delay]
                .into_iter()
                .for_each(|word| out.word(word));
        }
        // SSRC, type and length, the name, at least one zero byte, up to a whole word
        let words = 1 + (2 + CNAME_LEN) / 4 + 1;
        out.header(1, SOURCE_DESCRIPTION, words);
        let end = out.length + 4 * words;
        out.word(self.ssrc);
        out.put(&[CNAME, CNAME_LEN as u8]);
        out.put(self.cname);
        out.length = end;
        if self.bye {
            out.header(1, BYE, 1);
            out.word(self.ssrc);
        }
        (out.bytes, out.length)
    }
}

/// Fills a buffer that has room for all that [`Outgoing::write`] puts into it.
struct Writer {
    bytes: [u8; MAX_LEN],
    length: usize,
}

impl Writer {
    fn header(&mut self, count: usize, kind: u8, words: usize) {
        self.put(&[0x80 | count as u8, kind]);
        self.put(&(words as u16).to_be_bytes());
    }

    fn word(&mut self, word: u32) {
        self.put(&word.to_be_bytes());
    }

    fn put(&mut self, bytes: &[u8]) {
        if let Some(place) = self.bytes.get_mut(self.length..self.length + bytes.len()) {
            place.copy_from_slice(bytes);
            self.length += bytes.len();
        }
    }
}

#[cfg(test)]
mod tests;
