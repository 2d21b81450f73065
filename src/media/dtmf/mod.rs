//! Keys of the telephone keypad: telephone-events on RTP (RFC 4733), tones in the audio where no events were agreed on, SIP INFO. One press is one key, whatever
//! ways it came by ([`fuse`]).

pub mod fuse;
pub mod inband;
pub mod info;
pub mod rfc4733;
