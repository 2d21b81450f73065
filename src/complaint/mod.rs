//! What a complaint is and how it is worked (domain.md, "Complaints"): its three-fold classification and root cause ([`class`]), where it stands
//! ([`case`]), and what a person may do next ([`act`]). Pure; the store and the pages come after it.
//!
//! ```text
//! 1 listen and record → 2 analyse → 3 solution → 4 tell the customer → 5 act → report back → 6 review → close
//!                                     ╰ pass on → accept | hand back                             ╰ not settled: 2 again
//! ```
#![forbid(unsafe_code)]

pub mod act;
pub mod case;
pub mod class;

#[cfg(test)]
mod tests;

pub use act::{Act, Change, Entry, Refused};
pub use case::{Actor, Case, Passed, Rank, StepKind};
pub use class::{Cause, Class, Level, Nature, RootCause};
