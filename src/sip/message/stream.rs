//! Cuts what a stream brings into messages, by Content-Length (RFC 3261 18.3), and sees keep-alives between them (RFC 5626 4.4.1).
//!
//! Knows nothing of what a message says: one that cannot be read but whose length is plain is cut out like any other, and the stream goes on.

use super::Limits;
use thiserror::Error;

/// What was cut out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A message, header fields and body.
    Message(Vec<u8>),
    /// Two line breaks: the peer wants one back.
    Ping,
}

/// Why nothing can be cut any more: nobody knows where the next message begins, so the connection has to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FramingError {
    /// More than [`Limits::message`].
    #[error("a message that is too large")]
    TooLarge,
    /// No Content-Length, which a stream needs (RFC 3261 18.3).
    #[error("a message without Content-Length")]
    NoLength,
    /// Content-Length is no number, or stands twice and differs.
    #[error("a message with a Content-Length that is no number")]
    BadLength,
}

/// The bytes of one stream that are not cut yet.
#[derive(Debug)]
pub struct Framer {
    bytes: Vec<u8>,
    limits: Limits,
    /// Up to here there is no end of the header fields.
    looked: usize,
}

impl Framer {
    /// A stream that begins.
    pub fn new(limits: Limits) -> Framer {
        Framer { bytes: Vec::new(), limits, looked: 0 }
    }

    /// What came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next frame; none until more came. Drain it after each push: bounds are held here.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FramingError> {
        loop {
            if self.bytes.starts_with(b"\r\n\r\n") {
                self.bytes.drain(..4);
                return Ok(Some(Frame::Ping));
            }
            if b"\r\n\r\n".starts_with(&self.bytes) {
                return Ok(None);
            }
            if !self.bytes.starts_with(b"\r\n") {
                return self.message();
            }
            // a pong, or a line break too many (RFC 3261 7.5)
            self.bytes.drain(..2);
        }
    }

    fn message(&mut self) -> Result<Option<Frame>, FramingError> {
        let from = self.looked.saturating_sub(3);
        let end = self.bytes[from..].windows(4).position(|window| window == b"\r\n\r\n");
        let Some(head) = end.map(|end| from + end + 4) else {
            self.looked = self.bytes.len();
            return if self.bytes.len() > self.limits.message { Err(FramingError::TooLarge) } else { Ok(None) };
        };
        let length = content_length(&self.bytes[..head])?;
        let whole = head.checked_add(length).filter(|whole| *whole <= self.limits.message);
        let whole = whole.ok_or(FramingError::TooLarge)?;
        if self.bytes.len() < whole {
            return Ok(None);
        }
        self.looked = 0;
        Ok(Some(Frame::Message(self.bytes.drain(..whole).collect())))
    }
}

/// The value of Content-Length or its compact form.
fn content_length(head: &[u8]) -> Result<usize, FramingError> {
    let mut found = None;
    for line in head.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = line[..colon].trim_ascii_end();
        if !name.eq_ignore_ascii_case(b"content-length") && !name.eq_ignore_ascii_case(b"l") {
            continue;
        }
        let value =
            std::str::from_utf8(line[colon + 1..].trim_ascii()).ok().filter(|v| v.bytes().all(|b| b.is_ascii_digit()));
        let value: usize = value.and_then(|value| value.parse().ok()).ok_or(FramingError::BadLength)?;
        if found.is_some_and(|before| before != value) {
            return Err(FramingError::BadLength);
        }
        found = Some(value);
    }
    found.ok_or(FramingError::NoLength)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ONE: &[u8] = b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 3\r\n\r\nabc";
    const TWO: &[u8] = b"SIP/2.0 200 OK\r\nl:0\r\n\r\n";
    const BROKEN: &[u8] = b"neither this nor that\r\ncontent-length : 2\r\n\r\nxy";

    fn frames(framer: &mut Framer) -> Result<Vec<Frame>, FramingError> {
        std::iter::from_fn(|| framer.next_frame().transpose()).collect()
    }

    proptest! {
        #[test]
        fn however_the_bytes_come_the_messages_are_the_same(cuts in proptest::collection::vec(1usize..40, 1..40)) {
            let stream = [b"\r\n".as_slice(), ONE, TWO, b"\r\n\r\n", BROKEN, b"\r\n", TWO].concat();
            let mut framer = Framer::new(Limits::default());
            let (mut seen, mut rest) = (Vec::new(), stream.as_slice());
            for cut in cuts.iter().chain([&1000]) {
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                framer.push(now);
                seen.extend(frames(&mut framer).unwrap());
                rest = later;
            }
            let message = |bytes: &[u8]| Frame::Message(bytes.to_vec());
            prop_assert_eq!(seen, vec![message(ONE), message(TWO), Frame::Ping, message(BROKEN), message(TWO)]);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut framer = Framer::new(Limits::default());
            framer.push(&bytes);
            let _ = frames(&mut framer);
        }
    }

    #[test]
    fn where_the_next_message_begins_nobody_knows() {
        let small = Limits { message: 60, ..Limits::default() };
        for (bytes, error) in [
            ("OPTIONS sip:a@b SIP/2.0\r\nTo: <sip:a@b>\r\n\r\n", FramingError::NoLength),
            ("OPTIONS sip:a@b SIP/2.0\r\nl: -1\r\n\r\n", FramingError::BadLength),
            ("OPTIONS sip:a@b SIP/2.0\r\nl: 1\r\nContent-Length: 2\r\n\r\n", FramingError::BadLength),
            ("OPTIONS sip:a@b SIP/2.0\r\nl: 99999999999999999999999\r\n\r\n", FramingError::BadLength),
            ("OPTIONS sip:a@b SIP/2.0\r\nl: 18446744073709551615\r\n\r\n", FramingError::TooLarge),
            ("OPTIONS sip:a@b SIP/2.0\r\nl: 60\r\n\r\n", FramingError::TooLarge),
            ("OPTIONS sip:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@b SIP/2.0", FramingError::TooLarge),
        ] {
            let mut framer = Framer::new(small);
            framer.push(bytes.as_bytes());
            assert_eq!(framer.next_frame(), Err(error), "{bytes:?}");
        }
    }
}
