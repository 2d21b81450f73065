//! Live agents: where each stands ([`state`], a core), how each is reached ([`reach`]), and who holds them for a caller ([`desk`], the shell).
//! Knows nothing of SIP transactions or media.
#![forbid(unsafe_code)]

pub mod desk;
pub mod reach;
pub mod state;
