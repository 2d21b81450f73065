//! Dialling policy, pure: who may be called at all, when, how often, how soon again, how fast calls may start, and how long
//! recordings are kept. One file for each question.
//!
//! Never asks a clock: `now` is an argument. Windows are in the customer's own IANA zone.
#![forbid(unsafe_code)]

pub mod caps;
pub mod country;
pub mod eta;
pub mod holidays;
pub mod pace;
pub mod permit;
pub mod retention;
pub mod retry;
pub mod window;

pub use caps::{Caps, Contact, Gaps};
pub use pace::Pacer;
pub use permit::{Asked, Manners, Permit, Refusal, Wait};
pub use retention::Keep;
pub use retry::{History, Next, RetryRule};
pub use window::{Opening, Window};

#[cfg(test)]
mod tests;
