//! G.711 A-law and µ-law by tables that the compiler computes (ITU-T G.711 tables 1 and 2). Samples are 16-bit linear PCM. Holds no state.

use super::{FRAME_SAMPLES, Frame};

/// The two laws of G.711, which are also the two audio codecs of this product.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Codec {
    /// A-law: Europe, China.
    Pcma,
    /// µ-law: North America, Japan.
    Pcmu,
}

impl Codec {
    /// The static RTP payload type (RFC 3551 table 4).
    pub fn payload_type(self) -> u8 {
        match self {
            Codec::Pcma => 8,
            Codec::Pcmu => 0,
        }
    }

    /// The codec of a static payload type.
    pub fn of_payload_type(payload_type: u8) -> Option<Codec> {
        match payload_type {
            8 => Some(Codec::Pcma),
            0 => Some(Codec::Pcmu),
            _ => None,
        }
    }

    /// The byte that stands for silence.
    pub fn silence(self) -> u8 {
        match self {
            Codec::Pcma => 0xd5,
            Codec::Pcmu => 0xff,
        }
    }

    /// One sample to its byte.
    pub const fn encode(self, sample: i16) -> u8 {
        // the magnitude; of a negative sample the A-law takes the one's complement, since its two smallest intervals meet at zero
        match self {
            Codec::Pcma => {
                let magnitude = if sample < 0 { !sample } else { sample };
                let sign = if sample < 0 { 0x00 } else { 0x80 };
                (ALAW_ENCODE[(magnitude >> 4) as usize] | sign) ^ 0x55
            }
            Codec::Pcmu => {
                let magnitude = if sample == i16::MIN { 32_767 } else { sample.unsigned_abs() };
                let sign = if sample < 0 { 0x80 } else { 0x00 };
                !(ULAW_ENCODE[(magnitude >> 2) as usize] | sign)
            }
        }
    }

    /// One byte to its sample.
    pub const fn decode(self, byte: u8) -> i16 {
        match self {
            Codec::Pcma => ALAW_DECODE[byte as usize],
            Codec::Pcmu => ULAW_DECODE[byte as usize],
        }
    }

    /// A byte of this law in that of `to`, by one look into a table: the interval of the other law in which its level lies.
    pub fn convert(self, byte: u8, to: Codec) -> u8 {
        match (self, to) {
            (Codec::Pcma, Codec::Pcmu) => ALAW_TO_ULAW[byte as usize],
            (Codec::Pcmu, Codec::Pcma) => ULAW_TO_ALAW[byte as usize],
            (Codec::Pcma, Codec::Pcma) | (Codec::Pcmu, Codec::Pcmu) => byte,
        }
    }

    /// Encodes up to one frame; what is missing is silence.
    pub fn encode_frame(self, samples: &[i16]) -> Frame {
        let mut frame = [self.silence(); FRAME_SAMPLES];
        for (byte, sample) in frame.iter_mut().zip(samples) {
            *byte = self.encode(*sample);
        }
        frame
    }
}

/// Segment and interval of an A-law magnitude in steps of 16.
static ALAW_ENCODE: [u8; 2048] = {
    let mut table = [0; 2048];
    let mut step = 0;
    while step < 2048 {
        let segment = if step < 32 { step >> 4 } else { (step as u32).ilog2() as usize - 3 };
        let interval = if segment == 0 { step } else { step >> (segment - 1) } & 0x0f;
        table[step] = (segment << 4 | interval) as u8;
        step += 1;
    }
    table
};

/// Segment and interval of a µ-law magnitude in steps of 4; the law's bias of 33 steps is added here.
static ULAW_ENCODE: [u8; 8192] = {
    let mut table = [0; 8192];
    let mut step = 0;
    while step < 8192 {
        let biased = if step + 33 > 8191 { 8191 } else { step + 33 };
        let segment = (biased as u32).ilog2() as usize - 5;
        table[step] = (segment << 4 | (biased >> (segment + 1)) & 0x0f) as u8;
        step += 1;
    }
    table
};

static ALAW_DECODE: [i16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let code = byte as i32 ^ 0x55;
        let (segment, interval) = (code >> 4 & 7, code & 0x0f);
        let magnitude = if segment == 0 { interval * 16 + 8 } else { (interval * 16 + 264) << (segment - 1) };
        table[byte] = if code & 0x80 != 0 { magnitude } else { -magnitude } as i16;
        byte += 1;
    }
    table
};

