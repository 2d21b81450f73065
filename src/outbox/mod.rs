//! What leaves for others: webhooks to other systems, and text messages to customers who were busy at each attempt. The rows are `db::outbox`'s, written in the
//! transaction of what they tell of; `wire` says how a message looks and is signed, `fate` what an answer makes of it, `courier` carries them (docs/webhooks.md).
#![forbid(unsafe_code)]

pub mod courier;
pub mod fate;
pub mod wire;
