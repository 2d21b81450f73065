//! Simulated callees: real SIP and RTP through the same cores as the engine.

pub mod brain;
pub mod ear;
pub mod persona;