static ULAW_DECODE: [i16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let code = !(byte as i32);
        let (segment, interval) = (code >> 4 & 7, code & 0x0f);
        let magnitude = ((interval * 8 + 132) << segment) - 132;
        table[byte] = if code & 0x80 == 0 { magnitude } else { -magnitude } as i16;
        byte += 1;
    }
    table
};

static ALAW_TO_ULAW: [u8; 256] = conversion(Codec::Pcma, Codec::Pcmu);
static ULAW_TO_ALAW: [u8; 256] = conversion(Codec::Pcmu, Codec::Pcma);

const fn conversion(from: Codec, to: Codec) -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = to.encode(from.decode(byte as u8));
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The positive quantizer of G.711 as (upper end of the interval, its output), in 16-bit PCM, written down interval by interval.
    fn intervals(codec: Codec) -> Vec<(i32, i32)> {
        let mut upper = 0;
        let mut out = Vec::new();
        for segment in 0..8 {
            for interval in 0..16 {
                let width = match codec {
                    Codec::Pcma if segment == 0 => 16,
                    Codec::Pcma => 16 << (segment - 1),
                    // the first interval of the µ-law is half as wide, and its output is zero
                    Codec::Pcmu if segment == 0 && interval == 0 => 4,
                    Codec::Pcmu => 8 << segment,
                };
                let level = if codec == Codec::Pcmu && upper == 0 { 0 } else { upper + width / 2 };
                upper += width;
                out.push((upper, level));
            }
        }
        out
    }

    /// Byte on the wire of interval `code` (0–127) and sign.
    fn wire(codec: Codec, code: usize, negative: bool) -> u8 {
        match (codec, negative) {
            (Codec::Pcma, false) => (code as u8 | 0x80) ^ 0x55,
            (Codec::Pcma, true) => code as u8 ^ 0x55,
            (Codec::Pcmu, false) => 0xff - code as u8,
            (Codec::Pcmu, true) => 0x7f - code as u8,
        }
    }

    #[test]
    fn all_samples_and_all_bytes_agree_with_the_recommendation() {
        for codec in [Codec::Pcma, Codec::Pcmu] {
            let intervals = intervals(codec);
            for (code, (_, level)) in intervals.iter().enumerate() {
                assert_eq!(i32::from(codec.decode(wire(codec, code, false))), *level, "{codec:?} {code}");
                assert_eq!(i32::from(codec.decode(wire(codec, code, true))), -*level, "{codec:?} -{code}");
            }
            for sample in i16::MIN..=i16::MAX {
                let negative = sample < 0;
                let magnitude = match codec {
                    Codec::Pcma if negative => -i32::from(sample) - 1,
                    _ => i32::from(sample).abs(),
                };
                let code = intervals.iter().position(|(upper, _)| magnitude < *upper).unwrap_or(127);
                assert_eq!(codec.encode(sample), wire(codec, code, negative), "{codec:?} {sample}");
            }
        }
    }

    #[test]
    fn silence_is_silence_and_bytes_survive_a_round_trip() {
        for codec in [Codec::Pcma, Codec::Pcmu] {
            assert_eq!(codec.encode(0), codec.silence());
            assert_eq!(codec.encode_frame(&[]), [codec.silence(); FRAME_SAMPLES]);
            assert_eq!(Codec::of_payload_type(codec.payload_type()), Some(codec));
            for byte in 0..=255 {
                let again = codec.encode(codec.decode(byte));
                // µ-law has two zeros; the negative one (0x7F) decodes to 0 and comes back as the positive one
                assert_eq!(again, if (codec, byte) == (Codec::Pcmu, 0x7f) { 0xff } else { byte }, "{codec:?} {byte}");
            }
        }
    }

    #[test]
    fn a_conversion_stays_within_half_an_interval_of_the_other_law() {
        for (from, to) in [(Codec::Pcma, Codec::Pcmu), (Codec::Pcmu, Codec::Pcma)] {
            for byte in 0..=255 {
                let level = i32::from(from.decode(byte));
                let error = (i32::from(to.decode(from.convert(byte, to))) - level).abs();
                // sixteen intervals in a segment: half of one is at most a thirty-second of its level
                assert!(error <= level.abs() / 32 + 8, "{from:?} {byte}: {error} at {level}");
                assert_eq!(from.convert(byte, from), byte);
            }
        }
    }
}
