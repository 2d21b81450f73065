//! Keys of the telephone keypad. On RTP they come as telephone-events (RFC 4733); sound is never searched for them.

pub mod rfc4733;
