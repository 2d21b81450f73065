//! The SIP user agent as a pure core (RFC 3261, RFC 6026): bytes and time in, bytes and events out. No socket, no clock.
#![forbid(unsafe_code)]

pub mod auth;
pub mod dialog;
pub mod endpoint;
pub mod header;
pub mod hop;
pub mod locate;
pub mod message;
pub mod registrar;
pub mod registration;
pub mod session;
pub mod tap;
pub mod transaction;
pub mod trunk;
pub mod uri;
