//! A night in virtual time: a queue of follow-ups through the engine's own policy, trunks, call machine and retry rule, with simulated customers. Pure: time, seed and settings are arguments.
//!
//! What is the engine's is asked, not copied: [`crate::dialer::policy`], [`crate::dialer::trunks`], [`crate::call::machine`], [`crate::survey`]. What the engine has in SQL, the
//! order of the queue and the history of a number, stands in `queue` a second time. What the engine has around it (leases, the journal, other engines) is not here.

pub mod call;
pub mod desk;
pub mod figures;
pub mod picture;
pub mod population;
pub mod queue;
pub mod run;

#[cfg(test)]
mod tests;
