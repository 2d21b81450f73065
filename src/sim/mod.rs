//! Simulated callees: real SIP and RTP through the same cores as the engine.
#![forbid(unsafe_code)]

pub mod agent;
pub mod brain;
pub mod callee;
pub mod check;
pub mod ear;
pub mod list;
pub mod load;
pub mod night;
pub mod persona;
pub mod stored;
pub mod tone;
