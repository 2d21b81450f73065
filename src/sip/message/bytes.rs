//! Text that need not be UTF-8 (RFC 3261, 7 says UTF-8, real peers send Latin-1): such bytes travel inside `String` as private-use characters
//! U+10FF00 + byte and are written back as the byte they were. Lossless; never rejects, never guesses a character set.

const BASE: u32 = 0x10_FF00;

/// Bytes to text; what is not UTF-8 is carried byte by byte.
pub(super) fn decode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            // A peer that really sends one of our carriers: carry its own bytes, so that they come back.
            if carried(c).is_some() {
                c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| out.push(carrier(byte)));
            } else {
                out.push(c);
            }
        }
        chunk.invalid().iter().for_each(|byte| out.push(carrier(*byte)));
    }
    out
}

/// Text to bytes, the inverse of [`decode`].
pub(super) fn encode(text: &str, out: &mut Vec<u8>) {
    if text.is_ascii() {
        return out.extend_from_slice(text.as_bytes());
    }
    for c in text.chars() {
        match carried(c) {
            Some(byte) => out.push(byte),
            None => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

fn carrier(byte: u8) -> char {
    char::from_u32(BASE + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn carried(c: char) -> Option<u8> {
    u32::from(c).checked_sub(BASE).and_then(|byte| u8::try_from(byte).ok())
}
