//! Simulated callees: real SIP and RTP through the same cores as the engine.

pub mod ear;
